"""Analysing sample files, against decoding them alone and against klustr's features through librosa.

It is done by the engineered numbers alone, which others are compared with, and with the learned ear as well.
Each job has a process of its own, so that none runs on what another has imported or cached. All do the
same files in rounds, on one core: some files by one job, the same by the next, so that whatever else the
machine does meets all alike. Processor time counts. Analysing is all that an indexing worker does with a
file: decode, identify, measure, describe. klustr's feature sets are measured twice: as its notebooks make
them, one set at a time, each loading the files anew, and all from one decoding.
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.common import Aim, Report, Row, alternate, median

Milliseconds = NDArray[np.float64]

_ANALYSE = "analyse (decode, identify, describe)"
_LEARNED = "analyse with the learned ear"
_ROUND_FILES = 200
_WARM_UP_FILES = 20
TOO_LONG_S = 4.0
"""klustr's study leaves out files of this length or more."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="?", help="default: a demo library made for the run")
    parser.add_argument(
        "--files", type=int, default=1500, help="at most so many, evenly chosen (default: 1500)"
    )


def run(options: argparse.Namespace) -> Report:
    if options.files < 1:
        raise SystemExit(f"--files is {options.files}; allowed is 1 or more")
    with tempfile.TemporaryDirectory() as work:
        folder = options.folder
        if folder is None:
            from benchmarks.libraries import make_load_folder

            folder = make_load_folder(Path(work) / "samples", options.files)
        usable, n_too_long = usable_files(folder)
        paths = _chosen(usable, options.files)
        if not paths:
            raise SystemExit(f"{folder} holds no usable sample file of less than 4 s; name another folder")
        took_ms = measure(paths)
    settings = {
        "folder": str(options.folder or "demo sounds"),
        "files": len(paths),
        "rounds": len(took_ms["decode"]),
    }
    report = Report("speed", settings)
    _fill(report, took_ms)
    report.notes.append(f"{n_too_long} files of 4 s or more left out of all, as klustr's study does")
    return report


def _fill(report: Report, took_ms: Mapping[str, Sequence[float]]) -> None:
    """Medians over the rounds, also of the ratios: those of one round's own times."""
    decode, analyse, learned, apart, together = (np.array(took_ms[name]) for name in _JOBS)
    report.rows += [
        Row("decode alone (soundfile)", median(decode), "ms/file"),
        _against(_ANALYSE, analyse, decode, "decode alone"),
        _against(_LEARNED, learned, analyse, "analyse"),
        _against("klustr's three feature sets by librosa, each loading", apart, analyse, "analyse"),
        _against("the same from one decoding and resampling", together, analyse, "analyse"),
    ]
    report.aims += [
        Aim("analyse against decode alone", median(analyse / decode), 6.0, "x"),
        Aim("analyse with the learned ear against without", median(learned / analyse), 2.5, "x"),
        Aim("analyse against klustr's features, each loading", median(analyse / apart), 0.2, "x"),
        Aim("analyse against klustr's features from one decoding", median(analyse / together), 0.2, "x"),
    ]
    ratios = analyse / decode
    report.notes.append(
        f"medians over the rounds; analyse / decode was {ratios.min():.2f} to {ratios.max():.2f} in them"
    )


def _against(what: str, took_ms: Milliseconds, other_ms: Milliseconds, other: str) -> Row:
    return Row(what, median(took_ms), "ms/file", median(took_ms / other_ms), other)


