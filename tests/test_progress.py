"""Progress on a real pseudo-terminal and in a log."""

import contextlib
import io
import os
import queue
import re
import threading

import pytest

from klustr_bridge.progress import PatientWriter, Progress, ProgressLine, Rate, duration, live_line


class Clock:
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Screen:
    """What a terminal shows: the few control characters that the live view may use."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.lines = [""]
        self.at = 0

    def feed(self, text: str) -> None:
        text = re.sub(r"\x1b\[\d*m", "", text)
        for piece in re.findall(r"\x1b\[K|.", text, re.DOTALL):
            line = self.lines[-1]
            if piece == "\r":
                self.at = 0
            elif piece == "\n":
                self.lines.append("")
                self.at = 0
            elif piece == "\x1b[K":
                self.lines[-1] = line[: self.at]
            else:
                assert piece.isprintable(), repr(piece)
                assert self.at < self.columns - 1, "the last column must stay free"
                self.lines[-1] = line.ljust(self.at)[: self.at] + piece + line[self.at + 1 :]
                self.at += 1


@pytest.fixture
def terminal(monkeypatch):
    """A real pseudo-terminal: a function (columns) -> (stream, read what was written)."""
    pty = pytest.importorskip("pty", reason="no pseudo-terminals on this system")
    termios = pytest.importorskip("termios")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    opened = []

    def open_terminal(columns: int, encoding: str = "utf-8"):
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, columns))
        attributes = termios.tcgetattr(theirs)
        attributes[1] &= ~termios.OPOST  # leave line ends as they are
        termios.tcsetattr(theirs, termios.TCSANOW, attributes)
        stream = os.fdopen(theirs, "w", encoding=encoding)
        reader = Reader(ours)
        opened.append((reader, stream))

        def written() -> str:
            if not stream.closed:
                stream.write(END)
                stream.flush()
            return reader.read().decode(encoding)

        return stream, written

    yield open_terminal
    for reader, stream in opened:
        stream.close()
        reader.close()


END = "\0"


class Reader(threading.Thread):
    """Reads all the time, as a terminal does: one that is full would hold up who writes."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._arrived: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.start()

    def run(self) -> None:
        with contextlib.suppress(OSError):  # the other side is closed
            while chunk := os.read(self._descriptor, 65536):
                self._arrived.put(chunk)
        self._arrived.put(END.encode())

    def read(self) -> bytes:
        """What came since the last time, up to `END` or until the other side was closed."""
        read = b""
        while not read.endswith(END.encode()):
            read += self._arrived.get(timeout=30)
        return read.removesuffix(END.encode())

    def close(self) -> None:
        self.join(30)
        os.close(self._descriptor)


def work(n_done: int, stage: str = "analysing", refused: int = 0, files: int = 1000) -> Progress:
    return Progress(stage, files, n_done, refused, files - n_done - refused)


def run(line: ProgressLine, clock: Clock, *, steps: int, every_s: float, per_step: int, refused: int = 0):
    for step in range(steps):
        line.show(work(step * per_step, refused=refused))
        clock.now_s += every_s


@pytest.mark.parametrize("columns", [100, 80, 40, 20, 9, 2])
def test_one_line_is_rewritten_in_place_and_never_wraps(terminal, columns):
    """On a terminal of any width the work takes one line, and one whole line remains at the end."""
    stream, written = terminal(columns)
    clock = Clock()
    screen = Screen(columns)
    with ProgressLine(stream, clock=clock) as line:
        assert line.live
        run(line, clock, steps=100, every_s=0.125, per_step=10, refused=7)
        screen.feed(written())
        assert len(screen.lines) == 1
        assert screen.lines[0].startswith("analysing"[: columns - 1])
        if columns == 100:
            assert re.search(
                r"990 of 1,000 files analysed  7 refused  0:00 left  80 per second", screen.lines[0]
            )
            assert "█" in screen.lines[0]
    last = written()
    assert last.startswith("\r\x1b[K") or columns == 2
    assert last.endswith("analysing: 990 of 1,000 files analysed, 7 refused, 0:00 left, 79 per second\n")


def test_at_most_eight_updates_a_second(terminal):
    """However fast the numbers come, the terminal gets at most eight writes a second."""
    stream, written = terminal(80)
    clock = Clock()
    line = ProgressLine(stream, clock=clock)
    run(line, clock, steps=1000, every_s=0.002, per_step=1)
    assert 2 * 8 - 1 <= written().count("\r") <= 2 * 8 + 1


