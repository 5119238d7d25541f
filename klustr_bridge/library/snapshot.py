"""Snapshots: what the library shows, as arrays in files that readers map into memory.

This module owns the format of a snapshot and its writing. A snapshot never changes once it is in
place: an array that is the same as in the snapshot before is a hard link to that one's file. It must not
be needed to mend anything: any snapshot can be made again from the store.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import compress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import LibraryError
from klustr_bridge.library import paths
from klustr_bridge.library.kind_sources import CONFIDENCE, KIND_SOURCES
from klustr_bridge.library.rows import EMBEDDING_SCORE
from klustr_bridge.library.store import Store
from klustr_bridge.library.view import Sounds, View
from klustr_bridge.sound.kinds import KIND_CODES
from klustr_bridge.types import Float32Array, Int32Array

SNAPSHOT_FORMAT = 3

_META = "meta.json"
_KEPT = 2
_ABANDONED_AFTER_S = 600.0
_COPIED_AT_ONCE = 1 << 20

UInt8Array = NDArray[np.uint8]


def write_snapshot(store: Store, directory: Path, *, prune: bool = True) -> Path:
    """Write the library's present state as a snapshot, unless it is there already.

    Parameters
    ----------
    store : Store
        The library.
    directory : Path
        Holds the snapshots; made if missing.
    prune : bool
        Whether all but the newest two of the library are removed, as far as the system lets them go
        (Windows holds on to mapped files). Only the library's writer may: to a reader that is a little
        late the newest looks like one that a restored backup has undone.

    Returns
    -------
    Path
        ``directory/<library_id>-<generation>``, a directory of ``.npy`` files and ``meta.json``.

    Raises
    ------
    LibraryError
        The library can't be read, or the snapshot can't be written.
    """
    try:
        with store.view() as view:
            place = directory / f"{view.library_id}-{view.generation}"
            if _is_complete(place, view.token):
                return place
            directory.mkdir(parents=True, exist_ok=True)
            aside = directory / f".{place.name}.{os.getpid()}-{secrets.token_hex(4)}"
            aside.mkdir()
            try:
                _write(view, _Arrays(aside, newest_snapshot(directory, view.library_id)))
                if _is_complete(place, view.token):  # another process was quicker; its readers have it
                    return place
                _put_aside(place)  # of the same number: torn, or from before a power cut
                aside.rename(place)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
        if prune:
            _remove_older(directory, store.library_id, place)
    except OSError as error:
        raise LibraryError(f"can't write a snapshot in {directory}: {error.strerror or error}") from error
    return place


def newest_snapshot(directory: Path, library_id: str) -> Path | None:
    """Newest complete snapshot of a library, whatever its state is now; None if there is none."""
    return next((path for path in _snapshots(directory, library_id) if _is_complete(path, None)), None)


class _Arrays:
    """The files of a snapshot that is being written.

    Parameters
    ----------
    place : Path
        The directory it is written in.
    before : Path or None
        The snapshot before it.
    """

    def __init__(self, place: Path, before: Path | None) -> None:
        self.place = place
        self._before = before

    def save(self, name: str, array: NDArray[Any]) -> None:
        """Write one array."""
        with self.open(name) as file:
            np.save(file, array)

    @contextlib.contextmanager
    def open(self, name: str) -> "Iterator[_Array]":
        """Write one file in pieces."""
        file = _Array(self.place / name, self._before and self._before / name)
        try:
            yield file
            file.finish()
        finally:
            file.close()


class _Array:
    """A file in the making: nothing is written as long as it is the same as the file before it.

    Of ten favourites set one after another in a library of 60,000 sounds each would otherwise write
    the 31 MB of all arrays for the one byte that is new.
    """

    def __init__(self, path: Path, before: Path | None) -> None:
        self._path = path
        self._before = before
        self._old: BinaryIO | None = None
        self._new: BinaryIO | None = None
        self._n_same = 0
        with contextlib.suppress(OSError):
            self._old = before.open("rb") if before is not None else None

    def write(self, data: bytes) -> None:
        """Take the next piece."""
        if self._new is None:
            if self._old is not None and self._old.read(len(data)) == data:
                self._n_same += len(data)
                return
            self._begin()
        assert self._new is not None
        self._new.write(data)

    def finish(self) -> None:
        """Have the file in place: the one before it under another name, if nothing is new."""
        if self._new is None and self._before is not None and self._old is not None and not self._old.read(1):
            with contextlib.suppress(OSError):  # a file system without links
                os.link(self._before, self._path)
                return
        if self._new is None:
            self._begin()

    def close(self) -> None:
        """Close what is open."""
        for file in (self._old, self._new):
            if file is not None:
                file.close()

    def _begin(self) -> None:
        self._new = self._path.open("wb")
        if self._old is not None:
            self._old.seek(0)
            for start in range(0, self._n_same, _COPIED_AT_ONCE):
                self._new.write(self._old.read(min(_COPIED_AT_ONCE, self._n_same - start)))


def _write(view: View, directory: _Arrays) -> None:
    entries = _Entries.read(view)
    entries.save(directory)
    ids, first = np.unique(entries.sound_id[entries.sound_id > 0], return_index=True)
    rows_with_sound = np.flatnonzero(entries.sound_id > 0).astype(np.int32)
    sound_entry = rows_with_sound[first] if len(ids) else np.empty(0, np.int32)
    ids, parent_row, sound_entry = _with_slices(view, ids.astype(np.int32), sound_entry)
    directory.save("sound_entry.npy", sound_entry)
    directory.save("parent_row.npy", parent_row)
    version = _write_sounds(view, directory, ids, _Kinds.by_name(entries, ids))
    problems = view.problems()
    _save_strings(directory, "problem_path", [path for path, _ in problems])
    _save_strings(directory, "problem_reason", [reason.encode("utf-8", "replace") for _, reason in problems])
    epoch, counts = view.epoch(), view.counts()
    candidate = _write_candidate(view, directory, ids)
    meta = {
        "format": SNAPSHOT_FORMAT,
        "library_id": view.library_id,
        "generation": view.generation,
        "token": view.token,
        "analysis_version": version,
        "epoch": 0 if epoch is None else epoch.number,
        "scores": {} if epoch is None else shown_scores(epoch.scores),
        "hearing": view.space.hearing,
        "space": view.space.mark,
        "candidate": candidate,
        "n_files": counts.files,
        "n_sounds": counts.sounds,
        "n_pending": counts.pending,
        "n_refused": counts.refused,
        "folders": [
            {"path": paths.to_export(folder.path), "n_files": folder.n_files, "state": folder.state}
            for folder in view.folders()
        ],
        "bytes": {path.name: path.stat().st_size for path in sorted(directory.place.iterdir())},
    }
    (directory.place / _META).write_text(json.dumps(meta, indent=1), encoding="utf-8")


def _with_slices(
    view: View, ids: Int32Array, sound_entry: Int32Array
) -> tuple[Int32Array, Int32Array, Int32Array]:
    """Ids of all live sounds, rising; the rows of slices' parents, -1 for whole sounds; entries of all."""
    slice_ids, parents = view.live_slices()
    together = np.concatenate((ids, slice_ids))
    order = np.argsort(together, kind="stable")
    rows = np.empty(len(order), np.int32)
    rows[order] = np.arange(len(order), dtype=np.int32)
    at = np.searchsorted(ids, parents)
    parent_row = np.concatenate((np.full(len(ids), -1, np.int32), rows[at]))
    return together[order], parent_row[order], np.concatenate((sound_entry, sound_entry[at]))[order]


