"""The process that decodes for the map page: what browsers can't play, and the pictures of sounds.

Owns nothing. A file that crashes, hangs or bloats it takes only itself down; the serving process never
decodes. It ends by itself when it has had nothing to do for a while, and with its parent.
"""

import struct
from multiprocessing.connection import Connection
from typing import Any, Final

import numpy as np

from klustr_bridge.bridge.audio_jobs import Job, Made
from klustr_bridge.errors import RefusedSound
from klustr_bridge.processes import limit_memory, silence_standard_error
from klustr_bridge.sound.decode import AudioStream, open_audio
from klustr_bridge.types import Float32Array

MOST_SOUND_S: Final = 60.0
MOST_PICTURE_S: Final = 600.0
MOST_BYTES: Final = 32 << 20
COLUMNS: Final = 256
IDLE_S: Final = 120.0
MEMORY_MB: Final = 1000

_FRAMES_A_PIECE: Final = 16
"""Extremes are kept for so many frames at first: a picture of ten minutes fits 15 MB so."""


def main(connection: Connection) -> None:
    """Answer jobs until the other side closes, or there is nothing to do for 2 minutes."""
    silence_standard_error()
    limit_memory(MEMORY_MB)
    try:
        while connection.poll(IDLE_S):
            connection.send(make(connection.recv()))
    except (EOFError, OSError):
        return


def make(job: Job) -> Made:
    """Do one job; whatever the file is, there is an answer.

    A WAV has 16 bits and one or two channels at the file's own rate, and 60 s at most. A picture is the
    lowest and the highest sample of each of 256 equal parts, int8 each, of 10 minutes at most.
    """
    try:
        with open_audio(job.path) as stream:
            most_s = MOST_SOUND_S if job.what == "wav" else MOST_PICTURE_S
            most = int(most_s * stream.sample_rate)
            if job.end_s:
                most = min(most, max(0, round((job.end_s - job.start_s) * stream.sample_rate)))
            start = max(0, round(job.start_s * stream.sample_rate))
            if start and not stream.seek(start):
                return Made(reason="the file ends before this part of it begins")
            data, n_frames = _wav(stream, most) if job.what == "wav" else _picture(stream, most)
            return Made(data, n_frames / stream.sample_rate)
    except RefusedSound as refused:
        return Made(reason=str(refused))
    except MemoryError:
        return Made(reason=f"needs more than the {MEMORY_MB} MB that one file may use")
    except Exception as error:  # one bad file is a reason, whatever it did
        return Made(reason=f"it can't be decoded: {type(error).__name__}: {error}")


def _wav(stream: AudioStream, most: int) -> tuple[bytes, int]:
    channels = min(2, stream.channels)
    most = min(most, MOST_BYTES // (2 * channels))
    pieces: list[bytes] = []
    n_frames = 0
    for block in stream.blocks(most_frames=most):
        mixed = block if stream.channels <= 2 else _mono(block)
        channels = mixed.shape[1]
        pieces.append(_scaled(mixed, 32767, np.int16).tobytes())
        n_frames += len(block)
    data = b"".join(pieces)
    head = struct.pack(
        "<4sI8sIHHIIHH4sI",
        *(b"RIFF", 36 + len(data), b"WAVEfmt ", 16, 1, channels, stream.sample_rate),
        *(stream.sample_rate * channels * 2, channels * 2, 16, b"data", len(data)),
    )
    return head + data, n_frames


def _picture(stream: AudioStream, most: int) -> tuple[bytes, int]:
    lows: list[Float32Array] = []
    highs: list[Float32Array] = []
    n_frames = 0
    for block in stream.blocks(multiple_of=_FRAMES_A_PIECE, most_frames=most):
        starts = np.arange(0, len(block), _FRAMES_A_PIECE)
        lows.append(np.minimum.reduceat(block.min(axis=1), starts))
        highs.append(np.maximum.reduceat(block.max(axis=1), starts))
        n_frames += len(block)
    if not n_frames:
        return bytes(2 * COLUMNS), 0
    low, high = np.concatenate(lows), np.concatenate(highs)
    starts = np.arange(COLUMNS) * len(low) // COLUMNS
    columns = np.stack([np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)], axis=1)
    return _scaled(columns, 127, np.int8).tobytes(), n_frames


def _mono(block: Float32Array) -> Float32Array:
    mixed: Float32Array = block.mean(axis=1, keepdims=True, dtype=np.float32)
    return mixed


def _scaled(samples: Float32Array, full: int, dtype: Any) -> Any:
    return np.rint(np.clip(samples, -1.0, 1.0) * full).astype(f"<{np.dtype(dtype).str[1:]}")
