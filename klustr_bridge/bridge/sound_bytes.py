"""Sample files as a browser takes them: which it plays as they are, and which part it asks for.

This module owns the look at a file's first bytes, for the sake of browsers, and the grammar of Range. It
is pure; whether a file is a good one is `sound`'s to say.

References
----------
Range requests: RFC 9110, section 14.
"""

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["HEAD_BYTES", "Part", "media_type", "part_asked_for"]

HEAD_BYTES: Final = 64

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_HIGHEST_RATE: Final = 192_000


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes `start` to `stop` of a file, `stop` not among them."""

    start: int
    stop: int


def media_type(head: bytes, suffix: bytes) -> str | None:
    """Return the media type of a file that browsers play as it is, None of one that they may not.

    Parameters
    ----------
    head : bytes
        The file's first `HEAD_BYTES` bytes.
    suffix : bytes
        Of its name, lower case, with the dot.
    """
    if head[:4] == b"RIFF" and head[8:16] == b"WAVEfmt ":
        return "audio/wav" if _is_plain_wave(head) else None
    if head[:4] == b"fLaC":
        return "audio/flac"
    if head[:4] == b"OggS":
        return "audio/ogg"
    if head[4:8] == b"ftyp" and suffix in (b".m4a", b".m4b"):
        return "audio/mp4"
    is_mp3 = head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2)
    return "audio/mpeg" if is_mp3 and suffix == b".mp3" else None


def _is_plain_wave(head: bytes) -> bool:
    """Whether a WAV file is PCM or float, of one or two channels and a common rate."""
    tag, channels = (int.from_bytes(head[at : at + 2], "little") for at in (20, 22))
    rate, bits = int.from_bytes(head[24:28], "little"), int.from_bytes(head[34:36], "little")
    if tag == _EXTENSIBLE:
        tag = int.from_bytes(head[44:46], "little")
    widths = {_PCM: (8, 16, 24, 32), _FLOAT: (32,)}
    return bits in widths.get(tag, ()) and channels in (1, 2) and 3_000 <= rate <= _HIGHEST_RATE


def part_asked_for(asked: str | None, size: int) -> Part | None:
    """Return which part of a file is asked for.

    Parameters
    ----------
    asked : str or None
        The field ``Range``. One that isn't understood, or names several parts, asks for everything.
    size : int
        Bytes of the file.

    Returns
    -------
    Part or None
        None where the part lies behind the file's end.
    """
    found = _RANGE.fullmatch(asked.strip()) if asked else None
    if found is None or found[0] == "bytes=-":
        return Part(0, size)
    first, last = found[1], found[2]
    if not first:
        length = min(int(last), size)
        return Part(size - length, size) if length else None
    start, stop = int(first), int(last) + 1 if last else size
    if last and stop <= start:
        return Part(0, size)  # no range at all, which is to be ignored
    return Part(start, min(stop, size)) if start < size else None
