"""Metal: hats, rides, crashes, cowbells and tambourines.

This module owns how those are synthesised. It must not know names of files.
"""

import numpy as np
from numpy.random import Generator

from klustr_bridge.demo.synthesis import (
    Audio,
    bandpass,
    crush,
    decay,
    highpass,
    lowpass,
    modes,
    noise,
    pick,
    ring,
    saturate,
    squares,
    swell,
    times,
    widen,
)

_TR808_HZ = np.array([205.3, 304.4, 369.6, 522.7, 540.0, 800.0])
"""The six square oscillators of the TR-808's metal (Werner, Abel and Smith, DAFx 2014)."""


def _plate(rng: Generator, t: Audio, low_hz: float, high_hz: float, n: int) -> Audio:
    """The dense partials of a thin plate, which are evenly spread in frequency, level 1/3."""
    frequencies_hz = rng.uniform(low_hz, high_hz, n)
    levels = rng.uniform(0.2, 1.0, n)
    return ring(rng, t, frequencies_hz, levels * (0.47 / np.sqrt((levels**2).sum())))


def _hat_metal(rng: Generator, t: Audio, style: str) -> Audio:
    """What a hat is made of, before any envelope."""
    if style == "808":
        detuned = _TR808_HZ * pick(rng, (0.85, 1.35)) * rng.uniform(0.98, 1.02, 6)
        metal = 3 * squares(rng, t, list(detuned))
        return highpass(bandpass(metal, pick(rng, (7500, 9500)), 1.2), pick(rng, (6000, 7500)), 3)
    if style == "909":
        mix = 0.7 * _plate(rng, t, 3500, 16_000, 90) + 0.6 * noise(rng, t)
        return highpass(mix, pick(rng, (6000, 8500)), 3)
    if style == "Acoustic":
        mix = _plate(rng, t, 2500, 17_000, 260) + 0.5 * noise(rng, t)
        mix = mix + 0.4 * bandpass(mix, pick(rng, (3500, 5500)), 3)
        return highpass(mix, pick(rng, (4500, 6000)), 2)
    if style == "Noise":
        return highpass(noise(rng, t), pick(rng, (6500, 10_500)), 4)
    metal = squares(rng, t, list(rng.uniform(300, 1600, 6))) + 0.3 * noise(rng, t)
    coarse = crush(highpass(3 * metal, 5500, 3), int(rng.integers(6, 9)), 2)
    return highpass(coarse, 5500, 2)


def closed_hat(rng: Generator, style: str) -> Audio:
    """Two cymbals held together: a bright tick of some tens of milliseconds."""
    length_s = pick(rng, (0.045, 0.13))
    t = times(length_s)
    tick = 0.5 * highpass(noise(rng, t), 8000) * decay(t, 0.006)
    out = _hat_metal(rng, t, style) * decay(t, length_s * pick(rng, (0.6, 1.0))) + tick
    out = saturate(2 * out, pick(rng, (0.3, 1)))
    return widen(rng, out, 0.3) if style == "Acoustic" and rng.random() < 0.5 else out


def open_hat(rng: Generator, style: str) -> Audio:
    """Two cymbals let go: the same metal, ringing on."""
    length_s = pick(rng, (0.32, 0.85))
    t = times(length_s)
    envelope = 0.8 * decay(t, length_s * pick(rng, (0.85, 1.2))) + 0.4 * decay(t, 0.05)
    out = saturate(2 * _hat_metal(rng, t, style) * envelope, pick(rng, (0.3, 1)))
    return widen(rng, out, pick(rng, (0.25, 0.5))) if style == "Acoustic" else out


def ride(rng: Generator, style: str) -> Audio:
    """A stick's ping on a heavy cymbal, over a wash that builds up slowly."""
    length_s = pick(rng, (1.4, 2.4))
    t = times(length_s)
    pitch = pick(rng, (0.85, 1.25)) * (0.8 if style == "Dark" else 1.0)
    n_modes = 26
    ping_hz = np.sort(rng.uniform(420, 7500, n_modes)) * pitch
    t60s = length_s * np.linspace(1.2, 0.5, n_modes) * rng.uniform(0.8, 1.1, n_modes)
    tilt = (ping_hz / 3000) ** (-0.5 if style == "Dark" else 0.3)
    out = 0.2 * modes(rng, t, ping_hz, tilt * rng.uniform(0.3, 1, n_modes), t60s)
    if style == "Bell":
        bell_hz = pick(rng, (520, 780)) * np.array([1.0, 1.48, 2.31, 3.42, 4.65, 6.1])
        out += 0.3 * modes(rng, t, bell_hz, [0.6, 1, 0.8, 0.6, 0.4, 0.3], length_s * np.linspace(0.9, 0.5, 6))
    wash = highpass(_plate(rng, t, 2500, 15_000, 400) + 0.3 * noise(rng, t), 3000)
    out += pick(rng, (0.4, 0.7)) * wash * swell(t, 0.03, length_s * 0.9)
    out += 0.5 * highpass(noise(rng, t), 6000) * decay(t, 0.02)
    out = highpass(lowpass(out, 6500, 1) if style == "Dark" else out, 300)
    return widen(rng, out, pick(rng, (0.3, 0.5))) if rng.random() < 0.5 else out


