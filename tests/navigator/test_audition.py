"""What moving and triggering let be heard, and when: gap, border, hold, chokes, loudness, the beat."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from klustr_bridge.errors import QueryError
from klustr_bridge.navigator import AuditionSettings, ClientState, Event, Hit, Navigator, Play
from klustr_bridge.navigator.audition import FADE_IN_S, FADE_OUT_S
from tests.corpus.snapshots import Made, MadeSound, Waiting, below
from tests.navigator.parts import NotingLibrarian, NotingPlayer, a_client, corpus_of

GAP_S = 0.03

# In a row: 1 at .1, 2 at .3, 3 at .5, 4 at .7, 5 at .9.
ROW = Made(
    sounds=[
        MadeSound(1, [below("kick.wav")], (0.1, 0.5), kind="kick", loudness_db=-20.0),
        MadeSound(2, [below("closed.wav")], (0.3, 0.5), kind="closed_hat", loudness_db=-28.0),
        MadeSound(3, [below("open.wav")], (0.5, 0.5), kind="open_hat", loudness_db=-15.0),
        MadeSound(4, [below("loop.wav")], (0.7, 0.5), kind="loop", loudness_db=-60.0, tempo_bpm=100.0),
        MadeSound(5, [below("slow.wav")], (0.9, 0.5), kind="loop", loudness_db=5.0, tempo_bpm=0.0),
    ],
    waiting=[Waiting(9, below("hat new.wav"), "open_hat")],
)


@dataclass
class Later:
    """Something that a hand-made timer is to do."""

    at_s: float
    callback: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class HandTimer:
    """Time that passes when the test says so."""

    time_s: float = 1000.0
    waiting: list[Later] = field(default_factory=list)

    def now_s(self) -> float:
        return self.time_s

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Later:
        later = Later(self.time_s + delay_s, callback)
        self.waiting.append(later)
        return later

    def pass_s(self, seconds: float) -> None:
        """Let time go by, and do what becomes due in its order."""
        end_s = self.time_s + seconds
        while True:
            due = [each for each in self.waiting if each.at_s <= end_s and not each.cancelled]
            if not due:
                break
            first = min(due, key=lambda each: each.at_s)
            self.waiting.remove(first)
            self.time_s = max(self.time_s, first.at_s)
            first.callback()
        self.time_s = end_s


@dataclass
class SteadyBeats:
    """A session at a steady tempo, whose beat 0 was at second 1000."""

    bpm: float | None = 120.0
    is_running: bool = True

    def tempo_bpm(self, now_s: float) -> float | None:
        return self.bpm

    def line_s(self, step: float, now_s: float) -> float | None:
        if self.bpm is None or not self.is_running:
            return None
        line_s = step * 60.0 / self.bpm
        return 1000.0 + math.ceil((now_s - 1000.0) / line_s - 1e-9) * line_s

    @property
    def listens(self) -> bool:
        return True


class Stage:
    """A navigator over `ROW` with time in hand, one client of it, and all that the client is told."""

    def __init__(self, tmp_path: Path, *, mode: str = "change", **settings: object) -> None:
        self.timer, self.beats, self.player = HandTimer(), SteadyBeats(), NotingPlayer()
        chosen = AuditionSettings(**{"gap_s": GAP_S, "choke": "off"} | settings)
        self.navigator = Navigator(
            self.player,
            NotingLibrarian(),
            corpus_of(tmp_path, ROW),
            settings=chosen,
            timer=self.timer,
            beats=self.beats,
        )
        self.delivered: list[Event] = []
        self.client = self.new_client(mode)

    def new_client(self, mode: str = "change") -> ClientState:
        client = a_client(deliver=self.delivered.extend)
        self.navigator.set_audition(client, mode)
        return client

    def move(self, x: float, *, after_s: float = 0.0, cursor: int = 0) -> list[int]:
        """Let time go by and move; return what of sounds is to be heard at once."""
        self.timer.pass_s(after_s)
        events = self.navigator.move(self.client, x, 0.5, cursor)
        return [event.id for event in events if isinstance(event, Play)]

    @property
    def heard(self) -> list[str]:
        """Names of what the player was to sound, in order."""
        return [request.path.decode().rsplit("/", 1)[-1] for request in self.player.played]


def test_a_sweep_plays_no_sooner_than_the_gap_and_always_what_it_ends_on(tmp_path: Path) -> None:
    """Five sounds within 20 ms: the first at once, the last when the gap is over, those between not."""
    stage = Stage(tmp_path)
    assert stage.move(0.1) == [1]
    for x in (0.3, 0.5, 0.7, 0.9):
        assert stage.move(x, after_s=0.005) == []
    assert stage.heard == ["kick.wav"]
    stage.timer.pass_s(GAP_S)
    assert stage.heard == ["kick.wav", "slow.wav"]
    assert [event.id for event in stage.delivered if isinstance(event, Play)] == [5]
    stage.timer.pass_s(1.0)
    assert len(stage.heard) == 2
    assert stage.move(0.7) == [4]


def test_slow_moves_play_each_sound_at_once(tmp_path: Path) -> None:
    """Beyond the gap nothing waits."""
    stage = Stage(tmp_path)
    assert [stage.move(x, after_s=2 * GAP_S) for x in (0.1, 0.3, 0.5)] == [[1], [2], [3]]
    assert stage.delivered == []


def test_coming_back_within_the_gap_plays_nothing_twice(tmp_path: Path) -> None:
    """A cursor that has been elsewhere for a moment and is back has nothing to catch up with."""
    stage = Stage(tmp_path)
    assert stage.move(0.1) == [1]
    assert stage.move(0.3, after_s=0.005) == []
    assert stage.move(0.1, after_s=0.005) == []
    stage.timer.pass_s(1.0)
    assert stage.heard == ["kick.wav"]


def test_each_cursor_has_a_gap_of_its_own(tmp_path: Path) -> None:
    """Ten fingers are not one."""
    stage = Stage(tmp_path)
    assert [stage.move(0.1, cursor=cursor) for cursor in range(3)] == [[1], [1], [1]]


def test_a_trembling_hand_on_a_border_plays_once(tmp_path: Path) -> None:
    """Between two sounds a hit is told at each change, but the other sound is heard only further in."""
    stage = Stage(tmp_path)
    assert stage.move(0.195) == [1]
    hits = 0
    for step in range(50):
        events = stage.navigator.move(stage.client, 0.2 + (0.004 if step % 2 else -0.004), 0.5)
        hits += sum(isinstance(event, Hit) for event in events)
        stage.timer.pass_s(2 * GAP_S)
    assert stage.heard == ["kick.wav"]
    assert hits >= 49
    assert stage.move(0.215) == [2]
    assert stage.move(0.196) == []
    assert stage.move(0.18, after_s=2 * GAP_S) == [1]


def test_a_leap_onto_a_border_plays_what_is_nearest(tmp_path: Path) -> None:
    """A pad that is tapped there doesn't glide: what is nearest is meant."""
    stage = Stage(tmp_path)
    assert stage.move(0.0) == [1]
    assert stage.move(0.201, after_s=1.0) == [2]
    assert stage.move(0.18, after_s=1.0) == [1]
    assert stage.move(0.201, after_s=1.0) == []  # this one glides


