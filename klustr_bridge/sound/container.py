"""What the first bytes of a file tell: formats that can't be read yet, and audio that is cut off.

Owns the looking at containers without decoding them. It must not decode audio, and it never decides
that a file is good: that is libsndfile's word.
"""

import os

__all__ = ["missing_fraction", "read_exactly", "unreadable_format"]

CONVERT = "convert it to WAV, AIFF, FLAC, Ogg or MP3"

UNREAD_SUFFIXES: dict[bytes, str] = {
    b".m4a": "M4A (AAC or ALAC)",
    b".m4b": "M4A (AAC or ALAC)",
    b".aac": "AAC",
    b".alac": "ALAC",
    b".wma": "WMA",
    b".ape": "Monkey's Audio",
    b".wv": "WavPack",
}
"""Suffixes of audio that can't be read yet, with the format's name."""

_UNREAD_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (4, b"ftyp", "M4A (AAC or ALAC)"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA"),
    (0, b"ADIF", "AAC"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"wvpk", "WavPack"),
    (0, b"DSD ", "DSD"),
    (0, b"CAT REX2", "REX2 loops"),
    (0, b"MThd", "MIDI (notes, not sound)"),
    (0, b"\x1aE\xdf\xa3", "Matroska/WebM"),
)

# Sizes that recorders write while they don't know the length yet, and leave there when piped.
_PLACEHOLDERS = frozenset({0, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000})
_MOST_CHUNKS = 1000


def unreadable_format(head: bytes, suffix: bytes) -> str | None:
    """Name the format of a file that can't be read yet.

    Parameters
    ----------
    head : bytes
        The file's first bytes, at least 16 where it has them.
    suffix : bytes
        The suffix of its name, lower case, with the dot.

    Returns
    -------
    str or None
        The format's name as a musician knows it; None where libsndfile should try.
    """
    for offset, magic, name in _UNREAD_MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return name
    if len(head) >= 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:  # ADTS: sync word with layer 0
        return "AAC"
    return UNREAD_SUFFIXES.get(suffix)


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


def missing_fraction(fd: int, size: int) -> float:
    """Tell how much of the audio that the header promises is missing at the end of the file.

    libsndfile reads what is there and says nothing, so a copy that broke off would look like a shorter
    sound. WAV, RF64, AIFF, AU, Wave64 and Ogg tell it in their headers; where the header doesn't know
    (a placeholder of a streaming recorder) nothing counts as missing.

    Parameters
    ----------
    fd : int
        File descriptor; its offset is moved.
    size : int
        The file's size in bytes.

    Returns
    -------
    float
        0 where nothing is missing, below 1.
    """
    head = read_exactly(fd, 0, 40)
    if head[:4] in (b"RIFF", b"RF64", b"RIFX") and head[8:12] == b"WAVE":
        order = "big" if head[:4] == b"RIFX" else "little"
        start, length = _find_chunk(fd, size, b"data", order)
        if head[:4] == b"RF64" and length in _PLACEHOLDERS and head[12:16] == b"ds64":
            length = int.from_bytes(head[28:36], "little")
    elif head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        start, length = _find_chunk(fd, size, b"SSND", "big")
    elif head[:4] == b".snd":
        start, length = int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:12], "big")
    elif head[:4] == b"OggS":
        return _missing_of_last_page(fd, size)
    else:
        return 0.0
    # 2**63: a data size no recorder means; a few KiB: writers that forget padding or trailing chunks.
    if length in _PLACEHOLDERS or not 0 < length < 2**63:
        return 0.0
    missing = start + length - size
    return missing / length if missing > min(4096, length // 100) else 0.0


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


def _missing_of_last_page(fd: int, size: int) -> float:
    """1/2 where the last Ogg page of the file is cut, else 0 (the stream's length isn't in its header)."""
    tail_start = max(0, size - 65_307)  # the largest page
    tail = read_exactly(fd, tail_start, size - tail_start)
    at = tail.rfind(b"OggS")
    if at < 0:
        return 0.0
    table = tail[at + 27 : at + 27 + (tail[at + 26] if len(tail) > at + 26 else 255)]
    complete = len(tail) > at + 26 and len(table) == tail[at + 26]
    return 0.0 if complete and len(tail) >= at + 27 + len(table) + sum(table) else 0.5
