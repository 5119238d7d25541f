"""Round trips of questions over UDP, against a bare UDP echo, idle and while the daemon indexes.

The daemon, the echo server (on the same event loop) and the client are processes of their own. In
each state the three questions take turns in rounds; a ratio compares what was measured in the same
state, or the loaded with the idle state of the same run.
"""

import argparse
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.asking import Answered, Round, answer_rounds
from benchmarks.common import Aim, Daemon, Report, Row, alternate, work_folder
from benchmarks.echo import serve_echo
from benchmarks.libraries import SyntheticLibrary, make_library, make_load_folder

QUESTIONS = {"echo": "bare UDP echo", "near": "/klustr/near/xy, k=10", "similar": "/klustr/similar, k=10"}
MOST_LOADED_RATIO = 3.0
MOST_LOADED_MS = 5.0

_N_ASKED_IDS = 2000
_LOOK_EVERY_S = 0.2


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sounds", type=int, nargs="+", default=[5000, 100_000], help="sizes (default: 5000 100000)"
    )
    parser.add_argument("--requests", type=int, default=6000, help="of each question (default: 6000)")
    parser.add_argument("--rounds", type=int, default=12, help="in which they take turns (default: 12)")
    parser.add_argument(
        "--pause-ms",
        type=float,
        default=2.0,
        help="between an answer and the next question (default: 2, a hand on a pad; 0: back to back)",
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="default: one per core")
    parser.add_argument("--load-files", type=int, default=4000, help="of each of the two folders indexed")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep what is made here for the next run")


@dataclass(slots=True)
class _State:
    """What was measured in one state: times in milliseconds, by question."""

    times_ms: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    lost: int = 0
    cores: float = 0.0

    def quantile(self, what: str, share: float) -> float:
        return float(np.quantile(self.times_ms[what], share))


def run(options: argparse.Namespace) -> Report:
    report = Report(
        "roundtrip",
        {
            "sounds": options.sounds,
            "requests of each": options.requests,
            "pause": f"{options.pause_ms:g} ms",
            "workers": options.workers,
        },
    )
    with work_folder(options.work) as work:
        load = [
            make_load_folder(work / f"load {number} of {options.load_files}", options.load_files, seed=number)
            for number in (1, 2)
        ]
        for n_sounds in options.sounds:
            _measure_library(
                report, make_library(work / f"library {n_sounds}", n_sounds), load, work, options
            )
    return report


def _measure_library(
    report: Report, library: SyntheticLibrary, load: list[Path], work: Path, options: argparse.Namespace
) -> None:
    # a copy: what the load adds must not be there in the next run
    file = _copy(library, work)
    with (
        Daemon(work / "home", file, "--workers", str(options.workers)) as daemon,
        _child(serve_echo) as echo,
        _child(answer_rounds) as client,
    ):
        ports = {"echo": int(echo.recv()), "near": daemon.port, "similar": daemon.port}
        daemon.wait_ready(len(library.ids))
        ids = np.random.default_rng(1).choice(library.ids, _N_ASKED_IDS).tolist()
        _measure(client, ports, ids, options, 300)  # every path has been taken once
        with _Work(daemon) as idle_work:
            idle = _measure(client, ports, ids, options, options.requests)
        idle.cores = idle_work.cores
        with _Load(daemon, load) as loading, _Work(daemon) as loaded_work:
            loaded = _measure(client, ports, ids, options, options.requests)
        loaded.cores = loaded_work.cores
    size = f"{len(library.ids):6} sounds, "
    _fill(report, size, idle, loaded)
    report.notes.append(f"{size}folders indexed during the loaded state: {loading.n_begun}")
    if loading.problem:
        report.notes.append(f"THE LOAD ENDED EARLY: {size}{loading.problem}")


