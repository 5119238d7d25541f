import assert from "node:assert/strict";
import { test } from "node:test";
import { decodePoints, FAVOURITE } from "../src/points";
import { AWAY, DIM, lengthsOf, LIT, NO_FILTERS, SHOWN, World } from "../src/world";
import { encode, type Made } from "./making";

function world(sounds: readonly Made[], now = 0): World {
  const made = new World(1000);
  made.adopt(decodePoints(encode(sounds)), now);
  return made;
}

const drawn = (of: World) => [...of.points.ids].map((_, row) => of.look[4 * row + 1]);

test("the first points are there at once, later ones glide from where they are seen", () => {
  const map = world([{ id: 1, at: [0, 0] }, { id: 2, at: [1, 1] }]);
  assert.equal(map.progress(0), 1);
  map.adopt(decodePoints(encode([{ id: 2, at: [0, 0] }, { id: 3, at: [0.5, 0.5] }], 2)), 5000);
  assert.deepEqual(map.placeAt(0, 5000), { x: 1, y: 1 });
  assert.deepEqual(map.placeAt(0, 5500), { x: 0.5, y: 0.5 });
  assert.deepEqual(map.placeAt(0, 6000), { x: 0, y: 0 });
  assert.deepEqual(map.placeAt(1, 5000), { x: 0.5, y: 0.5 }, "what is new appears where it belongs");
  assert.deepEqual([map.look[3], map.look[7]], [0, 1], "and is marked as newly come");
  assert.equal(map.points.rows.has(1), false);
});

test("a morph that another one cuts short goes on from where it was", () => {
  const map = world([{ id: 1, at: [0, 0], even: [1, 0] }]);
  map.setView("even", 100);
  assert.deepEqual(map.placeAt(0, 600), { x: 0.5, y: 0 });
  map.setView("natural", 600);
  assert.deepEqual(map.placeAt(0, 600), { x: 0.5, y: 0 });
  assert.deepEqual(map.placeAt(0, 1600), { x: 0, y: 0 });
});

test("filters hold together, and decide what is nearest", () => {
  const map = world([
    { id: 1, at: [0, 0], kind: 1, durationS: 0.1 },
    { id: 2, at: [0.2, 0], kind: 2, durationS: 1, flags: FAVOURITE },
    { id: 3, at: [0.4, 0], kind: 2, durationS: 3 },
  ]);
  assert.equal(map.nearest(0.05, 0), 0);
  map.setFilters({ ...NO_FILTERS, kinds: new Set([2]) });
  assert.deepEqual(drawn(map), [DIM, SHOWN, SHOWN]);
  assert.equal(map.nearest(0.05, 0), 1);
  map.setFilters({ ...NO_FILTERS, kinds: new Set([2]), leastS: 2 });
  assert.equal(map.nearest(0.05, 0), 2);
  map.setFilters({ ...NO_FILTERS, mostS: 0.5 });
  assert.equal(map.nShown, 1);
  map.setFilters({ ...NO_FILTERS, favourites: true });
  assert.deepEqual(drawn(map), [DIM, SHOWN, DIM]);
  map.setFilters({ ...NO_FILTERS, within: new Set([3]) });
  assert.deepEqual(drawn(map), [DIM, DIM, SHOWN]);
  map.setFilters({ ...NO_FILTERS, kinds: new Set([9]) });
  assert.equal(map.nearest(0.5, 0.5), -1);
});

test("a sound of exactly the length that is asked for is let through, as the bridge does", () => {
  const lengths = [0.1, 0.2, 0.3, 0.6, 0.7];
  const map = world(lengths.map((durationS, i) => ({ id: i + 1, at: [0, 0], durationS })));
  for (const [i, length] of lengths.entries()) {
    map.setFilters({ ...NO_FILTERS, ...lengthsOf("", String(length)) });
    assert.equal(map.nShown, i + 1, `at most ${length}`);
    map.setFilters({ ...NO_FILTERS, ...lengthsOf(String(length), "") });
    assert.equal(map.nShown, lengths.length - i, `at least ${length}`);
  }
});

test("lengths the wrong way round are taken the right way round, empty ones narrow nothing", () => {
  assert.deepEqual(lengthsOf("2", "1"), { leastS: 1, mostS: 2 });
  assert.deepEqual(lengthsOf("1", "2"), { leastS: 1, mostS: 2 });
  assert.deepEqual(lengthsOf("", ""), { leastS: 0, mostS: Infinity });
});

test("points that come in the middle of a morph glide on from where they are seen", () => {
  const map = world([{ id: 1, at: [0, 0] }]);
  map.adopt(decodePoints(encode([{ id: 1, at: [1, 0] }])), 100);
  assert.deepEqual(map.placeAt(0, 600), { x: 0.5, y: 0 });
  map.adopt(decodePoints(encode([{ id: 1, at: [1, 1] }])), 600);
  assert.deepEqual(map.placeAt(0, 600), { x: 0.5, y: 0 });
  assert.deepEqual(map.placeAt(0, 1100), { x: 0.75, y: 0.5 });
});

test("what is nearest follows a favourite that is marked, or isn't any more", () => {
  const map = world([{ id: 1, at: [0, 0], flags: FAVOURITE }, { id: 2, at: [1, 1] }]);
  map.setFilters({ ...NO_FILTERS, favourites: true });
  assert.equal(map.nearest(0.9, 0.9), 0);
  map.setFavourite(2, true);
  assert.equal(map.nearest(0.9, 0.9), 1);
  map.setFavourite(2, false);
  assert.equal(map.nearest(0.9, 0.9), 0);
});

