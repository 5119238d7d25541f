/** What is fetched over HTTP: what the bridge is, all points, names, waveforms; and what is sent there. */

import { decodePoints, type Points } from "./points";

export interface About {
  readonly version: string;
  readonly epoch: number;
  readonly sounds: number;
  readonly state: string;
  readonly placed: number;
  /** The map that waits to be taken or dropped; null: there is none. */
  readonly candidate: { readonly method: string; readonly sounds: number } | null;
  /** Names the state of the library: another one, and names of files may be others, too. */
  readonly snapshot: string;
  readonly kinds: readonly { readonly name: string; readonly colour: string; readonly marker?: string }[];
  readonly aspects: readonly string[];
  /** False where the bridge runs on another machine. */
  readonly local?: boolean;
}

export interface Folder {
  readonly path: string;
  readonly files: number;
  readonly state: string;
}

export interface Similar {
  readonly id: number;
  readonly distance: number;
}

async function get(path: string): Promise<Response> {
  const response = await fetch(path, { cache: "no-cache" });
  if (!response.ok) throw new Error(await reason(response));
  return response;
}

/** What a refusal says: its message where it is one of the protocol's, else its text. */
async function reason(response: Response): Promise<string> {
  const text = (await response.text()).trim();
  try {
    return String((JSON.parse(text) as { message: string }).message);
  } catch {
    return text.slice(0, 300) || `${response.status} ${response.statusText}`;
  }
}

export async function fetchAbout(): Promise<About> {
  return (await get("/map/about")).json() as Promise<About>;
}

/** The points, with what names them; null where they are those of `tag` still. */
export async function fetchPoints(tag = ""): Promise<{ points: Points; tag: string } | null> {
  const response = await get("/map/points");
  const now = response.headers.get("ETag") ?? "";
  if (now && now === tag) return null;
  return { points: decodePoints(await response.arrayBuffer()), tag: now };
}

export async function fetchCandidate(): Promise<Points> {
  return decodePoints(await (await get("/map/candidate")).arrayBuffer());
}

export interface Copies {
  /** How many sounds several files hold; not all of them may be named. */
  readonly n: number;
  readonly sounds: readonly { readonly id: number; readonly paths: readonly string[] }[];
}

export async function fetchCopies(): Promise<Copies> {
  return (await get("/map/copies")).json() as Promise<Copies>;
}

export async function fetchFolders(): Promise<Folder[]> {
  const answer = (await (await get("/map/folders")).json()) as Folder[] | { folders: Folder[] };
  return Array.isArray(answer) ? answer : answer.folders;
}

/** Ids of the sounds below a folder; null where the bridge does not tell. */
export async function fetchWithin(folder: string): Promise<Set<number> | null> {
  const response = await fetch(`/map/within?folder=${encodeURIComponent(folder)}`);
  return response.ok ? new Set(new Int32Array(await response.arrayBuffer())) : null;
}

/** Lowest and highest value of each column, -128..127, in turns. */
export async function fetchWave(id: number): Promise<Int8Array> {
  return new Int8Array(await (await get(`/map/wave/${id}`)).arrayBuffer());
}

export async function fetchSound(id: number): Promise<ArrayBuffer> {
  return (await get(`/map/sound/${id}`)).arrayBuffer();
}

export async function fetchStatus(): Promise<Record<string, unknown>> {
  return (await get("/status")).json() as Promise<Record<string, unknown>>;
}

async function post(path: string, file: Blob): Promise<unknown> {
  const headers = { "Content-Type": "application/octet-stream" };
  const response = await fetch(path, { method: "POST", headers, body: file });
  if (!response.ok) throw new Error(await reason(response));
  return response.json();
}

export async function upload(folder: string, name: string, file: Blob): Promise<string> {
  const query = `folder=${encodeURIComponent(folder)}&name=${encodeURIComponent(name)}`;
  return ((await post(`/map/upload?${query}`, file)) as { path: string }).path;
}

export async function findSimilar(name: string, file: Blob): Promise<Similar[]> {
  return (await post(`/map/similar?name=${encodeURIComponent(name)}`, file)) as Similar[];
}

const BATCH = 200; // so that the address stays under 2,048 bytes
const MOST_NAMES = 50_000;
const NAMES_PAUSE_MS = 30;
const AWAY_PAUSE_MS = 1000;
const LONGEST_AWAY_PAUSE_MS = 30_000;

interface Named {
  /** "": the bridge has no name for it. */
  readonly name: string;
  readonly age: number;
}

/** Names of sounds, asked for together and kept. */
export class Names {
  private readonly known = new Map<number, Named>();
  private wanted = new Set<number>();
  private timer = 0;
  private age = 0;
  private tag = "";
  private run = 0;
  private pause = AWAY_PAUSE_MS;

  /** `onNews` is called when names have come that weren't known. */
  constructor(private readonly onNews: () => void) {}

  /** The name, or "" if there is none or it isn't known yet; then it is asked for, together with those of `others`. */
  of(id: number, others: () => Iterable<number> = () => []): string {
    if (this.isStale(id) && !this.wanted.has(id)) {
      this.wanted.add(id);
      for (const other of others()) if (this.isStale(other)) this.wanted.add(other);
      this.timer ||= window.setTimeout(() => void this.fetch(), NAMES_PAUSE_MS);
    }
    return this.known.get(id)?.name ?? "";
  }

  /** Know nothing any more: it may be another library. */
  forget(): void {
    this.known.clear();
    this.wanted.clear();
    window.clearTimeout(this.timer);
    this.timer = 0;
    this.age++;
    this.run++;
    this.pause = AWAY_PAUSE_MS;
  }

  /** Where `tag` is that of another state of the library, names count until newer ones come: files may be renamed. */
  renew(tag: string): void {
    if (tag === this.tag) return;
    this.tag = tag;
    this.age++;
  }

  private isStale(id: number): boolean {
    return this.known.get(id)?.age !== this.age;
  }

  private async fetch(): Promise<void> {
    const { age, run } = this;
    const all = [...this.wanted];
    if (this.known.size > MOST_NAMES) this.known.clear();
    let isNews = false;
    try {
      for (let at = 0; at < all.length; at += BATCH) {
        const ids = all.slice(at, at + BATCH);
        const names = (await (await get(`/map/names?ids=${ids.join(",")}`)).json()) as Record<string, string>;
        if (run !== this.run) return;
        for (const id of ids) {
          const name = names[id] ?? ""; // "" is an answer, too: else it would be asked for again and again
          isNews = isNews || this.known.get(id)?.name !== name;
          this.known.set(id, { name, age });
          this.wanted.delete(id);
        }
      }
      this.pause = AWAY_PAUSE_MS;
      this.timer = this.wanted.size ? window.setTimeout(() => void this.fetch(), NAMES_PAUSE_MS) : 0;
    } catch {
      if (run !== this.run) return;
      // the bridge is away: what is wanted is asked for again, less and less often
      this.timer = window.setTimeout(() => void this.fetch(), this.pause);
      this.pause = Math.min(LONGEST_AWAY_PAUSE_MS, 2 * this.pause);
    }
    if (isNews) this.onNews();
  }
}
