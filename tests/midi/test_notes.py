"""Notes of what is played: which, how loud, and that each ends."""

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from klustr_bridge.midi import Controller
from klustr_bridge.midi.notes import GENERAL_MIDI, NOTE_S, Notes
from klustr_bridge.sound.kinds import KINDS


def said(messages: list[bytes]) -> list[tuple[str, int, int]]:
    found = [mido.Message.from_bytes(message) for message in messages]
    assert all(message.channel == 9 for message in found)
    return [(message.type, message.note, message.velocity) for message in found]


@pytest.mark.parametrize(("kind", "note"), [("kick", 36), ("closed_hat", 42), ("bass", 60), ("", 60)])
def test_kinds_are_keys_of_the_drum_kit(kind: str, note: int) -> None:
    """Those of General MIDI; what it has none for is one key."""
    notes = Notes()
    assert said(notes.play("u", kind, 0.5, 1.0)) == [("note_on", note, 64)]
    assert notes.due_s == 1.0 + NOTE_S
    assert notes.due(1.0) == []
    assert said(notes.due(1.0 + NOTE_S)) == [("note_off", note, 0)]
    assert notes.due_s is None


def test_all_kinds_of_drums_have_their_own_key() -> None:
    """And all are kinds."""
    assert set(GENERAL_MIDI) <= set(KINDS)
    assert len(set(GENERAL_MIDI.values())) == len(GENERAL_MIDI)


def test_a_pinned_sound_is_its_key() -> None:
    """Of the first controller and the first bank that has it."""
    notes = Notes([Controller(pins={3: {70: "a"}, 1: {50: "a", 51: "b"}}), Controller(pins={0: {20: "b"}})])
    assert [said(notes.play(uid, "kick", 1.0, 0.0))[0][1] for uid in ("a", "b", "c")] == [50, 51, 36]


def test_a_note_that_still_sounds_ends_before_it_begins_again() -> None:
    """Sequencers lose the second otherwise."""
    notes = Notes()
    notes.play("u", "kick", 1.0, 0.0)
    assert said(notes.play("u", "kick", 0.0, 0.01)) == [("note_off", 36, 0), ("note_on", 36, 1)]
    assert notes.due(0.1) == []


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.floats(0, 1), st.floats(0, 0.2)), max_size=60))
def test_every_note_ends(plays: list[tuple[str, float, float]]) -> None:
    """On and off in turns, for each key."""
    notes, now_s, sounding = Notes(), 0.0, set[int]()
    messages: list[bytes] = []
    for kind, velocity, pause_s in plays:
        messages += notes.play("u", kind, velocity, now_s)
        now_s += pause_s
        messages += notes.due(now_s)
    messages += notes.due(now_s + 1.0)
    for kind, note, velocity in said(messages):
        if kind == "note_on":
            assert note not in sounding
            assert 1 <= velocity <= 127
            sounding.add(note)
        else:
            sounding.remove(note)
    assert not sounding
