"""Nearest neighbours, on the map and by sound, ties broken by row; exact but for sounds in big libraries.

This module owns the two searches over plain arrays; it must not know ids, files or clients.
Rows are in the order of rising ids, so that breaking ties by row is breaking them by id.
"""

from collections.abc import Sequence
from typing import NamedTuple

import faiss
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from klustr_bridge.corpus.celled import CelledRows
from klustr_bridge.types import Float32Array

# One thread: with more of them, p99 of a search rose to 20-32 ms while other processes were busy.
faiss.omp_set_num_threads(1)

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# Measuring 8,192 places takes as long as asking the tree for 200 of 100,000.
_BRUTE_PLACES = 8192
_MOST_ASKED = 2048
_BRUTE_VECTORS = 256
_SPARE = 16
_BLOCK = 4096
# faiss sums in float32: its distances of 128 terms are off by up to about 1e-6 of themselves.
_FLOAT32_DOUBT = 1e-5
# Where a filter keeps no more, all of these are measured rather than those in cells.
_ALL_MEASURED = 50_000
# Candidates for each answer: with fewer, filters that keep little would find less.
_CANDIDATES = 64


class Nearest(NamedTuple):
    """Rows with their Euclidean distances, nearest first."""

    rows: IntArray
    distance: FloatArray


_NOTHING = Nearest(np.zeros(0, np.int64), np.zeros(0, np.float64))


class PlaceSearch:
    """Nearest places on the map, in one of its views.

    Parameters
    ----------
    xy : ndarray of float32, shape (n, 2)
        Places; NaN rows are left out of every answer.
    """

    def __init__(self, xy: Float32Array) -> None:
        self.xy = xy
        self.placed: BoolArray = ~(np.isnan(xy[:, 0]) | np.isnan(xy[:, 1]))
        self._rows: IntArray = np.flatnonzero(self.placed)
        # Sliding-midpoint rather than median splits: half the time to build, queries as fast.
        self._tree = cKDTree(xy[self.placed], balanced_tree=False) if len(self._rows) else None

    def __len__(self) -> int:
        return len(self._rows)

    def nearest(self, x: float, y: float, k: int, keep: BoolArray | None = None) -> Nearest:
        """Find the `k` places nearest to a point.

        Parameters
        ----------
        x, y : float
            The point, finite.
        k : int
            How many at most, at least 1.
        keep : ndarray of bool, shape (n,), optional
            Rows that may be answered; all by default.

        Returns
        -------
        Nearest
            min(k, places kept) rows, by rising distance, then row.
        """
        rows = self._rows if keep is None else np.flatnonzero(keep & self.placed)
        k = min(k, len(rows))
        if k == 0:
            return _NOTHING
        if keep is None or len(rows) > _BRUTE_PLACES:
            ask = (k + _SPARE) * len(self._rows) // len(rows)
            while ask <= min(_MOST_ASKED, len(self._rows)):
                found = self._ask_tree(x, y, k, ask, keep)
                if found is not None:
                    return found
                ask *= 4
        return _smallest(self._squares(x, y, rows), rows, k)

    def _ask_tree(self, x: float, y: float, k: int, ask: int, keep: BoolArray | None) -> Nearest | None:
        assert self._tree is not None
        found_by_tree = self._tree.query((x, y), ask)
        farthest, index = float(np.max(found_by_tree[0])), np.asarray(found_by_tree[1])
        rows = self._rows[index]
        if keep is not None:
            rows = rows[keep[rows]]
        if len(rows) < k:
            return None
        found = _smallest(self._squares(x, y, rows), rows, k)
        # Only if the farthest of the tree's answer is farther are all ties of the last one in it.
        return found if found.distance[-1] * (1 + 1e-9) < farthest else None

    def _squares(self, x: float, y: float, rows: IntArray) -> FloatArray:
        apart = self.xy[rows].astype(np.float64) - (x, y)
        squares: FloatArray = np.square(apart).sum(axis=1)
        return squares


