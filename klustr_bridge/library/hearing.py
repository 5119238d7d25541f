"""The sounds of the library: taking in what analysis found, positions, epochs.

This module owns the SQL that writes sounds, positions and epochs. Each function works within a
transaction of its caller.
"""

import json
import math
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import LibraryError
from klustr_bridge.library import candidates, slices
from klustr_bridge.library.database import Transaction
from klustr_bridge.library.live import IS_LIVE, MAY_BE_LIVE
from klustr_bridge.library.rows import Committed, Embeddings, Epoch, Place
from klustr_bridge.library.spaces import read_space
from klustr_bridge.types import Analysis, Float32Array, Int32Array, Outcome

_REFUSED_SO = """state = 'refused' AND folder_id IN (SELECT id FROM folders)
    AND substr(reason, -length(?)) = ?"""

_ROWS_AT_ONCE = 4096


@dataclass(slots=True)
class _Tally:
    new: list[int] = field(default_factory=list)
    revived: set[int] = field(default_factory=set)
    updated: set[int] = field(default_factory=set)
    refused: int = 0
    dropped: int = 0


def commit(
    transaction: Transaction, outcomes: Sequence[Outcome], analysis_version: int, place: Place | None
) -> Committed:
    """Take in the outcomes of a batch: see `Store.commit_outcomes`."""
    tally = _Tally()
    for outcome in outcomes:
        _commit_one(transaction, outcome, analysis_version, tally)
    if place is not None:
        parts = slices.live_of(transaction.connection, {*tally.new, *tally.revived, *tally.updated})
        _place(transaction, sorted({*tally.new, *tally.revived, *parts}), place)
    if tally.updated:  # what they tell of other sounds is another thing now
        transaction.execute("UPDATE meta SET value = 0 WHERE key = 'kinds_known'")
    transaction.shown |= tally.dropped < len(outcomes)
    return Committed(
        sorted(tally.new), sorted(tally.revived), sorted(tally.updated), tally.refused, tally.dropped
    )


def _commit_one(transaction: Transaction, outcome: Outcome, analysis_version: int, tally: _Tally) -> None:
    file = transaction.execute(
        "SELECT id, size, mtime_ns, reserved_id FROM files WHERE path = ?", (outcome.path,)
    ).fetchone()
    if file is None or file[1:3] != (outcome.stamp.size, outcome.stamp.mtime_ns):
        tally.dropped += 1
        return
    if outcome.analysis is None or not _is_finite(outcome.analysis):
        reason = outcome.reason or "its analysis gave numbers that are not finite"
        transaction.execute(
            """
            UPDATE files SET state = 'refused', reason = ?, sound_id = NULL, reserved_id = NULL WHERE id = ?
            """,
            (reason.encode("utf-8", "replace").decode("utf-8"), file[0]),
        )
        tally.refused += 1
        return
    sound_id = _join_sound(transaction, outcome.analysis, file[3], analysis_version, tally)
    transaction.execute(
        "UPDATE files SET state = 'analysed', reason = NULL, sound_id = ?, reserved_id = NULL WHERE id = ?",
        (sound_id, file[0]),
    )


def has_refused(connection: sqlite3.Connection, ending: str) -> bool:
    """Whether there are refused files whose reason ends so: only refused ones are looked at."""
    row = connection.execute(f"SELECT EXISTS (SELECT 1 FROM files WHERE {_REFUSED_SO})", (ending, ending))
    return bool(row.fetchone()[0])


def requeue_refused(transaction: Transaction, ending: str) -> int:
    """Make refused files pending, as if they were new: see `Store.requeue_refused`."""
    rows = transaction.execute(f"SELECT id FROM files WHERE {_REFUSED_SO} ORDER BY id", (ending, ending))
    numbers = [row[0] for row in rows]
    transaction.executemany(
        "UPDATE files SET state = 'pending', reason = NULL, reserved_id = ? WHERE id = ?",
        [(transaction.new_id(), number) for number in numbers],
    )
    transaction.shown |= bool(numbers)
    return len(numbers)


