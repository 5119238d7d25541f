/** Draws the points on a 2D canvas, where a browser has no WebGL. */

import { DIM_OPACITY, GROUND, traceShape, type Frame, type KindLook, type Renderer, type Scene } from "./drawing";
import type { Size } from "./camera";
import { DIM, LIT, SHOWN } from "./world";

/** Below this size, in device pixels, shapes are only dimmer dots: a square is drawn, which is much faster. */
const DOT = 5;

export class CanvasRenderer implements Renderer {
  readonly name = "canvas";
  private kinds: readonly KindLook[] = [];
  private readonly context: CanvasRenderingContext2D;

  constructor(private readonly canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("this browser draws neither with WebGL nor on a canvas");
    this.context = context;
  }

  setLooks(kinds: readonly KindLook[]): void {
    this.kinds = kinds;
  }

  resize(size: Size, density: number): void {
    this.canvas.width = Math.round(size.width * density);
    this.canvas.height = Math.round(size.height * density);
  }

  draw(scene: Scene, frame: Frame): void {
    const { context, canvas } = this;
    context.globalAlpha = 1;
    context.fillStyle = `rgb(${GROUND.join(",")})`;
    context.fillRect(0, 0, canvas.width, canvas.height);
    for (const pass of [DIM, SHOWN, LIT]) {
      context.globalAlpha = pass === DIM ? DIM_OPACITY : pass === LIT ? 1 : frame.opacity;
      this.drawPass(scene, frame, pass);
    }
  }

  private drawPass(scene: Scene, frame: Frame, pass: number): void {
    const { context, canvas } = this;
    const { from, to, look, order } = scene;
    const { camera, density, t } = frame;
    const diameter = Math.max(1, frame.diameter * density * (pass === LIT ? 1.5 : pass === DIM ? 0.8 : 1));
    const half = diameter / 2;
    const sx = camera.sx * density;
    const sy = camera.sy * density;
    const left = canvas.width / 2 - camera.cx * sx;
    const base = canvas.height / 2 + camera.cy * sy;
    let kind = -1;
    for (let i = 0; i < scene.n; i++) {
      const row = order[i];
      if (look[4 * row + 1] !== pass) continue;
      const x = left + (from[2 * row] + (to[2 * row] - from[2 * row]) * t) * sx;
      const y = base - (from[2 * row + 1] + (to[2 * row + 1] - from[2 * row + 1]) * t) * sy;
      if (x < -half || y < -half || x > canvas.width + half || y > canvas.height + half) continue;
      if (look[4 * row] !== kind) {
        kind = look[4 * row];
        context.fillStyle = this.kinds[kind]?.colour ?? "#888";
      }
      if (diameter < DOT) {
        context.fillRect(x - half, y - half, diameter, diameter);
      } else {
        this.drawShape(this.kinds[kind]?.shape ?? 0, x, y, half, look[4 * row + 2] !== 0);
      }
    }
  }

  /** A dark rim keeps neighbours apart, a bright one marks favourites. */
  private drawShape(shape: KindLook["shape"], x: number, y: number, r: number, ringed: boolean): void {
    traceShape(this.context, shape, x, y, r);
    this.context.fill();
    this.context.strokeStyle = ringed ? "#fff" : `rgb(${GROUND.join(",")})`;
    this.context.lineWidth = ringed ? Math.max(1.2, 0.22 * r) : 1;
    this.context.stroke();
  }
}