class SoundSearch:
    """Nearest embeddings.

    Searches the array where it lies (memory-mapped): an index object would copy it, and so would weighing it.

    Parameters
    ----------
    embedding : ndarray of float32, shape (n, d), C-contiguous
        One row a sound; NaN rows are left out of every answer.
    aspects : sequence of slice
        Blocks of columns that can be weighed, all columns together; none if they can't.
    cells : CelledRows, optional
        Of these rows: only what lies in the cells around a question is measured then, and some of the
        nearest, one in a hundred or fewer, may be missed.
    """

    def __init__(
        self, embedding: Float32Array, aspects: Sequence[slice] = (), cells: CelledRows | None = None
    ) -> None:
        self._embedding = embedding
        self._cells = cells if cells is not None and cells.fits(embedding) else None
        self._aspects = aspects
        self._powers = _powers(embedding, aspects)
        # A row is either whole or blank, so its first number tells.
        # Reading it also brings the pages of the file in here rather than in the first question.
        heard: BoolArray = np.asarray(~np.isnan(embedding[:, :1]).any(axis=1))
        self.heard: BoolArray | None = None if heard.all() else heard

    def nearest(
        self,
        vector: Float32Array,
        k: int,
        keep: BoolArray | None = None,
        weights: Sequence[float] | None = None,
    ) -> Nearest:
        """Find the `k` embeddings nearest to a vector.

        Parameters
        ----------
        vector : ndarray of float32, shape (d,)
            Finite.
        k : int
            How many at most, at least 1.
        keep : ndarray of bool, shape (n,), optional
            Rows that may be answered; all by default.
        weights : sequence of float, optional
            What the columns of each aspect are multiplied by; 1 by default.

        Returns
        -------
        Nearest
            min(k, rows kept) rows, by rising distance, then row.
        """
        if self.heard is not None:
            keep = self.heard if keep is None else self.heard & keep
        n_kept = len(self._embedding) if keep is None else int(np.count_nonzero(keep))
        k = min(k, n_kept)
        if k == 0:
            return _NOTHING
        if weights is not None:
            return self._nearest_weighted(vector, k, keep, np.array(weights, np.float64))
        if self._cells is not None and n_kept > _ALL_MEASURED:
            return self._nearest_in_cells(self._cells, vector, k, keep)
        ask = k + _SPARE
        while n_kept > _BRUTE_VECTORS and ask < min(n_kept, _BLOCK):
            squares, rows = self._ask_faiss(vector, ask, keep)
            found = _smallest(self._squares(vector, rows), rows, k)
            if found.distance[-1] ** 2 < float(squares[-1]) * (1 - _FLOAT32_DOUBT):
                return found
            ask *= 4
        rows = np.arange(n_kept) if keep is None else np.flatnonzero(keep)
        return _smallest(self._squares(vector, rows), rows, k)

    def _nearest_weighted(
        self, vector: Float32Array, k: int, keep: BoolArray | None, weights: FloatArray
    ) -> Nearest:
        """Find what can be among the nearest by |a|^2 - 2ab + |b|^2 in float32, then measure that exactly."""
        scale = np.empty(self._embedding.shape[1], np.float64)
        for aspect, weight in zip(self._aspects, weights, strict=True):
            scale[aspect] = weight
        rows = np.arange(len(self._embedding)) if keep is None else np.flatnonzero(keep)
        if not scale.any():
            return Nearest(rows[:k], np.zeros(k))
        if self._cells is not None and len(rows) > _ALL_MEASURED:
            return self._nearest_in_cells(self._cells, vector, k, keep, scale)
        if len(rows) > max(_BRUTE_VECTORS, k):
            wanted = np.square(scale) * vector
            own = float(wanted @ vector)
            powers = (self._powers @ np.square(weights).astype(np.float32))[rows]
            squares = powers - 2 * (self._embedding @ wanted.astype(np.float32))[rows] + np.float32(own)
            doubt = _rounding(len(scale)) * (powers + np.float32(own))
            most = np.partition(squares + doubt, k - 1)[k - 1]
            rows = rows[squares - doubt <= most]
        return _smallest(self._squares(vector, rows, scale), rows, k)

    def _nearest_in_cells(
        self,
        cells: CelledRows,
        vector: Float32Array,
        k: int,
        keep: BoolArray | None,
        scale: FloatArray | None = None,
    ) -> Nearest:
        """Find the nearest of the cells around a vector: in float32 what can be among them, that exactly."""
        rows = cells.around(vector, _CANDIDATES * k, keep, scale)
        ask = k + _SPARE
        if ask < len(rows):
            apart = self._embedding[rows]
            apart -= vector
            if scale is not None:
                apart *= scale.astype(np.float32)
            rows = rows[np.argpartition(np.einsum("ij,ij->i", apart, apart), ask - 1)[:ask]]
        return _smallest(self._squares(vector, rows, scale), rows, k)

    def _ask_faiss(
        self, vector: Float32Array, ask: int, keep: BoolArray | None
    ) -> tuple[Float32Array, IntArray]:
        n, d = self._embedding.shape
        query = np.ascontiguousarray(vector, np.float32)
        squares, rows = np.empty(ask, np.float32), np.empty(ask, np.int64)
        # The selector only points at these bits: they must live until the search is over.
        bits = None if keep is None else np.packbits(keep, bitorder="little")
        chosen = None if bits is None else faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        faiss.knn_L2sqr(
            faiss.swig_ptr(query),
            faiss.swig_ptr(self._embedding),
            d,
            1,
            n,
            ask,
            faiss.swig_ptr(squares),
            faiss.swig_ptr(rows),
            None,
            chosen,
        )
        return squares, rows

    def _squares(self, vector: Float32Array, rows: IntArray, scale: FloatArray | None = None) -> FloatArray:
        wanted = vector.astype(np.float64)
        squares = np.empty(len(rows), np.float64)
        for start in range(0, len(rows), _BLOCK):
            block = self._embedding[rows[start : start + _BLOCK]].astype(np.float64)
            block -= wanted
            if scale is not None:
                block *= scale
            squares[start : start + _BLOCK] = np.square(block).sum(axis=1)
        return squares


