"""What the learned ear is shown of a sound: mel levels from the onset on, and the length.

Owns the picture, the same in training and in analysis. It must not know the network.
"""

import math
from typing import Final

import numpy as np

from klustr_bridge.sound.excerpt import Excerpt
from klustr_bridge.sound.mel import FRAME, HOP, decibels_below_peak, mel_filters, power_frames
from klustr_bridge.types import Float32Array

__all__ = ["FLOOR_DB", "N_FRAMES", "levels_from", "levels_of", "log_length", "power_of"]

N_FRAMES: Final = 128
"""Analysis frames of 5.8 ms: .74 s from the onset on."""
FLOOR_DB: Final = -90.0
_SHORTEST_S = 0.005
_END = FRAME + HOP * (N_FRAMES - 1)


def levels_of(excerpt: Excerpt) -> Float32Array:
    """Show a sound to the ear.

    Parameters
    ----------
    excerpt : Excerpt
        Its analysed part.

    Returns
    -------
    ndarray of float32, shape (N_FRAMES, N_BANDS)
        Level of each mel band in each analysis frame: 1 at the loudest, -1 at FLOOR_DB below it and lower.
    """
    return levels_from(power_of(excerpt))


def power_of(excerpt: Excerpt) -> Float32Array:
    """Power spectra of the frames that the ear is shown, shape (N_FRAMES, FRAME // 2 + 1)."""
    return power_frames(excerpt.audio[:_END])


def levels_from(power: Float32Array) -> Float32Array:
    """Return what `levels_of` does, from what `power_of` gives."""
    bands = power @ mel_filters().T
    levels: Float32Array = decibels_below_peak(bands, FLOOR_DB) * np.float32(-2.0 / FLOOR_DB) + np.float32(
        1.0
    )
    return levels


def log_length(length_s: float) -> float:
    """Return the length as the ear is told it: octaves of a second, at least 5 ms."""
    return math.log2(max(length_s, _SHORTEST_S))
