"""Checks of the network ports: free, ours already, or somebody else's.

Owns: trying to bind a port and naming who holds it.
"""

import contextlib
import errno
import socket
import sys

import psutil

from klustr_bridge.bridge.lan import is_neighbour, own_addresses
from klustr_bridge.doctor.check import Check
from klustr_bridge.library.lock import DaemonInfo
from klustr_bridge.settings import Settings

UNKNOWN = "another program"


def check_ports(settings: Settings, daemon: DaemonInfo | None) -> list[Check]:
    """Check the ports of OSC (UDP, TCP) and HTTP.

    Parameters
    ----------
    settings : Settings
        The settings in force.
    daemon : DaemonInfo or None
        The daemon that runs on the library.
    """
    pid = daemon.pid if daemon else 0
    osc_is_ours = bool(daemon and daemon.osc_port == settings.osc.port)
    http_is_ours = bool(daemon and daemon.http_port == settings.http.port)
    lan = settings.lan
    osc_host = lan.host if lan.on and lan.osc else settings.osc.host
    checks = [
        _check("OSC port, UDP", socket.SOCK_DGRAM, osc_host, settings.osc.port, "osc", osc_is_ours, pid)
    ]
    if settings.osc.tcp:
        checks.append(
            _check(
                "OSC port, TCP",
                socket.SOCK_STREAM,
                osc_host,
                settings.osc.port,
                "osc",
                osc_is_ours,
                pid,
            )
        )
    http_host = lan.host if lan.on else "127.0.0.1"
    checks.append(
        _check("HTTP port", socket.SOCK_STREAM, http_host, settings.http.port, "http", http_is_ours, pid)
    )
    if lan.on:
        checks.append(_check_network(lan.host))
    return checks


def _check_network(host: str) -> Check:
    """Say at which addresses other machines find the bridge."""
    addresses = own_addresses(host)
    if not addresses:
        return Check("other machines", False, "this one has no address in a network", "connect it to one")
    beyond = [address for address in addresses if not is_neighbour(address)]
    if len(beyond) == len(addresses):
        told = f"{', '.join(beyond)} is no private network's: nobody is answered there"
        return Check("other machines", False, told, "use a private network, behind a router")
    return Check("other machines", True, f"served at {', '.join(addresses)}: klustr-bridge lan")


def _check(
    name: str, kind: socket.SocketKind, host: str, port: int, what: str, ours: bool, pid: int
) -> Check:
    if port == 0:
        return Check(name, True, "any free port will be taken and told")
    another = f"klustr-bridge --{what}-port 0 takes a free one and tells it, or name another"
    try:
        bind(kind, host, port)
    except OSError as error:
        if ours and error.errno == errno.EADDRINUSE:
            return Check(name, True, f"{port}: the daemon is running there (pid {pid})")
        if error.errno == errno.EADDRINUSE:
            return Check(name, False, f"{port} is taken by {holder(kind, port)}", another)
        return Check(name, False, f"{port} on {host} can't be used: {error.strerror or error}", another)
    return Check(name, True, f"{port} is free")


def bind(kind: socket.SocketKind, host: str, port: int) -> None:
    """Bind a port for a moment, as the daemon would.

    Raises
    ------
    OSError
        If it can't be bound.
    """
    family, *_, address = socket.getaddrinfo(host, port, type=kind)[0]
    with socket.socket(family, kind) as probe:
        if sys.platform == "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        elif kind == socket.SOCK_STREAM:  # connections that have just ended don't hold the port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        if kind == socket.SOCK_STREAM:
            probe.listen(1)  # with SO_REUSEADDR only this tells of another listener on all addresses


def holder(kind: socket.SocketKind, port: int) -> str:
    """Name the process that holds a port, as far as the system tells."""
    with contextlib.suppress(psutil.Error, OSError, RuntimeError):
        for connection in psutil.net_connections("inet"):
            address = connection.laddr
            listens = kind == socket.SOCK_DGRAM or connection.status == psutil.CONN_LISTEN
            if connection.type == kind and listens and address and address.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return UNKNOWN