def _powers(embedding: Float32Array, aspects: Sequence[slice]) -> Float32Array:
    """Sum of the squares of each row within each aspect, shape (n, number of aspects)."""
    powers = np.empty((len(embedding), len(aspects)), np.float32)
    for start in range(0, len(embedding) if aspects else 0, _BLOCK):
        block = np.square(embedding[start : start + _BLOCK])
        for number, aspect in enumerate(aspects):
            powers[start : start + _BLOCK, number] = block[:, aspect].sum(axis=1)
    return powers


def _rounding(n_terms: int) -> np.float32:
    """Bound of the error of a float32 sum of so many products, as a share of the summands' sizes.

    |a|^2 - 2ab + |b|^2 is off by at most this share of |a|^2 + |b|^2, whatever the order of summation.

    References
    ----------
    Higham, N. J. (2002). Accuracy and Stability of Numerical Algorithms, 2nd edition. SIAM, section 3.1.
    """
    return np.float32(4 * (n_terms + 4) * 2.0**-24)


def _smallest(squares: FloatArray, rows: IntArray, k: int) -> Nearest:
    """Return the k rows of the smallest squared distances, by rising distance, then row."""
    if k < len(squares):
        among = np.flatnonzero(squares <= np.partition(squares, k - 1)[k - 1])
        squares, rows = squares[among], rows[among]
    order = np.lexsort((rows, squares))[:k]
    return Nearest(rows[order], np.sqrt(squares[order]))
