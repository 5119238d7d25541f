/** Draws the points on a 2D canvas, where a browser has no WebGL. */

import { GROUND, opacityOfPass, traceShape, type Frame, type KindLook, type Renderer, type Scene } from "./drawing";
import type { Size } from "./camera";
import { DIM, LIT, PASSES } from "./world";

/** Below this size, in device pixels, shapes are only dimmer dots: squares are drawn, which is much faster. */
const DOT = 5;

/** A colour over the ground as one number, as the pixels of an image hold it on all machines of today. */
function packed(rgb: readonly number[], opacity: number): number {
  const [r, g, b] = rgb.map((channel, i) => Math.round(GROUND[i] + (channel - GROUND[i]) * opacity));
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

export class CanvasRenderer implements Renderer {
  readonly name = "canvas";
  private kinds: readonly KindLook[] = [];
  private image: ImageData | null = null;
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
    const sizes = PASSES.map((pass) => this.diameterOf(frame, pass));
    // what is to be dots comes first: from pass to pass they get larger
    const nDots = sizes.filter((diameter) => diameter < DOT).length;
    if (nDots) {
      this.drawDots(scene, frame, nDots);
    } else {
      context.globalAlpha = 1;
      context.fillStyle = `rgb(${GROUND.join(",")})`;
      context.fillRect(0, 0, canvas.width, canvas.height);
    }
    for (let pass = nDots; pass <= LIT; pass++) {
      context.globalAlpha = opacityOfPass(frame, pass);
      if (!context.globalAlpha) continue;
      this.drawShapes(scene, frame, pass);
    }
  }

  private diameterOf(frame: Frame, pass: number): number {
    return Math.max(1, frame.diameter * frame.density * (pass === LIT ? 1.5 : pass === DIM ? 0.8 : 1));
  }

  /** Small squares written as pixels: ten times as fast as asking the canvas for each. */
  private drawDots(scene: Scene, frame: Frame, nPasses: number): void {
    const { context, canvas } = this;
    const { width, height } = canvas;
    if (this.image?.width !== width || this.image.height !== height) this.image = context.createImageData(width, height);
    const pixels = new Uint32Array(this.image.data.buffer);
    pixels.fill(packed(GROUND, 1));
    for (let pass = DIM; pass < nPasses; pass++) {
      const opacity = opacityOfPass(frame, pass);
      if (!opacity) continue;
      const colours = this.kinds.map(({ rgb }) => packed(rgb, opacity));
      const side = Math.max(1, Math.round(this.diameterOf(frame, pass)));
      this.forEach(scene, frame, pass, side / 2, (row, x, y) => {
        const colour = colours[scene.look[4 * row]];
        const left = Math.max(0, Math.round(x - side / 2));
        const right = Math.min(width, Math.round(x - side / 2) + side);
        const top = Math.max(0, Math.round(y - side / 2));
        const bottom = Math.min(height, Math.round(y - side / 2) + side);
        for (let line = top; line < bottom; line++) {
          for (let at = line * width + left; at < line * width + right; at++) pixels[at] = colour;
        }
      });
    }
    context.putImageData(this.image, 0, 0);
  }

  private drawShapes(scene: Scene, frame: Frame, pass: number): void {
    const half = this.diameterOf(frame, pass) / 2;
    let kind = -1;
    this.forEach(scene, frame, pass, half, (row, x, y) => {
      if (scene.look[4 * row] !== kind) {
        kind = scene.look[4 * row];
        this.context.fillStyle = this.kinds[kind]?.colour ?? "#888";
      }
      this.drawShape(this.kinds[kind]?.shape ?? 0, x, y, half, scene.look[4 * row + 2] !== 0);
    });
  }

  /** Go through the points of a pass that are in sight, with their places in pixels of the canvas. */
  private forEach(
    scene: Scene,
    frame: Frame,
    pass: number,
    half: number,
    action: (row: number, x: number, y: number) => void,
  ): void {
    const { width, height } = this.canvas;
    const { from, to, look, order } = scene;
    const { camera, density, t } = frame;
    const sx = camera.sx * density;
    const sy = camera.sy * density;
    const left = width / 2 - camera.cx * sx;
    const base = height / 2 + camera.cy * sy;
    for (let i = 0; i < scene.n; i++) {
      const row = order[i];
      if (look[4 * row + 1] !== pass) continue;
      const x = left + (from[2 * row] + (to[2 * row] - from[2 * row]) * t) * sx;
      const y = base - (from[2 * row + 1] + (to[2 * row + 1] - from[2 * row + 1]) * t) * sy;
      if (x > -half && y > -half && x < width + half && y < height + half) action(row, x, y);
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
