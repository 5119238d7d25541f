"""Groups of near-identical sounds, as far as the sounds are there.

This module owns the narrowing of what was found to what is known; it must not look for anything itself.
"""

import numpy as np

from klustr_bridge.types import Int32Array


def groups_within(found: Int32Array, ids: Int32Array) -> Int32Array:
    """Keep what is still there of groups that were found a while ago.

    Parameters
    ----------
    found : ndarray of int32, shape (n, 2)
        Group and id, groups rising.
    ids : ndarray of int32, shape (m,)
        Of the sounds that are there, rising.

    Returns
    -------
    ndarray of int32, shape (k, 2)
        In the same order, groups of two sounds or more, numbered from 1 on. The first of a group is the one
        to keep, among those that are there.
    """
    present = found[np.isin(found[:, 1], ids)]
    _, group, sizes = np.unique(present[:, 0], return_inverse=True, return_counts=True)
    shared = sizes > 1
    number = np.cumsum(shared)
    kept = shared[group]
    return np.column_stack([number[group[kept]], present[kept, 1]]).astype(np.int32)
