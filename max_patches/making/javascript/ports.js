// Which reply ports are taken by other clients in this Max: one udpreceive a port, and a Live Set may
// hold many devices. They agree by a dictionary that all of them see. Another program's ports are not in
// it: there the welcome never comes, and the link goes on to the next port.

function KlustrPorts(dict, owner) {
    this.dict = dict;
    this.owner = owner;
    this.port = 0;
}

KlustrPorts.prototype.isFree = function (port) {
    var who = this.dict.get("port" + port);
    return who === null || who === undefined || who === "" || String(who) === this.owner;
};

KlustrPorts.prototype.claim = function (port) {
    this.release();
    this.port = port;
    this.dict.replace("port" + port, this.owner);
};

KlustrPorts.prototype.release = function () {
    if (this.port) {
        this.dict.remove("port" + this.port);
        this.port = 0;
    }
};

function klustrOwner() {
    return "klustr" + new Date().getTime() + "-" + Math.floor(Math.random() * 1000000000);
}
