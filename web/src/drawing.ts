/** What both renderers share: the picture they are to draw, sizes of points, colours and shapes. */

import type { Camera, Size } from "./camera";
import { AWAY, DIM, LIT } from "./world";

export type Shape = 0 | 1 | 2 | 3 | 4 | 5;
/** Marker letters as the bridge names them: pairs of kinds differ in colour or in shape. */
const SHAPES: Readonly<Record<string, Shape>> = { o: 0, s: 1, "^": 2, v: 3, D: 4, P: 5 };

export interface KindLook {
  readonly name: string;
  readonly colour: string;
  readonly rgb: readonly [number, number, number];
  readonly shape: Shape;
}

export interface Scene {
  readonly version: number;
  readonly n: number;
  readonly from: Float32Array;
  readonly to: Float32Array;
  /** Four bytes a row: kind, dim/shown/lit, favourite, newly come. */
  readonly look: Uint8Array;
  readonly order: Uint32Array;
}

export interface Frame {
  readonly camera: Camera;
  readonly size: Size;
  /** Device pixels a CSS pixel. */
  readonly density: number;
  /** How far the morph is, 0..1. */
  readonly t: number;
  readonly diameter: number;
  readonly opacity: number;
  /** How far those that are away have faded, 0..1; null: nobody is away. */
  readonly gone: number | null;
}

export interface Renderer {
  readonly name: "webgl" | "canvas";
  setLooks(kinds: readonly KindLook[]): void;
  resize(size: Size, density: number): void;
  draw(scene: Scene, frame: Frame): void;
}

export const GROUND: readonly [number, number, number] = [0x14, 0x15, 0x18];
export const DIM_OPACITY = 0.13;

export function kindLook(name: string, colour: string, marker: string | undefined): KindLook {
  const value = parseInt(colour.slice(1), 16);
  return { name, colour, rgb: [value >> 16, (value >> 8) & 255, value & 255], shape: SHAPES[marker ?? "o"] ?? 0 };
}

/** Diameter of a point in CSS pixels: what n points leave room for, more when one looks closer. */
export function diameterOf(n: number, size: Size, zoom: number): number {
  const alone = (0.32 * Math.sqrt(size.width * size.height)) / Math.sqrt(Math.max(1, n));
  return Math.min(22, Math.min(13, Math.max(2.2, alone)) * Math.sqrt(Math.max(1, zoom)));
}

/** How opaque the points of a pass are; 0: there is nothing to draw. */
export function opacityOfPass({ opacity, gone }: Frame, pass: number): number {
  if (pass === LIT) return 1;
  if (pass === AWAY) return gone === null ? 0 : opacity * (1 - gone);
  return pass === DIM ? DIM_OPACITY * (1 - (gone ?? 0)) : opacity;
}

/** What was not found is there, but steps back. */
export const BESIDE_LIT = 0.35;

/** Many points glow together, a few are solid. */
export function opacityOf(n: number, zoom: number): number {
  const crowd = Math.min(1, Math.max(0, (Math.log10(Math.max(1, n / zoom)) - 3) / 2));
  return 0.95 - 0.3 * crowd;
}

/** Trace a marker around x, y; `r` is the radius of the circle that has its size. */
export function traceShape(context: CanvasRenderingContext2D, shape: Shape, x: number, y: number, r: number): void {
  context.beginPath();
  if (shape === 0) {
    context.arc(x, y, r, 0, 2 * Math.PI);
  } else if (shape === 1) {
    context.rect(x - 0.87 * r, y - 0.87 * r, 1.74 * r, 1.74 * r);
  } else if (shape === 4) {
    polygon(context, x, y, [0, -1.2 * r, 1.2 * r, 0, 0, 1.2 * r, -1.2 * r, 0]);
  } else if (shape === 5) {
    const a = 0.4 * r;
    const b = 1.1 * r;
    polygon(context, x, y, [-a, -b, a, -b, a, -a, b, -a, b, a, a, a, a, b, -a, b, -a, a, -b, a, -b, -a, -a, -a]);
  } else {
    const up = shape === 2 ? 1 : -1;
    polygon(context, x, y, [0, -1.15 * r * up, 1.15 * r, 0.9 * r * up, -1.15 * r, 0.9 * r * up]);
  }
}

function polygon(context: CanvasRenderingContext2D, x: number, y: number, corners: readonly number[]): void {
  for (let i = 0; i < corners.length; i += 2) context.lineTo(x + corners[i], y + corners[i + 1]);
  context.closePath();
}
