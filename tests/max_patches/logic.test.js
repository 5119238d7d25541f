// What the package's code decides without any bridge: run by node --test.
"use strict";

const assert = require("node:assert");
const path = require("node:path");
const test = require("node:test");
const javascript = path.join(__dirname, "..", "..", "max_patches", "javascript");
const code = require(path.join(javascript, "klustr.instrument.js"));

function said(...words) {
    return code.klustrTranslate(words, { count: 16, req: 7 });
}

test("plain words become an address and arguments", () => {
    const cases = [
        [["xy", 0.3, 0.7], "/klustr/xy", [0.3, 0.7]],
        [["similar", 42, 8], "/klustr/similar", [7, 42, 8]],
        [["similar", 42], "/klustr/similar", [7, 42, 16]],
        [["similar", "uid", "abc", 3], "/klustr/similar/uid", [7, "abc", 3]],
        [["similar", "path", "/My", "Samples/kick.wav", 3], "/klustr/similar/path", [7, "/My Samples/kick.wav", 3]],
        [["xy", 1.0000001, -1e-7], "/klustr/xy", [1, 0]],
        [["near", 0.1, 0.2], "/klustr/near/xy", [7, 0.1, 0.2, 16]],
        [["kind", "kick", "snare"], "/klustr/filter/kind", ["kick", "snare"]],
        [["kind"], "/klustr/filter/kind", []],
        [["kind", 42, "kick"], "/klustr/kind", [42, "kick"]],
        [["find", "kick", 808], "/klustr/find", [7, "kick 808", 16]],
        [["add", "C:/My", "Samples"], "/klustr/folder/add", ["C:/My Samples"]],
        [["folder", "add", "/a"], "/klustr/folder/add", ["/a"]],
        [["folder", "/a"], "/klustr/filter/folder", ["/a"]],
        [["trigger", "xy", 0.3, 0.7], "/klustr/trigger/xy", [0.3, 0.7]],
        [["audition", 1], "/klustr/audition", ["change"]],
        [["/klustr/similar", 3, 42, 8], "/klustr/similar", [3, 42, 8]],
        [["status"], "/klustr/status", [7]],
        [["grid", 8, 8, 0.5, 0.5, 0.2], "/klustr/grid", [7, 8, 8, 0.5, 0.5, 0.2]],
        [["learn", "kind", "kick"], "/klustr/midi/learn", ["kind kick"]],
    ];
    for (const [words, address, args] of cases) {
        assert.deepStrictEqual(said(...words), { address, args }, words.join(" "));
    }
});

test("what the bridge would refuse is refused with what is allowed", () => {
    const cases = [
        [["xy", 2, 0], "/klustr/xy: x = 2: allowed 0..1"],
        [["xy", 0.5], "too few arguments (1); usage: /klustr/xy f x, f y, [i cursor]"],
        [["random", 1, 2], "too many arguments (2); usage: /klustr/random [i cursor]"],
        [["trigger", 1.5], "/klustr/trigger: id = 1.5: a whole number is expected"],
        [["trigger", "kick"], "/klustr/trigger: id = kick: a whole number is expected"],
        [["trigger", 0], "/klustr/trigger: id = 0: allowed 1..2147483647"],
        [["view", "odd"], "/klustr/view: view = odd: allowed natural, even"],
        [["audition", 7], "/klustr/audition: mode = 7: allowed off, change, retrigger, hold"],
        [["weight", "attack", NaN], "/klustr/weight: weight = NaN: a number is expected"],
        [["duration", -1, 2], "/klustr/filter/duration: min = -1: allowed 0 and above"],
        [["dance"], "no message \"dance\"; klustr.client's help lists them all"],
        [["/klustr/dance"], "no message \"/klustr/dance\"; klustr.client's help lists them all"],
        [[42], "no message \"42\"; klustr.client's help lists them all"],
        [["constructor"], "no message \"constructor\"; klustr.client's help lists them all"],
    ];
    for (const [words, error] of cases) {
        assert.deepStrictEqual(said(...words), { error }, words.join(" "));
    }
});

