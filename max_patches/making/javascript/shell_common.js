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
