"""PyAV (FFmpeg): M4A, AAC, ALAC, WMA, WavPack and Monkey's Audio, decoded to float32.

Owns the optional package `av`, the extra ``klustr-bridge[av]``: import this module only where a file needs
it, never in the serving process's loop. It must not open files: FFmpeg reads through a view of a descriptor
that is open already, and is given no way to open another one, whatever a file asks it to.
"""

import hashlib
from collections.abc import Iterator
from typing import Any, NoReturn

import av
import numpy as np
from av.error import FFmpegError

from klustr_bridge.errors import RefusedSound
from klustr_bridge.sound.formats import CONVERT, AvFormat, av_formats
from klustr_bridge.sound.opening import FileView, UnavailableSound
from klustr_bridge.types import Float32Array

__all__ = ["AvDecoder", "packets_digest"]

_LOSSLESS_CODECS = frozenset({"alac", "wavpack", "ape", "wmalossless", "flac", "mp4als"})
_SCALES = {"u8": 2.0**7, "s16": 2.0**15, "s32": 2.0**31, "s64": 2.0**63, "flt": 1.0, "dbl": 1.0}
_MOST_BAD = 0.02  # of the packets: a tag or a cut packet at the end of a stream is no damage


class _Opened:
    """A container and its first audio stream."""

    def __init__(
        self, fd: int, size: int, av_format: AvFormat, options: dict[str, str] | None = None
    ) -> None:
        self.view = FileView(fd, size)
        self.name = av_format.name
        try:
            self.container = av.open(
                self.view,
                mode="r",
                format=av_format.demuxer,
                metadata_errors="replace",
                container_options=options or {},
                io_open=_open_nothing,
            )
        except (FFmpegError, OSError, ValueError) as error:
            self.refuse(error)
        self.stream: Any = next(iter(self.container.streams.audio), None)
        codec = getattr(self.stream, "codec_context", None)
        if self.stream is None or codec is None:
            self.close()
            what = "holds no audio" if self.stream is None else "is protected or in a rare codec"
            raise RefusedSound(f"this {self.name} file {what}: {CONVERT}")
        codec.thread_count = 1  # the pool's workers share the cores already

    def refuse(self, error: BaseException) -> NoReturn:
        """Raise the reason why FFmpeg can't go on."""
        self.view.check()
        if isinstance(error, MemoryError):  # FFmpeg says so, too, where a header asks for absurd amounts
            raise RefusedSound(f"this {self.name} file asks for more memory than there is") from error
        text = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise RefusedSound(f"this isn't {self.name} audio that can be read ({text}): {CONVERT}") from error

    def packets(self) -> Iterator[Any]:
        """Demux the stream; the last packet is empty and drains the decoder."""
        try:
            yield from self.container.demux(self.stream)
        except (FFmpegError, OSError) as error:
            self.refuse(error)
        self.view.check()

    def close(self) -> None:
        """Free the container."""
        self.container.close()


