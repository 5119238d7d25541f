"""The serving process' end of the librarian: starts it, asks it, hears from it, starts it again.

Owns the librarian process and the two threads at its pipe. Nothing here blocks the event loop:
one thread writes, one reads, and what arrives is handed to the loop.
"""

import asyncio
import contextlib
import itertools
import logging
import multiprocessing
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from klustr_bridge.errors import IndexerError, QueryError
from klustr_bridge.indexer.librarian import LibrarianSettings, run_librarian
from klustr_bridge.indexer.messages import (
    Action,
    Fatal,
    FromLibrarian,
    Notice,
    ProgressReport,
    Reply,
    Request,
    Setback,
)
from klustr_bridge.types import Analysis, Int32Array

_log = logging.getLogger(__name__)

_MOST_OPEN_REQUESTS = 256
# A librarian that dies this soon after its start counts as a failed start.
_HEALTHY_AFTER_S = 60.0
_FIRST_PAUSE_S = 0.4
_LONGEST_PAUSE_S = 30.0
_REAP_S = 1.0


class LibrarianGateway:
    """Asks the librarian process, and keeps one running.

    Parameters
    ----------
    settings : LibrarianSettings
        Handed to the process at each start.
    hear : callable
        Called in the event loop with each message that is not a reply.
    give_up : callable
        Called in the event loop with an `IndexerError` when the librarian says that it can never run.
        Whatever else ends it, it is started again, after ever longer pauses.
    """

    def __init__(
        self,
        settings: LibrarianSettings,
        hear: Callable[[FromLibrarian], None],
        give_up: Callable[[IndexerError], None],
    ) -> None:
        self._settings = settings
        self._hear = hear
        self._give_up = give_up
        self._tokens = itertools.count(1)
        self._open: dict[int, asyncio.Future[Reply]] = {}
        self._outbox: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._process: SpawnProcess | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started_at = 0.0
        self._failed_starts = 0
        self._last_words: Setback | Fatal | None = None
        self._told = ""
        self._stopping = False
        self._running = False
        self._reaping = threading.Lock()

    def start(self) -> None:
        """Start the process; to be called in the event loop."""
        self._loop = asyncio.get_running_loop()
        self._launch()

    @property
    def pid(self) -> int:
        """The librarian's process number, 0 while there is none."""
        return (self._process.pid or 0) if self._process else 0

    def _launch(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        # not a daemonic process: those may not have children, and the librarian has its workers
        self._process = context.Process(
            target=run_librarian, args=(theirs, self._settings), name="klustr-bridge librarian"
        )
        self._process.start()
        theirs.close()
        self._running = True
        self._last_words = None
        self._started_at = time.monotonic()
        self._outbox = queue.SimpleQueue()
        threading.Thread(target=_write, args=(ours, self._outbox), name="librarian out", daemon=True).start()
        threading.Thread(
            target=self._read, args=(ours, self._process), name="librarian in", daemon=True
        ).start()

    def _read(self, connection: Connection, process: SpawnProcess) -> None:
        while True:
            try:
                message: FromLibrarian | None = connection.recv()
            except (EOFError, OSError):
                message = None
            try:
                if message:
                    self._to_loop(self._take, message)
                else:
                    self._joined(process, _REAP_S)  # here, where it holds up nobody
                    self._to_loop(self._ended, process)
            except RuntimeError:  # the loop is closed: the daemon is gone
                return
            if message is None:
                return

    def _joined(self, process: SpawnProcess, deadline_s: float) -> bool:
        """Wait for the end of a process, in one thread at a time, and return whether it has ended.

        Of two threads that wait, one reaps it, and for an instant the other takes it for alive still.
        """
        with self._reaping:
            process.join(deadline_s)
            return not process.is_alive()

    def _to_loop(self, call: Callable[..., None], *arguments: Any) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(call, *arguments)

    def _take(self, message: FromLibrarian) -> None:
        if isinstance(message, Reply):
            future = self._open.pop(message.token, None)
            if future and not future.done():
                future.set_result(message)
            return
        if isinstance(message, Fatal | Setback):
            self._last_words = message
            return
        if isinstance(message, ProgressReport) and self._settings.folders:
            # by its first report it has added them: one removed since must not come back with a restart
            self._settings = replace(self._settings, folders=())
        self._hear(message)

    def _ended(self, process: SpawnProcess) -> None:
        if process is not self._process:
            return
        self._running = False
        self._outbox.put(None)
        self._fail_open_requests()
        if self._stopping:
            return
        words = self._last_words
        if isinstance(words, Fatal):
            self._give_up(IndexerError(f"the librarian process can't be kept running: {words.message}"))
            return
        if time.monotonic() - self._started_at > _HEALTHY_AFTER_S:
            self._failed_starts, self._told = 0, ""
        reason = words.message if words else f"the librarian process ended with code {process.exitcode}"
        if reason != self._told:  # once, not at each of its starts
            self._told = reason
            self._hear(Notice("library", f"{reason}; what is known is served, writing is tried again"))
        pause_s = min(_FIRST_PAUSE_S * 2 ** min(self._failed_starts, 10), _LONGEST_PAUSE_S)
        self._failed_starts += 1
        assert self._loop is not None
        self._loop.call_later(pause_s, self._relaunch)

    def _relaunch(self) -> None:
        if not self._stopping:
            self._launch()

    def _fail_open_requests(self) -> None:
        for token, future in self._open.items():
            if not future.done():
                future.set_result(Reply(token, "internal", "the librarian process ended before it was done"))
        self._open.clear()

    async def ask(self, action: Action, *, path: bytes = b"", sound_id: int = 0, value: str = "") -> Reply:
        """Have one thing done and wait for its end.

        Raises
        ------
        QueryError
            With the librarian's code and message, or ``busy`` when too many requests are open.
        """
        if not self._running:
            raise QueryError("busy", "the librarian process is being started again; try again in a second")
        if len(self._open) >= _MOST_OPEN_REQUESTS:
            raise QueryError("busy", f"{_MOST_OPEN_REQUESTS} library commands are waiting; try again later")
        token = next(self._tokens)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._open[token] = future
        self._outbox.put(Request(token, action, path, sound_id, value))
        try:
            reply = await future
        finally:
            self._open.pop(token, None)
        if reply.code:
            raise QueryError(reply.code, reply.message)
        return reply

    async def stop(self, deadline_s: float = 5.0) -> None:
        """Ask the process to finish its batch and end; end it by force after `deadline_s`."""
        self._stopping = True
        process = self._process
        if process is None:
            return
        self._outbox.put(Request(0, "stop"))
        if not await asyncio.to_thread(self._joined, process, deadline_s):
            _log.warning("the librarian did not end within %g s; ending it by force", deadline_s)
            process.kill()
            await asyncio.to_thread(self._joined, process, 2.0)
        self._outbox.put(None)

    # The navigator's `Librarian` interface: each raises `QueryError`.

    async def add_folder(self, path: bytes) -> None:
        """Watch the folder at `path` from now on."""
        await self.ask("add_folder", path=path)

    async def remove_folder(self, path: bytes) -> None:
        """Watch the folder no longer; its sounds leave the map."""
        await self.ask("remove_folder", path=path)

    async def rescan(self) -> None:
        """Walk all folders again; done when every change found has been noted."""
        await self.ask("rescan")

    async def relayout(self) -> None:
        """Fit a new epoch of the map; done when it is in force."""
        await self.ask("relayout")

    async def make_candidate(self, method: str) -> None:
        """Fit a map that waits to be taken or dropped; done when it can be seen."""
        await self.ask("candidate", value=method)

    async def take_candidate(self) -> None:
        """Have the candidate be the next epoch; done when it is in force."""
        await self.ask("take_candidate")

    async def drop_candidate(self) -> None:
        """Forget the candidate."""
        await self.ask("drop_candidate")

    async def set_favourite(self, sound_id: int, on: bool) -> None:
        """Mark or unmark a sound as a favourite."""
        await self.ask("favourite", sound_id=sound_id, value="1" if on else "0")

    async def set_kind(self, sound_id: int, kind: str) -> None:
        """Correct a sound's kind; the correction stays until ``auto`` takes it back."""
        await self.ask("kind", sound_id=sound_id, value=kind)

    async def analyse(self, path: bytes) -> Analysis:
        """Analyse any audio file of this machine in a worker; nothing of it is kept."""
        reply = await self.ask("analyse", path=path)
        if reply.analysis is None:
            raise QueryError("internal", "the librarian answered without an analysis")
        return reply.analysis

    async def duplicates(self) -> Int32Array:
        """Find near-identical sounds in a process of their own; kept until the library changes."""
        reply = await self.ask("duplicates")
        if reply.duplicates is None:
            raise QueryError("internal", "the librarian answered without the duplicates")
        return reply.duplicates


def _write(connection: Connection, outbox: queue.SimpleQueue[Request | None]) -> None:
    while (request := outbox.get()) is not None:
        with contextlib.suppress(OSError, ValueError):
            connection.send(request)
    connection.close()
