"""The transforms equal librosa's, the reference of the field."""

import librosa
import numpy as np
import pytest
import scipy.fft

from klustr_bridge.sound import mel
from tests.sounds import DRUMS, noise, sine


def test_mel_filters_equal_librosa() -> None:
    """The filterbank is Slaney's, area-normalised, from 25 Hz to 18 kHz, and no band is empty."""
    expected = librosa.filters.mel(sr=44_100, n_fft=1024, n_mels=64, fmin=25, fmax=18_000)
    np.testing.assert_allclose(mel.mel_filters(), expected, rtol=1e-5, atol=1e-9)
    assert mel.mel_filters().max(axis=1).min() > 0


@pytest.mark.parametrize("kind", sorted(DRUMS))
def test_power_centroid_and_cepstra_equal_librosa(kind: str) -> None:
    """Frames, decibels, cepstra and centroid of real signals agree with librosa to float32 accuracy."""
    audio = np.concatenate([DRUMS[kind](1), np.zeros(3000, np.float32)])
    power = mel.power_frames(audio)
    expected = np.abs(librosa.stft(audio, n_fft=1024, hop_length=256, center=False)) ** 2
    np.testing.assert_allclose(power.T, expected, rtol=1e-4, atol=1e-6 * expected.max())

    levels = mel.decibels_below_peak(power @ mel.mel_filters().T, -70.0)
    mels = librosa.feature.melspectrogram(S=expected, sr=44_100, n_fft=1024, n_mels=64, fmin=25, fmax=18_000)
    expected_levels = librosa.power_to_db(mels, ref=np.max, top_db=70.0)
    np.testing.assert_allclose(levels.T, expected_levels, atol=0.01)

    expected_cepstra = librosa.feature.mfcc(S=expected_levels, n_mfcc=18)
    np.testing.assert_allclose(mel.cepstra(levels, 18).T, expected_cepstra, atol=0.05)

    heard = expected.sum(axis=0) > 0
    centroids = librosa.feature.spectral_centroid(S=expected[:, heard], sr=44_100, n_fft=1024)[0]
    mean = np.average(centroids, weights=expected[:, heard].sum(axis=0))
    assert mel.centroid_hz(power) == pytest.approx(mean, rel=1e-4)


def test_cepstra_are_orthonormal() -> None:
    """All coefficients together keep distances, so the first ones never exaggerate one."""
    levels = np.random.default_rng(0).normal(size=(5, 64)).astype(np.float32)
    full = mel.cepstra(levels, 64)
    np.testing.assert_allclose(np.linalg.norm(full, axis=1), np.linalg.norm(levels, axis=1), rtol=1e-5)
    np.testing.assert_allclose(scipy.fft.idct(full, norm="ortho"), levels, atol=1e-5)


def test_silence_has_no_power() -> None:
    """Silence gives zeros, the floor and a centroid of 0, not a division by zero."""
    power = mel.power_frames(np.zeros(4096, np.float32))
    assert not power.any()
    assert (mel.decibels_below_peak(power, -70.0) == -70.0).all()
    assert mel.centroid_hz(power) == 0.0


def test_silence_behind_a_sound_needs_no_transform() -> None:
    """Leaving out frames of silence changes nothing of the frames before them."""
    audio = np.concatenate([noise(0.1), np.zeros(20_000, np.float32)])
    whole = mel.power_frames(audio)
    start = mel.power_frames(audio[:6000])
    np.testing.assert_array_equal(whole[: len(start)], start)
    np.testing.assert_array_equal(whole[18:], 0)


def test_centroid_of_a_sine_is_its_frequency() -> None:
    """Brightness is in Hz and needs no correction."""
    assert mel.centroid_hz(mel.power_frames(sine(3000))) == pytest.approx(3000, rel=0.01)
