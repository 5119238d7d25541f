"""Numbers that somebody else's program has for the files of a study, by file.

Owns the finding of a file's row. How they are read is the library's.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from klustr_bridge.errors import LibraryError, StudyError
from klustr_bridge.library.external import read_named_rows
from klustr_bridge.types import Float32Array


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
        As `klustr_bridge.library.external.read_named_rows` takes it, by path.
    folder : Path
        Paths that aren't absolute lie below it.

    Raises
    ------
    StudyError
        Where it can't be read, or isn't such numbers.
    """
    try:
        found = read_named_rows(file)
        at = {os.path.realpath(os.fsencode(folder / path)): n for n, path in enumerate(found.names)}
    except LibraryError as error:
        raise StudyError(str(error)) from error
    except ValueError as error:  # a NUL, or half a character
        raise StudyError(f"{file} has a path that can't be one: {error}") from error
    return External(found.rows, at)
