"""OSC packets in a TCP stream: length prefix (OSC 1.0) and SLIP (OSC 1.1).

This module owns cutting a stream into packets and putting packets into one. It is pure: bytes in,
bytes out.
"""

from typing import Final

MAX_FRAME: Final = 65_536
END: Final = 0xC0
_SLIP_STARTS: Final = frozenset((END, 0x2F, 0x23))


class FramingError(Exception):
    """The stream can't be cut into packets any more: the connection has to end."""


class Framing:
    """Cuts one stream into packets; the first byte decides how.

    A length prefix of at most 64 KiB starts with a zero; SLIP starts with its END byte or at once
    with the ``/`` or ``#`` of a packet.

    Parameters
    ----------
    max_frame : int
        Bytes of the largest packet.
    """

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        self._max_frame = max_frame
        self._buffer = bytearray()
        self._searched = 0
        self._is_slip: bool | None = None

    def feed(self, data: bytes) -> None:
        """Add what was received."""
        self._buffer += data

    def take(self) -> bytes | None:
        """Take the next whole packet.

        Returns
        -------
        bytes or None
            None: more must be received first. A packet with a broken SLIP escape comes out as empty
            bytes, which are no OSC.

        Raises
        ------
        FramingError
            If the stream is neither of the two, or a packet is too large.
        """
        if self._is_slip is None:
            if not self._buffer:
                return None
            first = self._buffer[0]
            if first != 0 and first not in _SLIP_STARTS:
                raise FramingError(
                    f"a stream that starts with byte {first:#04x}; a length or SLIP is expected"
                )
            self._is_slip = first != 0
        return self._take_slip() if self._is_slip else self._take_prefixed()

    def wrap(self, packet: bytes) -> bytes:
        """Put a packet into the stream's own framing; length prefix while that isn't known."""
        return encode_slip(packet) if self._is_slip else encode_prefixed(packet)

    def _take_prefixed(self) -> bytes | None:
        if len(self._buffer) < 4:
            return None
        size = int.from_bytes(self._buffer[:4], "big")
        if size > self._max_frame:
            raise FramingError(f"a packet of {size} bytes; at most {self._max_frame}")
        if len(self._buffer) < 4 + size:
            return None
        frame = bytes(self._buffer[4 : 4 + size])
        del self._buffer[: 4 + size]
        return frame

    def _take_slip(self) -> bytes | None:
        while True:
            end = self._buffer.find(END, self._searched)
            if end < 0:
                self._searched = len(self._buffer)
                if self._searched > 2 * self._max_frame:
                    raise FramingError(f"a packet of more than {self._max_frame} bytes")
                return None
            raw = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._searched = 0
            if not raw:
                continue
            frame = decode_slip(raw)
            if len(frame) > self._max_frame:
                raise FramingError(f"a packet of {len(frame)} bytes; at most {self._max_frame}")
            return frame


def encode_prefixed(packet: bytes) -> bytes:
    """Put the packet's length before it, as a big-endian int32."""
    return len(packet).to_bytes(4, "big") + packet


def encode_slip(packet: bytes) -> bytes:
    """Escape a packet by RFC 1055, with END on both sides."""
    return b"\xc0" + packet.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"


def decode_slip(raw: bytes) -> bytes:
    """Take RFC 1055's escapes out; empty if one is broken."""
    pieces = raw.split(b"\xdb")
    decoded = [pieces[0]]
    for piece in pieces[1:]:
        if piece.startswith(b"\xdc"):
            decoded.append(b"\xc0" + piece[1:])
        elif piece.startswith(b"\xdd"):
            decoded.append(b"\xdb" + piece[1:])
        else:
            return b""
    return b"".join(decoded)
