"""One unchanging state of the library, read in chunks of columns: what a snapshot is made from.

This module owns the SQL that reads for snapshots and exports. It must not write.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from klustr_bridge.library import candidates, heard_kinds, hearing, slices, vectors
from klustr_bridge.library.live import MAY_BE_LIVE
from klustr_bridge.library.rows import Candidate, Counts, Epoch, Folder
from klustr_bridge.library.spaces import Space, read_own_space, read_space
from klustr_bridge.types import Int32Array

_ROWS_AT_ONCE = 4096


class Entries(NamedTuple):
    """Present files that are sounds or may become some: columns of equal length."""

    path: tuple[bytes, ...]
    folder: tuple[bytes, ...]
    sound_id: tuple[int | None, ...]
    reserved_id: tuple[int | None, ...]
    kind: tuple[str, ...]
    kind_source: tuple[str, ...]


class Sounds(NamedTuple):
    """Sounds, live and dormant: columns of equal length.

    `embedding` is the row in the space that the library is in, None where a sound has none there.
    A slice has a `parent_id` and its audio frames in the parent's file.
    """

    id: tuple[int, ...]
    uid: tuple[str, ...]
    duration_s: tuple[float, ...]
    loudness_db: tuple[float, ...]
    pitch_hz: tuple[float, ...]
    brightness_hz: tuple[float, ...]
    pitch_confidence: tuple[float, ...]
    stereo_width: tuple[float, ...]
    is_loop: tuple[int, ...]
    tempo_bpm: tuple[float, ...]
    analysis_version: tuple[int, ...]
    favourite: tuple[int, ...]
    user_kind: tuple[str | None, ...]
    heard_kind: tuple[str | None, ...]
    heard_confidence: tuple[float, ...]
    sample_rate: tuple[int, ...]
    parent_id: tuple[int | None, ...]
    start_frame: tuple[int | None, ...]
    end_frame: tuple[int | None, ...]
    x: tuple[float | None, ...]
    y: tuple[float | None, ...]
    even_x: tuple[float | None, ...]
    even_y: tuple[float | None, ...]
    embedding: tuple[bytes | None, ...]


@dataclass(frozen=True)
class View:
    """All that can be asked of one state of the library; made by `Store.view`."""

    connection: sqlite3.Connection

    def text(self, key: str) -> str:
        """What is kept under a name in the library."""
        return str(self.connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0])

    @property
    def library_id(self) -> str:
        """The library's own random name."""
        return self.text("library_id")

    @property
    def generation(self) -> int:
        """Number of this state."""
        return int(self.text("generation"))

    @property
    def token(self) -> str:
        """Random name of this state: a power cut may take a generation back and give its number again."""
        return self.text("token")

    @property
    def space(self) -> Space:
        """Which numbers of the embeddings count now."""
        return read_space(self.connection, is_reading=True)

    @property
    def own_space(self) -> Space:
        """The space of what the library hears itself, whether or not it goes by vectors from elsewhere."""
        return read_own_space(self.connection, is_reading=True)

    @property
    def given_vectors(self) -> vectors.Given | None:
        """The vectors from elsewhere that the library goes by, or None."""
        return vectors.read_given(self.connection)

    @property
    def n_vectors_given(self) -> int:
        """How many times such vectors have been given or taken back."""
        return vectors.count_given(self.connection)

    def count_vectors(self) -> tuple[int, int]:
        """How many live sounds, slices among them, have such a vector, and how many there are."""
        return vectors.count(self.connection)

    @property
    def kinds_told_by(self) -> heard_kinds.ToldBy:
        """What told the kinds that were heard in all sounds without a name."""
        return heard_kinds.read_told_by(self.connection)

    def epoch(self) -> Epoch | None:
        """The layout in force, or None."""
        return hearing.read_epoch(self.connection)

    def candidate(self) -> Candidate | None:
        """The map that waits to be taken or dropped, or None."""
        return candidates.read(self.connection)

    def folders(self) -> list[Folder]:
        """Watched folders by path."""
        rows = self.connection.execute(
            """
            SELECT d.path, d.state, (SELECT count(*) FROM files f WHERE f.folder_id = d.id)
            FROM folders d ORDER BY d.path
            """
        )
        return [Folder(*row) for row in rows]

    def counts(self) -> Counts:
        """How much there is."""
        by_state = dict(
            self.connection.execute(
                """
                SELECT f.state, count(*) FROM files f JOIN folders d ON d.id = f.folder_id
                WHERE d.state != 'absent' GROUP BY f.state
                """
            ).fetchall()
        )
        n_sounds = self.connection.execute(
            """
            SELECT count(DISTINCT f.sound_id) FROM files f JOIN folders d ON d.id = f.folder_id
            WHERE d.state != 'absent' AND f.sound_id IS NOT NULL
            """
        ).fetchone()[0]
        number = self.connection.execute("SELECT coalesce(max(number), 0) FROM epochs").fetchone()[0]
        pending, refused = by_state.get("pending", 0), by_state.get("refused", 0)
        n_slices = slices.count_live(self.connection)
        return Counts(sum(by_state.values()), n_sounds, pending, refused, number, n_slices)

    def entries(self) -> Iterator[Entries]:
        """Present files, refused ones left out, sorted by path, in chunks."""
        rows = self.connection.execute(
            """
            SELECT f.path, d.path, f.sound_id, f.reserved_id, f.kind, f.kind_source
            FROM files f INDEXED BY sqlite_autoindex_files_1 CROSS JOIN folders d ON d.id = f.folder_id
            WHERE f.state != 'refused' AND d.state != 'absent' ORDER BY f.path
            """
        )
        while chunk := rows.fetchmany(_ROWS_AT_ONCE):
            yield Entries._make(zip(*chunk, strict=True))

    def sounds(self, space: Space | None = None) -> Iterator[Sounds]:
        """All sounds, dormant ones too, by rising id, in chunks; slices only if the library shows them.

        Their embeddings are read in the space that the library is in, or in another one.
        """
        space = space or self.space
        rows = self.connection.execute(
            f"""
            SELECT s.id, s.uid, s.duration_s, s.loudness_db, s.pitch_hz, s.brightness_hz, s.pitch_confidence,
                s.stereo_width, s.is_loop, s.tempo_bpm, s.analysis_version, s.favourite, s.user_kind,
                s.heard_kind, s.heard_confidence, s.sample_rate, s.parent_id, s.start_frame,
                s.end_frame, p.x, p.y, p.even_x, p.even_y,
                CASE WHEN {space.has_row} THEN {space.row} END
            FROM sounds s LEFT JOIN positions p ON p.sound_id = s.id
            WHERE {MAY_BE_LIVE} ORDER BY s.id
            """
        )
        while chunk := rows.fetchmany(_ROWS_AT_ONCE):
            yield Sounds._make(zip(*chunk, strict=True))

    def live_slices(self) -> tuple[Int32Array, Int32Array]:
        """Ids of the live slices, rising, and of their parents."""
        return slices.live(self.connection)

    def problems(self, limit: int = -1, offset: int = 0) -> list[tuple[bytes, str]]:
        """Refused files and why, sorted by path; a negative limit is none."""
        return self.connection.execute(
            """
            SELECT f.path, f.reason FROM files f JOIN folders d ON d.id = f.folder_id
            WHERE f.state = 'refused' AND d.state != 'absent' ORDER BY f.path LIMIT ? OFFSET ?
            """,
            (limit, offset),
        ).fetchall()
