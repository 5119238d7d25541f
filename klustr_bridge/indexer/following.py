"""Following the librarian's snapshots in the serving process: each is loaded in a thread, the newest last.

Owns what is wanted and whether it is served yet. What a snapshot is and who serves it is the caller's.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from klustr_bridge.errors import KlustrError

_log = logging.getLogger(__name__)

Loaded = TypeVar("Loaded")


class SnapshotFollower(Generic[Loaded]):
    """Loads what is wanted and hands it on; used in the event loop alone.

    Parameters
    ----------
    load : callable
        Called in a thread with a snapshot's directory; may raise `KlustrError`.
    take : callable
        Called in the event loop with what `load` returned.
    caught_up : callable
        Called in the event loop each time that all that was wanted has been taken.
    """

    def __init__(
        self, load: Callable[[Path], Loaded], take: Callable[[Loaded], None], caught_up: Callable[[], None]
    ) -> None:
        self._load = load
        self._take = take
        self._tell_caught_up = caught_up
        self._wanted: Path | None = None
        self._task: asyncio.Task[None] | None = None
        self._n_forgotten = 0
        self.n_taken = 0
        """How many have been handed on."""

    @property
    def is_loading(self) -> bool:
        """Whether something wanted is not yet taken."""
        return self._task is not None

    def want(self, directory: Path) -> None:
        """Load the snapshot unless a load is under way; then the newest wanted one comes next."""
        self._wanted = directory
        if self._task is None:
            self._task = asyncio.ensure_future(self._follow())

    def forget(self) -> None:
        """Take nothing of what was wanted until now."""
        self._wanted = None
        self._n_forgotten += 1

    async def wait(self) -> None:
        """Wait until the last snapshot wanted is taken."""
        while (task := self._task) is not None:
            await asyncio.wait([task])

    async def stop(self) -> None:
        """Load no more."""
        if (task := self._task) is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _follow(self) -> None:
        failed: Path | None = None
        try:
            while (directory := self._wanted) is not None:
                self._wanted = None
                before = self._n_forgotten
                try:
                    loaded = await asyncio.to_thread(self._load, directory)
                except KlustrError as error:
                    if self._wanted is None and before == self._n_forgotten:
                        if directory == failed:
                            _log.warning("%s; the snapshot before it is served", error)
                        else:  # another process may have put its own in this place just now
                            self._wanted = failed = directory
                    continue
                if before == self._n_forgotten:
                    self.n_taken += 1
                    self._take(loaded)
        finally:
            self._task = None
        self._tell_caught_up()
