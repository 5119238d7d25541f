"""The audio of indexed sounds, for browsers, and its picture.

This module owns how it is served: as the file is where browsers play that, else as WAV, and nothing but
what the library has as a sound. Files are read in threads, decoded in a process of their own.
"""

import asyncio
import contextlib
import os
import re
import threading
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from klustr_bridge.bridge.audio_jobs import Job
from klustr_bridge.bridge.audio_reader import AudioReader
from klustr_bridge.bridge.file_threads import FileThreads
from klustr_bridge.bridge.sound_bytes import HEAD_BYTES, Part, media_type, part_asked_for
from klustr_bridge.bridge.vocabulary import INT32_HIGH
from klustr_bridge.bridge.web_answers import REVALIDATED, is_known, not_modified
from klustr_bridge.corpus import Corpus
from klustr_bridge.errors import QueryError, RefusedSound
from klustr_bridge.navigator import Navigator
from klustr_bridge.sound.opening import open_regular, read_head

_PIECE: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class IndexedSound:
    """Where an indexed sound is; `end_s` is 0 for one that is a whole file."""

    id: int
    path: bytes
    start_s: float
    end_s: float

    @property
    def is_slice(self) -> bool:
        """Whether it is a part of a file."""
        return self.end_s > 0.0


class Sounds:
    """Answers ``/map/sound`` and ``/map/wave``.

    Parameters
    ----------
    navigator : Navigator
        Knows the sounds.
    threads : FileThreads
        For reading files.
    """

    def __init__(self, navigator: Navigator, threads: FileThreads) -> None:
        self._navigator = navigator
        self._threads = threads
        self._reader = AudioReader()

    async def stop(self) -> None:
        """End the process that decodes."""
        await asyncio.to_thread(self._reader.close)

    async def sound(self, request: Request) -> Response:
        """Answer with the audio of a sound; ``?as=wav`` asks for WAV whatever it is."""
        sound = _found(self._navigator.corpus, request.path_params["id"])
        wants_wav = request.query_params.get("as") == "wav"
        if not (sound.is_slice or wants_wav):
            whole = await self._threads.run(_open, sound.path)
            if whole is not None:
                return _answer_with_file(request, whole, self._threads)
        made = await self._reader.read(Job("wav", sound.path, sound.start_s, sound.end_s))
        headers = {"Cache-Control": "no-store", "X-Seconds": f"{made.seconds:.6f}"}
        part = part_asked_for(request.headers.get("range"), len(made.data))
        if part is None:
            return _unsatisfiable(len(made.data))
        code, ranges = _range_headers(part, len(made.data), "range" in request.headers)
        return Response(made.data[part.start : part.stop], code, {**headers, **ranges}, "audio/wav")

    async def wave(self, request: Request) -> Response:
        """Answer with the picture of a sound: 256 pairs of int8, lowest and highest sample."""
        sound = _found(self._navigator.corpus, request.path_params["id"])
        made = await self._reader.read(Job("picture", sound.path, sound.start_s, sound.end_s))
        headers = {"X-Seconds": f"{made.seconds:.6f}"}
        return Response(made.data, media_type="application/octet-stream", headers=headers)


def _found(corpus: Corpus, text: str) -> IndexedSound:
    """Return the indexed sound of an id that stands in an address."""
    is_id = re.fullmatch(r"[1-9]\d{0,9}", text, re.ASCII) and int(text) <= INT32_HIGH
    row = corpus.row_of(int(text)) if is_id else None
    path = None if row is None else corpus.path(int(text))
    if row is None or path is None:
        raise QueryError("notfound", "no indexed sound has this id")
    start_s, end_s = corpus.span_s(row) if corpus.is_slice(row) else (0.0, 0.0)
    return IndexedSound(int(text), path, start_s, end_s)


class _OpenFile:
    """A sample file that a browser plays as it is."""

    def __init__(self, stack: contextlib.ExitStack, fd: int, size: int, kind: str) -> None:
        self._stack = stack
        self._fd = fd
        self._lock = threading.Lock()
        self._is_closed = False
        self.size = size
        self.kind = kind
        self.tag = f'"{size:x}-{os.fstat(fd).st_mtime_ns:x}"'

    def read(self, start: int, n_bytes: int) -> bytes:
        """Read a piece, nothing once closed; for a thread."""
        with self._lock:
            if self._is_closed:
                return b""
            os.lseek(self._fd, start, os.SEEK_SET)
            return os.read(self._fd, n_bytes)

    def close(self) -> None:
        """Close it once no piece is being read: another file could get its number; for a thread."""
        with self._lock:
            self._is_closed = True
            self._stack.close()


def _open(path: bytes) -> _OpenFile | None:
    """Open a sample file that browsers play, None where they don't; for a thread."""
    with contextlib.ExitStack() as stack:
        try:
            fd, size = stack.enter_context(open_regular(path))
            kind = media_type(read_head(fd, HEAD_BYTES), os.path.splitext(path)[1].lower())
        except RefusedSound as refused:
            raise QueryError("notready", str(refused)) from None
        except OSError as error:
            raise QueryError("notready", f"the file can't be read now: {error.strerror}") from None
        return None if kind is None else _OpenFile(stack.pop_all(), fd, size, kind)


def _answer_with_file(request: Request, whole: _OpenFile, threads: FileThreads) -> Response:
    if is_known(request, whole.tag):
        threads.later(whole.close)
        return not_modified(whole.tag)
    asked = request.headers.get("range")
    if request.headers.get("if-range", whole.tag) != whole.tag:
        asked = None  # it is another file by now
    part = part_asked_for(asked, whole.size)
    if part is None:
        threads.later(whole.close)
        return _unsatisfiable(whole.size)
    code, headers = _range_headers(part, whole.size, asked is not None)
    headers |= {"ETag": whole.tag, "Cache-Control": REVALIDATED}
    return _FileResponse(whole, part, code, headers, threads, request.method == "HEAD")


def _range_headers(part: Part, size: int, is_asked: bool) -> tuple[int, dict[str, str]]:
    headers = {"Accept-Ranges": "bytes"}
    if not is_asked or (part.start, part.stop) == (0, size):
        return 200, headers
    return 206, {**headers, "Content-Range": f"bytes {part.start}-{part.stop - 1}/{size}"}


def _unsatisfiable(size: int) -> Response:
    text = f"the file has {size} bytes\n"
    return PlainTextResponse(text, 416, {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"})


class _FileResponse(Response):
    """A part of an open file, read in a thread a piece at a time, and closed whatever happens."""

    def __init__(
        self,
        whole: _OpenFile,
        part: Part,
        code: int,
        headers: dict[str, str],
        threads: FileThreads,
        is_head: bool,
    ) -> None:
        super().__init__(None, code, {**headers, "Content-Length": str(part.stop - part.start)}, whole.kind)
        self._whole = whole
        self._part = part
        self._threads = threads
        self._is_head = is_head

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it until all is sent or nobody listens any more."""
        gone = asyncio.create_task(_left(receive))
        try:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            at, stop = (self._part.start, self._part.stop) if not self._is_head else (0, 0)
            while at < stop and not gone.done():
                piece = await self._threads.run(self._whole.read, at, min(_PIECE, stop - at))
                if not piece:
                    return  # it has become shorter while it was sent; the connection ends with it
                at += len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            self._threads.later(self._whole.close)  # a piece may still be read


async def _left(receive: Receive) -> None:
    """Wait until the other side has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
