"""What the serving process and the librarian say to each other over their pipe.

Only frozen values; no behaviour. The pipe joins two processes of one program on one machine.
"""

from dataclasses import dataclass
from typing import Literal

from klustr_bridge.types import Analysis, Int32Array

Action = Literal[
    "add_folder",
    "remove_folder",
    "rescan",
    "relayout",
    "candidate",
    "take_candidate",
    "drop_candidate",
    "favourite",
    "kind",
    "analyse",
    "duplicates",
    "backup",
    "stop",
]


@dataclass(frozen=True, slots=True)
class Request:
    """One thing the librarian is asked to do; answered by one `Reply` with the same token.

    Attributes
    ----------
    token : int
        The asker's choice.
    action : str
        What to do.
    path : bytes
        The folder or file concerned; empty where none is.
    sound_id : int
        The sound concerned; 0 where none is.
    value : str
        The kind to set, ``"1"``/``"0"`` for favourites, the method of a candidate; empty elsewhere.
    """

    token: int
    action: Action
    path: bytes = b""
    sound_id: int = 0
    value: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """The end of a request: done (`code` empty) or failed with a code of ``/klustr/fail``.

    `duplicates` has rows of group and id, the sound to keep first in each group.
    """

    token: int
    code: str = ""
    message: str = ""
    analysis: Analysis | None = None
    duplicates: Int32Array | None = None


@dataclass(frozen=True, slots=True)
class SnapshotReady:
    """A finished snapshot of the library lies in `directory` (text form of its path)."""

    directory: str


@dataclass(frozen=True, slots=True)
class ProgressReport:
    """How far the work is.

    Attributes
    ----------
    state : str
        ``scanning``, ``analysing``, ``layout`` or ``ready``.
    files, analysed, refused, pending : int
        Files of the library now.
    """

    state: str
    files: int
    analysed: int
    refused: int
    pending: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should read: where it comes from and what it says."""

    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Setback:
    """The librarian can't go on now and says why; it ends after this and is to be started again."""

    message: str


@dataclass(frozen=True, slots=True)
class Fatal:
    """The librarian can never go on and says why; it ends after this."""

    message: str


FromLibrarian = Reply | SnapshotReady | ProgressReport | Notice | Setback | Fatal
