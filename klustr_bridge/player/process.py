"""Owns the process that plays, as the bridge sees it: commands it without ever waiting for it.

Audio systems hang and crash whoever uses them; here that ends a process which is started again. Whatever
happens to it, every call returns at once and `ChildPlayer.close` within its limit.
"""

import asyncio
import concurrent.futures
import contextlib
import itertools
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from klustr_bridge.errors import PlayerError
from klustr_bridge.player import wire
from klustr_bridge.player.child import HANGS
from klustr_bridge.processes import ctrl_c_held_back
from klustr_bridge.settings import AudioSettings
from klustr_bridge.types import PlayRequest, Recorded

CLOSE_LIMIT_S: Final = 2.0
SILENT_LIMIT_S: Final = 10.0
"""The child reports twice a second: one that has said nothing for so long hangs."""

START_LIMIT_S: Final = 60.0
STEADY_S: Final = 30.0
FIRST_RESTART_S: Final = 1.0
LAST_RESTART_S: Final = 30.0
RECORD_LIMIT_S: Final = 15.0

_POLL_S: Final = 0.25
# Orders that the child has not read yet: never as much as the pipe holds, or writing would wait. A pipe has
# 64 KiB on Linux and macOS; that of multiprocessing on Windows 8 KiB.
_ROOM: Final = 7_000 if sys.platform == "win32" else 48_000
_KEPT_FOR_STOPS: Final = _ROOM // 4

_MAX_VOICE: Final = 2**31 - 1


class _Link:
    """The way to one child process: its pipes, and how much of what was written is unread."""

    def __init__(self, audio: AudioSettings, recordings: str) -> None:
        context = multiprocessing.get_context("spawn")
        orders, self._orders = context.Pipe(duplex=False)
        self.reports, reports = context.Pipe(duplex=False)
        from klustr_bridge.player import child

        self.process = context.Process(
            target=child.main, args=(orders, reports, audio, recordings), name="player", daemon=True
        )
        with ctrl_c_held_back():
            self.process.start()
        orders.close()
        reports.close()
        self._unread = 0
        self._writing = threading.Lock()

    def send(self, order: list[Any], room: int) -> bool:
        """Write an order; False where more than `room` bytes would wait to be read then."""
        data = wire.dumps(order)
        with self._writing:
            if self._unread + len(data) + 8 > room:
                return False
            try:
                self._orders.send_bytes(data)
            except OSError:  # it has ended, or is to: who waits for it sees to that
                return False
            self._unread += len(data)
            return True

    def close_orders(self) -> None:
        """Let the child know that nothing more comes: it ends then."""
        with self._writing:
            self._orders.close()

    def was_read(self, n_bytes: int) -> None:
        """Take note of what the child has read."""
        with self._writing:
            self._unread -= n_bytes

    def end(self, limit_s: float) -> None:
        """Wait for the end of the process, then force it; one that even that can't end is left alone."""
        self.process.join(limit_s)
        if self.process.is_alive():
            self.process.kill()
            self.process.join(1.0)
        self.close_orders()
        self.reports.close()


