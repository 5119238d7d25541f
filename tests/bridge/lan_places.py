"""A bridge that other machines may use, and this machine's own address to come from as one of them."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from websockets.sync.client import ClientConnection

from klustr_bridge.bridge.lan import Door, default_address, is_neighbour, own_addresses
from klustr_bridge.bridge.web import WebServer
from tests.bridge.places import Place
from tests.bridge.web_peers import Answered, ask, open_socket


@cache
def address() -> str | None:
    """Return this machine's address in a network, None if it has none: what comes from there is far."""
    found = [default_address(), *own_addresses()]
    return next((each for each in found if each is not None and is_neighbour(each)), None)


def needed_address() -> str:
    """Return the same; skip with a word where there is none."""
    found = address()
    if found is None:
        pytest.skip("this machine has no address but loopback's: nothing can come from another one")
    return found


@dataclass
class Lan:
    """A bridge with its door open, and what comes to it over the network."""

    place: Place
    web: WebServer
    door: Door
    host: str

    @property
    def cookie(self) -> str:
        """What a browser sends once it has had the token."""
        return "=".join(self.door.cookie(self.web.port))

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answered:
        """Ask over the network, without the token."""
        return ask(self.web.port, path, method, body, at=self.host, **headers)

    def ask_known(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> Answered:
        """Ask over the network as a browser that has had the token."""
        return self.ask(path, method, body, **{"Cookie": self.cookie, **headers})

    def open_socket(self, path: str = "/map/socket", **headers: Any) -> ClientConnection:
        """Open a web socket as a page that has had the token."""
        return open_socket(self.web.port, path, at=self.host, **{"Cookie": self.cookie, **headers})
