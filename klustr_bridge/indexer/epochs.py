"""What the map keeper goes by: how a library hears, where its sounds stand now, and which map is wanted.

Only looks; owns no state. When a map is made is the policy of `klustr_bridge.layout.growth`.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.layout.axes import axes_of
from klustr_bridge.layout.fit import MIN_ENGINE_SOUNDS, best_engine
from klustr_bridge.layout.growth import FittedMap
from klustr_bridge.layout.tuned import is_tuned
from klustr_bridge.layout.universal import UNIVERSAL
from klustr_bridge.library.heard_kinds import read_known_codes
from klustr_bridge.library.rows import EMBEDDING_SCORE, Epoch
from klustr_bridge.library.store import Store
from klustr_bridge.sound.aspects import EMBEDDING_SIZE
from klustr_bridge.types import Float32Array, Int32Array

__all__ = [
    "NEEDS_THE_EAR",
    "count_sounds",
    "fitted_map",
    "hears_by_learned_ear",
    "known_kinds",
    "places_in_force",
    "wanted_method",
]

NEEDS_THE_EAR: Final = (
    "needs what the learned ear hears, and this library hears otherwise or not all of it has been heard so "
    "(hearing.embedding = learned lets it)"
)
"""Why a universal map can't be had."""


def hears_by_learned_ear(store: Store) -> bool:
    """Whether the rows that count in a library now hold what the learned ear hears."""
    with store.view() as view:
        return view.space.is_learned


def fitted_map(store: Store) -> FittedMap | None:
    """The map in force, as the policy is told of it; None before the first."""
    with store.view() as view:
        epoch, space = view.epoch(), view.space
    if epoch is None:
        return None
    # a release without the learned ear has noted nothing
    made_from = epoch.scores.get(EMBEDDING_SCORE, min(space.size, EMBEDDING_SIZE))
    return FittedMap(
        epoch.method,
        epoch.n_fitted,
        epoch.scores.get("neighbour_share"),
        # axes go by numbers that all embeddings have
        hears_otherwise=space.size != 0 and space.mark != made_from and axes_of(epoch.method) is None,
    )


def wanted_method(setting: str, epoch: Epoch | None) -> str:
    """Tell by which method a library is to be laid out.

    Parameters
    ----------
    setting : str
        ``layout.method``, axes by their names.
    epoch : Epoch, optional
        The map in force.

    Returns
    -------
    str
        The setting; ``auto`` keeps to what was chosen for the map in force, if that can be had here: to what
        `tune` has taken, and to a universal map that was made where there was another one before. The one
        that a library begins with, or has while it is small, is only for want of a better one.
    """
    if setting != "auto" or epoch is None:
        return setting
    is_first = epoch.number == 1 or epoch.n_fitted < MIN_ENGINE_SOUNDS
    is_chosen = is_tuned(epoch.method) or (epoch.method == UNIVERSAL and not is_first)
    is_missing = epoch.method.startswith("tsne") and best_engine() != "tsne"
    return epoch.method if is_chosen and not is_missing else setting


def count_sounds(store: Store) -> int:
    """Live sounds that a map would be fitted to now, slices too."""
    with store.view() as view:
        if view.space.number:
            return view.count_vectors()[0]
    counts = store.counts()
    return counts.sounds + counts.slices


def known_kinds(store: Store, ids: Int32Array) -> NDArray[np.uint8]:
    """Codes of the kinds of sounds, 0 where neither the user nor a name tells one, shape (n,)."""
    with store.view() as view:
        return read_known_codes(view.connection, ids)


def places_in_force(store: Store, ids: Int32Array) -> Float32Array:
    """Natural positions of sounds, shape (n, 2); NaN where there are none."""
    placed, both = store.positions()
    places = np.full((len(ids), 2), np.nan, dtype=np.float32)
    if len(placed):
        at = np.searchsorted(placed, ids).clip(max=len(placed) - 1)
        is_placed = placed[at] == ids
        places[is_placed] = both[at[is_placed], :2]
    return places
