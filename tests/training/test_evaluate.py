"""The report on held-out collections, from points whose neighbours are known."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch isn't installed: pip install -e '.[train]'")

from klustr_bridge.sound.embedding import LEARNED_WEIGHT
from tests.training.test_scores import sounds_of
from training.evaluate import Held, evaluate, neighbours
from training.folds import Fold
from training.sounds import TrainingError

KINDS = ["kick", "snare", "tom"]
N = 90


def held(name: str, wrong: tuple[float, ...]) -> Held:
    """Three kinds in three kits; ears that tell kinds apart but for a share of the sounds, one share an ear.

    Measured, sounds of one place in their kit lie together, whatever their kinds.
    """
    part = sounds_of([KINDS[at % 3] for at in range(N)], [f"{name}/{at // 30}" for at in range(N)])
    measured = np.repeat(np.arange(10.0), 3)[np.arange(N) % 30]
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
    rows = [line.strip("| ").split(" | ") for line in lines[start:] if line.startswith("| ")]
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


def test_too_few_drums_are_refused() -> None:
    """A report of nothing would say nothing."""
    part = held("one", (0.0,))
    everything = np.ones(N, np.bool_)
    fold = Fold("one", 1, everything, part.ears[0][1], {})
    with pytest.raises(TrainingError, match="no fold holds 100 drums"):
        evaluate(part.part, [fold], print)
