"""What is played as notes: sent while it is played, and written as clips."""

import asyncio
import io
import os
import time
from collections.abc import Iterator
from pathlib import Path

import mido
import pytest

from klustr_bridge.bridge.midi_output import MidiOutput
from klustr_bridge.clock import MidiClock, SessionClock
from klustr_bridge.errors import QueryError
from klustr_bridge.midi import Controller
from klustr_bridge.midi.notes import GENERAL_MIDI
from klustr_bridge.navigator import ClientState
from tests.bridge.places import Place


@pytest.fixture
def output(place: Place, tmp_path: Path) -> Iterator[MidiOutput]:
    """Hears what is played at the place; there is no beat."""
    output = MidiOutput(place.navigator, SessionClock(None), tmp_path / "takes")
    place.navigator.set_listener(output.played)
    yield output
    place.loop.call(output.stop)


def note_of(place: Place, sound_id: int) -> int:
    return GENERAL_MIDI.get(place.navigator.info(sound_id).kind, 60)


def notes_in(path: bytes) -> list[tuple[float, int, int]]:
    """Beats, keys and velocities of a file."""
    file = mido.MidiFile(file=io.BytesIO(Path(os.fsdecode(path)).read_bytes()))
    ticks, notes = 0, []
    for message in file.tracks[0]:
        ticks += message.time
        if message.type == "note_on":
            notes.append((ticks / file.ticks_per_beat, message.note, message.velocity))
    return notes


def test_what_anybody_plays_goes_out_as_notes(place: Place, output: MidiOutput) -> None:
    """By their kinds, as loud as they are played; each note ends."""
    sent: list[mido.Message] = []
    ended = asyncio.Event()

    def send(data: bytes) -> None:
        sent.append(mido.Message.from_bytes(data))
        if sent[-1].type == "note_off":
            ended.set()

    output.send_to(send)
    sound_id = place.ids[2]

    async def play() -> None:
        place.navigator.trigger(ClientState(), sound_id, 0.5)
        await asyncio.wait_for(ended.wait(), 5.0)

    place.loop.run(play())
    on, off = sent
    note = note_of(place, sound_id)
    assert (on.type, on.note, on.velocity, on.channel) == ("note_on", note, 64, 9)
    assert (off.type, off.note) == ("note_off", note)


def test_notes_that_sound_end_when_the_bridge_does(place: Place, output: MidiOutput) -> None:
    """A sequencer is left with no hanging note."""
    sent: list[bytes] = []
    output.send_to(sent.append)
    place.loop.call(place.navigator.trigger, ClientState(), place.ids[0], 1.0)
    place.loop.call(output.stop)
    place.loop.call(place.navigator.trigger, ClientState(), place.ids[0], 1.0)
    assert [data[0] & 0xF0 for data in sent] == [0x90, 0x80]


def test_a_clip_holds_what_was_played(place: Place, output: MidiOutput) -> None:
    """Whoever played it; each in a file of its own, pinned sounds as their keys."""
    with pytest.raises(QueryError, match="nothing has been played yet"):
        place.loop.run(output.clip(4))
    first, second = place.ids[:2]
    output.set_controllers([Controller(pins={0: {99: place.navigator.info(second).uid}})])
    started_s = time.perf_counter()

    async def play() -> None:
        place.navigator.trigger(ClientState(), first, 0.5)
        await asyncio.sleep(0.25)
        place.navigator.trigger(ClientState(), second, 1.0)

    place.loop.run(play())
    took_beats = (time.perf_counter() - started_s) * 2.0  # 120 a minute
    clips = [place.loop.run(output.clip(bars)) for bars in (4, 4)]
    assert clips[0].path != clips[1].path
    for path, n_notes in clips:
        (beat, *one), (later, *other) = notes_in(path)
        assert n_notes == 2
        assert (beat, one, other) == (0.0, [note_of(place, first), 64], [99, 127])
        assert 0.5 - 0.01 <= later <= took_beats + 0.01


def test_a_clip_is_cut_at_the_bars_of_a_clock(place: Place, tmp_path: Path) -> None:
    """The one that plays are quantised to."""
    clock = MidiClock()
    output = MidiOutput(place.navigator, SessionClock(clock), tmp_path, beats_a_bar=3)
    place.navigator.set_listener(output.played)
    tick_s = 60.0 / 150.0 / 24.0
    begun_s = time.perf_counter() - 4.5 * 24 * tick_s  # four and a half beats ago
    clock.hear("start", begun_s - tick_s, "sequencer", 0)
    for tick in range(int(4.5 * 24)):
        clock.hear("clock", begun_s + tick * tick_s, "sequencer", 0)
    place.loop.call(place.navigator.trigger, ClientState(), place.ids[0], 1.0)
    path, n_notes = place.loop.run(output.clip(1))
    (beat, *_) = notes_in(path)[0]
    assert n_notes == 1
    assert beat == pytest.approx(1.5, abs=0.2)  # of the second bar
    file = mido.MidiFile(os.fsdecode(path))
    assert file.length == pytest.approx(3 * 0.4, abs=0.02)


def test_a_folder_that_cannot_be_written_is_told(place: Place, tmp_path: Path) -> None:
    """With its name; numbers of bars that there can't be are refused."""
    (tmp_path / "takes").write_text("a file")
    output = MidiOutput(place.navigator, SessionClock(None), tmp_path / "takes")
    output.played(place.loop.call(place.navigator.trigger, ClientState(), place.ids[0], 1.0)[-1])
    with pytest.raises(QueryError, match=r"no clip can be written into .*takes") as refused:
        place.loop.run(output.clip(4))
    assert refused.value.code == "notready"
    for bars in (0, 65):
        with pytest.raises(QueryError, match="allowed is 1 to 64"):
            place.loop.run(output.clip(bars))
