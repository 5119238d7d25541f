"""Who is answered over HTTP: this machine's own user, who has the token, and nobody's page but ours.

This module owns the refusal of requests and web sockets that another site or machine is behind, and the
headers that mark every answer as private.

References
----------
A page of another site can send requests to 127.0.0.1, and by DNS rebinding under a name that the
browser takes for that site's own: so the Host, Origin and Sec-Fetch-Site of every request are
checked (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site).
"""

from collections.abc import Mapping
from email.utils import formatdate
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from klustr_bridge.bridge import web_door
from klustr_bridge.bridge.lan import Door

MAX_URL: Final = 2048
MAX_LONG_URL: Final = 6144
"""Of addresses that hold a list of ids."""

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_OF_SAFE_ORIGINS: Final = frozenset({"Cross-Origin-Opener-Policy"})
"""Browsers obey it on loopback and under HTTPS, and complain of it under plain HTTP from another machine."""

Refusal = tuple[int, str]


class Guard:
    """Lets through what this machine's own user asks for, and marks every answer as private.

    Parameters
    ----------
    app : ASGI application
        What is guarded.
    port : int
        The port that is served; a Host or Origin must name it.
    bodies : mapping of str to int, optional
        Paths that something may be posted to, each with the most bytes it takes.
    long_urls : frozenset of str
        Paths whose question may be long.
    door : Door, optional
        Lets in other machines; without one all are refused.
    """

    def __init__(
        self,
        app: ASGIApp,
        port: int,
        bodies: Mapping[str, int] | None = None,
        long_urls: frozenset[str] = frozenset(),
        door: Door | None = None,
    ) -> None:
        self._app = app
        self._port = port
        self._door = door
        names = [f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")]
        if port == 80:
            names += [name.removesuffix(":80") for name in names]
        self._hosts = frozenset(names)
        self._bodies = bodies or {}
        self._long_urls = long_urls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            raise ValueError(f"only HTTP and web sockets are served, not {scope['type']}")
        headers = {name: value.decode("latin-1").lower() for name, value in scope["headers"]}
        door = self._door if self._door is not None and web_door.is_far(scope) else None

        async def send_marked(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                marked = MutableHeaders(scope=message)
                marked["Date"] = formatdate(usegmt=True)
                for name, value in _HEADERS.items():
                    if door is None or name not in _OF_SAFE_ORIGINS:
                        marked.setdefault(name, value)
            await send(message)

        refusal = self._refusal_of_sender(scope, headers, door is not None)
        if refusal is None and door is not None:
            if (lets_in := web_door.way_in(scope, door, self._port)) is not None:
                await Response(status_code=303, headers=lets_in)(scope, receive, send_marked)
                return
            refusal = web_door.refusal_of_stranger(scope, door, self._port)
        if refusal is None and scope["type"] == "http":
            refusal = self._refusal_of_body(scope["method"], scope["path"], headers)
        if refusal is None:
            await self._app(scope, receive, send_marked)
        elif scope["type"] == "websocket":
            await refuse_socket(receive, send_marked, refusal)
        else:
            code, why = refusal
            allow = "POST" if scope["path"] in self._bodies else "GET, HEAD"
            added = {"Connection": "close"} | ({"Allow": allow} if code == 405 else {})
            await PlainTextResponse(f"{why}\n", code, added)(scope, receive, send_marked)

    def _refusal_of_sender(self, scope: Scope, headers: Mapping[bytes, str], is_far: bool) -> Refusal | None:
        """Say with which code and reason a request is refused whatever it asks, None if it isn't."""
        n_hosts = sum(name == b"host" for name, _ in scope["headers"])
        hosts = frozenset(web_door.authority_of(scope, self._port)) if is_far else self._hosts
        if n_hosts != 1 or headers[b"host"] not in hosts:
            names = sorted(hosts)[0] if is_far else "127.0.0.1 or localhost, with its port,"
            return 403, f"the bridge is asked as {names} and nothing else"
        if headers.get(b"origin", "") not in {"", *(f"http://{name}" for name in hosts)}:
            return 403, "pages of other origins may not ask"
        is_plain = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        foreign = headers.get(b"sec-fetch-site", "none") not in ("none", "same-origin")
        if foreign and not (is_plain and headers.get(b"sec-fetch-mode") == "navigate"):
            return 403, "pages of other sites may not ask"  # following a link is the user's own act
        most_url = MAX_LONG_URL if scope["path"] in self._long_urls else MAX_URL
        if len(scope["raw_path"]) + len(scope["query_string"]) > most_url:
            return 414, f"this address has at most {most_url} bytes"
        return None

    def _refusal_of_body(self, method: str, path: str, headers: Mapping[bytes, str]) -> Refusal | None:
        length = headers.get(b"content-length", "0")
        if (most := self._bodies.get(path)) is None or method != "POST":
            if method not in ("GET", "HEAD") or most is not None:
                return 405, "only GET and HEAD are served here; everything else is asked over OSC"
            if b"transfer-encoding" in headers or length != "0":
                return 413, "a question has no body"
            return None
        if not headers.get(b"origin"):
            return 403, "only the bridge's own page may send files"
        if headers.get(b"content-type") != "application/octet-stream":
            return 415, "a file is sent as application/octet-stream"
        if b"transfer-encoding" in headers or b"content-length" not in headers:
            return 411, "a file is sent with its length"
        if int(length) > most:
            return 413, f"the file has {int(length)} bytes; at most {most} are taken"
        return None


async def refuse_socket(receive: Receive, send: Send, refusal: Refusal) -> None:
    """Answer the request for a web socket as a plain request that is refused."""
    code, why = refusal
    await receive()
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "websocket.http.response.start", "status": code, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": f"{why}\n".encode()})
