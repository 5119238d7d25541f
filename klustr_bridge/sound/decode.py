"""Reading sample files: which names may be audio, and their samples as float32.

Owns the choice of a decoder, and what every sound has: a sane rate and number of channels, finite samples
in blocks of bounded size. It must not analyse anything. The player and the analysis read through here.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np

from klustr_bridge.errors import RefusedSound
from klustr_bridge.sound.container import is_cut, states_zero_rate
from klustr_bridge.sound.formats import AUDIO_SUFFIXES, av_format, not_audio
from klustr_bridge.sound.identity import states_its_length
from klustr_bridge.sound.opening import UnavailableSound, open_regular, read_head, refuse_or_raise
from klustr_bridge.sound.sndfile import SndfileDecoder
from klustr_bridge.types import Float32Array

__all__ = [
    "AUDIO_SUFFIXES",
    "NEEDS_AV",
    "AudioStream",
    "Decoder",
    "can_decode_av",
    "is_candidate",
    "open_audio",
    "read_audio",
]

NEEDS_AV = "need the package av: pip install av"
"""How the reason ends for which files are refused without PyAV.

Libraries keep it and find such files by it when PyAV is there: a release with other words looks for both.
"""

HIGHEST_RATE = 768_000
MOST_CHANNELS = 64
_BLOCK_SAMPLES = 1 << 18  # 1 MiB of float32 a block, over all channels; or one multiple, where that is more
_LOST_FRAMES = 0.03


def is_candidate(name: bytes) -> bool:
    """Tell by its name whether a file may be audio.

    Parameters
    ----------
    name : bytes
        File name or path.
    """
    return os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES


class Decoder(Protocol):
    """What turns an open file into samples: libsndfile or PyAV.

    Attributes
    ----------
    sample_rate, channels, promised_frames : int
        As the file states them.
    container, codec : str
        Names, such as ``WAV`` and ``PCM_16``.
    is_lossy : bool
        Whether decoding isn't exact and may differ between versions of the decoder.
    is_length_sure : bool
        Whether fewer frames than promised mean that the file is cut off.
    """

    sample_rate: int
    channels: int
    promised_frames: int
    container: str
    codec: str
    is_lossy: bool
    is_length_sure: bool

    def read_into(self, memory: Float32Array) -> int:
        """Decode the next frames into `memory`, shape (n_frames, channels), C order.

        Returns how many; fewer than `memory` has at the end only. Raises `RefusedSound` with the bare
        reason where the audio is damaged, `UnavailableSound` where the system can't read it now.
        """

    def seek(self, frame: int) -> bool:
        """Go to a frame; False where the sound ends before it."""

    def close(self) -> None:
        """Free all but the descriptor."""


class AudioStream:
    """An open sample file: its format, and its samples block by block.

    Made by `open_audio`.

    Attributes
    ----------
    sample_rate : int
        Hz, as stored; 1 to 768,000.
    channels : int
        As stored; 1 to 64.
    promised_frames : int
        Length that the header states; may be wrong, or absurdly large where it isn't known.
    container, codec : str
        Names, such as ``WAV`` and ``PCM_16``.
    is_lossy : bool
        Whether decoding isn't exact and may differ between versions of the decoder.
    broken_samples : int
        How many of the samples read so far, over all channels, were NaN or infinite.
    fd : int
        The file itself; reading from it is fine before and after decoding, not in between.
    size : int
        The file's size in bytes.
    """

    def __init__(self, decoder: Decoder, fd: int, size: int) -> None:
        self._decoder = decoder
        self._at = 0
        self.fd = fd
        self.size = size
        self.sample_rate = decoder.sample_rate
        self.channels = decoder.channels
        self.promised_frames = decoder.promised_frames
        self.container = decoder.container
        self.codec = decoder.codec
        self.is_lossy = decoder.is_lossy
        self.broken_samples = 0

    def blocks(self, multiple_of: int = 1, most_frames: int | None = None) -> Iterator[Float32Array]:
        """Read on from the present place.

        Parameters
        ----------
        multiple_of : int
            Every block but the last one has a multiple of this number of frames.
        most_frames : int, optional
            Stop after this many frames.

        Yields
        ------
        ndarray of float32, shape (n_frames, channels)
            NaN and infinities are 0, as is -0.0. The memory is used again for the next block.

        Raises
        ------
        RefusedSound
            Where the file is damaged, or ends before the length it states.
        UnavailableSound
            Where the disk or the network fails: an OSError, too.
        """
        n_frames = max(1, _BLOCK_SAMPLES // (self.channels * multiple_of)) * multiple_of
        if most_frames is not None:
            n_frames = min(n_frames, max(most_frames, 1))
        memory = np.empty((n_frames, self.channels), np.float32)
        done = 0
        while most_frames is None or done < most_frames:
            wanted = n_frames if most_frames is None else min(n_frames, most_frames - done)
            try:
                got = self._decoder.read_into(memory[:wanted])
            except UnavailableSound:
                raise
            except RefusedSound as reason:
                raise RefusedSound(
                    f"the audio is damaged or cut off {_after(self._at, self.sample_rate)} "
                    f"({reason}); copy or export the file again"
                ) from reason
            self._at += got
            done += got
            if got > 0:
                yield self._clean(memory[:got])
            if got < wanted:
                self._refuse_cut()
                return

    def _clean(self, block: Float32Array) -> Float32Array:
        finite = np.isfinite(block)
        if not finite.all():
            self.broken_samples += block.size - int(np.count_nonzero(finite))
            np.nan_to_num(block, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        block += 0.0  # -0.0 becomes 0.0
        return block

    def _refuse_cut(self) -> None:
        """Raise where the sound ended before the length that its header surely means."""
        if not 0 < self._at < self.promised_frames * (1.0 - _LOST_FRAMES):
            return
        is_sure = self._decoder.is_length_sure
        if is_sure or (self.container == "MP3" and states_its_length(self.fd, self.size)):
            raise RefusedSound(
                f"the file is cut off: it holds {self._at / self.sample_rate:.2f} s "
                f"of {self.promised_frames / self.sample_rate:.2f} s; copy or export it again"
            )

    def seek(self, frame: int) -> bool:
        """Go to a frame; False where the sound ends before it."""
        if not self._decoder.seek(frame):
            return False
        self._at = frame
        return True


@contextmanager
def open_audio(path: bytes) -> Iterator[AudioStream]:
    """Open a sample file for decoding.

    Parameters
    ----------
    path : bytes
        Of a regular file, or a link to one.

    Raises
    ------
    RefusedSound
        Where it isn't a regular file, is empty, cut off, or in a format that can't be read.
    UnavailableSound
        Where it isn't there, or can't be read now: it is worth another try later.
    """
    suffix = os.path.splitext(path)[1].lower()
    with open_regular(path) as (fd, size):
        if size == 0:
            raise RefusedSound("the file is empty (0 bytes); copy or export it again")
        try:
            head = read_head(fd, 64)
            other = not_audio(head, suffix)
            if other is not None:
                raise RefusedSound(f"this is {other}")
            if head[:4] == b"FORM" and states_zero_rate(fd, size):
                raise RefusedSound(
                    "its header says a sample rate of 0 Hz, so the file is damaged; export it again"
                )
            if is_cut(fd, size):
                raise RefusedSound(
                    "the file is cut off: a part of its audio is missing; copy or export it again"
                )
        except OSError as error:
            refuse_or_raise(error)
        decoder = _decoder(fd, size, head, suffix)
        try:
            _refuse_absurd(decoder)
            yield AudioStream(decoder, fd, size)
        finally:
            decoder.close()


def _decoder(fd: int, size: int, head: bytes, suffix: bytes) -> Decoder:
    av = av_format(head, suffix)
    if av is None:
        return SndfileDecoder(fd, size, head)
    try:
        from klustr_bridge.sound.av import AvDecoder
    except ImportError as error:
        raise RefusedSound(f"{av.name} files {NEEDS_AV}") from error
    return AvDecoder(fd, size, av)


def can_decode_av() -> bool:
    """Tell whether files that are refused with `NEEDS_AV` can be decoded: it loads PyAV to know."""
    try:
        import klustr_bridge.sound.av  # noqa: F401
    except Exception:  # a package that is half there fails in any way
        return False
    return True


def _refuse_absurd(decoder: Decoder) -> None:
    if not 1 <= decoder.sample_rate <= HIGHEST_RATE:
        raise RefusedSound(
            f"a sample rate of {decoder.sample_rate} Hz can't be right; allowed is 1 to {HIGHEST_RATE} Hz: "
            "export it again"
        )
    if not 1 <= decoder.channels <= MOST_CHANNELS:
        raise RefusedSound(
            f"{decoder.channels} channels are too many to listen to; allowed are 1 to {MOST_CHANNELS}: "
            "export fewer"
        )


def read_audio(
    path: bytes, start_s: float = 0.0, end_s: float | None = None, max_frames: int | None = None
) -> tuple[Float32Array, int]:
    """Read a sample file, or a part of it, into memory at once.

    Parameters
    ----------
    path : bytes
        Of the sample file.
    start_s, end_s : float
        The part to read, seconds; to the end where `end_s` is None.
    max_frames : int, optional
        At most this many frames are read.

    Returns
    -------
    audio : ndarray of float32, shape (n_frames, n_channels)
        Finite; full scale is 1. Empty where the part lies behind the sound's end.
    sample_rate : int
        Hz, as stored.

    Raises
    ------
    RefusedSound
        Where the file can't be used; the message is the reason.
    UnavailableSound
        Where it isn't there, or can't be read now.
    """
    with open_audio(path) as stream:
        start = max(0, round(start_s * stream.sample_rate))
        most = max_frames
        if end_s is not None:
            length = max(0, round(end_s * stream.sample_rate) - start)
            most = length if most is None else min(most, length)
        empty = np.zeros((0, stream.channels), np.float32)
        if start and not stream.seek(start):
            return empty, stream.sample_rate
        parts = [block.copy() for block in stream.blocks(most_frames=most)]
        audio = parts[0] if len(parts) == 1 else np.concatenate([empty, *parts])
        return audio, stream.sample_rate


def _after(frames: int, sample_rate: int) -> str:
    return f"after {frames / sample_rate:.2f} s" if frames else "at its start"
