"""The pitch of a sound that has one.

Owns one estimate of the fundamental frequency and how clear it is. It must not read files.

References
----------
de Cheveigné, A., & Kawahara, H. (2002). YIN, a fundamental frequency estimator for speech and music.
Journal of the Acoustical Society of America, 111(4).
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from klustr_bridge.sound.mel import SAMPLE_RATE
from klustr_bridge.types import Float32Array

__all__ = ["CLEAR", "NO_PITCH", "Pitch", "pitch_of"]

LOWEST_HZ = 30.0
HIGHEST_HZ = 4000.0
CLEAR = 0.85
"""The periodic share of the power from which on a frame counts as pitched; YIN's threshold is 1 less this."""
MOST_FRAMES = 3

_WINDOW = 2048
_LONGEST_LAG = int(SAMPLE_RATE / LOWEST_HZ) + 1
_SHORTEST_LAG = int(SAMPLE_RATE / HIGHEST_HZ)
_SPAN = _WINDOW + _LONGEST_LAG + 1


@dataclass(frozen=True, slots=True)
class Pitch:
    """A fundamental frequency and how far to believe in it.

    Attributes
    ----------
    hz : float
        Between LOWEST_HZ and HIGHEST_HZ; the best guess where no pitch is clear; 0 for silence.
    confidence : float
        Periodic share of the sound's power, 0 (noise) to 1 (a steady tone).
    is_clear : bool
        Whether frames with most of the energy have a clear pitch.
    """

    hz: float
    confidence: float
    is_clear: bool


NO_PITCH = Pitch(0.0, 0.0, False)


def pitch_of(audio: Float32Array) -> Pitch:
    """Estimate the fundamental frequency.

    Parameters
    ----------
    audio : ndarray of float32, shape (n,)
        Mono at SAMPLE_RATE, from the onset on.

    Returns
    -------
    Pitch
        Of the frames that sound, weighted by their energy.
    """
    if len(audio) < _SPAN:
        audio = np.concatenate([audio, np.zeros(_SPAN - len(audio), np.float32)])
    frames = np.lib.stride_tricks.sliding_window_view(audio, _SPAN)[::_WINDOW][:MOST_FRAMES]
    energy = np.square(frames[:, :_WINDOW]).sum(axis=1, dtype=np.float64)
    loud = energy > energy.max() * 1e-3
    if not loud.any():
        return NO_PITCH
    frames, energy = frames[loud], energy[loud]
    frequencies, periodic = _yin(frames)
    clear = periodic > CLEAR
    is_clear = bool(energy[clear].sum() > 0.5 * energy.sum())
    hz = _weighted_median(frequencies[clear], energy[clear]) if is_clear else 0.0
    return Pitch(
        hz=hz if is_clear else _weighted_median(frequencies, energy * (periodic + 1e-9)),
        confidence=float(energy @ periodic / energy.sum()),
        is_clear=is_clear,
    )


def _yin(frames: Float32Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequency of each frame and the periodic share of its power."""
    normalised = _normalised_difference(frames)
    middle = normalised[:, 1:-1]
    allowed = (middle <= normalised[:, :-2]) & (middle < normalised[:, 2:])
    allowed[:, : _SHORTEST_LAG - 1] = False
    good = allowed & (middle < 1.0 - CLEAR)
    first_good = good.argmax(axis=1)
    deepest = np.where(allowed, middle, np.inf).argmin(axis=1)
    lag = np.where(good.any(axis=1), first_good, deepest) + 1
    rows = np.arange(len(frames))
    before, at, after = (normalised[rows, np.clip(lag + d, 0, _LONGEST_LAG)] for d in (-1, 0, 1))
    bend = before - 2.0 * at + after
    shift = np.divide(0.5 * (before - after), bend, out=np.zeros_like(bend), where=np.abs(bend) > 1e-12)
    lag_frames = np.maximum(lag + np.clip(shift, -0.5, 0.5), SAMPLE_RATE / HIGHEST_HZ)
    return SAMPLE_RATE / lag_frames, np.clip(1.0 - at, 0.0, 1.0)


def _normalised_difference(frames: Float32Array) -> NDArray[np.float64]:
    """YIN's cumulative mean normalised difference, by lag; shape (n_frames, _LONGEST_LAG + 1)."""
    # Lags are not negative, so nothing wraps around within the span itself.
    size = scipy.fft.next_fast_len(_SPAN, real=True)
    spectrum = scipy.fft.rfft(frames, size, axis=1)
    window = scipy.fft.rfft(frames[:, :_WINDOW], size, axis=1)
    correlation = scipy.fft.irfft(spectrum * window.conj(), size, axis=1)[:, : _LONGEST_LAG + 1]
    total = np.cumsum(np.pad(np.square(frames), ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    power = total[:, _WINDOW : _WINDOW + _LONGEST_LAG + 1] - total[:, : _LONGEST_LAG + 1]
    difference = np.maximum(power[:, :1] + power - 2.0 * correlation, 0.0)
    mean = np.cumsum(difference[:, 1:], axis=1) / np.arange(1, _LONGEST_LAG + 1)
    normalised: NDArray[np.float64] = np.ones_like(difference)
    np.divide(difference[:, 1:], mean, out=normalised[:, 1:], where=mean > 0.0)
    return normalised


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    half = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(half, 0.5 * half[-1])])
