"""Walks from one sound to another: small even steps, never back, and no further than there are sounds."""

import asyncio
import math
from collections.abc import Sequence
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from klustr_bridge.corpus import EVEN, Corpus
from klustr_bridge.errors import QueryError
from klustr_bridge.navigator import ClientState, Navigator, Neighbour
from klustr_bridge.navigator.walks import walk_between
from klustr_bridge.sound.aspects import ASPECTS, EMBEDDING_SIZE
from tests.corpus.snapshots import Made, MadeSound, below, snapshot_of
from tests.navigator.parts import LIBRARY, a_client, corpus_of

VECTORS = arrays(
    np.float32,
    st.tuples(st.integers(2, 60), st.just(2)),
    elements=st.integers(-30, 30).map(float) | st.floats(-30, 30, width=32),
)


def library(vectors: Sequence[Sequence[float]], **more: Sequence[object]) -> Corpus:
    """Sounds of some embeddings, with ids from 1 on, on one line of the map."""
    made = [
        MadeSound(
            i,
            [below(f"{i}.wav")],
            (i / 1000, 0.5),
            vector,
            **{name: values[i - 1] for name, values in more.items()},  # type: ignore[arg-type]
        )
        for i, vector in enumerate(vectors, 1)
    ]
    return Corpus(snapshot_of(Made(made, n_dimensions=len(vectors[0]))))


def steps(corpus: Corpus, start: int, end: int, n: int, client: ClientState | None = None) -> list[Neighbour]:
    return asyncio.run(Navigator(None, None, corpus).walk(client or a_client(), start, end, n))


def walk(corpus: Corpus, start: int, end: int, n: int, client: ClientState | None = None) -> list[int]:
    return [step.id for step in steps(corpus, start, end, n, client)]


ROW = library([(x, 0) for x in (0, 10, *range(1, 10))])  # ids 1 and 2 are the ends, 3 to 11 lie between


def test_a_row_of_sounds_is_walked_along() -> None:
    """In order, with the distance of each from the one before it and its place on the map."""
    found = steps(ROW, 1, 2, 11)
    assert [step.id for step in found] == [1, *range(3, 12), 2]
    assert [step.distance for step in found] == pytest.approx([0.0] + [1.0] * 10)
    assert [(step.x, step.y) for step in found[:2]] == [
        pytest.approx((0.001, 0.5)),
        pytest.approx((0.003, 0.5)),
    ]
    assert walk(ROW, 2, 1, 11) == [2, *range(11, 2, -1), 1]


@pytest.mark.parametrize(("n", "expected"), [(2, [1, 2]), (3, [1, 7, 2]), (6, [1, 4, 6, 8, 10, 2])])
def test_fewer_sounds_than_there_are_lie_evenly(n: int, expected: list[int]) -> None:
    """As far from each other as can be."""
    assert walk(ROW, 1, 2, n) == expected


def test_more_than_there_are_is_all_there_are() -> None:
    """The answer says how many by its length."""
    assert walk(ROW, 1, 2, 128) == [1, *range(3, 12), 2]
    assert walk(library([(0, 0), (1, 0), (9, 9)]), 1, 2, 5) == [1, 2]


def test_the_way_is_along_the_sounds_not_across_the_gap() -> None:
    """Where nothing lies on the line between, it goes round through what there is in small steps."""
    angles = np.linspace(0, np.pi, 13)
    arc = np.stack([-np.cos(angles), 0.6 * np.sin(angles)], axis=1) * 10
    corpus = library([arc[0].tolist(), arc[-1].tolist(), *arc[1:-1].tolist()])
    found = steps(corpus, 1, 2, 13)
    assert [step.id for step in found] == [1, *range(3, 14), 2]
    assert max(step.distance for step in found) < 3.0 < math.dist(arc[0], arc[-1])