test("paths go from the bridge to Max and back", () => {
    const cases = [
        ["/home/me/My Samples/kick.wav", "/home/me/My Samples/kick.wav"],
        ["C:/My Samples/it's \"loud\".wav", "C:/My Samples/it's \"loud\".wav"],
        ["d:/é 한글.wav", "d:/é 한글.wav"],
        ["/Volumes/Drive 2/a/kick.wav", "Drive 2:/a/kick.wav"],
        ["//server/share/kick.wav", "//server/share/kick.wav"],
    ];
    for (const [bridge, max] of cases) {
        assert.strictEqual(code.klustrToMaxPath(bridge), max);
        assert.strictEqual(code.klustrFromMaxPath(max), bridge);
    }
    assert.strictEqual(code.klustrToMaxPath("//?/C:/long/kick.wav"), "C:/long/kick.wav");
    assert.strictEqual(code.klustrToMaxPath("C:\\a\\b.wav"), "C:/a/b.wav");
    assert.strictEqual(code.klustrFromMaxPath("Macintosh HD:/Users/me/a.wav"), "/Users/me/a.wav");
    assert.strictEqual(code.klustrFromMaxPath("C:\\a\\b.wav"), "C:/a/b.wav");
    assert.strictEqual(code.klustrToMaxPath("/a/caf\\xe9 kick.wav"), null);
    assert.strictEqual(code.klustrFileName("C:/a/My kick.wav"), "My kick.wav");
});

test("parts in any order, and twice, make one list in order", () => {
    const lists = new code.KlustrLists();
    const part = (number, ...items) => lists.take("/klustr/find.reply", [7, number, 3, items.length].concat(items));
    assert.deepStrictEqual(part(3, 50), { req: 7, missing: 2 });
    assert.deepStrictEqual(part(1, 10, 20), { req: 7, missing: 1 });
    assert.deepStrictEqual(part(1, 10, 20), { req: 7, missing: 1 });
    assert.deepStrictEqual(part(2, 30, 40), { req: 7, header: [], items: [[10], [20], [30], [40], [50]] });
    assert.deepStrictEqual(lists.take("/klustr/points.reply", [8, 1, 1, 1, 3, 42, 0.5, 0.25]),
        { req: 8, header: [3], items: [[42, 0.5, 0.25]] });
    assert.deepStrictEqual(lists.take("/klustr/near.reply", [9, 1, 1, 0]), { req: 9, header: [], items: [] });
    assert.strictEqual(lists.take("/klustr/pong", [9]), null);
});

test("a part that is cut short is not taken", () => {
    const lists = new code.KlustrLists();
    assert.deepStrictEqual(lists.take("/klustr/find.reply", [7, 1, 1, 3, 10, 20]), { req: 7, missing: 1 });
    assert.deepStrictEqual(lists.take("/klustr/find.reply", [7, 2, 1, 1, 10]), { req: 7, missing: 1 });
});

test("a session is taken back from who says hello for its port", () => {
    const hellos = [];
    const host = { hello: (port) => hellos.push(port), listen() {}, isFree: () => true, state() {}, ping() {} };
    const link = new code.KlustrLink(host, [7480]);
    link.open(0);
    assert.strictEqual(link.welcomed(10), true);
    assert.strictEqual(link.welcomed(20), true);
    assert.deepStrictEqual(hellos, [7480, 7480]);
    assert.strictEqual(link.welcomed(30), false);
    assert.deepStrictEqual(hellos, [7480, 7480]);
});

test("a late welcome after close opens nothing", () => {
    const host = { hello() {}, listen() {}, isFree: () => true, state() {}, ping() {} };
    const link = new code.KlustrLink(host, [7480]);
    link.open(0);
    link.close();
    assert.strictEqual(link.welcomed(10), false);
    assert.strictEqual(link.state, "closed");
});

function live(where, info, properties) {
    const calls = [];
    const call = (...words) => {
        calls.push(words);
        Object.assign(properties, properties.after);  // what the call changes
    };
    const object = { id: 5, info, get: (name) => properties[name], call };
    return { calls, api: (asked) => (asked === where ? object : { id: 0, info: "" }) };
}

const SLOT = "live_set view highlighted_clip_slot";
const DEVICE = "live_set view selected_track view selected_device";

