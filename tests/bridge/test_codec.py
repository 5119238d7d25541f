"""Packets: what is read, what is refused, what is built."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder, build_msg

from klustr_bridge.bridge import codec
from klustr_bridge.bridge.answers import FAIL, NEAR_REPLY, PUSHES, REPLIES
from klustr_bridge.bridge.codec import BadPacket, encode, encode_chunks, read_packet
from klustr_bridge.errors import QueryError

INT32 = st.integers(-(2**31), 2**31 - 1)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)


def bundle(at_s: float, *elements: bytes) -> bytes:
    """A bundle of ready elements; 0 means at once."""
    tag = 1 if at_s == 0 else int((at_s + 2_208_988_800) * 2**32)
    body = b"".join(len(element).to_bytes(4, "big") + element for element in elements)
    return b"#bundle\0" + tag.to_bytes(8, "big") + body


def message(address: str, *values: object) -> bytes:
    """A message as python-osc builds it."""
    return bytes(build_msg(address, list(values)).dgram)


@given(st.lists(st.one_of(INT32, st.floats(width=32, allow_nan=False), TEXT, st.booleans()), max_size=20))
def test_messages_of_python_osc_are_read_as_they_were_meant(values: list[object]) -> None:
    """Whatever python-osc builds comes out with the same address and values."""
    (group,) = read_packet(message("/klustr/some/thing", *values))
    assert group.at_s == 0
    assert group.messages == (codec.Message("/klustr/some/thing", tuple(values)),)


@pytest.mark.parametrize(
    ("letter", "value"), [("d", 0.5), ("h", 2**40), ("T", True), ("F", False), ("N", None)]
)
def test_rarer_types_are_read(letter: str, value: object) -> None:
    """Doubles, int64, booleans and nil don't make a packet bad."""
    builder = OscMessageBuilder("/a")
    builder.add_arg(value, letter)  # type: ignore[arg-type]
    (group,) = read_packet(builder.build().dgram)
    assert group.messages[0].arguments == (value,)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_called_bad(data: bytes) -> None:
    """No input raises anything but BadPacket."""
    for start in (b"", b"/", b"/a\0\0,", b"#bundle\0", b"#bundle\0" + b"\0" * 7 + b"\1"):
        with contextlib.suppress(BadPacket):
            read_packet(start + data)


@given(st.data())
def test_a_damaged_packet_is_read_or_called_bad(data: st.DataObject) -> None:
    """One changed or missing byte of a real packet raises nothing but BadPacket."""
    whole = bundle(0, message("/klustr/find", 1, "kick drum", 10), bundle(5, message("/a", 0.5, True, b"x")))
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :]
    for packet in (changed, whole[:at]):
        with contextlib.suppress(BadPacket):
            read_packet(packet)


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"hello there",
        b"/a",
        b"/a\0\0,i\0\0",
        b"/a\0\0i\0\0\0\0\0\0\1",
        b"/\xff\xfe\0,\0\0\0",
        b"#bundle\0",
        bundle(0, b""),
        bundle(0, b"abcd"),
        bundle(0)[:-1],
        bundle(0) + b"\xff\xff\xff\xfc" + b"\0" * 8,
        bundle(0) + b"\0\0\0\x10/a\0\0",
        bundle(0, message("/a", 1), b"/b\0\0i\0\0\0"),
    ],
)
def test_what_is_not_osc_is_bad(packet: bytes) -> None:
    """Truncated and foreign packets, and bundles with any bad part, are refused whole."""
    with pytest.raises(BadPacket):
        read_packet(packet)


def test_messages_without_type_tags_have_no_arguments() -> None:
    """Senders older than OSC 1.0 leave the tags out."""
    assert read_packet(b"/abc\0\0\0\0")[0].messages == (codec.Message("/abc"),)


@pytest.mark.parametrize(
    ("packet", "code", "words"),
    [
        (b"/a\0\0,c\0\0\0\0\0a", "badargs", "unsupported type 'c'"),
        (b"/a\0\0,s\0\0caf\xe9\0\0\0\0", "badargs", "not UTF-8"),
        (message("/a", *range(65)), "badargs", "65 arguments"),
        (message("/a", "x" * 20_000), "toobig", "at most 16384"),
    ],
)
def test_osc_that_cannot_be_used_is_answered(packet: bytes, code: str, words: str) -> None:
    """A packet that is OSC but holds something unusable carries the reason instead of arguments."""
    (group,) = read_packet(packet)
    (read,) = group.messages
    assert (read.address, read.code) == ("/a", code)
    assert words in read.problem


def test_bundles_keep_order_and_inner_tags_never_come_before_outer_ones() -> None:
    """Messages come in order, joined where they are due together."""
    packet = bundle(
        100,
        message("/1"),
        bundle(0, message("/2"), bundle(200, message("/3"))),
        message("/4"),
    )
    groups = [(group.at_s, [m.address for m in group.messages]) for group in read_packet(packet)]
    assert groups == [(100, ["/1", "/2"]), (200, ["/3"]), (100, ["/4"])]


