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