@dataclass(frozen=True)
class _Entries:
    """The entries of a snapshot as arrays; `sound_id` is 0 where a file has no sound yet."""

    entry_id: Int32Array
    sound_id: Int32Array
    kind: UInt8Array
    kind_source: UInt8Array
    paths: bytes
    path_lengths: list[int]
    names: list[bytes]

    @classmethod
    def read(cls, view: View) -> "_Entries":
        entry_ids: list[int] = []
        sound_ids: list[int] = []
        kinds: list[int] = []
        sources: list[int] = []
        blobs: list[bytes] = []
        lengths: list[int] = []
        names: list[bytes] = []
        cut = {folder.path: len(paths.with_separator(folder.path)) for folder in view.folders()}
        for chunk in view.entries():
            sound_ids += [sound or 0 for sound in chunk.sound_id]
            entry_ids += [
                sound or other or 0 for sound, other in zip(chunk.sound_id, chunk.reserved_id, strict=True)
            ]
            kinds += [KIND_CODES.get(kind, 0) for kind in chunk.kind]
            sources += map(KIND_SOURCES.index, chunk.kind_source)
            blobs.append(b"".join(chunk.path))
            lengths += map(len, chunk.path)
            names.append(
                _search_names([path[cut[at] :] for path, at in zip(chunk.path, chunk.folder, strict=True)])
            )
        return cls(
            np.array(entry_ids, np.int32),
            np.array(sound_ids, np.int32),
            np.array(kinds, np.uint8),
            np.array(sources, np.uint8),
            b"".join(blobs),
            lengths,
            names,
        )

    def save(self, directory: _Arrays) -> None:
        directory.save("entry_id.npy", self.entry_id)
        directory.save("entry_state.npy", (self.sound_id == 0).astype(np.uint8))
        directory.save("entry_kind.npy", self.kind)
        directory.save("entry_kind_source.npy", self.kind_source)
        directory.save("path_bytes.npy", np.frombuffer(self.paths, np.uint8))
        directory.save("path_offset.npy", _offsets(self.path_lengths))
        names = np.frombuffer(b"".join(self.names), np.uint8)
        ends = np.flatnonzero(names == ord("\n")).astype(np.int64) + 1
        directory.save("name_bytes.npy", names)
        directory.save("name_offset.npy", np.concatenate((np.zeros(1, np.int64), ends)))


