/** Who sounds what, and when: the bridge's own player, or this browser. */

import type { Link } from "./link";
import { fetchSound } from "./server";
import { toast } from "./dom";

export type When = "drag" | "hover" | "off";

const MOST_BYTES = 96 * 2 ** 20;
const MOST_VOICES = 24;
const FADE_S = 0.012;

interface Voice {
  readonly source: AudioBufferSourceNode;
  readonly gain: GainNode;
}

export class Hearing {
  when: When = "drag";
  player: "internal" | "client" = "internal";
  mode = "change";
  private readonly browser = new BrowserPlayer();

  constructor(private readonly link: Link) {
    link.on("/klustr/play", ([, id, velocity]) => {
      if (this.player !== "client") return;
      if (this.mode === "hold") this.browser.fadeAll();
      void this.browser.play(Number(id), Number(velocity));
    });
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
    this.link.send("/klustr/trigger", id);
  }

  move(x: number, y: number, cursor: number): void {
    this.link.send("/klustr/xy", x, y, cursor);
  }

  lift(cursor: number): void {
    this.link.send("/klustr/lift", cursor);
    if (this.player === "client" && this.mode === "hold") this.browser.fadeAll();
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
  private bytes = 0;
  private voices: Voice[] = [];

  wake(): void {
    this.context ??= new AudioContext({ latencyHint: "interactive" });
    if (this.context.state === "suspended") void this.context.resume();
  }

  async play(id: number, velocity: number): Promise<void> {
    const { context } = this;
    if (!context) return;
    try {
      const buffer = await this.buffer(context, id);
      const source = new AudioBufferSourceNode(context, { buffer });
      const gain = new GainNode(context, { gain: velocity * velocity });
      source.connect(gain).connect(context.destination);
      const voice = { source, gain };
      source.onended = () => (this.voices = this.voices.filter((other) => other !== voice));
      this.voices.push(voice);
      if (this.voices.length > MOST_VOICES) this.fade(this.voices[0]);
      source.start();
    } catch (error) {
      toast(`this browser can't play sound ${id}: ${(error as Error).message}`);
    }
  }

  fadeAll(): void {
    for (const voice of this.voices) this.fade(voice);
  }

  private fade({ source, gain }: Voice): void {
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
      this.bytes += 4 * buffer.length * buffer.numberOfChannels;
      if (this.bytes > MOST_BYTES) this.makeRoom();
      return buffer;
    } catch (error) {
      this.kept.delete(id);
      throw error;
    }
  }

  private makeRoom(): void {
    const last = [...this.kept].slice(-8);
    this.kept.clear();
    this.bytes = 0;
    for (const [id, buffer] of last) this.kept.set(id, buffer);
  }
}
