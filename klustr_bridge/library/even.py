"""The even view in the library: giving sounds even positions without touching the natural ones.

This module owns the SQL that writes even positions apart from natural ones, which come with them as a
rule (`klustr_bridge.library.hearing`). Each function works within a transaction of its caller.
"""

import sqlite3

import numpy as np

from klustr_bridge.errors import LibraryError
from klustr_bridge.library.database import Transaction
from klustr_bridge.library.live import IS_LIVE
from klustr_bridge.types import Float32Array, Int32Array

_NEEDS_ONE = f"""
    positions p JOIN sounds s ON s.id = p.sound_id WHERE p.even_x IS NULL AND {IS_LIVE}"""


def positions(connection: sqlite3.Connection) -> tuple[Int32Array, Float32Array]:
    """Ids, rising, and both positions of all sounds that have one: see `Store.positions`."""
    rows = connection.execute(
        "SELECT sound_id, x, y, even_x, even_y FROM positions ORDER BY sound_id"
    ).fetchall()
    return (
        np.array([row[0] for row in rows], np.int32),
        np.array([row[1:] for row in rows], np.float32).reshape(-1, 4),  # None becomes NaN
    )


def missing(connection: sqlite3.Connection) -> tuple[Int32Array, Float32Array]:
    """Ids of the live sounds that have only a natural position, rising, and that: shapes (n,), (n, 2)."""
    rows = connection.execute(f"SELECT s.id, p.x, p.y FROM {_NEEDS_ONE} ORDER BY s.id").fetchall()
    return (
        np.array([row[0] for row in rows], np.int32),
        np.array([row[1:] for row in rows], np.float32).reshape(-1, 2),
    )


def write(transaction: Transaction, ids: Int32Array, even: Float32Array, side: int | None) -> None:
    """Give placed sounds even positions: see `Store.write_even`."""
    if even.shape != (len(ids), 2) or not np.isfinite(even).all():
        raise LibraryError(f"{len(ids)} sounds need as many finite even positions; nothing was kept")
    rows = zip(*even.T.tolist(), ids.tolist(), strict=True)
    transaction.executemany("UPDATE positions SET even_x = ?, even_y = ? WHERE sound_id = ?", rows)
    if side is not None:
        transaction.execute(
            "UPDATE epochs SET even_side = ? WHERE number = (SELECT max(number) FROM epochs)", (side,)
        )
    transaction.shown |= bool(len(ids)) or side is not None


def clear_dormant(transaction: Transaction) -> int:
    """Take the even positions of sounds that aren't live; how many."""
    changed = transaction.execute(
        f"""
        UPDATE positions SET even_x = NULL, even_y = NULL WHERE even_x IS NOT NULL
            AND sound_id NOT IN (SELECT s.id FROM sounds s WHERE {IS_LIVE})
        """
    )
    return int(changed.rowcount)
