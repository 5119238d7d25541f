"""Hearing a stream block by block, in bounded memory: its level, its width, its beginning as a mono mix.

Owns what is measured while a file streams by. It must not know files nor what is made of the beginning.
"""

import math

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.types import Float32Array

__all__ = ["SILENT", "Listener"]

KEPT_S = 60.0
"""Analysis hears this much, from the first block that isn't silent."""
MOST_KEPT_FRAMES = 8_000_000

SILENT = 1.5 / 32768
"""Half the swing of a sound that is taken for silence: the last bit of 16, dithered."""
LOWEST_DB = -120.0
_HOP_S = 0.01
_HOPS = 5  # loudness: RMS over 50 ms, the integration time of short sounds
# Of the energy that channels with nothing in common leave in the mono mix: they are in opposite phase. Of
# such kicks, toms, claps, cowbells and basses Ogg Vorbis left .012 at most, 257 other recordings left .64 or
# more. Of noise Vorbis keeps no phase: its channels have little in common then, and aren't cancelled.
_CANCELLED = 0.2
_MOST_SQUARED = 1e15
_CLICK_FRAMES = 32  # so few audio frames have no offset to swing about: they are a click


class Listener:
    """Takes a stream's blocks in order.

    Parameters
    ----------
    sample_rate : int
        Hz.
    channels : int
        Of the stream.

    Attributes
    ----------
    hop : int
        Every block but the last must have a multiple of this number of audio frames.
    n_frames : int
        Heard so far.
    first_heard : int
        Where the mono mix begins, audio frames from the start.
    energies : ndarray of float64, shape (channels,)
        Of the part in the mono mix.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self.hop = max(1, round(sample_rate * _HOP_S))
        self.n_frames = 0
        self.first_heard = 0
        self.energies: NDArray[np.float64] = np.zeros(channels)
        self._low: Float32Array = np.full(channels, np.inf, np.float32)
        self._high: Float32Array = np.full(channels, -np.inf, np.float32)
        self._mono: list[Float32Array] = []
        self._room = min(math.ceil(KEPT_S * sample_rate), MOST_KEPT_FRAMES)
        self._recent = [0.0] * (_HOPS - 1)
        self._loudest = 0.0

    def hear(self, block: Float32Array) -> None:
        """Take the next block, shape (n_frames, channels), finite."""
        low, high = block.min(axis=0), block.max(axis=0)
        np.minimum(self._low, low, out=self._low)
        np.maximum(self._high, high, out=self._high)
        peak = max(float(high.max()), -float(low.min()))
        swing = float((high.astype(np.float64) - low).max()) / 2.0 if len(block) >= _CLICK_FRAMES else peak
        # Squares of float32 would overflow: files of floats may hold anything.
        exact = block.astype(np.float64) if peak > _MOST_SQUARED else block
        self._meter(exact)
        if not self._mono and swing <= SILENT:  # a constant offset isn't sound
            self.first_heard = self.n_frames + len(block)
        elif self._room > 0:
            self._keep(exact[: self._room])
        self.n_frames += len(block)

    def _meter(self, block: Float32Array | NDArray[np.float64]) -> None:
        n_hops, channels = len(block) // self.hop, block.shape[1]
        whole = block[: n_hops * self.hop].reshape(n_hops, self.hop * channels)
        rest = block[n_hops * self.hop :].ravel()
        sums = [*self._recent, *np.einsum("ij,ij->i", whole, whole).tolist()]
        if len(rest):
            sums.append(float(rest @ rest))
        energy = np.convolve(sums, np.ones(_HOPS), mode="valid")
        self._loudest = max(self._loudest, float(energy.max()) / (_HOPS * self.hop * channels))
        self._recent = sums[-(_HOPS - 1) :]

    def _keep(self, block: Float32Array | NDArray[np.float64]) -> None:
        if block.shape[1] == 1:
            mix = block[:, 0].astype(np.float32)
        else:
            mix = block.mean(axis=1, dtype=np.float64).astype(np.float32)
        self._mono.append(mix)
        self.energies += np.einsum("ij,ij->j", block, block)
        self._room -= len(mix)

    @property
    def is_silent(self) -> bool:
        """Whether nothing can be heard: a constant offset isn't sound."""
        low, high = self._low.astype(np.float64), self._high.astype(np.float64)
        swing = np.maximum(high, -low) if self.n_frames < _CLICK_FRAMES else (high - low) / 2.0
        return float(swing.max()) <= SILENT

    @property
    def is_full(self) -> bool:
        """Whether the mono mix is as long as it gets."""
        return self._room <= 0

    @property
    def loudness_db(self) -> float:
        """Largest RMS level of 50 ms, dB re full scale."""
        return max(LOWEST_DB, 10.0 * math.log10(max(self._loudest, 1e-30)))

    @property
    def mono(self) -> Float32Array:
        """The mono mix of the beginning; float32, shape (n,)."""
        if len(self._mono) == 1:
            return self._mono[0]
        return np.concatenate(self._mono) if self._mono else np.zeros(0, np.float32)

    def is_cancelled(self, mono: Float32Array) -> bool:
        """Whether the channels cancel each other in the mono mix."""
        apart = float(self.energies.mean()) / len(self.energies)
        return len(self.energies) > 1 and _energy(mono) < _CANCELLED * apart

    def stereo_width(self, mono: Float32Array) -> float:
        """Tell how little the channels have in common.

        Parameters
        ----------
        mono : ndarray of float32, shape (n,)
            The mix of all channels.

        Returns
        -------
        float
            1 less the mean correlation between channels: 0 where they are the same, 1 where they have
            nothing in common, up to 2 for two channels in opposite phase.
        """
        n, total = len(self.energies), float(self.energies.sum())
        if n == 1 or total <= 0.0:
            return 0.0
        correlation = (n * n * _energy(mono) - total) / ((n - 1) * total)
        return min(max(1.0 - correlation, 0.0), 2.0)


def _energy(audio: Float32Array) -> float:
    return float(np.square(audio, dtype=np.float64).sum())
