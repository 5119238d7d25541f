"""Sounds on a grid of pads: who gets one, and which."""

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from klustr_bridge.corpus import Corpus
from klustr_bridge.errors import QueryError
from klustr_bridge.navigator import ClientState, Navigator
from klustr_bridge.navigator.pads import block, lay_on_pads, representatives
from tests.corpus.snapshots import Made, MadeSound, below, snapshot_of
from tests.navigator.parts import LIBRARY, a_client, corpus_of

SIDE = st.integers(1, 9)
PLACES = arrays(
    np.float32,
    st.tuples(st.integers(0, 120), st.just(2)),
    elements=st.floats(0, 1, width=32) | st.sampled_from([0.0, 0.25, 0.5]),
)


def library(places: Sequence[tuple[float, float]], **more: Sequence[object]) -> Corpus:
    """Sounds at some places, with ids from 1 on."""
    made = [
        MadeSound(i, [below(f"{i}.wav")], place, **{name: values[i - 1] for name, values in more.items()})  # type: ignore[arg-type]
        for i, place in enumerate(places, 1)
    ]
    return Corpus(snapshot_of(Made(made)))


def grid(
    corpus: Corpus, columns: int, rows: int, client: ClientState | None = None, *region: float
) -> dict[int, tuple[int, int]]:
    """Pads by the ids of the sounds on them."""
    circle = region if region else None
    asked = Navigator(None, None, corpus).grid(client or a_client(), columns, rows, circle)  # type: ignore[arg-type]
    pads = asyncio.run(asked)
    assert pads == sorted(pads, key=lambda pad: (pad[1], pad[0]))
    found = {sound_id: (column, row) for column, row, sound_id in pads}
    assert len(found) == len(pads)
    return found


@given(PLACES, SIDE, SIDE)
def test_every_sound_and_every_pad_at_most_once(xy: np.ndarray, columns: int, rows: int) -> None:
    """As many sounds as there are, or as there are pads; and the same ones each time."""
    index, pads = lay_on_pads(xy, columns, rows)
    assert len(index) == len(pads) == min(len(xy), columns * rows)
    assert len(set(index.tolist())) == len(index) and all(0 <= i < len(xy) for i in index)
    assert len(set(map(tuple, pads.tolist()))) == len(pads)
    assert all(0 <= column < columns and 0 <= row < rows for column, row in pads)
    again = lay_on_pads(xy.copy(), columns, rows)
    assert np.array_equal(index, again[0]) and np.array_equal(pads, again[1])


@given(SIDE, SIDE, st.randoms())
def test_a_lattice_is_laid_onto_itself(columns: int, rows: int, chance: object) -> None:
    """In any order of ids: the lowest left sound on the lowest left pad, and so on."""
    cells = [(column, row) for column in range(columns) for row in range(rows)]
    chance.shuffle(cells)  # type: ignore[attr-defined]
    xy = np.array([(0.2 + 0.07 * column, 0.9 - 0.05 * (rows - row)) for column, row in cells], np.float32)
    index, pads = lay_on_pads(xy, columns, rows)
    assert [cells[i] for i in index] == list(map(tuple, pads.tolist()))


def test_gaps_and_crowds_of_the_map_do_not_matter() -> None:
    """Only the order of places across and up counts: stretched and squeezed they get the same pads."""
    for seed in range(5):
        xy = np.random.default_rng(seed).random((36, 2)).astype(np.float32)
        index, pads = lay_on_pads(xy, 6, 6)
        uneven = np.column_stack([xy[:, 0] ** 6, 1 - (1 - xy[:, 1]) ** 5]).astype(np.float32)
        other_index, other_pads = lay_on_pads(uneven, 6, 6)
        assert np.array_equal(index, other_index)
        assert np.array_equal(pads, other_pads)


def test_the_sound_in_the_middle_stands_for_its_group() -> None:
    """Not the first of it, nor one at its edge."""
    xy = np.array([(0, 0), (1, 1), (0.48, 0.52), (0, 1), (1, 0)], np.float32)
    assert representatives(xy, 1).tolist() == [2]


