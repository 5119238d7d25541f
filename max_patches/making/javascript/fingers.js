// Notes and what MPE adds to them. A note in the row of pads plays its pad; any other plays the sound heard
// last, as many semitones higher or lower as it lies from the middle C. Bend and pressure of a finger go to
// the voice that its note sounds in.

var KLUSTR_FIRST_NOTE = 36;
var KLUSTR_MIDDLE = 60;
var KLUSTR_GLOBAL = -1;

function klustrPadOf(pitch) {
    var pad = pitch - KLUSTR_FIRST_NOTE;
    return pad >= 0 && pad < KLUSTR_PADS ? pad : -1;
}

function klustrRate(semitones) {
    return Math.pow(2, semitones / 12);
}

// `voices`: KlustrVoices or what has its play, playFree, stop. `host`: voice(number, words).
function KlustrFingers(host) {
    this.host = host;
    this.finger = KLUSTR_GLOBAL;
    this.bends = {};
    this.sounding = {};  // "finger pitch" -> {voice, semitones}
    this.global = 2;     // semitones of a whole bend without MPE
    this.mpe = 48;       // and with it
}

KlustrFingers.prototype.began = function (pitch, voice, semitones) {
    this.sounding[this.finger + " " + pitch] = { finger: this.finger, voice: voice, semitones: semitones };
};

// The note's voice, or -1; the note is over.
KlustrFingers.prototype.ended = function (pitch) {
    var key = this.finger + " " + pitch;
    var was = this.sounding[key];
    delete this.sounding[key];
    return was ? was.voice : -1;
};

// A voice plays something else now: no key holds it any more.
KlustrFingers.prototype.taken = function (voice) {
    for (var key in this.sounding) {
        if (this.sounding.hasOwnProperty(key) && this.sounding[key].voice === voice) {
            delete this.sounding[key];
        }
    }
};

// How far a finger has bent, in semitones: its own bend, and that of the whole keyboard. Bends are -1 to 1.
KlustrFingers.prototype.bent = function (finger) {
    var whole = (this.bends[KLUSTR_GLOBAL] || 0) * this.global;
    return finger === KLUSTR_GLOBAL ? whole : whole + (this.bends[finger] || 0) * this.mpe;
};

KlustrFingers.prototype.bend = function (bend) {
    var fingers = this;
    this.bends[this.finger] = bend;
    this.each(function (note, host) {
        host.voice(note.voice, ["rate", klustrRate(note.semitones + fingers.bent(note.finger))]);
    });
};

KlustrFingers.prototype.press = function (pressure) {
    this.each(function (note, host) {
        host.voice(note.voice, ["press", 1 + pressure / 2]);  // it swells: no pressure is as struck
    });
};

// The notes of the present finger; the whole keyboard's wheel and pressure are for all.
KlustrFingers.prototype.each = function (what) {
    for (var key in this.sounding) {
        if (this.sounding.hasOwnProperty(key)) {
            if (this.finger === KLUSTR_GLOBAL || this.sounding[key].finger === this.finger) {
                what(this.sounding[key], this.host);
            }
        }
    }
};
