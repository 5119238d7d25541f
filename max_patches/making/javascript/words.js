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