def test_what_leads_astray_is_left_out() -> None:
    """A sound off the way that makes a step larger than they need be is not taken, though there is room."""
    assert walk(library([(0, 0), (10, 0), (2, 0), (4, 0), (6, 0), (8, 0), (5, 4)]), 1, 2, 7) == [
        1,
        3,
        4,
        5,
        6,
        2,
    ]
    near_the_way = library([(0, 0), (10, 0), (2, 0), (4, 0), (6, 0), (8, 0), (5, 1)])
    assert walk(near_the_way, 1, 2, 7) == [1, 3, 4, 7, 5, 6, 2]


@given(VECTORS, st.integers(2, 40))
def test_every_walk_keeps_its_promises(vectors: np.ndarray, n: int) -> None:
    """Both ends, each sound once, no more than asked for, never back, nothing beyond either end."""
    corpus = library(vectors.tolist())
    found = walk_between(corpus, 0, 1, n)
    rows = found.rows.tolist()
    assert (rows[0], rows[-1]) == (0, 1) and 2 <= len(rows) == len(set(rows)) <= n
    from_start = np.linalg.norm(vectors[rows].astype(float) - vectors[0], axis=1)
    from_end = np.linalg.norm(vectors[rows].astype(float) - vectors[1], axis=1)
    apart = from_start[-1]
    assert (np.maximum(from_start, from_end) <= apart + 1e-6).all()
    if apart > 0:
        assert (np.diff(from_start / (from_start + from_end)) >= -1e-6).all()
    step = np.linalg.norm(np.diff(vectors[rows].astype(float), axis=0), axis=1)
    assert found.distance == pytest.approx(np.array([0.0, *step]), abs=1e-3)
    assert walk_between(corpus, 0, 1, n).rows.tolist() == rows


@given(arrays(np.float32, (7, 2), elements=st.integers(-9, 9).map(float), unique=True), st.integers(3, 6))
def test_no_way_of_as_many_sounds_has_a_smaller_sum(vectors: np.ndarray, n: int) -> None:
    """The answer costs no more than any other way that never turns back: all of them are tried."""
    corpus = library(vectors.tolist())
    rows = walk_between(corpus, 0, 1, n).rows.tolist()
    places = vectors.astype(float)
    apart, from_start = math.dist(places[0], places[1]), np.linalg.norm(places - places[0], axis=1)
    from_end = np.linalg.norm(places - places[1], axis=1)
    inside = [i for i in range(2, 7) if max(from_start[i], from_end[i]) < apart - 1e-6]
    inside.sort(key=lambda i: (from_start[i] / (from_start[i] + from_end[i]), i))

    def cost(way: list[int]) -> float:
        return sum(math.dist(places[a], places[b]) ** 6 for a, b in pairwise(way))

    ways = [[0, *chosen, 1] for chosen in combinations(inside, len(rows) - 2)]
    assert cost(rows) <= min(map(cost, ways)) * (1 + 1e-6)


def test_filters_hold_for_what_lies_between() -> None:
    """But the ends are those that were asked for."""
    kinds = ["kick", "snare"] + ["tom", "kick", "tom"] * 3
    corpus = library([(x, 0) for x in (0, 10, *range(1, 10))], kind=kinds)
    client = a_client()
    Navigator(None, None, corpus).filter_kinds(client, ["tom"])
    assert walk(corpus, 1, 2, 20, client) == [1, 3, 5, 6, 8, 9, 11, 2]
    Navigator(None, None, corpus).filter_kinds(client, ["crash"])
    assert walk(corpus, 1, 2, 20, client) == [1, 2]


def test_weights_choose_the_way() -> None:
    """What counts for nothing may change at once; the distances are the weighed ones."""

    def sound(**by: float) -> list[float]:
        vector = np.zeros(EMBEDDING_SIZE, np.float32)
        for aspect, value in by.items():
            vector[ASPECTS[aspect].start] = value
        return vector.tolist()

    between = [sound(attack=3 * i, length=7 if i == 2 else 0) for i in range(1, 4)]
    even = sound(attack=6, pitch=3)
    corpus = library([sound(), sound(attack=12), *between, even])
    client = a_client()
    assert walk(corpus, 1, 2, 5, client) == [1, 3, 6, 5, 2]
    navigator = Navigator(None, None, corpus)
    navigator.set_weight(client, "length", 0)
    navigator.set_weight(client, "attack", 2)
    found = steps(corpus, 1, 2, 5, client)
    assert [step.id for step in found] == [1, 3, 4, 5, 2]
    assert [step.distance for step in found] == pytest.approx([0, 6, 6, 6, 6])
    for aspect in ASPECTS:
        navigator.set_weight(client, aspect, 0)
    assert walk(corpus, 1, 2, 5, client) == [1, 2]


