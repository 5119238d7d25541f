"""Controls: what of a controller a message is of, and which value it has.

Owns the names of controls, and the joining of messages that are one value: the two halves of 14-bit
controllers, and the numbers (NRPN) that are sent before their values. Values are whole numbers from 0 on.

References
----------
MIDI 1.0 Detailed Specification, 4.2: controllers 0-31 with their low halves 32-63, 6 and 38 (data entry),
98 and 99 (NRPN), 100 and 101 (RPN), 96 and 97 (data increment and decrement).
"""

import re
from dataclasses import dataclass
from typing import Final

from klustr_bridge.errors import MidiError

KINDS: Final = ("cc", "cc14", "nrpn", "bend", "pressure", "poly", "note", "program")
NUMBERED: Final = {"cc": 127, "cc14": 31, "nrpn": 16383, "poly": 127, "note": 127, "program": 127}
"""Highest number of the kinds that have one; left out with ``note``, ``poly`` and ``program``: any."""

HIGHEST: Final = {
    "cc": 127, "cc14": 16383, "nrpn": 16383, "bend": 16383,
    "pressure": 127, "poly": 127, "note": 127, "program": 127, "zone": 127, "range": 127,
}  # fmt: skip
"""Highest value of each kind.

That of a note is its velocity, 0 when it ends, of a zone its channels, of a range the semitones of a bend.
"""

_OPTIONAL: Final = ("poly", "program", "note")
_ZONE_RPN: Final = 6
_RANGE_RPN: Final = 0
_ZONE_CHANNELS: Final = (1, 16)
_RPN_NULL: Final = 16383
_MOST_NRPNS: Final = 1024
_FORM: Final = re.compile(r"([a-z]+14|[a-z]+)(?:\s+(\d{1,6}))?(?:\s+ch(?:annel)?\s*(\d{1,3}))?")


