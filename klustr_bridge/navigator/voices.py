"""Voices: which number names a playing sound, and the calls of the player.

This module owns the numbers of voices and the calls of the player; it must not know any corpus.
"""

import itertools
from collections import OrderedDict

from klustr_bridge.corpus import Entry
from klustr_bridge.errors import KlustrError
from klustr_bridge.navigator.ports import Player
from klustr_bridge.navigator.results import Play

_MOST_REMEMBERED = 1024
_MOST_NUMBER = 2**31 - 1


class Voices:
    """Numbers sounds, and starts and stops those that the bridge's player sounds.

    Parameters
    ----------
    player : Player or None
        None: nothing sounds here, everything else goes on.

    Attributes
    ----------
    n_failed : int
        Calls that the player answered with an error.
    """

    def __init__(self, player: Player | None) -> None:
        self.player = player
        self.n_failed = 0
        self._numbers = itertools.count()
        self._inner: OrderedDict[int, int] = OrderedDict()

    def play(
        self,
        entry: Entry,
        velocity: float,
        span_s: tuple[float, float] | None,
        loudness_db: float | None,
        *,
        is_slice: bool = False,
        internal: bool,
    ) -> Play:
        """Start a file.

        Parameters
        ----------
        entry : Entry
            The file.
        velocity : float
            0..1.
        span_s : tuple of two floats, optional
            Where the sound begins and ends in the file; None while it waits for its analysis.
        loudness_db : float, optional
            Of the sound; None while it waits for its analysis.
        is_slice : bool
            Whether it is a part of the file only.
        internal : bool
            Whether the bridge's own player sounds it; if not, it is only given its number.

        Returns
        -------
        Play
            Also when the player has a problem.
        """
        voice = next(self._numbers) % _MOST_NUMBER + 1
        start_s, end_s = span_s or (0.0, 0.0)
        if internal and self.player is not None:
            try:
                self._inner[voice] = self.player.play(
                    entry.path,
                    start_s=start_s,
                    end_s=end_s if is_slice else None,
                    velocity=velocity,
                    loudness_db=loudness_db,
                )
            except (KlustrError, OSError):
                self.n_failed += 1
            if len(self._inner) > _MOST_REMEMBERED:
                self._inner.popitem(last=False)
        return Play(
            voice=voice,
            id=entry.id,
            velocity=velocity,
            path=entry.path,
            start_s=start_s,
            end_s=end_s,
        )

    def stop(self, voice: int | None) -> None:
        """Stop a voice, or all of them; one that the player doesn't sound is the client's to stop."""
        inner = None if voice is None else self._inner.pop(voice, None)
        if self.player is None or (voice is not None and inner is None):
            return
        if voice is None:
            self._inner.clear()
        try:
            self.player.stop(inner)
        except (KlustrError, OSError):
            self.n_failed += 1

    def prefetch(self, paths: list[bytes]) -> None:
        """Let the player make files ready."""
        if self.player is None:
            return
        try:
            self.player.prefetch(paths)
        except (KlustrError, OSError):
            self.n_failed += 1
