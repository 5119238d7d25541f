"""Kinds heard in the sounds themselves: who can tell, who is to be told, and what was heard.

This module owns the SQL of that. A heard kind counts only where neither the user nor a name tells one. How
a kind is heard is not known here.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.library.database import Transaction
from klustr_bridge.library.live import IS_LIVE
from klustr_bridge.library.spaces import ENGINEERED, Space, read_space
from klustr_bridge.sound.kinds import KIND_CODES
from klustr_bridge.types import Float32Array, Int32Array

_ROWS_AT_ONCE = 256  # guessing so many takes a fraction of a second: it can be broken off in between

_NAMED = """(
    SELECT f.kind FROM files f JOIN folders d ON d.id = f.folder_id
    WHERE f.sound_id = s.id AND f.kind != 'unknown' AND d.state != 'absent'
    ORDER BY f.kind_source != 'file', f.path LIMIT 1)"""
"""SQL expression on a sound ``s``: the kind that a file's name tells, else a folder's, else NULL."""


class HeardKind(NamedTuple):
    """The kind heard in a sound: one of `sound.kinds.KINDS`, and how sure it is, 0..1."""

    sound_id: int
    kind: str
    confidence: float


class ToldBy(NamedTuple):
    """What has told the kinds of all sounds without a name.

    Attributes
    ----------
    n_known : int
        So many sounds whose kind is known by the user or by a name; 0: all are to be heard anew.
    hearing : str
        What the library heard by, one of `spaces.HEARINGS`.
    """

    n_known: int
    hearing: str = ENGINEERED


class KnownKinds(NamedTuple):
    """Sounds whose kind is known by the user or by a name: shapes (n, d) and (n,)."""

    embedding: Float32Array
    kind_codes: NDArray[np.uint8]
    space: Space


class UnnamedSounds(NamedTuple):
    """Sounds of which neither the user nor a name tells the kind; `heard` is what was heard before."""

    ids: Int32Array
    embedding: Float32Array
    is_loop: NDArray[np.bool_]
    heard: list[tuple[str | None, float]]
    space: Space


def count_by_source(connection: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """How many live sounds there are of each kind from each source: see `Store.kind_counts`."""
    rows = connection.execute(
        f"""
        SELECT CASE WHEN s.user_kind IS NOT NULL THEN 'user' WHEN {_NAMED} IS NOT NULL THEN 'name'
                WHEN coalesce(s.heard_kind, 'unknown') != 'unknown' THEN 'sound' ELSE '' END AS source,
            coalesce(s.user_kind, {_NAMED}, s.heard_kind, 'unknown') AS kind, count(*)
        FROM sounds s WHERE {IS_LIVE} GROUP BY source, kind
        """
    )
    return {(source, kind): number for source, kind, number in rows}


def count_known(connection: sqlite3.Connection) -> int:
    """Live sounds whose kind is known by the user or by a name."""
    row = connection.execute(
        f"SELECT count(*) FROM sounds s WHERE (s.user_kind IS NOT NULL OR {_NAMED} IS NOT NULL) AND {IS_LIVE}"
    ).fetchone()
    return int(row[0])


def read_known(connection: sqlite3.Connection) -> KnownKinds:
    """Embeddings and kinds of the live sounds that tell the kinds of others."""
    space = read_space(connection)
    rows = connection.execute(
        f"""
        SELECT coalesce(s.user_kind, {_NAMED}) AS kind, {space.row} FROM sounds s
        WHERE {space.has_row} AND kind IS NOT NULL AND {IS_LIVE} ORDER BY s.id
        """
    )
    codes: list[int] = []
    vectors: list[Float32Array] = [np.empty((0, space.size), np.float32)]
    while chunk := rows.fetchmany(_ROWS_AT_ONCE):
        codes += [KIND_CODES.get(kind, 0) for kind, _ in chunk]
        vectors.append(space.rows_from(blob for _, blob in chunk))
    return KnownKinds(np.concatenate(vectors), np.array(codes, np.uint8), space)


def read_known_codes(connection: sqlite3.Connection, ids: Int32Array) -> NDArray[np.uint8]:
    """Codes of the kinds of sounds as the user or a name tells them, shape (n,); 0 where neither does.

    What was heard is left out: who judges by kinds what the embedding has made must not ask the embedding.
    """
    known = connection.execute(
        f"""
        SELECT s.id, coalesce(s.user_kind, {_NAMED}) AS kind FROM sounds s
        WHERE kind IS NOT NULL AND {IS_LIVE}
        """
    )
    code = {sound_id: KIND_CODES.get(kind, 0) for sound_id, kind in known}
    return np.array([code.get(sound_id, 0) for sound_id in ids.tolist()], np.uint8)


def read_unnamed(connection: sqlite3.Connection, *, all_of_them: bool) -> Iterator[UnnamedSounds]:
    """Live sounds without a name, in portions by rising id: all, or those that were not listened to yet."""
    space = read_space(connection)
    rows = connection.execute(
        f"""
        SELECT s.id, s.is_loop, s.heard_kind, s.heard_confidence, {space.row} FROM sounds s
        WHERE s.user_kind IS NULL {"" if all_of_them else "AND s.heard_kind IS NULL"} AND {space.has_row}
            AND {_NAMED} IS NULL AND {IS_LIVE} ORDER BY s.id
        """
    )
    while chunk := rows.fetchmany(_ROWS_AT_ONCE):
        yield UnnamedSounds(
            np.array([row[0] for row in chunk], np.int32),
            space.rows_from(row[4] for row in chunk),
            np.array([row[1] for row in chunk], np.bool_),
            [(row[2], row[3]) for row in chunk],
            space,
        )


def read_told_by(connection: sqlite3.Connection) -> ToldBy:
    """What told the kinds of all sounds without a name the last time."""
    kept = dict(connection.execute("SELECT key, value FROM meta WHERE key LIKE 'kinds_%'").fetchall())
    return ToldBy(int(kept["kinds_known"]), str(kept.get("kinds_heard_by", ENGINEERED)))


def write(
    transaction: Transaction, heard: Sequence[HeardKind], *, told_by: ToldBy | None, last: bool
) -> None:
    """Keep what was heard: see `Store.set_heard_kinds`."""
    transaction.executemany(
        "UPDATE sounds SET heard_kind = ?, heard_confidence = ? WHERE id = ?",
        ((kind, float(confidence), sound_id) for sound_id, kind, confidence in heard),
    )
    if last and told_by is not None:
        transaction.execute("UPDATE meta SET value = ? WHERE key = 'kinds_known'", (told_by.n_known,))
        transaction.execute("INSERT OR REPLACE INTO meta VALUES ('kinds_heard_by', ?)", (told_by.hearing,))
    transaction.shown = last
