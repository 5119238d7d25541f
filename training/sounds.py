"""What training knows of each sound: heard once from a folder of labelled files, then kept in one file.

Owns the reading of the folder and the kept file. It must not know the network.
"""

import csv
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import KlustrError, RefusedSound
from klustr_bridge.sound.ear_input import levels_of, log_length
from klustr_bridge.sound.embedding import ANALYSIS_VERSION, hear
from klustr_bridge.sound.excerpt import excerpt_of
from klustr_bridge.sound.kinds import KINDS
from klustr_bridge.study.prepare import decode
from klustr_bridge.types import Float32Array

LABELS: Final = {"perc_other": "perc", "conga_bongo": "conga"}
"""What a table may call a kind otherwise."""

NAMES: Final[tuple[str, ...]] = tuple(kind for kind in KINDS if kind not in ("unknown", "loop"))
"""The kinds that a single sound can be of."""

DRUMS: Final[frozenset[str]] = frozenset(NAMES) - {"perc", "bass", "synth", "vocal", "fx"}
"""Those that say what a sound is: neighbours are judged by them. The others hold all sorts."""

_TELL_EVERY = 500


class TrainingError(KlustrError):
    """The ear can't be trained on what was given."""


@dataclass(frozen=True, slots=True)
class Sounds:
    """All sounds that were heard, one row a sound.

    Attributes
    ----------
    levels : ndarray of float32, shape (n, N_FRAMES, N_BANDS)
        What the ear is shown (`klustr_bridge.sound.ear_input`).
    log_length : ndarray of float32, shape (n,)
        Octaves of a second.
    engineered : ndarray of float32, shape (n, EMBEDDING_SIZE)
        The embedding that is measured without learning: the teacher of distances.
    kind : ndarray of int64, shape (n,)
        Places in `NAMES`.
    collection, kit : ndarray of str, shape (n,)
        Where a sound comes from; kits of different collections have different names.
    """

    levels: Float32Array
    log_length: Float32Array
    engineered: Float32Array
    kind: NDArray[np.int64]
    collection: NDArray[np.str_]
    kit: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.kind)

    def of(self, rows: NDArray[Any] | slice) -> "Sounds":
        """Return some of them: by a mask, by their rows or by a slice."""
        return Sounds(*(getattr(self, field.name)[rows] for field in fields(self)))

    @property
    def is_drum(self) -> NDArray[np.bool_]:
        """Of which sounds neighbours are judged, shape (n,)."""
        return np.isin(np.array(NAMES)[self.kind], sorted(DRUMS))


def hear_all(data: Path, tell: Callable[[str], None]) -> Sounds:
    """Hear a folder of labelled sounds.

    Parameters
    ----------
    data : Path
        Holds ``drums.csv`` with the columns ``path,label,collection,kit`` and the files below ``drums/``.
    tell : callable
        Told a line now and then.

    Returns
    -------
    Sounds
        In the order of their paths. Files that can't be heard are left out and told.

    Raises
    ------
    TrainingError
        Where the table is missing or wrong, or nothing is left.
    """
    rows = _table(data / "drums.csv")
    levels, lengths, engineered, kept = [], [], [], []
    for at, row in enumerate(rows):
        path = data / "drums" / row["path"]
        try:
            decoded = decode(os.fsencode(path))
        except (RefusedSound, OSError) as error:
            tell(f"left out {path}: {error}")
            continue
        excerpt = excerpt_of(decoded.mono, decoded.sample_rate)
        levels.append(levels_of(excerpt))
        lengths.append(log_length(excerpt.length_s))
        engineered.append(hear(excerpt).embedding)
        kept.append(row)
        if (at + 1) % _TELL_EVERY == 0:
            tell(f"heard {at + 1} of {len(rows)} files")
    if not kept:
        raise TrainingError(f"none of the {len(rows)} files of {data / 'drums.csv'} can be heard")
    return Sounds(
        np.stack(levels),
        np.array(lengths, np.float32),
        np.stack(engineered),
        np.array([NAMES.index(_kind(row["label"])) for row in kept], np.int64),
        np.array([row["collection"] for row in kept]),
        np.array([f"{row['collection']}/{row['kit']}" for row in kept]),
    )


def keep(sounds: Sounds, path: Path) -> None:
    """Write what was heard; levels as whole 255ths, which is .35 dB, a quarter of the size."""
    arrays = {field.name: getattr(sounds, field.name) for field in fields(sounds)}
    arrays["levels"] = np.round((sounds.levels + 1.0) * 127.5).astype(np.uint8)
    np.savez_compressed(path, analysis_version=np.int64(ANALYSIS_VERSION), **arrays)


def kept_sounds(path: Path) -> Sounds:
    """Read what `keep` wrote.

    Raises
    ------
    TrainingError
        Where it isn't there, or was heard by another version of the analysis.
    """
    if not path.is_file():
        raise TrainingError(f"{path} isn't there; run `python -m training prepare` first")
    with np.load(path, allow_pickle=False) as kept:
        if int(kept["analysis_version"]) != ANALYSIS_VERSION:
            raise TrainingError(
                f"{path} was heard by version {int(kept['analysis_version'])} of the analysis, this is "
                f"version {ANALYSIS_VERSION}; run `python -m training prepare` again"
            )
        arrays = {field.name: kept[field.name] for field in fields(Sounds)}
    arrays["levels"] = arrays["levels"].astype(np.float32) / np.float32(127.5) - np.float32(1.0)
    return Sounds(**arrays)


def _table(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise TrainingError(f"{path} can't be read: {error.strerror}; name the folder of the data") from error
    for at, row in enumerate(rows, start=2):
        missing = [name for name in ("path", "label", "collection", "kit") if not row.get(name)]
        if missing:
            raise TrainingError(f"{path}, line {at}: no {missing[0]}")
        if _kind(row["label"]) not in NAMES:
            allowed = ", ".join((*NAMES, *LABELS))
            raise TrainingError(f"{path}, line {at}: unknown label {row['label']!r}; known: {allowed}")
    if not rows:
        raise TrainingError(f"{path} lists no sounds")
    return sorted(rows, key=lambda row: row["path"])


def _kind(label: str) -> str:
    return LABELS.get(label, label)
