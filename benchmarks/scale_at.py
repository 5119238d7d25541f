"""One size of the benchmark of scale, in a process of its own.

``python -m benchmarks.scale_at REAL.npy size|landmarks N QUERIES`` prints what it measured as JSON.
"""

import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.types import Float32Array

SEED = 1
K = 10
_N_PLACED = 1_000
_WEIGHTS = {"attack": 2.0, "brightness": 0.2}


def made_up(real: Float32Array, n: int, seed: int = SEED) -> Float32Array:
    """Embeddings that crowd as the real ones do, no two the same; float32, shape (n, d)."""
    import faiss

    random = np.random.default_rng(seed)
    distance, nearest = faiss.knn(real, real, min(11, len(real)))
    made = np.empty((n, real.shape[1]), np.float32)
    for start in range(0, n, 100_000):
        part = made[start : start + 100_000]
        one = random.integers(len(real), size=len(part))
        others = nearest[one][
            np.arange(len(part))[:, None], random.integers(1, nearest.shape[1], (len(part), 3))
        ]
        shares = random.dirichlet(np.ones(4), len(part)).astype(np.float32)
        part[:] = real[one] * shares[:, :1]
        for at in range(3):
            part += real[others[:, at]] * shares[:, at + 1 : at + 2]
        width = np.sqrt(np.maximum(distance[one, 1], 1e-6) / real.shape[1])[:, None]
        part += 0.5 * width * random.standard_normal(part.shape, np.float32)
    return made


def measure_size(real: Float32Array, n: int, n_queries: int) -> dict[str, float]:
    """Fit, place, and ask; asking is measured in another process, as it is in use."""
    from klustr_bridge.layout.fit import fit_layout
    from klustr_bridge.layout.place import Placer

    points = made_up(real, n)
    found: dict[str, float] = {}
    fit_layout(
        real[:300], seed=SEED
    )  # imports; what a cold start takes is told by the benchmark of the layout
    begun = time.perf_counter()
    xy = fit_layout(points, seed=SEED).xy
    found["fit"] = time.perf_counter() - begun
    found["fit: peak memory"] = _peak_mb()
    placer, new = Placer(points, xy), made_up(real, _N_PLACED, SEED + 1)
    begun = time.perf_counter()
    placer.place(new)
    found["placing 1,000"] = time.perf_counter() - begun
    with tempfile.TemporaryDirectory(prefix="klustr-benchmark-") as folder:
        np.save(Path(folder) / "embedding.npy", points)
        np.save(Path(folder) / "xy.npy", xy)
        del points, placer
        context = multiprocessing.get_context("spawn")
        with context.Pool(1) as pool:
            found |= pool.apply(measure_asking, (folder, new[:n_queries], n_queries))
    return found


