import numpy as np
import pytest

from klustr_bridge.layout.quality import is_poor, neighbour_share, trustworthiness
from tests.layout.data import clusters


def _maps(embeddings):
    rng = np.random.default_rng(2)
    good = embeddings[:, :2] + rng.normal(scale=0.05, size=(len(embeddings), 2))
    return good.astype(np.float32), rng.uniform(size=(len(embeddings), 2)).astype(np.float32)


@pytest.mark.parametrize("n", [25, 300])
@pytest.mark.parametrize("k", [5, 10])
def test_trustworthiness_is_that_of_scikit_learn(n, k):
    """Our own vectorised measure gives the number that others would compute."""
    from sklearn.manifold import trustworthiness as reference

    embeddings = clusters(n)
    for xy in _maps(embeddings):
        assert trustworthiness(embeddings, xy, k) == pytest.approx(
            reference(embeddings.astype(np.float64), xy, n_neighbors=k), abs=1e-9
        )


def test_neighbour_share_counts_kept_neighbours():
    """The share is that of comparing both sets of neighbours one by one."""
    embeddings = clusters(120)
    for xy in _maps(embeddings):
        kept = []
        for row in range(120):
            in_sound, on_map = (
                set(np.argsort(np.linalg.norm(points - points[row], axis=1))[1:11])
                for points in (embeddings, xy)
            )
            kept.append(len(in_sound & on_map) / 10)
        assert neighbour_share(embeddings, xy) == pytest.approx(np.mean(kept), abs=1e-9)


def test_a_map_that_is_the_data_scores_full_marks():
    """Two-dimensional sounds shown as they are keep all neighbours."""
    xy = np.random.default_rng(0).uniform(size=(200, 2)).astype(np.float32)
    assert neighbour_share(xy, xy) == 1.0
    assert trustworthiness(xy, xy) == 1.0


def test_a_sample_tells_nearly_the_same_and_always_the_same():
    """Large maps are judged by a seeded sample."""
    embeddings = clusters(3_000)
    xy, _ = _maps(embeddings)
    full = neighbour_share(embeddings, xy, sample=3_000)
    sampled = neighbour_share(embeddings, xy)
    assert sampled == neighbour_share(embeddings, xy)
    assert sampled == pytest.approx(full, abs=0.03)
    assert trustworthiness(embeddings, xy) == pytest.approx(
        trustworthiness(embeddings, xy, sample=3_000), abs=0.02
    )


@pytest.mark.parametrize("n", range(13))
def test_few_sounds_have_scores_too(n):
    """From no sounds at all on, both scores are numbers in 0..1."""
    embeddings = clusters(n)
    xy = np.random.default_rng(0).uniform(size=(n, 2)).astype(np.float32)
    assert 0 <= neighbour_share(embeddings, xy) <= 1
    assert 0 <= trustworthiness(embeddings, xy) <= 1


def test_sounds_at_one_place_are_no_trouble():
    """Coincident sounds and positions give numbers, not warnings."""
    same = np.zeros((30, 8), dtype=np.float32)
    assert 0 <= neighbour_share(same, same[:, :2]) <= 1
    assert 0 <= trustworthiness(same, same[:, :2]) <= 1


@pytest.mark.parametrize(
    ("n_placed", "share_now", "poor"),
    [
        (0, 0.0, False),
        (499, None, False),
        (501, None, True),
        (501, 0.4, True),
        (100, 0.4 * 0.81, False),
        (100, 0.4 * 0.79, True),
        (99, 0.0, False),
    ],
)
def test_poor_is_half_placed_or_a_fifth_of_the_neighbours_lost(n_placed, share_now, poor):
    """The measure of a poor map is the one stated, at its borders."""
    assert is_poor(1_000, n_placed, 0.4, share_now) is poor
