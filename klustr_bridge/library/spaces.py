"""Which numbers of the stored embeddings count now: the space that a library is in.

A stored embedding begins with the engineered one, and what the learned ear has heard may follow. While a
library is heard anew some sounds have more numbers than others; then what all of them have in common counts,
so that every sound is found at every moment. What the ear of another release has heard can't be compared with
what this one's hears: such rows offer their engineered beginning. This module owns that choice and the SQL
that reads rows by it; whoever reads embeddings asks here. It must not write sounds.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from klustr_bridge.errors import LibraryError
from klustr_bridge.library.database import Transaction
from klustr_bridge.library.hearings import ENGINEERED as ENGINEERED
from klustr_bridge.library.hearings import EXTERNAL as EXTERNAL
from klustr_bridge.library.hearings import HEARINGS as HEARINGS
from klustr_bridge.library.hearings import LEARNED as LEARNED
from klustr_bridge.library.live import IS_LIVE
from klustr_bridge.library.vectors import HAS_OURS, HAS_VECTOR, OURS, has_live, read_given
from klustr_bridge.sound.aspects import EMBEDDING_SIZE, LEARNED_VERSION, WHOLE_SIZE
from klustr_bridge.types import Float32Array

_EAR_MARK: Final = 10_000
"""What a version of the ear counts in `Space.mark`: more than any row has numbers."""

_BEGINNING: Final = f"substr(s.embedding, 1, {4 * EMBEDDING_SIZE})"


@dataclass(frozen=True, slots=True)
class Space:
    """Where the distances between the sounds of a library are taken.

    Attributes
    ----------
    hearing : str
        One of `HEARINGS`, or `EXTERNAL`.
    size : int
        Numbers of a row; 0 in a library without sounds.
    number : int
        Which of the vectors that the library was given; 0 where it hears itself.
    loop : float
        What stands last in the row of a loop, where `number` isn't 0.
    """

    hearing: str
    size: int
    number: int = 0
    loop: float = 0.0

    @property
    def mark(self) -> int:
        """What a map made in this space notes: none of another mark lays out the same distances."""
        if self.number:
            return -self.number
        return LEARNED_VERSION * _EAR_MARK + self.size if self.is_learned else self.size

    @property
    def is_learned(self) -> bool:
        """Whether rows hold what the learned ear hears."""
        return self.hearing == LEARNED

    @property
    def begins_engineered(self) -> bool:
        """Whether rows begin with the engineered embedding of this release, so that aspects are known."""
        return self.hearing != ENGINEERED or self.size == EMBEDDING_SIZE

    @property
    def has_row(self) -> str:
        """SQL condition on a sound ``s``: it has a row in this space."""
        if self.number:
            return HAS_VECTOR
        return _offers(self.size) if self.is_learned or self.size != EMBEDDING_SIZE else HAS_OURS

    @property
    def row(self) -> str:
        """SQL expression: the row of a sound ``s`` that has one, as little-endian float32 numbers."""
        if self.number:
            loop, other = (np.array(number, "<f4").tobytes().hex() for number in (self.loop, 0.0))
            vector = "(SELECT vector FROM vectors WHERE sound_id = s.id)"
            ending = f"CASE WHEN s.is_loop THEN x'{loop}' ELSE x'{other}' END"
            return f"CAST({_BEGINNING} || {vector} || {ending} AS BLOB)"
        if self.size == EMBEDDING_SIZE:
            return _BEGINNING
        return "s.embedding"

    def rows_from(self, blobs: Iterable[bytes]) -> Float32Array:
        """Rows that `row` has read, as an array of shape (n, size)."""
        numbers = np.frombuffer(b"".join(blobs), "<f4").astype(np.float32, copy=False)
        return numbers.reshape(-1, self.size) if self.size else np.empty((0, 0), np.float32)


def wanted_hearing(connection: sqlite3.Connection) -> str:
    """What the library is to hear by, whether or not all of its sounds have been heard so."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'hearing'").fetchone()
    return LEARNED if row is None else str(row[0])


def want_hearing(transaction: Transaction, hearing: str) -> None:
    """Have the library hear by something else: see `Store.hear_by`."""
    if hearing not in HEARINGS:
        raise LibraryError(f"a library can't hear by {hearing!r}; known: {', '.join(HEARINGS)}")
    if wanted_hearing(transaction.connection) != hearing:
        transaction.execute("INSERT OR REPLACE INTO meta VALUES ('hearing', ?)", (hearing,))
        transaction.shown = True


def read_space(connection: sqlite3.Connection, *, is_reading: bool = False) -> Space:
    """The space that the library is in now.

    `is_reading` is only for who does nothing else in this transaction: what is seen then may be kept.

    Where it was given vectors from elsewhere, these count behind the engineered beginnings as long as a live
    sound has one; sounds without one have no row then. Else it is what the library hears itself.
    """
    given = read_given(connection)
    if given is not None and has_live(connection):
        return Space(EXTERNAL, EMBEDDING_SIZE + given.size + 1, given.number, given.loop)
    return read_own_space(connection, is_reading=is_reading)


