"""Drum kits: the sounds of other kinds that go with one.

This module owns what a kit is and how its sounds are chosen; comparing characters belongs to the corpus. It
knows no client. With 100,000 sounds its work takes some 20 ms: it is for a thread beside the event loop.
"""

import os

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.corpus import Corpus
from klustr_bridge.library.paths import containing, is_same
from klustr_bridge.sound.kinds import KIND_CODES, KINDS

KIT: tuple[str, ...] = (
    "kick",
    "snare",
    "closed_hat",
    "open_hat",
    "clap",
    "tom",
    "tom",
    "rim",
    "ride",
    "crash",
    "cowbell",
    "shaker",
    "perc",
)
"""The kinds of a kit, in the order in which they are chosen: with the sound asked about at most 14 pads."""

# All of these are in cosines between characters, where the best of a large library reach about .6.
SAME_FOLDER = 0.6
"""Bonus of the sounds in the nearest folder above the given sound's file that holds the kind at all."""
UNSURE = 0.3
"""Taken off a sound whose kind is told with no confidence at all, less where there is some."""
MASKED = 0.4
"""Taken off a sound that lies where another of the kit does already. It costs a twentieth of what `Character`
finds of the same source; double costs twice that."""
_NEAR_OCTAVES = 0.5
_CONSIDERED = 64
_CHOKED = frozenset({KIND_CODES["closed_hat"], KIND_CODES["open_hat"]})


def kit_around(corpus: Corpus, row: int, keep: NDArray[np.bool_] | None) -> list[int]:
    """Choose the kit of a sound.

    Parameters
    ----------
    corpus : Corpus
        The library.
    row : int
        The sound; it must be heard.
    keep : ndarray of bool, shape (n,), optional
        Sounds that may be chosen; all by default. Loops and slices never are.

    Returns
    -------
    list of int
        Rows: the sound itself, then one for each kind of `KIT` that it is not of, two for toms, in that
        order. Kinds that the library lacks are left out.

    Notes
    -----
    Each is the one most like the sound in character, with a bonus for the same folder, and with something
    taken off where it would mask a sound that is in the kit already: of about the same brightness, and of
    about the same pitch or, like that one, of none. Open and closed hats don't mask each other: they are one
    instrument.
    """
    score = corpus.character.likeness(row)
    score = score + np.float32(UNSURE) * (corpus.column("kind_confidence") - 1)
    free = corpus.is_single if keep is None else corpus.is_single & keep
    folders = [corpus.rows_below(folder) for folder in _folders_above(corpus, row)]
    wanted = list(KIT)
    if (own := KINDS[int(corpus.kind_codes[row])]) in wanted:
        wanted.remove(own)
    kit = [row]
    for kind in wanted:
        rows = np.flatnonzero(free & (corpus.kind_codes == KIND_CODES[kind]))
        rows = rows[~np.isin(rows, kit)]
        if len(rows):
            kit.append(_best(corpus, kit, rows, score[rows] + SAME_FOLDER * _inside(folders, rows)))
    return kit


def _folders_above(corpus: Corpus, row: int) -> list[bytes]:
    """Folders that hold the sound's first file, the nearest first, up to the watched one."""
    entry = corpus.entry(int(corpus.ids[row]))
    root = containing(entry.path, [folder.path for folder in corpus.folders]) if entry else None
    if entry is None or root is None:
        return []
    folders = [os.path.dirname(entry.path)]
    while not is_same(folders[-1], root) and folders[-1] != os.path.dirname(folders[-1]):
        folders.append(os.path.dirname(folders[-1]))
    return folders


def _inside(folders: list[NDArray[np.bool_]], rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which of some rows lie in the nearest folder that holds any of them."""
    for below in folders:
        if (inside := below[rows]).any():
            return inside
    return np.zeros(len(rows), np.bool_)


def _best(corpus: Corpus, kit: list[int], rows: NDArray[np.intp], score: NDArray[np.floating]) -> int:
    """The row with the highest score after what it masks is taken off; of equals the first."""
    few = np.lexsort((rows, -score))[:_CONSIDERED]
    masked = np.zeros(len(few))
    for other in kit:
        np.maximum(masked, _masking(corpus, rows[few], other), out=masked)
    return int(rows[few][np.argmax(score[few] - MASKED * masked)])


def _masking(corpus: Corpus, rows: NDArray[np.intp], other: int) -> NDArray[np.float64]:
    """How much sounds lie where another one does: 1 in the same place, 0 half an octave off or more."""
    if {int(corpus.kind_codes[rows[0]]), int(corpus.kind_codes[other])} == _CHOKED:
        return np.zeros(len(rows))
    brightness, pitch = corpus.column("brightness_hz"), corpus.column("pitch_hz")
    near = _closeness(brightness[rows], float(brightness[other]))
    pitched = pitch[rows] > 0
    if pitch[other] > 0:
        return near * np.where(pitched, _closeness(pitch[rows], float(pitch[other])), 0.0)
    return near * ~pitched


def _closeness(hz: NDArray[np.float32], other_hz: float) -> NDArray[np.float64]:
    octaves = np.abs(np.log2(np.maximum(hz, 1.0) / max(other_hz, 1.0)))
    closeness: NDArray[np.float64] = np.maximum(0.0, 1.0 - octaves / _NEAR_OCTAVES).astype(np.float64)
    return closeness
