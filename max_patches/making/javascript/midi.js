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
