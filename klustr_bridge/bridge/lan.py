"""Other machines of the network: where they reach this one, and the token that lets them in over HTTP.

This module owns the token's file, what proves that somebody has it, and how many wrong ones are heard.
What those who have it may do is `web_door`'s and the command table's. It knows no HTTP library.
"""

import asyncio
import contextlib
import hashlib
import hmac
import ipaddress
import os
import re
import secrets
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Final

import psutil

from klustr_bridge.bridge.outbox import TokenBucket
from klustr_bridge.errors import BridgeError

ALL: Final = "0.0.0.0"
"""Every IPv4 address of this machine."""

_TOKEN_BYTES: Final = 24
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22,128}", re.ASCII)
_LOOK_S: Final = 1.0
_WRONG_BURST: Final = 10.0
_WRONG_A_SECOND: Final = 0.1
_MOST_HOSTS: Final = 256
_MOST_COOKIES: Final = 8
_ELSEWHERE: Final = ("198.51.100.1", 9)
"""An address that is nobody's (RFC 5737): connecting a UDP socket sends nothing, and tells the way out."""


@lru_cache(maxsize=1024)
def is_neighbour(host: str) -> bool:
    """Whether an IP address is one of a private network, and not one of the Internet.

    A router may hand on what comes from outside, and the sender of a datagram can be invented: what is
    answered never leaves for the Internet.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return not (address.is_global or address.is_multicast or address.is_unspecified)


def default_address() -> str | None:
    """Return this machine's address on the way out; None where there is no way. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
            address = str(probe.getsockname()[0])
        except OSError:
            return None
    return None if ipaddress.ip_address(address).is_loopback else address


def own_addresses(host: str = ALL) -> list[str]:
    """List the IPv4 addresses at which other machines reach this one, the likeliest first.

    Parameters
    ----------
    host : str
        What is served; but for 0.0.0.0 that is the answer.
    """
    if host != ALL:
        return [host]
    states = psutil.net_if_stats()
    found = [
        address.address
        for name, addresses in psutil.net_if_addrs().items()
        if name in states and states[name].isup
        for address in addresses
        if address.family == socket.AF_INET and not ipaddress.ip_address(address.address).is_loopback
    ]
    first = default_address()
    return list(dict.fromkeys([*([first] if first in found else []), *found]))


# -- the token


def read_token(file: Path) -> str | None:
    """Return the token that is kept in a file; None where there is none."""
    try:
        text = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return text if _TOKEN.fullmatch(text) else None


def new_token(file: Path) -> str:
    """Make a token in place of the one there, in a file that its owner alone can read.

    Raises
    ------
    BridgeError
        If the file can't be written.
    """
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    aside = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        aside.unlink(missing_ok=True)
        fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(fd, "w", encoding="ascii") as out:
            out.write(token + "\n")
        aside.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise BridgeError(
            f"the token for other machines can't be kept in {file}: {error.strerror or error}; "
            "let your user write there, or start without --lan"
        ) from None
    return token


def kept_token(file: Path) -> str:
    """Return the token of a file, made where there is none; others may not read the file after.

    Raises
    ------
    BridgeError
        If the file can't be written.
    """
    token = read_token(file)
    if token is None:
        return new_token(file)
    with contextlib.suppress(OSError):
        file.chmod(0o600)
    return token


def address_with_token(host: str, port: int, token: str) -> str:
    """Return what a phone opens first; it is remembered by a cookie from then on."""
    return f"http://{host}:{port}/map?token={token}"


class Door:
    """Lets in who has the token.

    Parameters
    ----------
    file : Path
        Where the token is kept.
    host : str
        The address of this machine that others reach it at.
    clock : callable
        Seconds of a monotonic clock.

    Attributes
    ----------
    on_renew : list of callable
        Called when the token has become another one.

    Raises
    ------
    BridgeError
        If the file can't be written.
    """

    def __init__(self, file: Path, host: str = ALL, clock: Callable[[], float] = time.monotonic) -> None:
        self.host = host
        self.token = kept_token(file)
        self.on_renew: list[Callable[[], None]] = []
        self._file = file
        self._clock = clock
        self._wrong: OrderedDict[str, TokenBucket] = OrderedDict()

    async def follow(self) -> None:
        """Take over a token that another process has written, until this is cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            token = await asyncio.to_thread(read_token, self._file)
            if token is not None and token != self.token:
                self.token = token
                for tell in self.on_renew:
                    tell()

    def opens(self, token: str) -> bool:
        """Whether a token is the right one; takes as long for every wrong one."""
        return hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode())

    def cookie(self, port: int) -> tuple[str, str]:
        """Return name and value of the cookie that says that a browser has had the token.

        Browsers send the cookies of one port to all ports of a machine: the token itself isn't in it,
        and it is of no use at another port.
        """
        proof = hmac.new(self.token.encode(), f"klustr-bridge:{port}".encode(), hashlib.sha256)
        return f"klustr-{port}", proof.hexdigest()

    def admits(self, cookies: str, port: int) -> bool:
        """Whether a field ``Cookie`` proves that the browser has had the token."""
        name, value = self.cookie(port)
        said = [part.strip().partition("=") for part in cookies.split(";")]
        ours = [each for key, _, each in said if key == name][:_MOST_COOKIES]
        return any(hmac.compare_digest(each.encode("utf-8", "replace"), value.encode()) for each in ours)

    def may_be_wrong(self, host: str) -> bool:
        """Whether a machine that was wrong now has been so seldom enough to be told why.

        The right token is let in whatever was tried before, so that nobody can lock its owner out.
        """
        bucket = self._wrong.pop(host, None) or TokenBucket(_WRONG_A_SECOND, _WRONG_BURST)
        self._wrong[host] = bucket
        while len(self._wrong) > _MOST_HOSTS:
            self._wrong.popitem(last=False)
        return bucket.take(self._clock())
