"""MIDI in, hits and sounds out: real ports of a real MIDI system, and machines that have none."""

import asyncio
import contextlib
import queue
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from klustr_bridge.bridge.midi import MidiInput
from klustr_bridge.bridge.midi_child import Inputs, choose
from klustr_bridge.bridge.midi_ports import END_LIMIT_S, PortsState, describe
from klustr_bridge.client import Client, NoAnswerError
from klustr_bridge.library.paths import from_export
from klustr_bridge.navigator import Event, Hit, Navigator, Play
from tests.bridge.jack import JACK, PATIENCE_S, Controller, JackServer
from tests.bridge.places import Place

POLL_S = 0.1
SLOW_S = 0.5
N_TRIES = 5


def message_of(text: str) -> SimpleNamespace:
    """A message as the ports hand it on."""
    import mido

    return SimpleNamespace(**mido.Message.from_hex(text).dict() | {"port": "pad", "at_s": 0.0})


class Listening:
    """A started MIDI input of a place; `events` and `lines` are what came of it."""

    def __init__(self, place: Place, **settings: Any) -> None:
        self.place = place
        self.events: queue.Queue[Event] = queue.Queue()
        self.lines: queue.Queue[str] = queue.Queue()
        self.midi = MidiInput(
            place.navigator, self._publish, on_change=self.lines.put, poll_s=POLL_S, **settings
        )
        place.loop.call(self.midi.start)

    def _publish(self, events: Any) -> None:
        self.place.server.publish_hits("midi", events)
        for event in events:
            self.events.put(event)

    def line(self, pattern: str) -> str:
        """Wait for a line with `pattern`."""
        until = time.monotonic() + PATIENCE_S
        while not re.search(pattern, line := self.lines.get(timeout=max(0.01, until - time.monotonic()))):
            pass
        return line

    def event(self, wanted: Callable[[Event], bool]) -> Event:
        """Wait for an event."""
        until = time.monotonic() + PATIENCE_S
        while not wanted(event := self.events.get(timeout=max(0.01, until - time.monotonic()))):
            pass
        return event

    def stop(self) -> None:
        """Stop it."""
        self.place.loop.run(self.midi.stop())


@pytest.fixture
def listen(place: Place) -> Iterator[Callable[..., Listening]]:
    """Start MIDI inputs on the place."""
    started: list[Listening] = []

    def start(**settings: Any) -> Listening:
        started.append(Listening(place, **settings))
        return started[-1]

    yield start
    for listening in started:
        listening.stop()


@pytest.fixture
def jack(monkeypatch: pytest.MonkeyPatch) -> Iterator[JackServer]:
    """A JACK server that everything here and in started processes uses; ends after `listen`."""
    server = JackServer.for_midi(monkeypatch)
    yield server
    server.close()


def hit_by(pad: Controller, client: Client, place: Place, row: int, view: str = "natural") -> tuple[Any, ...]:
    """Point at a sound until its hit comes: JACK loses messages when the machine is busy."""
    for _ in range(N_TRIES):
        pad.point(*place.navigator.corpus.places(view).xy[row])
        with contextlib.suppress(NoAnswerError):
            while (hit := client.wait("/klustr/hit", PATIENCE_S / N_TRIES))[1] != place.ids[row]:
                pass
            return hit
    pytest.fail(f"pointing {N_TRIES} times at sound {place.ids[row]} did not hit it")


@pytest.mark.peers
def test_a_pad_in_the_even_view_hits_what_stands_there(
    jack: JackServer, listen: Callable[..., Listening], place: Place, client: Client
) -> None:
    """MIDI moves in the view that it is started with; its hits are told to each client in the client's."""
    client.hello("witness")
    corpus = place.navigator.corpus
    with Controller() as pad:
        listen(view="even").line("listening")
        for row in (2, 9):
            hit = hit_by(pad, client, place, row, "even")
            assert hit[2:4] == pytest.approx(corpus.xy[row].tolist())
        client.view("even")
        client.sync()
        hit = hit_by(pad, client, place, 5, "even")
        assert hit[2:4] == pytest.approx(corpus.places("even").xy[5].tolist())


@pytest.mark.peers
def test_a_pad_moves_and_a_note_plays(
    jack: JackServer, listen: Callable[..., Listening], place: Place, client: Client
) -> None:
    """CC 12/13 of another process hit what lies there, told to OSC clients with the origin midi and
    sounded by the bridge; a note plays it with its velocity; all notes off stops.
    """
    client.hello("witness")
    with Controller() as pad:
        listening = listen(pattern="nanopad")
        assert listening.line("listening") == f"listening to {pad.name}"
        assert (listening.midi.ports, listening.midi.problem) == ((pad.name,), None)
        for row in (3, 11):
            hit = hit_by(pad, client, place, row)
            assert hit[0] == 0
            assert hit[-1] == "midi"
            play = listening.event(lambda event: isinstance(event, Play))
            while play.id != place.ids[row]:
                play = listening.event(lambda event: isinstance(event, Play))
            assert place.player.played[-1] == play.path
        n_played = len(place.player.played)
        pad.send("90 3C 40")
        play = listening.event(lambda event: isinstance(event, Play))
        assert (play.id, play.velocity) == (place.ids[11], pytest.approx(64 / 127))
        assert len(place.player.played) == n_played + 1
        pad.send("80 3C 00")
        pad.send("B0 7B 00")
        pad.send("90 3C 7F")  # one that is heard only after the others
        listening.event(lambda event: isinstance(event, Play) and event.velocity == 1.0)
        assert place.player.stopped == [None]
    assert client.ping() is not None


