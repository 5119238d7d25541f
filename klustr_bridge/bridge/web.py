"""The HTTP surface: its socket, and when what serves it is loaded.

This module owns the port and the life of the server. What is served, and to whom, is `webapp`'s,
which brings the HTTP libraries along and is therefore imported late, in a thread. Nothing here may
hold up OSC.
"""

import asyncio
import contextlib
import errno
import logging
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

from klustr_bridge.bridge.announcing import Announcer
from klustr_bridge.bridge.devices import devices
from klustr_bridge.bridge.lan import ALL, Door
from klustr_bridge.bridge.osc_sockets import ip_of
from klustr_bridge.bridge.session import is_loopback
from klustr_bridge.errors import BridgeError
from klustr_bridge.navigator import Navigator

if TYPE_CHECKING:
    from klustr_bridge.bridge.osc import OscServer
    from klustr_bridge.bridge.web_connection import AppServer
    from klustr_bridge.bridge.webapp import WebApp

DEFAULT_PORT: Final = 7477

_PATIENCE_S: Final = 0.5
"""For answers under way when it stops; whoever takes longer is cut off, before uvicorn complains."""
_STOP_DEADLINE_S: Final = 1.5
BACKLOG: Final = 256
"""A burst of connections waits here; beyond it the kernel drops them and clients try again after 1 s."""

_log = logging.getLogger(__name__)


async def _at_once() -> None:
    pass


class WebServer:
    """Answers HTTP on loopback, and other machines where they may: the map, OSCQuery and the status.

    Parameters
    ----------
    navigator : Navigator
        Answers every question.
    host : str
        Loopback address to listen at.
    port : int
        0: any free port.
    osc_port : int
        Where OSC listens, for OSCQuery clients.
    version : str
        Of the release.
    osc_host : str
        IP address that OSC listens at.
    about : callable
        What ``/status`` says of the process, by name.
    health : callable
        Further counters for ``/status``, by name.
    after : callable
        Awaited before the HTTP libraries are loaded; connections wait until then.
    osc : OscServer, optional
        Whose clients web sockets are; without one there are none.
    announce : bool
        Whether programs of this machine are told by zeroconf where it is.
    on_problem : callable
        Told what is wrong if nothing can be served after all.
    door : Door, optional
        Lets in other machines, at its address; without one only this machine is served.
    has_far_osc : bool
        Whether OSC can be reached from other machines, too.
    """

    def __init__(
        self,
        navigator: Navigator,
        *,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        osc_port: int,
        version: str,
        osc_host: str = "127.0.0.1",
        about: Callable[[], Mapping[str, object]] = dict,
        health: Callable[[], Mapping[str, float]] = dict,
        after: Callable[[], Awaitable[None]] = _at_once,
        osc: "OscServer | None" = None,
        announce: bool = False,
        on_problem: Callable[[str], None] = _log.error,
        door: Door | None = None,
        has_far_osc: bool = False,
    ) -> None:
        self.host = host
        self.port = port
        self.problem: str | None = None
        self.ready = asyncio.Event()
        self._navigator = navigator
        self._osc_host = ip_of(osc_host)
        self._osc_port = osc_port
        self._version = version
        self._about = about
        self._health = health
        self._after = after
        self._osc = osc
        self._announce = announce
        self.announcer: Announcer | None = None
        self._on_problem = on_problem
        self._door = door
        self._has_far_osc = has_far_osc
        self._sockets: list[socket.socket] = []
        self._app: WebApp | None = None
        self._server: AppServer | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Take the port; what serves it is loaded in the background and sets `ready`.

        Returns
        -------
        int
            The port.

        Raises
        ------
        BridgeError
            If the port is taken, the host is not a loopback address, or the door's not this machine's.
        """
        self._sockets = _listen_at(self.host, self.port, None if self._door is None else self._door.host)
        self.port = self._sockets[0].getsockname()[1]
        if self._announce:
            self.announcer = Announcer(
                self.host,
                self.port,
                self._osc_host,
                self._osc_port,
                far_host=None if self._door is None else self._door.host,
                has_far_osc=self._has_far_osc,
            )
        self._task = asyncio.create_task(self._serve(self._sockets))
        return self.port

    async def stop(self) -> None:
        """Finish the answers under way and close everything; once stopped, do nothing."""
        task, self._task = self._task, None
        if task is None:
            return
        if self.announcer is not None:
            await self.announcer.stop()
        if self._app is not None:
            await self._app.say_goodbye()
            await self._app.end_decoding()  # whoever waits for a sound is answered, not cut off
        if self._server is not None:
            self._server.leave()
            await asyncio.wait([task], timeout=_PATIENCE_S)
            self._server.abort()
            await asyncio.wait([task], timeout=_STOP_DEADLINE_S)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        if self._app is not None:
            await self._app.close()
        for sock in self._sockets:
            sock.close()

    async def _serve(self, sockets: list[socket.socket]) -> None:
        try:
            await self._after()
            self._app, server = await asyncio.to_thread(self._load)
            self._server = server
            if self.announcer is not None:
                self.announcer.start()
            await server.serve(sockets)
        except Exception as error:  # a broken library must not take OSC along
            _log.debug("HTTP", exc_info=True)
            self.problem = f"nothing is served on port {self.port}: {error!r}"
            self._on_problem(self.problem)
            for sock in sockets:
                sock.close()

    def _told(self) -> Mapping[str, object]:
        told = devices(self._navigator.player, None if self._osc is None else self._osc.midi.told)
        is_heard = self.announcer is not None and self.announcer.is_heard
        return {**self._about(), **told, "announced": is_heard}

    def _load(self) -> "tuple[WebApp, AppServer]":
        from klustr_bridge.bridge.web_connection import AppServer
        from klustr_bridge.bridge.webapp import WebApp

        app = WebApp(
            self._navigator,
            host=self.host,
            port=self.port,
            osc_host=self._osc_host,
            osc_port=self._osc_port,
            version=self._version,
            about=self._told,
            health=self._health,
            osc=self._osc,
            door=self._door,
            has_far_osc=self._has_far_osc,
        )
        return app, AppServer(app, self.ready.set)


def _listen_at(host: str, port: int, far_host: str | None) -> list[socket.socket]:
    """Listen on loopback, and at the address for other machines, which 0.0.0.0 holds both of."""
    if not is_loopback(host):
        raise BridgeError(
            f"HTTP is for this machine alone: {host!r} is not 127.0.0.1 or another loopback address"
        )
    if far_host is None:
        return [_listen(host, port)]
    first = _listen(far_host if far_host == ALL else host, port)
    if far_host == ALL:
        return [first]
    try:
        return [first, _listen(far_host, first.getsockname()[1])]
    except BridgeError:
        first.close()
        raise


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if sys.platform == "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise BridgeError(_why(host, port, error)) from None
    return sock


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno in (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE)):
        return (
            f"port {port} is in use by another program; end it, or choose another port with --http-port "
            "(0 takes a free one)"
        )
    if error.errno in (errno.EACCES, getattr(errno, "WSAEACCES", errno.EACCES)):
        return f"port {port} may not be used by this user; choose another with --http-port"
    return f"can't listen at {host} port {port}: {error.strerror or error}"
