"""Who talks to the bridge: clients, their leases, where their answers go.

This module owns the clients and the bounds on them: 32 subscriptions, a lease of 60 s, and a fixed
number of strangers, so that a flood of source ports can't grow memory. It sends nothing by itself and
reads no clock but the one it is given.
"""

import asyncio
import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from klustr_bridge.bridge.guests import MANY_PUSHES, MAX_GUEST_SUBSCRIBERS, OWN_PUSHES
from klustr_bridge.bridge.outbox import Outbox, TokenBucket
from klustr_bridge.errors import QueryError
from klustr_bridge.navigator import ClientState
from klustr_bridge.types import NATURAL

LEASE_S: Final = 60.0
MAX_SUBSCRIBERS: Final = 32
MAX_STRANGERS: Final = 256
MAX_NAME: Final = 64
FAILS_BURST: Final = 20.0
FAILS_A_SECOND: Final = 10.0
WEB: Final = "web"
"""The origin of pages: what they play is sounded as what MIDI plays is."""


class Peer(Protocol):
    """Where packets for one client go: a UDP address, a TCP connection or a web socket."""

    @property
    def key(self) -> Hashable:
        """Equal for two peers exactly when they are the same destination."""
        ...

    @property
    def host(self) -> str:
        """IP address of the client."""
        ...

    @property
    def port(self) -> int:
        """Its port."""
        ...

    @property
    def is_connection(self) -> bool:
        """Whether packets are neither lost nor need pacing."""
        ...

    @property
    def lasts(self) -> bool:
        """Whether a subscription lasts as long as the connection, which is asked whether it lives."""
        ...

    @property
    def origin(self) -> str:
        """What a Hit of the client's cursors is said to come from: ``osc`` or ``web``."""
        ...

    def send(self, packet: bytes) -> None:
        """Send at once; never blocks, never raises."""
        ...

    def backlog(self) -> int:
        """Bytes that the system hasn't taken yet."""
        ...

    def at_port(self, port: int) -> "Peer":
        """Where the same host listens on another port; 0: the port it sends from."""
        ...


