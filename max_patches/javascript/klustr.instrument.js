// Made by max_patches/build.py from the parts in max_patches/making/javascript; do not edit.
var KLUSTR_CLIENT_PORT = 7476;
var KLUSTR_DEVICE_PORTS = [7480, 7481, 7482, 7483, 7484, 7485, 7486, 7487, 7488, 7489, 7490, 7491, 7492, 7493, 7494, 7495, 7496, 7497, 7498, 7499];
var KLUSTR_DEVICE = "instrument";

// Made from the daemon's command table (klustr_bridge/bridge/commands.py); do not edit.
var KLUSTR_TABLE = {
  protocol: 1,
  commands: {
    "/klustr/hello": {"reply": "/klustr/welcome", "usage": "s name, i port", "arguments": [{"name": "name", "type": "s"}, {"name": "port", "type": "i", "low": 0, "high": 65535}]},
    "/klustr/bye": {"reply": "", "usage": "", "arguments": []},
    "/klustr/ping": {"reply": "/klustr/pong", "usage": "i req", "arguments": [{"name": "req", "type": "i"}]},
    "/klustr/sync": {"reply": "/klustr/synced", "usage": "i n", "arguments": [{"name": "n", "type": "i"}]},
    "/klustr/health": {"reply": "/klustr/health.reply", "usage": "i req", "arguments": [{"name": "req", "type": "i"}]},
    "/klustr/status": {"reply": "/klustr/status.reply", "usage": "i req", "arguments": [{"name": "req", "type": "i"}]},
    "/klustr/scores": {"reply": "/klustr/scores.reply", "usage": "i req", "arguments": [{"name": "req", "type": "i"}]},
    "/klustr/xy": {"reply": "", "usage": "f x, f y, [i cursor]", "arguments": [{"name": "x", "type": "f", "low": 0.0, "high": 1.0}, {"name": "y", "type": "f", "low": 0.0, "high": 1.0}, {"name": "cursor", "type": "i", "low": 0, "high": 255, "optional": 1}]},
    "/klustr/audition": {"reply": "", "usage": "s mode", "arguments": [{"name": "mode", "type": "s", "choices": ["off", "change", "retrigger", "hold"], "numbered": ["off", "change"]}]},
    "/klustr/lift": {"reply": "", "usage": "[i cursor]", "arguments": [{"name": "cursor", "type": "i", "low": 0, "high": 255, "optional": 1}]},
    "/klustr/quantise": {"reply": "", "usage": "s grid", "arguments": [{"name": "grid", "type": "s", "choices": ["off", "bar", "4th", "8th", "16th", "32nd"]}]},
    "/klustr/record": {"reply": "/klustr/record.reply", "usage": "i req, i on", "arguments": [{"name": "req", "type": "i"}, {"name": "on", "type": "i", "low": 0, "high": 1}]},
    "/klustr/midi/clip": {"reply": "/klustr/midi/clip.reply", "usage": "i req, [i bars]", "arguments": [{"name": "req", "type": "i"}, {"name": "bars", "type": "i", "low": 1, "high": 64, "optional": 1}]},
    "/klustr/view": {"reply": "", "usage": "s view", "arguments": [{"name": "view", "type": "s", "choices": ["natural", "even"]}]},
    "/klustr/trigger": {"reply": "", "usage": "i id, [f velocity], [f semitones], [f pan]", "arguments": [{"name": "id", "type": "i", "low": 1}, {"name": "velocity", "type": "f", "low": 0.0, "high": 1.0, "optional": 1}, {"name": "semitones", "type": "f", "low": -48.0, "high": 48.0, "optional": 1}, {"name": "pan", "type": "f", "low": -1.0, "high": 1.0, "optional": 1}]},
    "/klustr/trigger/xy": {"reply": "", "usage": "f x, f y, [f velocity], [i cursor]", "arguments": [{"name": "x", "type": "f", "low": 0.0, "high": 1.0}, {"name": "y", "type": "f", "low": 0.0, "high": 1.0}, {"name": "velocity", "type": "f", "low": 0.0, "high": 1.0, "optional": 1}, {"name": "cursor", "type": "i", "low": 0, "high": 255, "optional": 1}]},
    "/klustr/stop": {"reply": "", "usage": "[i voice]", "arguments": [{"name": "voice", "type": "i", "optional": 1}]},
    "/klustr/random": {"reply": "", "usage": "[i cursor]", "arguments": [{"name": "cursor", "type": "i", "low": 0, "high": 255, "optional": 1}]},
    "/klustr/player": {"reply": "", "usage": "s player", "arguments": [{"name": "player", "type": "s", "choices": ["internal", "client", "both"]}]},
    "/klustr/near/xy": {"reply": "/klustr/near.reply", "usage": "i req, f x, f y, i k", "arguments": [{"name": "req", "type": "i"}, {"name": "x", "type": "f", "low": 0.0, "high": 1.0}, {"name": "y", "type": "f", "low": 0.0, "high": 1.0}, {"name": "k", "type": "i", "low": 1, "high": 1000}]},
    "/klustr/similar": {"reply": "/klustr/near.reply", "usage": "i req, i id, i k", "arguments": [{"name": "req", "type": "i"}, {"name": "id", "type": "i", "low": 1}, {"name": "k", "type": "i", "low": 1, "high": 1000}]},
    "/klustr/similar/uid": {"reply": "/klustr/near.reply", "usage": "i req, s uid, i k", "arguments": [{"name": "req", "type": "i"}, {"name": "uid", "type": "s"}, {"name": "k", "type": "i", "low": 1, "high": 1000}]},
    "/klustr/similar/path": {"reply": "/klustr/near.reply", "usage": "i req, s path, i k", "arguments": [{"name": "req", "type": "i"}, {"name": "path", "type": "s"}, {"name": "k", "type": "i", "low": 1, "high": 1000}]},
    "/klustr/similar/file": {"reply": "/klustr/near.reply", "usage": "i req, s path, i k", "arguments": [{"name": "req", "type": "i"}, {"name": "path", "type": "s"}, {"name": "k", "type": "i", "low": 1, "high": 1000}]},
    "/klustr/info": {"reply": "/klustr/info.reply", "usage": "i req, i id", "arguments": [{"name": "req", "type": "i"}, {"name": "id", "type": "i", "low": 1}]},
    "/klustr/why": {"reply": "/klustr/why.reply", "usage": "i req, i id, i other", "arguments": [{"name": "req", "type": "i"}, {"name": "id", "type": "i", "low": 1}, {"name": "other", "type": "i", "low": 1}]},
    "/klustr/kit": {"reply": "/klustr/kit.reply", "usage": "i req, i id", "arguments": [{"name": "req", "type": "i"}, {"name": "id", "type": "i", "low": 1}]},
    "/klustr/walk": {"reply": "/klustr/walk.reply", "usage": "i req, i from, i to, i n", "arguments": [{"name": "req", "type": "i"}, {"name": "from", "type": "i", "low": 1}, {"name": "to", "type": "i", "low": 1}, {"name": "n", "type": "i", "low": 2, "high": 128}]},
    "/klustr/grid": {"reply": "/klustr/grid.reply", "usage": "i req, i columns, i rows, [f x], [f y], [f radius]", "arguments": [{"name": "req", "type": "i"}, {"name": "columns", "type": "i", "low": 1, "high": 32}, {"name": "rows", "type": "i", "low": 1, "high": 32}, {"name": "x", "type": "f", "low": 0.0, "high": 1.0, "optional": 1}, {"name": "y", "type": "f", "low": 0.0, "high": 1.0, "optional": 1}, {"name": "radius", "type": "f", "low": 0.0, "high": 1.5, "optional": 1}]},
    "/klustr/duplicates": {"reply": "/klustr/duplicates.reply", "usage": "i req", "arguments": [{"name": "req", "type": "i"}]},
    "/klustr/path": {"reply": "/klustr/path.reply", "usage": "i req, i id", "arguments": [{"name": "req", "type": "i"}, {"name": "id", "type": "i", "low": 1}]},
    "/klustr/resolve": {"reply": "/klustr/resolve.reply", "usage": "i req, s uid", "arguments": [{"name": "req", "type": "i"}, {"name": "uid", "type": "s"}]},
    "/klustr/find": {"reply": "/klustr/find.reply", "usage": "i req, s text, i k", "arguments": [{"name": "req", "type": "i"}, {"name": "text", "type": "s"}, {"name": "k", "type": "i", "low": 1, "high": 1000}]},
    "/klustr/points": {"reply": "/klustr/points.reply", "usage": "i req, [i from_id]", "arguments": [{"name": "req", "type": "i"}, {"name": "from_id", "type": "i", "low": 0, "optional": 1}]},
    "/klustr/filter/kind": {"reply": "", "usage": "[s kind ...]", "arguments": [{"name": "kind", "type": "s", "repeated": 1, "choices": ["unknown", "kick", "snare", "rim", "clap", "closed_hat", "open_hat", "ride", "crash", "tom", "conga", "cowbell", "shaker", "tambourine", "perc", "bass", "synth", "vocal", "fx", "loop"]}]},
    "/klustr/filter/duration": {"reply": "", "usage": "f min, f max", "arguments": [{"name": "min", "type": "f", "low": 0.0}, {"name": "max", "type": "f", "low": 0.0}]},
    "/klustr/filter/folder": {"reply": "", "usage": "s path", "arguments": [{"name": "path", "type": "s"}]},
    "/klustr/filter/favourites": {"reply": "", "usage": "i on", "arguments": [{"name": "on", "type": "i", "low": 0, "high": 1}]},
    "/klustr/weight": {"reply": "", "usage": "s aspect, f weight", "arguments": [{"name": "aspect", "type": "s", "choices": ["attack", "body", "tail", "brightness", "pitch", "length"]}, {"name": "weight", "type": "f", "low": 0.0, "high": 2.0}]},
    "/klustr/filter/clear": {"reply": "", "usage": "", "arguments": []},
    "/klustr/folder/add": {"reply": "/klustr/done", "usage": "s path", "arguments": [{"name": "path", "type": "s"}]},
    "/klustr/folder/remove": {"reply": "/klustr/done", "usage": "s path", "arguments": [{"name": "path", "type": "s"}]},
    "/klustr/folders": {"reply": "/klustr/folders.reply", "usage": "i req", "arguments": [{"name": "req", "type": "i"}]},
    "/klustr/problems": {"reply": "/klustr/problems.reply", "usage": "i req, i from", "arguments": [{"name": "req", "type": "i"}, {"name": "from", "type": "i", "low": 0}]},
    "/klustr/rescan": {"reply": "/klustr/done", "usage": "", "arguments": []},
    "/klustr/relayout": {"reply": "/klustr/done", "usage": "", "arguments": []},
    "/klustr/candidate/make": {"reply": "/klustr/done", "usage": "[s method]", "arguments": [{"name": "method", "type": "s", "optional": 1, "choices": ["auto", "tsne", "umap", "umap-direct", "grid", "universal", "axes", "tsne-15", "tsne-30", "tsne-50", "tsne-100", "umap-10-0.01", "umap-15-0.1", "umap-30-0.5", "umap-direct-10-0.01", "umap-direct-15-0.1", "umap-direct-30-0.5"]}]},
    "/klustr/candidate/take": {"reply": "/klustr/done", "usage": "", "arguments": []},
    "/klustr/candidate/drop": {"reply": "/klustr/done", "usage": "", "arguments": []},
    "/klustr/candidate/scores": {"reply": "/klustr/candidate/scores.reply", "usage": "i req", "arguments": [{"name": "req", "type": "i"}]},
    "/klustr/midi/learn": {"reply": "/klustr/done", "usage": "s target, [i cursor]", "arguments": [{"name": "target", "type": "s"}, {"name": "cursor", "type": "i", "low": 0, "high": 255, "optional": 1}]},
    "/klustr/favourite": {"reply": "/klustr/done", "usage": "i id, i on", "arguments": [{"name": "id", "type": "i", "low": 1}, {"name": "on", "type": "i", "low": 0, "high": 1}]},
    "/klustr/kind": {"reply": "/klustr/done", "usage": "i id, s kind", "arguments": [{"name": "id", "type": "i", "low": 1}, {"name": "kind", "type": "s", "choices": ["unknown", "kick", "snare", "rim", "clap", "closed_hat", "open_hat", "ride", "crash", "tom", "conga", "cowbell", "shaker", "tambourine", "perc", "bass", "synth", "vocal", "fx", "loop", "auto"]}]},
    "/klustr/reveal": {"reply": "/klustr/done", "usage": "i id", "arguments": [{"name": "id", "type": "i", "low": 1}]},
    "/klustr/clients": {"reply": "/klustr/clients.reply", "usage": "i req", "arguments": [{"name": "req", "type": "i"}]}
  },
  answers: {
    "/klustr/welcome": {"header": 5, "item": 0},
    "/klustr/pong": {"header": 2, "item": 0},
    "/klustr/synced": {"header": 1, "item": 0},
    "/klustr/health.reply": {"header": 4, "item": 2},
    "/klustr/scores.reply": {"header": 4, "item": 2},
    "/klustr/candidate/scores.reply": {"header": 4, "item": 2},
    "/klustr/status.reply": {"header": 7, "item": 0},
    "/klustr/near.reply": {"header": 4, "item": 4},
    "/klustr/info.reply": {"header": 19, "item": 0},
    "/klustr/why.reply": {"header": 4, "item": 2},
    "/klustr/kit.reply": {"header": 4, "item": 2},
    "/klustr/walk.reply": {"header": 4, "item": 3},
    "/klustr/grid.reply": {"header": 4, "item": 3},
    "/klustr/duplicates.reply": {"header": 4, "item": 2},
    "/klustr/path.reply": {"header": 3, "item": 0},
    "/klustr/resolve.reply": {"header": 2, "item": 0},
    "/klustr/find.reply": {"header": 4, "item": 1},
    "/klustr/points.reply": {"header": 5, "item": 3},
    "/klustr/folders.reply": {"header": 4, "item": 3},
    "/klustr/problems.reply": {"header": 4, "item": 2},
    "/klustr/record.reply": {"header": 4, "item": 0},
    "/klustr/midi/clip.reply": {"header": 3, "item": 0},
    "/klustr/clients.reply": {"header": 4, "item": 9},
    "/klustr/done": {"header": 1, "item": 0},
    "/klustr/fail": {"header": 4, "item": 0},
    "/klustr/hit": {"header": 6, "item": 0},
    "/klustr/play": {"header": 6, "item": 0},
    "/klustr/beat": {"header": 3, "item": 0},
    "/klustr/added": {"header": 3, "item": 0},
    "/klustr/removed": {"header": 1, "item": 0},
    "/klustr/moved": {"header": 3, "item": 0},
    "/klustr/epoch": {"header": 2, "item": 0},
    "/klustr/candidate/changed": {"header": 2, "item": 0},
    "/klustr/progress": {"header": 3, "item": 0},
    "/klustr/error": {"header": 2, "item": 0},
    "/klustr/goodbye": {"header": 0, "item": 0}
  },
  pushes: ["/klustr/added", "/klustr/beat", "/klustr/candidate/changed", "/klustr/epoch", "/klustr/error", "/klustr/goodbye", "/klustr/hit", "/klustr/moved", "/klustr/play", "/klustr/progress", "/klustr/removed"]
};

