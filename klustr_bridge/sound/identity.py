"""The name of a sound: a short string made from the audio itself.

Owns what counts as the same audio. Lossless files are the same where their decoded samples, rate and
channels are; lossy ones, whose decoders differ between versions, where their encoded streams are. Tags,
names and pictures never count. This module must not decode.

References
----------
ID3v2.4 structure and ID3v1: https://id3.org; APEv2: https://wiki.hydrogenaud.io; Ogg: RFC 3533,
Vorbis in Ogg: Vorbis I specification A.2, Opus in Ogg: RFC 7845.
"""

import base64
import hashlib
import io
import os
from collections.abc import Iterator
from typing import IO

import numpy as np

from klustr_bridge.sound.container import data_range, read_exactly
from klustr_bridge.types import Float32Array

__all__ = ["PcmIdentity", "encoded_uid", "mpeg_audio_range"]

_PIECE = 1 << 20
_MOST_TAGS = 32


def _uid_of(digest: bytes) -> str:
    return base64.b32encode(digest[:10]).decode("ascii").lower()


class PcmIdentity:
    """Makes the uid of a lossless sound while its samples stream by.

    Parameters
    ----------
    sample_rate : int
        Hz.
    channels : int
        Number of channels.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._hash = hashlib.blake2b(f"pcm {sample_rate} {channels}\n".encode())

    def update(self, block: Float32Array) -> None:
        """Add the next block, shape (n_frames, channels), finite and without -0.0."""
        self._hash.update(np.ascontiguousarray(block, dtype="<f4").data)

    def uid(self) -> str:
        """Return the uid of all blocks so far: 16 characters of lower-case base32."""
        return _uid_of(self._hash.digest())


def encoded_uid(fd: int, size: int, container: str) -> str:
    """Make the uid of a lossy sound from its encoded stream.

    Parameters
    ----------
    fd : int
        File descriptor; its offset is moved.
    size : int
        The file's size in bytes.
    container : str
        `AudioStream.container`.

    Returns
    -------
    str
        16 characters of lower-case base32.

    Raises
    ------
    OSError
        Where the disk or the network fails.
    """
    if container == "OGG":
        return _ogg_uid(fd, size)
    if container in ("M4A", "WMA", "CAF"):
        from klustr_bridge.sound.av import packets_digest

        return _uid_of(packets_digest(fd, size, container))
    start, end = _mp3_in_wav(fd, size) if container in ("WAV", "WAVEX") else mpeg_audio_range(fd, size)
    digest = hashlib.blake2b(b"mpeg\n")
    for piece in _pieces(fd, start, end):
        digest.update(piece)
    return _uid_of(digest.digest())


def _mp3_in_wav(fd: int, size: int) -> tuple[int, int]:
    start, length = data_range(fd, size)
    return start, min(size, start + length)


def _pieces(fd: int, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        piece = read_exactly(fd, start, min(_PIECE, end - start))
        if not piece:
            return
        yield piece
        start += len(piece)


def mpeg_audio_range(fd: int, size: int) -> tuple[int, int]:
    """Find the bytes of an MPEG audio file that lie between its tags.

    Parameters
    ----------
    fd : int
        File descriptor; its offset is moved.
    size : int
        The file's size in bytes.

    Returns
    -------
    start, end : int
        Without ID3v2, APEv2, Lyrics3 and ID3v1 tags, however many and wherever they stand.
    """
    start, end = 0, size
    for _ in range(_MOST_TAGS):
        length = _tag_at_start(read_exactly(fd, start, 32)) if start < end else 0
        if not length:
            break
        start = min(end, start + length)
    for _ in range(_MOST_TAGS):
        length = _tag_at_end(fd, start, end)
        if not length:
            break
        end = max(start, end - length)
    # Taggers leave different amounts of empty space between the tag and the first frame.
    for piece in _pieces(fd, start, end):
        rest = piece.lstrip(b"\0")
        start += len(piece) - len(rest)
        if rest:
            break
    return start, end


def _synchsafe(four: bytes) -> int:
    return (four[0] & 127) << 21 | (four[1] & 127) << 14 | (four[2] & 127) << 7 | four[3] & 127


def _tag_at_start(head: bytes) -> int:
    if head[:3] == b"ID3" and len(head) >= 10:
        return 10 + _synchsafe(head[6:10]) + (10 if head[5] & 0x10 else 0)
    if head[:8] == b"APETAGEX" and len(head) == 32:
        return 32 + int.from_bytes(head[12:16], "little")
    return 0


def _tag_at_end(fd: int, start: int, end: int) -> int:
    """Length of the tag that ends at `end`, 0 where there is none."""
    tail_start = max(start, end - 5200)
    tail = read_exactly(fd, tail_start, end - tail_start)
    if tail[-128:-125] == b"TAG":
        return 128 + (227 if tail[-355:-351] == b"TAG+" else 0)
    if tail[-32:-24] == b"APETAGEX":
        has_header = tail[-9] & 0x80
        return int.from_bytes(tail[-20:-16], "little") + (32 if has_header else 0)
    if tail[-10:-7] == b"3DI":
        return 20 + _synchsafe(tail[-4:])
    if tail[-9:] == b"LYRICS200" and tail[-15:-9].isdigit():
        return int(tail[-15:-9]) + 15
    if tail[-9:] == b"LYRICSEND":
        begin = tail.rfind(b"LYRICSBEGIN")
        return len(tail) - begin if begin >= 0 else 0
    return 0


class _LogicalStream:
    """One logical Ogg stream: hashes its packets, however they are cut into pages.

    The segment table (lacing values) of a stream depends on the lengths of its packets alone, so
    hashing all tables and all bodies tells packets apart without putting them together.
    """

    def __init__(self) -> None:
        self._lacing = hashlib.blake2b(b"lacing\n")
        self._body = hashlib.blake2b(b"body\n")
        self._packet = 0
        self._has_comments = False
        self._first = b""

    def add(self, lacing: bytes, body: bytes) -> None:
        """Add a page's segment table and body."""
        at = segment = 0
        while segment < len(lacing) and self._packet < 2:  # only the header packets, one by one
            length = lacing[segment]
            if self._packet == 0:
                self._first += body[at : at + length]
                self._has_comments = self._first.startswith((b"\x01vorbis", b"OpusHead"))
            if self._packet == 0 or not self._has_comments:
                self._lacing.update(lacing[segment : segment + 1])
                self._body.update(body[at : at + length])
            at += length
            segment += 1
            self._packet += length < 255
        self._lacing.update(lacing[segment:])
        self._body.update(body[at:])

    def digest(self) -> bytes:
        """Hash of all packets but the comments."""
        return self._lacing.digest() + self._body.digest()


