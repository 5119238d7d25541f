"""Snapshot directories for tests, written in the format without a library."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from klustr_bridge.corpus.snapshot import SNAPSHOT_FORMAT, ByteRows, Snapshot, empty_snapshot
from klustr_bridge.library.kind_sources import CONFIDENCE, KIND_SOURCES
from klustr_bridge.library.paths import relative, to_export
from klustr_bridge.sound.kinds import KIND_CODES

ROOT = os.fsencode(Path(os.sep, "lib").absolute())


def below(*names: str) -> bytes:
    """Absolute path of a file or folder in the watched folder."""
    return os.path.join(ROOT, *map(os.fsencode, names))


@dataclass(frozen=True)
class MadeSound:
    """A sound; `paths` are the files that hold it. A slice has the id of its parent and its uid."""

    id: int
    paths: Sequence[bytes]
    xy: tuple[float, float] = (float("nan"), float("nan"))
    embedding: Sequence[float] = (0.0, 0.0)
    kind: str = "unknown"
    duration_s: float = 1.0
    favourite: bool = False
    uid: str = ""
    kind_source: str = ""
    parent: int = 0
    frames: tuple[int, int] = (0, 0)
    even_xy: tuple[float, float] = (float("nan"), float("nan"))
    loudness_db: float = -12.0
    tempo_bpm: float = 120.0

    @property
    def made_source(self) -> str:
        return self.kind_source or ("" if self.kind == "unknown" else "file")

    @property
    def made_uid(self) -> str:
        return self.uid or f"{self.id:a>16d}"


@dataclass(frozen=True)
class Waiting:
    """A listed file that waits for its analysis."""

    id: int
    path: bytes
    kind: str = "unknown"


@dataclass(frozen=True)
class Made:
    """All that a snapshot is written from."""

    sounds: Sequence[MadeSound] = ()
    waiting: Sequence[Waiting] = ()
    epoch: int = 1
    generation: int = 1
    library_id: str = "library"
    problems: Sequence[tuple[bytes, str]] = ()
    n_dimensions: int = 2
    hearing: str = "engineered"
    folders: Sequence[bytes] = field(default_factory=lambda: (ROOT,))


def write_made(directory: Path, made: Made) -> Path:
    """Write a snapshot of a few made sounds."""
    arrays, meta = arrays_of(made)
    directory.mkdir(parents=True)
    for name, array in arrays.items():
        np.save(directory / f"{name}.npy", array, allow_pickle=False)
    (directory / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    return directory


def snapshot_of(made: Made) -> Snapshot:
    """The same without files, for tests that need very many."""
    arrays, meta = arrays_of(made)
    counts = ("library_id", "generation", "epoch", "n_files", "n_sounds", "n_pending", "n_refused")
    empty = empty_snapshot()
    return Snapshot(
        **{name: meta[name] for name in counts},
        folders=(),
        sound={name: arrays[name] for name in empty.sound},
        entry={name: arrays[name] for name in empty.entry},
        text={name: ByteRows(arrays[f"{name}_bytes"], arrays[f"{name}_offset"]) for name in empty.text},
    )


def arrays_of(made: Made) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays of a snapshot, by file, and its meta.json."""
    sounds = sorted(made.sounds, key=lambda sound: sound.id)
    rows = [(path, sound.id, 0, sound.kind) for sound in sounds if not sound.parent for path in sound.paths]
    rows += [(waiting.path, waiting.id, 1, waiting.kind) for waiting in made.waiting]
    rows.sort()
    first = {sound_id: at for at, (_, sound_id, _, _) in reversed(list(enumerate(rows)))}
    first |= {sound.id: first[sound.parent] for sound in sounds if sound.parent}
    at = {sound.id: row for row, sound in enumerate(sounds)}
    n = len(sounds)
    arrays: dict[str, Any] = {
        "sound_id": np.array([sound.id for sound in sounds], np.int32),
        "xy": np.array([sound.xy for sound in sounds], np.float32).reshape(n, 2),
        "even_xy": np.array([sound.even_xy for sound in sounds], np.float32).reshape(n, 2),
        "embedding": np.array([s.embedding for s in sounds], np.float32).reshape(n, made.n_dimensions),
        "duration_s": np.array([sound.duration_s for sound in sounds], np.float32),
        "loudness_db": np.array([sound.loudness_db for sound in sounds], np.float32),
        "pitch_hz": np.full(n, 440, np.float32),
        "brightness_hz": np.full(n, 2000, np.float32),
        "pitch_confidence": np.full(n, 0.75, np.float32),
        "stereo_width": np.full(n, 0.25, np.float32),
        "tempo_bpm": np.array([sound.tempo_bpm for sound in sounds], np.float32),
        "is_loop": np.array([sound.kind == "loop" for sound in sounds], np.bool_),
        "kind_source": np.array([KIND_SOURCES.index(s.made_source) for s in sounds], np.uint8),
        "kind_confidence": np.array([CONFIDENCE.get(s.made_source, 0.6) for s in sounds], np.float32),
        "kind": np.array([KIND_CODES[sound.kind] for sound in sounds], np.uint8),
        "favourite": np.array([sound.favourite for sound in sounds], np.bool_),
        "uid": np.array([sound.made_uid.encode() for sound in sounds], "S16"),
        "sample_rate": np.full(n, 1000, np.int32),
        "parent_row": np.array([at[s.parent] if s.parent else -1 for s in sounds], np.int32),
        "frames": np.array([sound.frames for sound in sounds], np.int64).reshape(n, 2),
        "sound_entry": np.array([first[sound.id] for sound in sounds], np.int32),
        "entry_id": np.array([row[1] for row in rows], np.int32),
        "entry_state": np.array([row[2] for row in rows], np.uint8),
        "entry_kind_source": np.array([2 if row[3] != "unknown" else 0 for row in rows], np.uint8),
        "entry_kind": np.array([KIND_CODES[row[3]] for row in rows], np.uint8),
    }
    names = [folded_name(row[0]) for row in rows]
    arrays |= blob("path", [row[0] for row in rows]) | blob("name", names)
    arrays |= blob("problem_path", [path for path, _ in made.problems])
    arrays |= blob("problem_reason", [reason.encode() for _, reason in made.problems])
    meta = {
        "format": SNAPSHOT_FORMAT,
        "library_id": made.library_id,
        "generation": made.generation,
        "analysis_version": 1,
        "hearing": made.hearing,
        "epoch": made.epoch,
        "n_files": len(rows) + len(made.problems),
        "n_sounds": sum(not sound.parent for sound in sounds),
        "n_pending": len(made.waiting),
        "n_refused": len(made.problems),
        "folders": [{"path": to_export(f), "n_files": len(rows), "state": "watched"} for f in made.folders],
    }
    return arrays, meta


def folded_name(path: bytes) -> bytes:
    """Name of a file as the snapshot keeps it for searching."""
    text = os.fsdecode(relative(path, ROOT)).casefold().replace("\n", " ")
    return text.encode("utf-8", "replace") + b"\n"


def blob(name: str, rows: Sequence[bytes]) -> dict[str, Any]:
    """The two arrays that hold many byte strings."""
    lengths = np.array([0, *map(len, rows)], np.int64)
    joined = np.frombuffer(b"".join(rows), np.uint8)
    return {f"{name}_bytes": joined, f"{name}_offset": np.cumsum(lengths)}
