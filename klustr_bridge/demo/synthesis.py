"""The building blocks of the demo sounds: oscillators, envelopes, filters, space.

This module owns signal processing on whole arrays at one rate. It must not know any
kind of sound, draw a seed of its own, or touch a file. Filters are applied in the
frequency domain with the response of the analogue filter, which is causal (no
pre-ringing on a drum hit) and takes two FFTs instead of a loop over frames.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Audio = NDArray[np.float64]
"""Mono ``(n_frames,)`` or stereo ``(n_frames, 2)``, nominally -1..1."""

_Complex = NDArray[np.complexfloating]
Curve = NDArray[np.float64] | float
Range = tuple[float, float]

SAMPLE_RATE = 44_100
_FILTER_TAIL_FRAMES = 4_096


def pick(rng: Generator, limits: Range) -> float:
    """Draw from a range of positive values, even in ratio (as pitches and times are heard)."""
    low, high = limits
    return float(low * (high / low) ** rng.random())


def times(duration_s: float) -> Audio:
    """The instants of a sound of that length, seconds, shape (n_frames,)."""
    return np.arange(max(1, round(duration_s * SAMPLE_RATE))) / SAMPLE_RATE


def decay(t: Audio, t60_s: float) -> Audio:
    """An exponential decay that has fallen by 60 dB after `t60_s`."""
    curve: Audio = np.exp(-6.908 * t / t60_s)
    return curve


def swell(t: Audio, attack_s: float, t60_s: float) -> Audio:
    """A rise over about `attack_s` without a corner, then a decay."""
    curve: Audio = (1.0 - np.exp(-3.0 * t / attack_s)) * decay(t, t60_s)
    return curve


def glide(t: Audio, start_hz: float, end_hz: float, tau_s: float) -> Audio:
    """A frequency that falls (or rises) exponentially from one value to another, Hz."""
    curve: Audio = end_hz + (start_hz - end_hz) * np.exp(-t / tau_s)
    return curve


def sine(t: Audio, frequency_hz: Curve, phase: float = 0.0) -> Audio:
    """A sine of constant or moving frequency; `phase` in turns."""
    turns = t * frequency_hz if isinstance(frequency_hz, float) else np.cumsum(frequency_hz) / SAMPLE_RATE
    wave: Audio = np.sin(2 * np.pi * (turns + phase))
    return wave


def noise(rng: Generator, t: Audio) -> Audio:
    """White noise with a standard deviation of 1/3."""
    hiss: Audio = rng.standard_normal(t.shape) / 3
    return hiss


def modes(
    rng: Generator,
    t: Audio,
    frequencies_hz: Sequence[float] | Audio,
    levels: Sequence[float] | Audio,
    t60_s: Sequence[float] | Audio,
) -> Audio:
    """A struck body: decaying sines of random phase, one for each mode below 20 kHz.

    Parameters
    ----------
    frequencies_hz, levels, t60_s : sequences of equal length
        Frequency, linear level and decay time of each mode.
    """
    out = np.zeros_like(t)
    for frequency_hz, level, mode_t60_s in zip(frequencies_hz, levels, t60_s, strict=True):
        if frequency_hz < 20_000:
            # A mode that is 80 dB down needs no more work.
            n = min(t.shape[0], round(1.33 * mode_t60_s * SAMPLE_RATE) + 1)
            out[:n] += level * decay(t[:n], mode_t60_s) * sine(t[:n], float(frequency_hz), rng.random() / 4)
    return out


def ring(
    rng: Generator, t: Audio, frequencies_hz: Sequence[float] | Audio, levels: Sequence[float] | Audio
) -> Audio:
    """Steady sines of random phase, made by one inverse FFT (hundreds cost as much as one)."""
    size = _fast_size(t.shape[0])
    bins = np.round(np.asarray(frequencies_hz) * size / SAMPLE_RATE).astype(np.intp)
    audible = bins < 20_000 * size / SAMPLE_RATE
    spectrum = np.zeros(size // 2 + 1, dtype=np.complex128)
    turns = rng.random(bins.shape[0])
    np.add.at(spectrum, bins[audible], (np.asarray(levels) * np.exp(2j * np.pi * turns))[audible])
    return np.fft.irfft(spectrum, size)[: t.shape[0]] * size / 2


def squares(rng: Generator, t: Audio, frequencies_hz: Sequence[float]) -> Audio:
    """Steady square waves without aliasing, summed: the metal of the classic drum machines."""
    harmonics = [(f * k, 1.27 / k) for f in frequencies_hz for k in range(1, 1 + int(20_000 / f), 2)]
    wave = ring(rng, t, [f for f, _ in harmonics], [level for _, level in harmonics])
    return wave / len(frequencies_hz)


def sawtooth(
    rng: Generator, t: Audio, frequency_hz: float, cutoff_hz: Audio, resonance: float = 0.0
) -> Audio:
    """A sawtooth through a moving four-pole low-pass, added up harmonic by harmonic (no aliasing).

    Parameters
    ----------
    cutoff_hz : ndarray of float, shape (n_frames,)
        Corner of the filter at each instant.
    resonance : float
        Height of the bump at the corner; 0 is flat.
    """
    out = np.zeros_like(t)
    highest_hz = min(16_000.0, 4.0 * float(cutoff_hz.max()))
    phase = rng.random()
    fundamental = np.exp(2j * np.pi * (t * frequency_hz + phase))
    partial = np.ones_like(fundamental)
    for k in range(1, max(2, int(highest_hz / frequency_hz))):
        partial = partial * fundamental
        u = (k * frequency_hz / cutoff_hz) ** 2
        gain = 1 / (1 + u * u) + resonance * u / (u + 12 * (1 - u) ** 2) / (1 + 0.2 * u * u)
        out += partial.imag * gain / k
    return out * 0.6


def fm(t: Audio, carrier_hz: Curve, ratio: float, index: Audio) -> Audio:
    """Two-operator frequency modulation: a carrier bent by a modulator at `ratio` times its frequency."""
    turns = t * carrier_hz if isinstance(carrier_hz, float) else np.cumsum(carrier_hz) / SAMPLE_RATE
    wave: Audio = np.sin(2 * np.pi * turns + index * np.sin(2 * np.pi * ratio * turns))
    return wave


def _fast_size(n: int) -> int:
    """The next size that an FFT is quick at: a power of two, or 3/4 of one."""
    power = 1 << max(1, n - 1).bit_length()
    return power * 3 // 4 if n <= power * 3 // 4 and power >= 4 else power


def _filtered(x: Audio, response: Callable[[_Complex], _Complex], hz: float) -> Audio:
    size = _fast_size(x.shape[0] + _FILTER_TAIL_FRAMES)
    s = 1j * np.fft.rfftfreq(size, 1 / SAMPLE_RATE) / hz
    shape = response(s)
    spectrum = np.fft.rfft(x, size, axis=0)
    filtered: Audio = np.fft.irfft((spectrum.T * shape).T, size, axis=0)[: x.shape[0]]
    return filtered


def _butterworth(order: int) -> list[complex]:
    return [complex(np.exp(1j * math.pi * (2 * k + order - 1) / (2 * order))) for k in range(1, order + 1)]


def lowpass(x: Audio, hz: float, order: int = 2) -> Audio:
    """A Butterworth low-pass, 6 dB an octave for each order."""
    return _filtered(x, lambda s: _product([-p / (s - p) for p in _butterworth(order)]), hz)


def highpass(x: Audio, hz: float, order: int = 2) -> Audio:
    """A Butterworth high-pass, 6 dB an octave for each order."""
    return _filtered(x, lambda s: _product([-p * s / (1 - p * s) for p in _butterworth(order)]), hz)


def bandpass(x: Audio, hz: float, q: float = 1.0) -> Audio:
    """A resonance: gain 1 at `hz`, 6 dB an octave to both sides of a peak of width ``hz / q``."""
    return _filtered(x, lambda s: (s / q) / (1 + s / q + s * s), hz)


def _product(factors: list[_Complex]) -> _Complex:
    result: _Complex = np.prod(factors, axis=0)
    return result


def saturate(x: Audio, drive: float, bias: float = 0.0) -> Audio:
    """Soft clipping; `drive` 1 is mild, 6 is fuzz, `bias` adds even harmonics."""
    shaped: Audio = (np.tanh(drive * x + bias) - math.tanh(bias)) / math.tanh(drive)
    return shaped


def crush(x: Audio, bits: int, hold_frames: int) -> Audio:
    """The grain of an early sampler: fewer levels, and every value held for some frames."""
    levels = 2 ** (bits - 1)
    held = np.repeat(x[::hold_frames], hold_frames, axis=0)[: x.shape[0]]
    crushed: Audio = np.round(held * levels) / levels
    return crushed


def room(rng: Generator, x: Audio, t60_s: float, mix: float, colour_hz: float = 5_000.0) -> Audio:
    """Add a stereo room: convolution with decaying noise, different left and right, shape (n, 2)."""
    tail = times(min(t60_s, 1.2))
    impulse = rng.standard_normal((tail.shape[0], 2)) * swell(tail, 0.012, t60_s)[:, np.newaxis]
    impulse = lowpass(highpass(impulse, 150.0), colour_hz, 1)
    impulse /= np.sqrt((impulse**2).sum(axis=0))
    size = _fast_size(x.shape[0] + tail.shape[0])
    dry = x if x.ndim == 2 else np.column_stack([x, x])
    wet = np.fft.irfft(np.fft.rfft(dry, size, axis=0) * np.fft.rfft(impulse, size, axis=0), size, axis=0)
    return dry + mix * wet[: x.shape[0]]


def widen(rng: Generator, x: Audio, amount: float) -> Audio:
    """Spread a mono sound to stereo so that its sum to mono stays what it was, shape (n, 2)."""
    kernel_t = times(0.009)
    kernel = rng.standard_normal(kernel_t.shape[0]) * decay(kernel_t, 0.009)
    size = _fast_size(x.shape[0] + kernel.shape[0])
    kernel /= np.sqrt((kernel**2).sum())
    side = highpass(np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(kernel, size), size)[: x.shape[0]], 250.0)
    return np.column_stack([x + amount * side, x - amount * side])


def finish(x: Audio, peak_db: float, fade_share: float = 0.25) -> Audio:
    """Make a sound fit to be a file: no offset, silent ends, a stated peak.

    Parameters
    ----------
    peak_db : float
        Highest absolute value, dB relative to full scale.
    fade_share : float
        Part of the length over which the end fades to silence.
    """
    x = highpass(x, 18.0, 1)
    n = x.shape[0]
    rise, fall = min(n // 8, 12), max(2, round(n * fade_share))
    window = np.ones(n)
    window[:rise] = 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
    window[n - fall :] = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fall + 1) / fall)
    window = window if x.ndim == 1 else window[:, np.newaxis]
    x = x * window
    x = x - window * (x.sum(axis=0) / window.sum())
    finished: Audio = x * (10 ** (peak_db / 20) / np.abs(x).max())
    return finished
