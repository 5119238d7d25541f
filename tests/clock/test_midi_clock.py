"""The beat of MIDI clock, from messages with the jitter that real ones have."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klustr_bridge.clock import CLOCK_TYPES, MidiClock
from klustr_bridge.clock.midi_clock import GONE_S, TICKS_A_BEAT


class Sequencer:
    """Sends clock as a music program does, each message up to a jitter late."""

    def __init__(self, clock: MidiClock, bpm: float, jitter_s: float = 0.0, port: str = "DAW") -> None:
        self.clock = clock
        self.bpm = bpm
        self.now_s = 100.0
        self._jitter_s = jitter_s
        self._port = port
        self._chance = random.Random(1)

    def send(self, kind: str, position: int = 0) -> None:
        late_s = self._chance.uniform(0.0, self._jitter_s)
        self.clock.hear(kind, self.now_s + late_s, self._port, position)

    def ticks(self, n: int) -> None:
        for _ in range(n):
            self.send("clock")
            self.now_s += 60.0 / self.bpm / TICKS_A_BEAT


@pytest.mark.parametrize("bpm", [40.0, 120.0, 174.3, 300.0])
def test_tempo_and_beat_are_told_through_jitter(bpm: float) -> None:
    """With ticks up to 3 ms late the tempo is right within .5 %, the beat within 3 ms."""
    clock = MidiClock()
    sequencer = Sequencer(clock, bpm, 0.003)
    sequencer.send("start")
    sequencer.ticks(100)
    assert clock.tempo_bpm(sequencer.now_s) == pytest.approx(bpm, rel=0.005)
    beat = clock.beat(sequencer.now_s)
    assert beat is not None
    assert (beat - 100 / TICKS_A_BEAT) * 60.0 / bpm == pytest.approx(-0.0015, abs=0.0015)


def test_without_jitter_it_is_exact_between_ticks() -> None:
    """The place between two ticks is known too."""
    clock = MidiClock()
    sequencer = Sequencer(clock, 120.0)
    sequencer.send("start")
    sequencer.ticks(24)
    assert clock.tempo_bpm(sequencer.now_s) == pytest.approx(120.0, rel=1e-9)
    assert clock.beat(sequencer.now_s + 0.007) == pytest.approx(1.0 + 0.014, abs=1e-9)


def test_nothing_is_told_before_enough_was_heard_nor_after_the_clock_has_gone() -> None:
    """A tempo takes a quarter of a beat; half a second of silence ends it, and what was known of the song."""
    clock = MidiClock()
    sequencer = Sequencer(clock, 120.0)
    sequencer.send("start")
    sequencer.ticks(5)
    assert clock.tempo_bpm(sequencer.now_s) is None
    assert "no MIDI clock" in clock.describe(sequencer.now_s)
    sequencer.ticks(2)
    assert clock.tempo_bpm(sequencer.now_s) is not None
    assert clock.describe(sequencer.now_s) == "MIDI clock from 'DAW'"
    sequencer.now_s += GONE_S
    assert clock.tempo_bpm(sequencer.now_s) is None
    assert clock.beat(sequencer.now_s) is None
    sequencer.ticks(30)
    assert clock.tempo_bpm(sequencer.now_s) == pytest.approx(120.0)
    assert clock.beat(sequencer.now_s) is None
    assert "stop and start the song once" in clock.describe(sequencer.now_s)


def test_a_clock_that_was_running_before_has_no_beat_yet() -> None:
    """Ticks alone don't say which of them a beat is: only start, or a place in the song, does."""
    clock = MidiClock()
    sequencer = Sequencer(clock, 120.0)
    sequencer.ticks(50)
    assert clock.tempo_bpm(sequencer.now_s) == pytest.approx(120.0)
    assert clock.beat(sequencer.now_s) is None
    sequencer.send("continue")
    sequencer.ticks(3)
    assert clock.beat(sequencer.now_s) is None
    sequencer.send("songpos", 9)
    sequencer.ticks(12)
    assert clock.beat(sequencer.now_s) == pytest.approx(9 / 4 + 12 / 24)


def test_stop_and_continue_keep_the_place() -> None:
    """A stopped song has no beat, though ticks go on; it continues where it was, or where it was set."""
    clock = MidiClock()
    sequencer = Sequencer(clock, 100.0)
    sequencer.send("start")
    sequencer.ticks(36)
    sequencer.send("stop")
    sequencer.ticks(17)
    assert clock.tempo_bpm(sequencer.now_s) == pytest.approx(100.0)
    assert clock.beat(sequencer.now_s) is None
    assert "standing still" in clock.describe(sequencer.now_s)
    sequencer.send("continue")
    sequencer.ticks(6)
    assert clock.beat(sequencer.now_s) == pytest.approx(1.5 + 0.25)
    sequencer.send("stop")
    sequencer.send("songpos", 64)
    sequencer.send("continue")
    sequencer.ticks(24)
    assert clock.beat(sequencer.now_s) == pytest.approx(16.0 + 1.0)
    sequencer.send("songpos", 0)  # a loop in the song
    sequencer.ticks(24)
    assert clock.beat(sequencer.now_s) == pytest.approx(1.0)


