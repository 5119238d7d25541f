"""Clients: leases, limits, where answers go."""

from collections.abc import Hashable

import pytest

from klustr_bridge.bridge.session import LEASE_S, MAX_STRANGERS, MAX_SUBSCRIBERS, Peer, Sessions, is_loopback
from klustr_bridge.errors import QueryError
from tests.bridge.places import Clock


class Address:
    """A place that packets come from; what is sent there is kept."""

    is_connection = False
    lasts = False
    origin = "osc"

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.host, self.port = host, port
        self.sent: list[bytes] = []

    @property
    def key(self) -> Hashable:
        return (self.host, self.port)

    def send(self, packet: bytes) -> None:
        self.sent.append(packet)

    def backlog(self) -> int:
        return 0

    def at_port(self, port: int) -> Peer:
        other = Address(port or self.port, self.host)
        other.sent = self.sent
        return other


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(clock)


def test_the_same_source_is_the_same_client(sessions: Sessions) -> None:
    """Filters and modes stay with the address that set them."""
    first = sessions.client(Address(5000))
    first.state.audition = "hold"
    assert sessions.client(Address(5000)) is first
    assert sessions.client(Address(5001)) is not first


def test_hello_binds_to_a_port_of_the_senders_own_host(sessions: Sessions) -> None:
    """Answers go to the port named, or to the source for port 0, never to another host."""
    client = sessions.client(Address(5000, "10.1.2.3"))
    sessions.hello(client, "max", 7476)
    assert client.peer.key == ("10.1.2.3", 7476)
    sessions.hello(client, "max", 0)
    assert client.peer.key == ("10.1.2.3", 5000)


def test_of_forty_hellos_thirty_two_are_taken(sessions: Sessions, clock: Clock) -> None:
    """The 33rd live subscription is refused as busy, and taken once another lapsed."""
    refused = 0
    for port in range(5000, 5040):
        try:
            sessions.hello(sessions.client(Address(port)), "c", 0)
        except QueryError as error:
            assert error.code == "busy"
            refused += 1
    assert (sessions.n_subscribers, refused) == (MAX_SUBSCRIBERS, 8)
    clock.now_s += LEASE_S - 1
    for port in range(5001, 5032):
        sessions.client(Address(port))
    clock.now_s += 2
    sessions.hello(sessions.client(Address(5039)), "c", 0)
    assert sessions.n_subscribers == MAX_SUBSCRIBERS


def test_a_lease_ends_sixty_seconds_after_the_last_packet(sessions: Sessions, clock: Clock) -> None:
    """Any packet renews it; afterwards pushes end but filters and the reply port stay."""
    client = sessions.client(Address(5000))
    sessions.hello(client, "max", 7476)
    client.state.audition = "hold"
    for _ in range(5):
        clock.now_s += LEASE_S
        assert sessions.client(Address(5000)) is client
        assert sessions.subscribers() == [client]
    clock.now_s += LEASE_S + 0.1
    again = sessions.client(Address(5000))
    assert sessions.subscribers() == []
    assert (again.state.audition, again.peer.key) == ("hold", ("127.0.0.1", 7476))
    sessions.hello(again, "max", 7476)
    assert sessions.subscribers() == [again]


def test_plays_are_taken_by_the_last_who_asked_while_it_is_subscribed(
    sessions: Sessions, clock: Clock
) -> None:
    """Another mode, a lapsed lease and bye end it; it never goes back to one who asked earlier."""
    first, last = sessions.client(Address(5000)), sessions.client(Address(5001))
    for client in (first, last):
        client.state.player_mode = "client"
        sessions.ask_for_plays(client)
    assert sessions.taker is None
    for client in (first, last):
        sessions.hello(client, "device", 0)
    assert sessions.taker is last
    clock.now_s += LEASE_S + 0.1
    sessions.client(Address(5000))
    assert sessions.taker is None
    sessions.hello(sessions.client(Address(5001)), "device", 0)
    assert sessions.taker is last
    last.state.player_mode = "both"
    assert sessions.taker is None
    last.state.player_mode = "client"
    sessions.forget(last)
    assert sessions.taker is None


def test_a_new_hello_for_the_same_destination_replaces_the_old_one(sessions: Sessions) -> None:
    """A device that was loaded again doesn't get every push twice."""
    old, new = sessions.client(Address(5000)), sessions.client(Address(5001))
    sessions.hello(old, "device", 7476)
    sessions.hello(new, "device", 7476)
    assert sessions.subscribers() == [new]
    sessions.hello(old, "device", 7480)
    assert sorted(c.peer.key for c in sessions.subscribers()) == [("127.0.0.1", 7476), ("127.0.0.1", 7480)]  # type: ignore[type-var]


def test_strangers_cannot_grow_memory_nor_drive_subscribers_out(sessions: Sessions) -> None:
    """A flood of source ports keeps a bounded number of clients, the subscribed ones among them."""
    known = sessions.client(Address(5000))
    sessions.hello(known, "max", 0)
    for port in range(10_000, 10_000 + 3 * MAX_STRANGERS):
        sessions.client(Address(port))
    assert len(sessions) == MAX_STRANGERS + 1
    assert sessions.client(Address(5000)) is known
    assert sessions.subscribers() == [known]


def test_bye_forgets(sessions: Sessions) -> None:
    """After bye the source is a new client."""
    client = sessions.client(Address(5000))
    sessions.hello(client, "max", 7476)
    sessions.forget(client)
    assert client.gone
    assert sessions.subscribers() == []
    assert sessions.client(Address(5000)) is not client


def test_long_names_are_refused(sessions: Sessions) -> None:
    """A name has at most 64 characters."""
    with pytest.raises(QueryError, match="65 characters"):
        sessions.hello(sessions.client(Address(5000)), "x" * 65, 0)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.168.1.5", False),
        ("fe80::1%eth0", False),
        ("::ffff:10.0.0.1", False),
        ("nonsense", False),
    ],
)
def test_only_this_machine_is_local(host: str, expected: bool) -> None:
    """Library commands stay with addresses that can't come from outside."""
    assert is_loopback(host) is expected
