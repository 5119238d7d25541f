"""What another machine may do over HTTP: prove that it has the token, then see and hear.

This module owns the list of addresses that are open to other machines; whatever is not on it is for this
machine alone. Who has the token is known to `lan`; the checks that hold for everybody are `web_guard`'s.
"""

import re
from typing import Final
from urllib.parse import parse_qs

from starlette.types import Scope

from klustr_bridge.bridge.lan import Door, is_neighbour
from klustr_bridge.bridge.session import is_loopback

COOKIE_S: Final = 400 * 24 * 3600
"""As long as browsers keep one at most."""

_OPEN: Final = re.compile(
    r"/|/klustr(/[a-z/_]*)?|/status"  # OSCQuery and how the library is
    r"|/map/?|/map/(about|points|names|socket)|/map/assets/[^/]+|/map/(sound|wave)/\d+",
    re.ASCII,
)
_PAGES: Final = ("/map", "/map/")

UNKNOWN: Final = "other machines need the token: open the address that `klustr-bridge lan` shows"
TOO_OFTEN: Final = "too many wrong tokens; wait a minute"
NOT_OPEN: Final = "only the bridge's own machine may ask for this"


def is_far(scope: Scope) -> bool:
    """Whether a request comes from another machine, or by way of the network from this one."""
    ends = (scope.get("client"), scope.get("server"))
    return not all(end and is_loopback(end[0]) for end in ends)


def host_of(scope: Scope) -> str:
    """Return the address of this machine that a request has come in at."""
    return str(scope["server"][0])


def authority_of(scope: Scope, port: int) -> tuple[str, ...]:
    """List what the Host of a request from another machine may be: where it has come in, and nothing else."""
    host = host_of(scope)
    shown = f"[{host}]" if ":" in host else host
    return (f"{shown}:{port}", shown) if port == 80 else (f"{shown}:{port}",)


def refusal_of_stranger(scope: Scope, door: Door, port: int) -> tuple[int, str] | None:
    """Say with which code and reason another machine's request is refused, None if it isn't.

    Parameters
    ----------
    scope : Scope
        Of a request or a web socket.
    door : Door
        Knows the token.
    port : int
        The port that is served.
    """
    host = scope["client"][0] if scope["client"] else ""
    if not is_neighbour(host):
        return 403, "only machines of a private network are served"
    cookies = "; ".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie")
    if not door.admits(cookies, port):
        said_one = b"token=" in scope["query_string"] or f"klustr-{port}=" in cookies
        if said_one and not door.may_be_wrong(host):
            return 429, TOO_OFTEN
        return 401, UNKNOWN
    is_read = scope["type"] == "websocket" or scope["method"] in ("GET", "HEAD")
    if not _OPEN.fullmatch(scope["path"]) or not is_read:
        return 403, NOT_OPEN
    return None


def way_in(scope: Scope, door: Door, port: int) -> dict[str, str] | None:
    """Return the headers that let a browser in which comes with the right token; None for any other.

    They set the cookie and lead to the page without the token, so that it stands in no history, no
    bookmark made there, and no Referer.
    """
    if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] not in _PAGES:
        return None
    if not (scope["client"] and is_neighbour(scope["client"][0])):
        return None
    try:
        tokens = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=8).get("token", ())
    except ValueError:
        return None
    if len(tokens) != 1 or not door.opens(tokens[0]):
        return None
    name, value = door.cookie(port)
    cookie = f"{name}={value}; Path=/; Max-Age={COOKIE_S}; HttpOnly; SameSite=Lax"
    return {"Location": "/map", "Set-Cookie": cookie}
