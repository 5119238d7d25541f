"""Real files with mistakes in them never crash, hang or bloat the analysis, and never end in nonsense.

`BRIDGE_TEST_FUZZ=100000` sets how many; `python -m tests.sound.test_fuzz FIRST COUNT` runs them by hand and
prints what it found.
"""

import collections
import faulthandler
import math
import multiprocessing
import os
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.errors import RefusedSound
from klustr_bridge.processes import limit_memory, silence_standard_error
from klustr_bridge.sound.analyse import analyse_file
from klustr_bridge.types import Analysis
from tests.sound.mutations import mutated, real_files

N_INPUTS = int(os.environ.get("BRIDGE_TEST_FUZZ", "600"))
TIME_LIMIT_S = 2.0
MEMORY_LIMIT_MB = 1000
_START_LIMIT_S = 60.0


def _verdict(path: bytes) -> str:
    """``taken``, ``refused``, or what is wrong."""
    try:
        analysis = analyse_file(path)
    except RefusedSound as reason:
        words = str(reason)
        return "refused" if words.isprintable() and len(words) > 10 else f"bad reason: {words!r}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "taken" if _is_sane(analysis) else f"nonsense: {analysis}"


def _is_sane(analysis: Analysis) -> bool:
    values = [value for value in vars_of(analysis) if isinstance(value, float)]
    return bool(np.isfinite(analysis.embedding).all()) and all(map(math.isfinite, values))


def vars_of(analysis: Analysis) -> list[object]:
    """All values of an analysis."""
    return [getattr(analysis, name) for name in analysis.__dataclass_fields__]


def serve(connection: Connection, place: str) -> None:
    """Analyse the inputs whose numbers come in, in a process that may die of it."""
    faulthandler.disable()
    silence_standard_error()
    files = real_files(Path(place))
    for suffix, content in files:
        first = os.path.join(place, "first" + suffix)
        Path(first).write_bytes(content)
        assert _verdict(os.fsencode(first)) == "taken"
    limit_memory(MEMORY_LIMIT_MB)
    connection.send("ready")
    while True:
        try:
            number = connection.recv()
        except EOFError:
            return
        suffix, content = mutated(files, number)
        path = os.path.join(place, "input" + suffix)
        Path(path).write_bytes(content)
        connection.send(_verdict(os.fsencode(path)))


class _Child:
    """A process that analyses inputs and is replaced when it dies."""

    def __init__(self) -> None:
        self._place = tempfile.TemporaryDirectory()
        self._connection, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=serve, args=(theirs, self._place.name), daemon=True)
        self._process.start()
        theirs.close()
        assert self._connection.poll(_START_LIMIT_S)
        assert self._connection.recv() == "ready"

    def verdict(self, number: int) -> str:
        self._connection.send(number)
        if not self._connection.poll(TIME_LIMIT_S):
            return "took too long"
        try:
            return str(self._connection.recv())
        except (EOFError, OSError):
            self._process.join()
            return f"ended the process ({self._process.exitcode})"

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._connection.close()
        self._place.cleanup()


def fuzz(numbers: range, until_s: float = math.inf) -> tuple[collections.Counter[str], list[tuple[int, str]]]:
    """Analyse inputs; returns how many were taken, refused or bad, and the bad ones with what they did."""
    counts: collections.Counter[str] = collections.Counter()
    found: list[tuple[int, str]] = []
    child = _Child()
    try:
        for number in numbers:
            verdict = child.verdict(number)
            good = verdict in ("taken", "refused")
            counts[verdict if good else "bad"] += 1
            if not good:
                found.append((number, verdict))
                print(number, verdict, flush=True)
            if verdict == "took too long" or not child.is_alive:
                child.close()
                child = _Child()
            if time.monotonic() > until_s:
                break
    finally:
        child.close()
    return counts, found


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of memory there")
@pytest.mark.timeout(60 + N_INPUTS // 10)
def test_files_with_mistakes_are_taken_or_refused() -> None:
    """Within its limits of time and memory, each is heard with finite values or refused with a reason."""
    counts, found = fuzz(range(N_INPUTS))
    assert found == []
    assert counts["taken"] > N_INPUTS // 20
    assert counts["refused"] > N_INPUTS // 20


if __name__ == "__main__":
    first, count = map(int, sys.argv[1:3])
    print(*fuzz(range(first, first + count)), sep="\n")
