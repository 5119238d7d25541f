"""The mixer against a plain model of it, and the promises it makes on any sequence of commands."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klustr_bridge.player.engine import velocity_gain
from klustr_bridge.player.mixer import (
    FADE_S,
    MAX_BLOCK_FRAMES,
    MAX_PENDING_COMMANDS,
    MAX_PENDING_PLAYS,
    MAX_SCHEDULED,
    RELEASE_S,
    Mixer,
)
from klustr_bridge.types import Float32Array

RATE = 8000
MAX_VOICES = 12
FADE_FRAMES = round(FADE_S * RATE)


def noise(n_frames: int, n_channels: int, peak: float, seed: int) -> Float32Array:
    generator = np.random.default_rng(seed)
    return generator.uniform(-peak, peak, (n_frames, n_channels)).astype(np.float32)


LENGTHS = [1, 7, FADE_FRAMES, FADE_FRAMES + 1, 100, 700, 3000]
SOUNDS = [noise(n, channels, 1.0, 2 * n + channels) for n in LENGTHS for channels in (1, 2)]


@dataclass
class Play:
    sound: int
    start: int
    end: int | None
    gain: float
    cut: bool
    pan: float = 0.0
    choke: int = 0
    fade_in: int = 0
    wait: int = 0


@dataclass
class Stop:
    voice: int | None


@dataclass
class ModelVoice:
    """What one voice adds to the whole recording."""

    began: int
    wave: np.ndarray
    levels: np.ndarray
    choke: int = 0
    stopped: int | None = None

    def added(self, n_frames: int) -> np.ndarray:
        result = np.zeros((n_frames, 2))
        wave = self.wave
        if self.stopped is not None:
            played = self.stopped - self.began
            ramp = np.arange(FADE_FRAMES, 0, -1) / (FADE_FRAMES + 1)
            wave = wave[: played + FADE_FRAMES].copy() if played > 0 else wave[:0]
            wave[played:] *= ramp[: max(0, len(wave) - played), None]
        wave = wave[: n_frames - self.began]
        result[self.began : self.began + len(wave)] = wave
        return result

    def level(self, now: int) -> float:
        """The highest peak in the time of a fade from now on."""
        return float(self.levels[now - self.began :][:FADE_FRAMES].max(initial=0.0))


def panned(gain: float, pan: float, n_channels: int) -> np.ndarray:
    """Equal power for mono, 0 dB in the middle; of stereo the farther side is turned down."""
    if n_channels == 1:
        angle = (pan + 1) * np.pi / 4
        return gain * np.sqrt(2) * np.array([np.cos(angle), np.sin(angle)])
    return gain * np.array([min(1, 1 - pan), min(1, 1 + pan)])


@dataclass
class Model:
    """The mixer's rules written down plainly, in double precision and without blocks."""

    now: int = 0
    voices: dict[int, ModelVoice] = field(default_factory=dict)
    gone: list[ModelVoice] = field(default_factory=list)
    scheduled: dict[int, tuple[int, Play, float]] = field(default_factory=dict)

    def play(self, voice: int, play: Play, gain: float) -> None:
        if len(SOUNDS[play.sound][play.start : play.end]) == 0:
            return
        if play.wait > 0:
            self.scheduled[voice] = (self.now + play.wait, play, gain)
        else:
            self.begin(voice, play, gain)

    def begin(self, voice: int, play: Play, gain: float) -> None:
        samples = SOUNDS[play.sound][play.start : play.end].astype(float)
        gains = panned(gain, play.pan, samples.shape[1])
        wave = samples * gains
        if play.cut:
            ramp = np.arange(FADE_FRAMES, 0, -1) / (FADE_FRAMES + 1)
            n = min(len(wave), FADE_FRAMES)
            wave[-n:] *= ramp[-n:, None]
        rising = np.arange(1, play.fade_in + 1)[: len(wave), None] / (play.fade_in + 1)
        wave[: play.fade_in] *= rising
        if play.choke:
            for number, other in list(self.voices.items()):
                if other.choke == play.choke:
                    self.end(number)
        if len(self.voices) >= MAX_VOICES:
            oldest = list(self.voices)[:8]
            begun = [number for number in oldest if self.now - self.voices[number].began >= FADE_FRAMES]
            self.end(min(begun or oldest, key=lambda number: self.voices[number].level(self.now)))
        levels = np.abs(samples).max(axis=1) * np.float32(gains.max())
        self.voices[voice] = ModelVoice(self.now, wave, levels, play.choke)

    def stop(self, voice: int | None) -> None:
        for number in list(self.scheduled) if voice is None else [voice]:
            self.scheduled.pop(number, None)
        for number in list(self.voices) if voice is None else [voice]:
            if number in self.voices:
                self.end(number)

    def end(self, number: int) -> None:
        stopped = self.voices.pop(number)
        stopped.stopped = self.now
        self.gone.append(stopped)

    def advance(self, n_frames: int) -> None:
        end = self.now + n_frames
        while self.now < end:
            for number, (due, play, gain) in list(self.scheduled.items()):
                if due <= self.now:
                    del self.scheduled[number]
                    self.begin(number, play, gain)
            self.now = min([end, *(due for due, _, _ in self.scheduled.values())])
            for number, voice in list(self.voices.items()):
                if voice.began + len(voice.wave) <= self.now:
                    self.gone.append(self.voices.pop(number))

    def recording(self) -> np.ndarray:
        result = np.zeros((self.now, 2))
        for voice in [*self.gone, *self.voices.values()]:
            result += voice.added(self.now)
        return result


