/** The chosen sound: its waveform and facts, what is like it, what can be done with it. */

import type { App } from "./app";
import { byId, facts, fileName, fill, kindTitle, make, marker, pressed, seconds, toast } from "./dom";
import { calm } from "./pacing";
import { toClipboard } from "./clipboard";
import { downloadUrl } from "./dragging";
import { readInfo, type Info } from "./parts";
import { SLICE } from "./points";
import { fetchWave } from "./server";

const N_SIMILAR = 12;
const CALM_MS = 90;
const SOURCES: Readonly<Record<string, string>> = {
  user: "by you",
  file: "by the file's name",
  folder: "by the folder's name",
  sound: "by ear",
};

export class Card {
  private info: Info | null = null;
  private similarShown = "";
  private wave: { readonly id: number; readonly columns: Int8Array } = { id: 0, columns: new Int8Array(0) };
  private readonly kind = byId<HTMLSelectElement>("kind");
  private readonly drag = byId<HTMLAnchorElement>("drag-out");

  constructor(private readonly app: App) {
    const load = calm(CALM_MS, () => void this.load());
    app.on("chosen", () => {
      this.showName();
      load();
    });
    app.on("points", load);
    app.on("filters", load);
    app.on("names", () => this.showName());
    app.on("names", () => this.showSimilar());
    app.on("neighbours", () => this.showSimilar());
    app.on("kinds", () => this.fillKinds());
    for (const id of ["play", "mini-play"]) {
      byId(id).addEventListener("click", () => app.chosen && app.hearing.trigger(app.chosen));
    }
    for (const id of ["star", "mini-star"]) byId(id).addEventListener("click", () => this.toggleFavourite());
    byId("copy-path").addEventListener("click", () => void this.copyPath());
    byId("reveal").addEventListener("click", () => void this.reveal());
    this.kind.addEventListener("change", () => void this.correctKind());
    this.drag.addEventListener("dragstart", (event) => this.dragOut(event));
    this.showName();
    app.on("size", calm(CALM_MS, () => void this.drawWaves()));
  }

  toggleFavourite = (): void => {
    const { app } = this;
    const id = app.chosen;
    if (!id) return;
    const on = !app.world.isFavourite(id);
    app.world.setFavourite(id, on);
    this.showName();
    app.requestDraw();
    app.link.command("/klustr/favourite", [id, on ? 1 : 0]).catch((error: Error) => {
      app.world.setFavourite(id, !on);
      this.showName();
      toast(error.message);
    });
  };

  private showName(): void {
    const { app } = this;
    const id = app.chosen;
    const known = this.info && this.info.id === id ? this.info.name : "";
    const name = id ? fileName(known || app.names.of(id) || "…") : "No sound chosen";
    const starred = app.world.isFavourite(id);
    byId("card-name").textContent = name;
    byId("mini-name").textContent = id ? name : "";
    byId("mini").hidden = !id;
    byId("card").classList.toggle("none", !id);
    for (const each of ["play", "star", "copy-path", "reveal", "kind"]) byId<HTMLButtonElement>(each).disabled = !id;
    this.drag.hidden = !id;
    for (const star of [byId("star"), byId("mini-star")]) pressed(star, starred);
    byId("star").textContent = starred ? "★ Favourite" : "☆ Favourite";
    byId("mini-star").textContent = starred ? "★" : "☆";
  }

  private async load(): Promise<void> {
    const { app } = this;
    const id = app.chosen;
    byId("why").textContent = "";
    if (this.info && this.info.id !== id && !app.link.open) { // what is told of another one would be wrong
      this.info = null;
      facts(byId("facts"), [["", "the bridge is away"]]);
      app.setNeighbours([]);
    }
    if (!id) {
      this.info = null;
      this.kind.value = "";
      facts(byId("facts"), []);
      app.setNeighbours([]);
      void this.drawWaves();
      return;
    }
    this.drag.href = `/map/sound/${id}`;
    void this.drawWaves();
    try {
      const [info, similar] = await Promise.all([
        app.link.ask("/klustr/info", [id]),
        app.link.ask("/klustr/similar", [id, N_SIMILAR + 1]),
      ]);
      if (app.chosen !== id) return;
      this.info = readInfo(info.args);
      this.showFacts(this.info);
      const others = similar.rows.map((row) => ({ id: Number(row[0]), distance: Number(row[1]) }));
      app.setNeighbours(others.filter((other) => other.id !== id).slice(0, N_SIMILAR));
    } catch (error) {
      if (app.link.open) toast((error as Error).message);
    }
  }

  private showFacts(info: Info): void {
    const source = SOURCES[info.kindSource];
    const rows: [string, string][] = [["Length", seconds(info.durationS)], ["Loudest", `${info.loudnessDb.toFixed(1)} dB`]];
    if (info.pitchHz > 0) rows.push(["Pitch", `${info.pitchHz.toFixed(info.pitchHz < 100 ? 1 : 0)} Hz`]);
    if (info.brightnessHz > 0) rows.push(["Brightness", `${Math.round(info.brightnessHz)} Hz`]);
    rows.push(["Stereo", info.stereoWidth < 0.005 ? "mono" : `width ${info.stereoWidth.toFixed(2)}`]);
    if (info.isLoop) rows.push(["Loop", info.tempo > 0 ? `${info.tempo.toFixed(1)} bpm` : "yes"]);
    if (source) rows.push(["Kind told", `${source}, ${Math.round(100 * info.kindConfidence)} %`]);
    facts(byId("facts"), rows);
    this.kind.value = info.kind;
    this.showName();
    const kind = kindTitle(info.kind);
    byId("said").textContent = `${fileName(info.name)}, ${kind}, ${seconds(info.durationS)}`;
  }

