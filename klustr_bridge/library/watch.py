"""Watching folders: hints that something may have changed.

This module owns the threads and the file system observers. Its hints are only hints: they may come late,
twice, or for nothing; whoever takes them looks for himself. It must not know what is in the library.
"""

import contextlib
import errno
import logging
import os
import stat
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from klustr_bridge.library import mounts, paths
from klustr_bridge.library.ignore import IgnoreRules

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent

HintKind = Literal["touched", "overflow", "root_lost", "root_back", "polled"]
Mode = Literal["auto", "poll", "off"]

_log = logging.getLogger(__name__)

_GATHER_S = 0.02
_MANY = 20_000


@dataclass(frozen=True, slots=True)
class Hint:
    """Something may have changed.

    Attributes
    ----------
    kind : str
        ``touched``: look at `path`, a file or directory, there or not (a touched `folder` itself: scan it).
        ``overflow``: events were lost, scan `folder`. ``root_lost``: `folder` is not there.
        ``root_back``: it is there again, or for the first time, or is another directory: scan it.
        ``polled``: its changes are not told from now on; it is touched as a whole from time to time.
    folder : bytes
        The watched folder.
    path : bytes
        `folder` itself or a path below it.
    """

    kind: HintKind
    folder: bytes
    path: bytes


class Watcher:
    """Gives hints about changes below folders, from events where there are any, else by polling.

    Parameters
    ----------
    folders : iterable of bytes
        Absolute paths; each may be missing.
    ignore : IgnoreRules
        No hint is given about what these leave out.
    hint : callable
        ``hint(Hint)``; called from threads of the watcher, from one at a time for each folder. What it
        raises is logged.
    mode : str
        ``auto``; ``poll`` uses no events; ``off`` gives no hints at all.
    poll_s : float
        Seconds between two hints at a polled folder as a whole.
    check_s : float
        Seconds between two looks whether a folder is there.
    """

    def __init__(
        self,
        folders: Iterable[bytes],
        ignore: IgnoreRules,
        hint: Callable[[Hint], None],
        mode: Mode = "auto",
        *,
        poll_s: float = 30.0,
        check_s: float = 1.0,
    ) -> None:
        self._settings = _Settings(ignore, hint, mode, poll_s, check_s)
        self._lock = threading.Lock()
        self._watches: dict[bytes, _FolderWatch] = {}
        self._started = False
        self._wanted = list(folders)
        self._ear = _OverflowEar(self._on_trouble)

    def start(self) -> None:
        """Begin; returns at once (see `wait_ready`)."""
        with self._lock:
            self._started = True
            logging.getLogger("watchdog.observers").addHandler(self._ear)
        self.set_folders(self._wanted)

    def stop(self, timeout_s: float = 5.0) -> None:
        """End all threads; no hint comes after this has returned, unless a thread hangs past the timeout."""
        with self._lock:
            self._started = False
            watches = list(self._watches.values())
            self._watches.clear()
            logging.getLogger("watchdog.observers").removeHandler(self._ear)
        _stop_all(watches, timeout_s)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def set_folders(self, folders: Sequence[bytes]) -> None:
        """Watch these folders from now on, and no others; those watched already go on undisturbed."""
        with self._lock:
            self._wanted = list(folders)
            if not self._started or self._settings.mode == "off":
                return
            wanted = set(folders)
            dropped = [self._watches.pop(folder) for folder in list(self._watches) if folder not in wanted]
            for folder in folders:
                if folder not in self._watches:
                    self._watches[folder] = _FolderWatch(folder, self._settings)
                    self._watches[folder].start()
        _stop_all(dropped, 5.0)

    def wait_ready(self, timeout_s: float | None = None) -> bool:
        """Wait until every folder is watched, polled or found missing.

        A scan begun after that misses nothing: what changes during the scan gives hints.

        Returns
        -------
        bool
            False if the time ran out first.
        """
        end = None if timeout_s is None else time.monotonic() + timeout_s
        with self._lock:
            watches = list(self._watches.values())
        return all(
            watch.ready.wait(None if end is None else max(0.0, end - time.monotonic())) for watch in watches
        )

    def states(self) -> dict[bytes, Literal["watched", "polled", "absent"]]:
        """How each folder is watched now."""
        with self._lock:
            return {folder: watch.state for folder, watch in self._watches.items()}

    def describe(self) -> list[str]:
        """One line a folder: how it is watched, and why not better."""
        with self._lock:
            if self._settings.mode == "off":
                return [f"{paths.to_export(folder)}: not watched (switched off)" for folder in self._wanted]
            return [watch.describe() for watch in self._watches.values()]

    def _on_trouble(self, must_restart: bool) -> None:
        # Called in a thread of watchdog, which does not say whose events were lost.
        for watch in list(self._watches.values()):
            watch.on_overflow(must_restart)


