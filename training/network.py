"""The network: from mel levels and a length to a point of the unit sphere.

Owns its layers, in PyTorch for training and as plain arrays for what comes after. It must not know sounds.
"""

from itertools import pairwise
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from klustr_bridge.sound.aspects import LEARNED_SIZE
from klustr_bridge.sound.ear_input import N_FRAMES
from klustr_bridge.sound.mel import N_BANDS
from klustr_bridge.types import Float32Array

CHANNELS: Final = (24, 48, 96, 128)
"""Of the stem and of the three stages behind it, each of which halves time and frequency."""

HIDDEN: Final = 128
LENGTH_SCALE: Final = 0.25  # octaves of a second come as about -2..0.5
SHRINKS: Final = 2 ** len(CHANNELS)
POOLED: Final = CHANNELS[-1] * (2 * N_BANDS + N_FRAMES) // SHRINKS + 1

Weights = dict[str, Float32Array]


class Ear(nn.Module):
    """A stem and depthwise-separable stages, pooled over time and over frequency, then two layers."""

    def __init__(self) -> None:
        super().__init__()
        # not normalised: levels are of one scale already, and a tenth of the time goes into it
        self.stem = nn.Conv2d(1, CHANNELS[0], 5, stride=2, padding=2)
        self.depth = nn.ModuleList(
            nn.Conv2d(n, n, 3, stride=2, padding=1, groups=n, bias=False) for n in CHANNELS[:-1]
        )
        self.depth_norm = nn.ModuleList(nn.BatchNorm2d(n) for n in CHANNELS[:-1])
        self.point = nn.ModuleList(nn.Conv2d(a, b, 1, bias=False) for a, b in pairwise(CHANNELS))
        self.point_norm = nn.ModuleList(nn.BatchNorm2d(n) for n in CHANNELS[1:])
        self.hidden = nn.Linear(POOLED, HIDDEN)
        self.out = nn.Linear(HIDDEN, LEARNED_SIZE)

    def forward(self, levels: Tensor, log_length: Tensor) -> Tensor:
        """Hear sounds.

        Parameters
        ----------
        levels : Tensor of float32, shape (n, 1, N_FRAMES, N_BANDS)
        log_length : Tensor of float32, shape (n, 1)

        Returns
        -------
        Tensor of float32, shape (n, LEARNED_SIZE)
            Of unit length.
        """
        x = functional.relu(self.stem(levels.contiguous(memory_format=torch.channels_last)))
        for depth, depth_norm, point, point_norm in zip(
            self.depth, self.depth_norm, self.point, self.point_norm, strict=True
        ):
            x = functional.relu(depth_norm(depth(x)))
            x = functional.relu(point_norm(point(x)))
        return functional.normalize(self.out(functional.relu(self.hidden(_pooled(x, log_length)))))


def folded(ear: Ear) -> Weights:
    """Join each normalisation with the layer before it, and round to float16: what is shipped.

    Returns
    -------
    dict of str to ndarray of float32
        ``NAME_w`` and ``NAME_b`` of ``stem depth0 point0 .. hidden out``; every value is one of float16.
    """
    pairs = []
    for at in range(len(CHANNELS) - 1):
        pairs.append((f"depth{at}", ear.depth[at], ear.depth_norm[at]))
        pairs.append((f"point{at}", ear.point[at], ear.point_norm[at]))
    found: Weights = {}
    for name, conv, norm in pairs:
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        found[f"{name}_w"] = _rounded(conv.weight * scale[:, None, None, None])
        found[f"{name}_b"] = _rounded(norm.bias - norm.running_mean * scale)
    for name, layer in (("stem", ear.stem), ("hidden", ear.hidden), ("out", ear.out)):
        found[f"{name}_w"] = _rounded(layer.weight)
        found[f"{name}_b"] = _rounded(layer.bias)
    return found


def embed(weights: Weights, levels: Float32Array, log_length: Float32Array, chunk: int = 512) -> Float32Array:
    """Hear sounds with folded weights, in PyTorch: the reference for what is shipped.

    Parameters
    ----------
    weights : dict of str to ndarray of float32
        From `folded`.
    levels : ndarray of float32, shape (n, N_FRAMES, N_BANDS)
    log_length : ndarray of float32, shape (n,)
    chunk : int
        Sounds at a time.

    Returns
    -------
    ndarray of float32, shape (n, LEARNED_SIZE)
    """
    w = {name: torch.from_numpy(value) for name, value in weights.items()}
    out = []
    with torch.no_grad():
        for start in range(0, len(levels), chunk):
            x = torch.from_numpy(levels[start : start + chunk])[:, None]
            length = torch.from_numpy(log_length[start : start + chunk])[:, None]
            x = functional.relu(functional.conv2d(x, w["stem_w"], w["stem_b"], stride=2, padding=2))
            for at, n in enumerate(CHANNELS[:-1]):
                depth = (w[f"depth{at}_w"], w[f"depth{at}_b"])
                x = functional.relu(functional.conv2d(x, *depth, stride=2, padding=1, groups=n))
                x = functional.relu(functional.conv2d(x, w[f"point{at}_w"], w[f"point{at}_b"]))
            h = functional.relu(functional.linear(_pooled(x, length), w["hidden_w"], w["hidden_b"]))
            out.append(functional.normalize(functional.linear(h, w["out_w"], w["out_b"])).numpy())
    found: Float32Array = np.concatenate(out)
    return found


def _pooled(x: Tensor, log_length: Tensor) -> Tensor:
    """Mean and maximum over time, by frequency; mean over frequency, by time; the length."""
    parts = [x.mean(dim=2).flatten(1), x.amax(dim=2).flatten(1), x.mean(dim=3).flatten(1)]
    return torch.cat([*parts, log_length * LENGTH_SCALE], dim=1)


def _rounded(values: Tensor) -> Float32Array:
    rounded: Float32Array = values.detach().cpu().to(torch.float16).to(torch.float32).numpy()
    return rounded
