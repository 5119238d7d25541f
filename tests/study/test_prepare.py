"""Preparation by the paper's rules and by the bridge's."""

from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.errors import RefusedSound
from klustr_bridge.study.prepare import PAPER_FRAMES, PAPER_RATE, decode, prepare, reason_of
from tests.sounds import RATE, kick, sine, write


def test_the_paper_hears_a_quarter_of_a_second_at_48_khz(tmp_path: Path) -> None:
    """Mono, from the start of the file, the peak of what is heard is 1."""
    audio = np.concatenate([np.zeros(2_205, np.float32), sine(1_000.0, 0.1), 0.9 * sine(1_000.0, 1.0)])
    stereo = np.stack([audio, 0.5 * audio], axis=1)
    found = prepare(decode(bytes(write(tmp_path / "a.wav", stereo))), "paper")
    assert found.sample_rate == PAPER_RATE and found.audio.shape == (PAPER_FRAMES,)
    assert np.abs(found.audio).max() == 1.0
    assert not np.abs(found.audio[: int(0.045 * PAPER_RATE)]).max() > 1e-3  # the silence before it counts
    spectrum = np.abs(np.fft.rfft(found.audio[PAPER_RATE // 10 :]))
    hz = np.fft.rfftfreq(len(found.audio[PAPER_RATE // 10 :]), 1 / PAPER_RATE)
    assert hz[spectrum.argmax()] == pytest.approx(1_000.0, abs=10)


def test_the_paper_takes_nothing_long_nothing_silent(tmp_path: Path) -> None:
    """4 s are too long, a hair less is taken; what begins after 0.25 s is silence to it."""
    long, short = np.zeros(4 * RATE, np.float32), np.zeros(4 * RATE - 1, np.float32)
    long[:1_000] = short[:1_000] = sine(500.0, 1_000 / RATE)[:1_000]
    with pytest.raises(RefusedSound) as too_long:
        prepare(decode(bytes(write(tmp_path / "long.wav", long))), "paper")
    assert reason_of(too_long.value) == "of 4 s or more"
    prepare(decode(bytes(write(tmp_path / "short.wav", short))), "paper")
    late = np.concatenate([np.zeros(RATE // 2, np.float32), sine(500.0, 0.2)])
    with pytest.raises(RefusedSound) as silent:
        prepare(decode(bytes(write(tmp_path / "late.wav", late))), "paper")
    assert reason_of(silent.value) == "silent in its first 0.25 s"
    with pytest.raises(RefusedSound) as nothing:
        decode(bytes(write(tmp_path / "silent.wav", np.zeros(1_000, np.float32))))
    assert reason_of(nothing.value) == "silent"


def test_a_short_sound_ends_in_silence(tmp_path: Path) -> None:
    """A click of 10 ms fills the rest with nothing, at both rates."""
    path = bytes(write(tmp_path / "a.wav", sine(2_000.0, 0.01, 0.3)))
    for preset, rate in (("paper", PAPER_RATE), ("bridge", RATE)):
        found = prepare(decode(path), preset)
        assert found.sample_rate == rate
        assert np.abs(found.audio).max() == pytest.approx(1.0, abs=0.02)
        assert not found.audio[rate // 50 :].any()


def test_the_bridge_begins_at_the_onset(tmp_path: Path) -> None:
    """Silence before the sound changes nothing."""
    drum = kick(3)
    plain = prepare(decode(bytes(write(tmp_path / "a.wav", drum))), "bridge")
    late = np.concatenate([np.zeros(5_000, np.float32), drum])
    delayed = prepare(decode(bytes(write(tmp_path / "b.wav", late))), "bridge")
    np.testing.assert_allclose(delayed.audio, plain.audio, atol=1e-4)


def test_what_cannot_be_decoded_is_refused(tmp_path: Path) -> None:
    """A damaged file is counted under one reason, a missing one under another."""
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF nothing to hear")
    with pytest.raises(RefusedSound) as refused:
        decode(bytes(broken))
    assert reason_of(refused.value) == "that can't be decoded"
    with pytest.raises(OSError) as missing:
        decode(bytes(tmp_path / "missing.wav"))
    assert reason_of(missing.value) == "that can't be read"
