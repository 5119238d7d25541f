"""What is served over HTTP: the pages by their addresses.

This module owns the addresses alone; it and its neighbours of the name ``web_*`` are all that import
Starlette and uvicorn. Sockets and the time of loading belong to `web`, which imports this module in a
thread once OSC answers; nothing else may import it.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from klustr_bridge.bridge import oscquery
from klustr_bridge.bridge.commands import COMMANDS
from klustr_bridge.bridge.guests import OWN_PUSHES
from klustr_bridge.bridge.jsoncodec import read_answer
from klustr_bridge.bridge.lan import Door
from klustr_bridge.bridge.map_data import tag_of
from klustr_bridge.bridge.osc import OscServer
from klustr_bridge.bridge.web_door import host_of, is_far
from klustr_bridge.bridge.web_guard import Guard, refuse_socket
from klustr_bridge.bridge.web_map import MapPages, folders_of
from klustr_bridge.bridge.web_sockets import WebSockets
from klustr_bridge.navigator import Navigator


class WebApp:
    """Everything that is served; an ASGI application.

    Parameters
    ----------
    navigator : Navigator
        Answers every question.
    host, port : str, int
        What is served: IP address and port.
    osc_host, osc_port : str, int
        Where OSC listens.
    version : str
        Of the release.
    about : callable
        What is said of the process, by name.
    health : callable
        Counters by name, beside the navigator's own.
    osc : OscServer, optional
        Whose clients web sockets are; without one there are none.
    door : Door, optional
        Lets in other machines; without one none is.
    has_far_osc : bool
        Whether OSC can be reached from other machines.
    """

    def __init__(
        self,
        navigator: Navigator,
        *,
        host: str,
        port: int,
        osc_host: str,
        osc_port: int,
        version: str,
        about: Callable[[], Mapping[str, object]] = dict,
        health: Callable[[], Mapping[str, float]] = dict,
        osc: OscServer | None = None,
        door: Door | None = None,
        has_far_osc: bool = False,
    ) -> None:
        self._sockets = None if osc is None else WebSockets(osc)
        if self._sockets is not None and door is not None:
            door.on_renew.append(self._sockets.drop_far)
        self._pages = MapPages(navigator, port, version)
        routes = [
            Route("/status", _status(navigator, version, osc_port, about, health)),
            *self._pages.routes(),
            Route("/{address:path}", _namespace(osc, osc_host, osc_port, host, port, has_far_osc)),
        ]
        app = Starlette(routes=routes)
        app.router.redirect_slashes = False
        self._http: ASGIApp = app
        self._guarded = Guard(self._serve, port, self._pages.bodies, self._pages.long_urls, door)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or serve a web socket."""
        await self._guarded(scope, receive, send)

    async def say_goodbye(self) -> None:
        """Tell web sockets that the bridge stops."""
        if self._sockets is not None:
            await self._sockets.say_goodbye()

    async def end_decoding(self) -> None:
        """Answer those who wait for a sound that there will be none."""
        await self._pages.end_decoding()

    async def close(self) -> None:
        """End what runs beside the event loop; to be called when no request is under way any more."""
        await self._pages.stop()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif self._sockets is None:
            await refuse_socket(receive, send, (404, "there is no web socket here"))
        else:
            await self._sockets(scope, receive, send)


Answer = Callable[[Request], Any]


def _namespace(
    osc: OscServer | None, osc_host: str, osc_port: int, host: str, port: int, has_far_osc: bool
) -> Answer:
    why = {
        400: "an attribute that is not served; ?HOST_INFO lists those that are\n",
        404: "nothing has this address; / lists everything\n",
    }
    nodes = oscquery.namespace(COMMANDS.values(), oscquery.HEARABLE)
    told = oscquery.host_info(osc_host, osc_port, host, port)
    far_commands = [command for command in COMMANDS.values() if command.lan]
    far_pushes = [push for push in oscquery.HEARABLE if push.address not in OWN_PUSHES]
    far_nodes = oscquery.namespace(far_commands, far_pushes)

    def far_told(request: Request) -> oscquery.Node:
        here = host_of(request.scope)
        info = oscquery.host_info(here, osc_port, here, port)
        return info if has_far_osc else {key: info[key] for key in info if not key.startswith("OSC_")}

    async def namespace(request: Request) -> Response:
        path = request.scope["path"]
        query = request.scope["query_string"].decode("latin-1")
        far = is_far(request.scope)
        packet = None if osc is None or (far and path in OWN_PUSHES) else osc.latest.get(path)
        values = None if packet is None else {path: read_answer(packet)[1]}
        if far:
            code, node = oscquery.answer(far_nodes, far_told(request), path, query, values)
        else:
            code, node = oscquery.answer(nodes, told, path, query, values)
        if node is not None:
            return JSONResponse(node)
        return Response(status_code=code) if code == 204 else PlainTextResponse(why[code], code)

    return namespace


def _status(
    navigator: Navigator,
    version: str,
    osc_port: int,
    about: Callable[[], Mapping[str, object]],
    health: Callable[[], Mapping[str, float]],
) -> Answer:
    async def status(request: Request) -> Response:
        counters = {name: _finite(value) for name, value in {**navigator.health(), **health()}.items()}
        process = {"version": version, **about(), "osc_port": osc_port}
        library = status_of(navigator)
        if is_far(request.scope):  # where files lie is nobody's business there
            process = {"version": version, "osc_port": osc_port}
            del library["folders"]
        return JSONResponse({**process, **library, "health": counters})

    return status


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
        "snapshot": tag_of(navigator.corpus),
        "folders": folders_of(navigator),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None  # JSON has neither NaN nor infinity
