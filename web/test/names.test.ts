import assert from "node:assert/strict";
import { test } from "node:test";

Object.assign(globalThis, { window: globalThis });
const { Names } = await import("../src/server");

/** Names from a bridge of these files; `told` settles whenever names have come. */
function asked(files: Record<string, string>) {
  const requests: number[][] = [];
  globalThis.fetch = (async (path: string) => {
    const ids = path.split("=")[1].split(",");
    requests.push(ids.map(Number));
    const named = Object.fromEntries(ids.filter((id) => files[id]).map((id) => [id, files[id]]));
    return new Response(JSON.stringify(named));
  }) as typeof fetch;
  let hear = () => {};
  const names = new Names(() => hear());
  return { names, requests, told: () => new Promise<void>((resolve) => (hear = resolve)) };
}

test("names are asked for together, once", async () => {
  const { names, requests, told } = asked({ 1: "a.wav", 2: "b.wav" });
  assert.equal(names.of(1, () => [1, 2]), "");
  await told();
  assert.deepEqual([names.of(1), names.of(2)], ["a.wav", "b.wav"]);
  assert.deepEqual(requests, [[1, 2]]);
});

test("after a change of the library a name stands until the new one is there, and only it is asked for", async () => {
  const files: Record<string, string> = { 1: "a.wav", 2: "b.wav" };
  const { names, requests, told } = asked(files);
  names.of(1, () => [1, 2]);
  await told();
  files[1] = "renamed.wav";
  names.renew("another");
  assert.equal(names.of(1), "a.wav");
  await told();
  assert.equal(names.of(1), "renamed.wav");
  assert.deepEqual(requests.slice(1), [[1]]);
});

test("what was asked before a change and comes after it is asked again", async () => {
  const files: Record<string, string> = { 1: "a.wav" };
  const { names, told } = asked(files);
  const plain = globalThis.fetch;
  globalThis.fetch = (async (path: string) => {
    const answer = await plain(path);
    files[1] = "renamed.wav";
    names.renew("another"); // the library changes while the answer is on its way
    globalThis.fetch = plain;
    return answer;
  }) as typeof fetch;
  names.of(1);
  await told();
  assert.equal(names.of(1), "a.wav");
  await told();
  assert.equal(names.of(1), "renamed.wav");
});
