"""What a running bridge plays: heard at its device, recorded, and in time with MIDI clock."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from klustr_bridge.client import FailError
from tests.bridge.jack import PATIENCE_S, Controller, JackServer
from tests.commands import run
from tests.daemon.running import RunningDaemon, environment
from tests.player.streams import ALSA_DEFAULTS, Loudspeaker
from tests.sounds import write_library

N_SOUNDS = 4
RATE = 44_100


@pytest.fixture
def loudspeaker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loudspeaker]:
    """A device to play into, which daemons find."""
    if not ALSA_DEFAULTS.exists():
        pytest.skip("needs Linux with ALSA's configuration (libportaudio2 brings it)")
    speaker = Loudspeaker(tmp_path / "loudspeaker")
    config = tmp_path / "asound.conf"
    config.write_text(speaker.config())
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(config))
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    yield speaker
    speaker.close()


@pytest.fixture
def daemon(tmp_path: Path, loudspeaker: Loudspeaker) -> Iterator[RunningDaemon]:
    folder = tmp_path / "samples"
    write_library(folder, N_SOUNDS)
    words = [str(folder), "--audio", "on", "--audio-device", "cap", "--audio-rate", str(RATE)]
    words += ["--recordings", str(tmp_path / "takes")]
    with RunningDaemon(tmp_path / "home", *words) as running:
        running.wait_ready(N_SOUNDS)
        running.wait_until(lambda client: client.health().get("player_ready") == 1.0)
        yield running


def cli(daemon: RunningDaemon, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "klustr_bridge", *words],
        env=environment(daemon.home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_triggered_sounds_come_out_at_their_level(daemon: RunningDaemon, loudspeaker: Loudspeaker) -> None:
    """From an OSC message to the device: the file itself, turned down by the square of the velocity."""
    client = daemon.client
    near = client.near_xy(0.5, 0.5, N_SOUNDS)
    for sound in near[:2]:
        audio, rate = soundfile.read(client.path(sound.id), dtype="float32", always_2d=True)
        assert rate == RATE
        heard_before = len(loudspeaker.frames())
        client.send("/klustr/trigger", sound.id, 0.5)
        wanted = audio * np.float32(0.25) * np.ones((1, 2), np.float32)
        n = int(np.flatnonzero(wanted.any(axis=1))[-1]) + 1

        def is_heard(frames: np.ndarray, before: int = heard_before, wanted: np.ndarray = wanted) -> bool:
            loud = np.flatnonzero(frames[before:].any(axis=1))
            first = np.flatnonzero(wanted.any(axis=1))[0]
            return len(loud) > 0 and len(frames) >= before + loud[0] - first + len(wanted)

        frames = loudspeaker.wait(is_heard)[heard_before:]
        start = int(np.flatnonzero(frames.any(axis=1))[0]) - int(np.flatnonzero(wanted.any(axis=1))[0])
        assert np.array_equal(frames[start : start + n], wanted[:n])
        loudspeaker.wait(lambda frames: not frames[-4800:].any())


def test_what_is_played_is_recorded_where_it_was_asked_for(
    daemon: RunningDaemon, loudspeaker: Loudspeaker, tmp_path: Path
) -> None:
    """`klustr-bridge record OUT.wav`, ended by Ctrl-C: the file is there, and nowhere else."""
    out = tmp_path / "my take.wav"
    with cli(daemon, "record", str(out)) as process:
        assert process.stderr is not None and process.stdout is not None
        assert "recording into" in process.stderr.readline()
        daemon.client.send("/klustr/trigger", daemon.client.points()[0].id)
        loudspeaker.wait(lambda frames: frames.any() and not frames[-4800:].any())
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert "into " + str(out) in process.stdout.read()
    took, rate = soundfile.read(str(out), dtype="float32")
    assert rate == RATE
    assert np.abs(took).max() > 0.1
    assert os.listdir(tmp_path / "takes") == []
    with cli(daemon, "record", str(out)) as again:
        assert again.wait(20) == 1
        assert again.stderr is not None
        assert "is there already" in again.stderr.read()
    with cli(daemon, "record", str(out), "--force", "--seconds", "0.5") as replaced:
        assert replaced.wait(20) == 0, replaced.stderr and replaced.stderr.read()
    assert 0.3 < soundfile.info(str(out)).duration < 2.0


def test_a_second_recording_is_refused_while_one_is_under_way(daemon: RunningDaemon, tmp_path: Path) -> None:
    """The one under way goes on, until it is ended by --stop, which says where it is."""
    begun = daemon.client.record(True)
    time.sleep(0.5)
    with cli(daemon, "record", str(tmp_path / "other.wav")) as process:
        assert process.wait(20) == 1
        assert process.stderr is not None
        assert "under way already" in process.stderr.read()
    with cli(daemon, "record", "--stop") as process:
        assert process.wait(20) == 0
        assert process.stdout is not None
        assert begun.path in process.stdout.read()
    assert soundfile.info(begun.path).duration > 0.4
    with pytest.raises(FailError, match="nothing is being recorded"):
        daemon.client.record(False)


def test_a_recording_that_ends_by_itself_is_noticed(daemon: RunningDaemon, tmp_path: Path) -> None:
    """By the command that waits for it, with the file that has what was played."""
    with cli(daemon, "record", str(tmp_path / "take.wav")) as process:
        assert process.stderr is not None
        path = process.stderr.readline().split("recording into ")[1].split(";")[0]
        time.sleep(0.5)
        daemon.client.record(False)
        assert process.wait(20) == 1
        assert f"the recording has ended; what was recorded is in {path}" in process.stderr.read()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_closed_terminal_ends_the_recording(daemon: RunningDaemon, tmp_path: Path, number: int) -> None:
    """As Ctrl-C does: it doesn't go on for hours."""
    out = tmp_path / "take.wav"
    with cli(daemon, "record", str(out)) as process:
        assert process.stderr is not None
        assert "recording into" in process.stderr.readline()
        time.sleep(0.5)
        process.send_signal(number)
        assert process.wait(20) == 0
    assert soundfile.info(str(out)).duration > 0.3
    with pytest.raises(FailError, match="nothing is being recorded"):
        daemon.client.record(False)


