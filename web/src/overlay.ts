/** Draws what lies over the points: neighbours' lines, the trail, cursors, the ring around the chosen one. */

import { toScreen, type Camera, type Point, type Size } from "./camera";
import type { World } from "./world";

const CURSOR_LIFE_MS = 20_000;
const CURSOR_GLIDE_MS = 90;
const TRAIL_LENGTH = 32;

interface Cursor {
  id: number;
  readonly label: string;
  readonly colour: string;
  from: Point;
  movedAt: number;
}

/** Well apart from each other and from the ground; cursors have labels too. */
const CURSOR_COLOURS = ["#ffffff", "#ffb340", "#6fd3ff", "#9dff8a", "#ff8ad8", "#fff27a"];

export class Overlay {
  chosen = 0;
  hovered = 0;
  neighbours: readonly number[] = [];
  /** Places of sounds that are not in the library, as one that was dropped. */
  private trail: number[] = [];
  private readonly cursors = new Map<string, Cursor>();
  private readonly context: CanvasRenderingContext2D;
  private density = 1;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly world: World,
  ) {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("this browser draws on no canvas");
    this.context = context;
  }

  resize(size: Size, density: number): void {
    this.density = density;
    this.canvas.width = Math.round(size.width * density);
    this.canvas.height = Math.round(size.height * density);
  }

  /** A cursor of some client has come to a sound. */
  hit(cursor: number, id: number, origin: string, now: number): void {
    const key = `${origin} ${cursor}`;
    const before = this.cursors.get(key);
    this.cursors.set(key, {
      id,
      label: `${origin}${cursor ? ` ${cursor}` : ""}`,
      colour: before?.colour ?? CURSOR_COLOURS[this.cursors.size % CURSOR_COLOURS.length],
      from: before ? this.placeOf(before, now) : this.placeOfId(id, now),
      movedAt: now,
    });
  }

  played(id: number): void {
    if (this.trail[this.trail.length - 1] === id) return;
    this.trail = [...this.trail, id].slice(-TRAIL_LENGTH);
  }

  clearTrail(): void {
    this.trail = [];
  }

  get nCursors(): number {
    return this.cursors.size;
  }

  get nTrail(): number {
    return this.trail.length;
  }

  /** Draw all of it; true while something still moves by itself. */
  draw(camera: Camera, size: Size, now: number): boolean {
    const { context } = this;
    context.setTransform(this.density, 0, 0, this.density, 0, 0);
    context.clearRect(0, 0, size.width, size.height);
    const at = (id: number) => this.onScreen(id, camera, size, now);
    if (!this.world.nPads) {
      this.drawNeighbours(at);
      this.drawTrail(at);
      this.drawRing(at(this.hovered), 11, "rgba(255,255,255,0.75)", 1.5);
      this.drawRing(at(this.chosen), 14, "#ffb340", 2.5);
    }
    return this.drawCursors(camera, size, now);
  }

  private drawNeighbours(at: (id: number) => Point | null): void {
    const centre = at(this.chosen);
    if (!centre) return;
    this.neighbours.forEach((id, i) => {
      const end = at(id);
      if (!end) return;
      const weight = 1 - i / (this.neighbours.length + 1);
      this.line(centre, end, `rgba(255,179,64,${0.25 + 0.55 * weight})`, 0.8 + 1.4 * weight);
      this.drawRing(end, 6, `rgba(255,179,64,${0.35 + 0.5 * weight})`, 1.2);
    });
  }

  private drawTrail(at: (id: number) => Point | null): void {
    for (let i = 1; i < this.trail.length; i++) {
      const [a, b] = [at(this.trail[i - 1]), at(this.trail[i])];
      if (!a || !b) continue;
      const age = i / this.trail.length;
      this.line(a, b, `rgba(255,255,255,${0.08 + 0.34 * age})`, 0.8 + 1.2 * age);
    }
  }

  private drawCursors(camera: Camera, size: Size, now: number): boolean {
    let moving = false;
    for (const [key, cursor] of this.cursors) {
      const age = now - cursor.movedAt;
      if (age > CURSOR_LIFE_MS) {
        this.cursors.delete(key);
        continue;
      }
      moving ||= age < CURSOR_GLIDE_MS;
      const place = this.placeOf(cursor, now);
      if (place.x < 0) continue;
      const { x, y } = toScreen(camera, size, place.x, place.y);
      this.drawRing({ x, y }, 9, cursor.colour, 2);
      this.line({ x: x - 15, y }, { x: x - 5, y }, cursor.colour, 2);
      this.line({ x: x + 5, y }, { x: x + 15, y }, cursor.colour, 2);
      this.line({ x, y: y - 15 }, { x, y: y - 5 }, cursor.colour, 2);
      this.line({ x, y: y + 5 }, { x, y: y + 15 }, cursor.colour, 2);
      this.write(cursor.label, x + 13, y - 9, cursor.colour);
    }
    return moving;
  }

  private write(text: string, x: number, y: number, colour: string): void {
    const { context } = this;
    context.font = "11px system-ui, sans-serif";
    context.lineWidth = 3;
    context.strokeStyle = "rgba(0,0,0,0.85)";
    context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }

  private line(a: Point, b: Point, colour: string, width: number): void {
    const { context } = this;
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(a.x, a.y);
    context.lineTo(b.x, b.y);
    context.stroke();
  }

  private drawRing(at: Point | null, r: number, colour: string, width: number): void {
    if (!at) return;
    const { context } = this;
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.arc(at.x, at.y, r, 0, 2 * Math.PI);
    context.stroke();
  }

  private onScreen(id: number, camera: Camera, size: Size, now: number): Point | null {
    const place = this.placeOfId(id, now);
    return place.x < 0 ? null : toScreen(camera, size, place.x, place.y);
  }

  private placeOfId(id: number, now: number): Point {
    const row = this.world.points.rows.get(id);
    return row === undefined || !this.world.isThere(id) ? { x: -1, y: -1 } : this.world.placeAt(row, now);
  }

  /** A cursor glides from sound to sound, so that the eye can follow it. */
  private placeOf(cursor: Cursor, now: number): Point {
    const end = this.placeOfId(cursor.id, now);
    const t = Math.min(1, (now - cursor.movedAt) / CURSOR_GLIDE_MS);
    if (t >= 1 || end.x < 0 || cursor.from.x < 0) return end;
    return { x: cursor.from.x + (end.x - cursor.from.x) * t, y: cursor.from.y + (end.y - cursor.from.y) * t };
  }
}
