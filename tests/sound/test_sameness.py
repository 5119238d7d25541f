"""Whether two files hold the same recording: copies are told, look-alikes are not."""

import itertools
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from klustr_bridge.sound.sameness import Recording, are_the_same, read_recording
from tests.copies import COPIES, as_mp3
from tests.sound.encode import alac, wavpack
from tests.sounds import DRUMS, RATE, noise, write


def recording(path: Path) -> Recording:
    return read_recording(os.fsencode(path))


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("kind", DRUMS)
def test_a_copy_is_the_same(tmp_path: Path, kind: str, copy: str) -> None:
    """Whichever is asked about, and however the copy came about."""
    audio = DRUMS[kind](3)
    own = recording(write(tmp_path / "own.wav", audio))
    other = recording(COPIES[copy](tmp_path / f"other {copy}", audio))
    assert are_the_same(own, other) and are_the_same(other, own)


@pytest.mark.parametrize("kind", DRUMS)
def test_two_lossy_copies_are_the_same(tmp_path: Path, kind: str) -> None:
    """Each has lost something else, so that they have less in common than either has with the sound."""
    audio = DRUMS[kind](3)
    one = recording(as_mp3(tmp_path / "one.mp3", audio))
    other = recording(write(tmp_path / "other.ogg", audio))  # libsndfile's usual quality
    assert one.is_lossy and other.is_lossy and are_the_same(one, other)
    distinct = recording(as_mp3(tmp_path / "distinct.mp3", DRUMS[kind](4)))
    assert not are_the_same(distinct, other)


def test_sounds_of_one_kind_are_not_the_same(tmp_path: Path) -> None:
    """Six of each kind, alike as they are: no two of them are taken for one."""
    for kind, make in DRUMS.items():
        made = [recording(write(tmp_path / f"{kind} {seed}.wav", make(seed))) for seed in range(6)]
        assert not any(are_the_same(one, other) for one, other in itertools.combinations(made, 2)), kind


