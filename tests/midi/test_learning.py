"""Learning from what hands send: knobs, endless knobs, keys, and what else is on the cable."""

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from klustr_bridge.midi import Control
from klustr_bridge.midi.learning import Learned, Learner


def learned(target: str, *messages: mido.Message) -> Learned | None:
    learner = Learner(target)
    for message in messages:
        if (found := learner.hear(message)) is not None:
            return found
    return None


def cc(number: int, *values: int, channel: int = 0) -> list[mido.Message]:
    return [mido.Message("control_change", channel=channel, control=number, value=value) for value in values]


def both(one: list[mido.Message], other: list[mido.Message]) -> list[mido.Message]:
    """In turns, as two halves come."""
    return [message for pair in zip(one, other, strict=True) for message in pair]


def test_a_knob_is_learned_by_a_good_turn() -> None:
    """With its channel."""
    assert learned("x", *cc(20, *range(30, 60), channel=2)) == Learned(Control("cc", 20, 3))
    assert learned("x", *cc(20, 30, 31, 30, 31, 30, 31)) is None  # it trembles
    assert learned("x", *cc(20, 30, 31, 32, 33, 34, 35, 36, 37, 38)) is None  # it is brushed in passing
    assert learned("x", *cc(20, 10, 40, 70, 100)) is None  # too little is known of it


def test_a_fourteen_bit_knob_is_no_pair_of_seven_bit_ones() -> None:
    """High and low half together."""
    halves = both(cc(16, *range(40, 70)), cc(48, *(number * 37 % 128 for number in range(30))))
    assert learned("y", *halves) == Learned(Control("cc14", 16, 1))


def test_a_numbered_parameter_is_learned_with_its_number() -> None:
    """Not data entry."""
    turn = [message for value in range(30, 60) for message in (*cc(99, 2), *cc(98, 44), *cc(6, value))]
    assert learned("x", *turn) == Learned(Control("nrpn", 300, 1))


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (lambda v: mido.Message("pitchwheel", pitch=v * 100), "bend"),
        (lambda v: mido.Message("aftertouch", value=v), "pressure"),
    ],
)
def test_wheels_and_pressure_are_learned(message: object, kind: str) -> None:
    """As what they are."""
    found = learned("x", *[message(value) for value in range(10, 60)])  # type: ignore[operator]
    assert found == Learned(Control(kind, None, 1))


@pytest.mark.parametrize(
    ("up", "down", "encoding"),
    [
        (1, 127, "twos complement"),
        (65, 63, "binary offset"),
        (1, 65, "sign bit"),
        (65, 1, "sign bit 2"),
    ],
)
def test_an_endless_knob_is_learned_by_turns_both_ways(up: int, down: int, encoding: str) -> None:
    """One way alone could be several; faster turns send larger steps; the first turn is to the right."""
    assert learned("x", *cc(21, *[up] * 30)) is None
    turns = cc(21, up, up, up + 1, up, down, down, down - 1 if down in (127, 63) else down + 1, down)
    assert learned("x", *turns) == Learned(Control("cc", 21, 1), encoding)


def test_a_trembling_wheel_is_no_burden() -> None:
    """What is kept of each control is bounded, and only the one that moves is looked at."""
    learner = Learner("x")
    for at in range(5000):
        assert learner.hear(mido.Message("pitchwheel", pitch=at % 3)) is None
    assert len(learner._turns[Control("bend", None, 1)]) <= 256


def test_a_plain_knob_may_have_any_number() -> None:
    """Also one that could be a low half, as those of a Launch Control."""
    for number in (1, 31, 32, 49, 63, 64, 119):
        assert learned("x", *cc(number, *range(30, 60))) == Learned(Control("cc", number, 1))


def test_a_nervous_hand_is_no_endless_knob() -> None:
    """Steps of two or three around the middle, a flick from end to end."""
    assert learned("x", *cc(22, 58, 60, 63, 65, 62, 59, 66, 70, 74, 80, 85)) == Learned(Control("cc", 22, 1))
    assert learned("x", *cc(22, 0, 2, 126, 127, 60, 30, 90)) == Learned(Control("cc", 22, 1))


def test_a_knob_turned_through_the_middle_is_not_an_endless_one() -> None:
    """It passes every value."""
    assert learned("x", *cc(22, *range(50, 78))) == Learned(Control("cc", 22, 1))


@pytest.mark.parametrize(
    ("messages", "control"),
    [
        ([mido.Message("note_on", note=36, velocity=1, channel=9)], Control("note", 36, 10)),
        ([mido.Message("program_change", program=4)], Control("program", 4, 1)),
        (cc(64, 0, 127), Control("cc", 64, 1)),
        ([mido.Message("note_off", note=36), *cc(6, 127), *cc(7, 20)], None),
    ],
)  # fmt: skip
def test_a_button_is_learned_by_a_press(messages: list[mido.Message], control: Control | None) -> None:
    """Not by its going up, nor by halves of numbers."""
    assert learned("kind kick", *messages) == (None if control is None else Learned(control))


@given(st.binary(max_size=300), st.sampled_from(["x", "random"]))
def test_nothing_on_the_cable_breaks_it(data: bytes, target: str) -> None:
    """It learns something or goes on waiting."""
    parser = mido.Parser()
    parser.feed(data)
    learned(target, *parser)
