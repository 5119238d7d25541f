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
    for (const counts of [() => true, (row: number) => row % 3 === 0, (row: number) => row === n >> 1]) {
      const lattice = new Lattice(places, counts);
      for (let i = 0; i < 200; i++) {
        const [x, y] = [draw() * 1.4 - 0.2, draw() * 1.4 - 0.2];
        assert.equal(lattice.nearest(x, y), byLooking(places, x, y, counts), `${n} sounds, ${x}, ${y}`);
      }
    }
  }
});

test("where nothing counts, nothing is found", () => {
  assert.equal(new Lattice(scatter(100, 1, false), () => false).nearest(0.5, 0.5), -1);
  assert.equal(new Lattice(new Float32Array(0)).nearest(0.5, 0.5), -1);
});

test("a filter that leaves few of many costs no more than it leaves", () => {
  const places = scatter(100_000, 5, false);
  let looks = 0;
  const seen = new Proxy(places, {
    get: (target, key) => {
      if (typeof key === "string" && /^\d+$/.test(key)) looks++;
      return Reflect.get(target, key, target);
    },
  });
  const lattice = new Lattice(seen, (row) => row === 77_000);
  looks = 0;
  assert.equal(lattice.nearest(0.9, 0.1), 77_000);
  assert.ok(looks <= 4, `${looks} places were looked at`);
  assert.equal((lattice as unknown as { side: number }).side, 1, "one cell, not the 50,000 of all sounds");
});

test("arrow keys go through all sounds of one place, and leave it", () => {
  const places = Float32Array.from([0.2, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.8, 0.5]);
  const walk = (from: number, direction: "left" | "right", counts = (_: number) => true) => {
    const way = [from];
    for (let row = nearestThatWay(places, from, direction, counts); row >= 0; row = nearestThatWay(places, row, direction, counts)) way.push(row);
    return way;
  };
  assert.deepEqual(walk(0, "right"), [0, 1, 2, 3, 4]);
  assert.deepEqual(walk(3, "left"), [3, 2, 1, 0]);
  assert.deepEqual(walk(0, "right", (row) => row !== 2), [0, 1, 3, 4]);
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