def read_own_space(connection: sqlite3.Connection, *, is_reading: bool = False) -> Space:
    """The space of what the library hears itself, whether or not it goes by it.

    Rows of the learned ear count whole once every live sound has one and the library is to hear by it; else
    the engineered beginnings count. Where sounds of other releases, with embeddings of other lengths, are
    more (ties: the newest analysis), theirs count until they are heard anew.
    """
    sizes = _offered(connection)
    if len(sizes) > 1:
        token = connection.execute("SELECT value FROM meta WHERE key = 'token'").fetchone()[0]
        look = _live if is_reading else _live.__wrapped__  # what a rollback undoes must not be kept
        state = _State(connection, connection.total_changes, str(token))
        sizes = list(look(state, tuple(sizes))) or sizes
    if len(sizes) > 1 and not set(sizes) <= set(OURS):
        sizes = _most(connection)
    if not sizes:
        return Space(ENGINEERED, 0)
    if set(sizes) <= set(OURS):
        is_whole = sizes == [WHOLE_SIZE] and wanted_hearing(connection) == LEARNED
        return Space(LEARNED, WHOLE_SIZE) if is_whole else Space(ENGINEERED, EMBEDDING_SIZE)
    return Space(ENGINEERED, sizes[0])


def _offers(size: int) -> str:
    """SQL condition on a whole sound ``s``: its row offers so many numbers and no more."""
    if size == WHOLE_SIZE:
        return f"(s.dimension = {WHOLE_SIZE} AND s.analysis_version = {LEARNED_VERSION})"
    if size == EMBEDDING_SIZE:
        others = f"s.dimension = {WHOLE_SIZE} AND s.analysis_version != {LEARNED_VERSION}"
        return f"(s.dimension = {EMBEDDING_SIZE} OR {others})"
    return f"s.dimension = {size}"


def _offered(connection: sqlite3.Connection) -> list[int]:
    """How many numbers whole sounds offer, rising. Slices offer as many as their parents."""
    sizes: list[int] = []
    while True:  # a look-up in the index for each; DISTINCT would walk all of it
        row = connection.execute(
            "SELECT min(dimension) FROM sounds WHERE parent_id IS NULL AND dimension > ?",
            (max(sizes, default=-1),),
        ).fetchone()
        if row[0] is None:
            break
        sizes.append(int(row[0]))
    if WHOLE_SIZE not in sizes:
        return sizes
    of_whole = f"FROM sounds WHERE parent_id IS NULL AND dimension = {WHOLE_SIZE}"
    versions = connection.execute(  # two look-ups; in one SELECT they would walk all of them
        f"SELECT (SELECT min(analysis_version) {of_whole}), (SELECT max(analysis_version) {of_whole})"
    ).fetchone()
    if versions != (LEARNED_VERSION, LEARNED_VERSION):
        sizes = sorted({*sizes, EMBEDDING_SIZE})
        if not _has(connection, WHOLE_SIZE):
            sizes.remove(WHOLE_SIZE)
    return sizes


def _has(connection: sqlite3.Connection, size: int, *, live: bool = False) -> bool:
    """Whether a whole sound, or a live one, offers so many numbers: the first one found will do."""
    also = f"AND {IS_LIVE}" if live else ""
    found = connection.execute(
        f"SELECT EXISTS (SELECT 1 FROM sounds s WHERE s.parent_id IS NULL AND {_offers(size)} {also})"
    ).fetchone()
    return bool(found[0])


@dataclass(frozen=True)
class _State:
    """What a connection sees: it is the same as long as neither this one nor another one writes."""

    connection: sqlite3.Connection
    n_changes: int
    token: str


@lru_cache(maxsize=2)
def _live(state: _State, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Those lengths that live sounds have: the first one found of each will do.

    Kept for the next readers: where 100,000 dormant sounds are of one of them, it takes 0.1 s to see that.
    """
    return tuple(size for size in sizes if _has(state.connection, size, live=True))


def _most(connection: sqlite3.Connection) -> list[int]:
    """Lengths of the embeddings that most live sounds have, those of this release counted together."""
    counted = connection.execute(
        f"""
        SELECT CASE WHEN {_offers(EMBEDDING_SIZE)} THEN {EMBEDDING_SIZE} ELSE s.dimension END AS offered,
            sum({IS_LIVE}), max(s.analysis_version)
        FROM sounds s WHERE s.parent_id IS NULL GROUP BY offered
        """
    ).fetchall()
    classes: dict[int, tuple[int, int, list[int]]] = {}
    for size, n_live, version in counted:
        name = EMBEDDING_SIZE if size in OURS else size
        n_before, newest, sizes = classes.get(name, (0, 0, []))
        classes[name] = (n_before + n_live, max(newest, version), sizes + [size] * (n_live > 0))
    return max(classes.values(), default=(0, 0, []))[2]
