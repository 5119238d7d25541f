"""Commands that have a running daemon do the work: they end when it is done, whatever the names."""

import os
import sys
from pathlib import Path

import pytest

from tests.daemon.running import RunningDaemon, run
from tests.sounds import write_library

N_SOUNDS = 6


def test_index_ends_where_there_is_nothing_to_hear(tmp_path: Path) -> None:
    """A library without files is indexed when that has been seen."""
    folder = tmp_path / "empty"
    folder.mkdir()
    with RunningDaemon(tmp_path / "home", str(folder)) as daemon:
        daemon.wait_until(lambda client: client.status().state == "empty")
        done = run(tmp_path / "home", "index")
        assert done.returncode == 0, done.stderr
        assert "0 files, 0 sounds, 0 refused: no sample files" in done.stdout


def test_index_hears_what_was_there_when_it_began(tmp_path: Path) -> None:
    """Files copied just now have to settle first; the command waits for them and counts them."""
    folder = tmp_path / "samples"
    write_library(folder, N_SOUNDS)
    words = ["--settle-time", "1.5", "--watch", "off"]  # so that the command alone can find them
    with RunningDaemon(tmp_path / "home", str(folder), *words) as daemon:
        daemon.wait_ready(N_SOUNDS)
        for number in range(1, 3):
            write_library(folder / f"more {number}", 2, seed=number + 20)
            done = run(tmp_path / "home", "index")
            assert done.returncode == 0, done.stderr
            assert f"{N_SOUNDS + 2 * number} files, {N_SOUNDS + 2 * number} sounds" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes exist on Linux")
@pytest.mark.parametrize("name", [b"odd\xff", b"back\\slash", "déjà \\u00e9 \\xff".encode()])
def test_folders_of_any_name(tmp_path: Path, name: bytes) -> None:
    """A name with backslashes or of bytes that are no text is added, indexed and removed."""
    first, odd = tmp_path / "first", os.fsdecode(os.path.join(os.fsencode(tmp_path), name))
    write_library(first, N_SOUNDS)
    write_library(tmp_path / "plain", 2, seed=9)
    (tmp_path / "plain").rename(odd)
    home = tmp_path / "home"
    with RunningDaemon(home, str(first)) as daemon:
        daemon.wait_ready(N_SOUNDS)
        added = run(home, "add", odd)
        assert (added.returncode, added.stderr) == (0, "")
        daemon.wait_ready(N_SOUNDS + 2)
        assert odd in [folder.path for folder in daemon.client.folders()]
        removed = run(home, "remove", odd)
        assert (removed.returncode, removed.stderr) == (0, "")
        assert daemon.client.status().sounds == N_SOUNDS
        indexed = run(home, "index", odd)
        assert indexed.returncode == 0, indexed.stderr
        assert f"{N_SOUNDS + 2} files, {N_SOUNDS + 2} sounds" in indexed.stdout
