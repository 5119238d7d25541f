import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Hearing } from "../src/hearing";
import type { Handler, Link } from "../src/link";

/** What the bridge and the machine's sound would be; the ids of what sounds, and of what fades, are kept. */
let sounding: { id: number; gain: number }[] = [];
let faded: number[] = [];
let sent: unknown[][] = [];
let fetched: number[] = [];
let slow = new Map<number, () => void>();
let now = 0;
let play: Handler = () => {};

class FakeContext {
  readonly currentTime = 0;
  readonly destination = {};
  readonly state = "running";

  async decodeAudioData(data: ArrayBuffer): Promise<object> {
    const id = new Int32Array(data)[0];
    return { id, length: id === 900 ? 2 ** 24 : 1000, numberOfChannels: 2 };
  }
}

class FakeSource {
  private gain: FakeGain | null = null;
  private readonly id: number;
  onended = () => {};

  constructor(_: unknown, { buffer }: { buffer: { id: number } }) {
    this.id = buffer.id;
  }

  connect(gain: FakeGain): FakeGain {
    return (this.gain = gain);
  }

  start(): void {
    sounding.push({ id: this.id, gain: this.gain?.gain.value ?? 0 });
  }

  stop(): void {
    faded.push(this.id);
  }
}

class FakeGain {
  readonly gain = { value: 0, setTargetAtTime: () => {} };

  constructor(_: unknown, { gain }: { gain: number }) {
    this.gain.value = gain;
  }

  connect(): void {}
}

/** Sound 10 lies at x = 0.1, 20 at 0.2, and so on. */
function hearing(mode: string): Hearing {
  const link = {
    on: (_: string, handler: Handler) => (play = handler),
    send: (...words: unknown[]) => sent.push(words),
  };
  const made = new Hearing(link as unknown as Link, (x) => Math.round(100 * x));
  made.set({ player: "client", mode });
  return made;
}

const settled = () => new Promise(setImmediate);
const ids = () => sounding.map(({ id }) => id);

async function told(id: number, velocity = 1): Promise<void> {
  play([1, id, velocity, "/a path", 0, 0]);
  await settled();
}

beforeEach(() => {
  mock.restoreAll();
  [sounding, faded, sent, fetched, slow, now] = [[], [], [], [], new Map(), 0];
  mock.method(performance, "now", () => now);
  const fetch = async (path: string) => {
    const id = Number(path.split("/").pop());
    fetched.push(id);
    if (slow.has(id)) await new Promise<void>((resolve) => slow.set(id, resolve));
    return new Response(new Int32Array([id]).buffer);
  };
  Object.assign(globalThis, { AudioContext: FakeContext, AudioBufferSourceNode: FakeSource, GainNode: FakeGain, fetch });
});

test("what the bridge has played sounds, as loud as its velocity says", async () => {
  hearing("change");
  await told(10, 1);
  await told(20, 0.5);
  assert.deepEqual(sounding, [{ id: 10, gain: 1 }, { id: 20, gain: 0.25 }]);
});

test("where the bridge sounds itself, the browser is silent", async () => {
  hearing("change").set({ player: "internal" });
  await told(10);
  assert.deepEqual([sounding, fetched], [[], []]);
});

test("stop ends what sounds, and what is still on its way", async () => {
  const heard = hearing("change");
  slow.set(20, () => {});
  await told(10);
  await told(20);
  heard.stop();
  slow.get(20)?.();
  await settled();
  assert.deepEqual([ids(), faded], [[10], [10]]);
  assert.deepEqual(sent[sent.length - 1], ["/klustr/stop"]);
  await told(30);
  assert.deepEqual(ids(), [10, 30], "and what comes after it is heard");
});

test("of what comes late only the last is heard", async () => {
  hearing("change");
  for (const id of [10, 20, 30]) {
    slow.set(id, () => {});
    await told(id);
  }
  now = 500;
  for (const id of [10, 20, 30]) slow.get(id)?.();
  await settled();
  assert.deepEqual(ids(), [30]);
});

test("what is held ends with the next sound of the same cursor, not of another", async () => {
  const heard = hearing("hold");
  heard.move(0.1, 0, 0);
  await told(10);
  heard.move(0.2, 0, 1);
  await told(20);
  assert.deepEqual(faded, [], "two fingers, two sounds");
  heard.move(0.3, 0, 0);
  await told(30);
  assert.deepEqual(faded, [10]);
  heard.lift(1);
  assert.deepEqual(faded, [10, 20]);
  await told(40);
  assert.deepEqual(faded, [10, 20], "what MIDI plays takes nobody's place");
  heard.lift(0);
  assert.deepEqual(faded, [10, 20, 30]);
});

test("what a lifted finger was to hold is not heard afterwards", async () => {
  const heard = hearing("hold");
  slow.set(10, () => {});
  heard.move(0.1, 0, 0);
  await told(10);
  heard.lift(0);
  slow.get(10)?.();
  await settled();
  assert.deepEqual(sounding, [], "nor what was on its way");
  heard.move(0.2, 0, 0);
  heard.lift(0);
  now = 50;
  await told(20);
  assert.deepEqual(sounding, [], "nor what the bridge had played before it knew");
  heard.trigger(20);
  await told(20);
  assert.deepEqual(ids(), [20], "a button does play it");
});

test("without hold a lift ends nothing", async () => {
  const heard = hearing("change");
  heard.move(0.1, 0, 0);
  await told(10);
  heard.lift(0);
  assert.deepEqual(faded, []);
  assert.deepEqual(sent.slice(-2), [["/klustr/xy", 0.1, 0, 0], ["/klustr/lift", 0]]);
});

test("24 sound at once; each further one ends the one that began first", async () => {
  hearing("change");
  for (let id = 1; id <= 27; id++) await told(id);
  assert.deepEqual(faded, [1, 2, 3]);
});

test("the last sounds are kept, up to so many bytes", async () => {
  hearing("change");
  await told(1);
  await told(2);
  await told(1);
  assert.deepEqual(fetched, [1, 2]);
  await told(900); // 128 MB
  await told(1);
  assert.deepEqual(fetched, [1, 2, 900, 1]);
});
