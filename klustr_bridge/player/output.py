"""Owns the way to the loudspeakers: finding a device, the stream, its loss and its return.

All calls into PortAudio are made on one thread of this module, which may hang without holding up
anybody: audio systems do hang. This module must not know of sounds, files or voices; it asks a
`Renderer` to fill blocks. One output a process: finding devices anew re-initialises PortAudio for
the whole process.
"""

import atexit
import os
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from klustr_bridge.errors import PlayerError
from klustr_bridge.player import portaudio, wire
from klustr_bridge.settings import AudioSettings
from klustr_bridge.types import Float32Array

Renderer = Callable[[Float32Array, float], None]
"""Fills a block; gets besides when its first frame is heard, on the clock of ``time.perf_counter()``."""

MOST_DELAY_S = 2.0
"""Some devices tell nonsense about when a block is heard."""

SILENT_LIMIT_S = 2.0
"""A stream that hasn't asked for audio for so long is lost: some devices vanish without a word."""

HANG_LIMIT_S = 10.0
STEADY_S = 10.0
"""A stream that lasted so long is worth an immediate attempt when it is lost."""

_REALTIME_PRIORITY = 20
"""Above all ordinary threads, below those of sound servers."""

FIRST_RETRY_S = 1.0
LAST_RETRY_S = 30.0
CLOSE_LIMIT_S = 2.0


