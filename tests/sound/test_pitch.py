"""Pitch: right where it is clear, 0 where there is none."""

import numpy as np
import pytest

from klustr_bridge.sound.pitch import NO_PITCH, pitch_of
from tests.sounds import bass, clap, closed_hat, noise, sine, tom


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
