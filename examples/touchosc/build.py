"""Build the TouchOSC layout: ``python examples/touchosc/build.py``; needs py2tosc (the extra `patches`).

What needs no memory is an OSC message of its control; what does (the sound that was hit, the names, what was
chosen) is in klustr.lua, which becomes the script of the layout.
"""

import uuid
from pathlib import Path

import py2tosc
from py2tosc import Control, Document, OscMessage, Trigger, TriggerCondition, Value, ui

HERE = Path(__file__).parent
LAYOUT = HERE / "klustr.tosc"
SIZE = (480, 800)
N_SIMILAR = 8
PADS_A_SIDE = 4
AUDITION = ("change", "hold", "retrigger", "off")
KINDS = ("kick", "snare", "clap", "closed_hat", "open_hat", "tom", "ride", "crash", "perc", "bass", "loop")
BLUE, ORANGE, GREY = "#264653", "#e76f51", "#444444"

# a press, not the release
NOTIFY = """\
function onValueChanged(key)
  if key == 'x' and self.values.x == 1 then root:notify('{key}', {value}) end
end
"""


def message(address: str, *arguments: object, on: TriggerCondition = TriggerCondition.RISE) -> OscMessage:
    """Send fixed arguments when a button is pressed."""
    partials = [ui.const(str(argument), conversion=_CONVERSIONS[type(argument)]) for argument in arguments]
    return ui.osc(address, args=partials, on=on, receive=False)


_CONVERSIONS = {str: "STRING", int: "INTEGER", float: "FLOAT"}


def button(text: str, *messages: OscMessage, colour: str = BLUE, script: str = "", name: str = "") -> Control:
    """Return a button with its caption; `name` is that of the caption, for the script to change."""
    plain = py2tosc.button(color=colour, messages=list(messages), **({"script": script} if script else {}))
    both = ui.labelled(plain, text, size=13)
    if name:
        both.children[1].name = name
    return both


def notify(key: str, value: object = 1) -> str:
    """Return a button's script: it tells the layout's script that it was pressed."""
    return NOTIFY.format(key=key, value=f"'{value}'" if isinstance(value, str) else value)


def choice(key: str, value: str, colour: str = BLUE) -> Control:
    """Return a button for one of several values, whose caption shows whether it is in force."""
    return button(value.replace("_", " "), script=notify(key, value), colour=colour, name=f"{key} {value}")


def shown(name: str, size: int) -> Control:
    """Return a line of text that the script fills."""
    values = [Value("text", default=""), Value("touch", default=False)]
    return py2tosc.label(name=name, color=GREY, text_size=size, interactive=False, values=values)


def pad() -> Control:
    """Return the map: moving plays what is nearest; lifting the finger ends what is held.

    It sends the MIDI of a Kaoss pad as well, for a phone that reaches the computer by TouchOSC Bridge.
    """
    both = [Trigger("x", TriggerCondition.ANY), Trigger("y", TriggerCondition.ANY)]
    move = ui.osc("/klustr/xy", args=[ui.value("x"), ui.value("y")], triggers=both, receive=False)
    lift = ui.osc("/klustr/lift", args=[], on=TriggerCondition.FALL, var="touch", receive=False)
    midi = [
        ui.midi_cc(controller, source=value, var=value, receive=False)
        for controller, value in ((12, "x"), (13, "y"), (92, "touch"))
    ]
    return py2tosc.xy(name="map", color=ORANGE, messages=[move, lift, *midi])


def pads() -> Control:
    """Return sixteen places of the map as pads, the lowest row at the bottom."""
    places = [(i + 0.5) / PADS_A_SIDE for i in range(PADS_A_SIDE)]
    return ui.tiles(
        *(
            py2tosc.button(color=ORANGE, messages=[message("/klustr/trigger/xy", x, y, 1.0)])
            for y in reversed(places)
            for x in places
        ),
        columns=PADS_A_SIDE,
        gap=4,
    )


def narrowing() -> Control:
    """Return a button for every kind, for favourites, and for short and long sounds."""
    kinds = [choice("kind", kind) for kind in KINDS]
    favourites = choice("favourites", "favourites")
    every = button("all", script=notify("all"), colour=GREY)
    lengths = [choice("length", length) for length in ("short", "long")]
    return ui.tiles(every, favourites, *kinds, *lengths, columns=5, gap=4)


def acting() -> Control:
    """Return what is done with the sound that was hit, and how moving sounds."""
    modes = [choice("audition", mode, colour=GREY) for mode in AUDITION]
    return ui.tiles(
        button("random", message("/klustr/random")),
        button("again", script=notify("again")),
        button("favourite", script=notify("keep")),
        button("stop", message("/klustr/stop")),
        *modes,
        columns=4,
        gap=4,
    )


def likeness() -> Control:
    """Return the sounds most like the one that was hit, by name."""
    found = [button("", script=notify("pad", i), name=f"similar{i}") for i in range(1, N_SIMILAR + 1)]
    like = button("sounds like this", script=notify("like"), colour=ORANGE)
    return ui.column(like, ui.tiles(*found, columns=2, gap=4), sizes=(1, 4), gap=4)


def layout() -> Document:
    """Return the whole layout; its ids are made from the order, so that it is the same every time."""
    root = ui.column(
        shown("state", 13),
        ui.row(shown("name", 18), shown("kind", 14), sizes=(3, 1), gap=4),
        ui.row(pad(), pads(), sizes=(3, 2), gap=6),
        acting(),
        likeness(),
        narrowing(),
        sizes=(1, 1.6, 9, 3, 6, 4),
        gap=6,
        pad=6,
        name="klustr",
        frame=(0, 0, *SIZE),
        script=(HERE / "klustr.lua").read_text(encoding="utf-8"),
    )
    document = Document(root=root).resolve()
    for number, control in enumerate(document.walk()):  # py2tosc has no way to name an id afterwards
        object.__setattr__(control, "id", str(uuid.uuid5(uuid.NAMESPACE_URL, f"klustr/{number}")))
    return document


if __name__ == "__main__":
    layout().save(LAYOUT)
