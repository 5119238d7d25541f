"""Telling programs where the bridge is, by zeroconf (mDNS and DNS-SD).

This module owns the announcement. It is made and answered on the interfaces alone that something is served
on, loopback unless other machines may use the bridge: the package zeroconf makes and reads the messages, but
its own sockets could be reached from everywhere, so these are ours. A machine whose multicast fails is served
all the same.

References
----------
RFC 6762 and 6763; the services ``_oscjson._tcp`` and ``_osc._udp``:
https://github.com/Vidvox/OSCQueryProposal.
"""

import asyncio
import contextlib
import ipaddress
import logging
import re
import socket
import sys
from typing import TYPE_CHECKING, Any, Final, cast

from klustr_bridge.bridge.lan import own_addresses

if TYPE_CHECKING:
    from zeroconf import ServiceInfo

NAME: Final = "klustr-bridge"
OSCQUERY: Final = "_oscjson._tcp.local."
OSC: Final = "_osc._udp.local."
GROUP: Final = "224.0.0.251"
PORT: Final = 5353
LOOPBACK: Final = "127.0.0.1"

REPEAT_S: Final = 20.0
"""Programs whose questions go out elsewhere hear what is said on loopback: so it is said again."""

_ANSWER_AFTER_S: Final = 0.02
_LEAST_PAUSE_S: Final = 0.25
_IP_MULTICAST_ALL: Final = 49
"""Linux's option that keeps away what other sockets of the machine have joined; Python has no name for it."""

_log = logging.getLogger(__name__)


def name_of(kind: str, port: int, machine: str = "") -> str:
    """Return the name of a service: bridges on one machine differ by their ports, others by the machine."""
    return f"{NAME} {port}{' ' if machine else ''}{machine}.{kind}"


