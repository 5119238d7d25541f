"""The whole player with real PortAudio streams, in child processes: sound, loss, and what is missing."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from klustr_bridge.player.mixer import FADE_S
from klustr_bridge.types import Float32Array
from tests.bridge.jack import JackServer
from tests.player.streams import ALSA_DEFAULTS, RATE, Loudspeaker, PlayerChild

Start = Callable[..., PlayerChild]

NO_DEVICE = "pcm.null { type null }\npcm.dmix { type nosuch }\npcm.default { type nosuch }\n"
LINUX_ONLY = pytest.mark.skipif(not ALSA_DEFAULTS.exists(), reason="needs Linux with ALSA's configuration")


def started(child: PlayerChild) -> PlayerChild:
    assert child.call("wait_until_settled", 30)
    return child


def first_sound(frames: Float32Array) -> int | None:
    """The first frame that isn't silent."""
    loud = np.flatnonzero(frames.any(axis=1))
    return int(loud[0]) if len(loud) else None


def heard_for(n_frames: int) -> Callable[[Float32Array], bool]:
    def enough(frames: Float32Array) -> bool:
        first = first_sound(frames)
        return first is not None and len(frames) >= first + n_frames

    return enough


def silent_for(n_frames: int) -> Callable[[Float32Array], bool]:
    def enough(frames: Float32Array) -> bool:
        first = first_sound(frames)
        return first is not None and len(frames) > first + n_frames and not frames[-n_frames:].any()

    return enough


def test_a_triggered_sample_leaves_the_device_to_the_bit(
    loudspeaker: Loudspeaker, start_child: Start, tmp_path: Path
) -> None:
    """File, cache, mixer and stream together change nothing but the level, which is the velocity squared."""
    audio = np.random.default_rng(5).uniform(-0.9, 0.9, (4800, 2)).astype(np.float32)
    soundfile.write(tmp_path / "noise.wav", audio, RATE, subtype="FLOAT")
    child = started(start_child(loudspeaker.config(), device="cap", sample_rate=RATE))
    assert child.call("describe") == "[0] cap (ALSA), channels 1-2, 48000 Hz, 8.7 ms"
    assert child.call("problem") is None
    assert child.call("play", str(tmp_path / "noise.wav"), velocity=0.5) == 1
    heard = loudspeaker.wait(heard_for(4800))
    first = first_sound(heard)
    assert np.array_equal(heard[first : first + 4800], audio * np.float32(0.25))
    health = child.call("health")
    assert health["player_callback_errors"] == 0
    assert child.call("close") is True
    assert child.end() == 0
    assert child.problems == []


def test_a_part_of_a_file_is_played_and_faded_where_it_is_cut(
    loudspeaker: Loudspeaker, start_child: Start, tmp_path: Path
) -> None:
    """A slice begins at its first sample and ends without a click, at the gain asked for."""
    audio = np.full((RATE, 1), 0.5, np.float32)
    soundfile.write(tmp_path / "constant.wav", audio, RATE, subtype="FLOAT")
    child = started(start_child(loudspeaker.config(), device="cap", sample_rate=RATE, gain_db=-6.0))
    child.call("play", str(tmp_path / "constant.wav"), start_s=0.2, end_s=0.25)
    heard = loudspeaker.wait(heard_for(3000))
    first = first_sound(heard)
    slice_ = heard[first : first + 3000, 0]
    assert np.count_nonzero(slice_) == round(0.05 * RATE)
    level = 0.5 * 10 ** (-6 / 20)
    assert slice_[0] == pytest.approx(level, rel=1e-6)
    assert np.abs(np.diff(slice_)).max() < 1.01 * level / round(FADE_S * RATE)


def test_stopping_fades_without_a_click(loudspeaker: Loudspeaker, start_child: Start, tmp_path: Path) -> None:
    """A stop in the middle of a sound steps no further than the sound itself and a 3 ms fade do."""
    tone = 0.8 * np.sin(2 * np.pi * 100 * np.arange(10 * RATE) / RATE)
    soundfile.write(tmp_path / "tone.wav", tone, RATE, subtype="FLOAT")
    child = started(start_child(loudspeaker.config(), device="cap", sample_rate=RATE))
    voice = child.call("play", str(tmp_path / "tone.wav"))
    loudspeaker.wait(heard_for(5000))
    child.call("stop", voice)
    heard = loudspeaker.wait(silent_for(2000))
    fade_frames = round(FADE_S * RATE)
    allowed = np.abs(np.diff(tone)).max() + 0.8 / fade_frames
    assert np.abs(np.diff(heard, axis=0)).max() <= allowed
    assert np.count_nonzero(heard[:, 0]) < 9 * RATE


def test_a_lost_device_is_reopened_when_it_comes_back(
    loudspeaker: Loudspeaker, start_child: Start, tmp_path: Path
) -> None:
    """Loss and return are told, and the next sound is heard again."""
    audio = np.full((500, 2), 0.5, np.float32)
    soundfile.write(tmp_path / "constant.wav", audio, RATE, subtype="FLOAT")
    child = started(start_child(loudspeaker.config(), device="cap", sample_rate=RATE))
    loudspeaker.unplug()
    child.wait_for_problem("the output device [0] cap (ALSA) is lost")
    assert child.call("play", str(tmp_path / "constant.wav")) == 1
    assert "lost" in child.call("describe")
    loudspeaker.plug_in()
    child.wait_for_problem("sound is back")
    assert child.call("problem") is None
    assert child.call("play", str(tmp_path / "constant.wav")) == 2
    loudspeaker.wait(lambda frames: np.count_nonzero(frames[:, 0]) == 500)
    assert child.call("close") is True
    assert child.end() == 0


