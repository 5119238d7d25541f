import numpy as np
import pytest

from klustr_bridge.layout.regions import (
    area,
    convex_hull,
    hull_scores,
    kind_precision,
    silhouette,
    union_area,
)
from tests.layout.data import clusters

TWO, FAR = np.array([0.2, 0.5]), np.array([0.6, 0.0])


def _discs(n, *centres, radius=0.1, seed=4):
    """So many places in a disc around each centre, and their kinds from 1 on."""
    rng = np.random.default_rng(seed)
    turn, out = (
        rng.uniform(0, 2 * np.pi, (len(centres), n)),
        radius * np.sqrt(rng.uniform(size=(len(centres), n))),
    )
    places = np.stack([np.cos(turn), np.sin(turn)], axis=-1) * out[..., None] + np.array(centres)[:, None]
    return places.reshape(-1, 2).astype(np.float32), np.repeat(np.arange(1, len(centres) + 1), n).astype(
        np.uint8
    )


def _square(x, y, side):
    return np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]], dtype=float)


def _regular(n, *, radius=1.0, centre=(0.0, 0.0), turn=0.1):
    angle = turn + 2 * np.pi * np.arange(n) / n
    return radius * np.column_stack([np.cos(angle), np.sin(angle)]) + centre


def test_kinds_apart_are_all_together():
    """Separated kinds have only their own kind nearby, and the best silhouette comes near 1."""
    xy, kinds = _discs(40, TWO, TWO + FAR, radius=0.02)
    found = kind_precision(xy, kinds)
    assert (found.over_sounds, found.over_kinds) == (1.0, 1.0)
    assert silhouette(xy, kinds) > 0.9


def test_shuffled_kinds_are_together_by_chance():
    """Labels drawn by chance give their own shares, and a silhouette about 0 or below."""
    xy, kinds = _discs(1_000, TWO, TWO + FAR)
    shuffled = np.random.default_rng(1).permutation(kinds)
    assert kind_precision(xy, shuffled).over_sounds == pytest.approx(0.5, abs=0.03)
    assert -0.05 < silhouette(xy, shuffled) < 0.02


def test_kind_precision_counts_one_by_one():
    """It is the count over all known others; unknown ones don't count, small kinds aren't asked."""
    xy = clusters(150)[:, :2]
    kinds = np.random.default_rng(2).choice(4, size=150, p=(0.2, 0.5, 0.26, 0.04)).astype(np.uint8)
    assert 2 <= (kinds == 3).sum() <= 10
    by_kind = {1: [], 2: []}
    for row in np.flatnonzero((kinds == 1) | (kinds == 2)):
        others = np.array([at for at in range(150) if at != row and kinds[at]])
        nearest = others[np.argsort(np.linalg.norm(xy[others] - xy[row], axis=1))[:10]]
        by_kind[kinds[row]].append(np.mean(kinds[nearest] == kinds[row]))
    found = kind_precision(xy, kinds)
    assert found.over_sounds == pytest.approx(np.mean(by_kind[1] + by_kind[2]), abs=1e-9)
    assert found.over_kinds == pytest.approx((np.mean(by_kind[1]) + np.mean(by_kind[2])) / 2, abs=1e-9)


def test_kind_precision_of_a_lattice():
    """On a square lattice of rows that are of two kinds in turn, two of the eight around are of the same."""
    x, y = np.meshgrid(np.arange(44), np.arange(44))
    xy = np.column_stack([x.ravel(), y.ravel()]).astype(np.float32)
    kinds = (1 + y.ravel() % 2).astype(np.uint8)
    found = kind_precision(xy, kinds, k=8)
    # a tenth stands at the border, where others are the nearest
    assert found.over_sounds == pytest.approx(2 / 8, abs=0.03)


def test_silhouette_is_that_of_scikit_learn():
    """Known sounds alone give the number that others would compute, a kind of one sound included."""
    from sklearn.metrics import silhouette_score

    xy = clusters(400)[:, :2]
    kinds = np.random.default_rng(3).integers(0, 6, size=400).astype(np.uint8)
    kinds[kinds == 5] = 4
    kinds[7] = 9
    known = kinds > 0
    expected = silhouette_score(xy[known].astype(np.float64), kinds[known])
    assert silhouette(xy, kinds) == pytest.approx(expected, abs=1e-9)


def test_samples_tell_nearly_the_same_and_always_the_same():
    """Many sounds are judged by seeded samples."""
    embeddings = clusters(6_000)
    kinds = (1 + np.argmin(np.abs(embeddings[:, :1] - np.linspace(-4, 4, 6)), axis=1)).astype(np.uint8)
    sampled, full = kind_precision(embeddings, kinds), kind_precision(embeddings, kinds, sample=5_000)
    assert sampled == kind_precision(embeddings, kinds)
    assert sampled.over_sounds == pytest.approx(full.over_sounds, abs=0.03)
    xy = embeddings[:, :2]
    assert silhouette(xy, kinds) == silhouette(xy, kinds)
    assert silhouette(xy, kinds) == pytest.approx(silhouette(xy, kinds, sample=6_000), abs=0.02)


