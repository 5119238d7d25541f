"""Numbers that somebody else's program has for the same files: WaveNet, CLAP, OpenL3, anything.

Owns the reading and checking of such files, and must not trust anything in them: no pickle is ever loaded.
"""

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import StudyError
from klustr_bridge.types import Float32Array

MOST_DIMENSIONS = 8_192

_NEEDED = "needed: an .npz with embedding and path, or an .npy with a .txt of paths beside it"


@dataclass(frozen=True, slots=True)
class External:
    """Rows of numbers by file.

    Attributes
    ----------
    rows : ndarray of float32, shape (m, d)
        Finite.
    at : dict of bytes to int
        Row of each file, by its absolute real path.
    """

    rows: Float32Array
    at: dict[bytes, int]

    def rows_of(self, paths: tuple[bytes, ...]) -> Float32Array:
        """Rows of some files, shape (n, d); NaN where there are none."""
        found = np.full((len(paths), self.rows.shape[1]), np.nan, np.float32)
        for n, path in enumerate(paths):
            if (at := self.at.get(os.path.realpath(path))) is not None:
                found[n] = self.rows[at]
        return found


def read_external(file: Path, folder: Path) -> External:
    """Read numbers of files.

    Parameters
    ----------
    file : Path
        An ``.npz`` with ``embedding``, shape (m, ...), and ``path``, shape (m,), text; or an ``.npy`` of the
        numbers with a ``.txt`` of the same name beside it, a path a line. What follows the first axis is
        laid out in one row.
    folder : Path
        Paths that aren't absolute lie below it.

    Raises
    ------
    StudyError
        Where it can't be read, or isn't such numbers.
    """
    if file.suffix not in (".npz", ".npy"):
        raise StudyError(f"{file} is neither .npz nor .npy; {_NEEDED}")
    try:
        numbers, paths = _read(file)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        reason = "objects in it" if "pickle" in str(error) else str(error)  # numpy's advice is no good one
        raise StudyError(f"{file} can't be read ({reason}); {_NEEDED}") from error
    if numbers.ndim < 2 or numbers.dtype.kind not in "fiu" or len(paths) != len(numbers) or not len(numbers):
        raise StudyError(
            f"{file} has embedding of shape {numbers.shape} and type {numbers.dtype} for {len(paths)} paths; "
            "needed: numbers of shape (m, d) and m paths"
        )
    rows = numbers.reshape(len(numbers), -1)
    if rows.shape[1] > MOST_DIMENSIONS:
        raise StudyError(f"{file} has {rows.shape[1]} numbers a sound; at most {MOST_DIMENSIONS} are taken")
    with np.errstate(over="ignore"):
        as_rows: Float32Array = np.ascontiguousarray(rows, np.float32)
    wrong = np.flatnonzero(~np.isfinite(as_rows).all(axis=1))
    if len(wrong):
        raise StudyError(f"{file} has {len(wrong)} rows that aren't finite, the first is row {wrong[0]}")
    try:
        at = {os.path.realpath(os.fsencode(folder / path)): n for n, path in enumerate(paths)}
    except ValueError as error:  # a NUL, or half a character
        raise StudyError(f"{file} has a path that can't be one: {error}") from error
    return External(as_rows, at)


def _read(file: Path) -> tuple[NDArray[np.generic], list[str]]:
    if file.suffix == ".npy":
        names = file.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
        with file.open("rb") as opened:
            return np.asarray(np.load(opened, allow_pickle=False)), names
    with file.open("rb") as opened:
        found = np.load(opened, allow_pickle=False)
        if not isinstance(found, np.lib.npyio.NpzFile):
            raise ValueError("it is a single array")
        with found:
            return np.asarray(found["embedding"]), [_text(path) for path in found["path"].tolist()]


def _text(path: object) -> str:
    return os.fsdecode(path) if isinstance(path, bytes) else str(path)
