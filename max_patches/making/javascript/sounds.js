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