def test_a_lifted_cursor_plays_anew_and_waits_for_nothing(tmp_path: Path) -> None:
    """What waits for the gap is given up with the touch; the next touch plays even the same sound."""
    stage = Stage(tmp_path)
    assert stage.move(0.1) == [1]
    stage.move(0.3, after_s=0.005)
    stage.navigator.lift(stage.client)
    stage.timer.pass_s(1.0)
    assert stage.heard == ["kick.wav"]
    assert stage.move(0.1) == [1]


def test_what_is_chosen_stands_for_what_waits(tmp_path: Path) -> None:
    """Triggering a place while a move waits for the gap plays once, even in retrigger."""
    stage = Stage(tmp_path, mode="retrigger")
    stage.move(0.1)
    stage.move(0.3, after_s=0.005)
    stage.navigator.trigger_xy(stage.client, 0.5, 0.5)
    stage.timer.pass_s(1.0)
    assert stage.heard == ["kick.wav", "open.wav"]


def test_retrigger_repeats_no_faster_than_the_gap(tmp_path: Path) -> None:
    """Moves every 5 ms for half a second: one sound each gap."""
    stage = Stage(tmp_path, mode="retrigger")
    for _ in range(100):
        stage.move(0.1, after_s=0.005)
    assert len(stage.heard) == pytest.approx(0.5 / GAP_S, abs=1.5)


def test_a_held_sound_gives_way_to_the_next_by_a_crossfade(tmp_path: Path) -> None:
    """The old one fades out as the new one fades in; the first has its whole attack; lifting lets go."""
    stage = Stage(tmp_path, mode="hold")
    stage.move(0.1)
    stage.move(0.3, after_s=0.9)
    assert [request.fade_in_s for request in stage.player.played] == [0.0, FADE_IN_S]
    assert stage.player.stopped == [(100, FADE_OUT_S)]
    stage.navigator.lift(stage.client)
    assert stage.player.stopped == [(100, FADE_OUT_S), (101, FADE_OUT_S)]


