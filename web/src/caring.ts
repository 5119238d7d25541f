/** The library's care: folders, work under way, problems, scores, duplicates, controllers, health. */

import type { App } from "./app";
import { byId, facts, fileName, fill, kindTitle, make, toast } from "./dom";
import { deviceFacts } from "./devices";
import { calm } from "./pacing";
import { scoreFacts } from "./scores";
import { fetchCopies, fetchFolders, fetchStatus, type Folder } from "./server";

const LEARN_MS = 25_000; // the bridge gives up after 20
const DUPLICATES_MS = 600_000;
const WORK_GONE_MS = 4000;
const PROBLEMS_PAGE = 256;
const LOOK_MS = 5000;
const REST_MS = 5000; // stages of work follow each other sooner
const PLAIN_TARGETS = ["x", "y", "trigger", "touch", "random", "stop", "favourite", "relayout", "clear", "view even", "view natural"];

/** Why there is no connection: in the bar, for screen readers, and over the map. */
const AWAY = {
  "": ["no bridge; waiting for it", "the bridge is away", "The bridge is away: nothing sounds until it is back."],
  pages: ["too many pages are open", "the bridge takes no further page", "The bridge takes no further page: close another one."],
  token: ["this page is shut out", "this page's token is not valid any more", "This page's token is not valid any more: open the address that klustr-bridge lan shows."],
} as const;

interface Work {
  readonly done: number;
  readonly total: number;
  readonly at: number;
}

export class Caring {
  private readonly work = new Map<string, Work>();
  private lastScores = 0;
  private duplicates: (readonly [number, number])[] = [];
  private duplicatesShown = "";
  private said = "";
  private readonly sayRest = calm(REST_MS, () => {
    if (this.app.link.open) this.say(`${this.app.world.points.n.toLocaleString("en")} sounds on the map`);
  });

  constructor(
    private readonly app: App,
    private readonly onFolders: (folders: readonly Folder[]) => void,
  ) {
    const { link } = app;
    link.on("/klustr/progress", ([stage, done, total]) => {
      this.work.set(String(stage), { done: Number(done), total: Number(total), at: Date.now() });
      this.showWork();
    });
    app.on("open", () => this.showState());
    app.on("points", () => this.showState());
    app.on("status", () => this.showState());
    app.on("points", calm(300, () => void this.refresh()));
    window.setInterval(() => void this.look(), LOOK_MS);
    for (const id of ["problems-section", "scores-section", "sound-section"]) {
      byId(id).addEventListener("toggle", () => void this.look());
    }
    app.on("names", () => this.showDuplicates());
    app.on("points", () => this.showDuplicates());
    this.wireLibrary();
    this.wireLearning();
  }

  private wireLibrary(): void {
    byId("add-folder").addEventListener("submit", (event) => {
      event.preventDefault();
      const field = byId<HTMLInputElement>("folder-path");
      if (field.value.trim()) void this.run("/klustr/folder/add", [field.value.trim()]).then((well) => well && this.watched(field));
    });
    byId("rescan").addEventListener("click", () => void this.run("/klustr/rescan").then((well) => well && toast("every folder was compared with the library")));
    byId("relayout").addEventListener("click", () => void this.remake());
    byId("find-duplicates").addEventListener("click", () => void this.findDuplicates());
  }

  private watched(field: HTMLInputElement): void {
    toast(`${field.value.trim()} is watched, by itself or as a part of a watched folder`);
    field.value = "";
  }

  private async remake(): Promise<void> {
    toast("a new map is being made");
    if (await this.run("/klustr/relayout")) toast("the new map is in force");
  }

  /** Send a library command and say how it went. */
  private async run(address: string, args: readonly string[] = [], deadlineMs = DUPLICATES_MS): Promise<boolean> {
    try {
      await this.app.link.command(address, args, deadlineMs);
      await this.refresh();
      return true;
    } catch (error) {
      toast((error as Error).message);
      return false;
    }
  }

  private async refresh(): Promise<void> {
    if (!this.app.link.open) return;
    try {
      const folders = this.app.elsewhere ? [] : await fetchFolders();
      this.showFolders(folders);
      this.onFolders(folders);
      await this.look();
    } catch (error) {
      toast((error as Error).message);
    }
  }

  private showFolders(folders: readonly Folder[]): void {
    const list = byId("folders");
    const shown = folders.map(({ path }) => path).join("\n");
    if (list.dataset.shows !== shown) this.listFolders(list, folders);
    list.dataset.shows = shown;
    for (const [i, about] of [...list.querySelectorAll(".faint")].entries()) {
      const { files, state } = folders[i];
      about.textContent = `${files.toLocaleString("en")} files${state === "watched" ? "" : `, ${state}`}`;
    }
  }

