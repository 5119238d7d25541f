"""Owns what a player makes of a sample file: samples at the device's rate, at the pitch asked for.

Reads files, so it is called on threads that may wait. It must not keep anything: that is the cache's.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from klustr_bridge.files import Stamp, file_stamp
from klustr_bridge.sound.decode import open_audio
from klustr_bridge.types import Float32Array, PlayRequest

_SLICE_FRAMES = 8192
HEAD_S = 4.0
"""So much of a part is kept ready, seconds of the file or of what is heard; the rest goes on from the disk.

Nearly all one-shots and most loops are shorter. Decoding and resampling 4 s of stereo took 12 ms.
"""

MAX_SAMPLE = 16.0
"""Float files may hold anything; 24 dB over full scale is more than the limiter needs to see."""

MAX_SEMITONES = 48.0

Format = tuple[int, int]
"""The device's sample rate in Hz and its channels."""


@dataclass(frozen=True, slots=True)
class Part:
    """Names what is loaded as one: a file from `offset_s` on, `cents` higher than it is."""

    path: bytes
    offset_s: float = 0.0
    cents: int = 0

    @property
    def ratio(self) -> float:
        """How much faster it is played than recorded."""
        return float(2.0 ** (self.cents / 1200.0))

    @property
    def head_s(self) -> float:
        """How much of the file is kept ready, seconds: played slower, less of it fills the same time."""
        return HEAD_S * min(1.0, self.ratio)

    @staticmethod
    def of(request: PlayRequest) -> "Part":
        """Return the part that holds what is asked for.

        What lies within the head of the file shares one part; a slice further back, or an open
        end from the middle of a file, is a part of its own.
        """
        semitones = min(MAX_SEMITONES, max(-MAX_SEMITONES, request.semitones))
        whole = Part(request.path, 0.0, round(100.0 * semitones))
        if request.start_s <= 0.0 or (request.end_s is not None and request.end_s <= whole.head_s):
            return whole
        return replace(whole, offset_s=request.start_s)


@dataclass(frozen=True, slots=True)
class LoadedSound:
    """A sound ready to be mixed.

    Attributes
    ----------
    samples : ndarray of float32, shape (n_frames, 1 or 2)
        At the device's rate, finite; never written to.
    sample_rate : int
        Hz.
    part : Part
        What it is.
    goes_on : bool
        The file goes on after the last frame.
    stamp : tuple of int
        Size and modification time (ns) of the file when it was read.
    """

    samples: Float32Array
    sample_rate: int
    part: Part
    goes_on: bool
    stamp: Stamp

    def frame(self, at_s: float) -> int:
        """Return the frame of a time in the file, seconds."""
        return round((at_s - self.part.offset_s) / self.part.ratio * self.sample_rate)


class _Counted:
    """Passes blocks on and counts their frames."""

    def __init__(self, blocks: Iterable[Float32Array]) -> None:
        self._blocks = blocks
        self.n_frames = 0

    def __iter__(self) -> Iterator[Float32Array]:
        for block in self._blocks:
            self.n_frames += len(block)
            yield block


def load_head(part: Part, device: Format) -> LoadedSound:
    """Read and prepare the head of a part.

    Raises
    ------
    RefusedSound
        The file can't be read.
    """
    stamp = file_stamp(part.path)
    with open_audio(part.path) as stream:
        rate = stream.sample_rate
        start, most = round(part.offset_s * rate), int(part.head_s * rate)
        found = not start or stream.seek(start)
        counted = _Counted(stream.blocks(most_frames=most if found else 0))
        played_rate = rate * part.ratio
        blocks = list(prepared(counted, played_rate, to_rate=device[0], n_channels=device[1]))
    goes_on = counted.n_frames >= most
    if goes_on and played_rate != device[0]:
        blocks.pop()  # a resampler's last frames, which took silence for what follows
    return LoadedSound(_joined(blocks), device[0], part, goes_on, stamp)


def following_blocks(
    part: Part, device: Format, skip: int, most: int | None = None
) -> Iterator[Float32Array]:
    """Read and prepare what follows the first frames of a part.

    It is decoded from the part's beginning, for a resampler must have heard what comes before: so it
    continues what `load_head` gives to the bit.

    Parameters
    ----------
    skip : int
        Frames at the device's rate to leave out.
    most : int, optional
        Stop after so many frames.

    Yields
    ------
    ndarray of float32, shape (n_frames, 1 or 2), not writeable

    Raises
    ------
    RefusedSound
        The file can't be read, or not any further.
    """
    with open_audio(part.path) as stream:
        rate = stream.sample_rate
        start = round(part.offset_s * rate)
        if start and not stream.seek(start):
            return
        at, end = 0, None if most is None else skip + most
        for block in prepared(stream.blocks(), rate * part.ratio, to_rate=device[0], n_channels=device[1]):
            first, last = max(0, skip - at), len(block) if end is None else min(len(block), end - at)
            if first < last:
                yield block[first:last]
            at += len(block)
            if end is not None and at >= end:
                return


def prepared(
    blocks: Iterable[Float32Array], rate: float, *, to_rate: int, n_channels: int
) -> Iterator[Float32Array]:
    """Resample, and mix down what the device can't take, block by block.

    However many channels a file has and whatever its rate, no more is held than one block and what the
    device gets.

    Parameters
    ----------
    blocks : iterable of ndarray of float32, shape (n_frames, n)
        The same n in all; values that are not finite become silence. Each may be written to, and is not
        used any more once the next one is asked for.
    rate, to_rate : float
        Hz.
    n_channels : int
        The device's. A mono sound stays mono; one with more than two channels, or more than the
        device has, becomes the mean of its channels.

    Yields
    ------
    ndarray of float32, shape (n, 1 or 2), C order, not writeable
    """
    resampler: Any = None
    n_mixed = 1
    for block in _slices(blocks):
        mixed = block
        if block.shape[1] > min(2, n_channels):
            mixed = block.mean(axis=1, keepdims=True, dtype=np.float32)
        np.nan_to_num(mixed, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        np.clip(mixed, -MAX_SAMPLE, MAX_SAMPLE, out=mixed)
        n_mixed = mixed.shape[1]
        if rate == to_rate:
            yield _frozen(mixed if mixed is not block else block.copy())
            continue
        if resampler is None:
            import soxr

            resampler = soxr.ResampleStream(rate, to_rate, n_mixed, dtype="float32", quality="HQ")
        yield _frozen(resampler.resample_chunk(mixed))
    if resampler is not None:
        yield _frozen(resampler.resample_chunk(np.empty((0, n_mixed), np.float32), last=True))


def _slices(blocks: Iterable[Float32Array]) -> Iterator[Float32Array]:
    """Cut blocks into short ones: numpy gives the interpreter to the audio callback only in between."""
    for block in blocks:
        for start in range(0, len(block), _SLICE_FRAMES):
            yield block[start : start + _SLICE_FRAMES]


def _joined(blocks: list[Float32Array]) -> Float32Array:
    whole = (
        blocks[0] if len(blocks) == 1 else np.concatenate(blocks) if blocks else np.zeros((0, 1), np.float32)
    )
    return _frozen(whole)


def _frozen(samples: Float32Array) -> Float32Array:
    own: Float32Array = np.ascontiguousarray(samples, dtype=np.float32)
    own.flags.writeable = False
    return own
