"""What is asked of the process that decodes for the map page, and what it answers.

This module owns the two values, and the way into that process without its libraries.
"""

from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Literal

from klustr_bridge.processes import become_background_process


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be made of a file, or of a part of it: ``wav`` or ``picture``; `end_s` 0 is its end."""

    what: Literal["wav", "picture"]
    path: bytes
    start_s: float = 0.0
    end_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Made:
    """What came of it: the bytes and how many seconds of the sound they show, or the reason why not."""

    data: bytes = b""
    seconds: float = 0.0
    reason: str = ""


def serve(connection: Connection) -> None:
    """Be that process; first of all one that ends with its parent, for its libraries take a second."""
    become_background_process(priority=5)
    from klustr_bridge.bridge.audio_child import main

    main(connection)
