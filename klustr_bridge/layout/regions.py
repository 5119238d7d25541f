"""How well a map keeps the kinds of sounds together, and what the regions look like that they fill.

This module owns the measures of a map that need kinds. It must not know where kinds come from; kinds that
were heard are told from the embedding, and a map judged by them would be judged by itself.

A kind's *hull* is the convex hull of its sounds without the tenth of them that stands loneliest. The area
of the union of hulls is found exactly, strip by strip: convex polygons need neither a lattice for that nor
another library.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.layout.neighbours import NeighbourIndex
from klustr_bridge.layout.quality import EXACT_LIMIT, N_NEIGHBOURS
from klustr_bridge.types import Float32Array

UNKNOWN = 0
"""Code of a sound of no known kind."""

LEAST_OF_A_HULL = 10
"""Sounds of a kind below which a hull tells nothing about it."""

_SAMPLE_OF_PAIRS = 3_000
_LONELY_SHARE = 0.1
_COMPANIONS = 5
_LINE = 1e-6
"""Roundness below which sounds stand on one line: rounding to float32 gives it up to 2e-7."""

Codes = NDArray[np.integer]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class KindPrecision:
    """Share of the nearest sounds that are of the same kind, 0..1.

    Attributes
    ----------
    over_sounds : float
        Every sound counts the same.
    over_kinds : float
        Every kind counts the same.
    """

    over_sounds: float
    over_kinds: float


@dataclass(frozen=True, slots=True)
class HullScores:
    """What the hulls of the kinds tell.

    Attributes
    ----------
    roundness : float
        0..1, 1 for circles: mean over the kinds of 4 pi A / P^2.
    overlap : float
        Area of the union of the hulls over the sum of their areas: 1 where no two overlap, down to 1 / n
        where all n cover the same ground.
    overlap_in_outer_hull : float
        Area of the hull around all of them over the same sum: also above 1, since it counts the gaps.
    """

    roundness: float
    overlap: float
    overlap_in_outer_hull: float


def kind_precision(
    points: Float32Array, kinds: Codes, k: int = N_NEIGHBOURS, sample: int = 1000, seed: int = 0
) -> KindPrecision | None:
    """Find how many of the nearest sounds are of the same kind, on a map or in the embedding.

    Parameters
    ----------
    points : ndarray of float32, shape (n, d)
        Positions or embeddings.
    kinds : ndarray of int, shape (n,)
        0 is unknown: such sounds are neither asked nor counted.
    k : int
        Neighbours looked at.
    sample : int
        Sounds asked about where there are more than 2,000 to ask; neighbours are searched among all known.
    seed : int
        Of the sample.

    Returns
    -------
    KindPrecision or None
        None where no kind has more than k sounds: those of smaller ones could never have k neighbours of
        their kind, and aren't asked.
    """
    known = kinds != UNKNOWN
    points, kinds = np.ascontiguousarray(points[known], dtype=np.float32), kinds[known]
    _, code, count = np.unique(kinds, return_inverse=True, return_counts=True)
    asked = np.flatnonzero(count[code] > k)
    if not len(asked):
        return None
    if len(asked) > max(EXACT_LIMIT, sample):
        asked = np.sort(np.random.default_rng(seed).choice(asked, size=sample, replace=False))
    nearest = NeighbourIndex(points).nearest_others(k, asked).rows
    share = (code[nearest] == code[asked, None]).mean(axis=1)
    means = [share[code[asked] == one].mean() for one in np.unique(code[asked])]
    return KindPrecision(float(share.mean()), float(np.mean(means)))


def silhouette(xy: Float32Array, kinds: Codes, sample: int = _SAMPLE_OF_PAIRS, seed: int = 0) -> float | None:
    """How much nearer sounds stand to their own kind than to the next one, on average.

    Parameters
    ----------
    xy : ndarray of float32, shape (n, 2)
    kinds : ndarray of int, shape (n,)
        0 is unknown: such sounds don't count.
    sample : int
        Of more known sounds so many are drawn, and compared with each other.
    seed : int
        Of the sample.

    Returns
    -------
    float or None
        -1..1; None where fewer than two kinds are known, or none has two sounds.

    References
    ----------
    P. J. Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster
    analysis", Journal of Computational and Applied Mathematics 20 (1987).
    """
    known = np.flatnonzero(kinds != UNKNOWN)
    if len(known) > sample:
        known = np.sort(np.random.default_rng(seed).choice(known, size=sample, replace=False))
    names, code, count = np.unique(kinds[known], return_inverse=True, return_counts=True)
    if len(names) < 2 or count.max() < 2:
        return None
    places = np.asarray(xy[known], dtype=np.float64)
    is_of = (code[:, None] == np.arange(len(names))).astype(np.float64)
    sums = np.empty_like(is_of)
    for start in range(0, len(places), 500):
        apart = places[start : start + 500, None] - places
        sums[start : start + 500] = np.sqrt(np.einsum("ijk,ijk->ij", apart, apart)) @ is_of
    own = sums[np.arange(len(code)), code] / np.maximum(count[code] - 1, 1)
    means = np.where(is_of > 0, np.inf, sums / count)
    other = means.min(axis=1)
    largest = np.maximum(own, other)
    value = np.divide(other - own, largest, out=np.zeros_like(own), where=largest > 0)
    value[count[code] == 1] = 0.0  # alone of its kind: neither well nor badly placed
    return float(value.mean())


def hull_scores(xy: Float32Array, kinds: Codes) -> HullScores | None:
    """Measure the hulls of the kinds.

    Parameters
    ----------
    xy : ndarray of float32, shape (n, 2)
    kinds : ndarray of int, shape (n,)
        0 is unknown: such sounds don't count, nor do kinds of fewer than ten sounds.

    Returns
    -------
    HullScores or None
        None where no kind has a hull with an area.

    References
    ----------
    D. D. Polsby and R. D. Popper, "The third criterion: compactness as a procedural safeguard against
    partisan gerrymandering", Yale Law & Policy Review 9 (1991): roundness.
    L. Hantrakul and A. Sarwate, "klustr: a tool for dimensionality reduction and visualization of large
    audio datasets" (2017): scores of roundness and overlap; the overlap with an outer hull is theirs as
    far as it is known.
    """
    hulls = []
    for kind in np.unique(kinds[kinds != UNKNOWN]):
        of_kind = kinds == kind
        if of_kind.sum() >= LEAST_OF_A_HULL:
            hulls.append(convex_hull(_in_company(np.asarray(xy[of_kind], dtype=np.float64))))
    measured = [(roundness(hull), hull) for hull in hulls]
    hulls = [hull for share, hull in measured if share > _LINE]
    if not hulls:
        return None
    total = sum(map(area, hulls))
    return HullScores(
        float(np.mean([share for share, _ in measured if share > _LINE])),
        union_area(hulls) / total,
        area(convex_hull(np.concatenate(hulls))) / total,
    )


def _in_company(places: FloatArray) -> FloatArray:
    """Leave out the tenth whose fifth neighbour of their kind is farthest.

    Cutting by the distance from the middle instead would make every hull round.
    """
    from scipy.spatial import cKDTree

    loneliness = np.asarray(cKDTree(places).query(places, k=_COMPANIONS + 1)[0])[:, -1]
    n_kept = len(places) - int(_LONELY_SHARE * len(places))
    return np.asarray(places[np.argsort(loneliness, kind="stable")[:n_kept]])


def convex_hull(places: FloatArray) -> FloatArray:
    """Corners of the convex hull, anticlockwise, shape (m, 2); none where all stand on one line."""
    from scipy.spatial import ConvexHull, QhullError

    different = np.unique(places, axis=0)
    if len(different) < 3:
        return np.empty((0, 2))
    try:
        return np.asarray(different[ConvexHull(different).vertices])
    except QhullError:  # on one line
        return np.empty((0, 2))


def area(corners: FloatArray) -> float:
    """Area of a polygon by its corners in order, shape (m, 2)."""
    if len(corners) < 3:
        return 0.0
    (x, y), (next_x, next_y) = (corners - corners[0]).T, (np.roll(corners, -1, axis=0) - corners[0]).T
    return float(abs((x * next_y - next_x * y).sum()) / 2)


def roundness(corners: FloatArray) -> float:
    """4 pi A / P^2 of a polygon: 1 for a circle, 0 without an area."""
    perimeter = float(np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1).sum())
    return 4 * np.pi * area(corners) / perimeter**2 if perimeter > 0 else 0.0


def union_area(polygons: list[FloatArray]) -> float:
    """Area that convex polygons cover together.

    Parameters
    ----------
    polygons : list of ndarray, shape (m, 2)
        Corners in order.

    Returns
    -------
    float
        Exact to rounding: between two neighbouring corners or crossings of edges nothing bends, so the
        height covered there is a straight line and its middle tells the area of the strip.
    """
    if not polygons:
        return 0.0
    start = np.concatenate(polygons)
    end = np.concatenate([np.roll(one, -1, axis=0) for one in polygons])
    of = np.repeat(np.arange(len(polygons)), [len(one) for one in polygons])
    bends = np.unique(np.concatenate([start[:, 0], _crossings(start, end)]))
    total = 0.0
    for left, right in zip(bends[:-1].tolist(), bends[1:].tolist(), strict=True):
        middle = (left + right) / 2
        there = np.flatnonzero((start[:, 0] < middle) != (end[:, 0] < middle))
        (x, y), (to_x, to_y) = start[there].T, end[there].T
        height = y + (middle - x) / (to_x - x) * (to_y - y)
        order = np.lexsort((height, of[there]))  # two edges of each polygon that is there
        low, high = height[order][::2], height[order][1::2]
        total += (right - left) * _covered(low, high)
    return total


def _crossings(start: FloatArray, end: FloatArray) -> FloatArray:
    """Where on the x axis edges cross, parallel ones left out."""
    along = end - start
    turn = along[:, None, 0] * along[None, :, 1] - along[:, None, 1] * along[None, :, 0]
    apart = start[None, :] - start[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (apart[..., 0] * along[None, :, 1] - apart[..., 1] * along[None, :, 0]) / turn
        other = (apart[..., 0] * along[:, None, 1] - apart[..., 1] * along[:, None, 0]) / turn
        meet = (share > 0) & (share < 1) & (other > 0) & (other < 1)
        x = start[:, None, 0] + share * along[:, None, 0]
    return np.asarray(x[meet])


def _covered(low: FloatArray, high: FloatArray) -> float:
    """Length that intervals cover together."""
    order = np.argsort(low, kind="stable")
    low, high = low[order], high[order]
    reached = np.concatenate([[-np.inf], np.maximum.accumulate(high)[:-1]])
    return float(np.maximum(high - np.maximum(low, reached), 0.0).sum())
