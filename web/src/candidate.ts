/** A map that is not in force: made, looked at beside the present one, taken or dropped. */

import type { App } from "./app";
import { byId, facts, pressed, toast } from "./dom";
import { withPlaces, type Points } from "./points";
import { compared } from "./scores";
import { fetchCandidate, type About } from "./server";

const MAKING_MS = 600_000;

export class Candidate {
  /** Whether its places are shown instead of those in force. */
  looks = false;
  private wanted = false;
  private making = false;
  private readonly touched = new Map<number, number>();
  private readonly look = byId<HTMLButtonElement>("candidate-look");
  private readonly banner = byId("looking");

  constructor(private readonly app: App) {
    const { link } = app;
    link.on("/klustr/candidate/changed", () => void app.refresh());
    app.on("points", () => this.show());
    app.on("view", () => {
      if (app.isGrid) this.setLooks(false); // pads are laid out by the map in force
      this.show();
    });
    byId("candidate-make").addEventListener("click", () => void this.make());
    byId("candidate-take").addEventListener("click", () => void this.run("/klustr/candidate/take"));
    byId("candidate-drop").addEventListener("click", () => void this.run("/klustr/candidate/drop"));
    this.look.addEventListener("click", () => this.setLooks(!this.wanted));
    byId("looking-back").addEventListener("click", () => {
      this.setLooks(false);
      byId("overlay").focus();
    });
    this.show();
  }

  /** The points as they are to be shown: with the candidate's places while it is looked at. */
  async over(points: Points, about: About): Promise<Points> {
    if (!about.candidate) this.wanted = false;
    let other: Points | null = null;
    if (this.wanted) {
      try {
        other = await fetchCandidate();
      } catch (error) {
        this.wanted = false; // it was dropped in between
        toast((error as Error).message);
      }
    }
    this.looks = other !== null;
    this.touched.clear();
    return other ? withPlaces(points, other) : points;
  }

  setLooks(on: boolean): void {
    if (on === this.wanted) return;
    this.wanted = on;
    void this.app.refresh();
  }

  /** A finger is at a sound: what is hit is what is seen, and the bridge knows only places of the map in force. */
  touch(cursor: number, id: number): void {
    const { hearing } = this.app;
    if (!id || hearing.when === "off") return;
    if (this.touched.get(cursor) === id && hearing.mode !== "retrigger") return;
    this.touched.set(cursor, id);
    hearing.trigger(id);
  }

  lift(cursor: number): void {
    this.touched.delete(cursor);
  }

  private async make(): Promise<void> {
    const method = byId<HTMLSelectElement>("candidate-method").value;
    this.making = true;
    this.show();
    this.say("being made; the map in force stays");
    await this.run("/klustr/candidate/make", method ? [method] : []);
    this.making = false;
    this.show();
  }

  private async run(address: string, args: readonly string[] = []): Promise<void> {
    try {
      await this.app.link.command(address, args, MAKING_MS);
      await this.app.refresh();
    } catch (error) {
      toast((error as Error).message);
    }
  }

  private show(): void {
    const { about } = this.app;
    const can = (id: string, on: boolean) => (byId<HTMLButtonElement>(id).disabled = !on);
    const there = Boolean(about?.candidate);
    can("candidate-make", !this.making);
    can("candidate-look", there && !this.app.isGrid);
    can("candidate-take", there);
    can("candidate-drop", there || this.making); // it ends the making
    pressed(this.look, this.looks);
    this.banner.hidden = !this.looks;
    if (about?.candidate) {
      const left = about.placed - about.candidate.sounds;
      const came = left > 0 ? `; ${left.toLocaleString("en")} that came since are placed when it is taken` : "";
      this.say(`by ${about.candidate.method}, ${about.candidate.sounds.toLocaleString("en")} sounds${came}`);
      void this.compare();
    } else {
      if (!this.making) this.say("none");
      facts(byId("candidate-scores"), []);
    }
  }

  private say(text: string): void {
    byId("candidate-state").textContent = text;
  }

  private async compare(): Promise<void> {
    const { link } = this.app;
    if (!link.open || this.app.elsewhere) return;
    try {
      const [now, then] = await Promise.all([link.ask("/klustr/scores"), link.ask("/klustr/candidate/scores")]);
      facts(byId("candidate-scores"), compared(now.rows, then.rows));
    } catch {
      facts(byId("candidate-scores"), []); // it was dropped in between
    }
  }
}
