"""Pushes that wait: newest wins in slots, order and pace in the queue, bounds on both."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from klustr_bridge.bridge.outbox import LATEST_INTERVAL_S, PACE_BURST, Outbox, TokenBucket


def packets(n: int) -> Iterator[bytes]:
    return (b"%d" % i for i in range(n))


def test_the_newest_of_a_slot_wins_sixty_times_a_second() -> None:
    """Of 1,000 hits in a second at most 61 leave, the last one among them."""
    outbox = Outbox()
    taken: list[bytes] = []
    for number in range(1000):
        outbox.add_latest("cursor 0", b"%d" % number)
        taken += outbox.take(number / 1000, 96)
    taken += outbox.take(1.0 + LATEST_INTERVAL_S, 96)
    assert 55 <= len(taken) <= 61
    assert taken[-1] == b"999"
    assert taken == sorted(taken, key=int)


def test_slots_do_not_hold_each_other_up() -> None:
    """Another cursor's hit leaves at once."""
    outbox = Outbox()
    for cursor in range(5):
        outbox.add_latest(cursor, b"%d" % cursor)
    assert len(outbox.take(0.0, 96)) == 5
    outbox.add_latest(9, b"new")
    assert outbox.take(0.001, 96) == [b"new"]


def test_the_queue_is_paced_and_keeps_its_order() -> None:
    """A burst leaves at once, the rest as time goes on, nothing is lost or mixed up."""
    outbox = Outbox()
    assert outbox.add(packets(500), 500) == 0
    taken = outbox.take(0.0, 1000)
    assert len(taken) == PACE_BURST
    now_s = 0.0
    while (due_s := outbox.next_due_s(now_s)) is not None:
        assert due_s > now_s
        now_s = due_s + 1e-9
        taken += outbox.take(now_s, 1000)
    assert taken == list(packets(500))
    assert 0.05 < now_s < 0.5


def test_what_does_not_fit_is_dropped_and_counted() -> None:
    """A batch over the limit is refused whole; the queue goes on."""
    outbox = Outbox(limit=100)
    assert outbox.add(packets(90), 90) == 0
    assert outbox.add(packets(11), 11) == 11
    assert outbox.add(packets(10), 10) == 0
    assert len(outbox) == 100


def test_packets_are_built_only_when_they_are_sent() -> None:
    """A long batch costs nothing before its turn."""
    built = []

    def building() -> Iterator[bytes]:
        for number in range(1000):
            built.append(number)
            yield b"x"

    outbox = Outbox()
    outbox.add(building(), 1000)
    outbox.take(0.0, 5)
    assert len(built) == 5


@given(st.lists(st.floats(0, 0.2), max_size=60))
def test_a_bucket_never_gives_more_than_its_rate(steps: list[float]) -> None:
    """Over any time, at most the burst and the rate times the time."""
    bucket, now_s, n = TokenBucket(10, 20), 0.0, 0
    for step in steps:
        now_s += step
        while bucket.take(now_s):
            n += 1
    assert n <= 20 + 10 * now_s + 1e-6


def test_a_clock_set_back_gives_nothing_and_breaks_nothing() -> None:
    """Time going backwards counts as no time."""
    bucket = TokenBucket(10, 1)
    assert bucket.take(100.0)
    assert not bucket.take(50.0)
    assert bucket.take(50.2)
