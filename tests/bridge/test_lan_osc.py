"""Other machines over OSC: what is open to them, and that none of it becomes a flood."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from typing import Any

import pytest

from klustr_bridge.bridge import guests, osc
from klustr_bridge.bridge.codec import Message, read_packet
from klustr_bridge.bridge.commands import COMMANDS
from klustr_bridge.bridge.guests import (
    ALL_BYTES_A_SECOND,
    GUEST_MESSAGES_A_SECOND,
    HOST_BYTES_A_SECOND,
    MAX_GUEST_SUBSCRIBERS,
    OPEN_TO_OTHER_MACHINES,
    Allowance,
)
from klustr_bridge.bridge.schedule import Schedule
from klustr_bridge.bridge.session import Sessions
from klustr_bridge.client import Client, FailError
from klustr_bridge.client.connection import Connection
from klustr_bridge.corpus import Corpus
from klustr_bridge.errors import QueryError
from klustr_bridge.library.paths import to_export
from tests.bridge.lan_places import needed_address
from tests.bridge.places import Clock, Place
from tests.bridge.test_server import Address, examples
from tests.corpus.snapshots import Made, MadeSound, below, snapshot_of
from tests.examples.test_touchosc import carry
from tests.examples.touchosc import Script, load


@pytest.fixture
def host() -> str:
    """Return this machine's address in the network."""
    return needed_address()


def has_ipv6() -> bool:
    """Whether this machine has the loopback address of IPv6."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind(("::1", 0))
        return True
    return False


@pytest.fixture
def far(serve: Callable[..., Place], host: str) -> Place:
    """A bridge that other machines reach over OSC."""
    return serve(far_host="0.0.0.0")


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_every_command_but_the_open_ones_is_denied(far: Place, host: str, tcp: bool) -> None:
    """The table's own list; nothing has come of the others, and this machine may do as ever."""
    refused: set[str] = set()
    with Client(host, far.port, timeout=10.0, tcp=tcp) as client:
        for address in COMMANDS:
            far.loop.call(_forgive, far)
            client.send(address, *examples(far)[address])
            client.send("/klustr/sync", 77)
            while client.wait("/klustr/synced") != (77,):
                pass
            refused |= {event.values[0] for event in _heard(client, "/klustr/fail", "denied")}
    assert refused == COMMANDS.keys() - OPEN_TO_OTHER_MACHINES
    assert far.librarian.asked == []
    with Client(port=far.port) as own:
        own.send("/klustr/favourite", far.ids[0], 1)
        assert own.wait("/klustr/done") == ("/klustr/favourite",)


def _forgive(place: Place) -> None:
    sessions = place.server.sessions
    for client in (*sessions._kept.values(), *sessions._strangers.values()):
        client.fails.level = 20


def _heard(client: Client, address: str, code: str) -> list[Any]:
    kept = [message for message in client._kept if message.address == address]
    assert all(message.values[2] == code for message in kept), kept
    return kept


def test_a_guest_hears_its_plays_by_name_and_no_errors(far: Place, host: str) -> None:
    """Where files lie is for this machine, in plays and in what went wrong."""
    path = far.navigator.path(far.ids[0])
    with Client(host, far.port, timeout=10.0) as guest, Client(port=far.port, timeout=10.0) as own:
        guest.hello("tablet")
        own.hello("live")
        far.loop.call(far.server.push_error, "scan", "/home/somebody/x.wav can't be read")
        guest.send("/klustr/trigger", far.ids[0])
        assert guest.wait("/klustr/play")[3] == to_export(os.path.basename(path))
        guest.send("/klustr/xy", 0.9, 0.5)
        assert guest.wait("/klustr/hit")[5] == "osc"
        assert not [message for message in guest._kept if message.address == "/klustr/error"]
        assert own.wait("/klustr/error")[0] == "scan"
        own.send("/klustr/trigger", far.ids[0])
        assert own.wait("/klustr/play")[3] == to_export(path)


def test_the_touchosc_layout_works_on_a_tablet(far: Place, host: str) -> None:
    """Its script shows what is hit and what is like it; a favourite is refused, and the layout says why."""
    script, at = Script(load()), far.navigator.points(1).xy[2].tolist()
    bridge = Connection(host, far.port, 5.0, tcp=False)
    try:
        carry(
            script, bridge, script.call("init"), lambda: script.shown("state").startswith("klustr-bridge: ")
        )
        carry(script, bridge, [("/klustr/xy", tuple(at))], lambda: script.shown("name") != "")
        asked = script.call("onReceiveNotify", "like", 1)
        carry(script, bridge, asked, lambda: all(script.shown(f"similar{i}") for i in range(1, 9)))
        kept = script.call("onReceiveNotify", "keep", 1)
        carry(script, bridge, kept, lambda: "bridge's own machine" in script.shown("state"))
    finally:
        bridge.close()
    assert script.shown("name") == far.navigator.info(int(far.navigator.points(1).ids[2])).name
    assert far.librarian.asked == []


