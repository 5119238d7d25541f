"""Reading sample files: formats, parts, and every way in which a file can be no sound."""

import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from klustr_bridge.errors import RefusedSound
from klustr_bridge.sound.analyse import analyse_file
from klustr_bridge.sound.decode import AUDIO_SUFFIXES, is_candidate, open_audio, read_audio
from tests.sounds import RATE, kick, noise, sine, snare, write

LOSSLESS = [".wav", ".aiff", ".flac", ".caf", ".w64", ".au"]
LOSSY = [".ogg", ".opus", ".mp3"]


def _reason(path: Path) -> str:
    with pytest.raises(RefusedSound) as refusal:
        analyse_file(os.fsencode(path))
    return str(refusal.value)


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_lossless_formats_are_read_exactly(tmp_path: Path, suffix: str) -> None:
    """What was written is read, sample by sample, with the rate and channels of the file."""
    stereo = np.stack([kick(1)[:6000], snare(1)[:6000]], axis=1)
    path = write(tmp_path / f"kick{suffix}", stereo, 48_000, None if suffix == ".flac" else "FLOAT")
    audio, rate = read_audio(os.fsencode(path))
    assert (rate, audio.shape, audio.dtype) == (48_000, (6000, 2), np.float32)
    np.testing.assert_allclose(audio, stereo, atol=1e-4 if suffix == ".flac" else 0)


@pytest.mark.parametrize("suffix", LOSSY)
def test_lossy_formats_are_read(tmp_path: Path, suffix: str) -> None:
    """Ogg Vorbis, Opus and MP3 give the sound again, within what encoding loses."""
    rate = 48_000 if suffix == ".opus" else RATE
    path = write(tmp_path / f"tone{suffix}", sine(440, 1.0, 0.5, rate), rate)
    analysis = analyse_file(os.fsencode(path))
    assert analysis.sample_rate == rate
    assert analysis.duration_s == pytest.approx(1.0, abs=0.06)
    assert analysis.pitch_hz == pytest.approx(440, rel=0.01)
    assert analysis.loudness_db == pytest.approx(-9.0, abs=0.5)


def test_a_part_is_read(tmp_path: Path) -> None:
    """Start, end and the limit of frames cut exactly the part asked for; behind the end there is nothing."""
    audio = noise(1.0)
    path = os.fsencode(write(tmp_path / "noise.wav", audio, RATE, "FLOAT"))
    part, _ = read_audio(path, 0.25, 0.5)
    np.testing.assert_array_equal(part[:, 0], audio[11_025:22_050])
    part, _ = read_audio(path, 0.5, None, max_frames=100)
    np.testing.assert_array_equal(part[:, 0], audio[22_050:22_150])
    assert read_audio(path, 5.0)[0].shape == (0, 1)
    assert read_audio(path, 0.5, 0.25)[0].shape == (0, 1)


def test_sounds_longer_than_a_block_are_whole(tmp_path: Path) -> None:
    """Blocks follow one another without loss or repetition, whatever multiple they keep to."""
    audio = noise(9.0)
    path = os.fsencode(write(tmp_path / "long.wav", audio, RATE, "FLOAT"))
    np.testing.assert_array_equal(read_audio(path)[0][:, 0], audio)
    with open_audio(path) as stream:
        lengths = [len(block) for block in stream.blocks(multiple_of=441)]
    assert sum(lengths) == len(audio)
    assert all(length % 441 == 0 for length in lengths[:-1])


def test_many_channels_need_no_more_memory(tmp_path: Path) -> None:
    """The size of a block is bounded over all channels together."""
    path = write(tmp_path / "many.wav", np.tile(noise(0.2)[:, None], (1, 256)), RATE, "PCM_16")
    with open_audio(os.fsencode(path)) as stream:
        assert max(block.size for block in stream.blocks()) <= 1 << 18
    assert analyse_file(os.fsencode(path)).channels == 256


