"""The session's lines, which clock is in force, and telling of beats."""

import asyncio
import math
import sys
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from klustr_bridge.clock import BeatTeller, MidiClock, SessionClock, link, open_link
from klustr_bridge.clock.session import Beat
from klustr_bridge.errors import ClockError
from tests.clock.test_midi_clock import Sequencer


def playing(bpm: float = 120.0, n_ticks: int = 60) -> tuple[SessionClock, Sequencer]:
    """A session by MIDI clock that has played for so many ticks."""
    midi = MidiClock()
    sequencer = Sequencer(midi, bpm)
    sequencer.send("start")
    sequencer.ticks(n_ticks)
    return SessionClock(midi), sequencer


@pytest.mark.parametrize("step", [0.125, 0.25, 0.5, 1.0, 4.0, 3.0])
@pytest.mark.parametrize("n_ticks", [25, 48, 59, 60])
def test_a_line_is_the_next_multiple_of_its_step(step: float, n_ticks: int) -> None:
    """From bars to 32nds, and on a line itself that line."""
    clock, sequencer = playing(96.0, n_ticks)
    line_s = clock.line_s(step, sequencer.now_s)
    assert line_s is not None
    beat = n_ticks / 24 + (line_s - sequencer.now_s) * 96.0 / 60.0
    assert beat == pytest.approx(math.ceil(n_ticks / 24 / step - 1e-9) * step, abs=1e-6)
    assert line_s >= sequencer.now_s


def test_a_song_that_stands_still_has_tempo_but_no_lines() -> None:
    """Nothing can be in time with it."""
    clock, sequencer = playing()
    sequencer.send("stop")
    assert clock.tempo_bpm(sequencer.now_s) == pytest.approx(120.0)
    assert clock.line_s(1.0, sequencer.now_s) is None
    assert clock.now(sequencer.now_s) == Beat(0.0, pytest.approx(120.0), False)


def test_a_session_without_any_clock_says_what_to_do() -> None:
    """Neither is listened to: that is a setting."""
    clock = SessionClock(None)
    assert (clock.tempo_bpm(1.0), clock.beat(1.0), clock.line_s(1.0, 1.0)) == (None, None, None)
    assert "clock.source" in clock.describe(time.monotonic())


def test_every_beat_is_told_once_and_starts_stops_and_the_end_of_the_clock() -> None:
    """Looked at whenever it asks to be, at the beats themselves."""
    midi = MidiClock()
    sequencer = Sequencer(midi, 120.0)
    told: list[tuple[float, Beat]] = []
    sources: list[str] = []
    now_s = sequencer.now_s
    teller = BeatTeller(SessionClock(midi), lambda beat: told.append((now_s, beat)), sources.append)

    def look_until(end_s: float) -> None:
        nonlocal now_s
        while now_s < end_s:
            now_s += teller.look(now_s)
            while sequencer.now_s <= now_s and ticking:
                sequencer.ticks(1)

    ticking = True
    look_until(now_s + 1.0)
    assert [(beat.number, beat.playing) for _, beat in told] == [(0.0, False)]
    told.clear()
    began_s = sequencer.now_s
    sequencer.send("start")
    look_until(began_s + 2.2)
    assert [beat.number for _, beat in told] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert all(beat.playing and beat.tempo_bpm == pytest.approx(120.0) for _, beat in told)
    late_s = [at_s - began_s - 0.5 * beat.number for at_s, beat in told[1:]]
    assert max(late_s) < 0.002
    told.clear()
    sequencer.send("stop")
    look_until(now_s + 0.2)
    assert [(beat.tempo_bpm > 0, beat.playing) for _, beat in told] == [(True, False)]
    told.clear()
    ticking = False
    look_until(now_s + 1.0)
    assert [beat for _, beat in told] == [Beat(0.0, 0.0, False)]
    assert [line.split(",")[0] for line in sources] == [
        "MIDI clock from 'DAW'",
        "no MIDI clock is heard: let your music software send it to an input that is listened to",
    ]


def test_a_song_that_jumps_back_is_told_where_it_is() -> None:
    """A loop in the song: its beats are counted anew, each told once."""
    midi = MidiClock()
    sequencer = Sequencer(midi, 120.0)
    sequencer.send("start")
    sequencer.ticks(24 * 6 + 1)
    told: list[Beat] = []
    teller = BeatTeller(SessionClock(midi), told.append, lambda line: None)
    teller.look(sequencer.now_s)
    sequencer.send("songpos", 0)
    for _ in range(50):
        sequencer.ticks(1)
        teller.look(sequencer.now_s)
    assert [round(beat.number) for beat in told] == [6, 0, 1, 2]


