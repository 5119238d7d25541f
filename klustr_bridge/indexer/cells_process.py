"""Having the cells of a big library made in a process of its own, for the serving process to search by.

Owns the life of that process and when it is worth it. It must not compute anything.
"""

import contextlib
import json
import multiprocessing
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

import numpy as np

from klustr_bridge.layout.cells import LEAST_SOUNDS, cells_file, make_cells, read_cells, write_cells
from klustr_bridge.processes import become_background_process

_END_S = 2.0
_MOST_NEW = 0.1
"""Share of sounds in no cell from which on cells are made anew: the search measures each of them."""


class CellsKeeper:
    """Keeps the cells of a library's newest snapshot good enough.

    Parameters
    ----------
    when_made : callable
        Called once new cells are in place: who serves the snapshot should load it again.
    notice : callable
        ``notice(where, message)`` for what the user should know.
    least_sounds : int
        Fewer need no cells.
    """

    def __init__(
        self,
        when_made: Callable[[], None],
        notice: Callable[[str, str], None],
        *,
        least_sounds: int = LEAST_SOUNDS,
    ) -> None:
        self._when_made = when_made
        self._notice = notice
        self._least_sounds = least_sounds
        self._looked_at: Path | None = None
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self._failed = False

    @property
    def connections(self) -> list[Connection]:
        """What to wait on: ready when cells are made."""
        return [self._connection] if self._connection is not None else []

    @property
    def running(self) -> bool:
        """Whether cells are being made."""
        return self._connection is not None

    def step(self, snapshot: Path | None) -> None:
        """Take in cells that are made, and have others made if a snapshot needs them.

        Parameters
        ----------
        snapshot : Path or None
            The newest one, of a library that is settled; None while there is none.
        """
        if self._connection is not None:
            if not self._connection.poll():
                return
            self._take()
        if snapshot is None or snapshot == self._looked_at or self._failed:
            return
        self._looked_at = snapshot
        if self._is_worth_it(snapshot):
            self._start(snapshot)

    def close(self) -> None:
        """Give up cells that are being made."""
        if self._process is not None:
            self._process.kill()
        self._end()

    def _is_worth_it(self, snapshot: Path) -> bool:
        try:
            ids = np.load(snapshot / "sound_id.npy", mmap_mode="r", allow_pickle=False)
            embedding = np.load(snapshot / "embedding.npy", mmap_mode="r", allow_pickle=False)
            space = _space_of(snapshot)
        except (OSError, ValueError):  # replaced meanwhile: the next one is looked at
            return False
        if len(ids) < self._least_sounds:
            return False
        cells = read_cells(_file_of(snapshot), space)
        if cells is None or cells.centres.shape[1] != embedding.shape[1]:
            return True
        heard = ids[np.isfinite(embedding[:, 0])]
        n_new = np.count_nonzero(~np.isin(heard, cells.ids, kind="table"))
        return bool(n_new > _MOST_NEW * len(ids))

    def _start(self, snapshot: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe(duplex=False)
        process = context.Process(
            target=_make, args=(theirs, str(snapshot)), name="klustr-bridge cells", daemon=True
        )
        try:
            process.start()
            self._process = process
        except OSError as error:
            self._end()
            self._fail(f"its process can't be started: {error}")
        finally:
            theirs.close()

    def _take(self) -> None:
        assert self._connection is not None
        try:
            trouble = str(self._connection.recv())
        except (EOFError, OSError):
            trouble = "its process has ended without a result"
        self._end()
        if trouble:
            self._fail(trouble)
        else:
            self._when_made()

    def _fail(self, trouble: str) -> None:
        """Not tried again before the next start: everything is found without cells, only later."""
        self._failed = True
        self._notice("similar", f"the search can't be made quicker, answers take longer: {trouble}")

    def _end(self) -> None:
        if self._process is not None:
            self._process.join(_END_S)
            if self._process.is_alive():
                self._process.kill()
                self._process.join(_END_S)
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None


def _file_of(snapshot: Path) -> Path:
    return cells_file(snapshot.parent, snapshot.name.rpartition("-")[0])


def _space_of(snapshot: Path) -> int:
    return int(json.loads((snapshot / "meta.json").read_text(encoding="utf-8")).get("space", 0))


def _make(connection: Connection, snapshot: str) -> None:
    become_background_process()
    place, trouble = Path(snapshot), ""
    try:
        embedding = np.load(place / "embedding.npy", mmap_mode="r", allow_pickle=False)
        ids = np.load(place / "sound_id.npy", mmap_mode="r", allow_pickle=False)
        space = _space_of(place)  # now: the snapshot may be gone when they are made
        write_cells(_file_of(place), make_cells(embedding, ids), space)
    except OSError as error:
        trouble = f"{error.strerror or error}"
    except Exception as error:
        traceback.print_exc()
        trouble = f"{type(error).__name__}: {error}"
    with contextlib.suppress(OSError):
        connection.send(trouble)
