/** What is shown: the points, which of them count, and where they are on their way to. Pure but for the clock it is told. */

import { drawingOrder, FAVOURITE, NO_POINTS, type Points, type ViewName } from "./points";
import type { Point } from "./camera";
import { Lattice } from "./nearest";

export interface Filters {
  /** Numbers of kinds; empty: every kind. */
  readonly kinds: ReadonlySet<number>;
  readonly leastS: number;
  readonly mostS: number;
  readonly favourites: boolean;
  /** Ids below the chosen folder; null: no folder is chosen. */
  readonly within: ReadonlySet<number> | null;
}

export const NO_FILTERS: Filters = { kinds: new Set(), leastS: 0, mostS: Infinity, favourites: false, within: null };

export const MORPH_MS = 700;

/**
 * The lengths that two fields leave, in seconds; an empty field narrows nothing. Rounded as lengths themselves are, so
 * that 0.3 s is at most 0.3 s here as it is for the bridge; the wrong way round they are taken the right way round.
 */
export function lengthsOf(least: string, most: string): { leastS: number; mostS: number } {
  const leastS = Math.fround(Math.max(0, Number(least) || 0));
  const mostS = Math.fround(Number(most) || Infinity);
  return leastS > mostS ? { leastS: mostS, mostS: leastS } : { leastS, mostS };
}

/** How a point looks, four bytes a row: kind, drawn (dim, away, shown, lit), marked as favourite, newly come. */
export const DIM = 0;
export const AWAY = 1;
export const SHOWN = 2;
export const LIT = 3;
export const PASSES = [DIM, AWAY, SHOWN, LIT] as const;

export class World {
  points: Points = NO_POINTS;
  view: ViewName = "natural";
  filters: Filters = NO_FILTERS;
  lit: ReadonlySet<number> = new Set();
  order: Uint32Array = new Uint32Array(0);
  /** Where the morph under way began, interleaved. */
  from: Float32Array = new Float32Array(0);
  look: Uint8Array = new Uint8Array(0);
  nShown = 0;
  /** Raised when from, to or look have changed, so that a renderer knows to load them. */
  version = 0;
  private began = -Infinity;
  /** Where sounds are that lie on pads, by id; all others are away. */
  private pads: ReadonlyMap<number, Point> | null = null;
  /** Pads that are being left. */
  private left: ReadonlyMap<number, Point> | null = null;
  private goneFrom = 0;
  private goal: Float32Array | null = null;
  private lattice: Lattice | null = null;

  constructor(private readonly morphMs: number = MORPH_MS) {}

  /** Where the points are, or are going to. */
  get to(): Float32Array {
    return (this.goal ??= withPads(this.points, this.view, this.pads));
  }

  get nPads(): number {
    return this.pads?.size ?? 0;
  }

  /** Take a new set of points: what was there glides to its new place, what is new grows where it belongs. */
  adopt(next: Points, now: number): void {
    const before = this.points;
    const places = this.placesAt(now);
    this.begin(now);
    if (!before.n) this.began = -Infinity; // the first are there at once
    this.points = next;
    const target = this.to;
    const from = target.slice();
    const born = new Uint8Array(next.n);
    for (let row = 0; row < next.n; row++) {
      const old = before.rows.get(next.ids[row]);
      if (old === undefined) {
        born[row] = before.n ? 1 : 0;
        continue;
      }
      from[2 * row] = places[2 * old];
      from[2 * row + 1] = places[2 * old + 1];
    }
    this.from = from;
    this.order = drawingOrder(next.kinds);
    this.look = new Uint8Array(4 * next.n);
    for (let row = 0; row < next.n; row++) this.look[4 * row + 3] = born[row];
    this.refreshLooks();
  }

  setView(view: ViewName, now: number): void {
    if (view === this.view) return;
    this.from = this.placesAt(now);
    this.view = view;
    this.begin(now);
    this.version++;
  }

  /** Have sounds glide to pads while the others fade; null: all come back. Without gliding they are there at once. */
  setPads(pads: ReadonlyMap<number, Point> | null, now: number, glides = true): void {
    if (!pads && !this.pads) return;
    const from = this.placesAt(now);
    this.left = pads ? null : this.pads;
    this.begin(now);
    this.pads = pads;
    if (glides) {
      this.from = from;
    } else {
      this.from = this.to;
      this.goneFrom = pads ? 1 : 0;
    }
    this.refreshLooks();
  }

