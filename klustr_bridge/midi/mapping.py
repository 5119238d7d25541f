"""What one controller's messages do: messages in, actions out.

Pure: the time is an argument. Owns the state that this takes: where each cursor is, halves of values, which
fingers are down, and the joining of X and Y, which arrive as two messages.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from klustr_bridge.midi.actions import Action, Command, Hit, Key, Lift, Move, Release, StopAll, Trigger
from klustr_bridge.midi.bindings import AXES, Binding, Controller
from klustr_bridge.midi.controls import Decoder, Reading
from klustr_bridge.midi.mpe import Zones
from klustr_bridge.midi.presets import DEFAULT

JOIN_S: Final = 0.004
"""X and Y no further apart than this are one move; a lone one waits as long for the other."""

HEARD_TYPES: Final = frozenset(
    {"control_change", "pitchwheel", "note_on", "note_off", "aftertouch", "polytouch", "program_change"}
)
"""Types of messages that can mean something; all others may be dropped before they get here."""

_TOUCHED: Final = 0.5
_NEAR: Final = 1.5 / 127.0
_CENTRE: Final = 0.5
_ALL_OFF: Final = (120, 123)


@dataclass(slots=True)
class _Cursor:
    x: float = _CENTRE
    y: float = _CENTRE
    new_axes: set[str] = field(default_factory=set)
    due_s: float | None = None


@dataclass(slots=True)
class _Knob:
    """What a binding of an axis remembers of its control."""

    last: float | None = None
    is_engaged: bool = True


class Mapping:
    """Understands the messages of one input.

    Parameters
    ----------
    controller : Controller
        How.
    port : str
        The input's name, for the keys of its actions.
    join_s : float
        How long X and Y wait for each other, seconds.
    """

    def __init__(self, controller: Controller, port: str = "", join_s: float = JOIN_S) -> None:
        self._controller = controller
        self._bindings = _all_bindings(controller)
        self._port = port
        self._join_s = join_s
        self._decoder = Decoder()
        self._zones = Zones(controller.mpe)
        self._cursors: dict[int, _Cursor] = {}
        self._knobs: dict[tuple[int, int, int], _Knob] = {}
        self._pressed: set[tuple[int, str, int, int]] = set()
        self._held: set[Key] = set()
        self._program = 0

    @property
    def due_s(self) -> float | None:
        """When a lone X or Y stops waiting for the other one; None if none waits."""
        return min((c.due_s for c in self._cursors.values() if c.due_s is not None), default=None)

    @property
    def program(self) -> int:
        """The bank of pins that is chosen, 0 to 127."""
        return self._program

    def hear(self, message: object, now_s: float) -> list[Action]:
        """Take one message.

        Parameters
        ----------
        message : object
            As mido makes them. Whatever is not understood means nothing.
        now_s : float
            When it arrived, seconds of a monotonic clock.

        Returns
        -------
        list of Action
            In order.
        """
        actions = self.due(now_s)
        for reading in self._decoder.read(message):
            actions += self._read(reading, now_s)
        return actions

    def due(self, now_s: float) -> list[Action]:
        """Return the moves that have waited long enough."""
        actions: list[Action] = []
        for number, cursor in self._cursors.items():
            if cursor.due_s is not None and now_s >= cursor.due_s:
                actions.append(self._settled(number, cursor))
        return actions

    def forget_moves(self) -> None:
        """Let what waits not be a move."""
        for cursor in self._cursors.values():
            _settle(cursor)

    def go_on_from(self, other: "Mapping") -> None:
        """Take over where cursors and fingers are and which keys are down, of the same input before."""
        self._decoder, self._zones, self._cursors = other._decoder, other._zones, other._cursors
        self._held, self._program = other._held, other._program
        if self._controller.mpe != other._controller.mpe:
            self._zones = Zones(self._controller.mpe)

    def moved(self, cursor: int, x: float, y: float) -> None:
        """Take note of where something else has moved a cursor: knobs must be taken over again."""
        state = self._cursors.setdefault(cursor, _Cursor())
        if (state.x, state.y) == (x, y):
            return
        state.x, state.y = x, y
        for axis in AXES:
            self._let_knobs_go(cursor, axis)

    def _let_knobs_go(self, cursor: int, axis: str, but: _Knob | None = None) -> None:
        """Have knobs taken over again whose axis something else has moved."""
        for (at, _, _), knob in self._knobs.items():
            binding = self._bindings[at]
            if knob is not but and (binding.cursor, binding.target) == (cursor, axis):
                knob.is_engaged = False

    def _read(self, reading: Reading, now_s: float) -> list[Action]:
        if self._zones.declare(reading):
            return []
        finger = self._zones.read(reading)
        if reading.kind == "note" and not reading.value:
            return self._key_up(reading, finger)
        if finger is not None:
            return self._finger(finger, reading, now_s)
        if reading.kind == "program" and self._controller.pins:
            self._program = reading.number
        if reading.kind == "note" and (hit := self._hit(reading)) is not None:
            return [hit]
        actions: list[Action] = []
        for at, binding in enumerate(self._bindings):
            if binding.control.covers(reading):
                actions += self._bound(at, binding, reading, now_s)
        return actions

    def _cursor(self, number: int) -> _Cursor:
        return self._cursors.setdefault(number, _Cursor())

    def _key_of(self, reading: Reading) -> Key:
        return Key(self._port, reading.channel, reading.number)

    def _key_down(self, reading: Reading) -> Key:
        key = self._key_of(reading)
        self._held.add(key)
        return key

    def _key_up(self, reading: Reading, finger: int | None) -> list[Action]:
        """End what a key has begun, whatever it would begin now."""
        actions: list[Action] = []
        key = self._key_of(reading)
        up = ("note", key.channel, key.number)
        self._pressed = {place for place in self._pressed if place[1:] != up}
        state = None if finger is None else self._cursors.get(finger)
        if finger is not None and state is not None:
            actions += self._flush(finger, state)
        if key in self._held:
            self._held.discard(key)
            actions.append(Release(key))
        for binding in self._bindings:
            if binding.target == "touch" and binding.control.covers(reading):
                actions += [*self._flush(binding.cursor, self._cursor(binding.cursor)), Lift(binding.cursor)]
        return actions if finger is None else [*actions, Lift(finger)]

    def _finger(self, cursor: int, reading: Reading, now_s: float) -> list[Action]:
        """Move a finger of an MPE surface, or put it down: each is a cursor."""
        x, y = self._zones.place(reading.channel)
        if reading.kind == "note":
            state = self._cursors.setdefault(cursor, _Cursor())
            state.x, state.y = x, y
            _settle(state)
            return [Trigger(x, y, reading.share, cursor, self._key_down(reading))]
        if not self._zones.is_down(reading.channel):
            return []
        return [*self._turn(cursor, "x", x, now_s), *self._turn(cursor, "y", y, now_s, joins=False)]

    def _hit(self, reading: Reading) -> Hit | None:
        """What a key that is pinned, or a pad, asks for; None for one that the bindings have a say on."""
        uid = self._controller.pins.get(self._program, {}).get(reading.number, "")
        if uid:
            return Hit(reading.share, self._key_down(reading), uid=uid)
        for pads in self._controller.pads:
            if (pad := pads.pad_of(reading)) is not None:
                return Hit(reading.share, self._key_down(reading), pads, *pad)
        return None

    def _bound(self, at: int, binding: Binding, reading: Reading, now_s: float) -> list[Action]:
        if binding.target in AXES:
            return self._axis(at, binding, reading, now_s)
        share = 1.0 - reading.share if binding.invert else reading.share
        cursor = self._cursors.setdefault(binding.cursor, _Cursor())
        if binding.target == "touch":
            if share >= _TOUCHED:
                return self._wait(binding.cursor, cursor, "", now_s)
            return [*self._flush(binding.cursor, cursor), Lift(binding.cursor)]
        if binding.target == "trigger" and reading.kind == "note":
            _settle(cursor)  # the trigger goes there itself: a move before it would sound twice
            velocity = max(share, 1.0 / 127.0)
            return [Trigger(cursor.x, cursor.y, velocity, binding.cursor, self._key_down(reading))]
        if not self._is_press(at, binding, reading, share):
            return []
        if binding.target == "stop":
            return [*self._flush(binding.cursor, cursor), StopAll()]
        if binding.target == "trigger":
            _settle(cursor)
            return [Trigger(cursor.x, cursor.y, max(share, 1.0 / 127.0), binding.cursor)]
        return [
            *self._flush(binding.cursor, cursor),
            Command(binding.target, binding.argument, binding.cursor),
        ]

    def _is_press(self, at: int, binding: Binding, reading: Reading, share: float) -> bool:
        """Whether a button goes down with this; programs, and all sound or notes off, need no way up."""
        is_off = binding.target == "stop" and reading.kind == "cc" and reading.number in _ALL_OFF
        if reading.kind == "program" or is_off:
            return True
        place = (at, reading.kind, reading.channel, reading.number)
        is_down = reading.kind == "note" or share >= _TOUCHED
        was_down = place in self._pressed
        (self._pressed.add if is_down else self._pressed.discard)(place)
        return is_down and not was_down

    def _axis(self, at: int, binding: Binding, reading: Reading, now_s: float) -> list[Action]:
        cursor = self._cursors.setdefault(binding.cursor, _Cursor())
        here = cursor.x if binding.target == "x" else cursor.y
        if binding.relative:
            steps = steps_of(reading.value, binding.relative) * (-1 if binding.invert else 1)
            if not steps:
                return []
            value = min(1.0, max(0.0, here + steps * binding.step))
        else:
            share = 1.0 - reading.share if binding.invert else reading.share
            knob = self._knobs.setdefault((at, reading.channel, reading.number), _Knob())
            taken = _taken_over(knob, binding.takeover, share, here)
            knob.last = share
            if taken is None:
                return []
            value = taken
            self._let_knobs_go(binding.cursor, binding.target, but=knob)
        return self._turn(binding.cursor, binding.target, value, now_s, joins=reading.is_whole)

    def _turn(
        self, number: int, axis: str, value: float, now_s: float, *, joins: bool = True
    ) -> list[Action]:
        cursor = self._cursors.setdefault(number, _Cursor())
        if axis == "x":
            cursor.x = value
        else:
            cursor.y = value
        return self._wait(number, cursor, axis if joins else "", now_s)

    def _wait(self, number: int, cursor: _Cursor, axis: str, now_s: float) -> list[Action]:
        """Note a new X or Y, or ("") that the pad is touched, or a value that is not whole yet."""
        if axis:
            cursor.new_axes.add(axis)
        if len(cursor.new_axes) == len(AXES):
            return [self._settled(number, cursor)]
        if cursor.due_s is None:
            cursor.due_s = now_s + self._join_s
        return []

    def _flush(self, number: int, cursor: _Cursor) -> list[Action]:
        return [] if cursor.due_s is None else [self._settled(number, cursor)]

    def _settled(self, number: int, cursor: _Cursor) -> Move:
        _settle(cursor)
        return Move(cursor.x, cursor.y, number)


def _all_bindings(controller: Controller) -> tuple[Binding, ...]:
    """Bindings of a controller, and of any controller's those whose control it has nothing else for."""
    if not controller.defaults:
        return controller.bindings
    own = {(binding.control.kind, binding.control.number) for binding in controller.bindings}
    rest = [b for b in DEFAULT.bindings if (b.control.kind, b.control.number) not in own]
    return *controller.bindings, *rest


