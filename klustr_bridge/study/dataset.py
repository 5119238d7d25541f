"""The labelled files of a study: which files, what class each is of, and what it isn't to be judged beside.

Owns the reading of labels, from names or from a list, and counts what it leaves out. It must not listen.
"""

import csv
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import StudyError
from klustr_bridge.library.ignore import IgnoreRules
from klustr_bridge.library.paths import to_text
from klustr_bridge.library.scan import scan_folder
from klustr_bridge.sound.decode import is_candidate
from klustr_bridge.sound.kinds import kind_of_path, kinds_in_name

PAPER = "paper"
BRIDGE = "bridge"
PRESETS = (BRIDGE, PAPER)

NO_DRUMS = frozenset({"perc", "perc_other", "fx", "synth", "vocal", "bass", "loop", "other", "unknown"})
"""Classes that hold many things or none that is struck: only asked for by ``--classes all`` or by name."""

LEAST_OF_A_CLASS = 11
"""Sounds below which a class can't fill the ten nearest of any of its sounds."""

DRUMS, ALL = "drums", "all"

MOST = 0.5
"""Share of the sounds that must have ten of their class outside of their pack, for packs to be left out."""

# The published code's own patterns, held against the path in any case.
_PUBLISHED = {
    "kick": "kick",
    "tom": "tom",
    "snare": "snare",
    "clap": "clap",
    "hi-hat": "hi.hat",
    "ride": "ride",
    "crash": "crash",
}
_PUBLISHED_OF = {
    "closed_hat": "hi-hat",
    "open_hat": "hi-hat",
    "hihat": "hi-hat",
    "hi_hat": "hi-hat",
    "hat": "hi-hat",
}

Texts = NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class LabelledFiles:
    """Files with their classes.

    Attributes
    ----------
    paths : tuple of bytes, length n
        Absolute.
    labels, collections, kits : ndarray of str, shape (n,)
        A kit's name holds its collection's: two collections may both have a "Kit 1".
    """

    paths: tuple[bytes, ...]
    labels: Texts
    collections: Texts
    kits: Texts

    def __len__(self) -> int:
        return len(self.paths)

    def keep(self, which: NDArray[np.bool_]) -> "LabelledFiles":
        """Those files alone, shape (n,)."""
        paths = tuple(path for path, kept in zip(self.paths, which.tolist(), strict=True) if kept)
        return LabelledFiles(paths, self.labels[which], self.collections[which], self.kits[which])

    def packs(self) -> tuple[Texts, str]:
        """What a sound isn't judged beside, and what that is.

        Returns
        -------
        ndarray of str, shape (n,)
        str
            ``collection``, ``kit`` or ``sound``: the widest of which most sounds have ten of their class
            outside. Where each class has a folder of its own that is none of the folders.
        """
        for named, of in (("collection", self.collections), ("kit", self.kits)):
            if share_with_others_outside(self.labels, of) > MOST:
                return of, named
        return np.arange(len(self)).astype(np.str_), "sound"


def share_with_others_outside(labels: Texts, packs: Texts) -> float:
    """Share of the sounds that have ten of their class outside of their pack, 0..1."""
    return float(has_others_outside(labels, packs).mean()) if len(labels) else 0.0


def has_others_outside(labels: Texts, packs: Texts, k: int = LEAST_OF_A_CLASS - 1) -> NDArray[np.bool_]:
    """Which sounds have k of their class outside of their pack: others could not have k such neighbours."""
    return n_alike_outside(labels, packs) >= k


def n_alike_outside(labels: Texts, packs: Texts) -> NDArray[np.int64]:
    """How many sounds of its class each sound has outside of its pack, shape (n,)."""
    label = np.unique(labels, return_inverse=True)[1]
    pack = np.unique(packs, return_inverse=True)[1]
    both = np.unique(label * (pack.max(initial=0) + 1) + pack, return_inverse=True)[1]
    return np.asarray(np.bincount(label)[label] - np.bincount(both)[both], np.int64)


@dataclass(frozen=True, slots=True)
class _Row:
    path: bytes
    label: str
    collection: str
    kit: str


