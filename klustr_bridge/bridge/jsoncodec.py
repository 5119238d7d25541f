"""Messages as JSON: what travels through the web socket of the map page.

This module owns the form ``{"address": ..., "arguments": [...]}`` in both directions. Which commands
there are, and what they take, is the command table's, as for OSC. It is pure: text in, text out.
"""

import json
import struct
from typing import Any, Final, NoReturn

from klustr_bridge.bridge.codec import MAX_ARGUMENTS, MAX_MESSAGE, Message

_SIZE: Final = {"i": 4, "f": 4}
_KEYS: Final = frozenset({"address", "arguments"})


class BadFrame(Exception):
    """The text is no message; to be counted, never answered."""


def read_frame(text: str) -> Message:
    """Read one message.

    Parameters
    ----------
    text : str
        An object with ``address``, and ``arguments`` where there are any: numbers, texts and booleans.

    Returns
    -------
    Message
        With `problem` set where it is a message but can't be used, as `codec.read_message` does it.

    Raises
    ------
    BadFrame
        If the text is anything else.
    """
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadFrame(str(error)) from None
    if not isinstance(value, dict) or not value.keys() <= _KEYS:
        raise BadFrame("an object of address and arguments is expected")
    address, arguments = value.get("address"), value.get("arguments", [])
    if not isinstance(address, str) or not address.startswith("/") or not isinstance(arguments, list):
        raise BadFrame("address is a text that begins with /, arguments is a list")
    if not _is_osc_text(address):
        raise BadFrame("an address that is not text")
    if len(text) > MAX_MESSAGE:
        return Message(
            address, problem=f"{len(text)} characters; at most {MAX_MESSAGE} are read", code="toobig"
        )
    if len(arguments) > MAX_ARGUMENTS:
        return Message(address, problem=f"{len(arguments)} arguments; at most {MAX_ARGUMENTS} are read")
    for argument in arguments:
        if not isinstance(argument, (int, float, str)):
            return Message(address, problem="unsupported type; numbers and strings are taken")
        if isinstance(argument, str) and not _is_osc_text(argument):
            return Message(address, problem="a string that is not UTF-8, or has a NUL")
    return Message(address, tuple(arguments))


def write_frame(packet: bytes) -> str:
    """Write a packet that leaves the bridge as JSON.

    Parameters
    ----------
    packet : bytes
        As `codec.encode` and `codec.encode_chunks` make it: one message of the types ``i``, ``f`` and ``s``.
    """
    address, arguments = read_answer(packet)
    return json.dumps({"address": address, "arguments": arguments}, separators=(",", ":"))


def read_answer(packet: bytes) -> tuple[str, list[Any]]:
    """Return address and arguments of a packet that leaves the bridge, however many they are."""
    address, at = _text(packet, 0)
    tags, at = _text(packet, at)
    letters = tags[1:]
    if "s" not in letters:
        return address, list(struct.unpack_from(f">{letters}", packet, at))
    values: list[Any] = []
    for letter in letters:
        if letter == "s":
            value, at = _text(packet, at)
            values.append(value)
        else:
            values += struct.unpack_from(f">{letter}", packet, at)
            at += _SIZE[letter]
    return address, values


def _text(packet: bytes, at: int) -> tuple[str, int]:
    end = packet.index(b"\0", at)
    return packet[at:end].decode("utf-8"), (end + 4) & ~3


def _is_osc_text(text: str) -> bool:
    """Whether OSC could carry a text as it is: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
