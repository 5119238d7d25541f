"""How often the sounds of a kit come from the asked sound's own collection or kit, against chance.

The library's kinds are those of the labels, and its folders are hidden from it: what goes together is told
by the sounds alone. Labelled drum sounds are asked about; a kind counts where the sound's own source has it.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import Report, Row, work_folder
from benchmarks.labelled import Table, read_table
from benchmarks.names import SAME
from klustr_bridge.corpus import Corpus
from klustr_bridge.navigator.kits import KIT, kit_around
from klustr_bridge.sound.kinds import KIND_CODES

GROUPS = ("collection", "kit")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="holds the labelled files")
    parser.add_argument("--library", type=Path, metavar="FILE", required=True, help="a library of FOLDER")
    parser.add_argument("--labels", type=Path, metavar="CSV", help="path,label,collection,kit")
    parser.add_argument("--seeds", type=int, default=1000, metavar="N", help="sounds asked about")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep the snapshot here for the next run")


def run(options: argparse.Namespace) -> Report:
    table = read_table(options.folder.resolve(), options.labels)
    with work_folder(options.work) as work:
        corpus, groups = _labelled(options.library, work, table)
        drums = np.flatnonzero(corpus.is_single & np.isin(corpus.kind_codes, [KIND_CODES[k] for k in KIT]))
        seeds = np.random.default_rng(0).permutation(drums)[: options.seeds]
        report = Report("kits", {"sounds": len(drums), "seeds": len(seeds)})
        for name, group in groups.items():
            _add(report, name, group, seeds, corpus)
    return report


def _labelled(library: Path, work: Path, table: Table) -> tuple[Corpus, dict[str, NDArray[np.str_]]]:
    """The library with the labels' kinds and without folders, and each sound's groups."""
    from klustr_bridge.corpus.snapshot import read_snapshot
    from klustr_bridge.library.snapshot import write_snapshot
    from klustr_bridge.library.store import Store

    with Store.open(library, writable=False) as store:
        snapshot = read_snapshot(write_snapshot(store, work / "snapshots", prune=False))
    row_of = dict(Corpus(snapshot).analysed_files())
    kinds = np.zeros(len(snapshot.ids), np.uint8)
    groups = {name: np.full(len(kinds), "", "U200") for name in GROUPS}
    for path, label, collection, kit in zip(
        *(getattr(table, c) for c in ("path", "label", *GROUPS)), strict=True
    ):
        if (row := row_of.get(str(path).encode())) is not None:
            kinds[row] = KIND_CODES.get(SAME.get(label, label), 0)
            groups["collection"][row], groups["kit"][row] = collection, kit
    sure = np.ones(len(kinds), np.float32)
    sound = snapshot.sound | {"kind": kinds, "kind_confidence": sure}
    return Corpus(replace(snapshot, sound=sound, folders=())), groups


def _add(report: Report, name: str, group: NDArray[np.str_], seeds: NDArray[np.intp], corpus: Corpus) -> None:
    chance: list[float] = []
    same: dict[str, list[bool]] = {"nearest by embedding": [], "kit": []}
    for seed in seeds.tolist():
        nearest = _nearest(corpus, seed)
        for row in kit_around(corpus, seed, None)[1:]:
            rivals = np.flatnonzero(corpus.is_single & (corpus.kind_codes == corpus.kind_codes[row]))
            rivals = rivals[rivals != seed]
            if (of_own := group[rivals] == group[seed]).any():
                chance.append(float(of_own.mean()))
                same["kit"].append(bool(group[row] == group[seed]))
                same["nearest by embedding"].append(bool(group[nearest(rivals)] == group[seed]))
    by_chance = float(np.mean(chance))
    report.rows.append(Row(f"same {name}, by chance", 100 * by_chance, "%"))
    for what, hits in same.items():
        share = float(np.mean(hits))
        report.rows.append(Row(f"same {name}, {what}", 100 * share, "%", share / by_chance, "chance"))


def _nearest(corpus: Corpus, seed: int) -> Callable[[NDArray[np.intp]], int]:
    apart = np.linalg.norm(corpus.embedding - corpus.embedding[seed], axis=1)
    return lambda rivals: int(rivals[np.argmin(apart[rivals])])
