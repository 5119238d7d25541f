"""From bytes to readings of controls: halves, numbers that come before values, and whatever breaks them."""

from itertools import pairwise

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from klustr_bridge.errors import MidiError
from klustr_bridge.midi import Control, Decoder, Reading, parse_control
from klustr_bridge.midi.controls import HIGHEST, KINDS


def readings(hexes: str, kind: str = "") -> list[Reading]:
    """What a fresh decoder reads from bytes as they come down a cable, running status and all."""
    parser, decoder = mido.Parser(), Decoder()
    parser.feed(bytes.fromhex(hexes))
    found = [reading for message in parser for reading in decoder.read(message)]
    return [reading for reading in found if not kind or reading.kind == kind]


@pytest.mark.parametrize(
    ("hexes", "expected"),
    [
        ("B0 4A 7F", Reading("cc", 74, 1, 127)),
        ("BF 4A 00", Reading("cc", 74, 16, 0)),
        ("E0 00 40", Reading("bend", 0, 1, 8192)),
        ("E3 7F 7F", Reading("bend", 0, 4, 16383)),
        ("D2 40", Reading("pressure", 0, 3, 64)),
        ("A0 3C 10", Reading("poly", 60, 1, 16)),
        ("90 24 64", Reading("note", 36, 1, 100)),
        ("90 24 00", Reading("note", 36, 1, 0)),
        ("89 24 64", Reading("note", 36, 10, 0)),
        ("C0 05", Reading("program", 5, 1, 127)),
    ],
)
def test_each_message_is_a_reading(hexes: str, expected: Reading) -> None:
    """Number, channel and value as they stand in the bytes."""
    assert readings(hexes) == [expected]


def test_both_halves_make_fourteen_bits() -> None:
    """High half, then low half; a lone high one reaches both ends; low halves that came are waited for."""
    assert readings("B0 10 40 B0 30 20", "cc14") == [
        Reading("cc14", 16, 1, (64 << 7) | 64),
        Reading("cc14", 16, 1, (64 << 7) | 32),
    ]
    assert [r.value for r in readings("B0 10 00 B0 10 7F", "cc14")] == [0, 16383]
    later = readings("B0 10 40 B0 30 20 B0 10 41 B0 30 05", "cc14")[2:]
    assert later == [
        Reading("cc14", 16, 1, (65 << 7) | 32, is_whole=False),
        Reading("cc14", 16, 1, (65 << 7) | 5),
    ]


def test_halves_are_kept_by_channel_and_controller() -> None:
    """Two knobs turned at once don't mix."""
    mixed = readings("B0 10 40 B1 10 01 B0 30 02 B1 30 03 B0 11 7F", "cc14")
    assert mixed[2:4] == [Reading("cc14", 16, 1, (64 << 7) | 2), Reading("cc14", 16, 2, (1 << 7) | 3)]


def test_numbers_come_before_their_values() -> None:
    """NRPN 300, value 5000, with a clock in between; then steps up and down."""
    expected = [(300, 5000 >> 7 << 7 | 5000 >> 7), (300, 5000), (300, 5001), (300, 5000)]
    data = "B0 63 02 B0 62 2C F8 B0 06 27 B0 26 08 F8 B0 60 00 B0 61 00"
    assert [(r.number, r.value) for r in readings(data, "nrpn")] == expected


def test_two_parameters_in_turns_keep_their_halves_apart() -> None:
    """An XY pad of two NRPNs: the high half of each waits for its low half once that has come."""

    def entered(number: int, high: int, low: int) -> str:
        return f"B0 63 00 B0 62 {number:02X} B0 06 {high:02X} B0 26 {low:02X} "

    found = readings(entered(1, 10, 5) + entered(2, 20, 6) + entered(1, 11, 7) + entered(2, 21, 8), "nrpn")
    assert [(r.number, r.value) for r in found if r.is_whole][-2:] == [(1, (11 << 7) | 7), (2, (21 << 7) | 8)]
    assert [r.is_whole for r in found] == [True, True, True, True, False, True, False, True]
    steps = readings(entered(1, 10, 5) + entered(2, 0, 0) + "B0 63 00 B0 62 01 B0 60 00", "nrpn")
    assert steps[-1] == Reading("nrpn", 1, 1, (10 << 7) | 6)


