"""Fingers: MPE zones, and where on the pad each finger of them is.

References
----------
MIDI Polyphonic Expression, M1-100-UM 1.0 (2018): zones are declared by RPN 6 on channel 1 or 16, one note a
member channel, with bend (48 semitones either way, or as RPN 0 on a member channel says), CC 74 and pressure
of its own.
"""

from dataclasses import dataclass
from typing import Final

from klustr_bridge.midi.controls import Reading

BEND_SEMITONES: Final = 48.0
MOST_SEMITONES: Final = 96
LOWEST_KEY: Final = 36
HIGHEST_KEY: Final = 96
"""A finger's place from left to right: from here to there, glides included; beyond it is at the edge."""

SLIDE: Final = 74
_MIDDLE: Final = 64


@dataclass(slots=True)
class _Finger:
    note: int | None = None
    bend: float = 0.0  # -1..1 of the zone's range
    slide: float = _MIDDLE / 127.0


class Zones:
    """Which channels are fingers, and where those are.

    Parameters
    ----------
    is_mpe : bool
        All channels but the first are, from the start on; else those of zones that are declared.
    """

    def __init__(self, is_mpe: bool) -> None:
        self._lower = 15 if is_mpe else 0
        self._upper = 0
        self._ranges = {True: BEND_SEMITONES, False: BEND_SEMITONES}  # of the lower zone, and the upper one
        self._fingers: dict[int, _Finger] = {}

    def declare(self, reading: Reading) -> bool:
        """Take a message that declares a zone or its range of bend; whether it was one.

        The other zone gives way to a new one, which has the common range until it says another.
        """
        if reading.kind == "range":
            if self._is_member(reading.channel) and reading.value:
                self._ranges[self._is_lower(reading.channel)] = float(min(MOST_SEMITONES, reading.value))
            return True
        if reading.kind != "zone":
            return False
        self._ranges[reading.channel == 1] = BEND_SEMITONES
        n = min(15, reading.value)
        if reading.channel == 1:
            self._lower, self._upper = n, min(self._upper, max(0, 14 - n))
        else:
            self._lower, self._upper = min(self._lower, max(0, 14 - n)), n
        return True

    def _is_lower(self, channel: int) -> bool:
        return channel <= 1 + self._lower

    def _is_member(self, channel: int) -> bool:
        return 2 <= channel <= 1 + self._lower or 16 - self._upper <= channel <= 15

    def read(self, reading: Reading) -> int | None:
        """Take a reading of a finger and return its cursor; None for what is of none."""
        if not self._is_member(reading.channel):
            return None
        finger = self._fingers.setdefault(reading.channel, _Finger())
        if reading.kind == "note":
            if reading.value:
                finger.note = reading.number
            elif finger.note == reading.number:
                finger.note = None
        elif reading.kind == "bend":
            finger.bend = (reading.share - 0.5) * 2.0
        elif reading.kind == "cc" and reading.number == SLIDE:
            finger.slide = reading.share
        else:
            return None
        return reading.channel

    def is_down(self, channel: int) -> bool:
        """Whether a finger is on the surface."""
        finger = self._fingers.get(channel)
        return finger is not None and finger.note is not None

    def place(self, channel: int) -> tuple[float, float]:
        """Return where a finger is, or was last, 0..1 both ways."""
        finger = self._fingers[channel]
        bend = finger.bend * self._ranges[self._is_lower(channel)]
        key = (LOWEST_KEY if finger.note is None else finger.note) + bend
        x = (key - LOWEST_KEY) / (HIGHEST_KEY - LOWEST_KEY)
        return min(1.0, max(0.0, x)), finger.slide
