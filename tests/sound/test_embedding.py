"""The embedding: like sounds are near, level and silence before the sound don't count."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from klustr_bridge.sound.embedding import EMBEDDING_SIZE
from klustr_bridge.sound.excerpt import EXCERPT_FRAMES, LEAD_FRAMES, excerpt_of, onset_frame
from tests.sounds import DRUMS, RATE, embed, kick, noise, sine, snare


def test_size_and_type() -> None:
    """The size fits the library's and the protocol's limit of 128."""
    vector = embed(kick(), RATE)
    assert vector.shape == (EMBEDDING_SIZE,)
    assert vector.dtype == np.float32
    assert EMBEDDING_SIZE <= 128


def test_sounds_of_a_kind_are_near() -> None:
    """Of the ten nearest of 160 synthetic drums, at least 95 % are of the same kind."""
    kinds = [kind for kind in DRUMS for _ in range(20)]
    vectors = np.array([embed(DRUMS[kind](seed), RATE) for kind in DRUMS for seed in range(20)])
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argsort(axis=1)[:, :10]
    names = np.array(kinds)
    assert (names[nearest] == names[:, None]).mean() > 0.95


@pytest.mark.parametrize("kind", sorted(DRUMS))
def test_level_does_not_count(kind: str) -> None:
    """The same sound at 80 dB less is at no distance that matters."""
    audio = DRUMS[kind](7)
    vector = embed(audio, RATE)
    for gain in (1e-4, 0.3, 2.0, 1000.0):
        np.testing.assert_allclose(embed((audio * gain).astype(np.float32), RATE), vector, atol=0.02)


@pytest.mark.parametrize("lead", [1, 63, 64, 1000, 30_000])
def test_silence_before_the_sound_does_not_count(lead: int) -> None:
    """A sound that starts later in its file is the same sound."""
    audio = snare(8)
    later = np.concatenate([np.zeros(lead, np.float32), audio])
    np.testing.assert_array_equal(embed(later, RATE), embed(audio, RATE))


@pytest.mark.parametrize("rate", [32_000, 48_000, 96_000])
def test_rate_hardly_counts(rate: int) -> None:
    """The same sound at another rate is far nearer than the next sound of its kind."""
    low = sine(200, 0.4, 0.8, rate) * np.exp(-np.arange(round(0.4 * rate)) / rate * 12).astype(np.float32)
    same = sine(200, 0.4, 0.8) * np.exp(-np.arange(round(0.4 * RATE)) / RATE * 12).astype(np.float32)
    other = sine(260, 0.4, 0.8) * np.exp(-np.arange(round(0.4 * RATE)) / RATE * 12).astype(np.float32)
    vector = embed(same, RATE)
    assert np.linalg.norm(embed(low, rate) - vector) < 0.5 * np.linalg.norm(embed(other, RATE) - vector)


def test_onset_is_found() -> None:
    """The onset is the first frame near the peak's level, hum before it or not."""
    audio = np.concatenate([noise(0.2, 0.005), kick(2)])
    assert onset_frame(audio) in range(8820, 8820 + 200)
    assert onset_frame(np.zeros(10, np.float32)) == 0


def test_excerpt_has_its_onset_in_place() -> None:
    """At any rate the onset lies where the analysis expects it, within half a millisecond."""
    for rate in (22_050, 44_100, 48_000, 96_000):
        impulse = np.zeros(rate, np.float32)
        impulse[rate // 2] = 0.5
        excerpt = excerpt_of(impulse, rate)
        assert excerpt.audio.shape == (EXCERPT_FRAMES,)
        assert abs(int(np.abs(excerpt.audio).argmax()) - LEAD_FRAMES) <= 22


def test_length_is_where_the_sound_ends() -> None:
    """Length is counted from the onset to the end of the energy, not of the file."""
    audio = np.concatenate([np.zeros(5000, np.float32), sine(300, 0.5), np.zeros(50_000, np.float32)])
    assert excerpt_of(audio, RATE).length_s == pytest.approx(0.5, abs=0.01)


@settings(deadline=None, max_examples=60)
@given(
    audio=hnp.arrays(np.float32, st.integers(0, 3000), elements=st.floats(width=32, allow_nan=True)),
    rate=st.sampled_from([1, 3, 1000, 8000, 44_100, 48_000, 768_000]),
)
def test_any_array_gives_finite_numbers(audio: np.ndarray, rate: int) -> None:
    """Whatever the numbers, the embedding is finite."""
    assert np.isfinite(embed(audio, rate)).all()


@settings(deadline=None, max_examples=40)
@given(
    audio=hnp.arrays(np.float32, st.integers(100, 4000), elements=st.floats(-1, 1, width=32)),
    power=st.integers(-10, 10),
)
def test_a_power_of_two_of_level_changes_nothing(audio: np.ndarray, power: int) -> None:
    """A gain that float32 holds exactly gives the very same embedding."""
    louder = np.ldexp(audio, power)
    if np.array_equal(np.ldexp(louder, -power), audio):
        np.testing.assert_array_equal(embed(louder, RATE), embed(audio, RATE))
