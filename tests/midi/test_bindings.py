"""Mapping files: what is written in them, and what is said of mistakes."""

import tomllib

import pytest

from klustr_bridge.errors import MidiError
from klustr_bridge.midi import Binding, Controller, Pads, parse_control
from klustr_bridge.midi.bindings import make_controllers

FILE = """
[[controller]]
ports = "nanoPAD2*"
gate = true

[[controller.control]]
control = "cc14 1 ch 2"
target = "x"
cursor = 4
takeover = "pickup"
invert = true

[[controller.control]]
control = "note 40"
target = "Kind Open-Hat"

[[controller.control]]
control = "cc 20"
target = "y"
relative = "binary offset"
step = 0.05

[[controller.pads]]
first = 11
columns = 8
rows = 8
stride = 10
over = "cursor"

[[controller.pins]]
note = 36
uid = "abcdefgh22334455"

[[controller.pins]]
program = 2
note = 36
uid = "ijklmnop66777722"

[[controller]]
mpe = true
lights = "launchpad"
lights_channel = 7
output = "LPX*"
setup = "F0 00 F7 F0 01 02 F7"
colours = {open-hat = 9}
"""


CONTROL = "[[controller]]\n[[controller.control]]\n"
LIT = "[[controller]]\nlights = 'launchpad'\n"
PADS = "[[controller]]\n[[controller.pads]]\n"


def controllers(text: str) -> tuple[Controller, ...]:
    return make_controllers(tomllib.loads(text))


def test_a_file_is_understood() -> None:
    """Every key of it."""
    pad, surface = controllers(FILE)
    assert pad == Controller(
        ports="nanoPAD2*",
        gate=True,
        defaults=True,
        bindings=(
            Binding(parse_control("cc14 1 ch 2"), "x", cursor=4, takeover="pickup", invert=True),
            Binding(parse_control("note 40"), "kind", "open_hat"),
            Binding(parse_control("cc 20"), "y", relative="binary offset", step=0.05),
        ),
        pads=(Pads(11, 8, 8, 10, None, "cursor"),),
        pins={0: {36: "abcdefgh22334455"}, 2: {36: "ijklmnop66777722"}},
    )
    assert surface == Controller(
        mpe=True,
        defaults=True,
        lights="launchpad",
        lights_channel=7,
        output="LPX*",
        setup=bytes.fromhex("F000F7F00102F7"),
        colours={"open_hat": 9},
    )
    assert controllers("") == ()


@pytest.mark.parametrize(
    ("pattern", "port", "meant"),
    [
        ("", "anything", True),
        ("nanopad", "nanoPAD2:nanoPAD2 MIDI 1 24:0", True),
        ("nanoPAD2*", "nanoPAD2 1", True),
        ("*pad2 ?", "nanoPAD2 1", True),
        ("launchpad", "nanoPAD2 1", False),
    ],
)
def test_inputs_are_meant_by_part_or_pattern(pattern: str, port: str, meant: bool) -> None:
    """In any case, whatever the system adds to a name."""
    assert Controller(ports=pattern).listens_to(port) == meant


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "a mapping file has no x; it has controller"),
        ("controller = 3", r"controller is a list of tables, written \[\[controller\]\]"),
        ('[[controller]]\nports = "a"\nfoo = 1', "controller a: a controller has no foo"),
        (CONTROL + 'control = "cc 12"', "controller 1: a control lacks its target"),
        (CONTROL + 'control = "cc 200"\ntarget = "x"', "allowed is 0 to 127"),
        (CONTROL + 'control = "cc 1"\ntarget = "z"', "target is 'z'; allowed are x, y"),
        (CONTROL + 'control = "cc 1"\ntarget = "kind"', "kind is ''; allowed are"),
        (CONTROL + 'control = "cc 1"\ntarget = "view odd"', "allowed are natural, even"),
        (CONTROL + 'control = "cc 1"\ntarget = "random 3"', "takes nothing after it"),
        (CONTROL + 'control = "bend"\ntarget = "x"\nrelative = "sign bit"', "only a cc"),
        (CONTROL + 'control = "cc 1"\ntarget = "x"\nrelative = "up"', "relative is 'up'"),
        (CONTROL + 'control = "cc 1"\ntarget = "x"\ntakeover = "no"', "takeover is 'no'"),
        (CONTROL + 'control = "cc 1"\ntarget = "x"\ncursor = 256', "0 to 255"),
        (CONTROL + 'control = "cc 1"\ntarget = "x"\ncursor = true', "a whole number"),
        (CONTROL + 'control = "cc 1"\ntarget = "x"\nstep = 0', "more than 0"),
        (CONTROL + 'control = "cc 1"\ntarget = "x"\ninvert = 1', "true or false"),
        ("[[controller]]\nlights = 'disco'", "lights is 'disco'; allowed are launchpad, push2"),
        (LIT + "setup = 'F0 01'", "setup is 'F0 01'; it is messages in hexadecimal"),
        (LIT + "setup = 'F0 81 F7'", "setup is"),
        (LIT + "setup = 'nonsense'", "setup is"),
        (LIT + "setup = 'F0 01 F7 90 24 05'", "setup is"),
        (LIT + f"setup = 'F0 {'01 ' * 513} F7'", "setup is"),
        (LIT + f"setup = '{'F0 01 F7 ' * 17}'", "setup is"),
        (LIT + "lights_channel = 0", "lights_channel is 0; allowed is 1 to 16"),
        (LIT + "[controller.colours]\nkick = 128", "the colour of kick is 128; allowed is 0 to 127"),
        (LIT + "[controller.colours]\nkik = 1", "a kind is 'kik'; allowed are"),
        (LIT + "colours = 3", "colours is a table"),
        (CONTROL + 'control = "cc 1"\ntarget = "clip 3"', "clip is '3'; allowed are 1, 2, 4"),
        (PADS + "first = 120", "beyond 127"),
        (PADS + "columns = 8\nstride = 4", "allowed is 8, the columns, or more"),
        (PADS + "rows = 0", "1 to 32"),
        (PADS + 'over = "all"', "allowed are map, cursor"),
        (PADS + "channel = 17", "1 to 16"),
        ("[[controller]]\n[[controller.pins]]\nnote = 3", "a pin needs note"),
        ("[[controller]]\nports = 3", "ports is 3; it is a text"),
        (CONTROL + 'control = "cc 1"\ntarget = "kind nonsense"', "kind is 'nonsense'; allowed are"),
        (CONTROL + 'control = "note 36"\ntarget = "x"', "a note can't drive x"),
        ('[[controller]]\n[[controller.pins]]\nnote = 3\nuid = "zz"', "a pin needs note"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_what_is_allowed(text: str, message: str) -> None:
    """And in which controller they are."""
    with pytest.raises(MidiError, match=message):
        controllers(text)
