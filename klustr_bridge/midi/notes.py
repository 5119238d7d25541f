"""Notes of what is played, so that a sequencer can record it.

Pure: what is played comes in, messages go out, the time is an argument.
"""

import math
from collections.abc import Sequence
from typing import Final

from klustr_bridge.midi.bindings import Controller

CHANNEL: Final = 10
NOTE_S: Final = 0.1
"""Sounds are one-shots: a note says when one began. It is longer only where a key holds its sound."""

GENERAL_MIDI: Final = {
    "kick": 36,
    "snare": 38,
    "rim": 37,
    "clap": 39,
    "closed_hat": 42,
    "open_hat": 46,
    "ride": 51,
    "crash": 49,
    "tom": 45,
    "conga": 63,
    "cowbell": 56,
    "shaker": 70,
    "tambourine": 54,
}
"""Keys of General MIDI's drum kit (level 1, percussion key map); a shaker is its maracas."""

OTHER_NOTE: Final = 60


class Keys:
    """Which key each sound is.

    Parameters
    ----------
    controllers : sequence of Controller
        Their pins: a pinned sound is the key that it is pinned to; all others are keys by kind.
    """

    def __init__(self, controllers: Sequence[Controller] = ()) -> None:
        self._pinned: dict[str, int] = {}
        for controller in reversed(controllers):
            for bank in sorted(controller.pins, reverse=True):
                self._pinned |= {uid: note for note, uid in controller.pins[bank].items()}

    def of(self, uid: str, kind: str) -> int:
        """Return the key of a sound, 0 to 127."""
        return self._pinned.get(uid, GENERAL_MIDI.get(kind, OTHER_NOTE))


def strength(velocity: float) -> int:
    """Return a note's velocity, 1 to 127, of 0..1."""
    return min(127, max(1, round(velocity * 127)))


class Notes:
    """Turns plays into notes that begin and end."""

    def __init__(self) -> None:
        self._ends: dict[int, float] = {}

    @property
    def due_s(self) -> float | None:
        """When the next note ends by itself; None while none does."""
        return min((end_s for end_s in self._ends.values() if end_s < math.inf), default=None)

    def end(self, note: int) -> list[bytes]:
        """Return the end of a note, nothing if it has ended."""
        return [] if self._ends.pop(note, None) is None else [_off(note)]

    def play(self, note: int, velocity: int, now_s: float, length_s: float = NOTE_S) -> list[bytes]:
        """Return the messages of a note that begins.

        Parameters
        ----------
        note, velocity : int
            0 to 127, and 1 to 127.
        now_s : float
            Seconds of a monotonic clock.
        length_s : float
            Seconds; infinite: until `end`.
        """
        before = [_off(note)] if note in self._ends else []
        self._ends[note] = now_s + length_s
        return [*before, bytes([0x90 | (CHANNEL - 1), note, velocity])]

    def due(self, now_s: float) -> list[bytes]:
        """Return the ends of notes that have lasted long enough."""
        ended = [note for note, end_s in self._ends.items() if now_s >= end_s]
        for note in ended:
            del self._ends[note]
        return [_off(note) for note in ended]


def _off(note: int) -> bytes:
    return bytes([0x80 | (CHANNEL - 1), note, 0])
