"""What an embedding, a map or a kind head is worth on sounds that it wasn't made from.

Owns the measures of `training.evaluate`, from points and labels alone. It must not train.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.study.scores import neighbour_precision
from klustr_bridge.types import Float32Array
from training.sounds import Sounds

K: Final = 10
_TRIPLETS = 40_000
_CLEAR_RATIO = 1.25  # of the distances of a triplet: nearer than this nobody would agree on either
_ECE_BINS = 15

Numbers = NDArray[np.float64]


def precision(points: Float32Array, sounds: Sounds) -> Numbers:
    """Share of the ten nearest drums outside a drum's own kit that are of its kind.

    Parameters
    ----------
    points : ndarray of float32, shape (n, d)
    sounds : Sounds
        As many; those that are no drums are neither asked about nor looked at.

    Returns
    -------
    ndarray of float64, shape (n,)
        NaN where it isn't asked: no drum, or fewer than ten of its kind outside its kit.
    """
    share = np.full(len(sounds), np.nan)
    drums = np.flatnonzero(sounds.is_drum)
    kind, kit = sounds.kind[drums].astype(str), sounds.kit[drums]
    found = neighbour_precision(points[drums].astype(np.float64), kind, kit, K)
    for one in np.unique(kind):
        of_kind = kind == one
        in_kit = {name: int((of_kind & (kit == name)).sum()) for name in np.unique(kit[of_kind])}
        n_outside = np.array([of_kind.sum() - in_kit[name] for name in kit[of_kind]])
        found[np.flatnonzero(of_kind)[n_outside < K]] = np.nan
    share[drums] = found
    return share


def over_sounds(share: Numbers) -> float:
    """Mean over the sounds that were asked about."""
    return float(np.nanmean(share))


def over_kinds(share: Numbers, kind: NDArray[np.int64]) -> float:
    """Mean over kinds of the mean over their sounds."""
    asked = np.isfinite(share)
    return float(np.mean([share[asked & (kind == one)].mean() for one in np.unique(kind[asked])]))


def triplet_agreement(
    points: Float32Array, reference: Float32Array, kind: NDArray[np.int64], seed: int
) -> float:
    """How often two of a kind lie in the same order from a third as in the reference, where that is clear.

    Parameters
    ----------
    points, reference : ndarray of float32, shape (n, d), (n, m)
    kind : ndarray of int64, shape (n,)
    seed : int
        Of the triplets that are drawn.

    Returns
    -------
    float
        0..1, .5 by chance.
    """
    rng = np.random.default_rng(seed)
    by_kind = [np.flatnonzero(kind == one) for one in np.unique(kind)]
    by_kind = [rows for rows in by_kind if len(rows) >= 3]
    share = np.array([len(rows) for rows in by_kind], np.float64) ** 0.5
    counts = rng.multinomial(_TRIPLETS, share / share.sum())
    drawn = [rows[rng.integers(len(rows), size=(n, 3))] for rows, n in zip(by_kind, counts, strict=True)]
    a, b, c = np.concatenate(drawn).T
    first, second = _apart(reference, a, b), _apart(reference, a, c)
    is_clear = (a != b) & (a != c) & (b != c)
    is_clear &= np.maximum(first, second) > _CLEAR_RATIO * np.minimum(first, second)
    a, b, c = a[is_clear], b[is_clear], c[is_clear]
    same = (_apart(points, a, b) < _apart(points, a, c)) == (first < second)[is_clear]
    return float(same.mean())


def calibration_error(shares: Float32Array, kind: NDArray[np.int64]) -> float:
    """Expected calibration error: how far the surest kind's probability is from how often it is right.

    Parameters
    ----------
    shares : ndarray of float32, shape (n, n_kinds)
        Probabilities.
    kind : ndarray of int64, shape (n,)

    Returns
    -------
    float
        0..1, over fifteen bins of equal width.

    References
    ----------
    C. Guo et al., "On calibration of modern neural networks", ICML 2017.
    """
    sure, right = shares.max(axis=1), shares.argmax(axis=1) == kind
    bins = np.minimum((sure * _ECE_BINS).astype(int), _ECE_BINS - 1)
    weight = np.bincount(bins, minlength=_ECE_BINS) / len(kind)
    gap = np.bincount(bins, weights=right - sure, minlength=_ECE_BINS)
    count = np.maximum(np.bincount(bins, minlength=_ECE_BINS), 1)
    return float((weight * np.abs(gap / count)).sum())


def _apart(points: Float32Array, a: NDArray[np.int64], b: NDArray[np.int64]) -> Numbers:
    apart: Numbers = np.linalg.norm(points[a].astype(np.float64) - points[b], axis=1)
    return apart