def _search_names(relative: Sequence[bytes]) -> bytes:
    """Names as they are searched, one a line: decoded and folded all at once, which is 10 times as fast."""
    lines = b"\n".join([name.replace(b"\n", b" ") for name in relative]) + b"\n"
    return lines.decode("utf-8", "replace").casefold().encode("utf-8")


@dataclass(frozen=True)
class _Kinds:
    """Kind of each sound, where it comes from and how sure it is: arrays of a snapshot."""

    kind: UInt8Array
    source: UInt8Array
    confidence: Float32Array

    @classmethod
    def by_name(cls, entries: _Entries, ids: Int32Array) -> "_Kinds":
        """What names tell: the first file by path whose own name does, else whose folder's does."""
        kinds = cls(
            np.zeros(len(ids), np.uint8), np.zeros(len(ids), np.uint8), np.zeros(len(ids), np.float32)
        )
        rows = np.flatnonzero((entries.sound_id > 0) & (entries.kind > 0))
        rows = rows[np.argsort(entries.kind_source[rows] != KIND_SOURCES.index("file"), kind="stable")]
        known, first = np.unique(entries.sound_id[rows], return_index=True)
        at = np.searchsorted(ids, known)
        kinds.kind[at] = entries.kind[rows[first]]
        kinds.source[at] = entries.kind_source[rows[first]]
        sure = np.array([CONFIDENCE.get(source, 0.0) for source in KIND_SOURCES], np.float32)
        kinds.confidence[:] = sure[kinds.source]
        return kinds

    def take(self, sounds: Sounds, row: int) -> None:
        """Take in what the user says of sounds, the first of them in `row`, and what was heard in them."""
        told = zip(sounds.user_kind, sounds.heard_kind, sounds.heard_confidence, strict=True)
        for at, (said, heard, confidence) in enumerate(told, row):
            if said is not None:
                self._set(at, said, "user", CONFIDENCE["user"])
            elif heard is not None and heard != "unknown" and not self.source[at]:
                self._set(at, heard, "sound", confidence)

    def _set(self, row: int, kind: str, source: str, confidence: float) -> None:
        self.kind[row], self.source[row] = KIND_CODES.get(kind, 0), KIND_SOURCES.index(source)
        self.confidence[row] = confidence

    def save(self, directory: _Arrays) -> None:
        directory.save("kind.npy", self.kind)
        directory.save("kind_source.npy", self.source)
        directory.save("kind_confidence.npy", self.confidence)


def _only(sounds: Sounds, ids: Int32Array) -> Sounds:
    """The sounds whose id is one of `ids` (rising)."""
    if not len(ids):
        return Sounds(*((),) * len(sounds))
    found = np.array(sounds.id, np.int64)
    live = ids[np.searchsorted(ids, found).clip(max=len(ids) - 1)] == found
    if live.all():
        return sounds
    return Sounds._make(tuple(compress(column, live.tolist())) for column in sounds)


_SOUND_ARRAYS: tuple[tuple[str, str], ...] = (
    ("duration_s", "<f4"),
    ("loudness_db", "<f4"),
    ("pitch_hz", "<f4"),
    ("brightness_hz", "<f4"),
    ("pitch_confidence", "<f4"),
    ("stereo_width", "<f4"),
    ("tempo_bpm", "<f4"),
    ("is_loop", "?"),
    ("favourite", "?"),
    ("uid", "S16"),  # a slice's is longer and cut to its parent's
    ("sample_rate", "<i4"),
)