def test_a_new_stage_and_the_last_state_are_always_shown(terminal):
    """No stage is skipped because it was quick, and the end is not that of the last drawn update."""
    stream, written = terminal(80)
    line = ProgressLine(stream, clock=Clock())
    line.show(work(0, "scanning"))
    line.show(work(5))
    line.show(work(6))
    shown = written()
    assert "scanning" in shown
    assert "analysing" in shown
    assert "6 of" not in shown
    line.close()
    assert "analysing: 6 of 1,000" in written()
    line.close()
    line.show(work(7))
    line.refresh()
    assert written() == ""


def test_messages_stand_above_the_line(terminal):
    """A notice leaves no rest of the live line in it, and the line goes on below."""
    stream, written = terminal(80)
    screen = Screen(80)
    line = ProgressLine(stream, clock=Clock())
    line.show(work(5))
    line.say("no space left\n")
    screen.feed(written())
    assert screen.lines[0] == "no space left"
    assert screen.lines[1].startswith("analysing")


def test_a_changed_width_is_followed(terminal):
    """A window made narrower is obeyed by the next update."""
    termios = pytest.importorskip("termios")
    stream, written = terminal(100)
    clock = Clock()
    line = ProgressLine(stream, clock=clock)
    line.show(work(5))
    written()
    termios.tcsetwinsize(stream.fileno(), (24, 30))
    clock.now_s += 1
    line.refresh()
    Screen(30).feed(written())


def test_colours_only_where_they_are_wanted(terminal, monkeypatch):
    """NO_COLOR takes the colours away, but not the rewriting in place."""
    stream, written = terminal(80)
    ProgressLine(stream, clock=Clock()).show(work(5, refused=1))
    assert "\x1b[3" in written()
    monkeypatch.setenv("NO_COLOR", "1")
    ProgressLine(stream, clock=Clock()).show(work(5, refused=1))
    text = written()
    assert "\x1b[3" not in text
    assert text.startswith("\r")


def test_a_dumb_terminal_gets_plain_lines(terminal, monkeypatch):
    """TERM=dumb means whole lines; asked for live all the same, no escape sequence is used."""
    monkeypatch.setenv("TERM", "dumb")
    stream, written = terminal(80)
    assert not ProgressLine(stream).live
    clock = Clock()
    screen = Screen(80)
    with ProgressLine(stream, "live", clock) as line:
        line.show(work(5, "a long name of a stage"))
        clock.now_s += 1
        line.show(work(5, "short"))
        text = written()
        screen.feed(text)
        assert "\x1b" not in text
        assert screen.lines[0].startswith("short  [")
        assert "long" not in screen.lines[0]


def test_a_terminal_without_block_characters_gets_ascii(terminal):
    """What the encoding of the terminal lacks is not written to it."""
    stream, written = terminal(80, "ascii")
    line = ProgressLine(stream, clock=Clock())
    line.show(work(500))
    line.say("gone: Größe")
    text = written()
    assert "[" in text
    assert "##" in text
    assert "Gr\\xf6\\xdfe" in text


def test_a_closed_terminal_stops_nothing(terminal):
    """The work goes on when the window that shows it is closed."""
    stream, _ = terminal(80)
    clock = Clock()
    line = ProgressLine(stream, clock=clock)
    line.show(work(1))
    stream.close()
    clock.now_s += 1
    line.show(work(2))
    line.close()


def test_a_log_gets_whole_lines_every_few_seconds():
    """Into a file go whole lines with the same facts: at new stages, every five seconds, at the end."""
    stream = io.StringIO()
    clock = Clock()
    with ProgressLine(stream, clock=clock) as line:
        assert not line.live
        line.show(Progress("scanning", 12, 0, 0, 12))
        run(line, clock, steps=120, every_s=0.125, per_step=5, refused=2)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "scanning: 0 of 12 files analysed"
    assert lines[1] == "analysing: 0 of 1,000 files analysed, 2 refused"
    assert lines[2] == "analysing: 200 of 1,000 files analysed, 2 refused, 0:20 left, 40 per second"
    assert len(lines) == 5
    assert "\r" not in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_a_log_is_not_filled_with_the_same_line():
    """A daemon with nothing to do writes nothing."""
    stream = io.StringIO()
    clock = Clock()
    with ProgressLine(stream, clock=clock) as line:
        for _ in range(100):
            line.show(work(1000, "ready"))
            clock.now_s += 10
    assert stream.getvalue() == "ready: 1,000 of 1,000 files analysed\n"


def test_the_rate_is_that_of_the_last_seconds():
    """Files done before the start don't count, a slow-down shows within the window, a stop soon after."""
    rate = Rate(window_s=10)
    assert rate.per_s(0) is None
    for second in range(100):
        rate.note(second, 5000 + second * 50)
    assert rate.per_s(99) == pytest.approx(50)
    for second in range(100, 120):
        rate.note(second, 9950 + (second - 99) * 5)
    assert rate.per_s(119) == pytest.approx(5)
    assert rate.per_s(219) < 1
    rate.note(220, 3)
    assert rate.per_s(220) is None