@pytest.mark.peers
def test_an_input_that_goes_and_comes_back(
    jack: JackServer, listen: Callable[..., Listening], place: Place, client: Client
) -> None:
    """Nothing but a line tells of a pulled plug; plugged in again it plays; others are left alone."""
    client.hello("witness")
    listening = listen(pattern="nano*")
    assert "no input is connected" in listening.line(".")
    with Controller("keyboard", "keys"):
        assert "no input matches 'nano*'; found: keyboard:keys" in listening.line("found")
        for row in (2, 9):
            with Controller() as pad:
                listening.line(f"listening to {pad.name}$")
                assert hit_by(pad, client, place, row)[-1] == "midi"
            listening.line("no input matches")
            assert listening.midi.ports == ()
    listening.stop()


@pytest.mark.peers
def test_a_midi_system_that_hangs_holds_up_nothing(
    jack: JackServer, listen: Callable[..., Listening], place: Place, client: Client
) -> None:
    """While the MIDI system lets nobody in the bridge answers, and stopping takes a bounded time."""
    jack.freeze()
    listening = listen()
    midi_process(listening)
    for _ in range(20):
        assert client.ping() < SLOW_S
    assert listening.midi.describe() == "looking for inputs"
    started_s = time.monotonic()
    listening.stop()
    assert time.monotonic() - started_s < 3 * END_LIMIT_S
    jack.thaw()


@pytest.mark.peers
@pytest.mark.parametrize(
    ("number", "words"), [(signal.SIGSTOP, "does not answer"), (signal.SIGSEGV, "has failed")]
)
def test_listening_starts_again(
    number: int,
    words: str,
    jack: JackServer,
    listen: Callable[..., Listening],
    place: Place,
    client: Client,
) -> None:
    """If the MIDI system stops or crashes the process that listens, that is said and another one listens."""
    client.hello("witness")
    with Controller() as pad:
        listening = listen()
        listening.line("listening")
        midi_process(listening).send_signal(number)
        assert "--midi off" in listening.line(words)
        assert listening.midi.ports == ()
        listening.line(f"listening to {pad.name}")
        assert hit_by(pad, client, place, 6)[-1] == "midi"
        listening.place.loop.call(listening.midi._ports.want_outputs)
        process = midi_process(listening)
        process.kill()
        listening.line("has failed")
        listening.line(f"listening to {pad.name}")
        assert listening.midi._state.outputs  # looked for anew without being asked again
        process = midi_process(listening)
    listening.stop()
    assert not process.is_running()


def midi_process(listening: Listening) -> psutil.Process:
    """The process that listens, as soon as there is one."""

    async def started() -> psutil.Process:
        while True:
            for child in psutil.Process().children():
                with contextlib.suppress(psutil.Error):
                    if any(word.endswith("midi_child.py") for word in child.cmdline()):
                        return child
            await asyncio.sleep(0.01)

    return listening.place.loop.run(started())


def test_a_machine_without_a_midi_system(
    monkeypatch: pytest.MonkeyPatch, listen: Callable[..., Listening], place: Place, client: Client
) -> None:
    """Nothing fails; it says what is wrong and how to do without."""
    pytest.importorskip("rtmidi", reason="python-rtmidi is not installed")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "there-is-none")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    listening = listen(backend=JACK)
    line = listening.line(".")
    assert "the MIDI system can't be used" in line
    assert "--midi off" in line
    assert listening.midi.problem == line == listening.midi.describe()
    assert client.ping() is not None
    listening.stop()


def test_a_reason_with_a_full_stop_can_be_gone_on_from() -> None:
    """RtMidi ends its reasons with a full stop; more follows after a semicolon."""

    class Broken:
        name = "broken"

        def get_input_names(self) -> list[str]:
            raise RuntimeError("error creating ALSA sequencer client object.")

    heard: list[dict[str, Any]] = []
    Inputs(Broken(), "", (), heard.append).look()
    assert heard[0]["problem"].endswith("client object")


