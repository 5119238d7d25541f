"""Which beat is in force, the lines of its grid, and telling of it."""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from klustr_bridge.clock.link import LinkClock
from klustr_bridge.clock.midi_clock import MidiClock

_LOOK_S: Final = 0.05
_JUST_PASSED_BEATS: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Beat:
    """What is told of the session.

    Attributes
    ----------
    number : float
        Beats since the session's first one: a whole number when told at a beat.
    tempo_bpm : float
        Beats per minute; 0 when nobody gives a beat.
    playing : bool
        Whether there is something to play in time with.
    """

    number: float
    tempo_bpm: float
    playing: bool


class SessionClock:
    """The beat to play in: Link's while others are there, else MIDI clock's.

    Parameters
    ----------
    midi : MidiClock, optional
        None: MIDI clock isn't listened to.
    link : LinkClock, optional
        None: Link isn't on.
    """

    def __init__(self, midi: MidiClock | None, link: LinkClock | None = None) -> None:
        self._midi = midi
        self._link = link

    @property
    def listens(self) -> bool:
        """Whether there is a clock at all that a beat could come from."""
        return self._clock is not None

    def tempo_bpm(self, now_s: float) -> float | None:
        """Return beats per minute; None while nobody gives a beat."""
        clock = self._clock
        return None if clock is None else clock.tempo_bpm(now_s)

    def beat(self, now_s: float) -> float | None:
        """Return beats since the session's first one; None while there is nothing to play in time with."""
        clock = self._clock
        return None if clock is None else clock.beat(now_s)

    def line_s(self, step: float, now_s: float) -> float | None:
        """Return when the beat is next a multiple of `step`; None with nothing to play in time with.

        Parameters
        ----------
        step : float
            Beats, more than 0.
        """
        tempo_bpm, beat = self._both(now_s)
        if tempo_bpm is None or beat is None:
            return None
        line = math.ceil(beat / step - _JUST_PASSED_BEATS) * step
        return now_s + max(0.0, line - beat) * 60.0 / tempo_bpm

    def now(self, now_s: float) -> Beat:
        """Return what is to be told of the session."""
        tempo_bpm, beat = self._both(now_s)
        if tempo_bpm is None or beat is None:
            return Beat(0.0, tempo_bpm or 0.0, False)
        return Beat(beat, tempo_bpm, True)

    def _both(self, now_s: float) -> tuple[float | None, float | None]:
        clock = self._clock
        return (None, None) if clock is None else (clock.tempo_bpm(now_s), clock.beat(now_s))

    def describe(self, now_s: float) -> str:
        """Say in one line where the beat comes from, or what to do to have one."""
        clock = self._clock
        if clock is None:
            return "no clock is listened to: set clock.source to midi or link"
        told = clock.describe(now_s)
        if clock is self._midi and self._link is not None and clock.tempo_bpm(now_s) is None:
            return f"{self._link.describe(now_s)}; {told}"
        return told

    @property
    def _clock(self) -> MidiClock | LinkClock | None:
        if self._link is not None and (self._link.n_peers or self._midi is None):
            return self._link
        return self._midi


class BeatTeller:
    """Tells of each beat as it comes, and of starts, stops and the loss of the clock.

    Parameters
    ----------
    clock : SessionClock
        The session.
    tell : callable
        Gets a `Beat`.
    tell_source : callable
        Gets a line for people when a beat has come, or gone.
    """

    def __init__(
        self, clock: SessionClock, tell: Callable[[Beat], None], tell_source: Callable[[str], None]
    ) -> None:
        self._clock = clock
        self._tell = tell
        self._tell_source = tell_source
        self._last = Beat(0.0, 0.0, False)
        self._next = 0

    async def run(self) -> None:
        """Tell until cancelled; looks twenty times a second, and at each beat."""
        while True:
            await asyncio.sleep(self.look(time.perf_counter()))

    def look(self, now_s: float) -> float:
        """Tell what is new; return when to look again, seconds from now."""
        beat, last = self._clock.now(now_s), self._last
        whole = math.floor(beat.number + _JUST_PASSED_BEATS)
        has_begun = beat.playing and not last.playing
        soon = _LOOK_S * beat.tempo_bpm / 60.0
        if has_begun and whole + 1 - beat.number < soon:
            self._next, self._last = whole + 1, beat  # it begins with that beat, or is so told
        elif beat.playing and (has_begun or whole >= self._next or whole < self._next - 1):
            # The first, and the one after a jump, are told where they are: not before a whole beat.
            self._next = whole + 1
            told = float(whole) if beat.number - whole < soon else beat.number
            self._say(Beat(told, beat.tempo_bpm, True), now_s)
        elif beat.playing != last.playing or bool(beat.tempo_bpm) != bool(last.tempo_bpm):
            self._say(beat, now_s)
        if not beat.playing:
            return _LOOK_S
        return min(_LOOK_S, max(0.0005, (self._next - beat.number) * 60.0 / beat.tempo_bpm))

    def _say(self, beat: Beat, now_s: float) -> None:
        had_tempo, self._last = bool(self._last.tempo_bpm), beat
        if bool(beat.tempo_bpm) != had_tempo:
            self._tell_source(self._clock.describe(now_s))
        self._tell(beat)