@pytest.mark.parametrize("n_waiting", [0, 3])
def test_the_rate_counts_work_alone(n_waiting):
    """Neither what comes before the first finished file nor idling slows it; two seconds make it known."""
    rate = Rate()
    for second in range(6):
        rate.note(second, 0)  # processes are being started
    rate.note(6, 4)
    rate.note(7, 24)
    assert rate.per_s(7.9) is None
    rate.note(8, 44)
    assert rate.per_s(8) == pytest.approx(20)
    clock = Clock()
    stream = io.StringIO()
    line = ProgressLine(stream, "plain", clock=clock)
    for _ in range(56):  # nothing to do, with or without files that can't be read now
        line.show(work(1000, "ready", files=1000 + n_waiting))
        clock.now_s += 0.25
    for done in range(0, 100, 5):  # 20 a second
        line.show(work(1000 + done, files=2000))
        clock.now_s += 0.25
    line.close()
    assert "per second" in stream.getvalue()
    assert set(re.findall(r"(\S+) per second", stream.getvalue())) <= {"19", "20", "21"}


def test_an_empty_library_is_said_to_be_empty():
    """The last folder taken out: the log doesn't end with how many there were."""
    stream = io.StringIO()
    line = ProgressLine(stream, "plain", clock=Clock())
    line.show(work(1000, "ready"))
    line.show(Progress("empty", 0, 0, 0, 0))
    assert stream.getvalue().splitlines()[-1].startswith("empty: the library has no sample files; add")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00"),
        (7.4, "0:07"),
        (59.6, "1:00"),
        (725, "12:05"),
        (10_800, "3:00:00"),
        (4 * 86400 + 40000, "4 days"),
    ],
)
def test_durations_read_as_clocks(seconds, text):
    """Time left is told as on a clock, and in days when nobody will wait for it."""
    assert duration(seconds) == text


@pytest.mark.parametrize("width", range(0, 130, 3))
def test_the_line_always_fits(width):
    """The columns told are those taken, and never more than there are."""
    line, columns = live_line(work(500, refused=9), 12.3, width, colour=False, blocks=True)
    assert len(line) == columns <= width
    coloured, same = live_line(work(500, refused=9), 12.3, width, colour=True, blocks=True)
    assert re.sub(r"\x1b\[\d*m", "", coloured) == line
    assert same == columns


@pytest.fixture
def stuck():
    """A pipe with room for nothing: (a stream into it, what it gives when it is read to its end)."""
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    for size in (65536, 1):
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(theirs, b"." * size)
    os.set_blocking(theirs, True)
    stream = os.fdopen(theirs, "w", encoding="ascii")
    yield stream, os.fdopen(ours, "r", encoding="ascii")
    stream.close()


def test_a_stuck_reader_holds_up_nobody_and_gets_the_first_and_the_last(stuck):
    """Writing never waits, memory is bounded, and who reads later finds the start and the end."""
    stream, reader = stuck
    writer = PatientWriter(stream)
    clock = Clock()
    line = ProgressLine(writer, "plain", clock=clock)
    for number in range(5000):
        clock.now_s += 10
        line.say(f"line {number} \u266a")
        line.show(work(number % 1000))
    assert writer.is_behind
    writer.close(deadline_s=0.01)  # nobody reads: it does not wait for ever
    read = []
    with reader:
        while "line 4999" not in (read[-1] if read else ""):
            read.append(reader.readline().lstrip("."))
    said = [text for text in read if text.startswith("line ")]
    assert said[:3] == [rf"line {number} \u266a" + "\n" for number in range(3)]
    assert read[-1] == "line 4999 \\u266a\n"
    assert len(read) < 600
    assert len(read) - len(said) < 10, "progress is of no use when it is old"


def test_a_patient_writer_writes_all_before_it_closes(tmp_path):
    """What was said last is there when the process ends."""
    with (tmp_path / "log").open("w", encoding="utf-8") as stream, PatientWriter(stream) as writer:
        for number in range(100):
            writer.write(f"line {number}\n")
    assert (tmp_path / "log").read_text("utf-8").splitlines() == [f"line {number}" for number in range(100)]
    text = io.StringIO()
    with PatientWriter(text) as writer:
        writer.write("no file behind it\n")
    assert text.getvalue() == "no file behind it\n"


def test_a_program_without_a_console_says_nothing():
    """Where there is no standard output at all what is said goes nowhere, and nothing fails."""
    with PatientWriter(None) as writer:
        line = ProgressLine(writer)
        line.say("hello")
        line.show(work(5))
        line.close()
