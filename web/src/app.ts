/** The page as a whole: what all its parts share, and what happens when something changes. */

import { fit, resized, reveal, toMap, zoomOf, type Camera, type Point, type Size } from "./camera";
import { Candidate } from "./candidate";
import { CanvasRenderer } from "./canvas2d";
import { byId, toast } from "./dom";
import { BESIDE_LIT, diameterOf, kindLook, opacityOf, type KindLook, type Renderer } from "./drawing";
import { Hearing } from "./hearing";
import { Link, type Refused } from "./link";
import { Overlay } from "./overlay";
import { paced, Retry } from "./pacing";
import { NO_POINTS, type Points, type ViewName } from "./points";
import { fetchAbout, fetchPoints, Names, type About } from "./server";
import { WebglRenderer } from "./webgl";
import { MORPH_MS, World } from "./world";

type Listener = () => void;
/** What parts of the page wait for. */
export type News =
  | "open" | "points" | "chosen" | "kinds" | "neighbours" | "filters" | "names" | "size" | "view" | "status" | "let go";

const POINTS_PAUSE_MS = 400;
const MANY = 20_000;
const SAME_FAIL_MS = 6000;
const ANSWER_MS = 2000;

export class App {
  readonly world: World;
  readonly overlay: Overlay;
  readonly link: Link;
  readonly names = new Names(() => this.tell("names"));
  readonly hearing: Hearing;
  readonly candidate: Candidate;
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
  /** Why the bridge, which is there, takes no socket of this page: there are too many, or its token is another one. */
  refusal: "" | "pages" | "token" = "";
  /** When sounds were asked to play that were chosen at the same moment, by id. */
  private readonly askedFor = new Map<number, number>();
  private lastFail = { text: "", at: -Infinity };
  private readonly retry = new Retry(() => this.link.open && void this.refresh());
  private density = 1;
  private asked = false;
  private wanted = false;
  private fetching = false;
  private pointsTag = "";
  private inForce: Points = NO_POINTS;
  private readonly listeners = new Map<News, Listener[]>();
  private readonly canvas = byId<HTMLCanvasElement>("points");

  constructor() {
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.world = new World(still ? 0 : MORPH_MS);
    this.overlay = new Overlay(byId<HTMLCanvasElement>("overlay"), this.world);
    this.renderer = WebglRenderer.on(this.canvas, () => this.requestDraw()) ?? new CanvasRenderer(this.canvas);
    this.link = new Link(`ws://${location.host}/map/socket`, (open) => this.opened(open), (error) => this.failed(error));
    this.hearing = new Hearing(this.link, (x, y) => this.idNear(x, y));
    this.candidate = new Candidate(this);
    this.listen();
    // the room changes with the window, the panel, and the legend when the first kinds come
    new ResizeObserver(() => this.refit()).observe(byId("stage"));
    this.watchDensity();
    this.resize();
    window.setInterval(() => this.overlay.nCursors && this.requestDraw(), 1000); // old cursors go
  }

  /** Whether the bridge runs on another machine, which keeps the library to itself. */
  get elsewhere(): boolean {
    return this.about?.local === false;
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
    this.askedFor.set(id, performance.now());
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

  /** A window that is moved to another screen keeps its size, and has other pixels. */
  private watchDensity(): void {
    const query = window.matchMedia(`(resolution: ${window.devicePixelRatio || 1}dppx)`);
    const changed = () => {
      query.removeListener(changed);
      this.refit();
      this.watchDensity();
    };
    query.addListener(changed);
  }

  /** Whether a sound plays as it was chosen to: by now another one may be, as when arrow keys are pressed fast. */
  private isAnswer(id: number): boolean {
    const at = this.askedFor.get(id) ?? -Infinity;
    this.askedFor.delete(id);
    return performance.now() - at < ANSWER_MS;
  }

  private idNear(x: number, y: number): number {
    const row = this.world.nearest(x, y);
    return row < 0 ? 0 : this.world.points.ids[row];
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
      if (!this.isAnswer(Number(id))) this.choose(Number(id));
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
    this.refusal = "";
    if (open) return this.greet();
    this.tell("open");
    void this.lookWhy();
  }

  /** A socket that is refused can't say why: but if the bridge answers otherwise, it has too many of them. */
  private async lookWhy(): Promise<void> {
    let code = 0;
    try {
      code = (await fetch("/status", { cache: "no-cache" })).status;
    } catch {
      return; // it is away
    }
    if (this.link.open) return;
    if (code === 401 || code === 429) {
      this.refusal = "token";
      this.link.giveUp(); // asking again with a token that has been renewed would only shut this machine out
    } else if (code === 200 && !this.link.wasOpen) {
      this.refusal = "pages";
    }
    this.tell("open");
  }

  /** Tell what the bridge refuses and nobody waits for; the same again and again, as of a drag, is told once. */
  private failed({ address, message }: Refused): void {
    const text = `${address}: ${message}`;
    const now = performance.now();
    if (text === this.lastFail.text && now - this.lastFail.at < SAME_FAIL_MS) return;
    this.lastFail = { text, at: now };
    toast(text);
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
      this.retry.end();
    } catch (error) {
      if (this.link.open && !this.retry.isUnderWay) toast(`the map can't be fetched: ${(error as Error).message}`);
      this.retry.begin();
    } finally {
      this.fetching = false;
    }
  }

  private async fetchAll(): Promise<void> {
    const about = await fetchAbout();
    const fetched = await fetchPoints(this.pointsTag);
    this.names.renew(about.snapshot);
    this.about = about;
    this.kinds = about.kinds.map(({ name, colour, marker }) => kindLook(name, colour, marker));
    this.renderer.setLooks(this.kinds);
    if (fetched) {
      this.pointsTag = fetched.tag;
      this.inForce = fetched.points;
    }
    const looked = this.candidate.looks;
    const shown = await this.candidate.over(this.inForce, about);
    if (fetched || looked || this.candidate.looks) this.world.adopt(shown, performance.now());
    if (this.chosen && !this.world.points.rows.has(this.chosen)) this.choose(0);
    this.tell("kinds");
    this.tell("points");
    this.tell("names");
    this.requestDraw();
  }
}
