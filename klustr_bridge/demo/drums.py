"""Drums with a skin or a stick: kicks, snares, rims, claps, toms and congas.

This module owns how those are synthesised. It must not know names of files. Every
recipe takes a generator and a style and returns audio of any level; `finish` sets it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from klustr_bridge.demo.synthesis import (
    Audio,
    Range,
    bandpass,
    crush,
    decay,
    glide,
    highpass,
    lowpass,
    modes,
    noise,
    pick,
    room,
    saturate,
    sine,
    swell,
    times,
)

_MEMBRANE = np.array([1.0, 1.594, 2.136, 2.296, 2.653, 2.918, 3.156])
"""Mode ratios of an ideal circular membrane (Rossing, Science of Percussion Instruments, table 2.1)."""


@dataclass(frozen=True, slots=True)
class _Kick:
    length_s: Range
    end_hz: Range
    sweep: Range  # start of the sweep as a multiple of its end
    sweep_s: Range
    click: Range
    click_hz: Range
    drive: Range


_KICKS = {
    "Deep": _Kick((0.55, 0.8), (41, 50), (3, 5), (0.03, 0.06), (0.02, 0.08), (1500, 3000), (0.6, 1.2)),
    "Punchy": _Kick(
        (0.28, 0.42), (52, 64), (3.5, 5.5), (0.018, 0.03), (0.15, 0.35), (2500, 4500), (1.2, 2.2)
    ),
    "808": _Kick((0.9, 1.7), (42, 55), (2, 3), (0.012, 0.03), (0.03, 0.1), (900, 2000), (0.5, 1.4)),
    "909": _Kick((0.3, 0.5), (48, 58), (4, 6), (0.025, 0.04), (0.2, 0.45), (3000, 6000), (1.5, 2.5)),
    "Acoustic": _Kick((0.3, 0.5), (55, 75), (1.5, 2.2), (0.02, 0.05), (0.3, 0.7), (1800, 4200), (0.6, 1.0)),
    "Hard": _Kick((0.3, 0.5), (50, 60), (4, 7), (0.025, 0.05), (0.2, 0.5), (2000, 5000), (4.0, 8.0)),
    "Lofi": _Kick((0.22, 0.38), (50, 68), (3, 5), (0.02, 0.04), (0.1, 0.3), (1500, 3500), (1.0, 2.0)),
    "Short": _Kick((0.13, 0.2), (58, 80), (2.5, 4), (0.01, 0.018), (0.1, 0.4), (2500, 5500), (1.0, 1.8)),
}


def kick(rng: Generator, style: str) -> Audio:
    """A sine that falls in pitch, with a beater's click, saturated."""
    p = _KICKS[style]
    length_s, end_hz, sweep_s = pick(rng, p.length_s), pick(rng, p.end_hz), pick(rng, p.sweep_s)
    t = times(length_s)
    fall = glide(t, end_hz * pick(rng, p.sweep), end_hz, sweep_s)
    # The very first milliseconds fall from higher up still: the snap of an analogue kick.
    fall += pick(rng, (80, 350)) * np.exp(-t / 0.004)
    body = sine(t, fall, 0.02) * decay(t, length_s * pick(rng, (0.75, 1.1)))
    if style == "Acoustic":
        shell_hz = _MEMBRANE[1:5] * end_hz * pick(rng, (1.2, 1.6))
        body += 0.25 * modes(rng, t, shell_hz, [1, 0.7, 0.5, 0.4], [0.16, 0.12, 0.1, 0.08])
        body += 0.3 * lowpass(noise(rng, t), 700) * decay(t, 0.1)
    hit = bandpass(noise(rng, t), pick(rng, p.click_hz), 0.7) * decay(t, pick(rng, (0.008, 0.03)))
    out = saturate(body + 3 * pick(rng, p.click) * hit, pick(rng, p.drive), pick(rng, (0.01, 0.15)))
    if style == "Hard":
        out = lowpass(out, pick(rng, (1500, 4000)))
    if style == "Lofi":
        out = lowpass(crush(out, int(rng.integers(6, 9)), int(rng.integers(3, 6))), 7000)
    return out


@dataclass(frozen=True, slots=True)
class _Snare:
    length_s: Range
    head_hz: Range
    body: Range
    wires: Range
    wires_s: Range
    wires_hz: Range
    drive: Range


