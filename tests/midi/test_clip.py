"""Clips of what was played: which notes, where in the bars, and files that others can read."""

import io
import math

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from klustr_bridge.midi.clip import Clip, ClipNote, Played, Take, midi_file

TEMPO_BPM = 90.0


def take(*beats: float, tempo_bpm: float = TEMPO_BPM, from_s: float = 100.0) -> Take:
    """A key for each beat, 36 and up, played while the beat ran."""
    kept = Take()
    for at, beat in enumerate(beats):
        kept.add(Played(from_s + beat * 60.0 / tempo_bpm, 36 + at, 100, beat, tempo_bpm))
    return kept


def read(written: tuple[bytes, int]) -> tuple[mido.MidiFile, list[tuple[float, str, int, int]]]:
    """A file as mido reads it: its notes with their beats, and their velocities."""
    data, n_notes = written
    file = mido.MidiFile(file=io.BytesIO(data))
    (track,) = file.tracks
    ticks, notes = 0, []
    for message in track:
        ticks += message.time
        if message.type in ("note_on", "note_off"):
            assert message.channel == 9
            notes.append((ticks / file.ticks_per_beat, message.type, message.note, message.velocity))
    assert n_notes == sum(kind == "note_on" for _, kind, _, _ in notes)
    return file, notes


def test_nothing_played_is_no_clip() -> None:
    """Not an empty one."""
    assert Take().last(4, 4) is None


@pytest.mark.parametrize(
    ("beats", "bars", "placed"),
    [
        ((0.0, 1.0, 2.5, 3.0), 1, (0.0, 1.0, 2.5, 3.0)),
        ((3.5, 4.0, 5.25, 7.75), 1, (0.0, 1.25, 3.75)),
        ((3.5, 4.0, 5.25, 7.75), 2, (3.5, 4.0, 5.25, 7.75)),
        ((0.0, 33.0), 2, (5.0,)),
        ((0.0, 4.0, 7.97), 2, (0.0, 0.0 + 4.0 - 4.0, 3.97)),
    ],
)
def test_a_clip_is_the_bars_up_to_that_of_the_last_note(
    beats: tuple[float, ...], bars: int, placed: tuple[float, ...]
) -> None:
    """Notes stand where the session's beat had them; what came before is left out."""
    clip = take(*beats).last(bars, 4)
    assert clip is not None
    assert (clip.bars, clip.beats_a_bar, clip.tempo_bpm) == (bars, 4, TEMPO_BPM)
    if beats[-1] == 7.97:  # played on the next bar's first beat, a hair early
        assert [each.beat for each in clip.notes] == pytest.approx([0.0, 3.97])
        return
    assert [each.beat for each in clip.notes] == pytest.approx(placed)
    n_out = len(beats) - len(placed)
    assert [each.note for each in clip.notes] == list(range(36 + n_out, 36 + len(beats)))
    assert all(each.length == pytest.approx(0.1 * TEMPO_BPM / 60.0) for each in clip.notes)


def test_a_note_just_before_the_first_bar_is_on_it() -> None:
    """A hand is a hair early, not a bar."""
    clip = take(3.98, 5.0, 7.0).last(1, 4)
    assert clip is not None
    assert [each.beat for each in clip.notes] == [0.0, 1.0, 3.0]


def test_time_without_a_beat_is_another_take() -> None:
    """Notes before the session's start aren't of its bars, nor the session's of what comes after its end."""
    kept = Take()
    for at_s, beat in ((1.0, None), (1.1, 0.0), (1.2, 0.15), (1.3, None), (1.4, None)):
        kept.add(Played(at_s, 36, 100, beat, TEMPO_BPM))
        clip = kept.last(1, 4)
        assert clip is not None
        expected = {1.0: 1, 1.1: 1, 1.2: 2, 1.3: 1, 1.4: 2}[at_s]
        assert len(clip.notes) == expected


def test_what_was_played_before_the_session_started_anew_is_not_of_the_clip() -> None:
    """A beat that jumps back, or ahead, makes another take of it."""
    for first_beat in (6.0, 40.0):
        kept = Take()
        kept.add(Played(10.0, 36, 100, first_beat, TEMPO_BPM))
        kept.add(Played(11.0, 37, 100, 7.0, TEMPO_BPM))
        kept.add(Played(11.0 + 60.0 / TEMPO_BPM, 38, 100, 8.0, TEMPO_BPM))
        clip = kept.last(4, 4)
        assert clip is not None
        expected = [36, 37, 38] if first_beat == 6.0 else [37, 38]
        assert [each.note for each in clip.notes] == expected


@pytest.mark.parametrize(("tempo_bpm", "told_bpm"), [(0.0, 120.0), (75.0, 75.0)])
def test_without_a_running_beat_it_begins_with_its_first_note(tempo_bpm: float, told_bpm: float) -> None:
    """At the tempo that is there, or a common one; times stay what they were."""
    kept = Take()
    bar_s = 4 * 60.0 / told_bpm
    for at_s in (0.0, 50.0, 50.3, 50.0 + 0.9 * bar_s):
        kept.add(Played(at_s, 40, 100, None, tempo_bpm))
    clip = kept.last(1, 4)
    assert clip is not None
    assert clip.tempo_bpm == told_bpm
    assert [each.beat * 60.0 / told_bpm for each in clip.notes] == pytest.approx([0.0, 0.3, 0.9 * bar_s])


def test_other_programs_can_read_the_file() -> None:
    """One track with tempo and meter, as long as its bars, each note with its end."""
    file, notes = read(
        midi_file(
            Clip(
                (ClipNote(0.0, 0.2, 36, 100), ClipNote(2.5, 1.25, 42, 1), ClipNote(5.0, math.inf, 50, 127)),
                2,
                3,
                120.0,
            )
        )
    )
    assert file.type == 0
    assert file.length == pytest.approx(2 * 3 * 0.5)
    told = {message.type: message for message in file.tracks[0] if message.is_meta}
    assert mido.tempo2bpm(told["set_tempo"].tempo) == pytest.approx(120.0)
    assert (told["time_signature"].numerator, told["time_signature"].denominator) == (3, 4)
    assert notes == [
        (0.0, "note_on", 36, 100),
        (0.2, "note_off", 36, 0),
        (2.5, "note_on", 42, 1),
        (3.75, "note_off", 42, 0),
        (5.0, "note_on", 50, 127),
        (6.0, "note_off", 50, 0),
    ]


@given(
    st.lists(
        st.builds(ClipNote, st.floats(0, 15.999), st.floats(0, 20), st.integers(0, 127), st.integers(1, 127)),
        max_size=40,
    ),
    st.floats(20, 999),
)
def test_every_note_of_a_clip_ends_within_it(notes: list[ClipNote], tempo_bpm: float) -> None:
    """On and off in turns for each key, however close they are."""
    file, events = read(midi_file(Clip(tuple(sorted(notes)), 4, 4, tempo_bpm)))
    sounding = set[int]()
    for beat, kind, note, _ in events:
        assert 0.0 <= beat <= 16.0
        if kind == "note_on":
            assert note not in sounding
            sounding.add(note)
        else:
            sounding.remove(note)
    assert not sounding
    keys = {each.note for each in notes if round(each.beat * 480) < 16 * 480}
    assert {note for _, _, note, _ in events} == keys
    assert sum(message.time for message in file.tracks[0]) == 16 * 480