// Messages in plain words, such as "similar 42 8", into an address and checked arguments.
//
// What is allowed is said by KLUSTR_TABLE alone. A result is {address, args} or {error}, never both.

// Words that say less than the address, for what is asked most.
var KLUSTR_SHORT = {
    near: "near/xy",
    duration: "filter/duration",
    folder: "filter/folder",
    favourites: "filter/favourites",
    clear: "filter/clear",
    add: "folder/add",
    remove: "folder/remove",
    learn: "midi/learn",
    correct: "kind"
};

var KLUSTR_FREE_TEXT = { text: 1, path: 1, target: 1 };  // may have spaces: what Max took apart is joined again

var KLUSTR_OVERSHOOT = 1e-6;  // a controller's 1. that became 1.0000001 is meant as 1

function klustrIsWhole(value) {
    return typeof value === "number" && isFinite(value) && Math.floor(value) === value;
}

// Finds the command that words begin with: {address, rest}, or null.
function klustrCommandOf(words) {
    var first = String(words[0]);
    if (first.charAt(0) === "/") {
        return KLUSTR_TABLE.commands.hasOwnProperty(first) ? { address: first, rest: words.slice(1), whole: true } : null;
    }
    if (first === "kind" && !klustrIsWhole(words[1])) {  // "kind 42 snare" corrects, "kind kick snare" narrows
        return { address: "/klustr/filter/kind", rest: words.slice(1) };
    }
    for (var n = Math.min(3, words.length); n > 0; n--) {
        var tail = words.slice(0, n).join("/");
        if (KLUSTR_TABLE.commands.hasOwnProperty("/klustr/" + tail)) {
            return { address: "/klustr/" + tail, rest: words.slice(n) };
        }
    }
    if (KLUSTR_SHORT.hasOwnProperty(first)) {
        return { address: "/klustr/" + KLUSTR_SHORT[first], rest: words.slice(1) };
    }
    return null;
}

