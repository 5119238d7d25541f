"""The uid: the same for the same audio, whatever the file, its tags or its container."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from klustr_bridge.sound.analyse import analyse_file
from klustr_bridge.sound.identity import mpeg_audio_range
from tests.sound import headers
from tests.sound.retag import ape, id3v1, id3v2, lyrics3, ogg_with_comment
from tests.sounds import RATE, kick, noise, snare, write


def _uid(path: Path) -> str:
    return analyse_file(os.fsencode(path)).uid


def test_uid_is_short_and_plain(tmp_path: Path) -> None:
    """16 characters of lower-case base32 can be typed, stored in a Live Set and put in an OSC string."""
    assert re.fullmatch("[a-z2-7]{16}", _uid(write(tmp_path / "kick.wav", kick())))


def test_uid_is_the_same_in_every_release(tmp_path: Path) -> None:
    """A Live Set stores the uid for ever: this one must never change."""
    ramp = (np.arange(-1000, 1000) / 32768).astype(np.float32)
    assert _uid(write(tmp_path / "ramp.wav", ramp)) == "jglihw25zabnbt7j"


def test_lossless_formats_of_the_same_audio_are_one_sound(tmp_path: Path) -> None:
    """WAV, AIFF, FLAC, CAF and Wave64 of the same 16 bits have one uid; so has 24-bit of the same values."""
    stereo = np.stack([snare(1)[:6000], kick(1)[:6000]], axis=1)
    names = ["a.wav", "a.aiff", "a.flac", "a.caf", "a.w64"]
    uids = {_uid(write(tmp_path / name, stereo)) for name in names}
    for subtype, dtype in (("PCM_24", "int32"), ("FLOAT", "float32")):
        same, _ = soundfile.read(tmp_path / "a.wav", dtype=dtype)
        soundfile.write(tmp_path / "b.wav", same, RATE, subtype)
        uids.add(_uid(tmp_path / "b.wav"))
    assert len(uids) == 1


def test_audio_rate_and_channels_tell_sounds_apart(tmp_path: Path) -> None:
    """Another sample, rate, number of channels or length makes another sound."""
    audio = kick(2)
    changed = audio.copy()
    changed[-1] += 0.01
    mono = write(tmp_path / "a.wav", audio, RATE, "FLOAT")
    others = [
        write(tmp_path / "b.wav", changed, RATE, "FLOAT"),
        write(tmp_path / "c.wav", audio, 48_000, "FLOAT"),
        write(tmp_path / "d.wav", np.stack([audio, audio], axis=1), RATE, "FLOAT"),
        write(tmp_path / "e.wav", np.append(audio, np.float32(0)), RATE, "FLOAT"),
        write(tmp_path / "f.wav", audio[: len(audio) // 2 * 2].reshape(-1, 2), RATE, "FLOAT"),
    ]
    assert len({_uid(path) for path in [mono, *others]}) == 6


def test_the_end_of_a_long_sound_counts(tmp_path: Path) -> None:
    """The whole stream is hashed, though only its beginning is analysed."""
    audio = noise(15.0)
    first = _uid(write(tmp_path / "a.wav", audio))
    audio[-1] = -audio[-1]
    assert _uid(write(tmp_path / "a.wav", audio)) != first


def test_negative_zero_and_nan_are_zero(tmp_path: Path) -> None:
    """Values that sound the same are the same."""
    audio = kick(5)
    uids = set()
    for value in (0.0, -0.0, np.nan, np.inf):
        audio[1000] = value
        uids.add(_uid(write(tmp_path / "a.wav", audio, RATE, "FLOAT")))
    assert len(uids) == 1


def test_tags_of_lossless_files_do_not_count(tmp_path: Path) -> None:
    """A title in a WAV or FLAC file changes its bytes and nothing else."""
    for name in ("a.wav", "a.flac"):
        plain = _uid(write(tmp_path / name, snare(2)))
        with soundfile.SoundFile(tmp_path / f"tagged {name}", "w", RATE, 1, "PCM_16") as file:
            file.title = "A snare"
            file.write(soundfile.read(tmp_path / name, dtype="int16")[0])
        assert (tmp_path / name).read_bytes() != (tmp_path / f"tagged {name}").read_bytes()
        assert _uid(tmp_path / f"tagged {name}") == plain


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (id3v2(b"Kick"), b""),
        (id3v2(b"Another title", padding=2000), id3v1(b"Another")),
        (id3v2(b"One") + id3v2(b"Two"), b""),
        (b"", ape(b"Title", b"Kick")),
        (b"", ape(b"Title", b"Kick") + id3v1(b"Kick")),
        (id3v2(b"Kick", 10), lyrics3(b"la la la") + id3v1(b"Kick")),
        (ape(b"Title", b"Kick"), b""),
    ],
)
def test_retagging_mp3_changes_nothing(tmp_path: Path, before: bytes, after: bytes) -> None:
    """ID3v2, ID3v1, APEv2 and Lyrics3 tags, alone or together, leave the uid of an MP3 as it was."""
    path = write(tmp_path / "a.mp3", snare(3))
    content = path.read_bytes()
    plain = _uid(path)
    retagged = tmp_path / "b.mp3"
    retagged.write_bytes(before + content + after)
    with retagged.open("rb") as file:
        start, end = mpeg_audio_range(file.fileno(), retagged.stat().st_size)
    assert retagged.read_bytes()[start:end] == content
    if not before.startswith(b"APETAGEX"):  # libsndfile doesn't look for audio behind it
        assert _uid(retagged) == plain
    path.write_bytes(content[:-2] + bytes(2))
    assert _uid(path) != plain


@pytest.mark.parametrize("suffix", [".ogg", ".opus"])
def test_retagging_ogg_changes_nothing(tmp_path: Path, suffix: str) -> None:
    """Another comment, serial number and cut into pages leave the uid of an Ogg file as it was."""
    rate = 48_000 if suffix == ".opus" else RATE
    path = write(tmp_path / f"a{suffix}", noise(2.0), rate)
    content = path.read_bytes()
    plain = _uid(path)
    uids = set()
    for title, most_segments in (("x", 255), ("A long title " * 400, 60), ("", 7)):
        path.write_bytes(ogg_with_comment(content, title, most_segments=most_segments))
        assert soundfile.info(path).frames > 0
        uids.add(_uid(path))
    assert uids == {plain}


@pytest.mark.parametrize("suffix", [".ogg", ".opus", ".mp3"])
def test_lossy_files_of_other_audio_differ(tmp_path: Path, suffix: str) -> None:
    """Two encoded sounds are two sounds."""
    rate = 48_000 if suffix == ".opus" else RATE
    one = _uid(write(tmp_path / f"a{suffix}", noise(0.5, seed=1), rate))
    assert _uid(write(tmp_path / f"b{suffix}", noise(0.5, seed=2), rate)) != one


def test_mp3_in_wav_is_named_by_its_stream(tmp_path: Path) -> None:
    """Chunks behind the audio of a WAV that holds MP3 don't count, another stream does."""
    uids = []
    for number, more in ((1, b""), (1, headers.chunk(b"LIST", b"INFOINAM\4\0\0\0abc\0")), (2, b"")):
        mp3 = write(tmp_path / "a.mp3", noise(0.5, seed=number)).read_bytes()
        path = tmp_path / "a.wav"
        path.write_bytes(headers.mp3_in_wav(mp3, channels=1, rate=RATE, n_frames=22_050, more=more))
        uids.append(_uid(path))
    assert uids[0] == uids[1] != uids[2]
