"""The one place that touches umap-learn.

This module owns calling it so that it is repeatable, quiet and starts fast. It must be imported
only by a fit that needs it: with it come numba, pynndescent and scikit-learn (2-5 s, 240 MB).
"""

import atexit
import os
import shutil
import tempfile
import warnings
from typing import Any

import numpy as np

from klustr_bridge.types import Float32Array, Int32Array


def umap_positions(
    points: Float32Array,
    *,
    neighbour_rows: Int32Array,
    neighbour_distances: Float32Array,
    start: Float32Array,
    min_dist: float,
    learning_rate: float,
    seed: int,
) -> Float32Array:
    """Run UMAP from known neighbours and a known start.

    umap-learn's two steps are called as functions: its class would look for neighbours itself
    below 4,096 points, hash the input and warn about options that are meant.

    Parameters
    ----------
    points : ndarray of float32, shape (n, d)
        At least 16 rows, no two equal.
    neighbour_rows : ndarray of int32, shape (n, k)
        Nearest rows of each row, itself first.
    neighbour_distances : ndarray of float32, shape (n, k)
        Rising, 0 first.
    start : ndarray of float32, shape (n, 2)
        Where each point begins.
    min_dist : float
        How closely UMAP may pack points, where 1 is the reach of a neighbourhood.
    learning_rate : float
        Length of the first steps; 1 untangles any start, less keeps more of a good one.
    seed : int
        Of the sampling. One thread is used, so that it decides the result.

    Returns
    -------
    ndarray of float32, shape (n, 2)
        Finite, of no particular scale or orientation.
    """
    umap_ = _load_umap()
    random_state = np.random.RandomState(seed)
    a, b = umap_.find_ab_params(1.0, min_dist)
    graph, _, _ = umap_.fuzzy_simplicial_set(
        points,
        neighbour_rows.shape[1],
        random_state,
        "euclidean",
        knn_indices=neighbour_rows,
        knn_dists=neighbour_distances,
    )
    positions, _ = umap_.simplicial_set_embedding(
        points,
        graph,
        n_components=2,
        initial_alpha=learning_rate,
        a=a,
        b=b,
        gamma=1.0,
        negative_sample_rate=5,
        n_epochs=None,
        init=_with_extent(start, random_state),
        random_state=random_state,
        metric="euclidean",
        metric_kwds={},
        densmap=False,
        densmap_kwds={},
        output_dens=False,
        parallel=False,
        verbose=False,
    )
    return np.asarray(positions, dtype=np.float32)


def _with_extent(start: Float32Array, random_state: np.random.RandomState) -> Float32Array:
    """Shake a start that has no extent along an axis: umap-learn divides by the extent."""
    extents = np.ptp(start, axis=0)
    if extents.min() > 1e-4 * max(float(extents.max()), 1e-4):
        return start
    shake = 1e-2 * max(float(extents.max()), 1.0)
    return np.asarray(start + random_state.normal(scale=shake, size=start.shape), dtype=np.float32)


def _load_umap() -> Any:
    """Import umap-learn and make numba keep what it compiles."""
    with warnings.catch_warnings():
        # "Tensorflow not installed; ParametricUMAP will be unavailable": not used here
        warnings.filterwarnings("ignore", category=ImportWarning, module=r"umap(\..*)?")
        try:
            from umap import layouts, umap_
        except RuntimeError as error:
            if "no locator available" not in str(error):
                raise
            _use_temporary_numba_cache()
            from umap import layouts, umap_
    # These three are compiled anew in every process otherwise: 7 of 11 s of a fit of 300 sounds.
    for module, name in (
        (umap_, "smooth_knn_dist"),
        (umap_, "compute_membership_strengths"),
        (layouts, "_nb_optimize_layout_euclidean_single_epoch"),
    ):
        function: Any = getattr(module, name, None)
        if hasattr(function, "enable_caching"):
            function.enable_caching()
    import numba

    numba.set_num_threads(1)
    return umap_


def _use_temporary_numba_cache() -> None:
    """Let numba cache where neither the installation nor the home folder can be written to.

    Its import fails there (a service with a protected home): "cannot cache function".
    """
    from numba.core import config

    numba_config: Any = config
    folder = tempfile.mkdtemp(prefix="klustr-bridge-numba-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = folder
    numba_config.reload_config()