plays = st.builds(
    Play,
    sound=st.integers(0, len(SOUNDS) - 1),
    start=st.sampled_from([0, 0, 3, 60]),
    end=st.sampled_from([None, None, None, 5, 90]),
    gain=st.sampled_from([0.0, 0.25, 1.0]),
    cut=st.booleans(),
    pan=st.sampled_from([0.0, 0.0, -1.0, 0.4, 1.0]),
    choke=st.sampled_from([0, 0, 1, 2]),
    fade_in=st.sampled_from([0, 0, 1, 30, 400]),
    wait=st.sampled_from([0, 0, 0, 1, 50, 500, MAX_BLOCK_FRAMES + 60]),
)
long_plays = st.builds(
    Play,
    sound=st.sampled_from([len(SOUNDS) - 2, len(SOUNDS) - 1]),
    start=st.just(0),
    end=st.none(),
    gain=st.sampled_from([0.5, 1.0]),
    cut=st.just(False),
)
stops = st.builds(Stop, voice=st.none() | st.integers(1, 40))
blocks = st.tuples(
    st.lists(plays | plays | plays | stops, max_size=16)
    | st.lists(long_plays, min_size=10, max_size=MAX_VOICES + 4),
    st.sampled_from([1, 5, FADE_FRAMES, 64, 128, MAX_BLOCK_FRAMES + 50]),
)


def run(
    sequence: list[tuple[list[Play | Stop], int]], level: float
) -> tuple[Float32Array, np.ndarray, Mixer]:
    """Return what the mixer and the model make of the same commands."""
    mixer, model, number, rendered = Mixer(RATE, 2, MAX_VOICES), Model(), 0, []
    for commands, n_frames in sequence:
        cleared: list[tuple[int, Play] | Stop] = []
        for command in commands:
            if isinstance(command, Play):
                number += 1
                assert mixer.play(
                    number,
                    SOUNDS[command.sound],
                    start=command.start,
                    end=command.end,
                    gain=command.gain * level,
                    cut=command.cut,
                    pan=command.pan,
                    choke=command.choke,
                    fade_in=command.fade_in,
                    due=model.now + command.wait,
                )
                cleared.append((number, command))
            else:
                assert mixer.stop(command.voice)
                if command.voice is None:
                    cleared.clear()  # what has not begun never begins
                cleared.append(command)
        for order in cleared:
            if isinstance(order, Stop):
                model.stop(order.voice)
            else:
                model.play(order[0], order[1], order[1].gain * level)
        out = np.full((n_frames, 2), np.nan, np.float32)
        mixer.render(out)
        model.advance(n_frames)
        assert mixer.n_voices == len(model.voices) <= MAX_VOICES
        rendered.append(out)
    return np.concatenate(rendered), model.recording(), mixer


