"""How good a map of labelled sounds is, in the numbers that the layout benchmark prints."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.labelled import Numbers, Table
from klustr_bridge.layout.quality import continuity, neighbour_share, trustworthiness
from klustr_bridge.layout.regions import hull_scores, silhouette
from klustr_bridge.study.bootstrap import Estimate, Resampling, estimate
from klustr_bridge.study.scores import neighbour_precision


@dataclass(frozen=True, slots=True)
class Judged:
    """Scores of a map; P@k without the sound's own collection.

    Attributes
    ----------
    sounds, classes, own_sounds, own_classes : Estimate
        P@k on the map and in the features themselves, over sounds and over classes.
    trustworthiness, continuity, neighbour_share : float
        Against the features that the map was made from.
    silhouette, roundness, overlap, overlap_in_outer_hull : float
        Of the labels' regions; NaN where there are none.
    """

    sounds: Estimate
    classes: Estimate
    own_sounds: Estimate
    own_classes: Estimate
    trustworthiness: float
    continuity: float
    neighbour_share: float
    silhouette: float
    roundness: float
    overlap: float
    overlap_in_outer_hull: float

    def numbers(self) -> dict[str, float]:
        """The plain numbers among them."""
        return {name: value for name, value in asdict(self).items() if isinstance(value, float)}


class Judge:
    """Judges maps of the same sounds by the same draws of collections, so that differences are paired.

    Parameters
    ----------
    table : Table
        Labels and collections of the sounds.
    k : int
        Of P@k.
    """

    def __init__(self, table: Table, k: int) -> None:
        self._table, self._k = table, k
        _, codes = np.unique(table.label, return_inverse=True)
        self.kinds: NDArray[np.int64] = codes + 1
        # the same for all maps: how many others there are outside of a sound's collection
        _, own, count = np.unique(table.collection, return_inverse=True, return_counts=True)
        self.asked: NDArray[np.bool_] = len(own) - count[own] >= k
        if not self.asked.any():
            raise SystemExit(f"no sound has {k} others outside of its collection; name a smaller -k")
        self._draws = Resampling(table.collection[self.asked], table.label[self.asked])

    def shares(self, points: Numbers) -> Numbers:
        """P@k of each sound that is asked."""
        return neighbour_precision(points, self._table.label, self._table.collection, self._k)[self.asked]

    def over_sounds(self, shares: Numbers) -> Numbers:
        """Means of what was measured and of all draws."""
        return self._draws.over_sounds(shares)

    def over_classes(self, shares: Numbers) -> Numbers:
        """The same with every label counting the same."""
        return self._draws.over_labels(shares)

    def judge(self, points: Numbers, xy: NDArray[np.float32]) -> Judged:
        """Measure a map of the sounds and the features it was made from; all sounds, no sample."""
        given, n = points.astype(np.float32), len(points)
        on_map, own = self.shares(xy.astype(np.float64)), self.shares(points)
        hulls, apart = hull_scores(xy, self.kinds), silhouette(xy, self.kinds, sample=n)
        missing = float("nan")
        return Judged(
            sounds=estimate(self.over_sounds(on_map)),
            classes=estimate(self.over_classes(on_map)),
            own_sounds=estimate(self.over_sounds(own)),
            own_classes=estimate(self.over_classes(own)),
            trustworthiness=trustworthiness(given, xy, sample=n),
            continuity=continuity(given, xy, sample=n),
            neighbour_share=neighbour_share(given, xy, sample=n),
            silhouette=missing if apart is None else apart,
            roundness=missing if hulls is None else hulls.roundness,
            overlap=missing if hulls is None else hulls.overlap,
            overlap_in_outer_hull=missing if hulls is None else hulls.overlap_in_outer_hull,
        )
