"""The pitch of a sound that has one.

Owns one estimate of the fundamental frequency with a verdict on whether it is clear. It must not read files.

References
----------
de Cheveigné, A., & Kawahara, H. (2002). YIN, a fundamental frequency estimator for speech and music.
Journal of the Acoustical Society of America, 111(4).
"""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from klustr_bridge.sound.mel import SAMPLE_RATE
from klustr_bridge.types import Float32Array

__all__ = ["pitch_hz"]

LOWEST_HZ = 30.0
HIGHEST_HZ = 4000.0
CLEAR = 0.15
"""YIN's threshold: the aperiodic share of the power a frame may have and still count as pitched."""
MOST_FRAMES = 8

_WINDOW = 2048
_LONGEST_LAG = int(SAMPLE_RATE / LOWEST_HZ) + 1
_SHORTEST_LAG = int(SAMPLE_RATE / HIGHEST_HZ)
_SPAN = _WINDOW + _LONGEST_LAG + 1


def pitch_hz(audio: Float32Array) -> float:
    """Estimate the fundamental frequency.

    Parameters
    ----------
    audio : ndarray of float32, shape (n,)
        Mono at SAMPLE_RATE, from the onset on.

    Returns
    -------
    float
        Hz, between LOWEST_HZ and HIGHEST_HZ; 0 unless frames with most of the energy have a clear pitch.
    """
    if len(audio) < _SPAN:
        audio = np.concatenate([audio, np.zeros(_SPAN - len(audio), np.float32)])
    frames = np.lib.stride_tricks.sliding_window_view(audio, _SPAN)[::_WINDOW][:MOST_FRAMES]
    energy = np.square(frames[:, :_WINDOW]).sum(axis=1, dtype=np.float64)
    loud = energy > energy.max() * 1e-3
    if not loud.any():
        return 0.0
    frames, energy = frames[loud], energy[loud]
    frequencies, clear = _yin(frames)
    if energy[clear].sum() <= 0.5 * energy.sum():
        return 0.0
    return _weighted_median(frequencies[clear], energy[clear])


def _yin(frames: Float32Array) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Frequency of each frame, and whether it is clear."""
    size = scipy.fft.next_fast_len(_SPAN + _WINDOW, real=True)
    spectrum = scipy.fft.rfft(frames, size, axis=1)
    window = scipy.fft.rfft(frames[:, :_WINDOW], size, axis=1)
    correlation = scipy.fft.irfft(spectrum * window.conj(), size, axis=1)[:, : _LONGEST_LAG + 1]
    total = np.cumsum(np.pad(np.square(frames), ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    power = total[:, _WINDOW : _WINDOW + _LONGEST_LAG + 1] - total[:, : _LONGEST_LAG + 1]
    difference = np.maximum(power[:, :1] + power - 2.0 * correlation, 0.0)
    lags = np.arange(1, _LONGEST_LAG + 1)
    mean = np.cumsum(difference[:, 1:], axis=1) / lags
    normalised = np.ones_like(difference)
    np.divide(difference[:, 1:], mean, out=normalised[:, 1:], where=mean > 0.0)
    middle = normalised[:, 1:-1]
    valley = (middle <= normalised[:, :-2]) & (middle < normalised[:, 2:]) & (middle < CLEAR)
    valley[:, : _SHORTEST_LAG - 1] = False
    clear: NDArray[np.bool_] = np.any(valley, axis=1).reshape(-1)
    lag = valley.argmax(axis=1) + 1
    rows = np.arange(len(frames))
    before, at, after = (normalised[rows, np.clip(lag + d, 0, _LONGEST_LAG)] for d in (-1, 0, 1))
    bend = before - 2.0 * at + after
    shift = np.divide(0.5 * (before - after), bend, out=np.zeros_like(bend), where=np.abs(bend) > 1e-12)
    return SAMPLE_RATE / (lag + np.clip(shift, -0.5, 0.5)), clear


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    half = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(half, 0.5 * half[-1])])