// Translates a message. `options.count` is how many sounds are asked for where the message doesn't say,
// `options.req` the number of the request, which plain words leave out.
function klustrTranslate(words, options) {
    if (!words.length) {
        return { error: "empty message" };
    }
    var found = klustrCommandOf(words);
    if (!found) {
        return { error: "no message \"" + words.join(" ") + "\"; klustr.client's help lists them all" };
    }
    var declared = KLUSTR_TABLE.commands[found.address].arguments;
    var given = found.rest;
    if (!found.whole) {
        given = klustrFill(declared, given, options);
    }
    return klustrBind(found.address, given);
}

// Adds what plain words leave out: the request's number and how many; joins the words of a text.
function klustrFill(declared, given, options) {
    var filled = [];
    var start = 0;
    if (declared.length && declared[0].name === "req") {
        filled.push(options.req);
        start = 1;
    }
    var text = -1;
    for (var i = start; i < declared.length; i++) {
        if (KLUSTR_FREE_TEXT[declared[i].name]) {
            text = i;
        }
    }
    given = text < 0 ? given.slice() : klustrJoinText(declared.slice(text + 1), given);
    var last = declared[declared.length - 1];
    if (last && last.name === "k" && given.length === declared.length - start - 1) {
        given.push(options.count);
    }
    return filled.concat(given);
}

// A text takes all words but those numbers at the end that stand for the arguments after it. The words of
// "find" are all text: a number is often part of a name, as in "kick 808".
function klustrJoinText(after, given) {
    var end = given.length;
    if (after.length && end > 1 && klustrIsWhole(given[end - 1]) && /[\/\\:]/.test(String(given[0]))) {
        end -= 1;
    }
    var text = given.slice(0, end).join(" ");
    return end ? [text].concat(given.slice(end)) : [];
}

// Checks and converts arguments as the daemon does: {address, args} or {error}.
function klustrBind(address, given) {
    var command = KLUSTR_TABLE.commands[address];
    var declared = command.arguments;
    var repeats = declared.length > 0 && declared[declared.length - 1].repeated;
    var needed = 0;
    for (var i = 0; i < declared.length; i++) {
        needed += declared[i].optional || declared[i].repeated ? 0 : 1;
    }
    if (given.length < needed || (given.length > declared.length && !repeats)) {
        var many = given.length < needed ? "few" : "many";
        return { error: "too " + many + " arguments (" + given.length + "); usage: " + address + " " + command.usage };
    }
    var args = [];
    for (var j = 0; j < given.length; j++) {
        var argument = declared[Math.min(j, declared.length - 1)];
        var converted = klustrConvert(argument, given[j]);
        if (converted.hasOwnProperty("error")) {
            return { error: address + ": " + argument.name + " = " + given[j] + ": " + converted.error };
        }
        args.push(converted.value);
    }
    return { address: address, args: args };
}

function klustrConvert(argument, given) {
    if (argument.type === "s") {
        return klustrToWord(argument, given);
    }
    if (typeof given !== "number" || !isFinite(given)) {
        return { error: argument.type === "i" ? "a whole number is expected" : "a number is expected" };
    }
    if (argument.type === "i" && !klustrIsWhole(given)) {
        return { error: "a whole number is expected" };
    }
    var bound = argument.type === "i" ? 2147483648 : Infinity;
    var low = argument.hasOwnProperty("low") ? argument.low : -bound;
    var high = argument.hasOwnProperty("high") ? argument.high : bound - 1;
    var over = argument.type === "f" ? KLUSTR_OVERSHOOT : 0;
    if (given < low - over || given > high + over) {
        return { error: isFinite(high) ? "allowed " + low + ".." + high : "allowed " + low + " and above" };
    }
    return { value: Math.min(Math.max(given, low), high) };
}

function klustrToWord(argument, given) {
    if (typeof given === "number" && argument.numbered) {
        if (klustrIsWhole(given) && given >= 0 && given < argument.numbered.length) {
            return { value: argument.numbered[given] };
        }
        return { error: "allowed " + argument.choices.join(", ") };
    }
    var word = String(given);
    if (argument.choices) {
        for (var i = 0; i < argument.choices.length; i++) {
            if (argument.choices[i] === word) {
                return { value: word };
            }
        }
        return { error: "allowed " + argument.choices.join(", ") };
    }
    return { value: word };
}

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

// Lists that come in parts: put together again, in order, whatever order the packets came in.

function KlustrLists() {
    this.waiting = {};
}

// Takes an answer. Returns {req, header, items} once its list is whole, {req, missing} before,
// null where the answer is no list.
KlustrLists.prototype.take = function (address, args) {
    var shape = KLUSTR_TABLE.answers[address];
    if (!shape || !shape.item) {
        return null;
    }
    var req = args[0], part = args[1], parts = args[2], n = args[3];
    if (!(part >= 1 && part <= parts) || args.length !== shape.header + n * shape.item) {
        return { req: req, missing: parts };
    }
    var key = address + " " + req;
    var list = this.waiting[key];
    if (!list || list.parts !== parts) {
        list = this.waiting[key] = { parts: parts, got: {}, count: 0, header: args.slice(4, shape.header) };
    }
    if (!list.got.hasOwnProperty(part)) {
        list.got[part] = args.slice(shape.header);
        list.count += 1;
    }
    if (list.count < parts) {
        return { req: req, missing: parts - list.count };
    }
    delete this.waiting[key];
    return { req: req, header: list.header, items: klustrRows(list, shape.item) };
};

// Forgets what came of a list: it is asked for again, or never comes.
KlustrLists.prototype.drop = function (address, req) {
    delete this.waiting[address + " " + req];
};

function klustrRows(list, width) {
    var rows = [];
    for (var part = 1; part <= list.parts; part++) {
        var flat = list.got[part];
        for (var i = 0; i < flat.length; i += width) {
            rows.push(flat.slice(i, i + width));
        }
    }
    return rows;
}

// Which reply ports are taken by other clients in this Max: one udpreceive a port, and a Live Set may
// hold many devices. They agree by a dictionary that all of them see. Another program's ports are not in
// it: there the welcome never comes, and the link goes on to the next port.

function KlustrPorts(dict, owner) {
    this.dict = dict;
    this.owner = owner;
    this.port = 0;
}

KlustrPorts.prototype.isFree = function (port) {
    var who = this.dict.get("port" + port);
    return who === null || who === undefined || who === "" || String(who) === this.owner;
};

KlustrPorts.prototype.claim = function (port) {
    this.release();
    this.port = port;
    this.dict.replace("port" + port, this.owner);
};

KlustrPorts.prototype.release = function () {
    if (this.port) {
        this.dict.remove("port" + this.port);
        this.port = 0;
    }
};

function klustrOwner() {
    return "klustr" + new Date().getTime() + "-" + Math.floor(Math.random() * 1000000000);
}

// Whether the bridge is there: hello, the reply port, pings, loss and return.
//
// Pure: the time comes with each call, in milliseconds, and what to do goes to the `host`:
// hello(port), ping(req), listen(port), isFree(port), state(name, text).

var KLUSTR_HELLO_MS = 1000;   // between two hellos while nobody answers
var KLUSTR_TRIES = 2;         // hellos on one port before the next is tried
var KLUSTR_SILENT_MS = 3000;  // without an answer: say what to do
var KLUSTR_PING_MS = 5000;    // between two pings; the bridge forgets a client after 60 s
var KLUSTR_MOST_OWED = 2;    // welcomes that may still come of earlier hellos
var KLUSTR_PONG_MS = 3000;    // a pong comes in well under one
var KLUSTR_START = "nothing answers: start the bridge: klustr-bridge";

function KlustrLink(host, ports) {
    this.host = host;
    this.ports = ports;
    this.at = 0;
    this.state = "closed";
    this.pings = 0;
    this.owed = 0;
}

KlustrLink.prototype.port = function () {
    return this.ports[this.at];
};

KlustrLink.prototype.open = function (now) {
    this.at = this.ports.length - 1;
    this.nextPort();
    this.ask(now, "looking for the bridge");
};

KlustrLink.prototype.close = function () {
    this.state = "closed";
    this.host.state("closed", "not connected");
};

KlustrLink.prototype.ask = function (now, why) {
    this.state = "asking";
    this.since = now;
    this.told = false;
    this.tries = 0;
    this.owed = 0;
    this.host.state("asking", why);
    this.hello(now);
};

KlustrLink.prototype.hello = function (now) {
    this.tries += 1;
    this.owed += 1;
    this.helloAt = now;
    this.host.hello(this.port());
};

