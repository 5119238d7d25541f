/** Legend, filters and weights: what counts, to this page and, for what it asks and plays, to the bridge. */

import type { App } from "./app";
import { byId, fill, kindTitle, make, marker, pressed, toast } from "./dom";
import { countKinds } from "./points";
import { fetchWithin, type Folder } from "./server";
import { lengthsOf, NO_FILTERS } from "./world";

/** Longer than any sound: `/klustr/filter/duration` wants a number. */
const LONGEST_S = 1e6;

export class Narrowing {
  private readonly kinds = new Set<number>();
  private readonly weights = new Map<string, number>();
  private within: ReadonlySet<number> | null = null;
  private readonly least = byId<HTMLInputElement>("least");
  private readonly most = byId<HTMLInputElement>("most");
  private readonly folder = byId<HTMLSelectElement>("filter-folder");
  private readonly favourites = byId<HTMLInputElement>("only-favourites");

  constructor(private readonly app: App) {
    app.on("open", () => app.link.open && this.announce());
    app.on("points", () => this.showLegend());
    app.on("kinds", () => this.showWeights());
    for (const input of [this.least, this.most, this.favourites]) input.addEventListener("change", () => this.apply());
    this.folder.addEventListener("change", () => void this.chooseFolder());
    byId("its-folder").addEventListener("click", () => void this.chooseItsFolder());
    byId("clear-filters").addEventListener("click", () => this.clear());
    byId("even-weights").addEventListener("click", () => this.levelWeights());
    app.on("points", () => void this.followFolder());
  }

  /** Offer these folders to choose from. */
  offer(folders: readonly Folder[]): void {
    const chosen = this.folder.value;
    const paths = folders.map(({ path }) => path);
    if (paths.some((path) => chosen.startsWith(path)) && !paths.includes(chosen)) paths.push(chosen);
    const shown = [...this.folder.options].slice(1).map(({ value }) => value);
    if (paths.join("\n") !== shown.join("\n")) { // a list that is open is left alone
      const options = paths.map((path) => make("option", { value: path }, path));
      fill(this.folder, [make("option", { value: "" }, "all folders"), ...options]);
    }
    this.folder.value = paths.includes(chosen) ? chosen : "";
    if (this.folder.value !== chosen) void this.chooseFolder();
  }

  private async chooseItsFolder(): Promise<void> {
    const { link, chosen } = this.app;
    if (!chosen) return toast("choose a sound first");
    try {
      const path = String((await link.ask("/klustr/path", [chosen])).args[2]);
      const folder = path.slice(0, path.lastIndexOf("/"));
      if (![...this.folder.options].some(({ value }) => value === folder)) {
        this.folder.append(make("option", { value: folder }, folder));
      }
      this.folder.value = folder;
      await this.chooseFolder();
    } catch (error) {
      toast((error as Error).message);
    }
  }

  private apply(): void {
    const { app } = this;
    const lengths = lengthsOf(this.least.value, this.most.value);
    if (this.least.value && lengths.leastS !== lengthsOf(this.least.value, "").leastS) {
      toast(`at least ${this.least.value} s and at most ${this.most.value} s is read the other way round`);
    }
    app.world.setFilters({
      kinds: new Set(this.kinds),
      ...lengths,
      favourites: this.favourites.checked,
      within: this.within,
    });
    this.announce();
    this.showLegend();
    app.tell("filters");
    app.requestDraw();
  }

  /** The bridge keeps filters and weights for each client; here all of them are said anew. */
  private announce(): void {
    const { link, world, kinds } = this.app;
    const { filters } = world;
    link.send("/klustr/filter/clear");
    if (filters.kinds.size) link.send("/klustr/filter/kind", ...[...filters.kinds].map((kind) => kinds[kind].name));
    if (filters.leastS > 0 || filters.mostS < Infinity) {
      link.send("/klustr/filter/duration", filters.leastS, Math.min(LONGEST_S, filters.mostS));
    }
    if (filters.favourites) link.send("/klustr/filter/favourites", 1);
    if (this.folder.value) link.send("/klustr/filter/folder", this.folder.value);
    for (const [aspect, weight] of this.weights) link.send("/klustr/weight", aspect, weight);
  }

