"""Looking for what has changed on disk: scans of folders and hints of the watcher.

Owns the queue of scans and the hints that wait for their files to settle. Tells the store what
is there and what is gone; opens no sample file. Works in small portions so that answers of the
analysis workers never wait for a walk through a big folder.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from klustr_bridge.library.ignore import IgnoreRules
from klustr_bridge.library.paths import containing, is_same, relative, to_text
from klustr_bridge.library.scan import (
    FolderAbsent,
    is_wanted,
    looks_unmounted,
    scan_folder,
    scan_path,
    stat_path,
)
from klustr_bridge.library.settle import SettleQueue
from klustr_bridge.library.store import Store
from klustr_bridge.sound.decode import is_candidate
from klustr_bridge.sound.kinds import kind_of_path
from klustr_bridge.types import FoundFile

_NOTE_AT_ONCE = 500
# A moved file's new path is looked at before its old one: it then takes over all that is known, unbroken.
_MORE_GRACE_S = 0.3


@dataclass(slots=True)
class _Scan:
    """One walk: of a whole watched folder, or of a directory below it."""

    directory: bytes
    folder: bytes
    steps: Iterator[None]
    whole: bool
    when_done: list[Callable[[], None]]


class Scanner:
    """Keeps the store's list of files equal to what is on disk.

    Parameters
    ----------
    store : Store
        Written: files noted and forgotten, folder states.
    ignore : IgnoreRules
        What is passed over.
    settle_s : float
        How long a file's size and time must have stayed the same before it is noted.
    notice : callable
        ``notice(where, message)`` for what the user should know.
    """

    def __init__(
        self, store: Store, ignore: IgnoreRules, *, settle_s: float, notice: Callable[[str, str], None]
    ) -> None:
        self._store = store
        self._ignore = ignore
        self._settle_s = settle_s
        self._notice = notice
        self._settle = SettleQueue(settle_s, settle_s + _MORE_GRACE_S)
        self._scans: deque[_Scan] = deque()
        self._polled: set[bytes] = set()
        self.folders: list[bytes] = []
        self.reload_folders()

    def reload_folders(self) -> None:
        """Take over the store's list of folders; drop scans of folders no longer there."""
        self.folders = [folder.path for folder in self._store.folders()]
        dropped = [scan for scan in self._scans if scan.folder not in self.folders]
        self._scans = deque(scan for scan in self._scans if scan.folder in self.folders)
        for scan in dropped:
            _call_all(scan.when_done)

    @property
    def scanning(self) -> bool:
        """Whether a walk is under way or waiting."""
        return bool(self._scans)

    @property
    def waiting(self) -> bool:
        """Whether some files have not settled yet."""
        return len(self._settle) > 0

    def next_due_s(self, now: float) -> float | None:
        """Seconds until a hint is due, 0 while scans wait, None where nothing does."""
        if self._scans:
            return 0.0
        return self._settle.next_due(now)

    def scan(self, folder: bytes, when_done: Callable[[], None] | None = None) -> None:
        """Queue a walk of a whole watched folder; one that waits already serves for both."""
        for scan in list(self._scans)[1:]:
            if scan.whole and scan.folder == folder:
                scan.when_done += [when_done] if when_done else []
                return
        steps = self._walk(folder, folder)
        self._scans.append(_Scan(folder, folder, steps, True, [when_done] if when_done else []))

    def set_polled(self, folder: bytes) -> None:
        """The folder's changes are not told: it is looked through from time to time."""
        self._polled.add(folder)
        self._store.set_folder_state(folder, "polled")

    def hint(self, path: bytes) -> None:
        """Something happened at `path`: look there once it has settled."""
        self._settle.hint(path, time.monotonic())

    def step(self, budget_s: float = 0.02) -> None:
        """Work for about `budget_s`: due hints first, then the scan at the head of the queue."""
        self._look_at_due()
        until = time.monotonic() + budget_s
        while self._scans and time.monotonic() < until:
            scan = self._scans[0]
            if next(scan.steps, self) is self:
                self._scans.remove(scan)
                _call_all(scan.when_done)

    def folder_of(self, path: bytes) -> bytes | None:
        """Return the watched folder that `path` is or lies in, or None."""
        return containing(path, self.folders)

    def _look_at_due(self) -> None:
        found: list[FoundFile] = []
        gone: list[bytes] = []
        for path in self._settle.due(time.monotonic(), stat_path):
            folder = self.folder_of(path)
            if folder is None:
                continue
            if os.path.isdir(path) and not self._hidden(path, folder):
                self._scans.append(_Scan(path, folder, self._walk(path, folder), path == folder, []))
            elif is_wanted(path, folder, self._ignore, is_candidate) and (file := scan_path(path)):
                found.append(file)
            else:
                gone.append(path)
        self._note(found, gone)
        for path in gone:
            self._store.forget_under(path)

    def _hidden(self, directory: bytes, folder: bytes) -> bool:
        return not is_same(directory, folder) and self._ignore.hides(relative(directory, folder), is_dir=True)

    def _walk(self, directory: bytes, folder: bytes) -> Iterator[None]:
        """Compare the tree below `directory` with what the store knows of it, in portions."""
        known = self._store.known_files(directory)
        may_be_moved = bool(known)
        fresh: list[FoundFile] = []
        unreadable: list[bytes] = []
        n_found = 0

        def problem(path: bytes, why: str) -> None:
            unreadable.append(path)
            self._notice("scan", f"{to_text(path)}: {why}")

        try:
            for found in scan_folder(
                directory,
                self._ignore,
                candidate=is_candidate,
                watched=self.folders,
                relative_to=folder,
                on_problem=problem,
            ):
                n_found += 1
                if known.pop(found.path, None) != found.stamp:
                    fresh.append(found)
                if not may_be_moved and len(fresh) >= _NOTE_AT_ONCE:
                    self._note_settled(fresh)
                    fresh = []
                if n_found % 64 == 0:
                    yield
        except FolderAbsent:
            if directory == folder:
                self._store.set_folder_state(folder, "absent")
                self._notice("folder", f"{to_text(folder)} is not there now; its sounds come back with it")
            else:
                self._store.forget_under(directory)
            return
        if directory == folder and n_found == 0 and looks_unmounted(folder, known.values()):
            self._store.set_folder_state(folder, "absent")
            self._notice(
                "folder", f"the drive of {to_text(folder)} is not mounted; its sounds come back with it"
            )
            return
        if directory == folder:
            self._store.set_folder_state(folder, "polled" if folder in self._polled else "watched")
        # what lies below a directory that can't be read is unknown, not gone
        gone = [path for path in known if scan_path(path) is None and not containing(path, unreadable)]
        if gone:  # one transaction: what is new here may be what is gone there
            self._note_settled(fresh, gone)
            return
        for start in range(0, len(fresh), _NOTE_AT_ONCE):
            self._note_settled(fresh[start : start + _NOTE_AT_ONCE])
            yield

    def _note_settled(self, found: Iterable[FoundFile], gone: Iterable[bytes] = ()) -> None:
        """Note files that are at rest; those written just now wait until they are."""
        now_ns = time.time_ns()
        at_rest: list[FoundFile] = []
        for file in found:
            if abs(now_ns - file.stamp.mtime_ns) < self._settle_s * 1e9:
                self.hint(file.path)
            else:
                at_rest.append(file)
        self._note(at_rest, gone)

    def _note(self, found: Iterable[FoundFile], gone: Iterable[bytes]) -> None:
        with_kinds = [(file, kind_of_path(file.path, self.folder_of(file.path))) for file in found]
        forgotten = set(gone)
        if with_kinds or forgotten:
            self._store.note_files(with_kinds, gone=forgotten)


def _call_all(calls: Iterable[Callable[[], None]]) -> None:
    for call in calls:
        call()
