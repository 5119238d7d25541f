"""Views: the same sounds as other machines, rooms and hands might have made them, on the level pictures.

Owns how far a view may be from its sound. It must not know labels.
"""

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from klustr_bridge.sound.ear_input import FLOOR_DB

STRETCH: Final = (0.85, 1.2)  # of the time
SHIFT_BANDS: Final = 3.0  # either way
TILT_DB: Final = 5.0  # either way at the lowest band, the other way at the highest
EQ_POINTS: Final = 7
EQ_DB: Final = 3.0  # standard deviation at each point
NOISE_DB: Final = (-90.0, -55.0)
MASK_BANDS: Final = 10  # at most
MASK_SHARE: Final = 0.6  # of the views
DB: Final = -2.0 / FLOOR_DB  # of a level's range


def view(levels: Tensor, log_length: Tensor, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """Change each sound in a way of its own.

    Parameters
    ----------
    levels : Tensor of float32, shape (n, n_frames, n_bands)
        -1..1, as the ear is shown them.
    log_length : Tensor of float32, shape (n, 1)
    chance : torch.Generator
        Of the processor, wherever `levels` is: so every device draws the same.

    Returns
    -------
    levels : Tensor of float32, shape (n, 1, n_frames, n_bands)
        The loudest is 1 again.
    log_length : Tensor of float32, shape (n, 1)
    """
    n, _, n_bands = levels.shape
    device = levels.device

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return (low + (high - low) * torch.rand((n, *shape), generator=chance)).to(device)

    stretch = torch.exp2(uniform(math.log2(STRETCH[0]), math.log2(STRETCH[1]), 1))
    x = _moved(levels, stretch, uniform(-SHIFT_BANDS, SHIFT_BANDS, 1))
    ramp = torch.linspace(1.0, -1.0, n_bands, device=device)
    points = (EQ_DB * torch.randn((n, 1, EQ_POINTS), generator=chance)).to(device)
    eq = functional.interpolate(points, size=n_bands, mode="linear", align_corners=True)[:, 0]
    gain = DB * (uniform(-TILT_DB, TILT_DB, 1) * ramp + eq)
    x = torch.where(x > -1.0, x + gain[:, None, :], x)
    x = x - x.amax(dim=(1, 2), keepdim=True) + 1.0
    x = torch.maximum(x, 1.0 + DB * uniform(*NOISE_DB, 1, 1))
    first = uniform(0.0, n_bands, 1)
    width = uniform(0.0, MASK_BANDS, 1) * (uniform(0.0, 1.0, 1) < MASK_SHARE)
    band = torch.arange(n_bands, device=device)
    is_masked = (band >= first) & (band < first + width)
    x = x.masked_fill(is_masked[:, None, :], -1.0)
    return x[:, None], log_length + torch.log2(stretch)


def _moved(levels: Tensor, stretch: Tensor, shift: Tensor) -> Tensor:
    """Stretch the time and shift the bands; silence comes in from the sides, the end lasts on."""
    n, n_frames, n_bands = levels.shape
    edge = math.ceil(SHIFT_BANDS) + 1
    padded = functional.pad(levels, (edge, edge), value=-1.0)[:, None]
    time = torch.arange(n_frames, device=levels.device) / stretch
    band = torch.arange(n_bands, device=levels.device) + edge - shift
    grid = torch.stack(
        [
            (2.0 * band / (n_bands + 2 * edge - 1) - 1.0)[:, None, :].expand(n, n_frames, n_bands),
            (2.0 * time / (n_frames - 1) - 1.0)[:, :, None].expand(n, n_frames, n_bands),
        ],
        dim=-1,
    )
    moved = functional.grid_sample(padded, grid, padding_mode="border", align_corners=True)
    return moved[:, 0].clamp_(-1.0, 1.0)
