"""Sounds as a study hears them: decoded, mono, at one rate, cut and scaled.

Owns the two preparations. ``paper`` is that of the published code: the first 0.25 s at 48 kHz, a peak of 1,
no sound of 4 s or more. ``bridge`` begins at the onset and hears a second at 44.1 kHz. Neither takes silence.
It must not measure anything.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import soxr

from klustr_bridge.errors import RefusedSound
from klustr_bridge.sound.beginning import beginning_of
from klustr_bridge.sound.decode import open_audio
from klustr_bridge.sound.excerpt import LEAD_FRAMES, excerpt_of
from klustr_bridge.sound.listening import Listener
from klustr_bridge.sound.mel import SAMPLE_RATE
from klustr_bridge.study.dataset import PAPER
from klustr_bridge.types import Float32Array

PAPER_RATE = 48_000
PAPER_FRAMES = PAPER_RATE // 4
PAPER_LONGEST_S = 4.0


@dataclass(frozen=True, slots=True)
class Decoded:
    """The beginning of a file.

    Attributes
    ----------
    mono : ndarray of float32, shape (n,)
        At most its first minute, from the first block on that isn't silent.
    sample_rate : int
        Hz.
    duration_s : float
        Of the whole file, seconds.
    first_frame : int
        Where `mono` begins in the file, audio frames.
    """

    mono: Float32Array
    sample_rate: int
    duration_s: float
    first_frame: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """What features are measured of.

    Attributes
    ----------
    audio : ndarray of float32, shape (n,)
        Mono; the same n for every sound of a preset, silence where a sound has ended.
    sample_rate : int
        Hz.
    padding : {'constant', 'reflect'}
        What lies before and behind it for analysis frames that are centred on its edges: silence, or, as in
        librosa of 2017, the sound mirrored.
    """

    audio: Float32Array
    sample_rate: int
    padding: Literal["constant", "reflect"] = "constant"


def decode(path: bytes) -> Decoded:
    """Read a sample file.

    Raises
    ------
    RefusedSound
        Where it is damaged, or silent.
    OSError
        Where it can't be read.
    """
    with open_audio(path) as stream:
        listener = Listener(stream.sample_rate, stream.channels)
        for block in stream.blocks(multiple_of=listener.hop):
            listener.hear(block)
        if listener.n_frames == 0 or listener.is_silent:
            raise RefusedSound("silent")
        rate = stream.sample_rate
    mono = beginning_of(path, listener)
    return Decoded(mono, rate, listener.n_frames / rate, listener.first_heard)


def prepare(decoded: Decoded, preset: str) -> Prepared:
    """Cut, resample and scale a sound as a preset does.

    Parameters
    ----------
    decoded : Decoded
    preset : {'bridge', 'paper'}

    Returns
    -------
    Prepared

    Raises
    ------
    RefusedSound
        ``too long`` or ``silent``, by the rules of the preset.
    """
    if preset == PAPER:
        return _of_paper(decoded)
    excerpt = excerpt_of(decoded.mono, decoded.sample_rate)
    return Prepared(excerpt.audio[LEAD_FRAMES:], SAMPLE_RATE)


def _of_paper(decoded: Decoded) -> Prepared:
    if decoded.duration_s >= PAPER_LONGEST_S:
        raise RefusedSound(f"of {PAPER_LONGEST_S:.0f} s or more")
    rate = decoded.sample_rate
    # silence before the sound counts: the published code begins at the start of the file
    n_wanted = math.ceil(PAPER_FRAMES * rate / PAPER_RATE) + rate // 100
    before = np.zeros(min(decoded.first_frame, n_wanted), np.float32)
    mono = np.concatenate([before, decoded.mono])[:n_wanted]
    if rate != PAPER_RATE:
        mono = soxr.resample(
            np.concatenate([mono, np.zeros(1 + rate // PAPER_RATE, np.float32)]), rate, PAPER_RATE
        )
    audio = np.zeros(PAPER_FRAMES, np.float32)
    part = mono[:PAPER_FRAMES]
    audio[: len(part)] = part
    peak = float(np.abs(audio).max())
    if peak == 0.0:
        raise RefusedSound("silent in its first 0.25 s")
    return Prepared(audio / np.float32(peak), PAPER_RATE, "reflect")


def reason_of(error: Exception) -> str:
    """Say in a few words, the same for all files alike, why a sound isn't part of a study."""
    if isinstance(error, OSError):  # before the other: what can't be read now is both
        return "that can't be read"
    text = str(error)
    is_own = isinstance(error, RefusedSound) and text.startswith(("of ", "silent"))
    return text if is_own else "that can't be decoded"
