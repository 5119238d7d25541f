"""Vectors that somebody else's program has made of the sounds: kept beside what the bridge hears itself.

This module owns their table and what is noted of where they come from. As long as a library has some, its
distances go by them (`spaces`); nothing that the bridge has heard is touched. It must not read their files.
"""

import json
import sqlite3
import time
from typing import Final

import numpy as np

from klustr_bridge.errors import LibraryError
from klustr_bridge.library.database import Transaction
from klustr_bridge.library.given import NOTED, Given, read_given
from klustr_bridge.library.live import IS_LIVE
from klustr_bridge.library.store import Store
from klustr_bridge.sound.aspects import EMBEDDING_SIZE
from klustr_bridge.types import Float32Array, Int32Array

DOMINANCE: Final = 3.0
"""How many times as far as by the engineered numbers a sound's tenth neighbour is by the vectors."""

_TENTH: Final = 10
_MOST_COMPARED: Final = 2_000


def count(connection: sqlite3.Connection) -> tuple[int, int]:
    """How many live sounds, slices left out, have a vector, and how many there are."""
    with_vector, in_all = connection.execute(
        f"""
        SELECT coalesce(sum(s.id IN (SELECT sound_id FROM vectors)), 0), count(*)
        FROM sounds s WHERE s.parent_id IS NULL AND {IS_LIVE}
        """
    ).fetchone()
    return int(with_vector), int(in_all)


def give(store: Store, ids: Int32Array, vectors: Float32Array, source: str) -> Given:
    """Have a library go by vectors, in the place of those that it had been given before.

    Parameters
    ----------
    store : Store
        Open for writing.
    ids : ndarray of int32, shape (n,)
        Sounds, none twice.
    vectors : ndarray of float32, shape (n, d)
        Finite. They are scaled together, so that they say `DOMINANCE` times as much as the engineered numbers
        that stand before them.
    source : str
        Name of the file that they come from.

    Returns
    -------
    Given

    Raises
    ------
    LibraryError
        Where all of them are the same, or a sound is unknown; nothing is changed then.
    """
    own = store.embeddings(dormant=True)
    known = np.isin(own.ids, ids)
    engineered = own.embedding[known][:, :EMBEDDING_SIZE]
    reach = _reach(vectors)
    if reach <= 0.0:
        raise LibraryError(f"the vectors of {source} are all the same: they tell no sounds apart")
    scale = np.float32(DOMINANCE * (_reach(engineered) or 1.0) / reach)
    scaled = np.ascontiguousarray(vectors * scale, "<f4")
    with store.writing() as transaction:
        given = _note(transaction, scaled.shape[1], source)
        transaction.execute("DELETE FROM vectors")
        try:
            transaction.executemany(
                "INSERT INTO vectors VALUES (?, ?)",
                ((int(sound), row.tobytes()) for sound, row in zip(ids, scaled, strict=True)),
            )
        except sqlite3.IntegrityError as error:
            raise LibraryError(f"vectors of {source} are of sounds that the library doesn't hold") from error
    return given


def take_back(store: Store) -> bool:
    """Have a library go by what it hears itself again; whether it went by vectors."""
    with store.writing() as transaction:
        if read_given(transaction.connection) is None:
            return False
        _note(transaction, 0, "")
        transaction.execute("DELETE FROM vectors")
    return True


def _note(transaction: Transaction, size: int, source: str) -> Given:
    row = transaction.execute("SELECT value FROM meta WHERE key = ?", (NOTED,)).fetchone()
    number = 1 + (int(json.loads(row[0])["number"]) if row is not None else 0)
    given = Given(number, size, source, time.time())
    noted = {"number": number, "size": size, "source": source, "given_s": given.given_s}
    transaction.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (NOTED, json.dumps(noted)))
    # what told the kinds of others is nearer or farther now
    transaction.execute("UPDATE meta SET value = 0 WHERE key = 'kinds_known'")
    transaction.shown = True
    return given


def _reach(rows: Float32Array) -> float:
    """Median distance to the tenth neighbour, of all or of some evenly spread ones; 0 for one alone."""
    some = rows[:: max(1, -(-len(rows) // _MOST_COMPARED))].astype(np.float64)
    if len(some) < 2:
        return float(np.linalg.norm(rows[0])) if len(rows) else 0.0
    powers = np.square(some).sum(axis=1)
    squares = np.maximum(powers[:, None] - 2.0 * some @ some.T + powers, 0.0)
    tenth = np.sort(squares, axis=1)[:, min(_TENTH, len(some) - 1)]
    return float(np.median(np.sqrt(tenth)))
