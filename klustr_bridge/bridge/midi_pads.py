"""Which sounds lie under the pads of controllers.

This module owns the layouts of pads: they are worked out beside all else, kept, and worked out anew when the
map, the filters or the neighbourhood has become another. A pad that is hit meanwhile plays what it had where
only the cursor has moved, and waits a moment for another map.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from klustr_bridge.errors import QueryError
from klustr_bridge.midi import Pads
from klustr_bridge.navigator import ClientState, Navigator

SETTLE_S: Final = 0.05
"""A cursor that moves on takes its neighbourhood along once it has rested so long."""

_MOST_RADIUS: Final = 1.5
_ROUNDING: Final = 1e-5

_State = tuple[object, object, str, tuple[float, float] | None]

_log = logging.getLogger(__name__)


class PadSounds:
    """The sounds of pads.

    Parameters
    ----------
    navigator : Navigator
        Lays them out.
    client : ClientState
        Whose filters and view hold.
    """

    def __init__(self, navigator: Navigator, client: ClientState) -> None:
        self._navigator = navigator
        self._client = client
        self._laid: dict[Pads, tuple[_State, dict[tuple[int, int], int]]] = {}
        self._working: dict[Pads, asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._place = (0.5, 0.5)
        self._n_forgotten = 0

    def at(self, pads: Pads, column: int, row: int, play: Callable[[int], None]) -> None:
        """Hand the sound of a pad to `play`, now or, where pads aren't laid out yet, as soon as they are."""
        state, layout = self._laid.get(pads, (None, {}))
        if state is None or state[:3] != self._state(pads)[:3]:  # another map, or other sounds of it
            hits = self._n_forgotten
            self._work(pads).add_done_callback(lambda _: self._play(pads, column, row, play, hits))
            return
        if state != self._state(pads):
            self._work(pads)
        if (sound_id := layout.get((column, row))) is not None:
            play(sound_id)

    def laid(self, pads: Pads) -> Mapping[tuple[int, int], int] | None:
        """Return the sounds by column and row, None until they are laid out.

        It is another mapping whenever they have been laid out anew.
        """
        state, layout = self._laid.get(pads, (None, None))
        if state != self._state(pads):
            self._work(pads)
        return layout

    def moved(self, x: float, y: float, all_pads: Iterable[Pads]) -> None:
        """Take note of where cursor 0 is: pads over its neighbourhood follow it."""
        self._place = (x, y)
        following = [pads for pads in all_pads if pads.over == "cursor"]
        if following:
            if self._timer is not None:
                self._timer.cancel()
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(SETTLE_S, self._follow, following)

    def keep(self, all_pads: Iterable[Pads]) -> None:
        """Forget the layouts of other pads: they hold the map that they are of."""
        kept = set(all_pads)
        self._laid = {pads: laid for pads, laid in self._laid.items() if pads in kept}

    def forget_hits(self) -> None:
        """Let hits that wait for their layout not be heard."""
        self._n_forgotten += 1

    def close(self) -> None:
        """Work no more."""
        self.forget_hits()
        if self._timer is not None:
            self._timer.cancel()
        for task in list(self._working.values()):
            task.cancel()

    def _follow(self, following: list[Pads]) -> None:
        self._timer = None
        for pads in following:
            if self._laid.get(pads, (None,))[0] != self._state(pads):
                self._work(pads)

    def _play(self, pads: Pads, column: int, row: int, play: Callable[[int], None], hits: int) -> None:
        """Play what a hit has waited for, unless it is of another map than the present one, or forgotten."""
        state, layout = self._laid.get(pads, (None, {}))
        is_present = state is not None and state[:3] == self._state(pads)[:3]
        if is_present and hits == self._n_forgotten and (sound_id := layout.get((column, row))) is not None:
            play(sound_id)

    def _state(self, pads: Pads) -> _State:
        """All that a layout depends on."""
        where = self._place if pads.over == "cursor" else None
        return self._navigator.corpus, self._client.filters, self._client.view, where

    def _work(self, pads: Pads) -> "asyncio.Task[None]":
        if (task := self._working.get(pads)) is None:
            task = self._working[pads] = asyncio.ensure_future(self._lay(pads))
            task.add_done_callback(lambda _: self._working.pop(pads, None))
        return task

    def _region(self, pads: Pads) -> tuple[float, float, float] | None:
        """The circle that holds as many sounds as there are pads, around the cursor."""
        if pads.over == "map":
            return None
        found = self._navigator.near_xy(self._client, *self._place, pads.columns * pads.rows)
        farthest = max((neighbour.distance for neighbour in found), default=0.0)
        return *self._place, min(_MOST_RADIUS, farthest + _ROUNDING)

    async def _lay(self, pads: Pads) -> None:
        while True:
            state = self._state(pads)
            try:
                region = self._region(pads)
                rows = await self._navigator.grid(self._client, pads.columns, pads.rows, region)
            except QueryError as error:  # no map yet: a controller has nowhere to read that
                _log.debug("pads: %s", error)
                return
            self._laid[pads] = state, {(column, row): sound_id for column, row, sound_id in rows}
            if state[:3] == self._state(pads)[:3]:  # else it is another map meanwhile
                return
