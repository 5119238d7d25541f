"""Folds: ears trained without some collections, to be judged on those.

Owns which collections are held out together, and the files of the folds' ears. It must not judge.
"""

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.sound.embedding import LEARNED_WEIGHT
from klustr_bridge.types import Float32Array
from training import fit, losses, network, views
from training.fit import Recipe, train
from training.heads import Arrays, fit_kind_head
from training.network import embed
from training.sounds import Sounds, TrainingError

FOLDS: Final[dict[str, tuple[str, ...]]] = {
    "machines": ("oramics", "smplds", "uzu", "garden"),
    "kits": ("hydrogen", "lmms"),
    "acoustic": ("acoustic_osdk", "sonicpi"),
    "midi": ("gm_fluid", "gm_tim", "gm_opl3"),
    "mixed": ("sptools", "berklee"),
}
"""Collections that are held out together. Those of ``mixed`` have too few drums to judge neighbours by."""


@dataclass(frozen=True, slots=True)
class Fold:
    """An ear and what it makes of all sounds, those that it wasn't trained on among them.

    Attributes
    ----------
    name : str
    seed : int
    is_held_out : ndarray of bool, shape (n,)
    learned : ndarray of float32, shape (n, LEARNED_SIZE)
    kind_head : dict of str to ndarray
        Fitted to the sounds that weren't held out.
    """

    name: str
    seed: int
    is_held_out: NDArray[np.bool_]
    learned: Float32Array
    kind_head: Arrays


def fold_of(
    sounds: Sounds,
    held_out: tuple[str, ...],
    name: str,
    recipe: Recipe,
    folder: Path,
    tell: Callable[[str], None],
) -> Fold:
    """Train without some collections, or read what was trained so before.

    Parameters
    ----------
    sounds : Sounds
    held_out : tuple of str
        Collections.
    name : str
        Of the fold.
    recipe : Recipe
    folder : Path
        Where the fold is kept.
    tell : callable
        Told a line now and then.

    Returns
    -------
    Fold

    Raises
    ------
    TrainingError
        Where a collection is unknown, all of them are held out, or what was trained before is of other sounds
        or of another way to train.
    """
    known = set(sounds.collection.tolist())
    if unknown := sorted(set(held_out) - known):
        raise TrainingError(f"no collection is called {unknown[0]!r}; known: {', '.join(sorted(known))}")
    if known <= set(held_out):
        raise TrainingError("all collections are held out: nothing is left to train on")
    is_held_out = np.isin(sounds.collection, held_out)
    way = _way()
    path = folder / f"fold-{name}-{recipe.steps}-{recipe.batch}-{recipe.seed}.npz"
    if not path.is_file():
        taught = sounds.of(~is_held_out)
        weights = train(taught, recipe, lambda line: tell(f"{name}, seed {recipe.seed}: {line}"))
        learned = embed(weights, sounds.levels, sounds.log_length)
        head = fit_kind_head(weights, taught, recipe.seed)
        heard = {"is_held_out": is_held_out, "learned": learned, "way": np.array(way)}
        np.savez_compressed(path, **heard, **head)  # type: ignore[arg-type]
    with np.load(path, allow_pickle=False) as kept:
        arrays = {key: kept[key] for key in kept.files}
    if str(arrays.pop("way", "")) != way:
        raise TrainingError(f"{path} was trained in another way; delete it, or name another folder")
    if not np.array_equal(arrays.pop("is_held_out"), is_held_out):
        raise TrainingError(f"{path} is of other sounds; delete it, or name another folder")
    return Fold(name, recipe.seed, is_held_out, arrays.pop("learned"), arrays)


def _way() -> str:
    """Names how ears and kind heads are trained: other code, another name."""
    sources = [inspect.getsource(module) for module in (fit, losses, network, views)]
    taught = "\n".join([*sources, inspect.getsource(fit_kind_head), repr(LEARNED_WEIGHT)])
    return hashlib.sha256(taught.encode()).hexdigest()[:16]


def all_folds(
    sounds: Sounds, recipe: Recipe, n_seeds: int, folder: Path, tell: Callable[[str], None]
) -> list[Fold]:
    """Train every fold of `FOLDS` whose collections there are, with seeds from that of the recipe on."""
    known = set(sounds.collection.tolist())
    return [
        fold_of(sounds, held_out, name, replace(recipe, seed=recipe.seed + at), folder, tell)
        for at in range(n_seeds)
        for name, held_out in FOLDS.items()
        if set(held_out) <= known
    ]
