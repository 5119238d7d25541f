"""The OSC surface: UDP and TCP, and the connections that other servers hold and OSC goes through.

This module owns the sockets in use and the timer of time tags. What a packet means is the codec's, what
it does is the dispatcher's, who gets what is the session's, what is told unasked is `pushing`'s.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from klustr_bridge.bridge.answers import PUSHES
from klustr_bridge.bridge.clients import rows_of
from klustr_bridge.bridge.codec import BadPacket, Message, encode, read_packet
from klustr_bridge.bridge.dispatch import Dispatcher
from klustr_bridge.bridge.guests import GUEST_MESSAGES_A_SECOND, MAX_GUEST_CONNECTIONS, Allowance
from klustr_bridge.bridge.handlers import Handlers
from klustr_bridge.bridge.lan import is_neighbour, own_addresses
from klustr_bridge.bridge.memory import resident_mb
from klustr_bridge.bridge.midi_commands import MidiCommands
from klustr_bridge.bridge.osc_sockets import open_all
from klustr_bridge.bridge.outbox import Outbox, TokenBucket
from klustr_bridge.bridge.pushing import Pushing
from klustr_bridge.bridge.reveal import Revealer
from klustr_bridge.bridge.schedule import Schedule
from klustr_bridge.bridge.session import Client, Peer, Sessions, is_loopback
from klustr_bridge.bridge.transport import Connection, DatagramEndpoint, UdpPeer
from klustr_bridge.errors import QueryError
from klustr_bridge.navigator import Event, Navigator
from klustr_bridge.types import NATURAL

DEFAULT_PORT: Final = 7475
MAX_CONNECTIONS: Final = 64
IDLE_CONNECTION_S: Final = 60.0

_log = logging.getLogger(__name__)


class OscServer(Pushing):
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
    far_host : str, optional
        The address at which other machines may reach it, too; None: only this one does.
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
        far_host: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(Sessions(clock, view), clock)
        self.host = host
        self.port = port
        self._tcp = tcp
        self.far_host = far_host
        self._allowance = Allowance(clock)
        self._guests_work = TokenBucket(GUEST_MESSAGES_A_SECOND, GUEST_MESSAGES_A_SECOND)
        self._wall_clock = wall_clock
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
            clients=lambda client: rows_of(self.sessions, client, clock()),
            reveal=Revealer().reveal,
        )
        self._dispatcher = Dispatcher(handlers.by_address(), clock, self.counters)
        self._endpoints: list[DatagramEndpoint] = []
        self._servers: list[asyncio.Server] = []
        self._connections: dict[Connection, None] = {}
        self._schedule_timer: asyncio.TimerHandle | None = None

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
        for udp, tcp in open_all(self.host, self.port, self._tcp, MAX_CONNECTIONS, self.far_host):
            self.port = udp.getsockname()[1]
            endpoint = DatagramEndpoint(self.receive, self.counters, self._may_send)
            await loop.create_datagram_endpoint(lambda made=endpoint: made, sock=udp)  # type: ignore[misc]
            self._endpoints.append(endpoint)
            if tcp is not None:
                self._servers.append(await loop.create_server(self._accept, sock=tcp))
        return self.port

    async def stop(self) -> None:
        """Say goodbye to every subscriber and close everything; once stopped, do nothing."""
        if self._is_stopping:
            return
        self._is_stopping = True
        for server in self._servers:
            server.close()
        await self._dispatcher.stop()
        goodbye = encode(PUSHES["/klustr/goodbye"])
        for client in self.sessions.subscribers():
            client.peer.send(goodbye)
        for timer in (self._pump_timer, self._schedule_timer):
            if timer is not None:
                timer.cancel()
        for connection in list(self._connections):
            connection.close()
        for endpoint in self._endpoints:
            endpoint.close()
            await endpoint.closed.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                for connection in list(self._connections):
                    await connection.closed.wait()
        for connection in list(self._connections):
            connection.abort()

    def _accept(self) -> Connection:
        return Connection(self.receive, self._opened, self._closed, self.counters)

    def _opened(self, connection: Connection) -> bool:
        """Whether there is room for a connection; one that is long idle makes room."""
        is_far = not is_loopback(connection.host)
        far = [each for each in self._connections if not is_loopback(each.host)] if is_far else []
        if is_far and not is_neighbour(connection.host):
            self.counters["connections_refused"] += 1
            return False
        if len(self._connections) >= MAX_CONNECTIONS or len(far) >= MAX_GUEST_CONNECTIONS:
            idle = self._longest_idle(far or self._connections)
            if idle is None:
                self.counters["connections_refused"] += 1
                return False
            idle.abort()
            self._closed(idle)
        self._connections[connection] = None
        self.sessions.client(connection)
        return True

    def _longest_idle(self, connections: Iterable[Connection]) -> Connection | None:
        """Find the connection silent longest of some, if it may be given up."""
        now_s = self._clock()
        silent: dict[Connection, float] = {}
        for connection in connections:
            client = self.sessions.known(connection)
            if client is not None and client.outbox is None:
                silent[connection] = now_s - client.seen_s
        longest = max(silent, key=lambda connection: silent[connection], default=None)
        return longest if longest is not None and silent[longest] >= IDLE_CONNECTION_S else None

    def _closed(self, connection: Connection) -> None:
        self._connections.pop(connection, None)
        self.disconnect(connection)

    # -- connections that another server holds

    def run(self, source: Peer, message: Message) -> None:
        """Run one message that came in another form than OSC; never raises."""
        self.counters["packets"] += 1
        self._run(self._client(source), message)

    def listen(self, source: Peer, addresses: set[str]) -> None:
        """Push to a client what is pushed at some addresses alone; see `Sessions.listen`."""
        client = self._client(source)
        try:
            self.sessions.listen(client, addresses)
        except QueryError as error:
            self._dispatcher.fail(client, "LISTEN", -1, error.code, str(error))

    def disconnect(self, source: Peer) -> None:
        """Forget a client whose connection has ended."""
        client = self.sessions.known(source)
        if client is not None:
            self._bye(client)

    # -- in

    def receive(self, source: Peer, data: bytes) -> None:
        """Run one packet; whatever happens, the bridge goes on."""
        try:
            if self._is_own(source):
                self.counters["stray_answers"] += 1
                return
            if not (is_loopback(source.host) or is_neighbour(source.host)):
                self.counters["strangers"] += 1
                return
            try:
                groups = read_packet(data)
            except BadPacket:
                self.counters["bad_packets"] += 1
                return
            self.counters["packets"] += 1
            client = self._client(source)
            for group in groups:
                delay_s = group.at_s - self._wall_clock() if group.at_s else 0.0
                if delay_s <= 0.0:
                    for message in group.messages:
                        self._run(client, message)
                else:
                    self._run_later(client, delay_s, group.messages)
        except Exception:
            _log.exception("a packet of %d bytes from %s could not be run", len(data), source.host)

    def _run(self, client: Client, message: Message) -> None:
        """Run a message, unless other machines ask for more work than they are due together."""
        if client.is_local or self._guests_work.take(self._clock()):
            self._dispatcher.run(client, message)
        else:
            self.counters["held_back"] += 1

    def _client(self, source: Peer) -> Client:
        client = self.sessions.client(source)
        if client.state.deliver is None:
            client.state.deliver = partial(self._deliver, client)
        return client

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
                    self._run(entry.client, message)
        self._arm_schedule()

    def _hello(self, client: Client, name: str, port: int) -> None:
        if port and port == self.port and (client.is_local or client.source.host in self._own_hosts()):
            raise QueryError("badargs", f"port is {port}, the bridge's own; 0 or a port that you listen on")
        self.sessions.hello(client, name, port)

    def _own_hosts(self) -> list[str]:
        return [self.host, *(own_addresses(self.far_host) if self.far_host else ())]

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

    def _may_send(self, host: str, n_bytes: int) -> bool:
        return is_loopback(host) or self._allowance.take(host, n_bytes)

    def _deliver(self, client: Client, events: Sequence[Event]) -> None:
        """Push what comes later than the message that caused it."""
        if client.gone:
            return
        try:
            self.publish(client, events)
        except QueryError as error:
            self._dispatcher.fail(client, "/klustr/play", -1, error.code, str(error))

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
            "held_back",
            "strangers",
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
