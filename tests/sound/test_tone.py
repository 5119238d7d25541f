"""Tone or noise: flatness equals librosa's, and known signals lie where they should."""

import itertools

import librosa
import numpy as np
import pytest

from klustr_bridge.sound.mel import SAMPLE_RATE
from klustr_bridge.sound.tone import (
    CLEAREST_TONE,
    LONG_FRAME,
    N_SHAPE,
    TONALITY_EDGES_HZ,
    long_power,
    third_octave_filters,
    third_octave_shape,
    tonality,
)
from tests.sounds import DRUMS, noise, sine


@pytest.mark.parametrize("kind", sorted(DRUMS))
def test_tonality_equals_librosa(kind: str) -> None:
    """In each band it is the logarithm of librosa's spectral flatness of that band."""
    audio = DRUMS[kind](3)
    power = long_power(audio)
    padded = np.concatenate([audio, np.zeros(LONG_FRAME, np.float32)])[:LONG_FRAME]
    spectrum = np.abs(librosa.stft(padded, n_fft=LONG_FRAME, hop_length=LONG_FRAME, center=False)) ** 2
    np.testing.assert_allclose(power, spectrum[:, 0] / (LONG_FRAME / 4) ** 2, rtol=1e-3, atol=1e-9)
    edges = np.searchsorted(np.fft.rfftfreq(LONG_FRAME, 1 / SAMPLE_RATE), TONALITY_EDGES_HZ)
    for band, (low, high) in enumerate(itertools.pairwise(edges)):
        part = power[low:high, None] + 1e-10
        expected = np.log(librosa.feature.spectral_flatness(S=part, power=1.0, amin=1e-12))
        np.testing.assert_allclose(tonality(power)[band], max(expected.item(), CLEAREST_TONE), atol=0.01)


def test_noise_is_flat_and_tones_are_not() -> None:
    """White noise lies near -0.6 in every band; a tone stands out in its own band alone."""
    flat = np.mean([tonality(long_power(noise(seed=seed))) for seed in range(40)], axis=0)
    np.testing.assert_allclose(flat, -np.euler_gamma, atol=0.1)
    tone = tonality(long_power(sine(1000.0) + 0.001 * noise()))
    assert tone[2] < -4
    np.testing.assert_allclose(tone[[0, 3]], -np.euler_gamma, atol=0.6)


def test_silence_is_no_tone() -> None:
    """No power at all gives zeros, no warning."""
    power = long_power(np.zeros(10, np.float32))
    np.testing.assert_allclose(tonality(power), 0.0, atol=1e-6)
    np.testing.assert_allclose(third_octave_shape(power), 0.0, atol=1e-4)


def test_every_third_octave_hears_something() -> None:
    """Low bands are narrower than two bins and still catch a tone at their centre, and no other does more."""
    filters = third_octave_filters()
    assert (filters.sum(axis=1) >= 0.99).all()
    for row in range(len(filters)):
        centre_hz = 30.0 * 2.0 ** (row / 3)
        levels = filters @ long_power(sine(centre_hz))
        assert levels.argmax() == row


def test_shape_is_the_same_at_every_level() -> None:
    """The level is left out, and low tones a third apart are told apart."""
    quiet, loud = (third_octave_shape(long_power(sine(80.0, level=level))) for level in (0.01, 1.0))
    assert quiet.shape == (N_SHAPE,)
    np.testing.assert_allclose(quiet, loud, atol=0.1)
    assert np.linalg.norm(third_octave_shape(long_power(sine(100.0))) - loud) > 20
