"""Finding words in a hundred thousand file names within milliseconds.

This module owns the search over the snapshot's blob of lower-cased names; it must not know
ids or sounds. No step of it loops over names in Python: each is a pass of numpy over the blob.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.corpus.snapshot import ByteRows

IntArray = NDArray[np.int64]

_SLASH, _BACKSLASH = 0x2F, 0x5C
_SAMPLED_BYTES = 1 << 16
_FOLDER, _PART, _ABSENT = 2, 1, 4

# Neighbouring bytes of one class belong to one word; class 0 is in no word.
_CLASS = np.zeros(256, np.uint8)
_CLASS[ord("a") : ord("z") + 1] = 1
_CLASS[0x80:] = 1
_CLASS[ord("0") : ord("9") + 1] = 2


class _Names(NamedTuple):
    """Names in one blob.

    `own` is where each one's own file name starts; `edge` tells of each byte whether a word
    can start there, which is also whether one can end before it.
    """

    blob: NDArray[np.uint8]
    offset: IntArray
    own: IntArray
    edge: NDArray[np.bool_]


def query_words(text: str) -> list[bytes]:
    """Split a query at blanks into distinct words, folded like the names are; longest first."""
    words = dict.fromkeys(word.encode("utf-8", "replace") for word in text.casefold().split())
    return sorted(words, key=len, reverse=True)


class NameSearch:
    """Searches names relative to their watched folder.

    Parameters
    ----------
    names : ByteRows
        Case-folded UTF-8, each ending in a newline.
    """

    def __init__(self, names: ByteRows) -> None:
        blob, offset = names.blob, names.offset
        slash = np.flatnonzero((blob == _SLASH) | (blob == _BACKSLASH))
        last = np.searchsorted(slash, offset[1:]) - 1
        after = np.where(last >= 0, slash[last] + 1, 0) if len(slash) else np.zeros(len(last), np.int64)
        self._names = _Names(blob, offset, np.maximum(offset[:-1], after), _edges(blob))
        sample = blob[:: max(1, len(blob) // _SAMPLED_BYTES)]
        self._frequency = np.bincount(sample, minlength=256)

    def search(self, words: Sequence[bytes]) -> tuple[IntArray, IntArray]:
        """Find the names that hold every word.

        Parameters
        ----------
        words : sequence of bytes
            From `query_words`; none finds every name.

        Returns
        -------
        index : ndarray of int64
            The names found, rising.
        rank : ndarray of int64
            Lower is better: first by how many words are only in folder names, then by how many
            are only parts of a word. Letters and digits are words apart: "kick" is a whole
            word of "kick01".
        """
        names, n_words = self._names, len(words)
        index = np.arange(len(names.own))
        rank = np.zeros(len(names.own), np.int64)
        worth = np.array([0, 1, n_words + 1, n_words + 2])
        for word in words:
            if 4 * len(index) < len(names.own):
                level = self._levels(_subset(names, index), word)
            else:
                level = self._levels(names, word)[index]
            found = np.flatnonzero(level < _ABSENT)
            index, rank = index[found], rank[found] + worth[level[found]]
        return index, rank

    def _levels(self, names: _Names, word: bytes) -> NDArray[np.uint8]:
        """Return how well each name holds a word: 0 best, 3 least, 4 not at all."""
        level = np.full(len(names.own), _ABSENT, np.uint8)
        at = self._positions(names.blob, word)
        if len(at) > len(names.own):  # searching for the fewer among the more is faster
            index = np.repeat(np.arange(len(names.own)), np.diff(np.searchsorted(at, names.offset)))
        else:
            index = np.searchsorted(names.offset, at, side="right") - 1
        whole = names.edge[at] & names.edge[at + len(word)]
        level_at = np.where(at < names.own[index], np.uint8(_FOLDER), np.uint8(0))
        level_at += np.where(whole, np.uint8(0), np.uint8(_PART))
        for value in (_FOLDER + _PART, _FOLDER, _PART, 0):  # the best is written last
            level[index[level_at == value]] = value
        return level

    def _positions(self, blob: NDArray[np.uint8], word: bytes) -> IntArray:
        """Return where a word starts in the blob, rising; its rarest two bytes are sought first."""
        n_starts = len(blob) - len(word) + 1
        if n_starts <= 0:
            return np.zeros(0, np.int64)
        if len(word) == 1:
            return np.flatnonzero(blob == word[0])
        often = [int(self._frequency[byte]) for byte in word]
        first = min(range(len(word) - 1), key=lambda i: often[i] * often[i + 1])
        hit = blob[first : first + n_starts] == word[first]
        hit &= blob[first + 1 : first + 1 + n_starts] == word[first + 1]
        at = np.flatnonzero(hit)
        for i in sorted(set(range(len(word))) - {first, first + 1}, key=often.__getitem__):
            at = at[blob[at + i] == word[i]]
        return at


def _edges(blob: NDArray[np.uint8]) -> NDArray[np.bool_]:
    classes = _CLASS[blob]
    edge = np.ones(len(blob) + 1, np.bool_)
    edge[1:-1] = (classes[1:] != classes[:-1]) | (classes[1:] == 0)
    return edge


def _subset(names: _Names, index: IntArray) -> _Names:
    """Return the names at `index` as a blob of their own."""
    start = names.offset[index]
    length = names.offset[index + 1] - start
    offset = np.concatenate(([0], np.cumsum(length)))
    source = np.arange(offset[-1]) + np.repeat(start - offset[:-1], length)
    edge = np.append(names.edge[source], True)
    return _Names(names.blob[source], offset, names.own[index] - start + offset[:-1], edge)
