"""Whose sounds rows of numbers are that another program has made, told by uids, paths or names of files.

Owns the look-up in the library. It must not change anything.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.library import paths
from klustr_bridge.library.vector_files import ANY, NAME, PATH, UID
from klustr_bridge.library.view import View
from klustr_bridge.types import Int32Array

_Find = Callable[[str], set[int]]


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """Which rows are of which sounds.

    Attributes
    ----------
    ids : ndarray of int32, shape (n,)
        Sounds, none twice.
    rows : ndarray of int64, shape (n,)
        The row of each; of several for one sound the first.
    unknown, ambiguous : tuple of str
        Names that no sound of the library has, and those that several have.
    n_again : int
        Rows of sounds that an earlier row was of.
    """

    ids: Int32Array
    rows: NDArray[np.int64]
    unknown: tuple[str, ...]
    ambiguous: tuple[str, ...]
    n_again: int


def match(view: View, names: Sequence[str], by: str) -> Matched:
    """Look the sounds of rows up.

    Parameters
    ----------
    view : View
        The library.
    names : sequence of str
        Of the rows.
    by : str
        What they are: ``uid``, of a slice, too; ``path``, absolute or below a watched folder; ``name``, of a
        file; ``any``: the first of these that the library knows.
    """
    finds = _finds(view, by)
    found: dict[int, int] = {}
    unknown: list[str] = []
    ambiguous: list[str] = []
    n_again = 0
    for row, name in enumerate(names):
        sounds = next(filter(None, (find(name) for find in finds)), set())
        if len(sounds) != 1:
            (ambiguous if sounds else unknown).append(name)
            continue
        (sound_id,) = sounds
        n_again += sound_id in found
        found.setdefault(sound_id, row)
    return Matched(
        np.fromiter(found, np.int32, len(found)),
        np.fromiter(found.values(), np.int64, len(found)),
        tuple(unknown),
        tuple(ambiguous),
        n_again,
    )


def _finds(view: View, by: str) -> tuple[_Find, ...]:
    connection, folders = view.connection, [folder.path for folder in view.folders()]
    by_name: dict[bytes, set[int]] = {}

    def of_uid(text: str) -> set[int]:
        uid = text.encode("utf-8", "replace").decode()
        rows = connection.execute("SELECT id FROM sounds WHERE uid = ?", (uid,))
        return {int(row[0]) for row in rows}

    def at(path: bytes) -> set[int]:
        rows = connection.execute(
            "SELECT sound_id FROM files WHERE path = ? AND sound_id IS NOT NULL", (path,)
        )
        return {int(row[0]) for row in rows}

    def of_path(text: str) -> set[int]:
        path = _as_bytes(text)
        if not path:
            return set()
        if not os.path.isabs(path):
            return set().union(*(at(paths.normalise(os.path.join(folder, path))) for folder in folders))
        return at(paths.normalise(path)) or at(os.path.realpath(path))

    def of_name(text: str) -> set[int]:
        if not by_name:
            by_name.update(_sounds_by_name(view))
        return by_name.get(_as_bytes(text), set())

    finds: dict[str, _Find] = {UID: of_uid, PATH: of_path, NAME: of_name}
    return tuple(finds.values()) if by == ANY else (finds[by],)


def _sounds_by_name(view: View) -> dict[bytes, set[int]]:
    found: dict[bytes, set[int]] = defaultdict(set)
    for chunk in view.entries():
        for path, sound_id in zip(chunk.path, chunk.sound_id, strict=True):
            if sound_id is not None:
                found[os.path.basename(path)].add(sound_id)
    return found


def _as_bytes(text: str) -> bytes:
    """The bytes of a path; none where it can't be one: a NUL, or half a character."""
    try:
        path = os.fsencode(text)
    except UnicodeEncodeError:
        return b""
    return b"" if b"\0" in path else path
