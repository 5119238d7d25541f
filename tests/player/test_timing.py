"""Which frame is heard when, from blocks that are asked for at uneven moments."""

import random
from types import SimpleNamespace

import pytest

from klustr_bridge.player.output import MOST_DELAY_S, delay_of
from klustr_bridge.player.timing import FrameClock

RATE, BLOCK = 48_000, 128


def blocks(clock: FrameClock, n: int, *, first: int = 0, zero_s: float = 50.0, jitter_s: float = 0.0) -> int:
    """Note blocks of a device whose frame 0 is heard at `zero_s`; return the frame after them."""
    chance = random.Random(first)
    for number in range(n):
        frame = first + number * BLOCK
        clock.note(frame, zero_s + frame / RATE + chance.uniform(-jitter_s, jitter_s))
    return first + n * BLOCK


def test_single_measurements_may_be_off_by_milliseconds() -> None:
    """With 3 ms of jitter either way a frame is told within half a millisecond, each time it is asked for."""
    clock, frame = FrameClock(RATE), 0
    frame = blocks(clock, 400, jitter_s=0.003)
    for _ in range(50):
        frame = blocks(clock, 20, first=frame, jitter_s=0.003)
        assert clock.frame_at(60.0) == pytest.approx(10 * RATE, abs=0.0005 * RATE)


def test_even_measurements_are_exact() -> None:
    """To the frame."""
    clock = FrameClock(RATE)
    blocks(clock, 10)
    assert [clock.frame_at(50.0 + seconds) for seconds in (0.0, 0.5, 7.25)] == [0, RATE // 2, 7.25 * RATE]


def test_a_device_that_stood_still_is_believed_at_once() -> None:
    """After a pause all frames come later."""
    clock = FrameClock(RATE)
    frame = blocks(clock, 100)
    blocks(clock, 2, first=frame, zero_s=50.3)
    assert clock.frame_at(60.3) == pytest.approx(10 * RATE, abs=2)


def test_before_any_block_everything_is_at_once() -> None:
    """Frame 0 has passed by then."""
    assert FrameClock(RATE).frame_at(12.0) == 0


@pytest.mark.parametrize(
    ("told_s", "expected_s"), [(0.01, 0.01), (0.0, 0.2), (-5.0, 0.2), (MOST_DELAY_S + 1, 0.2), (1e9, 0.2)]
)
def test_nonsense_about_the_delay_gives_way_to_the_latency(told_s: float, expected_s: float) -> None:
    """Some devices give no times, some wrong ones."""
    times = SimpleNamespace(outputBufferDacTime=100.0 + told_s, currentTime=100.0)
    assert delay_of(times, 0.2) == pytest.approx(expected_s)
