"""Fitting a map: all positions at once, from the embeddings alone.

This module owns the way from embeddings to positions: PCA, UMAP on its first components, the
scaling to the unit square and the alignment with the map before. The result depends on the set of
embeddings and the seed, not on the order of the rows. It must not know the library, and loads
umap and numba only while fitting (in a process of its own, see `klustr_bridge.layout.process`).
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import LayoutError
from klustr_bridge.layout.align import procrustes
from klustr_bridge.layout.neighbours import NeighbourIndex
from klustr_bridge.layout.place import Placer
from klustr_bridge.layout.quality import neighbour_share, trustworthiness
from klustr_bridge.layout.scale import fill_square, keep_in_square
from klustr_bridge.layout.spacing import Spacing
from klustr_bridge.types import Float32Array

MIN_UMAP_SOUNDS = 16
"""Below this, 15 neighbours are everybody: UMAP has nothing to tell that PCA doesn't."""

N_COMPONENTS = 14
"""Dimensions that UMAP works on."""

EXACT_LIMIT = 20_000
"""Up to this many sounds UMAP's neighbours are exact; comparing all pairs of more takes too long."""

N_NEIGHBOURS = 15
MIN_DIST = 0.1

FEW = "pca-few"
"""`Layout.method` where UMAP was asked for but fewer than 16 of the sounds were distinct."""

_LEAST_KNOWN = 3
"""Sounds that both maps share before one is laid over the other: fewer fit in any orientation."""

_LEAST_START = 0.8
"""An earlier map that keeps less than this share of the neighbours that PCA keeps is no start."""

_REACH = 3.0
"""How many times the median distance from the middle a sound may count, for the components."""

_GOOD_START = 1.5
"""An earlier map that keeps so many times the neighbours that PCA keeps only needs adjusting."""

GENTLE_RATE = 0.25
"""UMAP's learning rate where the start is good. Measured on 600 and 4,500 drum sounds, a tenth of them
new: the others move by .085 and .057 instead of .142 and .102, and more neighbours are kept (.61 and
.54 instead of .60 and .53)."""

_NO_VARIANCE = 1e-10
"""A component with less than this share of the variance is rounding noise."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A map of the sounds.

    Attributes
    ----------
    xy : ndarray of float32, shape (n, 2)
        Positions in 0..1, all different, (0, 0) at the lower left.
    method : str
        ``pca``, ``umap``, or ``pca-few``: PCA because UMAP found fewer than 16 distinct sounds.
    scores : dict of str to float
        ``neighbour_share`` and ``trustworthiness`` (`klustr_bridge.layout.quality`), 0..1.
    """

    xy: Float32Array
    method: str
    scores: dict[str, float] = field(default_factory=dict)


def fit_layout(
    embeddings: Float32Array,
    *,
    seed: int,
    method: Literal["auto", "pca", "umap"] = "auto",
    previous: Float32Array | None = None,
) -> Layout:
    """Fit a map.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (n, d)
        One row a sound; Euclidean distance is the similarity. n may be 0.
    seed : int
        Same embeddings, seed, machine and library versions: same map.
    method : {'auto', 'pca', 'umap'}
        ``auto`` is ``umap`` from 16 sounds on; fewer always get PCA.
    previous : ndarray of float32, shape (n, 2), optional
        Positions of the same sounds on an earlier map, NaN where there were none. The new map
        starts from them and is turned, mirrored, scaled and shifted onto them.

    Returns
    -------
    Layout
        Rows in the order of `embeddings`. Permuted input gives equally permuted positions; equal
        embeddings stand side by side, in the order of their rows.

    Raises
    ------
    LayoutError
        If the arrays don't fit together or an embedding isn't finite.

    References
    ----------
    L. McInnes, J. Healy, J. Melville, "UMAP: Uniform Manifold Approximation and Projection for
    Dimension Reduction", 2018, arXiv:1802.03426.
    """
    embeddings = np.ascontiguousarray(embeddings, dtype=np.float32)
    if previous is None:
        previous = np.full((len(embeddings), 2), np.nan, dtype=np.float32)
    _check(embeddings, previous, method)
    if len(embeddings) == 0:
        return Layout(np.empty((0, 2), dtype=np.float32), "pca", _scores(embeddings, np.empty((0, 2))))
    first, group = _distinct(embeddings)
    distinct, known = embeddings[first], _mean_by_group(previous, group, len(first))
    used = _method(method, len(embeddings), len(first))
    components = principal_components(distinct, N_COMPONENTS)
    raw = _umap(components, known, seed) if used == "umap" else _first_two(components)
    xy = _spread(_lay_over(raw, known), group)
    order = np.argsort(group, kind="stable")
    return Layout(xy, used, _scores(embeddings[order], xy[order]))


def principal_components(points: Float32Array, n_components: int) -> Float32Array:
    """Project onto the directions of greatest variance of the bulk.

    Parameters
    ----------
    points : ndarray of float32, shape (n, d)
        At least one row.
    n_components : int
        Components wanted; fewer dimensions give fewer.

    Returns
    -------
    ndarray of float32, shape (n, min(n_components, d))
        Columns by falling variance, their signs fixed: the direction's largest entry is positive.
        Columns that hold only rounding noise are 0.

    Notes
    -----
    Points are taken from their median, and those that are farther from it than three times the
    usual count as if they were just that far: one odd sound would be a component of its own.
    """
    centred = points.astype(np.float64)
    centred -= np.median(centred, axis=0)
    variances, directions = np.linalg.eigh(_covariance_of_bulk(centred))
    chosen = np.argsort(-variances, kind="stable")[:n_components]
    variances, directions = variances[chosen], directions[:, chosen]
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(len(chosen))]
    directions = directions * np.where(largest < 0, -1.0, 1.0)
    projected = centred @ directions
    total = max(float(variances.sum()), float(np.finfo(np.float32).tiny))
    projected[:, variances <= _NO_VARIANCE * total] = 0.0
    return np.asarray(projected, dtype=np.float32)


