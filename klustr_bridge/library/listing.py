"""The files of the library: noting what a scan found, moves, forgetting, what is still to be done.

This module owns the SQL on the table of files. Each function works within a transaction of its caller.
"""

import os
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from klustr_bridge.library import paths
from klustr_bridge.library.database import Transaction
from klustr_bridge.library.rows import NamedKind, NotedFiles
from klustr_bridge.library.scan import fold_int64
from klustr_bridge.types import FileStamp, FoundFile

_WHOLE_SECOND_NS = 1_000_000_000

_COLUMNS = (
    "id, path, size, mtime_ns, inode, device, state, reason, sound_id, reserved_id, kind, kind_source, "
    "folder_id"
)


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    path: bytes
    size: int
    mtime_ns: int
    inode: int
    device: int
    state: str
    reason: str | None
    sound_id: int | None
    reserved_id: int | None
    kind: str
    kind_source: str
    folder_id: int

    def has_content_of(self, stamp: FileStamp) -> bool:
        return (self.size, self.mtime_ns) == (stamp.size, stamp.mtime_ns)

    def has_identity_of(self, stamp: FileStamp) -> bool:
        return (self.inode, self.device) == (fold_int64(stamp.inode), fold_int64(stamp.device))


@dataclass(slots=True)
class _Step:
    """What a found file comes to: its row (None for a new path) and the row it takes over, if any."""

    file: FoundFile
    kind: NamedKind
    folder_id: int
    row: _Row | None
    source: _Row | None = None


def known_files(connection: sqlite3.Connection, folder: bytes) -> dict[bytes, FileStamp]:
    """Stamps of all listed files below a folder, by path, in order."""
    rows = connection.execute(
        "SELECT path, size, mtime_ns, inode, device FROM files WHERE path >= ? AND path < ? ORDER BY path",
        paths.bounds_below(folder),
    )
    return {path: FileStamp(*stamp) for path, *stamp in rows}


def note(
    transaction: Transaction, found: Iterable[tuple[FoundFile, NamedKind | str]], gone: Collection[bytes]
) -> NotedFiles:
    """Bring the list of files in line with what a scan found: see `Store.note_files`."""
    gone = gone if isinstance(gone, (set, frozenset)) else frozenset(gone)
    folders = transaction.execute("SELECT id, path FROM folders").fetchall()
    steps: dict[bytes, _Step] = {}
    for file, kind in found:
        folder_id = _folder_of(file.path, folders)
        if folder_id is not None:
            kind = (kind, "file" if kind != "unknown" else "") if isinstance(kind, str) else kind
            steps[file.path] = _Step(file, kind, folder_id, _row_at(transaction, file.path))
    taken: dict[int, _Step] = {}
    for step in steps.values():
        if step.row is None or not (
            step.row.has_content_of(step.file.stamp) and step.row.has_identity_of(step.file.stamp)
        ):
            step.source = _find_source(transaction, step, steps, gone, taken)
    n_new = n_changed = 0
    # Rows taken over leave their paths first: two files may have changed places.
    sources = [step.source.id for step in taken.values() if step.source is not None]
    transaction.executemany("DELETE FROM files WHERE id = ?", ((source,) for source in sources))
    removed = set(sources)
    for step in steps.values():
        row = step.row if step.row is None or step.row.id not in removed else None
        if step.source is not None:
            _take_over(transaction, step, step.source, row)
        elif row is None:
            _insert(transaction, step, "pending", None, None, transaction.new_id())
            n_new += step.row is None
            n_changed += step.row is not None
        elif not row.has_content_of(step.file.stamp):
            reserved = row.reserved_id if row.reserved_id is not None else transaction.new_id()
            _update(transaction, row, step, "pending", None, None, reserved)
            n_changed += 1
        else:
            _refresh(transaction, row, step)
    n_forgotten = forget(transaction, (path for path in gone if path not in steps))
    transaction.shown |= bool(n_new or n_changed or taken)
    return NotedFiles(n_new, n_changed, len(taken), n_forgotten)


def forget(transaction: Transaction, gone: Iterable[bytes]) -> int:
    """Remove rows by path; how many there were. Their sounds stay."""
    n_gone = sum(transaction.execute("DELETE FROM files WHERE path = ?", (path,)).rowcount for path in gone)
    transaction.shown |= n_gone > 0
    return n_gone


def forget_under(transaction: Transaction, directory: bytes) -> int:
    """Remove all rows below a directory; how many there were. Their sounds stay."""
    n_gone = transaction.execute(
        "DELETE FROM files WHERE path >= ? AND path < ?", paths.bounds_below(directory)
    ).rowcount
    transaction.shown |= n_gone > 0
    return n_gone


def pending(connection: sqlite3.Connection, limit: int, exclude: Collection[bytes]) -> list[FoundFile]:
    """Files to analyse, never analysed ones first, then in the order they were met."""
    exclude = exclude if isinstance(exclude, (set, frozenset, dict)) else frozenset(exclude)
    taken: list[FoundFile] = []
    rows = connection.execute(
        """
        SELECT f.path, f.size, f.mtime_ns, f.inode, f.device
        FROM files f INDEXED BY files_pending CROSS JOIN folders d ON d.id = f.folder_id
        WHERE f.state = 'pending' AND d.state != 'absent' ORDER BY f.sound_id IS NOT NULL, f.id
        """
    )
    for path, *stamp in rows:
        if len(taken) >= limit:
            break
        if path not in exclude:
            taken.append(FoundFile(path, FileStamp(*stamp)))
    rows.close()
    return taken