  /** How far those that are away have faded, 0..1; null: nobody is away. */
  gone(now: number): number | null {
    return this.pads || this.left ? this.goneAt(now) : null;
  }

  /** Note that a morph has ended, as far as that changes how points look. */
  settle(now: number): void {
    if (!this.left || this.progress(now) < 1) return;
    this.left = null;
    this.refreshLooks();
  }

  /** Whether a sound can be seen: not while others lie on pads and it doesn't. */
  isThere(id: number): boolean {
    return this.points.rows.has(id) && (!this.pads || this.pads.has(id));
  }

  setFilters(filters: Filters): void {
    this.filters = filters;
    this.lattice = null;
    this.refreshLooks();
  }

  setLit(ids: ReadonlySet<number>): void {
    this.lit = ids;
    this.refreshLooks();
  }

  setFavourite(id: number, on: boolean): void {
    const row = this.points.rows.get(id);
    if (row === undefined) return;
    if (on) this.points.flags[row] |= FAVOURITE;
    else this.points.flags[row] &= ~FAVOURITE;
    if (this.filters.favourites) this.lattice = null;
    this.refreshLooks();
  }

  isFavourite(id: number): boolean {
    const row = this.points.rows.get(id);
    return row !== undefined && (this.points.flags[row] & FAVOURITE) !== 0;
  }

  /** Whether a sound passes the filters. */
  counts = (row: number): boolean => {
    const { points, filters } = this;
    return (
      (!filters.kinds.size || filters.kinds.has(points.kinds[row])) &&
      points.durations[row] >= filters.leastS &&
      points.durations[row] <= filters.mostS &&
      (!filters.favourites || (points.flags[row] & FAVOURITE) !== 0) &&
      (!filters.within || filters.within.has(points.ids[row]))
    );
  };

  /** Nearest sound that passes the filters, in the measure of the map, as the bridge finds it; -1: none. */
  nearest(x: number, y: number): number {
    this.lattice ??= new Lattice(this.to, this.counts);
    return this.lattice.nearest(x, y);
  }

  /** How far the morph is, 0..1, slow at both ends. */
  progress(now: number): number {
    const t = this.morphMs > 0 ? Math.min(1, Math.max(0, (now - this.began) / this.morphMs)) : 1;
    return t * t * (3 - 2 * t);
  }

  /** Where a row is at this moment. */
  placeAt(row: number, now: number): { x: number; y: number } {
    const t = this.progress(now);
    const { from, to } = this;
    return {
      x: from[2 * row] + (to[2 * row] - from[2 * row]) * t,
      y: from[2 * row + 1] + (to[2 * row + 1] - from[2 * row + 1]) * t,
    };
  }

  private goneAt(now: number): number {
    return this.goneFrom + ((this.pads ? 1 : 0) - this.goneFrom) * this.progress(now);
  }

  /** Begin a morph from what there is at this moment. */
  private begin(now: number): void {
    this.goneFrom = this.goneAt(now);
    this.began = now;
    this.goal = null;
    this.lattice = null;
  }

  private placesAt(now: number): Float32Array {
    const t = this.progress(now);
    const places = new Float32Array(this.from.length);
    for (let i = 0; i < places.length; i++) places[i] = this.from[i] + (this.to[i] - this.from[i]) * t;
    return places;
  }

  private refreshLooks(): void {
    const { points, look } = this;
    const seen = this.pads ?? this.left;
    let shown = 0;
    for (let row = 0; row < points.n; row++) {
      const counts = this.counts(row);
      if (counts) shown++;
      const lit = counts && this.lit.has(points.ids[row]);
      look[4 * row] = points.kinds[row];
      const away = seen !== null && !seen.has(points.ids[row]);
      look[4 * row + 1] = !counts ? DIM : away ? AWAY : lit ? LIT : SHOWN;
      look[4 * row + 2] = points.flags[row] & FAVOURITE;
    }
    this.nShown = shown;
    this.version++;
  }
}

/** Places in a view, but for those of the sounds on pads. */
function withPads(points: Points, view: ViewName, pads: ReadonlyMap<number, Point> | null): Float32Array {
  const places = points.places[view];
  if (!pads) return places;
  const both = places.slice();
  for (const [id, { x, y }] of pads) {
    const row = points.rows.get(id);
    if (row === undefined) continue;
    both[2 * row] = x;
    both[2 * row + 1] = y;
  }
  return both;
}
