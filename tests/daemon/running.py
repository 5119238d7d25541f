"""A real daemon in a process of its own, on free ports, with everything it writes below one folder."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from klustr_bridge.client import Client


class RunningDaemon:
    """Started at once; `client` talks to it, `lines` is what it has said.

    Parameters
    ----------
    home : Path
        Takes the place of the user's data, cache and configuration folders.
    words : sequence of str
        Further words of the command line.
    """

    def __init__(self, home: Path, *words: str, quick: bool = True) -> None:
        self.home = home
        defaults = [
            "--osc-port",
            "0",
            "--http-port",
            "0",
            "--audio",
            "off",
            "--midi",
            "off",
            "--http-announce",
            "off",
            "--view",
            "plain",
        ]
        if quick:
            defaults += ["--layout", "pca", "--workers", "1", "--settle-time", "0.1"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "klustr_bridge", *words, *_not_given(defaults, words)],
            env=environment(home),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # its process group is that of a terminal of its own
        )
        self.lines: list[str] = []
        self._said = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._client: Client | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def client(self) -> Client:
        """A client that has said hello."""
        if self._client is None:
            self._client = Client(port=self.port, timeout=10.0)
            self._client.hello("test")
        return self._client

    @property
    def port(self) -> int:
        """The port that it says it listens on."""
        line = self.wait_for_line(r"OSC on 127\.0\.0\.1:(\d+)")
        match = re.search(r":(\d+)", line.removeprefix("OSC on "))
        assert match
        return int(match[1])

    def wait_for_line(self, pattern: str, deadline_s: float = 30.0) -> str:
        """Wait until it says a line with `pattern`; fail with all it said if it never does."""
        until = time.monotonic() + deadline_s
        with self._said:
            while True:
                for line in self.lines:
                    if re.search(pattern, line):
                        return line
                left_s = until - time.monotonic()
                over = self.process.poll() is not None and not self._reader.is_alive()
                assert left_s > 0 and not over, f"no line with {pattern!r} in:\n" + "\n".join(self.lines)
                self._said.wait(min(left_s, 0.2))

    def wait_until(self, condition: Callable[[Client], bool], deadline_s: float = 40.0) -> None:
        """Wait until `condition` holds, looking again at each push of the daemon."""
        until = time.monotonic() + deadline_s
        while not condition(self.client):
            assert time.monotonic() < until, f"{self.client.status()}\n" + "\n".join(self.lines)
            next(iter(self.client.events(timeout=0.1)), None)

    def wait_ready(self, n_sounds: int) -> None:
        """Wait until it has heard exactly so many sounds and nothing is left to do."""

        def ready(client: Client) -> bool:
            status = client.status()
            return status.state == "ready" and status.sounds == n_sounds and not status.pending

        self.wait_until(ready)

    def renew_client(self) -> None:
        """Go on with a client that has heard no push yet."""
        self._close_client()

    def children(self) -> list[psutil.Process]:
        """Return its processes, the librarian first."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self) -> int:
        """Press Ctrl-C, as a terminal sends it to all its processes, and return the exit code."""
        self._close_client()
        if hasattr(os, "killpg"):
            os.killpg(self.process.pid, signal.SIGINT)
        else:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(20)
        self._finish_reading()
        return code

    def kill(self) -> None:
        """End it without notice."""
        self._close_client()
        self.process.kill()
        self.process.wait(10)
        self._finish_reading()

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            children = self.children()
            self.kill()
            _, alive = psutil.wait_procs(children, timeout=10)
            for process in alive:
                process.kill()
        self._close_client()
        self._finish_reading()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._said:
                self.lines.append(line.rstrip("\n"))
                self._said.notify_all()

    def _finish_reading(self) -> None:
        assert self.process.stdout
        self._reader.join(10)
        self.process.stdout.close()

    def _close_client(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def run(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "klustr_bridge", *words],
        env=environment(home),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=90,
        check=False,
    )


def environment(home: Path) -> dict[str, str]:
    """Return an environment whose user folders are below `home`."""
    folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("DATA", "CACHE", "CONFIG")}
    windows = {"LOCALAPPDATA": str(home / "data"), "APPDATA": str(home / "config")}
    ours = {name: value for name, value in os.environ.items() if not name.startswith("KLUSTR_")}
    return ours | folders | windows | {"HOME": str(home), "PYTHONUTF8": "1"}


def _not_given(defaults: Sequence[str], words: Sequence[str]) -> list[str]:
    pairs = zip(defaults[::2], defaults[1::2], strict=True)
    return [word for flag, value in pairs if flag not in words for word in (flag, value)]
