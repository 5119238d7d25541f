"""The interfaces that the navigator knows the outside by; the daemon puts the real ones in.

This module owns no behaviour.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from klustr_bridge.types import Analysis, Int32Array, PlayRequest, Recorded


class Player(Protocol):
    """The bridge's own audio output, as far as the navigator needs it."""

    def play(self, request: PlayRequest) -> int:
        """Start a file, without blocking, and return the player's number of the voice."""
        ...

    def stop(self, voice: int | None, fade_s: float | None = None) -> None:
        """Fade out one voice of the player, or all of them; an ended voice is no error.

        A `fade_s` of None is the shortest that doesn't click.
        """
        ...

    def prefetch(self, requests: Iterable[PlayRequest]) -> None:
        """Make ready what is likely to be played next."""
        ...

    async def record(self, on: bool) -> Recorded:
        """Start to record what is played, or end the recording; raises ``PlayerError``."""
        ...

    @property
    def problem(self) -> str | None:
        """Why nothing can be heard and what to do about it; None while all is well."""
        ...

    def describe(self) -> str:
        """One line for people: device, rate, or what keeps the player from sounding."""
        ...


class Handle(Protocol):
    """Something that is to happen later."""

    def cancel(self) -> None:
        """Let it not happen; no error if it has."""
        ...


class Timer(Protocol):
    """The time, and what is to happen at a time, on the navigator's own thread."""

    def now_s(self) -> float:
        """Return seconds on the clock of ``time.perf_counter()``.

        It is one for all processes of the machine, and fine also where ``time.monotonic()`` is not (Windows).
        """
        ...

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Handle:
        """Call something in so many seconds."""
        ...


class Beats(Protocol):
    """The beat of a session that others play in too."""

    def tempo_bpm(self, now_s: float) -> float | None:
        """Return beats per minute; None while nobody gives a beat."""
        ...

    def line_s(self, step: float, now_s: float) -> float | None:
        """Return when the beat is next a multiple of `step`; None while nothing runs to play in time with.

        Times are on the clock of ``time.perf_counter()``.
        """
        ...

    @property
    def listens(self) -> bool:
        """Whether there is a clock at all that a beat could come from."""
        ...


class Librarian(Protocol):
    """The one writer of the library; every method raises ``QueryError`` when it can't."""

    async def add_folder(self, path: bytes) -> None:
        """Watch a folder from now on; returns when that is noted, not when it is indexed."""
        ...

    async def remove_folder(self, path: bytes) -> None:
        """Stop watching a folder."""
        ...

    async def rescan(self) -> None:
        """Compare all folders with the library; progress is pushed."""
        ...

    async def relayout(self) -> None:
        """Fit the map anew; progress is pushed."""
        ...

    async def make_candidate(self, method: str) -> None:
        """Fit a map that waits to be taken or dropped, by a method of its own where one is named."""
        ...

    async def take_candidate(self) -> None:
        """Have the candidate be the next epoch."""
        ...

    async def drop_candidate(self) -> None:
        """Forget the candidate."""
        ...

    async def set_favourite(self, sound_id: int, on: bool) -> None:
        """Mark or unmark a sound; returns when it is committed."""
        ...

    async def set_kind(self, sound_id: int, kind: str) -> None:
        """Correct a sound's kind; the correction stays until ``auto`` takes it back."""
        ...

    async def analyse(self, path: bytes) -> Analysis:
        """Hear any readable audio file in a worker."""
        ...

    async def duplicates(self) -> Int32Array:
        """Find near-identical sounds beside all else; takes seconds to minutes.

        Returns rows of group (rising from 1) and id, shape (n, 2), the sound to keep first in each group.
        """
        ...