def _write_sounds(view: View, directory: _Arrays, ids: Int32Array, kinds: _Kinds) -> int:
    """Write the arrays with a row for each live sound; the analysis version that most of them have."""
    n, d = len(ids), view.space.size
    columns = {name: np.zeros(n, dtype) for name, dtype in _SOUND_ARRAYS}
    xy = np.full((n, 2), np.nan, np.float32)
    even_xy = np.full((n, 2), np.nan, np.float32)
    frames = np.zeros((n, 2), np.int64)
    versions: dict[int, int] = {}
    blank = np.full(d, np.nan, "<f4").tobytes()
    row = 0
    with directory.open("embedding.npy") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (n, d)})
        for sounds in map(partial(_only, ids=ids), view.sounds()):
            span = slice(row, row + len(sounds.id))
            for name, column in columns.items():
                column[span] = getattr(sounds, name)
            xy[span, 0], xy[span, 1] = sounds.x, sounds.y  # None becomes NaN
            even_xy[span, 0], even_xy[span, 1] = sounds.even_x, sounds.even_y
            for version, count in Counter(sounds.analysis_version).items():
                versions[version] = versions.get(version, 0) + count
            kinds.take(sounds, row)
            if any(sounds.parent_id):
                frames[span, 0] = [frame or 0 for frame in sounds.start_frame]
                frames[span, 1] = [frame or 0 for frame in sounds.end_frame]
            file.write(b"".join([blank if row is None else row for row in sounds.embedding]))
            row = span.stop
    if row != n:
        raise LibraryError(
            f"the library lists {n} live sounds and holds {row}; restore a backup or index anew"
        )
    for name, column in columns.items():
        directory.save(f"{name}.npy", column)
    directory.save("sound_id.npy", ids.astype(np.int32))
    directory.save("xy.npy", xy)
    directory.save("even_xy.npy", even_xy)
    directory.save("frames.npy", frames)
    kinds.save(directory)
    return max(versions, key=lambda version: (versions[version], version), default=0)


def _write_candidate(view: View, directory: _Arrays, ids: Int32Array) -> dict[str, Any] | None:
    """Write where each live sound is on the map that waits to be taken, NaN where it took no part."""
    candidate = view.candidate()
    if candidate is None:
        return None
    xy = np.full((len(ids), 4), np.nan, np.float32)
    _, rows, there = np.intersect1d(ids, candidate.ids, assume_unique=True, return_indices=True)
    xy[rows] = candidate.xy[there]
    directory.save("candidate_xy.npy", xy)
    return {
        "method": candidate.method,
        "created_s": candidate.created_s,
        "scores": shown_scores(candidate.scores),
    }


def shown_scores(scores: Mapping[str, float]) -> dict[str, float]:
    """Scores of a map, without what the library has noted among them for itself."""
    return {name: score for name, score in scores.items() if name != EMBEDDING_SCORE}


def _save_strings(directory: _Arrays, name: str, strings: Sequence[bytes]) -> None:
    directory.save(f"{name}_bytes.npy", np.frombuffer(b"".join(strings), np.uint8))
    directory.save(f"{name}_offset.npy", _offsets(map(len, strings)))


def _offsets(lengths: Iterable[int]) -> NDArray[np.int64]:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(np.fromiter(lengths, np.int64))))


def _is_complete(place: Path, token: str | None) -> bool:
    """Whether a snapshot has all its files whole, and, with a token, is of exactly that state."""
    try:
        meta = json.loads((place / _META).read_text(encoding="utf-8"))
        if meta["format"] != SNAPSHOT_FORMAT or (token is not None and meta["token"] != token):
            return False
        return all((place / name).stat().st_size == size for name, size in meta["bytes"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _snapshots(directory: Path, library_id: str) -> Iterator[Path]:
    """Snapshots of a library, newest first."""
    numbered: list[tuple[int, Path]] = []
    with contextlib.suppress(OSError):
        for path in directory.iterdir():
            match = re.fullmatch(re.escape(library_id) + r"-(\d+)", path.name)
            if match is not None:
                numbered.append((int(match[1]), path))
    yield from (path for _, path in sorted(numbered, reverse=True))


def _remove_older(directory: Path, library_id: str, newest: Path) -> None:
    numbered = list(_snapshots(directory, library_id))
    at = numbered.index(newest) if newest in numbered else 0
    # Higher numbers than the newest are of a time that a restored backup has undone.
    for path in (*numbered[:at], *numbered[at + _KEPT :]):
        _put_aside(path)
    for path in directory.glob(f".{library_id}-*"):
        with contextlib.suppress(OSError):
            if path.name.endswith(".old") or time.time() - path.stat().st_mtime > _ABANDONED_AFTER_S:
                shutil.rmtree(path, ignore_errors=True)


def _put_aside(place: Path) -> None:
    """Take a snapshot out of sight in one step; a failure (maps held on Windows) leaves it whole."""
    with contextlib.suppress(OSError):
        place.rename(place.with_name(f".{place.name}.{secrets.token_hex(4)}.old"))
