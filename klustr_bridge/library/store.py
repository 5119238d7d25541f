"""The store: the single owner of the library file.

This module owns every way to read or change the library. Each change is one transaction: a kill at
any moment leaves the library before it or after it. It must not decode audio, walk folders or lay out.
"""

import contextlib
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from klustr_bridge.library import (
    annotations,
    candidates,
    database,
    even,
    folders,
    heard_kinds,
    hearing,
    listing,
    slices,
    vectors,
)
from klustr_bridge.library.rows import (
    AddedFolder,
    Candidate,
    Committed,
    Counts,
    Embeddings,
    Epoch,
    Folder,
    FolderState,
    NamedKind,
    NotedFiles,
    Place,
)
from klustr_bridge.library.spaces import want_hearing
from klustr_bridge.library.view import View
from klustr_bridge.types import FileStamp, Float32Array, FoundFile, Int32Array, Outcome


class Store:
    """An open library. Made by `open`; to be used by the thread that opened it.

    A *file* is a path, a *sound* is distinct audio that any number of files hold. A sound is *live*
    while a file of a folder that is not absent holds it, else *dormant*: it keeps its id, uid,
    position, favourite and kind, and has them again when its audio comes back. A *slice* is a sound within
    another one, its parent: live with it if the library shows slices, and if it was found at last.

    Every method raises `LibraryError` where the file can't be read or written.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self.path = path
        with self.view() as view:
            self.library_id: str = view.library_id

    @classmethod
    def open(cls, path: Path, *, writable: bool = True) -> Self:
        """Open a library file; a writable one is made if missing, and brought up to date.

        Parameters
        ----------
        path : Path
            The library file. A missing or empty one is new.
        writable : bool
            False never changes the file.

        Raises
        ------
        LibraryError
            The file is no klustr library, comes from a newer release (both are left as they are), or
            can't be opened.
        """
        return cls(database.open_database(path, writable=writable), path)

    def close(self) -> None:
        """Close the file; closing twice does no harm."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _writing(self) -> contextlib.AbstractContextManager[database.Transaction]:
        return database.writing(self._connection)

    @contextlib.contextmanager
    def view(self) -> Iterator[View]:
        """One unchanging state of the library for the length of a ``with`` block."""
        with database.reading(self._connection) as connection:
            yield View(connection)

    @property
    def generation(self) -> int:
        """Rises by one with every committed change of what a snapshot shows."""
        with self.view() as view:
            return view.generation

    # Folders

    def folders(self) -> list[Folder]:
        """Watched folders, sorted by path."""
        with self.view() as view:
            return view.folders()

    def add_folder(self, path: bytes) -> AddedFolder:
        """Watch a folder from now on; it need not exist at this moment.

        Parameters
        ----------
        path : bytes
            Made absolute and plain (see `paths.normalise`).

        Returns
        -------
        AddedFolder
            A folder below a watched one is covered by it; watched folders below the new one are absorbed
            with all their files, analysed as they are.
        """
        with self._writing() as transaction:
            return folders.add(transaction, path)

    def remove_folder(self, path: bytes) -> int:
        """Watch a folder no more and forget its files; how many files those were.

        Raises
        ------
        LibraryError
            It is not a watched folder.
        """
        with self._writing() as transaction:
            return folders.remove(transaction, path)

    def set_folder_state(self, path: bytes, state: FolderState) -> None:
        """Say whether a folder is ``watched``, ``polled`` or ``absent``; its files stay listed in any case.

        Raises
        ------
        LibraryError
            It is not a watched folder, or there is no such state.
        """
        with self._writing() as transaction:
            folders.set_state(transaction, path, state)

    # Files

    def known_files(self, folder: bytes) -> dict[bytes, FileStamp]:
        """Stamps of all files listed below a folder (a watched one or any below it), sorted by path."""
        with self.view() as view:
            return listing.known_files(view.connection, folder)

    def note_files(
        self, found: Iterable[tuple[FoundFile, NamedKind | str]], *, gone: Collection[bytes] = ()
    ) -> NotedFiles:
        """Bring the list of files in line with what was found.

        A file is unchanged while its size and time of modification are: inodes and device numbers alone
        are given anew by some file systems at every mount. A new or changed file becomes pending and gets
        an id at once. A file whose whole stamp (inode, device, size, time) is that of a known file that
        is no longer at its path has been moved: it takes over all that is known of it, without analysis.

        Parameters
        ----------
        found : iterable of (FoundFile, (str, str))
            Files with their kinds by name, as `sound.kinds.kind_of_path` tells them; a kind alone counts as
            told by the file's own name. Files in no watched folder are passed over.
        gone : collection of bytes
            Known paths where no file is any more: forgotten, unless they turn out to have moved.

        Returns
        -------
        NotedFiles
            How many of each.
        """
        with self._writing() as transaction:
            return listing.note(transaction, found, gone)

    def forget_files(self, gone: Iterable[bytes]) -> int:
        """Forget files by path; how many were known. Their sounds stay."""
        with self._writing() as transaction:
            return listing.forget(transaction, gone)

    def forget_under(self, directory: bytes) -> int:
        """Forget all files below a directory; how many were known. Their sounds stay."""
        with self._writing() as transaction:
            return listing.forget_under(transaction, directory)

    def take_pending(self, limit: int, exclude: Collection[bytes] = ()) -> list[FoundFile]:
        """Files to analyse next: those never analysed first, then in the order they were met.

        Parameters
        ----------
        limit : int
            At most so many.
        exclude : collection of bytes
            Paths being analysed already. The store keeps no note of what was handed out.

        Returns
        -------
        list of FoundFile
            With the stamps that the outcomes are to carry.
        """
        with self.view() as view:
            return listing.pending(view.connection, limit, exclude)

    def count_pending(self) -> int:
        """Files that `take_pending` could give."""
        with self.view() as view:
            return listing.count_pending(view.connection)

    def requeue_outdated(self, analysis_version: int) -> int:
        """Make pending one file of every live sound that an older release has analysed; how many.

        The sounds stay live, with what is known of them, until their new analysis is committed.
        """
        with self._writing() as transaction:
            return listing.requeue_outdated(transaction, analysis_version)

    def has_refused(self, ending: str) -> bool:
        """Whether there are refused files whose reason ends so."""
        with self.view() as view:
            return hearing.has_refused(view.connection, ending)

    def requeue_refused(self, ending: str) -> int:
        """Make the refused files pending whose reason ends so; how many."""
        with self._writing() as transaction:
            return hearing.requeue_refused(transaction, ending)

    # Sounds

    def commit_outcomes(
        self, outcomes: Sequence[Outcome], *, analysis_version: int, place: Place | None = None
    ) -> Committed:
        """Take in what analysis found, in one transaction.

        An outcome whose file was forgotten or has changed since is dropped. Audio that is known joins its
        sound, and measures it anew if the sound's analysis is older; its position stays.

        Parameters
        ----------
        outcomes : sequence of Outcome
            Any number of them may hold the same audio.
        analysis_version : int
            The version that made them.
        place : callable, optional
            Gives positions to new sounds, and to revived ones that have none; None while there is no epoch.

        Returns
        -------
        Committed
            What has changed.
        """
        with self._writing() as transaction:
            return hearing.commit(transaction, outcomes, analysis_version, place)

    def embeddings(self, *, dormant: bool = False) -> Embeddings:
        """Ids, embeddings and positions of the live sounds, or with `dormant` of all, by rising id.

        While a library is heard anew, what the embeddings of all have in common is read: see `spaces`.
        """
        with self.view() as view:
            return hearing.read_embeddings(view.connection, dormant=dormant)

    def epoch(self) -> Epoch | None:
        """The layout in force, or None before the first one."""
        with self.view() as view:
            return view.epoch()

    def write_epoch(
        self,
        method: str,
        seed: int,
        ids: Int32Array,
        xy: Float32Array,
        scores: Mapping[str, float],
        *,
        place: Place | None = None,
        even_side: int = 0,
    ) -> Epoch:
        """Begin a new epoch: all positions of the old one go, in one transaction.

        Parameters
        ----------
        method, seed
            How it was fitted.
        ids : ndarray of int32, shape (n,)
            The sounds that took part.
        xy : ndarray of float32, shape (n, 2) or (n, 4)
            Their positions, 0..1, and beside them the even ones.
        scores : mapping
            How good the fit is.
        place : callable, optional
            Places live sounds that took no part (heard while the fit was running). Dormant ones are
            placed when they come back.
        even_side : int
            Cells along one side of the lattice of the even positions; 0 where there are none.

        Returns
        -------
        Epoch
            The new one.
        """
        with self._writing() as transaction:
            return hearing.write_epoch(transaction, method, seed, ids, xy, scores, place, even_side)

    def candidate(self) -> Candidate | None:
        """The map that waits to be taken or dropped, or None."""
        with self.view() as view:
            return candidates.read(view.connection)

    def keep_candidate(self, candidate: Candidate) -> None:
        """Have a map wait to be taken or dropped, in the place of one that does; nothing in force moves."""
        with self._writing() as transaction:
            candidates.keep(transaction, candidate)

    def drop_candidate(self) -> bool:
        """Forget the candidate; whether there was one. A new epoch drops it, too."""
        with self._writing() as transaction:
            return candidates.drop(transaction)

    def positions(self) -> tuple[Int32Array, Float32Array]:
        """Ids, rising, and positions of all sounds that have one, dormant ones and slices too.

        Shapes (n,) and (n, 4): the natural position, then the even one, NaN where there is none.
        """
        with self.view() as view:
            return even.positions(view.connection)

    def missing_even(self) -> tuple[Int32Array, Float32Array]:
        """Ids, rising, and natural positions of the live sounds that have no even position beside it."""
        with self.view() as view:
            return even.missing(view.connection)

    def write_even(self, ids: Int32Array, xy: Float32Array, *, side: int | None = None) -> None:
        """Give placed sounds even positions; natural ones stay.

        Parameters
        ----------
        ids : ndarray of int32, shape (n,)
            Sounds with a natural position.
        xy : ndarray of float32, shape (n, 2)
            Their even positions, 0..1.
        side : int, optional
            Cells along one side of the lattice, for an epoch that had no even view yet.
        """
        with self._writing() as transaction:
            even.write(transaction, ids, xy, side)

    def clear_dormant_even(self) -> int:
        """Give up the even positions of dormant sounds, so that others can have them; how many."""
        with self._writing() as transaction:
            return even.clear_dormant(transaction)

    def place_missing(self, place: Place) -> list[int]:
        """Place the live sounds without a position (absent at the last fit); their ids."""
        with self._writing() as transaction:
            return hearing.place_missing(transaction, place)

    def count_placed(self) -> int:
        """Live sounds that were placed on the map since its fit, rather than fitted."""
        with self.view() as view:
            return hearing.count_placed(view.connection)

    def set_favourite(self, sound_id: int, favourite: bool) -> None:
        """Mark a sound as favourite or not.

        Raises
        ------
        LibraryError
            There is no sound of that id.
        """
        with self._writing() as transaction:
            annotations.set_favourite(transaction, sound_id, favourite)

    def set_kind(self, sound_id: int, kind: str | None) -> None:
        """Set the user's own kind for a sound, which wins over file names; None takes it back.

        Raises
        ------
        LibraryError
            There is no sound of that id.
        """
        with self._writing() as transaction:
            annotations.set_kind(transaction, sound_id, kind)

    def set_heard_kinds(
        self,
        heard: Sequence[heard_kinds.HeardKind],
        *,
        told_by: heard_kinds.ToldBy | None = None,
        last: bool = True,
    ) -> None:
        """Keep the kinds heard in sounds, which count where neither the user nor a name tells one.

        Parameters
        ----------
        heard : sequence of HeardKind
            A portion of them.
        told_by : ToldBy, optional
            What told them, if these are all sounds without a name.
        last : bool
            Whether it is the last portion, with which all of them are shown.
        """
        with self._writing() as transaction:
            heard_kinds.write(transaction, heard, told_by=told_by, last=last)

    @property
    def has_settled(self) -> bool:
        """Whether everything found had been heard, and laid out well, at some time before."""
        with self.view() as view:
            return view.text("settled") == "1"

    def note_settled(self) -> None:
        """Keep that everything found has been heard and laid out well."""
        with self._writing() as transaction:
            transaction.execute("UPDATE meta SET value = 1 WHERE key = 'settled'")

    @property
    def strayed_on(self) -> int:
        """Number of the last universal epoch on which sounds were placed among their neighbours; 0: none."""
        with self.view() as view:
            row = view.connection.execute("SELECT value FROM meta WHERE key = 'strayed_on'").fetchone()
        return 0 if row is None else int(row[0])

    def note_strayed_on(self, epoch: int) -> None:
        """Keep that sounds may be placed among their neighbours on a universal epoch."""
        if epoch and epoch != self.strayed_on:
            with self._writing() as transaction:
                transaction.execute("INSERT OR REPLACE INTO meta VALUES ('strayed_on', ?)", (epoch,))

    def show_slices(self, on: bool) -> None:
        """Have the slices that were found be live with their parents, or keep them for later."""
        with self._writing() as transaction:
            slices.show(transaction, on)

    def hear_by(self, hearing: str) -> None:
        """Say which of `spaces.HEARINGS` the library is to hear by; what was heard stays for later."""
        with self._writing() as transaction:
            want_hearing(transaction, hearing)

    def give_vectors(self, given: vectors.Vectors) -> None:
        """Have the library go by vectors from elsewhere, in the place of those before, in one transaction.

        They are scaled together, so that they say `vectors.DOMINANCE` times as much as the engineered numbers
        that stand before them in a row.

        Raises
        ------
        LibraryError
            Where they are all the same, aren't finite, or a sound is unknown; nothing is changed then.
        """
        with self._writing() as transaction:
            vectors.put(transaction, given)

    def drop_vectors(self) -> bool:
        """Have the library go by what it hears itself again; whether it went by vectors."""
        with self._writing() as transaction:
            return vectors.drop(transaction)

    # The whole

    def counts(self) -> Counts:
        """How much there is, absent folders left out."""
        with self.view() as view:
            return view.counts()

    def kind_counts(self) -> dict[tuple[str, str], int]:
        """How many live sounds are of each source and kind.

        Sources are ``user``, ``name`` (of a file or folder), ``sound``, and an empty one where nothing tells.
        """
        with self.view() as view:
            return heard_kinds.count_by_source(view.connection)

    def problems(self, limit: int = -1, offset: int = 0) -> list[tuple[bytes, str]]:
        """Refused files and why, sorted by path; a negative limit is none."""
        with self.view() as view:
            return view.problems(limit, offset)

    def backup(self, to: Path) -> None:
        """Copy the library as it is now to another file, which appears whole or not at all.

        Raises
        ------
        LibraryError
            `to` is the library itself, or can't be written.
        """
        database.copy_database(self._connection, to)