  private async chooseFolder(): Promise<void> {
    const { value } = this.folder;
    const within = value ? await fetchWithin(value).catch(() => null) : null;
    if (value !== this.folder.value) return;
    this.within = within;
    this.apply();
  }

  /** New sounds may lie in the chosen folder, too. */
  private async followFolder(): Promise<void> {
    const { value } = this.folder;
    if (!value) return;
    this.within = await fetchWithin(value).catch(() => null);
    if (value !== this.folder.value) return;
    const { world } = this.app;
    world.setFilters({ ...world.filters, within: this.within });
    this.showCount();
    this.app.requestDraw();
  }

  private clear(): void {
    this.kinds.clear();
    this.within = null;
    this.least.value = this.most.value = this.folder.value = "";
    this.favourites.checked = false;
    this.app.world.setFilters(NO_FILTERS);
    this.apply();
  }

  private showLegend(): void {
    const { app } = this;
    const legend = byId("legend");
    const counts = countKinds(app.world.points.kinds);
    const there = app.kinds.map((look, kind) => ({ look, kind, n: counts[kind] })).filter(({ n, kind }) => n || this.kinds.has(kind));
    there.sort((a, b) => Number(a.look.name === "unknown") - Number(b.look.name === "unknown") || b.n - a.n);
    const signature = there.map(({ kind, n }) => `${kind}:${n}`).join();
    if (legend.dataset.shows !== signature) {
      legend.dataset.shows = signature;
      const focused = legend.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset.kind : "";
      fill(legend, there.map(({ look, kind, n }) => {
        const count = make("span", { className: "count" }, n.toLocaleString("en"));
        const button = make("button", { type: "button" }, marker(look), kindTitle(look.name), count);
        button.dataset.kind = String(kind);
        button.addEventListener("click", () => this.toggle(kind));
        return button;
      }));
      if (focused) legend.querySelector<HTMLElement>(`[data-kind="${focused}"]`)?.focus();
    }
    for (const button of legend.querySelectorAll<HTMLElement>("button")) {
      pressed(button, this.kinds.has(Number(button.dataset.kind)));
    }
    this.showCount();
  }

  private showCount(): void {
    const { nShown, points } = this.app.world;
    byId("n-shown").textContent = `${nShown.toLocaleString("en")} of ${points.n.toLocaleString("en")} sounds`;
  }

  private toggle(kind: number): void {
    if (!this.kinds.delete(kind)) this.kinds.add(kind);
    this.apply();
  }

  private showWeights(): void {
    const aspects = this.app.about?.aspects ?? [];
    if (this.weights.size || !aspects.length) return;
    fill(byId("weights"), aspects.map((aspect) => {
      this.weights.set(aspect, 1);
      const slider = make("input", { type: "range", min: "0", max: "2", step: "0.1", value: "1" });
      slider.id = `weight-${aspect}`;
      const value = make("output", {}, "1.0");
      slider.addEventListener("input", () => (value.textContent = Number(slider.value).toFixed(1)));
      slider.addEventListener("change", () => this.weigh(aspect, Number(slider.value)));
      const label = make("label", { htmlFor: slider.id }, kindTitle(aspect));
      return make("div", { className: "weight" }, label, slider, value);
    }));
  }

  private weigh(aspect: string, weight: number): void {
    this.weights.set(aspect, weight);
    this.app.link.send("/klustr/weight", aspect, weight);
    this.app.tell("filters");
  }

  private levelWeights(): void {
    for (const slider of byId("weights").querySelectorAll("input")) {
      slider.value = "1";
      slider.dispatchEvent(new Event("input"));
      slider.dispatchEvent(new Event("change"));
    }
  }
}
