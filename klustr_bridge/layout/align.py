"""Laying a new map over an old one.

A layout's distances have a meaning, its orientation has none: a new fit may come out turned or
mirrored. This module owns finding the turn that brings the sounds of both maps back to where the
user knows them. It must not bend a map: only rotation, reflection, one scale and a shift.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Similarity:
    """Rotation or reflection, then one scale, then a shift.

    Attributes
    ----------
    rotation : ndarray of float64, shape (2, 2)
        Orthogonal; its determinant is -1 where the map is mirrored.
    scale : float
        Above 0.
    shift : ndarray of float64, shape (2,)
    """

    rotation: NDArray[np.float64]
    scale: float
    shift: NDArray[np.float64]

    def apply(self, xy: NDArray[np.floating]) -> NDArray[np.float64]:
        """Transform positions of shape (n, 2)."""
        return np.asarray(self.scale * (np.asarray(xy, dtype=np.float64) @ self.rotation) + self.shift)


def procrustes(moving: NDArray[np.floating], fixed: NDArray[np.floating]) -> Similarity:
    """Find the similarity that lays `moving` over `fixed`, row on row.

    Parameters
    ----------
    moving, fixed : ndarray of floats, shape (n, 2)
        The same sounds on two maps.

    Returns
    -------
    Similarity
        Least squares in rotation and shift. The scale makes both maps equally large: the scale of
        least squares would shrink a map with every refit, the more the less the two agree. Where
        either has no extent, the scale is 1 and nothing is turned.

    References
    ----------
    P. H. Schönemann, "A generalized solution of the orthogonal Procrustes problem",
    Psychometrika 31 (1966).
    """
    moving = np.asarray(moving, dtype=np.float64)
    fixed = np.asarray(fixed, dtype=np.float64)
    if len(moving) == 0:
        return Similarity(np.eye(2), 1.0, np.zeros(2))
    centre_moving, centre_fixed = moving.mean(axis=0), fixed.mean(axis=0)
    centred_moving, centred_fixed = moving - centre_moving, fixed - centre_fixed
    size_moving, size_fixed = np.linalg.norm(centred_moving), np.linalg.norm(centred_fixed)
    rotation, scale = np.eye(2), 1.0
    if size_moving > 1e-12 and size_fixed > 1e-12:
        left, _, right = np.linalg.svd(centred_moving.T @ centred_fixed)
        rotation, scale = left @ right, float(size_fixed / size_moving)
    return Similarity(rotation, scale, centre_fixed - scale * (centre_moving @ rotation))
