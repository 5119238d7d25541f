"""Locks beside the library file: one daemon a library, one writer a library.

Owns two lock files, and the look at the library before one is made beside it. The operating system
frees them when their holder ends, however it ends; the files themselves stay. What the holders say of
themselves stands in small JSON files: a daemon its pid and ports, a writer its pid and what it is.
"""

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from klustr_bridge.errors import LibraryError
from klustr_bridge.library import migrations
from klustr_bridge.library.store import Store


@dataclass(frozen=True, slots=True)
class DaemonInfo:
    """What a running daemon says of itself.

    Attributes
    ----------
    pid : int
        Process number.
    library : str
        Its library file.
    osc_port, http_port : int
        Ports it serves; 0 while not bound.
    version : str
        Of the release that runs.
    lan : str
        The address that other machines reach it at, empty where they don't.
    """

    pid: int
    library: str
    osc_port: int
    http_port: int
    version: str
    lan: str = ""


@contextlib.contextmanager
def writer_lock(library_file: Path, who: str = "klustr-bridge", timeout_s: float = 0.0) -> Iterator[None]:
    """Hold the right to write the library.

    Parameters
    ----------
    library_file : Path
        The library.
    who : str
        What the holder is, for those that find it held.
    timeout_s : float
        How long to wait for it.

    Raises
    ------
    LibraryError
        If another process still holds it after `timeout_s`; the message names it.
    """
    with _held(library_file, ".writer.lock", timeout_s) as held:
        if not held:
            raise LibraryError(
                f"the library {library_file} is being written by {_writer(library_file)}; "
                "wait until it has finished, or stop it"
            )
        word = _beside(library_file, ".writer.json")
        with contextlib.suppress(OSError):
            _write_aside(word, {"pid": os.getpid(), "who": who})
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                word.unlink(missing_ok=True)


def _writer(library_file: Path) -> str:
    """Name the process that holds the writer lock, as far as it has said who it is."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads(_beside(library_file, ".writer.json").read_text(encoding="utf-8"))
        if psutil.pid_exists(int(said["pid"])):
            return f"{said['who']} (pid {said['pid']})"
    return "another klustr-bridge process"


@contextlib.contextmanager
def daemon_lock(library_file: Path) -> Iterator[None]:
    """Hold the right to be this library's daemon.

    Raises
    ------
    LibraryError
        If a daemon runs on the library already; the message names it. If the file can't be a library.
    """
    refuse_unusable(library_file)
    # a command that looks whether a daemon runs holds the lock for an instant
    with _held(library_file, ".daemon.lock", 0.5) as held:
        if not held:
            info = read_daemon_info(library_file)
            who = f"pid {info.pid}, OSC port {info.osc_port}" if info else "still starting"
            raise LibraryError(
                f"klustr-bridge already runs on the library {library_file} ({who}); "
                "use it, stop it, or choose another file with --library"
            )
        remove_daemon_info(library_file)  # of one that was killed
        yield


def daemon_of(library_file: Path) -> DaemonInfo | None:
    """Return what the daemon that runs on the library says of itself, or None where none runs.

    Writes nothing where none has ever run.
    """
    info = read_daemon_info(library_file)
    if info is None or not psutil.pid_exists(info.pid):
        return None
    with _held(library_file, ".daemon.lock", 0.0) as held:  # another process may have the pid by now
        return None if held else info


def refuse_unusable(library_file: Path) -> None:
    """Raise what asking the library would, before anything is written beside the file.

    A missing or empty file is a new library, one of an older release is brought up to date by who opens
    it to write, and a lock on it passes.

    Raises
    ------
    LibraryError
        If the file is no library, of a newer release, damaged, or can't be read.
    """
    if not library_file.exists() or (library_file.is_file() and not library_file.stat().st_size):
        return
    try:
        with Store.open(library_file, writable=False) as store:
            store.folders()
            store.counts()
    except LibraryError as error:
        if not isinstance(error.__cause__, sqlite3.OperationalError) and not _is_older(library_file):
            raise


def _is_older(library_file: Path) -> bool:
    try:
        with library_file.open("rb") as file:
            header = file.read(100)
    except OSError:
        return False
    is_library = int.from_bytes(header[68:72], "big") == migrations.APPLICATION_ID
    return is_library and int.from_bytes(header[60:64], "big") < migrations.SCHEMA_VERSION


def write_daemon_info(info: DaemonInfo) -> None:
    """Leave `info` beside the library for commands and for a second daemon's message."""
    _write_aside(_beside(Path(info.library), ".daemon.json"), asdict(info))


def read_daemon_info(library_file: Path) -> DaemonInfo | None:
    """Return what the last daemon on the library wrote of itself, whether it still runs or not."""
    try:
        return DaemonInfo(**json.loads(_beside(library_file, ".daemon.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def remove_daemon_info(library_file: Path) -> None:
    """Take the daemon's word away when it stops."""
    _beside(library_file, ".daemon.json").unlink(missing_ok=True)


def _write_aside(target: Path, said: dict[str, object]) -> None:
    """Write a small JSON file that is there whole or not at all."""
    aside = target.with_name(f"{target.name}.{os.getpid()}")
    aside.write_text(json.dumps(said), encoding="utf-8")
    aside.replace(target)


def _beside(library_file: Path, suffix: str) -> Path:
    return library_file.with_name(library_file.name + suffix)


@contextlib.contextmanager
def _held(library_file: Path, suffix: str, timeout_s: float) -> Iterator[bool]:
    held = True
    try:
        library_file.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(_beside(library_file, suffix), timeout=timeout_s, thread_local=False)
        lock.acquire(poll_interval=0.02)
    except Timeout:
        held = False
    except OSError as error:
        raise LibraryError(f"the folder {library_file.parent} can't be written: {error.strerror}") from error
    try:
        yield held
    finally:
        if held:
            lock.release()
