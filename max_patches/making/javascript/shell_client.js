// The shell of klustr.client: what js or v8 calls. Inlet 0 takes words, inlet 1 what udpreceive gives.
// Outlets: 0 to udpsend, 1 to udpreceive, 2 answers and pushes by address, 3 the state in words.
// Arguments: the reply port (0: the first free one of 7476 and 7480 to 7499), and the client's name.

inlets = 2;
outlets = 4;
autowatch = 0;

function klustrMake() {
    var port = Number(klustrArguments()[1]) || 0;
    var name = String(klustrArguments()[2] || "#2");
    var host = klustrMaxHost();
    host.answer = klustrOut(2);
    name = name.charAt(0) === "#" ? "Max" : name;  // an argument that the box doesn't have
    return new KlustrClient(host, name, port ? [port] : [KLUSTR_CLIENT_PORT].concat(KLUSTR_DEVICE_PORTS));
}

var klustrClient = klustrInMax ? klustrMake() : null;
var klustrMe = { client: klustrClient, tick: function () { klustrClient.tick(); } };

function anything() {
    var args = Array.prototype.slice.call(arguments);
    if (inlet === 1) {
        klustrClient.receive(messagename, args);
    } else if (!klustrCommon(klustrMe, messagename, args)) {
        klustrClient.say([messagename].concat(args));
    }
}

// A list that begins with a number says nothing.
function list() {
    klustrClient.say(Array.prototype.slice.call(arguments));
}
