"""Reading sample files: formats, parts, and every way in which a file can be no sound."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from klustr_bridge.errors import RefusedSound
from klustr_bridge.sound.analyse import analyse_file
from klustr_bridge.sound.decode import AUDIO_SUFFIXES, is_candidate, open_audio, read_audio
from tests.sound import headers
from tests.sounds import RATE, kick, noise, sine, snare, write

LOSSLESS = [".wav", ".aiff", ".flac", ".caf", ".w64", ".au"]
LOSSY = [".ogg", ".opus", ".mp3"]

# Container, suffix, codecs, and those of them with one channel only.
FORMATS = [
    ("WAV", ".wav", "PCM_U8 PCM_16 PCM_24 PCM_32 FLOAT DOUBLE ULAW ALAW IMA_ADPCM MS_ADPCM", ""),
    ("WAV", ".wav", "", "GSM610 G721_32 NMS_ADPCM_16 NMS_ADPCM_24 NMS_ADPCM_32"),
    ("WAVEX", ".wav", "PCM_U8 PCM_16 PCM_24 PCM_32 FLOAT DOUBLE ULAW ALAW", ""),
    ("RF64", ".rf64", "PCM_U8 PCM_16 PCM_24 PCM_32 FLOAT DOUBLE ULAW ALAW", ""),
    ("W64", ".w64", "PCM_U8 PCM_16 PCM_24 PCM_32 FLOAT DOUBLE ULAW ALAW IMA_ADPCM MS_ADPCM", "GSM610"),
    ("AIFF", ".aif", "PCM_S8 PCM_U8 PCM_16 PCM_24 PCM_32 FLOAT DOUBLE ULAW ALAW IMA_ADPCM", ""),
    ("AIFF", ".aifc", "", "GSM610 DWVW_16 DWVW_24"),
    ("CAF", ".caf", "PCM_S8 PCM_16 PCM_24 PCM_32 FLOAT DOUBLE ULAW ALAW", ""),
    ("CAF", ".caf", "ALAC_16 ALAC_20 ALAC_24 ALAC_32", ""),
    ("AU", ".au", "PCM_S8 PCM_16 PCM_24 PCM_32 FLOAT DOUBLE ULAW ALAW", "G721_32 G723_24 G723_40"),
    ("FLAC", ".flac", "PCM_S8 PCM_16 PCM_24", ""),
    ("VOC", ".voc", "PCM_U8 PCM_16 ULAW ALAW", ""),
    ("OGG", ".ogg", "VORBIS OPUS", ""),
    ("MP3", ".mp3", "MPEG_LAYER_III", ""),
]
STORED = [
    (container, suffix, codec, 1 if codec in mono.split() else 2)
    for container, suffix, codecs, mono in FORMATS
    for codec in [*codecs.split(), *mono.split()]
]


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


@pytest.mark.parametrize(
    ("container", "suffix", "codec", "channels"), STORED, ids=[f"{each[0]}-{each[2]}" for each in STORED]
)
def test_all_that_a_producer_has_is_heard(
    tmp_path: Path, container: str, suffix: str, codec: str, channels: int
) -> None:
    """Each codec in each container gives the tone it was made of, on every channel, to its end."""
    rate, path = 48_000, tmp_path / f"tone{suffix}"
    tone = sine(440, 1.0, 0.5, rate)
    audio = np.stack([tone, -0.5 * tone][:channels], axis=1)
    soundfile.write(path, audio, rate, codec, format=container)
    read, read_rate = read_audio(os.fsencode(path))
    assert read_rate == pytest.approx(rate, rel=0.001)  # VOC keeps it coarsely
    assert read.shape[1] == channels
    assert len(tone) <= len(read) <= len(tone) + 5000
    delay = 0 if codec != "MPEG_LAYER_III" else int(np.argmax(np.correlate(read[:9000, 0], tone[:4000])))
    # Adaptive codecs begin with a few wrong samples.
    error = read[delay + 4000 : delay + 40_000] - audio[4000:40_000]
    assert np.sqrt(np.square(error).mean()) < 0.02
    analysis = analyse_file(os.fsencode(path))
    assert analysis.pitch_hz == pytest.approx(440, rel=0.01)
    assert analysis.loudness_db == pytest.approx(-9.0 if channels == 1 else -11.0, abs=0.6)


def test_wav_by_other_names_is_the_same(tmp_path: Path) -> None:
    """RIFX (big-endian), RF64, BW64 and a WAV whose data isn't at an even place are a WAV."""
    steps = (noise(0.3) * 32_767).astype("<i2")
    data, swapped = steps.tobytes(), steps.astype(">i2").tobytes()
    files = [
        headers.pcm(data),
        headers.rf64(data),
        headers.rf64(data, b"BW64"),
        headers.wav(headers.fmt(order=">"), headers.chunk(b"data", swapped, ">"), magic=b"RIFX"),
        headers.wav(headers.chunk(b"junk", b"odd"), headers.fmt(), headers.chunk(b"data", data)),
        headers.wav(headers.fmt(), headers.chunk(b"data", data), length=0),
        headers.aiff(swapped),
        headers.au(swapped, length=0xFFFFFFFF),
    ]
    uids = set()
    for number, content in enumerate(files):
        path = tmp_path / f"{number}.wav"
        path.write_bytes(content)
        audio, rate = read_audio(os.fsencode(path))
        assert (rate, audio.shape) == (RATE, (len(steps), 1))
        np.testing.assert_array_equal(audio[:, 0], steps / np.float32(32_768))
        np.testing.assert_array_equal(read_audio(os.fsencode(path), 0.1, 0.2)[0], audio[4410:8820])
        uids.add(analyse_file(os.fsencode(path)).uid)
    assert len(uids) == 1


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8, 24, 64])
@pytest.mark.parametrize("container", ["WAV", "WAVEX", "AIFF", "CAF"])
def test_every_number_of_channels_is_heard(tmp_path: Path, channels: int, container: str) -> None:
    """From mono to 64 channels, each is where it was."""
    audio = np.stack([noise(0.05, seed=seed) for seed in range(channels)], axis=1)
    path = os.fsencode(tmp_path / "many.wav")
    soundfile.write(path, audio, RATE, "FLOAT", format=container)
    np.testing.assert_array_equal(read_audio(path)[0], audio)
    assert analyse_file(path).channels == channels


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
    path = write(tmp_path / "many.wav", np.tile(noise(0.2)[:, None], (1, 64)), RATE, "PCM_16")
    with open_audio(os.fsencode(path)) as stream:
        assert max(block.size for block in stream.blocks()) <= 1 << 18
    assert analyse_file(os.fsencode(path)).channels == 64


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