def steps_of(value: int, encoding: str) -> int:
    """Return the steps that an endless knob tells by a controller's value.

    Parameters
    ----------
    value : int
        0..127.
    encoding : str
        ``twos complement`` (1 up, 127 down), ``binary offset`` (65 up, 63 down), ``sign bit`` (1 up, 65
        down) or ``sign bit 2`` (65 up, 1 down).
    """
    if encoding == "twos complement":
        return value - 128 if value >= 64 else value
    if encoding == "binary offset":
        return value - 64
    steps = value & 63
    is_down = value >= 64 if encoding == "sign bit" else value < 64
    return -steps if is_down else steps


def _taken_over(knob: _Knob, takeover: str, share: float, here: float) -> float | None:
    """Return where an axis goes when its knob has come to a share, None where it does not follow yet."""
    last, was_engaged = knob.last, knob.is_engaged and knob.last is not None
    if takeover == "jump" or was_engaged:
        knob.is_engaged = True
        return share
    if last is None:  # the knob is heard for the first time: where it was is not known
        knob.is_engaged = abs(share - here) <= _NEAR
        return share if knob.is_engaged else None
    passed = min(last, share) - _NEAR <= here <= max(last, share) + _NEAR
    if passed:
        knob.is_engaged = True
        return share
    if takeover == "pickup":
        return None
    if share > last:
        return here + (share - last) * (1.0 - here) / max(1.0 - last, 1e-9)
    return here - (last - share) * here / max(last, 1e-9)


def _settle(cursor: _Cursor) -> None:
    cursor.new_axes.clear()
    cursor.due_s = None


def port_controller(controllers: Sequence[Controller], port: str, default: Controller) -> Controller:
    """Return the first controller that listens to an input, else the default one."""
    return next((controller for controller in controllers if controller.listens_to(port)), default)
