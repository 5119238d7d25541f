"""Bytes to messages and messages to bytes, by the rules of the protocol.

This module owns what a packet may look like: sizes, types, bundles, chunks. It is pure: no socket, no
clock, no state. Strings and rare types are parsed by python-osc; messages of plain numbers, which is
what a moving cursor sends, and everything that leaves are packed with `struct` (measured: a
``near.reply`` of 48 takes 13 us that way and 270 us through python-osc's builder).
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pythonosc import osc_message
from pythonosc.parsing import osc_types

from klustr_bridge.bridge.vocabulary import Answer
from klustr_bridge.errors import QueryError

MAX_PACKET: Final = 1400
"""Bytes of the largest packet that leaves: fits one Ethernet frame with room to spare."""

MAX_MESSAGE: Final = 16_384
"""Bytes of the largest message read: a path of 4,096 bytes, each one escaped."""

MAX_ARGUMENTS: Final = 64
MAX_BUNDLE_DEPTH: Final = 8
MAX_BUNDLE_MESSAGES: Final = 256
MAX_ATOMS: Final = 192
"""Values of one packet's list: with its header it stays below the 256 atoms of Max's ``zl``."""

_READABLE: Final = frozenset("ifsdhTFNbrmt[]")
_NTP_TO_UNIX_S: Final = 2_208_988_800
_BUNDLE: Final = b"#bundle\0"


class BadPacket(Exception):
    """The bytes are not OSC; to be counted, never answered."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message read from a packet.

    Attributes
    ----------
    address : str
        As sent.
    arguments : tuple
        int, float, str, bool, None, bytes, tuple or list, as python-osc gives them.
    problem : str
        Why the arguments can't be used though the packet is OSC; empty where they can.
    code : str
        Failure code that belongs to `problem`.
    """

    address: str
    arguments: tuple[object, ...] = ()
    problem: str = ""
    code: str = "badargs"


@dataclass(frozen=True, slots=True)
class Timed:
    """Messages that stand under one time tag, in order.

    Attributes
    ----------
    at_s : float
        When they are due, seconds since 1970; 0 means at once.
    messages : tuple of Message
        In the order of the packet.
    """

    at_s: float
    messages: tuple[Message, ...]


# -- reading ---------------------------------------------------------------------------------------


def read_packet(data: bytes) -> list[Timed]:
    """Read one packet: a message, or a bundle with all that it holds.

    Parameters
    ----------
    data : bytes
        A datagram or the content of a TCP frame.

    Returns
    -------
    list of Timed
        In the order of the packet; neighbours with the same time are joined.

    Raises
    ------
    BadPacket
        If the bytes, or any part of the bundle, are not OSC. Nothing of it is run then.
    """
    if data.startswith(b"/"):
        return [Timed(0.0, (read_message(data),))]
    if not data.startswith(_BUNDLE):
        raise BadPacket("neither a message nor a bundle")
    joined: list[tuple[float, list[Message]]] = []
    for number, (at_s, message) in enumerate(_read_bundle(data, 0.0, 1), 1):
        if number > MAX_BUNDLE_MESSAGES:
            problem = f"a bundle of more than {MAX_BUNDLE_MESSAGES} messages; send several bundles"
            return [Timed(0.0, (Message("#bundle", problem=problem, code="toobig"),))]
        if joined and joined[-1][0] == at_s:
            joined[-1][1].append(message)
        else:
            joined.append((at_s, [message]))
    return [Timed(at_s, tuple(messages)) for at_s, messages in joined]


def _read_bundle(data: bytes, outer_s: float, depth: int) -> Iterator[tuple[float, Message]]:
    """Walk a bundle; an inner time tag never comes before the outer one (OSC 1.0)."""
    if depth > MAX_BUNDLE_DEPTH:
        raise BadPacket(f"bundles nested more than {MAX_BUNDLE_DEPTH} deep")
    if len(data) < 16:
        raise BadPacket("a bundle without time tag")
    tag = int.from_bytes(data[8:16], "big")
    at_s = max(outer_s, 0.0 if tag <= 1 else tag / 2**32 - _NTP_TO_UNIX_S)
    index = 16
    while index < len(data):
        size = int.from_bytes(data[index : index + 4], "big")
        index += 4
        element = data[index : index + size]
        if size == 0 or size % 4 or len(element) != size:
            raise BadPacket("a bundle element of impossible size")
        index += size
        if element.startswith(b"/"):
            yield at_s, read_message(element)
        elif element.startswith(_BUNDLE):
            yield from _read_bundle(element, at_s, depth + 1)
        else:
            raise BadPacket("a bundle element that is neither message nor bundle")


@lru_cache(maxsize=256)
def _number_struct(tags: bytes) -> struct.Struct:
    return struct.Struct(">" + tags.decode("ascii"))


def read_message(data: bytes) -> Message:
    """Read one OSC message.

    Parameters
    ----------
    data : bytes
        Starts with ``/``.

    Returns
    -------
    Message
        With `problem` set where it is OSC but can't be used.

    Raises
    ------
    BadPacket
        If the bytes are not an OSC message.
    """
    address_end = data.find(b"\0")
    if address_end < 0 or not data.startswith(b"/"):
        raise BadPacket("no address")
    try:
        address = data[:address_end].decode("utf-8")
    except UnicodeDecodeError:
        raise BadPacket("an address that is not text") from None
    tags_start = (address_end + 4) & ~3
    if len(data) > MAX_MESSAGE:
        return Message(address, problem=f"{len(data)} bytes; at most {MAX_MESSAGE} are read", code="toobig")
    if tags_start == len(data):
        return Message(address)  # senders older than OSC 1.0 leave the type tags out
    tags_end = data.find(b"\0", tags_start)
    if tags_end < 0 or data[tags_start] != 0x2C:
        raise BadPacket("no type tags")
    tags = data[tags_start + 1 : tags_end]
    if len(tags) > MAX_ARGUMENTS:
        return Message(address, problem=f"{len(tags)} arguments; at most {MAX_ARGUMENTS} are read")
    if not tags.strip(b"if"):
        try:
            return Message(address, _number_struct(tags).unpack_from(data, (tags_end + 4) & ~3))
        except struct.error:
            pass  # python-osc forgives Reaktor's missing last zeros
    return _read_any(data, address, tags)


def _read_any(data: bytes, address: str, tags: bytes) -> Message:
    unreadable = set(tags.decode("latin-1")) - _READABLE
    if unreadable:
        return Message(
            address, problem=f"unsupported type {min(unreadable)!r}; numbers and strings are taken"
        )
    try:
        return Message(address, tuple(osc_message.OscMessage(data).params))
    except UnicodeDecodeError:
        return Message(address, problem="a string that is not UTF-8; write such bytes of a path as \\xNN")
    except (osc_message.ParseError, osc_types.ParseError, ValueError, OverflowError) as error:
        raise BadPacket(str(error)) from None


# -- building --------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def _head(address: str, types: str) -> bytes:
    """Address and type tags, padded."""
    return _pad(address.encode("utf-8")) + _pad(b"," + types.encode("ascii"))


def _pad(raw: bytes) -> bytes:
    return raw + b"\0" * (4 - len(raw) % 4)


def encode_string(text: str) -> bytes:
    """Encode one string; what OSC can't carry (a NUL, half a surrogate pair) is written out, not lost."""
    raw = text.encode("utf-8", "backslashreplace")
    return _pad(raw.replace(b"\0", b"\\x00"))


