// The sounds that a device keeps on its pads. What is stored in the Live Set is a flat list, five values a
// pad: uid, path, start, end, name. The uid finds the sound again wherever its file has gone; the path
// plays it while the bridge is away.

var KLUSTR_NOTHING = "-";

function KlustrMemory(size) {
    this.pads = [];
    for (var i = 0; i < size; i++) {
        this.pads.push(null);
    }
}

KlustrMemory.prototype.keep = function (index, sound) {
    this.pads[index] = sound;
};

KlustrMemory.prototype.stored = function () {
    var list = [];
    for (var i = 0; i < this.pads.length; i++) {
        var sound = this.pads[i];
        if (sound) {
            list.push(sound.uid || KLUSTR_NOTHING, sound.path, sound.start, sound.end, sound.name || KLUSTR_NOTHING);
        } else {
            list.push(KLUSTR_NOTHING, KLUSTR_NOTHING, 0, 0, KLUSTR_NOTHING);
        }
    }
    return list;
};

// Takes back what `stored` gave. Numbers that Max made of names, such as 808, are text again.
KlustrMemory.prototype.restore = function (list) {
    for (var i = 0; i < this.pads.length && 5 * i + 4 < list.length; i++) {
        var path = String(list[5 * i + 1]);
        this.pads[i] = path === KLUSTR_NOTHING ? null : {
            uid: klustrTextOr(list[5 * i], ""), path: path, start: Number(list[5 * i + 2]) || 0,
            end: Number(list[5 * i + 3]) || 0, name: klustrTextOr(list[5 * i + 4], klustrFileName(path)), id: 0
        };
    }
};

function klustrTextOr(value, otherwise) {
    return value === KLUSTR_NOTHING ? otherwise : String(value);
}
