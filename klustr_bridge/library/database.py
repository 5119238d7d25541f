"""The library file as a file: made, opened, checked, written in transactions, copied.

This module owns the SQLite connection and its settings. It must not know what the tables mean.
"""

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from klustr_bridge.errors import LibraryError
from klustr_bridge.library import migrations

_MAGIC = b"SQLite format 3\0"
_LARGEST_ID = 2**31 - 1
_BUSY_TIMEOUT_S = 10.0


def open_database(path: Path, *, writable: bool) -> sqlite3.Connection:
    """Open a library file; a writable one is made if missing, and brought up to date.

    Parameters
    ----------
    path : Path
        The library file. A missing or empty one is new.
    writable : bool
        False opens without ever changing the file.

    Returns
    -------
    sqlite3.Connection
        In autocommit mode.

    Raises
    ------
    LibraryError
        The file is no klustr library or comes from a newer release (it is left exactly as it is), or it
        can't be opened.
    """
    try:
        if not path.exists() or path.stat().st_size == 0:
            if not writable:
                raise LibraryError(f"there is no library at {path}; index a folder first")
            _create(path)
        _check_header(path)
        if not writable:
            return _open_to_read(path)
        _check_version(path)
        return _open_to_write(path)
    except OSError as error:
        raise LibraryError(f"can't open library {path}: {error.strerror or error}") from error
    except sqlite3.Error as error:
        raise LibraryError(f"can't open library {path}: {error}") from error


def _create(path: Path) -> None:
    """Make an empty library aside and put it in place whole: no kill can leave half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.new")
    try:
        connection = sqlite3.connect(aside, isolation_level=None)
        try:
            migrations.migrate(connection)
        finally:
            connection.close()
        _remove_log(path)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _remove_log(path: Path) -> None:
    """Remove the log of a file about to be replaced: SQLite would play it into the new one."""
    for suffix in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _check_header(path: Path) -> None:
    """Read our mark before SQLite gets to see the file: even opening one can change it."""
    with path.open("rb") as file:
        header = file.read(100)
    if not header.startswith(_MAGIC) or int.from_bytes(header[68:72], "big") != migrations.APPLICATION_ID:
        raise LibraryError(f"{path} is not a klustr library; it is left as it is, choose another file")
    _refuse_newer(path, int.from_bytes(header[60:64], "big"))


def _check_version(path: Path) -> None:
    """Read the version through SQLite too: a newer one may still stand in the write-ahead log."""
    try:
        with contextlib.closing(_connect_to_read(path)) as connection:
            _refuse_newer(path, migrations.version_of(connection))
    except sqlite3.OperationalError:
        return  # locked or not to be read in this mode: opening it for writing tells


def _refuse_newer(path: Path, version: int) -> None:
    if version > migrations.SCHEMA_VERSION:
        raise LibraryError(
            f"library {path} was written by a newer release of klustr-bridge (format {version}, this one "
            f"knows up to {migrations.SCHEMA_VERSION}); update klustr-bridge, or choose another library file"
        )


def _open_to_write(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA journal_size_limit = 67108864")
        connection.execute(
            "PRAGMA cache_size = -16384"
        )  # KiB; the default of 2 MiB holds no index of 100k paths
        migrations.migrate(connection)
        _refuse_newer(path, migrations.version_of(connection))
    except BaseException:
        connection.close()
        raise
    return connection


def _open_to_read(path: Path) -> sqlite3.Connection:
    connection = _connect_to_read(path)
    try:
        version = migrations.version_of(connection)
        _refuse_newer(path, version)
        if version < migrations.SCHEMA_VERSION:
            raise LibraryError(
                f"library {path} was written by an older release; "
                "start klustr-bridge once to bring it up to date"
            )
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_to_read(path: Path) -> sqlite3.Connection:
    uri = path.absolute().as_uri() + "?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
    try:
        connection.execute("SELECT count(*) FROM meta").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        log = path.with_name(path.name + "-wal")
        if log.exists() and log.stat().st_size:
            raise
        # A folder that can't be written: SQLite can't make the shared memory file that WAL needs.
        connection = sqlite3.connect(uri + "&immutable=1", uri=True, isolation_level=None)
    return connection


class Transaction:
    """One write transaction: all or nothing.

    Attributes
    ----------
    shown : bool
        Set it when the transaction changes what a snapshot shows: the library's generation then rises.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.execute = connection.execute
        self.executemany = connection.executemany
        self.shown = False
        self._next_id: int | None = None

    def meta(self, key: str) -> int:
        """A number kept in the library."""
        return int(self.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0])

    def new_id(self) -> int:
        """An id never given before; it is spent only if the transaction commits."""
        if self._next_id is None:
            self._next_id = self.meta("next_id")
        if self._next_id > _LARGEST_ID:
            raise LibraryError(f"the library has given all {_LARGEST_ID} ids; start a new library file")
        self._next_id += 1
        return self._next_id - 1

    def finish(self) -> None:
        """Write the counters; the last step before COMMIT."""
        if self._next_id is not None:
            self.execute("UPDATE meta SET value = ? WHERE key = 'next_id'", (self._next_id,))
        if self.shown:
            self.execute("UPDATE meta SET value = value + 1 WHERE key = 'generation'")
            self.execute("UPDATE meta SET value = ? WHERE key = 'token'", (secrets.token_hex(8),))


@contextlib.contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[Transaction]:
    """Run a block as one write transaction; any exception takes all of it back."""
    with _plain_errors():
        connection.execute("BEGIN IMMEDIATE")
        try:
            transaction = Transaction(connection)
            yield transaction
            transaction.finish()
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextlib.contextmanager
def reading(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Run a block on one unchanging state of the library."""
    with _plain_errors():
        if connection.in_transaction:
            yield connection
            return
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise LibraryError(f"the library file can't be used: {error}") from error


def copy_database(connection: sqlite3.Connection, to: Path) -> None:
    """Copy the library as it is now to another file, put in place whole.

    Parameters
    ----------
    connection : sqlite3.Connection
        May go on being used by others.
    to : Path
        The copy; an existing file is replaced.

    Raises
    ------
    LibraryError
        `to` is the library itself, or can't be written.
    """
    own = Path(connection.execute("PRAGMA database_list").fetchone()[2])
    aside = to.with_name(f".{to.name}.{os.getpid()}-{secrets.token_hex(4)}.new")
    try:
        if to.exists() and own.exists() and to.samefile(own):
            raise LibraryError(f"{to} is the library itself; choose another file for the backup")
        to.parent.mkdir(parents=True, exist_ok=True)
        try:
            with contextlib.closing(sqlite3.connect(aside, isolation_level=None)) as copy:
                connection.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
            with aside.open("rb+") as file:
                os.fsync(file.fileno())
            _remove_log(to)
            aside.replace(to)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise LibraryError(f"can't write backup {to}: {error.strerror or error}") from error
    except sqlite3.Error as error:
        raise LibraryError(f"can't write backup {to}: {error}") from error
