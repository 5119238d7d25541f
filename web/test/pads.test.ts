import assert from "node:assert/strict";
import { test } from "node:test";

import { cellAt, fitting, inkOn, middleOf, passed, radiusFor, shortName, sizeName, SIZES } from "../src/pads";
import { chance } from "./making";

const AREA = { width: 800, height: 400 };
const SIZE = { columns: 8, rows: 4 };

test("the middle of each pad lies on it, row 0 is the lowest, and beside the pads there is none", () => {
  for (let column = 0; column < 8; column++) {
    for (let row = 0; row < 4; row++) {
      assert.deepEqual(cellAt(AREA, SIZE, middleOf(AREA, SIZE, { column, row })), { column, row });
    }
  }
  assert.ok(middleOf(AREA, SIZE, { column: 0, row: 0 }).y > middleOf(AREA, SIZE, { column: 0, row: 3 }).y);
  for (const at of [{ x: -1, y: 9 }, { x: 801, y: 9 }, { x: 9, y: -1 }, { x: 9, y: 401 }]) assert.equal(cellAt(AREA, SIZE, at), null);
});

test("a quick drag passes every pad in between, once each and in order", () => {
  const columns = passed(AREA, SIZE, { x: 50, y: 350 }, { x: 750, y: 350 }).map(({ column }) => column);
  assert.deepEqual(columns, [1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(passed(AREA, SIZE, { x: 10, y: 10 }, { x: 20, y: 20 }), []);
  assert.deepEqual(passed(AREA, SIZE, { x: 150, y: 350 }, { x: -90, y: 350 }), [{ column: 0, row: 0 }], "and out of them");
});

test("the circle around a sound holds as many as there are pads, of those that count", () => {
  const next = chance(5);
  const places = Float32Array.from({ length: 2000 }, next);
  const distance = (row: number) => Math.hypot(places[2 * row] - places[14], places[2 * row + 1] - places[15]);
  const even = (row: number) => row % 2 === 0 || row === 7;
  for (const counts of [() => true, even]) {
    const radius = radiusFor(places, 7, 64, counts);
    const inside = Array.from({ length: 1000 }, (_, row) => row).filter((row) => counts(row) && distance(row) <= radius);
    assert.equal(inside.length, 64);
  }
  assert.equal(radiusFor(places, 7, 1000, () => true), 1.5, "fewer than pads: all of them");
  const crowd = new Float32Array(2000).fill(0.5);
  assert.ok(radiusFor(crowd, 0, 16, () => true) > 0, "in one place, too");
});

test("what stands on a pad can be read on every colour", () => {
  const light = (rgb: readonly number[]) => {
    const [r, g, b] = rgb.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const next = chance(9);
  for (let i = 0; i < 500; i++) {
    const rgb = [next(), next(), next()].map((value) => Math.round(255 * value));
    const ink = inkOn(rgb) === "#fff" ? 1 : 0;
    const [low, high] = [light(rgb), ink].sort((a, b) => a - b);
    assert.ok((high + 0.05) / (low + 0.05) >= 4.5, `${rgb}`);
  }
});

test("a strip begins with few rows, and names lose what says their format alone", () => {
  assert.equal(sizeName(fitting({ width: 400, height: 141 })), "8 × 4");
  assert.equal(sizeName(fitting({ width: 900, height: 700 })), "8 × 8");
  assert.ok(SIZES.every(({ columns, rows }) => columns <= 32 && rows <= 32));
  assert.deepEqual(["Kick 01.wav", "v1.2 hat.flac", "noise", ".wav"].map(shortName), ["Kick 01", "v1.2 hat", "noise", ".wav"]);
});
