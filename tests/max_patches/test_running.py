"""Messages find their way through the patches: what goes in at one end comes out right at the other."""

from typing import Any

import pytest

from tests.max_patches.max_peer import PACKAGE
from tests.max_patches.patch_runner import BANG, Runner
from tests.max_patches.patches import Box, class_of, load

PATH = 'C:/My Samples/it\'s "loud", no; $1.wav'


def running(name: str) -> Runner:
    return Runner(load(PACKAGE / name))


@pytest.fixture
def overview() -> Runner:
    return running("extras/klustr.maxpat")


@pytest.fixture
def instrument() -> Runner:
    return running("devices/klustr.amxd")


def said(runner: Runner, to: str) -> list[list[Any]]:
    """Return what objects of a class were told, in order."""
    return [message for text, _, message in runner.log if text.split()[0] == to]


def named(runner: Runner, name: str) -> Box:
    """Return the box with a parameter's name."""
    (box,) = [box for box in runner.boxes.values() if box.get("varname") == name]
    return box


# -- klustr.client


def test_answers_leave_the_client_on_the_left_and_pushes_beside_them() -> None:
    """Each begins with its word."""
    client = running("patchers/klustr.client.maxpat")
    code = client.find("js klustr.client.js #1 #2")
    client.emit(code, 2, "/klustr/near.reply", "item", 1, 1, 42, 0.1, 0.3, 0.7)
    client.emit(code, 2, "/klustr/play", 7, 42, 0.8, PATH, 0.0, 1.0)
    client.emit(code, 2, "/klustr/goodbye")
    client.emit(code, 3, "open", "connected: 300 sounds, ready")
    assert client.out == [
        (1, ["near", "item", 1, 1, 42, 0.1, 0.3, 0.7]),
        (2, ["play", 7, 42, 0.8, PATH, 0.0, 1.0]),
        (2, ["goodbye", "bang"]),
        (3, ["open", "connected: 300 sounds, ready"]),
    ]


def test_the_client_talks_by_its_sockets() -> None:
    """What the code sends goes to udpsend, the port to udpreceive; what that hears comes back."""
    client = running("patchers/klustr.client.maxpat")
    code = client.find("js klustr.client.js #1 #2")
    client.emit(code, 0, "/klustr/hello", "Max", 7476)
    client.emit(code, 1, "port", 7476)
    client.emit(client.find("udpreceive"), 0, "/klustr/pong", 1)
    client.emit(client.find("loadbang"), 0, *BANG)
    client.emit(client.find("freebang"), 0, *BANG)
    assert client.log == [
        ("udpsend 127.0.0.1 7475", 0, ["/klustr/hello", "Max", 7476]),
        ("udpreceive", 0, ["port", 7476]),
        ("js klustr.client.js #1 #2", 1, ["/klustr/pong", 1]),
        ("js klustr.client.js #1 #2", 0, ["connect"]),
        ("udpsend 127.0.0.1 7475", 0, ["/klustr/bye"]),
    ]


# -- the overview


def test_dragging_on_the_square_moves(overview: Runner) -> None:
    """Both ends of both axes are reached."""
    square = overview.find("pictslider")
    overview.emit(square, 1, 1000)
    overview.emit(square, 0, 0)
    assert said(overview, "klustr.client")[-1] == ["xy", 0.0, 1.0]


def test_neighbours_fill_the_table_and_are_heard_by_a_click(overview: Runner) -> None:
    """The list is emptied, then has an id and a distance a row; a click on an id plays it."""
    client, table = overview.find("klustr.client"), overview.find("jit.cellblock")
    overview.emit(client, 0, "near", "start", 5, 2)
    overview.emit(client, 0, "near", "item", 5, 1, 42, 0.25, 0.3, 0.7)
    overview.emit(client, 0, "near", "item", 5, 2, 43, 0.5, 0.1, 0.2)
    overview.emit(client, 0, "near", "end", 5, 2)
    assert said(overview, "jit.cellblock") == [
        ["clear", "all"],
        ["set", 0, 0, 42],
        ["set", 1, 0, 0.25],
        ["set", 0, 1, 43],
        ["set", 1, 1, 0.5],
    ]
    overview.emit(table, 0, 0, 1, 43)
    overview.emit(table, 0, 1, 1, 0.5)
    assert said(overview, "klustr.client") == [["trigger", 43]]


