"""Start of the daemon until its first right answer, and the memory of its serving process.

The library is there, with nothing to do but to serve it, as after a reboot. Told beside the start of
a bare Python that imports numpy, and of one that imports the daemon's modules, in alternating order.
"""

import argparse
import random
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.asking import answered_ids, near_question, similar_question
from benchmarks.common import Aim, Daemon, Report, Row, alternate, environment, median, work_folder
from benchmarks.libraries import SyntheticLibrary, make_library

LARGE = 100_000
MOST_START_S = 1.5
MOST_RSS_MB = 250.0

_ASK_EVERY_S = 0.004
_GIVE_UP_S = 120.0
_N_QUESTIONS = 500


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sounds", type=int, nargs="+", default=[10_000, LARGE], help="sizes (default: 10000 100000)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="starts of each (default: 5)")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep what is made here for the next run")


@dataclass(frozen=True, slots=True)
class _Start:
    """One start: seconds until the port answered at all, and until it answered right."""

    open_s: float
    answer_s: float


@dataclass(frozen=True, slots=True)
class _Memory:
    """Of the serving process, MB."""

    rss: float
    uss: float
    pss: float
    librarian: float


def run(options: argparse.Namespace) -> Report:
    report = Report("startup", {"sounds": options.sounds, "rounds": options.rounds})
    with work_folder(options.work) as work:
        for n_sounds in options.sounds:
            _measure(report, make_library(work / f"library {n_sounds}", n_sounds), work, options.rounds)
    report.notes.append(
        "the files are in the cache of the system; the port answers as soon as it is open, right answers "
        "come when the last snapshot is loaded"
    )
    return report


def _measure(report: Report, library: SyntheticLibrary, work: Path, rounds: int) -> None:
    n_sounds = len(library.ids)
    home = work / f"home {n_sounds}"
    snapshots = home / "cache" / "klustr-bridge" / "snapshots"
    if snapshots.exists():
        for left in sorted(snapshots.rglob("*"), reverse=True):
            left.rmdir() if left.is_dir() else left.unlink()
    first, _ = _start(home, library, stay=True)
    bare: list[float] = []
    imports: list[float] = []
    starts: list[_Start] = []
    memories: list[_Memory] = []

    def daemon() -> None:
        start, memory = _start(home, library, stay=len(starts) == 0)
        starts.append(start)
        memories.extend([memory] if memory else [])

    jobs = {
        "bare": lambda: bare.append(_run_python("import numpy", home)),
        "imports": lambda: imports.append(
            _run_python("import klustr_bridge.cli, klustr_bridge.daemon", home)
        ),
        "daemon": daemon,
    }
    for name in alternate(list(jobs), rounds):
        jobs[name]()

    bare_s = median(bare)
    answer_s = median([start.answer_s for start in starts])
    open_s = median([start.open_s for start in starts])
    for what, value in (
        ("bare Python with numpy", bare_s),
        ("Python with the daemon's imports", median(imports)),
        ("daemon until its port answers", open_s),
        ("daemon until the first right answer", answer_s),
        ("the same with no snapshot left (once)", first.answer_s),
    ):
        ratio = None if value == bare_s else value / bare_s
        report.rows.append(Row(f"{n_sounds:7} sounds: {what}", value, "s", ratio, "bare Python"))
    memory = memories[0]
    for what, value in (("RSS", memory.rss), ("USS", memory.uss), ("PSS", memory.pss)):
        report.rows.append(Row(f"{n_sounds:7} sounds: serving process, {what}", value, "MB"))
    report.rows.append(Row(f"{n_sounds:7} sounds: librarian process, RSS", memory.librarian, "MB"))
    if n_sounds >= LARGE:
        report.aims.append(Aim(f"first answer at {n_sounds}", answer_s, MOST_START_S, "s"))
        report.aims.append(Aim(f"RSS at {n_sounds}", memory.rss, MOST_RSS_MB, "MB"))
    single = ", ".join(f"{start.answer_s:.2f}" for start in starts)
    report.notes.append(f"{n_sounds} sounds: single starts until the first right answer: {single} s")


def _run_python(code: str, home: Path) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=environment(home))
    return time.perf_counter() - started


def _start(home: Path, library: SyntheticLibrary, *, stay: bool) -> tuple[_Start, _Memory | None]:
    """Start a daemon and ask until it answers right; with `stay` also until it is ready and asked much."""
    with Daemon(home, library.file) as daemon:
        start = _ask_until_right(daemon, library)
        if not stay:
            return start, None
        daemon.wait_ready(len(library.ids))
        _ask_much(daemon.port, library)
        return start, _memory(daemon)


def _ask_until_right(daemon: Daemon, library: SyntheticLibrary) -> _Start:
    x, y = 0.5, 0.5
    expected = library.nearest(x, y, 10)
    open_s = 0.0
    req = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.connect(("127.0.0.1", daemon.port))
        server.settimeout(_ASK_EVERY_S)
        while (now_s := time.perf_counter() - daemon.started_s) < _GIVE_UP_S:
            req += 1
            question, answer_begins = near_question(req, x, y)
            try:
                server.send(question)
                answer = server.recv(2048)
            except TimeoutError:
                continue
            except ConnectionError:  # not open yet
                time.sleep(_ASK_EVERY_S)
                continue
            now_s = time.perf_counter() - daemon.started_s
            open_s = open_s or now_s
            begins = answer_begins[:-16]  # any of our questions may be the one answered
            if answer.startswith(begins) and set(answered_ids(answer)) == expected:
                return _Start(open_s, now_s)
    raise RuntimeError(f"no right answer within {_GIVE_UP_S:g} s; the daemon said:\n{daemon.said()}")


def _ask_much(port: int, library: SyntheticLibrary) -> None:
    """Use the map and the space of sounds all over, so that what is read lazily has been read."""
    choice = random.Random(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.connect(("127.0.0.1", port))
        server.settimeout(5.0)
        for req in range(1, _N_QUESTIONS):
            if req % 2:
                question, _ = near_question(req, choice.random(), choice.random())
            else:
                question, _ = similar_question(req, int(choice.choice(library.ids)))
            server.send(question)
            server.recv(2048)


def _memory(daemon: Daemon) -> _Memory:
    process = psutil.Process(daemon.process.pid)
    full = process.memory_full_info()
    children = process.children()
    librarian = max((child.memory_info().rss for child in children), default=0)
    pss = getattr(full, "pss", full.uss)  # Linux alone has it
    return _Memory(*(number / 2**20 for number in (full.rss, full.uss, pss, librarian)))
