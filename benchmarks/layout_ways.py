"""Ways to a map, each run in a process of its own: what a user waits for from nothing, and once it is loaded.

``python -m benchmarks.layout_ways WAY IN.npy OUT.npy`` makes the map twice. Imports nothing heavy at the
top: the imports that a way needs are part of its cold time.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.processes import THREAD_VARIABLES

SEED = 1
_ROOT = Path(__file__).parent.parent

Numbers = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Way:
    """Features, and what makes a map of them.

    Attributes
    ----------
    title : str
    features : str
        Name of a feature set of `benchmarks.labelled`.
    make : callable
        From its rows, shape (n, d), to positions, shape (n, 2).
    """

    title: str
    features: str
    make: Callable[[Numbers], Numbers]


@dataclass(frozen=True, slots=True)
class Made:
    """A map, the seconds until it was there from the start of the process, and once more in it."""

    xy: NDArray[np.float32]
    cold_s: float
    warm_s: float


def _fitted(method: str) -> Callable[[Numbers], Numbers]:
    def make(points: Numbers) -> Numbers:
        from klustr_bridge.layout.fit import fit_layout

        return fit_layout(points.astype(np.float32), seed=SEED, method=method).xy

    return make


def _umap(points: Numbers) -> Numbers:
    import umap

    return np.asarray(umap.UMAP().fit_transform(points))


def _tsne(points: Numbers) -> Numbers:
    from sklearn.manifold import TSNE

    return np.asarray(TSNE(random_state=SEED).fit_transform(points))


def _of_components(make: Callable[[Numbers], Numbers]) -> Callable[[Numbers], Numbers]:
    def first_components(points: Numbers) -> Numbers:
        from benchmarks.klustr_features import components

        return make(components(points))

    return first_components


OURS = "ours"
WAYS: dict[str, Way] = {
    OURS: Way("ours (t-SNE)", "ours", _fitted("auto")),
    "ours-umap": Way("ours, umap", "ours", _fitted("umap")),
    "ours-umap-direct": Way("ours, umap-direct", "ours", _fitted("umap-direct")),
    "ours-pca": Way("ours, pca", "ours", _fitted("pca")),
    "learned": Way("learned ear (t-SNE)", "learned", _fitted("auto")),
    "universal": Way("learned ear, universal", "learned", _fitted("universal")),
    "ours-sklearn": Way("our embedding, sklearn t-SNE", "ours", _tsne),
    "stft-umap": Way("klustr STFT, PCA 14, UMAP", "fingerprint", _of_components(_umap)),
    "stft-tsne": Way("klustr STFT, PCA 14, t-SNE", "fingerprint", _of_components(_tsne)),
    "mfcc-umap": Way("klustr MFCC, PCA 14, UMAP", "mfcc", _of_components(_umap)),
    "mfcc-tsne": Way("klustr MFCC, PCA 14, t-SNE", "mfcc", _of_components(_tsne)),
}


def make_map(name: str, points: Numbers) -> Made:
    """Make a map in a new process that may use all cores, its compilers with nothing kept from before."""
    with tempfile.TemporaryDirectory(prefix="klustr-benchmark-") as folder:
        given, made, kept = Path(folder) / "in.npy", Path(folder) / "out.npy", Path(folder) / "numba"
        kept.mkdir()
        np.save(given, points)
        environment = {key: value for key, value in os.environ.items() if key not in THREAD_VARIABLES}
        begun = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.layout_ways", name, str(given), str(made)],
            env=environment | {"NUMBA_CACHE_DIR": str(kept)},
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            cold_s = time.perf_counter() - begun
            second = process.stdout.readline()
        if process.returncode or not second:
            raise RuntimeError(
                f"{name} ended with exit code {process.returncode} and said {first + second!r}"
            )
        return Made(np.load(made).astype(np.float32), cold_s, float(json.loads(second)))


def main(words: list[str]) -> int:
    name, given, made = words
    make: Any = WAYS[name].make
    points = np.load(given)
    np.save(made, make(points))
    print("made", flush=True)
    begun = time.perf_counter()
    make(points)
    print(json.dumps(time.perf_counter() - begun), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
