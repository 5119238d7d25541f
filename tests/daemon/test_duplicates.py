"""Duplicates and kits of a real daemon, and of the command line beside it and without it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import run
from tests.copies import COPIES
from tests.daemon.running import RunningDaemon, environment
from tests.sounds import kick, snare, write, write_library


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """Sixteen sounds, two more of one snare, and an exact copy of a kick whose name isn't UTF-8."""
    folder = tmp_path / "samples"
    write_library(folder, 16, seed=11)
    write(folder / "one.wav", snare(3))
    COPIES["128k.mp3"](folder / "lossy.mp3", snare(3))
    COPIES["softer.wav"](folder / "Backup of me" / "soft snare.wav", snare(3))
    write(folder / "kick.wav", kick(3))
    os.makedirs(folder / "old")
    shutil.copy(folder / "kick.wav", os.path.join(os.fsencode(folder / "old"), b"k\xe9.wav"))
    return folder


def test_a_daemon_finds_duplicates(tmp_path: Path, samples: Path) -> None:
    """It answers other questions meanwhile, knows at once what hasn't changed, and follows what has."""
    with RunningDaemon(tmp_path, str(samples)) as daemon:
        daemon.wait_ready(20)
        client = daemon.client
        client.send("/klustr/duplicates", 500)
        assert client.ping() < 5
        told = client.wait("/klustr/duplicates.reply", 60)
        assert told[:4] == (500, 1, 1, 3)
        (group,) = client.duplicates()
        assert names(daemon, group) == ["one.wav", "soft snare.wav", "lossy.mp3"]
        client.command("/klustr/favourite", group[2], 1, timeout=30)
        assert names(daemon, client.duplicates()[0]) == ["lossy.mp3", "one.wav", "soft snare.wav"]
        kit = client.kit(group[0])
        assert kit[0][1] == group[0]
        assert {"kick", "closed_hat", "open_hat", "tom"} <= {kind for kind, _ in kit}
        beside = json.loads(run(tmp_path, "duplicates", "--json").stdout)
        (samples / "lossy.mp3").unlink()
        (samples / "Backup of me" / "soft snare.wav").unlink()
        daemon.wait_ready(18)
        assert client.duplicates() == []
    assert {Path(group["keep"]).name: len(group["others"]) for group in beside} == {
        "kick.wav": 1,
        "lossy.mp3": 2,
    }


def names(daemon: RunningDaemon, ids: list[int]) -> list[str]:
    return [Path(daemon.client.path(sound_id)).name for sound_id in ids]


def test_the_command_lists_what_could_go(tmp_path: Path, samples: Path) -> None:
    """Without a daemon: for people, as JSON, as lines and as paths for xargs; nothing is deleted."""
    assert run(tmp_path, "index", str(samples), "--layout", "pca").returncode == 0
    before = sorted(os.fsencode(path) for path in samples.rglob("*"))
    groups = json.loads(run(tmp_path, "duplicates", "--json").stdout)
    told = {Path(group["keep"]).name: group["others"] for group in groups}
    assert set(told) == {"kick.wav", "one.wav"}
    assert [(other["match"], other["why"]) for other in told["kick.wav"]] == [
        ("exact", "it or its folder is named as a copy")
    ]
    assert told["kick.wav"][0]["path"].endswith(r"old/k\xe9.wav")
    assert [(Path(o["path"]).name, o["match"], o["why"]) for o in told["one.wav"]] == [
        ("soft snare.wav", "by ear", "its path is longer"),
        ("lossy.mp3", "by ear", "lossy, the kept one is not"),
    ]
    lines = run(tmp_path, "duplicates").stdout.splitlines()
    assert f"keep      {samples / 'one.wav'}" in lines
    assert f"by ear    {samples / 'lossy.mp3'}  (lossy, the kept one is not)" in lines
    assert lines[-1].startswith("2 sounds in more files than needed: 3 files, ")
    spare = [samples / "Backup of me" / "soft snare.wav", samples / "lossy.mp3"]
    odd = os.path.join(os.fsencode(samples), b"old", b"k\xe9.wav")
    assert sorted(output(tmp_path, "--null").split(b"\0")) == sorted([b"", odd, *map(os.fsencode, spare)])
    assert output(tmp_path, "--null", "--exact") == odd + b"\0"
    assert output(tmp_path, "--paths").splitlines()[-2:] == [os.fsencode(path) for path in spare]
    assert sorted(os.fsencode(path) for path in samples.rglob("*")) == before
    both = run(tmp_path, "duplicates", "--json", "--null")
    assert both.returncode == 2 and "choose one of --json, --paths and --null" in both.stderr


def test_no_duplicates_are_said(tmp_path: Path) -> None:
    """A line for people, nothing for scripts; without a library the way to one."""
    assert "make one: klustr-bridge index" in run(tmp_path, "duplicates").stderr
    write(tmp_path / "samples" / "one.wav", kick(1))
    assert run(tmp_path, "index", str(tmp_path / "samples"), "--layout", "pca").returncode == 0
    assert run(tmp_path, "duplicates").stdout == "no duplicates\n"
    assert run(tmp_path, "duplicates", "--paths").stdout == ""
    assert json.loads(run(tmp_path, "duplicates", "--json").stdout) == []


def output(home: Path, *words: str) -> bytes:
    """What the command prints, byte for byte."""
    command = [sys.executable, "-m", "klustr_bridge", "duplicates", *words]
    return subprocess.run(command, env=environment(home), capture_output=True, timeout=90, check=True).stdout
