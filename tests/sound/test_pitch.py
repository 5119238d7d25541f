"""Pitch: right where it is clear, 0 where there is none."""

import numpy as np
import pytest

from klustr_bridge.sound.pitch import NO_PITCH, pitch_of, pitches_of
from tests.sounds import RATE, Audio, bass, clap, closed_hat, noise, sine, tom


@pytest.mark.parametrize("frequency_hz", [32.0, 55.0, 110.0, 261.6, 440.0, 1000.0, 2000.0, 3900.0])
def test_pitch_of_a_sine(frequency_hz: float) -> None:
    """A steady tone's pitch is its frequency, within a tenth of a semitone."""
    pitch = pitch_of(sine(frequency_hz))
    assert pitch.is_clear
    assert pitch.hz == pytest.approx(frequency_hz, rel=0.005)
    assert pitch.confidence > 0.95


@pytest.mark.parametrize("frequency_hz", [50.0, 130.0, 700.0])
def test_pitch_is_the_fundamental(frequency_hz: float) -> None:
    """Overtones louder than the fundamental don't raise the pitch."""
    audio = (
        sine(frequency_hz, level=0.1) + sine(2 * frequency_hz, level=0.4) + sine(3 * frequency_hz, level=0.4)
    )
    assert pitch_of(audio).hz == pytest.approx(frequency_hz, rel=0.005)


@pytest.mark.parametrize("seed", range(4))
def test_bass_and_tom_have_a_pitch(seed: int) -> None:
    """Decaying tones are pitched as long as they are loud."""
    assert 40 <= pitch_of(bass(seed)).hz <= 111
    assert 78 <= pitch_of(tom(seed)).hz <= 290


@pytest.mark.parametrize("audio", [noise(), closed_hat(1), clap(1), np.zeros(5000, np.float32)])
def test_noise_has_no_pitch(audio: np.ndarray) -> None:
    """Where nothing is periodic no pitch is clear, and there is little confidence in the guess."""
    pitch = pitch_of(audio)
    assert not pitch.is_clear
    assert pitch.confidence < 0.6
    assert pitch.hz <= 4000


def test_short_sounds_are_no_error() -> None:
    """A few samples have no pitch."""
    assert not pitch_of(np.float32([0.5, -0.5, 0.1])).is_clear
    assert pitch_of(np.zeros(3, np.float32)) == NO_PITCH


def test_confidence_falls_with_noise() -> None:
    """The noisier a tone, the less its pitch is believed."""
    tone = sine(220.0, level=0.5)
    confidences = [pitch_of(tone + level * noise()[: len(tone)]).confidence for level in (0.0, 0.1, 0.5, 3.0)]
    assert confidences == sorted(confidences, reverse=True)
    assert confidences[0] - confidences[-1] > 0.5


def _gliding(end_hz: float, fall_hz: float, rate: float, decay: float, duration_s: float) -> Audio:
    """A sine that falls to a pitch, as an 808's kick."""
    t = np.arange(round(duration_s * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(end_hz + fall_hz * np.exp(-rate * t)) / RATE
    return (0.8 * np.sin(phase) * np.exp(-decay * t)).astype(np.float32)


def _saw(frequency_hz: float) -> Audio:
    """A saw as counted in samples, aliases and all."""
    return (((np.arange(RATE // 2) * frequency_hz / RATE) % 1.0) - 0.5).astype(np.float32)


@pytest.mark.parametrize("end_hz", [32.7, 43.65, 55.0, 65.4])
@pytest.mark.parametrize(
    ("fall_hz", "rate", "decay", "duration_s"),
    [(120.0, 40.0, 0.3, 2.0), (30.0, 20.0, 0.3, 2.0), (120.0, 40.0, 6.0, 0.8), (30.0, 20.0, 6.0, 0.8)],
)
def test_pitch_of_an_808_is_where_it_settles(
    end_hz: float, fall_hz: float, rate: float, decay: float, duration_s: float
) -> None:
    """The fall at the beginning doesn't make the pitch sharp: a producer tunes by it."""
    pitch = pitch_of(_gliding(end_hz, fall_hz, rate, decay, duration_s))
    assert pitch.is_clear
    assert abs(12 * np.log2(pitch.hz / end_hz)) < 0.3
    assert pitch.confidence > 0.9


@pytest.mark.parametrize("fall_hz", [60.0, 150.0])
def test_a_pitch_that_never_settles_is_not_clear(fall_hz: float) -> None:
    """What glides all the way has no pitch to tune by, however periodic it is."""
    pitch = pitch_of(_gliding(50.0, fall_hz, 2.0, 1.0, 1.0))
    assert not pitch.is_clear
    assert pitch.confidence < 0.5


def test_the_embedding_hears_the_beginning() -> None:
    """How a sound begins tells kicks apart, whatever pitch they settle at."""
    beginning, settled = pitches_of(_gliding(55.0, 30.0, 20.0, 0.3, 2.0))
    assert beginning.hz > 60
    assert settled.hz == pytest.approx(55, rel=0.005)


@pytest.mark.parametrize("frequency_hz", [2520.0, 3023.6, 3520.0, 3902.3])
def test_a_bright_tone_is_not_an_octave_low(frequency_hz: float) -> None:
    """A period of a fraction of samples is not missed for two or three of them."""
    pitch = pitch_of(_saw(frequency_hz))
    assert pitch.is_clear
    assert pitch.hz == pytest.approx(frequency_hz, rel=0.01)


@pytest.mark.parametrize("partials_hz", [(645.0, 1612.0, 3 * 1612.0), (8 * 81.0, 11 * 81.0, 19 * 81.0)])
def test_partials_of_a_bell_make_no_low_pitch(partials_hz: tuple[float, ...]) -> None:
    """A long period that partials share is no pitch where nothing sounds at it."""
    audio = sum(sine(hz, level=level) for hz, level in zip(partials_hz, (0.12, 0.5, 0.1), strict=True))
    pitch = pitch_of(np.asarray(audio, np.float32))
    nearest = min(abs(12 * np.log2(pitch.hz / hz)) for hz in partials_hz)
    assert not pitch.is_clear or nearest < 0.3


@pytest.mark.parametrize("frequency_hz", [30.5, 41.2, 87.3, 523.3, 1480.0, 3135.9])
@pytest.mark.parametrize("duration_s", [0.2, 0.5, 2.0])
def test_steady_tones_are_settled(frequency_hz: float, duration_s: float) -> None:
    """A steady tone is clear however long it lasts."""
    pitch = pitch_of(sine(frequency_hz, duration_s))
    assert pitch.is_clear
    assert pitch.hz == pytest.approx(frequency_hz, rel=0.005)


@pytest.mark.parametrize("frequency_hz", [4100.0, 4400.0, 5000.0, 7040.0, 8000.0, 12345.0, 16000.0])
def test_tones_above_the_highest_pitch_are_not_told_as_lower_ones(frequency_hz: float) -> None:
    """A period too short to be looked for is not taken for two or three of it."""
    assert not pitch_of(sine(frequency_hz)).is_clear


def test_hum_below_a_cymbal_is_no_pitch() -> None:
    """What is left when the metal has died away was no part of the stroke."""
    t = np.arange(RATE) / RATE
    metal = np.random.default_rng(3).normal(0, 0.3, len(t)) * np.exp(-20 * t)
    hum = 0.06 * np.sin(2 * np.pi * 94 * t)
    assert pitch_of(hum.astype(np.float32)).is_clear
    assert not pitch_of((metal + hum).astype(np.float32)).is_clear
