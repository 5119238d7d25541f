import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { calm, paced, Retry } from "../src/pacing";

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  const clock = {
    setTimeout: (f: () => void, ms: number) => setTimeout(f, ms),
    clearTimeout: (timer: NodeJS.Timeout) => clearTimeout(timer),
  };
  Object.assign(globalThis, { window: clock });
});

test("what waits for calm is done once, after the last call", () => {
  let n = 0;
  const ask = calm(100, () => n++);
  for (let i = 0; i < 20; i++) {
    ask();
    mock.timers.tick(60);
  }
  assert.equal(n, 0);
  mock.timers.tick(60);
  assert.equal(n, 1);
});

test("what is paced is done again and again, though it is asked for without a pause", () => {
  let n = 0;
  const ask = paced(() => 100, () => n++);
  for (let i = 0; i < 100; i++) {
    ask();
    mock.timers.tick(10);
  }
  assert.ok(n >= 9 && n <= 10, `${n} times in a second`);
  mock.timers.tick(1000);
  const last = n;
  mock.timers.tick(1000);
  assert.equal(n, last, "and not without being asked");
});

test("what has failed is tried again, ever later, until it goes well", () => {
  let n = 0;
  const retry = new Retry(() => {
    n++;
    retry.begin();
  });
  retry.begin();
  mock.timers.tick(1000);
  assert.equal(n, 1);
  mock.timers.tick(1999);
  assert.equal(n, 1, "the second pause is longer");
  mock.timers.tick(1);
  assert.deepEqual([n, retry.isUnderWay], [2, true]);
  for (let second = 0; second < 60; second++) mock.timers.tick(1000);
  assert.ok(n >= 5 && n <= 7, `${n} times in a minute`);
  const last = n;
  retry.end();
  mock.timers.tick(60_000);
  assert.deepEqual([n, retry.isUnderWay], [last, false]);
});
