"""Methods that name their own parameters."""

import numpy as np
import pytest

from klustr_bridge.errors import LayoutError
from klustr_bridge.layout.engines import raw_positions
from klustr_bridge.layout.fit import fit_layout
from klustr_bridge.layout.tuned import TUNED_METHODS, Tuned, is_tuned, tuned_of
from tests.layout.data import clusters


@pytest.mark.parametrize(
    ("method", "meant"),
    [
        ("tsne-30", Tuned("tsne", perplexity=30.0)),
        ("umap-10-0.01", Tuned("umap", neighbours=10, min_dist=0.01)),
        ("umap-direct-30-0.5", Tuned("umap-direct", neighbours=30, min_dist=0.5)),
        ("tsne", None),
        ("umap-direct", None),
        ("tsne-31", None),
        ("axes-pitch-length", None),
    ],
)
def test_a_method_says_its_parameters(method: str, meant: Tuned | None) -> None:
    """Engine and numbers are read from the name; names outside the population mean nothing."""
    assert tuned_of(method) == meant
    assert is_tuned(method) == (meant is not None)


@pytest.mark.parametrize("method", TUNED_METHODS)
def test_every_tuned_method_makes_a_map_of_its_own(method: str) -> None:
    """Each is fitted and keeps its name; by UMAP it is another map unless its parameters are usual."""
    points = clusters(40, n_dims=20)
    layout = fit_layout(points, seed=1, method=method)
    assert layout.method == method
    assert np.isfinite(layout.xy).all()
    tuned = tuned_of(method)
    assert tuned is not None
    if method in ("umap-15-0.1", "umap-direct-15-0.1"):
        np.testing.assert_array_equal(fit_layout(points, seed=1, method=tuned.engine).xy, layout.xy)
    elif tuned.engine != "tsne":
        plain = fit_layout(points, seed=1, method=tuned.engine)
        assert np.abs(plain.xy - layout.xy).max() > 0.01


def test_parameters_reach_the_engine() -> None:
    """A perplexity of 15 takes 45 neighbours: what lies beyond has no say in the map."""
    points = clusters(90, n_dims=20)
    nowhere = np.full((90, 2), np.nan, np.float32)
    small, plain = (raw_positions(method, points, nowhere, 1) for method in ("tsne-15", "tsne"))
    assert not np.allclose(small, plain)
    wide, tight = (raw_positions(f"umap-direct-{name}", points, nowhere, 1) for name in ("30-0.5", "10-0.01"))
    near = [np.sort(np.linalg.norm(xy[:, None] - xy, axis=2), axis=1)[:, 1].mean() for xy in (wide, tight)]
    assert near[0] > 2 * near[1]  # min_dist keeps sounds apart


def test_parameters_outside_the_population_are_refused() -> None:
    """A made-up perplexity is no method; the message names those there are."""
    with pytest.raises(LayoutError, match="unknown layout method 'tsne-31'; known: auto, tsne"):
        fit_layout(clusters(30), seed=1, method="tsne-31")
