"""The way to the process that decodes for the map page: started when first needed, replaced when it dies.

Owns that process and the time that one file may take. The waiting is done in a thread; nothing here holds
up the event loop.
"""

import asyncio
import contextlib
import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Final

from klustr_bridge.bridge.audio_jobs import Job, Made, serve
from klustr_bridge.errors import QueryError
from klustr_bridge.processes import ctrl_c_held_back

MOST_WAITING: Final = 32
TIME_LIMIT_S: Final = 8.0
"""For one file, with the time that it has waited for others; below the deadline of a request."""

_END_S: Final = 1.0


class AudioReader:
    """Decodes sample files in a process of its own, one after another."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "audio reader")
        self._context = multiprocessing.get_context("spawn")
        self._child: tuple[SpawnProcess, Connection] | None = None
        self._lock = threading.Lock()  # of starting a process against closing
        self._n_waiting = 0
        self._is_closed = False

    async def read(self, job: Job) -> Made:
        """Have a job done.

        Raises
        ------
        QueryError
            ``busy`` where too many wait or the turn doesn't come in time, ``internal`` where the file can't
            be decoded, ``notready`` once this is closed.
        """
        if self._is_closed:
            raise QueryError("notready", "the bridge stops")
        if self._n_waiting >= MOST_WAITING:
            raise QueryError("busy", f"{self._n_waiting} sounds wait to be decoded; ask again later")
        self._n_waiting += 1
        try:
            until_s = time.monotonic() + TIME_LIMIT_S
            made = await asyncio.get_running_loop().run_in_executor(self._thread, self._ask, job, until_s)
        except asyncio.CancelledError:
            if not self._is_closed:
                raise
            raise QueryError("notready", "the bridge stops") from None
        finally:
            self._n_waiting -= 1
        if made.reason:
            raise QueryError("internal", made.reason)
        return made

    def close(self) -> None:
        """End the process, whatever it is at; waits for it, so it is for a thread."""
        with self._lock:
            self._is_closed = True
            if (child := self._child) is not None:
                with contextlib.suppress(ValueError):  # closed in between
                    child[0].kill()
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._end()

    def _ask(self, job: Job, until_s: float) -> Made:
        if time.monotonic() >= until_s:
            raise QueryError("busy", "other sounds took too long to decode; ask again later")
        for _ in range(2):  # a child that has just left for want of work is found out by asking
            was_running = self._child is not None
            try:
                _, connection = self._child or self._start()
            except OSError as error:
                raise QueryError("busy", f"the system gives no process to decode it: {error}") from None
            try:
                connection.send(job)
                if connection.poll(max(0.0, until_s - time.monotonic())):
                    made: Made = connection.recv()
                    return made
            except (EOFError, OSError):
                self._end()
                if was_running and not self._is_closed:
                    continue
                return Made(reason="it ended the process that decoded it")
            self._end()
            return Made(reason=f"it took longer than the {TIME_LIMIT_S:g} s that one file may take")
        return Made(reason="it ended the process that decoded it")

    def _start(self) -> tuple[SpawnProcess, Connection]:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=serve, args=(theirs,), name="klustr-bridge sounds for the page", daemon=True
        )
        with self._lock:
            if self._is_closed:
                ours.close()
                theirs.close()
                raise QueryError("notready", "the bridge stops")
            with ctrl_c_held_back():
                process.start()
            self._child = process, ours
        theirs.close()
        return self._child

    def _end(self) -> None:
        if self._child is None:
            return
        (process, connection), self._child = self._child, None
        connection.close()
        process.kill()
        process.join(_END_S)
        if not process.is_alive():
            process.close()