def test_the_sound_that_was_hit_is_told_of_and_asked_about(overview: Runner) -> None:
    """A hit asks what it is; the button asks for what is like it."""
    client = overview.find("klustr.client")
    overview.emit(client, 1, "hit", 0, 42, 0.3, 0.7, 0.01, "osc")
    (button,) = [box for box in overview.boxes.values() if box["maxclass"] == "button"]
    overview.emit(button, 0, *BANG)
    assert said(overview, "klustr.client") == [["info", 42], ["similar", 42]]
    assert said(overview, "jweb") == [["hit", 0, 42, 0.3, 0.7, 0.01, "osc"]]


def test_the_map_gets_its_points(overview: Runner) -> None:
    """The page asks when it is there, and again at a welcome and a new epoch; rows go to it."""
    client, page = overview.find("klustr.client"), overview.find("jweb")
    overview.emit(page, 0, "points")
    overview.emit(client, 0, "welcome", "0.1.0", 1, 3, 300, "ready")
    overview.emit(client, 1, "epoch", 4, 300)
    overview.emit(page, 0, "xy", 0.25, 0.75)
    assert said(overview, "klustr.client") == [["points"], ["points"], ["points"], ["xy", 0.25, 0.75]]
    overview.emit(client, 0, "points", "item", 1, 1, 42, 0.5, 0.25)
    overview.emit(client, 1, "removed", 42)
    assert said(overview, "jweb") == [["points", "item", 1, 1, 42, 0.5, 0.25], ["removed", 42]]


def test_filters_weights_and_files(overview: Runner) -> None:
    """What is chosen, typed and dropped is said in the client's words."""
    menu = overview.find("umenu")
    overview.emit(menu, 1, "kick")
    overview.emit(menu, 1, "all")
    overview.emit(overview.find("toggle"), 0, 1)
    numbers = [box for box in overview.boxes.values() if box["maxclass"] == "flonum"]
    overview.emit(numbers[0], 0, 1.5)
    drops = [box for box in overview.boxes.values() if box["maxclass"] == "dropfile"]
    for drop in drops:
        overview.emit(drop, 0, PATH)
    assert said(overview, "klustr.client") == [
        ["kind", "kick"],
        ["kind"],
        ["favourites", 1],
        ["weight", "attack", 1.5],
        ["addfolder", PATH],
        ["file", PATH],
    ]


def test_state_progress_and_errors_are_shown(overview: Runner) -> None:
    """Each goes into the box of its line."""
    client = overview.find("klustr.client")
    overview.emit(client, 2, "silent", "nothing answers: start the bridge: klustr-bridge")
    overview.emit(client, 1, "progress", "analysis", 3, 10)
    overview.emit(client, 1, "error", "audio", "no device")
    overview.emit(client, 0, "fail", "/klustr/info", 1, "notfound", "no sound 9")
    assert said(overview, "message") == [
        ["set", "nothing answers: start the bridge: klustr-bridge"],
        ["set", "analysis", 3, 10],
        ["set", "audio", "no device"],
        ["set", "/klustr/info", 1, "notfound", "no sound 9"],
    ]


# -- the devices