def encode_values(types: str, values: Sequence[object]) -> bytes:
    """Encode values by their declared types.

    Parameters
    ----------
    types : str
        Letters out of ``ifs``.
    values : sequence
        As many.

    Returns
    -------
    bytes
        Without address and type tags.
    """
    if "s" not in types:
        return _number_struct(types.encode("ascii")).pack(*values)
    return b"".join(
        encode_string(str(value)) if letter == "s" else _number_struct(letter.encode("ascii")).pack(value)
        for letter, value in zip(types, values, strict=True)
    )


def encode(answer: Answer, *values: object, max_packet: int = MAX_PACKET) -> bytes:
    """Build a single packet.

    Parameters
    ----------
    answer : Answer
        From the table; says address and types.
    *values
        As many as the answer has arguments.
    max_packet : int
        Bytes.

    Returns
    -------
    bytes
        An OSC message.

    Raises
    ------
    QueryError
        ``toobig`` if it doesn't fit a packet.
    """
    types = answer.types
    packet = _head(answer.address, types) + encode_values(types, values)
    if len(packet) > max_packet:
        raise QueryError("toobig", f"{answer.address} needs {len(packet)} bytes; a packet holds {max_packet}")
    return packet


def items_a_packet(answer: Answer) -> int:
    """How many entries of an answer's list a packet holds at most, by the limit on its values."""
    return MAX_ATOMS // len(answer.items)


def encode_chunks(
    answer: Answer,
    req: int,
    items: Sequence[Sequence[object]],
    extra: Sequence[object] = (),
    max_packet: int = MAX_PACKET,
) -> Iterator[bytes]:
    """Build the packets of a list; an empty list is one packet with n = 0.

    Parameters
    ----------
    answer : Answer
        From the table, with `items`.
    req : int
        The client's number, carried in each packet.
    items : sequence of sequences
        The entries.
    extra : sequence
        Values between the header and the list.
    max_packet : int
        Bytes.

    Yields
    ------
    bytes
        OSC messages, parts counted from 1; ``n`` is the number of entries in that packet.

    Raises
    ------
    QueryError
        ``toobig`` before the first packet if one entry can't fit any.
    """
    one = answer.item_types
    if "s" in one:
        groups = _group_by_size(answer, items, max_packet)
        return _build_chunks(answer, req, iter(groups), len(groups), extra)
    step = min(items_a_packet(answer), _room(answer, max_packet) // (5 * len(one)))
    n_parts = max(1, -(-len(items) // step))
    slices = (items[part * step : (part + 1) * step] for part in range(n_parts))
    return _build_chunks(answer, req, slices, n_parts, extra)


def _build_chunks(
    answer: Answer,
    req: int,
    groups: Iterator[Sequence[Sequence[object]]],
    n_parts: int,
    extra: Sequence[object],
) -> Iterator[bytes]:
    for part, group in enumerate(groups, 1):
        types = answer.types + answer.item_types * len(group)
        values: list[object] = [req, part, n_parts, len(group), *extra]
        for item in group:
            values.extend(item)
        yield _head(answer.address, types) + encode_values(types, values)


def _room(answer: Answer, max_packet: int) -> int:
    """Bytes left for entries, their type tags included."""
    return (
        max_packet
        - len(_pad(answer.address.encode()))
        - 4 * len(answer.arguments)
        - len(answer.arguments)
        - 8
    )


def _group_by_size(
    answer: Answer, items: Sequence[Sequence[object]], max_packet: int
) -> list[Sequence[Sequence[object]]]:
    room, types = _room(answer, max_packet), answer.item_types
    groups: list[list[Sequence[object]]] = [[]]
    used = 0
    for item in items:
        size = len(encode_values(types, item)) + len(types)
        if size > room:
            raise QueryError(
                "toobig", f"an entry of {size} bytes doesn't fit a packet: {str(item[0])[:200]!r}"
            )
        if used + size > room or len(groups[-1]) == items_a_packet(answer):
            groups.append([])
            used = 0
        groups[-1].append(item)
        used += size
    return list(groups)
