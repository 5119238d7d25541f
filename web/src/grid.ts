/** The view as a grid of pads: the bridge lays sounds out on them, points become pads and pads points again. */

import type { App } from "./app";
import { toMap, toScreen, type Point, type Size } from "./camera";
import { byId, fileName, fill, kindTitle, make, pressed, toast } from "./dom";
import { cellAt, fitting, inkOn, middleOf, passed, radiusFor, shortName, sizeName, SIZES, type Cell, type GridSize } from "./pads";
import { calm } from "./pacing";
import type { Row } from "./parts";
import { MORPH_MS } from "./world";

const CALM_MS = 120;
const POINT_PX = 10;
const LEAST_NAMED: Size = { width: 44, height: 20 };
const WAYS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

interface Pad {
  readonly cell: Cell;
  readonly button: HTMLButtonElement;
  id: number;
}

interface Held {
  at: Point;
  pad: Pad | undefined;
}

export class Grid {
  private size: GridSize | null = null;
  /** The sound that the pads lie around; 0: they stand for the whole map. */
  private centre = 0;
  private asked = 0;
  private timer = 0;
  private hoverAt: Held | null = null;
  private readonly pads = new Map<string, Pad>();
  private readonly held = new Map<number, Held>();
  private readonly section = byId("grid");
  private readonly field = byId("pads");
  private readonly overlay = byId("overlay");
  private readonly sizes = byId<HTMLSelectElement>("pad-size");

  constructor(
    private readonly app: App,
    private readonly toggleFavourite: () => void,
  ) {
    const again = calm(CALM_MS, () => void this.ask());
    for (const news of ["points", "filters"] as const) app.on(news, again);
    app.on("view", () => (app.isGrid ? this.enter() : this.leave()));
    app.on("size", () => app.isGrid && this.place(false));
    app.on("names", () => this.nameAll());
    app.on("chosen", () => this.markChosen());
    this.wireBar();
    this.wirePads();
  }

  private wireBar(): void {
    fill(this.sizes, SIZES.map((size) => make("option", { value: sizeName(size) }, sizeName(size))));
    this.sizes.addEventListener("change", () => {
      this.size = SIZES.find((size) => sizeName(size) === this.sizes.value) ?? SIZES[2];
      void this.ask();
    });
    byId("pads-whole").addEventListener("click", () => this.around(0));
    byId("pads-around").addEventListener("click", () => {
      if (this.app.chosen) this.around(this.app.chosen);
      else toast("choose a sound first: the pads are laid around it");
    });
  }

  private around(id: number): void {
    this.centre = id;
    void this.ask();
  }

  private enter(): void {
    const { app, sizes } = this;
    window.clearTimeout(this.timer);
    if (!this.size) {
      this.size = fitting(app.size);
      sizes.value = sizeName(this.size);
    }
    this.section.hidden = false;
    this.hold(true);
    void this.ask();
  }

