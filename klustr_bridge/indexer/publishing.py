"""When snapshots are written: soon for who waits for one, seldom enough to leave time for the work.

Owns the budget of snapshots and those who wait for one. How a snapshot is written is the library's.
"""

import time
from collections.abc import Callable
from pathlib import Path

from klustr_bridge.errors import LibraryError
from klustr_bridge.indexer.messages import SnapshotReady
from klustr_bridge.library.snapshot import write_snapshot
from klustr_bridge.library.store import Store

# A snapshot costs time in proportion to the library: they take at most this share of the librarian's.
_SHARE = 0.1
# Those that somebody waits for may take more: one who marks sound after sound waits for each.
_ASKED_SHARE = 0.5
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0


class Publisher:
    """Writes snapshots of what is new.

    Parameters
    ----------
    store : Store
        The library.
    directory : Path or None
        Where snapshots go; None writes none, and all counts as published.
    send : callable
        Takes `SnapshotReady`.
    notice : callable
        ``notice(where, message)`` for what the user should know.
    """

    def __init__(
        self,
        store: Store,
        directory: Path | None,
        send: Callable[[object], None],
        notice: Callable[[str, str], None],
    ) -> None:
        self._store = store
        self._directory = directory
        self._send = send
        self._notice = notice
        self._published = -1
        self._next = 0.0
        self._next_asked = 0.0
        self._pause_s = 0.0
        self._waiting: list[Callable[[str], None]] = []
        self.place: Path | None = None
        """The last snapshot written."""
        self.trouble = ""
        """Why the last snapshot could not be written; empty where it could."""

    @property
    def up_to_date(self) -> bool:
        """Whether the newest snapshot shows the library as it is now."""
        return self._directory is None or self._published == self._store.generation

    def when_published(self, call: Callable[[str], None]) -> None:
        """Call with "" once a snapshot shows what is noted by now, or with the reason why none does."""
        self._waiting.append(call)

    def tell_again(self) -> None:
        """Have the last snapshot loaded once more, with what lies beside it now."""
        if self.place is not None:
            self._send(SnapshotReady(str(self.place)))

    def due_s(self, now: float) -> float | None:
        """Seconds until `step` has something to do, None where nothing is new."""
        return None if self.up_to_date else (self._next_asked if self._waiting else self._next) - now

    def step(self, before_telling: Callable[[], None]) -> None:
        """Write a snapshot if there is something new and it is time; tell those who wait for it.

        Parameters
        ----------
        before_telling : callable
            Called before they are told, if there are any.
        """
        if not self.up_to_date:
            if time.monotonic() < (self._next_asked if self._waiting else self._next):
                return  # what is asked until then shares one snapshot
            self._write()
        if self._waiting:
            before_telling()
            waiting, self._waiting = self._waiting, []
            reason = f"it is done, but can't be shown yet: {self.trouble}" if self.trouble else ""
            for call in waiting:
                call(reason)

    def _write(self) -> None:
        assert self._directory is not None
        generation, started = self._store.generation, time.monotonic()
        try:
            place = write_snapshot(self._store, self._directory)
        except LibraryError as error:  # no reason to stop hearing: tried again, ever more rarely
            if str(error) != self.trouble:
                self.trouble = str(error)
                self._notice("snapshot", f"{error}; what was known before is served, it is tried again")
            self._pause_s = min(max(_FIRST_PAUSE_S, 2 * self._pause_s), _LONGEST_PAUSE_S)
            now = time.monotonic()
            self._next, self._next_asked = now + self._pause_s, now + _FIRST_PAUSE_S
            return
        self._published, self.trouble, self._pause_s = generation, "", 0.0
        self.place = place
        self._send(SnapshotReady(str(place)))
        cost_s = time.monotonic() - started
        self._next = started + max(0.1, cost_s / _SHARE)
        self._next_asked = started + cost_s / _ASKED_SHARE