def measure_asking(folder: str, queries: Float32Array, n_queries: int) -> dict[str, float]:
    """Times of questions to arrays in files, as the serving process asks them."""
    from klustr_bridge.corpus.celled import CelledRows
    from klustr_bridge.corpus.nearest import PlaceSearch, SoundSearch
    from klustr_bridge.layout.cells import LEAST_SOUNDS, make_cells
    from klustr_bridge.sound.aspects import ASPECTS, EMBEDDING_SIZE

    found: dict[str, float] = {}
    embedding: Any = np.asarray(np.load(Path(folder) / "embedding.npy", mmap_mode="r"))
    xy: Any = np.asarray(np.load(Path(folder) / "xy.npy", mmap_mode="r"))
    ids = np.arange(1, len(embedding) + 1, dtype=np.int32)
    cells = None
    if len(embedding) >= LEAST_SOUNDS:
        begun = time.perf_counter()
        cells = make_cells(embedding, ids)
        found["making cells"] = time.perf_counter() - begun
    begun = time.perf_counter()
    beyond = slice(EMBEDDING_SIZE, embedding.shape[1])  # what the learned ear hears, which has no weight
    blocks = (*ASPECTS.values(), *([beyond] if beyond.stop > beyond.start else []))
    search = SoundSearch(embedding, blocks, None if cells is None else CelledRows(cells, ids))
    places = PlaceSearch(xy)
    found["loading for questions"] = time.perf_counter() - begun
    exact = SoundSearch(embedding, blocks)
    random = np.random.default_rng(SEED)
    asked = np.concatenate([queries, embedding[random.integers(len(embedding), size=n_queries)]])
    points = random.random((n_queries, 2))
    near_ms = _times_ms([lambda x=x, y=y: places.nearest(float(x), float(y), K) for x, y in points])
    found["near/xy, median"], found["near/xy, p99"] = np.median(near_ms), np.percentile(near_ms, 99)
    keep = random.random(len(embedding)) < 0.1
    weights = [_WEIGHTS.get(name, 1.0) for name in ASPECTS] + [1.0] * (len(blocks) - len(ASPECTS))
    for name, how in (
        ("", {}),
        (" with weights", {"weights": weights}),
        (" with a filter", {"keep": keep}),
    ):
        some = asked if not how else asked[:: max(1, len(asked) // 100)]
        took_ms, rows = _ask(search, some, how)
        all_ms, all_rows = _ask(exact, some[:: max(1, len(some) // 200)], how)
        found[f"recall{name}"] = _recall(rows[:: max(1, len(some) // 200)], all_rows)
        found[f"similar{name}, p99"] = float(np.percentile(took_ms, 99))
        if not how:
            found["similar, median"] = float(np.median(took_ms))
            found["similar by measuring all, median"] = float(np.median(all_ms))
    found["asking: peak memory"] = _peak_mb()
    return {name: float(value) for name, value in found.items()}


def _ask(
    search: Any, queries: Float32Array, how: dict[str, Any]
) -> tuple[NDArray[np.float64], list[list[int]]]:
    rows: list[list[int]] = []
    asks = [
        lambda query=query: rows.append(search.nearest(query, K, **how).rows.tolist()) for query in queries
    ]
    asks[0]()
    rows.clear()
    return _times_ms(asks), rows


def _times_ms(calls: list[Callable[[], object]]) -> NDArray[np.float64]:
    took = []
    for call in calls:
        begun = time.perf_counter()
        call()
        took.append(1000 * (time.perf_counter() - begun))
    return np.array(took)


def _recall(rows: list[list[int]], wanted: list[list[int]]) -> float:
    return float(np.mean([len(set(one) & set(all_)) / K for one, all_ in zip(rows, wanted, strict=True)]))


def measure_landmarks(real: Float32Array, n: int) -> dict[str, float]:
    """What a map loses if half of its sounds are placed among the others rather than laid out."""
    import klustr_bridge.layout.fit as fit
    from klustr_bridge.layout.quality import neighbour_share, trustworthiness

    points, found = made_up(real, n), {}
    for name, n_landmarks in (("", n), (", landmarks", n // 2)):
        fit.LANDMARKS = n_landmarks
        xy = fit.fit_layout(points, seed=SEED).xy
        found[f"neighbour share{name}"] = neighbour_share(points, xy)
        found[f"trustworthiness{name}"] = trustworthiness(points, xy)
    return found


def _peak_mb() -> float:
    """The most memory that this process has held since it began."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:  # not Linux
        import psutil

        memory = psutil.Process().memory_info()
        return float(getattr(memory, "peak_wset", memory.rss) / 2**20)
    # What getrusage says begins with the peak of the parent.
    return int(status.split("VmHWM:")[1].split()[0]) / 2**10


def main(words: list[str]) -> int:
    real, what, n, n_queries = np.load(words[0]), words[1], int(words[2]), int(words[3])
    found = measure_size(real, n, n_queries) if what == "size" else measure_landmarks(real, n)
    print(json.dumps(found), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
