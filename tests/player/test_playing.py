"""What a listener gets, on the capture of a real stream: every frame where it belongs, and no click."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from klustr_bridge.player.loading import HEAD_S
from klustr_bridge.player.mixer import FADE_S
from klustr_bridge.types import Float32Array
from tests.player.streams import RATE, Loudspeaker, PlayerChild

Start = Callable[..., PlayerChild]
FADE_FRAMES = round(FADE_S * RATE)


def write(path: Path, audio: np.ndarray, rate: int = RATE) -> str:
    soundfile.write(path, audio, rate, subtype="FLOAT")
    return str(path)


def noise(n_frames: int, n_channels: int, seed: int, peak: float = 0.4) -> Float32Array:
    return np.random.default_rng(seed).uniform(-peak, peak, (n_frames, n_channels)).astype(np.float32)


def begun(start_child: Start, loudspeaker: Loudspeaker, **options: object) -> PlayerChild:
    child = start_child(loudspeaker.config(), **{"device": "cap", "sample_rate": RATE} | options)
    assert child.call("wait_until_settled", 30)
    assert child.call("problem") is None
    return child


def onset(frames: Float32Array) -> int | None:
    """The first frame that is not silent."""
    loud = np.flatnonzero(frames.any(axis=1))
    return int(loud[0]) if len(loud) else None


def until_quiet(n_frames: int) -> Callable[[Float32Array], bool]:
    """Something was heard, and then nothing for so many frames."""

    def enough(frames: Float32Array) -> bool:
        return onset(frames) is not None and len(frames) > n_frames and not frames[-n_frames:].any()

    return enough


@pytest.mark.parametrize("n_channels", [1, 2])
def test_a_long_file_is_played_from_disk_to_the_bit(
    loudspeaker: Loudspeaker, start_child: Start, tmp_path: Path, n_channels: int
) -> None:
    """Ten seconds, of which four are kept in memory: no frame is missing where the disk takes over."""
    audio = noise(10 * RATE, n_channels, 1)
    child = begun(start_child, loudspeaker)
    child.call("play", write(tmp_path / "long.wav", audio))
    heard = loudspeaker.wait(until_quiet(2000))
    first = onset(heard)
    assert np.array_equal(heard[first : first + len(audio)], audio * np.ones((1, 2), np.float32))
    assert not heard[first + len(audio) :].any()
    health = child.call("health")
    assert (health["player_starved"], health["player_streams"]) == (0, 0)
    assert health["player_cache_mb"] <= 1.01 * HEAD_S * RATE * n_channels * 4 / 2**20


def test_a_slice_far_into_a_long_file_is_played_alone(
    loudspeaker: Loudspeaker, start_child: Start, tmp_path: Path
) -> None:
    """Its own part, longer than what is kept in memory, and a fade where it is cut."""
    audio = noise(20 * RATE, 1, 2)
    child = begun(start_child, loudspeaker)
    child.call("play", write(tmp_path / "long.wav", audio), start_s=7.0, end_s=13.0)
    heard = loudspeaker.wait(until_quiet(2000))
    first, n = onset(heard), 6 * RATE
    whole = n - FADE_FRAMES
    assert np.array_equal(heard[first : first + whole, 0], audio[7 * RATE : 7 * RATE + whole, 0])
    tail = audio[7 * RATE + whole : 13 * RATE, 0] * np.arange(FADE_FRAMES, 0, -1) / (FADE_FRAMES + 1)
    np.testing.assert_allclose(heard[first + whole : first + n, 0], tail, atol=1e-6)
    assert not heard[first + n :].any()


def test_sounds_begin_on_the_frame_they_are_due(
    loudspeaker: Loudspeaker, start_child: Start, tmp_path: Path
) -> None:
    """Asked for out of order, a sixteenth apart: each onset is on its frame from the first one."""
    click = write(tmp_path / "click.wav", np.full((40, 2), 0.5, np.float32))
    child = begun(start_child, loudspeaker)
    child.call("prefetch", click)
    loudspeaker.wait(lambda frames: len(frames) > RATE)  # its clock has settled
    now_s, step_s = float(str(child.call("now"))), 0.125
    for number in (3, 0, 2, 1):
        child.call("play", click, due_s=now_s + 0.5 + number * step_s)
    heard = loudspeaker.wait(lambda frames: np.count_nonzero(frames[:, 0]) >= 160)
    rises = np.flatnonzero(np.diff((heard[:, 0] > 0).astype(int)) == 1)
    np.testing.assert_allclose(np.diff(rises), step_s * RATE, atol=2)  # the clock goes on settling meanwhile


def test_pitch_changes_length_and_frequency(
    loudspeaker: Loudspeaker, start_child: Start, tmp_path: Path
) -> None:
    """An octave up is half as long and twice as high, without aliases; the level stays."""
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    child = begun(start_child, loudspeaker)
    child.call("play", write(tmp_path / "tone.wav", tone), semitones=12.0)
    heard = loudspeaker.wait(until_quiet(2000))
    first = onset(heard)
    part = heard[first : first + RATE // 2, 0]
    assert np.flatnonzero(heard[:, 0])[-1] - first == pytest.approx(RATE / 2, abs=100)
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
    peak = int(spectrum.argmax())
    assert peak * RATE / len(part) == pytest.approx(2000, abs=3)
    assert np.abs(part).max() == pytest.approx(0.5, rel=0.01)
    spectrum[peak - 5 : peak + 6] = 0
    assert spectrum.max() < 10 ** (-80 / 20) * len(part) / 4 * 0.5


def test_a_stolen_and_a_choked_voice_leave_no_step(
    loudspeaker: Loudspeaker, start_child: Start, tmp_path: Path
) -> None:
    """Voices that rise to a level, stay, and end at any moment: no step beyond that of rise and fade."""
    level, n_voices = 0.2, 4
    rise = np.minimum(1.0, np.arange(3 * RATE) / (RATE / 100))[:, None]
    soft = write(tmp_path / "soft.wav", (level * rise).astype(np.float32))
    child = begun(start_child, loudspeaker, voices=n_voices)
    child.call("play", soft)
    loudspeaker.wait(lambda frames: onset(frames) is not None)
    for number in range(12):
        child.call("play", soft, choke=1 + number % 2)
        before = len(loudspeaker.frames())
        loudspeaker.wait(lambda frames, before=before: len(frames) > before + 1500)
    health = child.call("health")
    child.call("stop")
    heard = loudspeaker.wait(until_quiet(4000))
    assert health["player_choked"] == 10
    for _ in range(2 * n_voices):
        child.call("play", soft)
        before = len(loudspeaker.frames())
        loudspeaker.wait(lambda frames, before=before: len(frames) > before + 1500)
    assert child.call("health")["player_stolen"] == n_voices
    child.call("stop")
    heard = loudspeaker.wait(until_quiet(4000))
    allowed = n_voices * (level / (RATE / 100) + level / FADE_FRAMES)
    assert np.abs(np.diff(heard, axis=0)).max() <= allowed
    assert np.abs(np.diff(heard, axis=0)).max() > 0.5 * level / FADE_FRAMES


def test_a_choked_voice_has_faded_within_three_milliseconds(
    loudspeaker: Loudspeaker, start_child: Start, tmp_path: Path
) -> None:
    """The open hat gives way to the closed one, which is heard whole."""
    ringing = write(tmp_path / "open.wav", np.full((2 * RATE, 1), 0.25, np.float32))
    closed = noise(2000, 1, 4)
    child = begun(start_child, loudspeaker)
    child.call("prefetch", write(tmp_path / "closed.wav", closed))
    child.call("play", ringing, choke=1)
    loudspeaker.wait(lambda frames: np.count_nonzero(frames[:, 0]) > 3000)
    child.call("play", str(tmp_path / "closed.wav"), choke=1)
    heard = loudspeaker.wait(until_quiet(2000))[:, 0]
    at = int(np.flatnonzero((heard != 0.25) & (heard != 0.0))[0])
    assert np.array_equal(heard[at + FADE_FRAMES : at + 2000], closed[FADE_FRAMES:, 0])
    fading = heard[at : at + FADE_FRAMES] - closed[:FADE_FRAMES, 0]
    np.testing.assert_allclose(fading, 0.25 * np.arange(FADE_FRAMES, 0, -1) / (FADE_FRAMES + 1), atol=1e-6)


@pytest.mark.parametrize(("channels", "first", "n"), [("3-4", 2, 2), ("4", 3, 1), ("1-2", 0, 2)])
def test_any_channel_pair_is_played_on(
    loudspeaker: Loudspeaker, start_child: Start, tmp_path: Path, channels: str, first: int, n: int
) -> None:
    """Only the chosen channels of the device sound; one of them gets the mean of both sides."""
    audio = noise(3000, 2, 5)
    child = begun(start_child, loudspeaker, channels=channels)
    child.call("play", write(tmp_path / "stereo.wav", audio))
    width = first + n

    def frames() -> Float32Array:
        data = bytes(loudspeaker.heard)
        return np.frombuffer(data[: len(data) // (4 * width) * 4 * width], np.float32).reshape(-1, width)

    loudspeaker.wait(lambda _: (at := onset(frames())) is not None and len(frames()) > at + 3000)
    heard = frames()
    at = onset(heard)
    expected = audio if n == 2 else audio.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(heard[at : at + 3000, first:width], expected, atol=1e-7)
    assert not heard[:, :first].any()


@pytest.mark.parametrize(
    ("channels", "message"), [("200-201", "beyond them"), ("2-4", "allowed are a pair"), ("x", "allowed are")]
)
def test_channels_that_are_not_there_are_told(
    loudspeaker: Loudspeaker, start_child: Start, channels: str, message: str
) -> None:
    """The message says what is allowed, or what the device has."""
    child = start_child(loudspeaker.config(), device="cap", sample_rate=RATE, channels=channels)
    assert child.call("wait_until_settled", 30)
    assert message in str(child.call("problem"))


def test_a_recording_is_what_went_to_the_device(
    loudspeaker: Loudspeaker, start_child: Start, tmp_path: Path
) -> None:
    """Silence and sound alike, in 24 bit; a second one is another file, and ending none is refused."""
    audio = noise(20_000, 2, 6)
    child = begun(start_child, loudspeaker, recordings=str(tmp_path / "takes" / "deep"))
    path, length_s = child.call("start_recording")
    assert length_s == 0.0
    again, so_far_s = child.call("start_recording")
    assert again == path
    assert so_far_s > 0.0
    child.call("play", write(tmp_path / "noise.wav", audio))
    loudspeaker.wait(until_quiet(8000))
    recorded = child.call("stop_recording")
    took, rate = soundfile.read(str(path), dtype="float32")
    assert recorded == [path, pytest.approx(len(took) / RATE)]
    assert (rate, soundfile.info(str(path)).subtype) == (RATE, "PCM_24")
    first = onset(took)
    np.testing.assert_allclose(took[first : first + len(audio)], audio, atol=2.0**-23)
    assert not took[first + len(audio) :].any()
    assert child.call("start_recording")[0] != path
    assert child.call("health")["player_recording_lost"] == 0
    child.call("close")


def test_a_recording_survives_the_kill_of_its_process(
    loudspeaker: Loudspeaker, start_child: Start, tmp_path: Path
) -> None:
    """What was played up to a second before can be read."""
    audio = noise(4 * RATE, 1, 7)
    child = begun(start_child, loudspeaker, recordings=str(tmp_path))
    path, _ = child.call("start_recording")
    child.call("play", write(tmp_path / "noise.wav", audio))
    heard = loudspeaker.wait(lambda frames: np.count_nonzero(frames[:, 0]) > 3 * RATE)
    child.process.kill()
    child.process.wait()
    took, _ = soundfile.read(str(path), dtype="float32", always_2d=True)
    first = onset(took)
    n = len(took) - first
    assert n > (np.count_nonzero(heard[:, 0]) - 1.5 * RATE)
    np.testing.assert_allclose(took[first : first + n, 0], audio[:n, 0], atol=2.0**-23)


def test_a_recordings_folder_that_cannot_be_written_is_told(
    loudspeaker: Loudspeaker, start_child: Start, tmp_path: Path
) -> None:
    """A file in place of the folder: the player goes on."""
    (tmp_path / "file").write_text("")
    child = begun(start_child, loudspeaker, recordings=str(tmp_path / "file"))
    assert "can't record into" in str(child.call("start_recording"))
    assert child.call("problem") is None
