"""Annotations: what the user says of single sounds, which are favourites and of what kind they are.

Owns those two columns. It must not know what was heard.
"""

from klustr_bridge.errors import LibraryError
from klustr_bridge.library.database import Transaction

__all__ = ["set_favourite", "set_kind"]


def set_favourite(transaction: Transaction, sound_id: int, favourite: bool) -> None:
    """See `Store.set_favourite`."""
    _set(transaction, sound_id, "favourite", int(favourite))


def set_kind(transaction: Transaction, sound_id: int, kind: str | None) -> None:
    """See `Store.set_kind`."""
    if _set(transaction, sound_id, "user_kind", kind):  # what the user says tells of other sounds, too
        transaction.execute("UPDATE meta SET value = 0 WHERE key = 'kinds_known'")


def _set(transaction: Transaction, sound_id: int, column: str, value: object) -> bool:
    row = transaction.execute(f"SELECT {column} FROM sounds WHERE id = ?", (sound_id,)).fetchone()
    if row is None:
        raise LibraryError(f"no analysed sound has the id {sound_id}")
    if row[0] == value:
        return False
    transaction.execute(f"UPDATE sounds SET {column} = ? WHERE id = ?", (value, sound_id))
    transaction.shown = True
    return True
