import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing.connection import wait

import numpy as np
import psutil
import pytest

from klustr_bridge.errors import LayoutError
from klustr_bridge.layout.fit import fit_layout
from klustr_bridge.layout.process import LayoutProcess
from tests.layout.data import clusters

# The first fit after an installation compiles for half a minute, several on a busy machine.
pytestmark = pytest.mark.timeout(600)
_DEADLINE_S = 300.0


@pytest.fixture
def process():
    """A layout process that is gone after the test."""
    layout_process = LayoutProcess()
    yield layout_process
    layout_process.cancel()


def _finish(process):
    """Wait as the librarian does, on the connection, until there is news."""
    assert wait([process.connection], _DEADLINE_S)
    return process.poll()


def _ids(n):
    return np.arange(1, n + 1, dtype=np.int32)


def test_a_fit_comes_back_with_its_ids(process):
    """The map made in the other process is the one made here, with the ids handed in."""
    points, ids = clusters(60), _ids(60)[::-1].copy()
    process.start(points, ids, seed=4)
    assert process.running
    result = _finish(process)
    assert result is not None
    assert np.array_equal(result.ids, ids)
    expected = fit_layout(points, seed=4)
    assert np.array_equal(result.layout.xy, expected.xy)
    assert result.layout.method == "tsne"
    assert result.layout.scores == expected.scores
    assert result.elapsed_s > 0
    assert not process.running
    assert process.failed is None
    assert process.poll() is None


def test_an_earlier_map_is_handed_over(process):
    """The positions of before reach the fit."""
    points = clusters(60)
    previous = 1 - fit_layout(points, seed=1, method="pca").xy
    process.start(points, _ids(60), seed=1, method="pca", previous=previous)
    result = _finish(process)
    assert np.abs(result.layout.xy - previous).max() < 0.05


def test_starting_a_large_fit_does_not_wait_for_the_child(process):
    """25 MB of embeddings don't fit into a pipe: start returns before the child has read them."""
    process.start(np.zeros((100_000, 64), dtype=np.float32), _ids(100_000), seed=1)
    assert "layout job" in {thread.name for thread in threading.enumerate()}
    assert process.poll() is None
    process.cancel()
    assert "layout job" not in {thread.name for thread in threading.enumerate()}


def test_one_process_fits_map_after_map(process):
    """After a result the next fit can start; while one runs it can't."""
    for n in (5, 7):
        process.start(clusters(n), _ids(n), seed=1)
        with pytest.raises(LayoutError, match="already"):
            process.start(clusters(n), _ids(n), seed=1)
        assert len(_finish(process).layout.xy) == n


def test_a_fit_that_is_refused_says_why(process):
    """An error in the child arrives as text, and the next fit works."""
    broken = clusters(20)
    broken[3, 3] = np.nan
    process.start(broken, _ids(20), seed=1)
    assert _finish(process) is None
    assert process.failed is not None
    assert "first in row 3" in process.failed
    process.start(clusters(4), _ids(4), seed=1)
    assert process.failed is None
    assert _finish(process) is not None


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_killed_child_is_a_failure_not_a_hang(process):
    """A kill -9 of the child, wherever it is, becomes a text; nothing is left behind."""
    process.start(clusters(5_000), _ids(5_000), seed=1)
    pid = process.pid
    os.kill(pid, signal.SIGKILL)
    assert _finish(process) is None
    assert "signal 9" in process.failed
    assert not process.running
    assert not psutil.pid_exists(pid)


def test_cancelling_ends_the_child(process):
    """A cancelled fit is no failure, its process is gone, and another can start."""
    process.start(clusters(5_000), _ids(5_000), seed=1)
    child = psutil.Process(process.pid)
    process.cancel()
    assert not child.is_running()
    assert not process.running
    assert process.failed is None
    assert process.poll() is None
    process.start(clusters(3), _ids(3), seed=1)
    assert _finish(process) is not None


def test_cancelling_when_nothing_runs_is_harmless():
    """Cancel may be called at any time, twice too."""
    idle = LayoutProcess()
    idle.cancel()
    idle.cancel()
    assert idle.connection is None
    assert idle.pid is None


@pytest.mark.skipif(sys.platform == "win32", reason="limits")
def test_a_process_that_can_not_start_is_a_failure_too():
    """Where the system gives no process, the connection has news and poll tells the reason."""
    program = (
        "import resource\n"
        "from multiprocessing.connection import wait\n"
        "from klustr_bridge.layout.process import LayoutProcess\n"
        "from tests.layout.data import clusters\n"
        "import multiprocessing.popen_spawn_posix, os, numpy as np\n"
        "import multiprocessing.resource_tracker as tracker\n"
        "if __name__ == '__main__':\n"
        "    tracker.ensure_running()\n"
        "    used = max(map(int, os.listdir('/dev/fd')))\n"
        "    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 3, used + 3))\n"
        "    process = LayoutProcess()\n"
        "    process.start(clusters(5), np.arange(5, dtype=np.int32), seed=1)\n"
        "    assert process.running and wait([process.connection], 60)\n"
        "    assert process.poll() is None and not process.running\n"
        "    print(process.failed)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "could not be started" in done.stdout, done.stderr


def test_ids_and_embeddings_must_agree(process):
    """A result could not be told apart otherwise."""
    with pytest.raises(LayoutError, match=r"3 ids.*4 embeddings"):
        process.start(clusters(4), _ids(3), seed=1)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_the_child_is_deaf_to_ctrl_c_and_low_in_priority(process):
    """Ctrl-C goes to the whole terminal group: the child leaves it to its parent, from the start on."""
    process.start(clusters(400), _ids(400), seed=1, method="pca")
    os.kill(process.pid, signal.SIGINT)
    child, until_s = psutil.Process(process.pid), time.monotonic() + _DEADLINE_S
    while child.nice() <= psutil.Process().nice():
        assert time.monotonic() < until_s and child.status() != psutil.STATUS_ZOMBIE
        time.sleep(0.005)
    result = _finish(process)
    assert result is not None, process.failed
    assert len(result.layout.xy) == 400
    # the calling thread hears Ctrl-C as before
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_the_child_dies_with_its_parent():
    """When the librarian is killed while a map is fitted, no orphan goes on computing."""
    program = (
        "import sys, time\n"
        "import numpy as np\n"
        "from klustr_bridge.layout.process import LayoutProcess\n"
        "from tests.layout.data import clusters\n"
        "if __name__ == '__main__':\n"
        "    process = LayoutProcess()\n"
        "    process.start(clusters(20_000), np.arange(20_000, dtype=np.int32), seed=1)\n"
        "    print(process.pid, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        child = psutil.Process(int(parent.stdout.readline()))
    finally:
        parent.kill()
        parent.communicate()
    gone, alive = psutil.wait_procs([child], timeout=_DEADLINE_S)
    assert gone
    assert not alive
