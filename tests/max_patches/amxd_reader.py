"""A reader of device files, written from the facts of the format and from nothing of what writes them.

A file is chunks: a tag of four letters, a length as uint32 with the low byte first, and so many bytes.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class NotADevice(ValueError):
    """The bytes are no device's."""


def chunks(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Walk the chunks to the last byte."""
    at = 0
    while at < len(data):
        if len(data) - at < 8:
            raise NotADevice(f"{len(data) - at} bytes are left over at {at}")
        tag, length = data[at : at + 4], sum(byte << 8 * i for i, byte in enumerate(data[at + 4 : at + 8]))
        if at + 8 + length > len(data):
            raise NotADevice(f"chunk {tag!r} at {at} is longer than the file")
        yield tag.decode("ascii"), data[at + 8 : at + 8 + length]
        at += 8 + length


def read(path: Path) -> tuple[str, int, dict[str, Any]]:
    """Return a device's kind (as its four letters), its `meta` number and its patch."""
    found = dict(chunks(path.read_bytes()))
    if list(found) != ["ampf", "meta", "ptch"] or len(found["ampf"]) != 4 or len(found["meta"]) != 4:
        raise NotADevice(f"chunks {[(tag, len(data)) for tag, data in found.items()]}")
    text = found["ptch"]
    if text[-2:] != b"\n\0" or b"\0" in text[:-1]:
        raise NotADevice("the patch does not end with a newline and the only NUL")
    patch: dict[str, Any] = json.loads(text[:-1].decode("utf-8"))
    return found["ampf"].decode("ascii"), int.from_bytes(found["meta"], "little"), patch
