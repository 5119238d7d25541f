"""Numbers that somebody else's program has for sounds: WaveNet, CLAP, OpenL3, anything.

This module owns the reading and checking of such files, and must not trust anything in them: no pickle is
ever loaded, and no more is read than is there.
"""

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import LibraryError
from klustr_bridge.types import Float32Array

__all__ = ["MOST_DIMENSIONS", "NamedRows", "read_named_rows"]

MOST_DIMENSIONS: Final = 8_192
_MOST_BYTES: Final = 4 << 30  # of all arrays in a file, unpacked: a million sounds of 1,024 numbers

_NEEDED: Final = "needed: an .npz with embedding and {keys}, or an .npy with a .txt of paths beside it"


@dataclass(frozen=True, slots=True)
class NamedRows:
    """Rows of numbers, each of something that has a name.

    Attributes
    ----------
    rows : ndarray of float32, shape (m, d)
        Finite.
    names : list of str
        Of each row.
    key : str
        What they are: ``path`` or ``uid``.
    """

    rows: Float32Array
    names: list[str]
    key: str


def read_named_rows(file: Path, keys: tuple[str, ...] = ("path",)) -> NamedRows:
    """Read numbers of sounds.

    Parameters
    ----------
    file : Path
        An ``.npz`` with ``embedding``, shape (m, ...), and one of `keys`, shape (m,), text; or an ``.npy`` of
        the numbers with a ``.txt`` of the same name beside it, a path a line. What follows the first axis is
        laid out in one row.
    keys : tuple of str
        What may name the sounds; the first that is there does.

    Raises
    ------
    LibraryError
        Where it can't be read, or isn't such numbers.
    """
    needed = _NEEDED.format(keys=" or ".join(keys))
    if file.suffix not in (".npz", ".npy"):
        raise LibraryError(f"{file} is neither .npz nor .npy; {needed}")
    try:
        numbers, names, key = _read(file, keys)
    except (OSError, ValueError, KeyError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        reason = "objects in it" if "pickle" in str(error) else str(error)  # numpy's advice is no good one
        raise LibraryError(f"{file} can't be read ({reason}); {needed}") from error
    if numbers.ndim < 2 or numbers.dtype.kind not in "fiu" or len(names) != len(numbers) or not len(numbers):
        raise LibraryError(
            f"{file} has embedding of shape {numbers.shape} and type {numbers.dtype} for {len(names)} "
            f"{key}s; needed: numbers of shape (m, d) and m {key}s"
        )
    rows = numbers.reshape(len(numbers), -1)
    if not 0 < rows.shape[1] <= MOST_DIMENSIONS:
        raise LibraryError(
            f"{file} has {rows.shape[1]} numbers a sound; at most {MOST_DIMENSIONS} are taken, at least 1"
        )
    with np.errstate(over="ignore"):
        as_rows: Float32Array = np.ascontiguousarray(rows, np.float32)
    wrong = np.flatnonzero(~np.isfinite(as_rows).all(axis=1))
    if len(wrong):
        raise LibraryError(f"{file} has {len(wrong)} rows that aren't finite, the first is row {wrong[0]}")
    return NamedRows(as_rows, names, key)


def _read(file: Path, keys: tuple[str, ...]) -> tuple[NDArray[np.generic], list[str], str]:
    if file.suffix == ".npy":
        names = file.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
        with file.open("rb") as opened:
            return np.asarray(np.load(opened, allow_pickle=False)), names, "path"
    with file.open("rb") as opened:
        _refuse_more_than_fits(file)
        found = np.load(opened, allow_pickle=False)
        if not isinstance(found, np.lib.npyio.NpzFile):
            raise ValueError("it is a single array")
        with found:
            key = next((key for key in keys if key in found.files), keys[0])
            return np.asarray(found["embedding"]), [_text(name) for name in found[key].tolist()], key


def _refuse_more_than_fits(file: Path) -> None:
    """Refuse a small file that unpacks to a huge one."""
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as packed:
        size = sum(entry.file_size for entry in packed.infolist())
    if size > _MOST_BYTES:
        raise ValueError(f"it unpacks to {size / 2**30:.1f} GiB; at most {_MOST_BYTES >> 30} are taken")


def _text(name: object) -> str:
    return os.fsdecode(name) if isinstance(name, bytes) else str(name)
