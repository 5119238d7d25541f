"""The even view of a map: every sound has a cell of a square lattice of its own.

This module owns the way from the natural positions of a map to even ones, where density is equalised
so that a coarse pad can reach every sound, and the cells that new sounds get. It must not know what
sounds are like: neighbours on the natural map are all it goes by.

The lattice has at least 128 cells a side, one for each position of a 7-bit pad, and a third of them
are free after a fit. Few sounds stand far apart on it, evenly; those that come later go in between.
"""

import math

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.layout.spacing import Spacing
from klustr_bridge.types import Float32Array

LEAST_SIDE = 128
"""Position i of a 7-bit pad, i / 127, lies in cell i of 128: each cell has a position of its own."""

SLACK = 1.5
"""Cells for each sound of a fit, at least: 10,922 sounds have 128 cells a side."""

SUBDIVIDED = 3
"""A full lattice is made finer by this: the middles of its cells are middles of cells again."""

N_NEIGHBOURS = 5

_MIDDLE = 0.5

IntArray = NDArray[np.int64]


def lattice_side(n_sounds: int) -> int:
    """Cells along one side of the lattice for a fit of so many sounds: 128, 256, 512, ..."""
    side = LEAST_SIDE
    while side**2 < SLACK * n_sounds:
        side *= 2
    return side


def even_positions(xy: Float32Array) -> Float32Array:
    """Spread the sounds of a map evenly, each into a cell of its own.

    Parameters
    ----------
    xy : ndarray of float32, shape (n, 2)
        Natural positions; n may be 0.

    Returns
    -------
    ndarray of float32, shape (n, 2)
        Middles of different cells of a lattice of `lattice_side` (n) cells a side, in 0..1. Permuted
        input gives equally permuted output, as long as no two positions are equal; equal ones stand
        side by side, in the order of their rows.

    Notes
    -----
    The square is halved again and again, now across and now up, and the sounds in it at the median,
    until every part is one cell of the smallest square lattice with room for all. That one's middles go to
    the nearest cells of the finer lattice. Measured on the t-SNE map of 4,574 drum sounds: share of the ten
    neighbours on the natural map that are kept, trustworthiness towards that map and towards the embedding,
    how many of the ten nearest outside of a sound's own collection are of its class, and seconds:

    =======================================================  ====  =====  =========  =====  =====
    spread                                                   kept  map    embedding  class  s
    =======================================================  ====  =====  =========  =====  =====
    the natural map                                                       .993       .501
    halved, 68 x 68 cells                                    .490  .993   .965       .415   0.01
    then 16 x 16 cells at a time by the least squared moves  .490  .995   .964       .421   0.4
    all cells at once by the least squared moves             .497  .995   .965       .422   16
    halved, then drawn to ten neighbours on the map          .537  .992   .959       .410   2.8
    halved, then drawn to ten neighbours in sound            .313  .970   .923       .360   3.9
    columns of equal number, each by height                  .266  .914   .888       .310   0.01
    halved, on 128 x 128 cells, as here                      .461  .991   .958       .406   0.01
    halved down to 128 x 128 cells                           .486  .993   .962       .415   0.01
    =======================================================  ====  =====  =========  =====  =====

    The last keeps a little more, but is less even: of 300 of these sounds the one with the least room has
    .37 of the mean, here .87. 100,000 sounds take 0.1 s, a million 1.2 s.
    """
    n_sounds = len(xy)
    if n_sounds == 0:
        return np.empty((0, 2), dtype=np.float32)
    compact = math.isqrt(n_sounds - 1) + 1
    side = lattice_side(n_sounds)
    cells = ((2 * _halved(xy, compact) + 1) * side) // (2 * compact)
    return np.asarray((cells + 0.5) / side, dtype=np.float32)


