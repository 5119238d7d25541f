"""From the free coordinates of a layout to the unit square.

This module owns how a map fills 0..1: 99 % of the sounds share the inner part, what lies far out
is drawn in softly, so that one odd sound never crushes the rest. It must not know where the
coordinates come from.
"""

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.types import Float32Array

EDGE = 0.03
"""The inner part of the square goes from here to 1 - EDGE, on both axes."""

LOW_PERCENT, HIGH_PERCENT = 0.5, 99.5

_LEAST_TRIMMED = 20
"""From so many sounds on the outermost on each side don't count as the bulk."""

MARGIN = 0.001
"""No sound is nearer than this to the border: 1 itself stays out of reach in float32, too."""

_LEAST_FILL = 0.8
"""A map aligned with an earlier one covers at least this share of the inner part."""

_CONSTANT = 1e-6
"""An axis whose extent is below this share of the other's holds only rounding noise."""


def fill_square(xy: NDArray[np.floating]) -> Float32Array:
    """Stretch a layout over the unit square, each axis by itself.

    Parameters
    ----------
    xy : ndarray of floats, shape (n, 2)
        Any finite coordinates.

    Returns
    -------
    ndarray of float32, shape (n, 2)
        Strictly inside 0..1. The 0.5th and 99.5th percentile of each axis come to lie at 0.03 and
        0.97; what is beyond is drawn in, in its order. An axis without extent is 0.5 throughout.
    """
    values = np.asarray(xy, dtype=np.float64)
    result = np.full(values.shape, 0.5)
    if len(values) == 0:
        return result.astype(np.float32)
    extents = np.ptp(values, axis=0)
    for axis in range(2):
        if extents[axis] > _CONSTANT * extents.max():
            low, high = _bulk(values[:, axis])
            inner = (values[:, axis] - low) / (high - low)
            result[:, axis] = _draw_in(EDGE + inner * (1 - 2 * EDGE))
    return result.astype(np.float32)


def keep_in_square(xy: NDArray[np.floating]) -> Float32Array:
    """Bring an aligned layout into the unit square while moving it as little as possible.

    Parameters
    ----------
    xy : ndarray of floats, shape (n, 2)
        Coordinates meant for the unit square, which may reach beyond it.

    Returns
    -------
    ndarray of float32, shape (n, 2)
        Strictly inside 0..1. Each axis is stretched and shifted only as far as is needed for its
        0.5th to 99.5th percentile to lie within 0.03..0.97 and to cover four fifths of that.
    """
    values = np.asarray(xy, dtype=np.float64)
    result = np.full(values.shape, 0.5)
    if len(values) == 0:
        return result.astype(np.float32)
    inner = 1 - 2 * EDGE
    extents = np.ptp(values, axis=0)
    for axis in range(2):
        if extents[axis] <= _CONSTANT * extents.max():
            continue
        low, high = _bulk(values[:, axis])
        width = float(np.clip(high - low, _LEAST_FILL * inner, inner))
        centre = float(np.clip((low + high) / 2, EDGE + width / 2, 1 - EDGE - width / 2))
        moved = centre + ((values[:, axis] - low) / (high - low) - 0.5) * width
        result[:, axis] = _draw_in(moved)
    return result.astype(np.float32)


def _bulk(values: NDArray[np.float64]) -> tuple[float, float]:
    """Where the bulk of the values begins and ends; all of them where there are few or it is a point."""
    low, high = values.min(), values.max()
    if len(values) >= _LEAST_TRIMMED:
        # no interpolation towards the outermost value: that one may be anywhere
        low = np.percentile(values, LOW_PERCENT, method="higher")
        high = np.percentile(values, HIGH_PERCENT, method="lower")
    if high - low <= _CONSTANT * np.ptp(values):
        low, high = values.min(), values.max()
    return float(low), float(high)


def _draw_in(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draw what is beyond the inner part into the margin around it, keeping its order."""
    room = EDGE - MARGIN
    above = np.maximum(values - (1 - EDGE), 0.0)
    below = np.maximum(EDGE - values, 0.0)
    inside = np.clip(values, EDGE, 1 - EDGE)
    return np.asarray(inside + above / (1 + above / room) - below / (1 + below / room))
