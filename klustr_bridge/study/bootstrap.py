"""How far a mean over sounds would vary with other packs: whole packs are drawn again.

Sounds of one kit are no independent witnesses, so whole groups are drawn again, never single sounds. This
module must not know what is measured.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_RESAMPLES = 2_000
SHARE_WITHIN = 0.95

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, and between what 95 % of the resamples lie."""

    value: float
    low: float
    high: float

    def text(self, unit: float = 100.0) -> str:
        """Say it with its interval, in percent unless another unit is given."""
        return f"{unit * self.value:5.1f} [{unit * self.low:5.1f} {unit * self.high:5.1f}]"


class Resampling:
    """Draws of whole groups, the same draws for whatever is asked: differences are paired.

    Parameters
    ----------
    group, label : ndarray of str, shape (n,)
        Of each sound.
    seed : int, optional
        Of the draws.
    """

    def __init__(self, group: NDArray[np.str_], label: NDArray[np.str_], seed: int = 0) -> None:
        names, self._group = np.unique(group, return_inverse=True)
        labels, self._label = np.unique(label, return_inverse=True)
        self._shape = (len(names), len(labels))
        rng = np.random.default_rng(seed)
        draws = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=N_RESAMPLES)
        # the first row is what was measured: every group once
        self._weights = np.vstack([np.ones((1, len(names))), draws])

    def over_sounds(self, value: Numbers) -> Numbers:
        """Mean over sounds of what was measured and of every resample, shape (1 + N_RESAMPLES,)."""
        total, count = self._sums(value)
        return np.asarray((self._weights @ total.sum(axis=1)) / (self._weights @ count.sum(axis=1)))

    def over_labels(self, value: Numbers) -> Numbers:
        """The same with every label counting the same; those that a resample lacks don't count in it."""
        total, count = self._sums(value)
        drawn = self._weights @ count
        means = np.divide(self._weights @ total, drawn, out=np.full_like(drawn, np.nan), where=drawn > 0)
        return np.asarray(np.nanmean(means, axis=1))

    def _sums(self, value: Numbers) -> tuple[Numbers, Numbers]:
        total, count = np.zeros(self._shape), np.zeros(self._shape)
        np.add.at(total, (self._group, self._label), value)
        np.add.at(count, (self._group, self._label), 1.0)
        return total, count


def estimate(means: Numbers, share_within: float = SHARE_WITHIN) -> Estimate:
    """The first of `Resampling`'s means, with the interval that holds so much of the rest."""
    rest = (1 - share_within) / 2
    low, high = np.quantile(means[1:], [rest, 1 - rest])
    return Estimate(float(means[0]), float(low), float(high))
