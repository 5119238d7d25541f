/** Inside Max and Live: `jweb` hands messages to the page and takes what it has to say. */

import type { App } from "./app";
import type { ViewName } from "./points";
import { byId } from "./dom";

interface Max {
  bindInlet(message: string, handler: (...values: unknown[]) => void): void;
  outlet(...values: unknown[]): void;
}

declare global {
  interface Window {
    max?: Max;
  }
}

/**
 * Messages in: `select ID`, `play ID`, `xy X Y [CURSOR]`, `view NAME`, `search WORDS`.
 * Messages out: `select ID PATH`, `play ID`, `hit CURSOR ID X Y ORIGIN`, `bridge 0|1`.
 */
export function connectMax(app: App, search: (text: string) => void): void {
  const { max } = window;
  if (!max) return;
  document.documentElement.dataset.host = "max";
  max.bindInlet("select", (id) => app.choose(Number(id)));
  max.bindInlet("play", (id) => app.playAndShow(Number(id)));
  max.bindInlet("xy", (x, y, cursor = 0) => app.hearing.move(Number(x), Number(y), Number(cursor)));
  max.bindInlet("view", (name) => {
    if (name === "natural" || name === "even" || name === "grid") app.setView(name as ViewName | "grid");
  });
  max.bindInlet("search", (...words) => search(words.join(" ")));
  app.on("chosen", () => void tellChosen(app, max));
  app.on("open", () => max.outlet("bridge", app.link.open ? 1 : 0));
  app.link.on("/klustr/play", ([, id]) => max.outlet("play", id));
  app.link.on("/klustr/hit", ([cursor, id, x, y, , origin]) => max.outlet("hit", cursor, id, x, y, origin));
  byId("panel").classList.remove("open");
}

async function tellChosen(app: App, max: Max): Promise<void> {
  const id = app.chosen;
  if (!id) return;
  try {
    const { args } = await app.link.ask("/klustr/path", [id]);
    if (app.chosen === id) max.outlet("select", id, args[2]);
  } catch {
    max.outlet("select", id, "");
  }
}
