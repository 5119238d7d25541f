"""Waiting until files have settled: hints go in, paths worth looking at come out.

This module owns the rule when a hinted path is due. It is pure: the clock and the file system
come in as arguments.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass

from klustr_bridge.types import FileStamp

DIRECTORY = FileStamp(-1, 0, 0, 0)
"""What `stat` answers for a directory."""


@dataclass(slots=True)
class _Waiting:
    observed: bool = False
    stamp: FileStamp | None = None
    check_at: float = 0.0


class SettleQueue:
    """Hinted paths, each held back until it keeps still.

    A file is due when its size and time of modification have stayed the same for `settle_s`;
    one that still grows stays. A path that is gone, or is a directory, is due after `grace_s`.
    A path hinted many times comes out once.

    Parameters
    ----------
    settle_s : float
        Seconds a file must keep still, at least 0.
    grace_s : float, optional
        Seconds a missing path or a directory is held back, at least 0. By default `settle_s`: then
        both halves of a rename come out of the same call of `due` and can be seen as a move.
    """

    def __init__(self, settle_s: float = 0.5, grace_s: float | None = None) -> None:
        self.settle_s = settle_s
        self.grace_s = settle_s if grace_s is None else grace_s
        self._waiting: dict[bytes, _Waiting] = {}
        self._checks: list[tuple[float, bytes]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def hint(self, path: bytes, now: float) -> None:
        """Take note that something may have happened to `path`.

        Parameters
        ----------
        path : bytes
            A file or directory, there or not.
        now : float
            Seconds on any clock that never goes back.
        """
        if path not in self._waiting:
            self._waiting[path] = _Waiting()
            self._check(path, now)

    def discard(self, path: bytes) -> None:
        """Forget a hinted path."""
        self._waiting.pop(path, None)

    def due(self, now: float, stat: Callable[[bytes], FileStamp | None]) -> list[bytes]:
        """Take out the paths that have settled.

        Parameters
        ----------
        now : float
            Seconds, on the clock of `hint`.
        stat : callable
            ``stat(path)`` answers the stamp of a file, `DIRECTORY`, or None where nothing is.
            It is asked only about paths whose time of checking has come.

        Returns
        -------
        list of bytes
            Sorted; each will come again only after another hint.
        """
        settled: list[bytes] = []
        while self._checks and self._checks[0][0] <= now:
            check_at, path = heapq.heappop(self._checks)
            waiting = self._waiting.get(path)
            if waiting is None or waiting.check_at != check_at:
                continue  # discarded, or hinted again after it was discarded
            stamp = stat(path)
            if waiting.observed and _looks_same(stamp, waiting.stamp):
                del self._waiting[path]
                settled.append(path)
                continue
            waiting.observed, waiting.stamp = True, stamp
            self._check(path, now + self._delay(stamp))
        return sorted(settled)

    def next_due(self, now: float) -> float | None:
        """Seconds from `now` until `due` should be called again (0 = at once); None with nothing waiting."""
        while self._checks:
            check_at, path = self._checks[0]
            waiting = self._waiting.get(path)
            if waiting is not None and waiting.check_at == check_at:
                return max(0.0, check_at - now)
            heapq.heappop(self._checks)
        return None

    def _delay(self, stamp: FileStamp | None) -> float:
        return self.grace_s if stamp is None or stamp == DIRECTORY else self.settle_s

    def _check(self, path: bytes, at: float) -> None:
        self._waiting[path].check_at = at
        heapq.heappush(self._checks, (at, path))


def _looks_same(first: FileStamp | None, second: FileStamp | None) -> bool:
    if first is None or second is None:
        return first is second
    return first.size == second.size and first.mtime_ns == second.mtime_ns
