/** A grid of pads on the screen: which pad lies where, what is readable on it, what a hand has passed. Pure. */

import type { Point, Size } from "./camera";

export interface GridSize {
  readonly columns: number;
  readonly rows: number;
}

export interface Cell {
  readonly column: number;
  readonly row: number;
}

export const SIZES: readonly GridSize[] = [
  { columns: 4, rows: 4 },
  { columns: 8, rows: 4 },
  { columns: 8, rows: 8 },
  { columns: 16, rows: 4 },
  { columns: 16, rows: 8 },
  { columns: 16, rows: 16 },
];
/** From this many times wider than high, pads of eight rows would be slits. */
const STRIP_ASPECT = 2.2;
const MOST_STEPS = 64;

export function sizeName({ columns, rows }: GridSize): string {
  return `${columns} × ${rows}`;
}

/** The size to begin with on a screen. */
export function fitting({ width, height }: Size): GridSize {
  return width > STRIP_ASPECT * height ? SIZES[1] : SIZES[2];
}

/** The pad at a place of the area that the pads fill; row 0 is the lowest. Null: outside. */
export function cellAt(area: Size, size: GridSize, at: Point): Cell | null {
  const column = Math.floor((at.x / area.width) * size.columns);
  const row = Math.floor((1 - at.y / area.height) * size.rows);
  return column >= 0 && column < size.columns && row >= 0 && row < size.rows ? { column, row } : null;
}

export function middleOf(area: Size, size: GridSize, { column, row }: Cell): Point {
  return { x: ((column + 0.5) / size.columns) * area.width, y: (1 - (row + 0.5) / size.rows) * area.height };
}

/** The pads on the way between two places, in order, without the one that it begins on. */
export function passed(area: Size, size: GridSize, from: Point, to: Point): Cell[] {
  const step = 0.4 * Math.min(area.width / size.columns, area.height / size.rows);
  const steps = Math.min(MOST_STEPS, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) / Math.max(1, step)));
  const cells: Cell[] = [];
  let last = cellAt(area, size, from);
  for (let i = 1; i <= steps; i++) {
    const at = { x: from.x + ((to.x - from.x) * i) / steps, y: from.y + ((to.y - from.y) * i) / steps };
    const cell = cellAt(area, size, at);
    if (cell && (cell.column !== last?.column || cell.row !== last.row)) cells.push(cell);
    last = cell;
  }
  return cells;
}

/** Radius of the circle around a row that holds n of the rows that count; 1.5, beyond any map, where there are fewer. */
export function radiusFor(places: Float32Array, row: number, n: number, counts: (row: number) => boolean): number {
  const squares: number[] = [];
  for (let other = 0; 2 * other < places.length; other++) {
    if (!counts(other)) continue;
    squares.push((places[2 * other] - places[2 * row]) ** 2 + (places[2 * other + 1] - places[2 * row + 1]) ** 2);
  }
  if (squares.length <= n) return 1.5;
  const sorted = Float64Array.from(squares).sort();
  return Math.min(1.5, 1.0001 * Math.sqrt(sorted[n - 1]) + 1e-6);
}

/** Black or white, whichever can be read better on a colour. */
export function inkOn(rgb: readonly number[]): string {
  const [r, g, b] = rgb.map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) ? "#000" : "#fff";
}

/** A file's name without what says its format. */
export function shortName(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? name.slice(0, dot) : name;
}
