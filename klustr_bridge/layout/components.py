"""Principal components, made so that neither chance nor one odd sound decides them.

This module owns the projection of embeddings onto their directions of greatest variance. It must
not know about maps.
"""

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.types import Float32Array

_REACH = 3.0
"""How many times the median distance from the middle a sound may count, for the components."""

_NO_VARIANCE = 1e-10
"""A component with less than this share of the variance is rounding noise."""


def principal_components(points: Float32Array, n_components: int) -> Float32Array:
    """Project onto the directions of greatest variance of the bulk.

    Parameters
    ----------
    points : ndarray of float32, shape (n, d)
        At least one row.
    n_components : int
        Components wanted; fewer dimensions give fewer.

    Returns
    -------
    ndarray of float32, shape (n, min(n_components, d))
        Columns by falling variance, their signs fixed: the direction's largest entry is positive.
        Columns that hold only rounding noise are 0.

    Notes
    -----
    Points are taken from their median, and those that are farther from it than three times the
    usual count as if they were just that far: one odd sound would be a component of its own.
    """
    centred = points.astype(np.float64)
    centred -= np.median(centred, axis=0)
    variances, directions = np.linalg.eigh(_covariance_of_bulk(centred))
    chosen = np.argsort(-variances, kind="stable")[:n_components]
    variances, directions = variances[chosen], directions[:, chosen]
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(len(chosen))]
    directions = directions * np.where(largest < 0, -1.0, 1.0)
    projected = centred @ directions
    total = max(float(variances.sum()), float(np.finfo(np.float32).tiny))
    projected[:, variances <= _NO_VARIANCE * total] = 0.0
    return np.asarray(projected, dtype=np.float32)


def _covariance_of_bulk(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    radii = np.linalg.norm(centred, axis=1)
    reach = _REACH * float(np.median(radii))
    drawn_in = centred * (reach / np.maximum(radii, reach))[:, None] if reach > 0 else centred
    drawn_in = drawn_in - drawn_in.mean(axis=0)
    return np.asarray(drawn_in.T @ drawn_in / len(drawn_in))
