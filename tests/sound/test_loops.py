"""Loops: beats of a known tempo are found where they are, single sounds are left alone."""

import itertools

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from klustr_bridge.sound.description import describe
from klustr_bridge.sound.embedding import ASPECTS
from klustr_bridge.sound.loops import MOST_SLICES, NO_RHYTHM, _onset_strength, may_be_loop, rhythm_of
from tests.sounds import DRUMS, RATE, closed_hat, embed, kick, noise, open_hat, sine, snare

Audio = NDArray[np.float32]


def beat(tempo_bpm: float, n_beats: int = 8, rate: int = RATE) -> tuple[Audio, list[float]]:
    """Kick and snare by turns with hats between, at a rate of 44.1 kHz; and where the hits are, seconds."""
    beat_s = 60 / tempo_bpm
    audio = np.zeros(round(n_beats * beat_s * rate), np.float32)
    times = []
    for eighth in range(2 * n_beats):
        hit = closed_hat(1) if eighth % 2 else (snare(1) if eighth % 4 else kick(1))
        start = round(eighth * beat_s / 2 * rate)
        part = hit[: len(audio) - start]
        audio[start : start + len(part)] += 0.5 * part
        times.append(eighth * beat_s / 2)
    return audio, times


@pytest.mark.parametrize("tempo_bpm", [75.0, 93.0, 120.0, 128.0, 174.0])
def test_a_beat_is_a_loop_of_its_tempo(tempo_bpm: float) -> None:
    """Tempo and hits of a made beat are found: the tempo, or half or double, which fits it as well."""
    audio, times = beat(tempo_bpm)
    assert may_be_loop(audio, RATE)
    rhythm = rhythm_of(audio, len(audio) / RATE)
    assert rhythm.is_loop
    assert min(abs(rhythm.tempo_bpm * factor / tempo_bpm - 1) for factor in (0.5, 1, 2)) < 0.01
    found = np.array([begin_s for begin_s, _ in rhythm.hits_s])
    missed = [time for time in times if np.abs(found - time).min() > 0.015]
    assert len(missed) <= 2
    assert len(found) <= len(times) + 1


@pytest.mark.parametrize("kind", sorted(DRUMS))
def test_single_sounds_are_no_loops(kind: str) -> None:
    """No drum of the tests is taken for a loop, followed by silence or not."""
    for seed in range(5):
        audio = DRUMS[kind](seed)
        for rest in (0, 2 * RATE):
            described = describe(np.concatenate([audio, np.zeros(rest, np.float32)]), RATE, 2.5)
            assert described.rhythm == NO_RHYTHM
            assert described.slices == ()


@pytest.mark.parametrize("audio", [sine(200.0, 3.0), noise(3.0), np.zeros(3 * RATE, np.float32)])
def test_steady_sounds_are_no_loops(audio: Audio) -> None:
    """Tones, noise and silence have no hits."""
    assert not describe(audio, RATE, 3.0).rhythm.is_loop


@pytest.mark.parametrize("rate", [RATE, 22_050, 48_000, 96_000])
def test_slices_are_the_hits(rate: int) -> None:
    """Each slice lies at its hit in the file, at the file's own rate, and is most like the hit it is."""
    audio, times = beat(110.0)
    audio = audio if rate == RATE else soxr.resample(audio, RATE, rate)
    lead = rate // 4
    described = describe(audio, rate, len(audio) / rate, first_frame=lead)
    assert len(described.slices) >= len(times) - 1
    hits = {"kick": embed(kick(1), RATE), "snare": embed(snare(1), RATE), "hat": embed(closed_hat(1), RATE)}
    right = 0
    for part in described.slices:
        assert lead <= part.start_frame < part.end_frame <= lead + len(audio)
        eighth = round((part.start_frame - lead) / rate / (60 / 110 / 2))
        assert abs((part.start_frame - lead) / rate - eighth * 60 / 110 / 2) < 0.02
        expected = "hat" if eighth % 2 else ("snare" if eighth % 4 else "kick")
        nearest = min(hits, key=lambda name: np.linalg.norm(hits[name] - part.embedding))
        right += nearest == expected
    assert right >= 0.9 * len(described.slices)


