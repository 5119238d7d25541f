"""One library in memory, and every question that arrays can answer about it.

This module owns the meaning of a snapshot's rows: ids, places, files, names, filters.
It must not know clients or surfaces, and nothing in it loops over rows in Python, so that
loading in a thread never keeps the interpreter from the event loop for long.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.corpus.celled import CelledRows
from klustr_bridge.corpus.character import Character
from klustr_bridge.corpus.files import Entry, Files
from klustr_bridge.corpus.names import NameSearch, query_words
from klustr_bridge.corpus.nearest import BoolArray, Nearest, PlaceSearch, SoundSearch
from klustr_bridge.corpus.selection import Filters, Selection, select
from klustr_bridge.corpus.snapshot import (
    CandidateMap,
    Snapshot,
    SnapshotFolder,
    empty_snapshot,
    read_snapshot,
)
from klustr_bridge.corpus.weights import EVEN, Weights
from klustr_bridge.layout.cells import LEAST_SOUNDS, Cells, cells_file, read_cells
from klustr_bridge.library.hearings import ENGINEERED
from klustr_bridge.library.kind_sources import KIND_SOURCES
from klustr_bridge.sound.aspects import ASPECTS, EMBEDDING_SIZE
from klustr_bridge.sound.kinds import KINDS
from klustr_bridge.types import EVEN_VIEW, NATURAL, Float32Array, Int32Array

_ID_BITS = 32
_UID_CHARACTERS = 16
_FRAMES = re.compile(r"(\d{1,18})-(\d{1,18})", re.ASCII)


class Corpus:
    """An immutable library; made by :meth:`load` or :meth:`empty`.

    Rows of sounds are in the order of rising ids, entries (files) in the order of paths.

    Parameters
    ----------
    snapshot : Snapshot
        Kept as it is; its arrays must never change.
    cells : Cells, optional
        Of this library or an earlier state of it, for libraries so big that not all is measured.
    """

    def __init__(self, snapshot: Snapshot, cells: Cells | None = None) -> None:
        self._snapshot = snapshot
        self._files = Files(snapshot)
        self._uid = snapshot.sound["uid"].view(np.uint64).reshape(-1, 2)
        self._places = {NATURAL: PlaceSearch(snapshot.xy), EVEN_VIEW: PlaceSearch(snapshot.even_xy)}
        self._sounds = SoundSearch(
            self.embedding,
            self._blocks(),
            CelledRows(cells, snapshot.ids) if cells is not None and len(snapshot.ids) else None,
        )
        self._names = NameSearch(snapshot.text["name"])

    @classmethod
    def load(cls, directory: Path) -> "Corpus":
        """Load a snapshot; meant for a thread, lets the interpreter go in every long step.

        Parameters
        ----------
        directory : Path
            A snapshot directory, as ``library.snapshot.write_snapshot`` returns it.

        Raises
        ------
        LibraryError
            If a file of it is missing or doesn't fit the others.
        """
        snapshot = read_snapshot(directory)
        is_big = len(snapshot.ids) >= LEAST_SOUNDS
        cells = cells_file(directory.parent, snapshot.library_id)
        return cls(snapshot, read_cells(cells, snapshot.space) if is_big else None)

    @classmethod
    def empty(cls) -> "Corpus":
        """Return the corpus that stands in until the first snapshot is there."""
        return cls(empty_snapshot())

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<Corpus generation {self.generation}: {len(self)} sounds, epoch {self.epoch}>"

    @property
    def library_id(self) -> str:
        """The library's own random id; empty before the first snapshot."""
        return self._snapshot.library_id

    @property
    def generation(self) -> int:
        """Number of the library's state that this shows; -1 before the first snapshot."""
        return self._snapshot.generation

    @property
    def epoch(self) -> int:
        """Number of the layout; 0: none."""
        return self._snapshot.epoch

    @property
    def scores(self) -> dict[str, float]:
        """How good the layout is, by name; empty without one."""
        return dict(self._snapshot.scores)

    @property
    def candidate(self) -> CandidateMap | None:
        """The map that waits to be taken as the next epoch, or dropped; None without one."""
        return self._snapshot.candidate

    @property
    def n_files(self) -> int:
        """Present files, whatever their state."""
        return self._snapshot.n_files

    @property
    def n_sounds(self) -> int:
        """Distinct sounds; slices aren't counted."""
        return self._snapshot.n_sounds

    @property
    def n_pending(self) -> int:
        """Files that wait for their analysis."""
        return self._snapshot.n_pending

    @property
    def n_refused(self) -> int:
        """Files that can't be used."""
        return self._snapshot.n_refused

    @property
    def folders(self) -> tuple[SnapshotFolder, ...]:
        """The watched folders."""
        return self._snapshot.folders

    @property
    def ids(self) -> Int32Array:
        """Ids of the sounds, rising; int32, shape (n,)."""
        return self._snapshot.ids

    def places(self, view: str = NATURAL) -> PlaceSearch:
        """Return the map in one of `types.VIEWS`: places, which sounds have one, the nearest."""
        return self._places[view]

    @property
    def xy(self) -> Float32Array:
        """Natural places, 0..1, NaN where a sound has none; float32, shape (n, 2)."""
        return self.places().xy

    @property
    def placed(self) -> BoolArray:
        """Which sounds have a natural place; bool, shape (n,)."""
        return self.places().placed

    @property
    def n_placed(self) -> int:
        """How many sounds have a natural place."""
        return len(self.places())

    @property
    def embedding(self) -> Float32Array:
        """The space of similarity; float32, shape (n, d); NaN rows wait to be analysed anew."""
        embedding: Float32Array = self._snapshot.sound["embedding"]
        return embedding

    @property
    def has_aspects(self) -> bool:
        """Whether it is known which columns of the embedding are which aspect: not if a release differs."""
        return self.hearing != ENGINEERED or bool(self.embedding.shape[1] == EMBEDDING_SIZE)

    @property
    def hearing(self) -> str:
        """What the distances go by: one of ``library.hearings.HEARINGS``, or `EXTERNAL`."""
        return self._snapshot.hearing

    def _blocks(self) -> tuple[slice, ...]:
        """Columns of each aspect and, where there are more, all of those together."""
        if not self.has_aspects:
            return ()
        size = self.embedding.shape[1]
        beyond = (slice(EMBEDDING_SIZE, size),) if size > EMBEDDING_SIZE else ()
        return (*ASPECTS.values(), *beyond)

    def comparable(self, embedding: Float32Array) -> Float32Array:
        """Return what of an embedding just made counts here, too: its beginning where no more does."""
        is_beginning = self.has_aspects and self.embedding.shape[1] == EMBEDDING_SIZE
        return embedding[:EMBEDDING_SIZE] if is_beginning else embedding

    def is_heard(self, row: int) -> bool:
        """Tell whether the sound in a row has an embedding of the present analysis."""
        return self._sounds.heard is None or bool(self._sounds.heard[row])

    def column(self, name: str) -> NDArray[np.float32]:
        """Return one measure of all sounds.

        Parameters
        ----------
        name : str
            ``duration_s``, ``loudness_db``, ``pitch_hz``, ``pitch_confidence``, ``brightness_hz``,
            ``stereo_width`` or ``tempo_bpm``, as in `Analysis`, or ``kind_confidence``, 0..1.
        """
        return self._snapshot.sound[name]

    def uid(self, row: int) -> str:
        """Return the uid of the sound in a row; a slice's names its parent and its audio frames."""
        uid = bytes(self._snapshot.sound["uid"][row]).decode("ascii")
        start, end = self._snapshot.sound["frames"][row].tolist()
        return f"{uid}:{start}-{end}" if self.is_slice(row) else uid

    def is_slice(self, row: int) -> bool:
        """Tell whether the sound in a row is a part of another one."""
        return int(self._snapshot.sound["parent_row"][row]) >= 0

    def parent_id(self, row: int) -> int:
        """Return the id of the sound that the slice in a row is a part of, 0 for a whole sound."""
        return int(self.ids[self._snapshot.sound["parent_row"][row]]) if self.is_slice(row) else 0

    def span_s(self, row: int) -> tuple[float, float]:
        """Return where the sound in a row begins and ends in its file, seconds."""
        if not self.is_slice(row):
            return 0.0, float(self._snapshot.sound["duration_s"][row])
        start, end = (self._snapshot.sound["frames"][row] / self._snapshot.sound["sample_rate"][row]).tolist()
        return start, end

    def kind(self, row: int) -> str:
        """Return the kind of the sound in a row."""
        return KINDS[int(self._snapshot.sound["kind"][row])]

    def kind_source(self, row: int) -> str:
        """Return what tells the kind of the sound in a row: one of ``library.kind_sources.KIND_SOURCES``."""
        return KIND_SOURCES[int(self._snapshot.sound["kind_source"][row])]

    def is_loop(self, row: int) -> bool:
        """Tell whether the sound in a row is a loop."""
        return bool(self._snapshot.sound["is_loop"][row])

    def is_favourite(self, row: int) -> bool:
        """Tell whether the user has marked the sound in a row."""
        return bool(self._snapshot.sound["favourite"][row])

    @property
    def kind_codes(self) -> NDArray[np.uint8]:
        """Kinds of the sounds, as in ``sound.kinds.KINDS``; uint8, shape (n,)."""
        return self._snapshot.sound["kind"]

    @property
    def favourites(self) -> BoolArray:
        """Which sounds the user has marked; bool, shape (n,)."""
        return self._snapshot.sound["favourite"]

    @property
    def loop_mask(self) -> BoolArray:
        """Which sounds are loops; bool, shape (n,)."""
        return self._snapshot.sound["is_loop"]

    @property
    def slice_mask(self) -> BoolArray:
        """Which sounds are parts of others; bool, shape (n,)."""
        return np.asarray(self._snapshot.sound["parent_row"] >= 0)

    @cached_property
    def is_single(self) -> BoolArray:
        """Which sounds are heard and neither loops nor slices; bool, shape (n,)."""
        sound, heard = self._snapshot.sound, self._sounds.heard
        single: BoolArray = ~sound["is_loop"] & (sound["parent_row"] < 0)
        return single if heard is None else single & heard

    @cached_property
    def character(self) -> Character:
        """What sets each sound apart from its kind; made when first asked for, in a thread.

        By the engineered numbers, which its figures were measured with.
        """
        engineered = self.embedding[:, :EMBEDDING_SIZE]
        return Character(engineered, self.column("loudness_db"), self.kind_codes, self.is_single)

    def rows_below(self, folder: bytes) -> BoolArray:
        """Tell which sounds have a file below a folder; bool, shape (n,)."""
        below: BoolArray = np.zeros(len(self), np.bool_)
        rows = self._files.sound_row[self._files.below(folder)]
        below[rows[rows >= 0]] = True
        return below

    @property
    def n_problems(self) -> int:
        """How many problems the snapshot lists."""
        return len(self._snapshot.text["problem_path"])

    def problem(self, index: int) -> tuple[bytes, str]:
        """Return path and reason of one problem, 0 <= index < `n_problems`."""
        text = self._snapshot.text
        return text["problem_path"][index], text["problem_reason"][index].decode("utf-8", "replace")

    # Which row, which file

    def row_of(self, sound_id: int) -> int | None:
        """Return the row of an analysed sound, None if there is none of that id."""
        return self._files.row_of(sound_id)

    def entry(self, sound_id: int) -> Entry | None:
        """Return the file that stands for a sound's id or a waiting file's reserved id."""
        return self._files.entry_of(sound_id)

    def path(self, sound_id: int) -> bytes | None:
        """Return the absolute path that stands for an id, None if the id is unknown."""
        entry = self.entry(sound_id)
        return None if entry is None else entry.path

    def id_of_path(self, path: bytes) -> int | None:
        """Return the id of a present file's sound, or its reserved id; None if it isn't there."""
        return self._files.id_of_path(path)

    def copies(self, most: int) -> tuple[int, list[tuple[int, list[bytes]]]]:
        """Return which sounds several files hold: see `Files.copies`."""
        return self._files.copies(most)

    def analysed_files(self) -> Iterator[tuple[bytes, int]]:
        """Yield path and sound's row of every analysed file, by path; for exports, not for serving."""
        return self._files.analysed()

    def slices(self) -> Iterator[tuple[bytes, int]]:
        """Yield path and row of every slice, by path of its parent's first file, then in time."""
        sound = self._snapshot.sound
        rows = np.flatnonzero(sound["parent_row"] >= 0)
        order = np.lexsort((sound["frames"][rows, 0], sound["sound_entry"][rows]))
        for row in rows[order].tolist():
            yield self._snapshot.text["path"][int(sound["sound_entry"][row])], row

    def slices_of(self, row: int) -> list[int]:
        """Return the rows of the slices of the sound in a row, in time."""
        sound = self._snapshot.sound
        rows = np.flatnonzero(sound["parent_row"] == row)
        ordered: list[int] = rows[np.argsort(sound["frames"][rows, 0], kind="stable")].tolist()
        return ordered

    def id_of_uid(self, uid: str) -> int | None:
        """Return the id of the sound of a uid, None if it isn't there.

        The uid of a slice that isn't found at these very frames any more stands for the slice of the same
        sound that it overlaps most.
        """
        whole, is_of_slice, frames = uid.partition(":")
        raw = whole.encode("utf-8", "replace")
        if len(raw) != _UID_CHARACTERS:
            return None
        first, second = np.frombuffer(raw, np.uint64)
        rows = np.flatnonzero(self._uid[:, 0] == first)
        rows = rows[self._uid[rows, 1] == second]
        parts = self._snapshot.sound["parent_row"][rows] >= 0
        if is_of_slice:
            return self._id_of_slice(rows[parts], frames)
        return int(self.ids[rows[~parts]][0]) if not parts.all() else None

    def _id_of_slice(self, rows: NDArray[np.intp], frames: str) -> int | None:
        wanted = _FRAMES.fullmatch(frames)
        if wanted is None or len(rows) == 0:
            return None
        start, end = int(wanted[1]), int(wanted[2])
        starts, ends = self._snapshot.sound["frames"][rows].T
        overlap = np.minimum(ends, end) - np.maximum(starts, start)
        same = (starts == start) & (ends == end)
        best = int(np.argmax(np.where(same, np.iinfo(np.int64).max, overlap)))
        return int(self.ids[rows[best]]) if overlap[best] > 0 else None

    # Searches

    def near_xy(
        self, x: float, y: float, k: int, selection: Selection | None = None, view: str = NATURAL
    ) -> Nearest:
        """Find the sounds nearest to a point of the map in a view; see `PlaceSearch.nearest`."""
        return self.places(view).nearest(x, y, k, None if selection is None else selection.sound)

    def similar(
        self,
        vector: Float32Array,
        k: int,
        selection: Selection | None = None,
        without: int | None = None,
        weights: Weights = EVEN,
    ) -> Nearest:
        """Find the sounds nearest to a vector in the space of similarity.

        Parameters
        ----------
        vector : ndarray of float32, shape (d,)
            Finite.
        k : int
            How many at most.
        selection : Selection, optional
            Of this corpus; everything by default.
        without : int, optional
            A row that is left out: the sound that is asked about.
        weights : Weights
            How much each aspect counts; uneven ones only if the corpus `has_aspects`.

        Returns
        -------
        Nearest
            By rising distance, then id.
        """
        keep = None if selection is None else selection.sound
        # what is no aspect has no weight
        factors = None if weights == EVEN else (*weights, *[1.0] * (len(self._blocks()) - len(weights)))
        found = self._sounds.nearest(vector, k + (without is not None), keep, factors)
        others = found.rows != (-1 if without is None else without)
        return Nearest(found.rows[others][:k], found.distance[others][:k])

    def find(self, text: str, k: int, selection: Selection | None = None) -> list[int]:
        """Find sounds and waiting files by name: the ids of `find_files`."""
        return list(self.find_files(text, k, selection))

    def find_files(self, text: str, k: int, selection: Selection | None = None) -> dict[int, bytes]:
        """Find files by name, analysed or waiting.

        Parameters
        ----------
        text : str
            Words split at blanks; all of them occur in a found file's path below its watched
            folder, in any case. No word finds every file.
        k : int
            How many ids at most.
        selection : Selection, optional
            Of this corpus; everything by default.

        Returns
        -------
        dict of int to bytes
            Ids of sounds and reserved ids, each with the path of the file that was found, of
            several the best: words in the file's own name before words in folder names, whole
            words before parts of words, then by id.
        """
        index, rank = self._names.search(query_words(text))
        if selection is not None:
            kept = selection.entry[index]
            index, rank = index[kept], rank[kept]
        ids, paths = self._snapshot.entry["entry_id"], self._snapshot.text["path"]
        key = (rank << _ID_BITS) | ids[index]
        wanted = 2 * k
        while True:  # several files of one sound count once
            few = np.argpartition(key, wanted - 1)[:wanted] if wanted < len(key) else np.arange(len(key))
            files = index[few[np.lexsort((few, key[few]))]]
            best: dict[int, int] = {}
            for sound_id, file in zip(ids[files].tolist(), files.tolist(), strict=True):
                best.setdefault(sound_id, file)
            if len(best) >= k or wanted >= len(key):
                return {sound_id: paths[file] for sound_id, file in islice(best.items(), k)}
            wanted *= 4

    def select(self, filters: Filters) -> Selection | None:
        """Return what filters keep, None if they keep everything.

        Parameters
        ----------
        filters : Filters
            Its kinds must be known ones.
        """
        return select(self._snapshot, self._files, filters)