test("what is found is lit where the filters let it through", () => {
  const map = world([{ id: 1, at: [0, 0], kind: 1 }, { id: 2, at: [1, 1], kind: 2 }, { id: 3, at: [1, 0], kind: 1 }]);
  map.setLit(new Set([1, 2]));
  map.setFilters({ ...NO_FILTERS, kinds: new Set([1]) });
  assert.deepEqual(drawn(map), [LIT, DIM, SHOWN]);
});

test("filters and light outlast new points", () => {
  const map = world([{ id: 1, at: [0, 0], kind: 1 }]);
  map.setFilters({ ...NO_FILTERS, kinds: new Set([2]) });
  map.setLit(new Set([8]));
  map.adopt(decodePoints(encode([{ id: 1, at: [0, 0], kind: 1 }, { id: 8, at: [1, 1], kind: 2 }])), 0);
  assert.deepEqual(drawn(map), [DIM, LIT]);
});

test("favourites are marked and unmarked, without touching the other flags", () => {
  const map = world([{ id: 4, at: [0, 0], flags: 4 }]);
  map.setFavourite(4, true);
  assert.equal(map.isFavourite(4), true);
  assert.equal(map.points.flags[0], 4 | FAVOURITE);
  map.setFavourite(4, false);
  assert.equal(map.points.flags[0], 4);
  map.setFavourite(99, true);
  assert.equal(map.isFavourite(99), false);
});

test("every change raises the version, so that it is drawn", () => {
  const map = world([{ id: 1, at: [0, 0], even: [1, 1] }]);
  const seen = new Set([map.version]);
  map.setView("even", 0);
  seen.add(map.version);
  map.setFilters({ ...NO_FILTERS, leastS: 5 });
  seen.add(map.version);
  map.setLit(new Set([1]));
  seen.add(map.version);
  map.adopt(map.points, 0);
  seen.add(map.version);
  assert.equal(seen.size, 5);
});

test("without motion, everything is where it belongs at once", () => {
  const still = new World(0);
  still.adopt(decodePoints(encode([{ id: 1, at: [0, 0], even: [1, 1] }])), 0);
  still.setView("even", 10);
  assert.deepEqual(still.placeAt(0, 10), { x: 1, y: 1 });
});

test("sounds glide to their pads while the others fade, and home again", () => {
  const map = world([{ id: 1, at: [0, 0] }, { id: 2, at: [1, 1] }, { id: 3, at: [1, 0], kind: 2 }]);
  assert.equal(map.gone(0), null);
  map.setFilters({ ...NO_FILTERS, kinds: new Set([1]) });
  map.setPads(new Map([[1, { x: 0.5, y: 0.25 }]]), 1000);
  assert.deepEqual(drawn(map), [SHOWN, AWAY, DIM]);
  assert.deepEqual([map.isThere(1), map.isThere(2)], [true, false]);
  assert.deepEqual([map.gone(1000), map.gone(1500), map.gone(2000)], [0, 0.5, 1]);
  assert.deepEqual(map.placeAt(0, 1500), { x: 0.25, y: 0.125 });
  assert.deepEqual(map.placeAt(1, 1500), { x: 1, y: 1 }, "who has no pad stays at home");
  map.setPads(null, 1500); // turned back half way
  assert.deepEqual([map.gone(1500), map.gone(2500)], [0.5, 0]);
  assert.deepEqual(map.placeAt(0, 1500), { x: 0.25, y: 0.125 });
  assert.deepEqual(map.placeAt(0, 2500), { x: 0, y: 0 });
  map.settle(2400);
  assert.deepEqual(drawn(map), [SHOWN, AWAY, DIM], "still coming back");
  map.settle(2500);
  assert.deepEqual(drawn(map), [SHOWN, SHOWN, DIM]);
  assert.equal(map.gone(2500), null);
});

test("pads outlast new points, another view and another size of the screen", () => {
  const map = world([{ id: 1, at: [0, 0], even: [1, 0] }, { id: 2, at: [1, 1] }]);
  map.setPads(new Map([[1, { x: 0.5, y: 0.5 }]]), 0);
  map.adopt(decodePoints(encode([{ id: 1, at: [0.2, 0] }, { id: 3, at: [0.1, 0.1] }], 2)), 2000);
  assert.deepEqual(map.placeAt(0, 2000), { x: 0.5, y: 0.5 });
  assert.deepEqual(drawn(map), [SHOWN, AWAY]);
  assert.equal(map.gone(2000), 1, "and nobody flashes up");
  map.setPads(new Map([[1, { x: 0.25, y: 0.25 }]]), 3000, false);
  assert.deepEqual(map.placeAt(0, 3000), { x: 0.25, y: 0.25 });
  map.setView("even", 4000);
  map.setPads(null, 4000);
  assert.deepEqual(map.placeAt(0, 4000), { x: 0.25, y: 0.25 });
  assert.ok(Math.abs(map.placeAt(0, 5000).x - 0.2) < 1e-6);
});

test("a hundred thousand sounds take pads within a frame or two", () => {
  const many = Array.from({ length: 100_000 }, (_, i) => ({ id: i + 1, at: [(i % 317) / 317, i / 1e5] as [number, number] }));
  const map = world(many);
  const began = performance.now();
  map.setPads(new Map(many.slice(0, 256).map(({ id }) => [id, { x: 0.5, y: 0.5 }])), 0);
  assert.equal(map.placeAt(0, 1000).x, 0.5);
  assert.ok(performance.now() - began < 500, "measured: 10 ms");
});
