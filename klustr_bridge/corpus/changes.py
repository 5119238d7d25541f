"""What a newer corpus changed on the map.

This module owns the comparison of two corpora; it must not keep or publish either.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.corpus.corpus import Corpus
from klustr_bridge.types import NATURAL, Int32Array


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """Sounds that came onto the map, left it, or moved on it; ids rising.

    Attributes
    ----------
    added, removed, moved : ndarray of int32
        Places of `added` and `moved` are in the newer corpus. `moved` is empty unless the
        epoch changed. With another library everything is removed and everything added.
    epoch_changed : bool
        Whether the layout's number (or the library) is another one.
    candidate_changed : bool
        Whether there is another candidate, or one where there was none, or none any more.
    """

    added: Int32Array
    removed: Int32Array
    moved: Int32Array
    epoch_changed: bool
    candidate_changed: bool = False


def difference(old: Corpus, new: Corpus, view: str = NATURAL) -> Changes:
    """Compare the sounds that have a place in two corpora, in a view of the map.

    Parameters
    ----------
    old, new : Corpus
        The one that was published, and the one that takes its place.
    view : str
        One of `types.VIEWS`.

    Returns
    -------
    Changes
        A sound that was known without a place counts as added once it has one.
    """
    old_map, new_map = old.places(view), new.places(view)
    old_ids, new_ids = old.ids[old_map.placed], new.ids[new_map.placed]
    other_library = old.library_id != new.library_id
    epoch_changed = other_library or old.epoch != new.epoch
    candidate_changed = _candidate_of(old) != _candidate_of(new)
    if other_library:
        return Changes(new_ids, old_ids, new_ids[:0], epoch_changed, candidate_changed)
    stays = _is_in(new_ids, old_ids)
    moved = new_ids[:0]
    if epoch_changed:
        both = new_ids[stays]
        was = old_map.xy[np.searchsorted(old.ids, both)]
        now = new_map.xy[np.searchsorted(new.ids, both)]
        moved = both[(was != now).any(axis=1)]
    gone = old_ids[~_is_in(old_ids, new_ids)]
    return Changes(new_ids[~stays], gone, moved, epoch_changed, candidate_changed)


def _candidate_of(corpus: Corpus) -> tuple[str, float] | None:
    candidate = corpus.candidate
    return None if candidate is None else (corpus.library_id, candidate.created_s)


def _is_in(values: Int32Array, rising: Int32Array) -> NDArray[np.bool_]:
    """Tell which values occur in a rising array."""
    if len(rising) == 0:
        return np.zeros(len(values), np.bool_)
    at = np.minimum(np.searchsorted(rising, values), len(rising) - 1)
    found: NDArray[np.bool_] = rising[at] == values
    return found
