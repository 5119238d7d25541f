/** Puts lists together that come in parts, and reads single replies. Pure. */

export type Argument = number | string;
export type Row = readonly Argument[];

/** How many arguments an entry of each list has, and how many stand before the first. */
const LISTS: Readonly<Record<string, { width: number; head: number }>> = {
  "/klustr/near.reply": { width: 4, head: 0 },
  "/klustr/find.reply": { width: 1, head: 0 },
  "/klustr/folders.reply": { width: 3, head: 0 },
  "/klustr/problems.reply": { width: 2, head: 0 },
  "/klustr/scores.reply": { width: 2, head: 0 },
  "/klustr/candidate/scores.reply": { width: 2, head: 0 },
  "/klustr/clients.reply": { width: 9, head: 0 },
  "/klustr/grid.reply": { width: 3, head: 0 },
  "/klustr/health.reply": { width: 2, head: 0 },
  "/klustr/why.reply": { width: 2, head: 0 },
  "/klustr/kit.reply": { width: 2, head: 0 },
  "/klustr/walk.reply": { width: 3, head: 0 },
  "/klustr/duplicates.reply": { width: 2, head: 0 },
  "/klustr/points.reply": { width: 3, head: 1 },
};

export function isList(address: string): boolean {
  return address in LISTS;
}

interface Gathered {
  readonly parts: number;
  readonly rows: Map<number, Row[]>;
}

/** Collects the parts of every list that is on its way; they may come in any order, or twice. */
export class Assembler {
  private readonly waiting = new Map<string, Gathered>();

  /** Take a packet of a list: all its entries in order once the last part is there, else null. */
  take(address: string, args: readonly Argument[]): { req: number; rows: Row[] } | null {
    const { width, head } = LISTS[address];
    const [req, part, parts, n] = args.slice(0, 4).map(Number);
    const entries = args.slice(4 + head);
    if (!(part >= 1 && part <= parts) || entries.length !== n * width) {
      throw new Error(`${address}: part ${part} of ${parts} has ${entries.length} values for ${n} entries`);
    }
    const key = `${address} ${req}`;
    let gathered = this.waiting.get(key);
    if (!gathered || gathered.parts !== parts) {
      gathered = { parts, rows: new Map() };
      this.waiting.set(key, gathered);
    }
    gathered.rows.set(part, split(entries, width));
    if (gathered.rows.size < parts) return null;
    this.waiting.delete(key);
    const rows: Row[] = [];
    for (let i = 1; i <= parts; i++) rows.push(...(gathered.rows.get(i) ?? []));
    return { req, rows };
  }

  /** Forget what never came whole. */
  clear(): void {
    this.waiting.clear();
  }
}

function split(values: readonly Argument[], width: number): Row[] {
  const rows: Row[] = [];
  for (let at = 0; at < values.length; at += width) rows.push(values.slice(at, at + width));
  return rows;
}

/** What `/klustr/info.reply` says of a sound, by name. */
export interface Info {
  readonly id: number;
  readonly uid: string;
  readonly name: string;
  readonly kind: string;
  readonly durationS: number;
  readonly loudnessDb: number;
  readonly pitchHz: number;
  readonly pitchConfidence: number;
  readonly brightnessHz: number;
  readonly stereoWidth: number;
  readonly isLoop: boolean;
  readonly tempo: number;
  readonly kindSource: string;
  readonly kindConfidence: number;
}

export function readInfo(args: readonly Argument[]): Info {
  const number = (at: number) => Number(args[at]);
  const text = (at: number) => String(args[at]);
  return {
    id: number(1),
    uid: text(2),
    name: text(3),
    kind: text(4),
    durationS: number(7),
    loudnessDb: number(8),
    pitchHz: number(9),
    pitchConfidence: number(12),
    brightnessHz: number(13),
    stereoWidth: number(14),
    isLoop: number(15) === 1,
    tempo: number(16),
    kindSource: text(17),
    kindConfidence: number(18),
  };
}
