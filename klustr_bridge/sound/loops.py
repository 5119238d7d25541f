"""Loops: whether a recording is one sound or several hits in time, where the hits are, and their tempo.

Owns onset detection and tempo. It must not describe timbre nor read files.

References
----------
Böck, S., & Widmer, G. (2013). Maximum filter vibrato suppression for onset detection. DAFx-13: spectral flux
against a frame some steps before.
Ellis, D. P. W. (2007). Beat tracking by dynamic programming. Journal of New Music Research, 36(1): tempo
from the autocorrelation of the onset strength, weighted towards 120 a minute.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.sound.mel import FRAME, HOP, SAMPLE_RATE, decibels_below_peak, mel_filters, power_frames
from klustr_bridge.types import Float32Array

__all__ = ["NO_RHYTHM", "Rhythm", "may_be_loop", "rhythm_of"]

SHORTEST_LOOP_S = 0.9
MOST_SLICES = 64
_CHUNK_S = 0.01
_RISE_DB = 2.5
_FEWEST_RISES = 4
_AUDIBLE_DB = -30.0
_DYING, _STEADY = 0.15, 0.35  # share of the energy in the second half; loops had 0.2 to 0.7

_FLOOR_DB = -60.0
_STEP = 2 * HOP  # audio frames, 11.6 ms
_FRAMES_AT_ONCE = 1024
_BACK = 2  # frames: the level is compared with that of 23 ms before
_NEAR = 3  # frames: onsets are at least 35 ms apart
_AROUND = 12  # frames: what a peak must stand out from, 140 ms each way
_STANDS_OUT_DB = 2.0
_BACKTRACK_S = 0.02

_FEWEST_ONSETS = 6
_LAST_ONSET = 0.5
_ON_GRID_S = 0.022
_REGULAR = 0.6
_FASTEST_BPM, _SLOWEST_BPM = 220.0, 50.0
_USUAL_BPM = 120.0
_USUAL_SPREAD_OCTAVES = 0.9
_FILE_IS_WHOLE_BEATS = 1.6


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The hits of a recording.

    Attributes
    ----------
    is_loop : bool
        Whether there are several hits over its whole length, most of them on the sixteenths of one tempo.
    tempo_bpm : float
        Beats per minute of a loop, from 50 to 220; 0 where it is no loop.
    hits_s : tuple of (float, float)
        Where hits begin and the next ones do, or the sound ends, seconds, rising; the 64 strongest; empty
        where it is no loop.
    """

    is_loop: bool
    tempo_bpm: float
    hits_s: tuple[tuple[float, float], ...]


NO_RHYTHM = Rhythm(False, 0.0, ())


