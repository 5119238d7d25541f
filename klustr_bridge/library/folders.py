"""Watched folders within a transaction.

Owns how folders cover and absorb each other. It must not look at the disk.
"""

from typing import get_args

from klustr_bridge.errors import LibraryError
from klustr_bridge.library import paths
from klustr_bridge.library.database import Transaction
from klustr_bridge.library.rows import AddedFolder, FolderState

__all__ = ["add", "remove", "set_state"]


def add(transaction: Transaction, path: bytes) -> AddedFolder:
    """See `Store.add_folder`."""
    path = paths.normalise(path)
    rows = transaction.execute("SELECT id, path FROM folders ORDER BY path").fetchall()
    for _, folder in rows:
        if paths.is_same(path, folder):
            return AddedFolder(folder, "known")
        if paths.is_below(path, folder):
            return AddedFolder(folder, "covered")
    folder_id = transaction.execute(
        "INSERT INTO folders (path, state) VALUES (?, 'watched')", (path,)
    ).lastrowid
    absorbed = [(number, folder) for number, folder in rows if paths.is_below(folder, path)]
    for number, _ in absorbed:
        transaction.execute("UPDATE files SET folder_id = ? WHERE folder_id = ?", (folder_id, number))
        transaction.execute("DELETE FROM folders WHERE id = ?", (number,))
    transaction.shown = True
    below = tuple(folder for _, folder in absorbed)
    return AddedFolder(path, "absorbed" if below else "added", below)


def remove(transaction: Transaction, path: bytes) -> int:
    """See `Store.remove_folder`."""
    number = _id_of(transaction, path)
    n_files = transaction.execute("DELETE FROM files WHERE folder_id = ?", (number,)).rowcount
    transaction.execute("DELETE FROM folders WHERE id = ?", (number,))
    transaction.shown = True
    return n_files


def set_state(transaction: Transaction, path: bytes, state: FolderState) -> None:
    """See `Store.set_folder_state`."""
    if state not in get_args(FolderState):
        raise LibraryError(f"folder state {state!r} is none of {', '.join(get_args(FolderState))}")
    values = (state, _id_of(transaction, path), state)
    changed = transaction.execute("UPDATE folders SET state = ? WHERE id = ? AND state != ?", values)
    transaction.shown = changed.rowcount > 0


def _id_of(transaction: Transaction, path: bytes) -> int:
    rows = transaction.execute("SELECT id, path FROM folders ORDER BY path").fetchall()
    path = paths.normalise(path)
    for number, folder in rows:
        if paths.is_same(path, folder):
            return int(number)
    known = ", ".join(paths.to_export(folder) for _, folder in rows) or "none"
    raise LibraryError(f"{paths.to_export(path)} is not a watched folder; watched: {known}")