class AvDecoder:
    """A `klustr_bridge.sound.decode.Decoder` by PyAV.

    Parameters
    ----------
    fd : int
        Of a regular file; stays open.
    size : int
        The file's size in bytes.
    av_format : AvFormat
        What the file is.

    Raises
    ------
    RefusedSound
        Where FFmpeg can't read it.
    UnavailableSound
        Where the system can't read it now.
    """

    def __init__(self, fd: int, size: int, av_format: AvFormat) -> None:
        self._source = (fd, size, av_format)
        self.sample_rate = self.channels = 0
        self._rest: Float32Array = np.zeros((0, 1), np.float32)
        self._start()
        if self.sample_rate == 0:
            self.close()
            raise RefusedSound(f"this {av_format.name} file holds no audio: {CONVERT}")
        stream = self._opened.stream
        duration = stream.duration
        self.promised_frames = round(duration * stream.time_base * self.sample_rate) if duration else 0
        self.container = av_format.container
        self.codec = str(stream.codec_context.name).upper()
        self.is_lossy = stream.codec_context.name not in _LOSSLESS_CODECS
        self.is_length_sure = self.container in ("WAVPACK", "APE")

    def read_into(self, memory: Float32Array) -> int:
        """Decode the next frames; see `Decoder.read_into`."""
        done = 0
        while done < len(memory) and self._fill():
            piece = self._rest[: len(memory) - done]
            memory[done : done + len(piece)] = piece
            self._rest = self._rest[len(piece) :]
            done += len(piece)
        return done

    def seek(self, frame: int) -> bool:
        """Go to a frame; see `Decoder.seek`.

        It decodes from the start: what FFmpeg finds by itself isn't exact to the frame in every container.
        """
        self.close()
        try:
            self._start()
            while frame > 0 and self._fill():
                n_frames = min(frame, len(self._rest))
                self._rest = self._rest[n_frames:]
                frame -= n_frames
        except UnavailableSound:
            raise
        except RefusedSound:
            return False
        return frame == 0

    def close(self) -> None:
        """Let go of the decoder, not of the file."""
        self._opened.close()

    def _start(self) -> None:
        self._opened = _Opened(*self._source)
        self._pieces = self._decode()
        self._rest = self._rest[:0]
        try:
            self._fill()
        except BaseException:
            self.close()
            raise

    def _fill(self) -> bool:
        """Make sure that there are decoded frames; False at the end."""
        while not len(self._rest):
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self._rest = piece
        return True

    def _decode(self) -> Iterator[Float32Array]:
        n_packets = n_bad = 0
        for packet in self._opened.packets():
            n_packets += 1
            try:
                frames = packet.decode()
            except MemoryError as error:
                self._opened.refuse(error)
            except (FFmpegError, OSError, ValueError):
                n_bad += 1
                continue
            for frame in frames:
                yield self._samples_of(frame)
        if n_bad > max(1.0, _MOST_BAD * n_packets):
            raise RefusedSound(f"{n_bad} of {n_packets} packets can't be decoded")

    def _samples_of(self, frame: Any) -> Float32Array:
        channels, rate = int(frame.layout.nb_channels), int(frame.sample_rate)
        if self.sample_rate == 0:
            self.channels, self.sample_rate = channels, rate
        if (channels, rate) != (self.channels, self.sample_rate):
            raise RefusedSound("its sample rate or number of channels changes on the way")
        try:
            stored = frame.to_ndarray()
        except (KeyError, ValueError) as error:
            raise RefusedSound(f"samples stored as {frame.format.name} can't be read") from error
        name = frame.format.name.removesuffix("p")
        samples: Float32Array = (stored.T if frame.format.is_planar else stored.reshape(-1, channels)).astype(
            np.float32
        )
        if name == "u8":
            samples -= np.float32(128.0)
        samples /= np.float32(_SCALES[name])
        return samples


def packets_digest(fd: int, size: int, container: str) -> bytes:
    """Hash the encoded packets of a file's first audio stream.

    Parameters
    ----------
    fd : int
        File descriptor; its offset is moved.
    size : int
        The file's size in bytes.
    container : str
        `AvFormat.container`.

    Returns
    -------
    bytes
        The same whatever the tags, the order of the container's parts and its edit list.

    Raises
    ------
    RefusedSound, UnavailableSound
        As `AvDecoder`.
    """
    opened = _Opened(
        fd, size, av_formats()[container], {"ignore_editlist": "1"} if container == "M4A" else None
    )
    try:
        digest = hashlib.blake2b(f"packets {opened.stream.codec_context.name}\n".encode())
        for packet in opened.packets():
            if packet.size:
                digest.update(packet.size.to_bytes(4, "little"))
                digest.update(bytes(packet))
        return digest.digest()
    finally:
        opened.close()


def _open_nothing(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    raise PermissionError(f"a sample file wants to open {url}")
