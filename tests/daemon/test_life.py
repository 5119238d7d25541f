"""The daemon's life: start, restart, a second one, kills, the demo, and what it never imports."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from klustr_bridge import __version__
from klustr_bridge.bridge.announcing import GROUP
from klustr_bridge.client import Client
from tests.commands import run
from tests.daemon import running
from tests.daemon.running import RunningDaemon, environment
from tests.sounds import cowbell, write, write_library

N_SOUNDS = 12


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "samples"
    write_library(folder, N_SOUNDS)
    return folder


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon that goes on as it is through several tests."""
    place = tmp_path_factory.mktemp("life")
    write_library(place / "samples", N_SOUNDS)
    with RunningDaemon(place / "home", str(place / "samples")) as daemon:
        daemon.wait_ready(N_SOUNDS)
        yield daemon


def test_ctrl_c_ends_cleanly(tmp_path: Path, folder: Path) -> None:
    """Ctrl-C says goodbye to clients, leaves no process and exits with 0."""
    with RunningDaemon(tmp_path / "home", str(folder)) as daemon:
        daemon.wait_ready(N_SOUNDS)
        children = daemon.children()
        assert children
        with Client(port=daemon.port) as client:
            client.hello("witness")
            assert daemon.stop() == 0
            assert client.wait("/klustr/goodbye", timeout=5) == ()
        _, alive = psutil.wait_procs(children, timeout=5)
        assert not alive


def test_a_restart_hears_nothing_twice(tmp_path: Path, folder: Path) -> None:
    """After a kill the library is there again, with the same ids and places, without analysis."""
    home = tmp_path / "home"
    with RunningDaemon(home, str(folder)) as daemon:
        daemon.wait_ready(N_SOUNDS)
        points = daemon.client.points()
        children = daemon.children()
        daemon.kill()
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive, "processes outlive a killed daemon"
    for path in folder.rglob("*.wav"):  # unrecognisable, were they heard again
        status = path.stat()
        with path.open("r+b") as file:
            file.write(bytes(status.st_size))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with RunningDaemon(home) as daemon:  # the folder is remembered
        daemon.wait_ready(N_SOUNDS)
        assert daemon.client.points() == points


def test_a_second_daemon_names_the_first(tmp_path: Path, daemon: RunningDaemon) -> None:
    """The same library, or the same port, is refused with a message that names who has it."""
    home, folder = daemon.home, str(tmp_path)
    second = running.run(home, folder, "--osc-port", "0", "--audio", "off")
    assert second.returncode == 1
    assert f"pid {daemon.process.pid}" in second.stderr
    assert f"OSC port {daemon.port}" in second.stderr
    other = str(tmp_path / "other.klustr")
    words = ("--library", other, "--osc-port", str(daemon.port), "--audio", "off")
    third = running.run(home, folder, *words)
    assert third.returncode == 1
    assert f"port {daemon.port}" in third.stderr
    assert "--osc-port" in third.stderr
    assert f"in use by klustr-bridge {__version__} (" in third.stderr
    assert f"(pid {daemon.process.pid}, library {next(home.rglob('*.klustr'))}, " in third.stderr
    assert f"{N_SOUNDS} sounds, ready)" in third.stderr
    assert daemon.client.status().sounds == N_SOUNDS


def test_the_librarian_is_started_again(tmp_path: Path, folder: Path) -> None:
    """When the librarian process dies the daemon answers on, and files dropped later still appear."""
    with RunningDaemon(tmp_path / "home", str(folder)) as daemon:
        daemon.wait_ready(N_SOUNDS)
        librarian = psutil.Process(daemon.process.pid).children()
        for process in librarian:
            process.kill()
        assert len(daemon.client.near_xy(0.5, 0.5, 5)) == 5
        write(folder / "later.wav", cowbell(5))
        daemon.wait_until(lambda client: client.status().sounds == N_SOUNDS + 1)
        daemon.wait_ready(N_SOUNDS + 1)


def test_commands_go_through_the_daemon(tmp_path: Path, daemon: RunningDaemon) -> None:
    """With a daemon running, add, index and remove work through it, and questions give its answers."""
    home, more = daemon.home, tmp_path / "more"
    write_library(more, 5, seed=9)
    indexed = run(home, "index", str(more))
    assert indexed.returncode == 0, indexed.stderr
    assert "17 files, 17 sounds, 0 refused" in indexed.stdout
    assert daemon.client.status().sounds == N_SOUNDS + 5
    similar = run(home, "similar", str(next(more.rglob("*.wav"))), "-k", "3")
    assert similar.returncode == 0, similar.stderr
    assert len(similar.stdout.splitlines()) == 4
    removed = run(home, "remove", str(more))
    assert removed.returncode == 0, removed.stderr
    assert daemon.client.status().sounds == N_SOUNDS
    refused = run(home, "remove", str(more))
    assert refused.returncode == 1
    assert "not a folder of this library" in refused.stderr