// Goes on to the next port that no other client in this Max has.
KlustrLink.prototype.nextPort = function () {
    for (var i = 0; i < this.ports.length; i++) {
        this.at = (this.at + 1) % this.ports.length;
        if (this.host.isFree(this.port())) {
            break;
        }
    }
    this.owed = 0;
    this.host.listen(this.port());
};

// To be called a few times a second.
KlustrLink.prototype.tick = function (now) {
    if (this.state === "asking") {
        this.tickAsking(now);
    } else if (this.state === "open") {
        this.tickOpen(now);
    }
};

KlustrLink.prototype.tickAsking = function (now) {
    if (!this.told && now - this.since >= KLUSTR_SILENT_MS) {
        this.told = true;
        this.host.state("silent", KLUSTR_START);
    }
    if (now - this.helloAt < KLUSTR_HELLO_MS) {
        return;
    }
    if (this.ports.length > 1 && this.tries % KLUSTR_TRIES === 0) {
        // another program may have the port: then the welcome never comes here
        this.nextPort();
    }
    this.hello(now);
};

KlustrLink.prototype.tickOpen = function (now) {
    if (this.waiting && now - this.pingAt >= KLUSTR_PONG_MS) {
        this.ask(now, "the bridge no longer answers; looking for it");
    } else if (!this.waiting && now - this.pingAt >= KLUSTR_PING_MS) {
        this.pings = this.pings % 1000000 + 1;
        this.waiting = this.pings;
        this.pingAt = now;
        this.host.ping(-1 - this.pings);
    }
};

// The bridge greets: true where this begins a session, so that modes have to be said again.
KlustrLink.prototype.welcomed = function (now) {
    if (this.state === "closed") {
        return false;
    }
    if (this.state === "asking") {
        this.opened(now);
        return true;
    }
    this.owed -= 1;
    if (this.owed >= 0) {
        return false;  // the answer to a second hello
    }
    this.owed = 0;  // somebody else said hello for our port: take the session back
    this.hello(now);
    return true;
};

KlustrLink.prototype.opened = function (now) {
    this.state = "open";
    this.owed = Math.min(KLUSTR_MOST_OWED, Math.max(0, this.owed - 1));  // most were never heard
    this.run = 0;
    this.pingAt = now;
    this.waiting = 0;
};

// A pong came; true where it was for the link's own ping. `run` is another one when the bridge was started
// anew meanwhile: it has forgotten us.
KlustrLink.prototype.ponged = function (req, run, now) {
    if (!this.waiting || req !== -1 - this.waiting) {
        return false;
    }
    this.waiting = 0;
    if (this.run && run !== this.run) {
        this.ask(now, "the bridge was started anew; greeting it");
    }
    this.run = run;
    return true;
};

KlustrLink.prototype.goodbye = function (now) {
    if (this.state === "open") {
        this.ask(now, "the bridge has stopped; looking for it");
    }
};

// A client of the bridge without any Max in it. What it needs of the world is its `host`:
// send(address, args), listen(port), isFree(port), answer(address, args), state(name, text),
// target(host, port), now() in milliseconds.

var KLUSTR_PATIENCE_MS = 5000;  // for an answer, before the question is asked once more
var KLUSTR_SLOW = { "/klustr/duplicates": 1, "/klustr/similar/file": 1 };  // may take minutes
var KLUSTR_ONCE = { "/klustr/record": 1, "/klustr/midi/clip": 1 };  // asking again would do it again

// What the bridge keeps for each client, and forgets with it: said again after a new hello.
var KLUSTR_MODES = {
    "/klustr/audition": 1, "/klustr/view": 1, "/klustr/quantise": 1, "/klustr/player": 1, "/klustr/weight": 2,
    "/klustr/filter/kind": 1, "/klustr/filter/duration": 1, "/klustr/filter/folder": 1, "/klustr/filter/favourites": 1
};

function KlustrClient(host, name, ports) {
    var client = this;
    this.host = host;
    this.name = name;
    this.count = 16;
    this.requests = 0;
    this.pending = {};
    this.modes = [];
    this.lists = new KlustrLists();
    this.link = new KlustrLink({
        hello: function (port) { host.send("/klustr/hello", [client.name, port]); },
        ping: function (req) { host.send("/klustr/ping", [req]); },
        listen: function (port) { host.listen(port); },
        isFree: function (port) { return host.isFree(port); },
        state: function (state, text) { host.state(state, text); }
    }, ports);
}

KlustrClient.prototype.open = function () {
    this.link.open(this.host.now());
};

KlustrClient.prototype.close = function () {
    if (this.link.state !== "closed") {
        this.host.send("/klustr/bye", []);
        this.link.close();
        this.loseAll("parted from the bridge");
    }
};

// Questions that nobody answers any more are told to whoever asked.
KlustrClient.prototype.loseAll = function (why) {
    var lost = this.pending;
    this.pending = {};
    this.lists = new KlustrLists();
    for (var key in lost) {
        if (lost.hasOwnProperty(key)) {
            this.host.answer("/klustr/fail", [lost[key].address, lost[key].req, "lost", why]);
        }
    }
};

// To be called a few times a second.
KlustrClient.prototype.tick = function () {
    var now = this.host.now();
    this.link.tick(now);
    if (this.link.state !== "open") {
        return;
    }
    for (var key in this.pending) {
        if (this.pending.hasOwnProperty(key) && now - this.pending[key].at >= KLUSTR_PATIENCE_MS) {
            this.askAgain(key, now);
        }
    }
};

KlustrClient.prototype.askAgain = function (key, now) {
    var asked = this.pending[key];
    this.lists.drop(asked.reply, asked.req);
    if (asked.again || KLUSTR_ONCE[asked.address]) {
        delete this.pending[key];
        this.host.answer("/klustr/fail", [asked.address, asked.req, "lost", "no answer came"]);
        return;
    }
    asked.again = true;
    asked.at = now;
    this.host.send(asked.address, asked.args);
};

// A message in plain words. Returns the number of the request, 0 where there is none, null where it is refused.
KlustrClient.prototype.say = function (words) {
    var req = this.requests % 2000000000 + 1;
    var message = klustrTranslate(words, { count: this.count, req: req });
    if (message.error) {
        this.host.state("refused", message.error);
        return null;
    }
    return this.sendChecked(message.address, message.args, req);
};

KlustrClient.prototype.sendChecked = function (address, args, req) {
    if (address === "/klustr/hello" || address === "/klustr/bye") {
        this.host.state("refused", "the client says hello and bye itself: send connect or disconnect");
        return null;
    }
    this.remember(address, args);
    if (this.link.state !== "open") {
        if (!KLUSTR_MODES[address] && address !== "/klustr/filter/clear") {
            this.host.state("refused", "not connected: " + KLUSTR_START);
            return null;
        }
        return 0;  // said with the next welcome
    }
    return this.sendNow(address, args, req);
};

KlustrClient.prototype.sendNow = function (address, args, req) {
    var declared = KLUSTR_TABLE.commands[address].arguments;
    var asks = declared.length > 0 && declared[0].name === "req";
    if (asks) {
        this.requests = req;
        var patience = KLUSTR_SLOW[address] ? 600000 : 0;
        this.pending[args[0]] = {
            address: address, args: args, req: args[0],
            reply: KLUSTR_TABLE.commands[address].reply, at: this.host.now() + patience
        };
    }
    this.host.send(address, args);
    return asks ? args[0] : 0;
};

KlustrClient.prototype.remember = function (address, args) {
    if (address === "/klustr/filter/clear") {
        this.forget("/klustr/filter/");
    } else if (KLUSTR_MODES[address]) {
        var key = [address].concat(args.slice(0, KLUSTR_MODES[address] - 1)).join(" ");
        this.forget(key);
        this.modes.push({ key: key, address: address, args: args });
    }
};

KlustrClient.prototype.forget = function (beginning) {
    var kept = [];
    for (var i = 0; i < this.modes.length; i++) {
        if (this.modes[i].key.indexOf(beginning) !== 0) {
            kept.push(this.modes[i]);
        }
    }
    this.modes = kept;
};

// A packet of the bridge, as udpreceive gives it.
KlustrClient.prototype.receive = function (address, args) {
    if (address === "/klustr/welcome") {
        this.welcomed(args);
    } else if (this.link.state === "closed") {
        return;  // a late packet
    } else if (address === "/klustr/pong" && this.link.ponged(args[0], args[1], this.host.now())) {
        return;
    } else if (KLUSTR_TABLE.answers.hasOwnProperty(address)) {
        this.pass(address, args);
    } else {
        this.host.state("refused", "the bridge says " + address + ", which this client is too old to know");
    }
};