  private leave(): void {
    const { app } = this;
    if (this.section.hidden) return;
    this.asked++;
    this.held.clear();
    this.hoverAt = null;
    this.hold(false);
    if (this.field.contains(document.activeElement)) this.overlay.focus({ preventScroll: true });
    for (const pad of this.pads.values()) this.liftOff(pad, this.home(pad.id));
    app.world.setPads(null, performance.now());
    app.requestDraw();
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.section.hidden = true;
      this.pads.clear();
      fill(this.field, []);
    }, app.world.progress(performance.now()) < 1 ? MORPH_MS : 0);
  }

  /** While there are pads the map beneath them takes no hand and no key. */
  private hold(on: boolean): void {
    byId("stage").classList.toggle("gridded", on);
    this.overlay.tabIndex = on ? -1 : 0;
    this.overlay.setAttribute("aria-hidden", String(on));
    for (const button of document.querySelectorAll<HTMLButtonElement>(".zoom button, [data-tool]")) button.disabled = on;
  }

  /** Have the bridge lay out the pads anew; its filters for this page are the page's. */
  private async ask(): Promise<void> {
    const { app, size } = this;
    if (!app.isGrid || !size || !app.link.open) return;
    const number = ++this.asked;
    try {
      const { rows } = await app.link.ask("/klustr/grid", [size.columns, size.rows, ...this.region(size)]);
      if (number === this.asked) this.show(size, rows, rows.length ? "" : this.why());
    } catch (error) {
      if (number === this.asked && app.link.open) this.show(size, [], (error as Error).message);
    }
  }

  private region({ columns, rows }: GridSize): number[] {
    const { world } = this.app;
    const row = world.points.rows.get(this.centre);
    if (row === undefined) this.centre = 0;
    pressed(byId("pads-whole"), !this.centre);
    pressed(byId("pads-around"), this.centre > 0);
    if (row === undefined) return [];
    const places = world.points.places[world.view];
    return [places[2 * row], places[2 * row + 1], radiusFor(places, row, columns * rows, world.counts)];
  }

  private why(): string {
    const { points, nShown } = this.app.world;
    if (!points.n) return ""; // the map says it
    return nShown ? "No sound there passes the filters." : "No sound passes the filters.";
  }

  private show({ columns, rows }: GridSize, laid: readonly Row[], said: string): void {
    const { app, field, pads } = this;
    byId("pads-said").textContent = app.world.points.n ? said : "";
    field.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    field.style.gridTemplateRows = `repeat(${rows}, minmax(0, 1fr))`;
    const come: Pad[] = [];
    const wanted = new Map<string, readonly [Cell, number]>();
    for (const [column, row, id] of laid.map((values) => values.map(Number))) {
      if (app.world.points.rows.has(id)) wanted.set(`${column} ${row}`, [{ column, row }, id]);
    }
    for (const [key, { button }] of pads) {
      if (wanted.has(key)) continue;
      pads.delete(key);
      button.remove();
    }
    for (const [key, [cell, id]] of wanted) {
      const pad = pads.get(key) ?? this.newPad(cell);
      pad.id = id;
      pad.button.style.gridColumn = String(cell.column + 1);
      pad.button.style.gridRow = String(rows - cell.row);
      if (pads.has(key)) continue;
      pads.set(key, pad);
      field.append(pad.button);
      come.push(pad);
    }
    for (const pad of come) {
      pad.button.style.transition = "none";
      this.liftOff(pad, this.seen(pad.id));
    }
    if (![...pads.values()].some(({ button }) => button.tabIndex === 0)) this.reach(pads.values().next().value);
    this.nameAll();
    this.markChosen();
    this.place(true);
    if (document.activeElement === this.overlay) this.focusPad();
    void field.offsetWidth; // so that new pads are seen to begin where their points are
    for (const { button } of pads.values()) {
      button.style.transition = button.style.transform = button.style.borderRadius = "";
    }
  }

  /** Have a pad be a point somewhere on the stage; it grows out of it, or shrinks back into it. */
  private liftOff({ button }: Pad, { x, y }: Point): void {
    const { field } = this;
    const dx = x - field.offsetLeft - button.offsetLeft - button.offsetWidth / 2;
    const dy = y - field.offsetTop - button.offsetTop - button.offsetHeight / 2;
    const share = POINT_PX / Math.max(POINT_PX, button.offsetWidth, button.offsetHeight);
    button.style.transform = `translate(${dx}px, ${dy}px) scale(${share})`;
    button.style.borderRadius = "50%";
  }

  /** Where a sound is seen on the stage now. */
  private seen(id: number): Point {
    const { world, camera, size } = this.app;
    const { x, y } = world.placeAt(world.points.rows.get(id) ?? 0, performance.now());
    return toScreen(camera, size, x, y);
  }

  /** Where a sound belongs in the view that comes back. */
  private home(id: number): Point {
    const { world, camera, size } = this.app;
    const row = world.points.rows.get(id);
    const places = world.points.places[world.view];
    return row === undefined ? this.seen(id) : toScreen(camera, size, places[2 * row], places[2 * row + 1]);
  }

  private newPad(cell: Cell): Pad {
    return { cell, id: 0, button: make("button", { type: "button", className: "pad", tabIndex: -1 }, make("span")) };
  }

  /** Send the points to their pads; on another size of the screen they are there at once. */
  private place(glides: boolean): void {
    const { app, size, field } = this;
    if (!size) return;
    const area = { width: field.clientWidth, height: field.clientHeight };
    const { columns, rows } = size;
    const small = area.width / columns < LEAST_NAMED.width || area.height / rows < LEAST_NAMED.height;
    field.classList.toggle("small", small);
    const places = new Map<number, Point>();
    for (const { cell, id } of this.pads.values()) {
      const { x, y } = middleOf(area, size, cell);
      places.set(id, toMap(app.camera, app.size, { x: x + field.offsetLeft, y: y + field.offsetTop }));
    }
    app.world.setPads(places, performance.now(), glides);
    app.requestDraw();
  }

  private nameAll(): void {
    const { app } = this;
    const ids = [...this.pads.values()].map(({ id }) => id);
    for (const { button, id, cell } of this.pads.values()) {
      const name = fileName(app.names.of(id, () => ids));
      const look = app.kindOf(id);
      const label = `${name || `sound ${id}`}, ${kindTitle(look?.name ?? "unknown")}`;
      (button.firstElementChild as HTMLElement).textContent = shortName(name);
      button.title = label;
      button.setAttribute("aria-label", `${label}, column ${cell.column + 1}, row ${cell.row + 1}`);
      button.dataset.id = String(id);
      button.style.background = look?.colour ?? "#888";
      button.style.color = inkOn(look?.rgb ?? [0x88, 0x88, 0x88]);
    }
  }

  private markChosen(): void {
    for (const { button, id } of this.pads.values()) button.classList.toggle("chosen", id === this.app.chosen);
  }

  private wirePads(): void {
    const { field } = this;
    field.addEventListener("pointerdown", (event) => this.down(event));
    field.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"] as const) {
      field.addEventListener(end, (event) => this.held.delete(event.pointerId));
    }
    field.addEventListener("pointerleave", () => (this.hoverAt = null));
    field.addEventListener("contextmenu", (event) => event.preventDefault());
    field.addEventListener("keydown", (event) => this.key(event));
    this.overlay.addEventListener("focus", () => this.app.isGrid && this.focusPad());
    // a click without a hand is a screen reader's
    field.addEventListener("click", (event) => event.detail === 0 && this.play(this.padOf(event.target)));
  }

  private down(event: PointerEvent): void {
    if (event.button > 0) return;
    event.preventDefault();
    this.app.hearing.wake();
    this.field.setPointerCapture(event.pointerId);
    const at = this.at(event);
    const pad = this.padOf(event.target); // also while pads are on their way
    this.held.set(event.pointerId, { at, pad });
    this.reach(pad);
    pad?.button.focus({ preventScroll: true });
    this.play(pad);
  }

  /** What a finger or the pressed mouse passes is played, and with "on hover" what the mouse passes. */
  private move(event: PointerEvent): void {
    const hovers = this.app.hearing.when === "hover" && event.pointerType !== "touch";
    const at = this.at(event);
    let held = this.held.get(event.pointerId);
    if (!held && hovers) {
      held = this.hoverAt ??= { at, pad: undefined };
      if (!held.pad) this.play((held.pad = this.padAt(at)));
    }
    if (!held || !this.size) return;
    for (const cell of passed(this.area(), this.size, held.at, at)) {
      const pad = this.pads.get(`${cell.column} ${cell.row}`);
      if (pad && pad !== held.pad) this.play(pad);
      held.pad = pad;
    }
    held.at = at;
  }

  /** Play by id: what is hit is the pad that is seen, wherever its sound is on the map. */
  private play(pad: Pad | undefined): void {
    const { app } = this;
    if (!pad || !app.isGrid) return;
    app.choose(pad.id);
    if (app.hearing.when !== "off") app.hearing.trigger(pad.id);
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const pad = this.padOf(event.target);
    const way = WAYS[event.key];
    if (way && pad) this.step(pad, way);
    else if (event.key === " " || event.key === "Enter") !event.repeat && this.play(pad);
    else if (event.key === "f" || event.key === "F") this.toggleFavourite();
    else return;
    event.preventDefault();
  }

  /** Go to the next pad that way, free ones left out, and play it. */
  private step(from: Pad, [across, up]: readonly [number, number]): void {
    if (!this.size) return;
    let { column, row } = from.cell;
    for (let i = 0; i < Math.max(this.size.columns, this.size.rows); i++) {
      column += across;
      row += up;
      const pad = this.pads.get(`${column} ${row}`);
      if (!pad) continue;
      this.reach(pad);
      pad.button.focus({ preventScroll: true });
      this.play(pad);
      return;
    }
  }

  /** Make a pad the one that the Tab key comes to. */
  private reach(pad: Pad | undefined): void {
    if (!pad) return;
    for (const { button } of this.pads.values()) button.tabIndex = -1;
    pad.button.tabIndex = 0;
  }

  /** The keys are the pads' now, not the map's. */
  private focusPad(): void {
    const pads = [...this.pads.values()];
    (pads.find(({ button }) => button.tabIndex === 0) ?? pads[0])?.button.focus({ preventScroll: true });
  }

  private at(event: MouseEvent): Point {
    const box = this.field.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  private area(): Size {
    return { width: this.field.clientWidth, height: this.field.clientHeight };
  }

  private padAt(at: Point): Pad | undefined {
    const cell = this.size && cellAt(this.area(), this.size, at);
    return cell ? this.pads.get(`${cell.column} ${cell.row}`) : undefined;
  }

  private padOf(target: EventTarget | null): Pad | undefined {
    return [...this.pads.values()].find(({ button }) => target instanceof Node && button.contains(target));
  }
}
