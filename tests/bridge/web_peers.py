"""What asks over HTTP and web sockets in tests: plain requests, and the client of the package websockets."""

import contextlib
import http.client
import json
import socket
from typing import Any

from websockets.sync.client import ClientConnection, connect

Answered = tuple[int, dict[str, str], bytes]


def ask(
    port: int,
    path: str,
    method: str = "GET",
    body: bytes | None = None,
    at: str = "127.0.0.1",
    **headers: str,
) -> Answered:
    """Send one request to an address of this machine; the answer's code, headers and body."""
    connection = http.client.HTTPConnection(at, port, timeout=60)
    with contextlib.closing(connection):
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        connection.request(method, path, body, named)
        response = connection.getresponse()
        return response.status, {name.lower(): text for name, text in response.getheaders()}, response.read()


def post(port: int, path: str, body: bytes, **headers: str) -> Answered:
    """Send a file as the page does."""
    own = {"Origin": f"http://127.0.0.1:{port}", "Content-Type": "application/octet-stream"}
    return ask(port, path, "POST", body, **{**own, **headers})


def open_socket(
    port: int, path: str = "/map/socket", at: str = "127.0.0.1", **headers: str
) -> ClientConnection:
    """Open a web socket as the page does."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    own = {"Origin": f"http://{at}:{port}", **named}
    return connect(
        f"ws://{at}:{port}{path}",
        additional_headers=own,
        open_timeout=20,
        close_timeout=5,
        compression=None,
        proxy=None,
    )


def say(peer: ClientConnection, address: str, *arguments: object) -> None:
    """Send one message in the page's form."""
    peer.send(json.dumps({"address": address, "arguments": arguments}))


def hear(peer: ClientConnection, address: str, timeout: float = 10.0) -> list[Any]:
    """Wait for the next message of an address; its arguments."""
    while True:
        message = json.loads(peer.recv(timeout))
        if message["address"] == address:
            return list(message["arguments"])


def send_raw(port: int, data: bytes) -> bytes:
    """Send bytes and read until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
        return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    """Read until the other side closes."""
    parts = []
    with contextlib.suppress(ConnectionError):
        while data := connection.recv(65536):
            parts.append(data)
    return b"".join(parts)
