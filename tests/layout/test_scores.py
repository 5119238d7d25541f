import numpy as np
import pytest

from klustr_bridge.errors import LayoutError
from klustr_bridge.layout.fit import fit_layout
from klustr_bridge.layout.scores import fit_scores, moved_scores, told
from tests.layout.data import clusters

ALWAYS = {"neighbour_share", "trustworthiness", "continuity"}
PADS = {"reach_7_bit", "reach_14_bit"}
OF_KINDS = {
    "kind_share",
    "kind_share_over_kinds",
    "kind_share_in_sound",
    "kind_share_over_kinds_in_sound",
    "silhouette",
    "roundness",
    "overlap",
    "overlap_in_outer_hull",
}


def test_a_fit_is_judged_by_kinds_that_have_no_say_in_it():
    """Kinds bring scores, and leave every position where it is without them."""
    points = clusters(200, n_clusters=2)
    kinds = (1 + (points[:, 0] > np.median(points[:, 0]))).astype(np.uint8)
    without, layout = (fit_layout(points, seed=1, method="pca", kinds=codes) for codes in (None, kinds))
    assert np.array_equal(layout.xy, without.xy)
    assert set(without.scores) == ALWAYS | PADS
    assert set(layout.scores) == ALWAYS | PADS | OF_KINDS
    assert layout.scores.items() >= without.scores.items()
    order = np.random.default_rng(0).permutation(200)
    shuffled = fit_layout(points[order], seed=1, method="pca", kinds=kinds[order])
    assert shuffled.scores == layout.scores


def test_kinds_must_fit():
    """Kinds of another number of sounds are refused."""
    with pytest.raises(LayoutError, match=r"kinds have shape \(3,\); needed: \(4,\)"):
        fit_layout(clusters(4), seed=1, kinds=np.ones(3, np.uint8))


@pytest.mark.parametrize("n", range(4))
def test_few_sounds_have_finite_scores(n):
    """Up to three sounds have the scores that can be told, all finite."""
    scores = fit_layout(clusters(n), seed=1, kinds=np.ones(n, np.uint8)).scores
    assert set(scores) == ALWAYS | (PADS if n else set())
    assert all(np.isfinite(list(scores.values())))


def test_identical_sounds_have_finite_scores():
    """Thirty times the same sound, at one place, of two kinds: numbers, no warnings."""
    same, kinds = np.zeros((30, 8), np.float32), np.repeat(np.array([1, 2], np.uint8), 15)
    for xy in (same[:, :2], fit_layout(same, seed=1).xy):
        scores = fit_scores(same, xy, kinds)
        assert set(scores) > ALWAYS | PADS
        assert all(np.isfinite(list(scores.values())))


def test_scores_are_told_in_words():
    """Shares as percentages, each only where it is known."""
    scores = {"neighbour_share": 0.58, "kind_share": 0.612, "kind_share_in_sound": 0.64, "silhouette": 0.1}
    assert told(scores) == "when made: neighbours kept 58 %, kinds kept together 61 % (in sound 64 %)"
    moved = moved_scores(np.full((3, 2), 0.51, np.float32), np.full((3, 2), 0.5, np.float32))
    assert told(moved) == "when made: moved then 1 % of the width"
    assert told({}) == ""
    assert moved_scores(np.zeros((1, 2), np.float32), np.full((1, 2), np.nan, np.float32)) == {}
