"""The reductions: each shows clusters that are there, is repeatable, and fills the square."""

import numpy as np
import pytest

from klustr_bridge.errors import StudyError
from klustr_bridge.study import reductions
from klustr_bridge.study.reductions import FULL, ITERATIONS, QUICK, Job, make, population
from klustr_bridge.study.scores import neighbour_precision
from klustr_bridge.types import Float32Array
from tests.layout.data import clusters

CODES = np.repeat(np.arange(4), 30)
NAMES = CODES.astype(np.str_)


def four_clusters() -> Float32Array:
    rng = np.random.default_rng(2)
    return (8 * rng.normal(size=(4, 12))[CODES] + rng.normal(size=(120, 12))).astype(np.float32)


JOBS = (
    Job("pca"),
    Job("tsne", {"perplexity": 10}, (250, 500)),
    Job("umap", {"neighbours": 10, "min_dist": 0.1}),
    Job("pca-umap"),
    Job("bridge"),
)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.family)
def test_clusters_stay_clusters_and_the_seed_decides(job: Job) -> None:
    """Nearly all neighbours are of one's cluster; the same seed gives the same map to the bit."""
    rows = four_clusters()
    made = make(job, rows, 1)
    assert len(made) == len(list(job.members()))
    for one, again in zip(made, make(job, rows, 1), strict=True):
        assert one.xy.shape == (120, 2) and one.xy.dtype == np.float32
        assert np.ptp(one.xy, axis=0).max() == pytest.approx(1.0, abs=0.02)
        assert one.xy.min() >= -1e-6 and one.xy.max() <= 1 + 1e-6
        share = neighbour_precision(one.xy.astype(np.float64), NAMES, np.arange(120).astype(np.str_))
        assert share.mean() > 0.9
        np.testing.assert_array_equal(one.xy, again.xy)
        assert one.seconds > 0


def test_fewer_iterations_lie_on_the_way_to_more() -> None:
    """A map of 250 iterations is the same whether or not it goes on, and more iterations take longer."""
    rows = four_clusters()
    short = make(Job("tsne", {"perplexity": 10}, (250,)), rows, 1)
    long = make(Job("tsne", {"perplexity": 10}, (250, 400)), rows, 1)
    np.testing.assert_array_equal(short[0].xy, long[0].xy)
    assert not np.array_equal(long[0].xy, long[1].xy)
    assert long[1].seconds > long[0].seconds


def test_umap_goes_by_correlation() -> None:
    """Rows of other levels correlate as before, so the map is the same; principal components move."""
    rows = np.round(four_clusters() * 8) / 8
    rows[:, -1] -= rows.sum(axis=1)  # a mean of 0, and of whole eighths after any shift by them
    rng = np.random.default_rng(5)
    # powers of two, and shifts as whole numbers of twelve columns: no digit is lost
    louder = (rows * np.exp2(rng.integers(-2, 3, (120, 1))) + rng.integers(-5, 6, (120, 1))).astype(
        np.float32
    )
    job = Job("umap", {"neighbours": 10, "min_dist": 0.1})
    one, other = (make(job, each, 1)[0].xy for each in (rows, louder))
    np.testing.assert_array_equal(one, other)
    flat, other_flat = (make(Job("pca"), each, 1)[0].xy for each in (rows, louder))
    assert np.abs(flat - other_flat).max() > 0.1


def test_distances_are_one_less_the_correlation() -> None:
    """What UMAP is given of two rows is 1 - their correlation."""
    rows = four_clusters()
    unit = reductions._unit_rows(rows)
    found = np.square(np.linalg.norm(unit[:, None] - unit, axis=2)) / 2
    np.testing.assert_allclose(found, 1 - np.corrcoef(rows.astype(np.float64)), atol=1e-5)


def test_every_parameter_of_the_grids_changes_the_map() -> None:
    """Perplexity, neighbours and min_dist reach the engines; min_dist keeps sounds apart."""
    rows = four_clusters()
    maps = {
        (name, value): make(Job(family, {name: value, **further}, iterations), rows, 1)[0].xy
        for family, name, values, further, iterations in (
            ("tsne", "perplexity", (2, 30), {}, (260,)),
            ("umap", "neighbours", (5, 50), {"min_dist": 0.1}, ()),
            ("umap", "min_dist", (0.001, 0.5), {"neighbours": 10}, ()),
        )
        for value in values
    }
    for name, one, other in (
        ("perplexity", 2, 30),
        ("neighbours", 5, 50),
        ("min_dist", 0.001, 0.5),
    ):
        assert np.abs(maps[name, one] - maps[name, other]).max() > 0.01
    tight, loose = (nearest(maps["min_dist", value]) for value in (0.001, 0.5))
    assert loose > 1.2 * tight


def nearest(xy: Float32Array) -> float:
    """Median distance to the nearest other sound."""
    apart = np.linalg.norm(xy[:, None] - xy, axis=2)
    return float(np.median(np.sort(apart, axis=1)[:, 1]))


def test_the_first_iterations_pull_clusters_together() -> None:
    """After 250 iterations, all exaggerated, a cluster is denser against the whole than after 500."""
    early, late = make(Job("tsne", {"perplexity": 10}, (250, 500)), four_clusters(), 1)
    assert nearest(early.xy) < 0.7 * nearest(late.xy)


def test_t_sne_without_opentsne_is_that_of_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where openTSNE has no wheels the grid is made all the same."""
    monkeypatch.setattr(reductions.importlib.util, "find_spec", lambda name: None)
    made = make(Job("tsne", {"perplexity": 10}, (250, 300)), four_clusters(), 1)
    assert len(made) == 2
    share = neighbour_precision(made[1].xy.astype(np.float64), NAMES, np.arange(120).astype(np.str_))
    assert share.mean() > 0.9


def test_the_full_population_is_the_studys_grids_and_three_more() -> None:
    """25 maps by t-SNE, 25 by UMAP, PCA, PCA 14 and UMAP, the bridge's: each with a title of its own."""
    titles = [title for job in population(FULL, 1_000) for title, _ in job.members()]
    assert len(titles) == len(set(titles)) == 25 + 25 + 3
    assert "t-SNE, perplexity 30, 5000 iterations" in titles
    assert "UMAP, 15 neighbours, min_dist 0.001" in titles
    quick = [title for job in population(QUICK, 1_000) for title, _ in job.members()]
    assert set(quick) < set(titles) and 10 <= len(quick) <= 20


def test_few_sounds_leave_out_what_they_cannot_have() -> None:
    """40 sounds have no perplexity of 30: three times as many neighbours are needed."""
    jobs = population(FULL, 40)
    assert {job.parameters["perplexity"] for job in jobs if job.family == "tsne"} == {2, 5}
    assert max(job.parameters["neighbours"] for job in jobs if job.family == "umap") == 30
    assert all(job.iterations == ITERATIONS for job in jobs if job.family == "tsne")
    with pytest.raises(StudyError, match="at least 8"):
        make(Job("pca"), clusters(5), 1)
    with pytest.raises(StudyError, match="unknown extent 'half'; known: quick, full"):
        population("half", 100)


def test_one_number_a_sound_still_makes_a_map() -> None:
    """Features of a single dimension lie on a line."""
    rows = np.random.default_rng(1).normal(size=(30, 1)).astype(np.float32)
    assert np.isfinite(make(Job("pca"), rows, 1)[0].xy).all()
