"""Copies of a sound as they come about: encoded, levelled, resampled, cut or faded otherwise."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import soxr

from tests.sounds import RATE, Audio, write


def as_mp3(path: Path, audio: Audio) -> Path:
    """Write an MP3 of 128 kbit/s."""
    path.parent.mkdir(parents=True, exist_ok=True)
    level = (320 - 128) / (320 - 32)  # what libsndfile takes for a bit rate
    soundfile.write(path, audio, RATE, format="MP3", bitrate_mode="CONSTANT", compression_level=level)
    return path


def as_vorbis(path: Path, audio: Audio) -> Path:
    """Write an Ogg Vorbis of quality 6."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, RATE, format="OGG", subtype="VORBIS", compression_level=0.4)
    return path


def faded(audio: Audio) -> Audio:
    """The last quarter fades to nothing."""
    n = len(audio) // 4
    return np.concatenate([audio[:-n], audio[-n:] * np.linspace(1, 0, n, dtype=np.float32)])


COPIES: dict[str, Callable[[Path, Audio], Path]] = {
    "128k.mp3": as_mp3,
    "vorbis.ogg": as_vorbis,
    "softer.wav": lambda path, audio: write(path, 0.5 * audio),
    "24 bits.wav": lambda path, audio: write(path, 0.9 * audio, subtype="PCM_24"),
    "48k.wav": lambda path, audio: write(path, soxr.resample(audio, RATE, 48_000), 48_000),
    "later.wav": lambda path, audio: write(path, np.concatenate([np.zeros(RATE // 200, np.float32), audio])),
    "faded.wav": lambda path, audio: write(path, faded(audio)),
    "inverted.wav": lambda path, audio: write(path, -audio),
}
"""Writers of a copy, by the end of its name: nobody could tell it from the sound."""
