"""Labelled sounds, and the numbers that feature sets give them; kept in a file for the next run.

Owns the reading of labels and of sounds. It must not judge.
"""

import csv
import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import klustr_features, plain_features
from klustr_bridge.sound.aspects import EMBEDDING_SIZE

Numbers = NDArray[np.float64]
Texts = NDArray[np.str_]

OURS = "ours"
LEARNED = "learned"
BY_US = frozenset({OURS, LEARNED})
"""Feature sets that the bridge's own analysis gives."""
_PROGRESS_EVERY = 500


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """One way to describe a sound: its name, and what is done to the numbers of all sounds together."""

    name: str
    title: str
    finish: Callable[[Numbers], Numbers] = lambda rows: rows


FEATURE_SETS = (
    FeatureSet("mir", "klustr MIR, standardised", klustr_features.standardised),
    FeatureSet("mfcc", "klustr MFCC"),
    FeatureSet("fingerprint", "klustr STFT fingerprint, PCA 14", klustr_features.components),
    FeatureSet("cepstra", "plain log-mel cepstra"),
    FeatureSet("cepstra and nine", "the same and nine descriptors", plain_features.weighted),
    # which has been shown labelled collections: training/ measures it on others
    FeatureSet(LEARNED, "ours with the learned ear"),
    FeatureSet(OURS, "ours"),
)


@dataclass(frozen=True, slots=True)
class Table:
    """Labelled files, all arrays of shape (n,).

    A kit's name holds its collection's: two collections may both have a "Kit 1".
    """

    path: Texts
    label: Texts
    collection: Texts
    kit: Texts

    def keep(self, which: NDArray[np.bool_]) -> "Table":
        return Table(self.path[which], self.label[which], self.collection[which], self.kit[which])


def read_table(folder: Path, labels: Path | None) -> Table:
    """Read the labels of the files of a folder.

    Parameters
    ----------
    folder : Path
    labels : Path, optional
        A CSV with the columns path and label, perhaps collection and kit. Without it the files'
        names say the label. The first folder is the collection, the innermost the kit, unless the CSV
        says otherwise.
    """
    rows = list(_rows(folder, labels))
    if not rows:
        raise SystemExit(f"no labelled sound in {folder}; does the CSV hold paths below it?")
    return Table(*(np.array(column) for column in zip(*rows, strict=True)))


def _rows(folder: Path, labels: Path | None) -> Iterator[tuple[str, str, str, str]]:
    for inside, path, row in _named(folder) if labels is None else _listed(folder, labels):
        folders = Path(inside).parts[:-1] or ("",)
        collection = row.get("collection") or folders[0]
        kit = row.get("kit") or "/".join(folders[1:])
        yield str(path), row["label"], collection, f"{collection}/{kit}"


def _named(folder: Path) -> Iterator[tuple[str, Path, Mapping[str, str]]]:
    from klustr_bridge.sound.kinds import kind_of_path

    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        kind, _ = kind_of_path(os.fsencode(path), os.fsencode(folder))
        if kind != "unknown":
            yield str(path.relative_to(folder)), path, {"label": kind}


def _listed(folder: Path, labels: Path) -> Iterator[tuple[str, Path, Mapping[str, str]]]:
    with labels.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if not {"path", "label"} <= set(reader.fieldnames or ()):
            raise SystemExit(f"{labels} must have the columns path and label; found: {reader.fieldnames}")
        n_missing = 0
        for row in reader:
            homes = [home for home in (folder, labels.parent) if (home / row["path"]).is_file()]
            n_missing += not homes
            for home in homes[:1]:
                yield row["path"], home / row["path"], row
    if n_missing:
        print(f"left out: {n_missing} rows of {labels} whose file is not there", file=sys.stderr)


