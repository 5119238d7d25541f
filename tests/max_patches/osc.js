// OSC as udpsend and udpreceive speak it: messages of i, f and s.
"use strict";

function padded(text) {
    const bytes = Buffer.from(text, "utf8");
    return Buffer.concat([bytes, Buffer.alloc(4 - bytes.length % 4)]);
}

function encode(address, args) {
    let tags = ",";
    const values = args.map(function (value) {
        if (typeof value === "string") {
            tags += "s";
            return padded(value);
        }
        const whole = Number.isInteger(value) && Math.abs(value) < 2147483648;
        const bytes = Buffer.alloc(4);
        tags += whole ? "i" : "f";
        whole ? bytes.writeInt32BE(value) : bytes.writeFloatBE(value);
        return bytes;
    });
    return Buffer.concat([padded(address), padded(tags)].concat(values));
}

function decode(packet) {
    let at = 0;
    function text() {
        const end = packet.indexOf(0, at);
        const value = packet.toString("utf8", at, end);
        at = end + 4 - end % 4;
        return value;
    }
    function number(tag) {
        const value = tag === "i" ? packet.readInt32BE(at) : packet.readFloatBE(at);
        at += 4;
        return value;
    }
    const address = text();
    const tags = text();
    const args = [];
    for (const tag of tags.slice(1)) {
        if (!"ifs".includes(tag)) {
            throw new Error("Max would mangle type " + tag + " of " + address);
        }
        args.push(tag === "s" ? text() : number(tag));
    }
    return [address].concat(args);
}

module.exports = { encode, decode };