def test_a_guest_takes_no_midi_over(far: Place, host: str) -> None:
    """It sounds what it plays itself; what this machine's controllers play stays with the bridge."""
    with Client(host, far.port, timeout=10.0) as guest:
        guest.hello("tablet")
        guest.send("/klustr/player", "client")
        guest.sync()
        assert far.server.sessions.taker is None


def many() -> Corpus:
    """1,000 placed sounds: points come in many packets."""
    made = [
        MadeSound(i, [below(f"{i}.wav")], ((i % 40 + 0.5) / 40, (i // 40 + 0.5) / 40), (i / 4, 0.0))
        for i in range(1, 1001)
    ]
    return Corpus(snapshot_of(Made(made)))


def test_long_lists_go_where_the_other_end_is_known(serve: Callable[..., Place], host: str) -> None:
    """One datagram from an invented sender brings about four packets at most; TCP gets all of them."""
    place = serve(many(), far_host="0.0.0.0")
    with Client(host, place.port, timeout=10.0) as guest:
        for question in (("/klustr/points",), ("/klustr/near/xy", 0.5, 0.5, 1000)):
            with pytest.raises(FailError) as failed:
                guest.request(*question)
            assert failed.value.code == "toobig"
            assert "TCP" in str(failed.value)
        assert len(guest.near_xy(0.5, 0.5, 100)) == 100
    with Client(host, place.port, timeout=10.0, tcp=True) as known:
        assert len(known.points()) == 1000
    with Client(port=place.port, timeout=10.0) as own:
        assert len(own.points()) == 1000


def test_one_datagram_never_brings_about_much(far: Place, host: str) -> None:
    """Whatever command an invented sender sends: six kilobytes at most come back."""
    for address in sorted(COMMANDS):
        peer = _Sink(host)
        client = far.server.sessions.client(peer)
        message = Message(address, examples(far)[address])
        far.loop.call(far.server._dispatcher.run, client, message)
        far.loop.run(_done(far))
        assert sum(map(len, peer.sent)) <= 6000, address


class _Sink(Address):
    """A guest's address that keeps what it is sent."""

    def __init__(self, host: str) -> None:
        super().__init__(5000, host)


async def _done(place: Place) -> None:
    await asyncio.gather(*place.server._dispatcher._tasks, return_exceptions=True)


def test_pushes_of_each_sound_are_not_for_guests_over_udp(far: Place, host: str) -> None:
    """A hello with an invented sender must not send it a packet for each sound that joins the map."""
    ids = far.navigator.corpus.ids
    points = far.navigator.points(1)
    with (
        Client(host, far.port, timeout=10.0) as guest,
        Client(host, far.port, timeout=10.0, tcp=True) as known,
    ):
        for client in (guest, known):
            client.hello("elsewhere")
        far.loop.call(far.server.push_added, ids, points.xy)
        far.loop.call(far.server.push_epoch, 7, 16)
        assert guest.wait("/klustr/epoch") == (7, 16)
        known.wait("/klustr/added")
        guest.sync()
        assert not [message for message in guest._kept if message.address == "/klustr/added"]


def test_bytes_to_other_machines_are_bounded() -> None:
    """A second's worth at once for each, and for all together, however many are invented."""
    clock = Clock()
    allowance = Allowance(clock)
    sent = sum(1000 for _ in range(1000) if allowance.take("192.168.1.7", 1000))
    assert HOST_BYTES_A_SECOND - 1000 < sent <= HOST_BYTES_A_SECOND
    for number in range(3000):
        sent += 1000 * allowance.take(f"10.0.{number // 250}.{number % 250}", 1000)
    assert ALL_BYTES_A_SECOND - 1000 < sent <= ALL_BYTES_A_SECOND
    clock.now_s += 1
    assert allowance.take("192.168.1.7", 1000)
    assert len(allowance._hosts) <= guests._MOST_HOSTS


def test_the_work_for_guests_is_bounded(far: Place, host: str) -> None:
    """However much they ask, from however many ports: as much as is due is run, and the rest is counted."""
    far.loop.call(setattr, far.server, "_clock", lambda: 1.0)  # no new allowance comes
    before = far.navigator.health()["queries"]
    with contextlib.ExitStack() as stack:
        guests_ = [stack.enter_context(Client(host, far.port, timeout=10.0)) for _ in range(4)]
        own = stack.enter_context(Client(port=far.port, timeout=10.0))
        for number in range(1200):
            guests_[number % 4].send("/klustr/find", number, "kick", 5)
            if number % 50 == 0:
                own.ping()
        own.sync()
        asked = far.navigator.health()["queries"] - before
        assert 0 < asked <= GUEST_MESSAGES_A_SECOND
        assert own.health()["held_back"] > 0
        assert own.find("kick", 5)


def test_what_is_held_back_is_counted(far: Place, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guest that asks more than its due gets the rest later or never; this machine's clients get all."""
    monkeypatch.setattr(far.server._allowance, "_clock", lambda: 1.0)  # no new allowance comes
    with Client(host, far.port, timeout=10.0) as guest, Client(port=far.port, timeout=10.0) as own:
        for number in range(3000):
            guest.send("/klustr/near/xy", number, 0.5, 0.5, 16)
            if number % 50 == 0:
                own.ping()
        own.sync()
        assert own.health()["held_back"] > 0
        own.ping()


def test_guests_leave_room_for_this_machine(far: Place, host: str) -> None:
    """Of subscriptions they get eight, whatever ports they come from; this machine's clients the rest."""
    clients = [Client(host, far.port, timeout=10.0) for _ in range(MAX_GUEST_SUBSCRIBERS + 1)]
    try:
        for client in clients[:-1]:
            client.hello("guest")
        with pytest.raises(FailError) as failed:
            clients[-1].hello("one too many")
        assert failed.value.code == "busy"
        with Client(port=far.port, timeout=10.0) as own:
            own.hello("own")
    finally:
        for client in clients:
            client.close()


def test_connections_of_guests_leave_room(far: Place, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of TCP connections they get some, and this machine's clients the rest."""
    monkeypatch.setattr(osc, "MAX_GUEST_CONNECTIONS", 2)
    with (
        Client(host, far.port, timeout=10.0, tcp=True) as one,
        Client(host, far.port, timeout=10.0, tcp=True) as two,
    ):
        one.ping()
        two.ping()
        with socket.create_connection((host, far.port), 10) as third:
            assert third.recv(100) == b""
        with Client(port=far.port, timeout=10.0, tcp=True) as own:
            own.ping()
        one.ping()


def test_strangers_elsewhere_push_out_no_client_of_this_machine(far: Place) -> None:
    """A flood of invented senders makes the bridge forget such, and keeps this machine's filters."""
    sessions = far.server.sessions

    def flood() -> bool:
        own = sessions.client(Address(5000, "127.0.0.1"))
        for number in range(600):
            sessions.client(Address(6000 + number, "192.168.1.9"))
        return sessions.client(Address(5000, "127.0.0.1")) is own

    assert far.loop.call(flood)


def test_bundles_of_guests_leave_room_for_this_machines() -> None:
    """Time-tagged messages of other machines, whoever they are: a quarter of all that may wait."""
    schedule = Schedule()
    waiting = (Message("/klustr/stop", ()),) * 512
    for number in (1, 2):
        schedule.add(_client(f"192.168.1.{number}"), 5.0, waiting, 0.0)
    with pytest.raises(QueryError, match="other machines"):
        schedule.add(_client("192.168.1.3"), 5.0, waiting, 0.0)
    schedule.add(_client("127.0.0.1"), 5.0, waiting, 0.0)
    while schedule.take(10.0):
        pass
    schedule.add(_client("192.168.1.3"), 5.0, waiting, 0.0)


def _client(host: str) -> Any:
    return Sessions(lambda: 0.0).client(Address(5000, host))


def test_the_internet_is_not_answered(far: Place) -> None:
    """A datagram whose sender is no neighbour is dropped and counted."""
    peer = Address(5000, "8.8.8.8")
    before = far.server.counters["strangers"]
    far.loop.call(far.server.receive, peer, b"/klustr/ping\0\0\0\0,i\0\0\0\0\0\1")
    assert peer.sent == []
    assert far.server.counters["strangers"] == before + 1


def test_replies_go_to_the_sender_alone(far: Place, host: str) -> None:
    """Hello names a port, never a host; the bridge's own port is refused from its own address as well."""
    with Client(host, far.port, timeout=10.0) as guest:
        with pytest.raises(FailError, match="own"):
            guest.hello("echo", far.port)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind((host, 0))
            other.settimeout(10)
            guest.send("/klustr/hello", "elsewhere", other.getsockname()[1])
            data, sender = other.recvfrom(4096)
        assert sender == (host, far.port)
        assert read_packet(data)[0].messages[0].address == "/klustr/welcome"


def test_osc_stays_on_loopback_unless_it_is_opened(place: Place, host: str) -> None:
    """Without --lan, and with it but --lan-osc off, nothing listens in the network."""
    with pytest.raises(ConnectionRefusedError), socket.create_connection((host, place.port), 5):
        pass


@pytest.mark.parametrize("own", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("every", [False, True], ids=["one address", "every address"])
def test_loopback_is_served_beside_the_network(
    serve: Callable[..., Place], host: str, own: str, every: bool
) -> None:
    """Whatever is served to others, both answer on the same port, over UDP and TCP."""
    if own == "::1" and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    place = serve(host=own, far_host="0.0.0.0" if every else host)
    for at in (host, own):
        for tcp in (False, True):
            with Client(at, place.port, timeout=10.0, tcp=tcp) as client:
                client.ping()
