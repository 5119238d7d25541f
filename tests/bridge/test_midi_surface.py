"""From messages of inputs to what is heard and told: keys, pads, pins, buttons, learning, inputs that go."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mido
import pytest

from klustr_bridge.bridge import midi as midi_surface
from klustr_bridge.bridge import midi_learning
from klustr_bridge.bridge.midi import MidiInput
from klustr_bridge.bridge.midi_output import MidiOutput
from klustr_bridge.bridge.midi_ports import PortsState
from klustr_bridge.bridge.timing import LoopTimer
from klustr_bridge.clock import SessionClock
from klustr_bridge.errors import QueryError
from klustr_bridge.midi import Binding, Controller, Key, Pads, parse_control
from klustr_bridge.midi.learning import Learned
from klustr_bridge.navigator import ClientState, Event, Hit, Navigator, Play
from tests.bridge.places import N_SOUNDS, Place


def bind(control: str, target: str, argument: str = "", **more: Any) -> Binding:
    return Binding(parse_control(control), target, argument, **more)


class Stage:
    """A surface of a place that no MIDI system is behind; messages are handed to it."""

    def __init__(self, place: Place, *controllers: Controller, **settings: Any) -> None:
        self.place = place
        self.events: list[Event] = []
        self.midi = MidiInput(place.navigator, self.events.extend, controllers=controllers, **settings)

    def send(self, data: str, port: str = "knobs") -> list[Event]:
        """Hand over messages, wait until what they began is done, and return what was told."""
        parser = mido.Parser()
        parser.feed(bytes.fromhex(data))
        before = len(self.events)

        async def hand_over() -> None:
            for message in parser:
                self.midi.hear(SimpleNamespace(**message.dict() | {"port": port, "at_s": 0.0}))
                await asyncio.sleep(0.002)
            while self.is_busy():
                await asyncio.sleep(0.001)

        self.place.loop.run(hand_over())
        return self.events[before:]

    def is_busy(self) -> bool:
        """Whether something that a message began is still to be done."""
        midi = self.midi
        return bool(midi._timer or midi._tasks or midi._pads._timer or midi._pads._working)

    def played(self, data: str, port: str = "knobs") -> list[int]:
        """Ids of what was played."""
        return [event.id for event in self.send(data, port) if isinstance(event, Play)]

    def close(self) -> None:
        self.place.loop.run(self.midi.stop())


@pytest.fixture
def stage(place: Place) -> Iterator[Callable[..., Stage]]:
    stages: list[Stage] = []

    def make(*controllers: Controller, **settings: Any) -> Stage:
        stages.append(Stage(place, *controllers, **settings))
        return stages[-1]

    yield make
    for each in stages:
        each.close()


def test_pads_play_the_map_laid_out_on_them(stage: Callable[..., Stage], place: Place) -> None:
    """Each pad the sound that the grid has there, from the first hit on, with the velocity of the hit."""
    on = stage(Controller(pads=(Pads(36),)))
    grid = place.loop.run(place.navigator.grid(on.midi.client, 4, 4))
    assert len(grid) == N_SOUNDS
    for column, row, sound_id in grid:
        (play,) = (e for e in on.send(f"90 {36 + 4 * row + column:02X} 40") if isinstance(e, Play))
        assert (play.id, play.velocity) == (sound_id, pytest.approx(64 / 127))


def test_pads_over_the_cursor_follow_it(stage: Callable[..., Stage], place: Place) -> None:
    """They have what lies around it."""
    pads = Pads(36, 2, 2, over="cursor")
    on = stage(Controller(bindings=(bind("cc 12", "x"), bind("cc 13", "y")), pads=(pads,)))
    for x, y in ((0, 0), (127, 127)):
        on.send(f"B0 0C {x:02X} B0 0D {y:02X}")
        nearest = place.navigator.near_xy(on.midi.client, x / 127, y / 127, N_SOUNDS)
        around = {near.id for near in nearest if near.distance <= nearest[3].distance + 1e-6}
        heard = {i for note in range(36, 40) for i in on.played(f"90 {note:02X} 7F")}
        assert len(heard) == 4
        assert heard <= around


def test_filters_of_buttons_hold_for_pads(stage: Callable[..., Stage], place: Place) -> None:
    """A button keeps to a kind, pressed again to all."""
    on = stage(Controller(bindings=(bind("cc 20", "kind", "kick"),), pads=(Pads(36),)))
    all_pads = [on.played(f"90 {note:02X} 7F") for note in range(36, 52)]
    on.send("B0 14 7F B0 14 00")
    kicks = {i for note in range(36, 52) for i in on.played(f"90 {note:02X} 7F")}
    assert {place.navigator.info(i).kind for i in kicks} == {"kick"}
    on.send("B0 14 7F")
    assert [on.played(f"90 {note:02X} 7F") for note in range(36, 52)] == all_pads


def test_pinned_keys_play_their_sounds(stage: Callable[..., Stage], place: Place) -> None:
    """By uid; one that is not in the library is silent."""
    uid = place.navigator.info(place.ids[3]).uid
    on = stage(Controller(pins={0: {40: uid, 41: "nosuchuid"}}))
    assert on.played("90 28 7F 90 29 7F") == [place.ids[3]]


def test_gated_keys_end_their_sounds(stage: Callable[..., Stage], place: Place) -> None:
    """Each its own; one that is struck again ends its first sound; without gate sounds play to their end."""
    on = stage(Controller(bindings=(bind("note", "trigger"),), gate=True))
    first = len(place.player.played)
    on.send("90 3C 7F 90 40 7F")
    assert place.player.stopped == []
    on.send("80 40 00")
    assert place.player.stopped == [first + 2]
    on.send("90 3C 7F")
    assert place.player.stopped == [first + 2, first + 1]
    on.send("90 3C 00 80 3C 00")
    assert place.player.stopped == [first + 2, first + 1, first + 3]
    plain = stage(Controller(bindings=(bind("note", "trigger"),)))
    plain.send("90 3C 7F 80 3C 00")
    assert len(place.player.stopped) == 3


def test_keys_of_an_input_that_goes_are_let_go(stage: Callable[..., Stage], place: Place) -> None:
    """A pulled cable leaves nothing sounding; those of other inputs go on."""
    on = stage(Controller(bindings=(bind("note", "trigger"),), gate=True))
    first = len(place.player.played)
    place.loop.call(on.midi._see, PortsState(True, ("knobs", "keys"), ("knobs", "keys")))
    on.send("90 3C 7F", "knobs")
    on.send("90 3C 7F", "keys")
    place.loop.call(on.midi._see, PortsState(True, ("keys",), ("keys",)))
    assert place.player.stopped == [first + 1]


def test_a_gated_tap_that_is_over_before_the_pads_are_laid_out_is_silent(
    stage: Callable[..., Stage], place: Place
) -> None:
    """Nothing is left sounding that no key can end."""
    on = stage(Controller(pads=(Pads(36),), gate=True))

    async def tap() -> None:
        for data in ([0x90, 36, 100], [0x80, 36, 0]):
            message = mido.Message.from_bytes(data)
            on.midi.hear(SimpleNamespace(**message.dict() | {"port": "pads", "at_s": 0.0}))
        while on.is_busy():
            await asyncio.sleep(0.001)

    place.loop.run(tap())
    assert on.events == []
    on.send("90 24 64", "pads")
    assert on.midi._held.keys == (Key("pads", 1, 36),)


def test_learning_lets_what_was_begun_end(stage: Callable[..., Stage], place: Place) -> None:
    """A key that is let go meanwhile stops its sound."""
    on = stage(Controller(bindings=(bind("note", "trigger"),), gate=True))
    first = len(place.player.played)
    on.send("90 3C 7F")

    async def learn() -> None:
        waiting = asyncio.ensure_future(on.midi.learn("random"))
        await asyncio.sleep(0)
        for data in ([0x80, 60, 0], [0xB0, 20, 127]):
            message = mido.Message.from_bytes(data)
            on.midi.hear(SimpleNamespace(**message.dict() | {"port": "knobs", "at_s": 0.0}))
        await waiting

    place.loop.run(learn())
    assert place.player.stopped == [first + 1]


def test_each_input_has_its_own_controller_and_halves(stage: Callable[..., Stage], place: Place) -> None:
    """The first that matches its name; halves of values of two inputs don't mix."""
    on = stage(
        Controller("pad*", bindings=(bind("cc14 16", "x"),)),
        Controller("box", bindings=(bind("cc14 16", "y"), bind("cc 40", "random"))),
    )
    on.send("B0 10 7F B0 30 00", "pad 1")
    on.send("B0 10 00 B0 30 7F", "box")
    on.send("B0 10 40 B0 30 01", "pad 1")
    x, y = on.midi._mappings["box"][1]._cursors[0].x, on.midi._mappings["box"][1]._cursors[0].y
    assert (x, y) == (pytest.approx(((64 << 7) | 1) / 16383), pytest.approx(127 / 16383))
    assert on.send("B0 28 7F", "pad 1") == []
    assert on.played("B0 28 7F", "box") != []


