"""Hints of the watcher on their way into the indexer's loop.

Owns the watcher and the queue that its threads fill. A hint is only a reason to look.
"""

import multiprocessing
import queue
import threading
from collections.abc import Callable

from klustr_bridge.indexer.scanning import Scanner
from klustr_bridge.library.ignore import IgnoreRules
from klustr_bridge.library.paths import is_same, to_text
from klustr_bridge.library.watch import Hint, Watcher
from klustr_bridge.settings import IndexSettings

# Small folders are watched within this time: their first scan then misses nothing.
_WAIT_FOR_WATCH_S = 0.3


class Hints:
    """Watches the scanner's folders and passes on what the watcher saw.

    Parameters
    ----------
    scanner : Scanner
        Gets the hints; its folders are watched.
    ignore : IgnoreRules
        What is passed over.
    settings : IndexSettings
        How to watch.
    notice : callable
        ``notice(where, message)``, told what the user should know.
    """

    def __init__(
        self,
        scanner: Scanner,
        ignore: IgnoreRules,
        settings: IndexSettings,
        notice: Callable[[str, str], None],
    ) -> None:
        self._scanner = scanner
        self._notice = notice
        self._queue: queue.SimpleQueue[Hint] = queue.SimpleQueue()
        self.connection, self._wake = multiprocessing.Pipe(duplex=False)
        self._woken = threading.Event()
        self._watcher = Watcher(scanner.folders, ignore, self._take, settings.watch, poll_s=settings.poll_s)
        self._watcher.start()
        self._ready = self._watcher.wait_ready(_WAIT_FOR_WATCH_S)

    def watch_folders(self) -> None:
        """Watch the scanner's folders as they are now, and no others."""
        self._watcher.set_folders(self._scanner.folders)
        self._ready = self._watcher.wait_ready(_WAIT_FOR_WATCH_S)

    def pass_on(self) -> None:
        """Hand what has come in to the scanner."""
        self._woken.clear()
        while self.connection.poll():
            self.connection.recv_bytes()
        while not self._queue.empty():
            self._act_on(self._queue.get())
        if not self._ready and self._watcher.wait_ready(0.0):
            self._ready = True  # what changed between a scan and the watch is found by another scan
            for folder in self._scanner.folders:
                self._scanner.scan(folder)

    def close(self) -> None:
        """Stop watching."""
        self._watcher.stop()

    def _act_on(self, hint: Hint) -> None:
        if hint.kind == "touched" and not is_same(hint.path, hint.folder):
            self._scanner.hint(hint.path)
            return
        if hint.folder not in self._scanner.folders:
            return
        if hint.kind == "polled":
            self._scanner.set_polled(hint.folder)
            lines = [line for line in self._watcher.describe() if line.startswith(to_text(hint.folder))]
            self._notice("watch", lines[0] if lines else f"{to_text(hint.folder)}: polled")
            return
        if hint.kind == "overflow":
            self._notice("watch", f"{to_text(hint.folder)}: changes came too fast to be told; looking again")
        elif hint.kind == "root_back":
            self._notice("folder", f"{to_text(hint.folder)} is back")
        self._scanner.scan(hint.folder)

    def _take(self, hint: Hint) -> None:
        """Called by the watcher's threads: never waits."""
        self._queue.put(hint)
        if not self._woken.is_set():
            self._woken.set()
            self._wake.send_bytes(b"!")