def test_a_peer_that_comes_between_two_questions_breaks_nothing() -> None:
    """Tempo and beat are of one clock."""

    class Flickering:
        def __init__(self) -> None:
            self.asked = 0

        @property
        def n_peers(self) -> int:
            self.asked += 1
            return self.asked % 2

        def tempo_bpm(self, now_s: float) -> float | None:
            return None

        def beat(self, now_s: float) -> float | None:
            return 3.5

        def describe(self, now_s: float) -> str:
            return "flickering"

    clock = SessionClock(MidiClock(), Flickering())  # type: ignore[arg-type]
    teller = BeatTeller(clock, lambda beat: None, lambda line: None)
    for step in range(20):
        assert teller.look(float(step)) > 0.0
        assert clock.line_s(1.0, float(step)) is None


def test_without_the_package_link_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    monkeypatch.setitem(sys.modules, "aalink", None)
    with pytest.raises(ClockError, match=r"pip install 'klustr-bridge\[link\]'"):
        open_link(4)


PEER = """
import asyncio, aalink, sys
async def main():
    peer = aalink.Link(133.0, asyncio.get_running_loop())
    peer.quantum, peer.start_stop_sync_enabled, peer.enabled = 4, True, True
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    peer.tempo = 150.0
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    print(peer.beat, flush=True)
    for playing in (True, False):
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        peer.playing = playing
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
asyncio.run(main())
"""


def link_works() -> bool:
    """Whether two of a session find each other here: the network must pass multicast."""
    aalink = pytest.importorskip("aalink")

    async def meet() -> bool:
        one, two = (aalink.Link(100.0, asyncio.get_running_loop()) for _ in range(2))
        one.enabled = two.enabled = True
        for _ in range(40):
            await asyncio.sleep(0.1)
            if one.num_peers:
                return True
        return False

    return asyncio.run(meet())


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore:The 'loop' parameter:DeprecationWarning")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_another_program_on_link_gives_the_beat(loop: str) -> None:
    """Its tempo and its beat are ours, a change too; when it leaves, MIDI clock is asked again."""
    if not link_works():
        pytest.skip("no Link session can be made on this machine's network")

    async def play() -> None:
        ours = open_link(4)
        midi = MidiClock()
        clock = SessionClock(midi, ours)
        peer = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "ignore", "-c", PEER),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert peer.stdin is not None and peer.stdout is not None
        try:
            assert clock.tempo_bpm(time.monotonic()) is None
            assert "nobody else is on Ableton Link" in clock.describe(time.monotonic())
            await _until(lambda: ours.n_peers == 1)
            assert clock.describe(time.monotonic()) == "Ableton Link with 1 other"
            peer.stdin.write(b"\n")
            await _until(lambda: abs((clock.tempo_bpm(time.monotonic()) or 0.0) - 150.0) < 0.01)
            now_s = time.monotonic()
            beat, line_s = clock.beat(now_s), clock.line_s(4.0, now_s)
            assert beat is not None and line_s is not None
            line = beat + (line_s - now_s) * 150.0 / 60.0
            assert line == pytest.approx(4.0 * round(line / 4.0), abs=0.01)
            assert 0.0 <= line_s - now_s <= 4.0 * 60.0 / 150.0
            peer.stdin.write(b"\n")
            theirs = float(await peer.stdout.readline())
            assert clock.beat(time.monotonic()) == pytest.approx(theirs, abs=0.3)  # the time it took to hear
            peer.stdin.write(b"\n")  # plays
            await _until(lambda: ours._link.playing)
            assert clock.beat(time.monotonic()) is not None
            peer.stdin.write(b"\n")  # stops
            await _until(lambda: clock.beat(time.monotonic()) is None)
            assert clock.tempo_bpm(time.monotonic()) == pytest.approx(150.0, abs=0.01)
            peer.stdin.write(b"\n")
            await peer.wait()
            await _until(lambda: ours.n_peers == 0)
            sequencer = Sequencer(midi, 90.0)
            sequencer.now_s = time.monotonic() - 2.0
            sequencer.ticks(72)
            assert clock.tempo_bpm(sequencer.now_s) == pytest.approx(90.0)
        finally:
            if peer.returncode is None:
                peer.kill()
                await peer.wait()
            ours.close()

    run(play(), loop)


def run(work: Coroutine[Any, Any, None], loop: str) -> None:
    """Run on the loop that is named."""
    if loop == "asyncio":
        asyncio.run(work)
    else:
        pytest.importorskip("uvloop").run(work)


async def _until(met: Any) -> None:
    async with asyncio.timeout(20.0):
        while not met():
            await asyncio.sleep(0.02)


def test_a_network_that_refuses_link_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the package raises becomes one sentence."""

    class Refusing:
        def __init__(self, *_: object) -> None:
            raise RuntimeError("no interface")

    aalink = pytest.importorskip("aalink")
    monkeypatch.setattr(aalink, "Link", Refusing)

    async def try_it() -> None:
        with pytest.raises(ClockError, match="Ableton Link can't be used: no interface"):
            link.open_link(4)

    asyncio.run(try_it())
