"""How much each aspect of a sound counts for similarity, and how much it does between two sounds.

This module owns the two values; it must not search.
"""

from typing import Final, NamedTuple

import numpy as np

from klustr_bridge.sound.aspects import ASPECTS, EMBEDDING_SIZE
from klustr_bridge.types import Float32Array

IMPRESSION: Final = "impression"
"""What sets sounds apart beyond the aspects: all that the learned ear has heard. It has no weight."""


class Weights(NamedTuple):
    """What each aspect's block of the embedding is multiplied by, in the order of `ASPECTS`; 1: as it is.

    Numbers behind the engineered ones count as they are.
    """

    attack: float = 1.0
    body: float = 1.0
    tail: float = 1.0
    brightness: float = 1.0
    pitch: float = 1.0
    length: float = 1.0


EVEN = Weights()


def aspect_shares(one: Float32Array, other: Float32Array, weights: Weights = EVEN) -> dict[str, float]:
    """Share of each aspect in the squared distance of two sounds.

    Parameters
    ----------
    one, other : ndarray of float32, shape (EMBEDDING_SIZE,) or longer
        Embeddings.
    weights : Weights
        How much each aspect counts.

    Returns
    -------
    dict of str to float
        0..1 by aspect, and by `IMPRESSION` where there is more than aspects; 1 together, all 0 where
        there is no distance.
    """
    squares = np.square(one.astype(np.float64) - other)
    parts = {
        name: weight**2 * float(squares[columns].sum())
        for (name, columns), weight in zip(ASPECTS.items(), weights, strict=True)
    }
    if len(squares) > EMBEDDING_SIZE:
        parts[IMPRESSION] = float(squares[EMBEDDING_SIZE:].sum())
    whole = sum(parts.values())
    return {name: part / whole if whole else 0.0 for name, part in parts.items()}


def weighted_distance(one: Float32Array, other: Float32Array, weights: Weights = EVEN) -> float:
    """Distance of two sounds as `similar` tells it: the root of what `aspect_shares` divides."""
    difference = one.astype(np.float64) - other
    for columns, weight in zip(ASPECTS.values(), weights, strict=True):
        difference[columns] *= weight
    return float(np.linalg.norm(difference))
