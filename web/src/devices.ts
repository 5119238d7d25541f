/** Where the sound goes and which MIDI ports are open, and a word in the bar when something is wrong with that. */

import type { App } from "./app";
import { byId } from "./dom";

export type Status = Readonly<Record<string, unknown>>;

/** What is told of devices, for the list of facts. */
export function deviceFacts(status: Status): [string, string][] {
  const rows: [string, string][] = [];
  const text = (name: string, title: string) => typeof status[name] === "string" && rows.push([title, String(status[name])]);
  const ports = (name: string, title: string) => {
    const names = Array.isArray(status[name]) ? (status[name] as unknown[]) : [];
    if (names.length) rows.push([title, names.join(", ")]);
  };
  text("audio", "audio");
  text("midi", "MIDI");
  ports("midi_inputs", "MIDI in");
  ports("midi_outputs", "MIDI out");
  return rows;
}

/** What is wrong, in two words and in full; null: nothing. Sound of the bridge is of no account to who plays itself. */
export function troubleOf(status: Status, playsItself: boolean): readonly [string, string] | null {
  if (status.audio_problem && !playsItself) return ["No sound", String(status.audio_problem)];
  return status.midi_problem ? ["MIDI", String(status.midi_problem)] : null;
}

export class Devices {
  private readonly button = byId("trouble");

  constructor(private readonly app: App) {
    app.on("status", () => this.show());
    app.on("open", () => this.show());
    byId("player").addEventListener("change", () => this.show());
    this.button.addEventListener("click", () => this.explain());
  }

  private show(): void {
    const { app, button } = this;
    const trouble = app.link.open ? troubleOf(app.status, app.hearing.player === "client") : null;
    button.hidden = !trouble;
    if (!trouble || button.title === trouble[1]) return;
    button.title = trouble[1];
    button.setAttribute("aria-label", trouble.join(": "));
    byId("trouble-word").textContent = trouble[0];
  }

  /** Open what tells more. */
  private explain(): void {
    const section = byId<HTMLDetailsElement>("sound-section");
    const panel = byId("panel-button");
    if (panel.getAttribute("aria-expanded") === "false") panel.click();
    section.open = true;
    section.scrollIntoView();
    section.querySelector("summary")?.focus();
  }
}
