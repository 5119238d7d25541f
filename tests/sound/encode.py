"""Files that only the extra `av` reads, made by its encoders."""

import struct
from pathlib import Path

import av
import numpy as np

from tests.sounds import RATE, Audio


def encode(
    path: Path, codec: str, muxer: str, audio: Audio, *, stored: str, rate: int = RATE, **tags: str
) -> Path:
    """Encode audio of shape (n_frames,) or (n_frames, channels), stored as one of FFmpeg's sample formats."""
    wide = audio.reshape(len(audio), -1)
    samples = {
        "fltp": lambda: wide.T,
        "s16p": lambda: np.round(wide.T * 2**15).astype(np.int16),
        "s32p": lambda: np.round(wide.T.astype(np.float64) * 2**23).astype(np.int32) << 8,
    }[stored]()
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[wide.shape[1]]
    with av.open(str(path), "w", format=muxer) as container:
        container.metadata.update(tags)
        stream = container.add_stream(codec, rate=rate, layout=layout, format=stored, bit_rate=160_000)
        container.start_encoding()
        step = stream.codec_context.frame_size or 4096
        for start in range(0, len(wide), step):
            piece = np.ascontiguousarray(samples[:, start : start + step])
            frame = av.AudioFrame.from_ndarray(piece, format=stored, layout=layout)
            frame.sample_rate, frame.pts = rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def m4a(path: Path, audio: Audio, rate: int = RATE, **tags: str) -> Path:
    """AAC in M4A."""
    return encode(path, "aac", "ipod", audio, stored="fltp", rate=rate, **tags)


def alac(path: Path, audio: Audio, rate: int = RATE, *, stored: str = "s16p", **tags: str) -> Path:
    """ALAC in M4A, 16 bits, or 24 with ``s32p``."""
    return encode(path, "alac", "ipod", audio, stored=stored, rate=rate, **tags)


def aac(path: Path, audio: Audio, rate: int = RATE) -> Path:
    """AAC without a container (ADTS)."""
    return encode(path, "aac", "adts", audio, stored="fltp", rate=rate)


def wma(path: Path, audio: Audio, rate: int = RATE, **tags: str) -> Path:
    """WMA 2."""
    return encode(path, "wmav2", "asf", audio, stored="fltp", rate=rate, **tags)


def wavpack(path: Path, audio: Audio, rate: int = RATE, *, stored: str = "s16p") -> Path:
    """WavPack."""
    return encode(path, "wavpack", "wv", audio, stored=stored, rate=rate)


def aac_in_caf(path: Path, audio: Audio, rate: int = RATE) -> Path:
    """AAC in CAF, as in Apple Loops: FFmpeg doesn't write it, so its packets are put together by hand."""
    inner = m4a(path.with_suffix(".inner"), audio, rate)
    with av.open(str(inner)) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    esds = inner.read_bytes().partition(b"esds")[2][4:]
    cookie = esds[: 5 + esds[4]]  # a tag, a length of four bytes whose last one counts, the descriptor

    def chunk(name: bytes, body: bytes) -> bytes:
        return name + struct.pack(">q", len(body)) + body

    channels = audio.reshape(len(audio), -1).shape[1]
    description = struct.pack(">d4sIIIII", rate, b"aac ", 0, 0, 1024, channels, 0)
    sizes = b"".join(bytes([len(each) >> 7 | 128, len(each) & 127]) for each in packets)
    table = struct.pack(">qqii", len(packets), len(audio), 1024, 0) + sizes
    content = chunk(b"desc", description) + chunk(b"kuki", cookie) + chunk(b"pakt", table)
    path.write_bytes(b"caff\0\1\0\0" + content + chunk(b"data", bytes(4) + b"".join(packets)))
    return path


def ima_in_caf(path: Path, audio: Audio, rate: int = RATE) -> Path:
    """IMA ADPCM in CAF."""
    return encode(path, "adpcm_ima_qt", "caf", audio, stored="s16p", rate=rate)


def mp3_in_caf(path: Path, audio: Audio, rate: int = RATE) -> Path:
    """MP3 in CAF."""
    return encode(path, "mp3", "caf", audio, stored="fltp", rate=rate)
