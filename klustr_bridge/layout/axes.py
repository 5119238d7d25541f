"""A map whose axes mean something: two descriptors of the sounds, each spread over the whole width.

This module owns the method ``axes-X-Y``: making such a map, and placing on it. It must not know engines,
nor look at neighbours: a sound's place follows from its own two numbers.

References
----------
Schwarz, D., Beller, G., Verbrugghe, B., & Britton, S. (2006). Real-time corpus-based concatenative synthesis
with CataRT. DAFx-06: sounds in a plane of two descriptors.
"""

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import LayoutError
from klustr_bridge.layout.scale import EDGE
from klustr_bridge.layout.spacing import Spacing
from klustr_bridge.sound.aspects import DESCRIPTORS
from klustr_bridge.types import Float32Array

__all__ = ["AXES", "AxesPlacer", "axes_method", "axes_of", "axes_positions"]

AXES = "axes"
_MIDDLE = 0.5


def axes_method(x: str, y: str) -> str:
    """Name the method that lays out by two descriptors."""
    return f"{AXES}-{x}-{y}"


def axes_of(method: str) -> tuple[str, str] | None:
    """The two descriptors of a method, None for a method of another kind."""
    kind, *names = method.split("-")
    if kind != AXES or len(names) != 2 or not all(name in DESCRIPTORS for name in names):
        return None
    return names[0], names[1]


def axes_positions(embeddings: Float32Array, method: str) -> Float32Array:
    """Lay sounds out by two descriptors.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (n, EMBEDDING_SIZE)
    method : str
        As `axes_method` names it.

    Returns
    -------
    ndarray of float32, shape (n, 2)
        On each axis sounds are in the order of their descriptor, as many on one stretch as on any other
        of its length; those with the same value have the same coordinate. Within EDGE and 1 - EDGE.

    Raises
    ------
    LayoutError
        If the embeddings have no such descriptors.
    """
    return np.column_stack([_spread(values) for values in _values(embeddings, method)]).astype(np.float32)


class AxesPlacer:
    """A map of two descriptors that takes in new sounds, among the values that are there.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (n, EMBEDDING_SIZE)
        Of the sounds on the map; n may be 0.
    xy : ndarray of float32, shape (n, 2)
        Their positions; sounds whose position is NaN are left out.
    method : str
        As `axes_method` names it.
    """

    def __init__(self, embeddings: Float32Array, xy: Float32Array, method: str) -> None:
        self._method = method
        known = np.isfinite(xy).all(axis=1)
        self._scales = [
            _Scale(values[known], xy[known, axis]) for axis, values in enumerate(_values(embeddings, method))
        ]
        self._spacing = Spacing()
        self._spacing.occupy(xy[known])

    def place(self, new: Float32Array) -> Float32Array:
        """Place sounds and remember that their places are taken; shapes as in `Placer.place`."""
        return self._spacing.settle(self.target(new))

    def target(self, new: Float32Array) -> Float32Array:
        """Where sounds belong by their own two numbers, whether that spot is free or not."""
        if len(new) == 0:
            return np.empty((0, 2), dtype=np.float32)
        both = zip(self._scales, _values(new, self._method), strict=True)
        return np.column_stack([scale.at(values) for scale, values in both]).astype(np.float32)


class _Scale:
    """The way from a descriptor's value to a coordinate: rising, through all known sounds."""

    def __init__(self, values: NDArray[np.float64], coordinates: Float32Array) -> None:
        order = np.lexsort((coordinates, values))
        self._values, first = np.unique(values[order], return_index=True)
        # A sound that found its spot taken stands a hair's breadth beside it.
        rising = np.maximum.accumulate(coordinates[order].astype(np.float64))
        self._coordinates = rising[first]

    def at(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        if not len(self._values):
            return np.full(len(values), _MIDDLE)
        return np.interp(values, self._values, self._coordinates)


def _values(embeddings: Float32Array, method: str) -> list[NDArray[np.float64]]:
    names = axes_of(method)
    if names is None:
        raise LayoutError(f"{method!r} is no layout by two of {', '.join(DESCRIPTORS)}")
    columns = [DESCRIPTORS[name] for name in names]
    if embeddings.shape[1] <= max(columns) and len(embeddings):
        raise LayoutError(f"embeddings of {embeddings.shape[1]} numbers don't tell {' and '.join(names)}")
    if not len(embeddings):
        return [np.empty(0), np.empty(0)]
    return [embeddings[:, column].astype(np.float64) for column in columns]


def _spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The middle of each value's rank, as a share of all, between the edges."""
    _, value, counts = np.unique(values, return_inverse=True, return_counts=True)
    if len(counts) < 2:
        return np.full(len(values), _MIDDLE)
    middle = np.cumsum(counts) - counts / 2.0
    share = (middle - middle[0]) / (middle[-1] - middle[0])
    spread: NDArray[np.float64] = EDGE + (1.0 - 2.0 * EDGE) * share[value.reshape(-1)]
    return spread
