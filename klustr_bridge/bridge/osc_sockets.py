"""The OSC surface's sockets: UDP and TCP on one number, and why they can't be had.

This module owns the opening of them and the wording of what goes wrong. Who reads them is `osc`'s.
"""

import contextlib
import errno
import socket
import sys
from typing import Any, Final

from klustr_bridge.bridge.lan import ALL
from klustr_bridge.errors import BridgeError

_PORT_ATTEMPTS: Final = 20
_RECEIVE_BUFFER: Final = 1 << 20


Sockets = tuple[socket.socket, socket.socket | None]
"""UDP and, where it is wanted, TCP."""


def ip_of(host: str) -> str:
    """Return an IP address for a host that may be ``localhost``, which programs take for 127.0.0.1."""
    return "127.0.0.1" if host.casefold() == "localhost" else host


def open_all(host: str, port: int, tcp: bool, backlog: int, far_host: str | None) -> list[Sockets]:
    """Bind to loopback and, at the same port, to the address for other machines.

    Parameters
    ----------
    host, port, tcp, backlog : str, int, bool, int
        As for `open_sockets`.
    far_host : str, optional
        Where other machines reach this one; 0.0.0.0 holds loopback as well. None: nowhere.

    Raises
    ------
    BridgeError
        If the port is taken or an address is not this machine's.
    """
    if far_host is None:
        return [open_sockets(host, port, tcp, backlog)]
    if far_host == ALL and ":" not in host:
        return [open_sockets(ALL, port, tcp, backlog)]
    first = open_sockets(host, port, tcp, backlog)
    try:
        return [first, open_sockets(far_host, first[0].getsockname()[1], tcp, backlog)]
    except BridgeError:
        for sock in first:
            if sock is not None:
                sock.close()
        raise


def open_sockets(host: str, port: int, tcp: bool, backlog: int) -> Sockets:
    """Bind UDP and TCP to one port; with port 0, to one that is free for both.

    Parameters
    ----------
    host : str
        IP address to listen at.
    port : int
        0: any port that is free for both.
    tcp : bool
        Whether to listen for TCP too.
    backlog : int
        TCP connections that may wait to be accepted.

    Raises
    ------
    BridgeError
        If the port is taken or the host is not this machine's.
    """
    try:
        family, *_, address = socket.getaddrinfo(ip_of(host), port, type=socket.SOCK_DGRAM)[0]
    except (OSError, UnicodeError) as error:
        raise BridgeError(
            f"can't listen at {host!r}: {error}; an IP address of this machine is needed"
        ) from None
    for attempt in range(_PORT_ATTEMPTS):
        udp = socket.socket(family, socket.SOCK_DGRAM)
        stream = socket.socket(family, socket.SOCK_STREAM) if tcp else None
        try:
            _bind(udp, address)
            with contextlib.suppress(OSError):
                udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            if stream is not None:
                _bind(stream, (address[0], udp.getsockname()[1], *address[2:]))
                stream.listen(backlog)
            return udp, stream
        except OSError as error:
            udp.close()
            if stream is not None:
                stream.close()
            if port == 0 and error.errno == errno.EADDRINUSE and attempt < _PORT_ATTEMPTS - 1:
                continue
            raise _bind_error(host, port, error) from None
    raise BridgeError(f"no port is free for both UDP and TCP at {host}")


def _bind(sock: socket.socket, address: Any) -> None:
    sock.setblocking(False)
    if sys.platform == "win32":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    elif sock.type == socket.SOCK_STREAM:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(address)


def _bind_error(host: str, port: int, error: OSError) -> BridgeError:
    if error.errno in (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE)):
        return BridgeError(
            f"port {port} is in use by another program; end it, or choose another port with --osc-port "
            "(0 takes a free one)"
        )
    if error.errno in (errno.EACCES, getattr(errno, "WSAEACCES", errno.EACCES)):
        return BridgeError(f"port {port} may not be used by this user; choose another with --osc-port")
    return BridgeError(f"can't listen at {host} port {port}: {error.strerror or error}")
