"""The ranking that holds up: what of a map's lead is more than the chance of which packs were there.

Owns the comparison of maps by the same resamples of packs, and the worth of a choice in packs that had no
vote in it. It must not know how scores are made.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.study.bootstrap import Estimate, Resampling, estimate

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Place:
    """Of one map, by its number among those given: its scores with intervals, how far it lies behind."""

    number: int
    share: Estimate
    share_classes: Estimate
    behind: Estimate


def ranked(
    shares: Sequence[Numbers], labels: NDArray[np.str_], packs: NDArray[np.str_], seed: int
) -> list[Place]:
    """Rank maps of the same sounds.

    Parameters
    ----------
    shares : sequence of ndarray of float64, shape (n,)
        Of each map, `klustr_bridge.study.scores.neighbour_precision`: NaN for sounds that weren't asked, the
        same in all.
    labels, packs : ndarray of str, shape (n,)
    seed : int
        Of the resamples.

    Returns
    -------
    list of Place
        The best first. Intervals are those of 95 % of resamples of packs.
    """
    if not shares:
        return []
    asked = np.isfinite(shares[0])
    if not asked.any():
        nothing = Estimate(float("nan"), float("nan"), float("nan"))
        return [Place(number, nothing, nothing, nothing) for number in range(len(shares))]
    draws = Resampling(packs[asked], labels[asked], seed)
    sounds = [draws.over_sounds(share[asked]) for share in shares]
    classes = [draws.over_labels(share[asked]) for share in shares]
    order = sorted(range(len(shares)), key=lambda number: (-float(sounds[number][0]), number))
    best = sounds[order[0]]
    return [
        Place(number, estimate(sounds[number]), estimate(classes[number]), estimate(best - sounds[number]))
        for number in order
    ]


def ranked_draws(shares: Sequence[Numbers], packs: NDArray[np.str_], seed: int) -> list[Numbers]:
    """Means of each map over sounds: what was measured first, then those of the same resamples for all.

    Parameters
    ----------
    shares : sequence of ndarray of float64, shape (n,)
        Finite.
    packs : ndarray of str, shape (n,)
    seed : int
        Of the resamples.
    """
    draws = Resampling(packs, np.full(len(packs), ""), seed)
    return [draws.over_sounds(share) for share in shares]


def held_out_share(shares: Sequence[Numbers], packs: NDArray[np.str_]) -> float:
    """Tell what choosing the best is worth where it wasn't chosen.

    For each pack the map that is best over the sounds of all other packs is looked at in that pack. Its own
    sounds are neighbours of the others all the same: only their scores have no vote.

    Parameters
    ----------
    shares, packs
        As for `ranked`.

    Returns
    -------
    float
        Mean over sounds; NaN where there is but one pack.
    """
    asked = np.isfinite(shares[0])
    of_sounds = np.array([share[asked] for share in shares])
    names, pack = np.unique(packs[asked], return_inverse=True)
    if len(names) < 2:
        return float("nan")
    sums = np.array([np.bincount(pack, weights=row, minlength=len(names)) for row in of_sounds])
    counts = np.bincount(pack, minlength=len(names))
    others = (sums.sum(axis=1, keepdims=True) - sums) / (counts.sum() - counts)
    chosen = others.argmax(axis=0)
    return float(sums[chosen, np.arange(len(names))].sum() / counts.sum())
