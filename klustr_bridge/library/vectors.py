"""Vectors that somebody else's program has made of the sounds, kept beside what the bridge hears itself.

This module owns their table and the note of where they come from. As long as a library has some, its
distances go by them (`spaces`); nothing that was heard is touched. It must not read their files.
"""

import json
import sqlite3
import time
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import LibraryError
from klustr_bridge.library.database import Transaction
from klustr_bridge.library.live import IS_LIVE
from klustr_bridge.sound.aspects import EMBEDDING_SIZE, WHOLE_SIZE
from klustr_bridge.types import Float32Array, Int32Array

OURS: Final = (EMBEDDING_SIZE, WHOLE_SIZE)
"""Lengths of embeddings that begin with the engineered one. Others are from other releases."""

HAS_OURS: Final = f"s.dimension IN ({', '.join(map(str, OURS))})"
"""SQL condition on a sound ``s``: its embedding begins with the engineered one of this release."""

HAS_VECTOR: Final = f"({HAS_OURS} AND s.id IN (SELECT sound_id FROM vectors))"
"""SQL condition on a sound ``s``: it can be compared by vectors from elsewhere."""

DOMINANCE: Final = 3.0
"""How many times as far as by the engineered numbers a sound's tenth neighbour is by the vectors."""

MOST_KEPT: Final = 256
"""Numbers of a vector that are kept; of longer ones the principal components.

A question takes time in proportion to the length of rows: of 60,000 sounds 2.4 ms with what the bridge hears
itself (152 numbers), 6 ms with 256 behind the engineered ones, 19 ms with 1,024.
"""

_BYTES = 4 * EMBEDDING_SIZE
_PORTION = 8_192
_TENTH = 10
_MOST_COMPARED = 2_000
_NOTE = "vectors"


@dataclass(frozen=True, slots=True)
class Given:
    """What is noted of the vectors that a library goes by.

    Attributes
    ----------
    number : int
        How many times vectors have been given or taken back.
    size : int
        Numbers of each, as they are kept.
    scale : float
        What they were multiplied by.
    loop : float
        What stands behind the vector of a loop, for which others have 0.
    source : str
        Name of the file.
    given_s : float
        Seconds since 1970.
    """

    number: int
    size: int
    scale: float
    loop: float
    source: str
    given_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """Vectors to be kept.

    Attributes
    ----------
    ids : ndarray of int32, shape (n,)
        Sounds, none twice.
    rows : ndarray of float32, shape (n, d)
        Finite.
    source : str
        Name of the file.
    """

    ids: Int32Array
    rows: Float32Array
    source: str


def read_given(connection: sqlite3.Connection) -> Given | None:
    """What vectors a library goes by; None where it goes by what it hears itself."""
    noted = _noted(connection)
    return noted if noted is not None and noted.size else None


def count_given(connection: sqlite3.Connection) -> int:
    """How many times vectors have been given or taken back."""
    noted = _noted(connection)
    return 0 if noted is None else noted.number


def count(connection: sqlite3.Connection) -> tuple[int, int]:
    """How many live sounds, slices among them, can be compared by the vectors, and how many there are."""
    compared, in_all = connection.execute(
        f"SELECT coalesce(sum({HAS_VECTOR}), 0), count(*) FROM sounds s WHERE {IS_LIVE}"
    ).fetchone()
    return int(compared), int(in_all)


def has_live(connection: sqlite3.Connection) -> bool:
    """Whether any live sound can be compared by the vectors."""
    row = connection.execute(
        f"""
        SELECT EXISTS (
            SELECT 1 FROM vectors v JOIN sounds s ON s.id = v.sound_id WHERE {HAS_VECTOR} AND {IS_LIVE})
        """
    ).fetchone()
    return bool(row[0])


def refuse_useless(given: Vectors) -> None:
    """Raise `LibraryError` where vectors don't tell sounds apart, or aren't finite."""
    rows = given.rows
    if rows.ndim != 2 or len(rows) != len(given.ids) or not rows.size or not np.isfinite(rows).all():
        raise LibraryError(f"{len(given.ids)} sounds need as many finite vectors, not {rows.shape}")
    if len(rows) > 1 and _reach(rows[_some(len(rows))]) <= 0.0:
        raise LibraryError(
            f"the vectors of {given.source} are all the same: they tell no sounds apart; nothing was changed"
        )