def test_a_value_without_its_number_is_none_of_ours() -> None:
    """Data entry before any NRPN, after an RPN, and after the null number."""
    assert readings("B0 06 10 B0 26 10", "nrpn") == []
    assert readings("B0 63 00 B0 62 05 B0 65 00 B0 64 00 B0 06 10", "nrpn") == []
    assert readings("B0 63 7F B0 62 7F B0 06 10", "nrpn") == []


def test_a_zone_is_declared_by_its_rpn() -> None:
    """As MPE surfaces do as they are plugged in."""
    assert readings("B0 65 00 B0 64 06 B0 06 0F", "zone") == [Reading("zone", 0, 1, 15)]
    assert readings("B1 65 00 B1 64 06 B1 06 0F", "zone") == []


@pytest.mark.parametrize("kind", KINDS)
def test_shares_reach_from_end_to_end(kind: str) -> None:
    """0 and 1 are reached, and they rise; a bend at rest is the very middle."""
    shares = [Reading(kind, 0, 1, value).share for value in range(HIGHEST[kind] + 1)]
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert all(one < other for one, other in pairwise(shares))
    assert Reading("bend", 0, 1, 8192).share == 0.5


@pytest.mark.parametrize(
    "text",
    ["cc 12", "cc 0 ch 16", "cc14 31", "nrpn 16383", "bend", "bend ch 2", "pressure", "poly", "poly 60",
     "note 36 ch 10", "program 7"],
)  # fmt: skip
def test_texts_of_controls_are_read_and_written(text: str) -> None:
    """What is written is what was read, whatever the spaces and letters."""
    assert str(parse_control(text)) == text
    assert parse_control(
        f"  {text.upper().replace(' ', '  ')} ".replace("CH  ", "channel ")
    ) == parse_control(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("knob 3", "allowed are cc, cc14"),
        ("cc", "lacks its number, 0 to 127"),
        ("cc 128", "allowed is 0 to 127"),
        ("cc14 32", "allowed is 0 to 31"),
        ("bend 3", "a channel is written 'ch 3'"),
        ("note 3 ch 17", "allowed is 1 to 16"),
        ("cc 3 ch 0", "allowed is 1 to 16"),
        ("", "no control is called ''"),
        ("cc -1", "no control is called"),
    ],
)
def test_wrong_texts_are_told_what_is_allowed(text: str, message: str) -> None:
    """And an example."""
    with pytest.raises(MidiError, match=message):
        parse_control(text)


@given(st.binary(max_size=400))
def test_no_bytes_break_it(data: bytes) -> None:
    """Broken messages, data without status, system messages in between: readings in range, or none."""
    parser, decoder = mido.Parser(), Decoder()
    parser.feed(data)
    for message in parser:
        for reading in decoder.read(message):
            assert 0 <= reading.value <= HIGHEST[reading.kind]
            assert 1 <= reading.channel <= 16
            assert 0.0 <= reading.share <= 1.0
            assert Control(reading.kind, None, reading.channel).covers(reading)


@given(
    st.lists(
        st.tuples(st.sampled_from([6, 38, 96, 97, 98, 99, 100, 101, 16, 48]), st.integers(0, 127)),
        max_size=60,
    )
)
def test_no_order_of_numbers_and_halves_breaks_it(steps: list[tuple[int, int]]) -> None:
    """Numbers without values, values without numbers, halves missing."""
    decoder = Decoder()
    for number, value in steps:
        message = mido.Message("control_change", control=number, value=value)
        for reading in decoder.read(message):
            assert 0 <= reading.value <= HIGHEST[reading.kind]


def test_a_number_of_one_sort_ends_that_of_the_other() -> None:
    """After an RPN data entry is not of the NRPN before it, nor the other way round."""
    assert readings("B0 63 02 B0 62 2C B0 06 10", "nrpn") != []
    assert readings("B0 63 02 B0 62 2C B0 65 00 B0 64 00 B0 06 10", "nrpn") == []
    assert readings("B0 65 00 B0 64 00 B0 63 02 B0 62 2C B0 06 10", "range") == []
    assert [each.value for each in readings("B4 65 00 B4 64 00 B4 06 18", "range")] == [24]
