"""Embeddings with known structure."""

import numpy as np

from klustr_bridge.sound.aspects import EMBEDDING_SIZE, LEARNED_SIZE
from klustr_bridge.sound.ear_heads import shipped_heads
from klustr_bridge.types import Float32Array

LEARNED_WEIGHT = 100.0


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


def learned(n: int, *, seed: int = 3, spread: float = 0.05) -> Float32Array:
    """Return n whole embeddings whose learned parts lie about the landmarks of the universal map.

    Their engineered parts are near where the learned ones are.
    """
    rng = np.random.default_rng(seed)
    landmarks = shipped_heads().map_landmarks
    heard = landmarks[rng.integers(len(landmarks), size=n)] + spread * rng.normal(size=(n, LEARNED_SIZE))
    heard /= np.linalg.norm(heard, axis=1, keepdims=True)
    mix = np.random.default_rng(1).normal(scale=5.0, size=(LEARNED_SIZE, EMBEDDING_SIZE))
    engineered = heard @ mix + rng.normal(size=(n, EMBEDDING_SIZE))
    return np.hstack([engineered, LEARNED_WEIGHT * heard, np.zeros((n, 1))]).astype(np.float32)
