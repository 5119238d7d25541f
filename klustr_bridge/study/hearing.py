"""From labelled files to the numbers of every feature set, in worker processes and kept part by part.

Owns which sounds stay: those that can be heard, each audio once. It must not make maps.
"""

import hashlib
import importlib.metadata
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import RefusedSound, StudyError
from klustr_bridge.sound.description import describe
from klustr_bridge.sound.embedding import ANALYSIS_VERSION
from klustr_bridge.study.dataset import LEAST_OF_A_CLASS, PAPER, LabelledFiles
from klustr_bridge.study.external import External
from klustr_bridge.study.features import EMBEDDING, EMBEDDING_TITLE, PUBLISHED, standardised
from klustr_bridge.study.kept import Kept, key_of
from klustr_bridge.study.prepare import Decoded, decode, prepare, reason_of
from klustr_bridge.study.workers import in_processes
from klustr_bridge.types import Float32Array

FEATURES_VERSION = 2
"""Rises whenever a feature set or a preparation gives other numbers."""

_PARTS = 64
_NAMES = (*PUBLISHED, EMBEDDING)


@dataclass(frozen=True, slots=True)
class HeardSet:
    """One feature set of all sounds.

    Attributes
    ----------
    name, title : str
    rows : ndarray of float32, shape (n, d)
        As reductions take them.
    seconds : float
        Processor time of measuring, decoding not counted; NaN where it came from a file.
    """

    name: str
    title: str
    rows: Float32Array
    seconds: float


@dataclass(frozen=True, slots=True)
class _Part:
    """Files that are heard in one go."""

    paths: tuple[bytes, ...]
    preset: str
    folder: Path
    key: str


def hear(
    files: LabelledFiles,
    *,
    preset: str,
    work: Path,
    externals: Mapping[str, External],
    n_processes: int,
    tell: Callable[[str], None],
) -> tuple[LabelledFiles, list[HeardSet], dict[str, int]]:
    """Describe sounds by every feature set.

    Parameters
    ----------
    files : LabelledFiles
    preset : {'bridge', 'paper'}
    work : Path
        Where what is heard is kept.
    externals : mapping of str to External
        Numbers that came from elsewhere, by the name of the set.
    n_processes : int
    tell : callable
        Told a line now and then.

    Returns
    -------
    LabelledFiles
        Those that could be heard, in their order.
    list of HeardSet
    dict of str to int
        Files left out, by reason.

    Raises
    ------
    StudyError
        Where no two classes of enough sounds are left.
    """
    parts = [_part(paths, preset, work) for paths in _in_parts(files.paths)]
    kept = Kept(work)
    missing = [part for part in parts if kept.read(part.key) is None]
    n_done = len(files) - sum(len(part.paths) for part in missing)
    if n_done and missing:
        tell(f"heard before: {n_done} of {len(files)} files")
    n_told = n_done
    for part, _ in in_processes(_hear_part, missing, n_processes):
        n_done += len(part.paths)
        if n_done == len(files) or n_done - n_told >= len(files) / 10:
            n_told = n_done
            tell(f"heard {n_done} of {len(files)} files")
    found = [_read(kept, part) for part in parts]
    place = {path: at for at, path in enumerate(path for part in parts for path in part.paths)}
    order = np.array([place[path] for path in files.paths])
    reasons = np.concatenate([one["reason"] for one in found])[order]
    prints = np.concatenate([one["print"] for one in found])[order]
    dropped = Counter(reason for reason in reasons.tolist() if reason)
    stays = np.asarray(reasons == "", np.bool_)
    of_externals = {name: one.rows_of(files.paths) for name, one in externals.items()}
    for name, rows in of_externals.items():
        has = np.isfinite(rows).all(axis=1)
        dropped[f"without numbers in {name}"] += int((stays & ~has).sum())
        stays &= has
    stays = _each_audio_once(prints, files.labels, stays, dropped)
    stays &= _of_large_classes(files.labels, stays, dropped)
    if len(np.unique(files.labels[stays])) < 2:
        told = "; ".join(f"{n} {reason}" for reason, n in dropped.most_common() if n)
        raise StudyError(
            f"fewer than two classes of {LEAST_OF_A_CLASS} sounds are left of {len(files)} labelled files "
            f"({told})"
        )
    sets = []
    for at, name in enumerate(_NAMES):
        rows = np.concatenate([one[name] for one in found])[order][stays]
        seconds = sum(float(one["seconds"][at]) for one in found)
        wanted = name in PUBLISHED and PUBLISHED[name].is_standardised and preset != PAPER
        title = PUBLISHED[name].title if name in PUBLISHED else EMBEDDING_TITLE
        sets.append(HeardSet(name, title, standardised(rows) if wanted else rows, seconds))
    sets += [HeardSet(name, name, rows[stays], float("nan")) for name, rows in of_externals.items()]
    return files.keep(stays), sets, {reason: n for reason, n in dropped.items() if n}