@pytest.mark.parametrize(
    ("polygons", "expected"),
    [
        ([], 0.0),
        ([_square(0, 0, 1)], 1.0),
        ([_square(0, 0, 1), _square(0, 0, 1)], 1.0),
        ([_square(0, 0, 1), _square(1, 0, 1)], 2.0),
        ([_square(0, 0, 1), _square(3, 5, 2)], 5.0),
        ([_square(0, 0, 1), _square(0.5, 0.5, 1)], 1.75),
        ([_square(0, 0, 4), _square(1, 1, 1)], 16.0),
        # two triangles of 3 sqrt(3) / 4 share a hexagon of two thirds of one
        ([_regular(3, turn=np.pi / 2), _regular(3, turn=-np.pi / 2)], np.sqrt(3)),
        # two triangles of area 8, one upside down, whose sides cross where no corner is: they share 5.25
        ([np.array([[0.0, 0], [4, 0], [2, 4]]), np.array([[2.0, -1], [4, 3], [0, 3]])], 10.75),
    ],
)
def test_area_of_a_union(polygons, expected):
    """Known unions: alone, equal, side by side, apart, overlapping, one within another, a star of two."""
    assert union_area(polygons) == pytest.approx(expected, abs=1e-12)


def test_area_of_a_union_against_counting():
    """Many overlapping polygons cover what a fine count of points says, in any order."""
    rng = np.random.default_rng(8)
    polygons = [convex_hull(rng.normal(rng.uniform(size=2), 0.08, (30, 2))) for _ in range(12)]
    points = rng.uniform(-0.5, 1.5, (200_000, 2))
    inside = np.zeros(len(points), dtype=bool)
    for corners in polygons:
        edge = np.roll(corners, -1, axis=0) - corners
        to = points[:, None] - corners
        inside |= (edge[:, 0] * to[..., 1] - edge[:, 1] * to[..., 0] >= 0).all(axis=1)
    assert union_area(polygons) == pytest.approx(4 * inside.mean(), abs=0.02)
    assert union_area(polygons[::-1]) == pytest.approx(union_area(polygons), abs=1e-12)
    assert union_area(polygons) < sum(map(area, polygons))


def test_hulls_of_known_shapes():
    """Discs are round, bars are not; kinds apart don't overlap, and gaps count with an outer hull only."""
    xy, kinds = _discs(3_000, TWO, TWO + FAR)
    discs = hull_scores(xy, kinds)
    assert 0.97 < discs.roundness <= 1.0
    assert discs.overlap == pytest.approx(1.0, abs=1e-9)
    # around two discs of radius .1 at a distance of .6: a disc and a bar of .6 x .2, over two discs
    assert discs.overlap_in_outer_hull == pytest.approx((np.pi * 0.01 + 0.12) / (2 * np.pi * 0.01), rel=0.03)
    bars = hull_scores((xy - 0.5) * np.array([1.0, 0.02], np.float32), kinds)
    assert bars.roundness < 0.1 and bars.overlap == pytest.approx(1.0, abs=1e-9)


def test_kinds_on_the_same_ground_overlap():
    """Three kinds on one disc cover a third of what each would cover alone."""
    xy, _ = _discs(3_000, TWO)
    kinds = np.tile(np.array([1, 2, 3], np.uint8), 1_000)
    assert hull_scores(xy, kinds).overlap == pytest.approx(1 / 3, abs=0.02)


def test_a_few_strays_make_no_region():
    """Sounds far from all of their kind don't count for its hull."""
    xy, kinds = _discs(200, TWO, TWO + FAR)
    alone = hull_scores(xy, kinds)
    xy[[3, 11, 200, 230]] = [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.45, 0.0)]
    strayed = hull_scores(xy, kinds)
    assert strayed.overlap == pytest.approx(1.0) and strayed.roundness == pytest.approx(
        alone.roundness, abs=0.05
    )
    assert strayed.overlap_in_outer_hull == pytest.approx(alone.overlap_in_outer_hull, rel=0.05)


@pytest.mark.parametrize("n", range(4))
def test_few_sounds_tell_nothing(n):
    """Of up to three sounds there is nothing to say, with a kind or without."""
    xy = np.random.default_rng(0).uniform(size=(n, 2)).astype(np.float32)
    for kinds in (np.zeros(n, np.uint8), np.ones(n, np.uint8)):
        assert kind_precision(xy, kinds) is None
        assert silhouette(xy, kinds) is None
        assert hull_scores(xy, kinds) is None


def test_no_kinds_and_one_kind():
    """Without kinds there is nothing to tell; of one kind, all neighbours are, and there is no next one."""
    xy, _ = _discs(50, TWO)
    nothing, one = np.zeros(50, np.uint8), np.ones(50, np.uint8)
    assert kind_precision(xy, nothing) is silhouette(xy, nothing) is hull_scores(xy, nothing) is None
    assert kind_precision(xy, one).over_sounds == 1.0
    assert silhouette(xy, one) is None
    assert hull_scores(xy, one).overlap == pytest.approx(1.0)


@pytest.mark.parametrize("places", [np.zeros((60, 2)), np.outer(np.linspace(0, 1, 60), (0.3, 0.7))])
def test_places_without_an_area(places):
    """Sounds at one place or on one line give numbers where there are any, and no hulls."""
    xy, kinds = places.astype(np.float32), np.tile(np.array([1, 2], np.uint8), 30)
    assert 0 <= kind_precision(xy, kinds).over_sounds <= 1
    assert -1 <= silhouette(xy, kinds) <= 0.1
    assert hull_scores(xy, kinds) is None