class Output:
    """One output stream that is opened in the background, watched, and opened again when lost.

    Parameters
    ----------
    audio : AudioSettings
        Device, rate, channels, buffer and latency that are wished for.
    make_renderer : callable
        Called with sample rate and channels (1 or 2) of each stream before it starts; returns what
        fills its blocks.
    on_problem : callable
        Told in one sentence what is wrong, or mended, once each time it changes. Called on the
        output's thread or the caller of `check`.
    """

    def __init__(
        self,
        audio: AudioSettings,
        make_renderer: Callable[[int, int], Renderer],
        on_problem: Callable[[str], None],
    ) -> None:
        self.n_callbacks = 0
        self.n_callback_errors = 0
        self.n_xruns = 0
        self.n_reopened = 0
        self.n_slow = 0
        self.n_overdue = 0
        self.longest_render_s = 0.0
        self.busy_s = 0.0
        self.sample_rate = 0
        self.latency_s = 0.0
        self.settled = threading.Event()
        """Set when the first attempt at opening has ended, well or not."""
        self._audio = audio
        self._wanted_rate = audio.sample_rate
        self._channels = slice(0, 2)
        self._make_renderer = make_renderer
        self._on_problem = on_problem
        self._closed = False
        self._state = "opening"
        self._problem: str | None = None
        self._name = ""
        self._stream: Any = None
        self._is_claimed = False
        self._heartbeat_s = 0.0
        self._opened_s = 0.0
        self._busy_since_s: float | None = None
        self._retry_at_s = 0.0
        self._retry_after_s = FIRST_RETRY_S
        self._orders: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._order("open")
        self._thread = threading.Thread(target=self._run, name="player-output", daemon=True)
        self._thread.start()

    # Any thread.

    @property
    def ready(self) -> bool:
        """Whether what is played now can be heard."""
        return self.state == "open"

    @property
    def state(self) -> str:
        """``opening``, ``open``, ``unavailable``, ``hanging`` or ``closed``."""
        return "closed" if self._closed else self._state

    @property
    def problem(self) -> str | None:
        """Why nothing can be heard and what to do about it; None while all is well or opening."""
        return None if self._closed else self._problem

    def describe(self) -> str:
        """Say in one line where the sound goes."""
        state = self.state
        if state == "open":
            first, last = self._channels.start + 1, self._channels.stop
            channels = f"channels {first}-{last}" if last > first else f"channel {last}"
            return f"{self._name}, {channels}, {self.sample_rate} Hz, {self.latency_s * 1000:.1f} ms"
        if state in ("opening", "closed"):
            return state
        return wire.silent_for(self._problem)

    def heartbeat_age_s(self, now: float) -> float:
        """Return the time since the device last asked for audio; 0 when there is no stream."""
        return max(0.0, now - self._heartbeat_s) if self.ready else 0.0

    def check(self, now: float) -> None:
        """Look after the stream; to be called about once a second. Never blocks.

        Parameters
        ----------
        now : float
            ``time.perf_counter()``.
        """
        if self._closed:
            return
        busy_since_s = self._busy_since_s
        if busy_since_s is not None:
            if now - busy_since_s > HANG_LIMIT_S and self._state != "hanging":
                self._set_problem("hanging", "the audio system does not answer")
            return
        if self._state == "open":
            if now - self._heartbeat_s > SILENT_LIMIT_S:
                self._lost(now)
        elif self._state in ("unavailable", "hanging") and now >= self._retry_at_s:
            self._order("reopen")

    def _lost(self, now: float) -> None:
        """Note the loss of the stream; one that had lasted is opened again at once."""
        lasted = self._heartbeat_s - self._opened_s > STEADY_S
        self._retry_at_s = now if lasted else now + self._retry_after_s
        self._retry_after_s = FIRST_RETRY_S if lasted else min(LAST_RETRY_S, 2.0 * self._retry_after_s)
        self._set_problem("unavailable", f"the output device {self._name} is lost; trying to reopen it")
        if lasted:
            self._order("reopen")

    def close(self, limit_s: float = CLOSE_LIMIT_S) -> bool:
        """Close the stream; gives it up when that takes longer than `limit_s`.

        Returns
        -------
        bool
            False when the audio system hangs: the stream was given up, and the process should be
            ended with ``os._exit``.
        """
        atexit.unregister(self.close)
        self._closed = True
        self._orders.put("close")
        self._thread.join(limit_s)
        if not self._thread.is_alive():
            return True
        portaudio.give_up_at_exit()
        return False

    # The output's thread.

    def _order(self, order: str) -> None:
        """Ask the thread for work; `check` asks for no more until it is done."""
        self._busy_since_s = time.perf_counter()
        self._orders.put(order)

    def _run(self) -> None:
        """Carry out orders one after the other; the only code that calls PortAudio."""
        while True:
            order = self._orders.get()
            if order == "close":
                self._close_stream()
                return
            if self._closed:
                continue
            try:
                self._open(again=order == "reopen")
            except PlayerError as error:
                self._failed(str(error))
            except portaudio.LibraryMissing as error:
                self._failed(str(error), for_ever=True)
            except Exception as error:
                self._failed(f"the output device can't be opened: {type(error).__name__}: {error}")
            finally:
                self._busy_since_s = None
                self.settled.set()

    def _failed(self, message: str, *, for_ever: bool = False) -> None:
        """Note why there is no stream and when to try again."""
        self._close_stream()
        self._retry_at_s = time.perf_counter() + self._retry_after_s
        if for_ever:
            self._retry_at_s = float("inf")
        self._retry_after_s = min(LAST_RETRY_S, 2.0 * self._retry_after_s)
        self._set_problem("unavailable", message)

    def _open(self, *, again: bool) -> None:
        """Open and start a stream; raises PlayerError or LibraryMissing saying why not."""
        self._close_stream()
        sd = portaudio.load(look_again=again)
        self._close_at_exit()
        found = portaudio.choose_device(portaudio.output_devices(sd), self._audio.device)
        stream, refused = self._open_stream(sd, found)
        self._stream = stream
        rate = round(stream.samplerate)
        n_channels = len(range(*self._channels.indices(stream.channels)))
        self._renderer = self._make_renderer(rate, n_channels)
        self.sample_rate, self.latency_s, self._name = rate, float(stream.latency), str(found)
        self.longest_render_s = 0.0
        self._is_claimed = False
        stream.start()
        self._heartbeat_s = self._opened_s = time.perf_counter()
        was = self._problem
        self._busy_since_s = None  # before `check` may take it for one that hangs
        self._state, self._problem = "open", None
        if again:
            self.n_reopened += 1
        if refused:
            self._tell(
                f"the output device {found} refuses {self._wanted_rate} Hz; "
                f"playing at {rate} Hz, sounds are resampled"
            )
        if was is not None:
            self._tell(f"sound is back: {self.describe()}")

    def _close_at_exit(self) -> None:
        """Close even where the program forgets to.

        sounddevice's own exit handler would wait for a dead device for ever. Handlers run in
        reverse order: ours has to be registered after the import of sounddevice.
        """
        atexit.unregister(self.close)
        if not self._closed:
            atexit.register(self.close)

    def _open_stream(self, sd: Any, found: portaudio.OutputDevice) -> tuple[Any, bool]:
        """Return a stream at the wanted rate, else the device's own; and whether it was refused."""
        rates = [self._wanted_rate, found.sample_rate] if self._wanted_rate else [found.sample_rate]
        self._channels = channel_pair(self._audio.channels, found.n_channels, str(found))
        for rate in rates:
            try:
                stream = sd.OutputStream(
                    samplerate=rate,
                    device=found.index,
                    blocksize=self._audio.buffer_frames,
                    channels=self._channels.stop,
                    dtype="float32",
                    latency=self._audio.latency_ms / 1000.0 or "low",
                    callback=self._callback,
                )
            except sd.PortAudioError as error:
                reason = str(error.args[0]) if error.args else str(error)
                continue
            return stream, bool(self._wanted_rate) and rate != self._wanted_rate
        raise PlayerError(
            f"the output device {found} can't be opened: {reason}; "
            "is another program using it alone? It is tried again from time to time"
        )

    def _close_stream(self) -> None:
        """Close the stream there is, if any; a dead one may take its time or raise."""
        stream, self._stream = self._stream, None
        if stream is not None:
            # abort() first: PortAudio hangs in a close without it (python-sounddevice's exit handler
            # says the same of stop()), and stop() would wait for buffers a dead device never plays.
            with suppress(Exception):
                stream.abort()
            with suppress(Exception):
                stream.close()

    def _callback(self, out: Float32Array, n_frames: int, times: Any, status: Any) -> None:
        """Fill one block for the device; on the audio thread. Nothing may come out of it."""
        began_s = time.perf_counter()
        try:
            if not self._is_claimed:
                self._is_claimed = True
                _claim_processor()
            if status:
                self.n_xruns += 1
            channels = self._channels
            if channels.start or channels.stop < out.shape[1]:
                out.fill(0.0)
            self._renderer(out[:, channels], began_s + delay_of(times, self.latency_s))
        except Exception:
            self.n_callback_errors += 1
            out.fill(0.0)
        self.n_callbacks += 1
        self._heartbeat_s = now = time.perf_counter()
        took_s, block_s = now - began_s, n_frames / self.sample_rate
        self.busy_s += took_s
        self.n_slow += took_s > 0.5 * block_s
        self.n_overdue += took_s > block_s
        self.longest_render_s = max(self.longest_render_s, took_s)

    def _set_problem(self, state: str, message: str) -> None:
        """Change state, and report when the message is a new one."""
        told = self._problem
        self._state, self._problem = state, message
        if message != told:
            self._tell(message)

    def _tell(self, message: str) -> None:
        """Report, whatever the listener does with it; nothing more once closing."""
        if self._closed:
            return
        with suppress(Exception):
            self._on_problem(message)


