"""Commands that have a running daemon do the work: they end when it is done, whatever the names."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import run
from tests.daemon import running
from tests.daemon.running import RunningDaemon
from tests.sounds import write_library

N_SOUNDS = 6


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon of the folder ``samples/one`` beside its home."""
    place = tmp_path_factory.mktemp("commands")
    write_library(place / "samples" / "one", N_SOUNDS)
    with RunningDaemon(place / "home", str(place / "samples" / "one")) as running:
        running.wait_ready(N_SOUNDS)
        yield running


def test_index_ends_where_there_is_nothing_to_hear(tmp_path: Path) -> None:
    """A library without files is indexed when that has been seen."""
    folder = tmp_path / "empty"
    folder.mkdir()
    with RunningDaemon(tmp_path / "home", str(folder)) as daemon:
        daemon.wait_until(lambda client: client.status().state == "empty")
        done = run(tmp_path / "home", "index")
        assert done.returncode == 0, done.stderr
        assert "0 files, 0 sounds, 0 refused: no sample files" in done.stdout


def test_relayout_makes_a_new_epoch(tmp_path: Path) -> None:
    """With a daemon and without one, the command ends when the map is there; its settings count without."""
    folder = tmp_path / "samples"
    write_library(folder, N_SOUNDS)
    with RunningDaemon(tmp_path / "home", str(folder), "--refit", "manual") as daemon:
        daemon.wait_ready(N_SOUNDS)
        before = daemon.client.status().epoch
        done = run(tmp_path / "home", "relayout")
        assert done.returncode == 0, done.stderr
        assert daemon.client.status().epoch == before + 1
        for words in (["relayout"], ["index"]):
            refused = run(tmp_path / "home", *words, "--layout", "axes")
            assert refused.returncode == 2
            assert 'layout.method = "axes"' in refused.stderr
            assert daemon.client.status().epoch == before + 1
    for number in (2, 3):
        done = run(tmp_path / "home", "relayout")
        assert done.returncode == 0, done.stderr
        assert f"map epoch {before + number}" in done.stdout
    done = run(tmp_path / "home", "relayout", "--layout", "axes", "--x-axis", "tone")
    assert done.returncode == 0, done.stderr
    assert "for this map alone" in done.stdout
    assert 'layout.method = "axes", layout.x = "tone"' in done.stdout
    assert "axes-tone-length" in run(tmp_path / "home", "status").stdout


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


def test_the_last_folder_taken_out_is_told_and_the_empty_library_is_asked(tmp_path: Path) -> None:
    """What runs on an emptied library says so, and commands go on asking it, not the demo."""
    folder, home = tmp_path / "samples", tmp_path / "home"
    write_library(folder, N_SOUNDS)
    demo = home / "data" / "klustr-bridge" / "demo.klustr"
    assert run(home, "index", str(folder), "--library", str(demo)).returncode == 0
    with RunningDaemon(home, str(folder)) as daemon:
        daemon.wait_ready(N_SOUNDS)
        assert run(home, "remove", str(folder)).returncode == 0
        daemon.wait_for_line("^empty: the library has no sample files; add a folder")
        assert f"OSC port {daemon.port}" in run(home, "status").stdout


def test_folders_are_watched_while_a_daemon_runs(tmp_path: Path) -> None:
    """A folder is said to be watched by whom there is, absent in any case, and else unwatched."""
    home, there, gone = tmp_path / "home", tmp_path / "there", tmp_path / "gone"
    write_library(there, N_SOUNDS)
    write_library(gone, 2, seed=7)

    def states() -> list[str]:
        return [row["state"] for row in json.loads(run(home, "folders", "--json").stdout)]

    with RunningDaemon(home, str(there), str(gone)) as daemon:
        daemon.wait_ready(N_SOUNDS + 2)
        assert states() == ["watched", "watched"]
        gone.rename(tmp_path / "elsewhere")
        daemon.client.command("/klustr/rescan", timeout=60.0)
        assert states() == ["absent", "watched"]
        assert daemon.stop() == 0
    assert states() == ["absent", "unwatched"]
    said = run(home, "folders").stdout.splitlines()
    assert said[0].endswith("absent") and said[1].endswith(f"{N_SOUNDS} files  unwatched (no daemon runs)")


def test_add_through_the_daemon_says_what_a_folder_swallows(daemon: RunningDaemon) -> None:
    """As without a daemon: the folders that are now part of the new one are named."""
    one = daemon.home.parent / "samples" / "one"
    added = run(daemon.home, "add", str(one.parent), str(one))
    assert f"{one.parent}: added; now part of it: {one}; the running" in added.stdout
    assert f"{one}: is in the library already, as part of {one.parent}\n" in added.stdout


def test_a_second_bridge_on_the_port_names_the_first(tmp_path: Path, daemon: RunningDaemon) -> None:
    """By its library and process number, found over HTTP; by its sounds where it has no HTTP port for us."""
    http_port = daemon.wait_for_line("^HTTP on ").rstrip("/").rpartition(":")[2]
    words = [str(tmp_path), "--audio", "off", "--osc-port", str(daemon.port), "--http-port"]
    second = running.run(tmp_path / "other", *words, http_port)
    library = next(daemon.home.rglob("library.klustr"))
    assert second.returncode == 1
    assert f"port {daemon.port} is in use by klustr-bridge " in second.stderr
    assert f"(pid {daemon.process.pid}, library {library}, {N_SOUNDS} sounds, ready)" in second.stderr
    assert "another program" not in second.stderr
    assert "--osc-port (0 takes a free one)" in second.stderr
    third = running.run(tmp_path / "other", *words, "0")
    assert f"{daemon.port} is in use by klustr-bridge " in third.stderr
    assert f"with {N_SOUNDS} sounds (ready)" in third.stderr
    if sys.platform == "linux":  # where the system tells who holds a port
        assert f"(pid {daemon.process.pid}); use it, stop it, or" in third.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes exist on Linux")
@pytest.mark.parametrize("name", [b"odd\xff", b"back\\slash", "déjà \\u00e9 \\xff".encode()])
def test_folders_of_any_name(tmp_path: Path, daemon: RunningDaemon, name: bytes) -> None:
    """A name with backslashes or of bytes that are no text is added, indexed and removed."""
    odd = os.fsdecode(os.path.join(os.fsencode(tmp_path), name))
    write_library(tmp_path / "plain", 2, seed=9)
    (tmp_path / "plain").rename(odd)
    added = run(daemon.home, "add", odd)
    assert (added.returncode, added.stderr) == (0, "")
    daemon.wait_ready(N_SOUNDS + 2)
    assert odd in [folder.path for folder in daemon.client.folders()]
    removed = run(daemon.home, "remove", odd)
    assert (removed.returncode, removed.stderr) == (0, "")
    assert daemon.client.status().sounds == N_SOUNDS
    indexed = run(daemon.home, "index", odd)
    assert indexed.returncode == 0, indexed.stderr
    assert f"{N_SOUNDS + 2} files, {N_SOUNDS + 2} sounds" in indexed.stdout
    assert run(daemon.home, "remove", odd).returncode == 0
    daemon.wait_ready(N_SOUNDS)
