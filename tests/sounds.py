"""Synthetic sounds with known answers for all tests, and writing them to files.

Everything is made from a seed: the same seed gives the same samples on every machine with the same numpy.
Mono sounds are float32 of shape (n_frames,) at RATE, with a peak below 1.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from klustr_bridge.sound.embedding import hear
from klustr_bridge.sound.excerpt import excerpt_of

Audio = NDArray[np.float32]

RATE = 44_100


def _time(duration_s: float, rate: int = RATE) -> NDArray[np.float64]:
    return np.arange(round(duration_s * rate)) / rate


def _finish(audio: NDArray[np.float64], level: float = 0.8) -> Audio:
    return (level * audio / np.abs(audio).max()).astype(np.float32)


def _band(rng: np.random.Generator, n: int, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Noise with nothing outside a band."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    frequencies = np.fft.rfftfreq(n, 1 / RATE)
    spectrum[(frequencies < low_hz) | (frequencies > high_hz)] = 0
    return np.fft.irfft(spectrum, n)


def sine(frequency_hz: float, duration_s: float = 0.5, level: float = 0.5, rate: int = RATE) -> Audio:
    """A steady sine: its pitch and brightness are its frequency, its RMS is 3 dB below its level."""
    return (level * np.sin(2 * np.pi * frequency_hz * _time(duration_s, rate))).astype(np.float32)


def noise(duration_s: float = 0.5, level: float = 0.5, seed: int = 0) -> Audio:
    """White noise: no pitch, mean brightness about a quarter of the rate."""
    rng = np.random.default_rng(seed)
    return (level * rng.uniform(-1, 1, round(duration_s * RATE))).astype(np.float32)


def kick(seed: int = 0) -> Audio:
    """A falling sine with a short click: dark, below 400 Hz but for the click."""
    rng = np.random.default_rng([1, seed])
    t = _time(rng.uniform(0.25, 0.6))
    end_hz, start_hz = rng.uniform(40, 65), rng.uniform(150, 350)
    phase = 2 * np.pi * np.cumsum(end_hz + (start_hz - end_hz) * np.exp(-t * rng.uniform(25, 60))) / RATE
    body = np.sin(phase) * np.exp(-t * rng.uniform(6, 14))
    click = rng.standard_normal(len(t)) * np.exp(-t * 800) * rng.uniform(0.05, 0.3)
    return _finish(body + click)


def snare(seed: int = 0) -> Audio:
    """Two modes of a drum head and noise up to 12 kHz."""
    rng = np.random.default_rng([2, seed])
    t = _time(rng.uniform(0.15, 0.35))
    head_hz = rng.uniform(160, 240)
    head = (np.sin(2 * np.pi * head_hz * t) + 0.5 * np.sin(2 * np.pi * 1.6 * head_hz * t)) * np.exp(-t * 25)
    wires = _band(rng, len(t), 900, 12_000) * np.exp(-t * rng.uniform(12, 25))
    return _finish(head + rng.uniform(1.0, 2.5) * wires / np.abs(wires).max())


def closed_hat(seed: int = 0) -> Audio:
    """High noise, over within 80 ms: bright, above 5 kHz."""
    rng = np.random.default_rng([3, seed])
    t = _time(rng.uniform(0.06, 0.12))
    return _finish(_band(rng, len(t), rng.uniform(5_000, 8_000), 16_000) * np.exp(-t * rng.uniform(60, 120)))


def open_hat(seed: int = 0) -> Audio:
    """High noise that rings for half a second: bright, above 5 kHz."""
    rng = np.random.default_rng([4, seed])
    t = _time(rng.uniform(0.4, 0.8))
    return _finish(_band(rng, len(t), rng.uniform(5_000, 8_000), 16_000) * np.exp(-t * rng.uniform(4, 8)))


def tom(seed: int = 0) -> Audio:
    """A decaying sine that falls a little: 80 to 220 Hz."""
    rng = np.random.default_rng([5, seed])
    t = _time(rng.uniform(0.4, 0.7))
    end_hz = rng.uniform(80, 220)
    phase = 2 * np.pi * np.cumsum(end_hz * (1 + 0.3 * np.exp(-t * 20))) / RATE
    return _finish(np.sin(phase) * np.exp(-t * rng.uniform(6, 10)))


def clap(seed: int = 0) -> Audio:
    """Four bursts of noise around 1 to 4 kHz and a tail."""
    rng = np.random.default_rng([6, seed])
    t = _time(rng.uniform(0.25, 0.4))
    envelope = 0.4 * np.exp(-t * 15)
    for burst in range(4):
        since = t - burst * rng.uniform(0.009, 0.012)
        envelope = envelope + np.where(since >= 0, np.exp(-np.maximum(since, 0) * 250), 0)
    return _finish(_band(rng, len(t), 800, 4_000) * envelope)


def cowbell(seed: int = 0) -> Audio:
    """Two square waves, as drum machines make it."""
    rng = np.random.default_rng([7, seed])
    t = _time(rng.uniform(0.25, 0.5))
    low_hz = rng.uniform(500, 580)
    both = np.sign(np.sin(2 * np.pi * low_hz * t)) + np.sign(np.sin(2 * np.pi * 1.48 * low_hz * t))
    return _finish(both * np.exp(-t * rng.uniform(8, 16)))


def bass(seed: int = 0) -> Audio:
    """A plucked saw with a clear pitch of 40 to 110 Hz."""
    rng = np.random.default_rng([8, seed])
    t = _time(rng.uniform(0.4, 0.8))
    pitch_hz = rng.uniform(40, 110)
    harmonics = np.arange(1, 20)[:, None]
    saw = (np.sin(2 * np.pi * harmonics * pitch_hz * t) / harmonics * np.exp(-t * harmonics)).sum(axis=0)
    return _finish(saw * np.exp(-t * 3))


DRUMS: dict[str, Callable[[int], Audio]] = {
    "kick": kick,
    "snare": snare,
    "closed_hat": closed_hat,
    "open_hat": open_hat,
    "tom": tom,
    "clap": clap,
    "cowbell": cowbell,
    "bass": bass,
}
"""Makers by kind; each takes a seed, and every seed gives another sound."""

_FOLDERS = {
    "kick": "Kicks",
    "snare": "Snares",
    "closed_hat": "Hats/Closed",
    "open_hat": "Hats/Open",
    "tom": "Toms",
    "clap": "Claps",
    "cowbell": "Percussion/Cowbell",
    "bass": "Bass",
}


def embed(mono: Audio, rate: int = RATE) -> Audio:
    """The embedding of a single sound; what is no number counts as 0, as in files."""
    clean = np.nan_to_num(mono.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    return hear(excerpt_of(clean, rate)).embedding


def write(path: Path, audio: Audio, rate: int = RATE, subtype: str | None = None) -> Path:
    """Write a sound in the format that the suffix says, WAV and FLAC with 16 bits unless told otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if subtype is None and path.suffix.lower() in (".wav", ".flac", ".aif", ".aiff", ".caf", ".w64"):
        subtype = "PCM_16"
    if subtype == "PCM_16":  # libsndfile rounds floats differently for WAV and FLAC
        audio = np.round(np.clip(audio, -1, 1) * 32767).astype(np.int16)  # type: ignore[assignment]
    formats = {".opus": "OGG", ".aif": "AIFF"}
    if path.suffix.lower() == ".opus":
        subtype = "OPUS"
    soundfile.write(path, audio, rate, subtype, format=formats.get(path.suffix.lower()))
    return path


def write_library(folder: Path, n_sounds: int, seed: int = 0) -> list[Path]:
    """Write distinct drum sounds as WAV files, named and foldered as producers do; kinds take turns."""
    kinds = list(DRUMS)
    paths = []
    for number in range(n_sounds):
        kind = kinds[number % len(kinds)]
        audio = DRUMS[kind](seed * 1_000_003 + number)
        name = f"{kind.replace('_', ' ').title()} {number:04d}.wav"
        paths.append(write(folder / _FOLDERS[kind] / name, audio))
    return paths