  /** Whoever has the focus on a folder's button keeps it there. */
  private listFolders(list: HTMLElement, folders: readonly Folder[]): void {
    const focused = list.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset.path : undefined;
    fill(list, folders.map(({ path }) => {
      const remove = make("button", { type: "button", title: "Watch it no more; nothing is deleted" }, "Remove");
      remove.setAttribute("aria-label", `Remove ${path}`);
      remove.dataset.path = path;
      remove.addEventListener("click", () => void this.run("/klustr/folder/remove", [path]));
      return make("li", {}, make("span", { className: "name" }, path, make("br"), make("span", { className: "faint" })), remove);
    }));
    [...list.querySelectorAll("button")].find((button) => button.dataset.path === focused)?.focus();
  }

  private showWork(): void {
    const now = Date.now();
    for (const [stage, { done, total, at }] of this.work) {
      if (done >= total && now - at > WORK_GONE_MS) this.work.delete(stage);
    }
    fill(byId("work"), [...this.work].map(([stage, { done, total }]) => {
      const bar = make("progress", { max: Math.max(1, total), value: done });
      bar.setAttribute("aria-label", kindTitle(stage));
      return make("div", {}, `${kindTitle(stage)}: ${done.toLocaleString("en")} of ${total.toLocaleString("en")}`, bar);
    }));
    if (this.work.size) window.setTimeout(() => this.showWork(), WORK_GONE_MS + 100);
    this.showState();
  }

  /** Nothing is under way any more, though the last word of it may not have come. */
  private forgetWork(): void {
    for (const [stage, { at }] of this.work) if (Date.now() - at > WORK_GONE_MS) this.work.delete(stage);
    this.showWork();
  }

  /** One line on top: how many sounds there are, or what is under way. */
  private showState(): void {
    const { app } = this;
    const state = byId("state");
    const busy = [...this.work].find(([, { done, total }]) => done < total);
    const n = app.world.points.n;
    state.classList.toggle("lost", !app.link.open);
    if (!app.link.open) state.textContent = AWAY[app.refusal][0];
    else if (busy) state.textContent = `${kindTitle(busy[0])} ${busy[1].done} of ${busy[1].total}`;
    else state.textContent = `${n.toLocaleString("en")} sounds`;
    if (!app.link.open) this.say(AWAY[app.refusal][1]);
    else if (busy) this.say(`${kindTitle(busy[0])} begins`);
    if (app.link.open) this.sayRest();
    const empty = byId("empty");
    empty.hidden = app.link.open && (n > 0 || !app.about);
    const how = app.elsewhere ? "Name a folder on the bridge's own machine." : "Drop files here, or name a folder under Library.";
    const work = String(app.status.state ?? app.about?.state ?? "");
    if (!app.link.open) empty.textContent = AWAY[app.refusal][2];
    else if (app.about?.sounds) empty.textContent = "The first map is being made.";
    else if (["starting", "scanning", "analysing"].includes(work)) empty.textContent = "The bridge is listening to your sounds; they appear as they are heard.";
    else empty.textContent = `No sounds yet. ${how}`;
  }

  /** Say to those who don't see it when something begins, and when all is done: never the numbers in between. */
  private say(text: string): void {
    const isWork = (one: string) => one.endsWith(" begins");
    if (text === this.said || (isWork(text) && isWork(this.said))) return;
    this.said = text;
    byId("said").textContent = text;
  }

  /** What is looked at from time to time, as far as it is to be seen. */
  private async look(): Promise<void> {
    const { link } = this.app;
    if (!link.open || document.visibilityState === "hidden") return;
    try {
      await this.showProblems();
      if (byId<HTMLDetailsElement>("scores-section").open) await this.showScores();
      if (byId<HTMLDetailsElement>("sound-section").open) await this.showHealth();
    } catch {
      // asked again soon
    }
  }

  private async showProblems(): Promise<void> {
    const status = await fetchStatus();
    this.app.status = status;
    this.app.tell("status");
    if (status.state === "ready" && !status.pending) this.forgetWork();
    const failed = Number(status.failed);
    byId("n-problems").textContent = failed ? `(${failed.toLocaleString("en")})` : "";
    const list = byId("problems");
    if (!byId<HTMLDetailsElement>("problems-section").open || list.dataset.shows === String(failed)) return;
    const { rows } = await this.app.link.ask("/klustr/problems", [0]);
    list.dataset.shows = String(failed);
    const items = rows.map(([path, reason]) => {
      return make("li", { title: String(path) }, fileName(String(path)), ": ", make("span", { className: "reason" }, String(reason)));
    });
    if (!failed) items.push(make("li", { className: "faint" }, "Every file could be used."));
    if (rows.length === PROBLEMS_PAGE) items.push(make("li", { className: "faint" }, "More are told by klustr-bridge problems."));
    fill(list, items);
  }

  private async showScores(): Promise<void> {
    const epoch = this.app.world.points.epoch;
    if (this.lastScores === epoch) return;
    const { rows } = await this.app.link.ask("/klustr/scores");
    this.lastScores = epoch;
    const told = scoreFacts(rows);
    facts(byId("scores"), told.length ? told : [["", "not told yet"]]);
  }

