"""Shakers, small percussion, basses and synth sounds.

This module owns how those are synthesised. It must not know names of files.
"""

import numpy as np
from numpy.random import Generator

from klustr_bridge.demo.synthesis import (
    Audio,
    bandpass,
    crush,
    decay,
    fm,
    glide,
    highpass,
    lowpass,
    modes,
    noise,
    pick,
    saturate,
    sawtooth,
    sine,
    squares,
    swell,
    times,
    widen,
)


def _note_hz(rng: Generator, low_midi: int, high_midi: int) -> float:
    """A note of C minor's pentatonic scale, so that the demo's tones go together, Hz."""
    notes = [m for m in range(low_midi, high_midi + 1) if m % 12 in (0, 3, 5, 7, 10)]
    return float(440.0 * 2 ** ((notes[int(rng.integers(len(notes)))] - 69) / 12))


def shaker(rng: Generator, style: str) -> Audio:
    """Beads in a shell: very many collisions, each a short burst around the shell's resonance."""
    length_s = {"Egg": pick(rng, (0.09, 0.16)), "Long": pick(rng, (0.25, 0.4))}.get(
        style, pick(rng, (0.14, 0.24))
    )
    t = times(length_s)
    attack_s = length_s * {"Egg": 0.2, "Long": 0.55}.get(style, 0.35)
    energy = swell(t, attack_s, length_s * 0.8)
    beads = rng.standard_normal(t.shape[0]) * (rng.random(t.shape[0]) < pick(rng, (0.05, 0.5)))
    shell_hz = pick(rng, (4500, 6500) if style == "Cabasa" else (6000, 9500))
    out = bandpass(beads * energy, shell_hz, pick(rng, (1.0, 2.5)))
    out += 0.4 * highpass(beads * energy, shell_hz)
    if style == "Long":
        back = 0.5 * np.roll(out, round(0.45 * t.shape[0]))
        back[: round(0.45 * t.shape[0])] = 0
        out = out + back
    return highpass(out, 2500)


def perc(rng: Generator, style: str) -> Audio:
    """Small percussion: wood, clave, glass, metal, guiro or a zap."""
    if style == "Wood":
        t = times(pick(rng, (0.09, 0.18)))
        f_hz = pick(rng, (520, 1150))
        body = modes(rng, t, f_hz * np.array([1, 2.57, 4.2]), [1, 0.4, 0.2], [0.09, 0.05, 0.03])
        return saturate(body + 0.4 * highpass(noise(rng, t), 2000) * decay(t, 0.006), pick(rng, (0.5, 1.5)))
    if style == "Clave":
        t = times(pick(rng, (0.08, 0.14)))
        f_hz = pick(rng, (2050, 2750))
        return modes(rng, t, [f_hz, f_hz * 2.75], [1, 0.15], [0.09, 0.03])
    if style == "Glass":
        t = times(pick(rng, (0.4, 0.9)))
        f_hz = pick(rng, (1500, 3200))
        ratios = np.array([1, 2.32, 4.25, 6.63]) * rng.uniform(0.98, 1.02, 4)
        return modes(
            rng, t, ratios * f_hz, [1, 0.7, 0.4, 0.25], float(t[-1]) * np.array([0.95, 0.7, 0.4, 0.3])
        )
    if style == "Metal":
        t = times(pick(rng, (0.3, 0.8)))
        frequencies_hz = rng.uniform(380, 6500, 16)
        t60s = float(t[-1]) * rng.uniform(0.3, 1.0, 16)
        out = modes(rng, t, frequencies_hz, rng.uniform(0.2, 1, 16), t60s)
        return saturate(0.2 * out + highpass(noise(rng, t), 3000) * decay(t, 0.01), pick(rng, (0.6, 2)))
    if style == "Guiro":
        t = times(pick(rng, (0.18, 0.4)))
        turns = np.cumsum(glide(t, pick(rng, (50, 70)), pick(rng, (90, 140)), 0.15)) / 44_100
        scrape = np.exp(-8 * (turns % 1.0)) * np.minimum(1, 4 * t / t[-1])
        return bandpass(noise(rng, t) * scrape, pick(rng, (2200, 4200)), 1.5)
    t = times(pick(rng, (0.1, 0.25)))
    fall = glide(t, pick(rng, (3000, 9000)), pick(rng, (150, 500)), pick(rng, (0.012, 0.04)))
    return saturate(sine(t, fall) * decay(t, float(t[-1])), pick(rng, (0.5, 3)))


