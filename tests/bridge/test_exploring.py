"""Walks and grids of pads over OSC."""

import asyncio
import math
from collections.abc import Callable
from itertools import pairwise

import pytest

from klustr_bridge.client import Client, FailError
from klustr_bridge.corpus import Corpus
from klustr_bridge.navigator import ClientState
from tests.bridge.places import N_SOUNDS, Place
from tests.corpus.snapshots import Made, MadeSound, below, snapshot_of


def test_a_walk_leads_from_one_to_the_other(place: Place, client: Client) -> None:
    """With the places of its sounds; the header says how many there are."""
    kick, hat = (client.find(name, 1)[0] for name in ("kick", "hat"))
    places = {point.id: point for point in client.points()}
    walk = client.walk(kick, hat, 6)
    assert (walk[0].id, walk[-1].id) == (kick, hat)
    assert 2 < len(walk) == len({step.id for step in walk}) <= 6
    assert walk == [places[step.id] for step in walk]
    client.send("/klustr/walk", 71, kick, hat, 2)
    answer = client.wait("/klustr/walk.reply")
    assert answer[:4] == (71, 1, 1, 2) and answer[4::3] == (kick, hat)
    assert [step.id for step in client.walk(hat, kick, 6)][::-1] == [step.id for step in walk]
    jumps = {near.id: near.distance for near in client.similar(kick, N_SOUNDS)}
    for one, other in pairwise(walk):
        assert jumps[hat] > next(n.distance for n in client.similar(one.id, N_SOUNDS) if n.id == other.id)


def test_walks_obey_filters_and_weights(place: Place, client: Client) -> None:
    """Of this client alone: only kept sounds lie between, and what weighs nothing is no way to go."""
    first, last = (client.find(name, 1)[0] for name in ("kick", "hat"))
    before = client.walk(first, last, 10)
    between = {client.info(step.id).kind for step in before[1:-1]}
    assert between
    client.send("/klustr/filter/kind", *between)
    client.sync()
    assert client.walk(first, last, 10) == before
    client.send("/klustr/filter/kind", *{client.info(i).kind for i in place.ids} - between)
    client.sync()
    kept = [step.id for step in client.walk(first, last, 10)]
    assert (kept[0], kept[-1]) == (first, last)
    assert not between & {client.info(sound_id).kind for sound_id in kept[1:-1]}
    client.send("/klustr/filter/clear")
    for aspect in ("attack", "body", "tail", "brightness", "pitch", "length"):
        client.weight(aspect, 0.0)
    client.sync()
    assert [step.id for step in client.walk(first, last, 10)] == [first, last]
    with Client(port=place.port) as other:
        assert other.walk(first, last, 10) == before


def test_a_grid_names_each_pad_and_sound_once(place: Place, client: Client) -> None:
    """Fewer sounds than pads: all of them, together at the lower left; the same again in the same epoch."""
    pads = client.grid(8, 8)
    assert sorted(pad.id for pad in pads) == place.ids
    assert {(pad.column, pad.row) for pad in pads} == {(c, r) for c in range(4) for r in range(4)}
    assert client.grid() == pads
    few = client.grid(3, 2)
    assert [(pad.row, pad.column) for pad in few] == [
        (row, column) for row in range(2) for column in range(3)
    ]
    assert len({pad.id for pad in few}) == 6
    # The sounds stand in a circle: the leftmost is left of the rightmost, the lowest below the highest.
    points, at = client.points(), {pad.id: pad for pad in pads}
    left, right = (at[choose(points, key=lambda p: p.x).id] for choose in (min, max))
    low, high = (at[choose(points, key=lambda p: p.y).id] for choose in (min, max))
    assert left.column < right.column and low.row < high.row


def test_a_grid_of_a_region_in_the_clients_view(place: Place, client: Client) -> None:
    """The same circle holds other sounds in the even view; filters narrow it, nothing is an answer too."""
    for view in ("natural", "even"):
        client.view(view)
        client.sync()
        inside = {p.id for p in client.points() if math.dist((p.x, p.y), (0.2, 0.3)) <= 0.35}
        assert {pad.id for pad in client.grid(8, 8, (0.2, 0.3, 0.35))} == inside
        assert 0 < len(inside) < N_SOUNDS
    kicks = {i for i in inside if client.info(i).kind == "kick"}
    client.send("/klustr/filter/kind", "kick")
    client.sync()
    assert {pad.id for pad in client.grid(8, 8, (0.2, 0.3, 0.35))} == kicks
    assert client.grid(8, 8, (0.0, 0.0, 0.0)) == []


def test_what_is_refused(place: Place, client: Client) -> None:
    """An unknown end, the same one twice, too few sounds; no pads, half a region."""
    first, second = place.ids[:2]
    for address, values, code in (
        ("/klustr/walk", (first, 999_999, 5), "notfound"),
        ("/klustr/walk", (first, first, 5), "badargs"),
        ("/klustr/walk", (first, second, 1), "badargs"),
        ("/klustr/grid", (0, 8), "badargs"),
        ("/klustr/grid", (8, 8, 0.5), "badargs"),
        ("/klustr/grid", (8, 8, 0.5, 0.5), "badargs"),
    ):
        with pytest.raises(FailError) as failed:
            client.request(address, *values)
        assert failed.value.code == code


def test_long_answers_come_whole(serve: Callable[..., Place]) -> None:
    """A walk of 128 sounds and a grid of 32 x 32 pads take several packets."""
    made = [
        MadeSound(i, [below(f"{i}.wav")], ((i % 40 + 0.5) / 40, (i // 40 + 0.5) / 40), (i / 4, (i % 3) / 9))
        for i in range(1, 1600)
    ]
    place = serve(Corpus(snapshot_of(Made(made))))
    with Client(port=place.port, timeout=10.0) as client:
        walk = client.walk(1, 1599, 128)
        assert len(walk) == len({step.id for step in walk}) == 128
        assert [step.id for step in walk] == sorted(step.id for step in walk)
        pads = client.grid(32, 32)
        assert len({(pad.column, pad.row) for pad in pads}) == len({pad.id for pad in pads}) == 1024


def test_the_loop_goes_on_while_a_walk_is_worked_out(serve: Callable[..., Place]) -> None:
    """The question is a coroutine that gives the loop its turn before it is done."""
    made = [MadeSound(i, [below(f"{i}.wav")], (i / 99, 0.5), (i, 0)) for i in range(1, 99)]
    place = serve(Corpus(snapshot_of(Made(made))))

    async def turns() -> tuple[int, int]:
        counted = 0
        task = asyncio.ensure_future(place.navigator.walk(ClientState(), 1, 98, 50))
        while not task.done():
            counted += 1
            await asyncio.sleep(0)
        return counted, len(task.result())

    n_turns, n_sounds = place.loop.run(turns())
    assert n_turns > 1 and n_sounds == 50
