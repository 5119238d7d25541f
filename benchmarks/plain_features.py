"""What the bridge heard before: cepstra at log-spaced times, and the same beside nine descriptors.

Written out here so that the comparison stays the same whatever becomes of `klustr_bridge.sound`.
"""

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

RATE = 44_100
FRAME = 1024
HOP = 256
N_BANDS = 64
LOWEST_HZ, HIGHEST_HZ = 25.0, 18_000.0
FLOOR_DB = -70.0
EDGES = (0, 2, 5, 11, 24, 50, 110, 250)
N_COEFFICIENTS = 18
WEIGHTS = (1.0 + 0.1 * np.arange(N_COEFFICIENTS)) / np.sqrt(N_BANDS)
WEIGHTS[0] *= 0.7
DESCRIPTOR_WEIGHT = 6.0
"""Of a standard deviation of each: of 1 to 16, P@10 on 4,574 drum sounds is best from 5 to 8."""

N_EXCERPT = FRAME + HOP * (EDGES[-1] - 1)
ONSET_DB = -30.0
_ENVELOPE_STEP = 221  # 5 ms
_TINY = 1e-12

Audio = NDArray[np.float32]
Numbers = NDArray[np.float64]


def excerpt(mono: Audio, rate: int) -> tuple[Audio, float]:
    """A sound from half a frame before its onset, with a peak of 1, and its length from there in seconds."""
    import librosa

    audio = librosa.resample(mono, orig_sr=rate, target_sr=RATE) if rate != RATE else mono
    level = np.abs(audio)
    peak = float(level.max(initial=0.0))
    heard = np.zeros(N_EXCERPT, np.float32)
    if peak == 0:
        return heard, 0.0
    onset = int(np.argmax(level >= peak * 10 ** (ONSET_DB / 20)))
    padded = np.concatenate([np.zeros(FRAME // 2, np.float32), audio / np.float32(peak)])
    part = padded[onset : onset + N_EXCERPT]
    heard[: len(part)] = part
    left = np.cumsum(np.square(audio[onset:], dtype=np.float64)[::-1])[::-1]
    return heard, float(np.count_nonzero(left > 1e-4 * left[0])) / RATE


def cepstra(heard: Audio, length_s: float) -> Numbers:
    """Weighted cepstra of seven spans of time, brightness and length, shape (7 * N_COEFFICIENTS + 2,)."""
    import librosa
    import scipy.fft

    power = np.abs(librosa.stft(heard, n_fft=FRAME, hop_length=HOP, center=False)) ** 2
    bands = _mel_filters() @ power
    top = max(float(bands.max()), _TINY)
    levels = 10 * np.log10(np.maximum(bands / top, 10 ** (FLOOR_DB / 10))) - FLOOR_DB
    spans = np.add.reduceat(levels, EDGES[:-1], axis=1) / np.diff(EDGES)
    shape = scipy.fft.dct(spans, axis=0, norm="ortho")[:N_COEFFICIENTS].T * WEIGHTS
    bright = 3.0 * np.log2(max(_centroid_hz(power.sum(axis=1)), 20.0))
    return np.concatenate([shape.ravel(), [bright, 0.5 * np.log2(max(length_s, 0.005))]])


def descriptors(heard: Audio) -> Numbers:
    """Four numbers about the envelope, five about the mean spectrum, shape (9,)."""
    audio = heard[FRAME // 2 :].astype(np.float64)
    steps = audio[: len(audio) // _ENVELOPE_STEP * _ENVELOPE_STEP].reshape(-1, _ENVELOPE_STEP)
    envelope = np.sqrt(np.square(steps).mean(axis=1)) + _TINY
    peak = int(envelope.argmax())
    fallen = np.flatnonzero(envelope[peak:] < 0.1 * envelope[peak])
    decay = int(fallen[0]) if len(fallen) else len(envelope) - peak
    middle = float(np.arange(len(envelope)) @ envelope / envelope.sum())
    crest = np.abs(audio).max() / (np.sqrt(np.square(audio).mean()) + _TINY)
    power = np.square(np.abs(np.fft.rfft(audio * np.hanning(len(audio))))) + _TINY
    hz = np.fft.rfftfreq(len(audio), 1 / RATE)
    centroid, shares = _mean_hz(power, hz), np.cumsum(power) / power.sum()
    spread = np.sqrt(power @ np.square(hz - centroid) / power.sum())
    return np.array(
        [
            np.log2(peak + 1.0),
            np.log2(middle + 1.0),
            np.log2(decay + 1.0),
            np.log2(crest + 1.0),
            np.log(power).mean() - np.log(power.mean()),
            np.log2(max(spread, 20.0)),
            np.log2(max(hz[np.searchsorted(shares, 0.85)], 20.0)),
            shares[np.searchsorted(hz, 200.0)],
            np.mean(np.signbit(audio[1:]) != np.signbit(audio[:-1])),
        ]
    )


def features(mono: Audio, rate: int) -> Mapping[str, Numbers]:
    """Both of one sound."""
    heard, length_s = excerpt(mono, rate)
    plain = cepstra(heard, length_s)
    return {"cepstra": plain, "cepstra and nine": np.concatenate([plain, descriptors(heard)])}


def weighted(rows: Numbers) -> Numbers:
    """Cepstra as they are, the nine descriptors behind them standardised and weighted."""
    nine = rows[:, -9:]
    deviation = nine.std(axis=0)
    scaled = DESCRIPTOR_WEIGHT * (nine - nine.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    return np.hstack([rows[:, :-9], scaled])


@cache
def _mel_filters() -> Numbers:
    import librosa

    filters = librosa.filters.mel(sr=RATE, n_fft=FRAME, n_mels=N_BANDS, fmin=LOWEST_HZ, fmax=HIGHEST_HZ)
    return np.asarray(filters)


def _centroid_hz(power: Numbers) -> float:
    return _mean_hz(power, np.fft.rfftfreq(FRAME, 1 / RATE))


def _mean_hz(power: Numbers, hz: Numbers) -> float:
    total = float(power.sum())
    return float(power @ hz / total) if total > 0 else 0.0
