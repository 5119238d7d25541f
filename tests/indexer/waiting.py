"""Stepping until something is so, asleep in between: a loop that spins starves the processes it waits for."""

import multiprocessing.connection
import time
from collections.abc import Callable

from klustr_bridge.indexer.indexer import Indexer
from klustr_bridge.indexer.placing import MapKeeper

PATIENCE_S = 90.0
_REST_S = 0.02


def rest(of: Indexer | MapKeeper) -> None:
    """Sleep until one of its processes has news, a moment at most."""
    multiprocessing.connection.wait(of.connections, _REST_S)


def step_until(keeper: MapKeeper, condition: Callable[[], bool]) -> None:
    """Step a keeper whose library is settled until a condition holds."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until
        keeper.step(settled=True)
        if not condition():
            rest(keeper)
