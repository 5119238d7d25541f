import assert from "node:assert/strict";
import { test } from "node:test";
import { fit, pan, pinch, resized, reveal, toMap, toScreen, zoomAt, zoomOf } from "../src/camera";

const SIZES = [
  { width: 1280, height: 800 },
  { width: 400, height: 140 },
  { width: 390, height: 700 },
];

function near(a: { x: number; y: number }, b: { x: number; y: number }, within: number): void {
  assert.ok(Math.hypot(a.x - b.x, a.y - b.y) <= within, `${JSON.stringify(a)} is not at ${JSON.stringify(b)}`);
}

test("screen and map belong together, y upwards", () => {
  for (const size of SIZES) {
    const camera = zoomAt(fit(size), size, { x: 30, y: 40 }, 3);
    near(toMap(camera, size, toScreen(camera, size, 0.3, 0.8)), { x: 0.3, y: 0.8 }, 1e-9);
    assert.ok(toScreen(camera, size, 0.5, 0.9).y < toScreen(camera, size, 0.5, 0.1).y);
  }
});

test("the whole map fits on every screen, and fills a low strip in both directions", () => {
  for (const size of SIZES) {
    for (const [x, y] of [[0, 0], [1, 1]]) {
      const at = toScreen(fit(size), size, x, y);
      assert.ok(at.x >= 0 && at.y >= 0 && at.x <= size.width && at.y <= size.height);
    }
  }
  const strip = fit(SIZES[1]);
  assert.ok(strip.sx > 350 && strip.sy > 110);
  const wide = fit({ width: 2000, height: 500 });
  assert.ok(wide.sx / wide.sy <= 1.4 + 1e-9);
});

test("zooming holds what is under the pointer, within limits", () => {
  const size = SIZES[0];
  let camera = fit(size);
  const at = { x: 500, y: 300 };
  const held = toMap(camera, size, at);
  for (let i = 0; i < 5; i++) camera = zoomAt(camera, size, at, 1.7);
  near(toMap(camera, size, at), held, 1e-9);
  assert.ok(Math.abs(zoomOf(camera, size) - 1.7 ** 5) < 1e-6);
  assert.ok(zoomOf(zoomAt(camera, size, at, 1e9), size) <= 400.001);
  assert.ok(zoomOf(zoomAt(camera, size, at, 1e-9), size) >= 0.699);
});

test("panning moves what is seen by as many pixels, and not out of the map", () => {
  const size = SIZES[0];
  const camera = zoomAt(fit(size), size, { x: 640, y: 400 }, 4);
  const before = toScreen(camera, size, 0.5, 0.5);
  near(toScreen(pan(camera, 30, -20), size, 0.5, 0.5), { x: before.x + 30, y: before.y - 20 }, 1e-6);
  const far = pan(camera, 1e6, 1e6);
  assert.ok(far.cx >= 0 && far.cx <= 1 && far.cy >= 0 && far.cy <= 1);
});

test("a pinch keeps the places under both fingers", () => {
  const size = SIZES[2];
  const camera = zoomAt(fit(size), size, { x: 200, y: 350 }, 3);
  const from = [{ x: 150, y: 300 }, { x: 250, y: 400 }] as const;
  const to = [{ x: 130, y: 290 }, { x: 270, y: 430 }] as const;
  const pinched = pinch(camera, size, from, [to[0], { x: to[0].x + 150, y: to[0].y + 150 }]);
  near(toMap(pinched, size, { x: 205, y: 365 }), toMap(camera, size, { x: 200, y: 350 }), 1e-9);
  assert.ok(Math.abs(pinched.sx / camera.sx - 1.5) < 1e-9);
});

test("a change of size keeps zoom and middle", () => {
  const camera = pan(zoomAt(fit(SIZES[0]), SIZES[0], { x: 100, y: 100 }, 5), 40, 7);
  const after = resized(camera, SIZES[0], SIZES[2]);
  assert.deepEqual([after.cx, after.cy], [camera.cx, camera.cy]);
  assert.ok(Math.abs(zoomOf(after, SIZES[2]) - 5) < 1e-9);
});

test("a place out of sight is brought in, one in sight moves nothing", () => {
  const size = SIZES[0];
  const camera = zoomAt(fit(size), size, { x: 0, y: 0 }, 4);
  assert.equal(reveal(camera, size, camera.cx, camera.cy, 40), camera);
  const at = toScreen(reveal(camera, size, 0.9, 0.2, 40), size, 0.9, 0.2);
  assert.ok(at.x <= size.width - 39.9 && at.y <= size.height - 39.9 && at.x >= 39.9 && at.y >= 39.9);
});
