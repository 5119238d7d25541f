"""Progress of the indexing, for people: one line rewritten in place, or whole lines in a log.

Owns: what is said about the work, how often, how it is drawn on a terminal, and the thread that writes
for a process that must not wait for its terminal. Must not know where the numbers come from; it never
raises because the terminal has gone away.
"""

import contextlib
import io
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self, TextIO

# A line that changes more often can't be read, and each change costs the terminal work.
UPDATES_PER_S = 8.0
PLAIN_EVERY_S = 5.0
# The rate is that of the last seconds: long enough to be calm, short enough to follow a change of drive.
RATE_WINDOW_S = 15.0
# Sooner the rate would be that of the first few files alone.
RATE_KNOWN_AFTER_S = 2.0
_SAMPLE_EVERY_S = 0.25
# Texts kept for a terminal that has been stopped or a pipe that nobody reads.
_MOST_UNWRITTEN = 500
_BEHIND_AT = 8
_LOOK_AGAIN_S = 0.05

_CYAN, _YELLOW, _PLAIN = "\x1b[36m", "\x1b[33m", "\x1b[0m"
_ERASE = "\x1b[K"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is.

    Attributes
    ----------
    stage : str
        What is being done: ``scanning``, ``analysing``, ...
    files : int
        Sample files seen.
    analysed, refused : int
        Of these, how many are done with, for good or with a reason.
    pending : int
        Of these, how many are still to be analysed.
    """

    stage: str
    files: int
    analysed: int
    refused: int
    pending: int


class Rate:
    """Files per second over the last seconds of work, a pure moving average.

    The time before the first file is finished doesn't count: processes are started in it.

    Parameters
    ----------
    window_s : float
        How far back it looks, seconds.
    """

    def __init__(self, window_s: float = RATE_WINDOW_S) -> None:
        self._window_s = window_s
        self.forget()

    def forget(self) -> None:
        """Begin anew: the work is done, or another has begun."""
        self._samples: deque[tuple[float, int]] = deque()
        self._is_waiting = True

    def note(self, now_s: float, done: int) -> None:
        """Note that `done` files are finished at `now_s`; fewer than before means a new beginning."""
        if self._samples and done < self._samples[-1][1]:
            self.forget()
        if self._is_waiting:
            self._is_waiting = not self._samples or done == self._samples[-1][1]
            self._samples = deque([(now_s, done)])
            return
        if len(self._samples) > 1 and now_s - self._samples[-2][0] < _SAMPLE_EVERY_S:
            self._samples[-1] = (now_s, done)
        else:
            self._samples.append((now_s, done))
        while len(self._samples) > 2 and self._samples[1][0] <= now_s - self._window_s:
            self._samples.popleft()

    def per_s(self, now_s: float) -> float | None:
        """Return the rate, or None while too little is known."""
        if self._is_waiting:
            return None
        first_s, first_done = self._samples[0]
        if now_s - first_s < RATE_KNOWN_AFTER_S:
            return None
        return (self._samples[-1][1] - first_done) / (now_s - first_s)


def facts(progress: Progress, per_s: float | None) -> list[str]:
    """Return what is to be said, the most important first.

    Parameters
    ----------
    progress : Progress
        How far the work is.
    per_s : float or None
        Files per second, None while not known.
    """
    if progress.stage == "empty":
        return ["the library has no sample files; add a folder: klustr-bridge add FOLDER"]
    said = [f"{progress.analysed:,} of {counted(progress.files, 'file')} analysed"]
    if progress.refused:
        said.append(f"{progress.refused:,} refused")
    if progress.pending and per_s:
        said.append(f"{duration(progress.pending / per_s)} left")
    if per_s and progress.pending:
        said.append(f"{per_s:,.0f} per second" if per_s >= 10 else f"{per_s:.1f} per second")
    return said


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 file``, ``1,200 files``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def duration(seconds: float) -> str:
    """Return a duration as ``0:07``, ``12:05``, ``3:00:00`` or ``4 days``."""
    if seconds >= 100 * 3600:
        return f"{seconds / 86400:,.0f} days"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def live_line(
    progress: Progress, per_s: float | None, width: int, *, colour: bool, blocks: bool
) -> tuple[str, int]:
    """Compose the line of the live view.

    Parameters
    ----------
    progress : Progress
        How far the work is.
    per_s : float or None
        Files per second, None while not known.
    width : int
        Columns that may be used.
    colour, blocks : bool
        Whether colours, and block characters for the bar, may be used.

    Returns
    -------
    tuple of str and int
        The line, and the columns it takes (colours take none). What doesn't fit is left out, the least
        important first; the bar takes what is left.
    """
    stage = "".join(c for c in progress.stage if c.isprintable())
    parts = [stage, *facts(progress, per_s)]
    while len(parts) > 1 and len("  ".join(parts)) > width:
        parts.pop()
    columns = len("  ".join(parts))
    if columns > width:
        return stage[: max(width, 0)], min(len(stage), max(width, 0))
    done = progress.analysed + progress.refused
    total = done + progress.pending
    size = min(width - columns - 4, 30)
    if total and size >= 5:
        filled = size * done // total
        full, empty = ("█", "░") if blocks else ("#", "-")
        bar = full * filled + empty * (size - filled)
        parts.insert(1, f"[{_CYAN}{bar}{_PLAIN}]" if colour else f"[{bar}]")
        columns += size + 4
    if colour:
        parts = [f"{_YELLOW}{part}{_PLAIN}" if part.endswith(" refused") else part for part in parts]
    return "  ".join(parts), columns


class ProgressLine:
    """Shows progress on a stream, rewritten in place on a terminal, as whole lines elsewhere.

    A context manager: leaving it leaves the last state as a whole line and the cursor below it.

    Parameters
    ----------
    stream : TextIO or PatientWriter
        Where to, usually the standard error output. A writer that is behind gets no progress until it
        has caught up.
    mode : {"auto", "live", "plain"}
        ``auto`` is live on a terminal that can be rewritten, else plain.
    clock : callable
        The time in seconds, for tests.
    """

    def __init__(
        self,
        stream: "TextIO | PatientWriter",
        mode: Literal["auto", "live", "plain"] = "auto",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._clock = clock
        terminal = _is_terminal(stream)
        dumb = os.environ.get("TERM", "") == "dumb"
        self.live = mode == "live" or (mode == "auto" and terminal and not dumb)
        windows_ansi = bool(os.environ.get("WT_SESSION") or os.environ.get("ANSICON"))
        self._ansi = terminal and not dumb and (sys.platform != "win32" or windows_ansi)
        self._colour = self._ansi and not os.environ.get("NO_COLOR")
        self._blocks = _can_write(stream, "█░")
        self._rate = Rate()
        self._latest: Progress | None = None
        self._shown: Progress | None = None
        self._drawn_s = float("-inf")
        self._columns = 0
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def show(self, progress: Progress) -> None:
        """Tell the newest state; it is shown at once when its stage is new, else when it is time."""
        if self._closed:
            return
        new_stage = self._latest is None or progress.stage != self._latest.stage
        self._latest = progress
        if progress.pending and progress.stage == "analysing":  # files that can't be read wait, too
            self._rate.note(self._clock(), progress.analysed + progress.refused)
        else:
            self._rate.forget()
        self._show_when_due(at_once=new_stage)

    def refresh(self) -> None:
        """Show the newest state again when it is time: the rate and the time left change by themselves."""
        if not self._closed:
            self._show_when_due(at_once=False)

    def say(self, text: str) -> None:
        """Write a whole line of text above the live line, which stays below it."""
        self._write(self._cleared() + text.rstrip("\n") + "\n")
        if not self._closed:
            self._show_when_due(at_once=self.live)

    def close(self) -> None:
        """Leave the last state as a whole line and the cursor below it. May be called twice."""
        if self._closed:
            return
        self._closed = True
        last = self._latest
        if last is not None and (self.live or last != self._shown):
            self._write(f"{self._cleared()}{self._whole_line(last)}\n")

    def _show_when_due(self, *, at_once: bool) -> None:
        if self._latest is None or getattr(self._stream, "is_behind", False):
            return
        now_s = self._clock()
        every_s = 1.0 / UPDATES_PER_S if self.live else PLAIN_EVERY_S
        if not at_once and now_s - self._drawn_s < every_s:
            return
        if not self.live and not at_once and self._latest == self._shown:
            return  # a log needs no line that says the same again
        self._drawn_s, self._shown = now_s, self._latest
        if self.live:
            self._draw(self._latest, now_s)
        else:
            self._write(self._whole_line(self._latest) + "\n")

    def _whole_line(self, progress: Progress) -> str:
        said = facts(progress, self._rate.per_s(self._clock()))
        return f"{progress.stage}: {', '.join(said)}"

    def _draw(self, progress: Progress, now_s: float) -> None:
        # the last column stays free: some terminals go to the next line as soon as it is filled
        width = _terminal_width(self._stream) - 1
        line, columns = live_line(
            progress, self._rate.per_s(now_s), width, colour=self._colour, blocks=self._blocks
        )
        # text first and the rest of the old line erased after it, in one write: nothing flickers
        rest = _ERASE if self._ansi else " " * min(max(self._columns - columns, 0), max(width - columns, 0))
        self._write("\r" + line + rest)
        self._columns = columns

    def _cleared(self) -> str:
        """Return what takes the live line away."""
        if not self._columns:
            return ""
        columns, self._columns = self._columns, 0
        return "\r" + (_ERASE if self._ansi else " " * columns + "\r")

    def _write(self, text: str) -> None:
        # a closed terminal or pipe must not stop the work that the line tells about
        with contextlib.suppress(OSError, ValueError):
            encoding = getattr(self._stream, "encoding", None) or "utf-8"
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self._stream.flush()


class PatientWriter:
    """A text stream to which writing never waits: a thread hands the text on as fast as it is taken.

    Nothing else may write to the stream meanwhile. When too much is waiting the first and the newest
    texts are kept: what was said at the start, and last. A context manager: leaving it closes it.

    Parameters
    ----------
    stream : TextIO
        Where the text goes; written through its file descriptor where it has one.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._file = _unbuffered(stream)
        self.encoding = getattr(stream, "encoding", None) or "utf-8"
        self._waiting: deque[str] = deque()
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="output", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def is_behind(self) -> bool:
        """Whether the terminal, or the reader of the pipe, does not keep up."""
        return len(self._waiting) >= _BEHIND_AT

    def write(self, text: str) -> int:
        """Have `text` written; returns at once."""
        with self._changed:
            if len(self._waiting) >= _MOST_UNWRITTEN:
                del self._waiting[_MOST_UNWRITTEN // 2]
            self._waiting.append(text)
            self._changed.notify()
        return len(text)

    def flush(self) -> None:
        """Do nothing: everything is written as soon as it can be."""

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return _is_terminal(self._stream)

    def fileno(self) -> int:
        """Return the stream's file descriptor."""
        return self._stream.fileno()

    def close(self, deadline_s: float = 1.0) -> None:
        """Write what is waiting, for `deadline_s` at most; what nobody has read by then is lost."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(deadline_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return
                text = self._waiting.popleft()
            with contextlib.suppress(OSError, ValueError, AttributeError):  # nobody will read it
                self._put(text)

    def _put(self, text: str) -> None:
        if self._file is None:
            self._stream.write(text)
            self._stream.flush()
            return
        left = text.replace("\n", os.linesep).encode(self.encoding, "backslashreplace")
        while left:
            n_taken = self._file.write(left)
            if n_taken is None:  # somebody has made the pipe one that does not wait
                time.sleep(_LOOK_AGAIN_S)
            left = left[n_taken or 0 :]


@contextlib.contextmanager
def logging_to(writer: PatientWriter) -> Iterator[None]:
    """Have what is logged to the standard error written by `writer`."""
    before = [
        (handler, handler.setStream(writer))
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr
    ]
    try:
        yield
    finally:
        for handler, stream in before:
            handler.setStream(stream)


def _unbuffered(stream: TextIO) -> io.RawIOBase | None:
    """Open the stream's file anew: a thread stuck in the stream itself would hold its lock at exit."""
    try:
        stream.flush()
        return open(stream.fileno(), "wb", buffering=0, closefd=False)
    except (OSError, ValueError, AttributeError):  # the last: a program without a console has None
        return None


def _is_terminal(stream: TextIO | PatientWriter) -> bool:
    try:
        return stream.isatty()
    except (ValueError, AttributeError):  # closed, or none at all
        return False


def _can_write(stream: TextIO | PatientWriter, text: str) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def _terminal_width(stream: TextIO | PatientWriter) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):  # no terminal, or none any more
        return 80