@pytest.mark.parametrize("suffix", [".wav", ".aiff", ".flac", ".au", ".ogg", ".mp3", ".caf", ".w64"])
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


def test_candidates_are_known_by_suffix() -> None:
    """Suffixes count in any case; files refused for their format are candidates too, to be listed."""
    assert is_candidate(b"Kick.WAV")
    assert is_candidate(b"/a/b.c/Kick 1.aif")
    assert is_candidate(b"song.m4a")
    assert not is_candidate(b".wav")
    assert not is_candidate(b"kick.wav.asd")
    assert not is_candidate(b"kick")
    assert all(suffix == suffix.lower() and suffix.startswith(b".") for suffix in AUDIO_SUFFIXES)


# Vorbis codes the two 2 to 5 apart; heard by its residue a kick is 86 to 91 off.
@pytest.mark.parametrize(("suffix", "most"), [(".wav", 0.5), (".ogg", 10.0)])
def test_channels_in_opposite_phase_are_heard(tmp_path: Path, suffix: str, most: float) -> None:
    """A stereo file whose mono mix is nothing, or what a codec adds, is analysed by its loudest channel."""
    one = kick(4)
    for lead in (0, 400_000):
        quiet = np.zeros((lead, 2), np.float32)
        both = np.concatenate([quiet, np.stack([0.5 * one, -0.5 * one], axis=1)])
        wide = analyse_file(os.fsencode(write(tmp_path / f"wide{suffix}", both)))
        plain = analyse_file(os.fsencode(write(tmp_path / f"plain{suffix}", one)))
        assert np.linalg.norm(wide.embedding - plain.embedding) < most
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


def test_without_the_extra_the_reason_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who has M4A files and not the package is told the one command that helps."""
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.delitem(sys.modules, "klustr_bridge.sound.av", raising=False)
    for name, head, words in [
        ("song.m4a", b"\0\0\0\x20ftypM4A ", "M4A files"),
        ("song.wav", b"\0\0\0\x20ftypM4A ", "M4A files"),
        ("song.wma", b"", "WMA files"),
        ("song.aac", b"\xff\xf1\x50\x80", "AAC files"),
        ("song.wv", b"wvpk", "WavPack files"),
        ("song.ape", b"MAC ", "Monkey's Audio files"),
    ]:
        path = tmp_path / name
        path.write_bytes(head + bytes(500))
        with pytest.raises(RefusedSound) as refusal, open_audio(os.fsencode(path)):
            pass
        assert str(refusal.value) == f"{words} need the package av: pip install av"


def test_the_package_is_loaded_for_its_files_alone(tmp_path: Path) -> None:
    """Reading a WAV file doesn't import FFmpeg."""
    path = write(tmp_path / "kick.wav", kick())
    code = (
        "import os, sys; from klustr_bridge.sound.analyse import analyse_file; "
        "analyse_file(os.fsencode(sys.argv[1])); assert 'av' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
