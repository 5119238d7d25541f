"""Walks against the sounds nearest to the line between two, and grids of pads against sorted rows.

The library decides: pairs of its sounds are drawn by chance, and its map is laid out whole and in circles.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import Report, Row, work_folder
from klustr_bridge.corpus import Corpus
from klustr_bridge.navigator.pads import lay_on_pads, representatives
from klustr_bridge.navigator.walks import walk_between
from klustr_bridge.types import VIEWS, Float32Array

_N_SOUNDS = (8, 16, 64)
_SIDES = (8, 16)
_RADIUS = 0.2
_N_CIRCLES = 20


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("library", type=Path, metavar="LIBRARY", help="a library with a map")
    parser.add_argument("--pairs", type=int, default=100, metavar="N", help="pairs of sounds to walk between")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep the snapshot here for the next run")


def run(options: argparse.Namespace) -> Report:
    from klustr_bridge.library.snapshot import write_snapshot
    from klustr_bridge.library.store import Store

    with (
        work_folder(options.work) as work,
        Store.open(options.library, writable=False) as store,
    ):
        corpus = Corpus.load(write_snapshot(store, work / "snapshots", prune=False))
        report = Report("exploring", {"sounds": len(corpus), "pairs": options.pairs})
        random = np.random.default_rng(0)
        heard = np.flatnonzero(~np.isnan(corpus.embedding[:, 0]))
        drawn = [random.choice(heard, 2, replace=False).tolist() for _ in range(options.pairs)]
        pairs = [(one, other) for one, other in drawn]
        for n in _N_SOUNDS:
            _add_walks(report, corpus, pairs, n)
        for view in VIEWS:
            for side in _SIDES:
                _add_grids(report, corpus, view, side)
    return report


def _add_walks(report: Report, corpus: Corpus, pairs: Sequence[tuple[int, int]], n: int) -> None:
    line = np.mean([_told(corpus, _along_the_line(corpus, one, other, n)) for one, other in pairs], axis=0)
    start_s = time.perf_counter()
    found = [walk_between(corpus, one, other, n).rows.tolist() for one, other in pairs]
    took_ms = 1000 * (time.perf_counter() - start_s) / len(pairs)
    walks = np.mean([_told(corpus, walk) for walk in found], axis=0)
    for what, unit, walk, against in zip(
        ("sounds", "largest step", "mean step", "spread of steps", "steps nearer the end"),
        ("", "jumps", "jumps", "means", "%"),
        walks.tolist(),
        line.tolist(),
        strict=True,
    ):
        report.rows.append(Row(f"walk of {n}: {what}", walk, unit, walk / against, "points of the line"))
    report.rows.append(Row(f"walk of {n}: time", took_ms, "ms"))


def _along_the_line(corpus: Corpus, start: int, end: int, n: int) -> list[int]:
    """The nearest sound not taken yet to each of `n` points of the line from one embedding to the other."""
    one, other = corpus.embedding[start], corpus.embedding[end]
    way = [start, end]
    for at in np.linspace(0, 1, n)[1:-1]:
        near = corpus.similar(one + (other - one) * np.float32(at), n + 2).rows.tolist()
        way.insert(-1, next(row for row in near if row not in way))
    return way


def _told(corpus: Corpus, way: list[int]) -> list[float]:
    """Number of sounds, largest and mean step in shares of the jump, spread of steps, % that come nearer."""
    vectors = corpus.embedding[way].astype(np.float64)
    steps = np.linalg.norm(np.diff(vectors, axis=0), axis=1)
    jump = float(np.linalg.norm(vectors[-1] - vectors[0]))
    to_end = np.linalg.norm(vectors - vectors[-1], axis=1)
    spread = float(steps.std() / steps.mean())
    return [
        len(way),
        steps.max() / jump,
        steps.mean() / jump,
        spread,
        100 * float((np.diff(to_end) < 0).mean()),
    ]


def _add_grids(report: Report, corpus: Corpus, view: str, side: int) -> None:
    places = corpus.places(view)
    xy = places.xy[places.placed]
    random = np.random.default_rng(1)
    circles = [
        xy[np.linalg.norm(xy - middle, axis=1) <= _RADIUS]
        for middle in xy[random.choice(len(xy), min(len(xy), _N_CIRCLES), replace=False)]
    ]
    for where, regions in (("whole map", [xy]), (f"radius {_RADIUS:g}", circles)):
        enough = [region for region in regions if len(region) >= side**2]
        if not enough:
            continue
        start_s = time.perf_counter()
        laid = [lay_on_pads(region, side, side) for region in enough]
        took_ms = 1000 * (time.perf_counter() - start_s) / len(enough)
        pairs = list(zip(enough, laid, strict=True))
        kept = float(np.mean([_kept(region[index], pads) for region, (index, pads) in pairs]))
        rows = float(np.mean([_kept_in_rows(region, side) for region in enough]))
        what = f"{side} x {side} pads, {view} view, {where}"
        report.rows.append(Row(f"{what}: neighbours kept", 100 * kept, "%", kept / rows, "sorted rows"))
        report.rows.append(Row(f"{what}: time", took_ms, "ms"))


def _kept(xy: Float32Array, pads: NDArray[np.integer]) -> float:
    """Share of the four nearest on the map of each sound that lie on pads that touch its own."""
    apart = np.linalg.norm(xy[:, np.newaxis].astype(np.float64) - xy, axis=-1)
    np.fill_diagonal(apart, np.inf)
    nearest = np.argsort(apart, axis=1)[:, :4]
    return float((np.abs(pads[nearest] - pads[:, np.newaxis]).max(axis=-1) <= 1).mean())


def _kept_in_rows(xy: Float32Array, side: int) -> float:
    """The same for the same sounds sorted into rows by height, and within each from left to right."""
    chosen = xy[representatives(xy, side**2)]
    pads = np.zeros((len(chosen), 2), np.int64)
    for number, row in enumerate(np.split(np.argsort(chosen[:, 1], kind="stable"), side)):
        pads[row[np.argsort(chosen[row, 0], kind="stable")]] = [(column, number) for column in range(side)]
    return _kept(chosen, pads)
