"""Scores of layouts whose values are known by hand."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from klustr_bridge.study.results import SCORES
from klustr_bridge.study.scores import (
    K,
    farthest_share,
    k_means,
    map_scores,
    neighbour_precision,
    published_hull_scores,
)

N = 200

Places = NDArray[np.float32]


def disc(x: float, y: float, radius: float, n: int = N) -> Places:
    """Sounds on a circle and evenly within it: the hull is the circle, as far as n corners make one."""
    at = np.arange(n) * 2 * np.pi / n
    within = np.tile([1.0, 0.7, 0.4, 0.1], n // 4)
    within[::2] = 1.0
    return np.column_stack([x + radius * within * np.cos(at), y + radius * within * np.sin(at)]).astype(
        np.float32
    )


def codes_of(*sizes: int) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(sizes)), sizes)


def names_of(codes: NDArray[np.int64]) -> NDArray[np.str_]:
    return np.array([f"class {code}" for code in codes.tolist()])


def alone(n: int) -> NDArray[np.str_]:
    """Every sound a pack of its own."""
    return np.arange(n).astype(np.str_)


def test_two_discs_apart() -> None:
    """Two circles of radius 1, ten apart: round, nothing overlaps; the published overlap counts the gap."""
    xy = np.concatenate([disc(0, 0, 1), disc(10, 0, 1)])
    found = published_hull_scores(xy, codes_of(N, N))
    assert found["roundness"] == pytest.approx(1.0, abs=1e-3)
    assert found["overlap"] == pytest.approx(1.0, abs=1e-6)
    outer = math.pi + 20  # half a circle at each end and a rectangle of 10 by 2
    assert found["overlap_published"] == pytest.approx(outer / (outer + 2 * math.pi), abs=1e-3)


def test_nested_hulls() -> None:
    """A circle of radius 1 within one of radius 2: four fifths of the area, four ninths as published."""
    xy = np.concatenate([disc(0, 0, 1), disc(0, 0, 2)])
    found = published_hull_scores(xy, codes_of(N, N))
    assert found["roundness"] == pytest.approx(1.0, abs=1e-3)
    assert found["overlap"] == pytest.approx(4 / 5, abs=1e-3)
    assert found["overlap_published"] == pytest.approx(4 / 9, abs=1e-3)


def test_two_classes_on_the_same_ground() -> None:
    """Two equal squares keep half of the sum of their areas; a square's roundness is pi / 4."""
    square = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    found = published_hull_scores(np.concatenate([square, square]), codes_of(4, 4))
    assert found["roundness"] == pytest.approx(math.pi / 4)
    assert found["overlap"] == pytest.approx(1 / 2)
    assert found["overlap_published"] == pytest.approx(1 / 3)


def test_the_published_overlap_rewards_small_classes_that_overlap() -> None:
    """Of two classes on the same ground the published overlap makes a success, if both are small."""
    frame = np.array([[0, 0], [0, 9], [9, 0], [9, 9]], np.float32)
    apart = np.concatenate([disc(2.5, 4.5, 2.4), disc(6.9, 4.5, 1.9), frame])
    on_each_other = np.concatenate([disc(4, 4, 0.4), disc(4, 4, 0.4), frame])
    codes = codes_of(N, N, 4)
    good, bad = published_hull_scores(apart, codes), published_hull_scores(on_each_other, codes)
    assert bad["overlap_published"] > good["overlap_published"]
    # the frame's own hull covers both in both: without it the corrected overlap tells them apart
    good, bad = (published_hull_scores(xy[: 2 * N], codes[: 2 * N]) for xy in (apart, on_each_other))
    assert good["overlap"] == pytest.approx(1.0)
    assert bad["overlap"] == pytest.approx(0.5)


