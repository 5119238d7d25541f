"""Choosing the map of one library from a population of them.

Owns the population and the comparison, by the ranking of the study. It must not touch a library: it is given
arrays and gives a choice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import KlustrError, StudyError
from klustr_bridge.layout.fit import fit_layout
from klustr_bridge.layout.neighbours import NeighbourIndex
from klustr_bridge.layout.tsne_fit import is_available
from klustr_bridge.layout.tuned import TUNED_METHODS
from klustr_bridge.study.bootstrap import SHARE_WITHIN, Estimate, estimate
from klustr_bridge.study.dataset import MOST, has_others_outside, share_with_others_outside
from klustr_bridge.study.ranking import ranked_draws
from klustr_bridge.study.scores import K, neighbour_precision
from klustr_bridge.study.workers import in_processes
from klustr_bridge.types import Float32Array

POPULATION = TUNED_METHODS
"""Methods that are compared unless others are named."""

LEAST_NAMED = 100
"""Sounds of known kinds below which a map is judged by the neighbours it keeps instead."""

LEAST_FOLDERS = 6
"""Folders below which nothing can be said by drawing folders again: single sounds are drawn instead."""

MOST_ASKED = 3_000
LEAST_SOUNDS = 16

KINDS, NEIGHBOURS = "kinds", "neighbours"
FOLDERS, SINGLE = "folders", "sounds"


@dataclass(frozen=True, slots=True)
class Sounds:
    """A library as it is tuned to.

    Attributes
    ----------
    embeddings : ndarray of float32, shape (n, d)
    xy : ndarray of float32, shape (n, 2)
        The map in force; NaN where there is none.
    kinds : ndarray of str, shape (n,)
        As names tell them; empty where they don't. Kinds that were heard must not be among them: a map
        would be judged by the embedding it is made from.
    kind_codes : ndarray of uint8, shape (n,)
        The same, 0 where unknown.
    packs : ndarray of str, shape (n,)
        Folder of each sound.
    """

    embeddings: Float32Array
    xy: Float32Array
    kinds: NDArray[np.str_]
    kind_codes: NDArray[np.uint8]
    packs: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Tried:
    """One map.

    Attributes
    ----------
    method : str
    share : Estimate
        How it scores.
    gain : Estimate
        How much better it is than the map in force.
    least_gain : float
        Lower end of an interval of the gain that is wide enough for the best of all those tried: 95 % of the
        resamples, divided among them (Bonferroni).
    """

    method: str
    share: Estimate
    gain: Estimate
    least_gain: float


@dataclass(frozen=True, slots=True)
class Choice:
    """What was found.

    Attributes
    ----------
    judged_by : {'kinds', 'neighbours'}
        ``kinds``: share of the ten nearest on the map that are of a sound's kind, its own folder left out
        where kinds are in several;
        ``neighbours``: share of the ten most alike that are among the ten nearest on the map.
    drawn : str
        What was drawn again for the intervals: ``folders`` or ``sounds``.
    in_force : Estimate
        Score of the map in force.
    tried : tuple of Tried
        The best first.
    failed : dict of str to str
        Methods that couldn't be tried, with the reason.
    """

    judged_by: str
    drawn: str
    in_force: Estimate
    tried: tuple[Tried, ...]
    failed: dict[str, str]

    @property
    def is_sure(self) -> bool:
        """Whether the best map's gain is more than chance, though it is the best of several."""
        return bool(self.tried) and self.tried[0].least_gain > 0.0


@dataclass(frozen=True, slots=True)
class _Fit:
    method: str
    sounds: Sounds
    seed: int
    from_scratch: bool


