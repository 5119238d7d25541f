"""The web sockets: the page's, which speaks JSON, and OSCQuery's, which speaks OSC.

This module owns which there are, how many, and when one is closed. What a message means is the command
table's, by way of the OSC server: a web socket is one more kind of connection to it.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.utils import ClientDisconnected

from klustr_bridge.bridge import oscquery
from klustr_bridge.bridge.answers import PUSHES
from klustr_bridge.bridge.codec import encode
from klustr_bridge.bridge.jsoncodec import BadFrame, read_frame, write_frame
from klustr_bridge.bridge.osc import OscServer
from klustr_bridge.bridge.session import WEB
from klustr_bridge.bridge.transport import FRAMES_A_TURN
from klustr_bridge.bridge.web_connection import ABORT
from klustr_bridge.bridge.web_door import is_far
from klustr_bridge.bridge.web_guard import refuse_socket
from klustr_bridge.bridge.web_peer import Frame, WebPeer

MAX_SOCKETS: Final = 16
MAX_FAR_SOCKETS: Final = 12
"""Of them for other machines: a page on this one always finds room."""
PAGE: Final = "/map/socket"
OSCQUERY: Final = "/"

_BAD_DATA: Final = 1007
_BAD_KIND: Final = 1003
_GOODBYE_S: Final = 0.3

Take = Callable[[WebPeer, dict[str, Any]], int]
"""Runs what has come; returns the code to close the socket with, 0 to go on."""


class WebSockets:
    """All web sockets; an ASGI application for scopes of the type ``websocket``.

    Parameters
    ----------
    osc : OscServer
        Whose clients they are.
    """

    def __init__(self, osc: OscServer) -> None:
        self._osc = osc
        self._open: set[WebPeer] = set()
        self._far: dict[WebPeer, Callable[[], None]] = {}
        self._listening: dict[WebPeer, set[str]] = {}

    def __len__(self) -> int:
        return len(self._open)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one web socket until it ends."""
        path = scope["path"]
        if path not in (PAGE, OSCQUERY):
            await refuse_socket(receive, send, (404, "there is no web socket here"))
        elif len(self._open) >= MAX_SOCKETS:
            self._osc.counters["connections_refused"] += 1
            await refuse_socket(receive, send, (503, f"{MAX_SOCKETS} web sockets are open; close one"))
        elif is_far(scope) and len(self._far) >= MAX_FAR_SOCKETS:
            self._osc.counters["connections_refused"] += 1
            why = f"{MAX_FAR_SOCKETS} web sockets of other machines are open; close one"
            await refuse_socket(receive, send, (503, why))
        else:
            host, port = scope["client"] or ("", 0)
            drop = scope["extensions"].get(ABORT, lambda: None)
            if path == PAGE:
                peer, take = WebPeer(host, port, WEB, write_frame, self._counted(drop)), self._take_json
            else:
                peer, take = WebPeer(host, port, "osc", bytes, self._counted(drop)), self._take_osc
            self._open.add(peer)
            if is_far(scope):
                self._far[peer] = drop
            try:
                await self._serve(peer, take, receive, send)
            finally:
                self._open.discard(peer)
                self._far.pop(peer, None)
                self._listening.pop(peer, None)
                self._osc.disconnect(peer)
                peer.end()

    def drop_far(self) -> None:
        """Close those of other machines: the token that let them in is no longer the right one."""
        for drop in list(self._far.values()):
            drop()

    async def say_goodbye(self) -> None:
        """Tell everybody who is subscribed that the bridge stops."""
        goodbye = encode(PUSHES["/klustr/goodbye"])
        peers = list(self._open)
        for peer in peers:
            client = self._osc.sessions.known(peer)
            if client is not None and client.outbox is not None and client.listens is None:
                peer.send(goodbye)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                for peer in peers:
                    await peer.drained.wait()

    def _counted(self, drop: Callable[[], None]) -> Callable[[], None]:
        def counted() -> None:
            self._osc.counters["connections_dropped"] += 1
            drop()

        return counted

    async def _serve(self, peer: WebPeer, take: Take, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        writing = asyncio.create_task(_write(peer, send))
        try:
            n_taken = 0
            while (message := await receive())["type"] == "websocket.receive":
                if code := take(peer, dict(message)):
                    self._osc.counters["bad_packets"] += 1
                    await send({"type": "websocket.close", "code": code})
                    return
                n_taken += 1
                if n_taken % FRAMES_A_TURN == 0:  # what has come is handed out without a pause otherwise
                    await asyncio.sleep(0)
        except ClientDisconnected:
            pass
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    def _take_json(self, peer: WebPeer, message: dict[str, Any]) -> int:
        text = message.get("text")
        if text is None:
            return _BAD_KIND
        try:
            self._osc.run(peer, read_frame(text))
        except BadFrame:
            return _BAD_DATA
        return 0

    def _take_osc(self, peer: WebPeer, message: dict[str, Any]) -> int:
        text = message.get("text")
        if text is None:
            self._osc.receive(peer, message["bytes"])
            return 0
        before = self._listening.get(peer, set())
        try:
            after = oscquery.heard(text, before)
        except ValueError:
            return _BAD_DATA
        if after != before:
            self._listening[peer] = after
            self._osc.listen(peer, after)
        return 0


async def _write(peer: WebPeer, send: Send) -> None:
    with contextlib.suppress(ClientDisconnected, OSError):
        async for frame in peer.frames():
            await send({"type": "websocket.send", _kind(frame): frame})


def _kind(frame: Frame) -> str:
    return "text" if isinstance(frame, str) else "bytes"
