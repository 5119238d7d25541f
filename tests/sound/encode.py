"""Files that only the extra `av` reads, made by its encoders."""

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
