/** All placed sounds as they come from `/map/points`: typed arrays, one row a sound. Pure. */

export type ViewName = "natural" | "even";

export const FAVOURITE = 1;
export const SLICE = 2;
export const LOOP = 4;

const MAGIC = "KMP1";
const HEAD_BYTES = 16;
const ROW_BYTES = 4 * 6 + 2;

export interface Points {
  readonly epoch: number;
  readonly n: number;
  readonly ids: Int32Array;
  /** Interleaved x, y of each view, 0..1, (0, 0) at the lower left. */
  readonly places: Readonly<Record<ViewName, Float32Array>>;
  readonly durations: Float32Array;
  readonly kinds: Uint8Array;
  readonly flags: Uint8Array;
  /** From id to row. */
  readonly rows: ReadonlyMap<number, number>;
}

export const NO_POINTS: Points = {
  epoch: 0,
  n: 0,
  ids: new Int32Array(0),
  places: { natural: new Float32Array(0), even: new Float32Array(0) },
  durations: new Float32Array(0),
  kinds: new Uint8Array(0),
  flags: new Uint8Array(0),
  rows: new Map(),
};

/** Unpack the answer of `/map/points`; throws an Error that says what is wrong with it. */
export function decodePoints(data: ArrayBuffer): Points {
  const head = new DataView(data);
  const magic = data.byteLength >= HEAD_BYTES ? String.fromCharCode(...new Uint8Array(data, 0, 4)) : "";
  if (magic !== MAGIC) {
    throw new Error(`points begin with '${magic}', not '${MAGIC}': page and bridge are of different versions`);
  }
  const n = head.getUint32(8, true);
  if (data.byteLength !== HEAD_BYTES + n * ROW_BYTES) {
    throw new Error(`${n} points take ${HEAD_BYTES + n * ROW_BYTES} bytes, but ${data.byteLength} came`);
  }
  let at = HEAD_BYTES;
  const floats = () => {
    const section = new Float32Array(data, at, n);
    at += 4 * n;
    return section;
  };
  const ids = new Int32Array(data, at, n);
  at += 4 * n;
  const natural = interleave(floats(), floats());
  const even = interleave(floats(), floats(), natural);
  const durations = floats();
  const kinds = new Uint8Array(data, at, n);
  const flags = new Uint8Array(data, at + n, n).slice();
  return { epoch: head.getUint32(4, true), n, ids, places: { natural, even }, durations, kinds, flags, rows: rowsOf(ids) };
}

/** Put x and y together; where there is no place (yet), that of `other` counts. */
function interleave(x: Float32Array, y: Float32Array, other?: Float32Array): Float32Array {
  const both = new Float32Array(2 * x.length);
  for (let row = 0; row < x.length; row++) {
    const there = x[row] >= 0 && y[row] >= 0; // false for NaN, too
    both[2 * row] = there || !other ? x[row] : other[2 * row];
    both[2 * row + 1] = there || !other ? y[row] : other[2 * row + 1];
  }
  return both;
}

function rowsOf(ids: Int32Array): Map<number, number> {
  const rows = new Map<number, number>();
  for (let row = 0; row < ids.length; row++) rows.set(ids[row], row);
  return rows;
}

/** The same sounds at other places; those that have none there stay where they are. */
export function withPlaces(points: Points, other: Points): Points {
  const moved = (view: ViewName) => {
    const places = points.places[view].slice();
    for (let row = 0; row < points.n; row++) {
      const there = other.rows.get(points.ids[row]);
      if (there === undefined) continue;
      places[2 * row] = other.places[view][2 * there];
      places[2 * row + 1] = other.places[view][2 * there + 1];
    }
    return places;
  };
  return { ...points, places: { natural: moved("natural"), even: moved("even") } };
}

/** Rows in drawing order: unknown kinds first, then frequent before rare, so that rare ones stay visible. */
export function drawingOrder(kinds: Uint8Array): Uint32Array {
  const counts = countKinds(kinds);
  const sequence = [...counts.keys()].filter((kind) => counts[kind] > 0);
  sequence.sort((a, b) => Number(b === 0) - Number(a === 0) || counts[b] - counts[a] || a - b);
  const next = new Array<number>(256).fill(0);
  let start = 0;
  for (const kind of sequence) {
    next[kind] = start;
    start += counts[kind];
  }
  const order = new Uint32Array(kinds.length);
  for (let row = 0; row < kinds.length; row++) order[next[kinds[row]]++] = row;
  return order;
}

/** How many sounds each kind has, by its number. */
export function countKinds(kinds: Uint8Array): number[] {
  const counts = new Array<number>(256).fill(0);
  for (const kind of kinds) counts[kind]++;
  return counts;
}