def may_be_loop(mono: Float32Array, sample_rate: int) -> bool:
    """Tell cheaply whether a closer look is worth it: its second half isn't much quieter.

    Parameters
    ----------
    mono : ndarray of float32, shape (n,)
        Finite, peak about 1.
    sample_rate : int
        Hz.
    """
    chunk = max(1, round(sample_rate * _CHUNK_S))
    n_chunks = len(mono) // chunk
    if n_chunks * chunk < SHORTEST_LOOP_S * sample_rate:
        return False
    level = mono[: n_chunks * chunk].reshape(n_chunks, chunk)
    energy = np.einsum("ij,ij->i", level, level).astype(np.float64)
    late = float(energy[n_chunks // 2 :].sum() / max(energy.sum(), 1e-30))
    if late < _DYING:
        return False
    if late > _STEADY:
        return True
    level_db = 10.0 * np.log10(np.maximum(energy / energy.max(), 1e-9))
    before = np.minimum.reduce([level_db[step : n_chunks - 3 + step] for step in range(3)])
    rises = (level_db[3:] - before > _RISE_DB) & (level_db[3:] > _AUDIBLE_DB)
    return bool(np.count_nonzero(rises[1:] & ~rises[:-1]) >= _FEWEST_RISES)


def rhythm_of(audio: Float32Array, duration_s: float) -> Rhythm:
    """Find the hits of a recording and their tempo.

    Parameters
    ----------
    audio : ndarray of float32, shape (n,)
        At SAMPLE_RATE, finite, peak about 1: the whole, or its first minute.
    duration_s : float
        Length of the whole, seconds.

    Returns
    -------
    Rhythm
        `NO_RHYTHM` for a single sound, and for hits that keep no tempo. Of 8 drum loops 5 are found; 28 of
        5,460 other recordings are taken for loops, most of them shaken or struck in time.
    """
    strength = _onset_strength(decibels_below_peak(_bands(audio), _FLOOR_DB))
    frames = _peaks(strength)
    if len(frames) < _FEWEST_ONSETS:
        return NO_RHYTHM
    onsets_s = [_begin_s(audio, frame * _STEP) for frame in frames.tolist()]
    heard_s = len(audio) / SAMPLE_RATE
    if onsets_s[-1] < _LAST_ONSET * heard_s or heard_s < SHORTEST_LOOP_S:
        return NO_RHYTHM
    tempo_bpm = _tempo_bpm(strength, duration_s)
    if not tempo_bpm or _regularity(np.array(onsets_s), tempo_bpm) < _REGULAR:
        return NO_RHYTHM
    strongest = np.sort(np.argsort(strength[frames], kind="stable")[-MOST_SLICES:])
    hits_s = list(zip(onsets_s, [*onsets_s[1:], heard_s], strict=True))
    return Rhythm(True, tempo_bpm, tuple(hits_s[at] for at in strongest.tolist()))


def _bands(audio: Float32Array) -> Float32Array:
    """Mel bands of every analysis frame, the first one centred on the start; a part at a time."""
    lead, filters = FRAME // 2, mel_filters().T
    padded = np.concatenate([np.zeros(lead, np.float32), audio, np.zeros(FRAME, np.float32)])
    n_frames = 1 + len(audio) // _STEP
    parts = [
        power_frames(padded[at * _STEP : _last(at, n_frames) * _STEP + FRAME], hop=_STEP) @ filters
        for at in range(0, n_frames, _FRAMES_AT_ONCE)
    ]
    return np.concatenate(parts)


def _last(at: int, n_frames: int) -> int:
    return min(at + _FRAMES_AT_ONCE, n_frames) - 1


def _onset_strength(levels_db: Float32Array) -> Float32Array:
    """Mean rise of the bands' levels, dB, by frame."""
    before = np.vstack([np.full((_BACK, levels_db.shape[1]), _FLOOR_DB, np.float32), levels_db[:-_BACK]])
    # Against the highest of three bands, so that a gliding tone isn't a row of onsets.
    wide = np.pad(before, ((0, 0), (1, 1)), mode="edge")
    highest = np.maximum(before, np.maximum(wide[:, :-2], wide[:, 2:]))
    rise: Float32Array = np.maximum(levels_db - highest, 0.0).mean(axis=1)
    return rise


def _peaks(strength: Float32Array) -> NDArray[np.intp]:
    wide = np.concatenate([np.zeros(_AROUND, np.float32), strength, np.zeros(_AROUND, np.float32)])
    windows = np.lib.stride_tricks.sliding_window_view(wide, 2 * _AROUND + 1)
    near = windows[:, _AROUND - _NEAR : _AROUND + _NEAR + 1].max(axis=1)
    found = np.flatnonzero((strength >= near) & (strength > windows.mean(axis=1) + _STANDS_OUT_DB))
    return found[np.concatenate([[True], np.diff(found) > _NEAR])] if len(found) else found


def _begin_s(audio: Float32Array, at: int) -> float:
    """Where the rise to an onset begins: the quietest millisecond shortly before it."""
    hop = SAMPLE_RATE // 1000
    start = max(0, at - round(_BACKTRACK_S * SAMPLE_RATE))
    part = audio[start : at + 2 * hop]
    n_hops = len(part) // hop
    if n_hops < 2:
        return start / SAMPLE_RATE
    level = np.abs(part[: n_hops * hop].reshape(n_hops, hop)).max(axis=1)
    quietest = n_hops - 1 - int(level[::-1].argmin())
    return (start + quietest * hop) / SAMPLE_RATE


def _tempo_bpm(strength: Float32Array, duration_s: float) -> float:
    """Tempo whose beat repeats best, with a liking for usual tempi and for whole beats in the file."""
    frames_a_minute = 60.0 * SAMPLE_RATE / _STEP
    centred = strength - strength.mean()
    n = len(centred)
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    correlation = np.fft.irfft(spectrum * spectrum.conj(), size)[:n] / np.arange(n, 0, -1)
    if correlation[0] <= 0.0:
        return 0.0
    best, best_bpm = 0.0, 0.0
    for bpm in _candidates(duration_s):
        lag = frames_a_minute / bpm
        if 4.0 * lag > n:
            if lag + 1.0 >= n:
                continue
            beats = [lag]
        else:
            beats = [lag, 2.0 * lag, 4.0 * lag]
        strengths = [
            float(correlation[max(0, round(b) - 1) : round(b) + 2].max()) for b in beats if b < n - 1
        ]
        score = max(0.0, sum(strengths) / len(strengths) / float(correlation[0]))
        score *= math.exp(-0.5 * (math.log2(bpm / _USUAL_BPM) / _USUAL_SPREAD_OCTAVES) ** 2)
        whole = duration_s * bpm / 60.0
        if abs(whole / 4.0 - round(whole / 4.0)) * 4.0 < 1e-6 and round(whole / 4.0) >= 1:
            score *= _FILE_IS_WHOLE_BEATS
        if score > best:
            best, best_bpm = score, bpm
    return round(best_bpm, 2) if best > 0.05 else 0.0


def _regularity(onsets_s: NDArray[np.float64], tempo_bpm: float) -> float:
    """Share of the onsets on the sixteenths of a tempo, beyond what chance would put there; at most 1."""
    sixteenth_s = 15.0 / tempo_bpm
    steps = (onsets_s[:, None] - onsets_s[None, :]) / sixteenth_s
    on_grid = np.abs(steps - np.round(steps)) * sixteenth_s < _ON_GRID_S
    chance = min(0.9, 2.0 * _ON_GRID_S / sixteenth_s)
    return float((on_grid.mean(axis=1).max() - chance) / (1.0 - chance))


def _candidates(duration_s: float) -> list[float]:
    """Tempi to try: those that make the file 4, 8, 12, 16, ... beats long, and a grid of the others."""
    whole = [60.0 * beats / duration_s for beats in range(4, 257, 4)]
    grid = [_SLOWEST_BPM * 1.01**step for step in range(150)]
    return [bpm for bpm in (*whole, *grid) if _SLOWEST_BPM <= bpm <= _FASTEST_BPM]
