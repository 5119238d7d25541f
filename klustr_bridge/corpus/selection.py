"""Narrowing a library: what a client asks to keep, and the rows that this keeps.

This module owns the two values and the way from one to the other; it must not search.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.corpus.files import Files
from klustr_bridge.corpus.snapshot import Snapshot
from klustr_bridge.sound.kinds import KIND_CODES

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Filters:
    """What answers are kept to; all conditions hold together, the default keeps everything.

    Attributes
    ----------
    kinds : frozenset of str
        Names of ``sound.kinds.KINDS``; empty: any kind.
    duration_s : tuple of two floats, optional
        Shortest and longest, both included.
    folder : bytes, optional
        Absolute path; a sound is in it if any of its files is below it.
    favourites : bool
        Only what the user has marked.
    """

    kinds: frozenset[str] = frozenset()
    duration_s: tuple[float, float] | None = None
    folder: bytes | None = None
    favourites: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The rows of one corpus that one set of filters keeps.

    Attributes
    ----------
    sound : ndarray of bool, shape (n,)
        Sounds kept.
    entry : ndarray of bool, shape (m,)
        Files kept: of a kept sound and below the folder, or waiting for analysis with nothing
        known against them (a file that waits has no duration and is no favourite).
    """

    sound: BoolArray
    entry: BoolArray


def select(snapshot: Snapshot, files: Files, filters: Filters) -> Selection | None:
    """Return what filters keep, None if they keep everything.

    Parameters
    ----------
    snapshot : Snapshot
        The library.
    files : Files
        Its entries.
    filters : Filters
        Its kinds must be known ones.
    """
    if filters == Filters():
        return None
    sounds, entries, sound_row = snapshot.sound, snapshot.entry, files.sound_row
    sound = np.ones(len(snapshot.ids), np.bool_)
    entry = np.ones(len(files), np.bool_)
    waiting = sound_row < 0
    if filters.kinds:
        wanted = np.zeros(256, np.bool_)
        wanted[[KIND_CODES[kind] for kind in filters.kinds]] = True
        sound &= wanted[sounds["kind"]]
        entry &= ~waiting | wanted[entries["entry_kind"]]
    if filters.duration_s is not None:
        low_s, high_s = filters.duration_s
        sound &= (sounds["duration_s"] >= low_s) & (sounds["duration_s"] <= high_s)
        entry &= ~waiting
    if filters.favourites:
        sound &= sounds["favourite"]
        entry &= ~waiting
    if filters.folder is not None:
        below = np.zeros(len(files), np.bool_)
        below[files.below(filters.folder)] = True
        inside = np.zeros(len(sound), np.bool_)
        inside[sound_row[below & ~waiting]] = True
        parent = sounds["parent_row"]
        sound &= inside | ((parent >= 0) & inside[parent])
        entry &= below
    entry[~waiting] &= sound[sound_row[~waiting]]
    return Selection(sound, entry)
