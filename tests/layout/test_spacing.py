import numpy as np
import pytest
from scipy.spatial import cKDTree

from klustr_bridge.layout.spacing import MIN_DISTANCE, Spacing


def _least_distance(xy):
    return cKDTree(xy).query(xy, k=2)[0][:, 1].min()


@pytest.mark.parametrize("spot", [(0.5, 0.5), (0.0, 0.0), (1.0, 1.0), (1.0, 0.3)])
def test_many_sounds_for_one_spot_stand_side_by_side(spot):
    """Twenty thousand sounds that belong to one spot are apart, inside the square and near it."""
    spacing = Spacing()
    wanted = np.tile(np.float32(spot), (20_000, 1))
    result = spacing.settle(wanted)
    assert ((result >= 0) & (result <= 1)).all()
    assert _least_distance(result) >= 2 * MIN_DISTANCE * 0.999
    assert np.abs(result - spot).max() < 0.05


def test_new_sounds_keep_their_distance_from_those_that_stay():
    """A sound put down among others is at least the least distance from each."""
    staying = np.random.default_rng(0).uniform(0.49, 0.51, size=(2_000, 2)).astype(np.float32)
    spacing = Spacing()
    spacing.occupy(staying)
    new = spacing.settle(np.random.default_rng(1).uniform(0.49, 0.51, size=(1_000, 2)).astype(np.float32))
    assert cKDTree(staying).query(new)[0].min() >= MIN_DISTANCE * 0.999


def test_exact_settling_moves_only_what_collides():
    """Sounds alone in their cell keep their coordinates to the last bit; equal ones part."""
    wanted = np.array([[0.1, 0.2], [0.3, 0.4], [0.1, 0.2], [0.7, 0.7]], dtype=np.float32)
    result = Spacing().settle(wanted, exact=True)
    assert np.array_equal(result[[0, 1, 3]], wanted[[0, 1, 3]])
    assert 0 < np.linalg.norm(result[2] - wanted[2]) < 0.001
