"""The files of a corpus: which stands for which id, and which lie below a folder.

This module owns the entries of a snapshot (present files, sorted by path); it must not search
sounds or names.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from klustr_bridge.corpus.snapshot import PENDING, Snapshot
from klustr_bridge.library.kind_sources import CONFIDENCE, KIND_SOURCES
from klustr_bridge.library.paths import bounds_below
from klustr_bridge.sound.kinds import KINDS
from klustr_bridge.types import Int32Array


@dataclass(frozen=True, slots=True)
class Entry:
    """One present file that stands for an id.

    Attributes
    ----------
    id : int
        The sound's id, or the file's reserved id.
    path : bytes
        Absolute; of a sound in several files the first in the order of paths; of a slice its parent's.
    kind : str
        Of the sound, or of the waiting file by its name.
    kind_source : str
        One of ``library.kind_sources.KIND_SOURCES``: what tells the kind.
    kind_confidence : float
        How sure it is, 0..1.
    row : int or None
        The sound's row; None: the file waits for its analysis.
    """

    id: int
    path: bytes
    kind: str
    kind_source: str
    kind_confidence: float
    row: int | None


class Files:
    """The entries of a snapshot.

    Parameters
    ----------
    snapshot : Snapshot
        Kept as it is.

    Attributes
    ----------
    sound_row : ndarray of int32, shape (m,)
        Row of each entry's sound, -1 where the file waits for its analysis.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._ids: Int32Array = snapshot.entry["entry_id"]
        self._paths = snapshot.text["path"]
        waits = snapshot.entry["entry_state"] == PENDING
        self.sound_row: Int32Array = np.where(waits, -1, _rows_of(snapshot.ids, self._ids)).astype(np.int32)
        waiting = np.flatnonzero(waits)
        self._waiting = waiting[np.argsort(self._ids[waiting], kind="stable")].astype(np.int32)
        self._waiting_id = self._ids[self._waiting]

    def __len__(self) -> int:
        return len(self._paths)

    def row_of(self, sound_id: int) -> int | None:
        """Return the row of an analysed sound, None if there is none of that id."""
        return _find(self._snapshot.ids, sound_id)

    def entry_of(self, sound_id: int) -> Entry | None:
        """Return the file that stands for a sound's id or a waiting file's reserved id."""
        row = self.row_of(sound_id)
        if row is not None:
            return self._entry_of_sound(row)
        at = _find(self._waiting_id, sound_id)
        return None if at is None else self._waiting_entry(int(self._waiting[at]))

    def id_of_path(self, path: bytes) -> int | None:
        """Return the id, or reserved id, that a present file stands for; None if it isn't there."""
        at = self._before(path)
        return int(self._ids[at]) if at < len(self) and self._paths[at] == path else None

    def analysed(self) -> Iterator[tuple[bytes, int]]:
        """Yield path and sound's row of every analysed file, by path."""
        for index in np.flatnonzero(self.sound_row >= 0).tolist():
            yield self._paths[index], int(self.sound_row[index])

    def copies(self, most: int) -> tuple[int, list[tuple[int, list[bytes]]]]:
        """Return which sounds several files hold: how many there are, and the first with their paths.

        Parameters
        ----------
        most : int
            So many are named at most.
        """
        heard = np.flatnonzero(self.sound_row >= 0)
        by_row = heard[np.argsort(self.sound_row[heard], kind="stable")]
        rows, first, counts = np.unique(self.sound_row[by_row], return_index=True, return_counts=True)
        several = np.flatnonzero(counts > 1)
        named = [
            (
                int(self._snapshot.ids[rows[at]]),
                [self._paths[int(index)] for index in by_row[first[at] : first[at] + counts[at]]],
            )
            for at in several[:most].tolist()
        ]
        return len(several), named

    def below(self, folder: bytes) -> slice:
        """Return the entries that lie below a folder, at any depth."""
        low, after = bounds_below(folder)
        return slice(self._before(low), self._before(after))

    def _entry_of_sound(self, row: int) -> Entry:
        sound = self._snapshot.sound
        return Entry(
            id=int(sound["sound_id"][row]),
            path=self._paths[int(sound["sound_entry"][row])],
            kind=KINDS[int(sound["kind"][row])],
            kind_source=KIND_SOURCES[int(sound["kind_source"][row])],
            kind_confidence=float(sound["kind_confidence"][row]),
            row=row,
        )

    def _waiting_entry(self, index: int) -> Entry:
        source = KIND_SOURCES[int(self._snapshot.entry["entry_kind_source"][index])]
        return Entry(
            id=int(self._ids[index]),
            path=self._paths[index],
            kind=KINDS[int(self._snapshot.entry["entry_kind"][index])],
            kind_source=source,
            kind_confidence=CONFIDENCE[source],
            row=None,
        )

    def _before(self, path: bytes) -> int:
        """Return how many entries sort before a path."""
        return bisect_left(range(len(self)), path, key=self._paths.__getitem__)


def _find(rising: Int32Array, value: int) -> int | None:
    """Return where a value stands in a rising array, None if it doesn't."""
    at = int(np.searchsorted(rising, value))
    return at if at < len(rising) and int(rising[at]) == value else None


def _rows_of(rising: Int32Array, values: Int32Array) -> Int32Array:
    """Return where values stand in a rising array, -1 where they don't."""
    if len(rising) == 0:
        return np.full(len(values), -1, np.int32)
    at = np.minimum(np.searchsorted(rising, values), len(rising) - 1)
    return np.where(rising[at] == values, at, -1).astype(np.int32)
