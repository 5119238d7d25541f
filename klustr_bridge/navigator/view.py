"""The published corpus as the navigator asks it: rows in, results out.

This module owns one corpus together with the selections made of it, so that both are swapped
in one step. It must not know players or the librarian.
"""

import math
import os

import numpy as np

from klustr_bridge.corpus import EVEN, Corpus, Entry, Filters, Nearest, Selection
from klustr_bridge.errors import QueryError
from klustr_bridge.library.hearings import EXTERNAL
from klustr_bridge.library.paths import to_export
from klustr_bridge.navigator.results import NO_PLACE, Hit, Info, Neighbour
from klustr_bridge.navigator.state import ClientState
from klustr_bridge.types import VIEWS, Float32Array

_MOST_SELECTIONS = 64


class View:
    """A corpus and what clients' filters keep of it.

    Parameters
    ----------
    corpus : Corpus
        Never changes.
    """

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self._selections: dict[Filters, Selection | None] = {}

    def selection(self, filters: Filters) -> Selection | None:
        """Return what filters keep, None for everything; equal filters are worked out once."""
        if filters not in self._selections:
            if len(self._selections) >= _MOST_SELECTIONS:
                self._selections.clear()
            self._selections[filters] = self.corpus.select(filters)
        return self._selections[filters]

    def require_files(self) -> None:
        """Raise ``notready`` before the first snapshot."""
        if not self.corpus.library_id:
            raise QueryError("notready", "the library is still being opened; ask again in a second")

    def require_sounds(self) -> None:
        """Raise ``notready`` while no sound is analysed."""
        self.require_files()
        if len(self.corpus) == 0:
            n_files = self.corpus.n_pending
            waiting = "1 file waits" if n_files == 1 else f"{n_files} files wait"
            raise QueryError("notready", f"no sound is analysed yet, {waiting}")

    def require_map(self, map_view: str) -> None:
        """Raise ``notready`` while no sound has a place in a view of the map."""
        self.require_sounds()
        if len(self.corpus.places(map_view)) == 0:
            done = "1 sound is" if len(self.corpus) == 1 else f"{len(self.corpus)} sounds are"
            raise QueryError("notready", f"{done} analysed, but there is no map yet")

    def entry(self, sound_id: int) -> Entry:
        """Return the file that stands for an id, or raise ``notfound``."""
        entry = self.corpus.entry(sound_id)
        if entry is None:
            self.require_files()
            raise QueryError(
                "notfound", f"no sound has the id {sound_id}; ids come from near, similar, find or points"
            )
        return entry

    def row(self, sound_id: int) -> int:
        """Return an analysed sound's row, or raise ``notfound``, or ``notready`` while it waits."""
        entry = self.entry(sound_id)
        if entry.row is None:
            raise QueryError("notready", f"the file of id {sound_id} waits for its analysis; ask again later")
        return entry.row

    def heard_row(self, sound_id: int) -> int:
        """Return the row of a sound with an embedding; raise ``notfound``, or ``notready`` while it waits."""
        row = self.row(sound_id)
        if not self.corpus.is_heard(row) and self.corpus.hearing == EXTERNAL:
            raise QueryError(
                "notready", f"the sound {sound_id} has no vector; klustr-bridge embed gives some"
            )
        if not self.corpus.is_heard(row):
            raise QueryError("notready", f"the sound {sound_id} waits to be analysed anew; ask again later")
        return row

    def require_own_hearing(self) -> None:
        """Raise ``notready`` where the library goes by vectors of another program: no other file has any."""
        if self.corpus.hearing == EXTERNAL:
            raise QueryError(
                "notready",
                "the library goes by vectors of another program, which other files don't have: ask by a "
                "sound that has one, or klustr-bridge embed --remove",
            )

    def require_aspects(self) -> None:
        """Raise ``notready`` while the sounds are those of another release, whose aspects aren't known."""
        if not self.corpus.has_aspects:
            raise QueryError(
                "notready",
                "the library was analysed by another release and is analysed anew; ask again later",
            )

    def similar(
        self, client: ClientState, vector: Float32Array, k: int, without: int | None = None
    ) -> list[Neighbour]:
        """Return the sounds nearest to a vector, as the client narrows and weighs."""
        if client.weights != EVEN:
            self.require_aspects()
        selection = self.selection(client.filters)
        return self.neighbours(self.corpus.similar(vector, k, selection, without, client.weights), client)

    def near(self, client: ClientState, x: float, y: float, k: int) -> list[Neighbour]:
        """Return the sounds nearest to a point of the map, as the client narrows and views it."""
        self.require_map(client.view)
        found = self.corpus.near_xy(x, y, k, self.selection(client.filters), client.view)
        return self.neighbours(found, client)

    def draw(self, client: ClientState, last_id: int) -> int | None:
        """Draw one of the client's sounds by chance, not the last if there are others; None of none."""
        self.require_map(client.view)
        selection, placed = self.selection(client.filters), self.corpus.places(client.view).placed
        rows = np.flatnonzero(placed if selection is None else placed & selection.sound)
        last = self.corpus.row_of(last_id)
        if last is not None and len(rows) > 1:
            rows = rows[rows != last]
        return int(rows[client.chance.randrange(len(rows))]) if len(rows) else None

    def hit(self, cursor: int, row: int, distance: float, view: str, origin: str) -> Hit:
        """Return the Hit of a cursor in a view."""
        places = {each: self.place(row, each) for each in VIEWS}
        return Hit(cursor, int(self.corpus.ids[row]), *places[view], distance, origin, places)

    def place(self, row: int, view: str) -> tuple[float, float]:
        """Return where the sound in a row stands in a view of the map."""
        x, y = self.corpus.places(view).xy[row].tolist()
        return (NO_PLACE, NO_PLACE) if math.isnan(x) else (x, y)

    def id_of_uid(self, uid: str) -> int:
        """Return the id of a uid's sound, or raise ``notfound``."""
        sound_id = self.corpus.id_of_uid(uid)
        if sound_id is None:
            self.require_files()
            raise QueryError("notfound", f"no present sound has the uid {uid!r}")
        return sound_id

    def id_of_path(self, path: bytes) -> int:
        """Return the id that a library file stands for, or raise ``notfound``."""
        sound_id = self.corpus.id_of_path(path)
        if sound_id is None:
            self.require_files()
            raise QueryError(
                "notfound", f"{to_export(path)!r} is not a file of the library; similar/file hears any file"
            )
        return sound_id

    def neighbours(self, found: Nearest, client: ClientState) -> list[Neighbour]:
        """Return the found rows as results, with their places in the client's view."""
        ids = self.corpus.ids[found.rows].tolist()
        xy = self.corpus.places(client.view).xy[found.rows].tolist()
        places = [(NO_PLACE, NO_PLACE) if math.isnan(x) else (x, y) for x, y in xy]
        rows = zip(ids, found.distance.tolist(), places, strict=True)
        return [Neighbour(sound_id, distance, x, y) for sound_id, distance, (x, y) in rows]

    def info(self, sound_id: int, map_view: str) -> Info:
        """Return all that is known of an id, or raise ``notfound``."""
        corpus, entry = self.corpus, self.entry(sound_id)
        name_text = os.path.basename(entry.path).decode("utf-8", "replace")
        if entry.row is None:
            return Info(
                id=sound_id,
                state="pending",
                uid="",
                name=name_text,
                kind=entry.kind,
                kind_source=entry.kind_source,
                kind_confidence=entry.kind_confidence,
                x=NO_PLACE,
                y=NO_PLACE,
            )
        row = entry.row
        x, y = self.place(row, map_view)
        start_s, end_s = corpus.span_s(row)
        return Info(
            id=sound_id,
            state="unplaced" if x == NO_PLACE else "ready",
            uid=corpus.uid(row),
            name=name_text,
            kind=entry.kind,
            kind_source=entry.kind_source,
            kind_confidence=entry.kind_confidence,
            x=x,
            y=y,
            duration_s=self.measure("duration_s", row),
            loudness_db=self.measure("loudness_db", row),
            pitch_hz=self.measure("pitch_hz", row),
            pitch_confidence=self.measure("pitch_confidence", row),
            brightness_hz=self.measure("brightness_hz", row),
            stereo_width=self.measure("stereo_width", row),
            is_loop=corpus.is_loop(row),
            tempo_bpm=self.measure("tempo_bpm", row),
            favourite=corpus.is_favourite(row),
            start_s=start_s,
            end_s=end_s,
        )

    def measure(self, name: str, row: int) -> float:
        """Return one measured number of a sound."""
        return float(self.corpus.column(name)[row])