def measure(paths: Sequence[Path]) -> dict[str, list[float]]:
    """Have every job do the same files; by job the mean milliseconds of a file in each round.

    A round takes every n-th file, so that each has some of all folders.
    """
    n_rounds = -(-len(paths) // _ROUND_FILES)
    rounds = [paths[start::n_rounds] for start in range(n_rounds)]
    took_ms: dict[str, list[float]] = {name: [] for name in _JOBS}
    with ExitStack() as stack:
        workers = {name: stack.enter_context(_Worker(name)) for name in _JOBS}
        for worker in workers.values():
            worker.seconds(paths[:_WARM_UP_FILES])
        for number, name in enumerate(alternate(tuple(_JOBS), n_rounds)):
            part = rounds[number // len(_JOBS)]
            took_ms[name].append(1000.0 * workers[name].seconds(part) / len(part))
    return took_ms


class _Worker:
    """A new process that does one job with files and tells the processor time it took."""

    def __init__(self, job: str) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.job = job
        self._connection, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_work, args=(job, theirs), name=job, daemon=True)
        self._process.start()
        theirs.close()  # so that its end is noticed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        self._process.join()

    def seconds(self, paths: Sequence[Path]) -> float:
        """Do these files, and wait until they are done."""
        try:
            self._connection.send(paths)
            return float(self._connection.recv())
        except (EOFError, OSError):
            self._process.join()
            raise SystemExit(
                f"the process of the job {self.job!r} ended with code {self._process.exitcode}; see above"
            ) from None


def _work(job: str, connection: Connection) -> None:
    """Do what is asked for until nobody asks any more."""
    _stay_on_one_core()
    do = _JOBS[job]
    while True:
        try:
            paths = connection.recv()
        except EOFError:
            return
        started = time.process_time()
        for path in paths:
            do(path)
        connection.send(time.process_time() - started)


def _stay_on_one_core() -> None:
    """The same core for every job, where the system lets a process choose."""
    own = psutil.Process()
    if hasattr(own, "cpu_affinity"):
        own.cpu_affinity([max(own.cpu_affinity())])


def _analyse(path: Path) -> object:
    from klustr_bridge.sound.analyse import analyse_file

    return analyse_file(os.fsencode(path))


def _analyse_learned(path: Path) -> object:
    from klustr_bridge.sound.analyse import analyse_file

    return analyse_file(os.fsencode(path), learned=True)


def _decode(path: Path) -> tuple[object, int]:
    import soundfile

    return soundfile.read(path, dtype="float32", always_2d=True)


def _klustr_apart(path: Path) -> object:
    import librosa

    from benchmarks import klustr_features

    made = []
    for make in (klustr_features.mir, klustr_features.mfcc, klustr_features.fingerprint):
        audio, rate = librosa.load(path, sr=klustr_features.RATE)
        made.append(make(klustr_features.excerpt(audio, round(rate))))
    return made


def _klustr_together(path: Path) -> object:
    from benchmarks import klustr_features

    audio, rate = _decode(path)
    return klustr_features.features(audio.mean(axis=1), rate)


_JOBS: dict[str, Callable[[Path], object]] = {
    "decode": _decode,
    "analyse": _analyse,
    "analyse, learned": _analyse_learned,
    "klustr, each set by itself": _klustr_apart,
    "klustr": _klustr_together,
}


def usable_files(folder: Path) -> tuple[list[Path], int]:
    """Files that every job can do, and how many are left out because they are too long for klustr's study.

    Those are the files that the analysis takes and libsndfile alone can decode.
    """
    import soundfile

    from klustr_bridge.errors import RefusedSound
    from klustr_bridge.sound.decode import is_candidate

    found, n_too_long = [], 0
    for path in sorted(folder.rglob("*")):
        if path.is_file() and is_candidate(os.fsencode(path.name)):
            try:
                is_too_long = soundfile.info(path).duration >= TOO_LONG_S
                if not is_too_long:
                    _analyse(path)
            except (soundfile.LibsndfileError, RefusedSound):
                continue
            if is_too_long:
                n_too_long += 1
            else:
                found.append(path)
    return found, n_too_long


def _chosen(paths: list[Path], n: int) -> list[Path]:
    if len(paths) <= n:
        return paths
    return [paths[at] for at in np.linspace(0, len(paths) - 1, n).astype(int).tolist()]
