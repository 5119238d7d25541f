"""Owns the words between the bridge and the process that plays: JSON, never pickles.

To the child, lists: ``["play", voice, request]``, ``["stop", voice or null, fade_s or null]``,
``["prefetch", request]``, ``["record", on, number]``, ``["close", limit_s]``. From it, objects:
``problem`` (a sentence), ``read`` (bytes of orders read since), ``answer`` (to a record order: ``path`` and
``seconds``, or ``error``), and its status: ``describe``, ``trouble``, ``settled``, ``health``.
"""

import json
import os
from dataclasses import asdict
from typing import Any, Final

from klustr_bridge.types import PlayRequest

PLAY: Final = "play"
STOP: Final = "stop"
PREFETCH: Final = "prefetch"
RECORD: Final = "record"
CLOSE: Final = "close"

_PLAIN: Final = asdict(PlayRequest(b""))


def dumps(message: object) -> bytes:
    """Return a message as bytes; file names that are no text survive as lone surrogates."""
    return json.dumps(message, separators=(",", ":")).encode("ascii")


def loads(data: bytes) -> Any:
    """Return the message of bytes."""
    return json.loads(data)


def pack(request: PlayRequest) -> dict[str, Any]:
    """Return the fields of a request that are not the default ones."""
    fields = {name: value for name, value in asdict(request).items() if value != _PLAIN[name]}
    return fields | {"path": os.fsdecode(request.path)}


def unpack(fields: dict[str, Any]) -> PlayRequest:
    """Return the request of `pack`."""
    return PlayRequest(**(fields | {"path": os.fsencode(fields["path"])}))


def silent_for(problem: str | None) -> str:
    """Say that nothing sounds, and why; most problems begin with that themselves."""
    return problem if problem and problem.startswith("no sound") else f"no sound: {problem}"
