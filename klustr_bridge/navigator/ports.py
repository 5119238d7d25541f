"""The two interfaces that the navigator knows the outside by; the daemon puts the real ones in.

This module owns no behaviour.
"""

from collections.abc import Iterable
from typing import Protocol

from klustr_bridge.types import Analysis, Int32Array


class Player(Protocol):
    """The bridge's own audio output, as far as the navigator needs it."""

    def play(
        self,
        path: bytes,
        *,
        start_s: float,
        end_s: float | None,
        velocity: float,
        loudness_db: float | None,
    ) -> int:
        """Start a file, at once and without blocking, and return the player's number of the voice.

        An `end_s` of None means the end of the file, a `loudness_db` of None that it isn't known.
        """
        ...

    def stop(self, voice: int | None) -> None:
        """Stop one voice of the player, or all of them; an ended voice is no error."""
        ...

    def prefetch(self, paths: Iterable[bytes]) -> None:
        """Make files ready that are likely to be played next."""
        ...

    def describe(self) -> str:
        """One line for people: device, rate, or what keeps the player from sounding."""
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
