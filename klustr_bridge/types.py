"""Values that cross rooms and process borders: small, frozen, without behaviour.

This module owns no logic. It must import nothing but numpy and the standard library.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]
Int32Array = NDArray[np.int32]

NATURAL = "natural"
EVEN_VIEW = "even"
VIEWS = (NATURAL, EVEN_VIEW)
"""The views of the map: positions as fitted, or spread so evenly that a coarse pad reaches every sound."""


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What tells, without reading a file, whether it has changed.

    Attributes
    ----------
    size : int
        Bytes.
    mtime_ns : int
        Time of last modification, nanoseconds since 1970.
    inode, device : int
        The file's identity on its file system; 0 where the system has none.
    """

    size: int
    mtime_ns: int
    inode: int
    device: int


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A candidate sample file met while scanning: its absolute path (bytes) and stamp."""

    path: bytes
    stamp: FileStamp


@dataclass(frozen=True, slots=True)
class PlayRequest:
    """A sound to be played by the bridge's own output, and how.

    Attributes
    ----------
    path : bytes
        The sample file, absolute.
    start_s, end_s : float
        The part of it, seconds; `end_s` None is the end of the file.
    velocity : float
        0..1; what level it means is a setting.
    gain_db : float
        Added to the level that velocity and settings give, dB.
    pan : float
        -1 (left) to 1 (right).
    semitones : float
        Up or down, -48..48; hundredths are cents. The sound becomes shorter as it gets higher.
    choke : int
        A sound fades out what still sounds of its group as it begins; 0: it is in no group.
    fade_in_s : float
        Seconds.
    due_s : float, optional
        When it is to be heard, on the clock of ``time.perf_counter()``; None, or a time gone by: at once.
    """

    path: bytes
    start_s: float = 0.0
    end_s: float | None = None
    velocity: float = 1.0
    gain_db: float = 0.0
    pan: float = 0.0
    semitones: float = 0.0
    choke: int = 0
    fade_in_s: float = 0.0
    due_s: float | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording of what was played: its file (absolute) and how long it is so far, seconds."""

    path: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class Slice:
    """A hit within a loop.

    Attributes
    ----------
    start_frame, end_frame : int
        Its audio frames in the file, at the file's rate; the end is not part of it.
    loudness_db : float
        As that of an `Analysis`.
    brightness_hz, pitch_hz, pitch_confidence : float
        As those of an `Analysis`.
    embedding : ndarray of float32, shape (EMBEDDING_SIZE,) or (WHOLE_SIZE,)
        As if the slice were a file.
    """

    start_frame: int
    end_frame: int
    loudness_db: float
    brightness_hz: float
    pitch_hz: float
    pitch_confidence: float
    embedding: Float32Array


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that was heard in one sample file.

    Attributes
    ----------
    uid : str
        16 characters of lower-case base32, made from the audio itself.
    duration_s : float
        Length of the whole sound, seconds.
    sample_rate : int
        Hz, as stored in the file.
    channels : int
        As stored in the file.
    loudness_db : float
        Largest short-term RMS level (50 ms), dB relative to full scale, at least -120.
    brightness_hz : float
        Energy-weighted mean spectral centroid, Hz.
    pitch_hz : float
        Fundamental frequency, Hz; 0 where the sound has no clear pitch.
    embedding : ndarray of float32, shape (EMBEDDING_SIZE,), or (WHOLE_SIZE,) where the learned ear heard it
        Euclidean distance between embeddings is the similarity.
    pitch_confidence : float
        Periodic share of the sound's power, 0 (noise) to 1 (a steady tone).
    stereo_width : float
        0: mono, or all channels the same; 1: nothing in common; up to 2 in opposite phase.
    is_loop : bool
        Several hits over its whole length rather than one sound that dies away.
    tempo_bpm : float
        Of a loop, beats per minute; 0 where there is none.
    slices : tuple of Slice
        The hits of a loop, in time; none elsewhere.
    """

    uid: str
    duration_s: float
    sample_rate: int
    channels: int
    loudness_db: float
    brightness_hz: float
    pitch_hz: float
    embedding: Float32Array
    pitch_confidence: float = 0.0
    stereo_width: float = 0.0
    is_loop: bool = False
    tempo_bpm: float = 0.0
    slices: tuple[Slice, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of analysing one file: an analysis, or the reason why there is none.

    Exactly one of `analysis` and `reason` is set. `stamp` is the stamp taken when the
    work was handed out; a file whose stamp has changed since is analysed again.
    """

    path: bytes
    stamp: FileStamp
    analysis: Analysis | None
    reason: str | None
