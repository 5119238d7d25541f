"""How a sound is asked of the player: which part of its file, at what level, in which choke group.

Pure: this module owns no state and must not know when anything is heard.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

from klustr_bridge.navigator.state import ClientState
from klustr_bridge.navigator.view import View
from klustr_bridge.types import PlayRequest

LOUDNESS_DB: Final = -20.0
"""What loudness-matched sounds are brought to: the median of 800 drum sounds of many packs was -19.7 dB.

A twentieth of them were below -40.6 or above -7.1 dB.
"""

MOST_MATCH_DB: Final = 12.0
_HATS: Final = ("closed_hat", "open_hat")
_HAT_GROUP: Final = 1
_CURSORS: Final = 256


@dataclass(frozen=True, slots=True)
class AuditionSettings:
    """How sounds are auditioned.

    Attributes
    ----------
    gap_s : float
        Shortest time between two sounds that moving one cursor plays, seconds.
    loudness_match : bool
        Whether sounds are played about equally loud.
    choke : str
        What ends a sound that still rings: ``kind`` (a hi-hat another one), ``cursor`` or ``off``.
    loops_in_time : bool
        Whether quantised loops are brought to the session's tempo.
    beats_a_bar : int
        Quarter notes of a bar of the session.
    """

    gap_s: float = 0.0
    loudness_match: bool = False
    choke: str = "kind"
    loops_in_time: bool = True
    beats_a_bar: int = 4


def request_of(
    view: View,
    client: ClientState,
    sound_id: int,
    velocity: float,
    cursor: int | None,
    settings: AuditionSettings,
) -> tuple[PlayRequest, float]:
    """Return how a sound, or a listed file that waits for its analysis, is played.

    Returns
    -------
    request : PlayRequest
        A whole file without an end, so that it is played to wherever it really ends.
    end_s : float
        Where the sound ends in its file, for a client that plays it; 0 while that isn't known.

    Raises
    ------
    QueryError
        ``notfound`` for an id that isn't there.
    """
    entry, corpus = view.entry(sound_id), view.corpus
    request = PlayRequest(
        entry.path, velocity=velocity, choke=_choke(entry.kind, client, cursor, settings.choke)
    )
    if entry.row is None:
        return request, 0.0
    start_s, end_s = corpus.span_s(entry.row)
    gain_db = match_db(view.measure("loudness_db", entry.row)) if settings.loudness_match else 0.0
    is_slice = corpus.is_slice(entry.row)
    return replace(request, start_s=start_s, end_s=end_s if is_slice else None, gain_db=gain_db), end_s


def match_db(loudness_db: float) -> float:
    """Return the gain that brings a sound to `LOUDNESS_DB`, as far as `MOST_MATCH_DB` lets it, dB."""
    return min(MOST_MATCH_DB, max(-MOST_MATCH_DB, LOUDNESS_DB - loudness_db))


def shift_to(tempo_bpm: float, loop_bpm: float) -> float:
    """Return the semitones that bring a loop to a tempo, to half or double of it where that is nearer.

    Returns
    -------
    float
        -6..6; 0 where the loop has no tempo.
    """
    if not tempo_bpm > 0.0 or not loop_bpm > 0.0:
        return 0.0
    octaves = math.log2(tempo_bpm / loop_bpm)
    return 12.0 * (octaves - round(octaves))


def _choke(kind: str, client: ClientState, cursor: int | None, by: str) -> int:
    """Return the choke group of a sound; 0 for none."""
    if by == "kind" and kind in _HATS:
        return _HAT_GROUP
    if by == "cursor" and cursor is not None:
        return _HAT_GROUP + 1 + client.number * _CURSORS + cursor
    return 0
