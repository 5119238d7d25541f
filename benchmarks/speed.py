"""Analysing sample files, against decoding them alone and against klustr's features through librosa.

All in this one process on one core, fifty files by one way, then the same by the next, so that whatever else
the machine does meets all three alike; processor time counts. Analysing is all that an indexing worker
does with a file: decode, identify, measure, describe.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.common import Aim, Report, Row

_TURN = 50  # files


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="?", help="default: a demo library made for the run")
    parser.add_argument(
        "--files", type=int, default=1500, help="at most so many, evenly chosen (default: 1500)"
    )
    parser.add_argument(
        "--klustr-files", type=int, default=300, help="klustr's features of so many of them (default: 300)"
    )


def run(options: argparse.Namespace) -> Report:
    import tempfile

    with tempfile.TemporaryDirectory() as work:
        folder = options.folder
        if folder is None:
            from benchmarks.libraries import make_load_folder

            folder = make_load_folder(Path(work) / "samples", options.files)
        paths = _chosen(_readable(folder), options.files)
        if not paths:
            raise SystemExit(f"{folder} holds no sample files that can be read; name another folder")
        return _measure(options, paths)


def _measure(options: argparse.Namespace, paths: list[Path]) -> Report:
    some = set(_chosen(paths, options.klustr_files))
    decode, analyse, klustr = _Clock(_decode), _Clock(_analyse), _Clock(_klustr)
    for clock in (decode, analyse, klustr):
        clock.warm_up(paths[:20])
    for start in range(0, len(paths), _TURN):
        turn = paths[start : start + _TURN]
        decode.run(turn)
        analyse.run(turn)
        klustr.run([path for path in turn if path in some])
    settings = {
        "folder": str(options.folder or "demo sounds"),
        "files": len(paths),
        "klustr files": len(some),
    }
    report = Report("speed", settings)
    base, whole, study = decode.mean_ms, analyse.mean_ms, klustr.mean_ms
    report.rows += [
        Row("decode alone (soundfile)", base, "ms/file"),
        Row("analyse (decode, identify, describe)", whole, "ms/file", whole / base, "decode alone"),
        Row("klustr's three feature sets by librosa", study, "ms/file", study / whole, "analyse"),
    ]
    report.aims += [
        Aim("analyse against decode alone", whole / base, 6.0, "x"),
        Aim("analyse against klustr's features", whole / study, 0.2, "x"),
    ]
    return report


class _Clock:
    """Runs a job for files and adds up the processor time that it takes."""

    def __init__(self, job: Callable[[Path], object]) -> None:
        self._job = job
        self._took_s = 0.0
        self._n_files = 0

    def warm_up(self, paths: list[Path]) -> None:
        for path in paths:
            self._job(path)

    def run(self, paths: list[Path]) -> None:
        started = time.process_time()
        for path in paths:
            self._job(path)
        self._took_s += time.process_time() - started
        self._n_files += len(paths)

    @property
    def mean_ms(self) -> float:
        return 1000.0 * self._took_s / max(self._n_files, 1)


def _analyse(path: Path) -> object:
    from klustr_bridge.sound.analyse import analyse_file

    return analyse_file(os.fsencode(path))


def _decode(path: Path) -> tuple[object, int]:
    import soundfile

    return soundfile.read(path, dtype="float32", always_2d=True)


def _klustr(path: Path) -> object:
    from benchmarks import klustr_features

    audio, rate = _decode(path)
    return klustr_features.features(audio.mean(axis=1), rate)


def _readable(folder: Path) -> list[Path]:
    """Files that the analysis takes and libsndfile alone can decode, so that all jobs do the same ones."""
    import soundfile

    from klustr_bridge.errors import RefusedSound
    from klustr_bridge.sound.decode import is_candidate

    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and is_candidate(os.fsencode(path.name)):
            try:
                soundfile.info(path)
                _analyse(path)
            except (soundfile.LibsndfileError, RefusedSound):
                continue
            found.append(path)
    return found


def _chosen(paths: list[Path], n: int) -> list[Path]:
    if len(paths) <= n:
        return paths
    return [paths[at] for at in np.linspace(0, len(paths) - 1, n).astype(int).tolist()]
