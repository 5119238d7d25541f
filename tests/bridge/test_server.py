"""The OSC server over real sockets: every command, every rule of who gets what."""

import asyncio
import logging
import math
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from klustr_bridge.bridge import OscServer, reveal
from klustr_bridge.bridge.codec import Message
from klustr_bridge.bridge.commands import COMMANDS
from klustr_bridge.bridge.guests import OPEN_TO_OTHER_MACHINES
from klustr_bridge.bridge.session import LEASE_S, MAX_SUBSCRIBERS
from klustr_bridge.client import Client, FailError, NoAnswerError
from klustr_bridge.corpus import Corpus
from klustr_bridge.errors import BridgeError
from klustr_bridge.navigator import ClientState, Navigator
from klustr_bridge.player import open_player
from klustr_bridge.settings import AudioSettings
from tests.bridge.places import N_SOUNDS, SCORES, STRANGE_NAME, Clock, Loop, Place, SilentPlayer
from tests.bridge.test_codec import bundle, message
from tests.bridge.test_session import Address
from tests.corpus.snapshots import Made, MadeSound, below, write_made

LIVE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


def fails_with(code: str, client: Client, address: str, *values: Any) -> str:
    """The message of a refusal with the right code."""
    with pytest.raises(FailError) as refused:
        client.request(address, *values)
    assert refused.value.code == code
    return refused.value.message


def examples(place: Place) -> dict[str, tuple[Any, ...]]:
    """Arguments for each command, that must be answered without failure."""
    corpus = place.navigator.corpus
    first, uid, folder = place.ids[0], place.navigator.info(place.ids[0]).uid, str(place.folder)
    path = os.fsdecode(corpus.path(place.ids[1]))
    return {
        "/klustr/hello": ("tester", 0),
        "/klustr/bye": (),
        "/klustr/ping": (5,),
        "/klustr/sync": (6,),
        "/klustr/health": (7,),
        "/klustr/status": (8,),
        "/klustr/scores": (26,),
        "/klustr/xy": (0.3, 0.4, 2),
        "/klustr/audition": ("change",),
        "/klustr/view": ("even",),
        "/klustr/lift": (2,),
        "/klustr/quantise": ("off",),
        "/klustr/record": (27, 1),
        "/klustr/trigger": (first, 0.5, -12.0, 0.5),
        "/klustr/trigger/xy": (0.5, 0.6, 0.7, 1),
        "/klustr/stop": (),
        "/klustr/random": (3,),
        "/klustr/player": ("client",),
        "/klustr/near/xy": (9, 0.5, 0.5, 5),
        "/klustr/similar": (10, first, 5),
        "/klustr/similar/uid": (11, uid, 5),
        "/klustr/similar/path": (12, path, 5),
        "/klustr/similar/file": (13, path, 5),
        "/klustr/info": (14, first),
        "/klustr/why": (21, first, place.ids[1]),
        "/klustr/kit": (22, first),
        "/klustr/walk": (24, first, place.ids[1], 5),
        "/klustr/grid": (25, 3, 2, 0.5, 0.5, 0.3),
        "/klustr/duplicates": (23,),
        "/klustr/path": (15, first),
        "/klustr/resolve": (16, uid),
        "/klustr/find": (17, "snare", 5),
        "/klustr/points": (18,),
        "/klustr/filter/kind": ("kick", "snare"),
        "/klustr/filter/duration": (0.0, 10.0),
        "/klustr/filter/folder": (folder,),
        "/klustr/filter/favourites": (0,),
        "/klustr/weight": ("attack", 1.0),
        "/klustr/filter/clear": (),
        "/klustr/folder/add": (folder,),
        "/klustr/folder/remove": (folder,),
        "/klustr/folders": (19,),
        "/klustr/problems": (20, 0),
        "/klustr/rescan": (),
        "/klustr/relayout": (),
        "/klustr/candidate/make": ("grid",),
        "/klustr/candidate/take": (),
        "/klustr/candidate/drop": (),
        "/klustr/candidate/scores": (29,),
        "/klustr/midi/learn": ("x",),
        "/klustr/midi/clip": (28, 4),
        "/klustr/favourite": (first, 1),
        "/klustr/kind": (first, "snare"),
        "/klustr/reveal": (first,),
        "/klustr/clients": (30,),
    }