def count_pending(connection: sqlite3.Connection) -> int:
    """How many files `pending` could give."""
    row = connection.execute(
        """
        SELECT count(*) FROM files f JOIN folders d ON d.id = f.folder_id
        WHERE f.state = 'pending' AND d.state != 'absent'
        """
    ).fetchone()
    return int(row[0])


def requeue_outdated(transaction: Transaction, analysis_version: int) -> int:
    """Make one file of every sound with an older analysis pending, and no other file that was heard before.

    The sound stays live meanwhile.
    """
    spared = transaction.execute(  # that waited for an analysis which isn't wanted any more
        """
        UPDATE files SET state = 'analysed' WHERE state = 'pending' AND sound_id IN (
            SELECT id FROM sounds WHERE analysis_version >= ?)
        """,
        (analysis_version,),
    ).rowcount
    n_files = transaction.execute(
        """
        UPDATE files SET state = 'pending' WHERE path IN (
            SELECT min(f.path) FROM files f
            JOIN folders d ON d.id = f.folder_id JOIN sounds s ON s.id = f.sound_id
            WHERE d.state != 'absent' AND s.analysis_version < ?
            GROUP BY s.id HAVING sum(f.state = 'pending') = 0
        )
        """,
        (analysis_version,),
    ).rowcount
    transaction.shown |= n_files + spared > 0
    return n_files


def _folder_of(path: bytes, folders: Sequence[tuple[int, bytes]]) -> int | None:
    for folder_id, folder in folders:
        if paths.is_below(path, folder):
            return folder_id
    return None


def _row_at(transaction: Transaction, path: bytes) -> _Row | None:
    values = transaction.execute(f"SELECT {_COLUMNS} FROM files WHERE path = ?", (path,)).fetchone()
    return None if values is None else _Row(*values)


def _find_source(
    transaction: Transaction,
    step: _Step,
    steps: dict[bytes, _Step],
    gone: Collection[bytes],
    taken: dict[int, _Step],
) -> _Row | None:
    """Row of the file that was moved to where `step` found it, if that can be told for sure."""
    stamp = step.file.stamp
    if not stamp.inode:
        return None
    candidates = transaction.execute(
        f"""
        SELECT {_COLUMNS} FROM files INDEXED BY files_inode
        WHERE inode != 0 AND inode = ? AND device = ? AND size = ? AND mtime_ns = ? AND path != ?
            AND folder_id IN (SELECT id FROM folders WHERE state != 'absent') ORDER BY path
        """,
        (fold_int64(stamp.inode), fold_int64(stamp.device), stamp.size, stamp.mtime_ns, step.file.path),
    )
    for values in candidates.fetchall():
        row = _Row(*values)
        if row.id in taken or not _is_trusted(row.path, step.file):
            continue
        if _has_left(row, steps, gone, step.file.path):
            taken[row.id] = step
            return row
    return None


def _is_trusted(old_path: bytes, file: FoundFile) -> bool:
    """Whether equal stamps mean the same file.

    A pack deleted and unpacked again has the archive's whole-second times, files of equal length, and
    reuses the inodes at random: there the name must be the same too. Else the audio itself decides.
    """
    if file.stamp.mtime_ns % _WHOLE_SECOND_NS:
        return True
    return os.path.basename(old_path) == os.path.basename(file.path)


def _has_left(row: _Row, steps: dict[bytes, _Step], gone: Collection[bytes], new_path: bytes) -> bool:
    if row.path in gone:
        return True
    step = steps.get(row.path)
    if step is not None:
        return not (row.has_content_of(step.file.stamp) and row.has_identity_of(step.file.stamp))
    # On a file system that doesn't tell upper from lower case the old name of a renamed file "exists".
    return not os.path.lexists(row.path) or _folded(row.path) == _folded(new_path)


def _folded(path: bytes) -> str:
    return os.fsdecode(path).casefold()


def _take_over(transaction: Transaction, step: _Step, source: _Row, row: _Row | None) -> None:
    values = (source.state, source.reason, source.sound_id, source.reserved_id)
    if row is None:
        _insert(transaction, step, *values)
    else:
        _update(transaction, row, step, *values)


def _insert(
    transaction: Transaction,
    step: _Step,
    state: str,
    reason: str | None,
    sound_id: int | None,
    reserved_id: int | None,
) -> None:
    transaction.execute(
        """
        INSERT INTO files (state, reason, sound_id, reserved_id, kind, kind_source, folder_id,
            size, mtime_ns, inode, device, path)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (state, reason, sound_id, reserved_id, *step.kind, step.folder_id, *_numbers(step), step.file.path),
    )


def _update(
    transaction: Transaction,
    row: _Row,
    step: _Step,
    state: str,
    reason: str | None,
    sound_id: int | None,
    reserved_id: int | None,
) -> None:
    transaction.execute(
        """
        UPDATE files SET state = ?, reason = ?, sound_id = ?, reserved_id = ?, kind = ?, kind_source = ?,
            folder_id = ?, size = ?, mtime_ns = ?, inode = ?, device = ? WHERE id = ?
        """,
        (state, reason, sound_id, reserved_id, *step.kind, step.folder_id, *_numbers(step), row.id),
    )


def _refresh(transaction: Transaction, row: _Row, step: _Step) -> None:
    """Same content: take over what else may differ, without making the file pending."""
    same_kind = (row.kind, row.kind_source) == step.kind
    if row.has_identity_of(step.file.stamp) and same_kind and row.folder_id == step.folder_id:
        return
    _update(transaction, row, step, row.state, row.reason, row.sound_id, row.reserved_id)
    transaction.shown |= not same_kind


def _numbers(step: _Step) -> tuple[int, int, int, int]:
    stamp = step.file.stamp
    return stamp.size, stamp.mtime_ns, fold_int64(stamp.inode), fold_int64(stamp.device)
