/** Turns mouse, pen, fingers and wheel into what they mean on the map. */

import { pan, pinch, zoomAt, type Camera, type Point, type Size } from "./camera";

export type Tool = "play" | "move";

export interface Meanings {
  camera(): Camera;
  size(): Size;
  tool(): Tool;
  look(camera: Camera): void;
  /** A finger or the pressed mouse is at a place of the screen; each has a cursor of its own. */
  press(cursor: number, at: Point): void;
  drag(cursor: number, at: Point): void;
  lift(cursor: number, at: Point): void;
  /** The mouse moves with no button held; null: it has left. */
  hover(at: Point | null): void;
}

interface Held {
  readonly cursor: number;
  at: Point;
}

const WHEEL_LINE_PX = 16;
const MOST_CURSORS = 16;

export class Gestures {
  private readonly held = new Map<number, Held>();

  constructor(
    private readonly element: HTMLElement,
    private readonly meanings: Meanings,
  ) {
    element.addEventListener("pointerdown", (event) => this.down(event));
    element.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"] as const) {
      element.addEventListener(end, (event) => this.up(event));
    }
    element.addEventListener("pointerleave", () => meanings.hover(null));
    element.addEventListener("blur", () => delete element.dataset.hand);
    element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    element.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  private at(event: MouseEvent): Point {
    const box = this.element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  private down(event: PointerEvent): void {
    this.element.dataset.hand = "";
    this.element.focus({ preventScroll: true });
    event.preventDefault();
    this.element.setPointerCapture(event.pointerId);
    const moves = this.meanings.tool() === "move" || event.button > 0 || event.shiftKey;
    const cursor = moves ? -1 : this.freeCursor();
    this.held.set(event.pointerId, { cursor, at: this.at(event) });
    if (cursor >= 0) this.meanings.press(cursor, this.at(event));
  }

  private move(event: PointerEvent): void {
    const held = this.held.get(event.pointerId);
    const at = this.at(event);
    if (!held) {
      if (event.pointerType !== "touch") this.meanings.hover(at);
      return;
    }
    if (held.cursor >= 0) {
      held.at = at;
      this.meanings.drag(held.cursor, at);
      return;
    }
    const other = [...this.held.values()].find((one) => one !== held && one.cursor < 0);
    const { camera, size, look } = this.meanings;
    if (other) look(pinch(camera(), size(), [held.at, other.at], [at, other.at]));
    else look(pan(camera(), at.x - held.at.x, at.y - held.at.y));
    held.at = at;
  }

  private up(event: PointerEvent): void {
    const held = this.held.get(event.pointerId);
    this.held.delete(event.pointerId);
    if (held && held.cursor >= 0) this.meanings.lift(held.cursor, held.at);
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? WHEEL_LINE_PX : 1;
    const { camera, size, look } = this.meanings;
    if (event.shiftKey && !event.ctrlKey) {
      look(pan(camera(), -event.deltaX * unit, -event.deltaY * unit));
      return;
    }
    // a pinch on a touch pad comes as a wheel with Ctrl, in small steps
    const speed = event.ctrlKey ? 0.01 : 0.0016;
    const step = Math.max(-240, Math.min(240, event.deltaY * unit));
    look(zoomAt(camera(), size(), this.at(event), Math.exp(-step * speed)));
  }

  private freeCursor(): number {
    const taken = new Set([...this.held.values()].map((held) => held.cursor));
    for (let cursor = 0; cursor < MOST_CURSORS; cursor++) if (!taken.has(cursor)) return cursor;
    return MOST_CURSORS - 1;
  }
}