class ChildPlayer:
    """Plays sample files on this machine's output, in a process of its own; made by `open_player`.

    Parameters
    ----------
    audio : AudioSettings
        How to play.
    recordings : str
        Folder for recordings.
    on_problem : callable
        Told in one sentence when something is wrong or well again; called on a thread of the player.
    """

    def __init__(self, audio: AudioSettings, recordings: str, on_problem: Callable[[str], None]) -> None:
        self._audio = audio
        self._recordings = recordings
        self._on_problem = on_problem
        self._numbers = itertools.count()
        self._asked = itertools.count()
        self._answers: dict[int, concurrent.futures.Future[Recorded]] = {}
        self._answering = threading.Lock()
        self._link: _Link | None = None
        self._describe = "opening"
        self._problem: str | None = None
        self._health: dict[str, float] = {}
        self._was_restarted = False
        self._n_restarts = 0
        self._n_dropped = 0
        self._settled = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="player-process", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str | None:
        """Why nothing can be heard and what to do about it; None while all is well or opening."""
        return None if self._closing.is_set() else self._problem

    @property
    def pid(self) -> int | None:
        """Of the process that plays; None while there is none."""
        return None if self._link is None else self._link.process.pid

    def describe(self) -> str:
        """Say in one line where the sound goes, ``opening``, ``closed`` or why there is none."""
        if self._closing.is_set():
            return "closed"
        return wire.silent_for(self._problem) if self._problem else self._describe

    def wait_until_settled(self, limit_s: float) -> bool:
        """Wait until the first attempt at opening the device has ended; False after `limit_s`."""
        return self._settled.wait(limit_s)

    def play(self, request: PlayRequest) -> int:
        """Play a file, or a part of it, on a voice of its own: see `Engine.play`.

        Returns
        -------
        int
            The voice, a positive int32, also when nothing can be heard.
        """
        voice = next(self._numbers) % _MAX_VOICE + 1
        self._send([wire.PLAY, voice, wire.pack(request)], _ROOM - _KEPT_FOR_STOPS)
        return voice

    def stop(self, voice: int | None = None, fade_s: float | None = None) -> None:
        """Fade out one voice, or all, in 3 ms unless told otherwise; one that waits never begins."""
        self._send([wire.STOP, voice, fade_s], _ROOM)

    def prefetch(self, requests: Iterable[PlayRequest]) -> None:
        """Load sounds likely to be played next, after those that are waited for."""
        for request in requests:
            if not self._send([wire.PREFETCH, wire.pack(request)], _ROOM // 2, counts=False):
                return

    async def record(self, on: bool) -> Recorded:
        """Start to record what is played into a new file, or end the recording.

        Raises
        ------
        PlayerError
            There is no output, no recording to end, or the disk can't take it.
        """
        number = next(self._asked)
        answer: concurrent.futures.Future[Recorded] = concurrent.futures.Future()
        with self._answering:
            self._answers[number] = answer
        if not self._send([wire.RECORD, on, number], _ROOM):
            self._answer(number, PlayerError(f"nothing can be recorded: {self.problem or self.describe()}"))
        try:
            async with asyncio.timeout(RECORD_LIMIT_S):
                return await asyncio.wrap_future(answer)
        except TimeoutError:
            self._answer(number, PlayerError("given up"))
            raise PlayerError("the disk does not answer; the recording may come later") from None

    def health(self) -> dict[str, float]:
        """Return counters since the start, and what is in use now; those of a child begin with it."""
        return (
            {"player_ready": 0.0}
            | self._health
            | {
                "player_restarts": float(self._n_restarts),
                "player_dropped": float(self._n_dropped),
            }
        )

    def close(self, limit_s: float = CLOSE_LIMIT_S) -> None:
        """End the process; takes little more than `limit_s`, longer while a recording is written out."""
        self._closing.set()
        link = self._link
        if link is not None and not link.send([wire.CLOSE, limit_s], _ROOM):
            link.close_orders()
        recording_s = 5.0 if self._health.get("player_recorded_s") else 0.0
        self._thread.join(limit_s + recording_s + 2.0)

    def _send(self, order: list[Any], room: int, *, counts: bool = True) -> bool:
        link = self._link
        if link is None:
            return False
        sent = link.send(order, room)
        if not sent and counts:
            self._n_dropped += 1
        return sent

    # The thread that keeps the process.

    def _run(self) -> None:
        pause_s = FIRST_RESTART_S
        while not self._closing.is_set():
            began_s = time.monotonic()
            try:
                reason = self._live()
            except Exception as error:  # no process to be had, no memory: sound is not worth more than a try
                reason = f"can't be started ({type(error).__name__}: {error})"
            self._fail_answers()
            if self._closing.is_set():
                return
            self._n_restarts += 1
            self._was_restarted = True
            self._health = {}
            if time.monotonic() - began_s > STEADY_S:
                pause_s = FIRST_RESTART_S
            self._set_problem(
                f"the process that plays {reason}; it is started again. If that goes on, "
                "check the audio device, or choose another with audio.device"
            )
            self._settled.set()
            self._closing.wait(pause_s)
            pause_s = min(LAST_RESTART_S, 2.0 * pause_s)

    def _live(self) -> str:
        """Start a process and hear it until it ends; return what became of it."""
        link = _Link(self._audio, self._recordings)
        self._link = link
        if self._closing.is_set():  # asked before there was anybody to tell
            link.send([wire.CLOSE, CLOSE_LIMIT_S], _ROOM)
        try:
            return self._hear(link)
        finally:
            self._link = None
            link.end(CLOSE_LIMIT_S)

    def _hear(self, link: _Link) -> str:
        heard_s, limit_s = time.monotonic(), START_LIMIT_S
        while True:
            try:
                if link.reports.poll(_POLL_S):
                    self._take(link, wire.loads(link.reports.recv_bytes()))
                    heard_s, limit_s = time.monotonic(), SILENT_LIMIT_S
                elif time.monotonic() - heard_s > limit_s:
                    link.process.kill()
                    return f"did not answer for {limit_s:.0f} s"
            except (EOFError, OSError):
                link.process.join(CLOSE_LIMIT_S)
                code = link.process.exitcode
                return "was held up by the audio system" if code == HANGS else f"has ended (exit code {code})"

    def _take(self, link: _Link, report: dict[str, Any]) -> None:
        if "read" in report:
            link.was_read(report["read"])
        elif "problem" in report:
            self._tell(report["problem"])
        elif "answer" in report:
            number, error = report["answer"], report.get("error")
            self._answer(number, PlayerError(error) if error else _recorded(report))
        else:
            self._describe, self._health = report["describe"], report["health"]
            if not report["settled"]:
                return
            self._problem = report["trouble"]
            if self._problem is None and self._was_restarted:
                self._was_restarted = False
                self._tell(f"sound is back: {self._describe}")
            self._settled.set()

    def _answer(self, number: int, result: "Recorded | PlayerError") -> None:
        with self._answering:
            answer = self._answers.pop(number, None)
        if answer is None or not answer.set_running_or_notify_cancel():
            return
        if isinstance(result, PlayerError):
            answer.set_exception(result)
        else:
            answer.set_result(result)

    def _fail_answers(self) -> None:
        for number in list(self._answers):
            self._answer(number, PlayerError("the process that plays has ended; its file has the rest"))

    def _set_problem(self, message: str) -> None:
        if message != self._problem:
            self._problem = message
            self._tell(message)

    def _tell(self, message: str) -> None:
        """Report, whatever the listener does with it; nothing more once closing."""
        if not self._closing.is_set():
            with contextlib.suppress(Exception):
                self._on_problem(message)


def _recorded(report: dict[str, Any]) -> Recorded:
    return Recorded(os.fsencode(report["path"]), float(report["seconds"]))
