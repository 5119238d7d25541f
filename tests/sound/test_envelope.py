"""The envelope: known rises, bursts and lengths."""

import numpy as np
import pytest

from klustr_bridge.sound.envelope import Envelope, envelope_of
from klustr_bridge.sound.mel import SAMPLE_RATE
from tests.sounds import noise, sine


def test_silence_has_no_envelope() -> None:
    """Zeros give the smallest values, no warning."""
    assert envelope_of(np.zeros(5000, np.float32)) == Envelope(1.0, 1.0, 1.0, 0, 0.0)


@pytest.mark.parametrize("rise_ms", [5, 50, 300])
def test_peak_of_a_slow_rise(rise_ms: int) -> None:
    """The time to the peak is that of the rise."""
    n = SAMPLE_RATE * rise_ms // 1000
    ramp = np.concatenate([np.linspace(0, 1, n), np.exp(-np.arange(SAMPLE_RATE) / 4000)])
    audio = (ramp * np.sin(2 * np.pi * 1000 * np.arange(len(ramp)) / SAMPLE_RATE)).astype(np.float32)
    assert envelope_of(audio).peak_ms == pytest.approx(rise_ms, abs=4)


def test_centroid_of_a_steady_tone() -> None:
    """The temporal centroid of a steady second is its middle, its first tenth is a tenth."""
    envelope = envelope_of(sine(1000.0, 1.0))
    assert envelope.centroid_ms == pytest.approx(500, abs=5)
    assert envelope.rise_ms == pytest.approx(100, abs=5)


def test_bursts_are_counted() -> None:
    """Four bursts 12 ms apart, as in a clap, are four peaks; a high tone that dies away has next to none."""
    audio = np.zeros(SAMPLE_RATE, np.float32)
    for burst in range(4):
        start = 441 + burst * 12 * 44
        audio[start : start + 88] = sine(3000.0)[:88]
    assert envelope_of(audio).n_peaks == 4
    dying = sine(5000.0) * np.exp(-np.arange(22_050) / 3000).astype(np.float32)
    assert envelope_of(dying).n_peaks <= 1


def test_noise_is_rough() -> None:
    """The level of noise jumps from one millisecond to the next, that of a high tone does not."""
    assert envelope_of(noise()).roughness_db > 5 * envelope_of(sine(5000.0)).roughness_db


@pytest.mark.parametrize("duration_ms", [1, 2, 3])
def test_a_dying_click_has_its_peak_first(duration_ms: int) -> None:
    """A sound shorter than the smoothing has no peak where there is nothing of it."""
    click = sine(2000.0) * np.exp(-np.arange(22_050) / 30).astype(np.float32)
    assert envelope_of(click[: duration_ms * SAMPLE_RATE // 1000]).peak_ms == 1.0
