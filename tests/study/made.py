"""Results of studies that nobody made, with numbers that are easily told apart."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from klustr_bridge.study.bootstrap import Estimate
from klustr_bridge.study.published import INITIALISATIONS
from klustr_bridge.study.results import SCORES, Features, MapScored, StudyResult

LABELS = ("kick",) * 6 + ("snare",) * 4 + ("hi-hat",) * 2


def features(name: str, title: str, share: float = 0.5, **changed: Any) -> Features:
    """A feature set whose k-means silhouettes are 0.301, 0.302, 0.303, its V-measures 0.401, ..."""
    kmeans = {one: (0.301 + at / 1000, 0.401 + at / 1000) for at, one in enumerate(INITIALISATIONS)}
    around = Estimate(share, share - 0.01, share + 0.01)
    return replace(Features(name, title, 14, 2.5, kmeans, around, around), **changed)


def scored(
    features: str,
    family: str,
    title: str,
    share: float,
    behind: Estimate,
    *,
    parameters: Mapping[str, float] | None = None,
    scores: Mapping[str, float] | None = None,
    n: int = len(LABELS),
    seed: int = 0,
) -> MapScored:
    """A map of n dots by chance, its scores 0.1 but for those given."""
    xy = np.random.default_rng(seed).uniform(0, 1, (n, 2)).astype(np.float32)
    around = Estimate(share, share - 0.02, share + 0.02)
    told = dict.fromkeys(SCORES, 0.1) | {"share": share, "share_classes": share} | dict(scores or {})
    return MapScored(features, family, title, parameters or {}, xy, 1.5, told, around, around, behind)


def behind(value: float, low: float) -> Estimate:
    """How far a map lies behind, from `low` on."""
    return Estimate(value, low, 2 * value - low)


def result(
    maps: Sequence[MapScored], features: Sequence[Features], labels: Sequence[str] = LABELS, **changed: Any
) -> StudyResult:
    """A study of these maps."""
    made = StudyResult(
        folder="Drums",
        preset="bridge",
        extent="quick",
        seed=7,
        labels=np.array(labels),
        packs=np.array([f"kit {at % 3}" for at in range(len(labels))]),
        packs_are="kit",
        dropped={"whose name tells no class": 9},
        features=tuple(features),
        maps=tuple(maps),
        held_out=0.777,
        seconds=3600.0,
        n_cores=2,
        versions={"numpy": "2.3.4"},
        paths=tuple(f"Kit {at % 3}/{at}.wav" for at in range(len(labels))),
    )
    return replace(made, **changed)