def test_the_demo_is_left_when_a_folder_is_named(tmp_path: Path, folder: Path) -> None:
    """Without a folder the demo plays; adding one leaves it for the user's own library for good."""
    home = tmp_path / "home"
    with RunningDaemon(home) as daemon:
        daemon.wait_until(lambda client: client.status().sounds > 250, deadline_s=90)
        demo = {point.id for point in daemon.client.points()}
        added = run(home, "add", str(folder))
        assert added.returncode == 0, added.stderr
        assert added.stdout.startswith("the demo library is left")
        assert "library.klustr" in added.stdout.splitlines()[0]
        assert "the demo library" not in run(home, "add", str(folder)).stdout
        daemon.wait_ready(N_SOUNDS)
        assert {
            Path(daemon.client.path(point.id)).is_relative_to(folder) for point in daemon.client.points()
        } == {True}
        assert len(demo) > 250
        assert daemon.stop() == 0
    with RunningDaemon(home) as daemon:
        daemon.wait_ready(N_SOUNDS)


def test_names_can_be_found_before_they_are_heard(tmp_path: Path) -> None:
    """File names are listed, typed and playable at once, while the analysis has hardly begun."""
    folder = tmp_path / "samples"
    write_library(folder, 250)
    with RunningDaemon(tmp_path / "home", str(folder)) as daemon:
        daemon.wait_until(lambda client: client.status().pending > 0)
        status = daemon.client.status()
        found = daemon.client.find("kick", 500)
        waiting = [sound_id for sound_id in found if daemon.client.info(sound_id).duration == 0]
        assert status.files > status.sounds
        assert waiting
        assert daemon.client.info(waiting[0]).kind == "kick"
        assert Path(daemon.client.path(waiting[0])).exists()
        daemon.wait_ready(250)
        reserved = set(waiting)
        assert reserved <= {point.id for point in daemon.client.points()}, "a listed file keeps its id"


def test_heavy_libraries_stay_out_of_the_serving_process() -> None:
    """What serves imports neither numba, umap, librosa, sklearn, watchdog, matplotlib nor onnxruntime."""
    heavy = ["numba", "umap", "librosa", "sklearn", "watchdog", "matplotlib", "pynndescent", "onnxruntime"]
    code = f"import klustr_bridge.daemon, sys; print(*[name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


_COMPILED = ("llvmlite", "numba", "sklearn", "matplotlib", "onnxruntime")


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads maps of a process from /proc")
def test_a_daemon_at_work_has_loaded_nothing_heavy(daemon: RunningDaemon) -> None:
    """Indexing and fitting a map leave no compiled part of the heavy libraries in the serving process."""
    maps = Path(f"/proc/{daemon.process.pid}/maps").read_text()
    assert not [name for name in _COMPILED if f"/{name}/" in maps]


def test_it_listens_on_loopback_alone(tmp_path: Path, folder: Path) -> None:
    """No socket of the daemon is bound to an address that another machine could reach.

    The group of zeroconf is one that it has joined on loopback alone.
    """
    with RunningDaemon(tmp_path / "home", str(folder), "--http-announce", "on") as daemon:
        daemon.wait_ready(N_SOUNDS)
        processes = [psutil.Process(daemon.process.pid), *daemon.children()]
        sockets = [sock for process in processes for sock in process.net_connections(kind="inet")]
        assert sockets
        assert {sock.laddr.ip for sock in sockets} <= {"127.0.0.1", "::1", GROUP}


def test_a_taken_port_is_said_plainly(tmp_path: Path, folder: Path) -> None:
    """A port that another program has is named with the way out, and nothing is left running."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        done = running.run(tmp_path / "home", str(folder), "--osc-port", str(port), "--audio", "off")
    assert done.returncode == 1
    assert f"port {port} is in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_folder_is_a_usage_mistake(tmp_path: Path) -> None:
    """A folder that doesn't exist ends the command with 2 before anything is started."""
    done = subprocess.run(
        [sys.executable, "-m", "klustr_bridge", str(tmp_path / "nowhere")],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "nowhere is not a folder" in done.stderr


def test_a_removed_folder_stays_removed_when_the_librarian_restarts(tmp_path: Path, folder: Path) -> None:
    """Folders named at the start are added once; a crash of the librarian doesn't bring them back."""
    more = tmp_path / "more"
    write_library(more, 3, seed=9)
    with RunningDaemon(tmp_path / "home", str(folder), str(more)) as daemon:
        daemon.wait_ready(N_SOUNDS + 3)
        daemon.client.remove_folder(more)
        assert daemon.client.status().sounds == N_SOUNDS
        for process in psutil.Process(daemon.process.pid).children():
            process.kill()
        write(folder / "later.wav", cowbell(5))
        daemon.wait_until(lambda client: client.status().sounds >= N_SOUNDS + 1)
        daemon.wait_ready(N_SOUNDS + 1)
