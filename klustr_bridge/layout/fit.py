"""Fitting a map: all positions at once, from the embeddings alone.

This module owns the way from embeddings to positions: an engine, landmarks for large libraries, the
scaling to the unit square and the alignment with the map before. The result depends on the set of
embeddings and the seed, not on the order of the rows. It must not know the library, and loads
engines only while fitting (in a process of its own, see `klustr_bridge.layout.process`).
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import LayoutError
from klustr_bridge.layout.align import procrustes
from klustr_bridge.layout.axes import axes_of, axes_positions
from klustr_bridge.layout.engines import EXACT_LIMIT, LEAST_KNOWN, raw_positions
from klustr_bridge.layout.even import even_positions, lattice_side
from klustr_bridge.layout.place import Placer
from klustr_bridge.layout.scale import fill_square, keep_in_square
from klustr_bridge.layout.scores import fit_scores
from klustr_bridge.layout.spacing import Spacing
from klustr_bridge.layout.tsne_fit import is_available
from klustr_bridge.layout.tuned import is_tuned
from klustr_bridge.layout.universal import UNIVERSAL, universal_xy
from klustr_bridge.types import Float32Array

GRID = "grid"
METHODS = ("auto", "tsne", "umap", "umap-direct", "pca", GRID, UNIVERSAL)
"""What can be asked for, beside ``axes-X-Y`` and those with parameters of their own
(`klustr_bridge.layout.tuned`); ``auto`` is t-SNE, or UMAP where openTSNE can't be had."""

MIN_ENGINE_SOUNDS = 16
"""Below this, everybody is everybody's neighbour: t-SNE and UMAP have nothing to tell that PCA doesn't."""

LANDMARKS = 100_000
"""Of more distinct sounds so many are laid out, drawn by chance, and the others placed among them. Measured
on two busy cores: 100,000 sounds took 187 s and 1 GB and kept 47 % of the neighbours, with half of them as
landmarks 47 s and 41 %."""

FEW = "pca-few"
"""`Layout.method` where fewer than 16 of the sounds were distinct."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A map of the sounds.

    Attributes
    ----------
    xy : ndarray of float32, shape (n, 2)
        Positions in 0..1, all different, (0, 0) at the lower left.
    method : str
        What made it: ``tsne``, ``umap``, ``umap-direct``, one with parameters (`klustr_bridge.layout.tuned`),
        ``pca``, ``grid``, ``universal``, ``axes-X-Y``, or ``pca-few``: PCA because fewer than 16 sounds were
        distinct.
    scores : dict of str to float
        How good it is (`klustr_bridge.layout.scores`).
    even : ndarray of float32, shape (n, 2)
        Positions in the even view, made from `xy` (`klustr_bridge.layout.even`); of a ``grid`` the same.
    even_side : int
        Cells along one side of its lattice.
    """

    xy: Float32Array
    method: str
    scores: dict[str, float] = field(default_factory=dict)
    even: Float32Array = field(init=False)
    even_side: int = field(init=False)

    def __post_init__(self) -> None:
        is_even = self.method == GRID
        object.__setattr__(self, "even", self.xy.copy() if is_even else even_positions(self.xy))
        object.__setattr__(self, "even_side", lattice_side(len(self.xy)))


def fit_layout(
    embeddings: Float32Array,
    *,
    seed: int,
    method: str = "auto",
    previous: Float32Array | None = None,
    from_universal: bool = False,
    kinds: NDArray[np.uint8] | None = None,
) -> Layout:
    """Fit a map.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (n, d)
        One row a sound; Euclidean distance is the similarity. n may be 0.
    seed : int
        Same embeddings, seed, machine and library versions: same map.
    method : {'auto', 'tsne', 'umap', 'umap-direct', 'pca', 'grid', 'universal', 'axes-X-Y'}
        Or one with parameters (`klustr_bridge.layout.tuned`). ``umap`` works on 14 principal components,
        ``umap-direct`` on the whole embedding; ``auto`` is t-SNE, or UMAP where openTSNE isn't installed.
        ``grid`` is ``auto`` on the lattice of the even view; ``axes-X-Y`` goes by two descriptors
        (`klustr_bridge.layout.axes`), ``universal`` by what the learned ear hears in each sound alone
        (`klustr_bridge.layout.universal`), both whatever was previous. Fewer than 16 sounds get PCA or one
        of these two. Of more than `LANDMARKS` distinct sounds so many are laid out and the rest placed among
        them.
    previous : ndarray of float32, shape (n, 2), optional
        Positions of the same sounds on an earlier map, NaN where there were none. The new map
        starts from them and is turned, mirrored, scaled and shifted onto them.
    from_universal : bool
        The earlier map is the universal one; `previous` isn't looked at. Other than from the positions in
        a library the new map doesn't depend then on the order in which its sounds came.
    kinds : ndarray of uint8, shape (n,), optional
        Codes of the sounds' kinds, 0 where unknown. They have no say in the map; it is judged by them, too.

    Returns
    -------
    Layout
        Rows in the order of `embeddings`. Permuted input gives equally permuted positions; equal
        embeddings stand side by side, in the order of their rows.

    Raises
    ------
    LayoutError
        If the arrays don't fit together, an embedding isn't finite, or doesn't hold what the method
        goes by.

    References
    ----------
    L. van der Maaten and G. Hinton, "Visualizing Data using t-SNE", JMLR 9 (2008).
    L. McInnes, J. Healy, J. Melville, "UMAP: Uniform Manifold Approximation and Projection for
    Dimension Reduction", 2018, arXiv:1802.03426.
    """
    embeddings = np.ascontiguousarray(embeddings, dtype=np.float32)
    if previous is None:
        previous = np.full((len(embeddings), 2), np.nan, dtype=np.float32)
    if kinds is None:
        kinds = np.zeros(len(embeddings), dtype=np.uint8)
    _check(embeddings, previous, kinds, method)
    if len(embeddings) == 0:
        nowhere = np.empty((0, 2), dtype=np.float32)
        return Layout(nowhere, "pca", fit_scores(embeddings, nowhere, kinds))
    first, group = _distinct(embeddings)
    distinct = embeddings[first]
    known = universal_xy(distinct) if from_universal else _mean_by_group(previous, group, len(first))
    used = _method(method, len(embeddings), len(first))
    if axes_of(used) is not None:
        xy = _spread(axes_positions(embeddings, used)[first], group)
    elif used == UNIVERSAL:
        xy = _spread(universal_xy(distinct), group)
    else:
        engine = best_engine() if used == GRID else used.removesuffix("-few")
        xy = _spread(_lay_over(_raw(engine, distinct, known, seed), known), group)
    order = np.argsort(group, kind="stable")
    if used == GRID:
        xy = even_positions(xy)
    return Layout(xy, used, fit_scores(embeddings[order], xy[order], kinds[order]))


