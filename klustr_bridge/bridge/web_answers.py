"""What the answers of the map page's addresses have in common: refusals and tags.

This module owns the HTTP status that each failure code of the protocol has.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from klustr_bridge.bridge.web_door import is_far
from klustr_bridge.errors import QueryError

Answer = Callable[[Request], Awaitable[Response]]

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
