"""Indexing a folder, against decoding the same files alone.

Both with the same number of worker processes on the same cores, from a warm file cache, in
alternating order. Indexing is what ``klustr-bridge index`` does: scan, decode, identify, describe,
keep, place; the time for the map is told apart.
"""

import argparse
import multiprocessing.connection
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from benchmarks.common import Report, Row, alternate, median, work_folder
from benchmarks.decoding import decode_all


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", type=Path, metavar="DIR", help="default: a demo library made for the run")
    parser.add_argument("--files", type=int, default=1500, help="how many files to make (default: 1500)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="default: one per core")
    parser.add_argument("--rounds", type=int, default=3, help="of each (default: 3)")


@dataclass(frozen=True, slots=True)
class _Indexed:
    """When things were done, seconds from the start; what there was."""

    heard_s: float
    finished_s: float
    files: int
    sounds: int
    refused: int


def run(options: argparse.Namespace) -> Report:
    with work_folder(None) as work:
        folder = options.folder
        if folder is None:
            from benchmarks.libraries import make_load_folder

            folder = make_load_folder(work / "samples", options.files)
        folder = folder.resolve()
        paths = _candidates(folder)
        if not paths:
            raise SystemExit(f"{folder} holds no sample files; name another folder")
        settings = {
            "folder": str(options.folder or "demo sounds"),
            "files": len(paths),
            "workers": options.workers,
        }
        report = Report("indexing", settings | {"rounds": options.rounds})
        decode_all(paths, options.workers)  # warms the file cache, for all that follows
        return _measure(report, folder, paths, options.workers, options.rounds)


def _measure(report: Report, folder: Path, paths: list[bytes], workers: int, rounds: int) -> Report:
    decoding: list[float] = []
    plain: list[_Indexed] = []
    whole: list[_Indexed] = []
    jobs: dict[str, Callable[[], None]] = {
        "decode": lambda: decoding.append(decode_all(paths, workers)),
        "plain": lambda: plain.append(_index(folder, workers, "pca")),
        "whole": lambda: whole.append(_index(folder, workers, "auto")),
    }
    for name in alternate(list(jobs), rounds):
        jobs[name]()
    decode_s = median(decoding)
    heard_s = median([run.heard_s for run in plain])
    finished_s = median([run.finished_s for run in whole])
    n_files = len(paths)
    report.rows += [
        Row("decode alone", decode_s, "s"),
        Row("index, map by PCA only", heard_s, "s", heard_s / decode_s, "decode alone"),
        Row(
            "index with its map (as the command does)", finished_s, "s", finished_s / decode_s, "decode alone"
        ),
        Row("  of it until every file was heard", median([run.heard_s for run in whole]), "s"),
        Row("  the map's part: with it minus PCA only", finished_s - heard_s, "s"),
        Row("decode alone", n_files / decode_s, "files/s"),
        Row("index, map by PCA only", n_files / heard_s, "files/s", decode_s / heard_s, "decode alone"),
        Row("index with its map", n_files / finished_s, "files/s", decode_s / finished_s, "decode alone"),
    ]
    last = whole[-1]
    report.notes.append(f"{last.files} files, {last.sounds} sounds, {last.refused} refused")
    spread = ", ".join(f"{run.heard_s:.2f}" for run in plain)
    report.notes.append(
        f"single rounds: decode {', '.join(f'{s:.2f}' for s in decoding)} s; index {spread} s"
    )
    return report


def _candidates(folder: Path) -> list[bytes]:
    from klustr_bridge.library.ignore import DEFAULT_PATTERNS, IgnoreRules
    from klustr_bridge.library.scan import scan_folder
    from klustr_bridge.sound.decode import is_candidate

    found = scan_folder(bytes(folder), IgnoreRules(DEFAULT_PATTERNS), candidate=is_candidate)
    return [file.path for file in found]


def _index(folder: Path, workers: int, method: Literal["pca", "auto"]) -> _Indexed:
    """Index into a new library, with the loop of the command ``klustr-bridge index``."""
    from klustr_bridge.indexer.indexer import Indexer
    from klustr_bridge.library.store import Store
    from klustr_bridge.settings import default_settings

    settings = default_settings()
    settings = replace(
        settings,
        index=replace(settings.index, workers=workers),
        layout=replace(settings.layout, method=method),
    )
    with tempfile.TemporaryDirectory(prefix="klustr-benchmark-") as home:
        started = time.perf_counter()
        heard_s = 0.0
        with Store.open(Path(home) / "library.klustr") as store:
            indexer = Indexer(
                store, settings, send=lambda _: None, snapshot_directory=Path(home) / "snapshots"
            )
            try:
                indexer.add_folder(bytes(folder))
                while True:
                    pause_s = indexer.step()
                    if not heard_s and indexer.settled:
                        heard_s = time.perf_counter() - started
                    if indexer.finished:
                        break
                    multiprocessing.connection.wait(indexer.connections, pause_s)
                finished_s = time.perf_counter() - started
            finally:
                indexer.close()
            counts = store.counts()
    return _Indexed(heard_s, finished_s, counts.files, counts.sounds, counts.refused)
