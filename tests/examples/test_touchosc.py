"""The TouchOSC layout: made by its script, well formed, and its Lua works with a real daemon."""

import runpy
from collections.abc import Callable
from pathlib import Path

import py2tosc
import pytest
from pythonosc.osc_message_builder import build_msg

from klustr_bridge.client.connection import Connection
from tests.daemon.running import RunningDaemon
from tests.examples.sending import Sent as SentToTable
from tests.examples.sending import refusal
from tests.examples.touchosc import LAYOUT, Script, Sent, load, notified, scripts

KINDS = ("kick", "snare", "clap", "closed_hat", "open_hat", "tom", "ride", "crash", "perc", "bass", "loop")
CHOICES = [
    *(("audition", mode) for mode in ("hold", "retrigger", "off", "change")),
    *(("kind", kind) for kind in KINDS),
    ("favourites", "favourites"),
    ("length", "short"),
    ("length", "long"),
]


def test_the_layout_is_what_the_script_makes(root: Path, tmp_path: Path) -> None:
    """Nobody has edited the layout by hand, and the generator still runs."""
    build = runpy.run_path(str(root / "examples/touchosc/build.py"))
    again = tmp_path / "again.tosc"
    build["layout"]().save(again)
    assert py2tosc.load(again).dumps() == py2tosc.load(LAYOUT).dumps()


def test_touchosc_can_load_it() -> None:
    """py2tosc, whose rules come from layouts of TouchOSC's own editor, finds nothing wrong; ids differ."""
    document = py2tosc.load(LAYOUT)
    assert document.validate() == []
    ids = [control.id for control in document.walk()]
    assert len(set(ids)) == len(ids) > 50


def test_controls_are_where_a_finger_finds_them() -> None:
    """Every control lies inside its parent and has some size."""
    for parent in py2tosc.load(LAYOUT).walk():
        for child in parent.children:
            x, y, width, height = child.frame
            assert width >= 20 and height >= 15, child
            assert x >= 0 and y >= 0
            assert x + width <= parent.frame.w + 1 and y + height <= parent.frame.h + 1


@pytest.fixture
def script() -> Script:
    return Script(load())


def carry(script: Script, bridge: Connection, messages: list[Sent], until: Callable[[], bool]) -> None:
    """Carry what the script sends to the bridge, and the answers back, until something is so."""
    while not until():
        for address, values in messages:
            if address == "/klustr/hello":
                values = (values[0], 0)  # here answers come back to the socket itself
            bridge.send(build_msg(address, list(values)).dgram)
        answer = bridge.receive(10.0)
        assert answer, f"nothing more came; sent: {script.sent}"
        messages = script.receive(answer.address, *answer.values)


def test_the_script_shows_what_is_hit_and_what_is_like_it(daemon: RunningDaemon, script: Script) -> None:
    """It greets the bridge, shows name and kind under the finger, and its pads play what is alike."""
    place = daemon.client.points()[2]
    info, nearest = daemon.client.info(place.id), daemon.client.similar(place.id, 8)
    names = [daemon.client.info(near.id).name for near in nearest]
    bridge = Connection("127.0.0.1", daemon.port, 5.0, tcp=False)
    try:
        carry(
            script, bridge, script.call("init"), lambda: script.shown("state") == "klustr-bridge: 12 sounds"
        )
        move = [("/klustr/xy", (place.x, place.y))]
        carry(script, bridge, move, lambda: script.shown("name") == info.name)
        assert script.shown("kind") == info.kind.replace("_", " ")
        asked = script.call("onReceiveNotify", "like", 1)
        carry(script, bridge, asked, lambda: [script.shown(f"similar{i}") for i in range(1, 9)] == names)
    finally:
        bridge.close()
    assert script.call("onReceiveNotify", "pad", 3) == [("/klustr/trigger", (nearest[2].id, 1))]
    assert script.call("onReceiveNotify", "again", 1) == [("/klustr/trigger", (place.id, 1))]
    assert script.call("onReceiveNotify", "keep", 1) == [("/klustr/favourite", (place.id, 1))]


