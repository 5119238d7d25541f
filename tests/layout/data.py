"""Embeddings with known structure."""

import numpy as np

from klustr_bridge.types import Float32Array


def clusters(
    n: int, *, n_clusters: int = 8, n_dims: int = 64, seed: int = 3, spread: float = 1.0
) -> Float32Array:
    """Return n points around n_clusters centres, about as far apart as the kinds of drum sounds are."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(scale=2.0, size=(n_clusters, n_dims))
    which = rng.integers(n_clusters, size=n)
    # a handful of free directions, as real sounds have, rather than as many as dimensions
    free = rng.normal(size=(6, n_dims))
    points = (
        centres[which] + spread * rng.normal(size=(n, 6)) @ free + rng.normal(scale=0.2, size=(n, n_dims))
    )
    return points.astype(np.float32)
