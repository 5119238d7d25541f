/** Which sound lies nearest to a place, or nearest in a direction. Pure. */

/** Rows sorted into the cells of a square lattice, so that a search looks at few of them. */
export class Lattice {
  private readonly side: number;
  private readonly starts: Uint32Array;
  private readonly rows: Uint32Array;

  /** `places`: interleaved x, y, 0..1; others are held in the cells of the edge. `counts` says which rows are looked for. */
  constructor(
    private readonly places: Float32Array,
    counts: (row: number) => boolean = () => true,
  ) {
    const all = new Uint32Array(places.length / 2);
    let n = 0;
    for (let row = 0; row < all.length; row++) if (counts(row)) all[n++] = row;
    const sought = all.subarray(0, n);
    this.side = Math.max(1, Math.min(512, Math.floor(Math.sqrt(n / 2))));
    this.starts = new Uint32Array(this.side * this.side + 1);
    for (const row of sought) this.starts[this.cellOf(row) + 1]++;
    for (let cell = 0; cell < this.side * this.side; cell++) this.starts[cell + 1] += this.starts[cell];
    const next = this.starts.slice();
    this.rows = new Uint32Array(n);
    for (const row of sought) this.rows[next[this.cellOf(row)]++] = row;
  }

  /** The row nearest to x, y; -1 if there is none. */
  nearest(x: number, y: number): number {
    const column = this.slot(x);
    const line = this.slot(y);
    let best = -1;
    let least = Infinity;
    for (let ring = 0; ring < this.side; ring++) {
      // what lies in this ring of cells is at least so far away, from inside the middle one
      if (best >= 0 && Math.max(0, ring - 1) / this.side > Math.sqrt(least)) break;
      for (const cell of this.ring(column, line, ring)) {
        for (let i = this.starts[cell]; i < this.starts[cell + 1]; i++) {
          const row = this.rows[i];
          const d = (this.places[2 * row] - x) ** 2 + (this.places[2 * row + 1] - y) ** 2;
          if (d < least) {
            least = d;
            best = row;
          }
        }
      }
    }
    return best;
  }

  private *ring(column: number, line: number, ring: number): Iterable<number> {
    const within = (value: number) => value >= 0 && value < this.side;
    for (let l = line - ring; l <= line + ring; l++) {
      if (!within(l)) continue;
      const step = Math.abs(l - line) === ring ? 1 : 2 * ring;
      for (let c = column - ring; c <= column + ring; c += step || 1) {
        if (within(c)) yield l * this.side + c;
      }
    }
  }

  private cellOf(row: number): number {
    return this.slot(this.places[2 * row + 1]) * this.side + this.slot(this.places[2 * row]);
  }

  private slot(value: number): number {
    return Math.min(this.side - 1, Math.max(0, Math.floor(value * this.side) || 0));
  }
}

export type Direction = "left" | "right" | "up" | "down";

const AHEAD: Record<Direction, readonly [number, number]> = {
  left: [-1, 0],
  right: [1, 0],
  up: [0, 1],
  down: [0, -1],
};

/**
 * The row to which an arrow key leads: near, and rather straight ahead than to the side.
 * Within 45 degrees of the direction; a way to the side counts double. -1 if there is none.
 * Of those at one place right and up go through all in order before they leave it, left and down back through them.
 */
export function nearestThatWay(
  places: Float32Array,
  from: number,
  direction: Direction,
  counts: (row: number) => boolean,
): number {
  const [ahead, aside] = AHEAD[direction];
  let best = -1;
  let least = Infinity;
  let beside = -1; // the next one at the same place
  for (let row = 0; row < places.length / 2; row++) {
    const dx = places[2 * row] - places[2 * from];
    const dy = places[2 * row + 1] - places[2 * from + 1];
    const forward = dx * ahead + dy * aside;
    const sideways = Math.abs(dx * aside) + Math.abs(dy * ahead);
    const cost = forward + 2 * sideways;
    if (dx === 0 && dy === 0 && counts(row)) {
      if (ahead + aside < 0 && row < from) beside = row;
      else if (ahead + aside > 0 && row > from && beside < 0) beside = row;
    }
    if (row !== from && forward > 0 && sideways <= forward && cost < least && counts(row)) {
      least = cost;
      best = row;
    }
  }
  return beside >= 0 ? beside : best;
}
