"""Threads for the user's files, which may lie on drives that hang.

This module owns the threads alone; what is done in them is its callers'.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from klustr_bridge.errors import QueryError

_log = logging.getLogger(__name__)

T = TypeVar("T")

N_THREADS: Final = 4


class FileThreads:
    """Threads apart from those of the rest: a drive that hangs holds up these alone.

    Python waits at its end for the threads of a ``ThreadPoolExecutor``, and so for that drive; these end
    with the process whatever they are at.
    """

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._is_closed = False
        for number in range(N_THREADS):
            threading.Thread(target=self._serve, name=f"files {number}", daemon=True).start()

    async def run(self, function: Callable[..., T], *values: Any) -> T:
        """Call a function there and wait for its result.

        Raises
        ------
        QueryError
            ``notready`` once this is closed.
        """
        if self._is_closed:
            raise QueryError("notready", "the bridge stops")
        done: Future[T] = Future()

        def work() -> None:
            if done.set_running_or_notify_cancel():
                try:
                    done.set_result(function(*values))
                except BaseException as error:
                    done.set_exception(error)

        self._work.put(work)
        return await asyncio.wrap_future(done)

    def later(self, function: Callable[[], None]) -> None:
        """Call a function there, or at once where nothing more is taken on."""
        if self._is_closed:
            function()
        else:
            self._work.put(function)

    def close(self) -> None:
        """Take nothing more on; what is under way ends by itself."""
        self._is_closed = True
        for _ in range(N_THREADS):
            self._work.put(None)

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                work()
            except Exception:
                _log.exception("work beside the event loop failed")
