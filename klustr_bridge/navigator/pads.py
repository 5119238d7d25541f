"""Sounds of the map on a grid of pads, so that neighbours stay neighbours.

This module owns which sounds get a pad, and which one; it knows places on the map and no client. Its work
takes 4 ms for 8 x 8 pads and 100,000 sounds, 70 ms for 32 x 32: it is for a thread beside the event loop.
"""

import numpy as np
from numpy.typing import NDArray

# Not in the function: importing it takes 40 ms, and done in a thread it would hold up the event loop for 6.
from scipy.optimize import linear_sum_assignment

from klustr_bridge.corpus import Corpus, Selection
from klustr_bridge.types import Float32Array

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_MOST_CONSIDERED = 8192
"""Of more sounds only so many, evenly by rows: 8 for each of 32 x 32 pads. Neighbours are kept as well."""


def sounds_on_pads(
    corpus: Corpus,
    view: str,
    selection: Selection | None,
    columns: int,
    rows: int,
    region: tuple[float, float, float] | None,
) -> list[tuple[int, int, int]]:
    """Lay the sounds of a region out on a grid of pads; see `lay_on_pads`.

    Parameters
    ----------
    corpus : Corpus
        The library.
    view : str
        The view of the map that the places are taken from.
    selection : Selection, optional
        What may be chosen; everything by default.
    columns, rows : int
        Size of the grid, at least 1 each.
    region : tuple of three floats, optional
        x and y of the middle of a circle, and its radius; the whole map by default.

    Returns
    -------
    list of tuple of three ints
        Column and row on the grid and the sound's row in the corpus: from the lower left, row by row.
    """
    places = corpus.places(view)
    inside = places.placed if selection is None else places.placed & selection.sound
    if region is not None:
        apart = places.xy - np.array(region[:2], np.float32)
        inside = inside & (np.square(apart).sum(axis=1) <= np.float32(region[2] ** 2))
    found = np.flatnonzero(inside)
    if len(found) > _MOST_CONSIDERED:
        found = found[np.arange(_MOST_CONSIDERED) * len(found) // _MOST_CONSIDERED]
    index, pads = lay_on_pads(places.xy[found], columns, rows)
    return [
        (column, row, sound)
        for (column, row), sound in zip(pads.tolist(), found[index].tolist(), strict=True)
    ]


def lay_on_pads(xy: Float32Array, columns: int, rows: int) -> tuple[IntArray, IntArray]:
    """Choose sounds for a grid of pads and give each of them one.

    Parameters
    ----------
    xy : ndarray of float32, shape (n, 2)
        Places on the map.
    columns, rows : int
        Size of the grid, at least 1 each.

    Returns
    -------
    index : ndarray of int, shape (k,)
        Which of the places have a pad: all of them if there are pads enough, else as many as there are pads.
    pads : ndarray of int, shape (k, 2)
        Column and row of each, row by row from the lower left on. Fewer sounds than pads lie together in the
        lower left corner, in a block of the grid's proportions: a player finds no holes between them.

    Notes
    -----
    If there are more places than pads, they are halved at the median, across the longer side of what they
    cover, until there is a group for each pad; the one nearest to the middle of its group stands for it. So
    all of the region is heard, and crowds in proportion.

    Each coordinate is then replaced by its rank, so that neither crowds nor gaps matter, and the pads are
    given out so that the sum of the squared distances between sounds and pads is as small as it can be. Of
    4,574 drum sounds on 8 x 8 pads, of the four nearest on the map 84 % lie on pads that touch, 75 % where
    sounds are sorted into rows by height and within them from left to right; on 16 x 16 pads 75 and 51 %, on
    8 x 8 pads of circles of radius 0.2 73 and 59 % (``python -m benchmarks exploring``). Scaling the region
    to the grid instead of ranks was as good; k-means instead of halving was no better, and slower.
    """
    index = representatives(xy, columns * rows)
    width, height = block(len(index), columns, rows)
    pads = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 2)
    across, up = _rank(xy[index, 0]) * width - 0.5, _rank(xy[index, 1]) * height - 0.5
    squares = np.square(np.subtract.outer(across, pads[:, 0])) + np.square(np.subtract.outer(up, pads[:, 1]))
    sounds, chosen = linear_sum_assignment(squares)
    by_pad = np.argsort(chosen)
    return index[sounds[by_pad]], pads[chosen[by_pad]]


def representatives(xy: Float32Array, k: int) -> IntArray:
    """Choose at most `k` of some places so that together they cover what all of them cover.

    Parameters
    ----------
    xy : ndarray of float32, shape (n, 2)
        Places.
    k : int
        How many at most, at least 1.

    Returns
    -------
    ndarray of int, shape (min(n, k),)
        Rising indices.
    """
    if len(xy) <= k:
        return np.arange(len(xy))
    order = np.arange(len(xy))  # the groups stand in it one after another
    starts, wanted = np.zeros(1, np.intp), np.full(1, k)
    while True:
        sizes = np.diff(starts, append=len(xy))
        group, places = np.repeat(np.arange(len(starts)), sizes), xy[order].astype(np.float64)
        if len(starts) == k:
            middles = np.add.reduceat(places, starts) / sizes[:, np.newaxis]
            from_middle = np.square(places - middles[group]).sum(axis=1)
            return np.sort(order[np.lexsort((from_middle, group))][starts])
        extent = np.maximum.reduceat(places, starts) - np.minimum.reduceat(places, starts)
        along = np.where(extent[group, 0] >= extent[group, 1], places[:, 0], places[:, 1])
        order = order[np.lexsort((along, group))]
        halves = np.where(wanted > 1, wanted // 2, wanted)
        cut = (starts + sizes * halves // wanted)[wanted > 1]
        first_of_all = np.argsort(np.concatenate([starts, cut]))
        wanted = np.concatenate([halves, (wanted - halves)[wanted > 1]])[first_of_all]
        starts = np.concatenate([starts, cut])[first_of_all]


def block(n: int, columns: int, rows: int) -> tuple[int, int]:
    """Columns and rows of the smallest part of a grid that has its proportions and `n` pads, or all pads."""
    if n >= columns * rows:
        return columns, rows
    width = max(1, int(np.ceil(columns * np.sqrt(n / (columns * rows)) - 1e-9)))
    height = -(-n // width)
    return (-(-n // height) if height else 0), height


def _rank(values: Float32Array) -> FloatArray:
    """Share of the values that are smaller, those that are equal counted half: 0..1."""
    ordered = np.sort(values)
    smaller, not_larger = np.searchsorted(ordered, values), np.searchsorted(ordered, values, side="right")
    rank: FloatArray = (smaller + not_larger) / (2 * max(1, len(values)))
    return rank
