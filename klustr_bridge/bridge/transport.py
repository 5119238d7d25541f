"""The two ways packets travel: datagrams and connections.

This module owns asyncio's protocol classes and nothing of what packets mean. Whatever comes is handed
on; whatever can't be sent is counted.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any, Final, cast

from klustr_bridge.bridge.framing import Framing, FramingError
from klustr_bridge.bridge.session import Peer

Receive = Callable[[Peer, bytes], None]

FRAMES_A_TURN: Final = 32
MAX_UNSENT_DATAGRAMS: Final = 4 << 20
MAX_UNREAD: Final = 1 << 20
"""Bytes a TCP client may leave unread before its connection is dropped."""


class UdpPeer:
    """A UDP address; where answers to it go.

    Parameters
    ----------
    endpoint : DatagramEndpoint
        The socket.
    address : tuple
        As the socket gives it: host, port, and two more numbers for IPv6.
    """

    __slots__ = ("_address", "_endpoint")
    is_connection = False
    lasts = False
    origin = "osc"

    def __init__(self, endpoint: "DatagramEndpoint", address: tuple[Any, ...]) -> None:
        self._endpoint = endpoint
        self._address = address

    @property
    def key(self) -> Hashable:
        """The address."""
        return self._address

    @property
    def host(self) -> str:
        """IP address."""
        return cast(str, self._address[0])

    @property
    def port(self) -> int:
        """UDP port."""
        return cast(int, self._address[1])

    def send(self, packet: bytes) -> None:
        """Send at once, or drop and count it where the system can't take more."""
        self._endpoint.send(packet, self._address)

    def backlog(self) -> int:
        """Bytes that wait for the socket."""
        return self._endpoint.backlog()

    def at_port(self, port: int) -> Peer:
        """The same host at another port; 0: this one."""
        if port in (0, self.port):
            return self
        return UdpPeer(self._endpoint, (self._address[0], port, *self._address[2:]))


class DatagramEndpoint(asyncio.DatagramProtocol):
    """The bridge's UDP socket.

    Parameters
    ----------
    receive : callable
        Gets every datagram.
    counters : Counter
        Counts what can't be sent.
    may_send : callable
        Says whether so many bytes may go to an IP address now.
    """

    def __init__(
        self,
        receive: Receive,
        counters: "Counter[str]",
        may_send: Callable[[str, int], bool] = lambda host, n_bytes: True,
    ) -> None:
        self._receive = receive
        self._counters = counters
        self._may_send = may_send
        self._transport: asyncio.DatagramTransport | None = None
        self._writer: asyncio.WriteTransport | None = None
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio)."""
        self._transport = cast(asyncio.DatagramTransport, transport)
        self._writer = cast(asyncio.WriteTransport, transport)  # it has that method too

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end (asyncio)."""
        self.closed.set()

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """Hand a datagram on (asyncio)."""
        if addr[1]:  # nobody listens at port 0, and sending there raises
            self._receive(UdpPeer(self, addr), data)

    def error_received(self, exc: Exception) -> None:
        """Count that a datagram wasn't taken; the next ones may be (asyncio)."""
        self._counters["send_errors"] += 1

    def send(self, packet: bytes, address: tuple[Any, ...]) -> None:
        """Send one datagram."""
        transport = self._transport
        if transport is None or transport.is_closing() or self.backlog() > MAX_UNSENT_DATAGRAMS:
            self._counters["send_errors"] += 1
            return
        if not self._may_send(address[0], len(packet)):
            self._counters["held_back"] += 1
            return
        try:
            transport.sendto(packet, address)
        except (OSError, ValueError):
            self._counters["send_errors"] += 1

    def backlog(self) -> int:
        """Bytes that wait for the socket."""
        return 0 if self._writer is None else self._writer.get_write_buffer_size()

    def close(self) -> None:
        """Close the socket once what waits is sent."""
        if self._transport is not None:
            self._transport.close()


class Connection(asyncio.Protocol):
    """One TCP connection, and where answers to it go.

    Parameters
    ----------
    receive : callable
        Gets every packet.
    opened : callable
        Says whether there is room for this connection.
    closed : callable
        Told when it ended.
    counters : Counter
        Counts what is dropped.
    """

    is_connection = True
    lasts = False
    origin = "osc"

    def __init__(
        self,
        receive: Receive,
        opened: "Callable[[Connection], bool]",
        closed: "Callable[[Connection], None]",
        counters: "Counter[str]",
    ) -> None:
        self._receive = receive
        self._opened = opened
        self._on_closed = closed
        self._counters = counters
        self._framing = Framing()
        self._transport: asyncio.Transport | None = None
        self._host = ""
        self._port = 0
        self._is_working = False
        self._is_paused = False
        self.closed = asyncio.Event()

    # -- a Peer

    @property
    def key(self) -> Hashable:
        """The connection itself."""
        return self

    @property
    def host(self) -> str:
        """IP address of the other side."""
        return self._host

    @property
    def port(self) -> int:
        """Port of the other side."""
        return self._port

    def send(self, packet: bytes) -> None:
        """Send one packet; a client that doesn't read loses its connection."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(self._framing.wrap(packet))
        if transport.get_write_buffer_size() > MAX_UNREAD:
            self._counters["connections_dropped"] += 1
            transport.abort()

    def backlog(self) -> int:
        """Bytes the client hasn't taken."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def at_port(self, port: int) -> Peer:
        """The connection itself: everything comes back on it."""
        return self

    # -- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for room (asyncio)."""
        self._transport = cast(asyncio.Transport, transport)
        peername = transport.get_extra_info("peername")
        self._host = str(peername[0]) if peername else ""
        self._port = int(peername[1]) if peername else 0
        if not self._opened(self):
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end (asyncio)."""
        self._on_closed(self)
        self.closed.set()

    def data_received(self, data: bytes) -> None:
        """Take what came (asyncio)."""
        self._framing.feed(data)
        if not self._is_working:
            self._work()

    def _work(self) -> None:
        """Run some packets and leave the rest for later, so that no client holds up the others."""
        transport = self._transport
        self._is_working = False
        if transport is None or transport.is_closing():
            return
        try:
            for _ in range(FRAMES_A_TURN):
                frame = self._framing.take()
                if frame is None:
                    if self._is_paused:
                        self._is_paused = False
                        transport.resume_reading()
                    return
                self._receive(self, frame)
                if transport.is_closing():
                    return
        except FramingError:
            self._counters["bad_packets"] += 1
            transport.abort()
            return
        self._is_working = True
        if not self._is_paused:
            self._is_paused = True
            transport.pause_reading()
        asyncio.get_running_loop().call_soon(self._work)

    def close(self) -> None:
        """Close once what waits is sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()