def test_a_voice_reads_plays_and_fades(instrument: Runner) -> None:
    """The file's path stays one word; rate and level stand before the start; the end fades, then stops."""
    box = instrument.find("p voice8")
    voice = instrument.inner("p voice8")
    instrument.emit(instrument.find("v8 klustr.instrument.js"), 2, 8, "replace", PATH)
    voice.emit(voice.find("buffer~"), 1, *BANG)
    instrument.drain(box)
    assert voice.log == [
        ("buffer~ ---klustr-8", 0, ["replace", PATH]),
        ("info~ ---klustr-8", 0, BANG),  # how many channels there are is known before it plays
        ("v8 klustr.instrument.js", 0, ["ready", 8]),
    ]
    voice.log.clear()
    instrument.emit(instrument.find("v8 klustr.instrument.js"), 2, 8, "play", 100, 250, 0.8, 2)
    assert voice.log == [
        ("sig~ 1.", 0, [2]),
        ("line~ 1.", 0, [1.0]),
        ("line~ 0.", 0, [0.8, 1]),
        ("delay 10", 0, ["stop"]),
        ("delay", 0, ["stop"]),
        ("delay", 1, [250]),
        ("delay", 0, BANG),
        ("groove~ ---klustr-8 2 @loop 0", 0, [100]),
    ]
    voice.log.clear()
    voice.emit(voice.find("delay"), 0, *BANG)
    voice.emit(voice.find("delay 10"), 0, *BANG)
    assert voice.log == [
        ("line~ 0.", 0, [0.0, 5]),
        ("delay 10", 0, BANG),
        ("groove~ ---klustr-8 2 @loop 0", 0, ["stop"]),
    ]


@pytest.mark.parametrize(("channels", "source"), [(1, 1), (2, 2), (6, 2)])
def test_mono_files_sound_on_both_sides(instrument: Runner, channels: int, source: int) -> None:
    """groove~ has silence where the buffer has no channel: the right side takes the left one's signal."""
    voice = instrument.inner("p voice8")
    voice.emit(voice.find("info~"), 8, channels)
    assert voice.log == [("selector~ 2 1", 0, [source])]
    drawn = {(each[0], each[1], each[3]) for each in voice._lines if each[2] == voice.find("selector~")["id"]}
    groove = voice.find("groove~")["id"]
    assert {(groove, 0, 1), (groove, 1, 2)} <= drawn


def test_a_voice_plays_to_the_end_where_no_length_is_known(instrument: Runner) -> None:
    """No end is timed then, and one from before is called off."""
    instrument.emit(instrument.find("v8 klustr.instrument.js"), 2, 0, "play", 0, 0, 1, 1)
    assert said(instrument, "delay") == [["stop"], ["stop"]]
    assert said(instrument, "groove~") == [[0]]


def test_bend_pressure_and_stop_reach_the_voice(instrument: Runner) -> None:
    """A finger's gestures while its note sounds."""
    code = instrument.find("v8 klustr.instrument.js")
    instrument.emit(code, 2, 3, "rate", 1.5)
    instrument.emit(code, 2, 3, "press", 1.25)
    instrument.emit(code, 2, 3, "stop")
    assert instrument.log == [
        ("sig~ 1.", 0, [1.5]),
        ("line~ 1.", 0, [1.25, 10]),
        ("line~ 0.", 0, [0.0, 5]),
        ("delay 10", 0, BANG),
    ]


def test_every_voice_has_a_buffer_of_its_own(instrument: Runner) -> None:
    """Twelve voices, twelve buffers, each asked for by its number, none shared with another device."""
    code = instrument.find("v8 klustr.instrument.js")
    for number in range(12):
        instrument.emit(code, 2, number, "replace", PATH)
    assert [text for text, _, _ in instrument.log] == [f"buffer~ ---klustr-{n}" for n in range(12)]


def test_fingers_and_the_square_reach_the_code(instrument: Runner) -> None:
    """The finger's number stands before what it does; X and Y are parameters on the way."""
    parse = instrument.find("mpeparse @hires 1")
    instrument.emit(parse, 6, 2)
    instrument.emit(parse, 5, -0.25)
    instrument.emit(parse, 4, 64)
    instrument.emit(parse, 0, 60, 100)
    instrument.emit(instrument.find("pictslider"), 0, 1000)
    instrument.emit(named(instrument, "klustr Y"), 0, 0.5)
    instrument.emit(named(instrument, "klustr X"), 0, 1.0)
    assert instrument.log == [
        ("v8 klustr.instrument.js", 0, ["finger", 2]),
        ("v8 klustr.instrument.js", 0, ["bend", -0.25]),
        ("v8 klustr.instrument.js", 0, ["press", 64]),
        ("v8 klustr.instrument.js", 0, ["note", 60, 100]),
        ("live.dial", 0, [1.0]),
        ("v8 klustr.instrument.js", 0, ["xy", 0.0, 0.5]),
        ("v8 klustr.instrument.js", 0, ["xy", 1.0, 0.5]),
    ]


