"""What a study found, in plain words, and how its numbers are written.

Owns wording and number formats. It must not make markup.
"""

import math
from collections.abc import Sequence

import numpy as np

from klustr_bridge.study.bootstrap import Estimate
from klustr_bridge.study.dataset import has_others_outside, n_alike_outside
from klustr_bridge.study.features import EMBEDDING
from klustr_bridge.study.published import FAMILIES, OVERLAP, ROUNDNESS, SILHOUETTE
from klustr_bridge.study.results import MapScored, StudyResult

FAMILY_TITLES = {
    "pca": "PCA",
    "tsne": "t-SNE",
    "umap": "UMAP",
    "pca-umap": "PCA, then UMAP",
    "bridge": "the bridge's layout",
}
"""Families of reductions in the order of the tables."""

PAPER_TITLES = {"stft": "STFT", "mfcc": "MFCC", "mir": "MIR", "wavenet": "WaveNet"}
"""Features of the paper's tables, for rows of features that were not studied."""

OWN = (EMBEDDING, "bridge")
"""Features and family of the map that the bridge itself would make."""

PERCENT = frozenset({"share", "share_classes", "share_farthest"})
"""Scores written in percent."""

NOTHING = "–"
_NAMED = 5


def decimal(value: float | None, digits: int = 3) -> str:
    """A number with a minus that is as wide as a plus; a dash for none."""
    if value is None or not math.isfinite(value):
        return NOTHING
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "\u2212")


def percent(value: float | None, digits: int = 1) -> str:
    """A share in percent, without its sign."""
    return decimal(None if value is None else 100 * value, digits)


def in_percent(value: float | None) -> str:
    """A share with its sign, in words."""
    return f"{percent(value)}\u00a0%"


def score_text(name: str, value: float | None) -> str:
    """A score as the tables write it."""
    return percent(value) if name in PERCENT else decimal(value)


def interval(one: Estimate) -> str:
    """The ends of an interval, in percent."""
    if not (math.isfinite(one.low) and math.isfinite(one.high)):
        return NOTHING
    return f"{percent(one.low)} to {percent(one.high)}"