KlustrClient.prototype.welcomed = function (args) {
    var now = this.host.now();
    var was = this.link.state;
    if (!this.link.welcomed(now)) {
        return;
    }
    for (var i = 0; i < this.modes.length; i++) {
        this.host.send(this.modes[i].address, this.modes[i].args);
    }
    if (was !== "asking") {
        return;
    }
    this.loseAll("the bridge was away");
    if (args[1] > KLUSTR_TABLE.protocol) {
        this.host.state("refused", "the bridge speaks protocol " + args[1] + ": get its newer Max package");
    }
    this.host.state("open", "connected: " + args[3] + " sounds, " + args[4]);
    this.host.answer("/klustr/welcome", args);
};

KlustrClient.prototype.pass = function (address, args) {
    var shape = KLUSTR_TABLE.answers[address];
    if (shape && shape.item && !this.pending[args[0]]) {
        return;  // parts of a list that came whole, or was given up
    }
    var list = this.lists.take(address, args);
    if (list) {
        this.passList(address, list);
        return;
    }
    this.settle(address === "/klustr/fail" ? args[1] : args[0], address === "/klustr/fail" ? args[0] : address);
    this.host.answer(address, args);
    if (address === "/klustr/goodbye") {
        this.link.goodbye(this.host.now());
    }
};

KlustrClient.prototype.passList = function (address, list) {
    if (!list.items) {
        if (this.pending[list.req]) {
            this.pending[list.req].at = this.host.now();  // it is under way
        }
        return;
    }
    this.settle(list.req, address);
    this.host.answer(address, ["start", list.req, list.items.length].concat(list.header));
    for (var i = 0; i < list.items.length; i++) {
        this.host.answer(address, ["item", list.req, i + 1].concat(list.items[i]));
    }
    this.host.answer(address, ["end", list.req, list.items.length].concat(list.header));
};

// A question is answered, or refused: `by` is the answer's address, or the question's own.
KlustrClient.prototype.settle = function (req, by) {
    var asked = this.pending[req];
    if (asked && (asked.reply === by || asked.address === by)) {
        delete this.pending[req];
    }
};

// The sounds that a device keeps on its pads. What is stored in the Live Set is a flat list, five values a
// pad: uid, path, start, end, name. The uid finds the sound again wherever its file has gone; the path
// plays it while the bridge is away.

var KLUSTR_NOTHING = "-";

function KlustrMemory(size) {
    this.pads = [];
    for (var i = 0; i < size; i++) {
        this.pads.push(null);
    }
}

KlustrMemory.prototype.keep = function (index, sound) {
    this.pads[index] = sound;
};

KlustrMemory.prototype.stored = function () {
    var list = [];
    for (var i = 0; i < this.pads.length; i++) {
        var sound = this.pads[i];
        if (sound) {
            list.push(sound.uid || KLUSTR_NOTHING, sound.path, sound.start, sound.end, sound.name || KLUSTR_NOTHING);
        } else {
            list.push(KLUSTR_NOTHING, KLUSTR_NOTHING, 0, 0, KLUSTR_NOTHING);
        }
    }
    return list;
};

// Takes back what `stored` gave. Numbers that Max made of names, such as 808, are text again.
KlustrMemory.prototype.restore = function (list) {
    for (var i = 0; i < this.pads.length && 5 * i + 4 < list.length; i++) {
        var path = String(list[5 * i + 1]);
        this.pads[i] = path === KLUSTR_NOTHING ? null : {
            uid: klustrTextOr(list[5 * i], ""), path: path, start: Number(list[5 * i + 2]) || 0,
            end: Number(list[5 * i + 3]) || 0, name: klustrTextOr(list[5 * i + 4], klustrFileName(path)), id: 0
        };
    }
};

function klustrTextOr(value, otherwise) {
    return value === KLUSTR_NOTHING ? otherwise : String(value);
}

// Which voice plays what. Each voice of the patch has a buffer~ of its own: a pad always its own voice, so
// that its sound lies ready; all else takes turns: a voice that no key holds, best one that has the sound
// in its buffer already, else the one used longest ago.

var KLUSTR_LOADING_MS = 4000;  // buffer~ says when a file is in; it says nothing of one that it can't read

// `host`: voice(number, words), state(name, text), now().
function KlustrVoices(host, pads, others) {
    this.host = host;
    this.nPads = pads;
    this.voices = [];
    this.turn = 0;
    for (var i = 0; i < pads + others; i++) {
        this.voices.push({ path: "", loaded: false, waiting: null, at: 0, used: 0, held: false });
    }
}

// Loads a sound without playing it.
KlustrVoices.prototype.prepare = function (number, sound) {
    var voice = this.voices[number];
    if (voice.path === sound.path) {
        return true;
    }
    var path = klustrToMaxPath(sound.path);
    if (path === null) {
        this.host.state("missing", "Max can't open a file of this name: " + sound.path);
        return false;
    }
    voice.path = sound.path;
    voice.loaded = false;
    voice.waiting = null;
    voice.at = this.host.now();
    this.host.voice(number, ["replace", path]);
    return true;
};

KlustrVoices.prototype.play = function (number, sound, velocity, rate) {
    var voice = this.voices[number];
    voice.used = ++this.turn;
    voice.held = false;  // a key that held it has lost it
    if (!this.prepare(number, sound)) {
        return;
    }
    var start = Math.max(0, sound.start) * 1000;
    var length = sound.end > sound.start ? (sound.end - sound.start) * 1000 / rate : 0;
    var words = ["play", start, length, velocity, rate];
    if (voice.loaded) {
        this.host.voice(number, words);
    } else {
        voice.waiting = words;
        voice.at = this.host.now();
    }
};

// Plays what has no pad; returns the number of the voice.
KlustrVoices.prototype.playFree = function (sound, velocity, rate) {
    var best = this.nPads;
    for (var i = this.nPads; i < this.voices.length; i++) {
        if (this.better(this.voices[i], this.voices[best], sound.path)) {
            best = i;
        }
    }
    this.play(best, sound, velocity, rate);
    return best;
};

KlustrVoices.prototype.better = function (one, other, path) {
    if (one.held !== other.held) {
        return other.held;
    }
    var ready = one.path === path;
    return ready !== (other.path === path) ? ready : one.used < other.used;
};

// A key keeps its voice until it is let go.
KlustrVoices.prototype.hold = function (number) {
    this.voices[number].held = true;
};

// The voice's buffer~ has read its file.
KlustrVoices.prototype.ready = function (number) {
    var voice = this.voices[number];
    if (!voice) {
        return;
    }
    voice.loaded = true;
    if (voice.waiting) {
        this.host.voice(number, voice.waiting);
        voice.waiting = null;
    }
};

KlustrVoices.prototype.stop = function (number) {
    this.voices[number].waiting = null;
    this.voices[number].held = false;
    this.host.voice(number, ["stop"]);
};

KlustrVoices.prototype.tick = function () {
    for (var i = 0; i < this.voices.length; i++) {
        var voice = this.voices[i];
        if (voice.path && !voice.loaded && this.host.now() - voice.at >= KLUSTR_LOADING_MS) {
            this.host.state("missing", "can't read " + voice.path);
            voice.path = "";
            voice.waiting = null;
        }
    }
};

// The chosen sound into Live: into a clip slot, or into Simpler, where this Live offers that. What it offers
// is asked of its objects, never told from its version. `api(path)` gives a LiveAPI object.
// Each function returns what to show.

function klustrOffers(object, name) {
    return new RegExp("\\b" + name + "\\b").test(String(object.info));
}

function klustrIsThere(object) {
    return !!object && Number(object.id) !== 0;
}

function klustrLoadClip(api, path) {
    var slot = api("live_set view highlighted_clip_slot");
    if (!klustrIsThere(slot)) {
        return "select an empty clip slot of an audio track first";
    }
    if (!klustrOffers(slot, "create_audio_clip")) {
        return "this Live takes no clips from devices (11.3.25, 12.0.5 and later do): drag the file instead";
    }
    if (Number(slot.get("has_clip")) === 1) {
        return "the selected clip slot holds a clip already: select an empty one";
    }
    slot.call("create_audio_clip", path);
    if (Number(slot.get("has_clip")) !== 1) {
        return "Live took no clip there: select an empty slot of an audio track";
    }
    return "loaded into the clip slot: " + klustrFileName(path);
}

function klustrLoadSimpler(api, path) {
    var device = api("live_set view selected_track view selected_device");
    if (!klustrIsThere(device) || String(device.get("class_name")) !== "OriginalSimpler") {
        return "select a Simpler first";
    }
    if (!klustrOffers(device, "replace_sample")) {
        return "this Live's Simpler takes no samples from devices (12.4 and later does): drag the file instead";
    }
    device.call("replace_sample", path);
    return "loaded into Simpler: " + klustrFileName(path);
}