@pytest.mark.parametrize("address", sorted(COMMANDS))
def test_every_command_answers_as_the_table_says(
    address: str, place: Place, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each entry of the table, with real arguments, gets its reply and no failure; req comes back."""
    shown = reveal.Way([sys.executable, "-c", ""])  # else a desktop would open its file manager
    monkeypatch.setattr(reveal, "ways", lambda path: [shown])
    given_values = examples(place)[address]
    command = COMMANDS[address]
    client.send(address, *given_values)
    if command.reply:
        reply = client.wait(command.reply)
        if command.has_req:
            assert reply[0] == given_values[0]
        if command.reply == "/klustr/done":
            assert reply == (address,)
    client.ping()
    assert place.server.counters["fails"] == 0
    assert not [kept for kept in client._kept if kept.address == "/klustr/fail"]


def test_answers_are_the_navigators(place: Place, client: Client) -> None:
    """What comes back over the wire is what the navigator says."""
    corpus = place.navigator.corpus
    first = place.ids[0]
    x, y = (float(v) for v in corpus.xy[0])
    assert next(n.id for n in client.near_xy(x, y, N_SOUNDS)) == first
    assert len(client.near_xy(x, y, 1000)) == N_SOUNDS
    info = client.info(first)
    assert client.resolve(info.uid) == first
    known = place.navigator.info(first)
    assert (info.pitch_confidence, info.brightness_hz, info.stereo_width) == pytest.approx(
        (known.pitch_confidence, known.brightness_hz, known.stereo_width)
    )
    assert (info.is_loop, info.tempo) == (int(known.is_loop), known.tempo_bpm)
    assert client.similar(info.uid, 3) == client.similar(first, 3)
    assert first not in [n.id for n in client.similar(first, 1000)]
    assert client.similar_path(client.path(first), 3) == client.similar(first, 3)
    second = place.ids[1]
    shares = client.why(first, second)
    assert shares == pytest.approx(place.navigator.why(ClientState(), first, second))
    even = client.similar(first, 3)
    client.weight("attack", 0)
    assert client.similar(first, 3) != even
    client.weight("attack", 1)
    assert client.similar(first, 3) == even
    found = client.similar_file(client.path(first), 3)
    assert (found[0].id, found[0].distance) == (first, 0.0)
    assert [(p.id, p.x, p.y) for p in client.points()] == [
        (int(i), *map(float, xy)) for i, xy in zip(corpus.ids, corpus.xy, strict=True)
    ]
    assert client.status() == ("analysing", N_SOUNDS + 2, N_SOUNDS, 1, 1, 1)
    assert client.scores() == SCORES
    assert client.folders() == [(str(place.folder), N_SOUNDS + 2, "watched")]
    assert [os.path.basename(p.path) for p in client.problems()] == ["broken snare.wav"]
    client.send("/klustr/trigger", first)
    assert client.health()["player_plays"] == 1.0


def test_weights_belong_to_one_client(place: Place, client: Client) -> None:
    """What one weighs changes its own similar, its kin and its why, and nobody else's."""
    first, second = place.ids[:2]
    with Client(port=place.port) as other:
        before, shares = other.similar(first, 3), other.why(first, second)
        client.weight("attack", 0)
        client.sync()
        weighed = client.similar(first, 3)
        assert weighed != before
        assert client.similar(client.info(first).uid, 3) == weighed
        assert client.similar_path(client.path(first), 3) == weighed
        by_file = client.similar_file(client.path(first), 4)
        assert [n.id for n in by_file] == [first, *(n.id for n in weighed)]
        assert client.why(first, second)["attack"] == 0.0 < shares["attack"]
        assert (other.similar(first, 3), other.why(first, second)) == (before, shares)


def test_health_has_the_real_players_counters(loop: Loop, tmp_path: Path) -> None:
    """They reach a client by the player's own names, of which the tests' player has some."""
    player = open_player(AudioSettings(device="no such device"), str(tmp_path), lambda problem: None)
    server = OscServer(Navigator(player, None), port=0)
    try:
        assert player.wait_until_settled(30)
        with Client(port=loop.run(server.start())) as client:
            assert set(SilentPlayer().health()) <= set(player.health()) <= set(client.health())
    finally:
        loop.run(server.stop())
        player.close()


def test_nothing_found_is_an_empty_list(client: Client) -> None:
    """A list without entries is one packet, part 1 of 1, n = 0."""
    client.send("/klustr/find", 3, "no such name anywhere", 10)
    assert client.wait("/klustr/find.reply") == (3, 1, 1, 0)


def test_paths_that_are_not_utf8_come_and_go_escaped(place: Place, client: Client) -> None:
    r"""Such bytes are \xNN on the wire, and name the same file on the way back."""
    (sound_id,) = client.find("caf", 5)
    client.send("/klustr/path", 4, sound_id)
    _, _, path = client.wait("/klustr/path.reply")
    assert isinstance(path, str)
    assert path.endswith("caf\\xe9 kick.wav")
    assert client.request("/klustr/similar/path", path, 2)
    assert os.fsencode(client.path(sound_id)).endswith(STRANGE_NAME)


@pytest.mark.parametrize(
    ("address", "values", "code"),
    [
        ("/klustr/nonsense", (), "unknown"),
        ("/klustr/near/*", (0.5, 0.5, 5), "unknown"),
        ("/klustr/near/xy", (0.5, 0.5), "badargs"),
        ("/klustr/near/xy", (math.nan, 0.5, 5), "badargs"),
        ("/klustr/near/xy", (0.5, 0.5, 2**40), "badargs"),
        ("/klustr/info", (999_999,), "notfound"),
        ("/klustr/resolve", ("aaaaaaaaaaaaaaaa",), "notfound"),
        ("/klustr/similar/path", ("/not/there.wav",), "badargs"),
        ("/klustr/similar/path", ("/not/there.wav", 5), "notfound"),
        ("/klustr/similar/path", ("there.wav", 5), "badargs"),
        ("/klustr/similar/file", ("/not/there.wav", 5), "badargs"),
    ],
)
def test_what_cannot_be_answered_fails_with_a_code(
    address: str, values: tuple[Any, ...], code: str, client: Client
) -> None:
    """Every refusal names its reason, and the bridge goes on."""
    assert fails_with(code, client, address, *values)
    client.ping()


def test_an_unknown_address_is_told_the_nearest_one(client: Client) -> None:
    """A typing mistake gets a suggestion."""
    assert "did you mean /klustr/near/xy?" in fails_with("unknown", client, "/klustr/naer/xy", 0.5, 0.5, 5)


def test_library_commands_answer_the_sender_and_keep_their_order(place: Place, client: Client) -> None:
    """Commands that take time are done one after another, and queries go on meanwhile."""
    place.librarian.hold = asyncio.Event()
    first = place.ids[0]
    client.send("/klustr/favourite", first, 1)
    client.send("/klustr/relayout")
    client.send("/klustr/sync", 7)
    client.send("/klustr/filter/favourites", 1)
    assert client.near_xy(0.5, 0.5, 5) == []
    assert not any(kept.address in ("/klustr/done", "/klustr/synced") for kept in client._kept)
    place.loop.call(place.librarian.hold.set)
    assert client.wait("/klustr/done") == ("/klustr/favourite",)
    assert client.wait("/klustr/done") == ("/klustr/relayout",)
    assert client.wait("/klustr/synced") == (7,)
    assert [asked[0] for asked in place.librarian.asked] == ["set_favourite", "relayout"]
    assert [n.id for n in client.near_xy(0.5, 0.5, 5)] == [first]


def test_too_many_waiting_commands_are_busy(place: Place, client: Client) -> None:
    """A client can't pile up work without bound."""
    place.librarian.hold = asyncio.Event()
    for _ in range(65):
        client.send("/klustr/rescan")
    assert client.wait("/klustr/fail")[2] == "busy"
    place.loop.call(place.librarian.hold.set)
    for _ in range(64):
        client.wait("/klustr/done")


def test_library_commands_and_files_stay_with_this_machine(place: Place) -> None:
    """An address of another machine may ask and play, but not change the library nor read files."""
    peer = Address(5000, "192.168.1.7")
    client = place.server.sessions.client(peer)

    def run(address: str, *values: Any) -> bytes:
        client.fails.level = 20
        peer.sent.clear()
        place.loop.call(place.server._dispatcher.run, client, Message(address, values))
        return b"".join(peer.sent)

    refused = {a for a in COMMANDS if b"denied" in run(a, *examples(place)[a])}
    expected = {"/klustr/similar/file", "/klustr/similar/path", "/klustr/path", "/klustr/duplicates"}
    expected |= {"/klustr/folder/add", "/klustr/folder/remove", "/klustr/folders", "/klustr/problems"}
    expected |= {"/klustr/rescan", "/klustr/relayout", "/klustr/favourite", "/klustr/kind"}
    expected |= {"/klustr/candidate/make", "/klustr/candidate/take", "/klustr/candidate/drop"}
    expected |= {"/klustr/candidate/scores", "/klustr/reveal", "/klustr/clients"}
    expected |= {"/klustr/record", "/klustr/midi/learn", "/klustr/midi/clip", "/klustr/filter/folder"}
    assert refused == expected == COMMANDS.keys() - OPEN_TO_OTHER_MACHINES
    assert COMMANDS.keys() >= OPEN_TO_OTHER_MACHINES
    assert place.librarian.asked == []


def test_a_handler_that_breaks_is_answered_and_logged(
    place: Place, client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An unexpected exception becomes fail internal and a traceback in the log; the bridge goes on."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(place.navigator, "near_xy", broken)
    with caplog.at_level(logging.ERROR):
        for _ in range(5):
            assert "ZeroDivisionError" in fails_with("internal", client, "/klustr/near/xy", 0.5, 0.5, 5)
    client.ping()
    assert [record.exc_info is not None for record in caplog.records] == [True]


# -- packets


def test_what_is_not_osc_is_counted_and_not_answered(place: Place, client: Client) -> None:
    """Garbage gets no reply; health tells how much there was."""
    for data in (b"", b"hello", b"/half", b"#bundle\0", b"\xff" * 2000):
        client._connection._socket.send(data)
    assert client.health()["bad_packets"] == 5
    assert not client._kept


def test_answers_that_come_back_are_not_answered(place: Place, client: Client) -> None:
    """Two bridges can't keep each other busy with failures for ever."""
    client.send("/klustr/fail", "/a", -1, "badargs", "x")
    client.send("/klustr/pong", 1)
    assert client.health()["stray_answers"] == 2
    assert not client._kept


def test_the_bridge_cannot_be_pointed_at_itself(place: Place, client: Client) -> None:
    """Its own port is refused as a place for answers."""
    with pytest.raises(FailError, match="bridge's own"):
        client.hello("loop", place.port)


def test_a_pong_tells_the_run(serve: Callable[..., Place]) -> None:
    """Each start of the bridge has a number of its own, the same in all its pongs to all clients."""
    runs = []
    for place in (serve(), serve()):
        with Client(port=place.port) as one, Client(port=place.port) as other:
            told = []
            for client in (one, other, one):
                client.send("/klustr/ping", 7)
                told.append(client.wait("/klustr/pong"))
        assert told == [(7, told[0][1])] * 3
        runs.append(told[0][1])
    assert runs[0] != runs[1]
    assert all(1 <= run < 2**31 for run in runs)


def test_failures_are_rate_limited(serve: Callable[..., Place]) -> None:
    """A client that keeps failing is told 20 times at once, the rest is only counted."""
    clock = Clock()
    place = serve(clock=clock)
    with Client(port=place.port) as client, Client(port=place.port) as other:
        for _ in range(100):
            client.send("/klustr/nonsense")
        health = client.health()
        assert (health["fails"], health["fails_not_sent"]) == (100, 80)
        assert len(client._kept) == 20
        assert fails_with("unknown", other, "/klustr/nonsense")
        clock.now_s += 0.1
        assert fails_with("unknown", client, "/klustr/other")


@LIVE
@given(
    packet=st.binary(max_size=300),
    start=st.sampled_from([b"", b"/klustr/", b"/klustr/find\0\0\0\0,", b"#bundle\0"]),
)
def test_no_bytes_stop_the_server(packet: bytes, start: bytes, client: Client) -> None:
    """Whatever arrives, the next ping is answered."""
    client._connection._socket.send(start + packet)
    client.ping()


@LIVE
@given(
    address=st.sampled_from(sorted(set(COMMANDS) - {"/klustr/hello", "/klustr/similar/file"})),
    values=st.lists(
        st.one_of(
            st.integers(-5, 40),
            st.floats(width=32),
            st.sampled_from(["kick", "hold", "client", "/", "", "\\x", "."]),
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9),
            st.booleans(),
        ),
        max_size=5,
    ),
)
def test_no_arguments_stop_the_server(address: str, values: list[Any], client: Client) -> None:
    """Whatever is asked, the bridge goes on, and nothing is a defect that needs the log."""
    client.send(address, *values)
    client.send("/klustr/points", 777_777, 777_777)
    while client.wait("/klustr/points.reply")[0] != 777_777:
        pass
    assert not [m for m in client._kept if m.address == "/klustr/fail" and m.values[2] == "internal"]
    client._kept.clear()


# -- bundles


def test_a_bundle_is_run_in_order(client: Client) -> None:
    """All that a bundle holds is answered, in its order, nested ones included."""
    inner = bundle(0, message("/klustr/ping", 2), message("/klustr/ping", 3))
    client._connection.send(bundle(0, message("/klustr/ping", 1), inner, message("/klustr/ping", 4)))
    assert [client.wait("/klustr/pong")[0] for _ in range(4)] == [1, 2, 3, 4]


def test_past_bundles_run_at_once_and_future_ones_wait(client: Client) -> None:
    """A time tag in the past doesn't delay; one ahead doesn't hold up what comes after it."""
    now_s = time.time()
    client._connection.send(bundle(now_s + 0.2, message("/klustr/ping", 1)))
    client._connection.send(bundle(now_s - 100, message("/klustr/ping", 2)))
    client._connection.send(bundle(now_s + 0.1, message("/klustr/ping", 3)))
    assert [client.wait("/klustr/pong")[0] for _ in range(3)] == [2, 3, 1]
    assert time.time() >= now_s + 0.2 - 0.001


def test_time_tags_are_bounded(client: Client) -> None:
    """Too far ahead and too many are refused, at the address #bundle."""
    client._connection.send(bundle(time.time() + 3600, message("/klustr/ping", 1)))
    assert client.wait("/klustr/fail")[:3] == ("#bundle", -1, "badargs")
    for _ in range(3):
        client._connection.send(bundle(time.time() + 50, *[message("/klustr/ping", 1)] * 200))
    assert client.wait("/klustr/fail")[:3] == ("#bundle", -1, "busy")
    assert client.health()["scheduled"] == 400


# -- sessions


def test_forty_hellos_leave_thirty_two_subscriptions(place: Place) -> None:
    """The others are told that it is busy, and are still answered."""
    clients = [Client(port=place.port) for _ in range(40)]
    try:
        codes = []
        for client in clients:
            try:
                codes.append(client.hello("one of many").protocol)
            except FailError as error:
                codes.append(error.code)
        assert codes == [1] * MAX_SUBSCRIBERS + ["busy"] * 8
        place.loop.call(place.server.push_epoch, 3, 16)
        for client in clients[:MAX_SUBSCRIBERS]:
            assert client.wait("/klustr/epoch") == (3, 16)
        clients[39].ping()
        assert not clients[39]._kept
    finally:
        for client in clients:
            client.close()


def test_a_lease_lapses_and_a_packet_keeps_it(serve: Callable[..., Place]) -> None:
    """Pushes end 60 s after the last packet; the answers go on."""
    clock = Clock()
    place = serve(clock=clock)
    with Client(port=place.port) as client:
        client.hello("sleeper")
        clock.now_s += LEASE_S - 1
        client.ping()
        clock.now_s += LEASE_S - 1
        place.loop.call(place.server.push_epoch, 1, 1)
        assert client.wait("/klustr/epoch") == (1, 1)
        clock.now_s += LEASE_S + 1
        place.loop.call(place.server.push_epoch, 2, 2)
        client.ping()
        assert not client._kept


def test_answers_go_where_hello_says(place: Place) -> None:
    """A program that listens on another port gets replies and pushes there, as Max does."""
    with (
        Client(port=place.port) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener,
    ):
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(5)
        sender.send("/klustr/hello", "max", listener.getsockname()[1])
        assert listener.recv(2000).startswith(b"/klustr/welcome\0")
        sender.send("/klustr/near/xy", 1, 0.5, 0.5, 3)
        assert listener.recv(2000).startswith(b"/klustr/near.reply\0")
        sender.send("/klustr/bye")
        sender.ping()


def test_bye_ends_pushes_and_forgets_filters(client: Client, place: Place) -> None:
    """After bye a source starts anew."""
    client.hello("a")
    client.send("/klustr/filter/kind", "cowbell")
    n_narrowed = len(client.near_xy(0.5, 0.5, 100))
    client.send("/klustr/bye")
    assert len(client.near_xy(0.5, 0.5, 100)) == N_SOUNDS > n_narrowed
    place.loop.call(place.server.push_epoch, 1, 1)
    client.ping()
    assert not client._kept


def test_filters_belong_to_the_client(place: Place, client: Client) -> None:
    """What one narrows, another still sees whole."""
    with Client(port=place.port) as other:
        client.send("/klustr/filter/kind", "cowbell")
        assert len(client.near_xy(0.5, 0.5, 100)) < len(other.near_xy(0.5, 0.5, 100)) == N_SOUNDS


# -- long answers


@pytest.fixture(scope="module")
def big_corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """20,000 placed sounds."""
    rng = np.random.default_rng(1)
    xy = rng.random((20_000, 2)).tolist()
    sounds = [MadeSound(i + 1, [below(f"{i:05d}.wav")], (x, y), (x, y)) for i, (x, y) in enumerate(xy)]
    place: Path = tmp_path_factory.mktemp("big")
    return Corpus.load(write_made(place / "snapshot", Made(sounds)))


@pytest.mark.parametrize("tcp", [False, True])
def test_all_points_arrive_and_pings_pass_them(
    tcp: bool, serve: Callable[..., Place], big_corpus: Corpus
) -> None:
    """20,000 points come whole and in order, in both transports; another client is not held up."""
    place = serve(corpus=big_corpus)
    with Client(port=place.port, tcp=tcp) as client, Client(port=place.port) as other:
        client.send("/klustr/points", 1)
        client.wait("/klustr/points.reply")
        assert other.ping() < 0.2
        points = client.points()
    assert [point.id for point in points] == list(range(1, 20_001))
    assert [(p.x, p.y) for p in points] == [tuple(xy) for xy in big_corpus.xy.tolist()]


def test_points_can_be_asked_from_an_id_on(serve: Callable[..., Place], big_corpus: Corpus) -> None:
    """The way to mend a loss: ask again from the first missing id."""
    with Client(port=serve(corpus=big_corpus).port) as client:
        entries = client.request("/klustr/points", 19_990)
        assert [entry[0] for entry in entries] == list(range(19_990, 20_001))


def test_too_many_long_answers_at_once_are_busy(serve: Callable[..., Place], big_corpus: Corpus) -> None:
    """Four long answers to one client may be under way."""
    place = serve(corpus=big_corpus)
    with Client(port=place.port) as client:
        for req in range(5):
            client.send("/klustr/points", req)
        assert client.wait("/klustr/fail")[:3] == ("/klustr/points", 4, "busy")


# -- ports


def test_a_taken_port_is_said_plainly(place: Place) -> None:
    """The message says what to do; nothing is left open."""
    for sock_type in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, sock_type) as taken:
            taken.bind(("127.0.0.1", 0))
            if sock_type == socket.SOCK_STREAM:
                taken.listen()
            port = taken.getsockname()[1]
            with pytest.raises(BridgeError, match=f"port {port} is in use by another program.*--osc-port"):
                place.loop.run(OscServer(place.navigator, port=port).start())


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_a_host_that_is_not_here_is_said_plainly(host: str, place: Place) -> None:
    """Listening at an address of another machine is refused with words."""
    with pytest.raises(BridgeError, match="can't listen at"):
        place.loop.run(OscServer(place.navigator, host=host, port=0).start())


def test_nobody_there_is_said_at_once(place: Place) -> None:
    """A client of a stopped bridge hears that nobody answers."""
    place.loop.run(place.server.stop())
    with Client(port=place.port, timeout=5) as client, pytest.raises(NoAnswerError, match="nobody answers"):
        client.ping()
    with pytest.raises(NoAnswerError, match="nobody answers"):
        Client(port=place.port, tcp=True)