def test_values_that_are_no_numbers_become_silence(tmp_path: Path) -> None:
    """A file with NaN, infinities or absurdly large values in it is taken; the rest of it sounds."""
    audio = kick(3)
    audio[100:110] = np.nan
    audio[200], audio[201] = np.inf, -np.inf
    path = os.fsencode(write(tmp_path / "broken float.wav", audio, RATE, "FLOAT"))
    assert np.isfinite(read_audio(path)[0]).all()
    assert np.isfinite(analyse_file(path).embedding).all()
    huge = write(tmp_path / "huge.wav", np.float32(3e38) * sine(100), RATE, "FLOAT")
    analysis = analyse_file(os.fsencode(huge))
    assert np.isfinite(analysis.embedding).all()
    assert np.isfinite(analysis.loudness_db)


@pytest.mark.parametrize("rate", [1, 2, 7, 100, 999, 8000, 22_050, 44_099, 48_000, 96_000, 192_000, 768_000])
@pytest.mark.parametrize("n_frames", [2, 3, 40, 3000])
def test_every_rate_and_length_is_heard(tmp_path: Path, rate: int, n_frames: int) -> None:
    """Rates from 1 Hz to 768 kHz and lengths from two frames on give finite values."""
    path = os.fsencode(write(tmp_path / "x.wav", noise(1.0)[:n_frames], rate))
    analysis = analyse_file(path)
    assert analysis.duration_s == pytest.approx(n_frames / rate)
    assert np.isfinite(analysis.embedding).all()
    assert np.isfinite([analysis.loudness_db, analysis.brightness_hz, analysis.pitch_hz]).all()


