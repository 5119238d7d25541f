"""The engine with its callback in hand: what is heard on which frame, what comes too late, what is kept.

The device is the only part that isn't real: the test asks for the blocks, at times that it makes up.
"""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from klustr_bridge.errors import PlayerError
from klustr_bridge.player import engine as engine_module
from klustr_bridge.player import loading, recording
from klustr_bridge.player.engine import MAX_LATE_S, Engine
from klustr_bridge.player.output import Renderer
from klustr_bridge.player.recording import Recording
from klustr_bridge.settings import AudioSettings
from klustr_bridge.sound.decode import AudioStream
from klustr_bridge.types import Float32Array, PlayRequest

RATE, BLOCK = 8000, 64


class HandDevice:
    """In place of the output: opened, closed and asked by the test."""

    def __init__(
        self, _audio: object, make_renderer: Callable[[int, int], Renderer], _on_problem: object
    ) -> None:
        self.make_renderer = make_renderer
        self.ready = True
        self.state = "open"
        self.problem = None
        self.latency_s = 0.0
        self.settled = threading.Event()
        self.n_callbacks = self.n_callback_errors = self.n_xruns = self.n_reopened = 0
        self.n_slow = self.n_overdue = 0
        self.longest_render_s = self.busy_s = 0.0

    def describe(self) -> str:
        return "in hand"

    def check(self, now: float) -> None:
        """Nothing can be wrong with it."""

    def heartbeat_age_s(self, now: float) -> float:
        return 0.0

    def close(self, limit_s: float) -> bool:
        return True


