"""Learning: which control was moved, from what its hand sends.

Pure: messages in, a control out. A knob is known by a good turn, an endless one by turns both ways, to the
right first, a button or key by one press.
"""

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from klustr_bridge.midi.bindings import AXES, make_binding
from klustr_bridge.midi.controls import HIGHEST, Control, Decoder, Reading

_FINEST_FIRST: Final = ("nrpn", "cc14", "bend", "pressure", "poly", "cc")
_LEAST_READINGS: Final = 5
_MOST_READINGS: Final = 256
_LEAST_TURN: Final = 0.1
_MOST_STEP: Final = 8
_SINGLE_SHARE: Final = 0.6
_MOST_CONTROLS: Final = 256
_OF_NUMBERS: Final = frozenset({6, 38, 96, 97, 98, 99, 100, 101})


@dataclass(frozen=True, slots=True)
class Learned:
    """What was moved: the control and, for an endless knob, how it tells its steps."""

    control: Control
    relative: str = ""

    def fields(self, target: str, cursor: int = 0) -> dict[str, object]:
        """Return the binding to a target, as it is written into a mapping file."""
        fields: dict[str, object] = {"control": str(self.control), "target": target}
        fields |= {"cursor": cursor} if cursor else {}
        return fields | ({"relative": self.relative} if self.relative else {})


def check_target(target: str, cursor: int) -> None:
    """Raise ``MidiError``, with what is allowed, if there is no such target or cursor."""
    make_binding({"control": "cc 0", "target": target, "cursor": cursor})


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
        self._turns: dict[Control, deque[int]] = {}

    def hear(self, message: object) -> Learned | None:
        """Take a message; return what was moved once it is clear."""
        readings = self._decoder.read(message)
        if not self._is_axis:
            return next((Learned(r.control) for r in readings if _is_press(r)), None)
        for reading in readings:
            is_of_number = reading.kind == "cc" and reading.number in _OF_NUMBERS
            if reading.kind in ("note", "program", "zone", "range") or is_of_number:
                continue
            if reading.control in self._turns or len(self._turns) < _MOST_CONTROLS:
                self._turns.setdefault(reading.control, deque(maxlen=_MOST_READINGS)).append(reading.value)
        controls = [reading.control for reading in readings if reading.control in self._turns]
        found = (
            self._found(control) for kind in _FINEST_FIRST for control in controls if control.kind == kind
        )
        return next((each for each in found if each is not None), None)

    def _found(self, control: Control) -> Learned | None:
        """Return a control that was moved just now, if it is clear that it is the one."""
        kind, values = control.kind, list(self._turns[control])
        if len(values) < _LEAST_READINGS:
            return None
        if kind in ("cc14", "cc") and (kind == "cc14") != self._is_of_a_pair(control):
            return None
        if kind == "cc" and (relative := _relative(values)):
            return Learned(control, relative)
        spread = (max(values) - min(values)) / HIGHEST[kind]
        if spread >= _LEAST_TURN and len(set(values)) >= 4 and not _may_be_relative(values):
            return Learned(control)
        return None

    def _is_of_a_pair(self, control: Control) -> bool:
        """Whether both controllers that a 14-bit one is made of have been heard."""
        if control.number is None or control.number >= 64:
            return False
        high = control.number % 32
        halves = (Control("cc", high, control.channel), Control("cc", high + 32, control.channel))
        return all(half in self._turns for half in halves)


def _is_press(reading: Reading) -> bool:
    if reading.kind in ("note", "program"):
        return reading.value > 0
    return reading.kind == "cc" and reading.number not in _OF_NUMBERS and reading.share >= 0.5


def _relative(values: list[int]) -> str:
    """Return the encoding of an endless knob that has been turned both ways, empty for any other.

    Most of its steps are single ones, and it never sends what lies between up and down. The two encodings
    that have the sign in a bit send the same values: the first turn, to the right, tells which it is.
    """
    small, large = set(range(1, _MOST_STEP + 1)), set(range(128 - _MOST_STEP, 128))
    above, below = {64 + n for n in small}, {64 - n for n in small}
    for encoding, up, down, single in (
        ("twos complement", small, large, {1, 127}),
        ("binary offset", above, below, {65, 63}),
        ("sign bit", small, above, {1, 65}),
    ):
        n_single = sum(value in single for value in values)
        if set(values) <= up | down and single <= set(values) and n_single >= _SINGLE_SHARE * len(values):
            return "sign bit 2" if encoding == "sign bit" and values[0] in above else encoding
    return ""


def _may_be_relative(values: list[int]) -> bool:
    """Whether a knob repeats itself as only endless ones do: it has to be turned the other way, too."""
    repeats = sum(one == other for one, other in pairwise(values))
    return repeats > 0.5 * (len(values) - 1)
