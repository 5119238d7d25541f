"""What the small client answers with: plain tuples with names.

This module owns no behaviour.
"""

from typing import NamedTuple

from klustr_bridge.errors import BridgeError


class FailError(BridgeError):
    """The bridge refused a request.

    Parameters
    ----------
    address : str
        What was asked.
    code : str
        As in ``/klustr/fail``.
    message : str
        Why.
    """

    def __init__(self, address: str, code: str, message: str) -> None:
        super().__init__(f"{address}: {message} ({code})")
        self.address = address
        self.code = code
        self.message = message


class Welcome(NamedTuple):
    """Answer to hello; `epoch` is 0 while there is no map."""

    version: str
    protocol: int
    epoch: int
    sounds: int
    state: str


class Recorded(NamedTuple):
    """A recording of what the bridge plays: its file, and how long it is so far, seconds."""

    path: str
    seconds: float


class Clip(NamedTuple):
    """A MIDI file of what was played, and how many notes it has."""

    path: str
    notes: int


class Status(NamedTuple):
    """What the library holds."""

    state: str
    files: int
    sounds: int
    pending: int
    failed: int
    epoch: int


class Near(NamedTuple):
    """One sound of an answer, nearest first; `x`, `y` are -1 where it has no place yet."""

    id: int
    distance: float
    x: float
    y: float


class Point(NamedTuple):
    """One place on the map; in a walk `x`, `y` are -1 where the sound has no place yet."""

    id: int
    x: float
    y: float


class Pad(NamedTuple):
    """One pad of a grid, column 0 of row 0 at the lower left, and the sound on it."""

    column: int
    row: int
    id: int


class Info(NamedTuple):
    """What is known of a sound; times in seconds, loudness the largest RMS level of 50 ms in dBFS."""

    id: int
    uid: str
    name: str
    kind: str
    x: float
    y: float
    duration: float
    loudness_db: float
    pitch_hz: float
    start: float
    end: float
    pitch_confidence: float
    brightness_hz: float
    stereo_width: float
    is_loop: int
    tempo: float
    kind_source: str
    kind_confidence: float


class Folder(NamedTuple):
    """A watched folder; `path` as `os.fsdecode` gives it."""

    path: str
    files: int
    state: str


class Problem(NamedTuple):
    """A file that can't be used; `path` as `os.fsdecode` gives it."""

    path: str
    reason: str
