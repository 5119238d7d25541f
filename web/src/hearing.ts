/** Who sounds what, and when: the bridge's own player, or this browser. */

import type { Link } from "./link";
import { fetchSound } from "./server";
import { toast } from "./dom";

export type When = "drag" | "hover" | "off";

const MOST_BYTES = 96 * 2 ** 20;
const MOST_VOICES = 24;
const FADE_S = 0.012;
const LATE_MS = 300;
const MOST_CAME = 64;

interface Voice {
  readonly source: AudioBufferSourceNode;
  readonly gain: GainNode;
  readonly cursor: number;
}

/** The cursor that has come to a sound, and when it was lifted. */
interface Came {
  readonly cursor: number;
  readonly lifted: number;
}

/** No cursor of ours: a button, a key, or another surface whose sounds are played here. */
const NO_CURSOR = -1;

export class Hearing {
  when: When = "drag";
  player: "internal" | "client" = "internal";
  mode = "change";
  private readonly browser = new BrowserPlayer();
  /** By the sound's id, the last one last: a play does not say whose it is. */
  private readonly came = new Map<number, Came>();

  /** `idNear` names the sound that the bridge finds nearest to a place of the map; 0: none. */
  constructor(
    private readonly link: Link,
    private readonly idNear: (x: number, y: number) => number,
  ) {
    link.on("/klustr/play", ([, id, velocity]) => {
      if (this.player === "client") this.play(Number(id), Number(velocity));
    });
  }

  private play(id: number, velocity: number): void {
    const came = this.came.get(id);
    const isHeld = this.mode === "hold" && came !== undefined;
    if (isHeld && performance.now() - came.lifted < LATE_MS) return; // what it was to hold has ended
    const cursor = isHeld && came.lifted < 0 ? came.cursor : NO_CURSOR;
    if (cursor !== NO_CURSOR) this.browser.fadeOf(cursor);
    void this.browser.play(id, velocity, cursor);
  }

  /** Say what is set; the bridge keeps it for this client. */
  announce(): void {
    this.link.send("/klustr/audition", this.when === "off" ? "off" : this.mode);
    this.link.send("/klustr/player", this.player);
  }

  set(settings: Partial<Pick<Hearing, "when" | "player" | "mode">>): void {
    Object.assign(this, settings);
    if (this.player === "client") this.browser.wake();
    this.announce();
  }

  trigger(id: number): void {
    if (this.player === "client") this.browser.wake();
    this.came.delete(id);
    this.link.send("/klustr/trigger", id);
  }

  move(x: number, y: number, cursor: number): void {
    if (this.player === "client" && this.mode === "hold") this.remember(this.idNear(x, y), cursor);
    this.link.send("/klustr/xy", x, y, cursor);
  }

  lift(cursor: number): void {
    this.link.send("/klustr/lift", cursor);
    for (const [id, came] of this.came) {
      if (came.cursor === cursor && came.lifted < 0) this.came.set(id, { cursor, lifted: performance.now() });
    }
    this.browser.fadeOf(cursor);
  }

  private remember(id: number, cursor: number): void {
    this.came.delete(id);
    this.came.set(id, { cursor, lifted: -Infinity });
    if (this.came.size > MOST_CAME) this.came.delete([...this.came.keys()][0]);
  }

  /** A press is what a browser waits for before it lets a page sound. */
  wake(): void {
    if (this.player === "client") this.browser.wake();
  }

  stop(): void {
    this.link.send("/klustr/stop");
    this.browser.fadeAll();
  }
}

/** Sounds decoded sounds, with the bridge's curve of velocities; keeps the last ones, so that they start at once. */
class BrowserPlayer {
  private context: AudioContext | null = null;
  private readonly kept = new Map<number, Promise<AudioBuffer>>();
  private readonly sizes = new Map<number, number>();
  private voices: Voice[] = [];
  private nPlays = 0;
  private stoppedAt = 0;
  /** The play that each cursor waits for. */
  private readonly awaited = new Map<number, number>();

  wake(): void {
    this.context ??= new AudioContext({ latencyHint: "interactive" });
    if (this.context.state === "suspended") void this.context.resume();
  }

  /** Sound it, for a cursor that holds it or for none. What has to be fetched may have been stopped, or passed by, since. */
  async play(id: number, velocity: number, cursor: number): Promise<void> {
    const { context } = this;
    if (!context) return;
    const began = performance.now();
    const number = ++this.nPlays;
    if (cursor !== NO_CURSOR) this.awaited.set(cursor, number);
    try {
      const buffer = await this.buffer(context, id);
      if (number <= this.stoppedAt) return;
      if (cursor !== NO_CURSOR ? this.awaited.get(cursor) !== number : this.isPassed(number, began)) return;
      const source = new AudioBufferSourceNode(context, { buffer });
      const gain = new GainNode(context, { gain: velocity * velocity });
      source.connect(gain).connect(context.destination);
      const voice = { source, gain, cursor };
      source.onended = () => (this.voices = this.voices.filter((other) => other !== voice));
      this.voices.push(voice);
      if (this.voices.length > MOST_VOICES) this.fade(this.voices[0]);
      source.start();
    } catch (error) {
      toast(`this browser can't play sound ${id}: ${(error as Error).message}`);
    }
  }

  /** Whether it comes late, and the hand is elsewhere by now. */
  private isPassed(number: number, began: number): boolean {
    return number < this.nPlays && performance.now() - began > LATE_MS;
  }

  fadeAll(): void {
    this.stoppedAt = this.nPlays;
    for (const voice of this.voices) this.fade(voice);
  }

  /** End what a cursor holds, and what it waits for. */
  fadeOf(cursor: number): void {
    this.awaited.delete(cursor);
    for (const voice of this.voices) if (voice.cursor === cursor) this.fade(voice);
  }

  private fade(voice: Voice): void {
    const { source, gain } = voice;
    this.voices = this.voices.filter((other) => other !== voice); // the next one to fade is another
    const now = this.context?.currentTime ?? 0;
    gain.gain.setTargetAtTime(0, now, FADE_S);
    source.stop(now + 6 * FADE_S);
  }

  private buffer(context: AudioContext, id: number): Promise<AudioBuffer> {
    const known = this.kept.get(id);
    this.kept.delete(id); // and put it at the end: the first are dropped first
    const buffer = known ?? this.fetch(context, id);
    this.kept.set(id, buffer);
    return buffer;
  }

  private async fetch(context: AudioContext, id: number): Promise<AudioBuffer> {
    try {
      const buffer = await context.decodeAudioData(await fetchSound(id));
      this.sizes.set(id, 4 * buffer.length * buffer.numberOfChannels);
      this.makeRoom();
      return buffer;
    } catch (error) {
      this.kept.delete(id);
      throw error;
    }
  }

  private makeRoom(): void {
    let bytes = 0;
    for (const id of [...this.kept.keys()].reverse()) {
      const size = this.sizes.get(id) ?? 0; // 0: on its way
      bytes += size;
      if (!size || bytes <= MOST_BYTES) continue;
      this.kept.delete(id);
      this.sizes.delete(id);
    }
  }
}
