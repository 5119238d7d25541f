"""Exact and near-exact nearest neighbours in the space of embeddings.

This module owns the one way the layout room asks faiss for neighbours, made repeatable: candidates
come from faiss, their order from distances computed again in float64. It must not know about maps.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.types import Float32Array, Int32Array

_SPARE = 8
"""Candidates fetched beyond k: enough to let float64 put right what float32 mixed up at the edge."""

_CHUNK_VALUES = 16_000_000
"""Numbers of float64 held at a time while distances are computed again: 128 MB."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest points of some queries, nearest first.

    Attributes
    ----------
    rows : ndarray of int32, shape (n_queries, k)
        Rows of the points searched.
    distances : ndarray of float32, shape (n_queries, k)
        Euclidean distances.
    """

    rows: Int32Array
    distances: Float32Array


class NeighbourIndex:
    """Points that can be searched for the nearest ones.

    Parameters
    ----------
    points : ndarray of float32, shape (n, d)
        Kept, not copied; must not change afterwards. At least one row.
    approximate_above : int, optional
        Number of points above which an inverted file replaces comparing with all: worth its
        seconds of training only where every point asks. Always exact by default.
    """

    def __init__(self, points: Float32Array, *, approximate_above: int | None = None) -> None:
        import faiss

        self._points = np.ascontiguousarray(points, dtype=np.float32)
        # faiss finds the distances of a batch as |a|^2 - 2ab + |b|^2, which loses all digits when
        # the points lie close together and far from zero: search around their mean.
        self._centre = self._points.mean(axis=0, dtype=np.float64).astype(np.float32)
        centred = self._points - self._centre
        n_points, n_dims = centred.shape
        index: Any = faiss.IndexFlatL2(n_dims)
        if approximate_above is not None and n_points > approximate_above:
            n_lists = int(2 * np.sqrt(n_points))
            index = faiss.IndexIVFFlat(index, n_dims, n_lists)
            index.cp.seed = 1234
            index.train(centred)
            index.nprobe = max(16, n_lists // 16)
        index.add(centred)
        self._index = index

    def nearest(self, queries: Float32Array, k: int) -> Neighbours:
        """Find the nearest points of each query.

        Parameters
        ----------
        queries : ndarray of float32, shape (m, d)
        k : int
            Neighbours wanted; no more than there are points are given.

        Returns
        -------
        Neighbours
            Sorted by distance, equal distances by row. What one query gets doesn't depend on the
            other queries of the batch; but where more than k + 8 points are equally near, which of them
            are given is left open.
        """
        n_points = len(self._points)
        k = min(k, n_points)
        n_candidates = min(k + _SPARE, n_points)
        rows = np.empty((len(queries), k), dtype=np.int32)
        distances = np.empty((len(queries), k), dtype=np.float32)
        step = min(4_096, max(1, _CHUNK_VALUES // (n_candidates * self._points.shape[1])))
        for start in range(0, len(queries), step):
            chunk = np.ascontiguousarray(queries[start : start + step], dtype=np.float32)
            candidates = self._candidates(chunk - self._centre, n_candidates)
            exact = self._distances(chunk, candidates)
            order = np.lexsort((candidates, exact), axis=1)[:, :k]
            rows[start : start + len(chunk)] = np.take_along_axis(candidates, order, axis=1)
            distances[start : start + len(chunk)] = np.take_along_axis(exact, order, axis=1)
        return Neighbours(rows, distances)

    def nearest_others(self, k: int, of: NDArray[np.int64] | None = None) -> Neighbours:
        """Find the nearest other points of some of the points themselves.

        Parameters
        ----------
        k : int
            Neighbours wanted, the point itself not counted; must be below the number of points.
        of : ndarray of int64, shape (m,), optional
            Rows of the points asked about; all by default.

        Returns
        -------
        Neighbours
            The point itself is left out even where others stand at the same place.
        """
        of = np.arange(len(self._points)) if of is None else of
        found = self.nearest(self._points[of], k + 1)
        return Neighbours(*_without_self(found.rows, found.distances, of))

    def _candidates(self, centred: Float32Array, n_wanted: int) -> NDArray[np.int64]:
        """Rows of the probable nearest points; where an inverted file finds too few, search them all."""
        import faiss

        _, found = self._index.search(centred, n_wanted)
        candidates = np.asarray(found, dtype=np.int64)
        lacking = (candidates < 0).any(axis=1)
        if lacking.any():
            _, candidates[lacking] = faiss.knn(centred[lacking], self._points - self._centre, n_wanted)
        return candidates

    def _distances(self, queries: Float32Array, candidates: NDArray[np.int64]) -> NDArray[np.float64]:
        difference = self._points[candidates].astype(np.float64) - queries[:, None, :]
        squared = np.einsum("ijk,ijk->ij", difference, difference)
        return np.asarray(np.sqrt(squared))


def _without_self(
    rows: Int32Array, distances: Float32Array, own_rows: NDArray[np.int64]
) -> tuple[Int32Array, Float32Array]:
    """Drop each row's own point, or the last one where it isn't there, so that k of k + 1 stay."""
    is_self = rows == own_rows[:, None]
    is_self[~is_self.any(axis=1), -1] = True
    shape = (len(rows), rows.shape[1] - 1)
    return rows[~is_self].reshape(shape), distances[~is_self].reshape(shape)
