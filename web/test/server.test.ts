import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Names } from "../src/server";

let asked: string[] = [];
let files: Record<string, string> = {};
let isAway = false;
let news = 0;

/** Let time pass, and what waits for an answer go on. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 10) {
    mock.timers.tick(10);
    await new Promise(setImmediate);
  }
}

/** Names as a page has them: whenever there are news it asks for all that it shows. */
function shown(...ids: number[]): Names {
  const names = new Names(() => {
    news++;
    for (const id of ids) names.of(id);
  });
  for (const id of ids) names.of(id);
  return names;
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  [asked, files, isAway, news] = [[], { 1: "Kick 1.wav", 2: "Snare 2.wav" }, false, 0];
  const clock = {
    setTimeout: (f: () => void, ms: number) => setTimeout(f, ms),
    clearTimeout: (timer: NodeJS.Timeout) => clearTimeout(timer),
  };
  const fetch = async (path: string) => {
    asked.push(path);
    if (isAway) throw new TypeError("Failed to fetch");
    const ids = path.split("=")[1].split(",");
    return new Response(JSON.stringify(Object.fromEntries(ids.filter((id) => files[id]).map((id) => [id, files[id]]))));
  };
  Object.assign(globalThis, { window: clock, fetch });
});

test("names are asked for together, and once", async () => {
  const names = shown(1, 2);
  await pass(1000);
  assert.deepEqual([names.of(1), names.of(2)], ["Kick 1.wav", "Snare 2.wav"]);
  assert.deepEqual(asked, ["/map/names?ids=1,2"]);
});

test("a sound that has no name, as its file is gone, is asked for once", async () => {
  const names = shown(1, 99);
  await pass(3000);
  assert.deepEqual([names.of(1), names.of(99)], ["Kick 1.wav", ""]);
  await pass(3000);
  assert.equal(asked.length, 1);
});

test("while the bridge is away it is asked ever less often, and what was wanted comes when it is back", async () => {
  isAway = true;
  const names = shown(1);
  await pass(10_000);
  assert.ok(asked.length >= 3 && asked.length <= 5, `${asked.length} times in 10 s`);
  isAway = false;
  await pass(10_000);
  assert.equal(names.of(1), "Kick 1.wav");
  assert.equal(news, 1);
});

test("when the library has changed, old names stand until the new ones are there", async () => {
  const names = shown(1, 2);
  names.renew("a");
  await pass(100);
  files[1] = "Renamed.wav";
  names.renew("a");
  await pass(100);
  assert.equal(names.of(1), "Kick 1.wav", "nothing says that it has changed");
  const before = asked.length;
  names.renew("b");
  assert.equal(names.of(1), "Kick 1.wav", "shown while the new one is asked for");
  await pass(100);
  assert.equal(names.of(1), "Renamed.wav");
  assert.equal(names.of(2), "Snare 2.wav");
  await pass(1000);
  assert.ok(asked.length <= before + 2, "each is asked for once more");
});

test("names that turn out to be what they were are no news", async () => {
  const names = shown(1);
  names.renew("a");
  await pass(100);
  news = 0;
  names.renew("b");
  names.of(1);
  await pass(100);
  assert.equal(news, 0);
});

test("what another bridge is asked is not answered by the one before it", async () => {
  const names = shown(1);
  mock.timers.tick(30); // the question is on its way
  names.forget();
  files[1] = "Of another library.wav";
  await new Promise(setImmediate);
  assert.equal(names.of(1), "");
  await pass(100);
  assert.equal(names.of(1), "Of another library.wav");
});
