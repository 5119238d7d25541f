"""Lights of pads on a running surface: they follow what lies on the pads, on the controller's own output."""

import asyncio
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import mido
import pytest

from klustr_bridge.bridge.midi import MidiInput
from klustr_bridge.bridge.midi_ports import PortsState
from klustr_bridge.midi import Binding, Controller, Pads, parse_control
from klustr_bridge.midi.lights import PALETTES, PRESSED
from tests.bridge.places import Place

PORT, OUTPUT = "Launchpad MIDI Out", "Launchpad MIDI In"
PADS = Pads(36)
KICKS = Binding(parse_control("cc 20"), "kind", "kick")
LIT = Controller("Launchpad", bindings=(KICKS,), pads=(PADS,), lights="launchpad")


class Board:
    """A controller with lights, as far as messages tell."""

    def __init__(self, place: Place, controller: Controller) -> None:
        self.place = place
        self.sent: list[tuple[str, bytes]] = []
        self.colours: dict[int, int] = {}
        self.midi = MidiInput(place.navigator, lambda events: None)
        self.midi._lights._send = self._take  # no MIDI system is behind it
        place.loop.call(self.midi.set_controllers, [controller])

    def _take(self, data: bytes, to: str) -> None:
        self.sent.append((to, data))
        if data[0] == 0x90:
            self.colours[data[1]] = data[2]

    def plug(self, *outputs: str) -> None:
        """Have the input there, and outputs."""
        self.place.loop.call(self.midi._see, PortsState(True, (PORT,), (PORT,), None, outputs))

    def hear(self, data: str) -> None:
        message = SimpleNamespace(**mido.Message.from_hex(data).dict() | {"port": PORT, "at_s": 0.0})
        self.place.loop.call(self.midi.hear, message)

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        """Wait until the lights are so."""

        async def look() -> None:
            async with asyncio.timeout(5.0):
                while not is_so():
                    await asyncio.sleep(0.005)

        self.place.loop.run(look())

    def expected(self) -> dict[int, int]:
        """Colours of what lies on the pads."""
        navigator = self.place.navigator
        laid = self.place.loop.run(navigator.grid(self.midi.client, PADS.columns, PADS.rows))
        colours = dict.fromkeys(range(36, 52), 0)
        for column, row, sound_id in laid:
            colours[PADS.note(column, row)] = PALETTES["launchpad"][navigator.info(sound_id).kind]
        return colours


@pytest.fixture
def board(place: Place) -> Iterator[Callable[[Controller], Board]]:
    boards: list[Board] = []

    def make(controller: Controller) -> Board:
        boards.append(Board(place, controller))
        return boards[-1]

    yield make
    for each in boards:
        place.loop.run(each.midi.stop())


def test_pads_show_what_lies_on_them_and_follow_filters(board: Callable[[Controller], Board]) -> None:
    """All at first, sent to the controller's own output; then as a filter has it."""
    on = board(LIT)
    on.plug("other", OUTPUT)
    everything = on.expected()
    on.wait_for(lambda: on.colours == everything)
    assert {to for to, _ in on.sent} == {OUTPUT}
    assert len(on.sent) == 16
    on.hear("B0 14 7F")
    kicks = on.expected()
    assert kicks != everything
    on.wait_for(lambda: on.colours == kicks)


def test_a_pad_that_is_down_is_white_until_it_is_up(board: Callable[[Controller], Board]) -> None:
    """At once, not at the next look."""
    on = board(LIT)
    on.plug(OUTPUT)
    on.wait_for(lambda: len(on.colours) == 16)
    before = on.colours[36]
    on.hear("90 24 7F")
    assert on.colours[36] == PRESSED["launchpad"] != before
    on.hear("90 24 00")
    assert on.colours[36] == before


def test_a_key_beside_the_pads_lights_none(board: Callable[[Controller], Board]) -> None:
    """Not on another channel either, where the pads have one."""
    on = board(Controller("Launchpad", pads=(Pads(36, channel=2),), lights="launchpad"))
    on.plug(OUTPUT)
    on.wait_for(lambda: len(on.colours) == 16)
    before = dict(on.colours)
    on.hear("90 24 7F")
    assert on.colours == before
    on.hear("91 24 7F")
    assert on.colours[36] == PRESSED["launchpad"]


