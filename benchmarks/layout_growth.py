"""A map that grows: sounds added to it, and the next map after it, against maps made from nothing."""

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import Aim, Report, Row
from benchmarks.labelled import Numbers, Table
from benchmarks.layout_ways import SEED
from benchmarks.libraries import outcome
from klustr_bridge.layout.fit import Layout, fit_layout
from klustr_bridge.layout.place import Placer
from klustr_bridge.layout.quality import continuity, displacement, neighbour_share, trustworthiness
from klustr_bridge.library.store import Store
from klustr_bridge.sound.embedding import ANALYSIS_VERSION
from klustr_bridge.study.scores import neighbour_precision
from klustr_bridge.types import FileStamp, Float32Array, FoundFile

LEAST_KEPT = 0.98
MOST_LOST = 0.01


def run_growth(options: argparse.Namespace, table: Table, features: Numbers) -> Report:
    """Add some of the sounds, drawn by chance, to a library of the rest; P@k in several draws."""
    n_added = min(options.added, len(features) // 4)
    settings = {"from": options.source.name, "sounds": len(features), "added": n_added}
    report = Report("layout --growth", settings | {"draws": options.draws, "k": options.k})
    fit_layout(features[:500].astype(np.float32), seed=SEED)  # imports and compilers
    shares = []
    for draw in range(options.draws):
        drawn = _Drawn.from_all(table, features, n_added, SEED + draw)
        old, old_s = _fit(drawn.points[~drawn.is_added], None)
        before, placed, place_s = _added_to_a_library(drawn.points, drawn.is_added, old)
        scratch, scratch_s = _fit(drawn.points, None)
        shares.append(_precisions(drawn, options.k, {"fitted anew": scratch.xy, "placed": placed}))
        if draw == 0:
            after, after_s = _fit(drawn.points, placed)
            _map_rows(report, drawn, before, placed, scratch, after)
            times = [
                Row("time: first map of the old sounds", old_s, "s"),
                Row(f"time: placing {n_added}", place_s, "s", place_s / scratch_s, "fitted anew"),
                Row("time: fitted anew", scratch_s, "s"),
                Row("time: next epoch", after_s, "s", after_s / scratch_s, "fitted anew"),
            ]
    _precision_rows(report, options.k, np.array(shares))
    report.rows += times
    return report


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Sounds in the order of a library that some of them are added to last."""

    points: Float32Array
    table: Table
    is_added: NDArray[np.bool_]

    @classmethod
    def from_all(cls, table: Table, features: Numbers, n_added: int, seed: int) -> Self:
        is_added = np.zeros(len(features), dtype=np.bool_)
        is_added[np.random.default_rng(seed).choice(len(features), n_added, replace=False)] = True
        order = np.argsort(is_added, kind="stable")  # ids rise as the sounds came
        return cls(features.astype(np.float32)[order], table.keep(order), is_added[order])


def _map_rows(
    report: Report,
    drawn: _Drawn,
    before: Float32Array,
    placed: Float32Array,
    scratch: Layout,
    after: Layout,
) -> None:
    points, is_added, n = drawn.points, drawn.is_added, len(drawn.points)
    moved = float(np.abs(placed[~is_added] - before).max())
    report.rows.append(Row("largest move of an old sound while others are added", moved, "widths"))
    report.aims.append(Aim("largest move of an old sound", moved, 0.0, "widths"))
    kept = {}
    maps = {"fitted anew": scratch.xy, "placed": placed, "next epoch": after.xy}
    for score in (trustworthiness, continuity, neighbour_share):
        for name, xy in maps.items():
            kept[score.__name__, name] = value = score(points, xy, sample=n)
            ratio = value / kept[score.__name__, "fitted anew"]
            against = (None, "") if name == "fitted anew" else (ratio, "fitted anew")
            report.rows.append(Row(f"{score.__name__.replace('_', ' ')}, {name}", value, "", *against))
    lost = kept["trustworthiness", "fitted anew"] - kept["trustworthiness", "next epoch"]
    report.aims.append(Aim("trustworthiness lost to keeping the map", lost, MOST_LOST, ""))
    _moved_rows(report, placed, is_added, {"next epoch": after, "fitted anew": scratch})


def _fit(points: Float32Array, previous: Float32Array | None) -> tuple[Layout, float]:
    begun = time.perf_counter()
    layout = fit_layout(points, seed=SEED, previous=previous)
    return layout, time.perf_counter() - begun


def _added_to_a_library(
    points: Float32Array, is_added: NDArray[np.bool_], old: Layout
) -> tuple[Float32Array, Float32Array, float]:
    """Positions of the old sounds in a library, then of all once the others came, and the seconds of that.

    Through the real store: what it keeps is what a user sees.
    """
    with tempfile.TemporaryDirectory(prefix="klustr-benchmark-") as folder:
        root = str(Path(folder).resolve()).encode()
        with Store.open(Path(folder) / "library.klustr") as store:
            store.add_folder(root)
            files = [
                FoundFile(root + b"/%d.wav" % number, FileStamp(1, number + 1, number + 1, 1))
                for number in range(len(points))
            ]
            store.note_files([(file, "unknown") for file in files])
            heard = [outcome(file, row, points[row]) for row, file in enumerate(files)]
            n_old = int((~is_added).sum())
            first = store.commit_outcomes(heard[:n_old], analysis_version=ANALYSIS_VERSION)
            store.write_epoch(old.method, SEED, np.array(first.new_ids, np.int32), old.xy, {})
            before = store.positions()[1][:, :2]
            begun = time.perf_counter()
            place = Placer(points[:n_old], old.xy).place
            store.commit_outcomes(heard[n_old:], analysis_version=ANALYSIS_VERSION, place=place)
            elapsed_s = time.perf_counter() - begun
            return before, np.ascontiguousarray(store.positions()[1][:, :2]), elapsed_s


def _precisions(drawn: _Drawn, k: int, maps: dict[str, Float32Array]) -> list[list[float]]:
    """P@k of the added sounds, without their own collection, over sounds and over classes, on each map."""
    found = []
    for xy in maps.values():
        share = neighbour_precision(xy.astype(np.float64), drawn.table.label, drawn.table.collection, k)
        asked = drawn.is_added & np.isfinite(share)
        label, share = drawn.table.label[asked], share[asked]
        classes = [float(share[label == one].mean()) for one in np.unique(label)]
        found.append([float(share.mean()), float(np.mean(classes))])
    return found


def _precision_rows(report: Report, k: int, shares: Numbers) -> None:
    """Means over the draws, and of the ratios; `shares` has shape (draws, maps, sounds and classes)."""
    for at, over in enumerate(("sounds", "classes")):
        anew, placed = shares[:, 0, at], shares[:, 1, at]
        ratio = placed / anew
        what = f"P@{k} of the added, over {over}"
        report.rows.append(Row(f"{what}, fitted anew", 100 * float(anew.mean()), "%"))
        report.rows.append(
            Row(f"{what}, placed", 100 * float(placed.mean()), "%", float(ratio.mean()), "fitted anew")
        )
        report.notes.append(
            f"the ratio over {over} in each draw: " + ", ".join(f"{value:.3f}" for value in ratio.tolist())
        )
        lost = 1 - float(ratio.mean())
        report.aims.append(Aim(f"P@{k} lost over {over}, as a share", lost, 1 - LEAST_KEPT, ""))


def _moved_rows(
    report: Report, placed: Float32Array, is_added: NDArray[np.bool_], maps: dict[str, Layout]
) -> None:
    for what, which in (("old sounds", ~is_added), ("added sounds", is_added)):
        moves = {name: displacement(layout.xy[which], placed[which]) for name, layout in maps.items()}
        for at, part in enumerate(("half", "95 %")):
            anew = moves["fitted anew"]
            for name, move in moves.items():
                assert move is not None and anew is not None
                against = (None, "") if name == "fitted anew" else (move[at] / anew[at], "fitted anew")
                report.rows.append(
                    Row(f"{part} of the {what} moved at most, {name}", move[at], "widths", *against)
                )