def test_slices_overlap_nothing() -> None:
    """Slices follow one another."""
    slices = describe(beat(140.0)[0], RATE, 3.4).slices
    assert len(slices) > 8
    assert all(one.end_frame <= two.start_frame for one, two in itertools.pairwise(slices))


def test_slices_of_many_hits_hold_one_each() -> None:
    """Of more than 64 hits the strongest are slices; what is left out is in none of the others."""
    audio, times = beat(174.0, n_beats=48)
    slices = describe(audio, RATE, len(audio) / RATE).slices
    assert len(slices) == MOST_SLICES
    assert len(times) == 96
    longest_s = max(part.end_frame - part.start_frame for part in slices) / RATE
    assert longest_s < 1.5 * (times[1] - times[0])


def test_the_lowest_band_is_no_neighbour_of_the_highest() -> None:
    """A hat that begins is an onset, whatever sounds at the lowest frequencies then."""
    levels_db = np.full((20, 10), -60.0, np.float32)
    levels_db[:10, 0] = 0.0  # a tone as low as can be, until the hat comes
    levels_db[10:, -1] = 0.0
    strength = _onset_strength(levels_db)
    assert strength[10] == pytest.approx(6.0)


def test_loops_lie_far_from_hits() -> None:
    """A loop is nearer to another loop than to any hit that it is made of."""
    one, two = (describe(beat(bpm)[0], RATE, 8 * 60 / bpm).embedding for bpm in (100.0, 125.0))
    nearest_hit = min(
        np.linalg.norm(one - embed(hit, RATE)) for hit in (kick(1), snare(1), closed_hat(1), open_hat(1))
    )
    assert np.linalg.norm(one - two) < nearest_hit


def test_long_sounds_are_described_from_their_whole() -> None:
    """Two sounds with the same first two seconds differ in their body where one turns to noise."""
    start = sine(220.0, 2.0)
    steady = describe(np.concatenate([start, sine(220.0, 6.0)]), RATE, 8.0).embedding
    turning = describe(np.concatenate([start, noise(6.0)]), RATE, 8.0).embedding
    assert np.linalg.norm((steady - turning)[ASPECTS["body"]]) > 10
    np.testing.assert_allclose(steady[ASPECTS["attack"]], turning[ASPECTS["attack"]], atol=3.0)


def test_pauses_of_long_sounds_tell_nothing() -> None:
    """A sound with silence in its middle is described by what sounds."""
    tone, pause = sine(220.0, 3.0), np.zeros(6 * RATE, np.float32)
    whole = describe(np.concatenate([tone, tone, tone, tone]), RATE, 12.0).embedding
    broken = describe(np.concatenate([tone, pause, tone]), RATE, 12.0).embedding
    other = describe(np.concatenate([tone, noise(6.0), tone]), RATE, 12.0).embedding
    body = ASPECTS["body"]
    assert np.linalg.norm((whole - broken)[body]) < 0.3 * np.linalg.norm((whole - other)[body])


def test_a_constant_offset_does_not_count() -> None:
    """A file with direct current under it sounds as it would without."""
    audio = np.concatenate([snare(2), np.zeros(3000, np.float32)])
    plain, shifted = (describe(audio + offset, RATE, 0.4).embedding for offset in (0.0, 0.3))
    assert np.linalg.norm(plain - shifted) < 0.3 * np.linalg.norm(plain - embed(kick(1), RATE))


@pytest.mark.parametrize("gain", [1e-6, 0.1, 1e6])
def test_slices_keep_their_level(gain: float) -> None:
    """Loops of floats at any level give the same slices; their loudness is their own."""
    audio = beat(120.0)[0]
    slices = describe((audio * np.float32(gain)).astype(np.float32), RATE, 4.0).slices
    plain = describe(audio, RATE, 4.0).slices
    assert len(plain) > 8
    assert [part.start_frame for part in slices] == [part.start_frame for part in plain]
    for part, other in zip(slices, plain, strict=True):
        expected = max(-120.0, other.loudness_db + 20 * np.log10(gain))
        assert part.loudness_db == pytest.approx(expected, abs=0.01)