_SNARES = {
    "808": _Snare((0.2, 0.32), (165, 200), (0.8, 1.1), (0.5, 0.9), (0.12, 0.25), (2500, 5000), (0.5, 1)),
    "909": _Snare((0.22, 0.34), (175, 215), (0.7, 1.0), (0.9, 1.4), (0.16, 0.28), (1800, 3500), (1, 1.8)),
    "Acoustic": _Snare((0.3, 0.5), (170, 235), (0.5, 0.9), (0.8, 1.3), (0.2, 0.4), (1400, 3000), (0.7, 1.2)),
    "Tight": _Snare((0.1, 0.17), (220, 290), (0.5, 0.9), (0.8, 1.2), (0.06, 0.12), (2000, 4000), (1, 2)),
    "Fat": _Snare((0.28, 0.45), (130, 165), (1.0, 1.5), (0.7, 1.0), (0.2, 0.35), (1000, 2200), (1.5, 3)),
    "Noise": _Snare((0.25, 0.42), (180, 240), (0.1, 0.25), (1.0, 1.4), (0.2, 0.4), (2500, 6000), (0.6, 1.5)),
    "Lofi": _Snare((0.18, 0.3), (160, 220), (0.6, 1.0), (0.8, 1.2), (0.12, 0.22), (1500, 3000), (1.2, 2.5)),
}


def snare(rng: Generator, style: str) -> Audio:
    """Two tuned heads under the noise of the wires."""
    p = _SNARES[style]
    t = times(pick(rng, p.length_s))
    head_hz = pick(rng, p.head_hz)
    heads = sine(t, glide(t, head_hz * 1.5, head_hz, 0.012)) * decay(t, pick(rng, (0.1, 0.2)))
    second_hz = head_hz * pick(rng, (1.5, 1.85))
    heads += 0.6 * sine(t, glide(t, second_hz * 1.3, second_hz, 0.01)) * decay(t, pick(rng, (0.06, 0.14)))
    if style == "Acoustic":
        shell_hz = _MEMBRANE * head_hz * pick(rng, (1.9, 2.3))
        heads += 0.2 * modes(rng, t, shell_hz, np.full(7, 0.6), np.linspace(0.15, 0.06, 7))
    wires = highpass(noise(rng, t), pick(rng, p.wires_hz) * 0.6)
    wires = wires + bandpass(noise(rng, t), pick(rng, p.wires_hz), 0.8)
    wires *= decay(t, pick(rng, p.wires_s)) + 0.6 * decay(t, 0.03)
    wires = 1.8 * lowpass(wires, pick(rng, (6500, 11_000)), 2)
    stick = highpass(noise(rng, t), 4000) * decay(t, 0.008)
    out = pick(rng, p.body) * heads + pick(rng, p.wires) * wires + 0.5 * stick
    out = saturate(0.7 * out, pick(rng, p.drive))
    if style == "Lofi":
        out = lowpass(crush(out, int(rng.integers(6, 9)), int(rng.integers(2, 5))), 9000)
    if style == "Acoustic":
        out = room(rng, out, pick(rng, (0.2, 0.5)), pick(rng, (0.1, 0.3)))
    return out


_RIMS = {"808": (1650.0, 1800.0), "Wood": (850.0, 1300.0), "Click": (2100.0, 3200.0)}


def rim(rng: Generator, style: str) -> Audio:
    """A stick on the rim: two or three short resonances and a click."""
    t = times(pick(rng, (0.05, 0.13)))
    high_hz = pick(rng, _RIMS[style])
    rates = np.array([pick(rng, (0.26, 0.34)), 1.0, pick(rng, (1.55, 1.9)), pick(rng, (2.4, 2.9))])
    t60s = np.array([0.05, 0.045, 0.03, 0.02]) * pick(rng, (0.6, 1.5))
    tone = modes(rng, t, high_hz * rates, [0.5, 1, 0.5, 0.3], t60s)
    click = highpass(noise(rng, t), 3000) * decay(t, 0.006)
    return saturate(tone + pick(rng, (0.4, 1.0)) * click, pick(rng, (0.8, 3)))


