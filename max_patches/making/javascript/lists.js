// Lists that come in parts: put together again, in order, whatever order the packets came in.

function KlustrLists() {
    this.waiting = {};
}

// Takes an answer. Returns {req, header, items} once its list is whole, {req, missing} before,
// null where the answer is no list.
KlustrLists.prototype.take = function (address, args) {
    var shape = KLUSTR_TABLE.answers[address];
    if (!shape || !shape.item) {
        return null;
    }
    var req = args[0], part = args[1], parts = args[2], n = args[3];
    if (!(part >= 1 && part <= parts) || args.length !== shape.header + n * shape.item) {
        return { req: req, missing: parts };
    }
    var key = address + " " + req;
    var list = this.waiting[key];
    if (!list || list.parts !== parts) {
        list = this.waiting[key] = { parts: parts, got: {}, count: 0, header: args.slice(4, shape.header) };
    }
    if (!list.got.hasOwnProperty(part)) {
        list.got[part] = args.slice(shape.header);
        list.count += 1;
    }
    if (list.count < parts) {
        return { req: req, missing: parts - list.count };
    }
    delete this.waiting[key];
    return { req: req, header: list.header, items: klustrRows(list, shape.item) };
};

// Forgets what came of a list: it is asked for again, or never comes.
KlustrLists.prototype.drop = function (address, req) {
    delete this.waiting[address + " " + req];
};

function klustrRows(list, width) {
    var rows = [];
    for (var part = 1; part <= list.parts; part++) {
        var flat = list.got[part];
        for (var i = 0; i < flat.length; i += width) {
            rows.push(flat.slice(i, i + width));
        }
    }
    return rows;
}
