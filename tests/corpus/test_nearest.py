"""Exact nearest neighbours against plain brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klustr_bridge.corpus.nearest import Nearest, PlaceSearch, SoundSearch

SIZES = st.sampled_from([1, 2, 7, 300, 1500, 12000])
KEPT = st.sampled_from([None, 0.0, 0.002, 0.3, 0.9, 1.0])


def brute(values: np.ndarray, query: np.ndarray, k: int, allowed: np.ndarray) -> Nearest:
    rows = np.flatnonzero(allowed)
    square = ((values[rows].astype(np.float64) - query.astype(np.float64)) ** 2).sum(axis=1)
    # not by distance: squares that differ in their last bit have the same root
    order = sorted(range(len(rows)), key=lambda i: (square[i], rows[i]))[:k]
    return Nearest(rows[order], np.sqrt(square[order]))


def values_of(rng: np.random.Generator, n: int, d: int, steps: int) -> np.ndarray:
    """Values of clusters, rounded to a grid (many ties) if it has steps."""
    centres = rng.random((4, d))
    values = centres[rng.integers(0, 4, n)] + 0.1 * rng.standard_normal((n, d))
    return (np.round(values * steps) / steps if steps else values).astype(np.float32)


def mask_of(rng: np.random.Generator, values: np.ndarray, share: float | None) -> np.ndarray | None:
    """Rows kept: by chance, or (0.3) those of one side, where a tree finds few in the other."""
    if share is None:
        return None
    if share == 0.3:
        return np.asarray(values[:, 0] < np.quantile(values[:, 0], 0.3))
    return rng.random(len(values)) < share


def assert_same(found: Nearest, wanted: Nearest) -> None:
    assert found.rows.tolist() == wanted.rows.tolist()
    np.testing.assert_allclose(found.distance, wanted.distance, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=SIZES,
    k=st.sampled_from([1, 3, 10, 400, 1000]),
    share=KEPT,
    steps=st.sampled_from([0, 1, 20]),
    unplaced=st.sampled_from([0.0, 0.2, 1.0]),
)
def test_places_equal_brute_force(seed, n, k, share, steps, unplaced):
    """The nearest on the map are exact under any filter, ties go by row, unplaced rows never come."""
    rng = np.random.default_rng(seed)
    xy = values_of(rng, n, 2, steps)
    keep = mask_of(rng, xy, share)
    xy[rng.random(n) < unplaced] = np.nan
    query = rng.random(2)
    placed = ~np.isnan(xy[:, 0])
    found = PlaceSearch(xy).nearest(float(query[0]), float(query[1]), k, keep)
    assert_same(found, brute(xy, query, k, placed if keep is None else placed & keep))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=SIZES,
    d=st.sampled_from([1, 8, 33]),
    k=st.sampled_from([1, 3, 10, 400, 1000]),
    share=KEPT,
    steps=st.sampled_from([0, 1, 3]),
    unheard=st.sampled_from([0.0, 0.2, 1.0]),
)
def test_sounds_equal_brute_force(seed, n, d, k, share, steps, unheard):
    """The most similar are exact under any filter, ties go by row, rows without embedding never come."""
    rng = np.random.default_rng(seed)
    embedding = values_of(rng, n, d, steps)
    keep = mask_of(rng, embedding, share)
    query = embedding[rng.integers(n)].copy() if rng.random() < 0.5 else values_of(rng, 1, d, 0)[0]
    heard = rng.random(n) >= unheard
    embedding[~heard] = np.nan
    found = SoundSearch(embedding).nearest(query, k, keep)
    assert_same(found, brute(embedding, query, k, heard if keep is None else heard & keep))


@pytest.mark.parametrize("n", [0, 4])
def test_nothing_kept_answers_nothing(n):
    """A filter that keeps nothing, or an empty library, gives an empty answer and no error."""
    nobody = np.zeros(n, bool)
    assert len(PlaceSearch(np.zeros((n, 2), np.float32)).nearest(0.5, 0.5, 3, nobody).rows) == 0
    sounds = SoundSearch(np.zeros((n, 5), np.float32))
    assert len(sounds.nearest(np.zeros(5, np.float32), 3, nobody).rows) == 0


BLOCKS = (slice(0, 2), slice(2, 3), slice(3, 8))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=SIZES,
    k=st.sampled_from([1, 3, 10, 400, 1000]),
    share=KEPT,
    steps=st.sampled_from([0, 1, 16]),
    weights=st.tuples(*[st.sampled_from([0.0, 2**-10, 0.5, 1.0, 2.0])] * 3),
    away=st.sampled_from([0.0, 1000.0]),
)
def test_weighted_sounds_equal_brute_force_on_scaled_ones(seed, n, k, share, steps, weights, away):
    """Weighing is exactly the search among scaled embeddings, far from zero and with ties, too."""
    rng = np.random.default_rng(seed)
    embedding = (values_of(rng, n, 8, steps) + np.float32(away)).astype(np.float32)
    keep = mask_of(rng, embedding, share)
    heard = rng.random(n) < 0.9
    embedding[~heard] = np.nan
    query = (values_of(rng, 1, 8, steps)[0] + np.float32(away)).astype(np.float32)
    found = SoundSearch(embedding, BLOCKS).nearest(query, k, keep, weights)
    scale = np.repeat(weights, [2, 1, 5])
    wanted = brute(embedding * scale, query * scale, k, heard if keep is None else heard & keep)
    np.testing.assert_allclose(found.distance, wanted.distance, rtol=1e-9, atol=1e-9)
    assert len(set(found.rows.tolist())) == len(wanted.rows)
    if steps and not away:  # sums of so few binary digits are exact
        assert found.rows.tolist() == wanted.rows.tolist()
