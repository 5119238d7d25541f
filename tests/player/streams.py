"""Real output streams: a child process with a player, and a FIFO in place of a loudspeaker."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from klustr_bridge.types import Float32Array

ROOT = Path(__file__).parents[2]
CHILD = Path(__file__).with_name("player_child.py")
ALSA_DEFAULTS = Path("/usr/share/alsa/alsa.conf")
RATE = 48000


class PlayerChild:
    """A running `player_child.py`."""

    def __init__(self, alsa_config: str, folder: Path, **options: object) -> None:
        config = folder / "asound.conf"
        config.write_text(alsa_config)
        environment = dict(
            os.environ, ALSA_CONFIG_PATH=str(config), JACK_NO_START_SERVER="1", PYTHONPATH=str(ROOT)
        )
        environment.update({name: str(value) for name, value in options.pop("env", {}).items()})  # type: ignore[attr-defined]
        self.problems: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, str(CHILD), json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def _next(self) -> tuple[str, object]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the child ended with {self.process.wait()}"
        kind, value = json.loads(line)
        if kind == "problem":
            self.problems.append(value)
        return kind, value

    def call(self, method: str, *arguments: object, **keywords: object) -> object:
        """Call a method of the child's player and return its result."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([method, arguments, keywords]) + "\n")
        self.process.stdin.flush()
        while True:
            kind, value = self._next()
            if kind == "result":
                return value

    def wait_for_problem(self, words: str) -> str:
        """Wait until the child's player has told something with these words in it."""
        while True:
            for problem in self.problems:
                if words in problem:
                    return problem
            self._next()

    def end(self, limit_s: float = 30.0) -> int:
        """End the child as a user of the player would, by the end of its program; return its status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(limit_s)


class Loudspeaker:
    """Reads from a FIFO what a stream plays into ALSA's file device, about as fast as real time."""

    def __init__(self, fifo: Path) -> None:
        self.fifo = fifo
        self.heard = bytearray()
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self._open()

    def _open(self) -> None:
        import fcntl  # not on Windows

        os.mkfifo(self.fifo)
        # Open for both, so that neither side waits for the other.
        self._fd = os.open(self.fifo, os.O_RDWR)
        fcntl.fcntl(self._fd, fcntl.F_SETPIPE_SZ, 4096)  # type: ignore[attr-defined,unused-ignore]
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while not self._ended.is_set():
            try:
                data = os.read(self._fd, 4096)
            except BlockingIOError:
                return
            with self._changed:
                self.heard += data
                self._changed.notify_all()
            self._ended.wait(len(data) / (RATE * 8))

    def frames(self) -> Float32Array:
        """What was heard so far, shape (n_frames, 2)."""
        with self._changed:
            data = bytes(self.heard[: len(self.heard) // 8 * 8])
        return np.frombuffer(data, np.float32).reshape(-1, 2)

    def wait(self, enough: Callable[[Float32Array], bool]) -> Float32Array:
        """Wait until what was heard satisfies `enough`, and return it."""
        while True:
            with self._changed:
                before = len(self.heard)
            frames = self.frames()
            if enough(frames):
                return frames
            with self._changed:
                assert self._changed.wait_for(lambda before=before: len(self.heard) > before, 30.0)

    def stop_reading(self) -> None:
        """Stand still, as a dead device does: whoever plays on hangs in writing."""
        self._ended.set()
        self._reader.join()

    def unplug(self) -> None:
        """Go away: whoever plays on gets an error in writing."""
        self.close()
        self.fifo.unlink()

    def plug_in(self) -> None:
        """Come back, with nothing heard so far."""
        self.heard.clear()
        self._ended.clear()
        self._open()

    def close(self) -> None:
        """Let go of the FIFO."""
        if self._fd < 0:
            return
        self._ended.set()
        with contextlib.suppress(BlockingIOError):
            os.set_blocking(self._fd, False)
            os.write(self._fd, b"\0" * 8)  # wakes the reader where nobody plays
        self._reader.join()
        os.close(self._fd)
        self._fd = -1

    def config(self) -> str:
        """ALSA's configuration with this loudspeaker as the only device and the default one."""
        return (
            f"<{ALSA_DEFAULTS}>\n"
            f'pcm.cap {{ type file slave.pcm "null" file "{self.fifo}" format "raw" }}\n'
            'pcm.!default { type plug slave.pcm "cap" }\n'
        )
