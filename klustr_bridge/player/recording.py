"""Owns the recording of what goes to the device: a ring that the callback fills, a thread that writes.

24-bit WAV, readable up to the last second however the process ends. The callback never waits for the disk:
what it finds no room for is left out and counted.
"""

import contextlib
import os
import shutil
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from klustr_bridge.errors import PlayerError
from klustr_bridge.types import Float32Array

RING_S = 10.0
LEAST_FREE_BYTES = 200 * 2**20
MAX_BYTES = 4_000_000_000
"""A WAV file can't say that it is longer than 4 GiB: 4 hours at 48 kHz."""

_WRITE_EVERY_S = 0.1
_HEADER_EVERY = 10
_UPDATE_HEADER_NOW = 0x1060  # SFC_UPDATE_HEADER_NOW of sndfile.h, which soundfile has no name for


class Recording:
    """A recording under way.

    Parameters
    ----------
    path : bytes
        Of a file that isn't there yet; missing folders are made.
    sample_rate, n_channels : int
        Of what is recorded.
    on_end : callable
        Told, with the recording, in one sentence why it ended by itself; on the recording's thread.

    Raises
    ------
    PlayerError
        The file can't be written.
    """

    def __init__(
        self, path: bytes, sample_rate: int, n_channels: int, on_end: Callable[["Recording", str], None]
    ) -> None:
        import soundfile

        self.path = path
        self.sample_rate = sample_rate
        self.n_lost = 0
        self.n_channels = n_channels
        self._on_end = on_end
        self._ring: Float32Array = np.zeros((round(RING_S * sample_rate), n_channels), np.float32)
        self._n_in = 0
        self._n_out = 0
        self._stopping = threading.Event()
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self._refuse_full_disk()
            self._disk = open(path, "x+b", buffering=0)  # noqa: SIM115 - closed by the thread
        except OSError as error:
            raise PlayerError(f"can't record into {shown(path)}: {error.strerror or error}") from error
        try:  # with a file of Python's: libsndfile can't take over descriptors on Windows
            self._file: Any = soundfile.SoundFile(
                self._disk, "w", sample_rate, n_channels, subtype="PCM_24", format="WAV", closefd=False
            )
        except (OSError, RuntimeError) as error:
            self._disk.close()
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise PlayerError(f"can't record into {shown(path)}: {error}") from error
        self._thread = threading.Thread(target=self._run, name="player-recording", daemon=True)
        self._thread.start()

    @property
    def format(self) -> tuple[int, int]:
        """Sample rate, Hz, and channels of what it can take."""
        return self.sample_rate, self.n_channels

    @property
    def seconds(self) -> float:
        """How much was recorded."""
        return self._n_out / self.sample_rate

    def take(self, block: Float32Array) -> None:
        """Record a block; called by the audio callback."""
        size, n = len(self._ring), len(block)
        if self._n_in - self._n_out + n > size or block.shape[1] != self.n_channels:
            self.n_lost += n
            return
        at = self._n_in % size
        first = min(n, size - at)
        self._ring[at : at + first] = block[:first]
        self._ring[: n - first] = block[first:]
        self._n_in += n  # last: the writer may take it from now on

    def stop(self, limit_s: float) -> bool:
        """Write what is left and close the file; False when the disk takes longer than `limit_s`."""
        self._stopping.set()
        self._thread.join(limit_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            n_turns = 0
            while not self._stopping.wait(_WRITE_EVERY_S):
                self._write()
                n_turns += 1
                if n_turns % _HEADER_EVERY == 0:
                    self._update_header()
                    os.fsync(self._disk.fileno())
                    self._refuse_full_disk()
            self._write()
        except (OSError, RuntimeError) as error:  # soundfile's own errors are RuntimeErrors
            reason = getattr(error, "strerror", None) or str(error)
            self._on_end(
                self, f"recording stopped after {self.seconds:.0f} s: {reason}; see {shown(self.path)}"
            )
        finally:
            with contextlib.suppress(Exception):
                self._file.close()
            with contextlib.suppress(OSError):
                self._disk.close()

    def _write(self) -> None:
        size = len(self._ring)
        while self._n_out < self._n_in:
            at = self._n_out % size
            n = min(self._n_in - self._n_out, size - at)
            if (self._n_out + n) * self.n_channels * 3 > MAX_BYTES:
                raise OSError("a WAV file holds no more than 4 GB; start another recording")
            self._file.write(self._ring[at : at + n])
            self._n_out += n

    def _update_header(self) -> None:
        """Let the file say how long it is by now: a process that is killed can't any more."""
        import soundfile

        with contextlib.suppress(AttributeError):  # not part of soundfile's own interface
            soundfile._snd.sf_command(self._file._file, _UPDATE_HEADER_NOW, soundfile._ffi.NULL, 0)

    def _refuse_full_disk(self) -> None:
        free = shutil.disk_usage(os.path.dirname(self.path)).free
        if free < LEAST_FREE_BYTES:
            least = LEAST_FREE_BYTES >> 20
            raise OSError(f"only {free >> 20} MB are free on the disk, {least} have to be")


def shown(path: bytes) -> str:
    """Return a path for people, whatever its bytes."""
    return path.decode("utf-8", "backslashreplace")
