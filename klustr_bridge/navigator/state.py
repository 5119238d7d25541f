"""What the navigator remembers of one client: filters, modes, cursors.

This module owns the state only; it is created by a surface and changed by the navigator alone.
"""

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from klustr_bridge.corpus import EVEN, Filters, Weights
from klustr_bridge.navigator.ports import Handle
from klustr_bridge.navigator.results import Event
from klustr_bridge.types import NATURAL

AUDITION_MODES = ("off", "change", "retrigger", "hold")
PLAYER_MODES = ("internal", "client", "both")
BAR: Final = "bar"
STEPS: Final = {"4th": 1.0, "8th": 0.5, "16th": 0.25, "32nd": 0.125}
"""Grids that triggers can be quantised to, in beats; what `BAR` has is a setting."""

GRIDS: Final = (BAR, *STEPS)

_numbers = itertools.count()


@dataclass(slots=True)
class Heard:
    """What a cursor has played.

    Attributes
    ----------
    id : int
        The last sound; 0 for none.
    x, y : float
        Where the cursor was last.
    played_s : float
        When it played.
    waiting : Handle or None
        It moves faster than it may play: this plays what it has come to when the gap is over.
    held : int or None
        The voice that it holds in audition mode ``hold``.
    held_until_s : float
        When that ends by itself.
    """

    id: int = 0
    x: float = 0.0
    y: float = 0.0
    played_s: float = float("-inf")
    waiting: Handle | None = None
    held: int | None = None
    held_until_s: float = 0.0


@dataclass(slots=True)
class ClientState:
    """One client of a surface.

    Attributes
    ----------
    name : str
        As it called itself.
    filters : Filters
        What its answers are kept to.
    weights : Weights
        How much each aspect counts for what is similar.
    audition : str
        One of `AUDITION_MODES`: what moving a cursor sounds. ``off``: nothing; ``change``: the
        nearest sound whenever it changes; ``retrigger``: the nearest at every move; ``hold``:
        as change, each cursor holding one voice that ends when the next one starts.
    player_mode : str
        One of `PLAYER_MODES`: who sounds.
    is_surface : bool
        It stands for a surface without clients of its own, such as MIDI: its plays are sounded by the
        client that has taken them over (`Navigator.set_taker`), and as `player_mode` says while none has.
    cursors : dict of int to int
        The sound last hit by each cursor; a cursor that hit nothing isn't in it.
    heard : dict of int to Heard
        What each cursor has played since its mode of audition was chosen.
    quantise : str
        ``off``, or the one of `GRIDS` on whose lines it is heard what it plays.
    deliver : callable or None
        Gets events that come later than the call that they are from; None once the client is gone.
    number : int
        Tells it from all others.
    view : str
        One of `types.VIEWS`: which view of the map its coordinates are in.
    chance : random.Random
        Source of ``random``; seeded in tests.
    """

    name: str = ""
    filters: Filters = field(default_factory=Filters)
    weights: Weights = EVEN
    audition: str = "off"
    player_mode: str = "internal"
    is_surface: bool = False
    cursors: dict[int, int] = field(default_factory=dict)
    heard: dict[int, Heard] = field(default_factory=dict)
    quantise: str = "off"
    deliver: Callable[[list[Event]], None] | None = None
    number: int = field(default_factory=lambda: next(_numbers))
    view: str = NATURAL
    chance: random.Random = field(default_factory=random.Random)
