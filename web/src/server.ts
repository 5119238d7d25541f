/** What is fetched over HTTP: what the bridge is, all points, names, waveforms; and what is sent there. */

import { decodePoints, type Points } from "./points";

export interface About {
  readonly version: string;
  readonly epoch: number;
  readonly sounds: number;
  readonly state: string;
  /** Names the state of the library: another one, and names of files may be others, too. */
  readonly snapshot: string;
  readonly kinds: readonly { readonly name: string; readonly colour: string; readonly marker?: string }[];
  readonly aspects: readonly string[];
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

/** Names of sounds, asked for together and kept. */
export class Names {
  private readonly known = new Map<number, { readonly name: string; readonly age: number }>();
  private age = 0;
  private wanted = new Set<number>();
  private timer = 0;

  /** `onNews` is called when names have come that were asked for. */
  constructor(private readonly onNews: () => void) {}

  /** The name, or "" if it isn't known yet; then it is asked for, together with those of `others`. */
  of(id: number, others: () => Iterable<number> = () => []): string {
    if (!this.isNew(id) && !this.wanted.has(id)) {
      this.wanted.add(id);
      for (const other of others()) if (!this.isNew(other)) this.wanted.add(other);
      this.timer ||= window.setTimeout(() => void this.fetch(), 30);
    }
    return this.known.get(id)?.name ?? "";
  }

  /** Files may have been renamed: each name stands until it is wanted again and the new one is there. */
  renew(): void {
    this.age++;
  }

  forget(): void {
    this.known.clear();
  }

  private isNew(id: number): boolean {
    return this.known.get(id)?.age === this.age;
  }

  private async fetch(): Promise<void> {
    const all = [...this.wanted];
    const { age } = this;
    if (this.known.size > MOST_NAMES) this.known.clear();
    try {
      for (let at = 0; at < all.length; at += BATCH) {
        const ids = all.slice(at, at + BATCH);
        const names = (await (await get(`/map/names?ids=${ids.join(",")}`)).json()) as Record<string, string>;
        for (const id of ids) this.known.set(id, { name: names[id] ?? "", age });
      }
      this.end();
      this.onNews();
    } catch {
      this.end(); // the bridge is away: whoever still wants a name asks again when there is news
    }
  }

  private end(): void {
    this.wanted.clear();
    this.timer = 0;
  }
}
