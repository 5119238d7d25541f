"""The beat of Ableton Link, by the package `aalink`, which is an extra: nothing here is needed without it."""

import asyncio
import warnings
from typing import Any, Final

from klustr_bridge.errors import ClockError

_FIRST_BPM: Final = 120.0


class LinkClock:
    """The session that all on this network share who have Link switched on; made by `open_link`.

    Parameters
    ----------
    link : aalink.Link
        Enabled.
    """

    def __init__(self, link: Any) -> None:
        self._link = link
        self._has_played = False

    @property
    def n_peers(self) -> int:
        """Others in the session."""
        return int(self._link.num_peers)

    def tempo_bpm(self, now_s: float) -> float | None:
        """Return beats per minute; None while nobody else is there."""
        return float(self._link.tempo) if self.n_peers else None

    def beat(self, now_s: float) -> float | None:
        """Return the session's beat; None without others, and while its song stands still.

        Link's beat counts on all the time, and whether a song plays is told by those alone who have switched
        start and stop on: it is known to stand still once it has been heard to play.
        """
        if not self.n_peers:
            self._has_played = False
            return None
        playing = bool(self._link.playing)
        self._has_played = self._has_played or playing
        return float(self._link.beat) if playing or not self._has_played else None

    def describe(self, now_s: float) -> str:
        """Say in one line who is there."""
        n = self.n_peers
        if not n:
            return "nobody else is on Ableton Link: switch Link on in your music software"
        return f"Ableton Link with {n} other{'s' if n > 1 else ''}"

    def close(self) -> None:
        """Leave the session."""
        self._link.enabled = False


def open_link(beats_a_bar: int) -> LinkClock:
    """Join the Link session of this network; to be called on the event loop.

    Parameters
    ----------
    beats_a_bar : int
        The session's bars are taken to have so many beats (its quantum).

    Raises
    ------
    ClockError
        The package is missing, or Link can't be used here; the message says what to do.
    """
    try:
        import aalink  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise ClockError(
            "Ableton Link needs the package aalink: pip install 'klustr-bridge[link]'"
            f"{'' if isinstance(error, ModuleNotFoundError) else f' ({error})'}"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # its only way to a loop that uvloop has made
            link = aalink.Link(_FIRST_BPM, asyncio.get_running_loop())
        link.quantum = beats_a_bar
        link.start_stop_sync_enabled = True
        link.enabled = True
    except Exception as error:  # the network may refuse in any way
        raise ClockError(f"Ableton Link can't be used: {error}") from error
    return LinkClock(link)