def test_an_impossible_rate_is_refused(tmp_path: Path) -> None:
    """A rate that no converter has is a damaged header, and the reason says the rate."""
    path = write(tmp_path / "x.wav", noise(0.1), 2_000_000_000)
    assert "2000000000 Hz" in _reason(path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.wav", b"", "empty"),
        ("text.wav", b"this is not audio " * 50, "isn't audio"),
        ("zeros.mp3", bytes(5000), "isn't audio"),
        ("sync.mp3", b"\xff\xfb\x90\x00" + bytes(range(256)) * 20, "isn't audio"),
        ("riff.wav", b"RIFF\x24\0\0\0WAVE", "isn't audio"),
        (
            "song.m4a",
            b"\0\0\0\x20ftypM4A " + bytes(500),
            "M4A (AAC or ALAC) files aren't read yet: convert it to WAV",
        ),
        ("song.wav", b"\0\0\0\x20ftypM4A " + bytes(500), "M4A"),
        ("song.wma", bytes(500), "WMA files aren't read yet"),
        ("song.aac", b"\xff\xf1\x50\x80" + bytes(500), "AAC files aren't read yet"),
    ],
)
def test_what_is_no_audio_is_refused_with_its_reason(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    """Empty files, garbage and formats that aren't read yet are refused in words that say what to do."""
    path = tmp_path / name
    path.write_bytes(content)
    assert words in _reason(path)


@pytest.mark.parametrize(
    ("audio", "words"),
    [
        (np.zeros(4000, np.float32), "silent"),
        (np.full(4000, np.nan, np.float32), "silent"),
        (np.full(4000, 0.25, np.float32), "silent"),
        (np.full(4000, 1e-6, np.float32) * np.float32([1, -1] * 2000), "silent"),
        (np.zeros((0, 2), np.float32), "no audio"),
    ],
)
def test_files_without_sound_are_refused(tmp_path: Path, audio: np.ndarray, words: str) -> None:
    """Silence, a constant offset, nothing but NaN, and no frames at all are no sounds."""
    assert words in _reason(write(tmp_path / "nothing.wav", audio, RATE, "FLOAT"))


@pytest.mark.parametrize("suffix", [".wav", ".aiff", ".flac", ".au", ".ogg", ".mp3", ".caf"])
def test_a_copy_that_broke_off_is_refused(tmp_path: Path, suffix: str) -> None:
    """Half a file is refused, not taken for a shorter sound."""
    path = write(tmp_path / f"whole{suffix}", noise(2.0))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert _reason(path)


def test_a_recorder_that_left_the_length_open_is_read(tmp_path: Path) -> None:
    """WAV files piped from a program state no length, or the largest: all that is there is the sound."""
    path = write(tmp_path / "piped.wav", noise(0.5))
    content = bytearray(path.read_bytes())
    at = content.index(b"data")
    content[4:8] = content[at + 4 : at + 8] = struct.pack("<I", 0xFFFFFFFF)
    path.write_bytes(content)
    assert analyse_file(os.fsencode(path)).duration_s == pytest.approx(0.5)


def test_a_flac_of_unknown_length_is_read(tmp_path: Path) -> None:
    """FLAC files piped from an encoder state 0 frames and are read to their end."""
    path = write(tmp_path / "piped.flac", noise(0.5))
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert analyse_file(os.fsencode(path)).duration_s == pytest.approx(0.5)
    assert len(read_audio(os.fsencode(path))[0]) == 22_050


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """A folder, a named pipe that nobody writes to, a device and a file that is gone never block or raise."""
    assert "gone" in _reason(tmp_path / "gone.wav")
    folder = tmp_path / "folder.wav"
    folder.mkdir()
    assert _reason(folder)
    if sys.platform != "win32":
        pipe = tmp_path / "pipe.wav"
        os.mkfifo(pipe)
        assert "pipe" in _reason(pipe)
        assert "device" in _reason(Path("/dev/zero"))
        (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
        assert "can't be opened" in _reason(tmp_path / "loop.wav")


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names there are Unicode")
def test_names_of_odd_bytes_are_read(tmp_path: Path) -> None:
    """A name that is no UTF-8, with a newline in it, is a name."""
    path = os.fsencode(tmp_path) + b"/kick \xff\xfe\n\\x.wav"
    source = write(tmp_path / "kick.wav", kick())
    os.rename(os.fsencode(source), path)
    assert analyse_file(path).duration_s > 0.2


def test_candidates_are_known_by_suffix() -> None:
    """Suffixes count in any case; files refused for their format are candidates too, to be listed."""
    assert is_candidate(b"Kick.WAV")
    assert is_candidate(b"/a/b.c/Kick 1.aif")
    assert is_candidate(b"song.m4a")
    assert not is_candidate(b".wav")
    assert not is_candidate(b"kick.wav.asd")
    assert not is_candidate(b"kick")
    assert all(suffix == suffix.lower() and suffix.startswith(b".") for suffix in AUDIO_SUFFIXES)


def test_channels_in_opposite_phase_are_heard(tmp_path: Path) -> None:
    """A stereo file whose mono mix is nothing is analysed by its loudest channel."""
    one = kick(4)
    for lead in (0, 400_000):
        quiet = np.zeros((lead, 2), np.float32)
        both = np.concatenate([quiet, np.stack([0.5 * one, -0.5 * one], axis=1)])
        wide = analyse_file(os.fsencode(write(tmp_path / "wide.wav", both)))
        plain = analyse_file(os.fsencode(write(tmp_path / "plain.wav", one)))
        assert np.linalg.norm(wide.embedding - plain.embedding) < 0.5
        assert wide.loudness_db == pytest.approx(plain.loudness_db - 6.02, abs=0.1)


def test_libsndfile_is_not_left_open(tmp_path: Path) -> None:
    """Neither reading nor refusing leaves a file descriptor behind."""
    good = os.fsencode(write(tmp_path / "kick.wav", kick()))
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF" + bytes(100))
    before = os.dup(0)
    os.close(before)
    for _ in range(5):
        analyse_file(good)
        _reason(bad)
    after = os.dup(0)
    os.close(after)
    assert after == before
    assert soundfile.__libsndfile_version__
