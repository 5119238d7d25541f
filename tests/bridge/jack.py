"""Real sound and MIDI without hardware: JACK's dummy server, and a controller on it."""

import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from filelock import FileLock

from tests.bridge.midi_peer import JACK

PATIENCE_S = 30
TURN_S = 90


class JackServer:
    """A JACK server of its own; skips the test, naming what is missing, where there can't be one.

    Args:
        rate: Frames a second.
        dummy: Further options of its dummy driver.

    """

    def __init__(self, rate: int = 48_000, dummy: str = "-p 256") -> None:
        for program in ("jackd", "jack_wait"):
            if shutil.which(program) is None:
                pytest.skip(f"{program} is not installed")
        # One name for all, in turn: JACK has room for eight, and one that was killed keeps its place until
        # it is started again by the same name.
        self.name = "klustr-bridge-test"
        self.environment = {"JACK_DEFAULT_SERVER": self.name, "JACK_NO_START_SERVER": "1"}
        self._driver = ["-d", "dummy", "-r", str(rate), *dummy.split()]
        self._turn = FileLock(Path(tempfile.gettempdir()) / "klustr-bridge-test-jack.lock", timeout=TURN_S)
        self._turn.acquire()
        self.start()

    @classmethod
    def for_midi(cls, monkeypatch: pytest.MonkeyPatch) -> Self:
        """One that this process' MIDI goes to."""
        rtmidi = pytest.importorskip("rtmidi", reason="python-rtmidi is not installed")
        if rtmidi.API_UNIX_JACK not in rtmidi.get_compiled_api():
            pytest.skip("this python-rtmidi has no JACK")
        server = cls()
        for name, value in {**server.environment, "MIDO_BACKEND": JACK}.items():
            monkeypatch.setenv(name, value)
        return server

    def start(self) -> None:
        """Start it and wait until it can be used."""
        setpriv = shutil.which("setpriv")  # a test that was killed must not leave a server behind
        with_parent = [setpriv, "--pdeathsig", "KILL"] if setpriv else []
        self.process = subprocess.Popen(
            [*with_parent, "jackd", "-n", self.name, "-r", "-m", *self._driver],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait = ["jack_wait", "-s", self.name, "-w", "-t", "20"]
        if subprocess.run(wait, check=False, timeout=PATIENCE_S, capture_output=True).returncode:
            self.close()
            pytest.fail("jackd can't be started; if it says 'Too many servers', remove /dev/shm/jack*")

    def freeze(self) -> None:
        """Let it answer nobody."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it answer again."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it without notice."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def close(self) -> None:
        """End it."""
        self.thaw()
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_S)
        finally:
            self._turn.release()


class Controller:
    """A connected controller, until closed."""

    def __init__(self, client: str = "nanoPAD", port: str = "pad") -> None:
        self.name = f"{client}:{port}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bridge.midi_peer", client, port],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._answer() == "ready"

    @classmethod
    def into(cls, port: str) -> Self:
        """A program that sends to a port that is there."""
        return cls("--to", port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, message: str) -> float:
        """Send one message given in hexadecimal; return when, in seconds of the monotonic clock."""
        assert self._process.stdin is not None
        self._process.stdin.write(message + "\n")
        self._process.stdin.flush()
        return float(self._answer())

    def point(self, x: float, y: float) -> float:
        """Touch a pad there: X on CC 12, Y on CC 13."""
        self.send(f"B0 0C {round(x * 127):02X}")
        return self.send(f"B0 0D {round(y * 127):02X}")

    def close(self) -> None:
        """Pull the plug."""
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()
