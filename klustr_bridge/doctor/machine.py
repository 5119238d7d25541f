"""Checks of the machine: cores, memory, open files, watch limits, caches.

Owns: what is read from the system about itself. Everything here makes the bridge slower or poorer
at most, so nothing but a cache that can't be written is a failure.
"""

import contextlib
import ctypes
import errno
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from klustr_bridge.doctor.check import Check
from klustr_bridge.settings import IndexSettings, cache_dir

MIB = 1 << 20
# A worker took 109 MiB after twenty one-shots (Linux, Python 3.11), long files take more; the serving
# process' libraries take 82 MiB, umap's 241 MiB beside the librarian while a map is fitted.
_WORKER_MIB = 200
_SERVING_MIB = 500
_FEW_FILES = 256
_COUNT_LIMIT_S = 3.0
_INOTIFY = Path("/proc/sys/fs/inotify")


def check_machine(settings: IndexSettings) -> Check:
    """Check cores and memory against the number of analysis workers."""
    cores = os.cpu_count() or 1
    workers = settings.workers or cores
    memory = psutil.virtual_memory().total // MIB
    found = f"{cores} core{'s' * (cores != 1)}, {memory / 1024:.1f} GiB of memory, {workers} analysing"
    if memory < _SERVING_MIB + workers * _WORKER_MIB:
        fewer = max(1, (memory - _SERVING_MIB) // _WORKER_MIB)
        return Check("machine", None, f"{found}; memory may get short", f"klustr-bridge --workers {fewer}")
    return Check("machine", True, found)


def check_open_files() -> Check:
    """Check how many files the daemon may have open."""
    name = "open files"
    if sys.platform == "win32":
        return Check(name, True, "no limit on this system")
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return Check(name, True, "no limit")
    if soft < _FEW_FILES:
        return Check(name, None, f"at most {soft}: few", "ulimit -n 1024")
    return Check(name, True, f"at most {soft}")


def check_watching(settings: IndexSettings, folders: Sequence[bytes], limits: Path = _INOTIFY) -> Check:
    """Check that the system can tell of changes in every directory of the watched folders.

    Parameters
    ----------
    settings : IndexSettings
        The settings in force.
    folders : sequence of bytes
        The watched folders.
    limits : Path
        Where the system tells its limits, on Linux.
    """
    name = "watching"
    if settings.watch != "auto":
        how = "looked at from time to time" if settings.watch == "poll" else "not watched"
        return Check(name, True, f"folders are {how}, as the settings say")
    if sys.platform != "linux":
        return Check(name, True, "by the system's own events, which have no limit")
    needed, whole = count_directories(folders)
    said = f"{'' if whole else 'more than '}{needed:,} director{'y' if needed == 1 else 'ies'}"
    try:
        allowed = int((limits / "max_user_watches").read_text())
    except (OSError, ValueError):
        return Check(name, None, "this system has no inotify: folders are looked at from time to time")
    if not inotify_starts():
        mend = _sysctl("max_user_instances", 1024)
        return Check(name, None, "no inotify instance is left: folders will be polled", mend)
    if needed > allowed:
        mend = _sysctl("max_user_watches", max(524_288, 1 << (2 * needed).bit_length()))
        return Check(name, None, f"{said}, {allowed:,} watches allowed: folders will be polled", mend)
    return Check(name, True, f"{said}, {allowed:,} watches allowed (shared with other programs)")


def _sysctl(key: str, value: int) -> str:
    setting = f"fs.inotify.{key}={value}"
    return f"echo {setting} | sudo tee /etc/sysctl.d/60-klustr-bridge-{key}.conf && sudo sysctl -w {setting}"


def inotify_starts() -> bool:
    """Ask for an inotify instance, as watching would: how many others hold can't be read anywhere."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_CLOEXEC)
    if descriptor < 0:
        return ctypes.get_errno() != errno.EMFILE
    os.close(descriptor)
    return True


def count_directories(folders: Sequence[bytes], limit_s: float = _COUNT_LIMIT_S) -> tuple[int, bool]:
    """Count the directories in `folders`, links not followed.

    Returns
    -------
    tuple of int and bool
        The number, and whether all were counted within `limit_s`.
    """
    end_s = time.monotonic() + limit_s
    count, waiting = 0, list(folders)
    while waiting:
        if time.monotonic() > end_s:
            return count, False
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            count += 1
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    return count, True


def check_caches() -> list[Check]:
    """Check the folder of snapshots, and where compiled code of the map's fitting is kept."""
    return [_check_cache(cache_dir()), _check_compiled()]


def _check_cache(folder: Path) -> Check:
    name = "cache folder"
    if not is_writable(folder):
        return Check(
            name, False, f"{folder} can't be written", f"mkdir -p '{folder}' && chmod u+rwx '{folder}'"
        )
    return Check(name, True, f"{folder}, {size_text(_size(folder))}")


def _check_compiled() -> Check:
    """Find where numba keeps what it compiles for maps by UMAP; else it compiles at every start."""
    name = "compiled code"
    spec = importlib.util.find_spec("umap")
    places = [Path(os.environ["NUMBA_CACHE_DIR"])] if os.environ.get("NUMBA_CACHE_DIR") else []
    if spec and spec.origin:
        places.append(Path(spec.origin).parent / "__pycache__")
    places.append(Path.home() / ".cache" / "numba")
    for place in places:
        if is_writable(place):
            return Check(name, True, f"kept in {place}; only maps by UMAP need any")
    mend = f"set NUMBA_CACHE_DIR to a folder that you may write, for example {cache_dir() / 'numba'}"
    return Check(name, None, "can't be kept: the first map by UMAP takes longer after each start", mend)


def is_writable(folder: Path) -> bool:
    """Return whether a file can be made in `folder`, or in its nearest parent that exists."""
    while not folder.exists() and folder.parent != folder:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def size_text(n_bytes: int) -> str:
    """Return a size for people, in KiB below a MiB."""
    return f"{n_bytes / MIB:,.0f} MiB" if n_bytes >= MIB else f"{n_bytes / 1024:,.0f} KiB"


def _size(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(root) / name).stat().st_size
    return total