def duration(seconds: float) -> str:
    """A time as one says it; tenths of a second below ten."""
    if not math.isfinite(seconds):
        return NOTHING
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 119.5:
        return f"{seconds:.0f} s"
    if seconds < 7170:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def counted(n: int, one: str, many: str | None = None) -> str:
    """A number with its noun."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(names: Sequence[str], last: str = "and") -> str:
    """Names with commas, and a word before the last."""
    return names[0] if len(names) == 1 else f"{'; '.join(names[:-1])} {last} {names[-1]}"


def family_title(family: str) -> str:
    """How a family of reductions is called."""
    return FAMILY_TITLES.get(family, family)


def families_of(result: StudyResult) -> list[str]:
    """The families that were studied, in the order of the tables."""
    there = {one.family for one in result.maps}
    return [name for name in FAMILY_TITLES if name in there] + sorted(there - FAMILY_TITLES.keys())


def feature_title(result: StudyResult, name: str) -> str:
    """How a feature set is called."""
    return next((one.title for one in result.features if one.name == name), PAPER_TITLES.get(name, name))


def map_title(result: StudyResult, one: MapScored) -> str:
    """How a map is called: its features and its reduction."""
    return f"{feature_title(result, one.features)}, {one.title}"


def parameters_text(one: MapScored) -> str:
    """The parameters alone, for a picture that stands below the name of its family."""
    given = [f"{name.replace('_', ' ')} {value:g}" for name, value in one.parameters.items()]
    return ", ".join(given) or one.title


def by_chance(result: StudyResult) -> float:
    """The ranked score of a map that knows nothing: how many of those who count are of one's class.

    Those who count are outside of a sound's pack; who has fewer than ten of its class there isn't asked.
    """
    pack = np.unique(result.packs, return_inverse=True)[1]
    alike = n_alike_outside(result.labels, result.packs)
    others = len(pack) - np.bincount(pack)[pack]
    asked = has_others_outside(result.labels, result.packs)
    asked = (asked if asked.any() else np.ones_like(asked)) & (others > 0)
    return float((alike[asked] / others[asked]).mean()) if asked.any() else float("nan")


def neighbours_are(result: StudyResult) -> str:
    """Whose neighbours count."""
    if result.packs_are == "sound":
        return (
            "all other sounds count: no division by folders leaves most sounds ten of their class outside, "
            "so single sounds were drawn again, and the intervals may be too narrow"
        )
    return f"sounds of its own {result.packs_are} are not counted"


def leads(result: StudyResult) -> list[str]:
    """How much the best map leads, and which are as good; a paragraph each."""
    best, others = result.maps[0], result.maps[1:]
    if not others:
        return ["There is no other map to compare it with."]
    as_good = [one for one in others if one.is_as_good]
    behind = [one for one in others if not one.is_as_good and math.isfinite(one.behind.value)]
    told = []
    if as_good:
        names = [f"{map_title(result, one)} ({in_percent(one.share.value)})" for one in as_good[:_NAMED]]
        if len(as_good) > _NAMED:
            names.append(f"{len(as_good) - _NAMED:,} more, marked below")
        told.append(
            f"Its lead over {counted(len(as_good), 'other map')} may be chance; they may be as good: "
            f"{listed(names)}."
        )
    elif math.isfinite(best.share.value):
        drawn = "sounds" if result.packs_are == "sound" else f"{result.packs_are}s"
        told.append(f"No other map comes near: its lead is more than the chance of which {drawn} were there.")
    if behind:
        first = behind[0]
        told.append(
            f"{'The first that is clearly behind' if as_good else 'The next'} is {map_title(result, first)}, "
            f"by {percent(first.behind.value)} points ({interval(first.behind)})."
        )
    return told


def held_out(result: StudyResult) -> str | None:
    """What the choice is worth in packs whose own sounds had no vote."""
    if not math.isfinite(result.held_out):
        return None
    return (
        f"The best of {counted(len(result.maps), 'map')} looks a little better than it is, since it was "
        f"chosen on the same sounds. Chosen by the sounds of all other {result.packs_are}s and looked at in "
        f"the one that had no vote, the choice reaches {in_percent(result.held_out)}."
    )


def of_the_bridge(result: StudyResult) -> str | None:
    """Where the map stands that the bridge itself makes."""
    own = result.best_of(*OWN)
    if own is None or not math.isfinite(own.share.value):
        return None
    rank = 1 + next(at for at, one in enumerate(result.maps) if one is own)
    if rank == 1:
        return "It is the map that klustr-bridge itself makes of these sounds."
    how = "it may be as good" if own.is_as_good else f"behind by {percent(own.behind.value)} points"
    return (
        f"The map that klustr-bridge itself makes of these sounds ({map_title(result, own)}) is number "
        f"{rank:,} with {in_percent(own.share.value)}: {how}."
    )


def paper_best() -> tuple[str, str, float]:
    """Features, family and sum of the three scores of the paper's best map."""
    sums = {
        (features, family): SILHOUETTE[features][at] + ROUNDNESS[features][at] + OVERLAP[features][at]
        for features in SILHOUETTE
        for at, family in enumerate(FAMILIES)
    }
    (features, family), total = max(sums.items(), key=lambda one: one[1])
    return features, family, total


def beside_paper(result: StudyResult) -> list[str]:
    """What became of the paper's finding; a sentence each."""
    features, family, total = paper_best()
    title = f"{PAPER_TITLES[features]} and {family_title(family)}"
    told = [f"The paper found {title} best: silhouette, roundness and overlap add up to {decimal(total)}."]
    same = result.best_of(features, family)
    ranks = {id(one): at for at, one in enumerate(result.maps, 1)}
    if same is not None and math.isfinite(same.share.value):
        told.append(
            f"Here the best such map ({same.title}) is number {ranks[id(same)]:,} of {len(result.maps):,}, "
            f"with {in_percent(same.share.value)}."
        )
    summed = [one for one in result.maps if "sum_published" in one.scores]
    if summed:
        chosen = max(summed, key=lambda one: one.scores["sum_published"])
        told.append(
            f"Chosen by that sum here, too, it would be {map_title(result, chosen)} "
            f"({decimal(chosen.scores['sum_published'])}), which is number {ranks[id(chosen)]:,} by "
            "neighbours."
        )
    return told