  private async showHealth(): Promise<void> {
    const status = await fetchStatus();
    const about = { ...(this.app.about as unknown as Record<string, unknown>), ...status };
    const rows = deviceFacts(status);
    for (const name of ["state", "version", "library"]) {
      if (typeof about[name] === "string") rows.push([kindTitle(name), about[name]]);
    }
    for (const [name, value] of Object.entries((status.health ?? {}) as Record<string, number | null>)) {
      if (value) rows.push([kindTitle(name), Number.isInteger(value) ? value.toLocaleString("en") : value.toFixed(1)]);
    }
    rows.push(["drawn with", this.app.renderer.name]);
    facts(byId("health"), rows);
  }

  private async findDuplicates(): Promise<void> {
    const list = byId("duplicates");
    fill(list, [make("li", { className: "faint" }, "comparing all sounds")]);
    void this.showCopies();
    try {
      const { rows } = await this.app.link.ask("/klustr/duplicates", [], DUPLICATES_MS);
      this.duplicates = rows.map(([group, id]) => [Number(group), Number(id)]);
      this.duplicatesShown = "";
      if (rows.length) this.showDuplicates();
      else fill(list, [make("li", { className: "faint" }, "No two sounds that are not the very same audio are alike to the ear.")]);
    } catch (error) {
      fill(list, [make("li", {}, (error as Error).message)]);
    }
  }

  /** Files with the very same audio, which are one sound on the map. */
  private async showCopies(): Promise<void> {
    const list = byId("copies");
    try {
      const { n, sounds } = await fetchCopies();
      const head = n ? `${n.toLocaleString("en")} ${n === 1 ? "sound lies" : "sounds lie"} in several files:` : "No two files hold the very same audio.";
      const items = [make("li", { className: "faint" }, head)];
      for (const { id, paths } of sounds) {
        const button = make("button", { type: "button" }, make("span", { className: "name" }, fileName(paths[0])));
        button.addEventListener("click", () => this.app.playAndShow(id));
        items.push(make("li", {}, button, ...paths.map((path) => make("span", { className: "path faint" }, path))));
      }
      if (n > sounds.length) items.push(make("li", { className: "faint" }, `and ${n - sounds.length} more: klustr-bridge duplicates lists all`));
      fill(list, items);
    } catch (error) {
      fill(list, [make("li", {}, (error as Error).message)]);
    }
  }

  /** The groups of which there are still two or more; anew only when something in it is another. */
  private showDuplicates(): void {
    const { app } = this;
    const there = this.duplicates.filter(([, id]) => app.world.points.rows.has(id));
    const sizes = new Map<number, number>();
    for (const [group] of there) sizes.set(group, (sizes.get(group) ?? 0) + 1);
    const duplicates = there.filter(([group]) => (sizes.get(group) ?? 0) > 1);
    const ids = duplicates.map(([, id]) => id);
    const signature = duplicates.map(([group, id]) => `${group} ${id} ${app.names.of(id, () => ids)}`).join("\n");
    if (!this.duplicates.length || signature === this.duplicatesShown) return;
    this.duplicatesShown = signature;
    const list = byId("duplicates");
    const focused = [...list.querySelectorAll("button")].indexOf(document.activeElement as HTMLButtonElement);
    fill(list, duplicates.map(([group, id]) => {
      const name = fileName(app.names.of(id, () => ids) || `sound ${id}`);
      const number = make("span", { className: "faint" }, String(group));
      const button = make("button", { type: "button" }, number, make("span", { className: "name" }, name));
      button.addEventListener("click", () => app.playAndShow(id));
      return make("li", {}, button);
    }));
    if (!duplicates.length) fill(list, [make("li", { className: "faint" }, "No two sounds are the same any more.")]);
    list.querySelectorAll("button")[focused]?.focus();
  }

  private wireLearning(): void {
    const target = byId<HTMLSelectElement>("learn-target");
    this.app.on("kinds", () => {
      if (target.options.length) return;
      const all = [...PLAIN_TARGETS, ...this.app.kinds.map(({ name }) => `kind ${name}`)];
      fill(target, all.map((name) => make("option", { value: name }, kindTitle(name))));
    });
    byId("learn").addEventListener("click", () => void this.learn(target.value));
    byId("learn-cancel").addEventListener("click", () => this.app.link.send("/klustr/midi/learn", "cancel"));
  }

  private async learn(target: string): Promise<void> {
    const said = byId("learn-state");
    const cancel = byId<HTMLButtonElement>("learn-cancel");
    said.textContent = `move the control for ${target} now`;
    cancel.disabled = false;
    try {
      await this.app.link.command("/klustr/midi/learn", [target], LEARN_MS);
      said.textContent = `learned: it drives ${target}`;
    } catch (error) {
      said.textContent = (error as Error).message;
    }
    cancel.disabled = true;
  }
}