def _covariance_of_bulk(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    radii = np.linalg.norm(centred, axis=1)
    reach = _REACH * float(np.median(radii))
    drawn_in = centred * (reach / np.maximum(radii, reach))[:, None] if reach > 0 else centred
    drawn_in = drawn_in - drawn_in.mean(axis=0)
    return np.asarray(drawn_in.T @ drawn_in / len(drawn_in))


def _check(embeddings: Float32Array, previous: Float32Array, method: str) -> None:
    if embeddings.ndim != 2 or (len(embeddings) and embeddings.shape[1] == 0):
        raise LayoutError(f"embeddings have shape {embeddings.shape}; needed: (n, d) with d above 0")
    if previous.shape != (len(embeddings), 2):
        raise LayoutError(f"previous positions have shape {previous.shape}; needed: ({len(embeddings)}, 2)")
    if method not in ("auto", "pca", "umap"):
        raise LayoutError(f"unknown layout method {method!r}; known: auto, pca, umap")
    wrong = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
    if len(wrong):
        raise LayoutError(f"{len(wrong)} embeddings aren't finite, the first in row {wrong[0]}")


def _method(asked: str, n_sounds: int, n_distinct: int) -> str:
    if asked == "pca" or n_sounds < MIN_UMAP_SOUNDS:
        return "pca"
    return "umap" if n_distinct >= MIN_UMAP_SOUNDS else FEW


def _distinct(embeddings: Float32Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sort the rows by their bytes and join equal ones.

    Returns
    -------
    first : ndarray of int64, shape (n_distinct,)
        The first row of each group of equal rows, groups in canonical order.
    group : ndarray of int64, shape (n,)
        The group of each row.
    """
    positive_zero = embeddings + np.float32(0.0)
    as_bytes = positive_zero.view(np.dtype((np.void, positive_zero.shape[1] * 4))).ravel()
    _, first, group = np.unique(as_bytes, return_index=True, return_inverse=True)
    return first, group.reshape(-1)


def _mean_by_group(previous: Float32Array, group: NDArray[np.int64], n_groups: int) -> Float32Array:
    """Mean of the known positions of each group, NaN where none is known."""
    known = np.isfinite(previous).all(axis=1)
    counts = np.bincount(group[known], minlength=n_groups)
    sums = np.stack(
        [np.bincount(group[known], weights=previous[known, axis], minlength=n_groups) for axis in range(2)],
        axis=1,
    )
    means = np.full((n_groups, 2), np.nan)
    means[counts > 0] = sums[counts > 0] / counts[counts > 0, None]
    return means.astype(np.float32)


def _first_two(components: Float32Array) -> Float32Array:
    if components.shape[1] >= 2:
        return components[:, :2]
    return np.column_stack([components, np.zeros(len(components), dtype=np.float32)])


def _umap(components: Float32Array, known: Float32Array, seed: int) -> Float32Array:
    from klustr_bridge.layout.umap_fit import umap_positions

    n_neighbours = min(N_NEIGHBOURS, max(5, len(components) // 3))
    found = NeighbourIndex(components, approximate_above=EXACT_LIMIT).nearest_others(n_neighbours - 1)
    start, is_good = _start(components, known)
    own = np.arange(len(components), dtype=np.int32)[:, None]
    return umap_positions(
        components,
        neighbour_rows=np.hstack([own, found.rows]),
        neighbour_distances=np.hstack([np.zeros_like(found.distances[:, :1]), found.distances]),
        start=start,
        min_dist=MIN_DIST,
        learning_rate=GENTLE_RATE if is_good else 1.0,
        seed=seed,
    )


def _start(components: Float32Array, known: Float32Array) -> tuple[Float32Array, bool]:
    """Where UMAP begins, and whether that is a good map already.

    It begins from the earlier map with the new sounds placed on it, if that shows enough.
    """
    flat = fill_square(_first_two(components))
    is_known = np.isfinite(known).all(axis=1)
    if is_known.sum() < _LEAST_KNOWN:
        return flat, False
    start = known.copy()
    if not is_known.all():
        start[~is_known] = Placer(components[is_known], known[is_known]).target(components[~is_known])
    share_of_pca = neighbour_share(components, flat)
    share = neighbour_share(components, start)
    # a map of a few sounds that many others were crowded onto would only mislead
    if share < _LEAST_START * share_of_pca:
        return flat, False
    return start, share >= _GOOD_START * share_of_pca


def _lay_over(raw: Float32Array, known: Float32Array) -> Float32Array:
    """Scale to the unit square, keeping to the earlier map where there is one."""
    is_known = np.isfinite(known).all(axis=1)
    if is_known.sum() < _LEAST_KNOWN:
        return fill_square(raw)
    return keep_in_square(procrustes(raw[is_known], known[is_known]).apply(raw))


def _spread(distinct_xy: Float32Array, group: NDArray[np.int64]) -> Float32Array:
    """Give every row the place of its group, the second and later ones the nearest free spot."""
    order = np.argsort(group, kind="stable")
    settled = np.empty((len(group), 2), dtype=np.float32)
    settled[order] = Spacing().settle(distinct_xy[group[order]], exact=True)
    return settled


def _scores(embeddings: Float32Array, xy: Float32Array | NDArray[np.float64]) -> dict[str, float]:
    positions = np.asarray(xy, dtype=np.float32)
    return {
        "neighbour_share": neighbour_share(embeddings, positions),
        "trustworthiness": trustworthiness(embeddings, positions),
    }
