// Plays Max for the package's code: js objects with inlets and outlets, udpsend, udpreceive, a metro, Dict,
// File and LiveAPI. It is told what to do, and tells what it saw, in lines of JSON.
"use strict";

const dgram = require("dgram");
const fs = require("fs");
const path = require("path");
const readline = require("readline");
const vm = require("vm");
const osc = require("./osc.js");

const TICK_MS = 50;
// Messages that js and v8 keep for themselves: they never reach the code.
const TAKEN = ["open", "read", "compile", "wclose", "getprop", "setprop", "delprop", "autowatch"];
const objects = {};
const dicts = {};
const sending = new Set();
let live = {};
let clock = 0;  // milliseconds that time was set forward

function tell(event) {
    process.stdout.write(JSON.stringify(event) + "\n");
}

class Dict {
    constructor(name) { this.values = dicts[name] = dicts[name] || {}; }
    get(key) { return Object.hasOwn(this.values, key) ? this.values[key] : null; }
    replace(key, value) { this.values[key] = value; }
    remove(key) { delete this.values[key]; }
}

class File {
    constructor(name) { this.isopen = fs.existsSync(name); }
    close() {}
}

class LiveAPI {
    constructor(where) {
        const known = live[where] || { id: 0, info: "", properties: {} };
        this.id = known.id;
        this.info = known.info;
        this.get = (name) => known.properties[name];
        this.call = (...words) => {
            tell({ live: [where].concat(words) });
            Object.assign(known.properties, known.after);  // what the call changes
        };
    }
}

class MaxObject {
    constructor(name, file, args, bridge) {
        this.name = name;
        this.sender = dgram.createSocket("udp4");
        this.target = { host: "127.0.0.1", port: bridge };
        this.lost = {};
        this.counts = {};
        const outlet = (number, words) => this.outlet(number, words);
        const scope = { outlet, inlet: 0, messagename: "", jsarguments: [file].concat(args), Dict, File, LiveAPI };
        scope.Date = class extends Date { getTime() { return super.getTime() + clock; } };
        this.scope = vm.createContext(scope);
        vm.runInContext(fs.readFileSync(file, "utf8"), this.scope, { filename: path.basename(file) });
        this.metro = setInterval(() => this.message(0, ["tick"]), TICK_MS);
    }

    message(inlet, words) {
        this.scope.inlet = inlet;
        if (typeof words[0] === "number") {
            this.scope.list(...words);
            return;
        }
        if (TAKEN.includes(words[0])) {
            throw new Error("js takes " + words[0] + " for itself");
        }
        this.scope.messagename = words[0];
        const handler = this.scope[words[0]];  // as Max does: a function of the message's name comes first
        typeof handler === "function" ? handler(...words.slice(1)) : this.scope.anything(...words.slice(1));
    }

    outlet(number, words) {
        words = Array.from(words);
        if (number === 0) {
            this.send(words);
        } else if (number === 1) {
            this.listen(words[1]);
        } else {
            tell({ object: this.name, outlet: number, message: words });
        }
    }

    send(words) {
        if (words[0] === "host" || words[0] === "port") {
            this.target[words[0]] = words[1];
            return;
        }
        tell({ object: this.name, sent: words });
        const done = new Promise((resolve) => {
            this.sender.send(osc.encode(words[0], words.slice(1)), this.target.port, this.target.host, resolve);
        });
        sending.add(done);
        done.then(() => sending.delete(done));
    }

    // Packets may get lost on the way: those whose numbers were told, counted by address.
    receive(words) {
        const key = words[0];
        this.counts[key] = (this.counts[key] || 0) + 1;
        if (!(this.lost[key] || []).includes(this.counts[key])) {
            this.message(1, words);
        }
    }

    // A port that is taken is posted to the Max console and not listened on; nothing tells the patch.
    listen(port) {
        if (this.receiver) {
            this.receiver.close();
        }
        const receiver = this.receiver = dgram.createSocket("udp4");
        receiver.on("error", () => { receiver.closed = true; tell({ object: this.name, taken: port }); });
        receiver.on("message", (packet) => this.receive(osc.decode(packet)));
        const close = receiver.close.bind(receiver);
        receiver.close = () => { if (!receiver.closed) { receiver.closed = true; close(); } };
        receiver.bind(port, "127.0.0.1", () => tell({ object: this.name, listening: port }));
    }
}

const commands = {
    load: (told) => { objects[told.object] = new MaxObject(told.object, told.load, told.args, told.bridge); },
    message: (told) => objects[told.object].message(told.inlet || 0, told.message),
    lose: (told) => { objects[told.object].lost = told.lose; },
    live: (told) => { live = told.live; },
    later: (told) => { clock += told.later; },
};

readline.createInterface({ input: process.stdin }).on("line", function (line) {
    const told = JSON.parse(line);
    for (const name of Object.keys(commands)) {
        if (Object.hasOwn(told, name)) {
            commands[name](told);
            return;
        }
    }
    throw new Error("not understood: " + line);
}).on("close", function () {
    for (const object of Object.values(objects)) {
        object.message(0, ["disconnect"]);  // as Max does when a patch is freed
    }
    Promise.all(sending).then(() => process.exit(0));
});
