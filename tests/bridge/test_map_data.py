"""The points as bytes, how kinds look, and what a browser plays."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.bridge.map_data import FAVOURITE, LOOP, SLICE, kinds, pack, points, tag_of
from klustr_bridge.bridge.sound_bytes import Part, media_type, part_asked_for
from klustr_bridge.corpus import Corpus
from klustr_bridge.sound.kinds import KIND_CODES, KINDS
from tests import sounds
from tests.corpus.snapshots import Made, MadeSound, Waiting, below, snapshot_of

MADE = Made(
    sounds=[
        MadeSound(3, [below("a.wav")], (0.25, 0.5), kind="kick", duration_s=0.5, even_xy=(0.75, 0.125)),
        MadeSound(4, [below("b.wav")], kind="snare"),
        MadeSound(9, [below("c.wav")], (0.5, 1.0), kind="loop", duration_s=4.0, favourite=True),
        MadeSound(12, [], (0.0, 0.0), (0, 4), "kick", 0.5, uid="c" * 16, parent=9, frames=(0, 500)),
    ],
    waiting=[Waiting(20, below("d.wav"))],
    epoch=7,
    generation=5,
)


def read(data: bytes) -> tuple[int, dict[str, np.ndarray]]:
    """Read points as the page does."""
    magic, epoch, n, zero = struct.unpack_from("<4sIII", data)
    assert (magic, zero) == (b"KMP1", 0)
    names = ("id", "x", "y", "even_x", "even_y", "duration_s", "kind", "flags")
    types = ("<i4", *["<f4"] * 5, "u1", "u1")
    columns, at = {}, 16
    for name, dtype in zip(names, types, strict=True):
        columns[name] = np.frombuffer(data, dtype, n, at)
        at += columns[name].nbytes
    assert at == len(data)
    return epoch, columns


def test_points_hold_every_placed_sound() -> None:
    """Ids rise; a sound without a place is left out, one without a place in the even view is where it was."""
    epoch, columns = read(points(Corpus(snapshot_of(MADE))))
    assert epoch == 7
    assert columns["id"].tolist() == [3, 9, 12]
    assert columns["x"].tolist() == [0.25, 0.5, 0.0]
    assert columns["y"].tolist() == [0.5, 1.0, 0.0]
    assert columns["even_x"].tolist() == [0.75, 0.5, 0.0]
    assert columns["even_y"].tolist() == [0.125, 1.0, 0.0]
    assert columns["duration_s"].tolist() == [0.5, 4.0, 0.5]
    assert [KINDS[code] for code in columns["kind"]] == ["kick", "loop", "kick"]
    assert columns["flags"].tolist()[0] == 0
    assert columns["flags"].tolist()[1] & FAVOURITE
    assert columns["flags"].tolist()[2] & SLICE


def test_flags_follow_the_snapshot() -> None:
    """A loop is marked where the snapshot says so, whatever its kind."""
    snapshot = snapshot_of(MADE)
    snapshot.sound["is_loop"] = np.array([True, False, False, False])
    assert [flag & LOOP for flag in read(points(Corpus(snapshot)))[1]["flags"].tolist()] == [LOOP, 0, 0]


def test_nothing_is_a_map_too() -> None:
    """Before the first snapshot there are no points."""
    packed = pack(Corpus.empty())
    assert read(packed.raw)[1]["id"].tolist() == []
    assert packed.packed is None


def test_packing_pays_or_is_left_out() -> None:
    """What gzip makes smaller by a tenth is kept so; each state of the library has a tag of its own."""
    many = Made([MadeSound(i, [below(f"{i}.wav")], (0.5, 0.5)) for i in range(1, 1000)])
    packed = pack(Corpus(snapshot_of(many)))
    assert packed.packed is not None
    assert gzip.decompress(packed.packed) == packed.raw
    tags = {
        tag_of(Corpus(snapshot_of(Made(MADE.sounds, generation=generation, epoch=epoch))))
        for generation, epoch in ((1, 1), (2, 1), (2, 2))
    }
    assert len(tags) == 3


def test_points_that_stay_as_they_are_keep_their_tag() -> None:
    """A file with another name makes another state of the library of the same points: none is sent anew."""
    many = [MadeSound(i, [below(f"{i}.wav")], (0.5, 0.5)) for i in range(1, 1000)]
    before = pack(Corpus(snapshot_of(Made(many, generation=1))))
    renamed = [MadeSound(1, [below("renamed.wav")], (0.5, 0.5)), *many[1:]]
    after = pack(Corpus(snapshot_of(Made(renamed, generation=2))), before)
    assert (after.tag, after.packed) == (before.tag, before.packed)
    assert after.packed is before.packed, "it was compressed anew"
    assert after.snapshot != before.snapshot
    moved = [MadeSound(1, [below("1.wav")], (0.5, 0.6)), *many[1:]]
    assert pack(Corpus(snapshot_of(Made(moved, generation=3))), after).tag != before.tag


def test_kinds_look_as_in_the_picture_of_the_map() -> None:
    """Names stand in the order of their codes, each with its colour and marker."""
    assert [kind["name"] for kind in kinds()] == list(KINDS)
    assert kinds()[KIND_CODES["ride"]] == {"name": "ride", "colour": "#da5f17", "marker": "^"}


@pytest.mark.parametrize(
    ("name", "subtype", "expected"),
    [
        ("a.wav", "PCM_16", "audio/wav"),
        ("a.wav", "PCM_24", "audio/wav"),
        ("a.wav", "FLOAT", "audio/wav"),
        ("a.wav", "DOUBLE", None),
        ("a.wav", "IMA_ADPCM", None),
        ("a.wav", "ULAW", None),
        ("a.flac", "PCM_16", "audio/flac"),
        ("a.ogg", "VORBIS", "audio/ogg"),
        ("a.mp3", "MPEG_LAYER_III", "audio/mpeg"),
        ("a.aif", "PCM_16", None),
        ("a.w64", "PCM_16", None),
        ("a.caf", "PCM_16", None),
    ],
)
def test_what_browsers_play(tmp_path: Path, name: str, subtype: str, expected: str | None) -> None:
    """Told by the content: formats and codings that every browser has."""
    path = sounds.write(tmp_path / name, sounds.kick(), subtype=subtype)
    assert media_type(path.read_bytes()[:64], path.suffix.encode()) == expected


@pytest.mark.parametrize(
    ("head", "suffix"),
    [
        (b"", b".wav"),
        (b"root:x:0:0:root:/root:/bin/bash\n", b".wav"),
        (b"root:x:0:0:root:/root:/bin/bash\n", b".mp3"),
        (b"<html>", b".ogg"),
        (b"RIFF\0\0\0\0AVI LIST", b".wav"),
        (b"RIFF\0\0\0\0WAVEfmt ", b".wav"),
        (b"\0\0\0\x20ftypisom", b".mp4"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", b".mp3"),
        (b"\xff", b".mp3"),
    ],
)
def test_what_is_no_audio_is_never_served_as_it_is(head: bytes, suffix: bytes) -> None:
    """A name alone makes nothing a sound."""
    assert media_type(head, suffix) is None


def test_a_wave_of_many_channels_is_converted() -> None:
    """Browsers mix those as they like, or not at all."""
    fmt = struct.pack("<4sI8sIHHIIHH4sI", b"RIFF", 99, b"WAVEfmt ", 16, 1, 6, 48000, 1, 12, 16, b"data", 9)
    assert media_type(fmt, b".wav") is None
    assert media_type(fmt[:22] + b"\2" + fmt[23:], b".wav") == "audio/wav"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, Part(0, 100)),
        ("bytes=0-", Part(0, 100)),
        ("bytes=10-19", Part(10, 20)),
        ("bytes=90-500", Part(90, 100)),
        ("bytes=-10", Part(90, 100)),
        ("bytes=-500", Part(0, 100)),
        ("bytes=99-", Part(99, 100)),
        ("bytes=100-", None),
        ("bytes=-0", None),
        ("bytes=20-10", Part(0, 100)),
        ("bytes=-", Part(0, 100)),
        ("bytes=0-1,5-6", Part(0, 100)),
        ("bytes=1-\u0663", Part(0, 100)),
        ("bytes=99999999999999999999-", Part(0, 100)),
        ("lines=1-2", Part(0, 100)),
        ("nonsense", Part(0, 100)),
    ],
)
def test_which_part_is_asked_for(asked: str | None, expected: Part | None) -> None:
    """What isn't understood asks for everything; what lies behind the end can't be had."""
    assert part_asked_for(asked, 100) == expected