def test_inputs_whose_lights_have_no_output_are_named(board: Callable[[Controller], Board]) -> None:
    """With what to do."""
    on = board(LIT)
    on.plug("other")
    line = f"listening to {PORT}; no output for the lights of {PORT} (name one: output)"
    assert on.midi.describe() == line
    on.plug("other", OUTPUT)
    assert on.midi.describe() == f"listening to {PORT}"


def test_lights_go_on_after_a_mishap(
    board: Callable[[Controller], Board], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong once is not the end of them."""
    on = board(LIT)
    kind, asked = place.navigator.kind, []

    def broken_once(sound_id: int) -> str:
        asked.append(sound_id)
        if len(asked) == 1:
            raise ZeroDivisionError("a defect")
        return kind(sound_id)

    monkeypatch.setattr(place.navigator, "kind", broken_once)
    on.plug(OUTPUT)
    on.wait_for(lambda: len(on.colours) == 16)
    assert on.colours == on.expected()


def test_another_map_is_shown(board: Callable[[Controller], Board], place: Place) -> None:
    """When kinds are corrected, or sounds come and go."""
    on = board(LIT)
    on.plug(OUTPUT)
    on.wait_for(lambda: len(on.colours) == 16)
    before = dict(on.colours)
    note, colour = next((note, colour) for note, colour in before.items() if colour)
    (sound_id,) = (
        each
        for column, row, each in place.loop.run(place.navigator.grid(on.midi.client, 4, 4))
        if PADS.note(column, row) == note
    )
    other = "snare" if colour != PALETTES["launchpad"]["snare"] else "kick"
    place.loop.run(place.navigator.set_kind(sound_id, other))
    on.wait_for(lambda: on.colours[note] == PALETTES["launchpad"][other])


def test_pins_show_their_kinds_in_the_bank_that_is_chosen(board: Callable[[Controller], Board]) -> None:
    """They come before what lies on the pads; a pin whose sound is not there is dark."""
    place = board(LIT).place
    kind_of = {sound_id: place.navigator.info(sound_id).kind for sound_id in place.ids}
    pinned = next(each for each in place.ids if kind_of[each] != "kick")
    pins = {1: {36: place.navigator.info(pinned).uid, 37: "aaaaaaaaaaaaaaaa"}}
    on = board(Controller("Launchpad", pads=(PADS,), pins=pins, lights="launchpad"))
    on.plug(OUTPUT)
    everything = on.expected()
    on.wait_for(lambda: on.colours == everything)
    on.hear("C0 01")
    wanted = everything | {36: PALETTES["launchpad"][kind_of[pinned]], 37: 0}
    on.wait_for(lambda: on.colours == wanted)


def test_a_controller_is_set_up_and_lit_whenever_it_comes(board: Callable[[Controller], Board]) -> None:
    """Its output may come later than its input, and again; another output can be named."""
    setup = "F000202902 0D0E01F7 F001F7"
    on = board(
        Controller("Launchpad", pads=(PADS,), lights="launchpad", output="synth*", setup=bytes.fromhex(setup))
    )
    on.plug(OUTPUT)
    assert on.sent == []
    for _ in range(2):
        on.plug(OUTPUT, "Synth 1")
        on.wait_for(lambda: len(on.sent) == 18)
        assert [to for to, _ in on.sent] == ["Synth 1"] * 18
        assert [data.hex() for _, data in on.sent[:2]] == ["f0002029020d0e01f7", "f001f7"]
        on.plug(OUTPUT)
        on.sent.clear()


@pytest.mark.parametrize("end", ["stopped", "unlit"])
def test_no_light_is_left_on(board: Callable[[Controller], Board], place: Place, end: str) -> None:
    """When the bridge ends, and when the file says no more of lights."""
    on = board(LIT)
    on.plug(OUTPUT)
    on.wait_for(lambda: len(on.colours) == 16)
    assert any(on.colours.values())
    if end == "stopped":
        place.loop.run(on.midi.stop())
    else:
        place.loop.call(on.midi.set_controllers, [Controller("Launchpad", pads=(PADS,))])
    assert not any(on.colours.values())
