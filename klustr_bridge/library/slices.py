"""The slices of the library: hits within loops, each a sound of its own with a parent.

This module owns the SQL on slices. A slice is known by its parent and its audio frames, and keeps its id for
ever; one that a newer analysis of the parent no longer finds stays, with what the user has said of it, but is
not live. Each function works within a transaction of its caller.
"""

import sqlite3
from collections.abc import Iterable

import numpy as np

from klustr_bridge.library.database import Transaction
from klustr_bridge.types import Analysis, Int32Array, Slice

# The slices of present sounds that the newest analysis has found, if the library shows slices at all.
_LIVE = """
    sounds s JOIN sounds whole ON whole.id = s.parent_id AND whole.analysis_version = s.analysis_version
    WHERE s.parent_id IS NOT NULL AND (SELECT value FROM meta WHERE key = 'slices') AND EXISTS (
        SELECT 1 FROM files f JOIN folders d ON d.id = f.folder_id
        WHERE f.sound_id = whole.id AND d.state != 'absent')"""


def uid_of(parent_uid: str, start_frame: int, end_frame: int) -> str:
    """Uid of a slice: its parent's and its audio frames."""
    return f"{parent_uid}:{start_frame}-{end_frame}"


def keep(transaction: Transaction, parent_id: int, analysis: Analysis, version: int) -> None:
    """Take in the slices that an analysis of their parent has found."""
    for part in analysis.slices:
        uid = uid_of(analysis.uid, part.start_frame, part.end_frame)
        measures = _measures(part, analysis, version)
        changed = transaction.execute(
            """
            UPDATE sounds SET duration_s = ?, sample_rate = ?, channels = ?, loudness_db = ?,
                brightness_hz = ?, pitch_hz = ?, pitch_confidence = ?, stereo_width = ?,
                analysis_version = ?, dimension = ?, embedding = ?, heard_kind = NULL
            WHERE uid = ?
            """,
            (*measures, uid),
        )
        if not changed.rowcount:
            transaction.execute(
                """
                INSERT INTO sounds (duration_s, sample_rate, channels, loudness_db, brightness_hz, pitch_hz,
                    pitch_confidence, stereo_width, analysis_version, dimension, embedding, is_loop,
                    tempo_bpm, uid, id, parent_id, start_frame, end_frame)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?, ?)
                """,
                (*measures, uid, transaction.new_id(), parent_id, part.start_frame, part.end_frame),
            )


def shown(connection: sqlite3.Connection) -> bool:
    """Whether the library shows slices."""
    return bool(connection.execute("SELECT value FROM meta WHERE key = 'slices'").fetchone()[0])


def show(transaction: Transaction, on: bool) -> None:
    """Show slices, or keep them for later: see `Store.show_slices`."""
    if shown(transaction.connection) != on:
        transaction.execute("UPDATE meta SET value = ? WHERE key = 'slices'", (int(on),))
        transaction.shown = True


def count_live(connection: sqlite3.Connection) -> int:
    """How many slices are live."""
    return int(connection.execute(f"SELECT count(*) FROM {_LIVE}").fetchone()[0])


def live(connection: sqlite3.Connection) -> tuple[Int32Array, Int32Array]:
    """Ids of the live slices, rising, and of their parents."""
    rows = connection.execute(f"SELECT s.id, s.parent_id FROM {_LIVE} ORDER BY s.id").fetchall()
    pairs = np.array(rows, np.int32).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def live_of(connection: sqlite3.Connection, parents: Iterable[int]) -> list[int]:
    """Ids of the live slices of some sounds."""
    if not shown(connection):
        return []
    found: list[int] = []
    for parent in parents:
        rows = connection.execute(f"SELECT s.id FROM {_LIVE} AND s.parent_id = ?", (parent,))
        found += [int(row[0]) for row in rows]
    return found


def _measures(part: Slice, whole: Analysis, version: int) -> tuple[object, ...]:
    """What is kept of a slice; the stereo width is its parent's."""
    embedding = np.ascontiguousarray(part.embedding, dtype="<f4").ravel()
    return (
        (part.end_frame - part.start_frame) / whole.sample_rate,
        int(whole.sample_rate),
        int(whole.channels),
        float(part.loudness_db),
        float(part.brightness_hz),
        float(part.pitch_hz),
        float(part.pitch_confidence),
        float(whole.stereo_width),
        version,
        len(embedding),
        embedding.tobytes(),
    )
