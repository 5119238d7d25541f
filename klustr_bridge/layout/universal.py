"""The map that is the same for everybody: each sound's place follows from what the learned ear hears in it.

This module owns the method ``universal``: making such a map, and placing on it. There is nothing to fit, and
nothing to align or to stretch: two libraries show a sound at the same place, whatever else is in them. Only
sounds that belong to one spot are kept a hair's breadth apart, as on every map. It must not look at
neighbours. Where a sound belongs is told by `klustr_bridge.sound.ear_heads`.
"""

import numpy as np

from klustr_bridge.errors import LayoutError
from klustr_bridge.layout.scale import MARGIN
from klustr_bridge.layout.spacing import Spacing
from klustr_bridge.sound.aspects import LOOP, WHOLE_SIZE
from klustr_bridge.sound.ear_heads import PLACED_SIZE, universal_positions
from klustr_bridge.types import Float32Array

__all__ = ["UNIVERSAL", "UniversalPlacer", "universal_xy", "without_loops"]

UNIVERSAL = "universal"


def without_loops(embeddings: Float32Array) -> Float32Array:
    """Return what a sound's kind and its place follow from: a loop belongs where its hits do.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (n, WHOLE_SIZE)
        Rows of a library that hears by the learned ear.

    Returns
    -------
    ndarray of float32, shape (n, PLACED_SIZE)
        Without what keeps loops apart.

    Raises
    ------
    LayoutError
        If the rows have another length.
    """
    if embeddings.ndim != 2 or (len(embeddings) and embeddings.shape[1] != WHOLE_SIZE):
        raise LayoutError(
            f"embeddings of shape {embeddings.shape} don't hold what the learned ear hears; needed: "
            f"(n, {WHOLE_SIZE}); have the library hear by the learned ear"
        )
    rows = embeddings[:, :PLACED_SIZE].copy() if len(embeddings) else np.empty((0, PLACED_SIZE), np.float32)
    rows[:, LOOP] = 0.0
    return rows


def universal_xy(embeddings: Float32Array) -> Float32Array:
    """Tell where sounds belong.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (n, WHOLE_SIZE)

    Returns
    -------
    ndarray of float32, shape (n, 2)
        Strictly inside 0..1; equal embeddings have equal places.

    Raises
    ------
    LayoutError
        If the rows have another length.
    EarError
        If the weights of the learned ear can't be read.
    """
    return universal_positions(without_loops(embeddings)).clip(MARGIN, 1 - MARGIN)


class UniversalPlacer:
    """A universal map that takes in new sounds: each at its own place, or beside it if that is taken.

    Parameters
    ----------
    xy : ndarray of float32, shape (n, 2)
        Positions of the sounds on the map; NaN ones are left out.
    """

    def __init__(self, xy: Float32Array) -> None:
        self._spacing = Spacing()
        self._spacing.occupy(xy[np.isfinite(xy).all(axis=1)])

    def place(self, new: Float32Array) -> Float32Array:
        """Place sounds and remember that their places are taken; shapes as in `Placer.place`."""
        return self._spacing.settle(self.target(new), exact=True)

    def target(self, new: Float32Array) -> Float32Array:
        """Where sounds belong, whether that spot is free or not."""
        return universal_xy(new)
