"""Learning: which control was moved, from what its hand sends.

Pure: messages in, a control out. A knob is known by a good turn, an endless one by turns both ways, a button
or key by one press.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from klustr_bridge.midi.bindings import AXES
from klustr_bridge.midi.controls import HIGHEST, Control, Decoder, Reading

_LEAST_READINGS: Final = 5
_LEAST_TURN: Final = 0.1
_MOST_STEP: Final = 8
_OF_NUMBERS: Final = frozenset({6, 38, 96, 97, 98, 99, 100, 101})


@dataclass(frozen=True, slots=True)
class Learned:
    """What was moved: the control and, for an endless knob, how it tells its steps."""

    control: Control
    relative: str = ""


@dataclass(slots=True)
class _Turn:
    values: list[int] = field(default_factory=list)
    has_low: bool = False


class Learner:
    """Finds the control that is moved.

    Parameters
    ----------
    target : str
        What it is to drive: for an axis a knob is looked for, for all else a button, key or program.
    """

    def __init__(self, target: str) -> None:
        self._is_axis = target.partition(" ")[0] in AXES
        self._decoder = Decoder()
        self._turns: dict[Control, _Turn] = {}

    def hear(self, message: object) -> Learned | None:
        """Take a message; return what was moved once it is clear."""
        readings = self._decoder.read(message)
        if not self._is_axis:
            return next((Learned(r.control) for r in readings if _is_press(r)), None)
        for reading in readings:
            if reading.kind in ("note", "program", "zone"):
                continue
            if reading.kind == "cc" and reading.number in _OF_NUMBERS:
                continue
            turn = self._turns.setdefault(reading.control, _Turn())
            turn.values.append(reading.value)
            turn.has_low = turn.has_low or (
                reading.kind == "cc14"
                and reading.is_whole
                and len(readings) > 1
                and (any(other.kind == "cc" and other.number >= 32 for other in readings))
            )
        return self._found()

    def _found(self) -> Learned | None:
        for kind in ("nrpn", "cc14", "bend", "pressure", "poly", "cc"):
            for control, turn in self._turns.items():
                if control.kind != kind or len(turn.values) < _LEAST_READINGS:
                    continue
                if kind == "cc14" and not turn.has_low:
                    continue
                if kind == "cc" and (relative := _relative(turn.values)):
                    return Learned(control, relative)
                if kind == "cc" and self._is_half(control):
                    continue
                spread = (max(turn.values) - min(turn.values)) / HIGHEST[kind]
                if spread >= _LEAST_TURN and len(set(turn.values)) >= 4 and not _may_be_relative(turn.values):
                    return Learned(control)
        return None

    def _is_half(self, control: Control) -> bool:
        """Whether a controller is a half of a 14-bit one that has sent both."""
        if control.number is None or control.number >= 64:
            return False
        whole = self._turns.get(Control("cc14", control.number % 32, control.channel))
        return whole is not None and whole.has_low


def _is_press(reading: Reading) -> bool:
    if reading.kind in ("note", "program"):
        return reading.value > 0
    return reading.kind == "cc" and reading.number not in _OF_NUMBERS and reading.share >= 0.5


def _relative(values: list[int]) -> str:
    """Return the encoding of an endless knob that has been turned both ways, empty for any other."""
    seen = set(values) - {0, 64} if 64 in values or 0 in values else set(values)
    small, large = set(range(1, _MOST_STEP + 1)), set(range(128 - _MOST_STEP, 128))
    above, below = {64 + n for n in small}, {64 - n for n in small}
    for encoding, up, down in (
        ("twos complement", small, large),
        ("binary offset", above, below),
        ("sign bit", small, above),
    ):
        # An ordinary knob would pass what lies between.
        if seen <= up | down and seen & up and seen & down and not _passes(values):
            return encoding
    return ""


def _passes(values: list[int]) -> bool:
    """Whether values rise or fall step by step, as those of a knob with ends do."""
    steps = [abs(other - one) for one, other in pairwise(values)]
    return sum(step == 1 for step in steps) > 0.8 * len(steps)


def _may_be_relative(values: list[int]) -> bool:
    """Whether a knob repeats itself as only endless ones do: it has to be turned the other way, too."""
    repeats = sum(one == other for one, other in pairwise(values))
    return repeats > 0.5 * (len(values) - 1)