def test_noise_of_another_moment_is_not_the_same(tmp_path: Path) -> None:
    """Spectrum and envelope are those of the same hat; the waves are not."""
    fall = np.exp(-np.arange(RATE // 4) / 2000).astype(np.float32)
    one, other = (
        recording(write(tmp_path / f"{s}.wav", noise(0.25, seed=s)[: len(fall)] * fall)) for s in (1, 2)
    )
    assert are_the_same(one, one) and not are_the_same(one, other)


def test_a_sound_that_ends_elsewhere_is_another(tmp_path: Path) -> None:
    """The same beginning isn't enough, nor the same first second of two seconds."""
    long = noise(2.0, seed=5)
    whole = recording(write(tmp_path / "whole.wav", long))
    assert not are_the_same(whole, recording(write(tmp_path / "half.wav", long[: RATE // 2])))
    changed = np.concatenate([long[:RATE], noise(1.0, seed=6)])
    assert not are_the_same(whole, recording(write(tmp_path / "changed.wav", changed)))


@pytest.mark.parametrize("copy", [copy for copy in COPIES if copy != "faded.wav"])
def test_a_long_copy_is_the_same(tmp_path: Path, copy: str) -> None:
    """Twenty seconds of hits, with a pause longer than what is compared at once; a fade of 5 s is heard."""
    hits = [DRUMS[kind](seed) for seed in range(4) for kind in ("snare", "clap", "cowbell")]
    bar = np.concatenate(hits)
    audio = np.concatenate([bar, bar[::-1], np.zeros(8 * RATE, np.float32), bar, bar[: len(bar) // 2]])
    fall = np.linspace(1.0, 0.3, len(audio), dtype=np.float32)
    own = recording(write(tmp_path / "own.wav", audio * fall))
    other = recording(COPIES[copy](tmp_path / f"other {copy}", audio * fall))
    assert are_the_same(own, other) and are_the_same(other, own)


@pytest.mark.parametrize("at_s", [6.5, 9.0, 11.5])
def test_a_loop_that_goes_on_otherwise_is_another(tmp_path: Path, at_s: float) -> None:
    """Two loops of 12 s that are alike for 6 s and more, also where only the last moment differs."""
    one = noise(12.0, seed=5)
    other = one.copy()
    other[round(at_s * RATE) :] = noise(12.0, seed=6)[round(at_s * RATE) :]
    first, second = recording(write(tmp_path / "a.wav", one)), recording(write(tmp_path / "b.wav", other))
    assert are_the_same(first, first)
    assert not are_the_same(first, second) and not are_the_same(second, first)


def test_a_loop_that_goes_on_quieter_is_another(tmp_path: Path) -> None:
    """The waves are those of the other, but the second half is 6 dB quieter."""
    one = noise(12.1, seed=5)
    quieter = one.copy()
    quieter[6 * RATE :] /= 2
    first, second = recording(write(tmp_path / "a.wav", one)), recording(write(tmp_path / "b.wav", quieter))
    assert not are_the_same(first, second)


def test_another_equalisation_is_another_sound(tmp_path: Path) -> None:
    """All of the wave is there, but the treble is 9 dB louder."""
    audio = DRUMS["snare"](1)
    spectrum = np.fft.rfft(audio)
    spectrum[np.fft.rfftfreq(len(audio), 1 / RATE) > 4000] *= 2.8
    brighter = np.fft.irfft(spectrum, len(audio)).astype(np.float32)
    brighter *= 0.8 / np.abs(brighter).max()
    one, other = recording(write(tmp_path / "a.wav", audio)), recording(write(tmp_path / "b.wav", brighter))
    assert not are_the_same(one, other)


def test_channels_that_cancel_are_heard_one_by_one(tmp_path: Path) -> None:
    """A sound in opposite phase is the same as its left channel."""
    audio = DRUMS["tom"](1)
    both = np.column_stack([audio, -audio])
    assert are_the_same(
        recording(write(tmp_path / "wide.wav", both)), recording(write(tmp_path / "left.wav", audio))
    )


def test_what_a_file_is_worth_is_read(tmp_path: Path) -> None:
    """Rate, bits, channels, whether it is lossy, and where the sound ends whatever silence follows."""
    audio = np.concatenate([np.full(RATE // 2, 0.5, np.float32), np.zeros(RATE, np.float32)])
    told = recording(write(tmp_path / "a.wav", np.column_stack([audio, audio]), subtype="PCM_24"))
    assert (told.is_lossy, told.sample_rate, told.channels, told.bits) == (False, RATE, 2, 24)
    assert told.length_s == pytest.approx(0.5, abs=0.01)
    ogg = recording(write(tmp_path / "a.ogg", audio))
    assert (ogg.is_lossy, ogg.channels, ogg.bits) == (True, 1, 0)
    assert recording(write(tmp_path / "f.wav", audio, subtype="FLOAT")).bits == 32
    silent = recording(write(tmp_path / "silent.wav", np.zeros(1000, np.float32)))
    assert not are_the_same(silent, silent)


def test_many_channels_need_bounded_memory(tmp_path: Path) -> None:
    """A minute of 64 channels, 123 MB as float32, is mixed block by block."""
    audio = np.tile(noise(60.0, seed=1)[: 60 * 8000, None], (1, 64))
    path = write(tmp_path / "a.wav", audio, 8000, "PCM_U8")
    recording(write(tmp_path / "short.wav", audio[:8000], 8000))
    tracemalloc.start()
    told = recording(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert told.channels == 64 and told.length_s == pytest.approx(60, abs=0.1)
    assert peak < 64 << 20


def test_a_late_sound_is_the_same(tmp_path: Path) -> None:
    """More than a minute of silence before a sound makes no other of it."""
    audio = DRUMS["snare"](1)
    late = np.concatenate([np.zeros(70 * RATE, np.float32), audio])
    one, other = recording(write(tmp_path / "a.wav", audio)), recording(write(tmp_path / "b.wav", late))
    assert are_the_same(one, other) and are_the_same(other, one)


@pytest.mark.parametrize(
    ("name", "subtype", "is_lossy", "bits"),
    [
        ("a.wav", "PCM_U8", False, 8),
        ("a.wav", "PCM_32", False, 32),
        ("a.aiff", "PCM_S8", False, 8),
        ("a.wav", "DOUBLE", False, 64),
        ("a.caf", "ALAC_24", False, 24),
        ("a.flac", "PCM_24", False, 24),
        ("a.wav", "ULAW", True, 0),
        ("a.wav", "ALAW", True, 0),
        ("a.wav", "IMA_ADPCM", True, 0),
        ("a.wav", "MS_ADPCM", True, 0),
        ("a.wav", "NMS_ADPCM_32", True, 0),
        ("a.wav", "GSM610", True, 0),
        ("a.wav", "G721_32", True, 0),
        ("a.au", "G723_24", True, 0),
    ],
)
def test_a_codec_tells_its_bits(tmp_path: Path, name: str, subtype: str, is_lossy: bool, bits: int) -> None:
    """Numbers of standards and of kbit/s are no bits, and what codes coarsely is lossy as MP3 is."""
    told = recording(write(tmp_path / name, DRUMS["snare"](1), subtype=subtype))
    assert (told.is_lossy, told.bits) == (is_lossy, bits)


@pytest.mark.parametrize("make", [alac, wavpack])
def test_lossless_files_without_bits_are_lossless(tmp_path: Path, make: Callable[..., Path]) -> None:
    """Codecs whose names tell no bits aren't taken for lossy ones."""
    told = recording(make(tmp_path / {alac: "a.m4a", wavpack: "a.wv"}[make], DRUMS["snare"](1)))
    assert (told.is_lossy, told.bits) == (False, 0)


def test_what_goes_on_behind_the_first_minute_is_not_called_a_copy(tmp_path: Path) -> None:
    """Files alike for a minute may differ later: who deletes copies must not lose one of them."""
    random = np.random.default_rng(4)
    start = random.normal(0, 0.1, 8000 * 61).astype(np.float32)
    for name, n_more in (("a", 8000 * 20), ("b", 8000 * 20), ("c", 0)):
        later = random.normal(0, 0.1, n_more).astype(np.float32)
        soundfile.write(tmp_path / f"{name}.wav", np.concatenate([start, later]), 8000, subtype="FLOAT")
    soundfile.write(tmp_path / "d.wav", start[: 8000 * 50], 8000, subtype="FLOAT")
    soundfile.write(tmp_path / "e.wav", 0.5 * start[: 8000 * 50], 8000, subtype="FLOAT")
    a, b, c, d, e = (read_recording(os.fsencode(tmp_path / f"{name}.wav")) for name in "abcde")
    assert not are_the_same(a, b)
    assert not are_the_same(a, c)
    assert are_the_same(d, e)
