"""The time that the navigator lives by, where an event loop runs."""

import asyncio
import time
from collections.abc import Callable


class LoopTimer:
    """The clock of this machine, and an event loop's calls; a `navigator.ports.Timer`.

    Parameters
    ----------
    loop : AbstractEventLoop
        Calls what is to happen later.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now_s(self) -> float:
        """Return seconds on the clock of ``time.perf_counter()``."""
        return time.perf_counter()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Call something in so many seconds."""
        return self._loop.call_later(delay_s, callback)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the fastest event loop there is; None: the standard one is made."""
    try:
        import uvloop
    except ImportError:  # Windows, and builds without it: the standard loop does the same, slower
        return None
    return uvloop.new_event_loop