def test_two_clusters_stay_apart() -> None:
    """Each takes one half of the pads, whatever the order of ids, but for a few at the border."""
    rng = np.random.default_rng(3)
    left, right = rng.normal((0.2, 0.5), 0.03, (32, 2)), rng.normal((0.8, 0.5), 0.03, (32, 2))
    order = rng.permutation(64)
    found = grid(library(np.concatenate([left, right])[order].tolist()), 8, 8)
    assert sum((found[i + 1][0] < 4) == (order[i] < 32) for i in range(64)) >= 60


def test_representatives_cover_all_of_the_region() -> None:
    """Of many sounds in four clusters each has a quarter of the pads, in its own corner."""
    rng = np.random.default_rng(4)
    middles = np.array([(0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9)])
    xy = np.concatenate([rng.normal(middle, 0.02, (500, 2)) for middle in middles]).astype(np.float32)
    index, pads = lay_on_pads(xy, 4, 4)
    corners = [[index[at] // 500 for at in np.flatnonzero((pads // 2 == corner).all(axis=1))] for corner in (
        (0, 0), (1, 0), (0, 1), (1, 1))]  # fmt: skip
    assert corners == [[0] * 4, [1] * 4, [2] * 4, [3] * 4]
    nearest = np.sqrt(np.square(xy[:, np.newaxis] - xy[index]).sum(axis=-1)).min(axis=1)
    assert nearest.max() < 0.1
    assert len(representatives(xy, 7)) == 7


def test_neighbours_are_kept_better_than_in_sorted_rows() -> None:
    """Of 2,000 uneven places the sounds on touching pads lie nearer together than if sorted into rows."""
    rng = np.random.default_rng(5)
    middles = rng.random((40, 2))
    xy = np.clip(middles[rng.integers(40, size=2000)] + rng.normal(0, 0.05, (2000, 2)), 0, 1)
    xy = xy.astype(np.float32)
    index, pads = lay_on_pads(xy, 8, 8)
    laid = np.zeros((8, 8, 2))
    laid[pads[:, 1], pads[:, 0]] = xy[index]
    chosen = xy[representatives(xy, 64)]
    rows = np.split(chosen[np.argsort(chosen[:, 1])], 8)
    naive = np.array([row[np.argsort(row[:, 0])] for row in rows])
    assert apart(laid) < 0.95 * apart(naive)


def apart(laid: np.ndarray) -> float:
    """Mean distance on the map of sounds on touching pads."""
    steps = [np.diff(laid, axis=0).reshape(-1, 2), np.diff(laid, axis=1).reshape(-1, 2)]
    return float(np.sqrt(np.square(np.concatenate(steps)).sum(axis=1)).mean())


@pytest.mark.parametrize(
    ("n", "size", "expected"),
    [
        (0, (8, 8), (0, 0)),
        (1, (8, 8), (1, 1)),
        (4, (8, 8), (2, 2)),
        (10, (8, 8), (4, 3)),
        (50, (8, 8), (8, 7)),
        (63, (8, 8), (8, 8)),
        (500, (8, 8), (8, 8)),
        (3, (16, 1), (3, 1)),
        (3, (1, 16), (1, 3)),
        (8, (16, 4), (4, 2)),
    ],
)
def test_few_sounds_lie_together(n: int, size: tuple[int, int], expected: tuple[int, int]) -> None:
    """In a block of the grid's proportions."""
    assert block(n, *size) == expected


@given(st.integers(0, 1100), st.integers(1, 32), st.integers(1, 32))
def test_the_block_is_large_enough_and_within_the_grid(n: int, columns: int, rows: int) -> None:
    """And no row or column of it is needless."""
    width, height = block(n, columns, rows)
    assert width <= columns and height <= rows
    assert (
        width * height >= min(n, columns * rows)
        and width * (height - 1) < max(n, 1)
        and (width - 1) * height < max(n, 1)
    )


