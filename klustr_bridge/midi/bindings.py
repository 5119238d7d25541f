"""Bindings: which control drives what, as users write it, and whole controllers made of them.

This module owns the words and their checking; what a binding does as messages come is `mapping`'s.
"""

import fnmatch
import re
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from typing import Final, Literal

from klustr_bridge.errors import MidiError
from klustr_bridge.midi.controls import Control, Reading, parse_control
from klustr_bridge.sound.kinds import KINDS

AXES: Final = ("x", "y")
COMMANDS: Final[dict[str, tuple[str, ...]]] = {
    "random": (),
    "stop": (),
    "favourite": (),
    "relayout": (),
    "clip": ("1", "2", "4", "8", "16", "32"),
    "clear": (),
    "kind": KINDS,
    "audition": ("off", "change", "retrigger", "hold"),
    "quantise": ("off", "bar", "4th", "8th", "16th", "32nd"),
    "view": ("natural", "even"),
}
"""Targets of buttons, with the words of which one must follow."""

TARGETS: Final = (*AXES, "touch", "trigger", *COMMANDS)
RELATIVE: Final = ("twos complement", "binary offset", "sign bit", "sign bit 2")
"""Ways in which endless knobs tell their steps; names and forms as in Live and most controllers' editors."""

LIGHTS: Final = ("launchpad", "push2")
"""Palettes of lights: which velocity is which colour."""

TAKEOVERS: Final = ("jump", "pickup", "scaled")
Takeover = Literal["jump", "pickup", "scaled"]
MAX_CURSOR: Final = 255
_STEP: Final = 1.0 / 128.0
_MOST_BINDINGS: Final = 512
_FIELDS: Final = {
    *("ports", "control", "pads", "pins", "gate", "mpe", "defaults"),
    *("lights", "lights_channel", "output", "setup", "colours"),
}
_EXCLUSIVE: Final = re.compile(rb"(\xf0[\x00-\x7f]{1,512}\xf7){1,16}")
_UID: Final = re.compile(r"[a-z2-7]{16}(:\d+-\d+)?")


@dataclass(frozen=True, slots=True)
class Binding:
    """One control and what it drives.

    Attributes
    ----------
    control : Control
        Channel None: on any channel.
    target : str
        One of `TARGETS`.
    argument : str
        What follows the target, such as the kind of ``kind kick``.
    cursor : int
        The cursor that is driven, 0..255.
    takeover : str
        What an axis does when a knob stands elsewhere than the cursor: the cursor jumps to it, the
        knob must pass the cursor first (``pickup``), or both come together at the end of the way
        (``scaled``).
    relative : str
        One of `RELATIVE` for endless knobs, or empty.
    step : float
        Share of the map that a step of an endless knob moves.
    invert : bool
        Whether the control is turned round.
    """

    control: Control
    target: str
    argument: str = ""
    cursor: int = 0
    takeover: Takeover = "jump"
    relative: str = ""
    step: float = _STEP
    invert: bool = False

    def __post_init__(self) -> None:
        _check_target(self.target, self.argument)
        _among("takeover", self.takeover, TAKEOVERS)
        if self.target in AXES and self.control.kind in ("note", "program"):
            raise MidiError(f"a {self.control.kind} can't drive {self.target}: it has no way to go")
        if self.relative:
            _among("relative", self.relative, RELATIVE)
            if self.target not in AXES or self.control.kind != "cc":
                raise MidiError("only a cc that drives x or y can be relative")
        if not 0 <= self.cursor <= MAX_CURSOR:
            raise MidiError(f"the cursor is {self.cursor}; allowed is 0 to {MAX_CURSOR}")
        if not 0.0 < self.step <= 1.0:
            raise MidiError(f"the step is {self.step:g}; allowed is more than 0, at most 1")