def crash(rng: Generator, style: str) -> Audio:
    """A thin cymbal struck hard: every band bursts and dies at its own speed."""
    length_s = pick(rng, (1.4, 2.5) if style != "Splash" else (0.6, 1.0))
    t = times(length_s)
    edges_hz = np.geomspace(350 if style != "Splash" else 700, 16_000, 7) * (0.75 if style == "Dark" else 1.0)
    channels = []
    for _ in range(2):
        out = np.zeros_like(t)
        for i in range(6):
            # Some hundreds of partials in a band, the low bands sparser, are heard as shimmering noise.
            band = 1.5 * _plate(rng, t, edges_hz[i], edges_hz[i + 1] * 1.15, 120 + 120 * i)
            t60_s = length_s * (1.15 - 0.11 * i) * rng.uniform(0.85, 1.1)
            level = (0.35, 0.5, 0.75, 1.0, 0.95, 0.8)[i]
            level *= {"Dark": 1 - 0.1 * i, "Trash": 1.2 - 0.05 * i}.get(style, 0.6 + 0.08 * i)
            out += level * band * swell(t, 0.004 + 0.004 * (6 - i), t60_s)
        channels.append(out + 0.8 * highpass(noise(rng, t), 5000) * decay(t, 0.05))
    left, right = channels
    wide = 0.5 if style != "Dark" else 0.35
    stereo = np.column_stack([left + wide * right, right + wide * left])
    return saturate(0.5 * stereo, 4.0) if style == "Trash" else stereo


def cowbell(rng: Generator, style: str) -> Audio:
    """Two square waves a fifth and a bit apart, or a welded bell's own modes."""
    length_s = pick(rng, (0.22, 0.5))
    t = times(length_s)
    low_hz = pick(rng, (480, 620))
    if style == "808":
        tone = squares(rng, t, [low_hz, low_hz * pick(rng, (1.44, 1.52))])
        tone = bandpass(tone, low_hz * pick(rng, (1.6, 2.6)), pick(rng, (1.2, 2.5)))
        return tone * (decay(t, length_s) + 1.2 * decay(t, 0.03))
    ratios = np.array([1.0, 1.46, 2.62, 3.24, 4.1, 5.7, 7.2]) * rng.uniform(0.98, 1.02, 7)
    levels = [1, 0.9, 0.6, 0.5, 0.35, 0.25, 0.2]
    tone = modes(rng, t, ratios * low_hz, levels, length_s * np.linspace(0.95, 0.3, 7))
    return saturate(
        0.5 * tone + 0.4 * bandpass(noise(rng, t), 3500, 0.8) * decay(t, 0.015), pick(rng, (0.5, 2))
    )


def tambourine(rng: Generator, style: str) -> Audio:
    """Pairs of small cymbals that collide many times, faster than they can be counted."""
    length_s = pick(rng, (0.16, 0.28) if style == "Hit" else (0.32, 0.6))
    t = times(length_s)
    strikes = np.zeros_like(t)
    rise_s = 0.002 if style == "Hit" else 0.07
    density = swell(t, rise_s, length_s * 0.9)
    hits = np.flatnonzero(rng.random(t.shape[0]) < density * 0.012)
    strikes[hits] = rng.uniform(-1, 1, hits.shape[0]) * density[hits]
    jingle_t = times(0.09)
    ratios = rng.uniform(5200, 14_500, 14)
    jingle = modes(rng, jingle_t, ratios, rng.uniform(0.3, 1, 14), rng.uniform(0.03, 0.09, 14))
    out = np.convolve(strikes, jingle)[: t.shape[0]]
    out = out / np.abs(out).max() + 0.25 * highpass(noise(rng, t), 7000) * density
    if style == "Hit":
        out += 0.25 * modes(rng, t, [320.0, 510.0], [1, 0.6], [0.06, 0.05])
    return highpass(out, 250)
