"""All that is heard in one sample file, in one pass over it and with bounded memory.

Owns the walk of a file through decoding, identity and measuring, and the verdict on files that hold no
sound. It must not know where the result is kept.
"""

import math

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import RefusedSound
from klustr_bridge.sound.decode import AudioStream, open_audio
from klustr_bridge.sound.embedding import embedding_of
from klustr_bridge.sound.excerpt import LEAD_FRAMES, excerpt_of
from klustr_bridge.sound.identity import PcmIdentity, encoded_uid, states_its_length
from klustr_bridge.sound.mel import centroid_hz, power_frames
from klustr_bridge.sound.pitch import pitch_hz
from klustr_bridge.types import Analysis, Float32Array

__all__ = ["analyse_file"]

KEPT_S = 10.0
"""Analysis hears this much, from the first block that isn't silent."""
MOST_KEPT_FRAMES = 8_000_000

SILENT = 1.5 / 32768
"""Half the swing of a sound that is taken for silence: the last bit of 16, dithered."""
LOWEST_DB = -120.0
_HOP_S = 0.01
_HOPS = 5  # loudness: RMS over 50 ms, the integration time of short sounds
_CANCELLED = 1e-4  # of the channels' energy left in the mono mix: they are in opposite phase
_LOST_FRAMES = 0.03


class _Listener:
    """Hears a stream block by block: level and swing of the whole, the beginning as a mono mix."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self.hop = max(1, round(sample_rate * _HOP_S))
        self.n_frames = 0
        self.energies: NDArray[np.float64] = np.zeros(channels)
        self._low: Float32Array = np.full(channels, np.inf, np.float32)
        self._high: Float32Array = np.full(channels, -np.inf, np.float32)
        self._mono: list[Float32Array] = []
        self._room = min(math.ceil(KEPT_S * sample_rate), MOST_KEPT_FRAMES)
        self._recent: NDArray[np.float64] = np.zeros(_HOPS - 1)
        self._loudest = 0.0
        self.first_heard = 0

    def hear(self, block: Float32Array) -> None:
        """Take the next block, shape (n_frames, channels)."""
        low, high = block.min(axis=0), block.max(axis=0)
        np.minimum(self._low, low, out=self._low)
        np.maximum(self._high, high, out=self._high)
        wide = block.astype(np.float64)
        squares = np.square(wide)
        self._meter(squares.mean(axis=1))
        if not self._mono and max(float(high.max()), -float(low.min())) <= SILENT:
            self.first_heard = self.n_frames + len(block)
        elif self._room > 0:
            mix = wide[: self._room].mean(axis=1).astype(np.float32)
            self._mono.append(mix)
            self.energies += squares[: self._room].sum(axis=0)
            self._room -= len(mix)
        self.n_frames += len(block)

    def _meter(self, power: NDArray[np.float64]) -> None:
        hops = np.add.reduceat(power, np.arange(0, len(power), self.hop)) / self.hop
        hops = np.concatenate([self._recent, hops])
        sums = np.convolve(hops, np.ones(_HOPS), mode="valid")
        self._loudest = max(self._loudest, float(sums.max()) / _HOPS)
        self._recent = hops[-(_HOPS - 1) :]

    @property
    def swing(self) -> float:
        """Half the distance between the highest and the lowest value of any channel."""
        return float(np.max(self._high.astype(np.float64) - self._low) / 2.0)

    @property
    def loudness_db(self) -> float:
        """Largest RMS level of 50 ms, dB re full scale."""
        return max(LOWEST_DB, 10.0 * math.log10(max(self._loudest, 1e-30)))

    @property
    def mono(self) -> Float32Array:
        """The mono mix of the beginning."""
        return np.concatenate(self._mono) if self._mono else np.zeros(0, np.float32)


def analyse_file(path: bytes) -> Analysis:
    """Hear a sample file.

    Parameters
    ----------
    path : bytes
        Of a regular file.

    Returns
    -------
    Analysis
        All values finite.

    Raises
    ------
    RefusedSound
        Where the file is unusable: gone, damaged, cut off, silent, in a format that isn't read. The
        message is the reason, in a musician's words.
    """
    with open_audio(path) as stream:
        listener = _Listener(stream.sample_rate, stream.channels)
        identity = None if stream.is_lossy else PcmIdentity(stream.sample_rate, stream.channels)
        for block in stream.blocks(multiple_of=listener.hop):
            listener.hear(block)
            if identity is not None:
                identity.update(block)
        _refuse_nothing(stream, listener)
        mono = listener.mono
        if _is_cancelled(mono, listener):
            mono = _loudest_channel(path, listener)
        try:
            uid = identity.uid() if identity else encoded_uid(stream.fd, stream.size, stream.container)
        except OSError as error:
            raise RefusedSound(f"the file can't be read: {error.strerror}") from error
    excerpt = excerpt_of(mono, stream.sample_rate)
    power = power_frames(excerpt.audio)
    return Analysis(
        uid=uid,
        duration_s=listener.n_frames / stream.sample_rate,
        sample_rate=stream.sample_rate,
        channels=stream.channels,
        loudness_db=listener.loudness_db,
        brightness_hz=centroid_hz(power),
        pitch_hz=pitch_hz(excerpt.audio[LEAD_FRAMES:]),
        embedding=embedding_of(excerpt, power),
    )


def _refuse_nothing(stream: AudioStream, listener: _Listener) -> None:
    """Raise where a decoded stream holds no sound, or not all of it."""
    if listener.n_frames == 0:
        raise RefusedSound("the file holds no audio (0 frames)")
    promised = stream.promised_frames
    if (
        listener.n_frames < promised * (1.0 - _LOST_FRAMES)
        and stream.container == "MP3"
        and states_its_length(stream.fd, stream.size)
    ):
        raise RefusedSound(
            f"the file is cut off: it holds {listener.n_frames / stream.sample_rate:.2f} s "
            f"of {promised / stream.sample_rate:.2f} s; copy or export it again"
        )
    if listener.swing <= SILENT:
        raise RefusedSound("the file is silent")


def _is_cancelled(mono: Float32Array, listener: _Listener) -> bool:
    """Whether the channels cancel each other in the mono mix."""
    n_channels = len(listener.energies)
    if n_channels == 1 or not len(mono):
        return False
    energy = float(np.square(mono, dtype=np.float64).sum())
    return energy < _CANCELLED * float(listener.energies.mean())


def _loudest_channel(path: bytes, listener: _Listener) -> Float32Array:
    """Read the beginning again, one channel of it."""
    channel = int(listener.energies.argmax())
    with open_audio(path) as stream:
        stream.seek(listener.first_heard)
        most = min(math.ceil(KEPT_S * stream.sample_rate), MOST_KEPT_FRAMES)
        parts = [block[:, channel].copy() for block in stream.blocks(most_frames=most)]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)