def test_hulls_without_an_area_are_left_out() -> None:
    """Classes of one place or on a line have no hull; where none has one, nothing is told."""
    line = np.column_stack([np.arange(20), np.zeros(20)]).astype(np.float32)
    assert published_hull_scores(line, codes_of(10, 10)) == {}
    found = published_hull_scores(np.concatenate([line, disc(0, 5, 1)]), codes_of(20, N))
    assert found["roundness"] == pytest.approx(1.0, abs=1e-3)


def test_all_scores_of_two_discs() -> None:
    """What is perfectly apart has all its neighbours, none of the farthest, and clusters that are classes."""
    xy = np.concatenate([disc(0, 0, 1), disc(100, 0, 1)])
    codes = codes_of(N, N)
    rows = np.hstack([xy, xy])
    scores, share = map_scores(xy, rows, names_of(codes), alone(2 * N), 1)
    assert set(scores) == set(SCORES)
    for name in (
        "share",
        "share_classes",
        "kmeans_v_measure",
        "trustworthiness",
        "continuity",
        "overlap_core",
    ):
        assert scores[name] == pytest.approx(1.0), name
    assert scores["share_farthest"] == 0.0
    # by hand: within a disc sounds are about one apart, from the other disc a hundred
    assert 0.98 < scores["silhouette"] < 1.0
    assert scores["kmeans_silhouette"] == pytest.approx(scores["silhouette"])
    total = scores["silhouette"] + scores["roundness"] + scores["overlap_published"]
    assert scores["sum_published"] == pytest.approx(total)
    assert share.tolist() == [1.0] * (2 * N)


def test_shuffled_labels_score_as_chance_does() -> None:
    """Labels drawn by lot: neighbours by the classes' sizes, no silhouette, clusters that say nothing."""
    rng = np.random.default_rng(7)
    xy = rng.random((2_000, 2)).astype(np.float32)
    codes = rng.permutation(codes_of(1_500, 500))
    scores, _ = map_scores(xy, xy, names_of(codes), alone(2_000), 1)
    by_chance = 0.75**2 + 0.25**2
    assert scores["share"] == pytest.approx(by_chance, abs=0.02)
    assert scores["share_classes"] == pytest.approx(0.5, abs=0.02)
    assert scores["share_farthest"] == pytest.approx(by_chance, abs=0.05)
    assert scores["silhouette"] == pytest.approx(0.0, abs=0.01)
    assert scores["kmeans_v_measure"] == pytest.approx(0.0, abs=0.01)
    assert scores["overlap"] == pytest.approx(0.5, abs=0.03)
    assert scores["trustworthiness"] == scores["continuity"] == 1.0  # the features are the map


def test_four_sounds_on_a_line_have_the_silhouette_that_is_computed_by_hand() -> None:
    """At 0, 1, 5 and 6: outer ones 1 - 1 / 5.5, inner ones 1 - 1 / 4.5."""
    xy = np.array([[0, 0], [1, 0], [5, 0], [6, 0]], np.float32)
    scores, _ = map_scores(xy, xy, names_of(codes_of(2, 2)), alone(4), 1)
    assert scores["silhouette"] == pytest.approx(((1 - 1 / 5.5) + (1 - 1 / 4.5)) / 2)
    assert "share" not in scores  # three others aren't ten
    assert "roundness" not in scores and "sum_published" not in scores


def test_neighbours_of_ones_own_pack_do_not_count() -> None:
    """Takes of one drum in one pack stand beside each other: only what other packs say counts."""
    xy = np.array([[0, 0], [0.1, 0], [1, 0], [1.1, 0]])
    label = np.array(["kick", "kick", "snare", "kick"])
    pack = np.array(["one", "one", "two", "three"])
    assert neighbour_precision(xy, label, alone(4), 1).tolist() == [1.0, 1.0, 0.0, 0.0]
    assert neighbour_precision(xy, label, pack, 1).tolist() == [0.0, 0.0, 0.0, 0.0]
    asked = neighbour_precision(xy, label, pack, 2, np.array([3, 0]))
    np.testing.assert_equal(asked, [0.5, np.nan, np.nan, 0.5])  # 3: the snare and a kick of pack one