def read_files(
    folder: Path, labels: Path | None = None, *, preset: str = BRIDGE, classes: str = DRUMS
) -> tuple[LabelledFiles, dict[str, int]]:
    """Find the labelled files of a folder.

    Parameters
    ----------
    folder : Path
    labels : Path, optional
        A CSV with the columns path and label, perhaps collection and kit; paths below the folder, or beside
        the CSV. Without it names tell: with preset ``paper`` one of its seven patterns anywhere in the path,
        with ``bridge`` as the library reads them. The first folder is the collection, all below it the kit.
    preset : {'bridge', 'paper'}
    classes : str
        ``drums``, ``all``, or names with commas between.

    Returns
    -------
    LabelledFiles
        Of classes of at least 11 files, two classes at least.
    dict of str to int
        Files left out, by reason.

    Raises
    ------
    StudyError
        Where the list can't be read, or no two classes are left.
    """
    if preset not in PRESETS:
        raise StudyError(f"unknown preset {preset!r}; known: {', '.join(PRESETS)}")
    classes = ",".join(word.strip().casefold() for word in classes.split(","))
    if not folder.is_dir():
        raise StudyError(f"{folder} is not a folder; name one with samples")
    dropped: Counter[str] = Counter()
    found = _listed(folder, labels, dropped) if labels is not None else _named(folder, preset, dropped)
    rows = list(_chosen(found, preset, classes, dropped))
    count = Counter(row.label for row in rows)
    few = {label for label, n in count.items() if n < LEAST_OF_A_CLASS}
    dropped[f"of a class of fewer than {LEAST_OF_A_CLASS} files"] += sum(count[label] for label in few)
    rows = [row for row in rows if row.label not in few]
    if len({row.label for row in rows}) < 2:
        told = "; ".join(f"{n} {reason}" for reason, n in dropped.most_common() if n) or "no sample files"
        raise StudyError(
            f"a study needs two classes of {LEAST_OF_A_CLASS} files or more, and {folder} has "
            f"{len({row.label for row in rows})} ({told}); name the classes with --labels CSV, or others "
            "with --classes"
        )
    files = LabelledFiles(
        tuple(row.path for row in rows),
        np.array([row.label for row in rows]),
        np.array([row.collection for row in rows]),
        np.array([row.kit for row in rows]),
    )
    return files, {reason: n for reason, n in dropped.items() if n}


def _chosen(rows: Iterable[_Row], preset: str, classes: str, dropped: Counter[str]) -> Iterator[_Row]:
    named = frozenset(classes.split(",")) if classes not in (DRUMS, ALL) else None
    for row in rows:
        label = _PUBLISHED_OF.get(row.label, row.label) if preset == PAPER else row.label
        if preset == PAPER and label not in _PUBLISHED:
            dropped["of none of the paper's seven classes"] += 1
        elif named is not None and label not in named:
            dropped["of a class that wasn't asked for"] += 1
        elif preset == BRIDGE and classes == DRUMS and label in NO_DRUMS:
            dropped["of no class of drums (--classes all takes them)"] += 1
        else:
            yield _Row(row.path, label, row.collection, row.kit)


def _named(folder: Path, preset: str, dropped: Counter[str]) -> Iterator[_Row]:
    root = os.path.realpath(os.fsencode(folder))
    for found in scan_folder(root, ignore=IgnoreRules(), candidate=is_candidate):
        inside = found.path[len(root) :].lstrip(os.fsencode(os.sep))
        label = _published_class(inside) if preset == PAPER else _bridge_class(found.path, root)
        if label is None:
            dropped["whose name tells several classes"] += 1
        elif not label:
            dropped["whose name tells no class"] += 1
        else:
            yield _Row(found.path, label, *_packs(inside))


def _published_class(inside: bytes) -> str | None:
    """The one class whose pattern the path holds; empty for none, None for several."""
    text = inside.decode("utf-8", errors="replace")
    told = [name for name, pattern in _PUBLISHED.items() if re.search(pattern, text, re.IGNORECASE)]
    return None if len(told) > 1 else "".join(told)


def _bridge_class(path: bytes, root: bytes) -> str | None:
    kind, source = kind_of_path(path, root)
    if source == "file" and len(kinds_in_name(path)) > 1:
        return None
    return "" if kind == "unknown" else kind


def _packs(inside: bytes) -> tuple[str, str]:
    *folders, _ = to_text(inside).split(os.sep)
    collection = folders[0] if folders else ""
    return collection, f"{collection}/{'/'.join(folders[1:])}"


def _listed(folder: Path, labels: Path, dropped: Counter[str]) -> Iterator[_Row]:
    try:
        with labels.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"path", "label"} <= set(reader.fieldnames or ()):
                raise StudyError(f"{labels} must have the columns path and label; found: {reader.fieldnames}")
            rows = list(reader)
    except (OSError, UnicodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise StudyError(f"{labels} can't be read: {reason}") from error
    seen: set[bytes] = set()
    for row in rows:
        path, inside = _file_of(row, (folder, labels.parent))
        if path is None:
            dropped["in the list, but not there"] += 1
        elif path in seen:
            dropped["in the list twice"] += 1
        elif not (label := (row["label"] or "").strip().casefold()):
            dropped["in the list without a label"] += 1
        else:
            seen.add(path)
            collection, kit = _packs(inside)
            collection = row.get("collection") or collection
            kit = f"{collection}/{row['kit']}" if row.get("kit") else kit
            yield _Row(path, label, collection, kit)


def _file_of(row: Mapping[str, str | None], homes: tuple[Path, ...]) -> tuple[bytes | None, bytes]:
    """A file of the list, and its path below the folder, or below the list's where it isn't in the folder."""
    name = row["path"] or ""
    for home in homes:
        try:
            if not name or not (home / name).is_file():
                continue
            path = os.path.realpath(os.fsencode(home / name))
        except (OSError, ValueError):  # longer than any name may be, or no name at all
            return None, b""
        roots = [os.path.realpath(os.fsencode(one)) + os.fsencode(os.sep) for one in homes]
        return path, next((path[len(root) :] for root in roots if path.startswith(root)), path)
    return None, b""