def test_what_one_input_moves_the_others_know(stage: Callable[..., Stage]) -> None:
    """An endless knob goes on from where a pad has put the cursor."""
    knob = bind("cc 20", "x", relative="twos complement", step=0.25)
    on = stage(Controller("knobs", bindings=(knob,)))
    on.send("B0 0C 7F B0 0D 7F", "pad")
    on.send("B0 14 7F", "knobs")
    cursor = on.midi._mappings["knobs"][1]._cursors[0]
    assert (cursor.x, cursor.y) == (pytest.approx(0.75), 1.0)


def test_pads_follow_a_cursor_that_another_input_moves(stage: Callable[..., Stage], place: Place) -> None:
    """They lie around where it is."""
    pads = Pads(36, 1, 1, over="cursor")
    on = stage(Controller("pads", pads=(pads,)))
    on.send("90 24 7F", "pads")
    for at in (0, 127):
        on.send(f"B0 0C {at:02X} B0 0D {at:02X}", "other")
        (nearest,) = place.navigator.near_xy(on.midi.client, at / 127, at / 127, 1)
        assert on.played("90 24 7F", "pads") == [nearest.id]


def test_fingers_are_cursors_of_their_own(stage: Callable[..., Stage], place: Place) -> None:
    """Two hits on two cursors, both of MIDI."""
    on = stage(Controller(bindings=(), mpe=True))
    hits = [e for e in on.send("B1 4A 00 91 24 7F B2 4A 7F 92 60 7F") if isinstance(e, Hit)]
    assert [(hit.cursor, hit.origin) for hit in hits] == [(2, "midi"), (3, "midi")]
    assert hits[0].id != hits[1].id


