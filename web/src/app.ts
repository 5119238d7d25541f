/** The page as a whole: what all its parts share, and what happens when something changes. */

import { fit, resized, reveal, toMap, zoomOf, type Camera, type Point, type Size } from "./camera";
import { CanvasRenderer } from "./canvas2d";
import { byId, toast } from "./dom";
import { BESIDE_LIT, diameterOf, kindLook, opacityOf, type KindLook, type Renderer } from "./drawing";
import { Hearing } from "./hearing";
import { Link } from "./link";
import { Overlay } from "./overlay";
import { paced } from "./pacing";
import type { ViewName } from "./points";
import { fetchAbout, fetchPoints, Names, type About } from "./server";
import { WebglRenderer } from "./webgl";
import { MORPH_MS, World } from "./world";

type Listener = () => void;
/** What parts of the page wait for. */
export type News = "open" | "points" | "chosen" | "kinds" | "neighbours" | "filters" | "names" | "size" | "view" | "status";

const POINTS_PAUSE_MS = 400;
const MANY = 20_000;

export class App {
  readonly world: World;
  readonly overlay: Overlay;
  readonly link: Link;
  readonly names = new Names(() => this.tell("names"));
  readonly hearing: Hearing;
  kinds: readonly KindLook[] = [];
  about: About | null = null;
  /** What `/status` has told last. */
  status: Readonly<Record<string, unknown>> = {};
  camera: Camera = fit({ width: 1, height: 1 });
  size: Size = { width: 1, height: 1 };
  chosen = 0;
  /** Whether pads are shown; the bridge then goes on to answer in the view of before. */
  isGrid = false;
  neighbours: readonly { readonly id: number; readonly distance: number }[] = [];
  /** For whoever measures: frames drawn, points of the last of them, and the script's time for it, milliseconds. */
  frames = 0;
  drawn = 0;
  frameMs = 0;
  renderer: Renderer;
  private density = 1;
  private asked = false;
  private wanted = false;
  private fetching = false;
  private pointsTag = "";
  private readonly listeners = new Map<News, Listener[]>();
  private readonly canvas = byId<HTMLCanvasElement>("points");

  constructor() {
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.world = new World(still ? 0 : MORPH_MS);
    this.overlay = new Overlay(byId<HTMLCanvasElement>("overlay"), this.world);
    this.renderer = WebglRenderer.on(this.canvas, () => this.requestDraw()) ?? new CanvasRenderer(this.canvas);
    this.link = new Link(`ws://${location.host}/map/socket`, (open) => this.opened(open));
    this.hearing = new Hearing(this.link);
    this.listen();
    // the room changes with the window, the panel, and the legend when the first kinds come
    new ResizeObserver(() => this.refit()).observe(byId("stage"));
    this.resize();
    window.setInterval(() => this.overlay.nCursors && this.requestDraw(), 1000); // old cursors go
  }

  on(news: News, listener: Listener): void {
    this.listeners.set(news, [...(this.listeners.get(news) ?? []), listener]);
  }

  tell(news: News): void {
    for (const listener of this.listeners.get(news) ?? []) listener();
  }

  /** Make a sound the chosen one; 0: none. */
  choose(id: number): void {
    if (id === this.chosen) return;
    this.chosen = id;
    this.overlay.chosen = id;
    this.neighbours = [];
    this.overlay.neighbours = [];
    this.tell("chosen");
    this.requestDraw();
  }

  setNeighbours(neighbours: readonly { id: number; distance: number }[]): void {
    this.neighbours = neighbours;
    this.overlay.neighbours = neighbours.map(({ id }) => id);
    this.tell("neighbours");
    this.requestDraw();
  }

  /** Choose a sound, hear it, and bring it into sight. */
  playAndShow(id: number): void {
    this.choose(id);
    this.hearing.trigger(id);
    const row = this.world.points.rows.get(id);
    if (row === undefined) return;
    const { to } = this.world;
    this.look(reveal(this.camera, this.size, to[2 * row], to[2 * row + 1], 40));
  }

  setView(view: ViewName | "grid"): void {
    this.isGrid = view === "grid";
    if (view !== "grid") {
      this.world.setView(view, performance.now());
      this.link.send("/klustr/view", view);
    }
    this.tell("view");
    this.requestDraw();
  }

  look(camera: Camera): void {
    if (this.isGrid) return; // pads stay where they are
    this.camera = camera;
    this.requestDraw();
  }

