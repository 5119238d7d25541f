/** The map under the hand: gestures, keys, names on hover. */

import { fit, toScreen, zoomAt, type Point } from "./camera";
import type { App } from "./app";
import { byId, kindTitle, pressed, seconds } from "./dom";
import { Gestures, type Tool } from "./gestures";
import { nearestThatWay, type Direction } from "./nearest";
import type { ViewName } from "./points";
import type { When } from "./hearing";

const HOVER_PX = 26;
const ZOOM_STEP = 1.5;
const ARROWS: Readonly<Record<string, Direction>> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
};

export class Pointing {
  private tool: Tool = "play";
  private hoverAt: Point | null = null;
  private readonly overlay = byId("overlay");
  private readonly tip = byId("tip");

  constructor(
    private readonly app: App,
    private readonly toggleFavourite: () => void,
  ) {
    new Gestures(this.overlay, {
      camera: () => app.camera,
      size: () => app.size,
      tool: () => this.tool,
      look: (camera) => {
        app.look(camera);
        this.showTip(null);
      },
      press: (cursor, at) => this.press(cursor, at),
      drag: (cursor, at) => this.moveTo(cursor, at),
      lift: (cursor) => this.lift(cursor),
      hover: (at) => this.hover(at),
    });
    this.overlay.addEventListener("keydown", (event) => this.key(event));
    this.wireBar();
    app.on("names", () => this.showTip(this.hoverAt));
    app.on("points", () => this.showTip(null));
  }

  private wireBar(): void {
    const { app } = this;
    const buttons = (selector: string) => [...document.querySelectorAll<HTMLElement>(selector)];
    for (const button of buttons("[data-view]")) {
      button.addEventListener("click", () => app.setView(button.dataset.view as ViewName | "grid"));
    }
    app.on("view", () => {
      this.showTip(null);
      for (const button of buttons("[data-view]")) pressed(button, button.dataset.view === (app.isGrid ? "grid" : app.world.view));
    });
    for (const button of buttons("[data-tool]")) {
      button.addEventListener("click", () => {
        this.tool = button.dataset.tool as Tool;
        this.overlay.dataset.tool = this.tool;
        for (const other of buttons("[data-tool]")) pressed(other, other === button);
      });
    }
    byId("zoom-in").addEventListener("click", () => this.zoom(ZOOM_STEP));
    byId("zoom-out").addEventListener("click", () => this.zoom(1 / ZOOM_STEP));
    byId("zoom-fit").addEventListener("click", () => app.look(fit(app.size)));
    const hear = byId<HTMLSelectElement>("hear");
    hear.addEventListener("change", () => app.hearing.set({ when: hear.value as When }));
  }

  private press(cursor: number, at: Point): void {
    this.app.hearing.wake();
    this.showTip(null);
    const row = this.rowAt(at);
    if (row >= 0) this.app.choose(this.app.world.points.ids[row]);
    this.moveTo(cursor, at);
  }

  /** Where a finger is, the bridge's cursor of the same number is. */
  private moveTo(cursor: number, at: Point): void {
    const { candidate, world } = this.app;
    if (candidate.looks) return candidate.touch(cursor, world.points.ids[this.rowAt(at)] ?? 0);
    const { x, y } = this.app.mapAt(at);
    this.app.hearing.move(Math.min(1, Math.max(0, x)), Math.min(1, Math.max(0, y)), cursor);
  }

  private lift(cursor: number): void {
    this.app.candidate.lift(cursor);
    this.app.hearing.lift(cursor);
  }

  private hover(at: Point | null): void {
    this.showTip(at);
    if (at && this.app.hearing.when === "hover") this.moveTo(0, at);
    else if (this.app.hearing.when === "hover") this.app.hearing.lift(0);
  }

  private rowAt(at: Point): number {
    const { x, y } = this.app.mapAt(at);
    return this.app.world.nearest(x, y);
  }

  /** Name the sound under the mouse. */
  private showTip(at: Point | null): void {
    const { app, tip } = this;
    this.hoverAt = at;
    const row = at ? this.rowAt(at) : -1;
    const place = row < 0 ? null : app.world.placeAt(row, performance.now());
    const there = place && toScreen(app.camera, app.size, place.x, place.y);
    const near = at && there && Math.hypot(there.x - at.x, there.y - at.y) <= HOVER_PX;
    const id = near ? app.world.points.ids[row] : 0;
    if (app.overlay.hovered !== id) {
      app.overlay.hovered = id;
      app.requestDraw();
    }
    tip.hidden = !id;
    if (!id || !there) return;
    const name = app.names.of(id, () => this.around(row));
    const kind = kindTitle(app.kindOf(id)?.name ?? "");
    tip.textContent = `${name || "…"} · ${kind} · ${seconds(app.world.points.durations[row])}`;
    const left = Math.min(there.x + 14, app.size.width - tip.offsetWidth - 4);
    const top = there.y > 40 ? there.y - 34 : there.y + 14;
    tip.style.transform = `translate(${Math.max(4, left)}px, ${top}px)`;
  }

  /** Ids of sounds near a row: their names will be wanted next. */
  private *around(row: number): Iterable<number> {
    const { points, to } = this.app.world;
    const reach = 60 / this.app.camera.sx;
    let left = 100;
    for (let other = 0; other < points.n && left > 0; other++) {
      const near = Math.abs(to[2 * other] - to[2 * row]) < reach && Math.abs(to[2 * other + 1] - to[2 * row + 1]) < reach;
      if (near) {
        left--;
        yield points.ids[other];
      }
    }
  }

  private zoom(factor: number): void {
    const { app } = this;
    const row = app.world.points.rows.get(app.chosen);
    const { to } = app.world;
    const middle = { x: app.size.width / 2, y: app.size.height / 2 };
    const at = row === undefined ? middle : toScreen(app.camera, app.size, to[2 * row], to[2 * row + 1]);
    const inSight = at.x >= 0 && at.y >= 0 && at.x <= app.size.width && at.y <= app.size.height;
    app.look(zoomAt(app.camera, app.size, inSight ? at : middle, factor));
  }

  private key(event: KeyboardEvent): void {
    delete this.overlay.dataset.hand;
    if (this.app.isGrid) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { app } = this;
    const direction = ARROWS[event.key];
    if (direction) this.step(direction);
    else if (event.key === " " || event.key === "Enter") app.chosen && app.hearing.trigger(app.chosen);
    else if (event.key === "+" || event.key === "=") this.zoom(ZOOM_STEP);
    else if (event.key === "-") this.zoom(1 / ZOOM_STEP);
    else if (event.key === "0") app.look(fit(app.size));
    else if (event.key === "f" || event.key === "F") this.toggleFavourite();
    else if (event.key === "Escape") this.letGo();
    else return;
    event.preventDefault();
  }

  /** Nothing chosen, nothing searched for, nothing lit. */
  private letGo(): void {
    this.app.choose(0);
    this.app.world.setLit(new Set());
    this.app.tell("let go");
    this.app.requestDraw();
  }

  private step(direction: Direction): void {
    const { world, chosen, camera } = this.app;
    const from = world.points.rows.get(chosen);
    const row = from === undefined ? world.nearest(camera.cx, camera.cy) : nearestThatWay(world.to, from, direction, world.counts);
    if (row >= 0) this.app.playAndShow(world.points.ids[row]);
  }
}
