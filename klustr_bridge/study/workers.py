"""Processes that do the work of a study, at low priority; with one they are this process itself.

Owns their life. It must not know what they do.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from klustr_bridge.errors import StudyError
from klustr_bridge.processes import (
    THREAD_VARIABLES,
    become_background_process,
    ctrl_c_held_back,
    single_threaded_environment,
    use_one_core,
)

Task = TypeVar("Task")
Done = TypeVar("Done")


def in_processes(
    work: Callable[[Task], Done], tasks: Iterable[Task], n_processes: int
) -> Iterator[tuple[Task, Done]]:
    """Do tasks side by side, and give each with its result as it is done.

    Parameters
    ----------
    work : callable
        A function of a module; task and result cross process borders.
    tasks : iterable
        Begun in this order.
    n_processes : int
        1: here, one after the other.

    Raises
    ------
    StudyError
        Where a process has died, perhaps for want of memory.
    """
    waiting = list(tasks)
    if n_processes == 1 or not waiting:
        for task in waiting:
            yield task, work(task)
        return
    with _single_threaded():
        pool = ProcessPoolExecutor(min(n_processes, len(waiting)), get_context("spawn"), _begin)
        futures: dict[Future[Done], Task] = {}
        is_done = False
        try:
            with ctrl_c_held_back():
                futures = {pool.submit(work, task): task for task in waiting}
            for future in as_completed(futures):
                yield futures[future], future.result()
            is_done = True
        except BrokenProcessPool as error:
            raise StudyError(
                "a process of the study was ended from outside, perhaps for want of memory; what is done is "
                "kept: the same command goes on from there"
            ) from error
        finally:
            if is_done:
                pool.shutdown()
            else:
                _end(pool)


def _begin() -> None:
    become_background_process()
    use_one_core()


def _end(pool: ProcessPoolExecutor) -> None:
    """End the processes now: what they are at would be done again anyhow."""
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()


@contextlib.contextmanager
def _single_threaded() -> Iterator[None]:
    """Processes begun here use one thread each in numerical libraries: they are as many as cores already."""
    names = (*THREAD_VARIABLES, "OMP_WAIT_POLICY")
    before = {name: os.environ.get(name) for name in names}
    single_threaded_environment()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