def test_a_client_that_goes_leaves_nothing_sounding_nor_waiting(tmp_path: Path) -> None:
    """What it held ends, and what was to come does not."""
    stage = Stage(tmp_path, mode="hold")
    stage.move(0.1)
    stage.move(0.3, after_s=0.005)
    asyncio.run(stage.navigator.forget(stage.client))
    stage.timer.pass_s(1.0)
    assert stage.player.stopped == [(100, FADE_OUT_S)]
    assert (stage.heard, stage.delivered) == (["kick.wav"], [])


@pytest.mark.parametrize(
    ("sound_id", "gain_db"), [(1, 0.0), (2, 8.0), (3, -5.0), (4, 12.0), (5, -12.0), (9, 0.0)]
)
def test_matched_sounds_come_out_equally_loud_within_bounds(
    tmp_path: Path, sound_id: int, gain_db: float
) -> None:
    """To -20 dB, by 12 dB at most; what isn't analysed yet is left alone."""
    stage = Stage(tmp_path, loudness_match=True)
    stage.navigator.trigger(stage.client, sound_id)
    assert stage.player.played[0].gain_db == pytest.approx(gain_db)


def test_loudness_is_left_alone_unless_asked(tmp_path: Path) -> None:
    """A quiet sound is quiet by default."""
    stage = Stage(tmp_path)
    stage.navigator.trigger(stage.client, 2)
    assert stage.player.played[0].gain_db == 0.0


def test_hats_choke_each_other_by_kind(tmp_path: Path) -> None:
    """Closed and open ones share a group, whoever plays them, waiting files too; nothing else is in one."""
    stage = Stage(tmp_path, choke="kind")
    for client, sound_id in ((stage.client, 2), (stage.new_client(), 3), (stage.client, 9)):
        stage.navigator.trigger(client, sound_id)
    hats = {request.choke for request in stage.player.played}
    assert len(hats) == 1
    assert hats.pop() > 0
    for sound_id in (1, 4, 5):
        stage.navigator.trigger(stage.client, sound_id)
    assert [request.choke for request in stage.player.played[3:]] == [0, 0, 0]


def test_a_cursor_chokes_itself_alone(tmp_path: Path) -> None:
    """By cursor, each cursor of each client is a group; what is triggered by id is in none."""
    stage = Stage(tmp_path, choke="cursor")
    other = stage.new_client()
    for client in (stage.client, other):
        for cursor in (0, 1, 255):
            stage.navigator.move(client, 0.1, 0.5, cursor)
    groups = [request.choke for request in stage.player.played]
    assert len(set(groups)) == 6
    assert 0 not in groups
    stage.navigator.move(stage.client, 0.7, 0.5, 1)
    stage.timer.pass_s(1.0)
    assert stage.player.played[-1].choke == groups[1]
    stage.navigator.trigger(stage.client, 2)
    assert stage.player.played[-1].choke == 0


def test_pitch_and_pan_reach_the_player(tmp_path: Path) -> None:
    """Within their ranges; outside they are refused."""
    stage = Stage(tmp_path)
    stage.navigator.trigger(stage.client, 1, 0.5, -7.25, 0.75)
    request = stage.player.played[0]
    assert (request.velocity, request.semitones, request.pan) == (0.5, -7.25, 0.75)
    for semitones, pan in ((48.5, 0.0), (-49.0, 0.0), (float("nan"), 0.0), (0.0, 1.1), (0.0, float("nan"))):
        with pytest.raises(QueryError) as refused:
            stage.navigator.trigger(stage.client, 1, 1.0, semitones, pan)
        assert refused.value.code == "badargs"


@pytest.mark.parametrize(
    ("grid", "line_s"), [("bar", 2.0), ("4th", 0.5), ("8th", 0.25), ("16th", 0.125), ("32nd", 0.0625)]
)
def test_quantised_sounds_come_on_the_next_line(tmp_path: Path, grid: str, line_s: float) -> None:
    """The player gets the very time at once, the client is told then and not before."""
    stage = Stage(tmp_path)
    stage.navigator.set_quantise(stage.client, grid)
    stage.timer.pass_s(0.01)
    assert stage.navigator.trigger(stage.client, 1) == []
    assert stage.player.played[0].due_s == pytest.approx(1000.0 + line_s)
    stage.timer.pass_s(line_s - 0.011)
    assert stage.delivered == []
    stage.timer.pass_s(0.002)
    assert [event.id for event in stage.delivered] == [1]


