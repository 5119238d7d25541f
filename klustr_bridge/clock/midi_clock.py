"""The beat of MIDI clock: where it is between its ticks, whatever their jitter.

Pure: messages and times are handed in. Messages are those of the MIDI 1.0 specification, real time and
song position pointer.
"""

import math
from collections import deque
from typing import Final

CLOCK_TYPES: Final = frozenset({"clock", "start", "continue", "stop", "songpos"})
"""Types of the messages that make the beat, in mido's words."""

TICKS_A_BEAT: Final = 24
TICKS_A_STEP: Final = 6
"""The song position pointer counts sixteenths."""

GONE_S: Final = 0.5
"""Nobody sends a clock so slow: 5 beats a minute."""

MIN_TICKS: Final = 6
"""No tempo is told before a quarter of a beat."""

_MOST_TICKS: Final = 48
_STRAY_S: Final = 0.004
_STRAY_SHARE: Final = 0.25
_STRAYS: Final = 3
_MIN_BPM, _MAX_BPM = 20.0, 999.0


class MidiClock:
    """The tempo and the place in the song that MIDI clock tells, of the first port that sends one.

    A straight line through the times of the last two beats of ticks: single ticks jitter by milliseconds.
    Ticks that leave the line begin a new one, so that a new tempo is followed within a quarter of a beat.
    """

    def __init__(self) -> None:
        self._port: str | None = None  # that ticks
        self._told_by: str | None = None  # the port that the song's place is known from
        self._n_run = 0  # ticks since the last silence
        self._ticks: deque[tuple[int, float]] = deque(maxlen=_MOST_TICKS)
        self._n_ticks = 0
        self._n_strays = 0
        self._line: tuple[float, float] | None = None  # seconds of tick 0, seconds a tick
        self._origin: int | None = None  # the tick that is the song's first beat, while it plays
        self._position = 0  # ticks into the song, while it stands
        self._known = False

    def hear(self, kind: str, at_s: float, port: str = "", position: int = 0) -> None:
        """Take a message.

        Parameters
        ----------
        kind : str
            One of `CLOCK_TYPES`; anything else means nothing.
        at_s : float
            When it came.
        port : str
            Where from. While one port gives the clock, others are not heard.
        position : int
            Of a song position pointer: sixteenths since the song's begin.
        """
        if not math.isfinite(at_s) or kind not in CLOCK_TYPES:
            return
        self._forget_silent(at_s)
        if self._port is None and kind == "clock":
            self._port = port
        if self._port is not None and port != self._port:
            return
        if self._told_by != port:  # what another port has said is of another song
            self._told_by, self._origin, self._position, self._known = port, None, 0, False
        match kind:
            case "clock":
                self._tick(at_s)
            case "start":
                self._origin, self._known = self._n_ticks, True
            case "continue":
                self._origin = self._n_ticks - self._position
            case "stop":
                if self._origin is not None:
                    self._position = self._n_ticks - self._origin
                self._origin = None
            case "songpos":
                self._position, self._known = max(0, position) * TICKS_A_STEP, True
                if self._origin is not None:
                    self._origin = self._n_ticks - self._position

    def tempo_bpm(self, now_s: float) -> float | None:
        """Return beats per minute; None while nobody sends a clock."""
        line = self._fit(now_s)
        return None if line is None else 60.0 / (TICKS_A_BEAT * line[1])

    def beat(self, now_s: float) -> float | None:
        """Return beats since the song's begin; None while it stands still, or nobody has said where it is."""
        line = self._fit(now_s)
        if line is None or self._origin is None or not self._known:
            return None
        return ((now_s - line[0]) / line[1] - self._origin) / TICKS_A_BEAT

    def describe(self, now_s: float) -> str:
        """Say in one line what is heard."""
        if self._fit(now_s) is None:
            return "no MIDI clock is heard: let your music software send it to an input that is listened to"
        where = f"MIDI clock from '{self._port}'" if self._port else "MIDI clock"
        if not self._known:
            return f"{where}, which has not said where its beat is: stop and start the song once"
        return where if self._origin is not None else f"{where}, standing still"

    def _forget_silent(self, now_s: float) -> None:
        """Begin anew after a silence: a song that was playing then is somewhere else now."""
        if self._ticks and now_s - self._ticks[-1][1] > GONE_S:
            self._ticks.clear()
            self._port, self._line, self._n_strays, self._n_run = None, None, 0, 0
            if self._origin is not None:
                self._origin, self._known = None, False

    def _tick(self, at_s: float) -> None:
        if self._ticks and at_s < self._ticks[-1][1]:
            return
        line = self._fit(at_s)
        if line is not None:
            off_s = abs(line[0] + self._n_ticks * line[1] - at_s)
            self._n_strays = self._n_strays + 1 if off_s > max(_STRAY_S, _STRAY_SHARE * line[1]) else 0
        if self._n_strays >= _STRAYS:
            last = list(self._ticks)[1 - _STRAYS :]
            self._ticks.clear()
            self._ticks.extend(last)
            self._n_strays = 0
        self._ticks.append((self._n_ticks, at_s))
        self._n_ticks += 1
        self._n_run += 1
        self._line = None

    def _fit(self, now_s: float) -> tuple[float, float] | None:
        """Return the time of tick 0 and the seconds a tick, by least squares; None without a clock."""
        ticks = self._ticks
        if len(ticks) < 2 or self._n_run < MIN_TICKS or now_s - ticks[-1][1] > GONE_S:
            return None
        if self._line is None:
            first_n, first_s = ticks[0]
            n = len(ticks)
            mean_n = sum(tick[0] - first_n for tick in ticks) / n
            mean_s = sum(tick[1] - first_s for tick in ticks) / n
            spread = sum((tick[0] - first_n - mean_n) ** 2 for tick in ticks)
            slope = (
                sum((tick[0] - first_n - mean_n) * (tick[1] - first_s - mean_s) for tick in ticks) / spread
            )
            if not 60.0 / (TICKS_A_BEAT * _MAX_BPM) <= slope <= 60.0 / (TICKS_A_BEAT * _MIN_BPM):
                return None
            self._line = first_s + mean_s - slope * (first_n + mean_n), slope
        return self._line
