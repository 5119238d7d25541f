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
    rows = four_clusters()
    # powers of two: no digit is lost
    louder = rows * np.exp2(np.random.default_rng(5).integers(-2, 3, (120, 1))).astype(np.float32)
    job = Job("umap", {"neighbours": 10, "min_dist": 0.1})
    one, other = (make(job, each, 1)[0].xy for each in (rows, louder))
    np.testing.assert_array_equal(one, other)
    flat, other_flat = (make(Job("pca"), each, 1)[0].xy for each in (rows, louder))
    assert np.abs(flat - other_flat).max() > 0.1


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
