"""Both views of the map over real sockets: each client asks, and is told, in its own."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from klustr_bridge.client import Client, FailError
from klustr_bridge.corpus import Corpus
from klustr_bridge.corpus.snapshot import read_snapshot
from tests.bridge.places import N_SOUNDS, Place


@pytest.fixture
def even(place: Place) -> Iterator[Client]:
    """A subscribed client in the even view."""
    with Client(port=place.port) as client:
        client.hello("even")
        client.view("even")
        client.sync()
        yield client


@pytest.fixture
def natural(place: Place) -> Iterator[Client]:
    """A subscribed client that has chosen nothing."""
    with Client(port=place.port) as client:
        client.hello("natural")
        yield client


def by_id(client: Client) -> dict[int, tuple[float, float]]:
    return {point.id: (point.x, point.y) for point in client.points()}


def places(corpus: Corpus, view: str) -> dict[int, tuple[float, float]]:
    xy = corpus.places(view).xy.tolist()
    return {int(i): (x, y) for i, (x, y) in zip(corpus.ids, xy, strict=True)}


def test_every_answer_is_in_the_clients_view(place: Place, even: Client, natural: Client) -> None:
    """near, similar, info and points of two clients at once, each with the places of its own view."""
    for client, view in ((even, "even"), (natural, "natural")):
        known = places(place.navigator.corpus, view)
        assert by_id(client) == known
        near = client.near_xy(0.2, 0.3, N_SOUNDS)
        assert {n.id: (n.x, n.y) for n in near} == known
        apart = [math.dist((0.2, 0.3), known[n.id]) for n in near]
        assert [n.distance for n in near] == pytest.approx(apart) and apart == sorted(apart)
        assert all((n.x, n.y) == known[n.id] for n in client.similar(place.ids[0], 5))
        info = client.info(place.ids[4])
        assert (info.x, info.y) == known[place.ids[4]]


def test_a_client_can_go_back(place: Place, even: Client) -> None:
    """The view can be changed at any time; a wrong word is refused and changes nothing."""
    with pytest.raises(FailError, match="natural even"):
        even.command("/klustr/view", "square")
    assert (even.points()[0].x, even.points()[0].y) == places(place.navigator.corpus, "even")[place.ids[0]]
    even.view("natural")
    assert (even.points()[0].x, even.points()[0].y) == places(place.navigator.corpus, "natural")[place.ids[0]]


def test_a_hit_is_told_to_each_in_its_own_view(place: Place, even: Client, natural: Client) -> None:
    """The sound under one client's cursor is shown by the other where it stands there."""
    known = {view: places(place.navigator.corpus, view) for view in ("even", "natural")}
    target = place.ids[5]
    for actor, view in ((even, "even"), (natural, "natural")):
        x, y = known[view][target]
        for address, values in (("/klustr/xy", (x, y, 1)), ("/klustr/trigger/xy", (x, y, 1.0, 2))):
            actor.send(address, *values)
            cursor = values[-1]
            for listener, listens in ((even, "even"), (natural, "natural")):
                hit = listener.wait("/klustr/hit")
                assert hit[:2] == (cursor, target)
                assert hit[2:4] == pytest.approx(known[listens][target])
                assert hit[4] == pytest.approx(0.0, abs=1e-6)
    even.send("/klustr/random", 3)
    hit, other = even.wait("/klustr/hit"), natural.wait("/klustr/hit")
    assert hit[1] == other[1]
    assert hit[2:4] == pytest.approx(known["even"][hit[1]])
    assert other[2:4] == pytest.approx(known["natural"][hit[1]])


def test_a_sound_without_a_place_in_a_view(
    serve: Callable[..., Place], made_library: tuple[Path, Path]
) -> None:
    """Its hit is told to a client in that view without a place, and no answer there holds it."""
    snapshot = read_snapshot(made_library[1])
    even_xy = snapshot.even_xy.copy()
    even_xy[3] = np.nan
    place = serve(Corpus(replace(snapshot, sound=snapshot.sound | {"even_xy": even_xy})))
    target = place.ids[3]
    with Client(port=place.port) as even, Client(port=place.port) as natural:
        even.hello("even")
        even.view("even")
        even.sync()
        x, y = places(place.navigator.corpus, "natural")[target]
        natural.send("/klustr/xy", x, y)
        assert even.wait("/klustr/hit")[:4] == (0, target, -1.0, -1.0)
        assert target not in [n.id for n in even.near_xy(0.5, 0.5, N_SOUNDS)]
        assert target not in by_id(even) and target in by_id(natural)
        assert (even.info(target).x, even.info(target).y) == (-1.0, -1.0)


def test_changes_are_told_in_each_view(place: Place, even: Client, natural: Client) -> None:
    """What is added, moved and removed in a view is pushed to those who are in it alone."""
    ids = np.array([1, 2], np.int32)
    xy = {"natural": np.array([[0.1, 0.2], [0.3, 0.4]], np.float32)}
    xy["even"] = xy["natural"][::-1].copy()
    for view, places in xy.items():
        place.loop.call(place.server.push_added, ids, places, view)
        place.loop.call(place.server.push_moved, ids, places, view)
    place.loop.call(place.server.push_removed, ids[:1], "even")
    place.loop.call(place.server.push_error, "the", "end")
    for client, view in ((even, "even"), (natural, "natural")):
        got: list[Any] = []
        while not got or got[-1].address != "/klustr/error":
            got.append(next(iter(client.events(timeout=5))))
        rows = [(int(i), *map(float, p)) for i, p in zip(ids, xy[view], strict=True)]
        removed = [("/klustr/removed", (1,))] if view == "even" else []
        expected = [(f"/klustr/{what}", row) for what in ("added", "moved") for row in rows]
        assert got[:-1] == [*expected, *removed]


def test_clients_begin_with_the_view_of_the_settings(serve: Callable[..., Place]) -> None:
    """A server that is told so has new clients in the even view, those without hello, too."""
    place = serve(view="even")
    with Client(port=place.port) as client:
        assert by_id(client) == places(place.navigator.corpus, "even")