def test_stopping_the_daemon_keeps_the_recording(daemon: RunningDaemon, tmp_path: Path) -> None:
    """What was played until then is in its file, and who waits for more is told where."""
    with cli(daemon, "record", str(tmp_path / "take.wav")) as process:
        assert process.stderr is not None
        path = process.stderr.readline().split("recording into ")[1].split(";")[0]
        time.sleep(0.5)
        assert daemon.stop() == 0
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 1
        assert path in process.stderr.read()
    assert soundfile.info(path).duration > 0.3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["take.mp3"], "WAV"),
        (["folder.wav", "--force"], "is a folder"),
        ([], "--stop"),
        (["nowhere/take.wav"], "there is no folder"),
        (["take.wav", "--seconds", "0"], "more than 0"),
        (["take.wav"], "no bridge is running"),
    ],
)
def test_what_cannot_be_recorded_is_said_before_anything_is_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    """Wrong names, missing folders, nobody there."""
    (tmp_path / "folder.wav").mkdir()
    monkeypatch.chdir(tmp_path)
    done = run(tmp_path / "home", "record", *words)
    assert done.returncode == (1 if words else 2)
    assert message in done.stderr


class Song:
    """A controller that sends MIDI clock, until stopped."""

    def __init__(self, controller: Controller, bpm: float) -> None:
        self._controller = controller
        self._tick_s = 60.0 / bpm / 24.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._controller.send("FA")
        next_s = time.monotonic()
        while not self._stopped.is_set():
            self._controller.send("F8")
            next_s += self._tick_s
            time.sleep(max(0.0, next_s - time.monotonic()))
        self._controller.send("FC")

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()


@pytest.mark.peers
def test_sounds_come_on_the_beat_of_midi_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program's clock is told as pushes; a quantised trigger comes on its beat, and at once when it
    stands still.
    """
    bpm = 100.0
    folder = tmp_path / "samples"
    write_library(folder, N_SOUNDS)
    jack = JackServer.for_midi(monkeypatch)
    try:
        with (
            Controller("DAW", "clock") as clock,
            RunningDaemon(tmp_path / "home", str(folder), "--midi", "on") as daemon,
        ):
            daemon.wait_for_line("^MIDI: listening to DAW:clock$")
            daemon.wait_ready(N_SOUNDS)
            client = daemon.client
            client.send("/klustr/quantise", "4th")
            song = Song(clock, bpm)
            daemon.wait_for_line("^clock: MIDI clock from 'DAW:clock'$")
            beats: list[tuple[float, float]] = []
            until_s = time.monotonic() + PATIENCE_S
            while len(beats) < 5:
                assert time.monotonic() < until_s
                number, tempo, playing = (float(value) for value in client.wait("/klustr/beat", PATIENCE_S))
                if playing and number == round(number):
                    beats.append((number, time.monotonic()))
                    assert tempo == pytest.approx(bpm, rel=0.15)
            assert [number for number, _ in beats] == [beats[0][0] + i for i in range(5)]
            sound_id = client.points()[0].id
            late_s = []
            for _ in range(4):
                client.send("/klustr/trigger", sound_id)
                client.wait("/klustr/play", PATIENCE_S)
                played_s = time.monotonic()
                off = (played_s - beats[-1][1]) / (60.0 / bpm) % 1.0
                late_s.append(min(off, 1.0 - off) * 60.0 / bpm)
                time.sleep(0.2)
            assert np.median(late_s) < 0.05
            song.stop()
            while client.wait("/klustr/beat", PATIENCE_S)[2] == 1:
                pass
            began_s = time.monotonic()
            client.send("/klustr/trigger", sound_id)
            client.wait("/klustr/play")
            assert time.monotonic() - began_s < 0.25
            assert daemon.stop() == 0
    finally:
        jack.close()