// What a device knows of sounds: the one heard last, the neighbours of it, those kept on pads. It asks the
// bridge for uid, name and path, and finds the sounds that a Live Set remembers again.
//
// `host`: ask(words) -> req or null, isOpen(), show(words), store(list), state(name, text), exists(path),
// changed(pad).

var KLUSTR_PADS = 8;

function KlustrSounds(host) {
    this.host = host;
    this.memory = new KlustrMemory(KLUSTR_PADS);
    this.current = null;
    this.neighbours = [];
    this.asked = {};
}

KlustrSounds.prototype.ask = function (words, then) {
    var req = this.host.ask(words);
    if (req) {
        this.asked[req] = then;
    }
    return req;
};

// A sound was started by the bridge.
KlustrSounds.prototype.played = function (id, path, start, end) {
    if (this.current && this.current.id === id) {
        this.current.path = path;
        return;
    }
    var sound = { id: id, uid: "", path: path, start: start, end: end, name: klustrFileName(path) };
    this.current = sound;
    this.host.show(["name", sound.name]);
    this.inform(sound);
};

KlustrSounds.prototype.inform = function (sound) {
    var sounds = this;
    this.ask(["info", sound.id], function (address, args) {
        if (address === "/klustr/info.reply") {
            sound.uid = args[2];
            sound.kind = args[4];
            sounds.storeIfKept(sound);
        }
    });
};

KlustrSounds.prototype.storeIfKept = function (sound) {
    for (var i = 0; i < this.memory.pads.length; i++) {
        if (this.memory.pads[i] === sound) {
            this.host.store(this.memory.stored());
            return;
        }
    }
};

KlustrSounds.prototype.keep = function (pad, sound) {
    this.memory.keep(pad, sound);
    this.host.show(["pad", pad + 1, sound.name]);
    this.host.store(this.memory.stored());
    this.host.changed(pad);
};

// Puts a drum kit around the current sound on the pads.
KlustrSounds.prototype.kit = function () {
    var sounds = this;
    var pad = 0;
    if (!this.current) {
        this.host.state("refused", "move on the map first: a kit is made around the sound heard last");
        return;
    }
    this.ask(["kit", this.current.id], function (address, args) {
        if (address === "/klustr/fail") {
            sounds.host.state("refused", args[3]);
        } else if (args[0] === "item" && pad < KLUSTR_PADS) {
            sounds.fetch(args[4], pad++);
        }
    });
};

// Asks where a sound is, then keeps it on a pad.
KlustrSounds.prototype.fetch = function (id, pad) {
    var sounds = this;
    var sound = { id: id, uid: "", path: "", start: 0, end: 0, name: "" };
    this.ask(["info", id], function (address, args) {
        if (address !== "/klustr/info.reply") {
            return;
        }
        sound.uid = args[2];
        sound.name = args[3];
        if (args[10] > 0) {  // a slice: its place in its file
            sound.start = args[10];
        }
        sound.end = args[11];
        sounds.ask(["path", id], function (where, found) {
            if (where === "/klustr/path.reply") {
                sound.path = found[2];
                sounds.keep(pad, sound);
            }
        });
    });
};

KlustrSounds.prototype.similar = function () {
    var sounds = this;
    var found = [];
    if (!this.current) {
        this.host.state("refused", "move on the map first: similar to the sound heard last");
        return;
    }
    this.ask(["similar", this.current.id, 8], function (address, args) {
        if (address === "/klustr/fail") {
            sounds.host.state("refused", args[3]);
        } else if (args[0] === "item") {
            found.push({ id: args[3], name: "" });
        } else if (args[0] === "end") {
            sounds.nameAll(found);
        }
    });
};

// Asks for the names of neighbours, and lists them in order when all are known.
KlustrSounds.prototype.nameAll = function (found) {
    var missing = found.length;
    for (var i = 0; i < found.length; i++) {
        this.nameOne(found[i], function () {
            missing -= 1;
            return missing === 0 ? found : null;
        });
    }
};

KlustrSounds.prototype.nameOne = function (neighbour, known) {
    var sounds = this;
    this.ask(["info", neighbour.id], function (address, args) {
        neighbour.name = address === "/klustr/info.reply" ? args[3] : "?";
        var all = known();
        if (all) {
            sounds.list(all);
        }
    });
};

KlustrSounds.prototype.list = function (found) {
    this.neighbours = [];
    this.host.show(["neighbours", "clear"]);
    for (var i = 0; i < found.length; i++) {
        this.neighbours.push(found[i].id);
        this.host.show(["neighbours", "append", found[i].name]);
    }
};

// The Live Set's memory comes back; also what has just been stored comes back, and is let pass.
KlustrSounds.prototype.restore = function (list) {
    if (list.join("\n") === this.memory.stored().join("\n")) {
        return;
    }
    this.memory.restore(list);
    for (var i = 0; i < this.memory.pads.length; i++) {
        var sound = this.memory.pads[i];
        this.host.show(["pad", i + 1, sound ? sound.name : String(i + 1)]);
        if (sound) {
            this.host.changed(i);
        }
    }
    if (this.host.isOpen()) {
        this.findAgain();
    }
};

// With the bridge there: where the remembered sounds are today.
KlustrSounds.prototype.findAgain = function () {
    for (var i = 0; i < this.memory.pads.length; i++) {
        if (this.memory.pads[i] && this.memory.pads[i].uid) {
            this.locate(i, this.memory.pads[i]);
        }
    }
};

KlustrSounds.prototype.locate = function (pad, sound) {
    var sounds = this;
    this.ask(["resolve", sound.uid], function (address, args) {
        if (address !== "/klustr/resolve.reply") {
            sounds.missing(sound);
            return;
        }
        sound.id = args[1];
        sounds.ask(["path", sound.id], function (where, found) {
            if (where === "/klustr/path.reply" && found[2] !== sound.path && sounds.memory.pads[pad] === sound) {
                sound.path = found[2];
                sounds.keep(pad, sound);
            }
        });
    });
};

KlustrSounds.prototype.missing = function (sound) {
    var gone = this.host.exists(sound.path) ? "is not in the bridge's library; its file plays on: " : "is missing: ";
    this.host.state("missing", sound.name + " " + gone + sound.path);
};

// An answer of the bridge; true where it was to a question of this object's.
KlustrSounds.prototype.answered = function (address, args) {
    var req = address === "/klustr/fail" || /^(start|item|end)$/.test(String(args[0])) ? args[1] : args[0];
    var then = this.asked[req];
    if (!then || KLUSTR_TABLE.pushes.indexOf(address) >= 0) {
        return false;
    }
    if (args[0] !== "start" && args[0] !== "item") {
        delete this.asked[req];
    }
    then(address, args);
    return true;
};

// What the bridge says of itself, into words for the device's state.
function klustrTell(host, address, args) {
    if (address === "/klustr/fail") {
        host.state("refused", args[3]);
    } else if (address === "/klustr/progress") {
        host.state("working", args[0] + " " + args[1] + " of " + args[2]);
    } else if (address === "/klustr/error") {
        host.state("trouble", args[0] + ": " + args[1]);
    }
}

// Notes and what MPE adds to them. A note in the row of pads plays its pad; any other plays the sound heard
// last, as many semitones higher or lower as it lies from the middle C. Bend and pressure of a finger go to
// the voice that its note sounds in.

var KLUSTR_FIRST_NOTE = 36;
var KLUSTR_MIDDLE = 60;
var KLUSTR_GLOBAL = -1;

function klustrPadOf(pitch) {
    var pad = pitch - KLUSTR_FIRST_NOTE;
    return pad >= 0 && pad < KLUSTR_PADS ? pad : -1;
}

function klustrRate(semitones) {
    return Math.pow(2, semitones / 12);
}

// `voices`: KlustrVoices or what has its play, playFree, stop. `host`: voice(number, words).
function KlustrFingers(host) {
    this.host = host;
    this.finger = KLUSTR_GLOBAL;
    this.bends = {};
    this.sounding = {};  // "finger pitch" -> {voice, semitones}
    this.global = 2;     // semitones of a whole bend without MPE
    this.mpe = 48;       // and with it
}

KlustrFingers.prototype.began = function (pitch, voice, semitones) {
    this.sounding[this.finger + " " + pitch] = { finger: this.finger, voice: voice, semitones: semitones };
};

// The note's voice, or -1; the note is over.
KlustrFingers.prototype.ended = function (pitch) {
    var key = this.finger + " " + pitch;
    var was = this.sounding[key];
    delete this.sounding[key];
    return was ? was.voice : -1;
};

