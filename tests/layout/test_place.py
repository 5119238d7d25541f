import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from klustr_bridge.errors import LayoutError
from klustr_bridge.layout.place import Placer
from klustr_bridge.layout.spacing import CELLS, MIN_DISTANCE
from tests.layout.data import clusters


def _map(n, n_dims=64):
    embeddings = clusters(n, n_dims=n_dims)
    return embeddings, np.random.default_rng(5).uniform(0.05, 0.95, size=(n, 2)).astype(np.float32)


def _nearest_places(embeddings, xy, new, k):
    distances = np.linalg.norm(new[:, None].astype(np.float64) - embeddings[None], axis=2)
    return xy[np.argsort(distances, axis=1)[:, :k]].astype(np.float64)


def test_a_sound_goes_where_its_eight_nearest_stand_together():
    """It belongs to the mean of the one nearest to all others on the map and the two nearest to that."""
    embeddings, xy = _map(500)
    new = clusters(40, seed=9)
    result = Placer(embeddings, xy).place(new)
    for places, got in zip(_nearest_places(embeddings, xy, new, 8), result, strict=True):
        centre = min(places, key=lambda place: np.linalg.norm(places - place, axis=1).sum())
        expected = np.array(sorted(places, key=lambda place: np.linalg.norm(place - centre)))[:3].mean(axis=0)
        assert np.abs(got - expected).max() < 2 / CELLS
    assert result.dtype == np.float32


def test_a_sound_between_two_crowds_goes_into_one():
    """Most of its neighbours are in the larger crowd: it goes there, not into the empty land between."""
    embeddings, _ = _map(8)
    crowds = np.repeat(np.array([[0.1, 0.1], [0.9, 0.9]], np.float32), [5, 3], axis=0)
    xy = crowds + np.random.default_rng(1).uniform(-0.01, 0.01, (8, 2)).astype(np.float32)
    (place,) = Placer(embeddings, xy).place(clusters(1, seed=9))
    assert np.abs(place - 0.1).max() < 0.01


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
def test_maps_of_a_few_sounds_take_in_new_ones(n):
    """With fewer than eight sounds all of them count; with none the middle is the place."""
    embeddings, xy = _map(n)
    result = Placer(embeddings, xy).place(clusters(7, seed=9))
    if n < 4:
        expected = xy.mean(axis=0) if n else np.full(2, 0.5)
        assert np.abs(result - expected).max() < 5 / CELLS
    assert np.ptp(result, axis=0).max() < 5 / CELLS
    assert len(np.unique(result, axis=0)) == 7


def test_nothing_new_is_nothing_placed():
    """An empty batch gives an empty answer, on any map."""
    assert Placer(*_map(3)).place(np.empty((0, 64), dtype=np.float32)).shape == (0, 2)


@given(cuts=st.sets(st.integers(1, 59)))
@settings(max_examples=30, deadline=None)
def test_batches_do_not_matter(cuts):
    """One placer fed in any batches, in the same order, puts every sound at the same place."""
    embeddings, xy = _map(300, n_dims=16)
    new = np.repeat(clusters(20, n_dims=16, seed=9), 3, axis=0)
    at_once = Placer(embeddings, xy).place(new)
    placer = Placer(embeddings, xy)
    borders = [0, *sorted(cuts), 60]
    parts = [placer.place(new[start:stop]) for start, stop in itertools.pairwise(borders)]
    assert np.array_equal(np.vstack(parts), at_once)


def test_order_moves_a_sound_by_no_more_than_the_spacing():
    """In another order only sounds for the very same spot change places among themselves."""
    embeddings, xy = _map(300)
    new = clusters(200, seed=9)
    forward = Placer(embeddings, xy).place(new)
    backward = Placer(embeddings, xy).place(new[::-1])[::-1]
    assert np.abs(forward - backward).max() < 8 / CELLS


def test_no_sound_lands_on_another():
    """Copies of sounds on the map, and of each other, keep the least distance from everything."""
    embeddings, xy = _map(400)
    placer = Placer(embeddings, xy)
    everything = np.vstack([xy, placer.place(embeddings), placer.place(embeddings)])
    new = everything[400:]
    assert cKDTree(new).query(new, k=2)[0][:, 1].min() >= MIN_DISTANCE * 0.999
    assert cKDTree(xy).query(new)[0].min() >= MIN_DISTANCE * 0.999


def test_taken_places_are_respected_but_do_not_attract():
    """Positions of sounds that are not to be placed by are only kept free."""
    embeddings, xy = _map(100)
    new = clusters(30, seed=9)
    first = Placer(embeddings, xy).place(new)
    second = Placer(embeddings, xy, taken=first).place(new)
    distances = cKDTree(first).query(second)[0]
    assert distances.min() >= MIN_DISTANCE * 0.999
    assert np.abs(first - second).max() < 8 / CELLS


def test_sounds_without_a_position_are_left_out():
    """A sound whose position isn't known yet neither attracts nor breaks anything."""
    embeddings, xy = _map(100)
    with_gaps = xy.copy()
    with_gaps[::2] = np.nan
    new = clusters(30, seed=9)
    assert np.array_equal(
        Placer(embeddings, with_gaps).place(new), Placer(embeddings[1::2], xy[1::2]).place(new)
    )


def test_wrong_shapes_and_values_are_named():
    """What can't be placed is refused with the shape or row that is wrong."""
    embeddings, xy = _map(10)
    with pytest.raises(LayoutError, match=r"\(10, 64\).*\(9, 2\)"):
        Placer(embeddings, xy[:9])
    with pytest.raises(LayoutError, match=r"\(3, 8\).*\(n, 64\)"):
        Placer(embeddings, xy).place(clusters(3, n_dims=8))
    broken = clusters(3)
    broken[1, 5] = np.nan
    with pytest.raises(LayoutError, match="row 1"):
        Placer(embeddings, xy).place(broken)
