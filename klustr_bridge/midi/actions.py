"""What a controller asks for: the words between the mapping and who carries it out."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from klustr_bridge.midi.bindings import Pads


@dataclass(frozen=True, slots=True)
class Key:
    """A key or pad that is held: its port, channel (1 to 16) and number."""

    port: str
    channel: int
    number: int


@dataclass(frozen=True, slots=True)
class Move:
    """A cursor is at `x`, `y`, both 0..1."""

    x: float
    y: float
    cursor: int = 0


@dataclass(frozen=True, slots=True)
class Trigger:
    """Play what is nearest to `x`, `y` (0..1) with a velocity above 0, up to 1; the cursor goes there."""

    x: float
    y: float
    velocity: float
    cursor: int = 0
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """Play the sound of a pad, or the one that is pinned to a key (a uid)."""

    velocity: float
    key: Key
    pads: "Pads | None" = None
    column: int = 0
    row: int = 0
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """A key has been let go."""

    key: Key


@dataclass(frozen=True, slots=True)
class Lift:
    """The finger has left the pad: what the cursor lands on next sounds even if it is the same sound."""

    cursor: int = 0


@dataclass(frozen=True, slots=True)
class StopAll:
    """Stop whatever sounds."""


@dataclass(frozen=True, slots=True)
class Command:
    """One of `bindings.COMMANDS`, with its argument and the cursor that it is about."""

    name: str
    argument: str = ""
    cursor: int = 0


Action = Move | Trigger | Hit | Release | Lift | StopAll | Command
