"""The OSC surface: UDP and TCP sockets, and what is pushed through them.

This module owns the sockets and the timers. What a packet means is the codec's, what it does is the
dispatcher's, who gets what is the session's.
"""

import asyncio
import contextlib
import errno
import logging
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from numpy.typing import NDArray

from klustr_bridge.bridge.answers import PUSHES
from klustr_bridge.bridge.codec import BadPacket, Message, encode, read_packet
from klustr_bridge.bridge.dispatch import Dispatcher
from klustr_bridge.bridge.handlers import Handlers, push_event, push_rows
from klustr_bridge.bridge.memory import resident_mb
from klustr_bridge.bridge.midi_commands import MidiCommands
from klustr_bridge.bridge.outbox import Outbox
from klustr_bridge.bridge.schedule import Schedule
from klustr_bridge.bridge.session import Client, Peer, Sessions, is_loopback
from klustr_bridge.bridge.transport import Connection, DatagramEndpoint, UdpPeer
from klustr_bridge.errors import BridgeError, QueryError
from klustr_bridge.navigator import Event, Hit, Navigator
from klustr_bridge.types import NATURAL, Float32Array, Int32Array

DEFAULT_PORT: Final = 7475
MAX_CONNECTIONS: Final = 64
IDLE_CONNECTION_S: Final = 60.0
PUMP_INTERVAL_S: Final = 0.004
PUMP_BUDGET: Final = 96
"""Packets a turn of the pump, all subscribers together: about a millisecond of the event loop."""

_PORT_ATTEMPTS: Final = 20
_RECEIVE_BUFFER: Final = 1 << 20

_log = logging.getLogger(__name__)


