// Made by max_patches/build.py from the parts in max_patches/making/javascript; do not edit.
var KLUSTR_CLIENT_PORT = 7476;
var KLUSTR_DEVICE_PORTS = [7480, 7481, 7482, 7483, 7484, 7485, 7486, 7487, 7488, 7489, 7490, 7491, 7492, 7493, 7494, 7495, 7496, 7497, 7498, 7499];

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

// The shell of klustr.client: what js or v8 calls. Inlet 0 takes words, inlet 1 what udpreceive gives.
// Outlets: 0 to udpsend, 1 to udpreceive, 2 answers and pushes by address, 3 the state in words.
// Arguments: the reply port (0: the first free one of 7476 and 7480 to 7499), and the client's name.

inlets = 2;
outlets = 4;
autowatch = 0;

function klustrMake() {
    var port = Number(klustrArguments()[1]) || 0;
    var name = String(klustrArguments()[2] || "#2");
    var host = klustrMaxHost();
    host.answer = klustrOut(2);
    name = name.charAt(0) === "#" ? "Max" : name;  // an argument that the box doesn't have
    return new KlustrClient(host, name, port ? [port] : [KLUSTR_CLIENT_PORT].concat(KLUSTR_DEVICE_PORTS));
}

var klustrClient = klustrInMax ? klustrMake() : null;
var klustrMe = { client: klustrClient, tick: function () { klustrClient.tick(); } };

function anything() {
    var args = Array.prototype.slice.call(arguments);
    if (inlet === 1) {
        klustrClient.receive(messagename, args);
    } else if (!klustrCommon(klustrMe, messagename, args)) {
        klustrClient.say([messagename].concat(args));
    }
}

// A list that begins with a number says nothing.
function list() {
    klustrClient.say(Array.prototype.slice.call(arguments));
}

if (typeof module !== "undefined") {
    module.exports = {
        KLUSTR_CLIENT_PORT: KLUSTR_CLIENT_PORT,
        KLUSTR_DEVICE_PORTS: KLUSTR_DEVICE_PORTS,
        KLUSTR_FREE_TEXT: KLUSTR_FREE_TEXT,
        KLUSTR_HELLO_MS: KLUSTR_HELLO_MS,
        KLUSTR_MODES: KLUSTR_MODES,
        KLUSTR_MOST_OWED: KLUSTR_MOST_OWED,
        KLUSTR_ONCE: KLUSTR_ONCE,
        KLUSTR_OVERSHOOT: KLUSTR_OVERSHOOT,
        KLUSTR_PATIENCE_MS: KLUSTR_PATIENCE_MS,
        KLUSTR_PING_MS: KLUSTR_PING_MS,
        KLUSTR_PONG_MS: KLUSTR_PONG_MS,
        KLUSTR_SHORT: KLUSTR_SHORT,
        KLUSTR_SILENT_MS: KLUSTR_SILENT_MS,
        KLUSTR_SLOW: KLUSTR_SLOW,
        KLUSTR_START: KLUSTR_START,
        KLUSTR_TABLE: KLUSTR_TABLE,
        KLUSTR_TRIES: KLUSTR_TRIES,
        KlustrClient: KlustrClient,
        KlustrLink: KlustrLink,
        KlustrLists: KlustrLists,
        KlustrPorts: KlustrPorts,
        klustrArguments: klustrArguments,
        klustrBind: klustrBind,
        klustrClient: klustrClient,
        klustrCommandOf: klustrCommandOf,
        klustrCommon: klustrCommon,
        klustrConvert: klustrConvert,
        klustrFileName: klustrFileName,
        klustrFill: klustrFill,
        klustrFromMaxPath: klustrFromMaxPath,
        klustrInMax: klustrInMax,
        klustrIsWhole: klustrIsWhole,
        klustrJoinText: klustrJoinText,
        klustrMake: klustrMake,
        klustrMaxHost: klustrMaxHost,
        klustrMe: klustrMe,
        klustrOut: klustrOut,
        klustrOwner: klustrOwner,
        klustrPorts: klustrPorts,
        klustrRows: klustrRows,
        klustrToMaxPath: klustrToMaxPath,
        klustrToWord: klustrToWord,
        klustrTranslate: klustrTranslate
    };
}
