"""Reading a snapshot directory: memory-mapped arrays, checked against each other.

This module owns what a snapshot must look like to be used; it must not search in it.
The format is written by :mod:`klustr_bridge.library.snapshot`.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import LibraryError
from klustr_bridge.library.hearings import ENGINEERED
from klustr_bridge.library.paths import from_export
from klustr_bridge.types import Float32Array, Int32Array

# The same number as in library.snapshot, which would bring the database into the serving process.
SNAPSHOT_FORMAT = 3
ANALYSED = 0
PENDING = 1

_SOUND_ARRAYS: dict[str, Any] = {
    "sound_id": np.int32,
    "xy": np.float32,
    "even_xy": np.float32,
    "embedding": np.float32,
    "duration_s": np.float32,
    "loudness_db": np.float32,
    "pitch_hz": np.float32,
    "brightness_hz": np.float32,
    "pitch_confidence": np.float32,
    "stereo_width": np.float32,
    "tempo_bpm": np.float32,
    "is_loop": np.bool_,
    "kind": np.uint8,
    "kind_source": np.uint8,
    "kind_confidence": np.float32,
    "favourite": np.bool_,
    "uid": np.dtype("S16"),
    "sound_entry": np.int32,
    "sample_rate": np.int32,
    "parent_row": np.int32,
    "frames": np.int64,
}
_ENTRY_ARRAYS: dict[str, Any] = {
    "entry_id": np.int32,
    "entry_state": np.uint8,
    "entry_kind": np.uint8,
    "entry_kind_source": np.uint8,
}
_BLOBS = {
    "path": ("path_bytes", "path_offset"),
    "name": ("name_bytes", "name_offset"),
    "problem_path": ("problem_path_bytes", "problem_path_offset"),
    "problem_reason": ("problem_reason_bytes", "problem_reason_offset"),
}


@dataclass(frozen=True, slots=True)
class SnapshotFolder:
    """A watched folder as the snapshot saw it: absolute path, present files, state."""

    path: bytes
    n_files: int
    state: str


@dataclass(frozen=True, slots=True, eq=False)
class ByteRows:
    """Many byte strings in one blob; string `i` is ``blob[offset[i]:offset[i + 1]]``.

    Attributes
    ----------
    blob : ndarray of uint8
        The strings, one after another.
    offset : ndarray of int64, shape (n + 1,)
        Where each starts, and the blob's length.
    """

    blob: NDArray[np.uint8]
    offset: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offset) - 1

    def __getitem__(self, index: int) -> bytes:
        return self.blob[self.offset[index] : self.offset[index + 1]].tobytes()


@dataclass(frozen=True, slots=True, eq=False)
class CandidateMap:
    """A map that waits to be taken as the next epoch, or dropped.

    Attributes
    ----------
    method : str
        How it was fitted.
    created_s : float
        Seconds since 1970; tells one candidate from the next.
    scores : dict of str to float
        How good it is, and how far it would move what is on the map.
    xy : ndarray of float32, shape (n, 4)
        Places of the sounds in the natural and in the even view; NaN for those that took no part.
    """

    method: str
    created_s: float
    scores: dict[str, float]
    xy: Float32Array

    @property
    def placed(self) -> NDArray[np.bool_]:
        """Which sounds took part; shape (n,)."""
        return np.asarray(np.isfinite(self.xy).all(axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Everything a snapshot directory holds, as arrays (see ``library/snapshot.py`` for each).

    Attributes
    ----------
    sound : dict of str to ndarray
        One row a sound, by rising ``sound_id``.
    entry : dict of str to ndarray
        One row a present file, sorted by path.
    scores : dict of str to float
        How good the epoch's map is (``layout/scores.py``).
    text : dict of str to ByteRows
        ``path`` and ``name`` of each entry; ``problem_path`` and ``problem_reason``.
    candidate : CandidateMap or None
        The map that waits to be taken.
    hearing : str
        What the embeddings are: one of ``library.hearings.HEARINGS``, or `EXTERNAL`.
    space : int
        Mark of what they are: those of another one can't be compared with them.
    """

    library_id: str
    generation: int
    epoch: int
    n_files: int
    n_sounds: int
    n_pending: int
    n_refused: int
    folders: tuple[SnapshotFolder, ...]
    sound: dict[str, NDArray[Any]]
    entry: dict[str, NDArray[Any]]
    text: dict[str, ByteRows]
    scores: dict[str, float] = field(default_factory=dict)
    candidate: CandidateMap | None = None
    hearing: str = ENGINEERED
    space: int = 0

    @property
    def ids(self) -> Int32Array:
        """Ids of the sounds, rising; int32, shape (n,)."""
        return self.sound["sound_id"]

    @property
    def xy(self) -> Float32Array:
        """Places of the sounds, NaN where there is none; float32, shape (n, 2)."""
        return self.sound["xy"]

    @property
    def even_xy(self) -> Float32Array:
        """Their places in the even view, likewise."""
        return self.sound["even_xy"]


def empty_snapshot() -> Snapshot:
    """Return a snapshot of nothing, before the first one is there."""
    shapes = {"xy": (0, 2), "even_xy": (0, 2), "embedding": (0, 0), "frames": (0, 2)}
    return Snapshot(
        library_id="",
        generation=-1,
        epoch=0,
        n_files=0,
        n_sounds=0,
        n_pending=0,
        n_refused=0,
        folders=(),
        sound={name: np.zeros(shapes.get(name, (0,)), dtype) for name, dtype in _SOUND_ARRAYS.items()},
        entry={name: np.zeros(0, dtype) for name, dtype in _ENTRY_ARRAYS.items()},
        text={name: ByteRows(np.zeros(0, np.uint8), np.zeros(1, np.int64)) for name in _BLOBS},
    )


