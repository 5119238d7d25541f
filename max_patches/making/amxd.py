"""The file of a device for Live: a patch in chunks.

Each chunk is a tag of four letters, its length as uint32, low byte first, and so many bytes: ``ampf`` tells
the kind of the device, ``meta`` is one number, ``ptch`` holds the patch as JSON, a newline and a NUL.
"""

import json
import struct
from typing import Any, Final

INSTRUMENT: Final = b"iiii"
MIDI_EFFECT: Final = b"mmmm"
HEIGHT: Final = 169
"""Pixels that Live gives every device."""

_META: Final = {8: 0, 9: 1}
"""By the version of Max."""


def as_device(patch: dict[str, Any], kind: bytes, width: int) -> dict[str, Any]:
    """Return a patch with what makes it a device."""
    patch["patcher"] |= {
        "openrect": [0.0, 0.0, float(width), float(HEIGHT)],
        "openinpresentation": 1,
        "devicewidth": float(width),
        "latency": 0,
        "minimum_live_version": "",
        "minimum_max_version": "",
        "platform_compatibility": 0,
        "project": _project(kind),
    }
    return patch


def pack(patch: dict[str, Any], kind: bytes, major: int) -> bytes:
    """Return the bytes of a device's file."""
    text = json.dumps(patch, indent=1, ensure_ascii=True).encode("utf-8") + b"\n\0"
    chunks = ((b"ampf", kind), (b"meta", struct.pack("<I", _META[major])), (b"ptch", text))
    return b"".join(tag + struct.pack("<I", len(data)) + data for tag, data in chunks)


def _project(kind: bytes) -> dict[str, Any]:
    return {
        "version": 1,
        "creationdate": 3590052493,
        "modificationdate": 3590052493,
        "viewrect": [0.0, 0.0, 300.0, 500.0],
        "autoorganize": 1,
        "hideprojectwindow": 1,
        "showdependencies": 1,
        "autolocalize": 0,
        "contents": {"patchers": {}},
        "layout": {},
        "searchpath": {},
        "detailsvisible": 0,
        "amxdtype": int.from_bytes(kind, "big"),
        "readonly": 0,
        "devpathtype": 0,
        "devpath": ".",
        "sortmode": 0,
        "viewmode": 0,
    }