def _fill(report: Report, size: str, idle: _State, loaded: _State) -> None:
    for name, state in (("idle", idle), ("loaded", loaded)):
        for share, label in ((0.5, "median"), (0.99, "p99")):
            base = state.quantile("echo", share)
            for what, title in QUESTIONS.items():
                value = state.quantile(what, share)
                ratio = None if what == "echo" else value / base
                report.rows.append(
                    Row(f"{size}{name:6} {label:6} {title}", value, "ms", ratio, f"echo {name}")
                )
    for share, label in ((0.5, "median"), (0.99, "p99")):
        for what, title in QUESTIONS.items():
            value = loaded.quantile(what, share)
            ratio = value / idle.quantile(what, share)
            report.rows.append(Row(f"{size}loaded/idle {label:6} {title}", value, "ms", ratio, "idle"))
            if what != "echo" and label == "p99":
                report.aims.append(Aim(f"{size}p99 of {title}, loaded", value, MOST_LOADED_MS, "ms"))
                report.aims.append(Aim(f"{size}p99 of {title}, loaded/idle", ratio, MOST_LOADED_RATIO, "x"))
    for name, state in (("idle", idle), ("loaded", loaded)):
        worst = ", ".join(f"{what} {times.max():.2f}" for what, times in state.times_ms.items())
        report.notes.append(
            f"{size}{name}: longest in ms: {worst}; unanswered: {state.lost}; "
            f"librarian and workers used {state.cores:.2f} cores"
        )


def _measure(
    client: Connection, ports: dict[str, int], ids: list[int], options: argparse.Namespace, n: int
) -> _State:
    n_each = -(-n // options.rounds)
    times: dict[str, list[int]] = {what: [] for what in QUESTIONS}
    state = _State()
    for seed, what in enumerate(alternate(list(QUESTIONS), options.rounds), 1):
        client.send(Round(what, ports[what], n_each, options.pause_ms / 1000, ids, seed))
        answered: Answered = client.recv()
        times[what] += answered.times_ns
        state.lost += answered.lost
    if not all(times.values()):
        raise RuntimeError("the daemon answered no question right; see its log")
    state.times_ms = {what: np.array(taken) / 1e6 for what, taken in times.items()}
    return state


@contextmanager
def _child(target: Any) -> Iterator[Connection]:
    """A process of its own at the other end of a pipe; it ends when the pipe is closed."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        process.join(10)


def _copy(library: SyntheticLibrary, work: Path) -> Path:
    from klustr_bridge.library.store import Store

    copy = work / "measured.klustr"
    with Store.open(library.file, writable=False) as store:
        store.backup(copy)
    return copy


class _Work:
    """Sums up the processor time of the daemon's child processes: the librarian and its workers.

    Parameters
    ----------
    daemon : Daemon
        The one watched.
    """

    def __init__(self, daemon: Daemon) -> None:
        self._process = psutil.Process(daemon.process.pid)
        self._before_s = 0.0
        self._started_s = 0.0
        self.cores = 0.0

    def __enter__(self) -> "_Work":
        self._before_s, self._started_s = self._used_s(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        used_s = self._used_s() - self._before_s
        self.cores = used_s / (time.perf_counter() - self._started_s)

    def _used_s(self) -> float:
        total_s = 0.0
        for process in self._process.children(recursive=True):
            try:
                times = process.cpu_times()
            except psutil.Error:  # a layout process that has just ended
                continue
            total_s += times.user + times.system
        return total_s


class _Load:
    """Keeps the daemon indexing: adds one folder after the other, takes a finished one out first.

    Parameters
    ----------
    daemon : Daemon
        Kept busy from the first answer of a worker until the end of the ``with`` block.
    folders : list of Path
        Taken in turn.
    """

    def __init__(self, daemon: Daemon, folders: list[Path]) -> None:
        self._daemon = daemon
        self._folders = [folder.resolve() for folder in folders]
        self._at_work = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.n_begun = 0
        self.problem = ""

    def __enter__(self) -> "_Load":
        self._thread.start()
        if not self._at_work.wait(60):
            raise RuntimeError(f"the daemon did not begin to index {self._folders[0]}: {self.problem}")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        try:
            with self._daemon.client() as client:
                before = client.status().sounds
                while not self._stop.wait(_LOOK_EVERY_S):
                    status = client.status()
                    if status.sounds > before:
                        self._at_work.set()
                    # some are left, so that the workers go on while the next folder is scanned
                    if status.pending < 300 or not self.n_begun:
                        folder = self._folders[self.n_begun % len(self._folders)]
                        if self.n_begun >= len(self._folders):
                            client.remove_folder(folder)
                        client.add_folder(folder)
                        self.n_begun += 1
        except Exception as error:  # told in the report: its figures would mislead
            self.problem = f"{type(error).__name__}: {error}"
