/** Sets of points as the bridge sends them, for tests. */

export interface Made {
  id: number;
  at: [number, number];
  even?: [number, number];
  kind?: number;
  flags?: number;
  durationS?: number;
}

export function encode(sounds: readonly Made[], epoch = 1): ArrayBuffer {
  const n = sounds.length;
  const data = new ArrayBuffer(16 + 26 * n);
  const view = new DataView(data);
  [..."KMP1"].forEach((letter, i) => view.setUint8(i, letter.charCodeAt(0)));
  view.setUint32(4, epoch, true);
  view.setUint32(8, n, true);
  sounds.forEach((sound, row) => {
    const even = sound.even ?? [-1, -1];
    const floats = [...sound.at, ...even, sound.durationS ?? 1];
    view.setInt32(16 + 4 * row, sound.id, true);
    floats.forEach((value, section) => view.setFloat32(16 + 4 * n * (section + 1) + 4 * row, value, true));
    view.setUint8(16 + 24 * n + row, sound.kind ?? 1);
    view.setUint8(16 + 25 * n + row, sound.flags ?? 0);
  });
  return data;
}

/** Numbers 0..1 that are the same in every run. */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
