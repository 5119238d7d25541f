import numpy as np
import pytest

from klustr_bridge.layout.neighbours import NeighbourIndex
from tests.layout.data import clusters


def _true_neighbours(points, k):
    distances = np.linalg.norm(points[:, None].astype(np.float64) - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1, kind="stable")[:, :k]


def test_neighbours_are_the_true_ones():
    """The nearest others are those that comparing all pairs in float64 finds."""
    points = clusters(400)
    found = NeighbourIndex(points).nearest_others(15)
    assert np.array_equal(found.rows, _true_neighbours(points, 15))
    assert (np.diff(found.distances, axis=1) >= 0).all()


def test_neighbours_far_from_zero_are_the_true_ones():
    """A common offset, large against the distances, costs no digits."""
    points = (clusters(300, n_dims=8) * 0.01 + 50).astype(np.float32)
    assert np.array_equal(NeighbourIndex(points).nearest_others(10).rows, _true_neighbours(points, 10))


def test_a_sound_is_not_its_own_neighbour_among_equals():
    """With many sounds at one place each gets k others, never itself."""
    points = np.zeros((40, 4), dtype=np.float32)
    found = NeighbourIndex(points).nearest_others(10)
    assert (found.rows != np.arange(40)[:, None]).all()
    assert (found.distances == 0).all()


def test_what_a_query_finds_does_not_depend_on_its_batch():
    """One at a time or all at once: the same neighbours, the same distances."""
    points, queries = clusters(2_000), clusters(300, seed=4)
    index = NeighbourIndex(points)
    together = index.nearest(queries, 5)
    for row in range(0, 300, 7):
        alone = index.nearest(queries[row : row + 1], 5)
        assert np.array_equal(alone.rows[0], together.rows[row])
        assert np.array_equal(alone.distances[0], together.distances[row])


def test_the_inverted_file_finds_nearly_all_and_the_same_each_time():
    """Above the limit the search is approximate, but close to exact and repeatable."""
    points = clusters(4_000, n_dims=14)
    exact = NeighbourIndex(points).nearest_others(15).rows
    found = NeighbourIndex(points, approximate_above=1_000).nearest_others(15).rows
    again = NeighbourIndex(points, approximate_above=1_000).nearest_others(15).rows
    assert np.array_equal(found, again)
    assert (found[:, :, None] == exact[:, None]).any(axis=2).mean() > 0.98


def test_the_inverted_file_has_an_answer_for_lonely_sounds():
    """Where the lists near a sound hold too few others, all points are searched: no empty slots."""
    rng = np.random.default_rng(0)
    dense, lonely = 1e-3 * rng.normal(size=(3_900, 4)), 1e4 * rng.normal(size=(100, 4))
    points = np.vstack([dense, lonely]).astype(np.float32)
    index = NeighbourIndex(points, approximate_above=1_000)
    found = index.nearest_others(15)
    assert (found.rows >= 0).all()
    exact = NeighbourIndex(points).nearest_others(15)
    hits = (found.rows[3_900:, :, None] == exact.rows[3_900:, None]).any(axis=2).all(axis=1)
    assert hits.mean() > 0.5


@pytest.mark.parametrize("n", [1, 2, 4])
def test_fewer_points_than_wanted_are_all_found(n):
    """Asking for five among fewer gives as many as there are."""
    points = clusters(n)
    assert NeighbourIndex(points).nearest(points, 5).rows.shape == (n, n)
