import hashlib
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klustr_bridge.errors import LayoutError
from klustr_bridge.layout import fit
from klustr_bridge.layout.align import procrustes
from klustr_bridge.layout.components import principal_components
from klustr_bridge.layout.fit import FEW, METHODS, fit_layout
from klustr_bridge.layout.universal import UNIVERSAL
from tests.layout.data import clusters

# The first fit after an installation compiles for half a minute, several on a busy machine.
pytestmark = pytest.mark.timeout(600)


def _check(layout, n):
    assert layout.xy.shape == (n, 2)
    assert layout.xy.dtype == np.float32
    assert np.isfinite(layout.xy).all()
    assert ((layout.xy > 0) & (layout.xy < 1)).all()
    assert len(np.unique(layout.xy, axis=0)) == n
    assert set(layout.scores) == (
        {"neighbour_share", "trustworthiness", "continuity"}
        | ({"reach_7_bit", "reach_14_bit"} if n else set())
    )
    assert all(0 <= score <= 1 for score in layout.scores.values())


def _with_outlier(n=200):
    points = clusters(n)
    points[7] += 1e4
    return points


def _two_far_groups(n=200):
    points = clusters(n, n_clusters=1)
    points[n // 2 :] += 1e3
    return points


def _some_equal(n=120):
    return clusters(30)[np.random.default_rng(0).integers(30, size=n)]


def _constant_dimensions(n=100):
    points = clusters(n)
    points[:, 1:] = 4.0
    return points


_CASES = {
    "one outlier": _with_outlier(),
    "two far groups": _two_far_groups(),
    "many equal": _some_equal(),
    "all identical": np.full((50, 64), 2.5, dtype=np.float32),
    "ten distinct": clusters(10)[np.arange(60) % 10],
    "one dimension varies": _constant_dimensions(),
    "one dimension": clusters(60, n_dims=1),
    "two dimensions": clusters(60, n_dims=2),
    "tiny differences": (5 + 1e-5 * clusters(60)).astype(np.float32),
}


@pytest.mark.parametrize("method", [method for method in METHODS if method != UNIVERSAL])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 14, 15, 16, 17, 50])
def test_a_map_of_any_few_sounds(n, method):
    """However few sounds there are, they get distinct places inside the square, without a warning."""
    layout = fit_layout(clusters(n), seed=1, method=method)
    _check(layout, n)
    wanted = "tsne" if method == "auto" else method
    assert layout.method == (wanted if n >= 16 else "pca")


@pytest.mark.parametrize("method", ["pca", "tsne", "umap"])
@pytest.mark.parametrize("case", _CASES)
def test_a_map_of_awkward_sounds(case, method):
    """Outliers, far groups, copies and constant dimensions give a finite map, without a warning."""
    points = _CASES[case]
    layout = fit_layout(points, seed=1, method=method)
    _check(layout, len(points))
    few = len(np.unique(points, axis=0)) < 16
    assert layout.method == (method if method == "pca" or not few else FEW)


def test_one_outlier_leaves_the_map_to_the_others():
    """A sound far from all others doesn't take the map from them."""
    points = _with_outlier()
    for method in ("pca", "tsne", "umap"):
        rest = np.delete(fit_layout(points, seed=1, method=method).xy, 7, axis=0)
        assert np.ptp(rest, axis=0).min() > 0.8


def test_equal_sounds_stand_side_by_side():
    """Sounds with equal embeddings are neighbours on the map, not scattered."""
    points = _some_equal()
    xy = fit_layout(points, seed=1).xy
    for row in range(len(points)):
        same = (points == points[row]).all(axis=1)
        assert np.linalg.norm(xy[same] - xy[row], axis=1).max() < 0.01


def test_the_good_maps_keep_more_neighbours_than_pca():
    """The slow maps are worth their time: clusters and neighbours show better, most of all with t-SNE."""
    points = clusters(600)
    pca, umap, tsne = (fit_layout(points, seed=1, method=m).scores for m in ("pca", "umap", "tsne"))
    assert umap["neighbour_share"] > 1.5 * pca["neighbour_share"]
    assert tsne["neighbour_share"] > 1.1 * umap["neighbour_share"]
    assert min(umap["trustworthiness"], tsne["trustworthiness"]) > 0.9