// A voice plays something else now: no key holds it any more.
KlustrFingers.prototype.taken = function (voice) {
    for (var key in this.sounding) {
        if (this.sounding.hasOwnProperty(key) && this.sounding[key].voice === voice) {
            delete this.sounding[key];
        }
    }
};

// How far a finger has bent, in semitones: its own bend, and that of the whole keyboard. Bends are -1 to 1.
KlustrFingers.prototype.bent = function (finger) {
    var whole = (this.bends[KLUSTR_GLOBAL] || 0) * this.global;
    return finger === KLUSTR_GLOBAL ? whole : whole + (this.bends[finger] || 0) * this.mpe;
};

KlustrFingers.prototype.bend = function (bend) {
    var fingers = this;
    this.bends[this.finger] = bend;
    this.each(function (note, host) {
        host.voice(note.voice, ["rate", klustrRate(note.semitones + fingers.bent(note.finger))]);
    });
};

KlustrFingers.prototype.press = function (pressure) {
    this.each(function (note, host) {
        host.voice(note.voice, ["press", 1 + pressure / 2]);  // it swells: no pressure is as struck
    });
};

// The notes of the present finger; the whole keyboard's wheel and pressure are for all.
KlustrFingers.prototype.each = function (what) {
    for (var key in this.sounding) {
        if (this.sounding.hasOwnProperty(key)) {
            if (this.finger === KLUSTR_GLOBAL || this.sounding[key].finger === this.finger) {
                what(this.sounding[key], this.host);
            }
        }
    }
};

// The instrument: it plays by itself, from buffers in the Live track; the bridge tells it what.
//
// `host`: what KlustrClient, KlustrVoices and KlustrSounds need, and api(path) for the Live API.

var KLUSTR_FREE_VOICES = 4;

function KlustrInstrument(host, name, ports) {
    var device = this;
    this.host = host;
    this.client = new KlustrClient(klustrDeviceHost(device, host), name, ports);
    this.voices = new KlustrVoices(host, KLUSTR_PADS, KLUSTR_FREE_VOICES);
    this.fingers = new KlustrFingers(host);
    this.sounds = new KlustrSounds(klustrSoundsHost(device, host));
    this.keeping = false;
    this.client.say(["player", "client"]);
    this.client.say(["audition", "change"]);
}

// A client's host whose answers the device sees first.
function klustrDeviceHost(device, host) {
    return {
        send: host.send, listen: host.listen, isFree: host.isFree, now: host.now, state: host.state,
        answer: function (address, args) { device.answered(address, args); }
    };
}

function klustrSoundsHost(device, host) {
    return {
        ask: function (words) { return device.client.say(words); },
        isOpen: function () { return device.client.link.state === "open"; },
        show: host.show, store: host.store, state: host.state, exists: host.exists,
        changed: function (pad) { device.changed(pad); }
    };
}

KlustrInstrument.prototype.answered = function (address, args) {
    if (this.sounds.answered(address, args)) {
        return;
    }
    if (address === "/klustr/play") {
        this.sounds.played(args[1], args[3], args[4], args[5]);
        this.fingers.taken(this.voices.playFree({ path: args[3], start: args[4], end: args[5] }, args[2], 1));
    } else if (address === "/klustr/welcome") {
        this.sounds.findAgain();
    } else {
        klustrTell(this.host, address, args);
    }
};

// A pad has another sound: have it in its voice's buffer.
KlustrInstrument.prototype.changed = function (pad) {
    var sound = this.sounds.memory.pads[pad];
    if (sound && !this.host.exists(sound.path)) {
        this.sounds.missing(sound);
    } else if (sound) {
        this.voices.prepare(pad, sound);
    }
};

KlustrInstrument.prototype.tick = function () {
    this.client.tick();
    this.voices.tick();
};

KlustrInstrument.prototype.note = function (pitch, velocity) {
    var pad = klustrPadOf(pitch);
    var ended = this.fingers.ended(pitch);  // also where the key is struck again without having been let go
    if (ended >= KLUSTR_PADS) {
        this.voices.stop(ended);  // a pad's sound rings on, as a drum's does
    }
    if (velocity <= 0) {
        return;
    }
    if (pad >= 0) {
        this.hit(pad, velocity / 127, pitch);
    } else if (this.sounds.current) {
        var semitones = pitch - KLUSTR_MIDDLE;
        var rate = klustrRate(semitones + this.fingers.bent(this.fingers.finger));
        var voice = this.voices.playFree(this.sounds.current, velocity / 127, rate);
        this.fingers.taken(voice);
        this.voices.hold(voice);
        this.fingers.began(pitch, voice, semitones);
    }
};

KlustrInstrument.prototype.hit = function (pad, velocity, pitch) {
    var sound = this.sounds.memory.pads[pad];
    if (!sound) {
        this.host.state("refused", "pad " + (pad + 1) + " is empty: switch Keep on and click it");
        return;
    }
    this.voices.play(pad, sound, velocity, klustrRate(this.fingers.bent(this.fingers.finger)));
    if (pitch !== undefined) {
        this.fingers.began(pitch, pad, 0);
    }
};

// A pad was clicked: it takes the sound heard last, or plays.
KlustrInstrument.prototype.click = function (pad) {
    if (!this.keeping) {
        this.hit(pad, 0.8);
    } else if (this.sounds.current) {
        this.sounds.keep(pad, this.sounds.current);
    } else {
        this.host.state("refused", "move on the map first: the pad takes the sound heard last");
    }
};

// The current sound into Live: `where` is clip or simpler.
KlustrInstrument.prototype.load = function (where) {
    if (!this.sounds.current) {
        this.host.state("refused", "move on the map first: the sound heard last is loaded");
        return;
    }
    if (klustrToMaxPath(this.sounds.current.path) === null) {
        this.host.state("missing", "Live can't open a file of this name: " + this.sounds.current.path);
        return;
    }
    var load = where === "simpler" ? klustrLoadSimpler : klustrLoadClip;
    var api = this.host.api;
    this.host.state("live", load(function (path) { return api(path); }, this.sounds.current.path));
};

KlustrInstrument.prototype.neighbour = function (index) {
    var id = this.sounds.neighbours[index];
    if (id) {
        this.client.say(["trigger", id, 0.8]);
    }
};

// A message of the patch: true where it is the device's own.
KlustrInstrument.prototype.message = function (word, args) {
    switch (word) {
    case "note": this.note(args[0], args[1]); return true;
    case "finger": this.fingers.finger = args[0]; return true;
    case "bend": this.fingers.bend(args[0]); return true;
    case "press": this.fingers.press(args[0] / 127); return true;
    case "ready": this.voices.ready(args[0]); return true;
    case "pad": this.click(args[0] - 1); return true;
    case "keep": this.keeping = !!args[0]; return true;
    case "fill": this.sounds.kit(); return true;
    case "neighbours": this.sounds.similar(); return true;
    case "neighbour": this.neighbour(args[0]); return true;
    case "load": this.load(args[0]); return true;
    case "restore": this.sounds.restore(args); return true;
    case "only": this.client.say(["filter", "kind"].concat(args[0] === "all" ? [] : args)); return true;
    default: return false;
    }
};

// The MIDI effect: notes to sounds that the bridge plays itself. In "pads" the eight notes from C1 (36) play
// the sounds that were kept; in "map" 64 notes from there are a grid over the map, row by row from below.

var KLUSTR_SIDE = 8;

function KlustrMidi(host, name, ports) {
    var device = this;
    this.host = host;
    this.way = "map";
    this.client = new KlustrClient(klustrDeviceHost(device, host), name, ports);
    this.sounds = new KlustrSounds(klustrSoundsHost(device, host));
    this.keeping = false;
    this.client.say(["player", "internal"]);  // the bridge sounds; what it plays is told all the same
}

KlustrMidi.prototype.answered = function (address, args) {
    if (this.sounds.answered(address, args)) {
        return;
    }
    if (address === "/klustr/play") {
        this.sounds.played(args[1], args[3], args[4], args[5]);
    } else if (address === "/klustr/welcome") {
        this.sounds.findAgain();
    } else {
        klustrTell(this.host, address, args);
    }
};

KlustrMidi.prototype.changed = function () {};

KlustrMidi.prototype.tick = function () {
    this.client.tick();
};

KlustrMidi.prototype.note = function (pitch, velocity) {
    if (velocity <= 0) {
        return;
    }
    if (this.way === "pads") {
        var pad = klustrPadOf(pitch);
        if (pad >= 0) {
            this.hit(pad, velocity / 127);
        }
        return;
    }
    var cell = pitch - KLUSTR_FIRST_NOTE;
    if (cell >= 0 && cell < KLUSTR_SIDE * KLUSTR_SIDE) {
        var x = (cell % KLUSTR_SIDE + 0.5) / KLUSTR_SIDE;
        var y = (Math.floor(cell / KLUSTR_SIDE) + 0.5) / KLUSTR_SIDE;
        this.client.say(["trigger", "xy", x, y, velocity / 127]);
    }
};

