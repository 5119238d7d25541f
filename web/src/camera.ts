/** What part of the map is seen, and how points of map and screen belong together. Pure. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** `cx`, `cy`: the place at the middle of the screen; `sx`, `sy`: pixels that the map is wide and high. */
export interface Camera {
  readonly cx: number;
  readonly cy: number;
  readonly sx: number;
  readonly sy: number;
}

const MARGIN_SHARE = 0.04;
/** A map somewhat wider than high fills more of a screen, and neighbours still look like neighbours. */
const MOST_STRETCH = 1.4;
/** A strip as low as a device in Live is an XY pad: there the whole of it counts. */
const STRIP_HEIGHT = 260;
const MOST_ZOOM = 400;
const LEAST_ZOOM = 0.7;

/** Show the whole map. */
export function fit(size: Size): Camera {
  const margin = Math.max(8, Math.min(size.width, size.height) * MARGIN_SHARE);
  const width = Math.max(1, size.width - 2 * margin);
  const height = Math.max(1, size.height - 2 * margin);
  const stretch = size.height < STRIP_HEIGHT ? Infinity : MOST_STRETCH;
  return { cx: 0.5, cy: 0.5, sx: Math.min(width, height * stretch), sy: Math.min(height, width * stretch) };
}

export function toScreen(camera: Camera, size: Size, x: number, y: number): Point {
  return {
    x: size.width / 2 + (x - camera.cx) * camera.sx,
    y: size.height / 2 - (y - camera.cy) * camera.sy,
  };
}

export function toMap(camera: Camera, size: Size, at: Point): Point {
  return {
    x: camera.cx + (at.x - size.width / 2) / camera.sx,
    y: camera.cy - (at.y - size.height / 2) / camera.sy,
  };
}

/** How many times larger than the whole map on this screen. */
export function zoomOf(camera: Camera, size: Size): number {
  return camera.sx / fit(size).sx;
}

/** Make it larger or smaller by a factor; what lies at `at` on the screen stays there. */
export function zoomAt(camera: Camera, size: Size, at: Point, factor: number): Camera {
  const whole = fit(size);
  const now = camera.sx / whole.sx;
  const zoom = Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, now * factor));
  const held = toMap(camera, size, at);
  const sx = whole.sx * zoom;
  const sy = whole.sy * zoom;
  return clamp({ cx: held.x - (at.x - size.width / 2) / sx, cy: held.y + (at.y - size.height / 2) / sy, sx, sy });
}

/** Move what is seen by pixels. */
export function pan(camera: Camera, dx: number, dy: number): Camera {
  return clamp({ ...camera, cx: camera.cx - dx / camera.sx, cy: camera.cy + dy / camera.sy });
}

/** Follow two fingers: their middle keeps its place on the map, their distance the scale. */
export function pinch(camera: Camera, size: Size, from: readonly [Point, Point], to: readonly [Point, Point]): Camera {
  const before = middle(from);
  const after = middle(to);
  const ratio = distance(to) / Math.max(1, distance(from));
  return zoomAt(pan(camera, after.x - before.x, after.y - before.y), size, after, ratio);
}

/** Keep the zoom and what lies in the middle when the screen gets another size. */
export function resized(camera: Camera, before: Size, after: Size): Camera {
  const zoom = zoomOf(camera, before);
  const whole = fit(after);
  return { cx: camera.cx, cy: camera.cy, sx: whole.sx * zoom, sy: whole.sy * zoom };
}

/** Bring a place into sight, with as little movement as can be. */
export function reveal(camera: Camera, size: Size, x: number, y: number, margin: number): Camera {
  const at = toScreen(camera, size, x, y);
  const dx = Math.max(margin - at.x, 0) + Math.min(size.width - margin - at.x, 0);
  const dy = Math.max(margin - at.y, 0) + Math.min(size.height - margin - at.y, 0);
  return dx || dy ? pan(camera, dx, dy) : camera;
}

function clamp(camera: Camera): Camera {
  return { ...camera, cx: Math.min(1, Math.max(0, camera.cx)), cy: Math.min(1, Math.max(0, camera.cy)) };
}

function middle(pair: readonly [Point, Point]): Point {
  return { x: (pair[0].x + pair[1].x) / 2, y: (pair[0].y + pair[1].y) / 2 };
}

function distance(pair: readonly [Point, Point]): number {
  return Math.hypot(pair[0].x - pair[1].x, pair[0].y - pair[1].y);
}
