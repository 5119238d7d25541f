import assert from "node:assert/strict";
import { test } from "node:test";
import { fit } from "../src/camera";
import { Overlay } from "../src/overlay";
import { decodePoints } from "../src/points";
import { World } from "../src/world";
import { encode } from "./making";

const SIZE = { width: 400, height: 300 };

/** On a canvas that draws nothing. */
function overlay(): Overlay {
  const context = new Proxy({}, { get: () => () => {}, set: () => true });
  const world = new World(0);
  world.adopt(decodePoints(encode([{ id: 1, at: [0.2, 0.2] }, { id: 2, at: [0.8, 0.8] }])), 0);
  return new Overlay({ getContext: () => context } as unknown as HTMLCanvasElement, world);
}

test("a cursor that hasn't moved for long goes, another one stays", () => {
  const shown = overlay();
  shown.hit(0, 1, "osc", 0);
  shown.hit(1, 2, "osc", 15_000);
  shown.draw(fit(SIZE), SIZE, 19_000);
  assert.equal(shown.nCursors, 2);
  shown.draw(fit(SIZE), SIZE, 21_000);
  assert.equal(shown.nCursors, 1);
  shown.draw(fit(SIZE), SIZE, 36_000);
  assert.equal(shown.nCursors, 0);
});
