"""The connections of the HTTP server: how long each may take, and how many there are.

This module owns the limits on connections and the server's life inside the daemon's event loop. It is
uvicorn's machinery with deadlines; what is served is `webapp`'s.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any, Final

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import Server

from klustr_bridge.bridge.framing import MAX_FRAME
from klustr_bridge.bridge.session import is_loopback
from klustr_bridge.bridge.web import BACKLOG

MAX_CONNECTIONS: Final = 64
MAX_REQUEST_HEAD: Final = 8_192
"""Twice that can arrive before it is noticed; browsers send about 1 kB."""
REQUEST_DEADLINE_S: Final = 10.0
"""From the first byte awaited to the last byte of the answer; browsers take milliseconds."""
LEAST_PROGRESS: Final = 64 * 1024
"""Bytes of a long upload or answer that buy another deadline."""
EXCHANGE_DEADLINE_S: Final = 600.0
"""For a long upload or answer in whole."""
WORK_DEADLINE_S: Final = 90.0
"""From the last byte of an upload to the last byte of the answer: a file may take 60 s to be heard."""
KEEP_ALIVE_S: Final = 5
SHUTDOWN_S: Final = 1
PING_S: Final = 20.0
"""A web socket that doesn't answer a ping for as long is closed."""

ABORT: Final = "klustr.abort"
"""Name of the scope's extension by which an application ends a web socket at once."""


class Connection(H11Protocol):
    """A connection that can't stay for nothing.

    uvicorn has no deadline for the head of a request, and it answers everybody with 503 while too
    many connections are open, so that silent ones would shut all others out. Here each request has
    a deadline, and one connection too many costs the one that has been waited for longest, of other
    machines' where there are any.
    """

    _deadline: asyncio.TimerHandle | None = None
    waiting_since_s = 0.0
    _began_s = 0.0
    _moved = 0
    _is_upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it in, and give up another if there are too many."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._begin()
        if len(self.connections) > MAX_CONNECTIONS:
            ours = (other for other in self.connections if isinstance(other, Connection))
            oldest = min(ours, key=lambda other: (other.is_near, other.waiting_since_s))
            self.connections.discard(oldest)
            oldest.transport.abort()

    @property
    def is_near(self) -> bool:
        """Whether it comes from this machine."""
        return self.client is not None and is_loopback(self.client[0])

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take it in slices: h11 holds a request to its limit only while the end has not come."""
        for start in range(0, len(data), MAX_REQUEST_HEAD):
            if not self.transport.is_closing() and not self._is_upgraded:
                super().data_received(data[start : start + MAX_REQUEST_HEAD])
        if self.cycle is not None and self.scope["method"] == "POST" and not self.cycle.response_complete:
            self._move(len(data))
            if not self.cycle.more_body:
                self._arm(WORK_DEADLINE_S)

    def resume_writing(self) -> None:
        """The client has taken a part of a long answer."""
        super().resume_writing()
        self._move(LEAST_PROGRESS)

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Leave the connection to the web socket's own deadlines."""
        self._disarm()
        self._is_upgraded = True
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._begin()
        super().on_response_complete()

    def _begin(self) -> None:
        self._began_s = self.loop.time()
        self._moved = 0
        self._arm(REQUEST_DEADLINE_S)

    def _move(self, n_bytes: int) -> None:
        self._moved += n_bytes
        if self._moved >= LEAST_PROGRESS and self.loop.time() - self._began_s < EXCHANGE_DEADLINE_S:
            self._moved = 0
            self._arm(REQUEST_DEADLINE_S)

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self.waiting_since_s = self.loop.time()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Socket(WebSocketsSansIOProtocol):
    """A web socket that its application can end at once, and that says nothing about bad text."""

    def handle_connect(self, event: Any) -> None:
        """Let the application end the connection."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[ABORT] = self.transport.abort

    def send_receive_event_to_app(self) -> None:
        """Refuse text that is not UTF-8 without a word in the log."""
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode("utf-8")
            except UnicodeDecodeError:
                self.frames = []
                if not self.close_sent:
                    self.conn.send_close(1007)
                    self.handle_parser_exception()
                return
        super().send_receive_event_to_app()


class AppServer(Server):
    """uvicorn inside a loop that is somebody else's: no signal handlers, an event instead of polling.

    Parameters
    ----------
    app : ASGI application
        What is served.
    on_ready : callable
        Called once connections are taken.
    """

    def __init__(self, app: ASGIApp, on_ready: Callable[[], None]) -> None:
        # proxy_headers would let any client name its own address; "auto" would take whatever is installed
        config = Config(
            app,
            http=Connection,
            ws=Socket,
            ws_max_size=MAX_FRAME,
            ws_ping_interval=PING_S,
            ws_ping_timeout=PING_S,
            ws_per_message_deflate=False,  # a small frame could become a huge one
            loop="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level=logging.ERROR,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=SHUTDOWN_S,
            h11_max_incomplete_event_size=MAX_REQUEST_HEAD,
        )
        config.load()
        super().__init__(config)
        self._on_ready = on_ready
        self._leave = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the daemon."""
        yield

    async def main_loop(self) -> None:
        """Serve until told to leave."""
        self._on_ready()
        await self._leave.wait()

    def leave(self) -> None:
        """Make `serve` end."""
        self._leave.set()

    def abort(self) -> None:
        """Drop every connection."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()
