"""Sound cards for benchmarks: JACK's dummy servers, a stream of silence, and a tap on what is played."""

import os
import shutil
import subprocess
import sys
import threading
import time
from types import TracebackType
from typing import Any, Self

import numpy as np

RATE = 48_000

_SILENCE = """
import sys, sounddevice
xruns = callbacks = 0
def callback(out, frames, times, status):
    global xruns, callbacks
    xruns += bool(status)
    callbacks += 1
    out.fill(0.0)
jack = next(i for i, api in enumerate(sounddevice.query_hostapis()) if api['name'].startswith('JACK'))
device = sounddevice.query_hostapis(jack)['default_output_device']
with sounddevice.OutputStream(samplerate=48000, device=device, channels=2, latency='low', callback=callback):
    for line in sys.stdin:
        print(xruns, callbacks, flush=True)
"""


def missing() -> str | None:
    """What keeps the benchmark from running on this machine."""
    for program, package in (("jackd", "jackd2"), ("jack_wait", "jackd2")):
        if shutil.which(program) is None:
            return f"{program} is not installed: sudo apt install {package}"
    try:
        import jack  # noqa: F401
    except ImportError:
        return "the Python package JACK-Client is not installed: pip install JACK-Client"
    except OSError as error:
        return f"the JACK library is not installed ({error}): sudo apt install libjack-jackd2-0"
    return None


class Card:
    """A JACK server with a dummy driver: it asks for audio at the pace of a real card."""

    def __init__(self, name: str, period: int) -> None:
        self.environment = {"JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1"}
        self._process = subprocess.Popen(
            [
                *("jackd", "-n", name, "-r", "-m", "-d", "dummy"),
                "-r",
                str(RATE),
                "-p",
                str(period),
                "-C",
                "0",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait = subprocess.run(
            ["jack_wait", "-s", name, "-w", "-t", "20"], check=False, timeout=40, capture_output=True
        )
        if wait.returncode:
            self.close()
            raise SystemExit("jackd can't be started; if it says 'Too many servers', remove /dev/shm/jack*")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)


class Silence:
    """A stream that plays nothing, in a process of its own: what the machine itself costs."""

    def __init__(self, card: Card) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SILENCE],
            env=os.environ | card.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.counts()

    def counts(self) -> tuple[int, int]:
        """Return xruns and callbacks since the start."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        xruns, callbacks = self._process.stdout.readline().split()
        return int(xruns), int(callbacks)

    def close(self) -> None:
        self._process.communicate(timeout=20)


class Tap:
    """Listens at the output of a player within the card's own cycles.

    Attributes
    ----------
    period : int
        Frames of a cycle.
    """

    def __init__(self, card: Card) -> None:
        os.environ.update(card.environment)
        import jack

        self._client: Any = jack.Client("tap", no_start_server=True)
        self._port = self._client.inports.register("in")
        self._quiet = True
        self._onset: tuple[int, int] | None = None  # begin of the cycle, frame within it
        self._heard = threading.Event()
        self._client.set_process_callback(self._process)
        self._client.activate()
        self.period = int(self._client.blocksize)

    def connect(self, limit_s: float = 30.0) -> None:
        """Connect to the first output of PortAudio, once there is one."""
        until_s = time.monotonic() + limit_s
        while time.monotonic() < until_s:
            ports = self._client.get_ports("PortAudio.*out_0|PortAudio", is_output=True, is_audio=True)
            if ports:
                self._client.connect(ports[0], self._port)
                return
            time.sleep(0.1)
        raise RuntimeError("no output of PortAudio appeared at the JACK server")

    def frame(self) -> int:
        """Return the frame that it is now."""
        return int(self._client.frame_time)

    def cycle(self) -> int:
        """Return the first frame of the present cycle."""
        return int(self._client.last_frame_time)

    def listen(self) -> None:
        """Wait for silence, then begin to wait for a sound."""
        while not self._quiet:
            time.sleep(0.002)
        self._heard.clear()
        self._onset = None

    def onset(self, limit_s: float = 2.0) -> tuple[int, int] | None:
        """Return the cycle's first frame and the frame within it where the sound began; None if none did."""
        return self._onset if self._heard.wait(limit_s) else None

    def close(self) -> None:
        self._client.deactivate()
        self._client.close()

    def _process(self, n_frames: int) -> None:
        heard = self._port.get_array()
        if not heard.any():
            self._quiet = True
        elif self._quiet:
            self._quiet = False
            if not self._heard.is_set():
                self._onset = self.cycle(), int(np.flatnonzero(heard)[0])
                self._heard.set()
