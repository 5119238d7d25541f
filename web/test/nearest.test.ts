import assert from "node:assert/strict";
import { test } from "node:test";
import { Lattice, nearestThatWay } from "../src/nearest";
import { chance } from "./making";

function scatter(n: number, seed: number, clumped: boolean): Float32Array {
  const draw = chance(seed);
  const places = new Float32Array(2 * n);
  for (let i = 0; i < 2 * n; i++) places[i] = clumped ? 0.5 + 0.02 * (draw() - 0.5) : draw();
  return places;
}

function byLooking(places: Float32Array, x: number, y: number, counts: (row: number) => boolean): number {
  let best = -1;
  let least = Infinity;
  for (let row = 0; row < places.length / 2; row++) {
    const d = (places[2 * row] - x) ** 2 + (places[2 * row + 1] - y) ** 2;
    if (d < least && counts(row)) [best, least] = [row, d];
  }
  return best;
}

test("the lattice finds what looking at every sound finds", () => {
  const draw = chance(3);
  for (const [n, clumped] of [[1, false], [2, false], [50, false], [3000, false], [3000, true]] as const) {
    const places = scatter(n, n, clumped);
    const lattice = new Lattice(places);
    for (let i = 0; i < 300; i++) {
      const [x, y] = [draw() * 1.4 - 0.2, draw() * 1.4 - 0.2];
      const third = (row: number) => i % 2 === 0 || row % 3 === 0;
      assert.equal(lattice.nearest(x, y, third), byLooking(places, x, y, third), `${n} sounds, ${x}, ${y}`);
    }
  }
});

test("where nothing counts, nothing is found", () => {
  assert.equal(new Lattice(scatter(100, 1, false)).nearest(0.5, 0.5, () => false), -1);
  assert.equal(new Lattice(new Float32Array(0)).nearest(0.5, 0.5, () => true), -1);
});

test("arrow keys lead that way, rather straight ahead than to the side", () => {
  //                          0: start     1: right, a bit up  2: nearer, but up  3: up        4: left
  const places = Float32Array.from([0.5, 0.5, 0.7, 0.52, 0.55, 0.56, 0.5, 0.9, 0.1, 0.45]);
  const all = () => true;
  assert.equal(nearestThatWay(places, 0, "right", all), 1);
  assert.equal(nearestThatWay(places, 0, "up", all), 2);
  assert.equal(nearestThatWay(places, 0, "up", (row) => row !== 2), 3);
  assert.equal(nearestThatWay(places, 0, "left", all), 4);
  assert.equal(nearestThatWay(places, 0, "down", all), -1);
});

test("from every sound of a crowd, arrow keys reach every other one", () => {
  const places = scatter(200, 8, false);
  const reached = new Set([0]);
  const left = [0];
  while (left.length) {
    const row = left.pop() as number;
    for (const direction of ["left", "right", "up", "down"] as const) {
      const next = nearestThatWay(places, row, direction, () => true);
      if (next >= 0 && !reached.has(next)) {
        reached.add(next);
        left.push(next);
      }
    }
  }
  assert.ok(reached.size >= 190, `only ${reached.size} of 200 are reached`);
});