def _in_parts(paths: tuple[bytes, ...]) -> list[tuple[bytes, ...]]:
    """Files in parts that stay the same whatever other files come and go."""
    parts: dict[int, list[bytes]] = {}
    for path in paths:
        parts.setdefault(hashlib.sha256(path).digest()[0] % _PARTS, []).append(path)
    return [tuple(sorted(part)) for part in parts.values()]


def _part(paths: tuple[bytes, ...], preset: str, work: Path) -> _Part:
    stamps = []
    for path in paths:
        try:
            status = os.stat(path)
            stamps.append((path, status.st_size, status.st_mtime_ns))
        except OSError:
            stamps.append((path, -1, -1))
    made_by = [importlib.metadata.version(name) for name in ("numpy", "scipy", "soxr", "soundfile")]
    key = key_of(FEATURES_VERSION, ANALYSIS_VERSION, made_by, preset, stamps)
    return _Part(paths, preset, work, f"heard-{key}")


def _read(kept: Kept, part: _Part) -> dict[str, NDArray[np.generic]]:
    found = kept.read(part.key)
    if found is None:
        raise StudyError(f"{kept.path(part.key)} is gone or damaged; run the study again")
    return found


def _hear_part(part: _Part) -> None:
    """Hear some files and keep what was heard: a row of NaN and a reason for those that can't be."""
    found: list[dict[str, Float32Array] | None] = []
    reasons, prints = [], []
    seconds = dict.fromkeys(_NAMES, 0.0)
    for path in part.paths:
        try:
            rows, printed = _hear_one(path, part.preset, seconds)
        except Exception as error:  # whatever one file does to a decoder stops no other
            found.append(None)
            reasons.append(reason_of(error))
            prints.append("")
            continue
        found.append(rows)
        reasons.append("")
        prints.append(printed)
    arrays: dict[str, NDArray[np.generic]] = {
        "reason": np.array(reasons, dtype=np.str_),
        "print": np.array(prints, dtype=np.str_),
        "seconds": np.array(list(seconds.values())),
    }
    sizes = _sizes(part.preset)
    for name in _NAMES:
        nothing = np.full(sizes[name], np.nan, np.float32)
        arrays[name] = np.array([nothing if one is None else one[name] for one in found], np.float32)
    Kept(part.folder).write(part.key, arrays)


def _hear_one(path: bytes, preset: str, seconds: dict[str, float]) -> tuple[dict[str, Float32Array], str]:
    decoded = decode(path)
    prepared = prepare(decoded, preset)
    rows = {}
    for name, one in PUBLISHED.items():
        begun = time.process_time()
        rows[name] = one.measure(prepared)
        seconds[name] += time.process_time() - begun
    begun = time.process_time()
    described = describe(decoded.mono, decoded.sample_rate, decoded.duration_s, decoded.first_frame)
    rows[EMBEDDING] = described.embedding
    seconds[EMBEDDING] += time.process_time() - begun
    if not all(np.isfinite(row).all() for row in rows.values()):
        raise RefusedSound("of levels that no number can hold")
    return rows, hashlib.sha256(prepared.audio.tobytes()).hexdigest()


def _sizes(preset: str) -> dict[str, int]:
    """Numbers that each feature set has for a sound of a preset: measured of a click."""
    click = np.zeros(4_410, np.float32)
    click[100] = 1.0
    decoded = Decoded(click, 44_100, 0.1, 0)
    sizes = {name: len(one.measure(prepare(decoded, preset))) for name, one in PUBLISHED.items()}
    return sizes | {EMBEDDING: len(describe(click, 44_100, 0.1).embedding)}


def _each_audio_once(
    prints: NDArray[np.generic], labels: NDArray[np.str_], stays: NDArray[np.bool_], dropped: Counter[str]
) -> NDArray[np.bool_]:
    """Of those that stay the first of each audio; none where files of one audio are of several classes."""
    groups: dict[str, list[int]] = {}
    for at in np.flatnonzero(stays).tolist():
        groups.setdefault(str(prints[at]), []).append(at)
    first = np.zeros(len(prints), np.bool_)
    for group in groups.values():
        if len({str(labels[at]) for at in group}) > 1:
            dropped["that hold the same audio as one of another class"] += len(group)
        else:
            first[group[0]] = True
            dropped["that hold the same audio as another"] += len(group) - 1
    return first


def _of_large_classes(
    labels: NDArray[np.str_], stays: NDArray[np.bool_], dropped: Counter[str]
) -> NDArray[np.bool_]:
    names, count = np.unique(labels[stays], return_counts=True)
    is_large = np.isin(labels, names[count >= LEAST_OF_A_CLASS])
    dropped[f"of a class of fewer than {LEAST_OF_A_CLASS} sounds"] += int((stays & ~is_large).sum())
    return is_large
