"""Voices that are to end with the keys that began them, also where they begin later than those are pressed.

This module owns which key holds which voice. A sound that waits for a line of the beat lasts, once it begins,
as long as its key was down: it is shifted, neither lost nor let run on.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from klustr_bridge.midi import Key
from klustr_bridge.navigator import Event, Play

_MOST_LATE: Final = 256

Begin = Callable[[Callable[[int], None] | None], list[Event]]


@dataclass(slots=True)
class _Held:
    voice: int
    pressed_s: float
    has_begun: bool = False


class HeldVoices:
    """The voices of keys that are down.

    Parameters
    ----------
    stop : callable
        Ends a voice.
    hold, release : callable
        Told of each voice before it is begun for a key, and when it ends with it.
    """

    def __init__(
        self,
        stop: Callable[[int], None],
        hold: Callable[[int], None] = lambda voice: None,
        release: Callable[[int], None] = lambda voice: None,
    ) -> None:
        self._stop_voice = stop
        self._hold = hold
        self._release = release
        self._held: dict[Key, _Held] = {}
        self._lengths: OrderedDict[int, float] = OrderedDict()  # of voices that begin when keys are up
        self._ends: dict[int, asyncio.TimerHandle] = {}

    @property
    def keys(self) -> Sequence[Key]:
        """Keys that hold a voice."""
        return tuple(self._held)

    def begin(self, key: Key | None, begin: Begin) -> list[Event]:
        """Begin what a key plays, and remember its voice; with no key it ends by itself.

        Parameters
        ----------
        begin : callable
            Begins it; hands the voice's number to what it is given, and returns what came of it at once.
        """
        if key is None:
            return begin(None)
        if (before := self._held.pop(key, None)) is not None:
            self._stop(before.voice)
        voices: list[int] = []

        def take(voice: int) -> None:
            self._hold(voice)
            voices.append(voice)

        events = begin(take)
        for voice in voices:
            is_now = any(isinstance(event, Play) and event.voice == voice for event in events)
            self._held[key] = _Held(voice, time.monotonic(), is_now)
        return events

    def has_begun(self, voice: int) -> None:
        """Take note that a voice is heard from now on; no error if no key has begun it."""
        length_s = self._lengths.pop(voice, None)
        if length_s is not None:
            loop = asyncio.get_running_loop()
            self._ends[voice] = loop.call_later(length_s, self._end_late, voice)
        for held in self._held.values():
            if held.voice == voice:
                held.has_begun = True

    def end(self, key: Key) -> None:
        """End what a key holds; no error if it holds nothing."""
        held = self._held.pop(key, None)
        if held is None:
            return
        if held.has_begun:
            self._stop(held.voice)
            return
        self._lengths[held.voice] = time.monotonic() - held.pressed_s
        if len(self._lengths) > _MOST_LATE:
            self._lengths.popitem(last=False)

    def end_all_of(self, port: str) -> None:
        """End what the keys of an input hold, begun or not: they can't be let go any more."""
        for key in [key for key in self._held if key.port == port]:
            self._stop(self._held.pop(key).voice)

    def clear(self) -> None:
        """Forget all: everything has been stopped."""
        for handle in self._ends.values():
            handle.cancel()
        for voice in (*self._ends, *self._lengths, *(held.voice for held in self._held.values())):
            self._release(voice)
        self._ends.clear()
        self._held.clear()
        self._lengths.clear()

    def _stop(self, voice: int) -> None:
        self._release(voice)
        self._stop_voice(voice)

    def _end_late(self, voice: int) -> None:
        del self._ends[voice]
        self._stop(voice)