  private showSimilar(): void {
    const { app } = this;
    const ids = app.neighbours.map((other) => other.id);
    const signature = app.neighbours.map(({ id, distance }) => `${id} ${distance} ${app.names.of(id, () => ids)}`).join();
    if (signature === this.similarShown) return; // whoever has the focus in it keeps it
    this.similarShown = signature;
    fill(byId("similar"), app.neighbours.map(({ id, distance }) => {
      const name = fileName(app.names.of(id, () => ids) || `sound ${id}`);
      const button = make(
        "button",
        { type: "button", title: name },
        marker(app.kindOf(id)),
        make("span", { className: "name" }, name),
        make("span", { className: "faint" }, distance.toFixed(1)),
      );
      button.addEventListener("click", () => app.playAndShow(id));
      button.addEventListener("mouseenter", () => void this.tellWhy(id, name));
      button.addEventListener("focus", () => void this.tellWhy(id, name));
      return make("li", {}, button);
    }));
  }

  private async tellWhy(other: number, name: string): Promise<void> {
    try {
      const { rows } = await this.app.link.ask("/klustr/why", [this.app.chosen, other]);
      const largest = rows.map(([aspect, share]) => [String(aspect), Number(share)] as const);
      largest.sort((a, b) => b[1] - a[1]);
      const shares = largest.slice(0, 3).map(([aspect, share]) => `${aspect} ${Math.round(100 * share)} %`);
      byId("why").textContent = `${name} differs in ${shares.join(", ")}`;
    } catch {
      byId("why").textContent = "";
    }
  }

  private async drawWaves(): Promise<void> {
    const id = this.app.chosen;
    let wave: Int8Array = new Int8Array(0);
    try {
      if (id) wave = await this.waveOf(id);
    } catch {
      // a file that is away has no waveform; its facts still stand
    }
    if (id !== this.app.chosen) return;
    const colour = this.app.kindOf(id)?.colour ?? "#e8e9ec";
    drawWave(byId<HTMLCanvasElement>("wave"), wave, colour);
    drawWave(byId<HTMLCanvasElement>("mini-wave"), wave, colour);
  }

  /** An id is of one audio for ever: its waveform is fetched, and the file decoded, once. */
  private async waveOf(id: number): Promise<Int8Array> {
    if (this.wave.id !== id) this.wave = { id, columns: await fetchWave(id) };
    return this.wave.columns;
  }

  private fillKinds(): void {
    if (this.kind.options.length === this.app.kinds.length + 1) return;
    const options = this.app.kinds.map(({ name }) => make("option", { value: name }, kindTitle(name)));
    fill(this.kind, [...options, make("option", { value: "auto" }, "as told by name or ear")]);
  }

  private async correctKind(): Promise<void> {
    const { app } = this;
    try {
      await app.link.command("/klustr/kind", [app.chosen, this.kind.value]);
      toast(`the kind is ${kindTitle(this.kind.value)} from now on`);
      await app.refresh();
    } catch (error) {
      toast((error as Error).message);
    }
  }

  private async copyPath(): Promise<void> {
    try {
      const { args } = await this.app.link.ask("/klustr/path", [this.app.chosen]);
      await toClipboard(String(args[2]));
      toast(`copied: ${String(args[2])}`);
    } catch (error) {
      toast((error as Error).message);
    }
  }

  private async reveal(): Promise<void> {
    try {
      await this.app.link.command("/klustr/reveal", [this.app.chosen]);
    } catch (error) {
      toast((error as Error).message);
    }
  }

  /** Chromium makes a file of it where it is dropped; other programs get the address. */
  private dragOut(event: DragEvent): void {
    const url = new URL(this.drag.href, location.href).href;
    const { points } = this.app.world;
    const row = points.rows.get(this.app.chosen);
    const isSlice = row !== undefined && (points.flags[row] & SLICE) !== 0;
    event.dataTransfer?.setData("DownloadURL", downloadUrl(fileName(this.info?.name ?? ""), isSlice, url));
    event.dataTransfer?.setData("text/uri-list", url);
  }
}

function drawWave(canvas: HTMLCanvasElement, wave: Int8Array, colour: string): void {
  const density = Math.min(2, window.devicePixelRatio || 1);
  canvas.width = Math.round(canvas.clientWidth * density);
  canvas.height = Math.round(canvas.clientHeight * density);
  const context = canvas.getContext("2d");
  const columns = wave.length / 2;
  if (!context || !columns) return;
  context.fillStyle = colour;
  const middle = canvas.height / 2;
  const step = canvas.width / columns;
  for (let i = 0; i < columns; i++) {
    const top = middle - (wave[2 * i + 1] / 128) * middle;
    const height = ((wave[2 * i + 1] - wave[2 * i]) / 128) * middle;
    context.fillRect(i * step, top, Math.max(1, step * 0.9), Math.max(1, height));
  }
}
