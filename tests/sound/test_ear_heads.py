"""Kinds and places told by what the learned ear hears in a sound alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from klustr_bridge.errors import EarError
from klustr_bridge.sound.ear_heads import (
    PLACED_SIZE,
    Heads,
    kind_probabilities,
    load_heads,
    shipped_heads,
    universal_positions,
)
from klustr_bridge.sound.kinds import KINDS
from klustr_bridge.types import Float32Array


def rows(n: int) -> Float32Array:
    """What kinds and places follow from: about as large as of real sounds."""
    drawn = np.random.default_rng(2).normal(size=(n, PLACED_SIZE))
    return (10 * drawn).astype(np.float32)


def kept(to: Path, leave_out: str = "", **changed: Any) -> Path:
    """A file of weights: two kinds, told by the sign of the first number, and three landmarks."""
    first = np.zeros((PLACED_SIZE, 2), np.float16)
    first[0] = 1, -1
    arrays: dict[str, Any] = {
        "kind_names": np.array(["kick", "snare"]),
        "kind_w1": first,
        "kind_b1": np.zeros(2, np.float16),
        "kind_w2": np.eye(2, dtype=np.float16),
        "kind_b2": np.zeros(2, np.float16),
        "kind_temperature": np.float32(0.5),
        "kind_threshold": np.float32(0.6),
        "map_middle": np.full(PLACED_SIZE, 2, np.float32),
        "map_axes": np.eye(PLACED_SIZE, 3, dtype=np.float16),
        "map_landmarks": 4 * np.eye(3, dtype=np.float16),
        "map_xy": np.array([[0, 0], [1, 0], [0.25, 1]], np.float32),
        "map_sharpness": np.float32(5),
    }
    arrays |= changed
    arrays.pop(leave_out, None)
    np.savez(to / "heads.npz", **arrays)
    return to / "heads.npz"


@pytest.fixture
def heads(tmp_path: Path) -> Heads:
    """Weights whose answers are known."""
    return load_heads(kept(tmp_path))


def test_kinds_are_told_with_their_probabilities(heads: Heads) -> None:
    """By softmax of what the layers give, divided by the temperature."""
    asked = np.zeros((3, PLACED_SIZE), np.float32)
    asked[:, 0] = 1, 0, -1
    sure = np.exp(2) / (1 + np.exp(2))
    expected = np.array([[sure, 1 - sure], [0.5, 0.5], [1 - sure, sure]])
    assert heads.kind.probabilities(asked) == pytest.approx(expected, abs=1e-6)
    assert heads.kind.names == ("kick", "snare") and heads.kind.threshold == pytest.approx(0.6)


def test_a_sound_stands_at_its_landmark_or_between_two(heads: Heads) -> None:
    """A landmark itself is where it is; the middle of two is in the middle."""
    asked = 4 * np.eye(4, PLACED_SIZE, dtype=np.float32)
    asked[3] = (asked[0] + asked[1]) / 2
    asked[:, 3:] = 99  # along no axis
    asked += 2
    expected = np.array([[0, 0], [1, 0], [0.25, 1], [0.5, 0]])
    assert heads.map.positions(asked) == pytest.approx(expected, abs=1e-5)


def test_what_one_sound_gets_does_not_depend_on_the_others() -> None:
    """Alone, in a batch, in another order: the same to the last bits."""
    asked = rows(300)
    for function in (kind_probabilities, universal_positions):
        together = function(asked)
        alone = np.concatenate([function(asked[row : row + 1]) for row in range(0, 300, 7)])
        assert alone == pytest.approx(together[::7], abs=1e-6)
        assert function(asked[::-1])[::-1] == pytest.approx(together, abs=1e-6)


def test_the_weights_that_come_with_the_bridge_can_be_used() -> None:
    """Probabilities of known kinds, places inside the square, both also for no sound at all."""
    names = shipped_heads().kind.names
    assert set(names) <= set(KINDS) - {"unknown", "loop"} and len(names) >= 13
    assert 0 < shipped_heads().kind.threshold < 1
    for n in (0, 50):
        probabilities, xy = kind_probabilities(rows(n)), universal_positions(rows(n))
        assert probabilities.shape == (n, len(names)) and xy.shape == (n, 2)
        assert probabilities.dtype == xy.dtype == np.float32
        assert probabilities.sum(axis=1) == pytest.approx(np.ones(n), abs=1e-5)
        assert ((xy >= 0) & (xy <= 1)).all()


@pytest.mark.parametrize("shape", [(64,), (3, 152)])
def test_vectors_of_another_size_are_refused(shape: tuple[int, ...]) -> None:
    """With the size that is needed."""
    for function in (kind_probabilities, universal_positions):
        with pytest.raises(EarError, match=r"needed: \(n, 151\)"):
            function(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"leave_out": "map_xy"}, "without map_xy"),
        ({"kind_names": np.array(["kick", "gong"])}, "gong: no kind"),
        ({"kind_names": np.array(["kick", "loop"])}, "loop: no kind"),
        ({"kind_names": np.array([1, 2])}, "kind_names are int64"),
        ({"kind_names": np.array(["kick", "snare", "tom"])}, r"kind_w2 has shape \(2, 2\), needed: \(h, k\)"),
        ({"kind_w1": np.zeros((64, 2))}, r"kind_w1 has shape \(64, 2\), needed: \(151, h\)"),
        ({"map_landmarks": np.zeros((0, 3))}, "map_landmarks has shape"),
        ({"map_landmarks": np.zeros(3)}, "map_landmarks has shape"),
        ({"map_axes": np.zeros((64, 3))}, "map_axes has shape"),
        ({"map_xy": np.full((3, 2), np.nan)}, "map_xy isn't made of finite floats"),
        ({"map_xy": np.full((3, 2), 1.5)}, r"map_xy reaches beyond 0\.\.1"),
        ({"kind_temperature": np.float32(0)}, "kind_temperature is 0"),
        ({"map_sharpness": np.array([1.0])}, "map_sharpness has shape"),
        ({"map_sharpness": np.array({"a": 1}, dtype=object)}, "can't be read"),
    ],
)
def test_damaged_weights_are_refused_with_the_reason(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    """Also those that could run code: nothing is unpickled."""
    with pytest.raises(EarError, match=message):
        load_heads(kept(tmp_path, **changed))


def test_a_missing_or_torn_file_is_told(tmp_path: Path) -> None:
    """With its place and what to do."""
    with pytest.raises(EarError, match=r"heads\.npz.*install klustr-bridge anew"):
        load_heads(tmp_path / "heads.npz")
    whole = kept(tmp_path).read_bytes()
    (tmp_path / "torn.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EarError, match="can't be read"):
        load_heads(tmp_path / "torn.npz")