@pytest.mark.parametrize("method", ["pca", "tsne", "umap"])
def test_the_order_of_the_sounds_does_not_matter(method):
    """Permuted input gives identical positions, equally permuted; with an earlier map, too."""
    points = clusters(200)
    previous = np.random.default_rng(1).uniform(size=(200, 2)).astype(np.float32)
    previous[::3] = np.nan
    shuffle = np.random.default_rng(2).permutation(200)
    for before in (None, previous):
        straight = fit_layout(points, seed=1, method=method, previous=before)
        shuffled = fit_layout(
            points[shuffle], seed=1, method=method, previous=None if before is None else before[shuffle]
        )
        assert np.array_equal(straight.xy[shuffle], shuffled.xy)
        assert straight.scores == shuffled.scores


@given(order=st.permutations(range(40)))
@settings(max_examples=25, deadline=None)
def test_the_order_of_equal_sounds_moves_no_place(order):
    """With equal sounds the set of taken places is the same in any order."""
    points = clusters(12)[np.arange(40) % 12]
    straight, shuffled = (fit_layout(p, seed=1, method="pca").xy for p in (points, points[list(order)]))
    assert np.array_equal(np.unique(straight, axis=0), np.unique(shuffled, axis=0))


def test_the_same_seed_gives_the_same_map_in_every_process():
    """Two fresh processes agree to the last bit; another seed gives another map."""
    program = (
        "import sys, hashlib\n"
        "from klustr_bridge.layout.fit import fit_layout\n"
        "from tests.layout.data import clusters\n"
        "print(hashlib.sha256(fit_layout(clusters(200), seed=int(sys.argv[1])).xy.tobytes()).hexdigest())\n"
    )

    def run(seed):
        command = [sys.executable, "-W", "error", "-c", program, str(seed)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    first = run(1)
    assert len(first) > 60
    assert run(1) == first
    other = fit_layout(clusters(200), seed=2).xy
    assert hashlib.sha256(other.tobytes()).hexdigest() != first.strip()


@pytest.mark.parametrize("method", ["pca", "tsne", "umap"])
def test_a_refit_keeps_to_the_earlier_map(method):
    """Sounds of the earlier map move little when a tenth of new ones comes in."""
    points = clusters(440, n_clusters=3)
    before = fit_layout(points[:400], seed=1, method=method).xy
    # the user's map is turned and mirrored against what a fit from nothing gives
    before = 1 - before[:, ::-1]
    previous = np.full((440, 2), np.nan, dtype=np.float32)
    previous[:400] = before
    kept = fit_layout(points, seed=1, method=method, previous=previous).xy[:400]
    fresh = fit_layout(points, seed=1, method=method).xy[:400]
    moved_kept = np.linalg.norm(kept - before, axis=1).mean()
    moved_fresh = np.linalg.norm(fresh - before, axis=1).mean()
    assert moved_kept < 0.15
    assert moved_kept < moved_fresh / 3


def test_refits_do_not_shrink_the_map():
    """After refit upon refit the map fills the square as the first one did."""
    points = clusters(150)
    xy = fit_layout(points, seed=1).xy
    for seed in range(5):
        xy = fit_layout(points, seed=seed, previous=xy).xy
    assert np.ptp(xy, axis=0).min() > 0.7


def test_a_crowded_earlier_map_does_not_spoil_the_new_one():
    """A first map of one sound, onto which all others were crowded, costs no quality."""
    points = clusters(300)
    previous = (0.5 + 1e-3 * np.random.default_rng(0).uniform(size=(300, 2))).astype(np.float32)
    fresh = fit_layout(points, seed=1)
    after = fit_layout(points, seed=1, previous=previous)
    assert np.ptp(after.xy, axis=0).min() > 0.7
    assert after.scores["neighbour_share"] > 0.9 * fresh.scores["neighbour_share"]


def test_an_earlier_map_with_next_to_nothing_in_common_is_ignored():
    """One or two known places can't hold a map: it is laid out as if there were none."""
    points = clusters(50)
    previous = np.full((50, 2), np.nan, dtype=np.float32)
    previous[:2] = 0.3
    assert np.array_equal(fit_layout(points, seed=1, previous=previous).xy, fit_layout(points, seed=1).xy)


def test_principal_components_have_fixed_signs():
    """The largest entry of each direction is positive: no coin is tossed by the library underneath."""
    for seed in range(8):
        points = clusters(80, n_dims=6, seed=seed).astype(np.float64)
        components = principal_components(points.astype(np.float32), 6)
        directions = np.linalg.lstsq(points - np.median(points, axis=0), components, rcond=None)[0]
        largest = directions[np.abs(directions).argmax(axis=0), np.arange(6)]
        assert (largest > 0.3).all()
        assert (np.diff(components.var(axis=0)) <= 0).all()


def test_one_odd_sound_is_no_principal_component():
    """The others' components are the same with it as without it, and it lies where it is."""
    points = clusters(200, n_dims=6)
    odd = points.mean(axis=0) + np.array([0, 0, 0, 0, 0, 5e3], np.float32)
    plain = principal_components(points, 2)
    beside = principal_components(np.vstack([points, odd]), 2)[:-1]
    turned = procrustes(beside, plain).apply(beside)
    assert np.abs(turned - plain).max() < 0.1 * np.ptp(plain)


def test_components_without_variance_are_zero():
    """Rounding noise is not blown up to a map."""
    points = clusters(100, n_dims=6)
    points[:, 2:] = 3.0 + np.random.default_rng(1).normal(0, 1e-5, (100, 4)).astype(np.float32)
    components = principal_components(points, 6)
    assert components[:, :2].any(axis=0).all()
    assert not components[:, 2:].any()


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_a_map_of_landmarks_keeps_most_of_what_a_whole_one_does(monkeypatch, method):
    """Beyond a size some are laid out and the rest placed among them, whatever the order of the rows."""
    points = clusters(900)
    whole = fit_layout(points, seed=1, method=method).scores
    monkeypatch.setattr(fit, "LANDMARKS", 400)
    layout = fit_layout(points, seed=1, method=method)
    _check(layout, len(points))
    assert layout.scores["neighbour_share"] > 0.6 * whole["neighbour_share"]
    assert layout.scores["trustworthiness"] > 0.95 * whole["trustworthiness"]
    shuffle = np.random.default_rng(2).permutation(len(points))
    assert np.array_equal(fit_layout(points[shuffle], seed=1, method=method).xy, layout.xy[shuffle])
    again = fit_layout(points, seed=1, method=method, previous=layout.xy)
    assert np.median(np.linalg.norm(again.xy - layout.xy, axis=1)) < 0.1


def test_equal_sounds_with_earlier_places_can_come_in_any_order():
    """They are one, at the mean of where they were."""
    points = clusters(40)[np.arange(120) % 40]
    previous = np.random.default_rng(1).uniform(size=(120, 2)).astype(np.float32)
    previous[::5] = np.nan
    straight = fit_layout(points, seed=1, method="pca", previous=previous).xy
    shuffle = np.random.default_rng(2).permutation(120)
    shuffled = fit_layout(points[shuffle], seed=1, method="pca", previous=previous[shuffle]).xy
    # which of three equal ones gets which of their three spots goes by row: compare their middles
    middle = np.array([straight[np.arange(120) % 40 == one].mean(axis=0) for one in range(40)])
    other = np.array([shuffled[shuffle % 40 == one].mean(axis=0) for one in range(40)])
    assert np.abs(middle - other).max() < 0.002


@pytest.mark.parametrize(
    ("embeddings", "previous", "method", "message"),
    [
        (np.zeros(5), None, "auto", r"shape \(5,\)"),
        (np.zeros((5, 0)), None, "auto", r"shape \(5, 0\)"),
        (np.zeros((5, 3)), np.zeros((4, 2)), "auto", r"\(4, 2\); needed: \(5, 2\)"),
        (np.array([[0.0, 1.0], [np.inf, 1.0]]), None, "auto", "first in row 1"),
        (np.zeros((5, 3)), None, "som", "'som'; known: auto, tsne, umap, umap-direct, pca"),
    ],
)
def test_what_can_not_be_fitted_is_refused_with_the_reason(embeddings, previous, method, message):
    """Wrong arrays and methods are named, with what is needed."""
    with pytest.raises(LayoutError, match=message):
        fit_layout(
            embeddings.astype(np.float32),
            seed=1,
            method=method,
            previous=None if previous is None else previous,
        )


def test_other_warnings_are_not_swallowed():
    """After a fit the process' warning filters are what they were."""
    before = list(warnings.filters)
    fit_layout(clusters(20), seed=1)
    assert list(warnings.filters) == before
