"""What a sound is like, from its mono mix: one sound, a long one, or a loop and its hits.

Owns the choice between the three and the cutting into parts. It must not read files.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from klustr_bridge.sound.ear import Ear
from klustr_bridge.sound.embedding import Heard, embed_whole, hear, with_learned
from klustr_bridge.sound.excerpt import Excerpt, excerpt_of, resampled
from klustr_bridge.sound.listening import LOWEST_DB
from klustr_bridge.sound.loops import NO_RHYTHM, Rhythm, may_be_loop, rhythm_of
from klustr_bridge.sound.mel import SAMPLE_RATE
from klustr_bridge.types import Float32Array, Slice

__all__ = ["Description", "describe"]

LONG_S = 4.0
"""A sound that lasts longer isn't told by its first moments alone."""
_N_PIECES = 8
_PIECE_S = 1.5
_SHORTEST_SLICE_S = 0.03
_QUIETEST_SLICE_DB = -50.0  # below the loudest hit
_SILENT_PIECE = 1e-3  # of full scale, peak: 54 dB below the sound's own
_OFFSET = 0.02  # of the peak: a mean beyond that is a constant offset rather than a lopsided sound


@dataclass(frozen=True, slots=True)
class Description:
    """What a sound is like.

    Attributes
    ----------
    heard : Heard
        Of the sound's beginning.
    embedding : ndarray of float32, shape (EMBEDDING_SIZE,), or (WHOLE_SIZE,) by the learned ear
        Of the whole.
    rhythm : Rhythm
        Hits and tempo of a loop.
    slices : tuple of Slice
        The hits of a loop.
    """

    heard: Heard
    embedding: Float32Array
    rhythm: Rhythm
    slices: tuple[Slice, ...]


@dataclass(frozen=True, slots=True)
class _Hit:
    """A hit within a loop, audio frames of the file, and what was heard of it."""

    start_frame: int
    end_frame: int
    loudness_db: float
    heard: Heard


def describe(
    mono: Float32Array, sample_rate: int, duration_s: float, first_frame: int = 0, ear: Ear | None = None
) -> Description:
    """Describe a sound.

    Parameters
    ----------
    mono : ndarray of float32, shape (n,)
        Finite; the whole sound, or its first minute. A constant offset doesn't count.
    sample_rate : int
        Hz.
    duration_s : float
        Length of the whole sound, seconds.
    first_frame : int
        Where `mono` begins in the file, audio frames.
    ear : Ear, optional
        The learned ear, if it is to hear, too: once, all parts of the sound together.

    Returns
    -------
    Description

    Raises
    ------
    EarError
        If the ear fails.
    """
    mono, gain_db = _at_full_scale(mono)
    excerpt = excerpt_of(mono, sample_rate)
    heard = hear(excerpt, for_ear=ear is not None)
    if may_be_loop(mono, sample_rate):
        audio = resampled(mono, sample_rate)
        rhythm = rhythm_of(audio, duration_s)
        hits = list(_hits(audio, rhythm, sample_rate, first_frame, len(mono), gain_db, ear is not None))
        if hits:
            parts = _embeddings([hit.heard for hit in hits], ear)
            slices = tuple(_slice_of(hit, part) for hit, part in zip(hits, parts, strict=True))
            return Description(heard, embed_whole(parts, duration_s, is_loop=True), rhythm, slices)
    if excerpt.length_s > LONG_S:
        pieces = _pieces(mono, sample_rate, excerpt, for_ear=ear is not None)
        parts = _embeddings([heard, *pieces], ear)
        return Description(heard, embed_whole(parts, excerpt.length_s, is_loop=False), NO_RHYTHM, ())
    return Description(heard, _embeddings([heard], ear)[0], NO_RHYTHM, ())


def _embeddings(parts: Sequence[Heard], ear: Ear | None) -> list[Float32Array]:
    """Embeddings of parts of a sound, learned ones where there is an ear."""
    engineered = [part.embedding for part in parts]
    if ear is None:
        return engineered
    shown = np.stack([part.levels for part in parts if part.levels is not None])
    lengths = np.array([part.log_length for part in parts], np.float32)
    return list(with_learned(np.stack(engineered), ear.embed(shown, lengths)))