@dataclass(frozen=True, slots=True)
class Pads:
    """Keys or pads that are a grid over the map.

    Attributes
    ----------
    first : int
        The note of the lower left pad.
    columns, rows : int
        1..32 each.
    stride : int
        Notes from one row to the next: ``columns`` unless the controller leaves some out (10 on a
        Launchpad in programmer mode).
    channel : int or None
        1 to 16; None: any.
    over : str
        ``map`` for all of it, ``cursor`` for what lies nearest to cursor 0.
    """

    first: int
    columns: int = 4
    rows: int = 4
    stride: int = 0
    channel: int | None = None
    over: Literal["map", "cursor"] = "map"

    def __post_init__(self) -> None:
        if not (1 <= self.columns <= 32 and 1 <= self.rows <= 32):
            raise MidiError(f"pads are {self.columns} x {self.rows}; allowed is 1 to 32 each")
        if self.stride and self.stride < self.columns:
            raise MidiError(f"the stride is {self.stride}; allowed is {self.columns}, the columns, or more")
        if not 0 <= self.first <= self.note(self.columns - 1, self.rows - 1) <= 127:
            raise MidiError(f"pads from note {self.first} on reach beyond 127, the highest note")
        if self.channel is not None and not 1 <= self.channel <= 16:
            raise MidiError(f"the channel is {self.channel}; allowed is 1 to 16")
        _among("over", self.over, ("map", "cursor"))

    def note(self, column: int, row: int) -> int:
        """Return the note of a pad, counted from the lower left."""
        return self.first + row * (self.stride or self.columns) + column

    def pad_of(self, reading: Reading) -> tuple[int, int] | None:
        """Return column and row of a key, None for one beside the pads."""
        if reading.kind != "note" or self.channel not in (None, reading.channel):
            return None
        row, column = divmod(reading.number - self.first, self.stride or self.columns)
        return (column, row) if 0 <= row < self.rows and 0 <= column < self.columns else None


