/** Puts the page together. */

import { App } from "./app";
import { toScreen } from "./camera";
import { Card } from "./card";
import { Caring } from "./caring";
import { Clients } from "./clients";
import { Devices } from "./devices";
import { byId, make } from "./dom";
import { Elsewhere } from "./elsewhere";
import { Giving } from "./giving";
import { Grid } from "./grid";
import { connectMax } from "./max";
import { Narrowing } from "./narrowing";
import { Pointing } from "./pointing";
import { Searching } from "./searching";

const WIDE = "(min-width: 900px) and (min-height: 420px)";
const STRIP = "(max-height: 260px)";

function start(): void {
  const app = new App();
  const card = new Card(app);
  const narrowing = new Narrowing(app);
  const searching = new Searching(app);
  const giving = new Giving(app, (name, ids) => searching.showLike(name, ids));
  new Pointing(app, card.toggleFavourite);
  new Grid(app, card.toggleFavourite);
  new Caring(app, (folders) => {
    narrowing.offer(folders);
    giving.offer(folders);
  });
  new Clients(app);
  new Devices(app);
  wireSound(app);
  wirePanel(app);
  new Elsewhere(app);
  connectMax(app, (text) => searching.searchFor(text));
  exposeState(app);
  app.link.connect();
}

function wireSound(app: App): void {
  const player = byId<HTMLSelectElement>("player");
  const mode = byId<HTMLSelectElement>("mode");
  player.addEventListener("change", () => app.hearing.set({ player: player.value === "client" ? "client" : "internal" }));
  mode.addEventListener("change", () => app.hearing.set({ mode: mode.value }));
  byId("stop").addEventListener("click", () => app.hearing.stop());
  byId("clear-trail").addEventListener("click", () => {
    app.overlay.clearTrail();
    app.requestDraw();
  });
}

/** The panel stands beside a wide map; on a small screen it lies over it, and is closed at first. */
function wirePanel(app: App): void {
  const panel = byId("panel");
  const button = byId("panel-button");
  const wide = window.matchMedia(WIDE);
  const strip = window.matchMedia(STRIP);
  let open = wide.matches;
  const show = () => {
    panel.classList.toggle("open", open);
    panel.classList.toggle("closed", !open);
    button.setAttribute("aria-expanded", String(open));
    button.textContent = open && !wide.matches ? "Close" : "Panel";
    app.tell("size"); // what is drawn in it had no room before
  };
  const placeLegend = () => {
    const home = strip.matches ? byId("kinds-section") : byId("legend-home");
    home.append(byId("legend"));
    byId("kinds-section").hidden = !strip.matches;
  };
  button.addEventListener("click", () => {
    open = !open;
    show();
    if (open && !wide.matches) panel.focus();
  });
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || wide.matches) return;
    open = false;
    show();
    button.focus();
  });
  wide.addListener(() => {
    open = wide.matches;
    show();
  });
  strip.addListener(placeLegend);
  placeLegend();
  show();
}

/** What tests, and scripts in a browser's console, can read; nothing can be changed by it. */
function exposeState(app: App): void {
  const state = () => ({
    open: app.link.open,
    renderer: app.renderer.name,
    epoch: app.world.points.epoch,
    sounds: app.world.points.n,
    shown: app.world.nShown,
    lit: app.world.lit.size,
    view: app.isGrid ? "grid" : app.world.view,
    pads: app.world.nPads,
    looks: app.candidate.looks,
    chosen: app.chosen,
    neighbours: app.neighbours.length,
    cursors: app.overlay.nCursors,
    trail: app.overlay.nTrail,
    settled: app.world.progress(performance.now()) >= 1,
    drawn: app.drawn,
    frames: app.frames,
    frameMs: app.frameMs,
  });
  /** Where a sound is on the page, in CSS pixels. */
  const screenOf = (id: number) => {
    const row = app.world.points.rows.get(id);
    if (row === undefined) return null;
    const place = app.world.placeAt(row, performance.now());
    const at = toScreen(app.camera, app.size, place.x, place.y);
    const box = byId("overlay").getBoundingClientRect();
    return { x: at.x + box.left, y: at.y + box.top };
  };
  const ids = () => [...app.world.points.ids];
  Object.defineProperty(window, "klustrMap", { value: Object.freeze({ state, screenOf, ids }) });
}

try {
  start();
} catch (error) {
  document.body.append(make("p", { id: "broken" }, `The map can't be shown: ${(error as Error).message}`));
  throw error;
}