def test_a_bar_has_as_many_beats_as_the_setting_says(tmp_path: Path) -> None:
    """Three quarters."""
    stage = Stage(tmp_path, beats_a_bar=3)
    stage.navigator.set_quantise(stage.client, "bar")
    stage.timer.pass_s(0.01)
    stage.navigator.trigger(stage.client, 1)
    assert stage.player.played[0].due_s == pytest.approx(1001.5)


def test_of_a_cursors_sounds_for_one_line_the_last_is_heard(tmp_path: Path) -> None:
    """The others are taken back, at the player and from what is told; another cursor's stays."""
    stage = Stage(tmp_path)
    stage.navigator.set_quantise(stage.client, "4th")
    stage.timer.pass_s(0.01)
    for x in (0.1, 0.3, 0.5):
        assert stage.move(x, after_s=0.05) == []
    stage.move(0.9, cursor=1)
    assert [voice for voice, _ in stage.player.stopped] == [100, 101]
    stage.timer.pass_s(1.0)
    assert [event.id for event in stage.delivered if isinstance(event, Play)] == [3, 5]


def test_a_tap_that_is_over_before_the_line_is_heard_and_the_next_one_replaces_it(tmp_path: Path) -> None:
    """Fingers are gone long before the line; two taps of one are still one sound."""
    stage = Stage(tmp_path)
    stage.navigator.set_quantise(stage.client, "bar")
    stage.timer.pass_s(0.01)
    for x in (0.1, 0.5):
        stage.move(x, after_s=0.1)
        stage.navigator.lift(stage.client)
    stage.timer.pass_s(3.0)
    assert [event.id for event in stage.delivered if isinstance(event, Play)] == [3]
    assert stage.player.stopped == [(100, None)]


@pytest.mark.parametrize("how", ["forget", "off"])
def test_a_client_that_has_gone_or_turned_silent_is_not_heard_on_the_line(tmp_path: Path, how: str) -> None:
    """What its cursors have put there is taken back."""
    stage = Stage(tmp_path)
    stage.navigator.set_quantise(stage.client, "bar")
    stage.timer.pass_s(0.01)
    stage.move(0.1)
    if how == "forget":
        asyncio.run(stage.navigator.forget(stage.client))
    else:
        stage.navigator.set_audition(stage.client, "off")
    stage.timer.pass_s(3.0)
    assert stage.delivered == []
    assert stage.player.stopped == [(100, None)]


def test_a_sound_that_has_begun_on_its_line_is_not_taken_back(tmp_path: Path) -> None:
    """Only what is still to come is."""
    stage = Stage(tmp_path)
    stage.navigator.set_quantise(stage.client, "4th")
    stage.move(0.1, after_s=0.01)
    stage.move(0.5, after_s=0.6)
    stage.timer.pass_s(1.0)
    assert stage.player.stopped == []
    assert [event.id for event in stage.delivered if isinstance(event, Play)] == [1, 3]


def test_a_held_sound_lasts_until_the_next_one_begins_on_its_line(tmp_path: Path) -> None:
    """In between there is no hole."""
    stage = Stage(tmp_path, mode="hold")
    stage.navigator.set_quantise(stage.client, "bar")
    stage.move(0.1, after_s=0.01)
    stage.move(0.5, after_s=2.2)
    assert stage.player.stopped == []
    stage.timer.pass_s(1.7)
    assert stage.player.stopped == []
    stage.timer.pass_s(0.2)
    assert stage.player.stopped == [(100, FADE_OUT_S)]


def test_a_held_sound_that_has_ended_costs_the_next_one_no_attack(tmp_path: Path) -> None:
    """There is nothing to fade over from."""
    stage = Stage(tmp_path, mode="hold")
    stage.move(0.1)
    stage.move(0.3, after_s=0.5)
    stage.move(0.5, after_s=1.5)
    assert [request.fade_in_s for request in stage.player.played] == [0.0, FADE_IN_S, 0.0]


def test_stopping_everything_stops_what_waits_for_the_gap(tmp_path: Path) -> None:
    """Silence is silence."""
    stage = Stage(tmp_path)
    stage.move(0.1)
    stage.move(0.5, after_s=0.005)
    stage.navigator.stop()
    stage.timer.pass_s(1.0)
    assert stage.heard == ["kick.wav"]


def test_a_map_that_goes_while_a_move_waits_is_no_error(tmp_path: Path) -> None:
    """As when the demo is left for a folder of one's own."""
    stage = Stage(tmp_path)
    stage.move(0.1)
    stage.move(0.5, after_s=0.005)
    stage.navigator.publish(corpus_of(tmp_path, Made(generation=2)))
    stage.timer.pass_s(1.0)
    assert stage.heard == ["kick.wav"]


