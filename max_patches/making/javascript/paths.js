// Paths between the bridge, which writes those of the system with "/", and Max, which has forms of its own.

// From the bridge to what buffer~ reads. Null where Max has no way to name the file: a name that isn't
// UTF-8 travels with each such byte written \xNN, and there is no text that means these bytes to Max.
function klustrToMaxPath(path) {
    if (/\\x[0-9A-Fa-f]{2}/.test(path)) {
        return null;
    }
    var text = path.replace(/\\/g, "/");
    var drive = /^\/\/\?\/([A-Za-z]:\/.*)$/.exec(text);
    if (drive) {
        return drive[1];
    }
    var volume = /^\/Volumes\/([^\/]+)(\/.*)$/.exec(text);
    return volume ? volume[1] + ":" + volume[2] : text;
}

// From Max, as dropfile gives it, to what the bridge takes.
function klustrFromMaxPath(path) {
    var text = String(path);
    if (/^[A-Za-z]:[\/\\]/.test(text)) {
        return text.replace(/\\/g, "/");
    }
    var volume = /^([^\/:]+):(\/.*)$/.exec(text);
    if (!volume) {
        return text;
    }
    return volume[1] === "Macintosh HD" ? volume[2] : "/Volumes/" + volume[1] + volume[2];
}

// The last part of a path, for display.
function klustrFileName(path) {
    var parts = String(path).split(/[\/\\]/);
    return parts[parts.length - 1];
}