def test_a_class_that_is_in_one_pack_alone_is_not_asked() -> None:
    """Its sounds could have no neighbour of their class: a perfect map would be blamed for it."""
    xy = np.concatenate([disc(0, 0, 1, 24), disc(20, 0, 1, 24)])
    codes = codes_of(24, 24)
    packs = np.array(["a", "b"] * 12 + ["a"] * 24)
    scores, share = map_scores(xy, xy, names_of(codes), packs, 1)
    assert scores["share"] == scores["share_classes"] == 1.0
    assert np.isnan(share[24:]).all() and not np.isnan(share[:24]).any()


def test_what_is_torn_and_what_is_glued_are_told_apart() -> None:
    """A circle cut open and laid flat tears neighbours; a line folded in half glues strangers together."""
    at = np.linspace(0, 1, 400, endpoint=False)
    circle = np.column_stack([np.cos(2 * np.pi * at), np.sin(2 * np.pi * at)]).astype(np.float32)
    line = np.column_stack([at, np.zeros(400)]).astype(np.float32)
    folded = np.column_stack([np.abs(at - 0.5), np.zeros(400)]).astype(np.float32)
    codes = codes_of(200, 200)
    torn, _ = map_scores(line, circle, names_of(codes), alone(400), 1)
    glued, _ = map_scores(folded, line, names_of(codes), alone(400), 1)
    assert torn["trustworthiness"] > torn["continuity"]
    assert glued["trustworthiness"] < 0.9 < glued["continuity"]


def test_the_core_of_a_class_knows_no_strays() -> None:
    """One sound in ten far out: the hull of all is a sliver, that of the core the disc it was."""
    xy = np.concatenate([disc(0, 0, 1), disc(5, 0, 1)])
    xy[:10] += (0, 40)
    scores, _ = map_scores(xy, xy, names_of(codes_of(N, N)), alone(2 * N), 1)
    assert scores["roundness"] < 0.7 < 0.95 < scores["roundness_core"]
    assert scores["overlap_core"] == pytest.approx(1.0)


def test_the_farthest_are_the_farthest() -> None:
    """A sound's ten farthest: of its class where that has two ends, of the other where it has one."""
    ends = np.concatenate([disc(-10, 0, 1, 20), disc(10, 0, 1, 20), disc(0, 0, 1, 20)])
    codes = np.repeat([0, 0, 1], 20)
    # both ends have each other; the middle's farthest are the ends
    assert farthest_share(ends, codes, K) == pytest.approx(2 / 3)


@pytest.mark.parametrize("initialisation", ["k-means++", "random", "PCA"])
def test_k_means_finds_clusters_from_every_start(initialisation: str) -> None:
    """Three clusters far apart in five dimensions are found, and are the classes."""
    rng = np.random.default_rng(3)
    codes = codes_of(30, 30, 30)
    points = (20 * np.eye(5)[codes] + rng.normal(size=(90, 5))).astype(np.float32)
    apart, agree = k_means(points, codes, initialisation, 1)
    assert agree == pytest.approx(1.0)
    assert apart > 0.8


def test_k_means_from_principal_axes_needs_as_many_dimensions() -> None:
    """On a map of two dimensions three clusters can't begin from principal axes: nothing is told."""
    codes = codes_of(10, 10, 10)
    apart, agree = k_means(np.random.default_rng(1).random((30, 2)).astype(np.float32), codes, "PCA", 1)
    assert math.isnan(apart) and math.isnan(agree)


def test_all_sounds_on_one_place_are_judged_without_a_crash() -> None:
    """A map that has collapsed gives finite scores or none."""
    xy = np.zeros((40, 2), np.float32)
    scores, _ = map_scores(xy, np.zeros((40, 3), np.float32), names_of(codes_of(20, 20)), alone(40), 1)
    assert all(math.isfinite(value) for value in scores.values())
    assert "roundness" not in scores
