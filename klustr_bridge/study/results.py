"""What a study found, as plain values: the report is written from them and nothing else.

Owns the names and the meaning of the scores. It must not compute any.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.study.bootstrap import Estimate
from klustr_bridge.types import Float32Array

Texts = NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class ScoreMeaning:
    """How a score is told: its title, what it says in one line, and whether more of it is better."""

    title: str
    says: str
    more_is_better: bool = True


SCORES: Mapping[str, ScoreMeaning] = {
    "silhouette": ScoreMeaning("silhouette", "nearer to one's own class than to the next: -1 to 1"),
    "roundness": ScoreMeaning(
        "roundness", "Polsby-Popper: 4 pi area / perimeter^2 of each class's hull, mean; 1 is a circle"
    ),
    "overlap_published": ScoreMeaning(
        "overlap, as published",
        "outer hull / (outer hull + all class hulls): the published code's, which rewards small hulls",
    ),
    "sum_published": ScoreMeaning(
        "sum, as published", "silhouette + roundness + overlap as published: what the study chose by"
    ),
    "overlap": ScoreMeaning(
        "overlap, corrected", "union of the class hulls / sum of their areas: 1 where no two overlap"
    ),
    "roundness_core": ScoreMeaning("roundness, core", "the same without the loneliest tenth of each class"),
    "overlap_core": ScoreMeaning(
        "overlap, core", "corrected overlap without the loneliest tenth of each class"
    ),
    "share": ScoreMeaning(
        "neighbours of one's class",
        "share of the ten nearest on the map that are of one's class, over sounds; own pack not counted",
    ),
    "share_classes": ScoreMeaning("the same over classes", "every class counts the same"),
    "share_farthest": ScoreMeaning(
        "the farthest ten", "what the last notebook measured in its place by mistake", False
    ),
    "kmeans_silhouette": ScoreMeaning(
        "k-means silhouette", "of as many k-means clusters as there are classes; knows no labels"
    ),
    "kmeans_v_measure": ScoreMeaning(
        "k-means V-measure", "how far those clusters agree with the classes: 0 to 1"
    ),
    "trustworthiness": ScoreMeaning(
        "trustworthiness", "neighbours on the map that are neighbours in the features: 0 to 1"
    ),
    "continuity": ScoreMeaning(
        "continuity", "neighbours in the features that stay neighbours on the map: 0 to 1"
    ),
}
"""Scores of a map by name, in the order of the tables; one that can't be told is left out of a map's."""

RANKED_BY = "share"
"""The score of the ranking: what a player asks, whatever the shape of a class, and held out by pack."""


@dataclass(frozen=True, slots=True)
class Features:
    """One way to describe sounds, and what was measured of it before any map was made.

    Attributes
    ----------
    name, title : str
    n_dimensions : int
    seconds : float
        Processor time to describe all sounds; NaN for numbers that came from a file.
    kmeans : mapping of str to (float, float)
        By initialisation (``k-means++``, ``random``, ``PCA``): silhouette of the clusters and V-measure,
        in the features themselves.
    share, share_classes : Estimate
        As the scores of a map, in the features themselves.
    """

    name: str
    title: str
    n_dimensions: int
    seconds: float
    kmeans: Mapping[str, tuple[float, float]]
    share: Estimate
    share_classes: Estimate


@dataclass(frozen=True, slots=True)
class MapScored:
    """One combination of features and reduction.

    Attributes
    ----------
    features : str
        Name of a `Features`.
    family : str
        ``pca``, ``tsne``, ``umap``, ``pca-umap`` or ``bridge``.
    title : str
        Of the reduction, with its parameters: ``t-SNE, perplexity 30, 1000 iterations``.
    parameters : mapping of str to float
        ``perplexity``, ``iterations``, ``neighbours``, ``min_dist``, ...; may be empty.
    xy : ndarray of float32, shape (n, 2)
        In 0..1, as wide as high at most, rows as in `StudyResult`.
    seconds : float
        Processor time of the reduction, in one process of its own.
    scores : mapping of str to float
        Finite; by the names of `SCORES`.
    share, share_classes : Estimate
        The ranked score and the one over classes, with intervals.
    behind : Estimate
        How much less its `RANKED_BY` is than the best map's, paired; 0 for the best itself.
    """

    features: str
    family: str
    title: str
    parameters: Mapping[str, float]
    xy: Float32Array
    seconds: float
    scores: Mapping[str, float]
    share: Estimate
    share_classes: Estimate
    behind: Estimate

    @property
    def is_as_good(self) -> bool:
        """Whether the best map's lead over it may be chance: the interval holds 0."""
        return self.behind.low <= 0.0


@dataclass(frozen=True, slots=True)
class StudyResult:
    """All that a study found.

    Attributes
    ----------
    folder : str
        Name of the folder that was studied.
    preset : str
        ``paper`` or ``bridge``: how sounds were prepared and classes made.
    extent : str
        ``quick`` or ``full``.
    seed : int
    labels, packs : ndarray of str, shape (n,)
        Class of each sound, and the pack that doesn't count as its neighbourhood.
    packs_are : str
        What a pack is here: ``collection``, ``kit``, or ``sound`` where neither leaves most sounds ten of
        their class outside.
    paths : tuple of str, length n
        Files below the folder; those outside of it, that a list may name, are absolute.
    dropped : mapping of str to int
        Files that weren't taken, by reason.
    failed : mapping of str to str
        Maps that couldn't be made, with the reason.
    features : tuple of Features
    maps : tuple of MapScored
        Ranked: the best first.
    held_out : float
        What a choice by this ranking is worth: for each pack the map that is best by the sounds of all
        other packs is taken, and its `RANKED_BY` looked at in that pack; mean over sounds. Its sounds are
        neighbours of the others all the same. NaN where packs are single sounds.
    seconds : float
        Wall clock of all that was made, in earlier runs that this one went on from, too.
    n_cores : int
    versions : mapping of str to str
        Of libraries that decide the result.
    """

    folder: str
    preset: str
    extent: str
    seed: int
    labels: Texts
    packs: Texts
    packs_are: str
    dropped: Mapping[str, int]
    features: tuple[Features, ...]
    maps: tuple[MapScored, ...]
    held_out: float
    seconds: float
    n_cores: int
    versions: Mapping[str, str] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in alphabetical order."""
        return tuple(np.unique(self.labels).tolist())

    def counts(self) -> dict[str, int]:
        """Sounds of each class."""
        names, count = np.unique(self.labels, return_counts=True)
        return dict(zip(names.tolist(), count.tolist(), strict=True))

    def best_of(self, features: str, family: str) -> MapScored | None:
        """The best-ranked map of some features by one family of reductions."""
        return next((one for one in self.maps if (one.features, one.family) == (features, family)), None)