def _at_full_scale(mono: Float32Array) -> tuple[Float32Array, float]:
    """The sound without offset, its peak between 1/2 and 1, and what was taken from its level, dB."""
    peak = _peak(mono)
    offset = float(mono.mean(dtype=np.float64)) if len(mono) > 1 else 0.0
    if abs(offset) > _OFFSET * peak:
        mono = (mono - offset).astype(np.float32)
        peak = _peak(mono)
    # By a power of two, which keeps every digit; files of floats may have any level.
    exponent = math.frexp(peak)[1]
    usual = abs(exponent) < 120  # multiplying is quicker, where the factor is a float32
    scaled = mono * np.float32(2.0**-exponent) if usual else np.ldexp(mono, -exponent)
    return scaled, 20.0 * math.log10(2.0) * exponent


def _peak(mono: Float32Array) -> float:
    return max(float(mono.max(initial=0.0)), -float(mono.min(initial=0.0)))


def _pieces(mono: Float32Array, sample_rate: int, excerpt: Excerpt, *, for_ear: bool) -> Iterator[Heard]:
    """Pieces spread evenly behind the first one, up to the sound's end; pauses are left out."""
    n_piece = round(_PIECE_S * sample_rate)
    last = min(len(mono), excerpt.onset_frame + round(excerpt.length_s * sample_rate)) - n_piece
    for start in np.linspace(excerpt.onset_frame, last, _N_PIECES + 1)[1:].astype(int).tolist():
        piece = mono[start : start + n_piece]
        if start > excerpt.onset_frame and _peak(piece) > _SILENT_PIECE:
            yield hear(excerpt_of(piece, sample_rate), for_ear=for_ear)


def _hits(
    audio: Float32Array,
    rhythm: Rhythm,
    sample_rate: int,
    first_frame: int,
    n_frames: int,
    gain_db: float,
    for_ear: bool,
) -> Iterator[_Hit]:
    """Hits up to the next, too short and too quiet ones left out; `audio` is at SAMPLE_RATE."""
    bounds = [(round(begin_s * SAMPLE_RATE), round(end_s * SAMPLE_RATE)) for begin_s, end_s in rhythm.hits_s]
    levels = [_loudness_db(audio[start:end]) for start, end in bounds]
    for (start, end), level_db in zip(bounds, levels, strict=True):
        if end - start < _SHORTEST_SLICE_S * SAMPLE_RATE or level_db < max(levels) + _QUIETEST_SLICE_DB:
            continue
        yield _Hit(
            start_frame=first_frame + round(start * sample_rate / SAMPLE_RATE),
            # Resampled audio is a little longer than the `n_frames` that it comes from.
            end_frame=first_frame + min(round(end * sample_rate / SAMPLE_RATE), n_frames),
            loudness_db=max(LOWEST_DB, level_db + gain_db),
            heard=hear(excerpt_of(audio[start:end], SAMPLE_RATE), for_ear=for_ear),
        )


def _slice_of(hit: _Hit, embedding: Float32Array) -> Slice:
    pitch = hit.heard.pitch
    return Slice(
        start_frame=hit.start_frame,
        end_frame=hit.end_frame,
        loudness_db=hit.loudness_db,
        brightness_hz=hit.heard.brightness_hz,
        pitch_hz=pitch.hz if pitch.is_clear else 0.0,
        pitch_confidence=pitch.confidence,
        embedding=embedding,
    )


def _loudness_db(audio: Float32Array) -> float:
    """Largest RMS level of 50 ms, dB re full scale."""
    window = min(len(audio), SAMPLE_RATE // 20)
    power = np.cumsum(np.concatenate([[0.0], np.square(audio, dtype=np.float64)]))
    loudest = float((power[window:] - power[:-window]).max()) / (SAMPLE_RATE // 20) if window else 0.0
    return max(LOWEST_DB, 10.0 * math.log10(max(loudest, 1e-30)))