def hear(table: Table, names: Sequence[str], cache: Path | None) -> tuple[Table, dict[str, Numbers]]:
    """Describe the sounds of a table by some feature sets.

    Parameters
    ----------
    table : Table
    names : sequence of str
        Of feature sets.
    cache : Path, optional
        An .npz file: what it holds of the same files by the same code is taken from there, and what
        is heard now is put there.

    Returns
    -------
    Table
        The sounds that could be heard.
    dict of str to ndarray, shape (n, d)
        By name, not yet finished.
    """
    kept = _read_cache(cache)
    keys = {name: _key(table, name) for name in names}
    lacking = {name for name in names if str(kept.get(f"key {name}")) != keys[name]}
    for name, rows in _heard(table, lacking).items():
        kept |= {name: rows, f"key {name}": np.array(keys[name])}
    if cache is not None and lacking:
        np.savez(cache, **kept)
    usable = np.ones(len(table.path), np.bool_)
    for name in names:
        usable &= np.isfinite(kept[name]).all(axis=1)
    if not usable.any():
        raise SystemExit("none of the labelled files could be heard")
    return table.keep(usable), {name: kept[name][usable] for name in names}


def _read_cache(cache: Path | None) -> dict[str, NDArray[np.generic]]:
    if cache is None or not cache.exists():
        return {}
    with np.load(cache, allow_pickle=False) as file:
        return dict(file)


def _key(table: Table, name: str) -> str:
    """What a feature set's numbers depend on: the files, and the code that hears them."""
    import klustr_bridge.sound

    room = Path(klustr_bridge.sound.__file__ or "").parent
    of_rivals = [Path(module.__file__ or "") for module in (klustr_features, plain_features)]
    of_ours = [*room.glob("*.py"), *(room.glob("*.onnx") if name == LEARNED else ())]
    code = sorted(of_ours) if name in BY_US else of_rivals
    digest = hashlib.sha256()
    for path in code:
        digest.update(path.read_bytes())
    for file in table.path.tolist():
        stat = os.stat(file)
        digest.update(f"{file}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _heard(table: Table, names: set[str]) -> dict[str, Numbers]:
    """Rows by feature set; those of a file that can't be heard are NaN."""
    if not names:
        return {}
    if names - BY_US:
        _need_librosa()
    if LEARNED in names:
        _need_the_ear()
    found: list[Mapping[str, Numbers]] = []
    for at, path in enumerate(table.path.tolist()):
        if at % _PROGRESS_EVERY == 0:
            print(f"hearing {at} of {len(table.path)}", file=sys.stderr, flush=True)
        found.append(_hear_one(path, names))
    return {name: _stacked([one.get(name) for one in found]) for name in sorted(names)}


def _stacked(rows: Sequence[Numbers | None]) -> Numbers:
    size = next((len(row) for row in rows if row is not None), 1)
    return np.array([np.full(size, np.nan) if row is None else row for row in rows], np.float64)


def _hear_one(path: str, names: set[str]) -> Mapping[str, Numbers]:
    from klustr_bridge.errors import RefusedSound
    from klustr_bridge.sound.analyse import analyse_file

    found: dict[str, Numbers] = {}
    if names & BY_US:
        try:
            heard = analyse_file(os.fsencode(path), learned=LEARNED in names).embedding.astype(np.float64)
        except (RefusedSound, OSError) as error:
            print(f"left out: {path}: {error}", file=sys.stderr)
            return {}
        found = {name: heard[: EMBEDDING_SIZE if name == OURS else None] for name in names & BY_US}
    if names - BY_US:
        import librosa

        try:
            mono, rate = librosa.load(path, sr=None, mono=True)
        except Exception as error:  # whatever its backends raise: the file is left out of all rows
            print(f"left out: {path}: {error}", file=sys.stderr)
            return {}
        found |= klustr_features.features(mono, int(rate)) | plain_features.features(mono, int(rate))
    return found


def _need_the_ear() -> None:
    from klustr_bridge.errors import EarError
    from klustr_bridge.sound.ear import load_ear

    try:
        load_ear()
    except EarError as error:
        raise SystemExit(str(error)) from None


def _need_librosa() -> None:
    try:
        import librosa  # noqa: F401
    except ImportError:
        raise SystemExit(
            "klustr's feature sets are measured through librosa, which isn't installed: "
            "pip install librosa, or pip install -e '.[test]'"
        ) from None
