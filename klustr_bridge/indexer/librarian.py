"""The librarian: the process beside a daemon that alone writes the library.

Owns the process' life: its pipe to the serving process, the order of start and stop. What is
done with files is the indexer's. The serving process imports this module for `LibrarianSettings`
and the name of `run_librarian`; everything heavy is imported inside.
"""

import contextlib
import logging
import multiprocessing.connection
import sqlite3
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from klustr_bridge.errors import IndexerError, KlustrError, LibraryError
from klustr_bridge.indexer.messages import Fatal, Notice, Reply, Request, Setback
from klustr_bridge.processes import become_background_process, start_logging
from klustr_bridge.progress import PatientWriter, logging_to
from klustr_bridge.settings import Settings

if TYPE_CHECKING:
    from klustr_bridge.indexer.indexer import Indexer
    from klustr_bridge.library.store import Store

_log = logging.getLogger(__name__)

_WRITER = "the librarian of klustr-bridge"
# An orphan of a killed daemon needs a moment to notice that its parent is gone: nothing to tell yet.
_WAIT_SILENTLY_S = 2.0
_LOOK_AT_DESK_EVERY_S = 0.5


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
    with PatientWriter(sys.stderr) as errors, logging_to(errors):
        _work(desk, start)


def _work(desk: _Desk, start: LibrarianSettings) -> None:
    try:
        _serve(desk, start)
    except _Stopped:
        return
    except _Refused as error:
        desk.send(Fatal(str(error)))
        raise SystemExit(1) from error
    except KlustrError as error:
        desk.send(Setback(str(error)))
        raise SystemExit(1) from error
    except Exception as error:
        _log.exception("the librarian failed")
        desk.send(Setback(f"{type(error).__name__}: {error}"))
        raise SystemExit(1) from error


class _Stopped(Exception):
    """Told to stop, or left alone, before the library was open."""


class _Refused(LibraryError):
    """The file will never be a library to this release."""


def _serve(desk: _Desk, start: LibrarianSettings) -> None:
    from klustr_bridge.indexer.indexer import Indexer

    library_file = Path(start.library_file)
    with _writer_lock(desk, library_file), _open(library_file) as store:
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


@contextlib.contextmanager
def _writer_lock(desk: _Desk, library_file: Path) -> Iterator[None]:
    """Hold the writer lock; wait for it as long as it takes, and say for whom."""
    from klustr_bridge.library.lock import writer_lock

    with contextlib.ExitStack() as held:
        wait_s, said = _WAIT_SILENTLY_S, ""
        while True:
            try:
                held.enter_context(writer_lock(library_file, _WRITER, wait_s))
                break
            except LibraryError as error:
                if _may_pass(error):  # the folder can't be written: no question of waiting
                    raise
                wait_s, reason = _LOOK_AT_DESK_EVERY_S, str(error)
            if reason != said:
                desk.send(Notice("library", reason))
                said = reason
            for request in desk.requests():
                if request.action == "stop":
                    raise _Stopped
                desk.send(Reply(request.token, "busy", reason))
            if not desk.open:
                raise _Stopped
        yield


def _open(library_file: Path) -> "Store":
    from klustr_bridge.library.store import Store

    try:
        return Store.open(library_file)
    except LibraryError as error:
        if _may_pass(error):
            raise
        raise _Refused(str(error)) from error


def _may_pass(error: BaseException) -> bool:
    """Whether the system was the cause: a lock, a full or absent disk, missing rights."""
    return isinstance(error.__cause__, OSError | sqlite3.OperationalError)


def _loop(desk: _Desk, indexer: "Indexer", folders: Sequence[bytes]) -> None:
    for folder in folders:
        try:
            indexer.add_folder(folder)
        except IndexerError as error:  # unplugged meanwhile: the library goes on with what is there
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
        code = getattr(error, "code", "busy" if _may_pass(error) else "badargs")
        desk.send(Reply(request.token, code, str(error)))
    except Exception as error:  # a request from outside never ends the librarian
        _log.exception("request %s failed", request.action)
        desk.send(Reply(request.token, "internal", f"{type(error).__name__}: {error}"))
