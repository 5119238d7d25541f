import assert from "node:assert/strict";
import { test } from "node:test";
import { countKinds, decodePoints, drawingOrder, FAVOURITE, withPlaces } from "../src/points";
import { encode } from "./making";

test("points are unpacked as they were packed", () => {
  const points = decodePoints(
    encode([{ id: 7, at: [0.25, 0.5], even: [0.75, 0.125], kind: 3, flags: FAVOURITE, durationS: 1.5 }, { id: 9, at: [1, 0] }], 4),
  );
  assert.equal(points.epoch, 4);
  assert.deepEqual([...points.ids], [7, 9]);
  assert.deepEqual([...points.places.natural], [0.25, 0.5, 1, 0]);
  assert.deepEqual([...points.durations], [1.5, 1]);
  assert.deepEqual([...points.kinds], [3, 1]);
  assert.deepEqual([...points.flags], [FAVOURITE, 0]);
  assert.equal(points.rows.get(9), 1);
});

test("a sound without an even place is shown at its natural one", () => {
  const points = decodePoints(encode([{ id: 1, at: [0.25, 0.5] }, { id: 2, at: [0, 0], even: [NaN, NaN] }]));
  assert.deepEqual([...points.places.even], [0.25, 0.5, 0, 0]);
});

test("what is no set of points, or is cut short, is refused with the reason", () => {
  const whole = encode([{ id: 1, at: [0, 0] }]);
  assert.throws(() => decodePoints(whole.slice(0, 30)), /1 points take 42 bytes, but 30 came/);
  assert.throws(() => decodePoints(new ArrayBuffer(40)), /not 'KMP1'/);
  assert.throws(() => decodePoints(new ArrayBuffer(3)), /not 'KMP1'/);
});

test("rare kinds are drawn over frequent ones, unknown below all", () => {
  const kinds = Uint8Array.from([2, 1, 1, 0, 0, 0, 2, 1, 3, 0]);
  const drawn = [...drawingOrder(kinds)].map((row) => kinds[row]);
  assert.deepEqual(drawn, [0, 0, 0, 0, 1, 1, 1, 2, 2, 3]);
  assert.deepEqual(countKinds(kinds).slice(0, 4), [4, 3, 2, 1]);
});

test("the same sounds lie at another map's places; one that it lacks stays where it is", () => {
  const inForce = decodePoints(encode([{ id: 3, at: [0.1, 0.2] }, { id: 5, at: [0.3, 0.4] }]));
  const other = decodePoints(encode([{ id: 5, at: [0.9, 0.8], even: [0.7, 0.6] }, { id: 9, at: [0.5, 0.5] }]));
  const shown = withPlaces(inForce, other);
  const tenths = (places: Float32Array) => [...places].map((each) => Math.round(each * 10));
  assert.deepEqual([...shown.ids], [3, 5]);
  assert.deepEqual(tenths(shown.places.natural), [1, 2, 9, 8]);
  assert.deepEqual(tenths(shown.places.even), [1, 2, 7, 6]);
  assert.deepEqual(tenths(inForce.places.natural), [1, 2, 3, 4]);
});
