"""What the bridge pushes: to whom, how often, in what order."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from klustr_bridge.bridge.outbox import MAX_WAITING
from klustr_bridge.client import Client
from tests.bridge.places import Clock, Place


@pytest.fixture
def listener(place: Place) -> Iterator[Client]:
    """A second, subscribed client."""
    with Client(port=place.port) as client:
        client.hello("listener")
        yield client


def test_hits_go_to_every_subscriber_and_plays_to_the_one_that_acts(
    place: Place, client: Client, listener: Client
) -> None:
    """Two devices in one Set never both sound."""
    client.hello("actor")
    x, y = map(float, place.navigator.corpus.xy[3])
    client.send("/klustr/trigger/xy", x, y, 0.5, 2)
    hit = client.wait("/klustr/hit")
    assert hit[:2] == (2, place.ids[3])
    assert hit[5] == "osc"
    assert listener.wait("/klustr/hit") == hit
    voice, sound_id, velocity, path, start, end = client.wait("/klustr/play")
    assert (sound_id, velocity, start) == (place.ids[3], 0.5, 0.0)
    assert str(path).startswith("/")
    assert float(end) > 0
    assert int(voice) > 0
    listener.ping()
    assert not listener._kept
    assert len(place.player.played) == 1


def test_a_play_reaches_a_client_that_never_said_hello(place: Place, client: Client) -> None:
    """It is the answer to its own action; hits are for subscribers."""
    client.send("/klustr/player", "client")
    client.send("/klustr/audition", 1)
    client.send("/klustr/xy", 0.9, 0.5)
    assert client.wait("/klustr/play")[1] in place.ids
    client.ping()
    assert not client._kept
    assert place.player.played == []


def test_a_moving_cursor_hits_sixty_times_a_second_at_most(serve: Callable[..., Place]) -> None:
    """Between two hits of a cursor 1/60 s passes, and the newest wins; other cursors are not held up."""
    clock = Clock()
    place = serve(clock=clock)
    corner = [tuple(map(float, xy)) for xy in place.navigator.corpus.xy[:4]]
    with Client(port=place.port) as client:
        client.hello("pad")
        for x, y in corner:
            client.send("/klustr/xy", x, y)
        client.send("/klustr/xy", *corner[0], 1)
        assert client.wait("/klustr/hit")[:2] == (0, place.ids[0])
        assert client.wait("/klustr/hit")[:2] == (1, place.ids[0])
        client.ping()
        assert not client._kept
        clock.now_s += 1 / 60
        assert client.wait("/klustr/hit")[:2] == (0, place.ids[3])


def test_progress_is_newest_wins_for_each_stage(serve: Callable[..., Place]) -> None:
    """Thousands of steps become a few messages, the last one among them."""
    clock = Clock()
    place = serve(clock=clock)
    with Client(port=place.port) as client:
        client.hello("bar")
        for done in range(1000):
            place.loop.call(place.server.push_progress, "analyse", done, 1000)
        place.loop.call(place.server.push_progress, "layout", 1, 2)
        assert client.wait("/klustr/progress") == ("analyse", 0, 1000)
        assert client.wait("/klustr/progress") == ("layout", 1, 2)
        client.ping()
        assert not client._kept
        clock.now_s += 1 / 60
        assert client.wait("/klustr/progress") == ("analyse", 999, 1000)


def test_changes_of_the_map_are_all_told_in_order(place: Place, listener: Client) -> None:
    """Thousands of added, moved and removed sounds and the epoch arrive, none lost, in order."""
    n = 1500
    ids = np.arange(1, n + 1, dtype=np.int32)
    xy = np.random.default_rng(1).random((n, 2)).astype(np.float32)
    place.loop.call(place.server.push_added, ids, xy)
    place.loop.call(place.server.push_moved, ids, xy)
    place.loop.call(place.server.push_removed, ids)
    place.loop.call(place.server.push_epoch, 9, n)
    place.loop.call(place.server.push_error, "layout", "no memory")
    rows = [(int(i), *map(float, p)) for i, p in zip(ids, xy, strict=True)]
    got = []
    for event in listener.events(timeout=5):
        got.append(event)
        if event.address == "/klustr/error":
            break
    assert got == (
        [("/klustr/added", row) for row in rows]
        + [("/klustr/moved", row) for row in rows]
        + [("/klustr/removed", row[:1]) for row in rows]
        + [("/klustr/epoch", (9, n)), ("/klustr/error", ("layout", "no memory"))]
    )


def test_a_queue_that_overflows_is_counted_and_told_once(serve: Callable[..., Place]) -> None:
    """The subscriber hears that it has to ask for the points; the bridge goes on."""
    place = serve(clock=Clock())
    ids = np.arange(1, MAX_WAITING + 1, dtype=np.int32)
    with Client(port=place.port) as client:
        client.hello("slow")
        for _ in range(3):
            place.loop.call(place.server.push_removed, ids)
        assert client.wait("/klustr/error")[0] == "pushes"
        health = client.health()
        assert health["pushes_dropped"] == 2 * MAX_WAITING
        assert health["longest_queue"] == MAX_WAITING - 16
        assert not [kept for kept in client._kept if kept.address == "/klustr/error"]


def test_a_play_does_not_wait_behind_other_pushes(serve: Callable[..., Place]) -> None:
    """However much is queued, what the player does is heard at once."""
    place = serve(clock=Clock())
    with Client(port=place.port) as client:
        client.hello("drummer")
        place.loop.call(place.server.push_removed, np.arange(1, 5000, dtype=np.int32))
        client.send("/klustr/trigger", place.ids[0])
        assert client.wait("/klustr/play")[1] == place.ids[0]


def test_the_end_is_told(place: Place, client: Client, listener: Client) -> None:
    """Every subscriber gets goodbye when the bridge stops, and stopping twice is harmless."""
    with Client(port=place.port, tcp=True) as connected:
        connected.hello("tcp")
        place.loop.run(place.server.stop())
        assert listener.wait("/klustr/goodbye") == ()
        assert connected.wait("/klustr/goodbye") == ()