@pytest.mark.parametrize("closes", [True, False])
def test_a_hanging_device_holds_up_nobody(loudspeaker: Loudspeaker, start_child: Start, closes: bool) -> None:
    """A device that takes no more audio can hang PortAudio: closing and ending give up in time."""
    child = started(start_child(loudspeaker.config(), device="cap", sample_rate=RATE))
    loudspeaker.stop_reading()
    child.wait_for_problem("lost")
    assert child.call("play", "/nowhere.wav") == 1
    if closes:
        assert child.call("close", 0.5) is False
        assert child.call("describe") == "closed"
    assert child.end(limit_s=20) == 0


@LINUX_ONLY
def test_without_the_library_everything_but_sound_goes_on(start_child: Start) -> None:
    """Where PortAudio can't be found the player says how to install it, and still gives out voices."""
    child = started(start_child(NO_DEVICE, without_portaudio=True))
    problem = child.wait_for_problem("PortAudio")
    assert child.call("problem") == problem
    assert child.call("describe") == problem and problem.startswith("no sound")
    assert "install" in problem
    assert [child.call("play", "/kick.wav"), child.call("play", "/snare.wav")] == [1, 2]
    child.call("stop")
    child.call("prefetch", "/kick.wav")
    assert child.call("health")["player_ready"] == 0
    assert str(child.call("list_devices")).startswith(
        "PlayerError: no sound, the PortAudio library is missing"
    )
    assert child.call("close") is True
    assert child.end() == 0
    assert child.problems == [problem]


@LINUX_ONLY
def test_without_a_device_the_player_says_so_and_looks_again(start_child: Start, tmp_path: Path) -> None:
    """A machine without outputs gets one sentence; a device that appears later is found."""
    child = started(start_child(NO_DEVICE))
    assert "there is no output device" in str(child.call("problem"))
    assert child.call("play", "/kick.wav") == 1
    assert child.call("list_devices") == []
    later = Loudspeaker(tmp_path / "later")
    try:
        (tmp_path / "asound.conf").write_text(later.config())
        assert "[1] default (ALSA), channels 1-2, 44100 Hz" in child.wait_for_problem("sound is back")
        assert child.call("close") is True
        assert child.end() == 0
    finally:
        later.close()
    assert len(child.problems) == 2


@LINUX_ONLY
def test_a_configuration_that_crashes_portaudio_does_not_crash_the_daemon(start_child: Start) -> None:
    """PortAudio aborts the process on an empty ALSA configuration: only a child of ours may die of it."""
    child = started(start_child("\n"))
    assert "ALSA configuration" in str(child.call("problem"))
    assert child.call("play", "/kick.wav") == 1
    assert str(child.call("list_devices")).startswith("PlayerError: no sound, PortAudio crashes")
    assert child.end() == 0


def test_a_name_that_matches_nothing_lists_what_there_is(
    loudspeaker: Loudspeaker, start_child: Start
) -> None:
    """The message for a misspelt device contains the names to choose from."""
    child = started(start_child(loudspeaker.config(), device="Scarlett"))
    assert child.call("problem") == "no output device matches 'Scarlett'; found: [0] cap, [1] default"
    devices = child.call("list_devices")
    assert devices == [
        "[0] cap (ALSA), 128 channels, 44100 Hz",
        "[1] default (ALSA), 128 channels, 44100 Hz, default",
    ]


def test_a_file_that_is_gone_is_told(loudspeaker: Loudspeaker, start_child: Start) -> None:
    """Playing a vanished file gives a voice, a sentence and a count, and the player goes on."""
    child = started(start_child(loudspeaker.config(), device="cap", sample_rate=RATE))
    assert child.call("play", "/no/such/kick.wav") == 1
    assert child.wait_for_problem("can't play") == "can't play /no/such/kick.wav: the file is gone"
    assert child.call("health")["player_refused"] == 1
    assert child.call("problem") is None


@pytest.fixture
def jack_server() -> Iterator[JackServer]:
    """A JACK server at 44.1 kHz, which refuses every other rate."""
    server = JackServer(44_100, "-p 512 -C 0 -P 2")
    try:
        yield server
    finally:
        server.close()


@pytest.mark.peers
def test_a_refused_rate_gives_way_to_the_devices_own(jack_server: JackServer, start_child: Start) -> None:
    """The player opens at the rate there is, says so, and resamples."""
    child = started(start_child(NO_DEVICE, device="JACK", sample_rate=RATE, env=jack_server.environment))
    assert "refuses 48000 Hz; playing at 44100 Hz" in child.wait_for_problem("refuses")
    assert child.call("problem") is None
    assert "44100 Hz" in str(child.call("describe"))
    assert child.call("close") is True
    assert child.end() == 0


@pytest.mark.peers
def test_a_sound_server_that_dies_holds_up_nobody(jack_server: JackServer, start_child: Start) -> None:
    """When the server is killed the loss is told, and the process still ends."""
    child = started(start_child(NO_DEVICE, device="JACK", env=jack_server.environment))
    assert child.call("problem") is None
    jack_server.kill()
    child.wait_for_problem("lost")
    assert child.call("play", "/kick.wav") == 1
    child.call("close", 1.0)
    child.end(limit_s=20)
