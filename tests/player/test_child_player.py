"""The player as the bridge has it: a process that may hang, crash or be killed, and holds nobody up."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from klustr_bridge.errors import PlayerError
from klustr_bridge.player import ChildPlayer, open_player, wire
from klustr_bridge.player.process import SILENT_LIMIT_S
from klustr_bridge.settings import AudioSettings
from klustr_bridge.types import PlayRequest
from tests.bridge.jack import JackServer
from tests.player.streams import ALSA_DEFAULTS, RATE, ROOT, Loudspeaker

LINUX_ONLY = pytest.mark.skipif(not ALSA_DEFAULTS.exists(), reason="needs Linux with ALSA's configuration")


class Told(list[str]):
    """What the player told."""

    def wait(self, words: str, limit_s: float = 30.0) -> str:
        end_s = time.monotonic() + limit_s
        while time.monotonic() < end_s:
            for message in list(self):
                if words in message:
                    return message
            time.sleep(0.01)
        raise AssertionError(f"nothing with {words!r} was told: {self}")


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def player(
    loudspeaker: Loudspeaker, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ChildPlayer]:
    """A player into the loudspeaker, ready."""
    config = tmp_path / "asound.conf"
    config.write_text(loudspeaker.config())
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(config))
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    audio = AudioSettings(device="cap", sample_rate=RATE)
    player = open_player(audio, str(tmp_path / "takes"), told.append)
    try:
        assert player.wait_until_settled(60)
        until(lambda: player.health()["player_ready"] == 1)
        yield player
    finally:
        if (pid := player.pid) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        player.close()


def until(met: Callable[[], object], limit_s: float = 30.0) -> None:
    end_s = time.monotonic() + limit_s
    while not met():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def has_ended(pid: int) -> bool:
    """Whether a process has gone, or is only still listed."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def sound(path: Path, n_frames: int = 500, level: float = 0.5) -> bytes:
    soundfile.write(path, np.full((n_frames, 2), level, np.float32), RATE, subtype="FLOAT")
    return os.fsencode(path)


def test_what_is_asked_for_is_heard(loudspeaker: Loudspeaker, player: ChildPlayer, tmp_path: Path) -> None:
    """Through the pipes, names that are no text included; each voice has its number, stop ends one."""
    path = sound(tmp_path / "a.wav")
    strange = os.path.join(os.fsencode(tmp_path), b"\xff \xe4.wav")
    os.rename(sound(tmp_path / "b.wav", 30 * RATE, 0.25), strange)
    assert player.describe() == "[0] cap (ALSA), channels 1-2, 48000 Hz, 8.7 ms"
    assert player.problem is None
    first = player.play(PlayRequest(path))
    loudspeaker.wait(lambda frames: np.count_nonzero(frames[:, 0] == 0.5) == 500)
    second = player.play(PlayRequest(strange, velocity=1.0))
    assert second == first + 1
    loudspeaker.wait(lambda frames: np.count_nonzero(frames[:, 0] == 0.25) > 2000)
    player.stop(second)
    loudspeaker.wait(lambda frames: not frames[-2000:].any())
    until(lambda: player.health()["player_plays"] == 2)
    health = player.health()
    assert (health["player_restarts"], health["player_dropped"], health["player_refused"]) == (0, 0, 0)


def test_orders_go_on_being_taken(player: ChildPlayer) -> None:
    """Thousands of plays, no faster than they are read: none is dropped."""
    for number in range(3000):
        player.play(PlayRequest(b"/" + b"x" * 100))
        if number % 30 == 0:
            time.sleep(0.02)
    until(lambda: player.health()["player_plays"] == 3000)
    assert player.health()["player_dropped"] == 0


def test_a_killed_player_is_started_again_and_told_once(
    loudspeaker: Loudspeaker, player: ChildPlayer, told: Told, tmp_path: Path
) -> None:
    """Whatever ends it: plays meanwhile are no error, and the next one after it is back is heard."""
    pid = player.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    told.wait("the process that plays has ended (exit code -9); it is started again")
    assert "no sound: the process that plays has ended" in player.describe()
    assert player.play(PlayRequest(b"/nowhere.wav")) > 0
    player.stop()
    told.wait("sound is back: [0] cap (ALSA)")
    assert player.problem is None
    assert player.pid != pid
    player.play(PlayRequest(sound(tmp_path / "a.wav", level=0.375)))
    loudspeaker.wait(lambda frames: np.count_nonzero(frames[:, 0] == 0.375) == 500)
    assert len(told) == 2
    assert player.health()["player_restarts"] == 1


def test_a_hanging_player_holds_nobody_up_and_is_replaced(player: ChildPlayer, told: Told) -> None:
    """Orders that nobody reads are bounded and dropped, stops last; then the process is given up."""
    pid = player.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    request = PlayRequest(b"/" + b"x" * 300)
    longest_s, began_s = 0.0, time.monotonic()
    for _ in range(5000):
        before_s = time.monotonic()
        player.play(request)
        longest_s = max(longest_s, time.monotonic() - before_s)
    assert time.monotonic() - began_s < 2.0
    assert longest_s < 0.2
    n_dropped = player.health()["player_dropped"]
    assert n_dropped > 4000
    player.stop()
    assert player.health()["player_dropped"] == n_dropped
    told.wait(f"did not answer for {SILENT_LIMIT_S:.0f} s")
    until(lambda: player.pid not in (None, pid))
    told.wait("sound is back")