def choose(
    sounds: Sounds,
    *,
    seed: int,
    from_scratch: bool,
    methods: Sequence[str] = POPULATION,
    n_processes: int = 1,
    tell: Callable[[str], None] = print,
) -> Choice:
    """Make the maps of a population and rank them.

    Parameters
    ----------
    sounds : Sounds
    seed : int
        Of the maps: the library's own, so that what is chosen is what it will get.
    from_scratch : bool
        Whether the map in force has no say in the next one.
    methods : sequence of str
        Of `fit_layout`.
    n_processes : int
    tell : callable
        Told a line about each map.

    Returns
    -------
    Choice

    Raises
    ------
    StudyError
        Where there are too few sounds, or none of the maps could be made.
    """
    if len(sounds.embeddings) < LEAST_SOUNDS:
        raise StudyError(f"{len(sounds.embeddings)} sounds have one map; {LEAST_SOUNDS} are needed to choose")
    wanted = [method for method in methods if is_available() or not method.startswith("tsne")]
    if not wanted:
        raise StudyError("t-SNE needs openTSNE, which this system has no ready-made build of; name others")
    judged_by = KINDS if _can_ask_kinds(sounds) else NEIGHBOURS
    packs = _packs(sounds, judged_by)
    shares, failed = {"": _measured(sounds, sounds.xy, judged_by, packs)}, {}
    tell(
        f"comparing {len(wanted)} maps of {len(sounds.embeddings)} sounds with the one in force; it takes as "
        "long as so many new maps"
    )
    fits = [_Fit(method, sounds, seed, from_scratch) for method in wanted]
    for at, (fit, made) in enumerate(in_processes(_fitted, fits, n_processes), 1):
        if isinstance(made, str):
            failed[fit.method] = made
            tell(f"{at} of {len(fits)} maps: {fit.method} failed: {made}")
        else:
            shares[fit.method] = _measured(sounds, made, judged_by, packs)
            tell(f"{at} of {len(fits)} maps: {fit.method}")
    if len(shares) == 1:
        raise StudyError("none of the maps could be made: " + "; ".join(failed.values()))
    asked = np.isfinite(list(shares.values())).all(axis=0)
    is_of_folders = len(np.unique(packs[asked])) >= LEAST_FOLDERS
    drawn = packs[asked] if is_of_folders else np.flatnonzero(asked).astype(np.str_)
    draws = ranked_draws([share[asked] for share in shares.values()], drawn, seed)
    by_method = dict(zip(shares, draws, strict=True))
    before = by_method.pop("")
    within = 1.0 - (1.0 - SHARE_WITHIN) / len(by_method)
    tried = [
        Tried(one, estimate(found), estimate(found - before), estimate(found - before, within).low)
        for one, found in by_method.items()
    ]
    tried.sort(key=lambda one: (-one.share.value, wanted.index(one.method)))
    what = FOLDERS if is_of_folders and len(np.unique(drawn)) < len(drawn) else SINGLE
    return Choice(judged_by, what, estimate(before), tuple(tried), failed)


def _packs(sounds: Sounds, judged_by: str) -> NDArray[np.str_]:
    """Folders of the sounds, or each sound for itself where kinds have a folder each."""
    is_named = sounds.kinds != ""
    kinds, packs = sounds.kinds[is_named], sounds.packs[is_named]
    if judged_by == KINDS and share_with_others_outside(kinds, packs) <= MOST:
        return np.arange(len(sounds.packs)).astype(np.str_)
    return sounds.packs


def _can_ask_kinds(sounds: Sounds) -> bool:
    is_named = sounds.kinds != ""
    _, count = np.unique(sounds.kinds[is_named], return_counts=True)
    return bool(is_named.sum() >= LEAST_NAMED and (count > K).sum() >= 2)


def _measured(
    sounds: Sounds, xy: Float32Array, judged_by: str, packs: NDArray[np.str_]
) -> NDArray[np.float64]:
    """The score of each sound, shape (n,); NaN for those that weren't asked."""
    share = np.full(len(xy), np.nan)
    placed = np.isfinite(xy).all(axis=1)
    if not placed.any():
        return share
    rng = np.random.default_rng(0)
    if judged_by == KINDS:
        among = np.flatnonzero(placed & (sounds.kinds != ""))
        asked = np.sort(rng.permutation(len(among))[:MOST_ASKED])
        kinds, own = sounds.kinds[among], packs[among]
        of_named = neighbour_precision(xy[among].astype(np.float64), kinds, own, asked=asked)
        share[among] = np.where(has_others_outside(kinds, own), of_named, np.nan)
        return share
    among = np.flatnonzero(placed)
    asked = np.sort(rng.permutation(len(among))[:MOST_ASKED])
    in_sound = NeighbourIndex(sounds.embeddings[among]).nearest_others(K, asked).rows
    on_map = NeighbourIndex(xy[among]).nearest_others(K, asked).rows
    share[among[asked]] = (in_sound[:, :, None] == on_map[:, None, :]).any(axis=2).mean(axis=1)
    return share


def _fitted(fit: _Fit) -> Float32Array | str:
    sounds = fit.sounds
    try:
        return fit_layout(
            sounds.embeddings,
            seed=fit.seed,
            method=fit.method,
            previous=None if fit.from_scratch else sounds.xy,
            kinds=sounds.kind_codes,
        ).xy
    except KlustrError as error:
        return str(error)
    except Exception as error:  # whatever an engine raises: the others can still be made
        return f"{type(error).__name__}: {error}"
