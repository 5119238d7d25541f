"""Reading sample files: which names may be audio, and their samples as float32.

Owns opening files safely (regular files only, never blocking) and libsndfile. It must not analyse
anything. The player reads through `read_audio`, the analysis through `open_audio`.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
import soundfile

from klustr_bridge.errors import RefusedSound
from klustr_bridge.sound.container import (
    CONVERT,
    UNREAD_SUFFIXES,
    missing_fraction,
    read_exactly,
    unreadable_format,
)
from klustr_bridge.types import Float32Array

__all__ = ["AUDIO_SUFFIXES", "AudioStream", "is_candidate", "open_audio", "read_audio"]

READ_SUFFIXES = frozenset(
    b".wav .wave .bwf .rf64 .w64 .aif .aiff .aifc .flac .ogg .oga .opus .mp3 .mp2 .caf .au .snd .voc".split()
)
AUDIO_SUFFIXES: frozenset[bytes] = READ_SUFFIXES | frozenset(UNREAD_SUFFIXES)
"""Suffixes (lower case, with the dot) of files taken for audio, those refused with a reason included."""

HIGHEST_RATE = 1_000_000
LOSSY_CODECS = frozenset({"MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III", "VORBIS", "OPUS"})
_BLOCK_SAMPLES = 1 << 18  # 1 MiB of float32 a block, over all channels


def is_candidate(name: bytes) -> bool:
    """Tell by its name whether a file may be audio.

    Parameters
    ----------
    name : bytes
        File name or path.
    """
    return os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES


class AudioStream:
    """An open sample file: its format, and its samples block by block.

    Made by `open_audio`.

    Attributes
    ----------
    sample_rate : int
        Hz, as stored.
    channels : int
        As stored.
    promised_frames : int
        Length that the header states; may be wrong, or absurdly large where it isn't known.
    container, codec : str
        libsndfile's names, such as ``WAV`` and ``PCM_16``.
    fd : int
        The file itself; reading from it is fine before and after decoding, not in between.
    size : int
        The file's size in bytes.
    """

    def __init__(self, decoder: soundfile.SoundFile, fd: int, size: int) -> None:
        self._decoder = decoder
        self.fd = fd
        self.size = size
        self.sample_rate = int(decoder.samplerate)
        self.channels = int(decoder.channels)
        self.promised_frames = int(decoder.frames)
        self.container = str(decoder.format)
        self.codec = str(decoder.subtype)

    @property
    def is_lossy(self) -> bool:
        """Whether decoding isn't exact and may differ between versions of the decoder."""
        return self.codec in LOSSY_CODECS

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
            Where the file is damaged.
        """
        n_frames = max(1, _BLOCK_SAMPLES // (self.channels * multiple_of)) * multiple_of
        if most_frames is not None:
            n_frames = min(n_frames, max(most_frames, 1))
        memory = np.empty((n_frames, self.channels), np.float32)
        done = 0
        while most_frames is None or done < most_frames:
            wanted = n_frames if most_frames is None else min(n_frames, most_frames - done)
            try:
                got = int(self._decoder.buffer_read_into(memory[:wanted], dtype="float32"))
            except (soundfile.SoundFileError, OSError, RuntimeError) as error:
                raise RefusedSound(
                    f"the audio is damaged or cut off {_after(done, self.sample_rate)} "
                    f"({_words_of(error)}); copy or export the file again"
                ) from error
            if got <= 0:
                return
            block = memory[:got]
            if not np.isfinite(block).all():
                np.nan_to_num(block, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
            block += 0.0  # -0.0 becomes 0.0
            yield block
            done += got
            if got < wanted:
                return

    def seek(self, frame: int) -> bool:
        """Go to a frame; False where the sound ends before it."""
        try:
            return int(self._decoder.seek(frame)) == frame
        except (soundfile.SoundFileError, OSError, RuntimeError):
            return False


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
        Where it isn't there, isn't a regular file, is empty, cut off, or in a format that can't be read.
    """
    with _open_regular(path) as (fd, size):
        if size == 0:
            raise RefusedSound("the file is empty (0 bytes)")
        head = _read(fd, 0, 64)
        unread = unreadable_format(head, os.path.splitext(path)[1].lower())
        if unread is not None and not _is_known_head(head):
            raise RefusedSound(f"{unread} files aren't read yet: {CONVERT}")
        try:
            missing = missing_fraction(fd, size)
        except OSError as error:
            raise RefusedSound(f"the file can't be read: {_words_of(error)}") from error
        if missing > 0:
            raise RefusedSound("the file is cut off: a part of its audio is missing; copy or export it again")
        os.lseek(fd, 0, os.SEEK_SET)
        decoder = _open_decoder(fd)
        try:
            stream = AudioStream(decoder, fd, size)
            if not 1 <= stream.sample_rate <= HIGHEST_RATE:
                raise RefusedSound(
                    f"a sample rate of {stream.sample_rate} Hz can't be right; "
                    f"allowed is 1 to {HIGHEST_RATE} Hz"
                )
            yield stream
        finally:
            decoder.close()


def read_audio(
    path: bytes, start_s: float = 0.0, end_s: float | None = None, max_frames: int | None = None
) -> tuple[Float32Array, int]:
    """Read a sample file, or a part of it, for playing.

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
        Where the file can't be read; the message is the reason.
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


@contextmanager
def _open_regular(path: bytes) -> Iterator[tuple[int, int]]:
    """Open without ever waiting (a named pipe would); yields the descriptor and the size."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        fd = os.open(path, flags)
    except FileNotFoundError as error:
        raise RefusedSound("the file is gone") from error
    except PermissionError as error:
        raise RefusedSound("no permission to read the file") from error
    except (OSError, ValueError) as error:
        raise RefusedSound(f"the file can't be opened: {_words_of(error)}") from error
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or device"
            raise RefusedSound(f"this is {what}, not a file")
        yield fd, status.st_size
    finally:
        os.close(fd)


class _ForwardFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """Reads on without seeking.

    soundfile seeks to where it is after every read of a file that can seek. That fails for FLAC of unknown
    length, and decodes again for Opus.
    """

    def seekable(self) -> bool:
        return False


def _open_decoder(fd: int) -> soundfile.SoundFile:
    """Open libsndfile on a descriptor that stays ours."""
    source: int | IO[Any] = fd
    if os.name == "nt":  # libsndfile's C library doesn't share descriptors with Python's there
        source = os.fdopen(os.dup(fd), "rb")
    try:
        return _ForwardFile(source, closefd=False)
    except (soundfile.SoundFileError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise RefusedSound(f"this isn't audio that can be read ({_words_of(error)}): {CONVERT}") from error


def _read(fd: int, offset: int, size: int) -> bytes:
    try:
        return read_exactly(fd, offset, size)
    except OSError as error:  # a failing disk, a network drive that left
        raise RefusedSound(f"the file can't be read: {_words_of(error)}") from error


def _is_known_head(head: bytes) -> bool:
    """Whether the content, whatever the name says, is a container that libsndfile knows."""
    return head[:4] in (b"RIFF", b"RF64", b"FORM", b"fLaC", b"OggS", b"caff", b".snd", b"riff")


def _after(frames: int, sample_rate: int) -> str:
    return f"after {frames / sample_rate:.2f} s" if frames else "at its start"


def _words_of(error: BaseException) -> str:
    """The reason alone, without the descriptor's number that soundfile puts before it."""
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return str(text).strip().rstrip(".").removeprefix("Error : ")
