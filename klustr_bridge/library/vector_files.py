"""Numbers that somebody else's program has made of sounds: CLAP, OpenL3, a network of one's own.

Owns the reading and checking of such files, and must not trust anything in them: no pickle is ever loaded,
and no array is read before its header is known to fit the file. Whose they are is told by `vector_match`.
"""

import csv
import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import LibraryError
from klustr_bridge.types import Float32Array

UID: Final = "uid"
PATH: Final = "path"
NAME: Final = "name"
ANY: Final = "any"
"""Words that may be each of these: those of a list beside an .npy."""

_EMBEDDINGS = ("embedding", "embeddings")
_MOST_BYTES = 4 << 30
# Zeros are packed a thousandfold: what is packed so well is no array of vectors, and long names at most so.
_MOST_PACKED, _ALWAYS_UNPACKED_BYTES = 200, 64 << 20
_UNREADABLE = (
    *(OSError, ValueError, KeyError, EOFError, RuntimeError, NotImplementedError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, csv.Error),
    *(TypeError, RecursionError, tokenize.TokenError),  # of heads that are no Python
)


@dataclass(frozen=True, slots=True)
class NamedRows:
    """Rows of numbers and what each is of.

    Attributes
    ----------
    rows : ndarray of float32, shape (n, d)
        Finite; n is 1 or more.
    names : tuple of str
        As many.
    by : str
        What the names are: `UID`, `PATH`, `NAME` or `ANY`.
    """

    rows: Float32Array
    names: tuple[str, ...]
    by: str


def read_vectors(
    file: Path, *, keys: Sequence[str] = (UID, PATH, NAME), least: int = 2, most: int = 4096
) -> NamedRows:
    """Read numbers of sounds.

    Parameters
    ----------
    file : Path
        An ``.npz`` with ``embedding`` (or ``embeddings``), shape (n, ...), and one of `keys`, shape (n,),
        text; or an ``.npy`` of the numbers with a list of the same name beside it: a ``.txt`` with a word a
        line, or a ``.csv`` with a column of one of these names, else words in its first one. What follows
        the first axis is laid out in one row.
    keys : sequence of str
        Arrays of an ``.npz`` that name its rows, the best first.
    least, most : int
        How many numbers a row may have.

    Returns
    -------
    NamedRows

    Raises
    ------
    LibraryError
        Where it can't be read, or isn't such numbers.
    """
    named = " or ".join(keys)
    needed = f"needed: an .npz with embedding and {named}, or an .npy with a .txt or .csv beside it"
    if file.suffix not in (".npz", ".npy"):
        raise LibraryError(f"{file} is neither .npz nor .npy; {needed}")
    try:
        numbers, names, by = (_from_npz if file.suffix == ".npz" else _from_npy)(file, keys)
    except _UNREADABLE as error:
        raise LibraryError(f"{file} can't be read ({error}); {needed}") from error
    if numbers.ndim < 2 or numbers.dtype.kind not in "fiu" or len(names) != len(numbers) or not len(numbers):
        what = "words" if by == ANY else f"{by}s"
        raise LibraryError(
            f"{file} has embedding of shape {numbers.shape} and type {numbers.dtype} for {len(names)} "
            f"{what}; needed: numbers of shape (n, d) and n {what}, n at least 1"
        )
    size = math.prod(numbers.shape[1:])
    if not least <= size <= most:
        bound = f"at least {least}" if size < least else f"at most {most}"
        raise LibraryError(f"{file} has {size} numbers a sound; {bound} are taken")
    with np.errstate(over="ignore"):
        rows: Float32Array = np.ascontiguousarray(numbers.reshape(len(numbers), size), np.float32)
    wrong = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(wrong):
        raise LibraryError(f"{file} has {len(wrong)} rows that aren't finite, the first is row {wrong[0]}")
    return NamedRows(rows, tuple(names), by)


def _from_npz(file: Path, keys: Sequence[str]) -> tuple[NDArray[np.generic], list[str], str]:
    with zipfile.ZipFile(file) as archive:
        arrays = {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}
        numbers = next((name for name in _EMBEDDINGS if name in arrays), None)
        by = next((name for name in keys if name in arrays), None)
        if numbers is None or by is None:
            raise ValueError(f"it has {', '.join(sorted(arrays)) or 'no arrays'}")
        names = _member(archive, by)
        if names.ndim != 1 or names.dtype.kind not in "US":
            raise ValueError(f"{by} has shape {names.shape} and type {names.dtype}, not texts of shape (n,)")
        texts = [os.fsdecode(one) if isinstance(one, bytes) else str(one) for one in names.tolist()]
        return _member(archive, numbers), texts, by


def _member(archive: zipfile.ZipFile, name: str) -> NDArray[np.generic]:
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > max(_ALWAYS_UNPACKED_BYTES, _MOST_PACKED * info.compress_size):
        raise ValueError(f"{name} would be {info.file_size} bytes, packed into {info.compress_size}")
    with archive.open(info) as opened:
        return _array(opened, info.file_size, name)


def _from_npy(file: Path, keys: Sequence[str]) -> tuple[NDArray[np.generic], list[str], str]:
    names, by = _beside(file, keys)
    with file.open("rb") as opened:
        return _array(opened, os.fstat(opened.fileno()).st_size, file.name), names, by


def _array(opened: IO[bytes], size: int, name: str) -> NDArray[np.generic]:
    """Read an array whose header fits the bytes that are there."""
    version = np.lib.format.read_magic(opened)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"{name} is of version {version} of the format")
    shape, is_fortran, dtype = readers[version](opened)
    if dtype.hasobject:
        raise ValueError(f"objects in {name}")
    n_bytes = math.prod(shape) * dtype.itemsize
    if n_bytes != size - opened.tell():
        raise ValueError(f"{name} of shape {shape} needs {n_bytes} bytes, {size - opened.tell()} are there")
    if n_bytes > _MOST_BYTES:
        raise ValueError(f"{name} has {n_bytes} bytes, at most {_MOST_BYTES} are taken")
    data = opened.read(n_bytes)
    if len(data) != n_bytes:
        raise ValueError(f"{name} ends after {len(data)} of {n_bytes} bytes")
    array: NDArray[np.generic] = np.frombuffer(data, dtype).reshape(shape, order="F" if is_fortran else "C")
    return array


def _beside(file: Path, keys: Sequence[str]) -> tuple[list[str], str]:
    """Words for the rows of an .npy, and what they are."""
    by_line, table = file.with_suffix(".txt"), file.with_suffix(".csv")
    listed = by_line if by_line.exists() or not table.exists() else table
    if listed.stat().st_size > _MOST_BYTES:
        raise ValueError(f"{listed.name} has {listed.stat().st_size} bytes, at most {_MOST_BYTES} are taken")
    text = listed.read_text(encoding="utf-8-sig")
    if listed is by_line:
        return text.splitlines(), PATH if tuple(keys) == (PATH,) else ANY
    lines = [line for line in csv.reader(text.splitlines()) if line]
    titles = [title.strip().casefold() for title in lines[0]] if lines else []
    by = next((key for key in keys if key in titles), None)
    if by is None:
        return [line[0] for line in lines], ANY
    column = titles.index(by)
    return [line[column] if column < len(line) else "" for line in lines[1:]], by
