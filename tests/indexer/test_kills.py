"""Killing the indexing at any moment loses nothing that was committed.

The number of runs is `BRIDGE_TEST_KILLS` (default 4); fifty of them take some minutes.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.indexer.contents import contents, epoch, sounds_and_places
from tests.sounds import write_library

N_RUNS = int(os.environ.get("BRIDGE_TEST_KILLS", "4"))
N_FILES = 150
# From before the first scan to after the last commit on the machines this was tuned on.
LATEST_KILL_S = 4.0

pytestmark = [
    pytest.mark.timeout(60 + 60 * N_RUNS),
    pytest.mark.skipif(psutil.WINDOWS, reason="kills as POSIX systems know them"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    write_library(folder, N_FILES, seed=5)
    for path in folder.rglob("*.wav"):  # long at rest: no file has to settle
        os.utime(path, (1_600_000_000, 1_600_000_000))
    return folder


def _start(folder: Path, library: Path, home: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"XDG_CACHE_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    words = ["index", str(folder), "--library", str(library), "--layout", "pca", "--workers", "2"]
    with (home / "output.txt").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "klustr_bridge", *words, "--view", "plain"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _finish(process: subprocess.Popen[bytes], home: Path) -> None:
    process.wait(60)
    assert process.returncode == 0, (home / "output.txt").read_text()


def _analysed(library: Path) -> set[bytes]:
    if not library.exists():
        return set()
    try:
        return {path for path, content in contents(library).items() if content.state == "analysed"}
    except sqlite3.OperationalError:  # killed before the tables were made
        return set()


def _make_unrecognisable(path: bytes) -> bytes:
    """Replace a file's audio without a trace in its stamp, and return what it held."""
    before = os.stat(path)
    with open(path, "r+b") as file:
        original = file.read()
        file.seek(0)
        file.write(bytes(len(original)))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return original


def _restore(path: bytes, original: bytes) -> None:
    before = os.stat(path)
    with open(path, "r+b") as file:
        file.write(original)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture(scope="module")
def undisturbed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("undisturbed")
    _finish(_start(folder, home / "library.klustr", home), home)
    return home / "library.klustr"


@pytest.mark.parametrize("run", range(N_RUNS))
def test_a_kill_loses_nothing(run: int, folder: Path, undisturbed: Path, tmp_path: Path) -> None:
    """After kill -9 the next run completes the same library without hearing a committed file again.

    What was committed is made unrecognisable on disk behind the next run's back: heard again, it
    would become another sound.
    """
    chance = random.Random(run)
    library = tmp_path / "library.klustr"
    process = _start(folder, library, tmp_path)
    try:
        process.wait(chance.uniform(0.3, LATEST_KILL_S))
    except subprocess.TimeoutExpired:
        children = psutil.Process(process.pid).children(recursive=True)
        victim = chance.choice(["main", "group", "child"])
        if victim == "group":
            os.killpg(process.pid, signal.SIGKILL)
        elif victim == "child" and children:
            chance.choice(children).kill()
        else:
            process.kill()
        if victim == "child":
            process.wait(60)
        else:
            process.wait(10)
            _, alive = psutil.wait_procs(children, timeout=10)
            assert not alive, "orphans outlive a killed run"

    heard = sorted(_analysed(library))
    ids = sounds_and_places(library) if heard else {}
    before = epoch(library) if heard else 0
    originals = {path: _make_unrecognisable(path) for path in heard}
    try:
        _finish(_start(folder, library, tmp_path), tmp_path)
    finally:
        for path, original in originals.items():
            _restore(path, original)

    assert contents(library) == contents(undisturbed)
    after = sounds_and_places(library)
    assert {uid: after[uid][0] for uid in ids} == {uid: place[0] for uid, place in ids.items()}
    if epoch(library) == before:
        assert {uid: after[uid] for uid in ids} == ids
    assert len(after) == len(sounds_and_places(undisturbed))
    with sqlite3.connect(library) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
