"""M4A, AAC, ALAC, WMA and WavPack: decoded by the optional package `av`, named by their packets."""

import hashlib
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from klustr_bridge.errors import RefusedSound
from klustr_bridge.sound.analyse import analyse_file
from klustr_bridge.sound.decode import open_audio, read_audio
from tests.sound.retag import id3v2, moov_first
from tests.sounds import RATE, kick, noise, sine, snare

STEREO = np.stack([snare(1)[:6000], kick(1)[:6000]], axis=1)


pytest.importorskip("av", reason="needs the extra: pip install 'klustr-bridge[av]'")
from tests.sound import encode  # noqa: E402

MAKERS = [
    *(encode.m4a, encode.alac, encode.aac, encode.wma, encode.wavpack),
    *(encode.aac_in_caf, encode.ima_in_caf, encode.mp3_in_caf),
]


def _uid(path: Path) -> str:
    return analyse_file(os.fsencode(path)).uid


def _reason(path: Path) -> str:
    with pytest.raises(RefusedSound) as refusal:
        analyse_file(os.fsencode(path))
    return str(refusal.value)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_formats_are_heard(tmp_path: Path, make: object, rate: int) -> None:
    """Each gives the sound again, within what encoding loses, whatever its suffix."""
    path = tmp_path / "tone.m4a"
    make(path, sine(440, 1.0, 0.5, rate), rate)  # type: ignore[operator]
    for name in ("tone.wav", "tone.mp3"):
        path = path.rename(tmp_path / name)
        analysis = analyse_file(os.fsencode(path))
        assert (analysis.sample_rate, analysis.channels) == (rate, 1)
        assert analysis.duration_s == pytest.approx(1.0, abs=0.08)
        assert analysis.pitch_hz == pytest.approx(440, rel=0.01)
        assert analysis.loudness_db == pytest.approx(-9.0, abs=0.5)


def test_channels_keep_their_order(tmp_path: Path) -> None:
    """Left is left: a stereo and a 5.1 file have the levels of their channels."""
    levels = np.float32([0.5, 0.4, 0.3, 0.02, 0.2, 0.1])
    path = encode.m4a(tmp_path / "a.m4a", sine(60, 1.0)[:, None] * levels)
    audio, _ = read_audio(os.fsencode(path))
    assert audio.shape[1] == 6
    heard = np.sqrt(np.square(audio).mean(axis=0))
    np.testing.assert_allclose(heard / heard[0], levels / levels[0], atol=0.05)


def test_the_player_reads_the_same_part(tmp_path: Path) -> None:
    """A part of a file begins at its very frame, however often and wherever the stream is set."""
    path = os.fsencode(encode.m4a(tmp_path / "a.m4a", noise(3.0)))
    whole, rate = read_audio(path)
    part, _ = read_audio(path, 1.25, 1.5)
    start = round(1.25 * rate)
    np.testing.assert_array_equal(part, whole[start : start + len(part)])
    assert len(part) == round(0.25 * rate)
    assert read_audio(path, 100.0)[0].shape == (0, 1)
    with open_audio(path) as stream:
        for frame in (70_000, 10, 0, 70_000):
            assert stream.seek(frame)
            np.testing.assert_array_equal(next(stream.blocks(most_frames=99)), whole[frame : frame + 99])
        assert not stream.seek(10**9)


def test_large_files_are_read_in_blocks(tmp_path: Path) -> None:
    """A block is bounded and its memory used again, and blocks follow one another without loss."""
    path = os.fsencode(encode.alac(tmp_path / "a.m4a", noise(20.0)))
    with open_audio(path) as stream:
        lengths = [len(block) for block in stream.blocks(multiple_of=441)]
    assert sum(lengths) == 20 * RATE
    assert max(lengths) <= 1 << 18
    assert all(length % 441 == 0 for length in lengths[:-1])


@pytest.mark.parametrize("bits", [16, 24])
def test_alac_is_the_sound_it_was_made_of(tmp_path: Path, bits: int) -> None:
    """ALAC has the uid of the WAV file with the same samples, and so have WavPack and FLAC."""
    steps = np.round(STEREO.astype(np.float64) * 2 ** (bits - 1)).astype(np.int32)
    wav, flac = tmp_path / "a.wav", tmp_path / "a.flac"
    for path in (wav, flac):
        soundfile.write(path, steps << (32 - bits), RATE, f"PCM_{bits}")
    whole = (steps / 2.0 ** (bits - 1)).astype(np.float32)
    packed = [encode.alac(tmp_path / "a.m4a", whole, stored="s16p" if bits == 16 else "s32p")]
    if bits == 16:  # FFmpeg's encoder of WavPack has no 24 bits
        packed.append(encode.wavpack(tmp_path / "a.wv", whole))
    assert {_uid(path) for path in [wav, flac, *packed]} == {_uid(wav)}


def test_wavpack_of_floats_is_exact(tmp_path: Path) -> None:
    """32-bit float WavPack gives the very samples."""
    path = encode.wavpack(tmp_path / "a.wv", STEREO, stored="fltp")
    np.testing.assert_array_equal(read_audio(os.fsencode(path))[0], STEREO)


