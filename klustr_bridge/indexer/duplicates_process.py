"""Finding duplicates in a process of its own, so that indexing and answering go on meanwhile.

Owns the life of that process, who waits for it, and what it has found last. It must not compute anything.
"""

import contextlib
import multiprocessing
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

from klustr_bridge.errors import KlustrError
from klustr_bridge.library.store import Store
from klustr_bridge.processes import become_background_process
from klustr_bridge.types import Int32Array

_END_S = 2.0

WhenFound = Callable[[Int32Array | None, str], None]
"""Takes rows of group and id, or None and why there are none."""


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """What a search has found: rows of group and id, of the library in a state."""

    generation: int
    rows: Int32Array


class DuplicatesSearch:
    """At most one search at a time; what is found is kept until the library changes.

    Parameters
    ----------
    store : Store
        The library.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self._waiting: list[WhenFound] = []
        self._served: list[WhenFound] = []
        self._found: _Found | None = None

    @property
    def connections(self) -> list[Connection]:
        """What to wait on: ready when a search has ended."""
        return [self._connection] if self._connection is not None else []

    def demand(self, when_found: WhenFound) -> None:
        """Have the duplicates of the library as it is now or later; answered by `step`."""
        self._waiting.append(when_found)

    def step(self) -> None:
        """Take in what a search has found, and start another one if somebody waits for it."""
        if self._connection is not None:
            if not self._connection.poll():
                return
            self._take()
        if not self._waiting:
            return
        self._served, self._waiting = self._waiting, []
        if self._found is not None and self._found.generation == self._store.generation:
            self._tell(self._found.rows, "")
        else:
            self._start()

    def close(self) -> None:
        """Give up a search that is under way."""
        if self._process is not None:
            self._process.kill()
        self._end()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe(duplex=False)
        process = context.Process(
            target=_search, args=(theirs, str(self._store.path)), name="klustr-bridge duplicates", daemon=True
        )
        try:
            process.start()
            self._process = process
        except OSError as error:
            self._end()
            self._tell(None, f"the process that finds duplicates can't be started: {error}")
        finally:
            theirs.close()

    def _take(self) -> None:
        assert self._connection is not None
        try:
            answer: _Found | str = self._connection.recv()
        except (EOFError, OSError):
            answer = "the process that finds duplicates has ended without a result"
        self._end()
        if isinstance(answer, _Found):
            self._found = answer
            self._tell(answer.rows, "")
        else:
            self._tell(None, answer)

    def _end(self) -> None:
        if self._process is not None:
            self._process.join(_END_S)
            if self._process.is_alive():
                self._process.kill()
                self._process.join(_END_S)
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None

    def _tell(self, rows: Int32Array | None, why_not: str) -> None:
        served, self._served = self._served, []
        for when_found in served:
            when_found(rows, why_not)


def _search(connection: Connection, library: str) -> None:
    become_background_process()
    answer: _Found | str
    try:
        from klustr_bridge.indexer.duplicates import find_duplicates

        with Store.open(Path(library), writable=False) as store:
            found = find_duplicates(store)
        answer = _Found(found.generation, found.by_sound())
    except KlustrError as error:
        answer = str(error)
    except Exception as error:
        traceback.print_exc()
        answer = f"finding duplicates failed: {type(error).__name__}: {error}"
    with contextlib.suppress(OSError):
        connection.send(answer)
