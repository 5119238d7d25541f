"""Messages as JSON: the same values as in OSC, and nothing that OSC could not carry."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_message import OscMessage

from klustr_bridge.bridge.answers import FAIL, NEAR_REPLY, PUSHES, REPLIES
from klustr_bridge.bridge.codec import MAX_ARGUMENTS, encode, encode_chunks, read_message
from klustr_bridge.bridge.jsoncodec import BadFrame, read_answer, read_frame, write_frame
from tests.bridge.test_web_sockets import osc

INT32 = st.integers(-(2**31), 2**31 - 1)
FLOAT = st.floats(width=32, allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)


@given(INT32, FLOAT, TEXT)
def test_a_message_is_the_same_as_over_osc(number: int, real: float, text: str) -> None:
    """Address and arguments of a frame are those of the packet that says the same."""
    frame = json.dumps({"address": "/klustr/find", "arguments": [number, real, text]})
    message = read_frame(frame)
    over_osc = read_message(osc("/klustr/find", "ifs", number, real, text))
    assert (message.address, message.problem) == (over_osc.address, "")
    assert message.arguments == over_osc.arguments


@given(INT32, st.lists(st.tuples(INT32, FLOAT, FLOAT, FLOAT), max_size=120))
def test_a_long_answer_is_written_as_it_is(req: int, rows: list[tuple[Any, ...]]) -> None:
    """Part by part, as over OSC: one way of putting them together serves both."""
    values: list[Any] = []
    for packet in encode_chunks(NEAR_REPLY, req, rows):
        said = json.loads(write_frame(packet))
        expected = OscMessage(packet)
        assert (said["address"], said["arguments"]) == (expected.address, expected.params)
        values += said["arguments"][4:]
    assert values == [value for row in rows for value in row]


@given(TEXT, TEXT, INT32)
def test_texts_and_numbers_are_told_apart(address: str, text: str, req: int) -> None:
    """Between texts of any length and any alphabet."""
    packet = encode(FAIL, address, req, "badargs", text)
    assert read_answer(packet) == ("/klustr/fail", [address, req, "badargs", text])
    assert json.loads(write_frame(packet))["arguments"] == [address, req, "badargs", text]


def test_every_answer_of_the_table_can_be_written() -> None:
    """Also those without any arguments."""
    for answer in (*REPLIES.values(), *PUSHES.values()):
        values = [{"i": 1, "f": 0.5, "s": "é"}[letter] for letter in answer.types]
        assert json.loads(write_frame(encode(answer, *values))) == {
            "address": answer.address,
            "arguments": values,
        }


@given(ANY_JSON)
def test_whatever_json_comes_it_is_a_message_or_refused(value: Any) -> None:
    """Nothing else ever comes out, and no argument that the table can't judge."""
    for text in (json.dumps(value), json.dumps({"address": "/klustr/xy", "arguments": value})):
        try:
            message = read_frame(text)
        except BadFrame:
            continue
        assert message.problem or all(isinstance(one, (int, float, str)) for one in message.arguments)
        assert not any(isinstance(one, float) and math.isnan(one) for one in message.arguments)


@given(st.text(max_size=200))
def test_whatever_text_comes_is_refused(text: str) -> None:
    """By the one exception that closes the socket."""
    try:
        read_frame(text)
    except BadFrame:
        return
    assert json.loads(text)["address"].startswith("/")


@pytest.mark.parametrize("n_arguments", [MAX_ARGUMENTS, MAX_ARGUMENTS + 1])
def test_arguments_are_bounded_as_over_osc(n_arguments: int) -> None:
    """One more than allowed is a problem to be told."""
    frame = json.dumps({"address": "/a", "arguments": [1] * n_arguments})
    assert bool(read_frame(frame).problem) == (n_arguments > MAX_ARGUMENTS)
    assert read_frame('{"address": "/a"}').arguments == ()
