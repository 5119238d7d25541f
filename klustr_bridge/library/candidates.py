"""The candidate in the library: a map that waits to be taken or dropped.

This module owns the SQL of its two tables. Nothing that is in force is touched here.
"""

import json
import sqlite3
import time

import numpy as np

from klustr_bridge.errors import LibraryError
from klustr_bridge.library.database import Transaction
from klustr_bridge.library.rows import Candidate


def read(connection: sqlite3.Connection) -> Candidate | None:
    """The candidate, or None."""
    row = connection.execute("SELECT method, seed, created_s, scores, even_side FROM candidate").fetchone()
    if row is None:
        return None
    method, seed, created_s, scores, even_side = row
    rows = connection.execute("SELECT * FROM candidate_positions ORDER BY sound_id").fetchall()
    return Candidate(
        method,
        seed,
        np.array([one[0] for one in rows], np.int32),
        np.array([one[1:] for one in rows], np.float32).reshape(-1, 4),
        json.loads(scores),
        even_side,
        created_s,
    )


def keep(transaction: Transaction, candidate: Candidate) -> None:
    """Put a candidate in the place of the one before it: see `Store.keep_candidate`."""
    ids, xy = candidate.ids, candidate.xy
    if xy.shape != (len(ids), 4) or not len(ids) or not np.isfinite(xy).all():
        raise LibraryError(f"{len(ids)} sounds need as many finite positions in both views; nothing was kept")
    drop(transaction)
    scores = json.dumps({str(name): float(score) for name, score in candidate.scores.items()})
    transaction.execute(
        "INSERT INTO candidate VALUES (1, ?, ?, ?, ?, ?)",
        (candidate.method, int(candidate.seed), time.time(), scores, int(candidate.even_side)),
    )
    transaction.executemany(
        "INSERT INTO candidate_positions VALUES (?, ?, ?, ?, ?)",
        zip(ids.tolist(), *xy.T.tolist(), strict=True),
    )
    transaction.shown = True


def drop(transaction: Transaction) -> bool:
    """Forget the candidate; whether there was one."""
    was_there = transaction.execute("DELETE FROM candidate").rowcount > 0
    transaction.execute("DELETE FROM candidate_positions")
    transaction.shown |= was_there
    return was_there
