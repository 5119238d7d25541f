"""Giving a new sound its place on a map that stays as it is.

This module owns placing without fitting: a sound goes where its nearest neighbours in sound
stand. It must not move what is already on the map, nor import umap, numba or scikit-learn.
"""

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import LayoutError
from klustr_bridge.layout.neighbours import NeighbourIndex
from klustr_bridge.layout.spacing import Spacing
from klustr_bridge.types import Float32Array

N_NEIGHBOURS = 8
"""Sounds that say where a new one belongs. Measured with 1,000 of 4,574 drum sounds added, six times: of
the ten nearest on the map as many are of the same class as if all were fitted anew, .9996 over sounds and
.986 over classes (.991 and .961 for the median of five, 1.007 and .996 for ten neighbours; ten other draws
gave .986 and .987), and .914 as many are of the ten nearest in sound (.927 for the median of five, .874 for
ten neighbours)."""

N_TOGETHER = 3
"""Of them so many make up the spot, those that stand together in the middle: .999 and .983 for one alone."""

_MIDDLE = 0.5
_AT_ONCE = 16_384


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
    approximate_above : int, optional
        Number of sounds above which some of the nearest may be missed; as for `NeighbourIndex`.

    Raises
    ------
    LayoutError
        If the shapes don't fit or an embedding isn't finite.
    """

    def __init__(
        self,
        embeddings: Float32Array,
        xy: Float32Array,
        taken: Float32Array | None = None,
        *,
        approximate_above: int | None = None,
    ) -> None:
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
        self._index = (
            NeighbourIndex(embeddings[known], approximate_above=approximate_above) if known.any() else None
        )
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
            Positions in 0..1: of the eight nearest sounds (all where there are fewer, the middle of
            the map where there is none) the one that is nearest to all others on the map, and the
            two that stand nearest to it; the mean of these three, moved to the nearest spot at least
            `spacing.MIN_DISTANCE` from every other sound.

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
        target = np.empty((len(new), 2), dtype=np.float32)
        for start in range(0, len(new), _AT_ONCE):
            nearest = self._index.nearest(new[start : start + _AT_ONCE], N_NEIGHBOURS)
            places = self._xy[nearest.rows].astype(np.float64)
            target[start : start + _AT_ONCE] = _among_the_most_central(places)
        return target

    @staticmethod
    def _check_finite(embeddings: Float32Array) -> None:
        wrong = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
        if len(wrong):
            raise LayoutError(f"{len(wrong)} embeddings aren't finite, the first in row {wrong[0]}")


def _among_the_most_central(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """The medoid of each group of places, averaged with those nearest to it; (m, k, 2) to (m, 2).

    A place in a crowd rather than between two, where neither's sounds would be near. Equal ones: the first.
    """
    apart = np.linalg.norm(places[:, :, None] - places[:, None], axis=-1)
    medoid = apart.sum(axis=2).argmin(axis=1)
    from_medoid = np.take_along_axis(apart, medoid[:, None, None], axis=1)[:, 0]
    together = np.argsort(from_medoid, axis=1, kind="stable")[:, :N_TOGETHER]
    middle: NDArray[np.float64] = np.take_along_axis(places, together[:, :, None], axis=1).mean(axis=1)
    return middle
