"""WAV and other files put together by hand, right and wrong, without the code under test."""

import struct

WAV_PCM, WAV_FLOAT = 1, 3


def chunk(name: bytes, body: bytes, order: str = "<", length: int | None = None) -> bytes:
    """An IFF chunk; `length` is what its header says."""
    return (
        name
        + struct.pack(order + "I", len(body) if length is None else length)
        + body
        + b"\0" * (len(body) % 2)
    )


def fmt(
    channels: int = 1,
    rate: int = 44_100,
    bits: int = 16,
    tag: int = WAV_PCM,
    *,
    order: str = "<",
    more: bytes = b"",
) -> bytes:
    """A WAV file's `fmt ` chunk."""
    width = channels * bits // 8
    values = tag, channels, rate, rate * width & 0xFFFFFFFF, width & 0xFFFF, bits
    return chunk(b"fmt ", struct.pack(order + "HHIIHH", *values) + more, order)


def wav(*chunks: bytes, magic: bytes = b"RIFF", form: bytes = b"WAVE", length: int | None = None) -> bytes:
    """A WAV file of chunks; `length` is what its header says."""
    order = ">" if magic == b"RIFX" else "<"
    return chunk(magic, form + b"".join(chunks), order, length)


def pcm(data: bytes, *, channels: int = 1, rate: int = 44_100, bits: int = 16, tag: int = WAV_PCM) -> bytes:
    """A plain WAV file."""
    return wav(fmt(channels, rate, bits, tag), chunk(b"data", data))


def rf64(data: bytes, magic: bytes = b"RF64", stated: int | None = None) -> bytes:
    """A 16-bit mono RF64 or BW64 file; `stated` is the length of its data in the ds64 chunk."""
    n_bytes = len(data) if stated is None else stated
    ds64 = chunk(b"ds64", struct.pack("<QQQI", n_bytes + 72, n_bytes, n_bytes // 2, 0))
    return wav(ds64, fmt(), chunk(b"data", data, length=0xFFFFFFFF), magic=magic, length=0xFFFFFFFF)


def aiff(
    data: bytes, *, channels: int = 1, n_frames: int | None = None, bits: int = 16, rate: bytes = b""
) -> bytes:
    """An AIFF file at 44,100 Hz, or the 80-bit `rate` given."""
    frames = len(data) // max(1, channels * bits // 8) if n_frames is None else n_frames
    extended = rate or b"\x40\x0e\xac\x44" + bytes(6)
    comm = chunk(b"COMM", struct.pack(">HIH", channels, frames, bits) + extended, ">")
    ssnd = chunk(b"SSND", bytes(8) + data, ">")
    return chunk(b"FORM", b"AIFF" + comm + ssnd, ">")


def au(
    data: bytes,
    *,
    offset: int = 24,
    length: int | None = None,
    codec: int = 3,
    rate: int = 44_100,
    channels: int = 1,
) -> bytes:
    """A Sun AU file."""
    stated = len(data) if length is None else length
    return b".snd" + struct.pack(">IIIII", offset, stated, codec, rate, channels) + data


def mp3_in_wav(mp3: bytes, *, channels: int, rate: int, n_frames: int, more: bytes = b"") -> bytes:
    """A WAV file whose audio is MPEG layer 3, as old sample editors write them; `more`: further chunks."""
    extra = struct.pack("<HHIHHH", 12, 1, 2, 417, 1, 1393)
    head = struct.pack("<HHIIHH", 0x55, channels, rate, 16_000, 1, 0)
    fact = chunk(b"fact", struct.pack("<I", n_frames))
    return wav(chunk(b"fmt ", head + extra), fact, chunk(b"data", mp3), more)
