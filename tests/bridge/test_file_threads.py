"""Work beside the event loop, for files on drives that may hang."""

import asyncio
import subprocess
import sys

import pytest

from klustr_bridge.bridge.file_threads import N_THREADS, FileThreads
from klustr_bridge.errors import QueryError

HANGS = """
import asyncio, threading
from klustr_bridge.bridge.file_threads import FileThreads
async def main():
    threads = FileThreads()
    begun = threading.Event()
    work = asyncio.ensure_future(threads.run(lambda: (begun.set(), threading.Event().wait())))
    await asyncio.to_thread(begun.wait)
    threads.close()
    work.cancel()
asyncio.run(main())
print("ended")
"""


def test_a_drive_that_hangs_holds_up_no_exit() -> None:
    """Work that never ends does not keep the process from ending."""
    done = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, b"ended"), done.stderr


def test_results_and_errors_come_back_and_hanging_work_leaves_room() -> None:
    """Each gets its own answer; as long as one thread is free, work goes on."""

    async def ask() -> None:
        threads = FileThreads()
        gate = asyncio.Event()
        loop = asyncio.get_running_loop()

        def hang() -> str:
            asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(30)
            return "late"

        hanging = [asyncio.ensure_future(threads.run(hang)) for _ in range(N_THREADS - 1)]
        assert await threads.run(int, "7") == 7
        with pytest.raises(ValueError, match="invalid literal"):
            await threads.run(int, "x")
        gate.set()
        assert await asyncio.gather(*hanging) == ["late"] * (N_THREADS - 1)
        threads.close()
        with pytest.raises(QueryError, match="stops"):
            await threads.run(int, "7")
        called: list[int] = []
        threads.later(lambda: called.append(1))
        assert called == [1]

    asyncio.run(ask())
