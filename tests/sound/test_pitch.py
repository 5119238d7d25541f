"""Pitch: right where it is clear, 0 where there is none."""

import numpy as np
import pytest

from klustr_bridge.sound.pitch import pitch_hz
from tests.sounds import bass, clap, closed_hat, noise, sine, tom


@pytest.mark.parametrize("frequency_hz", [32.0, 55.0, 110.0, 261.6, 440.0, 1000.0, 2000.0, 3900.0])
def test_pitch_of_a_sine(frequency_hz: float) -> None:
    """A steady tone's pitch is its frequency, within a tenth of a semitone."""
    assert pitch_hz(sine(frequency_hz)) == pytest.approx(frequency_hz, rel=0.005)


@pytest.mark.parametrize("frequency_hz", [50.0, 130.0, 700.0])
def test_pitch_is_the_fundamental(frequency_hz: float) -> None:
    """Overtones louder than the fundamental don't raise the pitch."""
    audio = (
        sine(frequency_hz, level=0.1) + sine(2 * frequency_hz, level=0.4) + sine(3 * frequency_hz, level=0.4)
    )
    assert pitch_hz(audio) == pytest.approx(frequency_hz, rel=0.005)


@pytest.mark.parametrize("seed", range(4))
def test_bass_and_tom_have_a_pitch(seed: int) -> None:
    """Decaying tones are pitched as long as they are loud."""
    assert 40 <= pitch_hz(bass(seed)) <= 111
    assert 78 <= pitch_hz(tom(seed)) <= 290


@pytest.mark.parametrize("audio", [noise(), closed_hat(1), clap(1), np.zeros(5000, np.float32)])
def test_noise_has_no_pitch(audio: np.ndarray) -> None:
    """Where nothing is periodic the answer is 0, not a guess."""
    assert pitch_hz(audio) == 0.0


def test_short_sounds_are_no_error() -> None:
    """A few samples have no pitch."""
    assert pitch_hz(np.float32([0.5, -0.5, 0.1])) == 0.0