def test_buttons_do_what_they_say(stage: Callable[..., Stage], place: Place) -> None:
    """Chance, favourites, modes, silence."""
    on = stage(
        Controller(
            bindings=(
                bind("cc 20", "random"),
                bind("cc 21", "favourite"),
                bind("cc 22", "audition", "hold"),
                bind("cc 23", "view", "even"),
                bind("cc 24", "stop"),
                bind("cc 25", "clear"),
                bind("cc 26", "relayout"),
                bind("cc 27", "x", takeover="pickup"),
            )
        )
    )
    hit, play = on.send("B0 14 7F B0 14 00")
    assert isinstance(hit, Hit) and isinstance(play, Play)
    on.send("B0 15 7F B0 15 00")
    assert ("set_favourite", hit.id, True) in place.librarian.asked
    on.send("B0 16 7F B0 17 7F B0 18 7F B0 1A 7F")
    assert (on.midi.client.audition, on.midi.client.view) == ("hold", "even")
    assert place.player.stopped[-1] is None
    assert ("relayout",) in place.librarian.asked


def test_a_control_is_learned_and_nothing_plays_meanwhile(stage: Callable[..., Stage], place: Place) -> None:
    """The input is told with it."""
    on = stage()

    async def learn() -> tuple[str, Learned]:
        waiting = asyncio.ensure_future(on.midi.learn("x"))
        await asyncio.sleep(0)
        for value in range(10, 60):
            message = mido.Message("control_change", control=12, value=value)
            on.midi.hear(SimpleNamespace(**message.dict() | {"port": "box", "at_s": 0.0}))
        return await waiting

    assert place.loop.run(learn()) == ("box", Learned(parse_control("cc 12 ch 1")))
    assert on.events == []
    on.place.loop.call(
        on.midi.set_controllers, [Controller("box", bindings=(bind("cc 70", "x"), bind("cc 71", "y")))]
    )
    assert any(isinstance(event, Hit) for event in on.send("B0 46 00 B0 47 00", "box"))