def put(transaction: Transaction, given: Vectors) -> None:
    """Have a library go by vectors, in the place of those before: see `Store.give_vectors`."""
    refuse_useless(given)
    ids, rows, some = given.ids, np.asarray(given.rows, np.float32), _some(len(given.ids))
    scale = _scale(_engineered(transaction.connection, ids[some]), rows[some])
    scaled = np.ascontiguousarray(rows * np.float32(scale), "<f4")
    if not np.isfinite(scaled).all():
        raise LibraryError(f"the vectors of {given.source} lie too far apart for float32; scale them down")
    transaction.execute("DELETE FROM vectors")
    try:
        transaction.executemany(
            "INSERT INTO vectors VALUES (?, ?)",
            ((sound_id, row.tobytes()) for sound_id, row in zip(ids.tolist(), scaled, strict=True)),
        )
    except sqlite3.IntegrityError as error:
        raise LibraryError(
            f"vectors of {given.source} are of sounds that the library doesn't hold, or of one twice; "
            "nothing was kept"
        ) from error
    loop = _reach(scaled[some])
    _note(transaction, size=rows.shape[1], scale=scale, loop=loop, source=given.source)


def drop(transaction: Transaction) -> bool:
    """Have a library go by what it hears itself again; whether it went by vectors."""
    if read_given(transaction.connection) is None:
        return False
    transaction.execute("DELETE FROM vectors")
    _note(transaction, size=0, scale=1.0, loop=0.0, source="")
    return True


def reduced(rows: Float32Array) -> tuple[Float32Array, float]:
    """Principal components of rows longer than `MOST_KEPT`, as many; and the share of variance they hold.

    Distances between the rows are kept as well as so many numbers can keep them.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
        Finite.

    Returns
    -------
    rows : ndarray of float32, shape (n, min(d, MOST_KEPT))
    share : float
        0..1; 1 where nothing is lost.
    """
    if rows.shape[1] <= MOST_KEPT:
        return rows, 1.0
    largest = float(np.abs(rows).max()) or 1.0  # squares of great numbers are no numbers
    middle = rows.mean(axis=0, dtype=np.float64) / largest
    portions = [rows[start : start + _PORTION] for start in range(0, len(rows), _PORTION)]

    def apart(portion: Float32Array) -> NDArray[np.float64]:
        return np.asarray(portion.astype(np.float64) / largest - middle)

    squares = np.zeros((rows.shape[1], rows.shape[1]))
    for portion in portions:
        squares += apart(portion).T @ apart(portion)
    variances, directions = np.linalg.eigh(squares)
    kept = directions[:, ::-1][:, :MOST_KEPT]
    whole = float(variances.clip(min=0).sum())
    share = float(variances[::-1][:MOST_KEPT].clip(min=0).sum()) / whole if whole else 1.0
    short = [(apart(portion) @ kept * largest).astype(np.float32) for portion in portions]
    return np.concatenate(short), min(share, 1.0)


def _noted(connection: sqlite3.Connection) -> Given | None:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (_NOTE,)).fetchone()
    return None if row is None else Given(**json.loads(row[0]))


def _note(transaction: Transaction, *, size: int, scale: float, loop: float, source: str) -> None:
    before = _noted(transaction.connection)
    number = 1 if before is None else before.number + 1
    noted = {"number": number, "size": size, "scale": scale, "loop": loop, "source": source}
    noted["given_s"] = time.time()
    transaction.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_NOTE, json.dumps(noted)))
    # what tells the kinds of others is nearer or farther now
    transaction.execute("UPDATE meta SET value = 0 WHERE key = 'kinds_known'")
    transaction.shown = True


def _engineered(connection: sqlite3.Connection, ids: Int32Array) -> Float32Array:
    rows: list[bytes] = []
    for sound_id in ids.tolist():
        row = connection.execute(
            f"SELECT substr(s.embedding, 1, {_BYTES}) FROM sounds s WHERE s.id = ? AND {HAS_OURS}",
            (sound_id,),
        ).fetchone()
        if row is not None:
            rows.append(row[0])
    return np.frombuffer(b"".join(rows), "<f4").reshape(-1, EMBEDDING_SIZE)


def _some(n: int) -> NDArray[np.int64]:
    """Some of so many rows, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(n, _MOST_COMPARED)).astype(np.int64))


def _scale(engineered: Float32Array, vectors: Float32Array) -> float:
    own, reach = _reach(engineered), _reach(vectors)
    return DOMINANCE * own / reach if own > 0.0 and reach > 0.0 else 1.0


def _reach(rows: Float32Array) -> float:
    """Median distance to the tenth neighbour, or to the middle where most are the same; 0 where all are."""
    if len(rows) < 2:
        return 0.0
    apart = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    powers = np.square(apart).sum(axis=1)
    if not powers.max() > 1e-12 * np.square(rows.astype(np.float64)).sum(axis=1).max():
        return 0.0
    squares = np.maximum(powers[:, None] - 2.0 * apart @ apart.T + powers, 0.0)
    nth = min(_TENTH, len(rows) - 1)
    tenth = float(np.median(np.sqrt(np.partition(squares, nth, axis=1)[:, nth])))
    middle = float(np.sqrt(powers.mean()))
    return tenth if tenth > 1e-3 * middle else middle