@dataclass(frozen=True, slots=True)
class Control:
    """A knob, strip, wheel or key of a controller.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    number : int or None
        Of the controller, NRPN, key or program; None: any, or the kind has none.
    channel : int or None
        1 to 16; None: any.
    """

    kind: str
    number: int | None = None
    channel: int | None = None

    def __str__(self) -> str:
        number = "" if self.number is None else f" {self.number}"
        return f"{self.kind}{number}{'' if self.channel is None else f' ch {self.channel}'}"

    def covers(self, reading: "Reading") -> bool:
        """Whether a reading is of this control."""
        return (
            self.kind == reading.kind
            and self.number in (None, reading.number)
            and self.channel in (None, reading.channel)
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """A value that a control has come to.

    Attributes
    ----------
    kind, number, channel
        As of `Control`, with the very number (0 where the kind has none) and channel.
    value : int
        0 to `HIGHEST` of the kind.
    is_whole : bool
        False where the low half of a 14-bit value is still to come.
    """

    kind: str
    number: int
    channel: int
    value: int
    is_whole: bool = True

    @property
    def share(self) -> float:
        """The value as 0..1; 1 is the highest, and the middle of a bend (8192) is .5."""
        if self.kind == "bend":
            return self.value / 16384 if self.value <= 8192 else 0.5 + (self.value - 8192) / 16382
        return self.value / HIGHEST[self.kind]

    @property
    def control(self) -> Control:
        """What it is of."""
        return Control(self.kind, self.number if self.kind in NUMBERED else None, self.channel)


def parse_control(text: str) -> Control:
    """Return the control of a text such as ``cc 12``, ``cc14 1 ch 3``, ``bend``, ``nrpn 300``, ``note 36``.

    Raises
    ------
    MidiError
        It is no such text; the message says what is allowed.
    """
    found = _FORM.fullmatch(" ".join(text.lower().split()))
    kind = found[1] if found else ""
    if found is None or kind not in KINDS:
        raise MidiError(
            f"no control is called {text!r}; allowed are {', '.join(KINDS)}, such as 'cc 12 ch 3'"
        )
    number = None if found[2] is None else int(found[2])
    channel = None if found[3] is None else int(found[3])
    if kind in NUMBERED:
        if number is None and kind not in _OPTIONAL:
            raise MidiError(f"{text!r} lacks its number, 0 to {NUMBERED[kind]}, as in '{kind} 12'")
        if number is not None and number > NUMBERED[kind]:
            raise MidiError(f"{text!r} has the number {number}; allowed is 0 to {NUMBERED[kind]}")
    elif number is not None:
        raise MidiError(f"{text!r} has a number, but {kind} has none; a channel is written 'ch {number}'")
    if channel is not None and not 1 <= channel <= 16:
        raise MidiError(f"{text!r} has the channel {channel}; allowed is 1 to 16")
    return Control(kind, number, channel)


class _Channel:
    """What has been heard of one channel."""

    __slots__ = ("has_low", "high", "low", "nrpn", "nrpns", "rpn")

    def __init__(self) -> None:
        self.high = [0] * 32
        self.low = [0] * 32
        self.has_low = [False] * 32
        self.rpn = _RPN_NULL
        self.nrpn: int | None = None
        self.nrpns: dict[int, tuple[int, bool]] = {}  # value, and whether low halves come, by number


class Decoder:
    """Turns messages into readings; keeps the halves of 14-bit values of each channel.

    The low half of a control that has sent one before is waited for; a device that sends high halves alone is
    read at once.
    """

    def __init__(self) -> None:
        self._channels: dict[int, _Channel] = {}

    def read(self, message: object) -> list[Reading]:
        """Take a message.

        Parameters
        ----------
        message : object
            As mido makes them: `type`, `channel` and what belongs to the type. Whatever is not
            understood, or has a value out of range, gives nothing.

        Returns
        -------
        list of Reading
            A controller may be read as several kinds of control; who maps them takes what it knows.
        """
        channel = _whole(message, "channel", 0, 15)
        if channel is None:
            return []
        channel += 1
        match _text(message, "type"):
            case "control_change":
                number, value = _whole(message, "control", 0, 127), _whole(message, "value", 0, 127)
                return [] if number is None or value is None else self._controller(channel, number, value)
            case "pitchwheel":
                pitch = _whole(message, "pitch", -8192, 8191)
                return [] if pitch is None else [Reading("bend", 0, channel, pitch + 8192)]
            case "aftertouch":
                value = _whole(message, "value", 0, 127)
                return [] if value is None else [Reading("pressure", 0, channel, value)]
            case "polytouch":
                return _of_key(
                    "poly", channel, _whole(message, "note", 0, 127), _whole(message, "value", 0, 127)
                )
            case "note_on":
                key, velocity = _whole(message, "note", 0, 127), _whole(message, "velocity", 0, 127)
                return _of_key("note", channel, key, velocity)
            case "note_off":
                return _of_key("note", channel, _whole(message, "note", 0, 127), 0)
            case "program_change":
                program = _whole(message, "program", 0, 127)
                return [] if program is None else [Reading("program", program, channel, 127)]
        return []

    def _controller(self, channel: int, number: int, value: int) -> list[Reading]:
        state = self._channels.setdefault(channel, _Channel())
        readings = [Reading("cc", number, channel, value)]
        if number < 32:
            state.high[number] = value
            # A high half alone is filled up with itself: 127 is the very top, 0 the very bottom.
            low = state.low[number] if state.has_low[number] else value
            joined = (value << 7) | low
            readings.append(Reading("cc14", number, channel, joined, not state.has_low[number]))
        elif number < 64:
            at = number - 32
            state.low[at], state.has_low[at] = value, True
            readings.append(Reading("cc14", at, channel, (state.high[at] << 7) | value))
        return readings + self._numbered(state, channel, number, value)

    def _numbered(self, state: _Channel, channel: int, number: int, value: int) -> list[Reading]:
        """Read NRPNs: their number comes first, in two halves, then their value, in one or two."""
        if number in (98, 99):
            before = 0 if state.nrpn is None else state.nrpn
            chosen = (before & 0x3F80) | value if number == 98 else (value << 7) | (before & 0x7F)
            state.nrpn, state.rpn = chosen, _RPN_NULL
        elif number in (100, 101):  # an RPN is chosen: what follows is its data
            halves = (state.rpn & 0x3F80) | value if number == 100 else (value << 7) | (state.rpn & 0x7F)
            state.rpn, state.nrpn = halves, None
        elif number == 6 and state.rpn == _ZONE_RPN and channel in _ZONE_CHANNELS:
            return [Reading("zone", 0, channel, value)]
        elif number == 6 and state.rpn == _RANGE_RPN:
            return [Reading("range", 0, channel, value)]
        elif number in (6, 38, 96, 97) and state.nrpn is not None and state.nrpn != _RPN_NULL:
            return [self._entered(state, state.nrpn, channel, number, value)]
        return []

    def _entered(self, state: _Channel, nrpn: int, channel: int, number: int, value: int) -> Reading:
        """Read what is entered for an NRPN: a half of its value, or a step."""
        before, has_low = state.nrpns.get(nrpn, (0, False))
        if number == 6:
            after = (value << 7) | (before & 0x7F if has_low else value)
        elif number == 38:
            after, has_low = (before & 0x3F80) | value, True
        else:
            after = min(16383, max(0, before + (1 if number == 96 else -1)))
        if nrpn in state.nrpns or len(state.nrpns) < _MOST_NRPNS:
            state.nrpns[nrpn] = after, has_low
        return Reading("nrpn", nrpn, channel, after, number != 6 or not has_low)


def _of_key(kind: str, channel: int, key: int | None, value: int | None) -> list[Reading]:
    return [] if key is None or value is None else [Reading(kind, key, channel, value)]


def _text(message: object, name: str) -> str:
    value = _attribute(message, name)
    return value if isinstance(value, str) else ""


def _whole(message: object, name: str, low: int, high: int) -> int | None:
    value = _attribute(message, name)
    return value if type(value) is int and low <= value <= high else None


def _attribute(message: object, name: str) -> object:
    try:
        return getattr(message, name, None)
    except Exception:  # a message class of someone else may do anything
        return None
