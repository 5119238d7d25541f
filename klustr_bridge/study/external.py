"""Numbers that somebody else's program has for the same files: WaveNet, CLAP, OpenL3, anything.

Owns which file each row is of. How such numbers are read, and what is refused, is
`klustr_bridge.library.vector_files`.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from klustr_bridge.errors import LibraryError, StudyError
from klustr_bridge.library.vector_files import PATH, read_vectors
from klustr_bridge.types import Float32Array

MOST_DIMENSIONS = 8_192


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
        As `read_vectors` takes it, by ``path``: an ``.npz`` with ``embedding``, shape (m, ...), and ``path``,
        shape (m,), text; or an ``.npy`` of the numbers with a ``.txt`` of the same name beside it, a path a
        line.
    folder : Path
        Paths that aren't absolute lie below it.

    Raises
    ------
    StudyError
        Where it can't be read, or isn't such numbers.
    """
    try:
        found = read_vectors(file, keys=(PATH,), least=1, most=MOST_DIMENSIONS)
    except LibraryError as error:
        raise StudyError(str(error)) from error
    try:
        at = {os.path.realpath(os.fsencode(folder / path)): n for n, path in enumerate(found.names)}
    except ValueError as error:  # a NUL, or half a character
        raise StudyError(f"{file} has a path that can't be one: {error}") from error
    return External(found.rows, at)
