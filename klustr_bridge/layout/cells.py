"""Sounds sorted into cells of like ones, so that the nearest of a million are found among a few thousand.

This module owns the making of cells and their file. The file is a cache: it can be thrown away at any time,
and answers are measured on the embeddings themselves, so one that is out of date only finds less. It must
not search, and must not import faiss until cells are made.

References
----------
Jégou, H., Douze, M., & Schmid, C. (2011). Product quantization for nearest neighbor search. IEEE Transactions
on Pattern Analysis and Machine Intelligence, 33(1): the inverted file.
"""

import contextlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.types import Float32Array, Int32Array

__all__ = ["LEAST_SOUNDS", "Cells", "cells_file", "make_cells", "read_cells", "write_cells"]

LEAST_SOUNDS = 200_000
"""Fewer are all measured: 2 ms where one core takes 10 ms for a million."""

_CELLS_A_ROOT = 4.0
_STEPS = 8
_TRAINED_A_CELL = 64
_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Sounds by cell.

    Attributes
    ----------
    centres : ndarray of float32, shape (n_cells, d)
        In the space of embeddings.
    ids : ndarray of int32, shape (n,)
        Sounds, each once, those of one cell after those of the cell before.
    starts : ndarray of int64, shape (n_cells + 1,)
        Where in `ids` each cell begins, and n.
    """

    centres: Float32Array
    ids: Int32Array
    starts: NDArray[np.int64]


def make_cells(embedding: Float32Array, ids: Int32Array, *, seed: int = 1) -> Cells:
    """Sort sounds into cells by k-means.

    Parameters
    ----------
    embedding : ndarray of float32, shape (n, d)
        At least one row finite; sounds whose row is NaN are left out. May be mapped from a file.
    ids : ndarray of int32, shape (n,)
    seed : int
        The same sounds and seed give the same cells, on one machine.

    Returns
    -------
    Cells
    """
    import faiss

    n, n_dims = embedding.shape
    n_cells = max(1, min(n, round(_CELLS_A_ROOT * n**0.5)))
    is_heard = np.isfinite(embedding[:, 0])
    heard = np.flatnonzero(is_heard)
    n_trained = min(len(heard), _TRAINED_A_CELL * n_cells)
    chosen = np.sort(np.random.default_rng(seed).choice(heard, n_trained, replace=False))
    means: Any = faiss.Kmeans(
        n_dims,
        min(n_cells, max(1, n_trained)),
        niter=_STEPS,
        seed=seed,
        min_points_per_centroid=1,
        max_points_per_centroid=_TRAINED_A_CELL,
    )
    means.train(np.ascontiguousarray(embedding[chosen], np.float32))
    centres = np.ascontiguousarray(means.centroids, np.float32)
    nearest: Any = faiss.IndexFlatL2(n_dims)
    nearest.add(centres)
    cell = np.empty(len(heard), np.int64)
    for start in range(0, len(heard), _AT_ONCE):
        part = heard[start : start + _AT_ONCE]
        _, found = nearest.search(np.ascontiguousarray(embedding[part], np.float32), 1)
        cell[start : start + len(part)] = found[:, 0]
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(len(centres) + 1))
    return Cells(centres, np.asarray(ids[heard[order]], np.int32), starts.astype(np.int64))


def cells_file(directory: Path, library_id: str) -> Path:
    """Where the cells of a library lie among its snapshots."""
    return directory / f"{library_id}.cells.npz"


def write_cells(path: Path, cells: Cells, space: int) -> None:
    """Put cells in place in one step; OSError where that can't be done.

    Parameters
    ----------
    path : Path
    cells : Cells
    space : int
        Mark of what the embeddings are: others may be as long and mean something else.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with aside.open("wb") as file:
            np.savez(file, centres=cells.centres, ids=cells.ids, starts=cells.starts, space=space)
        os.replace(aside, path)
    finally:
        with contextlib.suppress(OSError):
            aside.unlink()


def read_cells(path: Path, space: int) -> Cells | None:
    """Read cells; None where there are none of this space, or the file is damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            cells = Cells(arrays["centres"], arrays["ids"], arrays["starts"])
            is_of_space = bool(arrays["space"] == space)
    except Exception:  # a damaged archive fails in many ways
        return None
    return cells if is_of_space and _fit_together(cells) else None


def _fit_together(cells: Cells) -> bool:
    centres, ids, starts = cells.centres, cells.ids, cells.starts
    if centres.dtype != np.float32 or ids.dtype != np.int32 or starts.dtype != np.int64:
        return False
    if centres.ndim != 2 or ids.ndim != 1 or starts.shape != (len(centres) + 1,) or not len(centres):
        return False
    rises = starts[0] == 0 and starts[-1] == len(ids) and bool((np.diff(starts) >= 0).all())
    return rises and bool(np.isfinite(centres).all()) and bool((np.diff(np.sort(ids)) > 0).all())
