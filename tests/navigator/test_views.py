"""The two views of the map: whatever a client asks is answered in its own."""

import math

import pytest

from klustr_bridge.errors import QueryError
from klustr_bridge.navigator import Hit, Navigator
from tests.corpus.snapshots import Made, MadeSound, below
from tests.navigator.parts import LIBRARY, a_client, corpus_of

# The order from left to right is another one in each view; 4 has no even place yet.
MADE = Made(
    sounds=[
        MadeSound(1, [below("one.wav")], (0.1, 0.5), (0, 0), even_xy=(0.75, 0.25)),
        MadeSound(2, [below("two.wav")], (0.5, 0.5), (0, 5), even_xy=(0.25, 0.25)),
        MadeSound(3, [below("three.wav")], (0.9, 0.5), (0, 1), even_xy=(0.25, 0.75)),
        MadeSound(4, [below("four.wav")], (0.9, 0.1), (0, 9)),
    ],
)
EVEN = {1: (0.75, 0.25), 2: (0.25, 0.25), 3: (0.25, 0.75)}


@pytest.fixture
def navigator(tmp_path):
    return Navigator(None, None, corpus_of(tmp_path, MADE))


def test_neighbours_are_those_of_the_view(navigator):
    """The same point has other neighbours, other distances and other places in the even view."""
    natural, even = a_client(), a_client(view="even")
    assert [n.id for n in navigator.near_xy(natural, 0.75, 0.3, 10)] == [4, 3, 2, 1]
    found = navigator.near_xy(even, 0.75, 0.3, 10)
    assert {n.id: (n.x, n.y) for n in found} == EVEN
    assert (found[0].id, found[0].distance) == (1, pytest.approx(0.05))


def test_choosing_a_view_holds_for_all_that_follows(navigator):
    """After the choice hits, similar, points and info are in it; a wrong word changes nothing."""
    client = a_client()
    navigator.set_view(client, "Even")
    with pytest.raises(QueryError, match="natural even"):
        navigator.set_view(client, "grid")
    (hit,) = navigator.move(client, 0.7, 0.3)
    assert (hit.id, hit.x, hit.y) == (1, 0.75, 0.25)
    similar = {n.id: (n.x, n.y) for n in navigator.similar(client, 1, 3)}
    assert similar == {3: EVEN[3], 2: EVEN[2], 4: (-1.0, -1.0)}
    points = navigator.points(view=client.view)
    assert dict(zip(points.ids.tolist(), map(tuple, points.xy.tolist()), strict=True)) == EVEN
    assert (navigator.info(2, client.view).x, navigator.info(2).x) == (0.25, 0.5)
    assert navigator.info(4, client.view).state == "unplaced" and navigator.info(4).state == "ready"
    assert {event.id for _ in range(20) for event in navigator.random(client)} == {1, 2, 3}


def test_a_hit_knows_its_place_in_every_view(navigator):
    """A subscriber in another view is told where the sound stands there."""
    for client in (a_client(), a_client(view="even")):
        (hit,) = navigator.move(client, 0.1, 0.5)
        assert isinstance(hit, Hit)
        assert hit.places[client.view] == (hit.x, hit.y)
        assert hit.places["even"] == EVEN[hit.id]
        assert hit.distance == pytest.approx(math.dist((0.1, 0.5), hit.places[client.view]))
    (hit,) = navigator.move(a_client(), 0.9, 0.1)
    assert hit.id == 4 and hit.places["even"] == (-1.0, -1.0)


def test_without_even_places_that_view_is_not_ready(tmp_path):
    """A snapshot of a library that has no even view yet says so, and goes on in the natural one."""
    navigator = Navigator(None, None, corpus_of(tmp_path, LIBRARY))
    with pytest.raises(QueryError) as error:
        navigator.move(a_client(view="even"), 0.5, 0.5)
    assert error.value.code == "notready"
    assert navigator.move(a_client(), 0.5, 0.5)
