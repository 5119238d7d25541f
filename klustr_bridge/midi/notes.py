"""Notes of what is played, so that a sequencer can record it.

Pure: what is played comes in, messages go out, the time is an argument.
"""

from collections.abc import Sequence
from typing import Final

from klustr_bridge.midi.bindings import Controller

CHANNEL: Final = 10
NOTE_S: Final = 0.1
"""Sounds are one-shots: a note says when one began."""

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


class Notes:
    """Turns plays into notes.

    Parameters
    ----------
    controllers : sequence of Controller
        Their pins: a pinned sound goes out as the key that it is pinned to; all others by kind.
    """

    def __init__(self, controllers: Sequence[Controller] = ()) -> None:
        self._pinned: dict[str, int] = {}
        for controller in reversed(controllers):
            for bank in sorted(controller.pins, reverse=True):
                self._pinned |= {uid: note for note, uid in controller.pins[bank].items()}
        self._ends: dict[int, float] = {}

    @property
    def due_s(self) -> float | None:
        """When the next note ends; None while none sounds."""
        return min(self._ends.values(), default=None)

    def play(self, uid: str, kind: str, velocity: float, now_s: float) -> list[bytes]:
        """Return the messages of a sound that begins.

        Parameters
        ----------
        uid, kind : str
            Of the sound.
        velocity : float
            0..1; a note has 1 to 127.
        now_s : float
            Seconds of a monotonic clock.
        """
        note = self._pinned.get(uid, GENERAL_MIDI.get(kind, OTHER_NOTE))
        before = [_off(note)] if note in self._ends else []
        self._ends[note] = now_s + NOTE_S
        strength = min(127, max(1, round(velocity * 127)))
        return [*before, bytes([0x90 | (CHANNEL - 1), note, strength])]

    def due(self, now_s: float) -> list[bytes]:
        """Return the ends of notes that have lasted long enough."""
        ended = [note for note, end_s in self._ends.items() if now_s >= end_s]
        for note in ended:
            del self._ends[note]
        return [_off(note) for note in ended]


def _off(note: int) -> bytes:
    return bytes([0x80 | (CHANNEL - 1), note, 0])
