"""The small client's connection: packets out, messages in.

This module owns the socket and the framing; it blocks, and it imports nothing of the serving side.
"""

import socket
from typing import NamedTuple

from pythonosc.osc_message import OscMessage, ParseError

from klustr_bridge.errors import BridgeError

Value = int | float | str
_LARGEST = 65_536


class NoAnswerError(BridgeError):
    """Nothing came back in time: no bridge listens there, or it is too busy."""


class Message(NamedTuple):
    """One message from the bridge."""

    address: str
    values: tuple[Value, ...]


class Connection:
    """A UDP socket or a TCP connection to one bridge.

    Parameters
    ----------
    host : str
        Where the bridge runs.
    port : int
        Its OSC port.
    timeout : float
        Seconds to wait for a TCP connection, and until a send is taken.
    tcp : bool
        TCP instead of UDP.

    Raises
    ------
    NoAnswerError
        Over TCP, if nobody listens there.
    """

    def __init__(self, host: str, port: int, timeout: float, tcp: bool) -> None:
        self._where = f"{host} port {port}"
        self._timeout = timeout
        self._tcp = tcp
        self._received = b""
        try:
            self._socket = self._connect(host, port)
        except OSError as error:
            raise self._nobody(error) from None

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def send(self, packet: bytes) -> None:
        """Send one packet; `NoAnswerError` if it is known by now that nobody listens."""
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(len(packet).to_bytes(4, "big") + packet if self._tcp else packet)
        except OSError as error:
            raise self._nobody(error) from None

    def receive(self, timeout: float) -> Message | None:
        """Receive one message; None if none comes in time or it can't be read.

        Raises
        ------
        NoAnswerError
            If nobody listens, or the connection ended.
        """
        try:
            self._socket.settimeout(max(timeout, 1e-3))
            packet = self._frame() if self._tcp else self._socket.recv(_LARGEST)
            message = OscMessage(packet)
            return Message(message.address, tuple(message.params))
        except TimeoutError:
            return None
        except (ParseError, UnicodeDecodeError):
            return None
        except OSError as error:
            raise self._nobody(error) from None

    def _frame(self) -> bytes:
        while True:
            size = int.from_bytes(self._received[:4], "big")
            if len(self._received) >= 4 + size and len(self._received) >= 4:
                frame = self._received[4 : 4 + size]
                self._received = self._received[4 + size :]
                return frame
            data = self._socket.recv(_LARGEST)
            if not data:
                raise ConnectionResetError("it closed the connection")
            self._received += data

    def _connect(self, host: str, port: int) -> socket.socket:
        if self._tcp:
            return socket.create_connection((host, port), self._timeout)
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        opened = socket.socket(family, kind)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
            opened.connect(address)
        except OSError:
            opened.close()
            raise
        return opened

    def _nobody(self, error: OSError) -> NoAnswerError:
        return NoAnswerError(
            f"nobody answers at {self._where} ({error}); start klustr-bridge, or name its port"
        )
