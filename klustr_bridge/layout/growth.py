"""When a map is fitted, and how.

A fit moves every sound on the map, so it has to be worth it. The rules:

1. **The first sounds.** As soon as there is one sound there is a map, the *quick* one: the universal map
   where the library hears by the learned ear, else PCA, which takes milliseconds. New sounds are placed
   without moving the others.
2. **The first good map.** t-SNE follows at 300 sounds while the library is still being indexed, or
   with 16 sounds as soon as everything found has been heard.
3. **A young library** (fewer than 5,000 sounds were fitted) gets a new map whenever it has grown to
   four times the sounds fitted, and once more when everything has been heard, if fewer than two
   thirds of its sounds were fitted.
4. **A grown-up library** keeps its map while sounds come and go. It gets a new one only when
   everything has been heard and the map has become *poor*: more than half of the sounds were placed
   rather than fitted, or the share of neighbours it keeps has fallen below 80 % of what it was.

5. **Another ear.** A map made from other embeddings than those that count now (``hearing.embedding``) is
   followed by one made from these, once everything has been heard.

With ``layout.refit = "manual"`` maps come by themselves until everything has been heard for the
first time; from then on they are offered by the caller and wait for ``/klustr/relayout``.
``layout.method = "pca"`` keeps to PCA, axes are axes from the first sound on and a universal map is one;
another method than ``"auto"`` begins with it where there are 16 sounds. A universal map can't
become poor. While the learned ear has yet to hear some sounds of a library that it was made for, it stays in
force, and what comes is placed among its neighbours; once everything has been heard these come to their own
places, by an epoch in which no other sound moves. A fit that failed is tried again when the
library has doubled.

This module owns this policy, as a pure function. It must not fit, and must not know the store.
"""

from dataclasses import dataclass
from typing import Literal

from klustr_bridge.layout.axes import axes_of
from klustr_bridge.layout.fit import MIN_ENGINE_SOUNDS, best_engine
from klustr_bridge.layout.quality import is_poor
from klustr_bridge.layout.universal import UNIVERSAL

GOOD_MAP_WHILE_INDEXING = 300
YOUNG_BELOW = 5_000
GROWTH = 4
SETTLED_FITTED_SHARE = 2 / 3

QUICK = ("pca", UNIVERSAL)
"""Methods of the map that a library begins with."""


@dataclass(frozen=True, slots=True)
class FittedMap:
    """The map in force.

    Attributes
    ----------
    method : str
        `Layout.method` of its fit.
    n_fitted : int
        Sounds it was fitted to.
    neighbour_share : float, optional
        `quality.neighbour_share` right after the fit.
    hears_otherwise : bool
        Whether it was made from other embeddings than those that count now, or some sounds were placed on it
        by others.
    """

    method: str
    n_fitted: int
    neighbour_share: float | None = None
    hears_otherwise: bool = False


def next_fit(
    n_live: int,
    *,
    settled: bool,
    fitted: FittedMap | None,
    n_placed: int = 0,
    neighbour_share: float | None = None,
    method: str = "auto",
    refit: Literal["auto", "manual"] = "auto",
    has_settled: bool = True,
    failed_at: int = 0,
    is_learned: bool = False,
) -> str | None:
    """Say which map to fit now, if any.

    Parameters
    ----------
    n_live : int
        Sounds that a map would be fitted to now.
    settled : bool
        Whether everything found on disk has been heard.
    fitted : FittedMap, optional
        The map in force; None before the first.
    n_placed : int
        Live sounds that were placed since the fit.
    neighbour_share : float, optional
        Of the map as it is now, where that was measured.
    method, refit : str
        The user's settings of the same names.
    has_settled : bool
        Whether there was a moment before at which everything found had been heard and the map was good.
    failed_at : int
        `n_live` at the last fit if that failed, else 0.
    is_learned : bool
        Whether the library hears by the learned ear, which ``universal`` needs: without it that is ``auto``.

    Returns
    -------
    str or None
        The method to hand to `fit_layout`. Asked again after that fit, without a change to the
        library, the answer is None, or once more another method (from a quick to a better one, never back).
    """
    if n_live == 0 or n_live < 2 * failed_at:
        return None
    has_good = fitted is not None and fitted.method not in QUICK
    best = method_for(n_live, settled or has_good, method, is_learned=is_learned)
    if fitted is None:
        # the quick map first: the good one follows at the next call
        return _quick(is_learned) if _known(method, is_learned) == "auto" else best
    if fitted.method == UNIVERSAL and not is_learned and not settled:
        return None
    is_left_behind = fitted.method == UNIVERSAL and fitted.hears_otherwise and not is_learned
    if is_left_behind and refit == "manual" and has_settled:
        return None
    if fitted.method in QUICK and best not in QUICK:
        return best
    if fitted.method == best == UNIVERSAL:
        # none moves but those that were placed among their neighbours
        return best if settled and fitted.hears_otherwise else None
    if refit == "manual" and has_settled:
        return None
    if fitted.hears_otherwise and settled:
        return best
    if n_placed == 0:
        return None
    if fitted.n_fitted < YOUNG_BELOW:
        outgrown = n_live >= GROWTH * fitted.n_fitted
        thin = settled and n_live - n_placed < SETTLED_FITTED_SHARE * n_live
        wanted = outgrown or thin
    else:
        wanted = settled and is_poor(n_live, n_placed, fitted.neighbour_share, neighbour_share)
    return best if wanted else None


def needs_neighbour_share(n_live: int, *, settled: bool, fitted: FittedMap | None, n_placed: int) -> bool:
    """Whether `next_fit` would look at the map's present neighbour share: measuring it costs a moment."""
    return (
        settled
        and fitted is not None
        and fitted.method != UNIVERSAL
        and fitted.n_fitted >= YOUNG_BELOW
        and is_poor(n_live, n_placed, fitted.neighbour_share, 0.0)
        and not is_poor(n_live, n_placed, None, None)
    )


def method_for(n_live: int, worth_waiting: bool, method: str, *, is_learned: bool = False) -> str:
    """Return the method that so many sounds are fitted with, for a user's setting.

    Parameters
    ----------
    worth_waiting : bool
        Whether ``auto`` is more than the quick map also below `GOOD_MAP_WHILE_INDEXING` sounds.
    is_learned : bool
        As for `next_fit`.
    """
    method = _known(method, is_learned)
    if method in QUICK or axes_of(method) is not None:
        return method
    if n_live < MIN_ENGINE_SOUNDS:
        return _quick(is_learned)
    if method != "auto":
        return method
    if worth_waiting or n_live >= GOOD_MAP_WHILE_INDEXING:
        return best_engine()
    return _quick(is_learned)


def _known(method: str, is_learned: bool) -> str:
    return "auto" if method == UNIVERSAL and not is_learned else method


def _quick(is_learned: bool) -> str:
    return UNIVERSAL if is_learned else "pca"
