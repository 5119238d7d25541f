"""What is told of a sound from its row alone: its kind, and its place on the universal map.

Owns how the two heads are fitted, and what of them was measured on held-out collections. The application of
them belongs to the package (`klustr_bridge.sound`).
"""

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from klustr_bridge.layout.fit import fit_layout
from klustr_bridge.sound.embedding import LEARNED_WEIGHT
from klustr_bridge.types import Float32Array
from training.network import Weights, embed
from training.sounds import NAMES, Sounds
from training.views import view

KIND_TEMPERATURE: Final = 1.27
"""Where held-out collections surprise least."""
KIND_THRESHOLD: Final = 0.6
"""Below it no kind is told. Of held-out drums half get an answer then, and 86 % of those are right."""
MAP_METHOD: Final = "tsne-100"
"""With this perplexity the places of held-out drum machines, kits, General MIDI and acoustic drums kept .93,
.91, .89 and 1.00 of the P@10 of maps fitted to them, with the usual one .87, .90, .85 and .98, by an ear of
another loss. The same holds for the axes."""
MAP_AXES: Final = 48
"""Of 151 axes 24 did as well on average, all of them a little worse."""
MAP_REACH: Final = 12.0
"""Distance at which a landmark counts .6 of one that is where the sound is. P@10 of the places of held-out
drum machines, kits, General MIDI and acoustic drums: .653, .655, .683, .615; with 16 .627, .654, .667, .617,
with 22 less; 8 and 10 did as well."""
LANDMARKS: Final = 3_500
"""As many as fit into a megabyte beside the network."""

_KIND_HIDDEN = 64
_KIND_VIEWS = 4
_KIND_STEPS = 600
_KIND_BATCH = 512
_KIND_RATE = 3e-3
_KIND_DECAY = 1e-2

Arrays = dict[str, NDArray[Any]]


def fit_kind_head(weights: Weights, sounds: Sounds, seed: int) -> Arrays:
    """Learn to tell kinds, from views of the sounds: of the sounds themselves the ear is too sure.

    Parameters
    ----------
    weights : dict of str to ndarray of float32
        From `training.network.folded`.
    sounds : Sounds
    seed : int

    Returns
    -------
    dict of str to ndarray
        ``kind_w1 kind_b1 kind_w2 kind_b2 kind_temperature kind_threshold kind_names``.
    """
    torch.manual_seed(seed)
    chance = torch.Generator().manual_seed(seed)
    # in the unit of the ear's sphere, so that both parts are of about one size
    views = [mixed(sounds, _heard_views(weights, sounds, chance)) for _ in range(_KIND_VIEWS)]
    points = torch.from_numpy(np.concatenate(views) / np.float32(LEARNED_WEIGHT))
    kinds = torch.from_numpy(np.tile(sounds.kind, _KIND_VIEWS))
    counts = torch.bincount(kinds, minlength=len(NAMES)).float()
    head = nn.Sequential(
        nn.Linear(points.shape[1], _KIND_HIDDEN), nn.ReLU(), nn.Linear(_KIND_HIDDEN, len(NAMES))
    )
    optimiser = torch.optim.AdamW(head.parameters(), _KIND_RATE, weight_decay=_KIND_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _KIND_RATE, total_steps=_KIND_STEPS)
    draw = counts.rsqrt()[kinds]
    for _ in range(_KIND_STEPS):
        rows = torch.multinomial(draw, min(_KIND_BATCH, len(kinds)), generator=chance)
        loss = functional.cross_entropy(head(points[rows]), kinds[rows], label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return {
        "kind_w1": _plain(head[0].weight.T) / np.float32(LEARNED_WEIGHT),
        "kind_b1": _plain(head[0].bias),
        "kind_w2": _plain(head[2].weight.T),
        "kind_b2": _plain(head[2].bias),
        "kind_temperature": np.array(KIND_TEMPERATURE, np.float32),
        "kind_threshold": np.array(KIND_THRESHOLD, np.float32),
        "kind_names": np.array(NAMES, dtype="<U16"),
    }


def mixed(sounds: Sounds, learned: Float32Array, weight: float = LEARNED_WEIGHT) -> Float32Array:
    """Rows as the package keeps them, loops left out: engineered, then learned times a weight."""
    rows: Float32Array = np.hstack([sounds.engineered, np.float32(weight) * learned])
    return rows


def fit_map_head(rows: Float32Array, seed: int, n_landmarks: int = LANDMARKS) -> Arrays:
    """Lay all sounds out, and keep the places of those that stand for the others.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, PLACED_SIZE)
        Engineered and learned numbers, weighed as the package does.
    seed : int
    n_landmarks : int
        Fewer where there are fewer sounds.

    Returns
    -------
    dict of str to ndarray
        ``map_middle map_axes map_landmarks map_xy map_sharpness``.
    """
    xy = fit_layout(rows, seed=seed, method=MAP_METHOD).xy
    middle = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    apart = rows.astype(np.float64) - middle
    axes = np.linalg.eigh(apart.T @ apart)[1][:, : -MAP_AXES - 1 : -1].astype(np.float16)
    seen = (apart @ axes.astype(np.float64)).astype(np.float32)
    chosen = spread_out(seen, n_landmarks)
    return {
        "map_middle": middle,
        "map_axes": axes,
        "map_landmarks": seen[chosen].astype(np.float16),
        "map_xy": xy[chosen],
        "map_sharpness": np.array(0.5 / MAP_REACH**2, np.float32),
    }


def spread_out(points: Float32Array, n_wanted: int) -> NDArray[np.int64]:
    """Choose points such that none is far from its nearest chosen one: each in turn is the farthest so far.

    Returns
    -------
    ndarray of int64, shape (min(n, n_wanted),)
        Rows, ascending.

    References
    ----------
    T. F. Gonzalez, "Clustering to minimize the maximum intercluster distance", Theoretical Computer Science
    38 (1985).
    """
    apart = np.full(len(points), np.inf)
    chosen = [0]
    while len(chosen) < min(len(points), n_wanted):
        np.minimum(apart, np.square(points - points[chosen[-1]]).sum(axis=1), out=apart)
        chosen.append(int(apart.argmax()))
    return np.unique(np.array(chosen, np.int64))


def _heard_views(weights: Weights, sounds: Sounds, chance: torch.Generator) -> Float32Array:
    out = []
    for start in range(0, len(sounds), 512):
        part = sounds.of(slice(start, start + 512))
        shown = torch.from_numpy(part.levels), torch.from_numpy(part.log_length)[:, None]
        levels, lengths = view(*shown, chance)
        out.append(embed(weights, levels[:, 0].numpy(), lengths[:, 0].numpy()))
    return np.concatenate(out)


def _plain(values: torch.Tensor) -> Float32Array:
    return np.ascontiguousarray(values.detach().numpy())