KlustrMidi.prototype.hit = function (pad, velocity) {
    var sound = this.sounds.memory.pads[pad];
    if (!sound) {
        this.host.state("refused", "pad " + (pad + 1) + " is empty: switch Keep on and click it");
    } else if (sound.id) {
        this.client.say(["trigger", sound.id, velocity]);
    } else {
        this.host.state("missing", sound.name + " is not in the bridge's library, or the bridge is not there");
    }
};

KlustrMidi.prototype.click = KlustrInstrument.prototype.click;

KlustrMidi.prototype.message = function (word, args) {
    switch (word) {
    case "note": this.note(args[0], args[1]); return true;
    case "way": this.way = String(args[0]); return true;
    case "pad": this.click(args[0] - 1); return true;
    case "keep": this.keeping = !!args[0]; return true;
    case "fill": this.sounds.kit(); return true;
    case "restore": this.sounds.restore(args); return true;
    case "only": this.client.say(["filter", "kind"].concat(args[0] === "all" ? [] : args)); return true;
    default: return false;
    }
};

// What touches Max itself, the same for the client and the devices. Elsewhere nothing of it is made.

var klustrInMax = typeof outlet !== "undefined";
var klustrPorts = klustrInMax ? new KlustrPorts(new Dict("klustr.ports"), klustrOwner()) : null;

function klustrArguments() {
    return typeof jsarguments === "undefined" ? [] : jsarguments;
}

function klustrOut(number) {
    return function (address, args) {
        outlet(number, [address].concat(args));
    };
}

// Of what both kinds of hosts have: outlet 0 is udpsend, 1 udpreceive, 3 the state in words.
function klustrMaxHost() {
    return {
        send: klustrOut(0),
        listen: function (port) {
            klustrPorts.claim(port);
            outlet(1, ["port", port]);
        },
        isFree: function (port) { return klustrPorts.isFree(port); },
        state: function (state, text) { outlet(3, [state, text]); },
        now: function () { return new Date().getTime(); }
    };
}

// Messages that both understand: true where the message was one. `me` has client and tick. Not "open": js
// and v8 take that to show their text.
function klustrCommon(me, word, args) {
    switch (word) {
    case "connect": me.client.open(); return true;
    case "disconnect": me.client.close(); return true;
    case "tick": me.tick(); return true;
    case "count": me.client.count = Math.max(1, Math.min(1000, Math.floor(args[0]) || 1)); return true;
    case "bridge":
        outlet(0, ["host", String(args.length > 1 ? args[0] : "127.0.0.1")]);
        outlet(0, ["port", args[args.length - 1]]);
        return true;
    case "file": me.client.say(["similar", "file", klustrFromMaxPath(args.join(" ")), me.client.count]); return true;
    case "addfolder": me.client.say(["add", klustrFromMaxPath(args.join(" "))]); return true;
    default: return false;
    }
}

function notifydeleted() {
    klustrPorts.release();
}

// The shell of the devices: what js or v8 calls. Inlet 0 takes messages of the patch, inlet 1 what udpreceive
// gives. Outlets: 0 to udpsend, 1 to udpreceive, 2 to the voices, 3 the state in words, 4 what to show,
// 5 what to store in the Live Set.

inlets = 2;
outlets = 6;
autowatch = 0;

function klustrDeviceMaxHost() {
    var host = klustrMaxHost();
    host.voice = function (number, words) { outlet(2, [number].concat(words)); };
    host.show = function (words) { outlet(4, words); };
    host.store = function (list) { outlet(5, list); };
    host.exists = klustrExists;
    host.api = function (path) { return new LiveAPI(path); };
    return host;
}

function klustrExists(path) {
    var name = klustrToMaxPath(path);
    if (name === null) {
        return false;
    }
    var file = new File(name, "read");
    var there = file.isopen;
    file.close();
    return !!there;
}

function klustrMakeDevice() {
    var Device = KLUSTR_DEVICE === "midi" ? KlustrMidi : KlustrInstrument;
    var name = KLUSTR_DEVICE === "midi" ? "Live MIDI" : "Live";
    return new Device(klustrDeviceMaxHost(), name, KLUSTR_DEVICE_PORTS);
}

var klustrDevice = klustrInMax ? klustrMakeDevice() : null;

function anything() {
    var args = Array.prototype.slice.call(arguments);
    if (inlet === 1) {
        klustrDevice.client.receive(messagename, args);
    } else if (!klustrDevice.message(messagename, args) && !klustrCommon(klustrDevice, messagename, args)) {
        klustrDevice.client.say([messagename].concat(args));
    }
}

if (typeof module !== "undefined") {
    module.exports = {
        KLUSTR_CLIENT_PORT: KLUSTR_CLIENT_PORT,
        KLUSTR_DEVICE: KLUSTR_DEVICE,
        KLUSTR_DEVICE_PORTS: KLUSTR_DEVICE_PORTS,
        KLUSTR_FIRST_NOTE: KLUSTR_FIRST_NOTE,
        KLUSTR_FREE_TEXT: KLUSTR_FREE_TEXT,
        KLUSTR_FREE_VOICES: KLUSTR_FREE_VOICES,
        KLUSTR_GLOBAL: KLUSTR_GLOBAL,
        KLUSTR_HELLO_MS: KLUSTR_HELLO_MS,
        KLUSTR_LOADING_MS: KLUSTR_LOADING_MS,
        KLUSTR_MIDDLE: KLUSTR_MIDDLE,
        KLUSTR_MODES: KLUSTR_MODES,
        KLUSTR_MOST_OWED: KLUSTR_MOST_OWED,
        KLUSTR_NOTHING: KLUSTR_NOTHING,
        KLUSTR_ONCE: KLUSTR_ONCE,
        KLUSTR_OVERSHOOT: KLUSTR_OVERSHOOT,
        KLUSTR_PADS: KLUSTR_PADS,
        KLUSTR_PATIENCE_MS: KLUSTR_PATIENCE_MS,
        KLUSTR_PING_MS: KLUSTR_PING_MS,
        KLUSTR_PONG_MS: KLUSTR_PONG_MS,
        KLUSTR_SHORT: KLUSTR_SHORT,
        KLUSTR_SIDE: KLUSTR_SIDE,
        KLUSTR_SILENT_MS: KLUSTR_SILENT_MS,
        KLUSTR_SLOW: KLUSTR_SLOW,
        KLUSTR_START: KLUSTR_START,
        KLUSTR_TABLE: KLUSTR_TABLE,
        KLUSTR_TRIES: KLUSTR_TRIES,
        KlustrClient: KlustrClient,
        KlustrFingers: KlustrFingers,
        KlustrInstrument: KlustrInstrument,
        KlustrLink: KlustrLink,
        KlustrLists: KlustrLists,
        KlustrMemory: KlustrMemory,
        KlustrMidi: KlustrMidi,
        KlustrPorts: KlustrPorts,
        KlustrSounds: KlustrSounds,
        KlustrVoices: KlustrVoices,
        klustrArguments: klustrArguments,
        klustrBind: klustrBind,
        klustrCommandOf: klustrCommandOf,
        klustrCommon: klustrCommon,
        klustrConvert: klustrConvert,
        klustrDevice: klustrDevice,
        klustrDeviceHost: klustrDeviceHost,
        klustrDeviceMaxHost: klustrDeviceMaxHost,
        klustrExists: klustrExists,
        klustrFileName: klustrFileName,
        klustrFill: klustrFill,
        klustrFromMaxPath: klustrFromMaxPath,
        klustrInMax: klustrInMax,
        klustrIsThere: klustrIsThere,
        klustrIsWhole: klustrIsWhole,
        klustrJoinText: klustrJoinText,
        klustrLoadClip: klustrLoadClip,
        klustrLoadSimpler: klustrLoadSimpler,
        klustrMakeDevice: klustrMakeDevice,
        klustrMaxHost: klustrMaxHost,
        klustrOffers: klustrOffers,
        klustrOut: klustrOut,
        klustrOwner: klustrOwner,
        klustrPadOf: klustrPadOf,
        klustrPorts: klustrPorts,
        klustrRate: klustrRate,
        klustrRows: klustrRows,
        klustrSoundsHost: klustrSoundsHost,
        klustrTell: klustrTell,
        klustrTextOr: klustrTextOr,
        klustrToMaxPath: klustrToMaxPath,
        klustrToWord: klustrToWord,
        klustrTranslate: klustrTranslate
    };
}
