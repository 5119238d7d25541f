"""Streams: packets cut out of TCP, however it was cut up on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klustr_bridge.bridge.framing import (
    MAX_FRAME,
    Framing,
    FramingError,
    decode_slip,
    encode_prefixed,
    encode_slip,
)

PACKETS = st.lists(st.binary(min_size=1, max_size=80).map(lambda rest: b"/" + rest), min_size=1, max_size=10)


def frames(framing: Framing) -> list[bytes]:
    """All packets that are whole by now."""
    taken = []
    while (frame := framing.take()) is not None:
        taken.append(frame)
    return taken


@given(PACKETS, st.booleans(), st.data())
def test_packets_survive_any_cutting(packets: list[bytes], slip: bool, data: st.DataObject) -> None:
    """Split and joined segments give the same packets, in both framings."""
    stream = b"".join((encode_slip if slip else encode_prefixed)(packet) for packet in packets)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    framing, got = Framing(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        framing.feed(stream[start:end])
        got += frames(framing)
    assert got == packets
    assert framing.wrap(b"/x") == (encode_slip if slip else encode_prefixed)(b"/x")


def test_slip_may_start_without_end_byte() -> None:
    """A sender that puts END only after each packet is understood."""
    framing = Framing()
    framing.feed(encode_slip(b"/abc")[1:] + encode_slip(b"#bundle")[1:])
    assert frames(framing) == [b"/abc", b"#bundle"]


@given(st.binary(max_size=300))
def test_slip_gives_back_every_byte(packet: bytes) -> None:
    """END and ESC inside a packet are escaped and come back."""
    wrapped = encode_slip(packet)
    assert b"\xc0" not in wrapped[1:-1]
    assert decode_slip(wrapped[1:-1]) == packet


def test_a_broken_escape_spoils_one_packet_only() -> None:
    """The stream goes on after it."""
    framing = Framing()
    framing.feed(b"\xc0/a\xdbz\xc0" + encode_slip(b"/b"))
    assert frames(framing) == [b"", b"/b"]


@pytest.mark.parametrize(
    "stream",
    [b"GET / HTTP/1.1\r\n", b"\xff", (MAX_FRAME + 1).to_bytes(4, "big"), b"/" + b"x" * (2 * MAX_FRAME)],
)
def test_a_stream_that_cannot_be_cut_ends(stream: bytes) -> None:
    """Neither framing, or a packet over 64 KiB: no more is kept of it."""
    framing = Framing()
    framing.feed(stream)
    with pytest.raises(FramingError):
        framing.take()


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_any_stream_is_cut_or_ended(pieces: list[bytes]) -> None:
    """No bytes raise anything but FramingError."""
    framing = Framing()
    try:
        for piece in pieces:
            framing.feed(piece)
            frames(framing)
    except FramingError:
        pass