_CLAPS = {"808": (900.0, 1200.0), "Tight": (1300.0, 2000.0), "Room": (1000.0, 1600.0), "Big": (800.0, 1300.0)}


def clap(rng: Generator, style: str) -> Audio:
    """Several hands that miss each other by some milliseconds, then the room they stand in."""
    tail_s = pick(rng, {"Tight": (0.06, 0.1), "808": (0.15, 0.3)}.get(style, (0.25, 0.45)))
    t = times(tail_s * 1.1 + 0.06)
    n_hands = int(rng.integers(3, 6))
    at_s = np.cumsum(rng.uniform(0.009, 0.014, n_hands)) - 0.009
    envelope = np.zeros_like(t)
    for i, start_s in enumerate(at_s):
        since = np.maximum(t - start_s, 0)
        last = i == n_hands - 1
        hand = (t >= start_s) * (
            decay(since, 0.014) * rng.uniform(0.7, 1) + last * 0.45 * decay(since, tail_s)
        )
        envelope = np.maximum(envelope, hand)
    centre_hz = pick(rng, _CLAPS[style])
    skin = noise(rng, t)
    hands = bandpass(skin, centre_hz, pick(rng, (1.0, 2.2))) + 0.12 * lowpass(
        highpass(skin, centre_hz * 2), 7000
    )
    out = saturate(3 * hands * envelope, pick(rng, (0.7, 1.6)))
    if style in ("Room", "Big"):
        out = room(rng, out, pick(rng, (0.3, 0.7)), pick(rng, (0.15, 0.3)), 4000)
    return highpass(out, 300)


_TOMS = {
    "Floor": (62.0, 82.0),
    "Low": (80.0, 105.0),
    "Mid": (110.0, 145.0),
    "High": (150.0, 210.0),
    "808": (75.0, 170.0),
}


def tom(rng: Generator, style: str) -> Audio:
    """A membrane's modes over a slightly falling fundamental, with the stick."""
    f_hz = pick(rng, _TOMS[style])
    length_s = pick(rng, (0.35, 0.6)) * (150 / f_hz) ** 0.35
    t = times(length_s)
    fall = glide(t, f_hz * pick(rng, (1.25, 1.6)), f_hz, pick(rng, (0.03, 0.07)))
    out = sine(t, fall) * decay(t, length_s)
    if style == "808":
        return saturate(out + 0.12 * lowpass(noise(rng, t), 2500) * decay(t, 0.2), pick(rng, (0.5, 1.5)))
    levels = rng.uniform(0.15, 0.4, 6)
    out += modes(rng, t, _MEMBRANE[1:] * f_hz, levels, length_s * np.linspace(0.6, 0.2, 6))
    stick = bandpass(noise(rng, t), pick(rng, (1800, 4500)), 0.6) * decay(t, pick(rng, (0.02, 0.05)))
    out = saturate(out + pick(rng, (0.6, 1.4)) * stick, pick(rng, (0.5, 1.4)))
    return room(rng, out, 0.4, pick(rng, (0.04, 0.12))) if rng.random() < 0.3 else out


def conga(rng: Generator, style: str) -> Audio:
    """A hand on a tall drum: open tone, slap or muted."""
    f_hz = pick(rng, (185, 330))
    length_s = {"Open": pick(rng, (0.35, 0.55)), "Slap": pick(rng, (0.16, 0.26))}.get(
        style, pick(rng, (0.1, 0.16))
    )
    t = times(length_s)
    bright = {"Open": 0.35, "Slap": 1.0}.get(style, 0.3)
    ratios = np.array([1.0, 1.98, 2.44, 3.3, 4.6])
    levels = np.array([1.0, 0.4, 0.3, 0.35 * bright, 0.35 * bright])
    out = modes(rng, t, ratios * f_hz, levels, length_s * np.array([0.9, 0.5, 0.4, 0.3, 0.2]))
    out += 0.2 * sine(t, glide(t, f_hz * 1.12, f_hz, 0.02)) * decay(t, length_s)
    palm = bandpass(noise(rng, t), pick(rng, (900, 3200)), 0.7) * swell(t, 0.001, 0.03 + 0.04 * bright)
    return saturate(out + 2.2 * bright * palm, pick(rng, (0.6, 1.6)))
