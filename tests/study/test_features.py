"""Each published feature against an independent computation through librosa."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from klustr_bridge.study.features import FRAME, HOP, N_MFCC, PICTURE, mfcc, mir, standardised, stft_picture
from klustr_bridge.study.prepare import PAPER_RATE, Prepared
from tests.sounds import DRUMS

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    librosa = pytest.importorskip("librosa")

Audio = NDArray[np.float32]


def prepared(kind: str, seconds: float = 0.25, rate: int = PAPER_RATE) -> Prepared:
    audio = np.zeros(round(seconds * rate), np.float32)
    drum = DRUMS[kind](3).astype(np.float32)
    drum = drum if drum.ndim == 1 else drum.mean(axis=1)
    audio[: len(drum)] = drum[: len(audio)]
    return Prepared(audio / np.abs(audio).max(), rate)


def noise(seconds: float = 0.25) -> Prepared:
    audio = np.random.default_rng(5).normal(size=round(seconds * PAPER_RATE)).astype(np.float32)
    return Prepared(audio / np.abs(audio).max(), PAPER_RATE)


@pytest.fixture(params=[*DRUMS, "noise", "mirrored snare"])
def sound(request: pytest.FixtureRequest) -> Prepared:
    if request.param == "mirrored snare":
        return replace(prepared("snare"), padding="reflect")
    return noise() if request.param == "noise" else prepared(request.param)


def by_frame(row: Audio) -> Audio:
    return row.reshape(6, -1)


def spectrum(one: Prepared) -> Any:
    return np.abs(librosa.stft(one.audio, pad_mode=one.padding))


DESCRIPTORS: dict[int, Callable[[Prepared], Any]] = {
    0: lambda one: librosa.feature.rms(y=one.audio, pad_mode=one.padding)[0],
    1: lambda one: librosa.feature.spectral_centroid(S=spectrum(one), sr=one.sample_rate)[0],
    4: lambda one: librosa.feature.spectral_rolloff(S=spectrum(one), sr=one.sample_rate)[0],
    5: lambda one: librosa.feature.zero_crossing_rate(y=one.audio)[0],
}


@pytest.mark.parametrize("number", DESCRIPTORS)
def test_descriptors_are_those_of_librosa(sound: Prepared, number: int) -> None:
    """RMS, centroid, roll-off and zero crossings are librosa's, frame by frame."""
    expected = DESCRIPTORS[number](sound)
    found = by_frame(mir(sound))[number]
    # the roll-off is a bin: rounding may decide between two neighbours
    tolerance = PAPER_RATE / FRAME * 1.01 if number == 4 else 1e-3 * float(np.abs(expected).max()) + 1e-6
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=tolerance)


def test_crest_and_flux_are_those_of_the_published_notebook(sound: Prepared) -> None:
    """Crest is the largest magnitude over their sum, flux the norm of a step over the number of bins."""
    magnitude = spectrum(sound)
    _, _, crest, flux, _, _ = by_frame(mir(sound))
    sums = magnitude.sum(axis=0)
    expected = np.where(sums > 0, magnitude.max(axis=0) / np.where(sums > 0, sums, 1), 0)
    np.testing.assert_allclose(crest, expected, atol=1e-4)
    steps = np.sqrt(np.square(np.diff(magnitude, axis=1)).sum(axis=0)) / len(magnitude)
    np.testing.assert_allclose(flux, [0, *steps], rtol=1e-3, atol=1e-6)


def test_cepstra_are_those_of_librosa(sound: Prepared) -> None:
    """30 MFCCs of 24 frames are librosa's to a hundredth of a decibel."""
    expected = librosa.feature.mfcc(
        y=sound.audio, sr=sound.sample_rate, n_mfcc=N_MFCC, pad_mode=sound.padding
    )
    assert expected.shape == (N_MFCC, 24)
    np.testing.assert_allclose(mfcc(sound).reshape(expected.shape), expected, atol=0.05)


@pytest.mark.parametrize(("frame", "hop"), [(1024, 256), (2048, 512)])
def test_pictures_are_those_of_the_published_notebook(sound: Prepared, frame: int, hop: int) -> None:
    """A picture is the mean of ten bins each, 32 by 32, 0 to 1, the lowest frequencies in its last row."""
    window = np.hanning(frame)
    magnitude = np.abs(
        librosa.stft(sound.audio, n_fft=frame, hop_length=hop, window=window, pad_mode=sound.padding)
    )
    blocks = [magnitude[10 * row : 10 * row + 10].mean(axis=0) for row in range(PICTURE)]
    expected = np.zeros((PICTURE, PICTURE))
    for row, block in enumerate(blocks):
        expected[row, : len(block[:PICTURE])] = block[:PICTURE]
    expected -= expected.min()
    expected = np.flipud(expected / expected.max())
    found = stft_picture(sound, frame, hop).reshape(PICTURE, PICTURE)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert found.min() == 0.0 and found.max() == 1.0


def test_a_low_tone_is_in_the_last_row_of_its_picture() -> None:
    """Low frequencies are at the bottom: 100 Hz fills the last row, 9 kHz one in the upper half."""
    time = np.arange(PAPER_RATE // 4) / PAPER_RATE
    low, high = (
        stft_picture(Prepared(np.sin(2 * np.pi * hz * time).astype(np.float32), PAPER_RATE)).reshape(32, 32)
        for hz in (100.0, 9_000.0)
    )
    assert low.sum(axis=1).argmax() == 31
    # bins are 46.9 Hz wide, ten to a row: 9 kHz is in the 20th from below
    assert high.sum(axis=1).argmax() == 31 - int(9_000 / (PAPER_RATE / 1024) / 10)


def test_descriptors_of_a_tone_are_what_the_tone_is() -> None:
    """A sine's RMS is its amplitude over the root of two, its centroid its frequency; all in the middle."""
    time = np.arange(PAPER_RATE // 4) / PAPER_RATE
    rms, centroid, crest, flux, roll_off, zero = by_frame(
        mir(Prepared(np.sin(2 * np.pi * 3_000.0 * time).astype(np.float32), PAPER_RATE))
    )
    middle = slice(4, 20)
    np.testing.assert_allclose(rms[middle], np.sqrt(0.5), rtol=1e-3)
    np.testing.assert_allclose(centroid[middle], 3_000.0, rtol=1e-2)
    np.testing.assert_allclose(roll_off[middle], 3_000.0, atol=2 * PAPER_RATE / FRAME)
    np.testing.assert_allclose(zero[middle], 2 * 3_000.0 / PAPER_RATE, rtol=1e-2)
    assert crest[middle].min() > 0.3
    assert flux[middle].max() < 0.05 * flux.max()


def test_silence_has_numbers_too() -> None:
    """What is silent gives finite numbers, none of them a division by nothing."""
    silent = Prepared(np.zeros(PAPER_RATE // 4, np.float32), PAPER_RATE)
    for row in (mir(silent), mfcc(silent), stft_picture(silent)):
        assert np.isfinite(row).all()
    assert len(mir(silent)) == 6 * (1 + len(silent.audio) // HOP)


def test_standardised_columns_have_mean_0_and_deviation_1() -> None:
    """Numbers of different units count the same; a number that never changes counts for nothing."""
    rows = np.array([[1, 100, 5], [2, 300, 5], [3, 200, 5], [4, 0, 5]], np.float32)
    found = standardised(rows)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(found.std(axis=0), [1, 1, 0], atol=1e-6)
