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
