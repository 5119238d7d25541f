"""Embeddings with known structure."""

from functools import cache

import numpy as np

from klustr_bridge.sound.aspects import EMBEDDING_SIZE, LEARNED, LEARNED_SIZE
from klustr_bridge.sound.ear_heads import shipped_heads
from klustr_bridge.sound.embedding import LEARNED_WEIGHT
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


@cache
def known_sounds() -> tuple[Float32Array, Float32Array]:
    """Return engineered embeddings and unit vectors of landmarks of the universal map."""
    head = shipped_heads().map
    rows = head.middle + head.landmarks @ head.axes.T
    heard = rows[:, LEARNED]
    heard /= np.linalg.norm(heard, axis=1, keepdims=True)
    return rows[:, :EMBEDDING_SIZE].astype(np.float32), heard.astype(np.float32)


def learned(n: int, *, seed: int = 3, spread: float = 0.05) -> Float32Array:
    """Return n whole embeddings that lie about the landmarks of the universal map."""
    rng = np.random.default_rng(seed)
    engineered, known = known_sounds()
    rows = rng.integers(len(known), size=n)
    heard = known[rows] + spread * rng.normal(size=(n, LEARNED_SIZE))
    heard /= np.linalg.norm(heard, axis=1, keepdims=True)
    measured = engineered[rows] + rng.normal(size=(n, EMBEDDING_SIZE))
    return np.hstack([measured, LEARNED_WEIGHT * heard, np.zeros((n, 1))]).astype(np.float32)
