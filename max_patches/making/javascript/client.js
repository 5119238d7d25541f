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
