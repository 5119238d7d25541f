import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Link } from "../src/link";

/** The other end of the web socket: what is sent is kept, what a test says comes in. */
class FakeSocket {
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  readyState = 0;
  sent: { address: string; arguments: unknown[] }[] = [];
  onopen = () => {};
  onclose = () => {};
  onmessage = (_: { data: string }) => {};

  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  open(): void {
    this.readyState = FakeSocket.OPEN;
    this.onopen();
  }

  close(): void {
    this.readyState = 3;
    this.onclose();
  }

  say(address: string, ...args: unknown[]): void {
    this.onmessage({ data: JSON.stringify({ address, arguments: args }) });
  }
}

const states: boolean[] = [];

const refused: string[] = [];

function connected(): { link: Link; socket: FakeSocket } {
  const link = new Link("ws://bridge", (open) => states.push(open), ({ message }) => refused.push(message));
  link.connect();
  const socket = FakeSocket.all[0];
  socket.open();
  return { link, socket };
}

beforeEach(() => {
  FakeSocket.all = [];
  states.length = refused.length = 0;
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const clock = {
    setTimeout: (f: () => void, ms: number) => setTimeout(f, ms),
    clearTimeout: (timer: NodeJS.Timeout) => clearTimeout(timer),
    setInterval: (f: () => void, ms: number) => setInterval(f, ms),
  };
  Object.assign(globalThis, { window: clock, WebSocket: FakeSocket });
});

test("a question gets its own answer, also when answers come in another order", async () => {
  const { link, socket } = connected();
  const first = link.ask("/klustr/path", [7]);
  const second = link.ask("/klustr/path", [8]);
  const [a, b] = socket.sent.map((message) => message.arguments[0]);
  assert.notEqual(a, b);
  socket.say("/klustr/path.reply", b, 8, "/b.wav");
  socket.say("/klustr/path.reply", a, 7, "/a.wav");
  assert.equal((await first).args[2], "/a.wav");
  assert.equal((await second).args[2], "/b.wav");
});

test("a list in parts answers once it is whole", async () => {
  const { link, socket } = connected();
  const found = link.ask("/klustr/find", ["kick", 10]);
  const req = socket.sent[0].arguments[0];
  socket.say("/klustr/find.reply", req, 1, 2, 1, 11);
  socket.say("/klustr/find.reply", req, 2, 2, 1, 12);
  assert.deepEqual((await found).rows, [[11], [12]]);
});

test("what is refused is told with its reason, to who asked", async () => {
  const { link, socket } = connected();
  const asked = link.ask("/klustr/info", [99]);
  const command = link.command("/klustr/folder/add", ["/nowhere"]);
  socket.say("/klustr/fail", "/klustr/folder/add", -1, "notfound", "no such folder");
  socket.say("/klustr/fail", "/klustr/info", socket.sent[0].arguments[0], "notfound", "no sound 99");
  await assert.rejects(asked, /no sound 99/);
  await assert.rejects(command, /no such folder/);
});

test("library commands of one address are answered in turn", async () => {
  const { link, socket } = connected();
  const done: string[] = [];
  const first = link.command("/klustr/rescan").then(() => done.push("first"));
  const second = link.command("/klustr/rescan").then(() => done.push("second"));
  socket.say("/klustr/done", "/klustr/rescan");
  await first;
  assert.deepEqual(done, ["first"]);
  socket.say("/klustr/done", "/klustr/rescan");
  await second;
});

test("a question that nobody answers fails in the end", async () => {
  const { link } = connected();
  const asked = link.ask("/klustr/health", [], 500);
  mock.timers.tick(501);
  await assert.rejects(asked, /no answer to \/klustr\/health/);
});

test("pushes go to everyone who waits for them", () => {
  const { link, socket } = connected();
  const heard: unknown[] = [];
  link.on("/klustr/hit", (args) => heard.push(args[1]));
  link.on("/klustr/hit", (args) => heard.push(args[1]));
  socket.say("/klustr/hit", 0, 42, 0.5, 0.5, 0, "osc");
  assert.deepEqual(heard, [42, 42]);
});

test("when the bridge goes, what was asked fails and it is looked for until it is back", async () => {
  const { link, socket } = connected();
  const asked = link.ask("/klustr/health");
  socket.close();
  await assert.rejects(asked, /the bridge has gone/);
  await assert.rejects(link.ask("/klustr/health"), /the bridge is not there/);
  for (let tries = 2; tries <= 5; tries++) {
    mock.timers.tick(4000);
    assert.equal(FakeSocket.all.length, tries);
    if (tries < 5) FakeSocket.all[tries - 1].close();
  }
  FakeSocket.all[4].open();
  assert.equal(link.open, true);
  assert.deepEqual([states[0], states[states.length - 1]], [true, true]);
  link.send("/klustr/stop");
  assert.equal(FakeSocket.all[4].sent[0].address, "/klustr/stop");
});

test("its lease is kept by a ping now and then", () => {
  const { socket } = connected();
  mock.timers.tick(60_000);
  assert.equal(socket.sent.filter((message) => message.address === "/klustr/ping").length, 3);
});

test("the longer the bridge is away, the less often it is looked for", () => {
  const { socket } = connected();
  socket.close();
  for (const pause of [250, 500, 1000, 2000, 4000, 4000]) {
    const n = FakeSocket.all.length;
    mock.timers.tick(pause - 1);
    assert.equal(FakeSocket.all.length, n, `not before ${pause} ms`);
    mock.timers.tick(1);
    assert.equal(FakeSocket.all.length, n + 1);
    FakeSocket.all[n].close();
  }
  mock.timers.tick(4000);
  FakeSocket.all[7].open();
  FakeSocket.all[7].close();
  mock.timers.tick(250);
  assert.equal(FakeSocket.all.length, 9, "once it was there, the pauses begin anew");
});

test("a connection that is refused is told from one that is lost", () => {
  const { link, socket } = connected();
  socket.close();
  assert.equal(link.wasOpen, true);
  mock.timers.tick(250);
  FakeSocket.all[1].close();
  assert.equal(link.wasOpen, false);
});

test("a failure of another address with the same number rejects nothing", async () => {
  const { link, socket } = connected();
  const asked = link.ask("/klustr/info", [4]);
  const [req] = socket.sent[0].arguments;
  socket.say("/klustr/fail", "/klustr/similar", req, "notfound", "not this one");
  socket.say("/klustr/info.reply", req, 4);
  assert.deepEqual((await asked).args, [req, 4]);
});

test("what the bridge refuses and nobody waits for is told, a late answer is not", async () => {
  const { link, socket } = connected();
  link.send("/klustr/filter/duration", 2, 1);
  socket.say("/klustr/fail", "/klustr/filter/duration", -1, "badargs", "least is above most");
  assert.deepEqual(refused, ["least is above most"]);
  const command = link.command("/klustr/rescan");
  socket.say("/klustr/fail", "/klustr/rescan", -1, "busy", "one is under way");
  await assert.rejects(command, /one is under way/);
  const asked = link.ask("/klustr/info", [9], 500);
  mock.timers.tick(501);
  await assert.rejects(asked);
  socket.say("/klustr/fail", "/klustr/info", socket.sent[2].arguments[0], "notfound", "too late");
  assert.deepEqual(refused, ["least is above most"]);
});