@settings(max_examples=60, deadline=None)
@given(st.lists(blocks, min_size=1, max_size=12))
def test_sums_within_full_scale_are_the_plain_sum(sequence: list[tuple[list[Play | Stop], int]]) -> None:
    """Starting, stopping, stealing and fading add up exactly, in blocks of any size."""
    heard, expected, mixer = run(sequence, 1 / 256)
    assert mixer.n_limited == 0
    np.testing.assert_allclose(heard, expected, rtol=0, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.lists(blocks, min_size=1, max_size=12), st.sampled_from([0.5, 1.0, 16.0]))
def test_any_sum_stays_within_full_scale_without_clicks_of_its_own(
    sequence: list[tuple[list[Play | Stop], int]], level: float
) -> None:
    """Too loud a sum is finite, within -1..1, and steps no further than the sum and the recovery do."""
    heard, unlimited, _ = run(sequence, level)
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() <= 1.0
    steps = np.abs(np.diff(heard, axis=0))
    largest = np.abs(np.diff(unlimited, axis=0)).max(axis=1, keepdims=True, initial=0.0)
    recovery = np.abs(unlimited[:-1]) / (RELEASE_S * RATE)
    assert (steps <= 2 * largest + recovery + 1e-4).all()


def test_a_stopped_voice_fades_within_three_milliseconds() -> None:
    """The end of a constant falls evenly to nothing: no step beyond the fade's own."""
    mixer = Mixer(48000)
    mixer.play(1, np.full((48000, 1), 0.75, np.float32))
    out = np.empty((480, 2), np.float32)
    mixer.render(out)
    mixer.stop(1)
    faded = np.empty((480, 2), np.float32)
    mixer.render(faded)
    heard = np.concatenate([out, faded])
    assert mixer.fade_frames == 144
    assert np.array_equal(heard[:480], np.full((480, 2), 0.75, np.float32))
    assert np.abs(np.diff(heard, axis=0)).max() == pytest.approx(0.75 / 145, rel=1e-3)
    assert heard[480 + 143, 0] > 0
    assert not heard[480 + 144 :].any()


def test_the_quietest_of_the_old_voices_makes_room() -> None:
    """With every voice taken a further sound is heard, and what is missed least goes: old and quiet."""
    mixer = Mixer(RATE, 2, MAX_VOICES)
    levels = [0.02] * MAX_VOICES
    levels[3], levels[9] = 0.01, 0.001  # the quietest of all is young
    for voice, level in enumerate(levels, 1):
        mixer.play(voice, np.full((4000, 1), level, np.float32))
    out = np.empty((64, 2), np.float32)
    mixer.render(out)
    mixer.play(MAX_VOICES + 1, np.full((4000, 1), 0.25, np.float32))
    mixer.render(out)
    assert mixer.n_stolen == 1
    assert mixer.n_voices == MAX_VOICES
    assert out[-1, 0] == pytest.approx(sum(levels) - 0.01 + 0.25, abs=1e-6)


def test_a_sound_that_fits_passes_to_the_bit() -> None:
    """A normalised sound at full velocity leaves as it came, in both channels where it is mono."""
    sound = noise(5000, 1, 1.0, 3)
    sound[100] = 1.0
    mixer = Mixer(48000)
    mixer.play(1, sound)
    out = np.empty((5000, 2), np.float32)
    mixer.render(out)
    assert np.array_equal(out, np.repeat(sound, 2, axis=1))


