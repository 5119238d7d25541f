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