@dataclass(frozen=True, slots=True)
class Controller:
    """How the inputs whose names match are understood.

    Attributes
    ----------
    ports : str
        Part of a name, or a pattern of the whole with ``*`` and ``?``, in any case; empty: all.
    bindings : tuple of Binding
    pads : tuple of Pads
        Come before the bindings of notes.
    pins : mapping of int to mapping of int to str
        Uids by program (bank) and note; they come before pads.
    gate : bool
        Whether a sound ends with its key (else it plays to its end).
    defaults : bool
        Whether controls that are bound to nothing do what they do on any controller.
    lights : str
        One of `LIGHTS`: pads show the kinds of their sounds; empty: they are left alone.
    lights_channel : int
        1 to 16: how they light, on many controllers.
    output : str
        Where lights are sent, as `ports`; empty: to the output of the same controller.
    setup : bytes
        System exclusive messages that are sent there before, such as one for another mode.
    colours : mapping of str to int
        Velocities of kinds, in place of the palette's.
    mpe : bool
        Each finger is a cursor: one note a channel, bend and CC 74. Without it, a controller that
        announces its zones is understood so, too.
    """

    ports: str = ""
    bindings: tuple[Binding, ...] = ()
    pads: tuple[Pads, ...] = ()
    pins: MappingOf[int, MappingOf[int, str]] = field(default_factory=dict)
    gate: bool = False
    mpe: bool = False
    defaults: bool = False
    lights: str = ""
    lights_channel: int = 1
    output: str = ""
    setup: bytes = b""
    colours: MappingOf[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.lights:
            _among("lights", self.lights, LIGHTS)
        if not 1 <= self.lights_channel <= 16:
            raise MidiError(f"lights_channel is {self.lights_channel}; allowed is 1 to 16")
        for kind, colour in self.colours.items():
            _among("a kind", kind, KINDS)
            if not 0 <= colour <= 127:
                raise MidiError(f"the colour of {kind} is {colour}; allowed is 0 to 127")

    def listens_to(self, port: str) -> bool:
        """Whether an input is meant; numbers that systems add to names don't count."""
        return names_port(self.ports, port)


def names_port(wanted: str, port: str) -> bool:
    """Whether part of a name, or a pattern of the whole, is that of a port."""
    wanted, name = wanted.strip().casefold(), port.casefold()
    return wanted in name or fnmatch.fnmatchcase(name, wanted)


def make_binding(fields: MappingOf[str, object]) -> Binding:
    """Return the binding of a table such as ``{control = "cc 12", target = "x"}``.

    Raises
    ------
    MidiError
        A word or number in it is wrong.
    """
    known = {"control", "target", "cursor", "takeover", "relative", "step", "invert"}
    _only(fields, known, "a control")
    for name in ("control", "target"):
        if not isinstance(fields.get(name), str):
            raise MidiError(f'a control lacks its {name}, as in control = "cc 12", target = "x"')
    target, _, argument = str(fields["target"]).strip().lower().partition(" ")
    return Binding(
        control=parse_control(str(fields["control"])),
        target=target,
        argument=argument.strip().replace("-", "_") if target == "kind" else argument.strip(),
        cursor=_int(fields, "cursor", 0),
        takeover=_str(fields, "takeover", "jump"),  # type: ignore[arg-type]
        relative=_str(fields, "relative", ""),
        step=_float(fields, "step", _STEP),
        invert=_bool(fields, "invert"),
    )


def make_controllers(document: MappingOf[str, object]) -> tuple[Controller, ...]:
    """Return the controllers of a mapping file that has been read.

    Parameters
    ----------
    document : mapping
        As `tomllib` gives it: ``controller``, a list of tables.

    Raises
    ------
    MidiError
        Something in it is wrong; the message says in which controller, and what is allowed.
    """
    _only(document, {"controller"}, "a mapping file")
    found = []
    for number, each in enumerate(_tables(document, "controller"), 1):
        try:
            found.append(_controller(each))
        except MidiError as error:
            name = each.get("ports") or number
            raise MidiError(f"controller {name}: {error}") from error
    return tuple(found)


def _controller(fields: MappingOf[str, object]) -> Controller:
    _only(fields, _FIELDS, "a controller")
    bindings = tuple(make_binding(each) for each in _tables(fields, "control"))
    if len(bindings) > _MOST_BINDINGS:
        raise MidiError(f"{len(bindings)} controls; allowed are {_MOST_BINDINGS}")
    pins: dict[int, dict[int, str]] = {}
    for each in _tables(fields, "pins"):
        _only(each, {"program", "note", "uid"}, "a pin")
        program, note, uid = _int(each, "program", 0), _int(each, "note", -1), _str(each, "uid", "")
        if not 0 <= program <= 127 or not 0 <= note <= 127 or not _UID.fullmatch(uid):
            raise MidiError(
                f"a pin needs note (0 to 127) and uid, as find and similar list it, not {uid!r}; "
                "program is 0 to 127"
            )
        pins.setdefault(program, {})[note] = uid
    return Controller(
        ports=_str(fields, "ports", ""),
        bindings=bindings,
        pads=tuple(_pads(each) for each in _tables(fields, "pads")),
        pins=pins,
        gate=_bool(fields, "gate"),
        mpe=_bool(fields, "mpe"),
        defaults=_bool(fields, "defaults", default=True),
        lights=_str(fields, "lights", ""),
        lights_channel=_int(fields, "lights_channel", 1),
        output=_str(fields, "output", ""),
        setup=_exclusive(_str(fields, "setup", "")),
        colours=_colours(fields),
    )


def _exclusive(text: str) -> bytes:
    """Return system exclusive messages that are written in hexadecimal."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b"?"
    if data and not _EXCLUSIVE.fullmatch(data):
        raise MidiError(f"setup is {text!r}; it is messages in hexadecimal, each F0 ... F7")
    return data


def _colours(fields: MappingOf[str, object]) -> dict[str, int]:
    found = fields.get("colours", {})
    if not isinstance(found, dict):
        raise MidiError("colours is a table, written [controller.colours], with lines such as kick = 5")
    return {kind.replace("-", "_"): _int(found, kind, 0) for kind in found}


def _pads(fields: MappingOf[str, object]) -> Pads:
    _only(fields, {"first", "columns", "rows", "stride", "channel", "over"}, "pads")
    channel = _int(fields, "channel", 0)
    return Pads(
        first=_int(fields, "first", 36),
        columns=_int(fields, "columns", 4),
        rows=_int(fields, "rows", 4),
        stride=_int(fields, "stride", 0),
        channel=channel or None,
        over=_str(fields, "over", "map"),  # type: ignore[arg-type]
    )


def _check_target(target: str, argument: str) -> None:
    _among("target", target, TARGETS)
    words = COMMANDS.get(target, ())
    if words:
        _among(target, argument, words)
    elif argument:
        raise MidiError(f"the target {target!r} takes nothing after it, not {argument!r}")


def _among(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise MidiError(f"{what} is {value!r}; allowed are {', '.join(allowed)}")


def _only(fields: MappingOf[str, object], known: set[str], what: str) -> None:
    unknown = sorted(set(fields) - known)
    if unknown:
        raise MidiError(f"{what} has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")


def _tables(fields: MappingOf[str, object], name: str) -> list[MappingOf[str, object]]:
    found = fields.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise MidiError(f"{name} is a list of tables, written [[{name}]]")
    return found


def _int(fields: MappingOf[str, object], name: str, default: int) -> int:
    value = fields.get(name, default)
    if type(value) is not int:
        raise MidiError(f"{name} is {value!r}; it is a whole number")
    return value


def _float(fields: MappingOf[str, object], name: str, default: float) -> float:
    value = fields.get(name, default)
    if type(value) not in (int, float):
        raise MidiError(f"{name} is {value!r}; it is a number")
    return float(value)  # type: ignore[arg-type]


def _str(fields: MappingOf[str, object], name: str, default: str) -> str:
    value = fields.get(name, default)
    if not isinstance(value, str):
        raise MidiError(f"{name} is {value!r}; it is a text")
    return value.strip()


def _bool(fields: MappingOf[str, object], name: str, *, default: bool = False) -> bool:
    value = fields.get(name, default)
    if not isinstance(value, bool):
        raise MidiError(f"{name} is {value!r}; it is true or false")
    return value
