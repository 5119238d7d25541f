/** Search by name: what is found is lit on the map and listed. */

import type { App } from "./app";
import { byId, fileName, fill, make, marker, toast } from "./dom";
import { calm } from "./pacing";

const MOST_FOUND = 1000;
const MOST_LISTED = 100;

export class Searching {
  private found: number[] = [];
  /** What the field says while it shows what is like something, which no search by name finds. */
  private like = "";
  private shown = "";
  private readonly field = byId<HTMLInputElement>("search");
  private readonly list = byId("results");

  constructor(private readonly app: App) {
    this.field.addEventListener("input", calm(150, () => void this.search()));
    byId("search-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const first = this.found.find((id) => app.world.points.rows.has(id));
      if (first) app.playAndShow(first);
    });
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.clear();
      if (event.key === "ArrowDown") this.list.querySelector("button")?.focus();
    });
    this.field.addEventListener("focus", () => (this.list.hidden = !this.field.value.trim()));
    this.list.addEventListener("keydown", (event) => this.walk(event));
    byId("overlay").addEventListener("pointerdown", () => (this.list.hidden = true));
    app.on("names", () => this.show());
    app.on("points", () => this.show());
    app.on("filters", () => this.field.value.trim() && void this.search(!this.list.hidden));
    app.on("let go", () => this.empty());
  }

  /** Search for a text, as if it were typed. */
  searchFor(text: string): void {
    this.field.value = text;
    void this.search();
  }

  /** Light and list what is like something; emptying the field, or Escape, ends it as it ends a search. */
  showLike(name: string, ids: readonly number[]): void {
    this.like = `like ${name}`;
    this.field.value = this.like;
    this.found = [...ids];
    this.app.world.setLit(new Set(ids));
    this.app.requestDraw();
    this.list.hidden = false;
    this.show();
  }

  private clear(): void {
    this.empty();
    byId("overlay").focus();
  }

  private empty(): void {
    this.field.value = "";
    void this.search();
  }

  /** Light what is found, and list it, or leave the list away where it was. */
  private async search(listed = true): Promise<void> {
    const { app } = this;
    const text = this.field.value.trim();
    if (!text) {
      this.found = [];
      this.list.hidden = true;
      app.world.setLit(new Set());
      app.requestDraw();
      return;
    }
    if (text === this.like) return;
    try {
      const { rows } = await app.link.ask("/klustr/find", [text, MOST_FOUND]);
      if (text !== this.field.value.trim()) return;
      this.found = rows.map(([id]) => Number(id));
      app.world.setLit(new Set(this.found));
      app.requestDraw();
      this.list.hidden = !listed;
      this.show();
    } catch (error) {
      toast((error as Error).message);
    }
  }

  private show(): void {
    if (this.list.hidden) return;
    const { app } = this;
    const there = this.found.filter((id) => app.world.points.rows.has(id));
    const listed = there.slice(0, MOST_LISTED);
    const signature = [there.length, ...listed.map((id) => `${id} ${app.names.of(id, () => listed)}`)].join("\n");
    if (signature === this.shown) return; // nothing moves under the hand
    this.shown = signature;
    const focused = [...this.list.querySelectorAll("button")].indexOf(document.activeElement as HTMLButtonElement);
    const rows = listed.map((id) => {
      const name = fileName(app.names.of(id, () => listed) || `sound ${id}`);
      const button = make("button", { type: "button", title: name }, marker(app.kindOf(id)), make("span", { className: "name" }, name));
      button.addEventListener("click", () => app.playAndShow(id));
      return make("li", {}, button);
    });
    const left = there.length - listed.length;
    if (!listed.length) rows.push(make("li", { className: "faint" }, "nothing has this name"));
    if (left) rows.push(make("li", { className: "faint" }, `and ${left} more on the map${this.found.length === MOST_FOUND ? ", at least" : ""}`));
    fill(this.list, rows);
    if (focused >= 0) this.list.querySelectorAll("button")[focused]?.focus();
  }

  private walk(event: KeyboardEvent): void {
    const buttons = [...this.list.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    if (event.key === "Escape") this.clear();
    else if (event.key === "ArrowDown") buttons[at + 1]?.focus();
    else if (event.key === "ArrowUp") (buttons[at - 1] ?? this.field).focus();
    else return;
    event.preventDefault();
  }
}
