"""The report on held-out collections, from points whose neighbours are known."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch isn't installed: pip install -e '.[train]'")

from klustr_bridge.sound.aspects import EMBEDDING_SIZE, LEARNED, LEARNED_SIZE
from klustr_bridge.sound.ear_heads import PLACED_SIZE
from klustr_bridge.sound.embedding import LEARNED_WEIGHT
from tests.training.test_scores import sounds_of
from training.evaluate import Held, evaluate, held_out, neighbours
from training.folds import Fold
from training.sounds import NAMES, Sounds, TrainingError

KINDS = ["kick", "snare", "tom"]
N = 90


def held(name: str, wrong: tuple[float, ...]) -> Held:
    """Three kinds in three kits; ears that tell kinds apart but for a share of the sounds, one share an ear.

    Measured, sounds of one place in their kit lie together, whatever their kinds; ears that count less than
    the shipped ones can't do much about it.
    """
    part = sounds_of([KINDS[at % 3] for at in range(N)], [f"{name}/{at // 30}" for at in range(N)])
    measured = 30 * np.repeat(np.arange(10.0), 3)[np.arange(N) % 30]
    part = replace(part, engineered=measured[:, None].astype(np.float32))
    points = np.eye(3, dtype=np.float32)[np.arange(N) % 3]
    ears = []
    for seed, share in enumerate(wrong, start=1):
        ear = points.copy()
        ear[: int(share * N)] = points[0]
        ears.append((seed, ear))
    return Held(name, part, ears)


def table(lines: list[str], after: str) -> dict[str, list[str]]:
    """Cells of the rows of the first table behind a line that begins so, by their first cell."""
    start = next(at for at, line in enumerate(lines) if line.startswith(after))
    from_table = itertools.dropwhile(lambda line: not line.startswith("|"), lines[start:])
    rows = [line.strip("| ").split(" | ") for line in itertools.takewhile(bool, from_table)]
    return {first: cells for first, *cells in rows}


def test_ears_that_tell_kinds_apart_gain_what_the_others_lack() -> None:
    """Alone they are right always; each weight has its row, and the gain is told with its interval."""
    lines = neighbours([held("one", (0.0, 0.0)), held("two", (0.0, 0.0))])
    rows = table(lines, "P@10")
    assert rows["alone"][:3] == ["1.000 ± 0.000 / 1.000 ± 0.000"] * 3
    measured = float(rows["0"][2].split(" ")[0])
    assert 0.2 < measured < 0.5 and rows["0"][3] == "1.000"
    (asked, by_sound, by_kind) = table(lines, f"Times {LEARNED_WEIGHT:g}")["all"]
    assert asked == str(2 * N)
    mixed = float(rows[f"{LEARNED_WEIGHT:g}"][2].split(" ")[0])
    assert mixed > float(rows["30"][2].split(" ")[0]) + 0.05 > measured + 0.05
    for gain in (by_sound, by_kind):
        assert float(gain.split("[")[0]) == pytest.approx(100 * (mixed - measured), abs=0.11)
        assert "]" in gain


def test_seeds_that_differ_are_told_apart() -> None:
    """What lies between the ears of two seeds stands behind the mean of both."""
    rows = table(neighbours([held("one", (0.0, 0.5))]), "P@10")
    means, spread = rows["alone"][0].split(" / ")[0].split(" ± ")
    one, two = held("one", (0.0, 0.5)).shares(None).mean(axis=1)
    assert one > two
    assert float(means) == pytest.approx((one + two) / 2, abs=5e-4)
    assert float(spread) == pytest.approx((one - two) / np.sqrt(2), abs=5e-4)


def test_intervals_are_of_whole_kits() -> None:
    """Where an ear fails on one of three kits, other kits could have made all the difference."""
    *_, by_sound, _ = table(neighbours([held("one", (1 / 3,))]), f"Times {LEARNED_WEIGHT:g}")["one"]
    low, high = (float(end) for end in by_sound.split("[")[1].rstrip("] ").split())
    assert high - low > 16


def test_each_seed_has_its_own_ear() -> None:
    """What was held out of a fold is heard by the ears of all its seeds, and by those of no other fold."""
    part = held("one", (0.0, 0.5)).part
    is_held_out = np.arange(N) >= 30
    ears = [np.full((N, 3), seed, np.float32) for seed in range(3)]
    folds = [Fold(name, seed, is_held_out, ears[seed], {}) for name, seed in (("a", 1), ("b", 0), ("a", 2))]
    found = held_out(part, folds, "a")
    assert [(seed, ear.tolist()) for seed, ear in found.ears] == [
        (seed, ears[seed][30:].tolist()) for seed in (1, 2)
    ]
    assert found.part.kit.tolist() == part.kit[30:].tolist()


def separable(n: int) -> tuple[Sounds, Fold]:
    """Half of the sounds are held out and told apart by the ear alone; the other half is all the same.

    So a map of the latter has one place for all that was held out.
    """
    rng = np.random.default_rng(1)
    kind = np.arange(2 * n) % 3
    is_held_out = np.arange(2 * n) >= n
    learned = np.zeros((2 * n, LEARNED_SIZE), np.float32)
    learned[np.arange(2 * n), np.where(is_held_out, 1 + kind, 0)] = 1.0
    sounds = sounds_of([KINDS[one] for one in kind], [f"{at // n}/{at // 30}" for at in range(2 * n)])
    sounds = replace(sounds, engineered=rng.normal(size=(2 * n, EMBEDDING_SIZE)).astype(np.float32))
    first = np.zeros((PLACED_SIZE, 3), np.float32)
    first[np.arange(3) + LEARNED.start + 1, np.arange(3)] = 9.0 / LEARNED_WEIGHT
    second = np.zeros((3, len(NAMES)), np.float32)
    second[np.arange(3), [NAMES.index(one) for one in KINDS]] = 1.0
    head = {
        "kind_w1": first,
        "kind_b1": np.zeros(3, np.float32),
        "kind_w2": second,
        "kind_b2": np.zeros(len(NAMES), np.float32),
        "kind_temperature": np.float32(1),
        "kind_threshold": np.float32(0.5),
        "kind_names": np.array(NAMES),
    }
    return sounds, Fold("one", 1, is_held_out, learned, head)


def test_maps_and_kinds_are_judged_on_what_was_held_out() -> None:
    """The universal map knows nothing of it; a fitted one does, and the head reads rows as they are kept."""
    sounds, fold = separable(150)
    lines = evaluate(sounds, [fold], print).splitlines()
    _, fitted, universal, *_ = table(lines, "## Maps")["one 1"]
    assert float(fitted) > 0.9 and float(universal) < 0.6
    right, right_of_all, answered, right_of_those, *_ = table(lines, "## Kinds")["one 1"]
    assert (right, right_of_all, answered, right_of_those) == ("1.000",) * 4


def test_too_few_drums_are_refused() -> None:
    """A report of nothing would say nothing."""
    part = held("one", (0.0,))
    everything = np.ones(N, np.bool_)
    fold = Fold("one", 1, everything, part.ears[0][1], {})
    with pytest.raises(TrainingError, match="no fold holds 100 drums"):
        evaluate(part.part, [fold], print)
