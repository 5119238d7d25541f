"""What the benchmarks share: the machine they ran on, the table they print, a daemon to measure."""

import json
import os
import platform
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import psutil

from klustr_bridge.client import Client, Status

_PACKAGES = (
    "klustr-bridge",
    "numpy",
    "scipy",
    "faiss-cpu",
    "soundfile",
    "soxr",
    "uvloop",
    "openTSNE",
    "umap-learn",
)
_QUIET = ("--http-port", "0", "--view", "plain")


_NO_MIDI = ("--midi", "off")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a value, and what it is in proportion to another of the same run."""

    what: str
    value: float
    unit: str
    ratio: float | None = None
    against: str = ""


@dataclass(frozen=True, slots=True)
class Aim:
    """Something that should hold."""

    what: str
    value: float
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        return self.value <= self.limit


@dataclass(slots=True)
class Report:
    """All that one benchmark found; the load is that of the whole machine when it began."""

    name: str
    settings: dict[str, object]
    rows: list[Row] = field(default_factory=list)
    aims: list[Aim] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    machine: dict[str, str] = field(default_factory=lambda: machine())

    def text(self) -> str:
        lines = [f"{self.name}: " + ", ".join(f"{name} {value}" for name, value in self.settings.items())]
        lines += [f"  {name}: {value}" for name, value in self.machine.items()]
        width = max((len(row.what) for row in self.rows), default=0)
        lines.append(f"\n  {'':{width}}  {'value':>12}          ratio")
        for row in self.rows:
            ratio = "" if row.ratio is None else f"{row.ratio:8.2f} x {row.against}"
            lines.append(f"  {row.what:{width}}  {row.value:12.3f} {row.unit:7}{ratio}".rstrip())
        for aim in self.aims:
            verdict = "met" if aim.met else "MISSED"
            lines.append(f"  aim {verdict}: {aim.what} {aim.value:.3g} {aim.unit}, at most {aim.limit:g}")
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    def to_json(self) -> str:
        aims = [asdict(aim) | {"met": aim.met} for aim in self.aims]
        return json.dumps(asdict(self) | {"aims": aims}, indent=1) + "\n"


def machine() -> dict[str, str]:
    """Describe what the figures depend on."""
    return {
        "cores": f"{os.cpu_count()} ({_processor()})",
        "system": f"{platform.platform()}, {psutil.virtual_memory().total / 2**30:.0f} GiB memory",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
        "load average before": " ".join(f"{load:.2f}" for load in psutil.getloadavg()),
    }


def _processor() -> str:
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def median(values: Sequence[float]) -> float:
    return float(np.median(values))


def alternate(names: Sequence[str], rounds: int) -> Iterator[str]:
    """Yield every name `rounds` times, the order turned round each time."""
    for number in range(rounds):
        yield from names if number % 2 == 0 else reversed(names)


@contextmanager
def work_folder(kept: Path | None) -> Iterator[Path]:
    """A folder for what a benchmark makes: the one named (kept for the next run), or one for now."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="klustr-benchmark-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def free_port() -> int:
    """Return a port that was free a moment ago for UDP and TCP."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        tcp.bind(("127.0.0.1", 0))
        udp.bind(tcp.getsockname())
        return int(tcp.getsockname()[1])


def environment(home: Path) -> dict[str, str]:
    """Return an environment whose user folders lie below `home`, without settings of the user's own."""
    folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("DATA", "CACHE", "CONFIG")}
    windows = {"LOCALAPPDATA": str(home / "data"), "APPDATA": str(home / "config")}
    ours = {name: value for name, value in os.environ.items() if not name.startswith("KLUSTR_")}
    return ours | folders | windows | {"HOME": str(home), "PYTHONUTF8": "1"}


class Daemon:
    """The real daemon in a process of its own, started at once, without MIDI.

    Parameters
    ----------
    home : Path
        Takes the place of the user's folders.
    library : Path
        The library file.
    words : sequence of str
        Further words of its command line.
    audio : sequence of str
        Words of it that are about audio; off by default.
    midi : bool
        Whether it listens to MIDI.
    extra : mapping of str to str
        Further variables of its environment.
    """

    def __init__(
        self,
        home: Path,
        library: Path,
        *words: str,
        audio: Sequence[str] = ("--audio", "off"),
        midi: bool = False,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self.port = free_port()
        self.started_s = time.perf_counter()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "klustr_bridge", *words),
                *(
                    "--library",
                    str(library),
                    "--osc-port",
                    str(self.port),
                    *_QUIET,
                    *audio,
                    *(() if midi else _NO_MIDI),
                ),
            ],
            env=environment(home) | dict(extra or {}),
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def client(self) -> Client:
        """A client that has not said hello: it gets answers, no pushes."""
        return Client(port=self.port, timeout=10.0)

    def wait_until(self, what: str, holds: Callable[[Status], bool], deadline_s: float = 300.0) -> None:
        """Look at its status ten times a second until `holds` of it."""
        until = time.monotonic() + deadline_s
        status: Status | None = None
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with Client(port=self.port, timeout=1.0) as client:
                    status = client.status()
            except Exception:  # not there yet, or just too busy: the deadline decides
                status = None
            if status is not None and holds(status):
                return
            time.sleep(0.1)
        raise RuntimeError(
            f"the daemon did not come to be {what}; last status {status}; it said:\n{self.said()}"
        )

    def wait_ready(self, n_sounds: int) -> None:
        """Wait until it serves so many sounds and its librarian has compared all folders with them.

        The status alone does not tell: it is "ready" on the last snapshot before the librarian has looked.
        """
        self.wait_until(
            f"ready with {n_sounds} sounds",
            lambda status: status.state == "ready" and status.sounds >= n_sounds and not status.pending,
        )
        with self.client() as client:
            client.command("/klustr/rescan", timeout=300.0)

    def said(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def close(self) -> None:
        """Stop it as a service manager does; by force if that takes long."""
        children = psutil.Process(self.process.pid).children(recursive=True) if self._lives else []
        if self._lives:
            self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        for left in psutil.wait_procs(children, timeout=5)[1]:
            left.kill()
        self._log.close()

    @property
    def _lives(self) -> bool:
        return self.process.poll() is None