  mapAt(at: Point): Point {
    return toMap(this.camera, this.size, at);
  }

  kindOf(id: number): KindLook | undefined {
    const row = this.world.points.rows.get(id);
    return row === undefined ? undefined : this.kinds[this.world.points.kinds[row]];
  }

  requestDraw(): void {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    this.asked = false;
    const began = performance.now();
    const { world, camera, size } = this;
    const { n } = world.points;
    const t = world.progress(began);
    const gone = world.gone(began);
    const zoom = zoomOf(camera, size);
    const scene = { version: world.version, n, from: world.from, to: world.to, look: world.look, order: world.order };
    const diameter = diameterOf(n, size, zoom);
    const opacity = opacityOf(n, zoom) * (world.lit.size ? BESIDE_LIT : 1);
    this.renderer.draw(scene, { camera, size, density: this.density, t, diameter, opacity, gone });
    const moving = this.overlay.draw(camera, size, began);
    this.frames++;
    this.drawn = n;
    this.frameMs = performance.now() - began;
    if (t >= 1) world.settle(began);
    if (moving || t < 1 || world.version !== scene.version) this.requestDraw();
  }

  private resize(): void {
    const stage = byId("stage");
    const after = { width: Math.max(1, stage.clientWidth), height: Math.max(1, stage.clientHeight) };
    this.density = Math.min(2, window.devicePixelRatio || 1);
    this.camera = this.size.width > 1 ? resized(this.camera, this.size, after) : fit(after);
    this.size = after;
    this.renderer.resize(after, this.density);
    this.overlay.resize(after, this.density);
    this.requestDraw();
  }

  private refit(): void {
    this.resize();
    this.tell("size");
  }

  private listen(): void {
    const { link } = this;
    const pause = () => POINTS_PAUSE_MS * (this.world.points.n > MANY ? 5 : 1);
    const changed = paced(pause, () => void this.refresh());
    for (const push of ["added", "removed", "moved", "epoch"]) link.on(`/klustr/${push}`, changed);
    link.on("/klustr/hit", ([cursor, id, , , , origin]) => {
      this.overlay.hit(Number(cursor), Number(id), String(origin), performance.now());
      this.requestDraw();
    });
    link.on("/klustr/play", ([, id]) => {
      this.overlay.played(Number(id));
      this.choose(Number(id));
      this.requestDraw();
    });
    // a file that is renamed is no news to any client: its sound is the same, and so is its place
    this.on("status", () => this.about && this.status.snapshot !== this.about.snapshot && changed());
    link.on("/klustr/error", ([where, message]) => toast(`${String(where)}: ${String(message)}`));
    document.addEventListener("visibilitychange", () => {
      // a hidden page's pings are rare: its subscription may have run out
      if (document.visibilityState === "visible" && link.open) this.greet();
    });
  }

  private opened(open: boolean): void {
    if (open) this.greet();
    else this.tell("open");
  }

  /** Say hello, and everything that this client has set: a bridge that was restarted knows nothing of it. */
  private greet(): void {
    this.names.forget(); // it may be another library
    this.link.send("/klustr/hello", "web", 0);
    this.link.send("/klustr/view", this.world.view);
    this.hearing.announce();
    this.tell("open");
    void this.refresh();
  }

  /** Fetch the points anew and glide to where they are now. */
  async refresh(): Promise<void> {
    this.wanted = true;
    if (this.fetching) return;
    this.fetching = true;
    try {
      while (this.wanted) {
        this.wanted = false;
        await this.fetchAll();
      }
    } catch (error) {
      if (this.link.open) toast(`the map can't be fetched: ${(error as Error).message}`);
    } finally {
      this.fetching = false;
    }
  }

  private async fetchAll(): Promise<void> {
    const about = await fetchAbout();
    const fetched = await fetchPoints(this.pointsTag);
    if (about.snapshot !== this.about?.snapshot) this.names.renew();
    this.about = about;
    this.kinds = about.kinds.map(({ name, colour, marker }) => kindLook(name, colour, marker));
    this.renderer.setLooks(this.kinds);
    if (fetched) {
      this.pointsTag = fetched.tag;
      this.world.adopt(fetched.points, performance.now());
    }
    if (this.chosen && !this.world.points.rows.has(this.chosen)) this.choose(0);
    this.tell("kinds");
    this.tell("points");
    this.tell("names");
    this.requestDraw();
  }
}
