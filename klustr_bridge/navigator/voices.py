"""Voices: which number names a playing sound, and the calls of the player.

This module owns the numbers of voices and the calls of the player; it must not know any corpus.
"""

import itertools
from collections import OrderedDict

from klustr_bridge.errors import KlustrError
from klustr_bridge.navigator.ports import Player
from klustr_bridge.navigator.results import Play
from klustr_bridge.types import PlayRequest

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
        sound_id: int,
        request: PlayRequest,
        end_s: float,
        *,
        internal: bool,
    ) -> Play:
        """Start a sound.

        Parameters
        ----------
        sound_id : int
            The sound.
        request : PlayRequest
            What to play and how.
        end_s : float
            Where it ends in its file, for a client that plays it; 0 while it waits for its analysis.
        internal : bool
            Whether the bridge's own player sounds it; if not, it is only given its number.

        Returns
        -------
        Play
            Also when the player has a problem.
        """
        voice = next(self._numbers) % _MOST_NUMBER + 1
        if internal and self.player is not None:
            try:
                self._inner[voice] = self.player.play(request)
            except (KlustrError, OSError):
                self.n_failed += 1
            if len(self._inner) > _MOST_REMEMBERED:
                self._inner.popitem(last=False)
        return Play(
            voice=voice,
            id=sound_id,
            velocity=request.velocity,
            path=request.path,
            start_s=request.start_s,
            end_s=end_s,
        )

    def stop(self, voice: int | None, fade_s: float | None = None) -> None:
        """Fade out a voice, or all of them; one that the player doesn't sound is the client's to stop."""
        inner = None if voice is None else self._inner.pop(voice, None)
        if self.player is None or (voice is not None and inner is None):
            return
        if voice is None:
            self._inner.clear()
        try:
            self.player.stop(inner, fade_s)
        except (KlustrError, OSError):
            self.n_failed += 1

    def prefetch(self, requests: list[PlayRequest]) -> None:
        """Let the player make sounds ready."""
        if self.player is None:
            return
        try:
            self.player.prefetch(requests)
        except (KlustrError, OSError):
            self.n_failed += 1