class OscServer:
    """Answers OSC over UDP and TCP on the same port.

    Parameters
    ----------
    navigator : Navigator
        Answers every question.
    host : str
        IP address to listen at.
    port : int
        0: any port that is free for both.
    tcp : bool
        Whether to listen for TCP too.
    view : str
        The view of the map that clients begin with.
    clock : callable
        Seconds of a monotonic clock; leases and pacing go by it.
    wall_clock : callable
        Seconds since 1970; time tags go by it.
    """

    def __init__(
        self,
        navigator: Navigator,
        *,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        tcp: bool = True,
        view: str = NATURAL,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.host = host
        self.port = port
        self._tcp = tcp
        self._clock = clock
        self._wall_clock = wall_clock
        self.counters: Counter[str] = Counter()
        self.sessions = Sessions(clock, view)
        self._schedule = Schedule()
        self._navigator = navigator
        self._forgetting: set[asyncio.Task[None]] = set()
        self.sessions.on_lapse = self._forget
        self.midi = MidiCommands()
        navigator.set_taker(lambda: self.sessions.taker is not None)
        handlers = Handlers(
            navigator,
            publish=self.publish,
            health=self.health,
            hello=self._hello,
            bye=self._bye,
            ask_for_plays=self.sessions.ask_for_plays,
            midi=self.midi,
        )
        self._dispatcher = Dispatcher(handlers.by_address(), clock, self.counters)
        self._endpoint: DatagramEndpoint | None = None
        self._server: asyncio.Server | None = None
        self._connections: dict[Connection, None] = {}
        self._pump_timer: asyncio.TimerHandle | None = None
        self._schedule_timer: asyncio.TimerHandle | None = None
        self._is_stopping = False

    # -- life

    async def start(self) -> int:
        """Open the sockets.

        Returns
        -------
        int
            The port that both listen on.

        Raises
        ------
        BridgeError
            If the port is taken or the host is not this machine's.
        """
        loop = asyncio.get_running_loop()
        udp, tcp = _open_sockets(self.host, self.port, self._tcp)
        self.port = udp.getsockname()[1]
        endpoint = DatagramEndpoint(self._receive, self.counters)
        await loop.create_datagram_endpoint(lambda: endpoint, sock=udp)
        self._endpoint = endpoint
        if tcp is not None:
            self._server = await loop.create_server(self._accept, sock=tcp)
        return self.port

    async def stop(self) -> None:
        """Say goodbye to every subscriber and close everything; once stopped, do nothing."""
        if self._is_stopping:
            return
        self._is_stopping = True
        if self._server is not None:
            self._server.close()
        await self._dispatcher.stop()
        goodbye = encode(PUSHES["/klustr/goodbye"])
        for client in self.sessions.subscribers():
            client.peer.send(goodbye)
        for timer in (self._pump_timer, self._schedule_timer):
            if timer is not None:
                timer.cancel()
        for connection in list(self._connections):
            connection.close()
        if self._endpoint is not None:
            self._endpoint.close()
            await self._endpoint.closed.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                for connection in list(self._connections):
                    await connection.closed.wait()
        for connection in list(self._connections):
            connection.abort()

    def _accept(self) -> Connection:
        return Connection(self._receive, self._opened, self._closed, self.counters)

    def _opened(self, connection: Connection) -> bool:
        """Whether there is room for a connection; one that is long idle makes room."""
        if len(self._connections) >= MAX_CONNECTIONS:
            idle = self._longest_idle()
            if idle is None:
                self.counters["connections_refused"] += 1
                return False
            idle.abort()
            self._closed(idle)
        self._connections[connection] = None
        self.sessions.client(connection)
        return True

    def _longest_idle(self) -> Connection | None:
        """Find the connection silent longest, if it may be given up."""
        now_s = self._clock()
        silent: dict[Connection, float] = {}
        for connection in self._connections:
            client = self.sessions.known(connection)
            if client is not None and client.outbox is None:
                silent[connection] = now_s - client.seen_s
        longest = max(silent, key=lambda connection: silent[connection], default=None)
        return longest if longest is not None and silent[longest] >= IDLE_CONNECTION_S else None

    def _closed(self, connection: Connection) -> None:
        self._connections.pop(connection, None)
        client = self.sessions.known(connection)
        if client is not None:
            self._bye(client)

    # -- in

    def _receive(self, source: Peer, data: bytes) -> None:
        """Run one packet; whatever happens, the bridge goes on."""
        try:
            if self._is_own(source):
                self.counters["stray_answers"] += 1
                return
            try:
                groups = read_packet(data)
            except BadPacket:
                self.counters["bad_packets"] += 1
                return
            self.counters["packets"] += 1
            client = self.sessions.client(source)
            if client.state.deliver is None:
                client.state.deliver = partial(self._deliver, client)
            for group in groups:
                delay_s = group.at_s - self._wall_clock() if group.at_s else 0.0
                if delay_s <= 0.0:
                    for message in group.messages:
                        self._dispatcher.run(client, message)
                else:
                    self._run_later(client, delay_s, group.messages)
        except Exception:
            _log.exception("a packet of %d bytes from %s could not be run", len(data), source.host)

    def _run_later(self, client: Client, delay_s: float, messages: tuple[Message, ...]) -> None:
        try:
            self._schedule.add(client, delay_s, messages, self._clock())
        except QueryError as error:
            self._dispatcher.fail(client, "#bundle", -1, error.code, str(error))
            return
        self._arm_schedule()

    def _arm_schedule(self) -> None:
        due_s = self._schedule.next_due_s
        if self._schedule_timer is not None:
            self._schedule_timer.cancel()
            self._schedule_timer = None
        if due_s is not None and not self._is_stopping:
            delay_s = max(0.0, due_s - self._clock())
            self._schedule_timer = asyncio.get_running_loop().call_later(delay_s, self._run_due)

    def _run_due(self) -> None:
        now_s = self._clock()
        while (entry := self._schedule.take(now_s)) is not None:
            if not entry.client.gone:
                for message in entry.messages:
                    self._dispatcher.run(entry.client, message)
        self._arm_schedule()

    def _hello(self, client: Client, name: str, port: int) -> None:
        if port and port == self.port and (client.is_local or client.source.host == self.host):
            raise QueryError("badargs", f"port is {port}, the bridge's own; 0 or a port that you listen on")
        self.sessions.hello(client, name, port)

    def _bye(self, client: Client) -> None:
        self.sessions.forget(client)
        self._forget(client)

    def _forget(self, client: Client) -> None:
        """End what a client that has gone holds and records."""
        task = asyncio.ensure_future(self._navigator.forget(client.state))
        self._forgetting.add(task)
        task.add_done_callback(self._forgetting.discard)

    def look_after(self) -> None:
        """End the subscriptions whose lease ran out; to be called now and then."""
        self.sessions.subscribers()

    def _is_own(self, source: Peer) -> bool:
        """Whether a packet came from the bridge's own socket: nobody else can send from there."""
        return isinstance(source, UdpPeer) and source.port == self.port and is_loopback(source.host)

    # -- out

    def publish(self, client: Client, events: Sequence[Event]) -> None:
        """Push what a client's action caused: hits to every subscriber, plays to the client alone.

        Parameters
        ----------
        client : Client
            Whose action it was.
        events : sequence of Hit or Play
            In order.

        Raises
        ------
        QueryError
            ``toobig`` if the path of a play doesn't fit a packet.
        """
        try:
            for event in events:
                if isinstance(event, Hit):
                    self._push_hit(client.source.key, event)
                else:
                    client.peer.send(push_event(event))  # never behind a queue of other pushes
        finally:
            self._pump()

    def _deliver(self, client: Client, events: Sequence[Event]) -> None:
        """Push what comes later than the message that caused it."""
        if client.gone:
            return
        try:
            self.publish(client, events)
        except QueryError as error:
            self._dispatcher.fail(client, "/klustr/play", -1, error.code, str(error))

    def publish_hits(self, origin: str, events: Iterable[Event]) -> None:
        """Push what another surface caused: hits to every subscriber, plays to who has taken them over.

        Parameters
        ----------
        origin : str
            The surface, such as ``midi``; keeps its cursors apart from those of OSC clients.
        events : iterable of Hit or Play
            In order.

        Raises
        ------
        QueryError
            ``toobig`` if the path of a play doesn't fit a packet.
        """
        taker = self.sessions.taker
        try:
            for event in events:
                if isinstance(event, Hit):
                    self._push_hit(origin, event)
                elif taker is not None:
                    taker.peer.send(push_event(event))
        finally:
            self._pump()

    # What has changed is told in each view of the map to those who are in it.

    def push_added(self, ids: Int32Array, xy: Float32Array, view: str = NATURAL) -> None:
        """Tell subscribers of sounds that joined the map: ids (n,), positions (n, 2)."""
        self._push_rows("/klustr/added", view, ids, xy)

    def push_moved(self, ids: Int32Array, xy: Float32Array, view: str = NATURAL) -> None:
        """Tell subscribers of sounds that a new epoch gave another place: ids (n,), positions (n, 2)."""
        self._push_rows("/klustr/moved", view, ids, xy)

    def push_removed(self, ids: Int32Array, view: str = NATURAL) -> None:
        """Tell subscribers of sounds that are gone: ids (n,)."""
        self._push_rows("/klustr/removed", view, ids)

    def push_epoch(self, epoch: int, n_sounds: int) -> None:
        """Tell subscribers that the map was made anew."""
        self._push("/klustr/epoch", epoch, n_sounds)

    def push_beat(self, beat: float, tempo_bpm: float, playing: bool) -> None:
        """Tell subscribers of the session's beat."""
        self._push_latest(("beat",), encode(PUSHES["/klustr/beat"], beat, tempo_bpm, int(playing)))
        self._pump()

    def push_error(self, where: str, message: str) -> None:
        """Tell subscribers that something failed."""
        self._push("/klustr/error", where[:200], message[:800])

    def push_progress(self, stage: str, done: int, total: int) -> None:
        """Tell subscribers how far the work is; newest wins for each stage."""
        self._push_latest(("progress", stage), encode(PUSHES["/klustr/progress"], stage, done, total))
        self._pump()

    def _push_rows(self, address: str, view: str, *columns: NDArray[Any]) -> None:
        for client in self.sessions.subscribers():
            if client.state.view == view:
                self._queue(client, push_rows(PUSHES[address], *columns), len(columns[0]))
        self._pump()

    def _push(self, address: str, *values: object) -> None:
        packet = encode(PUSHES[address], *values)
        for client in self.sessions.subscribers():
            self._queue(client, iter((packet,)), 1)
        self._pump()

    def _queue(self, client: Client, packets: Iterator[bytes], n_packets: int) -> None:
        outbox = client.outbox
        if outbox is None:
            return
        n_dropped = outbox.add(packets, n_packets)
        self.counters["pushes_dropped"] += n_dropped
        if n_dropped and not outbox.told_overflow:
            outbox.told_overflow = True
            text = f"{n_dropped} pushes dropped, too many wait; ask /klustr/points for the state of things"
            client.peer.send(encode(PUSHES["/klustr/error"], "pushes", text))

    def _push_hit(self, source: Hashable, hit: Hit) -> None:
        packets: dict[str, bytes] = {}
        for client in self.sessions.subscribers():
            if client.outbox is not None:
                view = client.state.view
                packet = packets.get(view) or packets.setdefault(view, push_event(hit, view))
                client.outbox.add_latest(("hit", source, hit.cursor), packet)

    def _push_latest(self, key: Hashable, packet: bytes) -> None:
        for client in self.sessions.subscribers():
            if client.outbox is not None:
                client.outbox.add_latest(key, packet)

    def _pump(self) -> None:
        """Send what is due, and come back when more will be."""
        if self._pump_timer is not None:
            self._pump_timer.cancel()
            self._pump_timer = None
        now_s = self._clock()
        waiting = [(client, client.outbox) for client in self.sessions.subscribers() if client.outbox]
        budget = PUMP_BUDGET
        share = max(1, budget // max(1, len(waiting)))
        for client, outbox in waiting:
            packets = outbox.take(now_s, share)
            for packet in packets:
                client.peer.send(packet)
            self.counters["pushes"] += len(packets)
        due = [due_s for _, outbox in waiting if (due_s := outbox.next_due_s(now_s)) is not None]
        if due and not self._is_stopping:
            delay_s = max(PUMP_INTERVAL_S, min(due) - now_s)
            self._pump_timer = asyncio.get_running_loop().call_later(delay_s, self._pump)

    def health(self) -> dict[str, float]:
        """Counters since the start and lengths of queues now, by name."""
        outboxes: list[Outbox] = list(self.sessions.outboxes())
        names = (
            "packets",
            "bad_packets",
            "stray_answers",
            "fails",
            "fails_not_sent",
            "pushes",
            "pushes_dropped",
            "send_errors",
            "connections_refused",
            "connections_dropped",
        )
        return {name: float(self.counters[name]) for name in names} | {
            "clients": float(len(self.sessions)),
            "subscribers": float(len(outboxes)),
            "connections": float(len(self._connections)),
            "pushes_waiting": float(sum(map(len, outboxes))),
            "longest_queue": float(max(map(len, outboxes), default=0)),
            "scheduled": float(len(self._schedule)),
            "long_answers": float(self._dispatcher.n_streams),
            "commands_waiting": float(self._dispatcher.n_waiting),
            "memory_mb": resident_mb(),
        }


def _open_sockets(host: str, port: int, tcp: bool) -> tuple[socket.socket, socket.socket | None]:
    """Bind UDP and TCP to one port; with port 0, to one that is free for both."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    except (OSError, UnicodeError) as error:
        raise BridgeError(
            f"can't listen at {host!r}: {error}; an IP address of this machine is needed"
        ) from None
    for attempt in range(_PORT_ATTEMPTS):
        udp = socket.socket(family, socket.SOCK_DGRAM)
        stream = socket.socket(family, socket.SOCK_STREAM) if tcp else None
        try:
            _bind(udp, address)
            with contextlib.suppress(OSError):
                udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            if stream is not None:
                _bind(stream, (address[0], udp.getsockname()[1], *address[2:]))
                stream.listen(MAX_CONNECTIONS)
            return udp, stream
        except OSError as error:
            udp.close()
            if stream is not None:
                stream.close()
            if port == 0 and error.errno == errno.EADDRINUSE and attempt < _PORT_ATTEMPTS - 1:
                continue
            raise _bind_error(host, port, error) from None
    raise BridgeError(f"no port is free for both UDP and TCP at {host}")


def _bind(sock: socket.socket, address: Any) -> None:
    sock.setblocking(False)
    if sys.platform == "win32":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    elif sock.type == socket.SOCK_STREAM:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(address)


def _bind_error(host: str, port: int, error: OSError) -> BridgeError:
    if error.errno in (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE)):
        return BridgeError(
            f"port {port} is in use by another program; end it, or choose another port with --osc-port "
            "(0 takes a free one)"
        )
    if error.errno in (errno.EACCES, getattr(errno, "WSAEACCES", errno.EACCES)):
        return BridgeError(f"port {port} may not be used by this user; choose another with --osc-port")
    return BridgeError(f"can't listen at {host} port {port}: {error.strerror or error}")
