"""The one place that touches openTSNE.

This module owns calling it with known neighbours and a known start, so that it is repeatable and
quick. It must be imported only by a fit that needs it: with it comes scikit-learn (1 s, 110 MB).
"""

import importlib.util
from typing import Any

import numpy as np

from klustr_bridge.processes import available_cores
from klustr_bridge.types import Float32Array, Int32Array

PERPLEXITY = 50
"""Neighbours that count. Measured on 3,258 drum sounds, the share of the ten nearest on the map that are of
the same class (own collection left out; .634 in the embedding itself): perplexity 30 .585, 50 .600, 80 .598
with twice the time; of 200 shrinking to 50 .615, but fewer neighbours kept (.61 instead of .63)."""

TAIL = 0.7
"""Degrees of freedom of the map's t-distribution. Below 1 dense groups get more room: at perplexity 30 and
50, .585 and .600 instead of .580 and .596, trustworthiness .9953 and .9943 instead of .9950 and .9936."""

EXAGGERATED_STEPS = 60
STEPS = 120
"""Enough: 250 and 500 took four to six times as long and gained nothing (.569 instead of .580 at
perplexity 30, .538 instead of .529 on 4,574 sounds of 18 classes)."""

REFIT_STEPS = 60
"""From a good start, without exaggeration, which would pull it together to begin anew."""

FEW = 500
"""So many sounds at most are pulled apart one by one (Barnes and Hut), more by a grid of interpolation, whose
time is that of its Fourier transforms: 3 to 5 s even for 20 sounds. Measured on real sounds, seconds of
processor time by the one and the other: 20 sounds .3 and 6.6, 150 .5 and 4.9, 300 1.1 and 5.6, 500 1.8 and
5.0, 1,000 8 and 6; shares of neighbours kept within .01 of each other both ways."""

_ANGLE_OF_FEW = 0.2
_EXAGGERATION = 12.0
_START_EXTENT = 1e-4
_JITTER = 0.1
_USUAL_EXTENT = 20.0
_USUAL_EXTENT_OF_FEW = 0.6
"""Standard deviation that a map has after its steps: measured 10 for 300 sounds, 15 for 1,000, 20 for 3,000
and 22 for 10,000; the smaller of 20 and 0.6 times the root of their number. Steps go on slowly outwards
from there, and the time of each grows with the area: from the extent of least divergence, three times as
large, a refit took 20 times as long."""


def is_available() -> bool:
    """Whether openTSNE is installed: it has no wheels for Linux on ARM, nor for old systems."""
    return importlib.util.find_spec("openTSNE") is not None


def tsne_positions(
    neighbour_rows: Int32Array,
    neighbour_distances: Float32Array,
    start: Float32Array,
    *,
    is_map: bool,
    seed: int,
    perplexity: float = PERPLEXITY,
) -> Float32Array:
    """Run t-SNE from known neighbours and a known start.

    Parameters
    ----------
    neighbour_rows : ndarray of int32, shape (n, k)
        Nearest other rows of each row; k is three times the perplexity, or fewer where there are fewer.
    neighbour_distances : ndarray of float32, shape (n, k)
        Their distances, rising.
    start : ndarray of float32, shape (n, 2)
        Where each point begins.
    is_map : bool
        Whether the start is a good map already, to be adjusted only. Otherwise just its coarse shape
        counts: t-SNE begins from it drawn together to a dot.
    seed : int
        Of the jitter that the start gets where it isn't a map.
    perplexity : float
        Neighbours that count; fewer where there are fewer than three times as many.

    Returns
    -------
    ndarray of float32, shape (n, 2)
        Finite, of no particular scale or orientation. The same for any number of cores.

    References
    ----------
    L. van der Maaten and G. Hinton, "Visualizing Data using t-SNE", JMLR 9 (2008).
    L. van der Maaten, "Accelerating t-SNE using Tree-Based Algorithms", JMLR 15 (2014).
    G. C. Linderman et al., "Fast interpolation-based t-SNE for improved visualization of single-cell
    RNA-seq data", Nature Methods 16 (2019).
    D. Kobak et al., "Heavy-tailed kernels reveal a finer cluster structure in t-SNE visualisations",
    ECML PKDD 2019.
    P. G. Poličar, M. Stražar, B. Zupan, "openTSNE: a modular Python library for t-SNE dimensionality
    reduction and embedding", Journal of Statistical Software 109 (2024).
    """
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    n_cores = available_cores()
    known = PrecomputedNeighbors(neighbour_rows, neighbour_distances)
    perplexity = min(perplexity, neighbour_rows.shape[1] / 3)
    affinities = PerplexityBasedNN(knn_index=known, perplexity=perplexity, n_jobs=n_cores)

    def begin(positions: Any) -> Any:
        return TSNEEmbedding(
            np.array(positions, dtype=np.float64),
            affinities,
            negative_gradient_method="bh" if len(start) <= FEW else "fft",
            theta=_ANGLE_OF_FEW,  # of the first alone
            learning_rate="auto",
            dof=TAIL,
            n_jobs=n_cores,
        )

    if is_map:
        embedding = begin(_at_usual_extent(start)).optimize(REFIT_STEPS, momentum=0.8)
    else:
        embedding = begin(_dot(start, seed)).optimize(
            EXAGGERATED_STEPS, exaggeration=_EXAGGERATION, momentum=0.5
        )
        embedding = embedding.optimize(STEPS, momentum=0.8)
    return np.asarray(embedding, dtype=np.float32)


def _dot(start: Float32Array, seed: int) -> Any:
    """The start drawn together, and shaken a little: one without extent could never unfold."""
    centred = start.astype(np.float64) - start.mean(axis=0, dtype=np.float64)
    extent = max(float(centred.std(axis=0).max()), float(np.finfo(np.float32).tiny))
    shaken = centred / extent + _JITTER * np.random.default_rng(seed).normal(size=start.shape)
    return _START_EXTENT * shaken


def _at_usual_extent(start: Float32Array) -> Any:
    """The start as large as a fit leaves a map: of another size it would not keep its shape."""
    centred = start.astype(np.float64) - start.mean(axis=0, dtype=np.float64)
    centred /= max(float(centred.std()), float(np.finfo(np.float32).tiny))
    return min(_USUAL_EXTENT, _USUAL_EXTENT_OF_FEW * np.sqrt(len(start))) * centred
