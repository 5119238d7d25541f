"""From MIDI bytes to actions, without ports or time."""

from types import SimpleNamespace
from typing import Any

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from klustr_bridge.bridge.midi_mapping import JOIN_S, Action, Lift, MidiMapping, Move, StopAll, Trigger


def heard(*hexes: str, gap_s: float = 0.001) -> list[Action]:
    """What a new mapping makes of bytes that come `gap_s` apart, and of a long silence after them."""
    mapping = MidiMapping()
    actions: list[Action] = []
    for number, text in enumerate(hexes):
        actions += mapping.hear(mido.Message.from_hex(text), number * gap_s)
    return actions + mapping.due(1000.0)


def test_x_and_y_of_a_pad_are_one_move() -> None:
    """CC 12 and CC 13 that come together move once, from corner to corner, on any channel."""
    assert heard("B0 0C 00", "B0 0D 7F") == [Move(0.0, 1.0)]
    assert heard("B5 0D 00", "B5 0C 7F") == [Move(1.0, 0.0)]
    assert heard("B0 0C 7F", "B0 0D 7F", "B0 0C 00", "B0 0D 00") == [Move(1.0, 1.0), Move(0.0, 0.0)]


def test_pitch_bend_and_the_modulation_wheel_are_x_and_y() -> None:
    """Both reach the very edges, and the bend at rest is the middle."""
    assert heard("E0 00 00", "B0 01 7F") == [Move(0.0, 1.0)]
    assert heard("E0 7F 7F", "B0 01 00") == [Move(1.0, 0.0)]
    assert heard("E0 00 40") == [Move(pytest.approx(0.5, abs=1e-4), 0.5)]  # type: ignore[arg-type]


def test_a_lone_x_waits_no_longer_than_agreed() -> None:
    """After the joining time the move goes out with the old Y; the newest X counts, the wait starts once."""
    mapping = MidiMapping()
    assert mapping.due_s is None
    assert mapping.hear(mido.Message.from_hex("B0 0C 7F"), 10.0) == []
    assert mapping.hear(mido.Message.from_hex("B0 0C 00"), 10.003) == []
    assert mapping.due_s == 10.0 + JOIN_S
    assert mapping.due(10.0 + JOIN_S - 1e-6) == []
    assert mapping.due(10.0 + JOIN_S) == [Move(0.0, 0.5)]
    assert mapping.due_s is None
    assert mapping.due(20.0) == []


def test_x_and_y_too_far_apart_are_two_moves() -> None:
    """A Y that comes late does not change the move before it, even if nobody asked in between."""
    assert heard("B0 0C 7F", "B0 0D 00", gap_s=JOIN_S) == [Move(1.0, 0.5), Move(1.0, 0.0)]


def test_a_note_plays_where_the_cursor_is() -> None:
    """The velocity is the note's; a move that still waits is part of it, so that nothing sounds twice."""
    assert heard("90 3C 7F") == [Trigger(0.5, 0.5, 1.0)]
    assert heard("B0 0C 7F", "93 00 01") == [Trigger(1.0, 0.5, 1 / 127)]
    assert heard("B0 0C 00", "B0 0D 00", "90 3C 7F") == [Move(0.0, 0.0), Trigger(0.0, 0.0, 1.0)]


@pytest.mark.parametrize(
    "text",
    [
        "80 3C 40",  # note off
        "90 3C 00",  # note on without velocity, which is a note off
        "B0 07 7F",  # volume
        "B0 79 00",  # reset all controllers
        "C0 05",
        "D0 40",
        "A0 3C 40",
        "F8",
        "FA",
        "FE",
        "F2 00 10",
        "F0 7E 7F 06 01 F7",
    ],
)
def test_what_means_nothing_does_nothing(text: str) -> None:
    """Other messages, the clock and the ends of notes move and play nothing."""
    assert heard(text) == []


@pytest.mark.parametrize("text", ["B0 78 00", "B3 7B 00"])
def test_all_sound_off_and_all_notes_off_stop_everything(text: str) -> None:
    """A move before them is told first, so that what it sounds is stopped too."""
    assert heard(text) == [StopAll()]
    assert heard("B0 0C 00", text) == [Move(0.0, 0.5), StopAll()]


def test_a_tap_on_the_same_place_is_told_again() -> None:
    """Lifting the finger lifts the cursor; touching moves it, joined with the X and Y of the touch."""
    assert heard("B0 5C 00") == [Lift()]
    assert heard("B0 5C 7F") == [Move(0.5, 0.5)]
    assert heard("B0 5C 7F", "B0 0C 00", "B0 0D 00") == [Move(0.0, 0.0)]
    assert heard("B0 0C 00", "B0 5C 00", "B0 5C 7F") == [Move(0.0, 0.5), Lift(), Move(0.0, 0.5)]


class Hostile:
    """A message whose every attribute raises."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


_strange = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.booleans(),
    st.binary(max_size=2),
    st.lists(st.none()),
)
_like = st.builds(
    SimpleNamespace,
    type=st.one_of(st.sampled_from(["control_change", "pitchwheel", "note_on", "note_off"]), _strange),
    control=st.one_of(st.sampled_from([1, 12, 13, 92, 120, 123]), _strange),
    value=_strange,
    pitch=_strange,
    note=_strange,
    velocity=_strange,
)
_status = st.sampled_from([0x80, 0x90, 0xA0, 0xB0, 0xE0])
_data = st.integers(0, 127)
_real = st.builds(
    lambda status, channel, one, two: mido.Message.from_bytes([status | channel, one, two]),
    _status,
    st.integers(0, 15),
    st.one_of(st.sampled_from([1, 12, 13, 92, 120, 123]), _data),
    _data,
)
_messages = st.lists(
    st.tuples(st.one_of(_real, _like, st.builds(Hostile), _strange), st.floats(0, 0.01)), max_size=40
)


@given(_messages)
def test_any_messages_give_places_on_the_map(messages: list[tuple[object, float]]) -> None:
    """Whatever comes, nothing raises, x and y are 0..1 and velocities above 0, and no move waits for ever."""
    mapping, now_s, actions = MidiMapping(), 0.0, list[Action]()
    for message, gap_s in messages:
        now_s += gap_s
        actions += mapping.hear(message, now_s)
        assert mapping.due_s is None or mapping.due_s - now_s <= JOIN_S + 1e-9
    actions += mapping.due(now_s + JOIN_S + 1e-9)
    assert mapping.due_s is None
    for action in actions:
        if isinstance(action, Move | Trigger):
            assert 0.0 <= action.x <= 1.0 and 0.0 <= action.y <= 1.0
        if isinstance(action, Trigger):
            assert 0.0 < action.velocity <= 1.0


@given(st.lists(_real, max_size=30), st.floats(0, 0.01))
def test_joining_loses_no_position(messages: list[mido.Message], gap_s: float) -> None:
    """The last place told is the one of the last X and the last Y, however they came."""
    mapping, actions = MidiMapping(), list[Action]()
    x = y = 0.5
    for number, message in enumerate(messages):
        actions += mapping.hear(message, number * gap_s)
        if message.type == "pitchwheel":
            x = (message.pitch + 8192) / 16383
        elif message.type == "control_change" and message.control == 12:
            x = message.value / 127
        elif message.type == "control_change" and message.control in (1, 13):
            y = message.value / 127
    places = [action for action in actions + mapping.due(1000.0) if isinstance(action, Move | Trigger)]
    told = (places[-1].x, places[-1].y) if places else (0.5, 0.5)
    assert told == (x, y)
