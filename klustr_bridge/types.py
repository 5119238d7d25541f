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
    embedding : ndarray of float32, shape (EMBEDDING_SIZE,)
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
    embedding : ndarray of float32, shape (EMBEDDING_SIZE,)
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