def test_the_limiter_comes_down_at_the_overload_and_back_after_it() -> None:
    """In the middle of a block the level drops with the frame that is too loud, then returns in time."""
    silence, overload = 700, 10
    after = silence + overload
    mixer = Mixer(RATE)
    mixer.play(1, np.concatenate([np.zeros((silence, 1)), np.full((overload, 1), 7.5)]).astype(np.float32))
    mixer.play(2, np.full((4 * RATE, 1), 0.5, np.float32))
    out = np.empty((after + round(RELEASE_S * RATE) + 1, 2), np.float32)
    mixer.render(out)
    assert (out[:silence] == 0.5).all()
    assert (out[silence] == 1.0).all()
    assert out[after, 0] == pytest.approx(0.5 * (1 / 8 + 1 / (RELEASE_S * RATE)), rel=1e-5)
    assert (np.diff(out[after:, 0]) >= 0).all()
    assert out[-1, 0] == 0.5


def test_a_device_that_does_not_call_takes_no_memory() -> None:
    """Without a callback the ring fills, refuses plays first, and stopping all still gets through."""
    mixer = Mixer(RATE)
    sound = noise(100, 1, 0.1, 1)
    accepted = [mixer.play(voice, sound) for voice in range(1, 400)]
    assert sum(accepted) == MAX_PENDING_PLAYS
    assert sum(mixer.stop(1) for _ in range(400)) == MAX_PENDING_COMMANDS - MAX_PENDING_PLAYS
    assert mixer.stop()
    out = np.empty((64, 2), np.float32)
    mixer.render(out)
    assert not out.any()
    assert mixer.play(500, sound)


def test_what_waits_for_its_time_is_bounded() -> None:
    """A client that asks for sounds of next year takes no memory for them."""
    mixer, sound, n_more = Mixer(RATE), noise(10, 1, 0.1, 1), 5
    out = np.empty((64, 2), np.float32)
    for voice in range(1, MAX_SCHEDULED + n_more + 1):
        assert mixer.play(voice, sound, due=10**9)
        mixer.render(out)
    assert mixer.n_refused == n_more
    assert mixer.play(1000, sound)
    mixer.render(out)
    assert out.any()


def test_a_voice_that_has_just_begun_is_not_taken_for_a_quiet_one() -> None:
    """Sounds may begin with silence: of two voices the older one goes."""
    mixer = Mixer(RATE, 2, 2)
    out = np.empty((8, 2), np.float32)
    mixer.play(1, np.full((4000, 1), 0.25, np.float32))
    for _ in range(8):
        mixer.render(out)
    late = np.concatenate([np.zeros((100, 1)), np.full((4000, 1), 0.5)]).astype(np.float32)
    mixer.play(2, late)
    mixer.render(out)
    mixer.play(3, late)
    out = np.empty((200, 2), np.float32)
    mixer.render(out)
    assert out[-1, 0] == 1.0


def test_a_block_that_is_not_finite_is_silent() -> None:
    """NaN never reaches a loudspeaker, and the next sound is heard again."""
    mixer = Mixer(RATE)
    mixer.play(1, np.full((10, 1), np.nan, np.float32))
    out = np.empty((64, 2), np.float32)
    mixer.render(out)
    assert mixer.n_bad_blocks == 1
    assert not out.any()
    mixer.play(2, np.full((64, 1), 0.5, np.float32))
    mixer.render(out)
    assert (out == 0.5).all()


@pytest.mark.parametrize(
    ("velocity", "gain"), [(0.0, 0.0), (0.5, 0.25), (1.0, 1.0), (-1.0, 0.0), (7.0, 1.0), (float("nan"), 0.0)]
)
def test_velocity_is_squared(velocity: float, gain: float) -> None:
    """The gain of a velocity is its square; nonsense is brought inside 0..1."""
    assert velocity_gain(velocity, "square") == gain


@pytest.mark.parametrize(
    ("curve", "gain"), [("linear", 0.5), ("square", 0.25), ("cube", 0.125), ("full", 1.0)]
)
def test_every_curve_keeps_silence_and_full_level(curve: str, gain: float) -> None:
    """The curves differ in between only."""
    assert [velocity_gain(velocity, curve) for velocity in (0.0, 0.5, 1.0)] == [0.0, gain, 1.0]
