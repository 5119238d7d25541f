"""What places new sounds on the map in force, in both of its views.

Owns the choice of that, by the method that made the map and what the sounds' embeddings are. Nothing on the
map is moved here.
"""

import numpy as np

from klustr_bridge.layout.axes import AxesPlacer, axes_of
from klustr_bridge.layout.even import EvenPlacer
from klustr_bridge.layout.fit import GRID
from klustr_bridge.layout.place import Placer
from klustr_bridge.layout.universal import UNIVERSAL, UniversalPlacer
from klustr_bridge.types import Float32Array

__all__ = ["MapPlacer", "placer_of"]


class MapPlacer:
    """Places new sounds on an epoch, in the natural and in the even view.

    Their embeddings have `size` numbers.
    """

    def __init__(self, natural: Placer | AxesPlacer | UniversalPlacer, even: EvenPlacer, size: int) -> None:
        self._natural = natural
        self.even = even
        self.size = size

    def place(self, new: Float32Array) -> Float32Array:
        """Positions of new sounds, shape (m, 4); the even one is NaN where every cell is taken."""
        xy = self._natural.place(new)
        return np.hstack([xy, self.even.place(xy)])


class _GridPlacer(MapPlacer):
    """Places new sounds on a map that is the lattice of the even view itself."""

    def __init__(self, natural: Placer, even: EvenPlacer, size: int) -> None:
        super().__init__(natural, even, size)
        self._like = natural

    def place(self, new: Float32Array) -> Float32Array:
        """Free cells, the same in both views; where every cell is taken, places between them."""
        even = self.even.place(self._like.target(new))
        natural = even.copy()
        lacking = ~np.isfinite(even[:, 0])
        natural[lacking] = self._like.place(new[lacking])
        return np.hstack([natural, even])


def placer_of(
    method: str, embeddings: Float32Array, xy: Float32Array, even: EvenPlacer, *, is_learned: bool
) -> MapPlacer:
    """Make what places new sounds on a map.

    Parameters
    ----------
    method : str
        `Layout.method` of its fit.
    embeddings : ndarray of float32, shape (n, d)
        Of the sounds on it.
    xy : ndarray of float32, shape (n, 2)
        Their natural positions.
    even : EvenPlacer
        Its even view.
    is_learned : bool
        Whether rows hold what the learned ear hears; without it those of a universal map are placed among
        their neighbours.
    """
    size = embeddings.shape[1]
    if method == UNIVERSAL and is_learned:
        return MapPlacer(UniversalPlacer(xy), even, size)
    if axes_of(method) is not None:
        return MapPlacer(AxesPlacer(embeddings, xy, method), even, size)
    return (_GridPlacer if method == GRID else MapPlacer)(Placer(embeddings, xy), even, size)
