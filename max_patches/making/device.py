"""The devices for Live: the instrument, which sounds itself, and the MIDI effect, which has the bridge sound.

Each comes twice: with the code inside, for Max 9 (``v8``), and for Max 8 (``js``), which takes the code from
the package.
"""

from dataclasses import dataclass
from typing import Any, Final

from py2max import Box

from klustr_bridge.sound.kinds import KINDS
from making import parameters
from making.bundle import bundle
from making.canvas import OF_SQUARE, Canvas, Rect
from making.places import BRIDGE_PORT
from making.voice import voice

N_PADS: Final = 8
N_FREE_VOICES: Final = 4
INSTRUMENT_WIDTH: Final = 560
MIDI_WIDTH: Final = 330
_MPE_TYPES: Final = ("", "", "", "", "int", "", "int", "int", "int", "")


@dataclass(frozen=True)
class Core:
    """The boxes that both devices are built around."""

    canvas: Canvas
    code: Box
    send: Box
    show: Box


def instrument(major: int) -> Canvas:
    """Return the instrument's patch for a version of Max."""
    core = _core(Canvas(1660, 1000, major), "klustr.instrument.js")
    core.canvas.extra["is_mpe"] = 1
    _pad(core)
    _fingers(core)
    _pads(core, x=278, y=8)
    _choices(core, x=278, y=112)
    _neighbours(core)
    _voices(core)
    return core.canvas


def midi_effect(major: int) -> Canvas:
    """Return the MIDI effect's patch for a version of Max."""
    core = _core(Canvas(1500, 1000, major), "klustr.midi.js")
    canvas = core.canvas
    notes = canvas.thing(20, 700, "midiin")
    out = canvas.thing(20, 820, "midiout", inlets=1, outlets=0)
    parse = canvas.thing(120, 740, "midiparse", outlets=8)
    note = canvas.thing(120, 780, "prepend note")
    canvas.lines((notes, 0, out, 0), (notes, 0, parse, 0), (parse, 0, note, 0), (note, 0, core.code, 0))
    way = _menu(core, 8, 60, "klustr Notes", "Notes", ("map", "pads"), 300, 700)
    word = canvas.thing(300, 740, "prepend way")
    canvas.lines((way, 1, word, 0), (word, 0, core.code, 0))
    canvas.note(300, 660, "notes play", shown=(8, 42, 100, 18))
    _pads(core, x=120, y=42)
    _choices(core, x=120, y=140)
    return canvas


def _core(canvas: Canvas, file: str) -> Core:
    """Put the code, the way to the bridge and back, the words on the state, and the memory in the Set."""
    canvas.note(20, 5, "klustr-bridge", shown=(8, 6, 110, 18))
    ready = canvas.thing(20, 30, "live.thisdevice", types=("bang", "int", "int"))
    connect = canvas.message(20, 60, "connect")
    metro = canvas.thing(160, 30, "metro 250 @active 1")
    tick = canvas.message(160, 60, "tick")
    ends = canvas.thing(320, 30, "freebang")
    bye = canvas.message(320, 60, "/klustr/bye")
    code = canvas.thing(
        20, 120, _engine(canvas.major, file), 260, inlets=2, outlets=6, **_code(canvas.major, file)
    )
    send = canvas.thing(20, 180, f"udpsend 127.0.0.1 {BRIDGE_PORT}")
    receive = canvas.thing(300, 120, "udpreceive")  # the code tells it the port
    canvas.chain(ready, connect, code, send)
    canvas.chain(metro, tick, code)
    canvas.chain(ends, bye, send)
    canvas.lines((code, 1, receive, 0), (receive, 0, code, 1))

    split = canvas.thing(300, 180, "unpack s s", outlets=2)
    put = canvas.thing(300, 210, "prepend set")
    state = canvas.note(300, 240, "not connected: start the bridge: klustr-bridge", shown=_wide(canvas, file))
    canvas.lines((code, 3, split, 0), (split, 1, put, 0), (put, 0, state, 0))

    kept = canvas.thing(640, 60, "pattr klustr_sounds", outlets=3, **parameters.memory("klustr Sounds"))
    again = canvas.thing(640, 100, "prepend restore")
    canvas.lines((code, 5, kept, 0), (kept, 0, again, 0), (again, 0, code, 0))
    show = canvas.thing(640, 180, "route name pad neighbours", outlets=4)
    canvas.lines((code, 4, show, 0))
    name = canvas.thing(640, 210, "prepend set")
    shown = canvas.note(640, 240, "move on the map", shown=(120, 6, 150, 18))
    canvas.chain(show, name, shown)
    return Core(canvas, code, send, show)


def _wide(canvas: Canvas, file: str) -> Rect:
    return (278, 148, 276, 18) if file == "klustr.instrument.js" else (8, 24, 314, 18)


def _engine(major: int, file: str) -> str:
    return f"{'v8' if major >= 9 else 'js'} {file}"


def _code(major: int, file: str) -> dict[str, Any]:
    """What carries the code within the patch, as Max 9 writes it for a v8 with `embed`."""
    more: dict[str, Any] = {"filename": file, "saved_object_attributes": {"parameter_enable": 0}}
    if major >= 9:
        more["textfile"] = {"text": bundle(file), "filename": file, "flags": 0, "embed": 1, "autowatch": 0}
    return more


