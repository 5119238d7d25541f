"""The navigator: every question and action a surface can ask for, free of any transport.

Surfaces (OSC, MIDI, web) call :class:`Navigator` with typed arguments and get frozen
dataclasses back; :class:`~klustr_bridge.errors.QueryError` says what can't be answered.
This room must not open a socket, read a clock or touch the disk.
"""

from klustr_bridge.navigator.navigator import Navigator
from klustr_bridge.navigator.ports import Beats, Librarian, Player, Timer
from klustr_bridge.navigator.requests import AuditionSettings
from klustr_bridge.navigator.results import (
    Event,
    FolderRow,
    Hit,
    Info,
    Neighbour,
    Play,
    Points,
    Problem,
    Problems,
    Status,
)
from klustr_bridge.navigator.state import AUDITION_MODES, GRIDS, PLAYER_MODES, ClientState

__all__ = [
    "AUDITION_MODES",
    "GRIDS",
    "PLAYER_MODES",
    "AuditionSettings",
    "Beats",
    "ClientState",
    "Event",
    "FolderRow",
    "Hit",
    "Info",
    "Librarian",
    "Navigator",
    "Neighbour",
    "Play",
    "Player",
    "Points",
    "Problem",
    "Problems",
    "Status",
    "Timer",
]
