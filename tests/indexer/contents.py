"""What a library says of its files, for comparing two libraries, read past the code under test."""

import sqlite3
from pathlib import Path
from typing import NamedTuple


class FileContent(NamedTuple):
    """All of a file that must not depend on how the library came to know it."""

    state: str
    reason: str | None
    kind: str
    uid: str | None
    descriptors: tuple[float, ...] | None
    embedding: bytes | None
    slices: tuple[tuple[int, int, bytes], ...] = ()


def contents(library: Path) -> dict[bytes, FileContent]:
    """Return what the library holds by path: everything but ids and positions."""
    with sqlite3.connect(f"file:{library}?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT path, state, reason, kind, uid, duration_s, sample_rate, channels, loudness_db, "
            "brightness_hz, pitch_hz, pitch_confidence, stereo_width, is_loop, tempo_bpm, embedding "
            "FROM files LEFT JOIN sounds ON sounds.id = files.sound_id"
        ).fetchall()
        found = database.execute(
            "SELECT p.uid, s.start_frame, s.end_frame, s.embedding FROM sounds s "
            "JOIN sounds p ON p.id = s.parent_id AND p.analysis_version = s.analysis_version "
            "ORDER BY s.start_frame"
        ).fetchall()
    database.close()
    slices: dict[str, list[tuple[int, int, bytes]]] = {}
    for uid, *part in found:
        slices.setdefault(uid, []).append(tuple(part))
    return {
        bytes(row[0]): FileContent(
            *row[1:5], row[5:15] if row[4] else None, row[15], tuple(slices.get(row[4], ()))
        )
        for row in rows
    }


def sounds_and_places(library: Path) -> dict[str, tuple[int, float, float, float, float]]:
    """Return id, natural and even position of every sound, dormant ones too, by uid."""
    with sqlite3.connect(f"file:{library}?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT uid, id, x, y, even_x, even_y FROM sounds "
            "JOIN positions ON positions.sound_id = sounds.id"
        ).fetchall()
    database.close()
    return {uid: (sound_id, *place) for uid, sound_id, *place in rows}


def epoch(library: Path) -> int:
    """Return the number of the newest epoch, 0 before the first."""
    with sqlite3.connect(f"file:{library}?mode=ro", uri=True) as database:
        number: int = database.execute("SELECT coalesce(max(number), 0) FROM epochs").fetchone()[0]
    database.close()
    return number