def _halved(xy: Float32Array, side: int) -> IntArray:
    """Columns and rows, all different, on a lattice of `side` cells a side with room for all."""
    n_sounds = len(xy)
    rank = np.empty((2, n_sounds), dtype=np.int64)
    rank[0, np.lexsort((xy[:, 1], xy[:, 0]))] = np.arange(n_sounds)
    rank[1, np.lexsort((xy[:, 0], xy[:, 1]))] = np.arange(n_sounds)
    order = np.arange(n_sounds)
    corner, extent = np.zeros((1, 2), dtype=np.int64), np.full((1, 2), side, dtype=np.int64)
    count = np.array([n_sounds])
    while (extent > 1).any():
        axis = (extent[:, 1] > extent[:, 0]).astype(np.int64)
        part = np.repeat(np.arange(len(count)), count)
        order = order[np.argsort(part * n_sounds + rank[axis[part], order])]
        across = axis[:, None] == np.arange(2)
        length, width = extent[across], extent[~across]
        first = length // 2
        least, most = count - (length - first) * width, first * width
        n_first = np.clip(np.rint(count * first / length).astype(np.int64), np.maximum(least, 0), most)
        begin = np.where(across, first[:, None], 0)
        halves = (extent * ~across + begin, extent - begin)
        corner = _alternate(corner, corner + begin)
        extent = _alternate(*halves)
        count = _alternate(n_first, count - n_first)
        corner, extent, count = corner[count > 0], extent[count > 0], count[count > 0]
    cells = np.empty((n_sounds, 2), dtype=np.int64)
    cells[order] = corner
    return cells


def _alternate(first: IntArray, second: IntArray) -> IntArray:
    """Rows of two arrays in turn."""
    return np.stack([first, second], axis=1).reshape(-1, *first.shape[1:])


class EvenPlacer:
    """An even view that takes in new sounds, while those on it stay where they are.

    Parameters
    ----------
    xy : ndarray of float32, shape (n, 2)
        Natural positions; n may be 0.
    even : ndarray of float32, shape (n, 2)
        Even positions of the same sounds. Sounds where either is NaN are left out.
    side : int
        Cells along one side of the lattice of the fit, at least 1. It is subdivided until not every
        cell is taken.
    """

    def __init__(self, xy: Float32Array, even: Float32Array, side: int) -> None:
        from scipy.spatial import cKDTree

        known = np.isfinite(xy).all(axis=1) & np.isfinite(even).all(axis=1)
        self._even = np.asarray(even, dtype=np.float32)[known]
        self._tree = cKDTree(xy[known]) if known.any() else None
        self._spacing = Spacing(side)
        self._spacing.occupy(self._even)
        while self._spacing.n_free == 0:
            side *= SUBDIVIDED
            self._spacing = Spacing(side)
            self._spacing.occupy(self._even)
        self.side = side

    def place(self, xy: Float32Array) -> Float32Array:
        """Give sounds cells, in turn, and remember that these are taken.

        Parameters
        ----------
        xy : ndarray of float32, shape (m, 2)
            Their natural positions.

        Returns
        -------
        ndarray of float32, shape (m, 2)
            Middles of free cells nearest to the coordinate-wise median of the even positions of the five
            nearest sounds on the natural map (of all where there are fewer, the middle of the view where
            there is none). NaN once no cell is free.
        """
        even = np.full((len(xy), 2), np.nan, dtype=np.float32)
        n_placed = min(len(xy), self._spacing.n_free)
        if n_placed:
            even[:n_placed] = self._spacing.settle(self._target(xy[:n_placed]))
        return even

    def _target(self, xy: Float32Array) -> Float32Array:
        if self._tree is None:
            return np.full((len(xy), 2), _MIDDLE, dtype=np.float32)
        k = min(N_NEIGHBOURS, len(self._even))
        rows = np.asarray(self._tree.query(xy, k=list(range(1, k + 1)))[1])
        return np.asarray(np.median(self._even[rows], axis=1), dtype=np.float32)
