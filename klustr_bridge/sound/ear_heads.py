"""What follows from a learned embedding alone: the kind of a sound, and its place on the universal map.

Owns the two small functions of a row, and the file of their weights, which is made by training.
NumPy is all that they need. It must not know the network, nor any other sound.

References
----------
Guo, C., Pleiss, G., Sun, Y., & Weinberger, K. Q. (2017). On calibration of modern neural networks. ICML: how
sure a kind is, by one temperature.
Nadaraya, E. A. (1964). On estimating regression. Theory of Probability and Its Applications, 9(1): a place
from those of landmarks, weighed by how near they are.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import EarError
from klustr_bridge.sound.aspects import LEARNED
from klustr_bridge.sound.kinds import KIND_CODES
from klustr_bridge.types import Float32Array

__all__ = [
    "HEADS_FILE",
    "PLACED_SIZE",
    "Arrays",
    "Heads",
    "KindHead",
    "MapHead",
    "kind_probabilities",
    "load_heads",
    "shipped_heads",
    "universal_positions",
]

Arrays = Mapping[str, NDArray[Any]]
"""Weights by their names in the file."""

HEADS_FILE: Final = Path(__file__).with_name("ear_heads.npz")

PLACED_SIZE: Final = LEARNED.stop
"""Numbers that both follow from: the engineered ones and what the ear has learned, as they are kept."""

_AT_ONCE = 4_000_000
"""Numbers of float64 held for a batch of sounds: 32 MB."""

_SHAPES: Final[dict[str, tuple[str | int, ...]]] = {
    "kind_w1": (PLACED_SIZE, "h"),
    "kind_b1": ("h",),
    "kind_w2": ("h", "k"),
    "kind_b2": ("k",),
    "kind_temperature": (),
    "kind_threshold": (),
    "map_middle": (PLACED_SIZE,),
    "map_axes": (PLACED_SIZE, "d"),
    "map_landmarks": ("m", "d"),
    "map_xy": ("m", 2),
    "map_sharpness": (),
}
"""Numbers in the file, beside ``kind_names``; letters stand for sizes that must agree."""


@dataclass(frozen=True, slots=True)
class KindHead:
    """Weights that tell kinds.

    Attributes
    ----------
    names : tuple of str
        The k kinds that can be told, of `klustr_bridge.sound.kinds.KINDS`.
    threshold : float
        A kind that is less likely than this isn't told, 0..1.
    w1, b1, w2, b2 : ndarray of float64
        Of two layers, shapes (PLACED_SIZE, h), (h,), (h, k) and (k,).
    temperature : float
        What the outputs are divided by, above 0.
    """

    names: tuple[str, ...]
    threshold: float
    w1: NDArray[np.float64]
    b1: NDArray[np.float64]
    w2: NDArray[np.float64]
    b2: NDArray[np.float64]
    temperature: float

    @classmethod
    def of(cls, kept: Arrays) -> Self:
        """Take the weights from the arrays of a file, of which `load_heads` says what is wrong."""
        return cls(names=tuple(kept["kind_names"].tolist()), **_numbers(kept, "kind_"))

    def probabilities(self, embeddings: Float32Array) -> Float32Array:
        """See `kind_probabilities`."""
        logits = np.empty((len(embeddings), len(self.names)))
        for rows in _portions(len(embeddings), max(self.w1.shape[1], len(self.names))):
            hidden = np.maximum(embeddings[rows].astype(np.float64) @ self.w1 + self.b1, 0.0)
            logits[rows] = hidden @ self.w2 + self.b2
        return _softmax(logits / self.temperature).astype(np.float32)


@dataclass(frozen=True, slots=True)
class MapHead:
    """Weights that place sounds.

    Attributes
    ----------
    middle, axes : ndarray of float64, shapes (PLACED_SIZE,), (PLACED_SIZE, d)
        Where embeddings are looked at from, and along what.
    landmarks : ndarray of float64, shape (m, d)
        Sounds with a place on the universal map, along the axes.
    xy : ndarray of float64, shape (m, 2)
        Their places, 0..1.
    sharpness : float
        How much less a landmark counts with each unit of squared distance, above 0.
    """

    middle: NDArray[np.float64]
    axes: NDArray[np.float64]
    landmarks: NDArray[np.float64]
    xy: NDArray[np.float64]
    sharpness: float

    @classmethod
    def of(cls, kept: Arrays) -> Self:
        """Take the weights from the arrays of a file, of which `load_heads` says what is wrong."""
        return cls(**_numbers(kept, "map_"))

    def positions(self, embeddings: Float32Array) -> Float32Array:
        """See `universal_positions`."""
        xy = np.empty((len(embeddings), 2), dtype=np.float32)
        powers = np.square(self.landmarks).sum(axis=1)
        for rows in _portions(len(embeddings), len(self.landmarks)):
            # float64: what a sound gets doesn't depend, down to float32, on who else is in the batch
            seen = (embeddings[rows].astype(np.float64) - self.middle) @ self.axes
            # the square of the sound itself is the same for every landmark
            nearness = 2.0 * seen @ self.landmarks.T - powers
            xy[rows] = _softmax(self.sharpness * nearness) @ self.xy
        return xy.clip(0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Heads:
    """The weights of both functions."""

    kind: KindHead
    map: MapHead


def kind_probabilities(embeddings: Float32Array) -> Float32Array:
    """Tell how likely sounds are of each kind.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (n, PLACED_SIZE)
        Learned ones without what keeps loops apart; n may be 0.

    Returns
    -------
    ndarray of float32, shape (n, n_kinds)
        Columns as in `KindHead.names`; each row sums to 1.

    Raises
    ------
    EarError
        If the array has another shape, or the weights can't be read.
    """
    return shipped_heads().kind.probabilities(_checked(embeddings))


def universal_positions(embeddings: Float32Array) -> Float32Array:
    """Tell the places of sounds on the map that is the same for everybody.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (n, PLACED_SIZE)
        Learned ones without what keeps loops apart; n may be 0.

    Returns
    -------
    ndarray of float32, shape (n, 2)
        In 0..1: the mean of the landmarks' places, weighed by a Gaussian of their distances. Equal embeddings
        get equal places. What one sound gets doesn't depend on the others.

    Raises
    ------
    EarError
        If the array has another shape, or the weights can't be read.
    """
    return shipped_heads().map.positions(_checked(embeddings))


@cache
def shipped_heads() -> Heads:
    """Return the weights that come with this release, read once.

    Raises
    ------
    EarError
        If the file is missing or damaged.
    """
    return load_heads(HEADS_FILE)


def load_heads(file: Path) -> Heads:
    """Read weights.

    Parameters
    ----------
    file : Path
        An .npz file of the arrays of `KindHead` and `MapHead`, named ``kind_...`` and ``map_...``; floats of
        any width, names as text.

    Returns
    -------
    Heads

    Raises
    ------
    EarError
        If the file can't be read, or an array is missing, of another shape, or out of its range.
    """
    try:
        # opened here, for NumPy leaves a torn file open
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            kept = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise EarError(
            f"the weights of the learned ear can't be read from {file}: {error}; install klustr-bridge anew"
        ) from error
    wrong = _wrong(kept)
    if wrong:
        raise EarError(f"{file} holds no weights of the learned ear: {wrong}; install klustr-bridge anew")
    return Heads(KindHead.of(kept), MapHead.of(kept))


def _numbers(kept: Arrays, beginning: str) -> dict[str, Any]:
    """The numbers whose names begin so, by the rest of their names."""
    return {
        name.removeprefix(beginning): kept[name].astype(np.float64) if shape else float(kept[name])
        for name, shape in _SHAPES.items()
        if name.startswith(beginning)
    }


def _wrong(kept: Arrays) -> str:
    """What is wrong with the arrays of a file; empty where nothing is."""
    missing = sorted({*_SHAPES, "kind_names"} - kept.keys())
    if missing:
        return f"without {', '.join(missing)}"
    names = kept["kind_names"]
    if names.ndim != 1 or names.dtype.kind != "U" or not len(names):
        return f"kind_names are {names.dtype} of shape {names.shape}, needed: text of shape (k,)"
    strange = sorted(set(names.tolist()) - KIND_CODES.keys() | {"unknown", "loop"} & set(names.tolist()))
    if strange:
        return f"{', '.join(strange)}: no kind that can be heard"
    fixed = (PLACED_SIZE, 2)
    sizes: dict[str | int, int] = {size: size for size in fixed} | {"k": len(names)}
    for name, wanted in _SHAPES.items():
        array = kept[name]
        needed = tuple(
            sizes.setdefault(letter, got) for letter, got in zip(wanted, array.shape, strict=False)
        )
        if array.shape != needed or len(needed) != len(wanted) or 0 in needed:
            return f"{name} has shape {array.shape}, needed: ({', '.join(map(str, wanted))})"
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            return f"{name} isn't made of finite floats"
    for name in ("kind_temperature", "map_sharpness"):
        if kept[name] <= 0:
            return f"{name} is {kept[name]}, needed: above 0"
    if kept["map_xy"].min() < 0 or kept["map_xy"].max() > 1:
        return "map_xy reaches beyond 0..1"
    return ""


def _checked(rows: Float32Array) -> Float32Array:
    rows = np.asarray(rows, dtype=np.float32)
    if rows.ndim != 2 or rows.shape[1] != PLACED_SIZE:
        raise EarError(f"learned embeddings come in shape {rows.shape}; needed: (n, {PLACED_SIZE})")
    return rows


def _portions(n_rows: int, per_row: int) -> list[slice]:
    step = max(1, _AT_ONCE // per_row)
    return [slice(start, start + step) for start in range(0, n_rows, step)]


def _softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares
