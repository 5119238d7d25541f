"""The pool of analysis workers: hands files out, takes answers in, outlives its workers.

Owns the worker processes. Must not touch the library: it answers with `Outcome` values and
leaves storing them to the indexer. Nothing here blocks: the indexer waits on `connections`.
"""

import contextlib
import itertools
import multiprocessing
import time
from collections import deque
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

import psutil

from klustr_bridge.indexer.worker import Analyse, Answer, Task, serve

# Measured: 8 files in a worker's hands hide the round trip; fewer answers are lost with a worker that dies.
_FILES_IN_HAND = 8
_MEMORY_CHECK_S = 0.5
_REAP_S = 1.0


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    connection: Connection
    in_hand: deque[Task] = field(default_factory=deque)
    file_since: float = 0.0
    #: Set while the worker tries alone a file at which another worker died.
    alone: bool = False


class AnalysisPool:
    """Workers that analyse files, one file lost at most when one of them dies.

    Parameters
    ----------
    n_workers : int
        Processes, at least 1.
    analyse : callable
        ``analyse(path) -> Analysis``, picklable by name.
    time_limit_s : float
        A file at work for longer is given up and its worker ended.
    memory_limit_mb : int
        What one worker may use beyond its start.
    """

    def __init__(
        self, n_workers: int, analyse: Analyse, *, time_limit_s: float = 60.0, memory_limit_mb: int = 1500
    ) -> None:
        self._n_workers = n_workers
        self._analyse = analyse
        self._time_limit_s = time_limit_s
        self._memory_limit_mb = memory_limit_mb
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._queue: deque[Task] = deque()
        self._suspects: deque[Task] = deque()
        self._died_once: set[int] = set()
        self._tokens = itertools.count(1)
        self._next_memory_check = 0.0

    @property
    def backlog(self) -> int:
        """Files submitted whose answer has not been collected."""
        return len(self._queue) + len(self._suspects) + sum(len(worker.in_hand) for worker in self._workers)

    @property
    def room(self) -> int:
        """How many more files keep every worker busy until the next look."""
        return max(0, 2 * _FILES_IN_HAND * self._n_workers - self.backlog)

    @property
    def connections(self) -> list[Connection]:
        """What to wait on: each becomes ready when its worker has answered or died."""
        return [worker.connection for worker in self._workers]

    def submit(self, path: bytes, *, first: bool = False) -> int:
        """Queue the file at `path`, before all others if `first`; return the token of its answer."""
        task = Task(next(self._tokens), path)
        if first:
            self._queue.appendleft(task)
        else:
            self._queue.append(task)
        return task.token

    def collect(self) -> list[Answer]:
        """Take in what the workers have answered, replace those that died, hand out more files."""
        answers: list[Answer] = []
        now = time.monotonic()
        self._stop_bloated(now)
        for worker in list(self._workers):
            answers += self._collect_from(worker, now)
        self._hand_out(now)
        return answers

    def close(self, deadline_s: float = 2.0) -> None:
        """End every worker; files in hand are left as they were."""
        for worker in self._workers:
            worker.connection.close()
            worker.process.terminate()
        until = time.monotonic() + deadline_s
        for worker in self._workers:
            worker.process.join(max(0.0, until - time.monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join(_REAP_S)
            if not worker.process.is_alive():
                worker.process.close()
        self._workers.clear()
        self._queue.clear()
        self._suspects.clear()

    def _collect_from(self, worker: _Worker, now: float) -> list[Answer]:
        answers: list[Answer] = []
        try:
            while worker.in_hand and worker.connection.poll():
                answer: Answer = worker.connection.recv()
                worker.in_hand.popleft()
                worker.file_since = now
                self._died_once.discard(answer.token)
                answers.append(answer)
        except (EOFError, OSError):
            return answers + self._bury(worker, "ended the process that analysed it")
        if not worker.in_hand:
            worker.alone = False
        if worker.in_hand and now - worker.file_since > self._time_limit_s:
            self._died_once.add(worker.in_hand[0].token)  # a file that hangs is not tried twice
            answers += self._bury(
                worker, f"took longer than the {self._time_limit_s:g} s that one file may take"
            )
        elif not worker.process.is_alive() and not (worker.in_hand and worker.connection.poll()):
            answers += self._bury(worker, "ended the process that analysed it")
        return answers

    def _bury(self, worker: _Worker, reason: str) -> list[Answer]:
        """Give back what a dead worker held; the file at work is tried once more alone, then refused."""
        self._workers.remove(worker)
        worker.connection.close()
        worker.process.kill()
        worker.process.join(_REAP_S)
        if not worker.process.is_alive():  # one that hangs in the kernel is reaped when this process ends
            worker.process.close()
        if not worker.in_hand:
            return []
        suspect = worker.in_hand.popleft()
        self._queue.extendleft(reversed(worker.in_hand))
        if suspect.token not in self._died_once:
            self._died_once.add(suspect.token)
            self._suspects.append(suspect)
            return []
        self._died_once.discard(suspect.token)
        return [Answer(suspect.token, None, None, reason)]

    def _hand_out(self, now: float) -> None:
        while len(self._workers) < self._n_workers and len(self._workers) < self.backlog:
            self._workers.append(self._start_worker())
        for worker in self._workers:
            if worker.alone:
                continue
            batch: list[Task] = []
            if self._suspects and not worker.in_hand:
                batch.append(self._suspects.popleft())
                worker.alone = True
            else:
                # an even share at the end of a scan, so that the last files are not all in one hand
                share = -(-len(self._queue) // self._n_workers)
                while self._queue and len(batch) < min(share, _FILES_IN_HAND - len(worker.in_hand)):
                    batch.append(self._queue.popleft())
            if not batch:
                continue
            if not worker.in_hand:
                worker.file_since = now
            worker.in_hand.extend(batch)
            with contextlib.suppress(OSError):  # a dead worker is buried at the next collect
                worker.connection.send(batch)

    def _start_worker(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=serve,
            args=(theirs, self._analyse, self._memory_limit_mb),
            name="klustr-bridge analysis",
            daemon=True,
        )
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _stop_bloated(self, now: float) -> None:
        """End workers that outgrew the limit where the system did not limit them itself."""
        if now < self._next_memory_check:
            return
        self._next_memory_check = now + _MEMORY_CHECK_S
        for worker in self._workers:
            try:
                used = psutil.Process(worker.process.pid).memory_info().rss
            except (psutil.Error, OSError):
                continue
            if used > (self._memory_limit_mb + 300) * 1024 * 1024:
                worker.process.kill()