class Stage:
    """An engine, and what its device has got so far; its frame 0 is heard at `zero_s`."""

    def __init__(self, folder: Path) -> None:
        self.told: list[str] = []
        self.engine = Engine(AudioSettings(), os.fspath(folder / "takes"), self.told.append)
        self.open(RATE, 2)

    def open(self, sample_rate: int, n_channels: int) -> None:
        """Open the device, or open it anew as another."""
        self.n_channels = n_channels
        self.render = self.engine._output.make_renderer(sample_rate, n_channels)
        self.zero_s, self.n_frames = time.perf_counter(), 0

    def hear(self, n_blocks: int) -> Float32Array:
        blocks = []
        for _ in range(n_blocks):
            out = np.empty((BLOCK, self.n_channels), np.float32)
            self.render(out, self.zero_s + self.n_frames / RATE)
            self.n_frames += BLOCK
            blocks.append(out)
        return np.concatenate(blocks)

    def until(self, met: Callable[[dict[str, float]], bool]) -> None:
        end_s = time.monotonic() + 20
        while not met(self.engine.health()):
            assert time.monotonic() < end_s
            time.sleep(0.002)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(engine_module, "Output", HandDevice)
    stage = Stage(tmp_path)
    yield stage
    stage.engine.close()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Files are opened once this is set."""
    opened, real_open = threading.Event(), loading.open_audio

    def open_when_allowed(path: bytes) -> AbstractContextManager[AudioStream]:
        assert opened.wait(20)
        return real_open(path)

    monkeypatch.setattr(loading, "open_audio", open_when_allowed)
    return opened


def sound(path: Path, n_frames: int = 400, level: float = 0.5) -> bytes:
    soundfile.write(path, np.full((n_frames, 1), level, np.float32), RATE, subtype="FLOAT")
    return os.fsencode(path)


def test_a_sound_is_heard_on_the_frame_that_it_is_due(stage: Stage, tmp_path: Path) -> None:
    """By the time at which the device says that its frames are heard."""
    path = sound(tmp_path / "a.wav")
    stage.engine.prefetch([PlayRequest(path)])
    stage.until(lambda health: health["player_cache_sounds"] == 1)
    stage.hear(20)
    stage.engine.play(1, PlayRequest(path, due_s=stage.zero_s + 5000 / RATE))
    heard = stage.hear(100)
    assert int(np.flatnonzero(heard[:, 0])[0]) + 20 * BLOCK == 5000


@pytest.mark.parametrize(("late_s", "is_heard"), [(0.1, True), (MAX_LATE_S + 0.1, False)])
def test_what_comes_too_late_is_not_played(
    stage: Stage, gate: threading.Event, tmp_path: Path, late_s: float, is_heard: bool
) -> None:
    """The hand has moved on."""
    stage.engine.play(1, PlayRequest(sound(tmp_path / "a.wav")))
    time.sleep(late_s)
    gate.set()
    stage.until(lambda health: health["player_loading"] == 0)
    stage.until(lambda health: bool(stage.hear(2).any()) or health["player_late"] == 1)
    assert stage.engine.health()["player_late"] == (0 if is_heard else 1)


@pytest.mark.parametrize(("due_in_s", "loaded_in_s", "is_heard"), [(1.0, 0.8, True), (0.1, 0.4, False)])
def test_a_sound_that_is_due_may_take_until_then_and_no_longer(
    stage: Stage, gate: threading.Event, tmp_path: Path, due_in_s: float, loaded_in_s: float, is_heard: bool
) -> None:
    """Off the beat it would be worse than missing."""
    request = PlayRequest(sound(tmp_path / "a.wav"), due_s=time.perf_counter() + due_in_s)
    stage.engine.play(1, request)
    time.sleep(loaded_in_s)
    gate.set()
    stage.until(lambda health: health["player_loading"] == 0)
    stage.until(lambda health: health["player_late"] == 1 or is_heard)
    heard = stage.hear(round((due_in_s + 0.5) * RATE / BLOCK))
    assert heard.any() == is_heard
    assert stage.engine.health()["player_late"] == (0 if is_heard else 1)


def test_a_sound_that_is_stopped_while_it_loads_is_not_heard(
    stage: Stage, gate: threading.Event, tmp_path: Path
) -> None:
    """Nor when all are."""
    stage.engine.play(1, PlayRequest(sound(tmp_path / "a.wav")))
    stage.engine.play(2, PlayRequest(sound(tmp_path / "b.wav")))
    stage.engine.stop(1)
    stage.engine.stop()
    gate.set()
    stage.until(lambda health: health["player_loading"] == 0)
    time.sleep(0.05)
    assert not stage.hear(4).any()


def test_another_device_lets_go_of_streams_and_of_a_recording_that_does_not_fit(
    stage: Stage, tmp_path: Path
) -> None:
    """What was read for the old one is of no use; the recording ends, is told, and another can begin."""
    stage.engine.play(1, PlayRequest(sound(tmp_path / "long.wav", 20 * RATE)))
    stage.until(lambda health: health["player_streams"] == 1)
    path, _ = stage.engine.start_recording()
    stage.hear(10)
    stage.open(RATE, 1)
    stage.until(lambda health: health["player_streams"] == 0)
    assert stage.told == [
        f"recording stopped: the output device plays 1 channels at {RATE} Hz now; see {os.fsdecode(path)}"
    ]
    with pytest.raises(PlayerError, match="nothing is being recorded"):
        stage.engine.stop_recording()
    other, _ = stage.engine.start_recording()
    stage.hear(10)
    assert stage.engine.stop_recording() == (other, 10 * BLOCK / RATE)
    assert other != path


def test_the_same_device_again_goes_on_with_the_recording(stage: Stage) -> None:
    """A cable that was pulled for a moment ends nothing."""
    path, _ = stage.engine.start_recording()
    stage.hear(10)
    stage.open(RATE, 2)
    stage.hear(5)
    assert stage.engine.stop_recording() == (path, 15 * BLOCK / RATE)
    assert stage.told == []


def test_the_end_of_one_recording_is_not_that_of_the_next(stage: Stage) -> None:
    """A disk that is slow at closing the first must not take the second along."""
    first = stage.engine.start_recording()
    old = stage.engine._recording
    assert old is not None
    stage.engine.stop_recording()
    second, _ = stage.engine.start_recording()
    old._on_end(old, "recording stopped after 3 s: late news")
    stage.hear(10)
    assert stage.engine.stop_recording() == (second, 10 * BLOCK / RATE)
    assert first[0] != second


# The recording itself.


@pytest.fixture
def ended() -> list[str]:
    return []


@pytest.fixture
def make_recording(tmp_path: Path, ended: list[str]) -> Callable[[], Recording]:
    def make() -> Recording:
        path = os.fsencode(tmp_path / "take.wav")
        return Recording(path, RATE, 1, lambda _recording, reason: ended.append(reason))

    return make


def test_what_a_slow_disk_finds_no_room_for_is_left_out_and_counted(
    make_recording: Callable[[], Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was taken is there, in order and to the frame; the callback was never held up."""
    monkeypatch.setattr(recording, "_WRITE_EVERY_S", 60.0)
    monkeypatch.setattr(recording, "RING_S", 0.5)
    take = make_recording()
    audio = np.random.default_rng(1).uniform(-0.5, 0.5, (RATE, 1)).astype(np.float32)
    for start in range(0, RATE, 100):
        take.take(audio[start : start + 100])
    assert take.n_lost == RATE // 2
    assert take.stop(20.0)
    kept, _ = soundfile.read(os.fsdecode(take.path), dtype="float32", always_2d=True)
    np.testing.assert_allclose(kept, audio[: RATE // 2], atol=2.0**-23)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_disk_that_fills_up_ends_the_recording(
    make_recording: Callable[[], Recording], ended: list[str], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Room is left for others; what is recorded by then can be read."""
    monkeypatch.setattr(recording, "_WRITE_EVERY_S", 0.001)
    full = shutil._ntuple_diskusage(10**12, 10**12 - 50 * 2**20, 50 * 2**20)  # type: ignore[attr-defined]
    if when == "before":
        monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
        with pytest.raises(PlayerError, match="only 50 MB are free on the disk, 200 have to be"):
            make_recording()
        return
    take = make_recording()
    take.take(np.full((500, 1), 0.5, np.float32))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    take._thread.join(20)
    (reason,) = ended
    assert "only 50 MB are free" in reason
    assert soundfile.info(os.fsdecode(take.path)).frames == 500


def test_a_file_that_is_as_long_as_it_can_be_ends_the_recording(
    make_recording: Callable[[], Recording], ended: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says to begin another."""
    monkeypatch.setattr(recording, "_WRITE_EVERY_S", 0.001)
    monkeypatch.setattr(recording, "MAX_BYTES", 3000)
    take = make_recording()
    for _ in range(3):
        take.take(np.full((500, 1), 0.5, np.float32))
        time.sleep(0.05)
    take._thread.join(20)
    (reason,) = ended
    assert "start another recording" in reason
    assert soundfile.info(os.fsdecode(take.path)).frames == 1000


def test_a_file_that_is_there_is_never_written_over(make_recording: Callable[[], Recording]) -> None:
    """Two recordings of one name can't be."""
    first = make_recording()
    with pytest.raises(PlayerError, match="can't record into"):
        make_recording()
    assert first.stop(20.0)
