"""What the answers of the map page's addresses have in common: refusals, tags, work beside the event loop.

This module owns the HTTP status that each failure code of the protocol has.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from klustr_bridge.bridge.web_door import is_far
from klustr_bridge.errors import QueryError

_log = logging.getLogger(__name__)

T = TypeVar("T")
Answer = Callable[[Request], Awaitable[Response]]

N_THREADS: Final = 4
REVALIDATED: Final = "private, no-cache"
"""The browser may keep it, and asks each time whether it is still so."""

_STATUS: Final = {
    "badargs": 400,
    "denied": 403,
    "notfound": 404,
    "unknown": 404,
    "toobig": 413,
    "internal": 422,
    "busy": 503,
    "notready": 503,
}

_OF_FILES: Final = frozenset({"internal", "notready"})
"""Codes whose words may name what lies on the disk."""


class Threads:
    """Threads for the user's files, apart from those of the rest: a drive that hangs holds up these alone.

    Python waits at its end for the threads of a ``ThreadPoolExecutor``, and so for that drive; these end
    with the process whatever they are at.
    """

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._is_closed = False
        for number in range(N_THREADS):
            threading.Thread(target=self._serve, name=f"http {number}", daemon=True).start()

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


def refused(error: QueryError) -> Response:
    """Return the answer to a request that can't be answered: the code and the words of ``/klustr/fail``."""
    return JSONResponse({"code": error.code, "message": str(error)}, _STATUS.get(error.code, 422))


def refusing(answer: Answer) -> Answer:
    """Answer with a refusal where something can't be asked."""

    async def answered(request: Request) -> Response:
        try:
            return await answer(request)
        except QueryError as error:
            if error.code in _OF_FILES and is_far(request.scope):
                error = QueryError(error.code, "this can't be had now; the bridge's own machine is told why")
            return refused(error)

    return answered


def is_known(request: Request, tag: str) -> bool:
    """Whether the browser has the very thing of a tag already."""
    known = request.headers.get("if-none-match", "")
    return any(one.strip().removeprefix("W/") in (tag, "*") for one in known.split(",") if one.strip())


def not_modified(tag: str) -> Response:
    """Return the answer to who has it already."""
    return Response(status_code=304, headers={"ETag": tag, "Cache-Control": REVALIDATED})
