"""How time and memory of the map and of questions grow with the library, up to a million sounds.

Sounds are made up in the space of embeddings: each is a mixture of a real one and three of its ten nearest,
with noise of half the distance to the nearest, so that they crowd as real ones do. The real ones are those of
a folder or list, else of the demo sounds. Each size has a process of its own, whose peak memory counts.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import Aim, Report, Row
from klustr_bridge.layout.cells import LEAST_SOUNDS
from klustr_bridge.processes import THREAD_VARIABLES
from klustr_bridge.types import Float32Array

SIZES = (1_000, 10_000, 100_000, 1_000_000)
_MEASURES = {
    "fit": "s",
    "fit: peak memory": "MB",
    "placing 1,000": "s",
    "near/xy, median": "ms",
    "near/xy, p99": "ms",
    "similar, median": "ms",
    "similar, p99": "ms",
    "similar by measuring all, median": "ms",
    "similar with weights, p99": "ms",
    "similar with a filter, p99": "ms",
    "making cells": "s",
    "loading for questions": "s",
    "asking: peak memory": "MB",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", type=Path, nargs="?", metavar="FOLDER", help="of real sounds (default: demo)"
    )
    parser.add_argument(
        "--largest", type=int, default=100_000, help="1,000, 10,000, ... up to this (default: 100,000)"
    )
    parser.add_argument("--queries", type=int, default=500, help="of each kind (default: 500)")
    parser.add_argument(
        "--landmarks-of",
        type=int,
        default=20_000,
        help="sounds laid out by half of them, too (default: 20,000)",
    )


def run(options: argparse.Namespace) -> Report:
    sizes = [size for size in SIZES if size <= options.largest] or [max(100, options.largest)]
    report = Report("scale", {"from": str(options.source or "demo sounds"), "largest": sizes[-1]})
    with tempfile.TemporaryDirectory(prefix="klustr-benchmark-") as work:
        real = Path(work) / "real.npy"
        np.save(real, _real_embeddings(options.source, Path(work)))
        measured = {size: _in_a_process(real, "size", size, options.queries) for size in sizes}
        landmarks = _in_a_process(real, "landmarks", options.landmarks_of, 0)
    _add_rows(report, measured)
    for name in ("neighbour share", "trustworthiness"):
        whole, half = landmarks[name], landmarks[f"{name}, landmarks"]
        what = f"{name}, {options.landmarks_of:,} sounds"
        report.rows.append(Row(f"{what}, all laid out", whole, ""))
        report.rows.append(
            Row(f"{what}, half of them placed among the others", half, "", half / whole, "all")
        )
    return report


def _add_rows(report: Report, measured: dict[int, dict[str, float]]) -> None:
    for name, unit in _MEASURES.items():
        before: tuple[int, float] | None = None
        for size, found in measured.items():
            if name not in found:
                continue
            value = found[name]
            against = (
                (None, "") if before is None else (value / max(before[1], 1e-9), f"{before[0]:,} sounds")
            )
            report.rows.append(Row(f"{name}, {size:,} sounds", value, unit, *against))
            if before is not None and value > 0 < before[1]:
                power = math.log(value / before[1]) / math.log(size / before[0])
                report.notes.append(f"{name} grows as n^{power:.2f} from {before[0]:,} to {size:,}")
            before = size, value
    largest = max(measured)
    found = measured[largest]
    if largest >= LEAST_SOUNDS:
        for name in ("", " with weights", " with a filter"):
            report.notes.append(f"recall@10 of similar{name} at {largest:,}: {found[f'recall{name}']:.4f}")
        report.aims.append(Aim(f"missed of the ten nearest at {largest:,}", 1 - found["recall"], 0.01, ""))
    else:
        report.notes.append(f"below {LEAST_SOUNDS:,} sounds all are measured: nothing can be missed")
    report.aims += [
        Aim(f"similar at {largest:,}, p99", found["similar, p99"], 10.0, "ms"),
        Aim(f"near/xy at {largest:,}, p99", found["near/xy, p99"], 1.0, "ms"),
    ]


def _real_embeddings(source: Path | None, work: Path) -> Float32Array:
    from benchmarks.libraries import make_load_folder
    from klustr_bridge.errors import RefusedSound
    from klustr_bridge.sound.analyse import analyse_file
    from klustr_bridge.sound.decode import is_candidate

    folder = source if source is not None else make_load_folder(work / "samples", 600)
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and is_candidate(os.fsencode(path.name)):
            try:
                found.append(analyse_file(os.fsencode(path), learned=True).embedding)
            except RefusedSound:
                continue
    if len(found) < 20:
        raise SystemExit(f"{folder} holds {len(found)} sounds that can be heard; name one with 20 or more")
    return np.unique(np.array(found), axis=0)


def _in_a_process(real: Path, what: str, size: int, n_queries: int) -> dict[str, float]:
    print(f"{what} {size:,}", file=sys.stderr, flush=True)
    words = [sys.executable, "-m", "benchmarks.scale_at", str(real), what, str(size), str(n_queries)]
    environment = {name: value for name, value in os.environ.items() if name not in THREAD_VARIABLES}
    done = subprocess.run(
        words,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env=environment,
        cwd=Path(__file__).parent.parent,
    )
    if done.returncode:
        raise SystemExit(f"{what} {size:,} ended with code {done.returncode}; see above")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {name: float(value) for name, value in found.items()}