def read_snapshot(directory: Path) -> Snapshot:
    """Map a snapshot directory into memory.

    Parameters
    ----------
    directory : Path
        As written by ``write_snapshot``.

    Returns
    -------
    Snapshot
        Its arrays are read-only views of the files.

    Raises
    ------
    LibraryError
        If a file is missing, of another format, or doesn't fit the others.
    """
    try:
        return _read(directory)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LibraryError(
            f"the snapshot {directory} can't be read: {error}; remove it and it is made again"
        ) from error


def _read(directory: Path) -> Snapshot:
    meta = json.loads((directory / "meta.json").read_text(encoding="utf-8"))
    if meta["format"] != SNAPSHOT_FORMAT:
        raise ValueError(f"format {meta['format']!r}, this release reads {SNAPSHOT_FORMAT}")
    snapshot = Snapshot(
        library_id=str(meta["library_id"]),
        generation=int(meta["generation"]),
        epoch=int(meta["epoch"]),
        n_files=int(meta["n_files"]),
        n_sounds=int(meta["n_sounds"]),
        n_pending=int(meta["n_pending"]),
        n_refused=int(meta["n_refused"]),
        folders=tuple(
            SnapshotFolder(from_export(row["path"]), int(row["n_files"]), str(row["state"]))
            for row in meta["folders"]
        ),
        sound={name: _map(directory, name, dtype) for name, dtype in _SOUND_ARRAYS.items()},
        entry={name: _map(directory, name, dtype) for name, dtype in _ENTRY_ARRAYS.items()},
        text={
            name: ByteRows(_map(directory, blob, np.uint8), _map(directory, offset, np.int64))
            for name, (blob, offset) in _BLOBS.items()
        },
        # a snapshot of before they were shown has none
        scores=_numbers(meta.get("scores", {})),
        candidate=_candidate(directory, meta.get("candidate")),
        hearing=str(meta.get("hearing", ENGINEERED)),
        space=int(meta.get("space", 0)),
    )
    _check(snapshot)
    return snapshot


def _numbers(given: dict[str, Any]) -> dict[str, float]:
    return {str(name): float(value) for name, value in given.items()}


def _candidate(directory: Path, meta: dict[str, Any] | None) -> CandidateMap | None:
    if meta is None:
        return None
    xy = _map(directory, "candidate_xy", np.float32)
    return CandidateMap(str(meta["method"]), float(meta["created_s"]), _numbers(meta["scores"]), xy)


def _map(directory: Path, name: str, dtype: Any) -> NDArray[Any]:
    array: NDArray[Any] = np.asarray(np.load(directory / f"{name}.npy", mmap_mode="r", allow_pickle=False))
    if array.dtype != dtype:
        raise ValueError(f"{name} is {array.dtype}, expected {np.dtype(dtype)}")
    if not array.flags.c_contiguous:
        raise ValueError(f"{name} is not C-contiguous")
    return array


def _check(snapshot: Snapshot) -> None:
    n, m = len(snapshot.ids), len(snapshot.entry["entry_id"])
    for name, array in snapshot.sound.items():
        two = {"xy": (n, 2), "even_xy": (n, 2), "frames": (n, 2)}
        wanted = {**two, "embedding": (n, *array.shape[1:2])}.get(name, (n,))
        if array.shape != wanted or (name == "embedding" and array.ndim != 2):
            raise ValueError(f"{name} has shape {array.shape}, expected {wanted}")
    if snapshot.candidate is not None and snapshot.candidate.xy.shape != (n, 4):
        raise ValueError(f"candidate_xy has shape {snapshot.candidate.xy.shape}, expected {(n, 4)}")
    for name, array in snapshot.entry.items():
        if array.shape != (m,):
            raise ValueError(f"{name} has shape {array.shape}, expected {(m,)}")
    for name, rows in snapshot.text.items():
        if rows.offset.ndim != 1 or rows.offset.size == 0 or rows.offset[0] != 0:
            raise ValueError(f"{name}_offset doesn't start at 0")
        if rows.offset[-1] != len(rows.blob) or bool((np.diff(rows.offset) < 0).any()):
            raise ValueError(f"{name}_offset doesn't fit {name}_bytes")
    if len(snapshot.text["path"]) != m or len(snapshot.text["name"]) != m:
        raise ValueError(f"paths and names of {m} entries are expected")
    if len(snapshot.text["problem_path"]) != len(snapshot.text["problem_reason"]):
        raise ValueError("problem paths and reasons differ in number")
    if n and (snapshot.ids[0] <= 0 or bool((np.diff(snapshot.ids) <= 0).any())):
        raise ValueError("sound_id doesn't rise")
    place = snapshot.sound["sound_entry"]
    if n and not (int(place.min()) >= 0 and int(place.max()) < m):
        raise ValueError(f"sound_entry points outside the {m} entries")
    parent = snapshot.sound["parent_row"]
    if n and not (int(parent.min()) >= -1 and int(parent.max()) < n):
        raise ValueError(f"parent_row points outside the {n} sounds")
    if n and bool((snapshot.sound["sample_rate"] <= 0).any()):
        raise ValueError("a sample_rate isn't positive")
