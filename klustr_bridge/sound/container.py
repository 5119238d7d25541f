"""What a container says of the audio in it: where it lies, and whether a part of it is missing.

Owns the looking at containers without decoding them. It must not decode audio, and it never decides
that a file is good: that is the decoder's word.

References
----------
RF64 and BW64: ITU-R BS.2088; atoms: ISO/IEC 14496-12; ASF: Advanced Systems Format specification 1.2.
"""

import os
from collections.abc import Callable

__all__ = ["data_range", "is_cut", "read_exactly", "states_zero_rate"]

# Sizes that recorders write while they don't know the length yet, and leave there when piped.
_PLACEHOLDERS = frozenset({0, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000})
_MOST_CHUNKS = 1000
_W64_HEADER = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")


def read_exactly(fd: int, offset: int, size: int) -> bytes:
    """Read up to `size` bytes at `offset`; fewer only at the end of the file."""
    os.lseek(fd, offset, os.SEEK_SET)
    parts: list[bytes] = []
    while size > 0:
        part = os.read(fd, size)
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def is_cut(fd: int, size: int) -> bool:
    """Tell whether audio that the header promises is missing at the end of the file.

    libsndfile reads what is there and says nothing, so a copy that broke off would look like a shorter
    sound. WAV, RF64, AIFF, AU, Wave64, Ogg, M4A and WMA tell it in their headers; where the header doesn't
    know (a placeholder of a streaming recorder) nothing counts as missing.

    Parameters
    ----------
    fd : int
        File descriptor; its offset is moved.
    size : int
        The file's size in bytes.

    Returns
    -------
    bool
    """
    head = read_exactly(fd, 0, 40)
    if head[:4] == b"OggS":
        return _last_page_is_cut(fd, size)
    if head[4:8] == b"ftyp":
        start, length = _find_cut_part(fd, size, _atom)
    elif head[:16] == _ASF_HEADER:
        start, length = _find_cut_part(fd, size, _guid_part)
    elif head[:16] == _W64_HEADER:
        start, length = _find_cut_part(fd, size, _guid_part, offset=40, align=8)
    elif head[:4] == b".snd":
        start, length = int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:12], "big")
    else:
        start, length = data_range(fd, size)
        if head[:4] in (b"RF64", b"BW64") and length in _PLACEHOLDERS and head[12:16] == b"ds64":
            length = int.from_bytes(head[28:36], "little")
    # 2**63: a data size no recorder means; a few KiB: writers that forget padding or trailing chunks.
    if length in _PLACEHOLDERS or not 0 < length < 2**63:
        return False
    return start + length - size > min(4096, length // 100)


def data_range(fd: int, size: int) -> tuple[int, int]:
    """Find the audio of a WAV, RF64 or AIFF file.

    Parameters
    ----------
    fd : int
        File descriptor; its offset is moved.
    size : int
        The file's size in bytes.

    Returns
    -------
    start, length : int
        Bytes, as the header of its chunk states them; (0, 0) where there is none.
    """
    head = read_exactly(fd, 0, 12)
    if head[:4] in (b"RIFF", b"RF64", b"BW64", b"RIFX") and head[8:12] == b"WAVE":
        return _find_chunk(fd, size, b"data", "big" if head[:4] == b"RIFX" else "little")
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _find_chunk(fd, size, b"SSND", "big")
    return 0, 0


def states_zero_rate(fd: int, size: int) -> bool:
    """Tell whether an AIFF file states a rate of 0 Hz, which libsndfile takes for 1 Hz."""
    start, _length = _find_chunk(fd, size, b"COMM", "big")
    return not any(read_exactly(fd, start + 10, 8))  # the mantissa


def _atom(header: bytes) -> int:
    """Length of an MPEG-4 atom with its header; 0: to the end of the file."""
    length = int.from_bytes(header[:4], "big")
    return int.from_bytes(header[8:16], "big") if length == 1 else length


def _guid_part(header: bytes) -> int:
    """Length of an ASF object or Wave64 chunk with its header."""
    return int.from_bytes(header[16:24], "little")


def _find_cut_part(
    fd: int, size: int, length_of: Callable[[bytes], int], offset: int = 0, align: int = 1
) -> tuple[int, int]:
    """Walk the parts a file is made of; (start, length) of one that the file's end cuts, else (0, 0)."""
    for _ in range(_MOST_CHUNKS):
        header = read_exactly(fd, offset, 24)
        length = length_of(header)
        if len(header) < 8 or length < 8:
            break
        if offset + length > size:
            return offset, length
        offset += length + -length % align
    return 0, 0


def _find_chunk(fd: int, size: int, wanted: bytes, order: str) -> tuple[int, int]:
    """Walk an IFF file's chunks; (start, length) of the wanted one, (0, 0) where there is none."""
    offset = 12
    for _ in range(_MOST_CHUNKS):
        header = read_exactly(fd, offset, 8)
        if len(header) < 8 or offset >= size:
            break
        length = int.from_bytes(header[4:], "little" if order == "little" else "big")
        if header[:4] == wanted:
            return offset + 8, length
        offset += 8 + length + (length & 1)
    return 0, 0


def _last_page_is_cut(fd: int, size: int) -> bool:
    """Whether the file ends within an Ogg page: the stream's length isn't in its header."""
    tail_start = max(0, size - 65_307)  # the largest page
    tail = read_exactly(fd, tail_start, size - tail_start)
    at = tail.rfind(b"OggS")
    if at < 0:
        return False
    table = tail[at + 27 : at + 27 + (tail[at + 26] if len(tail) > at + 26 else 255)]
    complete = len(tail) > at + 26 and len(table) == tail[at + 26]
    return not (complete and len(tail) >= at + 27 + len(table) + sum(table))
