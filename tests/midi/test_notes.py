"""Notes of what is played: which, how loud, and that each ends."""

import math

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from klustr_bridge.midi import Controller
from klustr_bridge.midi.notes import GENERAL_MIDI, NOTE_S, Keys, Notes, strength
from klustr_bridge.sound.kinds import KINDS


def said(messages: list[bytes]) -> list[tuple[str, int, int]]:
    found = [mido.Message.from_bytes(message) for message in messages]
    assert all(message.channel == 9 for message in found)
    return [(message.type, message.note, message.velocity) for message in found]


@pytest.mark.parametrize(("kind", "note"), [("kick", 36), ("closed_hat", 42), ("bass", 60), ("", 60)])
def test_kinds_are_keys_of_the_drum_kit(kind: str, note: int) -> None:
    """Those of General MIDI; what it has none for is one key."""
    assert Keys().of("u", kind) == note


def test_all_kinds_of_drums_have_their_own_key() -> None:
    """And all are kinds."""
    assert set(GENERAL_MIDI) <= set(KINDS)
    assert len(set(GENERAL_MIDI.values())) == len(GENERAL_MIDI)


def test_a_pinned_sound_is_its_key() -> None:
    """Of the first controller and the first bank that has it."""
    keys = Keys([Controller(pins={3: {70: "a"}, 1: {50: "a", 51: "b"}}), Controller(pins={0: {20: "b"}})])
    assert [keys.of(uid, "kick") for uid in ("a", "b", "c")] == [50, 51, 36]


def test_a_note_begins_and_ends() -> None:
    """After its time, not before."""
    notes = Notes()
    assert said(notes.play(42, 64, 1.0)) == [("note_on", 42, 64)]
    assert notes.due_s == 1.0 + NOTE_S
    assert notes.due(1.0) == []
    assert said(notes.due(1.0 + NOTE_S)) == [("note_off", 42, 0)]
    assert notes.due_s is None


def test_a_note_that_still_sounds_ends_before_it_begins_again() -> None:
    """Sequencers lose the second otherwise."""
    notes = Notes()
    notes.play(36, 127, 0.0)
    assert said(notes.play(36, 1, 0.01)) == [("note_off", 36, 0), ("note_on", 36, 1)]
    assert notes.due(0.1) == []


def test_a_note_that_is_held_ends_when_it_is_let_go() -> None:
    """Not by itself; once."""
    notes = Notes()
    notes.play(36, 100, 0.0, math.inf)
    notes.play(42, 100, 0.0)
    assert notes.due_s == NOTE_S
    assert said(notes.due(1000.0)) == [("note_off", 42, 0)]
    assert notes.due_s is None
    assert said(notes.end(36)) == [("note_off", 36, 0)]
    assert notes.end(36) == []
    notes.play(36, 100, 0.0, math.inf)
    assert said(notes.due(math.inf)) == [("note_off", 36, 0)]


@pytest.mark.parametrize(("velocity", "told"), [(0.0, 1), (0.004, 1), (0.5, 64), (1.0, 127), (3.0, 127)])
def test_loudness_is_a_notes_velocity(velocity: float, told: int) -> None:
    """Never 0, which would end the note."""
    assert strength(velocity) == told


@given(st.lists(st.tuples(st.integers(0, 127), st.integers(1, 127), st.floats(0, 0.2)), max_size=60))
def test_every_note_ends(plays: list[tuple[int, int, float]]) -> None:
    """On and off in turns, for each key."""
    notes, now_s, sounding = Notes(), 0.0, set[int]()
    messages: list[bytes] = []
    for note, velocity, pause_s in plays:
        messages += notes.play(note, velocity, now_s)
        now_s += pause_s
        messages += notes.due(now_s)
    messages += notes.due(now_s + 1.0)
    for kind, note, _ in said(messages):
        if kind == "note_on":
            assert note not in sounding
            sounding.add(note)
        else:
            sounding.remove(note)
    assert not sounding
