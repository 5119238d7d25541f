"""Asking the library from the command line: which file is meant."""

import json
from pathlib import Path

import pytest

from tests.daemon.running import run
from tests.sounds import write_library


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose library holds files, and one that lies elsewhere and is linked."""
    home = tmp_path_factory.mktemp("home")
    *files, elsewhere = write_library(home / "samples", 6)
    elsewhere.rename(home / "elsewhere.wav")
    (home / "samples" / "linked.wav").symlink_to(home / "elsewhere.wav")
    (home / "door").symlink_to(home / "samples", target_is_directory=True)
    (home / "first.wav").symlink_to(files[0])
    done = run(home, "index", str(home / "samples"), "--layout", "pca")
    assert done.returncode == 0, done.stderr
    return home


@pytest.mark.parametrize("path", ["samples/linked.wav", "samples/../samples/linked.wav", "door/linked.wav"])
def test_a_linked_file_is_known_by_the_path_of_its_link(home: Path, path: str) -> None:
    """It is the library's own sound, so that it isn't among those that are like it."""
    own = json.loads(run(home, "find", "linked", "--json").stdout)[0]["id"]
    found = json.loads(run(home, "similar", str(home / path), "--json").stdout)
    assert len(found) == 5
    assert own not in [row["id"] for row in found]


def test_a_link_from_outside_leads_to_the_file(home: Path) -> None:
    """A link that no watched folder holds stands for what it points to."""
    own = json.loads(run(home, "find", "kick", "--json").stdout)[0]["id"]
    found = json.loads(run(home, "similar", str(home / "first.wav"), "--json").stdout)
    assert len(found) == 5
    assert own not in [row["id"] for row in found]


def test_why_says_what_keeps_two_sounds_apart(home: Path) -> None:
    """By id, uid, file of the library or any other file; the shares add up to one."""
    kick, snare = (json.loads(run(home, "find", name, "--json").stdout)[0] for name in ("kick", "snare"))
    told = json.loads(run(home, "why", str(kick["id"]), snare["uid"], "--json").stdout)
    assert told["distance"] > 0 and abs(sum(told["shares"].values()) - 1) < 1e-6
    assert json.loads(run(home, "why", kick["path"], snare["path"], "--json").stdout) == told
    (home / "copy.wav").write_bytes(Path(kick["path"]).read_bytes())
    same = json.loads(run(home, "why", str(home / "copy.wav"), kick["uid"], "--json").stdout)
    assert same["distance"] < 1e-4
    lines = run(home, "why", kick["uid"], snare["uid"]).stdout.splitlines()
    assert lines[0].split()[0] == "distance"
    assert {line.split()[0] for line in lines[1:]} == set(told["shares"])
    wrong = run(home, "why", kick["uid"], "nothing")
    assert wrong.returncode == 1 and "nothing is neither a file" in wrong.stderr