def bass(rng: Generator, style: str) -> Audio:
    """Sub, FM, acid, reese and plucked basses."""
    f_hz = _note_hz(rng, 31, 46)
    t = times(pick(rng, (0.55, 1.2)))
    held = swell(t, 0.006, float(t[-1]) * pick(rng, (1.2, 2.5)))
    if style == "Sub":
        tone = sine(t, f_hz) + pick(rng, (0.05, 0.25)) * sine(t, f_hz * 2)
        return saturate(tone * held, pick(rng, (0.5, 1.5)))
    if style == "FM":
        index = pick(rng, (2, 5)) * decay(t, pick(rng, (0.2, 0.6))) + 0.2
        return fm(t, f_hz, float(rng.choice([1.0, 2.0, 3.0])), index) * held
    if style == "Acid":
        cutoff = glide(t, pick(rng, (1500, 4000)), pick(rng, (180, 400)), pick(rng, (0.05, 0.16)))
        return saturate(0.8 * sawtooth(rng, t, f_hz, cutoff, pick(rng, (1.5, 4))) * held, pick(rng, (1.5, 4)))
    if style == "Reese":
        cutoff = np.full_like(t, pick(rng, (500, 1400)))
        beat = 2 ** (pick(rng, (8, 25)) / 1200)
        pair = sawtooth(rng, t, f_hz * beat, cutoff) + sawtooth(rng, t, f_hz / beat, cutoff)
        return widen(rng, saturate(pair * held, 1.2), 0.35)
    cutoff = glide(t, pick(rng, (1800, 3500)), f_hz * 1.5, pick(rng, (0.03, 0.09)))
    cutoff += f_hz
    return sawtooth(rng, t, f_hz, cutoff, 0.4) * decay(t, float(t[-1]) * pick(rng, (1.0, 1.6)))


def synth(rng: Generator, style: str) -> Audio:
    """Blips, plucks, chimes, stabs and chip sounds."""
    f_hz = _note_hz(rng, 60, 87)
    if style == "Blip":
        t = times(pick(rng, (0.06, 0.16)))
        curve = glide(t, f_hz * pick(rng, (0.7, 2.2)), f_hz, 0.01)
        return sine(t, curve) * swell(t, 0.002, float(t[-1]) * 0.9)
    if style == "Chip":
        t = times(pick(rng, (0.12, 0.3)))
        steps = np.floor(t / pick(rng, (0.03, 0.05))).astype(int) % 3
        turns = np.cumsum(f_hz / 2 * np.array([1.0, 1.1892, 1.4983])[steps]) / 44_100
        pulse = np.where(turns % 1.0 < rng.choice([0.125, 0.25, 0.5]), 0.5, -0.5)
        return lowpass(crush(pulse * decay(t, 1.2 * float(t[-1])), 5, 2), 9000)
    if style == "Chime":
        t = times(pick(rng, (0.8, 1.6)))
        index = pick(rng, (1.5, 4)) * decay(t, float(t[-1]) * 0.7)
        tone = fm(t, f_hz, float(rng.choice([1.41, 2.76, 3.5])), index) * swell(t, 0.002, float(t[-1]))
        return widen(rng, tone, 0.3)
    if style == "Stab":
        t = times(pick(rng, (0.3, 0.6)))
        cutoff = glide(t, pick(rng, (2500, 6000)), 400.0, pick(rng, (0.06, 0.15)))
        chord = [sawtooth(rng, t, f_hz / 2 * r, cutoff, 0.3) for r in (1.0, 1.1892, 1.4983)]
        return widen(rng, np.sum(chord, axis=0) * swell(t, 0.004, float(t[-1])), 0.4)
    t = times(pick(rng, (0.25, 0.55)))
    tone = squares(rng, t, [f_hz / 2 * 0.998, f_hz / 2 * 1.003])
    dark = lowpass(tone, f_hz * 1.2, 2)
    return (tone * decay(t, 0.08) + dark * decay(t, float(t[-1]))) * swell(t, 0.003, float(t[-1]))