def test_a_stopped_quantised_sound_never_comes(tmp_path: Path) -> None:
    """With all that sounds."""
    stage = Stage(tmp_path)
    stage.navigator.set_quantise(stage.client, "bar")
    stage.timer.pass_s(0.01)
    stage.navigator.trigger(stage.client, 1)
    stage.navigator.stop()
    stage.timer.pass_s(3.0)
    assert stage.delivered == []
    assert stage.player.stopped == [(None, None)]


@pytest.mark.parametrize(
    ("sound_id", "bpm", "semitones"),
    [
        (4, 100.0, 0.0),
        (4, 120.0, 3.156),
        (4, 200.0, 0.0),
        (4, 60.0, 3.156),
        (4, 90.0, -1.824),
        (5, 90.0, 0.0),
    ],
)
def test_quantised_loops_come_at_the_sessions_tempo(
    tmp_path: Path, sound_id: int, bpm: float, semitones: float
) -> None:
    """Resampled, to half or double the tempo where that is nearer; one without a tempo is left alone."""
    stage = Stage(tmp_path)
    stage.beats.bpm = bpm
    stage.navigator.set_quantise(stage.client, "16th")
    stage.timer.pass_s(0.01)
    stage.navigator.trigger(stage.client, sound_id)
    assert stage.player.played[0].semitones == pytest.approx(semitones, abs=0.001)


@pytest.mark.parametrize(("sound_id", "settings"), [(1, {}), (4, {"loops_in_time": False})])
def test_what_is_no_loop_or_is_not_to_be_changed_keeps_its_pitch(
    tmp_path: Path, sound_id: int, settings: dict[str, bool]
) -> None:
    """A kick has no tempo to bring it to."""
    stage = Stage(tmp_path, **settings)
    stage.beats.bpm = 90.0
    stage.navigator.set_quantise(stage.client, "16th")
    stage.timer.pass_s(0.01)
    stage.navigator.trigger(stage.client, sound_id, semitones=1.0)
    assert stage.player.played[0].semitones == 1.0


def test_while_the_session_stands_still_everything_is_heard_at_once(tmp_path: Path) -> None:
    """Waiting for a beat that does not come would be silence."""
    stage = Stage(tmp_path)
    stage.navigator.set_quantise(stage.client, "bar")
    stage.beats.is_running = False
    assert [type(event) for event in stage.navigator.trigger(stage.client, 1)] == [Play]
    assert stage.player.played[0].due_s is None


def test_quantising_can_be_asked_for_before_there_is_a_beat(tmp_path: Path) -> None:
    """A patch asks for it as it opens; until the song plays everything is heard at once."""
    stage = Stage(tmp_path)
    stage.beats.bpm = None
    stage.navigator.set_quantise(stage.client, "4th")
    assert [type(event) for event in stage.navigator.trigger(stage.client, 1)] == [Play]
    stage.beats.bpm = 120.0
    stage.timer.pass_s(0.01)
    assert stage.navigator.trigger(stage.client, 1) == []
    assert stage.player.played[1].due_s == pytest.approx(1000.5)


def test_quantising_needs_a_clock_that_is_listened_to(tmp_path: Path) -> None:
    """What to do is said; wrong grids are told those there are."""
    with pytest.raises(QueryError, match=r"set clock\.source") as refused:
        Navigator(None, None).set_quantise(a_client(), "4th")
    assert refused.value.code == "notready"
    with pytest.raises(QueryError, match="grid") as unknown:
        Stage(tmp_path).navigator.set_quantise(a_client(), "5th")
    assert unknown.value.code == "badargs"


def test_a_recording_ends_with_the_client_that_began_it(tmp_path: Path) -> None:
    """One that somebody else began goes on."""
    stage = Stage(tmp_path)
    other = stage.new_client()
    asyncio.run(stage.navigator.record(stage.client, True))
    asyncio.run(stage.navigator.forget(other))
    assert stage.player.recording
    asyncio.run(stage.navigator.forget(stage.client))
    assert not stage.player.recording


def test_prefetching_asks_for_what_playing_would(tmp_path: Path) -> None:
    """Same file, same part, same pitch: else the sound would be loaded twice."""
    stage = Stage(tmp_path, loudness_match=True, choke="cursor")
    stage.move(0.1)
    ready = stage.player.ready[0]
    stage.move(0.3, after_s=1.0)
    played = stage.player.played[1]
    assert (ready.path, ready.start_s, ready.end_s) == (played.path, played.start_s, played.end_s)
    assert ready.semitones == played.semitones
