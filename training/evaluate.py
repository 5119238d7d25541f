"""The report: what the learned ear is worth on collections that it never heard, beside the engineered one.

Owns what is asked of each fold and the words of the report. It must not train.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.layout.fit import fit_layout
from klustr_bridge.layout.quality import trustworthiness
from klustr_bridge.sound.ear_heads import KindHead, MapHead
from klustr_bridge.sound.embedding import LEARNED_WEIGHT
from klustr_bridge.study.bootstrap import Resampling, estimate
from klustr_bridge.types import Float32Array
from training.folds import Fold
from training.heads import (
    KIND_TEMPERATURE,
    KIND_THRESHOLD,
    fit_map_head,
    mixed,
)
from training.scores import (
    Numbers,
    calibration_error,
    over_kinds,
    over_sounds,
    precision,
    triplet_agreement,
)
from training.sounds import Sounds, TrainingError

WEIGHTS: Final = (0, 30, LEARNED_WEIGHT, 100, 150)
"""Of the learned numbers beside the engineered ones."""

_LEAST_DRUMS = 100
_TEMPERATURES: Final = tuple(np.round(np.geomspace(0.4, 3.0, 41), 3).tolist())
_THRESHOLDS: Final = tuple(np.round(np.arange(0.1, 0.95, 0.025), 3).tolist())
_WANTED_RIGHT = 0.8


@dataclass(frozen=True, slots=True)
class Held:
    """What was held out of a fold, as the ears of all its seeds hear it.

    Attributes
    ----------
    name : str
        Of the fold.
    part : Sounds
        What was held out.
    ears : sequence of (int, ndarray of float32, shape (n, LEARNED_SIZE))
        Seeds, and what the ear trained with each makes of `part`.
    """

    name: str
    part: Sounds
    ears: Sequence[tuple[int, Float32Array]]

    def shares(self, weight: float | None) -> Numbers:
        """P@10 of each sound with each ear, shape (n_seeds, n): see `precision`.

        By the engineered numbers beside the learned ones times `weight`; by the learned ones alone if None.
        """
        if weight == 0:
            return np.tile(precision(self.part.engineered, self.part), (len(self.ears), 1))
        rows = (one if weight is None else mixed(self.part, one, weight) for _, one in self.ears)
        return np.stack([precision(each, self.part) for each in rows])

    def agreement(self, weight: float | None) -> float:
        """Mean over the ears of `triplet_agreement`; `weight` as above."""
        part = self.part
        rows = [(seed, one if weight is None else mixed(part, one, weight)) for seed, one in self.ears]
        return float(
            np.mean([triplet_agreement(each, part.engineered, part.kind, seed) for seed, each in rows])
        )


def evaluate(sounds: Sounds, folds: Sequence[Fold], tell: Callable[[str], None]) -> str:
    """Judge the folds.

    Parameters
    ----------
    sounds : Sounds
        All that the folds were made of.
    folds : sequence of Fold
        With the same seeds for each name.
    tell : callable
        Told a line now and then.

    Returns
    -------
    str
        Markdown.

    Raises
    ------
    TrainingError
        Where too few drums are held out.
    """
    judged = [fold for fold in folds if sounds.of(fold.is_held_out).is_drum.sum() >= _LEAST_DRUMS]
    if not judged:
        raise TrainingError(f"no fold holds {_LEAST_DRUMS} drums or more out: there is nothing to judge by")
    lines = ["# What the learned ear is worth on collections it never heard", ""]
    lines += neighbours([held_out(sounds, judged, name) for name in dict.fromkeys(f.name for f in judged)])
    tell("neighbours are judged")
    lines += _maps(sounds, judged, tell)
    lines += _kinds(sounds, folds)
    return "\n".join(lines) + "\n"


def held_out(sounds: Sounds, folds: Sequence[Fold], name: str) -> Held:
    """Gather the ears of all seeds of a fold."""
    of_name = [fold for fold in folds if fold.name == name]
    is_held_out = of_name[0].is_held_out
    return Held(name, sounds.of(is_held_out), [(fold.seed, fold.learned[is_held_out]) for fold in of_name])


def neighbours(held: Sequence[Held]) -> list[str]:
    """Lines of the report on neighbours: what each weight is worth, and the shipped one beside none."""
    n_seeds = len(held[0].ears)
    names = " | ".join(one.name for one in held)
    lines = [
        "## Neighbours and triplets",
        "",
        "P@10: share of the ten nearest held-out drums outside a drum's own kit that are of its kind, mean "
        f"over sounds / over kinds, of {n_seeds} seed(s); ± is the standard deviation between them. "
        "Triplets: agreement with the engineered order within a kind.",
        "",
        f"| learned, times | {names} | all | triplets |",
        "|---" * (len(held) + 3) + "|",
    ]
    shares: dict[float | None, list[Numbers]] = {}
    for weight in (*WEIGHTS, None):
        shares[weight] = [one.shares(weight) for one in held]
        cells = [_means(share, one.part.kind) for share, one in zip(shares[weight], held, strict=True)]
        cells.append(_means(np.hstack(shares[weight]), _kinds_of(held)))
        cells.append(f"{np.mean([one.agreement(weight) for one in held]):.3f}")
        lines.append(f"| {'alone' if weight is None else f'{weight:g}'} | " + " | ".join(cells) + " |")
    lines += [
        "",
        f"Times {LEARNED_WEIGHT:g} less engineered alone, points: mean of the seeds [95 %, whole kits drawn "
        "again].",
        "",
        "| fold | asked | over sounds | over kinds |",
        "|---|---|---|---|",
    ]
    gains = [
        (with_ear - without).mean(axis=0)
        for with_ear, without in zip(shares[LEARNED_WEIGHT], shares[0], strict=True)
    ]
    rows = [(one.name, [one], [gain]) for one, gain in zip(held, gains, strict=True)]
    for name, those, gain in (*rows, ("all", list(held), gains)):
        lines.append(f"| {name} | " + _gain(np.concatenate(gain), those) + " |")
    return [*lines, ""]


def _means(share: Numbers, kind: NDArray[np.int64]) -> str:
    """Both means of shares of shape (n_seeds, n)."""
    by_seed = [(over_sounds(one), over_kinds(one, kind)) for one in share]
    return " / ".join(
        f"{np.mean(means):.3f}" + (f" ± {np.std(means, ddof=1):.3f}" if len(share) > 1 else "")
        for means in zip(*by_seed, strict=True)
    )


def _gain(share: Numbers, held: Sequence[Held]) -> str:
    """Both means of differences of shares, in points, and between what they would lie with other kits."""
    asked = np.isfinite(share)
    kit = np.concatenate([one.part.kit for one in held])[asked]
    draws = Resampling(kit, _kinds_of(held)[asked].astype(str))
    by_sound, by_kind = draws.over_sounds(share[asked]), draws.over_labels(share[asked])
    return f"{asked.sum()} | {estimate(by_sound).text()} | {estimate(by_kind).text()}"


def _kinds_of(held: Sequence[Held]) -> NDArray[np.int64]:
    return np.concatenate([one.part.kind for one in held])


def _maps(sounds: Sounds, folds: Sequence[Fold], tell: Callable[[str], None]) -> list[str]:
    lines = [
        "## Maps of the held-out drums",
        "",
        f"Fitted: t-SNE of the drums' own rows. Universal: their places among the landmarks of the others. "
        f"Weight {LEARNED_WEIGHT:g}.",
        "",
        "| fold | sounds | P@10 fitted | P@10 universal | ratio | trustworthiness fitted | universal |",
        "|---|---|---|---|---|---|---|",
    ]
    for fold in folds:
        held_drums = fold.is_held_out & sounds.is_drum
        part, learned = sounds.of(held_drums), fold.learned[held_drums]
        rows = mixed(part, learned)
        fitted = fit_layout(rows, seed=fold.seed).xy
        taught = ~fold.is_held_out
        head = MapHead.of(fit_map_head(mixed(sounds.of(taught), fold.learned[taught]), fold.seed))
        universal = head.positions(rows)
        asked = [over_sounds(precision(xy, part)) for xy in (fitted, universal)]
        trust = [trustworthiness(rows, xy) for xy in (fitted, universal)]
        lines.append(
            f"| {fold.name} {fold.seed} | {len(part)} | {asked[0]:.3f} | {asked[1]:.3f} | "
            f"{asked[1] / asked[0]:.2f} | {trust[0]:.3f} | {trust[1]:.3f} |"
        )
        tell(f"{fold.name}, seed {fold.seed}: maps are judged")
    return [*lines, ""]


def _kinds(sounds: Sounds, folds: Sequence[Fold]) -> list[str]:
    shares, kind, is_drum = [], [], []
    lines = [
        "## Kinds",
        "",
        f"Temperature {KIND_TEMPERATURE:g}, threshold {KIND_THRESHOLD:g}: as shipped. All: the weakly "
        "labelled synths, voices, basses, percussion and effects among them.",
        "",
        "| fold | right, drums | right, all | answered, drums | right of those | ECE drums | ECE all |",
        "|---|---|---|---|---|---|---|",
    ]
    for fold in folds:
        part = sounds.of(fold.is_held_out)
        head = replace(KindHead.of(fold.kind_head), temperature=1.0)
        told = head.probabilities(mixed(part, fold.learned[fold.is_held_out]))
        shares.append(told)
        kind.append(part.kind)
        is_drum.append(part.is_drum)
        lines.append(f"| {fold.name} {fold.seed} | " + _kind_cells(told, part.kind, part.is_drum) + " |")
    together = np.concatenate(shares), np.concatenate(kind), np.concatenate(is_drum)
    lines.append("| all | " + _kind_cells(*together) + " |")
    best = min(_TEMPERATURES, key=lambda one: _surprise(_tempered(together[0], one), together[1]))
    told = _tempered(together[0], best)
    sure, right = told.max(axis=1), told.argmax(axis=1) == together[1]
    enough = [one for one in _THRESHOLDS if right[sure >= one].mean() >= _WANTED_RIGHT]
    lines += ["", f"Least surprise at temperature {best:g} (ECE {calibration_error(told, together[1]):.3f})."]
    if enough:
        lines.append(
            f"From {enough[0]:g} on at least {_WANTED_RIGHT:.0%} of the answers are right "
            f"({right[sure >= enough[0]].mean():.1%}), and {(sure >= enough[0]).mean():.1%} of the sounds "
            "get one."
        )
    return [*lines, ""]


def _kind_cells(shares: Float32Array, kind: NDArray[np.int64], is_drum: NDArray[np.bool_]) -> str:
    told = _tempered(shares, KIND_TEMPERATURE)
    right, is_sure = told.argmax(axis=1) == kind, told.max(axis=1) >= KIND_THRESHOLD
    drums = calibration_error(told[is_drum], kind[is_drum]) if is_drum.any() else float("nan")
    answered = is_drum & is_sure
    return (
        f"{_mean(right[is_drum])} | {_mean(right)} | {_mean(is_sure[is_drum])} | {_mean(right[answered])} | "
        f"{drums:.3f} | {calibration_error(told, kind):.3f}"
    )


def _mean(values: NDArray[np.bool_]) -> str:
    return f"{values.mean():.3f}" if len(values) else "-"


def _tempered(shares: Float32Array, temperature: float) -> Float32Array:
    """Probabilities as another temperature would have made them of the same logits."""
    powers = np.maximum(shares, 1e-12).astype(np.float64) ** (1.0 / temperature)
    tempered: Float32Array = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return tempered


def _surprise(shares: Float32Array, kind: NDArray[np.int64]) -> float:
    return float(-np.log(np.maximum(shares[np.arange(len(kind)), kind], 1e-12)).mean())