test("a clip is made where this Live offers it", () => {
    const offers = live(SLOT, "type ClipSlot\nfunction create_audio_clip\nfunction fire",
        { has_clip: [0], after: { has_clip: [1] } });
    assert.strictEqual(code.klustrLoadClip(offers.api, "/a/My kick.wav"), "loaded into the clip slot: My kick.wav");
    assert.deepStrictEqual(offers.calls, [["create_audio_clip", "/a/My kick.wav"]]);
    const refusing = live(SLOT, "function create_audio_clip", { has_clip: [0] });  // a MIDI track's
    assert.match(code.klustrLoadClip(refusing.api, "/a.wav"), /Live took no clip there/);
    const full = live(SLOT, "function create_audio_clip", { has_clip: [1] });
    assert.match(code.klustrLoadClip(full.api, "/a.wav"), /holds a clip already/);
    const old = live(SLOT, "function create_clip", { has_clip: [0] });
    assert.match(code.klustrLoadClip(old.api, "/a.wav"), /drag the file instead/);
    assert.match(code.klustrLoadClip(live("nowhere", "", {}).api, "/a.wav"), /select an empty clip slot/);
    assert.deepStrictEqual(full.calls.concat(old.calls), []);
});

test("Simpler takes a sample where this Live offers it", () => {
    const offers = live(DEVICE, "function replace_sample", { class_name: ["OriginalSimpler"] });
    assert.strictEqual(code.klustrLoadSimpler(offers.api, "/a/kick.wav"), "loaded into Simpler: kick.wav");
    assert.deepStrictEqual(offers.calls, [["replace_sample", "/a/kick.wav"]]);
    const old = live(DEVICE, "function crop", { class_name: ["OriginalSimpler"] });
    assert.match(code.klustrLoadSimpler(old.api, "/a.wav"), /drag the file instead/);
    const other = live(DEVICE, "function replace_sample", { class_name: ["Operator"] });
    assert.strictEqual(code.klustrLoadSimpler(other.api, "/a.wav"), "select a Simpler first");
    assert.deepStrictEqual(old.calls.concat(other.calls), []);
});

test("what the Set remembers comes back as it was, numbers in names too", () => {
    const memory = new code.KlustrMemory(2);
    memory.keep(1, { uid: "abc", path: "C:/My Samples/808.wav", start: 0.5, end: 1, name: "808" });
    const stored = memory.stored();
    assert.strictEqual(stored.length, 10);
    const again = new code.KlustrMemory(2);
    again.restore(stored.map((value) => (value === "808" ? 808 : value)));
    assert.strictEqual(again.pads[0], null);
    assert.deepStrictEqual(again.pads[1],
        { uid: "abc", path: "C:/My Samples/808.wav", start: 0.5, end: 1, name: "808", id: 0 });
    assert.deepStrictEqual(again.stored(), stored);
});

test("the wheel of a whole keyboard bends every finger, a finger's only its own notes", () => {
    const said = [];
    const fingers = new code.KlustrFingers({ voice: (voice, words) => said.push([voice, words]) });
    for (const [finger, pitch, voice] of [[1, 60, 0], [2, 64, 1]]) {
        fingers.finger = finger;
        fingers.began(pitch, voice, 0);
    }
    fingers.finger = 1;
    fingers.bend(0.25);
    assert.deepStrictEqual(said.splice(0), [[0, ["rate", 2]]]);  // 48 semitones a whole bend
    fingers.finger = -1;
    fingers.bend(1);
    const rates = said.splice(0).map(([voice, words]) => [voice, Math.round(12 * Math.log2(words[1]))]);
    assert.deepStrictEqual(rates, [[0, 14], [1, 2]]);
    fingers.press(1);
    assert.deepStrictEqual(said.splice(0).map(([voice]) => voice), [0, 1]);
});

function instrument() {
    const said = [];
    let now = 0;
    const device = new code.KlustrInstrument({
        voice: (number, words) => said.push([number].concat(words)), now: () => now, exists: () => true,
        state: () => {}, show: () => {}, store: () => {}, send: () => {}, listen: () => {}, isFree: () => true
    }, "Live", [7480]);
    device.sounds.current = { id: 1, path: "/a.wav", start: 0, end: 1, name: "a", uid: "u" };
    return { device, said, stops: () => said.filter((each) => each[1] === "stop").map((each) => each[0]) };
}

test("a key that has lost its voice to another ends nothing any more", () => {
    const { device, stops } = instrument();
    for (let key = 60; key < 65; key++) {
        device.note(key, 100);  // four voices: the fifth takes the first one's
    }
    device.note(60, 0);
    assert.deepStrictEqual(stops(), []);
    device.note(64, 0);
    assert.strictEqual(stops().length, 1);
});