@dataclass(frozen=True, slots=True)
class _Settings:
    ignore: IgnoreRules
    hint: Callable[[Hint], None]
    mode: Mode
    poll_s: float
    check_s: float


class _OverflowEar(logging.Handler):
    """Hears of lost events, which watchdog only logs."""

    def __init__(self, tell: Callable[[bool], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(Exception):
            message = record.getMessage().lower()
            if "overflow" in message or "unable to rebuild" in message:
                self._tell("unable to rebuild" in message)


@dataclass
class _Gathered:
    """What the observer's threads leave for the folder's own thread: they only ever add to it."""

    wake: threading.Condition = field(default_factory=threading.Condition)
    touched: set[bytes] = field(default_factory=set)
    overflow: bool = False
    restart: bool = False
    stop: bool = False

    def wait(self, timeout_s: float) -> bool:
        """Wait for something to do, at most so long; whether the end was asked for."""
        with self.wake:
            self.wake.wait_for(lambda: self.stop or self.overflow or bool(self.touched), timeout_s)
            if not self.stop and not self.overflow and self.touched:
                self.wake.wait_for(lambda: self.stop, _GATHER_S)  # events come in flocks
            return self.stop

    def take(self) -> tuple[set[bytes], bool, bool]:
        with self.wake:
            taken = self.touched, self.overflow, self.restart
            self.touched, self.overflow, self.restart = set(), False, False
            return taken

    def touch(self, touched: Iterable[bytes]) -> None:
        with self.wake:
            if len(self.touched) > _MANY:
                self.overflow = True
                self.touched.clear()
            elif not self.overflow:
                self.touched.update(touched)
            self.wake.notify_all()


class _FolderWatch(threading.Thread):
    """One folder with its observer, in a thread of its own: a network drive that hangs holds up no other."""

    def __init__(self, folder: bytes, settings: _Settings) -> None:
        super().__init__(name=f"watch {paths.to_export(folder)}", daemon=True)
        self._folder = folder
        self._settings = settings
        self._gathered = _Gathered()
        self._observer: Any = None
        self._identity: tuple[int, int] | None = None
        self._why_polled: str | None = None
        self._next_poll = 0.0
        self._watches_may_run_out = False
        self.state: Literal["watched", "polled", "absent"] = "absent"
        self.ready = threading.Event()

    def describe(self) -> str:
        name = paths.to_export(self._folder)
        if self.state == "absent":
            return f"{name}: not there; watched again when it is back"
        if self.state == "polled":
            return f"{name}: looked through every {self._settings.poll_s:g} s ({self._why_polled})"
        return f"{name}: watched"

    def on_overflow(self, must_restart: bool) -> None:
        with self._gathered.wake:
            self._gathered.overflow = True
            self._gathered.restart |= must_restart
            self._gathered.wake.notify_all()

    def ask_to_stop(self) -> None:
        with self._gathered.wake:
            self._gathered.stop = True
            self._gathered.wake.notify_all()

    def run(self) -> None:
        try:
            self._identity = _identity(self._folder)
            if self._identity is not None:
                self._begin()
            self.ready.set()
            if self._identity is None:
                self._tell("root_lost")
            while not self._gathered.wait(self._settings.check_s):
                try:
                    self._step()
                except Exception:
                    _log.exception("watching %s failed; trying again", paths.to_export(self._folder))
        finally:
            self.ready.set()
            self._end()

    def _step(self) -> None:
        touched, overflow, restart = self._gathered.take()
        self._check_root()
        if self.state == "absent":
            return
        if self.state == "watched" and (restart or self._has_failed()):
            self._end()
            self._begin()
            overflow = True
        if overflow:
            self._tell("overflow")
        else:
            for path in sorted(touched):
                if self._is_wanted(path):
                    self._tell("touched", path)
        if self.state == "polled" and time.monotonic() >= self._next_poll:
            self._next_poll = time.monotonic() + self._settings.poll_s
            self._tell("touched")

    def _check_root(self) -> None:
        identity = _identity(self._folder)
        if identity == self._identity:
            return
        if self._identity is not None:
            self._end()
            self.state = "absent"
            self._tell("root_lost")
        self._identity = identity
        if identity is not None:
            self._begin()
            self._tell("root_back")

    def _has_failed(self) -> bool:
        """Whether the observer has died, or watches have run out for folders made since it began."""
        if self._observer is None or not all(_can_tell(emitter) for emitter in self._observer.emitters):
            return True
        if self._watches_may_run_out:
            self._watches_may_run_out = False
            return mounts.watches_used_up(self._folder)
        return False

    def _begin(self) -> None:
        self._next_poll = time.monotonic() + self._settings.poll_s
        self._why_polled = "as set" if self._settings.mode == "poll" else mounts.reason_to_poll(self._folder)
        if self._why_polled is None:
            self._why_polled = self._begin_observing()
        was, self.state = self.state, "watched" if self._why_polled is None else "polled"
        if self.state == "polled" and was != "polled":
            self._tell("polled")

    def _begin_observing(self) -> str | None:
        """Start an observer; the reason why that is not possible, or None."""
        try:
            self._observer = _start_observer(self._folder, self._on_event)
        except Exception as error:  # whatever a platform's observer raises, polling still works
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EMFILE):
                return _advice(error)
            return f"watching failed: {error}"
        if mounts.watches_used_up(self._folder):
            self._end()
            return _advice(OSError(errno.ENOSPC, "inotify watch limit reached"))
        return None

    def _end(self) -> None:
        observer, self._observer = self._observer, None
        if observer is not None:
            with contextlib.suppress(Exception):
                observer.stop()
                observer.join(5.0)

    def _on_event(self, event: "FileSystemEvent", real: bytes) -> None:
        """Note an event, in a thread of the observer, which must neither wait nor fail."""
        try:
            if event.is_directory and event.event_type == "modified":
                return  # a directory changes with every file in it, which has events of its own
            if event.is_directory:
                self._watches_may_run_out = True
            self._gathered.touch(
                self._as_known(os.fsencode(path), real) for path in (event.src_path, event.dest_path) if path
            )
        except Exception:
            self.on_overflow(False)

    def _as_known(self, path: bytes, real: bytes) -> bytes:
        """Path as it begins with the folder's own name: observers may resolve links in it."""
        if paths.is_same(path, real):
            return self._folder
        return os.path.join(self._folder, paths.relative(path, real)) if paths.is_below(path, real) else path

    def _is_wanted(self, path: bytes) -> bool:
        if path == self._folder:
            return True
        return paths.is_below(path, self._folder) and not self._settings.ignore.hides(
            paths.relative(path, self._folder), os.path.isdir(path)
        )

    def _tell(self, kind: HintKind, path: bytes | None = None) -> None:
        if self._gathered.stop:
            return
        try:
            self._settings.hint(Hint(kind, self._folder, self._folder if path is None else path))
        except Exception:
            _log.exception("a hint about %s was not taken", paths.to_export(self._folder))


def _start_observer(folder: bytes, on_event: Callable[["FileSystemEvent", bytes], None]) -> Any:
    from watchdog import events, observers

    real = os.path.realpath(folder)
    # A folder that is made while its parent is being walked is watched twice: harmless, but watchdog warns.
    warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"watchdog\.observers")

    class Handler(events.FileSystemEventHandler):
        def on_any_event(self, event: events.FileSystemEvent) -> None:
            on_event(event, real)

    observer = observers.Observer()
    try:
        observer.schedule(
            Handler(),
            paths.to_text(real),
            recursive=True,
            event_filter=[
                events.FileCreatedEvent,
                events.FileModifiedEvent,
                events.FileClosedEvent,
                events.FileMovedEvent,
                events.FileDeletedEvent,
                events.DirCreatedEvent,
                events.DirMovedEvent,
                events.DirDeletedEvent,
            ],
        )
        observer.start()
    except BaseException:
        with contextlib.suppress(Exception):
            observer.stop()
        raise
    return observer


def _can_tell(emitter: Any) -> bool:
    """Whether a thread of watchdog and, with inotify, the one that reads for it are alive."""
    # An exception in watchdog's own books ends the reader while the emitter lives on, waiting for ever.
    return bool(emitter.is_alive() and getattr(emitter, "_inotify_fd", emitter).is_alive())


def _advice(error: OSError) -> str:
    if error.errno == errno.EMFILE:
        return f"{error.strerror}: raise fs.inotify.max_user_instances or the limit of open files"
    limit = mounts.watch_limit()
    now = "" if limit is None else f", now {limit}"
    return f"no inotify watch left: raise fs.inotify.max_user_watches{now}"


def _identity(folder: bytes) -> tuple[int, int] | None:
    """What tells a directory from another one at the same path; None where none is."""
    try:
        status = os.stat(folder)
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None


def _stop_all(watches: Iterable[_FolderWatch], timeout_s: float) -> None:
    watches = [watch for watch in watches if watch is not threading.current_thread()]
    end = time.monotonic() + timeout_s
    for watch in watches:
        watch.ask_to_stop()
    for watch in watches:
        watch.join(max(0.0, end - time.monotonic()))