def test_a_clock_that_ticks_only_while_it_plays_keeps_the_place_over_a_long_stop() -> None:
    """Many machines are silent while they stand still."""
    clock = MidiClock()
    sequencer = Sequencer(clock, 120.0)
    sequencer.send("start")
    sequencer.ticks(48)
    sequencer.send("stop")
    sequencer.now_s += 30.0
    sequencer.send("continue")
    sequencer.now_s += 1.0
    sequencer.ticks(12)
    assert clock.beat(sequencer.now_s) == pytest.approx(2.5)


def test_a_new_tempo_is_followed_within_a_quarter_of_a_beat() -> None:
    """From 120 to 140, and in the middle of jitter."""
    clock = MidiClock()
    sequencer = Sequencer(clock, 120.0, 0.001)
    sequencer.send("start")
    sequencer.ticks(96)
    sequencer.bpm = 140.0
    sequencer.ticks(6)
    assert clock.beat(sequencer.now_s) == pytest.approx(102 / 24, abs=0.02)
    sequencer.ticks(18)
    assert clock.tempo_bpm(sequencer.now_s) == pytest.approx(140.0, rel=0.02)
    assert clock.beat(sequencer.now_s) == pytest.approx(120 / 24, abs=0.01)


def test_one_port_at_a_time_gives_the_clock() -> None:
    """Two programs that send clock don't double the tempo; the other is heard once the first has gone."""
    clock = MidiClock()
    first, second = Sequencer(clock, 120.0), Sequencer(clock, 90.0, port="other")
    first.send("start")
    for _ in range(60):
        first.ticks(1)
        second.now_s = first.now_s - 0.001
        second.ticks(1)
    assert clock.tempo_bpm(first.now_s) == pytest.approx(120.0, rel=1e-6)
    second.now_s = first.now_s + 2 * GONE_S
    second.ticks(48)
    assert clock.tempo_bpm(second.now_s) == pytest.approx(90.0, rel=1e-6)
    assert "'other'" in clock.describe(second.now_s)


def test_only_who_ticks_is_the_clock() -> None:
    """A controller's own play button, just before the program's start, doesn't shift its beat."""
    for button in ("start", "stop", "songpos"):
        clock = MidiClock()
        program, controller = Sequencer(clock, 120.0), Sequencer(clock, 120.0, port="knobs")
        controller.send(button, 400)
        program.now_s += 0.005
        program.send("start")
        program.ticks(48)
        assert clock.beat(program.now_s) == pytest.approx(2.0)
        controller.now_s = program.now_s
        controller.send(button, 400)
        program.ticks(24)
        assert clock.beat(program.now_s) == pytest.approx(3.0)


def test_where_another_song_was_left_is_forgotten() -> None:
    """One program's place is not another's."""
    clock = MidiClock()
    first, second = Sequencer(clock, 120.0), Sequencer(clock, 120.0, port="other")
    first.send("start")
    first.ticks(50)
    first.send("stop")
    second.now_s = first.now_s + 10.0
    second.send("continue")
    second.ticks(30)
    assert clock.tempo_bpm(second.now_s) == pytest.approx(120.0)
    assert clock.beat(second.now_s) is None


def test_after_a_silence_a_tempo_takes_a_quarter_of_a_beat_again() -> None:
    """Two ticks are no tempo, however many came before."""
    clock = MidiClock()
    sequencer = Sequencer(clock, 120.0)
    sequencer.ticks(50)
    sequencer.now_s += 2.0
    sequencer.ticks(5)
    assert clock.tempo_bpm(sequencer.now_s) is None
    sequencer.ticks(2)
    assert clock.tempo_bpm(sequencer.now_s) == pytest.approx(120.0)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*sorted(CLOCK_TYPES), "note_on", ""]),
            st.floats(-1.0, 1.0) | st.just(0.02) | st.floats(),
            st.sampled_from(["a", "b"]),
            st.integers(-5, 20_000),
        ),
        max_size=120,
    )
)
def test_no_order_of_messages_and_times_breaks_it(messages: list[tuple[str, float, str, int]]) -> None:
    """Whatever comes, in whatever order: a tempo that can be, a finite beat, or none."""
    clock, now_s = MidiClock(), 10.0
    for kind, step_s, port, position in messages:
        clock.hear(kind, now_s + step_s, port, position)
        now_s += 0.02 if step_s != step_s else max(-1.0, min(1.0, step_s))
        tempo_bpm, beat = clock.tempo_bpm(now_s), clock.beat(now_s)
        assert tempo_bpm is None or 20.0 <= tempo_bpm <= 999.0 * 1.0001
        assert beat is None or abs(beat) < 1e9
        assert clock.describe(now_s)