def test_bundles_of_python_osc_are_read() -> None:
    """A bundle built by python-osc, due at once, comes out in order."""
    builder = OscBundleBuilder(IMMEDIATELY)
    for address in ("/1", "/2", "/3"):
        builder.add_content(build_msg(address, [1]))
    (group,) = read_packet(builder.build().dgram)
    assert (group.at_s, [m.address for m in group.messages]) == (0, ["/1", "/2", "/3"])


def test_depth_and_length_of_bundles_are_bounded() -> None:
    """Nesting beyond the limit is no OSC that is read; too many messages are refused with a reason."""
    nested = message("/a")
    for _ in range(codec.MAX_BUNDLE_DEPTH):
        nested = bundle(0, nested)
    assert read_packet(nested)[0].messages[0].address == "/a"
    with pytest.raises(BadPacket):
        read_packet(bundle(0, nested))
    (group,) = read_packet(bundle(0, *[message("/a")] * (codec.MAX_BUNDLE_MESSAGES + 1)))
    assert [m.code for m in group.messages] == ["toobig"]


@given(INT32, st.floats(width=32, allow_nan=False), TEXT)
def test_what_is_built_python_osc_reads(number: int, value: float, text: str) -> None:
    """Replies are plain OSC with the types of the table."""
    hit = OscMessage(encode(PUSHES["/klustr/hit"], number, 7, value, 0.5, 0.25, text))
    assert (hit.address, hit.params) == ("/klustr/hit", [number, 7, value, 0.5, 0.25, text])
    fail = OscMessage(encode(FAIL, "/a", number, "badargs", text))
    assert (fail.address, fail.params) == ("/klustr/fail", ["/a", number, "badargs", text])


@given(st.integers(0, 700), INT32)
def test_lists_come_in_whole_parts(n: int, req: int) -> None:
    """Every entry arrives once and in order, parts count from 1, no packet is over the limits."""
    rows = [(i, i / 8, 0.25, 0.5) for i in range(n)]
    packets = list(encode_chunks(NEAR_REPLY, req, rows))
    got: list[tuple[object, ...]] = []
    for number, packet in enumerate(packets, 1):
        read = OscMessage(packet)
        assert len(packet) <= codec.MAX_PACKET
        assert read.params[:3] == [req, number, len(packets)]
        assert len(read.params) == 4 + 4 * read.params[3] <= 4 + 192
        got += [tuple(read.params[i : i + 4]) for i in range(4, len(read.params), 4)]
    assert got == rows
    assert len(packets) == max(1, -(-n // 48))


def test_packets_hold_48_quadruples_64_triples_192_ids() -> None:
    """The sizes that clients are written for."""
    for address, per_packet in (
        ("/klustr/near.reply", 48),
        ("/klustr/points.reply", 64),
        ("/klustr/find.reply", 192),
    ):
        answer = REPLIES[address]
        extra = (3,) * (len(answer.arguments) - 4)
        packets = list(encode_chunks(answer, 1, [(1,) * len(answer.items)] * (per_packet + 1), extra))
        assert [OscMessage(packet).params[3] for packet in packets] == [per_packet, 1]


@given(st.lists(st.tuples(TEXT, st.integers(0, 9), st.sampled_from(["watched", "absent"])), max_size=80))
def test_lists_of_strings_fill_packets_by_their_bytes(rows: list[tuple[str, int, str]]) -> None:
    """Entries with strings arrive whole and in order, no packet is over the limit."""
    packets = list(encode_chunks(REPLIES["/klustr/folders.reply"], 5, rows))
    got: list[tuple[object, ...]] = []
    for packet in packets:
        read = OscMessage(packet)
        assert len(packet) <= codec.MAX_PACKET
        got += [tuple(read.params[i : i + 3]) for i in range(4, len(read.params), 3)]
    assert got == rows
    assert packets


def test_what_fits_no_packet_is_refused_not_cut() -> None:
    """A string longer than a packet is toobig, alone or in a list, before anything is sent."""
    with pytest.raises(QueryError) as refused:
        encode(REPLIES["/klustr/path.reply"], 1, 2, "/" + "x" * 1400)
    assert refused.value.code == "toobig"
    with pytest.raises(QueryError) as refused:
        encode_chunks(REPLIES["/klustr/problems.reply"], 1, [("/a", "b"), ("/" + "x" * 1400, "b")])
    assert refused.value.code == "toobig"


def test_text_that_osc_cannot_carry_is_written_out() -> None:
    """A NUL or half a surrogate pair neither breaks the packet nor vanishes."""
    read = OscMessage(encode(PUSHES["/klustr/error"], "a\0b", "c\udce9d"))
    assert read.params == ["a\\x00b", "c\\udce9d"]


def test_a_float_without_its_last_zeros_is_forgiven() -> None:
    """Reaktor sends such floats."""
    whole = message("/klustr/xy", 0.25, 0.5)
    assert struct.unpack(">f", whole[-4:]) == (0.5,)
    assert read_packet(whole[:-2])[0].messages[0].arguments == (0.25, 0.5)