def _ogg_uid(fd: int, size: int) -> str:
    streams: list[_LogicalStream] = []
    current: dict[bytes, _LogicalStream] = {}
    os.lseek(fd, 0, os.SEEK_SET)
    with io.BufferedReader(io.FileIO(fd, "rb", closefd=False), _PIECE) as pages:
        for serial, begins, lacing, body in _ogg_pages(pages):
            if begins or serial not in current:
                current[serial] = _LogicalStream()
                streams.append(current[serial])
            current[serial].add(lacing, body)
    digest = hashlib.blake2b(b"ogg\n")
    for stream in streams:
        digest.update(stream.digest())
    return _uid_of(digest.digest())


def _ogg_pages(pages: IO[bytes]) -> Iterator[tuple[bytes, bool, bytes, bytes]]:
    """Yield (serial, whether its stream begins, segment table, body) of every page."""
    header = pages.read(27)
    while len(header) == 27:
        if header[:4] != b"OggS":  # damage: look for the next page
            rest = header[1:]
            at = rest.find(b"O")
            header = rest[at:] if at >= 0 else b""
            header += pages.read(27 - len(header))
            continue
        lacing = pages.read(header[26])
        yield header[14:18], bool(header[5] & 2), lacing, pages.read(sum(lacing))
        header = pages.read(27)


def states_its_length(fd: int, size: int) -> bool:
    """Tell whether an MPEG audio file's first frame says how many frames follow (Xing or Info header)."""
    start, _end = mpeg_audio_range(fd, size)
    head = read_exactly(fd, start, 64)
    return b"Xing" in head or b"Info" in head
