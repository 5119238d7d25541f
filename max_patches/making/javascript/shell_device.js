// The shell of the devices: what js or v8 calls. Inlet 0 takes messages of the patch, inlet 1 what udpreceive
// gives. Outlets: 0 to udpsend, 1 to udpreceive, 2 to the voices, 3 the state in words, 4 what to show,
// 5 what to store in the Live Set.

inlets = 2;
outlets = 6;
autowatch = 0;

function klustrDeviceMaxHost() {
    var host = klustrMaxHost();
    host.voice = function (number, words) { outlet(2, [number].concat(words)); };
    host.show = function (words) { outlet(4, words); };
    host.store = function (list) { outlet(5, list); };
    host.exists = klustrExists;
    host.api = function (path) { return new LiveAPI(path); };
    return host;
}

function klustrExists(path) {
    var name = klustrToMaxPath(path);
    if (name === null) {
        return false;
    }
    var file = new File(name, "read");
    var there = file.isopen;
    file.close();
    return !!there;
}

function klustrMakeDevice() {
    var Device = KLUSTR_DEVICE === "midi" ? KlustrMidi : KlustrInstrument;
    var name = KLUSTR_DEVICE === "midi" ? "Live MIDI" : "Live";
    return new Device(klustrDeviceMaxHost(), name, KLUSTR_DEVICE_PORTS);
}

var klustrDevice = klustrInMax ? klustrMakeDevice() : null;

function anything() {
    var args = Array.prototype.slice.call(arguments);
    if (inlet === 1) {
        klustrDevice.client.receive(messagename, args);
    } else if (!klustrDevice.message(messagename, args) && !klustrCommon(klustrDevice, messagename, args)) {
        klustrDevice.client.say([messagename].concat(args));
    }
}