def delay_of(times: Any, latency_s: float) -> float:
    """Return in how many seconds a block is heard: by PortAudio's times, or by the latency without any."""
    told_s = float(times.outputBufferDacTime - times.currentTime)
    return told_s if 0.0 < told_s < MOST_DELAY_S else latency_s


def _claim_processor() -> None:
    """Have this thread, the callback's, run before all ordinary ones, where the system lets us.

    Core Audio, WASAPI and a JACK server with real-time priority do so themselves.
    """
    with suppress(AttributeError, OSError):  # not Linux; a user without the right to it
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
            os.sched_setscheduler(0, policy, os.sched_param(_REALTIME_PRIORITY))


def channel_pair(wanted: str, n_channels: int, device: str) -> slice:
    """Return the channels of the device to play on.

    Parameters
    ----------
    wanted : str
        Two numbers that follow each other, such as ``3-4``, or one for mono; counted from 1.
    n_channels : int
        What the device has; with a single one, ``1-2`` is that one.
    device : str
        Its name, for the message.

    Raises
    ------
    PlayerError
        It is no such text, or the device has not so many.
    """
    first, _, last = wanted.replace(" ", "").partition("-")
    numbers = [int(number) if number.isdecimal() else 0 for number in (first, last or first)]
    if numbers == [1, 2]:
        return slice(0, min(2, n_channels))
    if not 1 <= numbers[0] <= numbers[1] <= numbers[0] + 1:
        raise PlayerError(
            f"audio.channels is {wanted!r}; allowed are a pair such as 1-2 or 3-4, or one channel such as 1"
        )
    if numbers[1] > n_channels:
        raise PlayerError(
            f"the output device {device} has {n_channels} channels; audio.channels {wanted!r} is beyond them"
        )
    return slice(numbers[0] - 1, numbers[1])
