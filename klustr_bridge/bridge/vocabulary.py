"""What the command table is written in: arguments, answers, commands, and the arguments many share.

This module owns the shape of an entry, no entry itself.
"""

from dataclasses import dataclass
from typing import Final

PROTOCOL: Final = 1
"""Version of the protocol, sent with ``/klustr/welcome``."""

MAX_K: Final = 1000
MAX_CURSOR: Final = 255
MAX_RUN: Final = 2**31 - 1
MAX_PADS_A_SIDE: Final = 32
MAX_STEPS: Final = 128
MAX_RADIUS: Final = 1.5
PROBLEMS_A_PAGE: Final = 256
INT32_LOW: Final = -(2**31)
INT32_HIGH: Final = 2**31 - 1

FAIL_CODES: Final = ("badargs", "unknown", "notfound", "notready", "busy", "toobig", "denied", "internal")
AUDITION_MODES: Final = ("off", "change", "retrigger", "hold")
PLAYER_MODES: Final = ("internal", "client", "both")
GRIDS: Final = ("off", "bar", "4th", "8th", "16th", "32nd")


@dataclass(frozen=True, slots=True)
class Argument:
    """One value of a command, reply or push.

    Attributes
    ----------
    name : str
        As the reference and the failure messages call it.
    type : str
        ``i``, ``f`` or ``s``.
    low, high : float, optional
        Allowed range, both ends included; None: the whole range of the type.
    unit : str
        Unit of a number, empty where it has none.
    optional : bool
        May be left out; only the last arguments of a command are.
    repeated : bool
        Stands any number of times; only the last argument of a command does.
    choices : tuple of str
        The words allowed; empty: any string.
    numbered : tuple of str
        The words that the numbers 0, 1, ... stand for, where numbers are taken too.
    """

    name: str
    type: str
    low: float | None = None
    high: float | None = None
    unit: str = ""
    optional: bool = False
    repeated: bool = False
    choices: tuple[str, ...] = ()
    numbered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A message that leaves the bridge: a reply or a push.

    Attributes
    ----------
    address : str
        OSC address.
    arguments : tuple of Argument
        What stands before the list, or all of it.
    items : tuple of Argument
        One entry of the list, for answers that are chunked; empty for single packets.
    help : str
        One line.
    """

    address: str
    arguments: tuple[Argument, ...] = ()
    items: tuple[Argument, ...] = ()
    help: str = ""

    @property
    def types(self) -> str:
        """Type letters of the arguments before the list."""
        return "".join(argument.type for argument in self.arguments)

    @property
    def item_types(self) -> str:
        """Type letters of one entry of the list."""
        return "".join(argument.type for argument in self.items)


@dataclass(frozen=True, slots=True)
class Command:
    """What can be asked.

    Attributes
    ----------
    address : str
        OSC address, matched exactly.
    group : str
        Heading it stands under in the reference.
    arguments : tuple of Argument
        In order; optional ones last.
    reply : str
        Address of the answer, empty where success is silent.
    help : str
        What it does, for the reference.
    handler : str
        Name of the method that does it.
    lan : bool
        Whether other machines may use it; nothing is open to them until it says so.
    holds_up : bool
        Whether a client's further commands that change something wait until it is done. What waits for a
        hand doesn't hold them up.
    """

    address: str
    group: str
    arguments: tuple[Argument, ...]
    reply: str
    help: str
    handler: str
    lan: bool = False
    holds_up: bool = True

    @property
    def usage(self) -> str:
        """The arguments on one line, optional ones in brackets."""
        parts = []
        for argument in self.arguments:
            text = f"{argument.type} {argument.name}" + (" ..." if argument.repeated else "")
            parts.append(f"[{text}]" if argument.optional or argument.repeated else text)
        return ", ".join(parts)

    @property
    def has_req(self) -> bool:
        """Whether the first argument is the client's request number."""
        return bool(self.arguments) and self.arguments[0].name == "req"


REQ = Argument("req", "i")
ID = Argument("id", "i", 1)
X = Argument("x", "f", 0.0, 1.0)
Y = Argument("y", "f", 0.0, 1.0)
K = Argument("k", "i", 1, MAX_K)
CURSOR = Argument("cursor", "i", 0, MAX_CURSOR, optional=True)
VELOCITY = Argument("velocity", "f", 0.0, 1.0, optional=True)
SEMITONES = Argument("semitones", "f", -48.0, 48.0, optional=True)
PAN = Argument("pan", "f", -1.0, 1.0, optional=True)
PATH = Argument("path", "s")
UID = Argument("uid", "s")
HEADER = (REQ, Argument("part", "i", 1), Argument("parts", "i", 1), Argument("n", "i", 0))