@pytest.mark.peers
@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_sound_is_back_when_a_sound_server_is(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """PortAudio waits for a JACK server that has died for many minutes: its process is given up instead."""
    server = JackServer(44_100, "-p 512 -C 0 -P 2")
    player = None
    try:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        player = open_player(AudioSettings(device="JACK"), str(tmp_path), told.append)
        until(lambda: player.health()["player_ready"] == 1, 60.0)
        if how == "killed":
            server.kill()
        else:
            server.process.terminate()
            server.process.wait(20)
        told.wait("lost")
        server.start()
        told.wait("sound is back", 90.0)
        assert player.problem is None
        assert player.health()["player_ready"] == 1
    finally:
        if player is not None:
            player.close()
        server.close()


def test_a_hanging_player_is_closed_in_time(player: ChildPlayer) -> None:
    """The daemon's own end waits for nobody."""
    pid = player.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    began_s = time.monotonic()
    player.close(0.5)
    assert time.monotonic() - began_s < 6.0
    assert player.describe() == "closed"
    until(lambda: has_ended(pid))


def test_a_recording_is_asked_for_and_ended(
    loudspeaker: Loudspeaker, player: ChildPlayer, tmp_path: Path
) -> None:
    """The file is named at once, its length at the end; ending none is a sentence."""

    async def take() -> None:
        with pytest.raises(PlayerError, match="nothing is being recorded"):
            await player.record(False)
        begun = await player.record(True)
        assert begun.seconds == 0.0
        player.play(PlayRequest(sound(tmp_path / "a.wav")))
        await asyncio.to_thread(
            loudspeaker.wait,
            lambda frames: np.count_nonzero(frames[:, 0] == 0.5) == 500 and len(frames) > 9600,
        )
        ended = await player.record(False)
        assert ended.path == begun.path
        took, _ = soundfile.read(os.fsdecode(ended.path), dtype="float32")
        assert ended.seconds == pytest.approx(len(took) / RATE)
        assert np.count_nonzero(took[:, 0]) == 500

    asyncio.run(take())


def test_closing_writes_out_a_recording(
    loudspeaker: Loudspeaker, player: ChildPlayer, tmp_path: Path
) -> None:
    """Ctrl-C in the middle of a take loses nothing of it."""
    begun = asyncio.run(player.record(True))
    player.play(PlayRequest(sound(tmp_path / "a.wav")))
    loudspeaker.wait(lambda frames: np.count_nonzero(frames[:, 0] == 0.5) == 500)
    player.close()
    took, _ = soundfile.read(os.fsdecode(begun.path), dtype="float32")
    assert np.count_nonzero(took[:, 0]) == 500


def test_a_recording_of_a_player_that_dies_is_answered(player: ChildPlayer) -> None:
    """Who waits for the answer hears that there is none, at once."""
    pid = player.pid
    assert pid is not None

    async def take() -> None:
        os.kill(pid, signal.SIGSTOP)
        asking = asyncio.ensure_future(player.record(True))
        await asyncio.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(PlayerError, match="has ended"):
            await asking

    asyncio.run(take())


@LINUX_ONLY
def test_the_process_goes_with_its_parent(tmp_path: Path) -> None:
    """A daemon that is killed leaves no player behind."""
    code = (
        "import time\n"
        "from klustr_bridge.player import open_player\n"
        "from klustr_bridge.settings import AudioSettings\n"
        "if __name__ == '__main__':\n"
        "    player = open_player(AudioSettings(device='none'), '/nowhere', lambda message: None)\n"
        "    assert player.wait_until_settled(60)\n"
        "    print(player.pid, flush=True)\n"
        "    time.sleep(600)\n"
    )
    program = tmp_path / "parent.py"
    program.write_text(code)
    parent = subprocess.Popen(
        [sys.executable, str(program)],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ, PYTHONPATH=str(ROOT), JACK_NO_START_SERVER="1"),
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.kill()
    until(lambda: has_ended(pid), 10.0)


@given(
    st.builds(
        PlayRequest,
        path=st.binary(min_size=1).filter(lambda path: b"\0" not in path).map(lambda path: b"/" + path),
        start_s=st.floats(0, 1e4),
        end_s=st.none() | st.floats(0, 1e4),
        velocity=st.floats(0, 1),
        pan=st.floats(-1, 1),
        semitones=st.floats(-48, 48),
        choke=st.integers(0, 2**31),
        due_s=st.none() | st.floats(0, 1e9),
    )
)
def test_requests_cross_the_pipe_unchanged(request: PlayRequest) -> None:
    """Any bytes of a file name, any numbers."""
    assert wire.unpack(wire.loads(wire.dumps(wire.pack(request)))) == request
