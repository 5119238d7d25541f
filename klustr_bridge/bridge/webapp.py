"""What is served over HTTP, and to whom: the only module that imports Starlette and uvicorn.

This module owns the pages, the refusal of requests that another site or machine is behind, and the
limits on connections. Sockets and the time of loading belong to `web`, which imports this module
in a thread once OSC answers; nothing else may import it.

References
----------
A page of another site can send requests to 127.0.0.1, and by DNS rebinding under a name that the
browser takes for that site's own: so the Host, Origin and Sec-Fetch-Site of every request are
checked (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site).
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Iterator, Mapping
from email.utils import formatdate
from typing import Any, Final

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import Server

from klustr_bridge.bridge import oscquery
from klustr_bridge.bridge.commands import COMMANDS
from klustr_bridge.bridge.web import BACKLOG
from klustr_bridge.library.paths import to_export
from klustr_bridge.navigator import Navigator

MAX_CONNECTIONS: Final = 64
MAX_URL: Final = 2048
MAX_REQUEST_HEAD: Final = 8_192
"""Twice that can arrive before it is noticed; browsers send about 1 kB."""
REQUEST_DEADLINE_S: Final = 10.0
"""From the first byte awaited to the last byte of the answer; browsers take milliseconds."""
KEEP_ALIVE_S: Final = 5
SHUTDOWN_S: Final = 1

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def make_app(
    navigator: Navigator,
    *,
    port: int,
    osc_host: str,
    osc_port: int,
    version: str,
    about: Callable[[], Mapping[str, object]] = dict,
    health: Callable[[], Mapping[str, float]],
) -> ASGIApp:
    """Put the pages together.

    Parameters
    ----------
    navigator : Navigator
        Answers every question.
    port : int
        The port that is served.
    osc_host, osc_port : str, int
        Where OSC listens.
    version : str
        Of the release.
    about : callable
        What is said of the process, by name.
    health : callable
        Counters by name, beside the navigator's own.
    """
    why = {
        400: "an attribute that is not served; ?HOST_INFO lists those that are\n",
        404: "nothing has this address; / lists everything\n",
    }
    nodes = oscquery.namespace(COMMANDS.values())
    host = oscquery.host_info(osc_host, osc_port)

    async def namespace(request: Request) -> Response:
        query = request.scope["query_string"].decode("latin-1")
        code, node = oscquery.answer(nodes, host, request.scope["path"], query)
        if node is not None:
            return JSONResponse(node)
        return Response(status_code=code) if code == 204 else PlainTextResponse(why[code], code)

    async def status(request: Request) -> Response:
        counters = {name: _finite(value) for name, value in {**navigator.health(), **health()}.items()}
        process = {"version": version, **about(), "osc_port": osc_port}
        return JSONResponse({**process, **status_of(navigator), "health": counters})

    app = Starlette(routes=[Route("/status", status), Route("/{address:path}", namespace)])
    app.router.redirect_slashes = False
    return Guard(app, port)


def status_of(navigator: Navigator) -> dict[str, Any]:
    """Return how far the library is and which folders it watches, ready for JSON."""
    status = navigator.status()
    return {
        "state": status.state,
        "files": status.n_files,
        "sounds": status.n_sounds,
        "pending": status.n_pending,
        "failed": status.n_refused,
        "epoch": status.epoch,
        "folders": [
            {"path": to_export(row.path), "files": row.n_files, "state": row.state}
            for row in navigator.folders()
        ],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None  # JSON has neither NaN nor infinity


class Guard:
    """Lets through what this machine's own user asks for, and marks every answer as private.

    Parameters
    ----------
    app : ASGI application
        What is guarded.
    port : int
        The port that is served; a Host or Origin must name it.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        names = [f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")]
        if port == 80:
            names += [name.removesuffix(":80") for name in names]
        self._hosts = frozenset(names)
        self._origins = frozenset(f"http://{name}" for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            raise ValueError(f"only HTTP is served, not {scope['type']}")

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Date"] = formatdate(usegmt=True)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if (refusal := self._refusal(scope)) is not None:
            code, why = refusal
            headers = {"Connection": "close"} | ({"Allow": "GET, HEAD"} if code == 405 else {})
            await PlainTextResponse(f"{why}\n", code, headers)(scope, receive, send_marked)
        else:
            await self._app(scope, receive, send_marked)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Say with which code and reason a request is refused, None if it isn't."""
        headers = {name: value.decode("latin-1").lower() for name, value in scope["headers"]}
        if headers.get(b"host", "") not in self._hosts:
            return 403, "the bridge is asked as 127.0.0.1 or localhost, with its port, and nothing else"
        if headers.get(b"origin", "") not in {"", *self._origins}:
            return 403, "pages of other origins may not ask"
        foreign = headers.get(b"sec-fetch-site", "none") not in ("none", "same-origin")
        if foreign and headers.get(b"sec-fetch-mode") != "navigate":  # following a link is the user's own act
            return 403, "pages of other sites may not ask"
        if scope["method"] not in ("GET", "HEAD"):
            return 405, "only GET and HEAD are served; everything else is asked over OSC"
        if b"transfer-encoding" in headers or headers.get(b"content-length", "0") != "0":
            return 413, "a question has no body"
        if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_URL:
            return 414, f"an address has at most {MAX_URL} bytes"
        return None


class Connection(H11Protocol):
    """A connection that can't stay for nothing.

    uvicorn has no deadline for the head of a request, and it answers everybody with 503 while too
    many connections are open, so that silent ones would shut all others out. Here each request has
    a deadline, and one connection too many costs the one that has been waited for longest.
    """

    _deadline: asyncio.TimerHandle | None = None
    waiting_since_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it in, and give up another if there are too many."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._arm()
        if len(self.connections) > MAX_CONNECTIONS:
            ours = (other for other in self.connections if isinstance(other, Connection))
            oldest = min(ours, key=lambda other: other.waiting_since_s)
            self.connections.discard(oldest)
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take it in slices: h11 holds a request to its limit only while the end has not come."""
        for start in range(0, len(data), MAX_REQUEST_HEAD):
            if not self.transport.is_closing():
                super().data_received(data[start : start + MAX_REQUEST_HEAD])

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._arm()
        super().on_response_complete()

    def _arm(self) -> None:
        self._disarm()
        self.waiting_since_s = self.loop.time()
        self._deadline = self.loop.call_later(REQUEST_DEADLINE_S, self.transport.abort)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


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
            ws="none",
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
