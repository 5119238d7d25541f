"""The engines that make a map from embeddings: PCA, t-SNE and UMAP.

This module owns what each is given: neighbours, start and settings. It knows nothing of the unit
square, of sounds that are alike to the last bit, and of libraries; the engines are loaded when they
are used.
"""

import numpy as np

from klustr_bridge.layout.components import principal_components
from klustr_bridge.layout.neighbours import NeighbourIndex
from klustr_bridge.layout.place import Placer
from klustr_bridge.layout.quality import neighbour_share
from klustr_bridge.layout.scale import fill_square
from klustr_bridge.layout.tsne_fit import PERPLEXITY
from klustr_bridge.layout.tuned import Tuned, tuned_of
from klustr_bridge.types import Float32Array

N_COMPONENTS = 14
"""Dimensions that UMAP works on, as in the study it comes from; t-SNE and ``umap-direct`` take all."""

EXACT_LIMIT = 20_000
"""Up to this many sounds neighbours are exact; comparing all pairs of more takes too long."""

N_NEIGHBOURS = 15
MIN_DIST = 0.1

GENTLE_RATE = 0.25
"""UMAP's learning rate where the start is good. Measured on 600 and 4,500 drum sounds, a tenth of them
new: the others move by .085 and .057 instead of .142 and .102, and more neighbours are kept (.61 and
.54 instead of .60 and .53)."""

LEAST_KNOWN = 3
"""Sounds that both maps share before one is laid over the other: fewer fit in any orientation."""

_LEAST_START = 0.8
"""An earlier map that keeps less than this share of the neighbours that PCA keeps is no start."""

_GOOD_START = 1.5
"""An earlier map that keeps so many times the neighbours that PCA keeps only needs adjusting."""


def raw_positions(method: str, points: Float32Array, known: Float32Array, seed: int) -> Float32Array:
    """Lay points out with an engine.

    Parameters
    ----------
    method : {'pca', 'tsne', 'umap', 'umap-direct'}
        Or one with parameters (`klustr_bridge.layout.tuned`).
    points : ndarray of float32, shape (n, d)
        Embeddings, no two equal; at least one, at least 16 for all but PCA.
    known : ndarray of float32, shape (n, 2)
        Positions on an earlier map, NaN where there were none.
    seed : int
        Of what the engine leaves to chance.

    Returns
    -------
    ndarray of float32, shape (n, 2)
        Finite, of no particular scale or orientation.
    """
    if method == "pca":
        return _first_two(principal_components(points, 2))
    tuned = tuned_of(method) or Tuned(method, PERPLEXITY, N_NEIGHBOURS, MIN_DIST)
    if tuned.engine == "tsne":
        return _tsne(points, known, tuned.perplexity, seed)
    if tuned.engine == "umap":
        points = principal_components(points, N_COMPONENTS)
    return _umap(points, known, tuned.neighbours, tuned.min_dist, seed)


def _tsne(points: Float32Array, known: Float32Array, perplexity: float, seed: int) -> Float32Array:
    from klustr_bridge.layout.tsne_fit import tsne_positions

    n_neighbours = min(round(3 * perplexity), len(points) - 1)
    found = NeighbourIndex(points, approximate_above=EXACT_LIMIT).nearest_others(n_neighbours)
    start, is_good = _start(points, known)
    return tsne_positions(
        found.rows, found.distances, start, is_map=is_good, seed=seed, perplexity=perplexity
    )


def _umap(
    points: Float32Array, known: Float32Array, most_neighbours: int, min_dist: float, seed: int
) -> Float32Array:
    from klustr_bridge.layout.umap_fit import umap_positions

    n_neighbours = min(most_neighbours, max(5, len(points) // 3))
    found = NeighbourIndex(points, approximate_above=EXACT_LIMIT).nearest_others(n_neighbours - 1)
    start, is_good = _start(points, known)
    own = np.arange(len(points), dtype=np.int32)[:, None]
    return umap_positions(
        points,
        neighbour_rows=np.hstack([own, found.rows]),
        neighbour_distances=np.hstack([np.zeros_like(found.distances[:, :1]), found.distances]),
        start=start,
        min_dist=min_dist,
        learning_rate=GENTLE_RATE if is_good else 1.0,
        seed=seed,
    )


def _start(points: Float32Array, known: Float32Array) -> tuple[Float32Array, bool]:
    """Where an engine begins, and whether that is a good map already.

    It begins from the earlier map with the new sounds placed on it, if that shows enough.
    """
    flat = fill_square(_first_two(principal_components(points, 2)))
    is_known = np.asarray(np.isfinite(known).all(axis=1), dtype=np.bool_)
    if is_known.sum() < LEAST_KNOWN:
        return flat, False
    start = known.copy()
    if not is_known.all():
        start[~is_known] = Placer(points[is_known], known[is_known]).target(points[~is_known])
    share_of_pca = neighbour_share(points, flat)
    share = neighbour_share(points, start)
    # a map of a few sounds that many others were crowded onto would only mislead
    if share < _LEAST_START * share_of_pca:
        return flat, False
    return start, share >= _GOOD_START * share_of_pca


def _first_two(components: Float32Array) -> Float32Array:
    if components.shape[1] >= 2:
        return components[:, :2]
    return np.column_stack([components, np.zeros(len(components), dtype=np.float32)])