def machine_name() -> str:
    """Return this machine's name, as far as it may stand in the name of a service."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", socket.gethostname().partition(".")[0]).strip("-")[:30] or "machine"


class Announcer:
    """An announcement of what is served.

    Parameters
    ----------
    host, port : str, int
        Where HTTP is served; a loopback address.
    osc_host, osc_port : str, int
        Where OSC is, likewise.
    far_host : str, optional
        The address at which other machines are served, 0.0.0.0 for all there are; None: none is.
    has_far_osc : bool
        Whether OSC is among what they are served.

    Attributes
    ----------
    is_heard : bool
        Whether it is announced now.
    problem : str
        Why it could not be, empty otherwise.
    """

    def __init__(
        self,
        host: str,
        port: int,
        osc_host: str,
        osc_port: int,
        *,
        far_host: str | None = None,
        has_far_osc: bool = False,
    ) -> None:
        self.is_heard = False
        self.problem = ""
        self.settled = asyncio.Event()
        self._near = [(OSCQUERY, host, port), (OSC, osc_host, osc_port)]
        self._far = [(OSCQUERY, port), *([(OSC, osc_port)] if has_far_osc else [])]
        self._far_host = far_host
        self._responders: dict[str, _Responder] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Announce it from now on."""
        self._task = asyncio.create_task(self._announce())

    async def stop(self) -> None:
        """Take it back."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _announce(self) -> None:
        """Say it now and then until this is cancelled."""
        try:
            while True:
                await self._follow()
                self.is_heard = bool(self._responders)
                self.settled.set()
                if not self._responders:
                    _log.info("not announced by zeroconf: %s", self.problem)
                    return
                for responder in self._responders.values():
                    responder.say()
                await asyncio.sleep(REPEAT_S)
        finally:
            self.is_heard = False
            for address in list(self._responders):
                self._responders.pop(address).leave()

    async def _follow(self) -> None:
        """Be heard on the interfaces that are served and there now."""
        far = [] if self._far_host is None else await asyncio.to_thread(own_addresses, self._far_host)
        for address in set(self._responders) - {LOOPBACK, *far}:
            self._responders.pop(address).leave()
        for address in (LOOPBACK, *far):
            if address not in self._responders:
                try:
                    self._responders[address] = await self._open(address)
                except Exception as error:  # no multicast, no such interface, the port is another's
                    self.problem = repr(error)

    async def _open(self, address: str) -> "_Responder":
        """Open what answers on the interface of an address."""
        places, machine = self._near, ""
        if address != LOOPBACK:
            places, machine = [(kind, address, port) for kind, port in self._far], machine_name()
        infos = await asyncio.to_thread(_services, places, machine)
        loop = asyncio.get_running_loop()
        _, responder = await loop.create_datagram_endpoint(
            lambda: _Responder(infos), sock=_open_socket(address)
        )
        return responder


class _Responder(asyncio.DatagramProtocol):
    """Says what there is, and answers who asks; however many ask, four times a second at most."""

    def __init__(self, infos: "list[ServiceInfo]") -> None:
        self._infos = infos
        self._names = {name.lower() for info in infos for name in (info.type, info.name, info.server or "")}
        self._transport: asyncio.DatagramTransport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._said_s = -1e9

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio)."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """Answer a question about what there is (asyncio)."""
        from zeroconf import DNSIncoming  # type: ignore[attr-defined]  # told to be there for good

        message = DNSIncoming(data)
        is_ours = (
            message.valid
            and message.is_query()
            and not self._names.isdisjoint(question.name.lower() for question in message.questions)
        )
        if is_ours and self._timer is None:
            loop = asyncio.get_running_loop()
            wait_s = max(_ANSWER_AFTER_S, self._said_s + _LEAST_PAUSE_S - loop.time())
            self._timer = loop.call_later(wait_s, self.say)

    def error_received(self, exc: Exception) -> None:
        """Let it be: what can't be sent now is said again (asyncio)."""

    def say(self) -> None:
        """Say all there is."""
        self._rest()
        self._said_s = asyncio.get_running_loop().time()
        self._send(None)

    def take_back(self) -> None:
        """Say that it is no more."""
        self._rest()
        self._send(0)

    def leave(self) -> None:
        """Say that it is no more, and close."""
        self.take_back()
        if self._transport is not None:
            self._transport.close()

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _send(self, ttl_s: int | None) -> None:
        from zeroconf import DNSOutgoing  # type: ignore[attr-defined]

        is_answer, is_authoritative = 0x8000, 0x0400
        message = DNSOutgoing(is_answer | is_authoritative)
        for info in self._infos:
            own = (info.dns_service(ttl_s), info.dns_text(ttl_s), *info.dns_addresses(ttl_s))
            for record in (info.dns_pointer(ttl_s), *own):
                message.add_answer_at_time(record, 0)
        for packet in message.packets():
            if self._transport is not None:
                with contextlib.suppress(OSError):
                    self._transport.sendto(packet, (GROUP, PORT))


def _services(places: list[tuple[str, str, int]], machine: str = "") -> "list[ServiceInfo]":
    """Describe the services; for a thread, since the package is loaded here."""
    from zeroconf import ServiceInfo

    logging.getLogger("zeroconf").setLevel(logging.ERROR)
    return [
        ServiceInfo(
            kind,
            name_of(kind, port, machine),
            port=port,
            addresses=[ipaddress.ip_address(host).packed],
            server=f"{NAME}-{port}{'-' if machine else ''}{machine}.local.",
        )
        for kind, host, port in places
    ]


def _open_socket(address: str = LOOPBACK) -> socket.socket:
    """Open a socket that hears the group on the interface of an address, and speaks there alone."""
    interface = socket.inet_aton(address)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sys.platform == "darwin":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if sys.platform == "linux":
            sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
        # Windows binds to no group; an address of an interface hears what is sent on it
        sock.bind((address if sys.platform == "win32" else GROUP, PORT))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + interface)
    except OSError:
        sock.close()
        raise
    return sock
