"""Files that the page sends: into a watched folder, or to hear what is like them.

This module owns the reading of what is posted: how much, how many at a time, and that nothing is left of
what breaks off. Where a file may go is `uploads`' to say; it is heard by the librarian's workers.
"""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from klustr_bridge.bridge.file_threads import FileThreads
from klustr_bridge.bridge.handlers import path_from_wire
from klustr_bridge.bridge.uploads import (
    MOST_BYTES,
    Upload,
    checked_folder,
    checked_name,
    clear_left_over,
)
from klustr_bridge.errors import QueryError
from klustr_bridge.library.paths import to_export
from klustr_bridge.navigator import ClientState, Navigator, Neighbour
from klustr_bridge.sound.formats import not_audio

UPLOAD: Final = "/map/upload"
SIMILAR: Final = "/map/similar"
MOST_SIMILAR_BYTES: Final = 50 << 20
MOST_AT_ONCE: Final = 4
N_SIMILAR: Final = 24
MOST_SIMILAR: Final = 200

_WRITTEN_AT_ONCE: Final = 1 << 20
_HEAD: Final = 64


class Uploads:
    """Answers ``/map/upload`` and ``/map/similar``.

    Parameters
    ----------
    navigator : Navigator
        Knows the watched folders and hears files.
    threads : FileThreads
        For writing files.

    Attributes
    ----------
    bodies : dict of str to int
        The paths, each with the most bytes it takes.
    """

    def __init__(self, navigator: Navigator, threads: FileThreads) -> None:
        self._navigator = navigator
        self._threads = threads
        self._n_under_way = 0
        self._cleared: set[bytes] = set()
        self.bodies = {UPLOAD: MOST_BYTES, SIMILAR: MOST_SIMILAR_BYTES}

    async def upload(self, request: Request) -> Response:
        """Write a file into a watched folder and answer with its path."""
        name = checked_name(request.query_params.get("name", ""))
        folder = await self._threads.run(self._folder, request.query_params.get("folder", ""))
        with self._place():
            path = await self._received(request, folder, name)
        return JSONResponse({"path": to_export(path)}, 201)

    async def similar(self, request: Request) -> Response:
        """Hear a file that is not kept, and answer with the sounds most like it."""
        k = request.query_params.get("k", str(N_SIMILAR))
        if not (k.isascii() and k.isdigit() and 1 <= int(k[:9]) <= MOST_SIMILAR):
            raise QueryError("badargs", f"k is {k[:20]!r}; allowed are 1 to {MOST_SIMILAR}")
        name = checked_name(request.query_params.get("name", "sound.wav"))
        with self._place():  # until it is heard: so long it takes room on the disk
            folder = await self._threads.run(tempfile.TemporaryDirectory, None, "klustr-")
            try:
                path = await self._received(request, os.fsencode(folder.name), name)
                found = await self._like(path, int(k))
            finally:
                await self._done_with(folder.cleanup)
        return JSONResponse(
            [{"id": one.id, "distance": one.distance, "x": one.x, "y": one.y} for one in found]
        )

    async def _done_with(self, clear: Callable[[], None]) -> None:
        """Clear something away, also when the request ends or the bridge stops."""
        try:
            await asyncio.shield(self._threads.run(clear))
        except QueryError:  # no more threads
            clear()

    async def _like(self, path: bytes, k: int) -> list[Neighbour]:
        try:
            return await self._navigator.similar_file(ClientState(), path, k)
        except QueryError as error:  # where it lay is of no use to anybody
            raise QueryError(error.code, str(error).removeprefix(f"{os.fsdecode(path)}: ")) from None

    def _folder(self, text: str) -> bytes:
        folder = checked_folder(path_from_wire(text), [row.path for row in self._navigator.folders()])
        if folder not in self._cleared:
            self._cleared.add(folder)
            clear_left_over(folder)
        return folder

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        """Take one of the places for files that are under way."""
        if self._n_under_way >= MOST_AT_ONCE:
            raise QueryError("busy", f"{self._n_under_way} files are being taken; send this one after them")
        self._n_under_way += 1
        try:
            yield
        finally:
            self._n_under_way -= 1

    async def _received(self, request: Request, folder: bytes, name: str) -> bytes:
        """Write what is posted; its size is in the request, and was checked."""
        try:
            size = int(request.headers["content-length"])
            upload = await self._threads.run(Upload, folder, name, size)
            try:
                n_bytes = 0
                async for piece in _pieces(request):
                    if not n_bytes:
                        _refuse_other(piece, name)
                    n_bytes += len(piece)
                    await self._threads.run(upload.write, piece)
                if not n_bytes:
                    raise QueryError("badargs", f"{name[:100]!r} is empty")
                return await self._threads.run(upload.keep)
            finally:
                await self._done_with(upload.close)
        except ClientDisconnect:
            raise QueryError("badargs", "the file broke off") from None


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """Yield the body in pieces that are worth a write, the first one with the file's head in it."""
    waiting = bytearray()
    async for data in request.stream():
        waiting += data
        if len(waiting) >= _WRITTEN_AT_ONCE:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


def _refuse_other(head: bytes, name: str) -> None:
    suffix = os.path.splitext(name)[1].lower().encode()
    what = not_audio(head[:_HEAD], suffix)
    if what is not None:
        raise QueryError("badargs", f"{name[:100]!r} is {what}")
