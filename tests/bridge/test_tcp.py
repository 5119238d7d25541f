"""The TCP side: both framings, slow readers, bounds."""

import socket
from collections.abc import Callable, Iterator

import pytest

from klustr_bridge.bridge.framing import Framing, encode_prefixed, encode_slip
from klustr_bridge.bridge.osc import IDLE_CONNECTION_S, MAX_CONNECTIONS
from klustr_bridge.client import Client
from tests.bridge.places import Clock, Place
from tests.bridge.test_codec import message


@pytest.fixture
def connection(place: Place) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", place.port), 5) as connection:
        yield connection


def read(connection: socket.socket, framing: Framing) -> bytes:
    """The next packet."""
    while (frame := framing.take()) is None:
        data = connection.recv(4096)
        assert data, "the connection was closed"
        framing.feed(data)
    return frame


def pong(req: int) -> bytes:
    """A pong as far as the run of the bridge, its last four bytes."""
    return message("/klustr/pong", req, 1)[:-4]


@pytest.mark.parametrize("encode", [encode_prefixed, encode_slip])
def test_both_framings_are_answered_in_kind(
    encode: Callable[[bytes], bytes], connection: socket.socket
) -> None:
    """Requests may be cut anywhere or joined; answers use the sender's own framing, in order."""
    stream = b"".join(encode(message("/klustr/ping", number)) for number in range(192, 232))
    for start in range(0, 200, 7):
        connection.sendall(stream[start : start + 7])
    connection.sendall(stream[203:])
    framing = Framing()
    for number in range(192, 232):
        assert read(connection, framing).startswith(pong(number))


def test_a_flood_on_one_connection_does_not_hold_up_the_others(
    connection: socket.socket, place: Place
) -> None:
    """Thousands of packets in one segment are run a few at a time, all of them."""
    n = 3000
    connection.sendall(b"".join(encode_prefixed(message("/klustr/ping", i)) for i in range(n)))
    with Client(port=place.port) as other:
        assert other.ping() < 0.5
    framing = Framing()
    assert [read(connection, framing)[:-4] for _ in range(n)] == [pong(i) for i in range(n)]


@pytest.mark.parametrize("data", [b"GET / HTTP/1.0\r\n\r\n", b"\0\x02\0\0", b"/" + b"x" * 200_000])
def test_a_stream_that_is_no_osc_is_closed(data: bytes, connection: socket.socket, place: Place) -> None:
    """The connection ends, is counted, and the bridge goes on."""
    try:
        connection.sendall(data)
        assert connection.recv(100) == b""
    except ConnectionError:
        pass
    with Client(port=place.port) as other:
        assert other.health()["bad_packets"] == 1


def test_a_slow_reader_is_dropped(place: Place) -> None:
    """A client that asks and doesn't read loses its connection after a bounded buffer."""
    request = encode_prefixed(message("/klustr/near/xy", 1, 0.5, 0.5, 16))
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(20)
        slow.connect(("127.0.0.1", place.port))
        with pytest.raises(ConnectionError):
            while True:
                slow.sendall(request * 100)
    with Client(port=place.port) as other:
        health = other.health()
    assert (health["connections_dropped"], health["connections"]) == (1, 0)


def test_connections_are_bounded_and_idle_ones_give_way(serve: Callable[..., Place]) -> None:
    """The 65th connection is refused while the others are used, and replaces one idle for long."""
    clock = Clock()
    place = serve(clock=clock)
    clients = [Client(port=place.port, tcp=True) for _ in range(MAX_CONNECTIONS)]
    try:
        for client in clients:
            client.ping()
        with (
            socket.create_connection(("127.0.0.1", place.port), 5) as refused,
            pytest.raises((ConnectionError, AssertionError)),
        ):
            refused.sendall(encode_prefixed(message("/klustr/ping", 1)))
            read(refused, Framing())
        clock.now_s += IDLE_CONNECTION_S + 1
        for client in clients[1:]:
            client.ping()
        with Client(port=place.port, tcp=True) as late:
            late.ping()
            assert late.health()["connections"] == MAX_CONNECTIONS
    finally:
        for client in clients:
            client.close()


def test_a_closed_connection_is_forgotten(place: Place) -> None:
    """Its subscription ends with it."""
    with Client(port=place.port, tcp=True) as client, Client(port=place.port) as other:
        client.hello("tcp")
        assert other.health()["subscribers"] == 1
        client._connection.close()
        while other.health()["connections"]:
            pass
        assert other.health()["subscribers"] == 0