def test_a_python_without_rtmidi(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, listen: Callable[..., Listening], client: Client
) -> None:
    """Where no wheel of python-rtmidi exists, it says what to install and the rest goes on."""
    (tmp_path / "rtmidi.py").write_text("raise ModuleNotFoundError('no rtmidi', name='rtmidi')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    listening = listen(backend="mido.backends.rtmidi")
    line = listening.line(".")
    assert "the Python package python-rtmidi is not installed" in line
    assert "-m pip install python-rtmidi" in line
    assert ("C compiler" in line) == (sys.version_info >= (3, 13))
    assert client.ping() is not None
    listening.stop()


def test_before_the_first_map_nothing_happens(place: Place) -> None:
    """Moves and notes in an empty library are no error, and stopping works without one."""
    events: list[Event] = []
    midi = MidiInput(Navigator(place.player, None), events.extend)
    for text in ("B0 0C 00", "B0 0D 00", "90 3C 7F", "B0 7B 00"):
        place.loop.call(midi.hear, message_of(text))
    assert events == []
    assert (place.player.played, place.player.stopped) == ([], [None])


def test_a_tap_on_the_same_sound_sounds_again(place: Place) -> None:
    """Moving within a sound is silent; lifting the finger and touching it again is not."""
    events: list[Event] = []
    midi = MidiInput(place.navigator, events.extend)

    def touch() -> list[str]:
        events.clear()
        for text in ("B0 5C 7F", "B0 0C 7F", "B0 0D 40"):
            place.loop.call(midi.hear, message_of(text))
        return [type(event).__name__ for event in events]

    assert touch() == ["Hit", "Play"]
    assert touch() == []
    place.loop.call(midi.hear, message_of("B0 5C 00"))
    assert touch() == ["Hit", "Play"]
    assert [event.origin for event in events if isinstance(event, Hit)] == ["midi"]


@pytest.fixture
def note(place: Place) -> Callable[[], bool]:
    """Play a note by MIDI; tells whether the bridge sounded it."""
    midi = MidiInput(place.navigator, lambda events: place.server.publish_hits("midi", events))

    def play() -> bool:
        before = len(place.player.played)
        place.loop.call(midi.hear, message_of("90 3C 40"))
        return len(place.player.played) > before

    return play


def plays_of(client: Client) -> list[tuple[Any, ...]]:
    """The plays that a client has got until now."""
    client.ping()
    plays = [kept.values for kept in client._kept if kept.address == "/klustr/play"]
    client._kept.clear()
    return plays


def test_who_asks_for_it_last_sounds_what_midi_plays(
    place: Place, client: Client, note: Callable[[], bool]
) -> None:
    """`/klustr/player client` takes MIDI over from the bridge, or from another client: one sounds."""
    with Client(port=place.port) as other:
        for subscriber in (client, other):
            subscriber.hello("device")
        assert note()
        for taker, left in ((client, other), (other, client), (client, other)):
            taker.send("/klustr/player", "client")
            taker.ping()
            assert not note()
            [(_, sound_id, velocity, path, *_)] = plays_of(taker)
            assert sound_id in place.ids
            assert velocity == pytest.approx(64 / 127)
            assert from_export(path) == place.navigator.path(sound_id)
            assert plays_of(left) == []
        for mode in ("both", "internal"):
            client.send("/klustr/player", "client")
            client.ping()
            assert not note()
            client.send("/klustr/player", mode)
            client.ping()
            assert note()
            assert len(plays_of(client)) == 1


def test_midi_falls_back_to_the_bridge_when_its_client_is_gone(
    place: Place, client: Client, note: Callable[[], bool]
) -> None:
    """No silence after bye, nor from a client that never subscribed to pushes."""
    client.send("/klustr/player", "client")
    client.ping()
    assert note()
    client.hello("device")
    assert not note()
    client.send("/klustr/bye")
    client.ping()
    assert note()


NAMES = [
    "Midi Through:Midi Through Port-0 14:0",
    "nanoPAD2:nanoPAD2 PAD 20:0",
    "Launchkey [2]",
    "Launchkey [2]",
]


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        ("", [1, 2]),
        ("*", [1, 2]),
        ("NANOPAD", [1]),
        ("nano*", [1]),
        ("launch??? *", [2]),
        ("[2]", [2]),
        (" pad ", [1]),
        ("through", [0]),
        ("korg", []),
    ],
)
def test_the_pattern_chooses_inputs(pattern: str, chosen: list[int]) -> None:
    """Part of a name or a pattern, in any case; nothing is all but ALSA's loop back to itself."""
    assert choose(NAMES, pattern) == [NAMES[number] for number in chosen]


def test_states_are_said_in_words() -> None:
    """Each state has a line that says what to do where something is to be done."""
    assert describe(PortsState(), "") == "looking for inputs"
    assert describe(PortsState(True), "").startswith("no input is connected")
    assert describe(PortsState(True, present=("Midi Through",)), "").startswith("no input is connected")
    assert "'x'; found: a;" in describe(PortsState(True, present=("a",)), "x")
    assert describe(PortsState(True, tuple("abcdef")), "") == "listening to a, b, c, d and 2 more"
    assert (
        describe(PortsState(True, ("a",), ("a", "b"), "can't open b"), "") == "listening to a; can't open b"
    )
