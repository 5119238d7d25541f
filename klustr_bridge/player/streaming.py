"""Owns the sounds that are too long to be kept: read ahead from the disk while they play.

One thread reads for all, whichever needs it most. This module must not know of voices or devices.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np

from klustr_bridge.errors import RefusedSound
from klustr_bridge.files import Stamp, file_stamp
from klustr_bridge.player.loading import Format, Part, following_blocks
from klustr_bridge.types import Float32Array

LOOKAHEAD_S = 4.0
"""So much is held ready of each; a decoded block more, about 3 s of stereo, may be on top."""

MAX_STREAMS = 64
_REST_S = 0.1


class SoundStream:
    """What follows a loaded head; filled by a thread, taken by the audio callback without a lock.

    Attributes
    ----------
    ended : bool
        All has been added. Whoever asks for this first and for `n_ready` then never misses anything. A file
        that can't be read any further, or has become another, never ends: it comes too slowly, and the
        voice is faded while there is something to fade.
    abandoned : bool
        Set by the taker when it wants nothing more.
    """

    def __init__(self) -> None:
        self.ended = False
        self.abandoned = False
        self._blocks: deque[Float32Array] = deque()
        self._n_added = 0
        self._n_taken = 0

    @property
    def n_ready(self) -> int:
        """Frames that can be taken now."""
        return self._n_added - self._n_taken

    def add(self, block: Float32Array) -> None:
        """Append frames; on the reading side."""
        self._blocks.append(block)
        self._n_added += len(block)

    def take(self) -> Float32Array | None:
        """Return the next frames, None if there are none now; on the playing side."""
        try:
            block = self._blocks.popleft()
        except IndexError:
            return None
        self._n_taken += len(block)
        return block

    def clear(self) -> None:
        """Let go of what nobody takes any more; on the reading side."""
        self._blocks.clear()


class _Reading:
    """A stream and where its frames come from."""

    def __init__(
        self, stream: SoundStream, blocks: Iterator[Float32Array], path: bytes, stamp: Stamp, rate: int
    ) -> None:
        self.stream = stream
        self.blocks = blocks
        self.path = path
        self.stamp = stamp
        self.rate = rate
        self.is_same = False

    @property
    def ready_s(self) -> float:
        return self.stream.n_ready / self.rate


class StreamReader:
    """Reads ahead for every stream that is open.

    Parameters
    ----------
    on_refused : callable
        Told the path of a file that can't be read any further, and why; on the reader's thread.

    Attributes
    ----------
    n_refused : int
        Streams that were one too many.
    """

    def __init__(self, on_refused: Callable[[bytes, str], None]) -> None:
        self._on_refused = on_refused
        self._readings: list[_Reading] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self.n_refused = 0

    @property
    def n_streams(self) -> int:
        """Streams that are being read."""
        return len(self._readings)

    def open(
        self, part: Part, stamp: Stamp, device: Format, skip: int, most: int | None, fade_frames: int
    ) -> SoundStream | None:
        """Begin to read on after the first `skip` frames of a part; returns at once.

        Parameters
        ----------
        stamp : tuple of int
            `files.file_stamp` of the file when its head was loaded: of another one nothing is read.
        most : int, optional
            End after so many frames, the last `fade_frames` of them faded out.

        Returns
        -------
        SoundStream or None
            None when there are too many.
        """
        stream = SoundStream()
        blocks = following_blocks(part, device, skip, most)
        if most is not None:
            blocks = faded_at_end(blocks, most, fade_frames)
        with self._changed:
            if self._closed or len(self._readings) >= MAX_STREAMS:
                self.n_refused += 1
                return None
            self._readings.append(_Reading(stream, blocks, part.path, stamp, device[0]))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="player-streams", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return stream

    def abandon_all(self) -> None:
        """Let nothing more be read for any stream: their taker has gone."""
        with self._changed:
            for reading in self._readings:
                reading.stream.abandoned = True
            self._changed.notify_all()

    def close(self) -> None:
        """Let the thread end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        while (reading := self._neediest()) is not None:
            stream = reading.stream
            if stream.abandoned or not self._read(reading):
                self._end(reading)

    def _neediest(self) -> _Reading | None:
        """Wait for and return the stream that has least ready, or is to be ended; None when closed."""
        with self._changed:
            while not self._closed:
                given_up = [reading for reading in self._readings if reading.stream.abandoned]
                if given_up:
                    return given_up[0]
                reading = min(self._readings, key=lambda reading: reading.ready_s, default=None)
                if reading is not None and reading.ready_s < LOOKAHEAD_S:
                    return reading
                self._changed.wait(_REST_S if self._readings else None)
            return None

    def _read(self, reading: _Reading) -> bool:
        """Read one block; False when no more will come."""
        try:
            if not reading.is_same and file_stamp(reading.path) != reading.stamp:
                raise RefusedSound("it has been changed or is gone since its beginning was loaded")
            reading.is_same = True
            reading.stream.add(next(reading.blocks))
        except StopIteration:
            reading.stream.ended = True
            return False
        except RefusedSound as refused:
            self._on_refused(reading.path, str(refused))
            return False
        except Exception as error:  # a decoder's own fault must not end the thread
            self._on_refused(reading.path, f"{type(error).__name__}: {error}")
            return False
        return True

    def _end(self, reading: _Reading) -> None:
        if reading.stream.abandoned:
            reading.stream.clear()
        with suppress(Exception):
            reading.blocks.close()  # type: ignore[attr-defined]
        with self._changed:
            self._readings.remove(reading)


def faded_at_end(blocks: Iterator[Float32Array], n_frames: int, fade_frames: int) -> Iterator[Float32Array]:
    """Pass blocks on, frames `n_frames - fade_frames` to `n_frames` of them falling to silence."""
    at, fade_from = 0, n_frames - fade_frames
    for block in blocks:
        end = at + len(block)
        if end > fade_from:
            faded = block.copy()
            first = max(0, fade_from - at)
            done = np.arange(at + first - fade_from, end - fade_from, dtype=np.float32)
            faded[first:] *= ((fade_frames - done) / (fade_frames + 1))[:, None].clip(0.0)
            faded.flags.writeable = False
            block = faded
        at = end
        yield block
