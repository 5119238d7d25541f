"""What the navigator remembers of one client: filters, modes, cursors.

This module owns the state only; it is created by a surface and changed by the navigator alone.
"""

import random
from dataclasses import dataclass, field

from klustr_bridge.corpus import EVEN, Filters, Weights
from klustr_bridge.types import NATURAL

AUDITION_MODES = ("off", "change", "retrigger", "hold")
PLAYER_MODES = ("internal", "client", "both")


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
    held : dict of int to int
        The voice that each cursor holds in audition mode ``hold``.
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
    held: dict[int, int] = field(default_factory=dict)
    view: str = NATURAL
    chance: random.Random = field(default_factory=random.Random)
