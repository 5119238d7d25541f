import numpy as np
import pytest

from klustr_bridge.layout.quality import continuity, displacement, is_poor, neighbour_share, trustworthiness
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


@pytest.mark.parametrize("n", [25, 300])
@pytest.mark.parametrize("k", [5, 10])
def test_continuity_is_trustworthiness_the_other_way_round(n, k):
    """It is scikit-learn's trustworthiness with map and sound exchanged."""
    from sklearn.manifold import trustworthiness as reference

    embeddings = clusters(n)
    for xy in _maps(embeddings):
        expected = reference(xy.astype(np.float64), embeddings, n_neighbors=k)
        assert continuity(embeddings, xy, k) == pytest.approx(expected, abs=1e-9)


def test_a_folded_map_is_continuous_and_not_to_be_trusted():
    """Two halves laid over each other keep neighbours and invent some; torn apart it is the other way."""
    rng = np.random.default_rng(5)
    sheet = rng.uniform(size=(400, 2)).astype(np.float32)
    folded = np.column_stack([np.abs(sheet[:, 0] - 0.5), sheet[:, 1]]).astype(np.float32)
    assert continuity(sheet, folded) > 0.98 > 0.9 > trustworthiness(sheet, folded)
    assert trustworthiness(folded, sheet) > 0.98 > 0.9 > continuity(folded, sheet)


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
    assert continuity(xy, xy) == 1.0


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
    assert continuity(embeddings, xy) == continuity(embeddings, xy)
    assert continuity(embeddings, xy) == pytest.approx(continuity(embeddings, xy, sample=3_000), abs=0.02)


@pytest.mark.parametrize("n", range(13))
def test_few_sounds_have_scores_too(n):
    """From no sounds at all on, all three scores are numbers in 0..1."""
    embeddings = clusters(n)
    xy = np.random.default_rng(0).uniform(size=(n, 2)).astype(np.float32)
    assert 0 <= neighbour_share(embeddings, xy) <= 1
    assert 0 <= trustworthiness(embeddings, xy) <= 1
    assert 0 <= continuity(embeddings, xy) <= 1


def test_sounds_at_one_place_are_no_trouble():
    """Coincident sounds and positions give numbers, not warnings."""
    same = np.zeros((30, 8), dtype=np.float32)
    assert 0 <= neighbour_share(same, same[:, :2]) <= 1
    assert 0 <= trustworthiness(same, same[:, :2]) <= 1
    assert 0 <= continuity(same, same[:, :2]) <= 1


def test_displacement_is_of_the_sounds_on_both_maps():
    """Median and 95th percentile of the ways, in widths; sounds that one map lacks don't count."""
    before = np.zeros((103, 2), dtype=np.float32)
    after = np.column_stack([np.arange(103) / 1000, np.zeros(103)]).astype(np.float32)
    before[101], after[102] = np.nan, np.nan
    assert displacement(after, before) == pytest.approx((0.050, 0.095), abs=1e-6)
    assert displacement(after, after) == (0.0, 0.0)
    assert displacement(np.full((3, 2), 0.5, np.float32), np.full((3, 2), np.nan, np.float32)) is None
    assert displacement(np.empty((0, 2), np.float32), np.empty((0, 2), np.float32)) is None


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
