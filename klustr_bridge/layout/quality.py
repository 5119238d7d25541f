"""How well a map shows what sounds alike.

This module owns the measures of neighbours on a map and of their moves, and the measure by which a map
counts as poor. It must not change a map. What concerns kinds is measured in `klustr_bridge.layout.regions`.
"""

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.layout.neighbours import NeighbourIndex
from klustr_bridge.types import Float32Array, Int32Array

N_NEIGHBOURS = 10
EXACT_LIMIT = 2_000
"""Up to this many sounds all of them are looked at; above, a sample."""

POOR_PLACED_SHARE = 0.5
POOR_NEIGHBOUR_SHARE = 0.8
_LEAST_PLACED_SHARE = 0.1

_CHUNK_VALUES = 4_000_000


def neighbour_share(
    embedding: Float32Array, xy: Float32Array, k: int = N_NEIGHBOURS, sample: int = 1000, seed: int = 0
) -> float:
    """Share of the nearest sounds that are among the nearest on the map, too.

    Parameters
    ----------
    embedding : ndarray of float32, shape (n, d)
    xy : ndarray of float32, shape (n, 2)
        Finite positions.
    k : int
        Neighbours looked at on each side.
    sample : int
        Sounds asked about where there are more than 2,000; neighbours are searched among all.
    seed : int
        Of the sample.

    Returns
    -------
    float
        0..1; 1 where there are no more than k other sounds.
    """
    n_sounds = len(embedding)
    if n_sounds <= k + 1:
        return 1.0
    rows = _sample_rows(n_sounds, sample, seed)
    in_sound = NeighbourIndex(embedding).nearest_others(k, rows).rows
    on_map = _nearest_on_map(xy, k, rows)
    kept = (in_sound[:, :, None] == on_map[:, None, :]).any(axis=2)
    return float(kept.mean())


def trustworthiness(
    embedding: Float32Array, xy: Float32Array, k: int = N_NEIGHBOURS, sample: int = 500, seed: int = 0
) -> float:
    """How far neighbours on the map can be trusted to be neighbours in sound.

    Parameters
    ----------
    embedding, xy, k, sample, seed
        As for `neighbour_share`.

    Returns
    -------
    float
        0..1, 1 is best: false neighbours on the map count by their rank in sound. 1 where there are
        fewer than four sounds.

    References
    ----------
    J. Venna and S. Kaski, "Neighborhood preservation in nonlinear projection methods",
    ICANN 2001.
    """
    k = _fitting_k(len(embedding), k)
    if not k:
        return 1.0
    rows = _sample_rows(len(embedding), sample, seed)
    return _rank_score(embedding, _nearest_on_map(xy, k, rows), rows)


def continuity(
    embedding: Float32Array, xy: Float32Array, k: int = N_NEIGHBOURS, sample: int = 500, seed: int = 0
) -> float:
    """How far neighbours in sound stay neighbours on the map.

    Parameters
    ----------
    embedding, xy, k, sample, seed
        As for `neighbour_share`.

    Returns
    -------
    float
        0..1, 1 is best: neighbours in sound that the map tears apart count by their rank on the map. 1
        where there are fewer than four sounds.

    References
    ----------
    J. Venna and S. Kaski, "Local multidimensional scaling", Neural Networks 19 (2006).
    """
    k = _fitting_k(len(embedding), k)
    if not k:
        return 1.0
    rows = _sample_rows(len(embedding), sample, seed)
    return _rank_score(xy, NeighbourIndex(embedding).nearest_others(k, rows).rows, rows)


def displacement(xy: Float32Array, before: Float32Array) -> tuple[float, float] | None:
    """How far sounds have moved from one map to the next.

    Parameters
    ----------
    xy, before : ndarray of float32, shape (n, 2)
        Positions in 0..1 of the same sounds, NaN where a map lacks one.

    Returns
    -------
    (float, float) or None
        Median and 95th percentile, in widths of the map; None where no sound is on both.
    """
    moved = np.linalg.norm(np.asarray(xy, np.float64) - before, axis=1)
    moved = moved[np.isfinite(moved)]
    if not len(moved):
        return None
    median, most = np.quantile(moved, [0.5, 0.95])
    return float(median), float(most)


def _fitting_k(n_sounds: int, k: int) -> int:
    """Neighbours that can be judged by rank: fewer than half of the others; 0 where none can."""
    return 0 if n_sounds < 4 else min(k, (n_sounds - 1) // 2)


def _rank_score(
    judge: Float32Array, neighbours: NDArray[np.int64] | Int32Array, rows: NDArray[np.int64]
) -> float:
    """Score neighbours found in one space by their ranks in another, `judge`."""
    n_sounds, k = len(judge), neighbours.shape[1]
    centred = np.asarray(judge, dtype=np.float64)
    centred = centred - centred.mean(axis=0)
    squares = np.einsum("ij,ij->i", centred, centred)
    excess = 0
    step = max(1, _CHUNK_VALUES // n_sounds)
    for start in range(0, len(rows), step):
        own, others = rows[start : start + step], neighbours[start : start + step]
        distances = squares[None, :] - 2 * (centred[own] @ centred.T)
        distances[np.arange(len(own)), own] = -np.inf
        ranks = np.empty_like(others)
        for column in range(k):
            to_neighbour = np.take_along_axis(distances, others[:, column, None], axis=1)
            # the sound itself is always nearer: its count makes up for counting ranks from 1
            ranks[:, column] = (distances < to_neighbour).sum(axis=1)
        excess += int(np.maximum(ranks - k, 0).sum())
    return float(1.0 - excess * 2.0 / (len(rows) * k * (2.0 * n_sounds - 3.0 * k - 1.0)))


def is_poor(n_live: int, n_placed: int, share_fitted: float | None, share_now: float | None) -> bool:
    """Whether a map has become poor enough to be fitted anew.

    Parameters
    ----------
    n_live : int
        Sounds on the map.
    n_placed : int
        Those of them that were placed among their neighbours since the fit.
    share_fitted, share_now : float, optional
        `neighbour_share` right after the fit and now.

    Returns
    -------
    bool
        True if more than half of the sounds were placed rather than fitted, or if the share of
        neighbours kept has fallen below 80 % of what it was (looked at once a tenth of the sounds
        are placed ones: without them, a new fit would give the same map again).
    """
    if n_placed > POOR_PLACED_SHARE * n_live:
        return True
    if share_fitted is None or share_now is None or n_placed < _LEAST_PLACED_SHARE * n_live or n_placed == 0:
        return False
    return share_now < POOR_NEIGHBOUR_SHARE * share_fitted


def _sample_rows(n_sounds: int, sample: int, seed: int) -> NDArray[np.int64]:
    if n_sounds <= EXACT_LIMIT or n_sounds <= sample:
        return np.arange(n_sounds)
    return np.sort(np.random.default_rng(seed).choice(n_sounds, size=sample, replace=False))


def _nearest_on_map(xy: Float32Array, k: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of the k nearest other sounds on the map, of each of some sounds."""
    from scipy.spatial import cKDTree

    found = np.asarray(cKDTree(xy).query(xy[rows], k=k + 1)[1])
    is_self = found == rows[:, None]
    is_self[~is_self.any(axis=1), -1] = True
    return np.asarray(found[~is_self].reshape(len(rows), k), dtype=np.int64)
