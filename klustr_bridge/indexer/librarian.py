"""The librarian: the process beside a daemon that alone writes the library.

Owns the process' life: its pipe to the serving process, the order of start and stop. What is
done with files is the indexer's. The serving process imports this module for `LibrarianSettings`
and the name of `run_librarian`; everything heavy is imported inside.
"""

import logging
import multiprocessing.connection
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from klustr_bridge.errors import KlustrError
from klustr_bridge.indexer.messages import Fatal, Notice, Reply, Request
from klustr_bridge.processes import become_background_process, start_logging
from klustr_bridge.settings import Settings

if TYPE_CHECKING:
    from klustr_bridge.indexer.indexer import Indexer

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LibrarianSettings:
    """What the librarian process is started with.

    Attributes
    ----------
    library_file : str
        The index file.
    snapshot_directory : str
        Where snapshots for the serving process are written.
    folders : tuple of bytes
        Folders to add at the start.
    settings : Settings
        All settings in force.
    """

    library_file: str
    snapshot_directory: str
    folders: tuple[bytes, ...]
    settings: Settings


class _Desk:
    """The librarian's side of the pipe: takes requests in, gives messages out."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.open = True

    def send(self, message: object) -> None:
        try:
            self.connection.send(message)
        except OSError:
            self.open = False

    def requests(self) -> Sequence[Request]:
        """Return the requests that have come in; notes when the other side is gone."""
        arrived: deque[Request] = deque()
        try:
            while self.connection.poll():
                arrived.append(self.connection.recv())
        except (EOFError, OSError):
            self.open = False
        return arrived


def run_librarian(connection: Connection, start: LibrarianSettings) -> None:
    """Index, watch and publish until told to stop or the serving process is gone.

    Parameters
    ----------
    connection : Connection
        Receives `Request`, sends the messages of `klustr_bridge.indexer.messages`.
    start : LibrarianSettings
        What to work on.
    """
    become_background_process(priority=5)
    start_logging(start.settings.log.level)
    desk = _Desk(connection)
    try:
        _serve(desk, start)
    except KlustrError as error:
        desk.send(Fatal(str(error)))
        raise SystemExit(1) from error


def _serve(desk: _Desk, start: LibrarianSettings) -> None:
    from klustr_bridge.indexer.indexer import Indexer
    from klustr_bridge.library.lock import writer_lock
    from klustr_bridge.library.store import Store

    library_file = Path(start.library_file)
    # an orphan of a killed daemon may need a moment to notice that its parent is gone
    with writer_lock(library_file, timeout_s=10.0), Store.open(library_file) as store:
        indexer = Indexer(
            store,
            start.settings,
            send=desk.send,
            snapshot_directory=Path(start.snapshot_directory),
            watch=True,
        )
        try:
            _loop(desk, indexer, start.folders)
        finally:
            indexer.close()


def _loop(desk: _Desk, indexer: "Indexer", folders: Sequence[bytes]) -> None:
    for folder in folders:
        try:
            indexer.add_folder(folder)
        except KlustrError as error:  # unplugged meanwhile: the library goes on with what is there
            desk.send(Notice("folder", str(error)))
    while desk.open:
        for request in desk.requests():
            if request.action == "stop":
                return
            _carry_out(desk, indexer, request)
        timeout_s = indexer.step()
        multiprocessing.connection.wait([desk.connection, *indexer.connections], timeout_s)


def _carry_out(desk: _Desk, indexer: "Indexer", request: Request) -> None:
    """Start what is asked; the indexer replies when it is done."""

    def done(reply: Reply) -> None:
        desk.send(reply)

    try:
        indexer.request(request, done)
    except KlustrError as error:
        code = getattr(error, "code", "badargs")
        desk.send(Reply(request.token, code, str(error)))
    except Exception as error:  # a request from outside never ends the librarian
        _log.exception("request %s failed", request.action)
        desk.send(Reply(request.token, "internal", f"{type(error).__name__}: {error}"))
