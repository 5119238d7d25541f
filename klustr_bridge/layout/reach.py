"""Which sounds of a map a pad can reach.

This module owns the question whether some position of a pad of so many bits selects a sound: whether
the sound is nearest to it. It must not change a map.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.types import Float32Array

_ENUMERATED_BITS = 10
"""Up to so many bits all positions are tried: a million of them take 0.6 s among 100,000 sounds."""

_FIRST_NEIGHBOURS = 16
_ROUNDING = 1e-9
_AT_ONCE = 1 << 18

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]


def reachable(xy: Float32Array, bits: int) -> BoolArray:
    """Tell which sounds some position of a pad selects.

    Parameters
    ----------
    xy : ndarray of float32, shape (n, 2)
        Positions of the sounds, 0..1; n may be 0.
    bits : int
        Resolution of each axis, 1..14: its positions are 0, 1 / (2^bits - 1), ..., 1.

    Returns
    -------
    ndarray of bool, shape (n,)
        Exact: a sound is selected where it is the nearest; of several equally near, the first.

    Notes
    -----
    A sound is reached exactly if a position lies in its Voronoi cell. The four positions around it are
    tried first; for the few sounds that these don't reach the cell is cut out by the neighbours that
    can bound it, and every position in it is tried.
    """
    places: FloatArray = np.asarray(xy, dtype=np.float64)
    reached: BoolArray = np.zeros(len(places), dtype=np.bool_)
    if len(places) == 0:
        return reached
    last = 2**bits - 1
    search = _Nearest(places)
    if bits <= _ENUMERATED_BITS:
        for start in range(0, (last + 1) ** 2, _AT_ONCE):
            number = np.arange(start, min(start + _AT_ONCE, (last + 1) ** 2))
            reached[search.first(np.stack([number % (last + 1), number // (last + 1)], axis=1) / last)] = True
        return reached
    low = np.floor(places * last)
    for corner in ((0, 0), (1, 0), (0, 1), (1, 1)):
        reached[search.first(np.minimum(low + corner, last) / last)] = True
    for row in np.flatnonzero(~reached).tolist():
        if search.is_first_there(row):
            reached[row] = any(
                (search.first(column) == row).any() for column in _positions(search.cell(row), last)
            )
    return reached


class _Nearest:
    def __init__(self, xy: FloatArray) -> None:
        from scipy.spatial import cKDTree

        # equal positions: only the first of them can ever be selected
        self._places, self._rows = np.unique(xy, axis=0, return_index=True)
        self._first_row = dict(zip(map(tuple, self._places.tolist()), self._rows.tolist(), strict=True))
        self._xy = xy
        self._tree = cKDTree(self._places)

    def first(self, points: FloatArray) -> NDArray[np.intp]:
        """Row that each point selects."""
        k = min(2, len(self._places))
        found = np.asarray(self._tree.query(points, k=list(range(1, k + 1)))[1])
        squares = self._squares(points[:, None], found)
        rows: NDArray[np.intp] = self._rows[found[:, 0]]
        for at in np.flatnonzero(squares[:, 0] >= squares[:, -1] * (1 - _ROUNDING)):
            radius = np.sqrt(squares[at].max()) * (1 + _ROUNDING)
            near = np.array(self._tree.query_ball_point(points[at], radius))
            apart = self._squares(points[at], near)
            rows[at] = self._rows[near[apart == apart.min()]].min()
        return rows

    def is_first_there(self, row: int) -> bool:
        """Whether no earlier sound has the very same position."""
        return bool(self._first_row[tuple(self._xy[row].tolist())] == row)

    def cell(self, row: int) -> FloatArray:
        """Corners of a sound's Voronoi cell within the square, in order; a little too large."""
        own = self._xy[row]
        k = min(_FIRST_NEIGHBOURS, len(self._places))
        while True:
            apart, others = self._tree.query(own, k=list(range(1, k + 1)))
            corners: FloatArray = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float64)
            for other in self._places[np.asarray(others)[1:]]:
                corners = _cut(corners, own, other)
            reach = np.linalg.norm(corners - own, axis=1).max()
            if k == len(self._places) or apart[-1] > 2 * reach:
                return corners
            k = min(4 * k, len(self._places))

    def _squares(self, points: FloatArray, places: NDArray[np.intp]) -> FloatArray:
        return np.asarray(np.square(self._places[places] - points).sum(axis=-1))


def _cut(corners: FloatArray, own: FloatArray, other: FloatArray) -> FloatArray:
    """Keep what is nearer to one place than to another of a convex polygon."""
    across = other - own
    distance = np.linalg.norm(across)
    beyond = (corners - (own + other) / 2) @ (across / distance) - _ROUNDING
    if (beyond <= 0).all():
        return corners
    kept: list[FloatArray] = []
    for at in range(len(corners)):
        before = at - 1
        if (beyond[before] <= 0) != (beyond[at] <= 0):
            share = beyond[before] / (beyond[before] - beyond[at])
            kept.append(corners[before] + share * (corners[at] - corners[before]))
        if beyond[at] <= 0:
            kept.append(corners[at])
    return np.array(kept)


def _positions(corners: FloatArray, last: int) -> Iterator[FloatArray]:
    """Positions of a pad within a convex polygon, those of one column at a time."""
    left, right = corners[:, 0].min() * last, corners[:, 0].max() * last
    ends = np.roll(corners, -1, axis=0)
    for column in range(int(np.ceil(left - _ROUNDING)), int(np.floor(right + _ROUNDING)) + 1):
        x = column / last
        heights: list[float] = []
        for (x0, y0), (x1, y1) in zip(corners.tolist(), ends.tolist(), strict=True):
            if min(x0, x1) - _ROUNDING <= x <= max(x0, x1) + _ROUNDING:
                share = (x - x0) / (x1 - x0) if abs(x1 - x0) > _ROUNDING else 0.0
                heights += [y0 + min(max(share, 0.0), 1.0) * (y1 - y0)]
                if abs(x1 - x0) <= _ROUNDING:
                    heights.append(y1)
        if not heights:
            continue
        first = max(int(np.ceil(min(heights) * last - 1e-6)), 0)
        until = min(int(np.floor(max(heights) * last + 1e-6)), last)
        if first <= until:
            rows = np.arange(first, until + 1)
            yield np.stack([np.full(len(rows), x), rows / last], axis=1)
