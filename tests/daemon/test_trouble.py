"""What must not take the daemon along: a terminal that is stopped, another writer, a bad request."""

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from klustr_bridge.client import Client, FailError, NoAnswerError
from klustr_bridge.library.lock import daemon_lock, writer_lock
from tests.commands import run
from tests.daemon.running import RunningDaemon, environment
from tests.sounds import write_library

N_SOUNDS = 12


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "samples"
    write_library(folder, N_SOUNDS)
    return folder


@pytest.fixture
def full_pipe() -> Iterator[tuple[int, int]]:
    """A pipe that takes nothing more: what a terminal after Ctrl-S is."""
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(theirs, b"." * 65536)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(theirs, b".")
    os.set_blocking(theirs, True)
    yield ours, theirs
    for end in (ours, theirs):
        with contextlib.suppress(OSError):
            os.close(end)


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX systems know them")
@pytest.mark.parametrize("read_at_last", [False, True])
def test_output_that_nobody_reads_holds_up_nothing(
    tmp_path: Path, folder: Path, full_pipe: tuple[int, int], read_at_last: bool
) -> None:
    """It serves, indexes and ends though its output is stuck; read later, start and stop were said."""
    ours, theirs = full_pipe
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["--osc-port", str(port), "--http-port", "0", "--audio", "off", "--midi", "off"]
    words += ["--layout", "pca", "--workers", "1", "--settle-time", "0.1", "--log-level", "debug"]
    process = subprocess.Popen(
        [sys.executable, "-m", "klustr_bridge", str(folder), *words],
        env=environment(tmp_path / "home"),
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        with Client(port=port, timeout=5.0) as client:
            _wait_until_answered(process, client)
            until = time.monotonic() + 40
            while (status := client.status()).state != "ready" or status.sounds != N_SOUNDS:
                assert time.monotonic() < until, status
                next(iter(client.events(timeout=0.1)), None)
        if read_at_last:
            text = b""
            while b"\nOSC on" not in text:
                text += os.read(ours, 65536)
            assert b"klustr-bridge" in text
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0
        if read_at_last:
            rest = b""
            while piece := os.read(ours, 65536):
                rest += piece
            assert b"stopping\n" in rest
    finally:
        process.kill()
        process.wait(10)


def _wait_until_answered(process: "subprocess.Popen[bytes]", client: Client) -> None:
    for _ in range(300):
        with contextlib.suppress(NoAnswerError):
            client.hello("test")
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    raise AssertionError("no answer")


def test_the_demo_goes_on_until_the_own_library_is_free(tmp_path: Path, folder: Path) -> None:
    """Leaving the demo is refused by name while another process has the own library, then works."""
    home = tmp_path / "home"
    own = home / "data" / "klustr-bridge" / "library.klustr"
    with RunningDaemon(home) as daemon:
        daemon.wait_until(lambda client: client.status().sounds > 250, deadline_s=90)
        with writer_lock(own, "klustr-bridge index"), pytest.raises(FailError) as caught:
            daemon.client.add_folder(folder)
        assert caught.value.code == "busy"
        assert f"klustr-bridge index (pid {os.getpid()})" in caught.value.message
        with daemon_lock(own), pytest.raises(FailError) as caught:
            daemon.client.add_folder(folder)
        assert caught.value.code == "busy"
        with pytest.raises(FailError) as caught:
            daemon.client.add_folder(tmp_path / "nowhere")
        assert caught.value.code == "badargs"
        assert daemon.client.status().sounds > 250
        daemon.client.add_folder(folder)
        daemon.wait_ready(N_SOUNDS)
        assert daemon.stop() == 0
    assert "Traceback" not in "\n".join(daemon.lines)


def test_a_daemon_beside_a_long_index_serves_and_waits(tmp_path: Path, folder: Path) -> None:
    """Started while the library is written it serves what is known, names the writer, and then indexes."""
    home = tmp_path / "home"
    assert run(home, "index", str(folder), "--layout", "pca").returncode == 0
    more = tmp_path / "more"
    write_library(more, 3, seed=9)
    library = next(home.rglob("*.klustr"))
    with contextlib.ExitStack() as lock:
        lock.enter_context(writer_lock(library, "klustr-bridge index"))
        with RunningDaemon(home, str(more)) as daemon:
            daemon.wait_for_line(rf"being written by klustr-bridge index \(pid {os.getpid()}\)")
            daemon.wait_until(lambda client: client.status().sounds == N_SOUNDS)
            with pytest.raises(FailError) as caught:
                daemon.client.command("/klustr/rescan")
            assert caught.value.code == "busy"
            lock.close()
            daemon.wait_ready(N_SOUNDS + 3)


def test_a_locked_library_ends_nothing(tmp_path: Path, folder: Path) -> None:
    """A lock that outlasts SQLite's patience is told; questions are answered, and the daemon goes on."""
    home = tmp_path / "home"
    with RunningDaemon(home, str(folder)) as daemon:
        daemon.wait_ready(N_SOUNDS)
        lock = sqlite3.connect(next(home.rglob("*.klustr")), isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        write_library(folder / "more", 3, seed=9)
        daemon.wait_for_line("database is locked")
        assert len(daemon.client.near_xy(0.5, 0.5, 3)) == 3
        lock.close()
        daemon.wait_ready(N_SOUNDS + 3)
        assert daemon.stop() == 0
