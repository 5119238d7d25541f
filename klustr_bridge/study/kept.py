"""What a study keeps beside its report, so that it goes on where it was stopped.

Owns the files of the work folder: each is written whole or not at all, named by all that its content depends
on, and never read as anything but numbers. A damaged one counts as missing.
"""

import contextlib
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import StudyError

Arrays = Mapping[str, NDArray[np.generic]]


def key_of(*parts: object) -> str:
    """A name for what depends on these parts alone."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else repr(part).encode("utf-8", "surrogateescape"))
        digest.update(b"\0")
    return digest.hexdigest()[:24]


class Kept:
    """Arrays kept under names in a folder.

    Parameters
    ----------
    folder : Path
        Made when the first are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        """Where arrays of that name are, or would be."""
        return self._folder / f"{name}.npz"

    def read(self, name: str) -> dict[str, NDArray[np.generic]] | None:
        """The arrays of a name; None where they aren't there, or damaged."""
        try:
            # opened here: numpy leaves a file open in which it finds no archive
            with self.path(name).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return dict(arrays)
        except Exception:  # a flipped bit makes zipfile and numpy raise whatever they come upon
            return None

    def begin(self) -> None:
        """Make the folder, and remove what processes that were killed have left unfinished.

        Raises
        ------
        StudyError
            Where the folder can't be made or written to.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for unfinished in self._folder.glob("*.part"):
                unfinished.unlink(missing_ok=True)
            self.write("probe", {"probe": np.zeros(1)})
            self.path("probe").unlink()
        except OSError as error:
            raise StudyError(f"{self._folder} can't be made or written to: {error.strerror}") from error

    def write(self, name: str, arrays: Arrays) -> None:
        """Keep arrays under a name."""
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / f"{name}.{os.getpid()}.part"
        try:
            with unfinished.open("wb") as file:
                np.savez(file, allow_pickle=False, **arrays)
            unfinished.replace(self.path(name))
        finally:
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)