def test_retagging_m4a_changes_nothing(tmp_path: Path) -> None:
    """Other tags, and the index moved before the audio, leave the uid as it was; other audio doesn't."""
    plain = encode.m4a(tmp_path / "a.m4a", STEREO)
    tagged = encode.m4a(tmp_path / "b.m4a", STEREO, title="A snare", artist="Someone " * 50, comment="x")
    moved = tmp_path / "c.m4a"
    moved.write_bytes(moov_first(tagged.read_bytes()))
    assert len({path.read_bytes() for path in (plain, tagged, moved)}) == 3
    assert len({_uid(path) for path in (plain, tagged, moved)}) == 1
    assert _uid(encode.m4a(tmp_path / "d.m4a", STEREO[:, ::-1])) != _uid(plain)


def test_retagging_apple_loops_changes_nothing(tmp_path: Path) -> None:
    """What is noted about an AAC loop in CAF doesn't count, its packets do."""
    plain = encode.aac_in_caf(tmp_path / "a.caf", STEREO)
    tagged = tmp_path / "b.caf"
    note = b"\0\0\0\1title\0A snare\0"
    tagged.write_bytes(plain.read_bytes() + b"info" + struct.pack(">q", len(note)) + note)
    assert _uid(tagged) == _uid(plain)
    assert _uid(encode.aac_in_caf(tmp_path / "c.caf", STEREO[::-1])) != _uid(plain)


def test_retagging_wma_and_aac_changes_nothing(tmp_path: Path) -> None:
    """Tags of WMA, and an ID3 tag before bare AAC, leave the uid as it was."""
    plain = encode.wma(tmp_path / "a.wma", np.tile(STEREO, (3, 1)))
    tagged = encode.wma(tmp_path / "b.wma", np.tile(STEREO, (3, 1)), title="A snare", author="Someone")
    assert plain.read_bytes() != tagged.read_bytes()
    assert _uid(plain) == _uid(tagged)
    bare = encode.aac(tmp_path / "a.aac", STEREO)
    uid = _uid(bare)
    bare.write_bytes(id3v2(b"A snare") + bare.read_bytes())
    assert _uid(bare) == uid
    assert _uid(encode.aac(tmp_path / "b.aac", STEREO[::-1])) != uid


@pytest.mark.parametrize("suffix", [".m4a", ".wma", ".wv"])
def test_a_copy_that_broke_off_is_refused(tmp_path: Path, suffix: str) -> None:
    """Half a file is refused, not taken for a shorter sound, wherever its index is."""
    make = {".m4a": encode.m4a, ".wma": encode.wma, ".wv": encode.wavpack}[suffix]
    path = make(tmp_path / f"a{suffix}", noise(3.0))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "cut off" in _reason(path)
    if suffix == ".m4a":
        front = moov_first(whole)
        path.write_bytes(front)
        assert analyse_file(os.fsencode(path)).duration_s > 2.9
        path.write_bytes(front[: len(front) // 2])
        assert "cut off" in _reason(path)


@pytest.mark.parametrize("suffix", [".m4a", ".aac", ".wma", ".wv", ".ape"])
@pytest.mark.parametrize(
    "content", [bytes(5000), bytes(range(256)) * 20, b"\xff" * 5000], ids=["0", "*", "ff"]
)
def test_garbage_is_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    """A suffix alone makes no audio."""
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    assert "convert it to WAV" in _reason(path)


def test_a_film_without_sound_is_refused(tmp_path: Path) -> None:
    """An MPEG-4 file that holds no audio is said to hold none."""
    import av

    path = tmp_path / "film.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert "holds no audio" in _reason(path)


def test_no_other_file_is_opened(tmp_path: Path) -> None:
    """A playlist that calls itself M4A can't make the worker read other files or the network."""
    secret = encode.aac(tmp_path / "secret.aac", noise(1.0))
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n".encode()
    for name in ("a.m4a", "a.wma", "a.aac"):
        path = tmp_path / name
        path.write_bytes(playlist)
        assert "text, not audio" in _reason(path)
        path.write_bytes(b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42" + playlist)
        assert _reason(path)


def test_absurd_sizes_in_an_index_are_refused(tmp_path: Path) -> None:
    """FFmpeg's refusal to allocate what a table's length asks for is the file's fault."""
    whole = encode.m4a(tmp_path / "a.m4a", STEREO).read_bytes()
    for table in (b"stts", b"stsz", b"stsc", b"stco"):
        for count in (0xF8FFFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x0FFFFFFF):
            data = bytearray(whole)
            at = data.rindex(table) + (12 if table == b"stsz" else 8)
            data[at : at + 4] = struct.pack(">I", count)
            path = tmp_path / "b.m4a"
            path.write_bytes(data)
            try:
                analyse_file(os.fsencode(path))
            except RefusedSound as refusal:
                assert str(refusal)


def test_decoding_is_the_same_twice(tmp_path: Path) -> None:
    """The same file gives the same samples: nothing depends on threads."""
    path = os.fsencode(encode.wma(tmp_path / "a.wma", noise(2.0)))
    digests = {hashlib.sha256(read_audio(path)[0].tobytes()).digest() for _ in range(3)}
    assert len(digests) == 1