def test_fewer_sounds_than_pads_are_in_the_lower_left_corner() -> None:
    """Each once and as they lie to each other; a single one on the first pad."""
    corpus = library([(0.8, 0.9), (0.1, 0.2), (0.8, 0.2), (0.1, 0.9)])
    assert grid(corpus, 8, 8) == {2: (0, 0), 3: (1, 0), 4: (0, 1), 1: (1, 1)}
    assert grid(library([(0.5, 0.5)]), 8, 8) == {1: (0, 0)}


def test_a_region_is_a_circle() -> None:
    """Only what lies in it, its edge included; nothing there is no failure."""
    corpus = library([(0.25, 0.5), (0.5, 0.5), (0.75, 0.5), (0.5, 0.76), (0.26, 0.26)])
    assert grid(corpus, 4, 4, None, 0.5, 0.5, 0.25).keys() == {1, 2, 3}
    assert grid(corpus, 4, 4, None, 0.5, 0.5, 1.5).keys() == {1, 2, 3, 4, 5}
    assert grid(corpus, 4, 4, None, 0.9, 0.1, 0.2) == {}
    assert grid(corpus, 1, 1, None, 7.0, 0.5, 0.25).keys() == {3}  # moved to the edge


def test_filters_and_view_hold() -> None:
    """What the client filters away has no pad, and the places are those of its view."""
    places = [(0.1, 0.5), (0.9, 0.5), (0.5, 0.5)]
    even = [(0.9, 0.5), (0.1, 0.5), (math.nan, math.nan)]
    corpus = library(places, kind=["kick", "kick", "snare"], even_xy=even)
    client = a_client()
    assert grid(corpus, 3, 1, client) == {1: (0, 0), 3: (1, 0), 2: (2, 0)}
    assert grid(corpus, 3, 1, a_client(view="even")) == {2: (0, 0), 1: (1, 0)}
    Navigator(None, None, corpus).filter_kinds(client, ["kick"])
    assert grid(corpus, 3, 1, client) == {1: (0, 0), 2: (1, 0)}
    Navigator(None, None, corpus).filter_kinds(client, ["tom"])
    assert grid(corpus, 3, 1, client) == {}


def test_a_large_map_is_thinned_evenly() -> None:
    """Of 20,000 sounds all parts of the map are still heard, and the answer is the same each time."""
    rng = np.random.default_rng(6)
    xy = rng.random((20_000, 2)).astype(np.float32)
    xy = xy[np.argsort(xy[:, 0])]  # ids from left to right
    corpus = library(xy.tolist())
    found = grid(corpus, 8, 8)
    assert len(found) == 64 and found == grid(corpus, 8, 8)
    off = [np.abs(xy[i - 1] * 8 - 0.5 - pad).max() for i, pad in found.items()]
    assert max(off) < 1.5 and np.mean(off) < 0.7


def test_sounds_without_a_place_have_no_pad(tmp_path: Path) -> None:
    """Nor have files that wait."""
    assert grid(corpus_of(tmp_path, LIBRARY), 8, 8).keys() == {1, 2, 3}


@pytest.mark.parametrize(
    ("size", "region", "said"),
    [
        ((0, 8), (), "columns is 0, allowed is 1 to 32"),
        ((8, 33), (), "rows is 33, allowed is 1 to 32"),
        ((8, 8), (0.5, 0.5, 1.6), "the radius is 1.6, allowed is 0 to 1.5"),
        ((8, 8), (0.5, 0.5, math.nan), "the radius is nan"),
        ((8, 8), (math.nan, 0.5, 0.1), "x and y must be numbers"),
    ],
)
def test_wrong_sizes_and_regions_are_refused(
    size: tuple[int, int], region: tuple[float, ...], said: str
) -> None:
    """With what is allowed."""
    with pytest.raises(QueryError, match=said) as error:
        grid(library([(0.5, 0.5)]), *size, None, *region)
    assert error.value.code == "badargs"


def test_without_a_map_there_is_no_grid() -> None:
    """It is said that there is none yet."""
    with pytest.raises(QueryError) as error:
        grid(library([(math.nan, math.nan)]), 8, 8)
    assert error.value.code == "notready"