def test_the_buttons_tell_the_script_what_was_pressed() -> None:
    """Each button with a script names one of the things that the layout does, on the press only."""
    pressed = [notified(script, 1.0) for script in scripts(load())]
    expected = [("again", 1), ("keep", 1), ("like", 1), ("all", 1), *(("pad", i) for i in range(1, 9))]
    expected += CHOICES
    assert sorted(map(str, pressed)) == sorted(str([told]) for told in expected)
    assert not any(notified(script, 0.0) for script in scripts(load()))


def test_every_choice_is_taken_by_the_bridge_and_seen(script: Script) -> None:
    """Each sends one message that is accepted and has brackets while it is in force; again takes it back."""
    script.call("init")
    assert script.shown("audition change") == "[ change ]"
    for key, value in CHOICES:
        (sent,) = script.call("onReceiveNotify", key, value)
        assert refusal(SentToTable(*sent)) == "", sent
        caption = value.replace("_", " ")
        assert script.shown(f"{key} {value}") == f"[ {caption} ]"
        in_force = [name for name, text in script.captions(key) if text.startswith("[")]
        assert in_force == [f"{key} {value}"]
        (again,) = script.call("onReceiveNotify", key, value)
        assert refusal(SentToTable(*again)) == "", again
        stays = key == "audition"
        assert (again == sent) == stays
        assert script.shown(f"{key} {value}") == (f"[ {caption} ]" if stays else caption)


def test_what_was_chosen_is_told_to_a_bridge_that_was_started_anew(script: Script) -> None:
    """Mode, kind, favourites and length, after hello; `all` takes back what narrows, and not the mode."""
    chosen = [("audition", "hold"), ("kind", "closed_hat"), ("favourites", "favourites"), ("length", "short")]
    script.call("init")
    told = [sent for choice in chosen for sent in script.call("onReceiveNotify", *choice)]
    assert [address for address, _ in told] == [
        "/klustr/audition",
        "/klustr/filter/kind",
        "/klustr/filter/favourites",
        "/klustr/filter/duration",
    ]
    welcome = ("/klustr/welcome", "0.1.0", 1, 1, 300, "ready")
    ping = ("/klustr/ping", (0,))
    assert script.receive(*welcome) == [*told, ping]
    assert script.receive("/klustr/pong", 0, 5) == script.receive("/klustr/pong", 0, 5) == []
    assert script.receive("/klustr/pong", 0, 6) == [("/klustr/hello", ("TouchOSC", 7479))]
    assert script.receive("/klustr/pong", 0, 6) == []
    assert script.call("onReceiveNotify", "all", 1) == [("/klustr/filter/clear", ())]
    assert script.shown("kind closed_hat") == "closed hat"
    assert script.shown("favourites favourites") == "favourites"
    assert script.receive(*welcome) == [("/klustr/audition", ("hold",)), ping]


def test_the_script_says_hello_again_when_nothing_answers(script: Script) -> None:
    """A tick with an answer keeps the lease; one without says so and greets anew."""
    script.call("init")
    assert script.call("onReceiveNotify", "again", 1) == []
    assert script.call("onReceiveNotify", "pad", 1) == []
    script.receive("/klustr/welcome", "0.1.0", 1, 1, 300, "ready")
    script.now_ms = 6000.0
    assert script.call("update") == [("/klustr/ping", (0,))]
    assert script.call("update") == []
    script.now_ms = 12_000.0
    assert script.call("update") == [("/klustr/hello", ("TouchOSC", 7479))]
    assert script.shown("state").startswith("nothing answers")


def test_the_pad_speaks_midi_too() -> None:
    """For a phone over TouchOSC Bridge the map sends the controls that the bridge moves by."""
    (pad,) = [control for control in py2tosc.load(LAYOUT).walk() if control.get("name") == "map"]
    midi = [m.message for m in pad.messages if isinstance(m, py2tosc.MidiMessage)]
    assert [(str(m.type), m.data1) for m in midi] == [("CONTROLCHANGE", n) for n in (12, 13, 92)]