def _check(embeddings: Float32Array, previous: Float32Array, kinds: NDArray[np.uint8], method: str) -> None:
    if embeddings.ndim != 2 or (len(embeddings) and embeddings.shape[1] == 0):
        raise LayoutError(f"embeddings have shape {embeddings.shape}; needed: (n, d) with d above 0")
    if previous.shape != (len(embeddings), 2):
        raise LayoutError(f"previous positions have shape {previous.shape}; needed: ({len(embeddings)}, 2)")
    if kinds.shape != (len(embeddings),):
        raise LayoutError(f"kinds have shape {kinds.shape}; needed: ({len(embeddings)},)")
    if method not in METHODS and not is_tuned(method) and axes_of(method) is None:
        raise LayoutError(f"unknown layout method {method!r}; known: {', '.join(METHODS)}")
    if method.startswith("tsne") and not is_available():
        raise LayoutError("t-SNE needs openTSNE, which this system has no ready-made build of; use umap")
    wrong = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
    if len(wrong):
        raise LayoutError(f"{len(wrong)} embeddings aren't finite, the first in row {wrong[0]}")


def _method(asked: str, n_sounds: int, n_distinct: int) -> str:
    if asked == UNIVERSAL or axes_of(asked) is not None:
        return asked
    if asked == "pca" or n_sounds < MIN_ENGINE_SOUNDS:
        return "pca"
    if n_distinct < MIN_ENGINE_SOUNDS:
        return FEW
    return best_engine() if asked == "auto" else asked


def best_engine() -> str:
    """Name what ``auto`` is here: ``tsne``, or ``umap`` where openTSNE isn't installed."""
    return "tsne" if is_available() else "umap"


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


def _raw(method: str, distinct: Float32Array, known: Float32Array, seed: int) -> Float32Array:
    """Lay out distinct sounds, or landmarks among them and the others around these."""
    if method == "pca" or len(distinct) <= LANDMARKS:
        return raw_positions(method, distinct, known, seed)
    drawn = np.sort(np.random.default_rng(seed).choice(len(distinct), LANDMARKS, replace=False))
    is_landmark = np.zeros(len(distinct), dtype=np.bool_)
    is_landmark[drawn] = True
    raw = np.empty((len(distinct), 2), dtype=np.float32)
    raw[is_landmark] = raw_positions(method, distinct[is_landmark], known[is_landmark], seed)
    placer = Placer(distinct[is_landmark], raw[is_landmark], approximate_above=EXACT_LIMIT)
    raw[~is_landmark] = placer.target(distinct[~is_landmark])
    return raw


def _lay_over(raw: Float32Array, known: Float32Array) -> Float32Array:
    """Scale to the unit square, keeping to the earlier map where there is one."""
    is_known = np.isfinite(known).all(axis=1)
    if is_known.sum() < LEAST_KNOWN:
        return fill_square(raw)
    return keep_in_square(procrustes(raw[is_known], known[is_known]).apply(raw))


def _spread(distinct_xy: Float32Array, group: NDArray[np.int64]) -> Float32Array:
    """Give every row the place of its group, the second and later ones the nearest free spot."""
    order = np.argsort(group, kind="stable")
    settled = np.empty((len(group), 2), dtype=np.float32)
    settled[order] = Spacing().settle(distinct_xy[group[order]], exact=True)
    return settled