def _join_sound(
    transaction: Transaction, analysis: Analysis, reserved_id: int | None, version: int, tally: _Tally
) -> int:
    """Id of the sound that holds this audio: known already, or made from the analysis."""
    known = transaction.execute(
        f"SELECT s.id, s.analysis_version, {IS_LIVE} FROM sounds s WHERE s.uid = ?", (analysis.uid,)
    ).fetchone()
    if known is None:
        sound_id = transaction.new_id() if reserved_id is None else reserved_id
        transaction.execute(
            """
            INSERT INTO sounds (duration_s, sample_rate, channels, loudness_db, brightness_hz, pitch_hz,
                pitch_confidence, stereo_width, is_loop, tempo_bpm, analysis_version, dimension, embedding,
                uid, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            (*_measures(analysis, version), analysis.uid, sound_id),
        )
        slices.keep(transaction, sound_id, analysis, version)
        tally.new.append(sound_id)
        return sound_id
    sound_id = int(known[0])
    if known[1] < version:
        transaction.execute(
            """
            UPDATE sounds SET duration_s = ?, sample_rate = ?, channels = ?, loudness_db = ?,
                brightness_hz = ?, pitch_hz = ?, pitch_confidence = ?, stereo_width = ?, is_loop = ?,
                tempo_bpm = ?, analysis_version = ?, dimension = ?, embedding = ?, heard_kind = NULL
            WHERE id = ?
            """,
            (*_measures(analysis, version), sound_id),
        )
        slices.keep(transaction, sound_id, analysis, version)
        tally.updated.add(sound_id)
    if not known[2] and sound_id not in tally.new:
        tally.revived.add(sound_id)
    return sound_id


def _measures(analysis: Analysis, version: int) -> tuple[object, ...]:
    embedding = np.ascontiguousarray(analysis.embedding, dtype="<f4").ravel()
    return (
        float(analysis.duration_s),
        int(analysis.sample_rate),
        int(analysis.channels),
        float(analysis.loudness_db),
        float(analysis.brightness_hz),
        float(analysis.pitch_hz),
        float(analysis.pitch_confidence),
        float(analysis.stereo_width),
        int(analysis.is_loop),
        float(analysis.tempo_bpm),
        version,
        len(embedding),
        embedding.tobytes(),
    )


def _is_finite(analysis: Analysis) -> bool:
    numbers: tuple[float, ...] = (
        analysis.duration_s,
        analysis.loudness_db,
        analysis.brightness_hz,
        analysis.pitch_hz,
        analysis.pitch_confidence,
        analysis.stereo_width,
        analysis.tempo_bpm,
    )
    embeddings = [analysis.embedding]
    for part in analysis.slices:
        numbers += (part.loudness_db, part.brightness_hz, part.pitch_hz, part.pitch_confidence)
        embeddings.append(part.embedding)
    return all(map(math.isfinite, numbers)) and all(np.isfinite(each).all() for each in embeddings)


def read_embeddings(connection: sqlite3.Connection, *, dormant: bool) -> Embeddings:
    """Ids, embeddings and positions of live sounds, or of all: see `Store.embeddings`."""
    space = read_space(connection)
    rows = connection.execute(
        f"""
        SELECT s.id, p.x, p.y, p.even_x, p.even_y, {space.row}
        FROM sounds s LEFT JOIN positions p ON p.sound_id = s.id
        WHERE {space.has_row} AND {MAY_BE_LIVE if dormant else IS_LIVE} ORDER BY s.id
        """
    )
    ids: list[Int32Array] = []
    places: list[Float32Array] = []
    vectors: list[Float32Array] = []
    while chunk := rows.fetchmany(_ROWS_AT_ONCE):
        ids.append(np.array([row[0] for row in chunk], np.int32))
        places.append(np.array([row[1:5] for row in chunk], np.float32))  # None becomes NaN
        vectors.append(space.rows_from(row[5] for row in chunk))
    if not ids:
        nowhere = np.empty((0, 2), np.float32)
        return Embeddings(
            np.empty(0, np.int32), np.empty((0, space.size), np.float32), nowhere, nowhere, space
        )
    both = np.concatenate(places)
    return Embeddings(np.concatenate(ids), np.concatenate(vectors), both[:, :2], both[:, 2:], space)


def place_missing(transaction: Transaction, place: Place) -> list[int]:
    """Give every live sound without a position one, if it can be compared; their ids."""
    space = read_space(transaction.connection)
    rows = transaction.execute(
        f"""
        SELECT s.id FROM sounds s
        WHERE s.id NOT IN (SELECT sound_id FROM positions) AND {space.has_row} AND {IS_LIVE} ORDER BY s.id
        """
    )
    placed = _place(transaction, [row[0] for row in rows], place)
    transaction.shown |= bool(placed)
    return placed


def _place(transaction: Transaction, ids: Sequence[int], place: Place) -> list[int]:
    space = read_space(transaction.connection)
    missing: list[int] = []
    blobs: list[bytes] = []
    for sound_id in ids:
        row = transaction.execute(
            f"""
            SELECT {space.row} FROM sounds s WHERE s.id = ? AND {space.has_row}
                AND s.id NOT IN (SELECT sound_id FROM positions WHERE sound_id = ?)
            """,
            (sound_id, sound_id),
        ).fetchone()
        if row is not None:
            missing.append(sound_id)
            blobs.append(row[0])
    if missing:
        xy = place(space.rows_from(blobs))
        _write_positions(transaction, np.array(missing, np.int32), xy, fitted=False)
    return missing


def write_epoch(
    transaction: Transaction,
    method: str,
    seed: int,
    ids: Int32Array,
    xy: Float32Array,
    scores: Mapping[str, float],
    place: Place | None,
    even_side: int,
) -> Epoch:
    """Replace all positions by those of a new layout: see `Store.write_epoch`."""
    candidates.drop(transaction)  # it was made to be compared with the epoch that ends here
    transaction.execute("DELETE FROM positions")
    _write_positions(transaction, ids, xy, fitted=True)
    number = transaction.execute("SELECT coalesce(max(number), 0) + 1 FROM epochs").fetchone()[0]
    plain = {str(name): float(score) for name, score in scores.items()}
    made = Epoch(number, method, int(seed), len(ids), time.time(), plain, int(even_side))
    transaction.execute(
        "INSERT INTO epochs VALUES (?, ?, ?, ?, ?, ?, ?)",
        (number, method, made.seed, made.n_fitted, made.created_s, json.dumps(plain), made.even_side),
    )
    if place is not None:
        place_missing(transaction, place)
    transaction.shown = True
    return made


def count_placed(connection: sqlite3.Connection) -> int:
    """Live sounds that were placed among their neighbours: they took no part in the last fit."""
    row = connection.execute(
        f"""
        SELECT count(*) FROM positions p JOIN sounds s ON s.id = p.sound_id
        WHERE NOT p.fitted AND {IS_LIVE}
        """
    ).fetchone()
    return int(row[0])


def _write_positions(
    transaction: Transaction, ids: Int32Array, xy: NDArray[np.float32], *, fitted: bool
) -> None:
    if xy.ndim != 2 or len(xy) != len(ids) or xy.shape[1] not in (2, 4):
        raise LibraryError(f"{len(ids)} sounds need positions of shape ({len(ids)}, 2 or 4), not {xy.shape}")
    if not np.isfinite(xy[:, :2]).all():
        raise LibraryError("positions must be finite numbers; nothing was kept")
    even = xy[:, 2:] if xy.shape[1] > 2 else np.full((len(ids), 2), np.nan)
    columns = zip(ids.tolist(), *xy[:, :2].T.tolist(), *even.T.tolist(), strict=True)
    # NaN becomes NULL.
    # A sound of a layout computed elsewhere may be unknown here only by mistake: the foreign key says so.
    transaction.executemany(
        f"""
        INSERT OR REPLACE INTO positions (sound_id, x, y, even_x, even_y, fitted)
        VALUES (?, ?, ?, ?, ?, {int(fitted)})
        """,
        columns,
    )


def read_epoch(connection: sqlite3.Connection) -> Epoch | None:
    """The newest layout, or None."""
    row = connection.execute("SELECT * FROM epochs ORDER BY number DESC LIMIT 1").fetchone()
    if row is None:
        return None
    number, method, seed, n_fitted, created_s, scores, even_side = row
    return Epoch(number, method, seed, n_fitted, created_s, json.loads(scores), even_side)
