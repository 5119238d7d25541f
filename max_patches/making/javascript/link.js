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
