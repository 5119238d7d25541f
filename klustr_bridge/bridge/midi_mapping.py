"""What MIDI messages mean: messages in, actions on the map out.

This module owns the controls that are understood and the joining of X and Y, which arrive as two
messages. It is pure: the time is an argument; it knows no port, no navigator and no thread.
"""

from dataclasses import dataclass
from typing import Final

JOIN_S: Final = 0.004
"""X and Y no further apart than this are one move; a lone one waits as long for the other."""

PAD_X: Final = 12
PAD_Y: Final = 13
PAD_TOUCH: Final = 92
MOD_WHEEL: Final = 1
ALL_SOUND_OFF: Final = 120
ALL_NOTES_OFF: Final = 123

HEARD_TYPES: Final = frozenset({"control_change", "pitchwheel", "note_on"})
"""Types of messages that can mean something; all others may be dropped before they get here."""

_Y_CONTROLS: Final = frozenset({PAD_Y, MOD_WHEEL})
_STOPS: Final = frozenset({ALL_SOUND_OFF, ALL_NOTES_OFF})
_MOST: Final = 127
_TOUCHED: Final = 64
_BEND: Final = 8192
_CENTRE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Move:
    """The cursor is at `x`, `y`, both 0..1."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Trigger:
    """Play what is nearest to `x`, `y` (0..1) with a velocity of 0..1, more than 0."""

    x: float
    y: float
    velocity: float


@dataclass(frozen=True, slots=True)
class Lift:
    """The finger has left the pad: what it lands on next sounds even if it is the same sound."""


@dataclass(frozen=True, slots=True)
class StopAll:
    """Stop whatever sounds."""


Action = Move | Trigger | Lift | StopAll


class MidiMapping:
    """The position of the one cursor that all inputs share, and what of it was not told yet.

    X comes from CC 12 (Kaoss pads, nanoPAD) or pitch bend, Y from CC 13 or the modulation wheel (CC 1),
    touch from CC 92; a note plays the sound under the cursor; CC 120 and 123 stop everything. Notes
    that end mean nothing, since sounds are one-shots. Any channel will do.

    Parameters
    ----------
    join_s : float
        How long X and Y wait for each other, seconds.
    """

    def __init__(self, join_s: float = JOIN_S) -> None:
        self._join_s = join_s
        self._x = _CENTRE
        self._y = _CENTRE
        self._new_axes: set[str] = set()
        self._due_s: float | None = None

    @property
    def due_s(self) -> float | None:
        """When a lone X or Y stops waiting for the other one; None if none waits."""
        return self._due_s

    def hear(self, message: object, now_s: float) -> list[Action]:
        """Take one message.

        Parameters
        ----------
        message : object
            As mido makes them: `type`, and `control` and `value`, `pitch`, or `note` and `velocity`.
            Whatever is not understood, or has a value out of range, means nothing.
        now_s : float
            When it arrived, seconds of a monotonic clock.

        Returns
        -------
        list of Action
            In order.
        """
        actions = self.due(now_s)
        match _text(message, "type"):
            case "control_change":
                control = _whole(message, "control", 0, _MOST)
                value = _whole(message, "value", 0, _MOST)
                if control is not None and value is not None:
                    actions += self._control(control, value, now_s)
            case "pitchwheel":
                pitch = _whole(message, "pitch", -_BEND, _BEND - 1)
                if pitch is not None:
                    self._x = (pitch + _BEND) / (2 * _BEND - 1)
                    actions += self._wait("x", now_s)
            case "note_on":
                velocity = _whole(message, "velocity", 0, _MOST)
                if velocity and _whole(message, "note", 0, _MOST) is not None:
                    self._settle()  # the trigger goes there itself: a move before it would sound twice
                    actions.append(Trigger(self._x, self._y, velocity / _MOST))
        return actions

    def due(self, now_s: float) -> list[Action]:
        """Return the move that has waited long enough, if there is one."""
        if self._due_s is None or now_s < self._due_s:
            return []
        return self._flush()

    def _control(self, control: int, value: int, now_s: float) -> list[Action]:
        if control == PAD_X:
            self._x = value / _MOST
            return self._wait("x", now_s)
        if control in _Y_CONTROLS:
            self._y = value / _MOST
            return self._wait("y", now_s)
        if control == PAD_TOUCH:
            return self._wait("", now_s) if value >= _TOUCHED else [*self._flush(), Lift()]
        return [*self._flush(), StopAll()] if control in _STOPS else []

    def _wait(self, axis: str, now_s: float) -> list[Action]:
        """Note a new X or Y, or ("") that the pad is touched, maybe where it was before."""
        if axis:
            self._new_axes.add(axis)
        if len(self._new_axes) == 2:
            return self._flush()
        if self._due_s is None:
            self._due_s = now_s + self._join_s
        return []

    def _flush(self) -> list[Action]:
        if self._due_s is None:
            return []
        self._settle()
        return [Move(self._x, self._y)]

    def _settle(self) -> None:
        self._new_axes.clear()
        self._due_s = None


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
