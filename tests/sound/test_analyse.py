"""Hearing a file as a whole: known answers, and any content either heard or refused."""

import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from klustr_bridge.errors import RefusedSound
from klustr_bridge.sound.analyse import analyse_file
from klustr_bridge.sound.beginning import beginning_of
from klustr_bridge.sound.decode import open_audio
from klustr_bridge.sound.embedding import EMBEDDING_SIZE
from klustr_bridge.sound.listening import Listener
from klustr_bridge.types import Analysis
from tests.sounds import RATE, bass, closed_hat, kick, noise, sine, write

ANY_FILE = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _check(analysis: Analysis) -> None:
    assert len(analysis.uid) == 16
    assert analysis.duration_s > 0
    assert analysis.sample_rate >= 1
    assert analysis.channels >= 1
    assert -120 <= analysis.loudness_db < 1000
    assert 0 <= analysis.brightness_hz <= 22_050
    assert analysis.pitch_hz == 0 or 20 < analysis.pitch_hz < 5000
    assert analysis.embedding.shape == (EMBEDDING_SIZE,)
    assert np.isfinite(analysis.embedding).all()
    assert np.isfinite([analysis.duration_s, analysis.brightness_hz]).all()


def _heard_or_refused(path: Path) -> None:
    """Hear a file twice: both times the same answer or the same reason."""
    answers = []
    for _ in range(2):
        try:
            analysis = analyse_file(os.fsencode(path))
        except RefusedSound as refusal:
            assert str(refusal)
            answers.append(str(refusal))
        else:
            _check(analysis)
            answers.append(analysis.uid)
    assert answers[0] == answers[1]


def test_a_tone_is_described(tmp_path: Path) -> None:
    """Length, level, brightness and pitch of a sine are known exactly."""
    analysis = analyse_file(os.fsencode(write(tmp_path / "a.wav", sine(220, 2.0, 0.5), RATE)))
    _check(analysis)
    assert analysis.duration_s == pytest.approx(2.0)
    assert analysis.loudness_db == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.1)
    assert analysis.brightness_hz == pytest.approx(220, rel=0.05)
    assert analysis.pitch_hz == pytest.approx(220, rel=0.002)


def test_drums_are_described(tmp_path: Path) -> None:
    """A hat is bright and without pitch, a kick dark, a bass has its pitch."""
    hat = analyse_file(os.fsencode(write(tmp_path / "hat.wav", closed_hat(1))))
    low = analyse_file(os.fsencode(write(tmp_path / "kick.wav", kick(1))))
    tone = analyse_file(os.fsencode(write(tmp_path / "bass.wav", bass(1))))
    assert hat.brightness_hz > 5000 > 400 > low.brightness_hz
    assert hat.pitch_hz == 0
    assert 40 <= tone.pitch_hz <= 110


def test_loudness_is_that_of_the_loudest_moment(tmp_path: Path) -> None:
    """A loud moment behind the analysed beginning counts, and quiet around it doesn't lower it."""
    audio = np.concatenate([sine(300, 14.0, 0.01), sine(300, 0.2, 0.8), sine(300, 3.0, 0.01)])
    analysis = analyse_file(os.fsencode(write(tmp_path / "a.wav", audio)))
    assert analysis.loudness_db == pytest.approx(20 * np.log10(0.8 / np.sqrt(2)), abs=0.3)
    assert analysis.duration_s == pytest.approx(17.2)


def test_a_late_sound_is_heard(tmp_path: Path) -> None:
    """Half a minute of silence before a sound changes its length and nothing else of what is heard."""
    audio = kick(9)
    late = np.concatenate([np.zeros(30 * RATE, np.float32), audio])
    one = analyse_file(os.fsencode(write(tmp_path / "a.wav", audio)))
    two = analyse_file(os.fsencode(write(tmp_path / "b.wav", late)))
    np.testing.assert_allclose(two.embedding, one.embedding, atol=1e-4)
    assert two.duration_s == pytest.approx(30 + one.duration_s)
    assert two.uid != one.uid


def test_the_loudest_channel_begins_where_the_sound_does(tmp_path: Path) -> None:
    """Also in FLAC of unknown length, as streamed, in which libsndfile doesn't find every frame."""
    audio = np.concatenate([np.zeros(400_000, np.float32), kick(4)])
    path = write(tmp_path / "streamed.flac", np.stack([0.5 * audio, -0.5 * audio], axis=1))
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # the number of frames in STREAMINFO, 36 bits
    content[22:26] = bytes(4)
    path.write_bytes(content)
    with open_audio(os.fsencode(path)) as stream:
        listener = Listener(stream.sample_rate, stream.channels)
        for block in stream.blocks(multiple_of=listener.hop):
            listener.hear(block)
    assert listener.first_heard > 0
    heard = beginning_of(os.fsencode(path), listener)
    np.testing.assert_allclose(np.abs(heard), np.abs(0.5 * audio[listener.first_heard :]), atol=1e-4)


