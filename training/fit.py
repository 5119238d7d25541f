"""The training itself: seeded, the same bytes each time on the same processor.

Owns the schedule. It must not know where sounds come from or what becomes of the network.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from klustr_bridge.sound.embedding import LEARNED_WEIGHT
from klustr_bridge.types import Float32Array
from training.losses import loss_of
from training.network import Ear, Weights, folded
from training.sounds import Sounds, TrainingError
from training.views import view

LEARNING_RATE: Final = 3e-3
WEIGHT_DECAY: Final = 1e-2
AVERAGED_STEPS: Final = 200
"""The weights are averaged over about so many of the last steps, at most a tenth of all."""

_TELL_EVERY = 50


@dataclass(frozen=True, slots=True)
class Recipe:
    """What of a training can be chosen.

    Attributes
    ----------
    steps : int
    batch : int
        Sounds a step, each in two views.
    seed : int
    device : str
        ``cpu`` or ``cuda``.
    """

    steps: int = 2_500
    batch: int = 256
    seed: int = 1
    device: str = "cpu"


def train(sounds: Sounds, recipe: Recipe, tell: Callable[[str], None]) -> Weights:
    """Train the ear.

    Parameters
    ----------
    sounds : Sounds
    recipe : Recipe
    tell : callable
        Told a line now and then.

    Returns
    -------
    dict of str to ndarray of float32
        Weights as they are shipped (`training.network.folded`).

    Raises
    ------
    TrainingError
        Where there are too few sounds, or the training comes to nothing.
    """
    if len(sounds) < 2 or recipe.steps < 1 or recipe.batch < 2:
        raise TrainingError(
            f"{len(sounds)} sounds, {recipe.steps} steps of {recipe.batch}: at least 2, 1 and 2 are needed"
        )
    torch.set_num_threads(1)  # sums come out in the same order whatever the machine is doing
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(recipe.seed)
    chance = torch.Generator().manual_seed(recipe.seed)
    batch = min(recipe.batch, len(sounds))
    levels = torch.from_numpy(sounds.levels)
    lengths = torch.from_numpy(sounds.log_length)[:, None]
    kinds = torch.from_numpy(sounds.kind)
    measured = torch.from_numpy(sounds.engineered / np.float32(LEARNED_WEIGHT))
    spread = spread_of(measured.numpy())
    draw = torch.bincount(kinds)[kinds].float().rsqrt()
    ear = Ear().to(recipe.device, memory_format=torch.channels_last)
    keep = 1.0 - 1.0 / max(1.0, min(AVERAGED_STEPS, recipe.steps / 10))
    average = AveragedModel(ear, multi_avg_fn=get_ema_multi_avg_fn(keep), use_buffers=True)
    optimiser = torch.optim.AdamW(ear.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=recipe.steps)
    ear.train()
    told = 0.0
    for step in range(1, recipe.steps + 1):
        rows = torch.multinomial(draw, batch, generator=chance)
        shown = levels[rows].to(recipe.device), lengths[rows].to(recipe.device)
        first, second = view(*shown, chance), view(*shown, chance)
        points = ear(torch.cat([first[0], second[0]]), torch.cat([first[1], second[1]]))
        loss = loss_of(points, kinds[rows].to(recipe.device), measured[rows].to(recipe.device), spread)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        average.update_parameters(ear)
        told += loss.item()
        if step % _TELL_EVERY == 0 or step == recipe.steps:
            tell(f"step {step} of {recipe.steps}: loss {told / (((step - 1) % _TELL_EVERY) + 1):.4f}")
            told = 0.0
    weights = folded(average.module)
    if not all(np.isfinite(value).all() for value in weights.values()):
        raise TrainingError("the training came to no finite weights; try another seed")
    return weights


def spread_of(rows: Float32Array) -> float:
    """Root of the mean squared distance of points from their mean."""
    apart = rows - rows.mean(axis=0, dtype=np.float64)
    return float(np.sqrt(np.square(apart).sum(axis=1).mean()))
