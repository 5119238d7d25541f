"""How many sounds a pad reaches in each view of a map, and how many neighbours stay in the even one.

A quarter of the sounds are left out of the even view at first and placed on it afterwards, as sounds are
that come between two maps.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.common import Report, Row
from klustr_bridge.layout.even import EvenPlacer, even_positions, lattice_side
from klustr_bridge.layout.quality import neighbour_share, trustworthiness
from klustr_bridge.layout.reach import reachable
from klustr_bridge.layout.spacing import Spacing
from klustr_bridge.types import Float32Array

BITS = (7, 14)
_N_CROWDS = 60


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--library", type=Path, metavar="FILE", help="take the natural map of this library")
    parser.add_argument(
        "--sounds", type=int, default=10_000, metavar="N", help="else of so many made-up ones"
    )


def run(options: argparse.Namespace) -> Report:
    xy = _made_up(options.sounds) if options.library is None else _kept(options.library)
    begun = time.perf_counter()
    even = even_positions(xy)
    elapsed_s = time.perf_counter() - begun
    report = Report("views", {"sounds": len(xy), "cells a side": lattice_side(len(xy))})
    report.rows.append(Row("spreading evenly", 1000 * elapsed_s, "ms"))
    views = {"natural": xy, "even": even, "even, a quarter came later": _grown(xy)}
    for bits in BITS:
        shares = {name: 100 * float(reachable(places, bits).mean()) for name, places in views.items()}
        for name, share in shares.items():
            against = (None, "") if name == "natural" else (share / shares["natural"], "natural")
            report.rows.append(Row(f"reached with {bits} bits, {name}", share, "%", *against))
    for name, places in list(views.items())[1:]:
        kept, by_chance = neighbour_share(xy, places), 10 / (len(xy) - 1)
        report.rows.append(Row(f"of 10 neighbours kept, {name}", 100 * kept, "%", kept / by_chance, "chance"))
        report.rows.append(Row(f"trustworthiness, {name}", 100 * trustworthiness(xy, places), "%"))
    return report


def _made_up(n_sounds: int) -> Float32Array:
    """A natural map of crowds, no two sounds at one place."""
    random = np.random.default_rng(1)
    middles = random.random((_N_CROWDS, 2))
    xy = middles[random.integers(_N_CROWDS, size=n_sounds)] + random.normal(0.0, 0.02, (n_sounds, 2))
    return Spacing().settle(np.clip(xy, 0, 1).astype(np.float32), exact=True)


def _kept(library: Path) -> Float32Array:
    from klustr_bridge.library.store import Store

    with Store.open(library, writable=False) as store:
        xy = store.embeddings().xy
    return np.ascontiguousarray(xy[np.isfinite(xy).all(axis=1)])


def _grown(xy: Float32Array) -> Float32Array:
    is_late = np.random.default_rng(2).random(len(xy)) < 0.25
    even = np.empty_like(xy)
    even[~is_late] = even_positions(xy[~is_late])
    placer = EvenPlacer(xy[~is_late], even[~is_late], lattice_side(int((~is_late).sum())))
    even[is_late] = placer.place(xy[is_late])
    return even
