"""Time to frequency: analysis frames, mel bands, decibels and cepstra, as in the literature.

Owns the transforms and their constants; vectorised, and equal to librosa's to float32 accuracy (tested),
without its import of 225 MB. It must not know what the numbers are used for.

References
----------
Slaney, M. (1998). Auditory Toolbox, version 2: the mel scale and the area-normalised triangles.
"""

from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from klustr_bridge.types import Float32Array

__all__ = [
    "FRAME",
    "HOP",
    "N_BANDS",
    "SAMPLE_RATE",
    "centroid_hz",
    "cepstra",
    "decibels_below_peak",
    "hann",
    "mel_filters",
    "mel_triangles",
    "power_frames",
]

SAMPLE_RATE = 44_100
FRAME = 1024
HOP = 256
N_BANDS = 64
LOWEST_HZ = 25.0
HIGHEST_HZ = 18_000.0

_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_LOG_FROM_HZ = 1000.0
_LOG_STEP = np.log(6.4) / 27.0


def power_frames(audio: Float32Array, hop: int = HOP) -> Float32Array:
    """Power spectrum of every analysis frame.

    Parameters
    ----------
    audio : ndarray of float32, shape (n,)
        At SAMPLE_RATE, n at least FRAME.
    hop : int
        Audio frames from one analysis frame to the next.

    Returns
    -------
    ndarray of float32, shape (1 + (n - FRAME) // hop, FRAME // 2 + 1)
        Squared magnitude of the Hann-windowed transform; frames aren't padded or centred.
    """
    frames = np.lib.stride_tricks.sliding_window_view(audio, FRAME)[::hop]
    # Most one-shots are much shorter than the excerpt: frames of silence needn't be transformed.
    heard = audio[::-1] != 0.0
    last = len(audio) - 1 - int(heard.argmax())
    n_heard = min(len(frames), last // hop + 1) if heard[len(audio) - 1 - last] else 0
    power = np.zeros((len(frames), FRAME // 2 + 1), np.float32)
    if n_heard:
        spectrum = scipy.fft.rfft(frames[:n_heard] * hann(FRAME), axis=1)
        np.square(spectrum.real, out=power[:n_heard])
        power[:n_heard] += np.square(spectrum.imag)
    return power


@lru_cache(maxsize=4)
def hann(n: int) -> Float32Array:
    """Periodic Hann window of `n` audio frames; float32, shape (n,)."""
    # By hand: importing scipy.signal takes a second and 50 MB of every worker.
    return (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n) / n)).astype(np.float32)


@lru_cache(maxsize=1)
def mel_filters() -> Float32Array:
    """Triangular filters, evenly spaced on Slaney's mel scale, of equal area.

    Returns
    -------
    ndarray of float32, shape (N_BANDS, FRAME // 2 + 1)
    """
    return mel_triangles(N_BANDS, LOWEST_HZ, HIGHEST_HZ, FRAME, SAMPLE_RATE).astype(np.float32)


def mel_triangles(
    n_bands: int, lowest_hz: float, highest_hz: float, frame: int, sample_rate: int
) -> NDArray[np.float64]:
    """Triangular filters of equal area, evenly spaced on Slaney's mel scale.

    Parameters
    ----------
    n_bands : int
    lowest_hz, highest_hz : float
        Outer edges of the first and the last.
    frame : int
        Audio frames that a spectrum is of.
    sample_rate : int
        Hz.

    Returns
    -------
    ndarray of float64, shape (n_bands, frame // 2 + 1)
    """
    edges_mel = np.linspace(_hz_to_mel(lowest_hz), _hz_to_mel(highest_hz), n_bands + 2)
    edges_hz = _mel_to_hz(edges_mel)
    bins_hz = np.fft.rfftfreq(frame, 1.0 / sample_rate)
    ramps = edges_hz[:, None] - bins_hz[None, :]
    widths = np.diff(edges_hz)
    rising = -ramps[:-2] / widths[:-1, None]
    falling = ramps[2:] / widths[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(triangles * (2.0 / (edges_hz[2:] - edges_hz[:-2]))[:, None])


def _hz_to_mel(hz: float) -> float:
    if hz < _LOG_FROM_HZ:
        return hz / _LINEAR_HZ_PER_MEL
    return float(_LOG_FROM_HZ / _LINEAR_HZ_PER_MEL + np.log(hz / _LOG_FROM_HZ) / _LOG_STEP)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    log_from_mel = _LOG_FROM_HZ / _LINEAR_HZ_PER_MEL
    above = _LOG_FROM_HZ * np.exp(_LOG_STEP * (mel - log_from_mel))
    hz: NDArray[np.float64] = np.where(mel < log_from_mel, mel * _LINEAR_HZ_PER_MEL, above)
    return hz


def decibels_below_peak(power: Float32Array, floor_db: float) -> Float32Array:
    """Level of every value relative to the largest one.

    Parameters
    ----------
    power : ndarray of float32
        Not negative.
    floor_db : float
        The lowest level that is told apart, dB, below 0.

    Returns
    -------
    ndarray of float32, same shape
        dB, between `floor_db` and 0; all `floor_db` where there is no power at all.
    """
    peak = float(power.max(initial=0.0))
    if peak <= 0.0:
        return np.full(power.shape, floor_db, np.float32)
    relative = np.maximum(power / np.float32(peak), np.float32(10.0 ** (floor_db / 10.0)))
    level: Float32Array = np.float32(10.0) * np.log10(relative)
    return level


def cepstra(levels: Float32Array, n_coefficients: int) -> Float32Array:
    """Orthonormal DCT-II along the bands, the first coefficients.

    Parameters
    ----------
    levels : ndarray of float32, shape (..., n_bands)
        dB.
    n_coefficients : int
        How many to keep, from the 0th.

    Returns
    -------
    ndarray of float32, shape (..., n_coefficients)
    """
    transformed: Float32Array = scipy.fft.dct(levels, type=2, norm="ortho", axis=-1)
    return transformed[..., :n_coefficients]


def centroid_hz(power: Float32Array) -> float:
    """Mean spectral centroid of all frames, weighted by their energy.

    Parameters
    ----------
    power : ndarray of float32, shape (n_frames, FRAME // 2 + 1)
        As `power_frames` gives it.

    Returns
    -------
    float
        Hz; 0 where there is no power.
    """
    spectrum = power.sum(axis=0, dtype=np.float64)
    total = float(spectrum.sum())
    if total <= 0.0:
        return 0.0
    return float(spectrum @ np.fft.rfftfreq(FRAME, 1.0 / SAMPLE_RATE) / total)