def is_loopback(host: str) -> bool:
    """Whether an IP address is this machine's own."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


@dataclass(slots=True, eq=False)
class Client:
    """One client of the command table, known by where its packets come from.

    Attributes
    ----------
    source : Peer
        Where its packets come from.
    peer : Peer
        Where its answers go.
    is_local : bool
        Whether it runs on this machine.
    state : ClientState
        What the navigator remembers of it.
    seen_s : float
        Time of its last packet.
    outbox : Outbox or None
        What waits to be pushed; None: not subscribed.
    fails : TokenBucket
        How many failure messages it may still get.
    n_scheduled, n_streams, n_waiting : int
        Time-tagged messages, chunked answers under way and library commands that wait.
    last_command : asyncio.Task or None
        The library command that the next one waits for.
    gone : bool
        It said bye, its connection ended, or it was forgotten.
    listens : set of str or None
        Addresses of the pushes that it gets while subscribed; None: all.
    """

    source: Peer
    peer: Peer
    is_local: bool
    seen_s: float
    state: ClientState = field(default_factory=ClientState)
    outbox: Outbox | None = None
    fails: TokenBucket = field(default_factory=lambda: TokenBucket(FAILS_A_SECOND, FAILS_BURST))
    n_scheduled: int = 0
    n_streams: int = 0
    n_waiting: int = 0
    last_command: "asyncio.Task[None] | None" = None
    gone: bool = False
    listens: set[str] | None = None

    @property
    def is_guest(self) -> bool:
        """Whether it is on another machine and nobody knows whose: web sockets there have had the token."""
        return not self.is_local and not self.source.lasts

    def hears(self, address: str) -> bool:
        """Whether it gets the pushes of an address while it is subscribed."""
        if not self.is_local:
            over_udp = self.is_guest and not self.source.is_connection
            if address in OWN_PUSHES or (over_udp and address in MANY_PUSHES):
                return False
        return self.listens is None or address in self.listens


class Sessions:
    """All clients.

    Parameters
    ----------
    clock : callable
        Returns seconds of a monotonic clock.
    view : str
        The view of the map that clients begin with.

    Attributes
    ----------
    on_lapse : callable
        Told of each client whose lease has run out.
    """

    def __init__(self, clock: Callable[[], float], view: str = NATURAL) -> None:
        self.on_lapse: Callable[[Client], None] = lambda client: None
        self._clock = clock
        self._view = view
        self._strangers: OrderedDict[Hashable, Client] = OrderedDict()
        self._kept: dict[Hashable, Client] = {}
        self._last_asked: Client | None = None

    def __len__(self) -> int:
        return len(self._strangers) + len(self._kept)

    def client(self, source: Peer) -> Client:
        """Find the client that a packet comes from, or make its acquaintance; renews its lease.

        Parameters
        ----------
        source : Peer
            Where the packet came from.

        Returns
        -------
        Client
        """
        now_s = self._clock()
        key = source.key
        client = self._kept.get(key)
        if client is not None and self._lapsed(client, now_s):
            self._unsubscribe(client)
            client = self._kept.get(key)
        if client is None:
            client = self._strangers.get(key)
            if client is not None:
                self._strangers.move_to_end(key)
        if client is None:
            state = ClientState(view=self._view, is_surface=source.origin == WEB)
            client = Client(source, source, is_loopback(source.host), now_s, state)
            self._keep(client)
        client.seen_s = now_s
        return client

    def known(self, source: Peer) -> Client | None:
        """Find a client without renewing its lease."""
        return self._kept.get(source.key) or self._strangers.get(source.key)

    def hello(self, client: Client, name: str, port: int) -> None:
        """Bind a client's answers to a port of its own host and subscribe it.

        Another subscription with the same destination is replaced: a device that was loaded again
        sends from a new port but listens on the old one.

        Parameters
        ----------
        client : Client
            Who said hello.
        name : str
            What it calls itself.
        port : int
            0: the port it sends from.

        Raises
        ------
        QueryError
            ``badargs`` for a name that is too long, ``busy`` when 32 are subscribed.
        """
        if len(name) > MAX_NAME:
            raise QueryError("badargs", f"name has {len(name)} characters; at most {MAX_NAME}")
        peer = client.source.at_port(port)
        for other in self.subscribers():
            if other is not client and other.peer.key == peer.key:
                self._unsubscribe(other)
        self._subscribe(client)
        client.peer = peer
        client.state.name = name
        client.gone = False
        client.listens = None
        self._strangers.pop(client.source.key, None)
        self._kept[client.source.key] = client

    def listen(self, client: Client, addresses: set[str]) -> None:
        """Subscribe a connection to the pushes of some addresses alone; of none ends it.

        A client that has said hello gets them all anyway.

        Raises
        ------
        QueryError
            ``busy`` when 32 are subscribed.
        """
        if client.outbox is not None and client.listens is None:
            return
        if not addresses:
            client.outbox, client.listens = None, None
            return
        self._subscribe(client)
        client.listens = addresses

    def _subscribe(self, client: Client) -> None:
        if client.outbox is None:
            if self.n_subscribers >= MAX_SUBSCRIBERS:
                raise QueryError(
                    "busy", f"{MAX_SUBSCRIBERS} clients are subscribed; one has to say bye first"
                )
            guests = [other for other in self.subscribers() if other.is_guest]
            if client.is_guest and len(guests) >= MAX_GUEST_SUBSCRIBERS:
                raise QueryError(
                    "busy",
                    f"{MAX_GUEST_SUBSCRIBERS} clients of other machines are subscribed; one has to say bye",
                )
            client.outbox = Outbox()

    def ask_for_plays(self, client: Client) -> None:
        """Take note that a client has asked to sound what is played (player mode ``client``)."""
        self._last_asked = client

    @property
    def taker(self) -> Client | None:
        """The client that sounds what MIDI plays: the one that asked last, while it is subscribed.

        None once it asked for another mode, said bye or its lease ran out: the bridge sounds it then.
        """
        client = self._last_asked
        if client is None or client.outbox is None or client.state.player_mode != "client":
            return None
        return None if self._lapsed(client, self._clock()) else client

    def forget(self, client: Client) -> None:
        """End a client's subscription and drop all that is remembered of it."""
        client.outbox = None
        client.gone = True
        self._strangers.pop(client.source.key, None)
        self._kept.pop(client.source.key, None)

    def subscribers(self) -> list[Client]:
        """List the subscriptions that are live now; ends those whose lease ran out."""
        now_s = self._clock()
        for client in [c for c in self._kept.values() if self._lapsed(c, now_s)]:
            self._unsubscribe(client)
        return [client for client in self._kept.values() if client.outbox is not None]

    @property
    def n_subscribers(self) -> int:
        """Live subscriptions."""
        return len(self.subscribers())

    def outboxes(self) -> Iterator[Outbox]:
        """All queues of pushes."""
        return (client.outbox for client in self._kept.values() if client.outbox is not None)

    def _lapsed(self, client: Client, now_s: float) -> bool:
        return client.outbox is not None and not client.source.lasts and now_s - client.seen_s > LEASE_S

    def _unsubscribe(self, client: Client) -> None:
        """End the pushes; filters and the place of answers stay while the client is remembered."""
        client.outbox = None
        self._kept.pop(client.source.key, None)
        self._keep(client)
        self.on_lapse(client)

    def _keep(self, client: Client) -> None:
        """Remember a client: connections as long as they last, UDP strangers while there is room."""
        key = client.source.key
        if client.source.is_connection or client.outbox is not None:
            self._kept[key] = client
            return
        self._strangers[key] = client
        self._strangers.move_to_end(key)
        while len(self._strangers) > MAX_STRANGERS:
            far = (key for key, other in self._strangers.items() if not other.is_local)
            forgotten = self._strangers.pop(next(far, next(iter(self._strangers))))
            forgotten.gone = True
            forgotten.state.deliver = None