def test_places_are_in_the_clients_view() -> None:
    """And -1 where a sound has none in it."""
    nowhere = (math.nan, math.nan)
    corpus = library([(0, 0), (4, 0), (2, 0)], even_xy=[(0.25, 0.75), nowhere, (0.5, 0.5)])
    found = steps(corpus, 1, 2, 3, a_client(view="even"))
    assert [(step.id, step.x, step.y) for step in found] == [(1, 0.25, 0.75), (3, 0.5, 0.5), (2, -1, -1)]


def test_sounds_that_wait_to_be_heard_anew_are_on_no_walk() -> None:
    """Their embeddings are blank."""
    corpus = library([(0, 0), (4, 0), (math.nan, math.nan), (1, 0), (3, 0)])
    assert walk(corpus, 1, 2, 9) == [1, 4, 5, 2]


def test_a_thousand_sounds_are_walked_in_even_steps() -> None:
    """16 steps through a cloud: each much smaller than the jump, none much larger than the others."""
    rng = np.random.default_rng(7)
    corpus = library([(-1, 0, 0), (1, 0, 0), *rng.normal(0, 0.5, (1000, 3)).tolist()])
    found = [step.distance for step in steps(corpus, 1, 2, 16)][1:]
    assert len(found) == 15
    assert max(found) < 0.3 and max(found) < 2 * np.mean(found)


@pytest.mark.parametrize(
    ("start", "end", "n", "code"),
    [
        (1, 99, 5, "notfound"),
        (99, 1, 5, "notfound"),
        (1, 7, 5, "notready"),
        (1, 1, 5, "badargs"),
        (1, 2, 1, "badargs"),
        (1, 2, 129, "badargs"),
    ],
)
def test_what_has_no_walk_is_said(tmp_path: Path, start: int, end: int, n: int, code: str) -> None:
    """Unknown sounds, files that wait, one sound, too few and too many."""
    with pytest.raises(QueryError) as error:
        walk(corpus_of(tmp_path, LIBRARY), start, end, n)
    assert error.value.code == code


def test_sounds_that_only_weights_make_near_are_found() -> None:
    """The search for what lies between goes by the client's weights, too."""

    def at(pitch: float, brightness: float, attack: float) -> list[float]:
        vector = [0.0] * EMBEDDING_SIZE
        vector[ASPECTS["pitch"].start] = pitch
        vector[ASPECTS["brightness"].start] = brightness
        vector[ASPECTS["attack"].start] = attack
        return vector

    decoys = [at(0.02 * number, 0, 20) for number in range(500)]
    corpus = library([at(0, 0, 0), at(10, 0, 0), at(5, 900, 0), *decoys])
    client = a_client()
    asked = Navigator(None, None, corpus)
    asked.set_weight(client, "brightness", 0.0)
    assert walk(corpus, 1, 2, 3, client) == [1, 3, 2]


def test_what_is_far_from_both_ends_is_found() -> None:
    """Crowds around the ends don't hide the one sound in the middle."""
    chance = np.random.default_rng(1)
    crowds = [(end + dx, dy) for end in (0, 100) for dx, dy in chance.normal(0, 0.5, (300, 2))]
    corpus = library([(0, 0), (100, 0), (50, 0), *crowds])
    assert 3 in walk(corpus, 1, 2, 5)


def test_weighted_walks_need_aspects_that_are_known() -> None:
    """Those of another release are not."""
    client = a_client(weights=EVEN._replace(attack=0.0))
    with pytest.raises(QueryError) as error:
        walk(ROW, 1, 2, 3, client)
    assert error.value.code == "notready"