test("a key that is struck twice without being let go ends its first sound", () => {
    const { device, said, stops } = instrument();
    device.note(60, 100);
    const first = said[0][0];
    device.note(60, 100);
    assert.deepStrictEqual(stops(), [first]);
    device.note(60, 0);
    assert.strictEqual(stops().length, 2);
});

test("what the bridge plays takes the voice of a key, and the key lets go of it", () => {
    const { device, stops } = instrument();
    for (let key = 60; key < 64; key++) {
        device.note(key, 100);
    }
    device.answered("/klustr/play", [9, 2, 1, "/b.wav", 0, 1]);
    device.note(60, 0);
    assert.deepStrictEqual(stops(), []);
});

test("questions that are open when the bridge was away are told as lost", () => {
    const answers = [];
    let now = 0;
    const client = new code.KlustrClient({
        send: () => {}, listen: () => {}, isFree: () => true, now: () => now, state: () => {},
        answer: (address, args) => answers.push([address, args[0], args[2]])
    }, "Max", [7476]);
    client.open();
    client.receive("/klustr/welcome", ["0.1", 1, 3, 10, "ready"]);
    const req = client.say(["similar", 1, 8]);
    answers.length = 0;
    client.close();
    assert.deepStrictEqual(answers, [["/klustr/fail", "/klustr/similar", "lost"]]);
    assert.ok(req > 0);
});

test("parts of a list that nobody waits for are not kept", () => {
    const answers = [];
    const client = new code.KlustrClient({
        send: () => {}, listen: () => {}, isFree: () => true, now: () => 0, state: () => {},
        answer: (address, args) => answers.push(args)
    }, "Max", [7476]);
    client.open();
    client.receive("/klustr/welcome", ["0.1", 1, 3, 10, "ready"]);
    answers.length = 0;
    client.receive("/klustr/near.reply", [77, 1, 2, 1, 5, 0.5, 0.1, 0.2]);
    assert.deepStrictEqual(answers, []);
    assert.deepStrictEqual(client.lists.waiting, {});
});

test("a bridge that was started anew between two pings is greeted again", () => {
    const sent = [];
    let now = 0;
    const client = new code.KlustrClient({
        send: (address, args) => sent.push([address].concat(args)), listen: () => {}, isFree: () => true,
        now: () => now, state: () => {}, answer: () => {}
    }, "Max", [7476]);
    client.say(["view", "even"]);
    client.open();
    client.receive("/klustr/welcome", ["0.1", 1, 3, 10, "ready"]);
    const pong = (run) => {
        now += 60000;
        client.tick();
        const ping = sent.filter((each) => each[0] === "/klustr/ping").pop();
        sent.length = 0;
        client.receive("/klustr/pong", [ping[1], run]);
        client.tick();
        return sent.map((each) => each[0]);
    };
    assert.deepStrictEqual(pong(5), []);
    assert.deepStrictEqual(pong(5), []);
    assert.ok(pong(6).includes("/klustr/hello"));
    client.receive("/klustr/welcome", ["0.1", 1, 3, 10, "ready"]);
    assert.ok(sent.some((each) => each[0] === "/klustr/view" && each[1] === "even"));
});

test("a refused kit or list says why, and pads that come back empty say so", () => {
    const said = [];
    const shown = [];
    let asked = 0;
    const sounds = new code.KlustrSounds({
        ask: () => ++asked, isOpen: () => false, show: (words) => shown.push(words), store: () => {},
        state: (name, text) => said.push([name, text]), exists: () => true, changed: () => {}
    });
    sounds.current = { id: 5, uid: "u", path: "/a.wav", start: 0, end: 1, name: "a" };
    sounds.kit();
    sounds.answered("/klustr/fail", ["/klustr/kit", 1, "notready", "there is no map yet"]);
    sounds.similar();
    sounds.answered("/klustr/fail", ["/klustr/similar", 2, "notfound", "no sound has the id 5"]);
    assert.deepStrictEqual(said, [["refused", "there is no map yet"], ["refused", "no sound has the id 5"]]);
    sounds.memory.keep(0, sounds.current);
    sounds.restore(new code.KlustrMemory(8).stored());
    assert.deepStrictEqual(shown[0], ["pad", 1, "1"]);
});