def test_long_files_need_bounded_memory(tmp_path: Path) -> None:
    """Five minutes of stereo (106 MB as float32) take less than 64 MB: only the beginning is kept."""
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
        block = np.stack([noise(10.0, 0.1, 1), noise(10.0, 0.1, 2)], axis=1)
        for _ in range(30):
            file.write(block)
    analyse_file(os.fsencode(write(tmp_path / "short.wav", kick())))
    tracemalloc.start()
    analysis = analyse_file(os.fsencode(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert analysis.duration_s == pytest.approx(300)
    assert peak < 64 << 20


@ANY_FILE
@given(content=st.binary(max_size=4000), suffix=st.sampled_from([".wav", ".flac", ".mp3", ".ogg", ".aiff"]))
def test_any_bytes_are_heard_or_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    """A file of any bytes ends in finite values or in a reason, the same each time."""
    path = tmp_path / f"any{suffix}"
    path.write_bytes(content)
    _heard_or_refused(path)


_HEADERS = ["riff", "mpeg", "ogg", "flac", "aiff", "au", "caf"]
_MAGIC = {
    "riff": b"RIFF\xff\0\0\0WAVEfmt ",
    "mpeg": b"\xff\xfb\x90\x64",
    "ogg": b"OggS\0\x02" + bytes(20) + b"\x01\x1e\x01vorbis",
    "flac": b"fLaC\0\0\0\x22",
    "aiff": b"FORM\0\0\0\xffAIFFCOMM\0\0\0\x12",
    "au": b".snd\0\0\0\x18",
    "caf": b"caff\0\x01\0\0desc\0\0\0\0\0\0\0\x20",
}


@ANY_FILE
@given(header=st.sampled_from(_HEADERS), content=st.binary(max_size=2000))
def test_any_bytes_behind_a_header_are_heard_or_refused(tmp_path: Path, header: str, content: bytes) -> None:
    """So does a file that begins as audio does."""
    path = tmp_path / "any.wav"
    path.write_bytes(_MAGIC[header] + content)
    _heard_or_refused(path)


@ANY_FILE
@given(
    changes=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 500),
    subtype=st.sampled_from(["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "IMA_ADPCM"]),
)
def test_damaged_wav_headers_are_heard_or_refused(
    tmp_path: Path, changes: list[tuple[int, int]], cut: int, subtype: str
) -> None:
    """Any bytes of a WAV header changed, the end cut off: finite values or a reason."""
    path = write(tmp_path / "a.wav", kick(1)[:600], RATE, subtype)
    content = bytearray(path.read_bytes())
    for at, value in changes:
        content[at] = value
    path.write_bytes(content[: len(content) - cut])
    _heard_or_refused(path)


@ANY_FILE
@given(
    suffix=st.sampled_from([".flac", ".ogg", ".mp3", ".aiff", ".caf"]),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4
    ),
)
def test_damaged_files_are_heard_or_refused(
    tmp_path: Path, suffix: str, changes: list[tuple[float, int]]
) -> None:
    """Any bytes of an encoded file changed: finite values or a reason."""
    path = write(tmp_path / f"a{suffix}", noise(0.1, seed=4))
    content = bytearray(path.read_bytes())
    for where, value in changes:
        content[int(where * len(content))] = value
    path.write_bytes(content)
    _heard_or_refused(path)


@ANY_FILE
@given(
    audio=hnp.arrays(
        np.float32,
        st.tuples(st.integers(0, 2000), st.integers(1, 4)),
        elements=st.floats(width=32, allow_nan=True),
    ),
    rate=st.sampled_from([1, 50, 8000, 44_100, 96_000, 768_000]),
)
def test_any_samples_are_heard_or_refused(tmp_path: Path, audio: np.ndarray, rate: int) -> None:
    """Any float values, NaN and infinities among them, in any number of channels."""
    path = write(tmp_path / "a.wav", audio, rate, "FLOAT")
    _heard_or_refused(path)


def test_a_header_that_promises_too_much_needs_no_memory(tmp_path: Path) -> None:
    """A header of four billion frames over a few bytes is refused, not believed."""
    path = write(tmp_path / "a.wav", kick())
    content = bytearray(path.read_bytes())
    at = content.index(b"data")
    content[at + 4 : at + 8] = struct.pack("<I", 0xFFFF0000)
    path.write_bytes(content)
    with pytest.raises(RefusedSound, match="cut off"):
        analyse_file(os.fsencode(path))
