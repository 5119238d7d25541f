"""Killing the indexing at any moment loses nothing that was committed.

The number of runs is `BRIDGE_TEST_KILLS` (default 4); fifty of them take some minutes. The moment of a
kill is drawn as a number of files already committed, so that each run is cut off in the middle.
"""

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.indexer.contents import contents, epoch, sounds_and_places
from tests.sounds import write_library

N_RUNS = int(os.environ.get("BRIDGE_TEST_KILLS", "4"))
N_FILES = 200
# Drawn from these: before the library is made, once it is, and with so many files committed.
NOT_YET_MADE, MADE = -1, 0
MOST_COMMITTED = 100
PATIENCE_S = 60.0

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(psutil.WINDOWS, reason="kills as POSIX systems know them"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    write_library(folder, N_FILES, seed=5)
    for path in folder.rglob("*.wav"):  # long at rest: no file has to settle
        os.utime(path, (1_600_000_000, 1_600_000_000))
    return folder


def _start(folder: Path, library: Path, home: Path, *, daemon: bool = False) -> subprocess.Popen[bytes]:
    environment = os.environ | {"XDG_CACHE_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    words = [str(folder), "--library", str(library), "--layout", "pca", "--workers", "2", "--view", "plain"]
    if daemon:
        words += ["--osc-port", "0", "--http-port", "0", "--audio", "off", "--midi", "off"]
    with (home / "output.txt").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "klustr_bridge", *([] if daemon else ["index"]), *words],
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


def _n_committed(library: Path) -> int:
    """Return how many files are committed as analysed, `NOT_YET_MADE` before there are tables."""
    if not library.exists():
        return NOT_YET_MADE
    try:
        with contextlib.closing(sqlite3.connect(f"file:{library}?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT count(*) FROM files WHERE state = 'analysed'").fetchone()[0])
    except sqlite3.OperationalError:
        return NOT_YET_MADE


def _wait_until_committed(library: Path, n: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE_S
    while _n_committed(library) < n:
        assert time.monotonic() < until, f"{_n_committed(library)} files committed, waited for {n}"
        try:
            process.wait(0.005)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(f"it ended with {process.returncode} before {n} files were committed")


def _kill(victim: str, process: subprocess.Popen[bytes], chance: random.Random) -> None:
    """Kill a part or all of what runs, and wait until nothing of it is left."""
    assert process.poll() is None, "it ended before it could be killed"
    children = psutil.Process(process.pid).children(recursive=True)
    if victim == "child" and children:
        chance.choice(children).kill()
        assert process.wait(PATIENCE_S) == 0, "the loss of a worker ends nothing"
        return
    if victim == "group":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    assert process.wait(10) == -signal.SIGKILL, "it ended by itself"
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive, "orphans outlive a killed run"


@pytest.mark.parametrize("daemon", [False, True], ids=["index", "daemon"])
@pytest.mark.parametrize("run", range(N_RUNS))
def test_a_kill_loses_nothing(
    run: int, daemon: bool, folder: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """After kill -9 the next run completes the same library without hearing a committed file again.

    What was committed is made unrecognisable on disk behind the next run's back: heard again, it
    would become another sound.
    """
    chance = random.Random(run)
    library = tmp_path / "library.klustr"
    n = chance.choice([NOT_YET_MADE, MADE, *[chance.randint(1, MOST_COMMITTED) for _ in range(6)]])
    # one librarian of a daemon is started again, which another test sees to
    victim = chance.choice(["main", "group"] if daemon else ["main", "group", "child"])
    process = _start(folder, library, tmp_path, daemon=daemon)
    try:
        _wait_until_committed(library, n, process)
        _kill(victim, process, chance)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
    assert victim == "child" or _n_committed(library) < N_FILES, "it was killed when all was done"

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
