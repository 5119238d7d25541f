"""The demo folder: made once, completed when interrupted, never somebody else's."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from klustr_bridge.demo import make_demo_library, plan
from klustr_bridge.demo.library import MANIFEST_NAME, encode_wav, write_library
from klustr_bridge.demo.pack import render
from klustr_bridge.errors import LibraryError

SMALL = plan()[::12]


def contents(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("demo") / "Demo Sounds"
    paths = make_demo_library(directory)
    assert len(paths) == len(plan())
    return directory


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("small")
    write_library(directory, SMALL, 1)
    return directory


def copy_of(pack: Path, to: Path) -> Path:
    for name, data in contents(pack).items():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        (to / name).write_bytes(data)
    return to


def test_files_are_readable_wav_of_the_stated_format(pack: Path) -> None:
    """A WAV reader takes each file: 44.1 kHz, 16 or 24 bits, one or two channels, the audio that was made."""
    formats = set()
    for sound in plan():
        info = soundfile.info(pack / sound.path)
        formats.add((info.subtype, info.channels))
        assert (info.format, info.samplerate) == ("WAV", 44_100)
        assert 0.04 <= info.duration <= 2.5
    assert {subtype for subtype, _ in formats} == {"PCM_16", "PCM_24"}
    assert {channels for _, channels in formats} == {1, 2}
    for sound in plan()[::37]:
        audio, _ = soundfile.read(pack / sound.path)
        made = render(sound, 1)
        assert audio.shape == made.audio.shape
        assert abs(audio - made.audio).max() < 1 / 2 ** (made.bits - 1)


def test_only_the_sounds_and_the_manifest_are_there(pack: Path) -> None:
    """No half-written or stray file stays behind."""
    assert contents(pack).keys() == {sound.path for sound in plan()} | {MANIFEST_NAME}


def test_a_complete_library_is_left_alone(pack: Path) -> None:
    """A second call writes nothing, not even a time stamp, and answers the same paths."""
    before = {path: path.stat().st_mtime_ns for path in pack.rglob("*")}
    assert make_demo_library(pack) == [pack / sound.path for sound in plan()]
    assert {path: path.stat().st_mtime_ns for path in pack.rglob("*")} == before


def test_another_process_makes_the_same_bytes(pack: Path, tmp_path: Path) -> None:
    """The same seed gives the same bytes, through the command as well."""
    command = [sys.executable, "-m", "klustr_bridge.demo", str(tmp_path / "again")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert f"{len(plan())} sounds" in done.stdout
    assert contents(tmp_path / "again") == contents(pack)


def test_missing_files_are_completed_and_the_rest_is_not_rewritten(small: Path, tmp_path: Path) -> None:
    """A library that lost files, or has a file cut short, is mended."""
    mine = copy_of(small, tmp_path)
    lost, cut, kept = (mine / SMALL[i].path for i in (3, 7, 15))
    lost.unlink()
    cut.write_bytes(cut.read_bytes()[:1000])
    stamp = kept.stat().st_mtime_ns
    write_library(mine, SMALL, 1)
    assert contents(mine) == contents(small)
    assert kept.stat().st_mtime_ns == stamp


def test_a_killed_run_is_completed(pack: Path, tmp_path: Path) -> None:
    """Killed in the middle, the folder doesn't claim to be complete; the next call completes it."""
    directory = tmp_path / "demo"
    script = (
        "import os, pathlib, sys\n"
        "def stop_at_a_snare(event, args):\n"
        "    if event == 'os.rename' and os.path.basename(args[1]) == 'Snare 808 02.wav':\n"
        "        print('there', flush=True)\n"
        "        sys.stdin.read()\n"
        "sys.addaudithook(stop_at_a_snare)\n"
        "from klustr_bridge.demo import make_demo_library\n"
        "make_demo_library(pathlib.Path(sys.argv[1]))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        process.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
        process.wait(timeout=20)
    assert json.loads((directory / MANIFEST_NAME).read_text())["complete"] is False
    assert not (directory / "Snares/Snare 808 02.wav").exists()
    made = directory / "Kicks/Kick Deep 01.wav"
    stamp = made.stat().st_mtime_ns
    make_demo_library(directory)
    assert contents(directory) == contents(pack)
    assert made.stat().st_mtime_ns == stamp


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    """A producer's own folder is never written to."""
    (tmp_path / "Kicks").mkdir()
    (tmp_path / "Kicks" / "Kick Deep 01.wav").write_bytes(b"mine")
    with pytest.raises(LibraryError, match="isn't empty"):
        make_demo_library(tmp_path)
    assert contents(tmp_path) == {"Kicks/Kick Deep 01.wav": b"mine"}


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A file in the way ends in a message that names the folder."""
    (tmp_path / "file").write_text("")
    with pytest.raises(LibraryError, match="can't be written"):
        make_demo_library(tmp_path / "file" / "demo")


def test_a_library_of_another_release_is_replaced(small: Path, tmp_path: Path) -> None:
    """Sounds that an older release listed go, this one's come; what nobody listed stays."""
    mine = copy_of(small, tmp_path)
    old = mine / "Kicks" / "Kick Old 01.wav"
    old.write_bytes(b"old")
    own = mine / "Kicks" / "my own.wav"
    own.write_bytes(b"own")
    outside = tmp_path.parent / "outside.wav"
    outside.write_bytes(b"outside")
    sizes = {"Kicks/Kick Old 01.wav": 3, "../outside.wav": 7, str(outside): 7}
    manifest = {"recipe_version": 0, "seed": 1, "complete": True, "sizes": sizes}
    (mine / MANIFEST_NAME).write_text(json.dumps(manifest))
    write_library(mine, SMALL, 1)
    assert not old.exists()
    assert own.read_bytes() == b"own"
    assert outside.read_bytes() == b"outside"
    own.unlink()
    assert contents(mine) == contents(small)


@pytest.mark.parametrize("damaged", ["", "[]", "{", '{"sizes": 3}'])
def test_a_damaged_manifest_is_mended(small: Path, tmp_path: Path, damaged: str) -> None:
    """A manifest that can't be read means: not complete."""
    mine = copy_of(small, tmp_path)
    (mine / MANIFEST_NAME).write_text(damaged)
    write_library(mine, SMALL, 1)
    assert contents(mine) == contents(small)


def test_24_bits_hold_more_than_16() -> None:
    """Negative and positive full scale survive both packings."""
    sound = plan()[0]
    made = render(sound, 1)
    assert len(encode_wav(made)) == 44 + made.audio.size * made.bits // 8
