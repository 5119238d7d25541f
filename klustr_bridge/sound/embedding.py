"""The embedding: the vector in which Euclidean distance is similarity of sound.

Owns what the numbers are and how they weigh; their versions (`aspects`) rise whenever they change. It must
not read files, nor run the network.

Four spans of time that grow from the onset on each give cepstra of their log-mel levels; one long frame says,
by bands, whether there are tones at all, one a little later where they lie; the envelope says how the sound
begins. Dimensions are not standardised: each has one weight in its own unit. Weights are few and round on
purpose: hundreds of tuning steps on some collections gained nothing on the others.

Those are the numbers of the *engineered* embedding. In a *learned* one the unit vector that the learned ear
gives (`ear`) follows, times one weight, and a number that keeps loops apart: the squared distance is the sum
of both.

References
----------
Pampalk, E., Herrera, P., & Goto, M. (2008). Computational models of similarity for drum samples. IEEE
Transactions on Audio, Speech, and Language Processing, 16(2): time-resolved spectra beat averages.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from klustr_bridge.sound.aspects import (
    ANALYSIS_VERSION,
    ASPECTS,
    EMBEDDING_SIZE,
    LEARNED,
    LEARNED_LOOP,
    LEARNED_VERSION,
    WHOLE_SIZE,
)
from klustr_bridge.sound.ear_input import levels_from, log_length, power_of
from klustr_bridge.sound.envelope import Envelope, envelope_of
from klustr_bridge.sound.excerpt import LEAD_FRAMES, Excerpt
from klustr_bridge.sound.mel import (
    FRAME,
    HOP,
    N_BANDS,
    SAMPLE_RATE,
    centroid_hz,
    cepstra,
    decibels_below_peak,
    mel_filters,
    power_frames,
)
from klustr_bridge.sound.pitch import Pitch, pitches_of
from klustr_bridge.sound.tone import long_power, third_octave_shape, tonality
from klustr_bridge.types import Float32Array

__all__ = [
    "ANALYSIS_VERSION",
    "ASPECTS",
    "EMBEDDING_SIZE",
    "LEARNED_LOOP_WEIGHT",
    "LEARNED_VERSION",
    "LEARNED_WEIGHT",
    "SAMPLE_RATE",
    "WHOLE_SIZE",
    "Heard",
    "embed_whole",
    "hear",
    "version_of",
    "with_learned",
]

SPAN_EDGES: Final = (0, 2, 8, 32, 128)
"""Analysis frames, 5.8 ms apart: attack (two spans, to 46 ms), body (to 186 ms) and tail (to 743 ms)."""
N_COEFFICIENTS: Final = 16
FLOOR_DB: Final = -70.0

# Weights, each in distance per unit of what it weighs.
LEVEL_WEIGHT: Final = 1.05  # of the 0th coefficient, a band's mean level, dB
SHAPE_WEIGHT: Final = 0.8  # of the 1st to 15th, dB, rising by
DETAIL_LIFT: Final = 0.2  # of itself with each
TONALITY_WEIGHT: Final = 9.0  # a nat of spectral flatness
TONES_WEIGHT: Final = 0.23  # a dB of third-octave shape
PITCH_WEIGHT: Final = 4.5  # an octave of a steady tone
CLARITY_WEIGHT: Final = 17.0  # from noise to a steady tone
LEVEL_PEAK_WEIGHT: Final = 1.0  # a peak of the level
RISE_WEIGHT: Final = 4.0  # a doubling of the time to a tenth of the energy
PEAK_WEIGHT: Final = 2.5  # a doubling of the time to the peak
ROUGHNESS_WEIGHT: Final = 15.0  # a dB a millisecond
BRIGHTNESS_WEIGHT: Final = 7.0  # an octave of the spectral centroid
LENGTH_WEIGHT: Final = 3.0  # a doubling
CENTROID_WEIGHT: Final = 2.0  # a doubling of the temporal centroid
LOOP_WEIGHT: Final = 40.0  # a loop from a single sound: about the mean distance between neighbours
LEARNED_WEIGHT: Final = 60.0  # of the ear's unit vector, chosen on held-out collections: see training/
# As LOOP_WEIGHT: of the ten nearest of 1,197 drum sounds the unit vectors were .54 apart on average.
LEARNED_LOOP_WEIGHT: Final = 0.55 * LEARNED_WEIGHT

_MIDDLE_PITCH_HZ = 256.0  # an unclear pitch counts as this one
_AFTER_THE_STROKE = SAMPLE_RATE // 43  # audio frames, 23 ms: the noise of the stroke is over
_TAIL_STEP = 4  # analysis frames: of the tail every fourth one is enough
_SPAN_LENGTHS = np.diff(SPAN_EDGES[:-1]).astype(np.float32)[:, None]
_COEFFICIENT_WEIGHTS = (
    SHAPE_WEIGHT * (1.0 + DETAIL_LIFT * np.arange(N_COEFFICIENTS)) / math.sqrt(N_BANDS)
).astype(np.float32)
_COEFFICIENT_WEIGHTS[0] = LEVEL_WEIGHT / math.sqrt(N_BANDS)


@dataclass(frozen=True, slots=True)
class Heard:
    """What is measured of one sound from its onset on.

    Attributes
    ----------
    embedding : ndarray of float32, shape (EMBEDDING_SIZE,)
        Finite, and the same at every level of the sound.
    brightness_hz : float
        Mean spectral centroid of the first 0.75 s, weighted by energy.
    pitch : Pitch
        As it has settled within the first second; the embedding has that of the first 0.17 s.
    levels : ndarray of float32, shape (ear_input.N_FRAMES, N_BANDS), optional
        What the learned ear is to be shown, where it was asked for.
    log_length : float
        And the length that it is told.
    """

    embedding: Float32Array
    brightness_hz: float
    pitch: Pitch
    levels: Float32Array | None = None
    log_length: float = 0.0


def hear(excerpt: Excerpt, *, for_ear: bool = False) -> Heard:
    """Measure a sound.

    Parameters
    ----------
    excerpt : Excerpt
        Its analysed part.
    for_ear : bool
        Whether the levels that the learned ear is shown are wanted, too.

    Returns
    -------
    Heard
        With the embedding of a single sound; its numbers are the same either way.
    """
    levels = None
    if for_ear:  # whose frames are these and those between them
        power = power_of(excerpt)
        levels = levels_from(power)
        early, late = power[: SPAN_EDGES[-2]], power[SPAN_EDGES[-2] :: _TAIL_STEP]
    else:
        early = power_frames(excerpt.audio[: _end_of(SPAN_EDGES[-2])])
        later = excerpt.audio[SPAN_EDGES[-2] * HOP : _end_of(SPAN_EDGES[-1])]
        late = power_frames(later, hop=_TAIL_STEP * HOP)
    audio = excerpt.audio[LEAD_FRAMES:]
    brightness_hz = centroid_hz((early.sum(axis=0) + _TAIL_STEP * late.sum(axis=0))[None])
    beginning, pitch = pitches_of(audio)
    spans = _span_cepstra(early, late)
    # The first coefficient is the tilt from dark to bright: it is brightness, whenever it sounds.
    tilt, timbre = spans[:, 1], np.delete(spans, 1, axis=1)
    envelope = envelope_of(audio)
    embedding = np.concatenate(
        [
            timbre[0],
            timbre[1],
            _beginning(envelope),
            timbre[2],
            TONALITY_WEIGHT * tonality(long_power(audio)),
            [ROUGHNESS_WEIGHT * envelope.roughness_db],
            timbre[3],
            tilt,
            [BRIGHTNESS_WEIGHT * math.log2(max(brightness_hz, 20.0))],
            _tones(audio, beginning),
            [_length(excerpt.length_s), CENTROID_WEIGHT * math.log2(envelope.centroid_ms), 0.0],
        ]
    )
    return Heard(embedding.astype(np.float32), brightness_hz, pitch, levels, log_length(excerpt.length_s))


def with_learned(engineered: Float32Array, learned: Float32Array) -> Float32Array:
    """Put learned embeddings together.

    Parameters
    ----------
    engineered : ndarray of float32, shape (n, EMBEDDING_SIZE)
    learned : ndarray of float32, shape (n, LEARNED_SIZE)
        What the learned ear gives: unit vectors.

    Returns
    -------
    ndarray of float32, shape (n, WHOLE_SIZE)
        Of single sounds.
    """
    whole = np.zeros((len(engineered), WHOLE_SIZE), np.float32)
    whole[:, :EMBEDDING_SIZE] = engineered
    whole[:, LEARNED] = np.float32(LEARNED_WEIGHT) * learned
    return whole


def version_of(size: int) -> int:
    """Return the version of the analysis that has made embeddings of so many numbers."""
    return LEARNED_VERSION if size == WHOLE_SIZE else ANALYSIS_VERSION


def embed_whole(parts: Sequence[Float32Array], length_s: float, *, is_loop: bool) -> Float32Array:
    """Embed a loop or a long sound from its parts.

    Parameters
    ----------
    parts : sequence of ndarray of float32, shape (EMBEDDING_SIZE,) or (WHOLE_SIZE,)
        The hits of a loop, or pieces of a long sound, in time; at least one.
    length_s : float
        Length of the whole, seconds.
    is_loop : bool
        A loop sounds like the mean of its hits, far from every single sound. A long sound has its
        attack from its first piece and all else from the mean of them.

    Returns
    -------
    ndarray of float32, of the parts' shape
        What is learned is the direction of the parts' mean.
    """
    whole: Float32Array = np.stack(parts).mean(axis=0, dtype=np.float64).astype(np.float32)
    if not is_loop:
        whole[ASPECTS["attack"]] = parts[0][ASPECTS["attack"]]
    length = ASPECTS["length"].start
    whole[length] = _length(length_s)
    whole[length + 2] = LOOP_WEIGHT * is_loop
    if len(whole) == WHOLE_SIZE:
        size = float(np.linalg.norm(whole[LEARNED]))
        # opposite parts have no mean direction: the first one's stands for all
        whole[LEARNED] = whole[LEARNED] * (LEARNED_WEIGHT / size) if size > 1e-3 else parts[0][LEARNED]
        whole[LEARNED_LOOP] = LEARNED_LOOP_WEIGHT * is_loop
    return whole


def _length(length_s: float) -> float:
    return LENGTH_WEIGHT * math.log2(max(length_s, 0.005))


def _end_of(n_frames: int) -> int:
    """Audio frames that so many analysis frames from the start take in."""
    return FRAME + HOP * (n_frames - 1)


def _span_cepstra(early: Float32Array, late: Float32Array) -> Float32Array:
    """Weighted cepstra of each span of time, shape (4, N_COEFFICIENTS)."""
    bands = np.concatenate([early, late]) @ mel_filters().T
    levels = decibels_below_peak(bands, FLOOR_DB) - np.float32(FLOOR_DB)
    means = np.add.reduceat(levels[: len(early)], SPAN_EDGES[:-2], axis=0) / _SPAN_LENGTHS
    spans: Float32Array = np.vstack([means, levels[len(early) :].mean(axis=0)]).astype(np.float32)
    weighted: Float32Array = cepstra(spans, N_COEFFICIENTS) * _COEFFICIENT_WEIGHTS
    return weighted


def _beginning(envelope: Envelope) -> list[float]:
    return [
        LEVEL_PEAK_WEIGHT * envelope.n_peaks,
        RISE_WEIGHT * math.log2(envelope.rise_ms),
        PEAK_WEIGHT * math.log2(envelope.peak_ms),
    ]


def _tones(heard: Float32Array, pitch: Pitch) -> Float32Array:
    shape = TONES_WEIGHT * third_octave_shape(long_power(heard[_AFTER_THE_STROKE:]))
    height = math.log2(pitch.hz / _MIDDLE_PITCH_HZ) if pitch.hz else 0.0
    clear = [PITCH_WEIGHT * pitch.confidence * height, CLARITY_WEIGHT * pitch.confidence]
    return np.concatenate([shape, clear]).astype(np.float32)
