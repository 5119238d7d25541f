/** What the scores of a map mean, in words, and which way each is better. Pure. */

import type { Row } from "./parts";

interface Meaning {
  readonly words: string;
  /** 1: more is better, -1: less is, 0: neither. */
  readonly better: 1 | -1 | 0;
}

/** In the order in which they say most; what else there is comes behind them under its own name. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  neighbour_share: { words: "Like sounds are near", better: 1 },
  trustworthiness: { words: "Near sounds are alike", better: 1 },
  continuity: { words: "Like sounds are not torn apart", better: 1 },
  kind_share: { words: "Neighbours of the same kind", better: 1 },
  kind_share_over_kinds: { words: "The same, each kind counted once", better: 1 },
  silhouette: { words: "Kinds are apart (-1 to 1)", better: 1 },
  roundness: { words: "Kinds' regions are round", better: 1 },
  overlap: { words: "Kinds' regions are free of others", better: 1 },
  overlap_in_outer_hull: { words: "The same, gaps counted in", better: 1 },
  reach_7_bit: { words: "Reached by a 7-bit pad", better: 1 },
  reach_14_bit: { words: "Reached by a 14-bit pad", better: 1 },
  moved_median: { words: "Half moved at most", better: -1 },
  moved_95: { words: "Nearly all moved at most", better: -1 },
};
const SIGNS = new Set(["silhouette"]);
const LEAST = 0.005;

/** What a score says; shares in percent. */
function said(name: string, value: number): string {
  return SIGNS.has(name) ? value.toFixed(2) : `${Math.round(100 * value)} %`;
}

function inOrder(names: Iterable<string>): string[] {
  const order = Object.keys(MEANINGS);
  return [...names].filter((name) => name in MEANINGS).sort((a, b) => order.indexOf(a) - order.indexOf(b));
}

const valuesOf = (rows: readonly Row[]) => new Map(rows.map(([name, value]) => [String(name), Number(value)]));

/** The scores of one map, for a list of facts. */
export function scoreFacts(rows: readonly Row[]): [string, string][] {
  const values = valuesOf(rows);
  return inOrder(values.keys()).map((name) => [MEANINGS[name].words, said(name, values.get(name) ?? 0)]);
}

/** The scores of the map in force and of another one, and whether that is better or worse. */
export function compared(now: readonly Row[], then: readonly Row[]): [string, string][] {
  const [before, after] = [valuesOf(now), valuesOf(then)];
  return inOrder(after.keys()).map((name) => {
    const [was, is] = [before.get(name), after.get(name) ?? 0];
    const moved = name.startsWith("moved"); // how far the map in force moved what was there says nothing of this one
    if (moved || was === undefined) return [MEANINGS[name].words.replace("moved", "would move"), said(name, is)];
    const gain = (is - was) * MEANINGS[name].better;
    const word = Math.abs(gain) < LEAST ? "the same" : gain > 0 ? "better" : "worse";
    return [MEANINGS[name].words, `${said(name, was)} → ${said(name, is)}, ${word}`];
  });
}
