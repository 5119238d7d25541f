"""The report: what the learned ear is worth on collections that it never heard, beside the engineered one.

Owns what is asked of each fold and the words of the report. It must not train.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
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
from training.sounds import Sounds

WEIGHTS: Final = (0, 30, 60, 100, 150, 1000)
"""Of the learned numbers beside the engineered ones."""

_TEMPERATURES: Final = tuple(np.round(np.geomspace(0.4, 3.0, 41), 3).tolist())
_THRESHOLDS: Final = tuple(np.round(np.arange(0.1, 0.95, 0.025), 3).tolist())
_WANTED_RIGHT = 0.8


def evaluate(sounds: Sounds, folds: Sequence[Fold], tell: Callable[[str], None]) -> str:
    """Judge the folds.

    Parameters
    ----------
    sounds : Sounds
        All that the folds were made of.
    folds : sequence of Fold
    tell : callable
        Told a line now and then.

    Returns
    -------
    str
        Markdown.
    """
    judged = [fold for fold in folds if sounds.of(fold.is_held_out).is_drum.sum() >= 100]
    lines = ["# What the learned ear is worth on collections it never heard", ""]
    lines += _neighbours(sounds, judged)
    tell("neighbours are judged")
    lines += _maps(sounds, judged, tell)
    lines += _kinds(sounds, folds)
    return "\n".join(lines) + "\n"


def _neighbours(sounds: Sounds, folds: Sequence[Fold]) -> list[str]:
    lines = [
        "## Neighbours and triplets",
        "",
        "P@10: share of the ten nearest held-out drums outside a drum's own kit that are of its kind, mean "
        "over sounds / over kinds. Triplets: agreement with the engineered order within a kind.",
        "",
        "| rows | "
        + " | ".join(f"{fold.name} {fold.seed}" for fold in folds)
        + " | all: P@10 [95 %] | triplets |",
        "|---" * (len(folds) + 3) + "|",
    ]
    parts = [sounds.of(fold.is_held_out) for fold in folds]
    for name in ("engineered", "learned", *(f"mix {weight}" for weight in WEIGHTS)):
        cells, shares, agree = [], [], []
        for fold, part in zip(folds, parts, strict=True):
            rows = _rows(name, part, fold.learned[fold.is_held_out])
            share = precision(rows, part)
            shares.append(share)
            agree.append(triplet_agreement(rows, part.engineered, part.kind, fold.seed))
            cells.append(f"{over_sounds(share):.3f} / {over_kinds(share, part.kind):.3f}")
        cells.append(_over_all(shares, parts))
        cells.append(f"{np.mean(agree):.3f}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _rows(name: str, part: Sounds, learned: Float32Array) -> Float32Array:
    if name == "learned":
        return learned
    return part.engineered if name == "engineered" else mixed(part, learned, float(name.split()[1]))


def _over_all(shares: Sequence[Numbers], parts: Sequence[Sounds]) -> str:
    """Mean over the drums of all folds, and between what it would lie with other kits."""
    share = np.concatenate(shares)
    asked = np.isfinite(share)
    kit = np.concatenate([part.kit for part in parts])[asked]
    kind = np.concatenate([part.kind for part in parts])[asked].astype(str)
    draws = Resampling(kit, kind)
    sounds, kinds = estimate(draws.over_sounds(share[asked])), estimate(draws.over_labels(share[asked]))
    return (
        f"{sounds.value:.3f} [{sounds.low:.3f} {sounds.high:.3f}] / "
        f"{kinds.value:.3f} [{kinds.low:.3f} {kinds.high:.3f}]"
    )


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
        told = head.probabilities(fold.learned[fold.is_held_out])
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
