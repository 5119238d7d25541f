"""The measures of training, on points whose values are known by hand."""

import numpy as np
import pytest

from training.scores import calibration_error, over_kinds, over_sounds, precision, triplet_agreement
from training.sounds import NAMES, Sounds


def sounds_of(kind: list[str], kit: list[str]) -> Sounds:
    n = len(kind)
    return Sounds(
        np.zeros((n, 1, 1), np.float32),
        np.zeros(n, np.float32),
        np.zeros((n, 1), np.float32),
        np.array([NAMES.index(one) for one in kind]),
        np.array([one.split("/")[0] for one in kit]),
        np.array(kit),
    )


def test_precision_leaves_out_the_own_kit_and_what_is_no_drum() -> None:
    """Neighbours of the own kit and effects don't count, kinds with fewer than ten elsewhere aren't asked."""
    kinds = ["kick"] * 22 + ["snare"] * 11 + ["fx"] * 30
    kits = ["a/1"] * 11 + ["a/2"] * 11 + ["a/3"] * 11 + ["a/4"] * 30
    x = np.concatenate([np.zeros(11), np.full(11, 1.0), np.full(11, 0.4), np.zeros(30)])
    share = precision(x[:, None].astype(np.float32), sounds_of(kinds, kits))
    assert share[:11].tolist() == [0.0] * 11  # the ten nearest elsewhere are snares
    assert share[11:22].tolist() == [0.0] * 11
    assert np.isnan(share[22:]).all()  # all snares are of one kit
    x[22:33] = 9.0
    share = precision(x[:, None].astype(np.float32), sounds_of(kinds, kits))
    assert share[:22].tolist() == [1.0] * 22


def test_means_over_sounds_and_over_kinds() -> None:
    """A kind with few sounds counts as much as one with many only in the second."""
    share = np.array([1.0, 1.0, 1.0, 0.0, np.nan])
    assert over_sounds(share) == 0.75
    assert over_kinds(share, np.array([0, 0, 0, 1, 2])) == 0.5


def test_triplets_agree_with_themselves_and_by_chance_with_noise() -> None:
    """Agreement is 1 with the reference itself, 0 with its reverse, about one half with noise."""
    rng = np.random.default_rng(1)
    points = rng.standard_normal((300, 5)).astype(np.float32)
    kind = np.arange(300) % 3
    assert triplet_agreement(points, points, kind, 0) == 1.0
    noise = rng.standard_normal((300, 5)).astype(np.float32)
    assert triplet_agreement(noise, points, kind, 0) == pytest.approx(0.5, abs=0.03)


def test_calibration_error_is_how_far_sureness_is_from_being_right() -> None:
    """Four answers given at 90 % of which three are right are 15 points too sure."""
    shares = np.array([[0.9, 0.1]] * 4, np.float32)
    assert calibration_error(shares, np.array([0, 0, 0, 1])) == pytest.approx(0.15, abs=1e-6)
    assert calibration_error(np.eye(2, dtype=np.float32), np.array([0, 1])) == 0.0
