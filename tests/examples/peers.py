"""A program of somebody else's, run beside a daemon: what it says, line by line, and its end."""

import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import build_msg

PATIENCE_S = 30.0


class Peer:
    """A running program; `lines` is what it has said on both its outputs.

    Parameters
    ----------
    command : sequence of str
        The program and its words.
    cwd : Path
        Folder to run it in.
    environment : dict
        Variables beside those of this process.
    """

    def __init__(self, command: Sequence[str], cwd: Path, environment: dict[str, str] | None = None) -> None:
        self.lines: list[str] = []
        self._said = threading.Condition()
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait(10)
        self._reader.join(10)
        assert self.process.stdout
        self.process.stdout.close()

    def wait_for(self, pattern: str, after: int = 0, deadline_s: float = PATIENCE_S) -> "re.Match[str]":
        """Return the first match from line `after` on; fail with all it said if none comes."""
        until = time.monotonic() + deadline_s
        looked_at = after
        with self._said:
            while True:
                for line in self.lines[looked_at:]:
                    if match := re.search(pattern, line):
                        return match
                looked_at = max(after, len(self.lines))
                left_s = until - time.monotonic()
                alive = self._reader.is_alive()
                assert left_s > 0 and alive, f"no line with {pattern!r} in:\n" + "\n".join(self.lines)
                self._said.wait(min(left_s, 0.2))

    def wait_for_count(self, pattern: str, n: int) -> None:
        """Wait until so many lines match; fail with all it said if they don't come."""
        seen = 0
        for _ in range(n):
            match = self.wait_for(pattern, seen)
            seen = self.lines.index(match.string, seen) + 1

    def wait_end(self) -> int:
        """Return its exit code when it has ended and all it said is read."""
        code = self.process.wait(PATIENCE_S)
        self._reader.join(10)
        return code

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._said:
                self.lines.append(line.rstrip("\n"))
                self._said.notify_all()


class PlayedBridge:
    """A socket in place of the bridge: it answers hello and ping, as the run of the bridge it is now."""

    def __init__(self) -> None:
        self.run = 1
        self.values: list[object] = []  # of the message that was waited for
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(PATIENCE_S)
        self.port = int(self._socket.getsockname()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def take(self, until: str) -> list[str]:
        """Answer what comes until an address comes; return the addresses, that one the last."""
        taken = [""]
        while taken[-1] != until:
            assert len(taken) < 50, f"no {until} among {taken}"
            packet, source = self._socket.recvfrom(4096)
            message = OscMessage(packet)
            taken.append(message.address)
            if message.address == "/klustr/hello":
                self._socket.sendto(build_msg("/klustr/welcome", ["0", 1, 1, 1, "ready"]).dgram, source)
            if message.address == "/klustr/ping":
                pong = build_msg("/klustr/pong", [message.params[0], self.run]).dgram
                self._socket.sendto(pong, source)
            self.values = message.params
        return taken[1:]


def check_a_new_run_is_greeted(bridge: PlayedBridge, mode: str) -> None:
    """The same run goes on with pings alone; another one is told hello and the modes at once."""
    for run in (123_456_789, 2_000_000_000):
        bridge.run = run
        bridge.take("/klustr/hello")
        bridge.take(mode)
        for _ in range(3):
            assert "/klustr/hello" not in bridge.take("/klustr/ping")