def _pad(core: Core) -> None:
    """Put the square, and the two parameters that it moves and Live automates."""
    canvas = core.canvas
    square = canvas.square((20, 300, 130, 130), shown=(8, 28, 134, 134))
    scales = [canvas.thing(20 + 100 * i, 450, OF_SQUARE) for i in range(2)]
    dials = [
        canvas.face(
            "live.dial",
            (20 + 100 * i, 490, 50, 48),
            shown=(150 + 62 * i, 28, 50, 48),
            types=("", "float"),
            **parameters.number(f"klustr {axis}", axis, 0.5),
        )
        for i, axis in enumerate("XY")
    ]
    pair = canvas.thing(20, 560, "pak 0. 0.")
    move = canvas.thing(120, 560, "prepend xy")
    for i in range(2):
        canvas.lines((square, i, scales[i], 0), (scales[i], 0, dials[i], 0), (dials[i], 0, pair, i))
    canvas.chain(pair, move, core.code)


def _fingers(core: Core) -> None:
    """Put what parts notes from MPE's further gestures."""
    canvas = core.canvas
    notes = canvas.thing(20, 700, "midiin")
    parse = canvas.thing(20, 740, "mpeparse @hires 1", 400, types=_MPE_TYPES)
    canvas.lines((notes, 0, parse, 0))
    for number, (outlet, word) in enumerate(((0, "note"), (4, "press"), (5, "bend"), (6, "finger"))):
        prepend = canvas.thing(20 + 110 * number, 780, f"prepend {word}")
        canvas.lines((parse, outlet, prepend, 0), (prepend, 0, core.code, 0))


def _pads(core: Core, x: int, y: int) -> None:
    """Put the pads, the switch that has them take the sound heard last, and the button that fills them."""
    canvas = core.canvas
    names = canvas.thing(20, 860, "route 1 2 3 4 5 6 7 8", 400, outlets=N_PADS + 1)
    canvas.lines((core.show, 1, names, 0))
    for number in range(N_PADS):
        column, row = number % 4, number // 4
        pad = canvas.face(
            "live.text",
            (20 + 110 * number, 930, 90, 20),
            shown=(x + 50 * column, y + 26 * row, 46, 22),
            **parameters.click(f"klustr Pad {number + 1}", f"Pad {number + 1}", str(number + 1)),
        )
        text = canvas.thing(20 + 110 * number, 895, "prepend text")
        word = canvas.message(20 + 110 * number, 960, f"pad {number + 1}")
        canvas.lines((names, number, text, 0), (text, 0, pad, 0), (pad, 0, word, 0), (word, 0, core.code, 0))
    keep = canvas.face(
        "live.text",
        (1000, 860, 60, 20),
        shown=(x, y + 54, 46, 20),
        **parameters.click("klustr Keep", "Keep", "Keep", switch=True),
    )
    word = canvas.thing(1000, 890, "prepend keep")
    canvas.chain(keep, word, core.code)
    _button(core, "Kit", "fill", (x + 50, y + 54, 46, 20), 1120)


def _choices(core: Core, x: int, y: int) -> None:
    """Put the menu of kinds."""
    canvas = core.canvas
    menu = _menu(core, x, y, "klustr Kind", "Kind", ("all", *KINDS), 1000, 700)
    word = canvas.thing(1000, 740, "prepend only")
    canvas.lines((menu, 1, word, 0), (word, 0, core.code, 0))


def _neighbours(core: Core) -> None:
    """Put the list of similar sounds, and the buttons that load the sound heard last into Live."""
    canvas = core.canvas
    listed = canvas.face("umenu", (1200, 300, 180, 22), shown=(384, 112, 168, 20))
    chosen = canvas.thing(1200, 340, "prepend neighbour")
    canvas.lines((core.show, 2, listed, 0), (listed, 0, chosen, 0), (chosen, 0, core.code, 0))
    _button(core, "Similar", "neighbours", (484, 8, 68, 20), 1200)
    _button(core, "To clip", "load clip", (484, 34, 68, 20), 1290)
    _button(core, "To Simpler", "load simpler", (484, 60, 68, 20), 1390)


def _voices(core: Core) -> None:
    """Put the voices, and their sum with its level into the track."""
    canvas = core.canvas
    number = N_PADS + N_FREE_VOICES
    numbers = " ".join(map(str, range(number)))
    route = canvas.thing(700, 400, f"route {numbers}", 900, outlets=number + 1)
    gain = canvas.face(
        "live.gain~",
        (700, 540, 140, 40),
        shown=(150, 84, 122, 40),
        orientation=1,
        inlets=2,
        types=("signal", "signal", "", "float", "list"),
        **parameters.number("klustr Gain", "Gain", 0.0, -70.0, 6.0, parameters.DECIBEL),
    )
    out = canvas.thing(700, 600, "plugout~", types=["signal", "signal"], outlets=2)
    canvas.lines((core.code, 2, route, 0), (gain, 0, out, 0), (gain, 1, out, 1))
    for i in range(number):
        one = canvas.inside(700 + 76 * i, 440, f"p voice{i}", voice(i))
        ready = canvas.message(700 + 76 * i, 480, f"ready {i}")
        canvas.lines((route, i, one, 0), (one, 0, gain, 0), (one, 1, gain, 1))
        canvas.lines((one, 2, ready, 0), (ready, 0, core.code, 0))


def _menu(
    core: Core, x: int, y: int, long_name: str, short_name: str, words: tuple[str, ...], at_x: int, at_y: int
) -> Box:
    return core.canvas.face(
        "live.menu",
        (at_x, at_y, 100, 20),
        shown=(x, y, 100, 20),
        types=("", "", "float"),
        **parameters.choice(long_name, short_name, words),
    )


def _button(core: Core, text: str, message: str, shown: Rect, x: int) -> None:
    canvas = core.canvas
    box = canvas.face(
        "live.text", (x, 200, 80, 20), shown=shown, **parameters.click(f"klustr {text}", text, text)
    )
    word = canvas.message(x, 230, message)
    canvas.chain(box, word, core.code)