@pytest.mark.parametrize("name", ["klustr", "klustr.midi", "klustr.max8", "klustr.midi.max8"])
def test_pads_choices_and_memory_go_round(name: str) -> None:
    """A pad's click, the switch, the kit, the kind; names shown on pads; what is stored and comes back."""
    device = running(f"devices/{name}.amxd")
    (code,) = [box for box in device.boxes.values() if class_of(box) in ("js", "v8")]
    device.emit(named(device, "klustr Pad 3"), 0, *BANG)
    device.emit(named(device, "klustr Keep"), 0, 1)
    device.emit(named(device, "klustr Kit"), 0, *BANG)
    device.emit(named(device, "klustr Kind"), 1, "closed_hat")
    device.emit(device.find("pattr klustr_sounds"), 0, "abc", PATH, 0, 1, "kick")
    device.emit(device.find("live.thisdevice"), 0, *BANG)
    device.emit(code, 5, "abc", PATH, 0, 1, "kick")
    device.emit(code, 4, "pad", 3, "My kick.wav")
    device.emit(code, 4, "name", "My kick.wav")
    device.emit(code, 3, "missing", "kick.wav is missing")
    text = code["text"]
    assert device.log == [
        (text, 0, ["pad", 3]),
        (text, 0, ["keep", 1]),
        (text, 0, ["fill"]),
        (text, 0, ["only", "closed_hat"]),
        (text, 0, ["restore", "abc", PATH, 0, 1, "kick"]),
        (text, 0, ["connect"]),
        ("pattr klustr_sounds", 0, ["abc", PATH, 0, 1, "kick"]),
        ("3", 0, ["text", "My kick.wav"]),
        ("move on the map", 0, ["set", "My kick.wav"]),
        ("not connected: start the bridge: klustr-bridge", 0, ["set", "kick.wav is missing"]),
    ]


def test_the_midi_effect_lets_notes_through(instrument: Runner) -> None:
    """Notes go on, and to the code; the way of playing is a parameter."""
    device = running("devices/klustr.midi.amxd")
    device.emit(device.find("midiin"), 0, 144)
    device.emit(device.find("midiparse"), 0, 36, 100)
    device.emit(named(device, "klustr Notes"), 1, "pads")
    assert sorted(device.log) == [
        ("midiout", 0, [144]),
        ("midiparse", 0, [144]),
        ("v8 klustr.midi.js", 0, ["note", 36, 100]),
        ("v8 klustr.midi.js", 0, ["way", "pads"]),
    ]


def test_neighbours_and_loading_have_their_buttons(instrument: Runner) -> None:
    """The list shows names and gives out which was chosen; the buttons ask the code."""
    code = instrument.find("v8 klustr.instrument.js")
    instrument.emit(code, 4, "neighbours", "append", "My kick.wav")
    instrument.emit(instrument.find("umenu"), 0, 2)
    for name in ("Similar", "To clip", "To Simpler"):
        instrument.emit(named(instrument, f"klustr {name}"), 0, *BANG)
    assert instrument.log == [
        ("umenu", 0, ["append", "My kick.wav"]),
        ("v8 klustr.instrument.js", 0, ["neighbour", 2]),
        ("v8 klustr.instrument.js", 0, ["neighbours"]),
        ("v8 klustr.instrument.js", 0, ["load", "clip"]),
        ("v8 klustr.instrument.js", 0, ["load", "simpler"]),
    ]
