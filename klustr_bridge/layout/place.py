"""Giving a new sound its place on a map that stays as it is.

This module owns placing without fitting: a sound goes where its nearest neighbours in sound
stand. It must not move what is already on the map, nor import umap, numba or scikit-learn.
"""

import numpy as np

from klustr_bridge.errors import LayoutError
from klustr_bridge.layout.neighbours import NeighbourIndex
from klustr_bridge.layout.spacing import Spacing
from klustr_bridge.types import Float32Array

N_NEIGHBOURS = 5
"""Measured on drum sounds: the median of five keeps neighbours as well as a new fit does."""

_MIDDLE = 0.5


class Placer:
    """A map that takes in new sounds.

    The map's own sounds are the only ones that new sounds are placed by; what was placed before
    just can't be landed on. So where a sound belongs depends neither on the other new sounds nor
    on how they are split into batches. Only which of several sounds that belong to the very same
    spot gets it, and which stand a hair's breadth (1/4096 of the map) beside it, is decided by
    who comes first.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (n, d)
        Of the sounds on the map; n may be 0.
    xy : ndarray of float32, shape (n, 2)
        Their positions in 0..1. Sounds whose position is NaN are left out.
    taken : ndarray of float32, shape (m, 2), optional
        Further positions that no new sound may land on.

    Raises
    ------
    LayoutError
        If the shapes don't fit or an embedding isn't finite.
    """

    def __init__(self, embeddings: Float32Array, xy: Float32Array, taken: Float32Array | None = None) -> None:
        embeddings = np.asarray(embeddings, dtype=np.float32)
        xy = np.asarray(xy, dtype=np.float32)
        if embeddings.ndim != 2 or xy.shape != (len(embeddings), 2):
            raise LayoutError(
                f"embeddings of shape {embeddings.shape} and positions of shape {xy.shape} don't belong "
                "together; needed: (n, d) and (n, 2)"
            )
        known = np.isfinite(xy).all(axis=1)
        self._xy = xy[known]
        self._n_dims = embeddings.shape[1]
        self._check_finite(embeddings[known])
        self._index = NeighbourIndex(embeddings[known]) if known.any() else None
        self._spacing = Spacing()
        self._spacing.occupy(self._xy)
        if taken is not None:
            self._spacing.occupy(taken[np.isfinite(taken).all(axis=1)])

    def place(self, new: Float32Array) -> Float32Array:
        """Place sounds and remember that their places are taken.

        Parameters
        ----------
        new : ndarray of float32, shape (m, d)
            Embeddings.

        Returns
        -------
        ndarray of float32, shape (m, 2)
            Positions in 0..1: the coordinate-wise median of the five nearest sounds on the map (of
            all where there are fewer, the middle of the map where there is none), moved to the
            nearest spot at least `spacing.MIN_DISTANCE` from every other sound.

        Raises
        ------
        LayoutError
            If the embeddings have another size than those on the map, or aren't finite.
        """
        new = np.asarray(new, dtype=np.float32)
        if len(new) == 0:
            return np.empty((0, 2), dtype=np.float32)
        if new.ndim != 2 or (self._index is not None and new.shape[1] != self._n_dims):
            raise LayoutError(
                f"can't place embeddings of shape {new.shape} on a map of (n, {self._n_dims}) embeddings"
            )
        self._check_finite(new)
        return self._spacing.settle(self.target(new))

    def target(self, new: Float32Array) -> Float32Array:
        """Return where sounds belong, whether that spot is free or not; shapes as in `place`."""
        if self._index is None:
            return np.full((len(new), 2), _MIDDLE, dtype=np.float32)
        nearest = self._index.nearest(new, N_NEIGHBOURS)
        return np.asarray(np.median(self._xy[nearest.rows], axis=1), dtype=np.float32)

    @staticmethod
    def _check_finite(embeddings: Float32Array) -> None:
        wrong = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
        if len(wrong):
            raise LayoutError(f"{len(wrong)} embeddings aren't finite, the first in row {wrong[0]}")
