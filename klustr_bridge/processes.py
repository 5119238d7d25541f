"""How our child processes behave: low priority, deaf to Ctrl-C, gone when the parent is gone.

Owns nothing; a child calls these once, first thing. Must not import numpy: it runs before the
thread counts of numerical libraries are read.
"""

import contextlib
import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Iterator

import psutil

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def become_background_process(*, priority: int = 10) -> None:
    """Lower this process' priority, leave Ctrl-C to the parent, and die with the parent.

    Parameters
    ----------
    priority : int
        Niceness on POSIX systems, 0..19; any value above 0 means *below normal* on Windows.
    """
    ignore_ctrl_c()
    process = psutil.Process()
    with contextlib.suppress(psutil.Error, OSError):
        # the constant exists on Windows alone
        process.nice(getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", priority))
    die_with_parent()


def ignore_ctrl_c() -> None:
    """Leave Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def use_one_core() -> None:
    """Have `available_cores` say 1 from now on: as many processes as there are cores share them already."""
    global _limited
    _limited = True


_limited = False


def available_cores() -> int:
    """Cores that this process may use; where the system doesn't say, all there are."""
    if _limited:
        return 1
    process = psutil.Process()
    if hasattr(process, "cpu_affinity"):  # not on macOS
        return max(1, len(process.cpu_affinity()))
    return os.cpu_count() or 1


@contextlib.contextmanager
def ctrl_c_held_back() -> Iterator[None]:
    """Start processes that Ctrl-C never reaches; who starts them gets it after the ``with`` block.

    A terminal sends it to the whole process group: also to a child that is still importing what it needs
    and has not come to `become_background_process`. A blocked signal stays blocked in children.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # begun in between, it would let Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def die_with_parent() -> None:
    """End this process at once when its parent has ended, however that happened.

    Does nothing in a process that `multiprocessing` did not start.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait_for_parent() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=wait_for_parent, name="parent watch", daemon=True).start()


def single_threaded_environment() -> None:
    """Make numerical libraries of processes started from here use one thread each.

    Must run before numpy is imported to matter for this process itself; children inherit it.

    Where a fit asks for more threads all the same, those that wait for the others sleep. OpenMP has them
    spin otherwise, which takes the cores from whatever else is at work: on two busy cores the t-SNE of 300
    sounds took 6.0 s of processor time spinning, 0.8 s sleeping.
    """
    for name in THREAD_VARIABLES:
        os.environ[name] = "1"
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def silence_standard_error() -> None:
    """Send the standard error nowhere: decoders in C write their warnings there, one for each bad frame."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)


def limit_memory(limit_mb: int) -> None:
    """Let this process use so much address space beyond what it has now, where the system can limit it.

    Parameters
    ----------
    limit_mb : int
        Megabytes.
    """
    try:
        import resource
    except ImportError:  # Windows: the pool measures the worker from outside instead
        return
    limit = psutil.Process().memory_info().vms + limit_mb * 1024 * 1024
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    with contextlib.suppress(ValueError, OSError):  # not every system can: the pool looks from outside, too
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def start_logging(level: str) -> None:
    """Log to the standard error: our own modules from `level` on, libraries from warnings on."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", force=True)
    logging.getLogger("klustr_bridge").setLevel(level.upper())