def test_learning_ends_by_itself(
    stage: Callable[..., Stage], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When nobody moves anything, MIDI plays again."""
    monkeypatch.setattr(midi_learning, "LIMIT_S", 0.05)
    on = stage()

    async def learn() -> None:
        with pytest.raises(QueryError) as late:
            await on.midi.learn("x")
        assert late.value.code == "notready"

    place.loop.run(learn())
    assert on.played("B0 0C 00 B0 0D 00") != []


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_learning_is_given_up_for_another_or_for_none(
    stage: Callable[..., Stage], place: Place, is_cancelled: bool
) -> None:
    """Who waited is told; nobody has to wait until it ends by itself."""
    on = stage()

    async def learn() -> None:
        first = asyncio.ensure_future(on.midi.learn("x"))
        await asyncio.sleep(0)
        second = None
        if is_cancelled:
            on.midi.stop_learning()
        else:
            second = asyncio.ensure_future(on.midi.learn("random"))
        with pytest.raises(QueryError, match="no control for x was learned") as refused:
            await first
        assert refused.value.code == "notready"
        if second is not None:
            message = mido.Message("note_on", note=50)
            on.midi.hear(SimpleNamespace(**message.dict() | {"port": "box", "at_s": 0.0}))
            assert await second == ("box", Learned(parse_control("note 50 ch 1")))

    place.loop.run(learn())
    on.midi.stop_learning()
    assert on.played("B0 0C 00 B0 0D 00") != []


def test_favourites_are_unmarked_and_filters_cleared(stage: Callable[..., Stage], place: Place) -> None:
    """By the same button, and by one of its own."""
    on = stage(
        Controller(
            bindings=(
                bind("cc 12", "x"),
                bind("cc 13", "y"),
                bind("cc 21", "favourite"),
                bind("cc 22", "kind", "kick"),
                bind("cc 23", "clear"),
            )
        )
    )
    (hit, _) = on.send("B0 0C 00 B0 0D 00")
    assert isinstance(hit, Hit)
    for is_marked in (True, False):
        on.send("B0 15 7F B0 15 00")
        assert place.librarian.asked[-1] == ("set_favourite", hit.id, is_marked)
        assert place.navigator.info(hit.id).favourite == is_marked
    on.send("B0 16 7F")
    assert on.midi.client.filters.kinds == {"kick"}
    on.send("B0 17 7F")
    assert on.midi.client.filters.kinds == frozenset()


class NextLine:
    """A session whose next line is always so far away."""

    listens = True

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s

    def tempo_bpm(self, now_s: float) -> float:
        return 120.0

    def line_s(self, step: float, now_s: float) -> float:
        return now_s + self._wait_s


@pytest.mark.parametrize("held_s", [0.05, 0.4])
def test_a_gated_key_holds_a_quantised_sound_as_long_as_itself(place: Place, held_s: float) -> None:
    """Let go before the line: the sound is as long, but later; else it ends with the key."""
    line_s = 0.2
    navigator = Navigator(
        place.player,
        None,
        place.navigator.corpus,
        timer=LoopTimer(place.loop.loop),
        beats=NextLine(line_s),
    )
    controller = Controller(bindings=(bind("note", "trigger"), bind("cc 9", "quantise", "bar")), gate=True)
    begun: list[float] = []
    midi = MidiInput(
        navigator,
        lambda events: begun.extend(time.monotonic() for each in events if isinstance(each, Play)),
        controllers=[controller],
    )
    stopped = asyncio.Event()
    ended: list[float] = []

    def stop(voice: int | None, fade_s: float | None = None) -> None:
        ended.append(time.monotonic())
        stopped.set()

    place.player.stop = stop

    def hear(*data: int) -> None:
        message = mido.Message.from_bytes(data)
        midi.hear(SimpleNamespace(**message.dict() | {"port": "keys", "at_s": 0.0}))

    async def play() -> None:
        hear(0xB0, 9, 127)
        hear(0x90, 60, 100)
        assert begun == []
        await asyncio.sleep(held_s)
        hear(0x80, 60, 0)
        await asyncio.wait_for(stopped.wait(), 5.0)
        await midi.stop()

    pressed_s = time.monotonic()
    place.loop.run(play())
    assert (len(begun), len(ended)) == (1, 1)
    assert begun[0] - pressed_s >= line_s - 0.005
    if held_s < line_s:
        assert held_s - 0.005 <= ended[0] - begun[0]
    else:
        assert held_s - 0.005 <= ended[0] - pressed_s
    assert ended[0] - pressed_s < 5.0


def test_a_button_writes_a_clip(stage: Callable[..., Stage], place: Place, tmp_path: Path) -> None:
    """Of what was played, also by another client."""
    output = MidiOutput(place.navigator, SessionClock(None), tmp_path)
    place.navigator.set_listener(output.played)
    on = stage(Controller(bindings=(bind("cc 20", "clip", "8"),)), output=output)
    place.loop.call(place.navigator.trigger, ClientState(), place.ids[0])
    on.send("B0 14 7F B0 14 00")
    assert len(list(tmp_path.glob("*.mid"))) == 1


def test_notes_of_gated_keys_last_as_long_as_they_are_held(
    stage: Callable[..., Stage], place: Place, tmp_path: Path
) -> None:
    """What is recorded plays back as it was played; without a gate notes only say when."""
    output = MidiOutput(place.navigator, SessionClock(None), tmp_path)
    place.navigator.set_listener(output.played)
    sent: list[bytes] = []
    output.send_to(sent.append)
    bindings = (bind("note", "trigger"), bind("cc 120", "stop"))
    on = stage(Controller(bindings=bindings, gate=True), output=output)
    on.send("90 3C 7F")
    place.loop.run(asyncio.sleep(0.25))
    assert [data[0] for data in sent] == [0x99]
    on.send("80 3C 00")
    assert [data[0] for data in sent] == [0x99, 0x89]
    clip = output._take.last(1, 4)
    assert clip is not None
    assert clip.notes[0].length >= 0.25 * 2
    on.send("90 3C 7F")
    on.send("B0 78 00")
    assert [data[0] for data in sent] == [0x99, 0x89, 0x99, 0x89]


def test_a_lone_knob_is_learned_in_silence(stage: Callable[..., Stage], place: Place) -> None:
    """Though what it drives by itself would come a moment after each message."""
    on = stage()

    async def learn() -> None:
        waiting = asyncio.ensure_future(on.midi.learn("x"))
        await asyncio.sleep(0)
        for value in range(10, 40, 2):
            message = mido.Message("control_change", control=12, value=value)
            on.midi.hear(SimpleNamespace(**message.dict() | {"port": "box", "at_s": 0.0}))
            while on.is_busy():
                await asyncio.sleep(0.001)
        await waiting

    place.loop.run(learn())
    assert on.events == []


@pytest.mark.parametrize("is_lost", [True, False])
def test_of_two_inputs_of_one_name_none_is_left_held(
    stage: Callable[..., Stage], place: Place, is_lost: bool
) -> None:
    """When one is pulled it is not known which: both let go. With the MIDI system the own port does, too."""
    on = stage(Controller(bindings=(bind("note", "trigger"),), gate=True))
    place.loop.call(on.midi._see, PortsState(True, ("A", "A (2)"), ("A", "A (2)")))
    for port in ("A", "A (2)", "klustr-bridge"):
        on.send("90 3C 7F", port)
    assert len(on.midi._held.keys) == 3
    lost = PortsState(True, problem="the MIDI system has failed")
    place.loop.call(on.midi._see, lost if is_lost else PortsState(True, ("A",), ("A",)))
    assert [key.port for key in on.midi._held.keys] == ([] if is_lost else ["klustr-bridge"])
    assert len(place.player.stopped) == (3 if is_lost else 2)


def test_the_oldest_of_many_inputs_is_let_go(stage: Callable[..., Stage], place: Place) -> None:
    """What is kept of inputs is bounded; none keeps sounding for ever."""
    on = stage(Controller(bindings=(bind("note", "trigger"),), gate=True))
    for number in range(midi_surface._MOST_INPUTS + 1):
        on.send("90 3C 7F", f"input {number}")
    assert Key("input 0", 1, 60) not in on.midi._held.keys
    assert len(on.midi._held.keys) == len(on.midi._mappings) == midi_surface._MOST_INPUTS


def test_pads_that_wait_for_their_layout_are_silenced_by_stop(
    stage: Callable[..., Stage], place: Place
) -> None:
    """Silence means silence."""
    on = stage(Controller(bindings=(bind("cc 120", "stop"),), pads=(Pads(36),)))

    async def hit_and_stop() -> None:
        for data in ([0x90, 36, 100], [0xB0, 120, 0]):
            message = mido.Message.from_bytes(data)
            on.midi.hear(SimpleNamespace(**message.dict() | {"port": "pads", "at_s": 0.0}))
        while on.is_busy():
            await asyncio.sleep(0.001)

    place.loop.run(hit_and_stop())
    assert on.events == []
    assert on.played("90 24 64", "pads") != []


def test_a_pad_never_plays_what_a_filter_has_taken_off(stage: Callable[..., Stage], place: Place) -> None:
    """Hit just after the filter: it plays what lies there now."""
    on = stage(Controller(bindings=(bind("cc 20", "kind", "kick"),), pads=(Pads(36),)))
    before = on.played("90 24 7F")
    assert before
    for note in range(36, 52):
        on.send("B0 14 7F B0 14 00")
        heard = on.played(f"90 {note:02X} 7F")
        assert {place.navigator.info(each).kind for each in heard} <= {"kick"}
        on.send("B0 14 7F B0 14 00")


def test_pads_over_a_cursor_that_never_rests_go_on(stage: Callable[..., Stage], place: Place) -> None:
    """They are laid out as it goes, each time once."""
    pads = Pads(36, 2, 2, over="cursor")
    on = stage(Controller(bindings=(bind("cc 12", "x"), bind("cc 13", "y")), pads=(pads,)))
    laid: list[tuple[int, int]] = []
    grid = place.navigator.grid

    async def noted(client: Any, columns: int, rows: int, region: Any) -> Any:
        laid.append((columns, rows))
        for value in (len(laid) % 128, 3):  # it has moved on before they are laid out
            on.midi._pads.moved(value / 127, value / 127, [pads])
        return await grid(client, columns, rows, region)

    place.navigator.grid = noted
    assert len(on.played("90 24 7F")) == 1
    assert len(laid) < 10


def test_layouts_of_pads_that_are_no_more_are_forgotten(stage: Callable[..., Stage], place: Place) -> None:
    """They hold their map, which may be large."""
    on = stage(Controller(pads=(Pads(36),)))
    on.played("90 24 7F")
    assert list(on.midi._pads._laid) == [Pads(36)]
    place.loop.call(on.midi.set_controllers, [Controller(pads=(Pads(60),))])
    assert list(on.midi._pads._laid) == []


def test_pads_follow_a_cursor_that_chance_moves(stage: Callable[..., Stage], place: Place) -> None:
    """They lie around what was drawn."""
    pads = Pads(36, 1, 1, over="cursor")
    on = stage(Controller(bindings=(bind("cc 20", "random"),), pads=(pads,)))
    on.played("90 24 7F")
    for _ in range(3):
        (hit,) = (event for event in on.send("B0 14 7F B0 14 00") if isinstance(event, Hit))
        assert on.played("90 24 7F") == [hit.id]
