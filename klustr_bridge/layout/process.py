"""Fitting a map in a process of its own, so that indexing and answering go on meanwhile.

This module owns the life of that process: start, result, failure, cancelling, and its end when
the parent ends. It must not compute anything itself.
"""

import contextlib
import multiprocessing
import signal
import threading
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import KlustrError, LayoutError
from klustr_bridge.layout.fit import Layout, fit_layout
from klustr_bridge.processes import become_background_process, ctrl_c_held_back
from klustr_bridge.types import Float32Array, Int32Array

_END_DEADLINE_S = 5.0


@dataclass(frozen=True, slots=True)
class LayoutResult:
    """A finished fit.

    Attributes
    ----------
    ids : ndarray of int32, shape (n,)
        The sounds, as given to `LayoutProcess.start`.
    layout : Layout
        Their map, rows in the same order.
    elapsed_s : float
        From the start of the process to the arrival of the result.
    """

    ids: Int32Array
    layout: Layout
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class _Job:
    embeddings: Float32Array
    seed: int
    method: str
    previous: Float32Array | None
    from_universal: bool
    kinds: NDArray[np.uint8] | None


class LayoutProcess:
    """One fit at a time, in a process beside this one.

    No call waits for the fit. Not to be shared between threads.
    """

    def __init__(self) -> None:
        self._process: SpawnProcess | None = None
        self._sender: threading.Thread | None = None
        self._connection: Connection | None = None
        self._ids: Int32Array = np.empty(0, dtype=np.int32)
        self._started_s = 0.0
        self._failed: str | None = None
        self._no_start = ""

    @property
    def running(self) -> bool:
        """Whether a fit was started whose end `poll` has not yet told."""
        return self._connection is not None

    @property
    def connection(self) -> Connection | None:
        """For `multiprocessing.connection.wait`: ready when `poll` has news. None when not running."""
        return self._connection

    @property
    def failed(self) -> str | None:
        """Why the last fit failed; None while it runs, after success and after cancelling."""
        return self._failed

    @property
    def pid(self) -> int | None:
        """The process' id while a fit is running."""
        return self._process.pid if self._process is not None else None

    def start(
        self,
        embeddings: Float32Array,
        ids: Int32Array,
        *,
        seed: int,
        method: str = "auto",
        previous: Float32Array | None = None,
        from_universal: bool = False,
        kinds: NDArray[np.uint8] | None = None,
    ) -> None:
        """Start a fit and return at once. If the system gives no process, `poll` finds out.

        Parameters
        ----------
        embeddings, seed, method, previous, from_universal, kinds
            As for `klustr_bridge.layout.fit.fit_layout`. The arrays must not change until the result
            is there.
        ids : ndarray of int32, shape (n,)
            The sounds, handed back with the result.

        Raises
        ------
        LayoutError
            If a fit is running already, or ids and embeddings differ in number.
        """
        if self.running:
            raise LayoutError("a layout is being fitted already; wait for it or cancel it")
        if len(ids) != len(embeddings):
            raise LayoutError(f"{len(ids)} ids don't belong to {len(embeddings)} embeddings")
        self._failed = None
        self._ids = np.array(ids, dtype=np.int32)
        self._started_s = time.monotonic()
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(target=_fit_in_child, args=(theirs,), name="layout", daemon=True)
        try:
            with ctrl_c_held_back():
                self._process.start()
        except OSError as error:
            # the other end closes now, so that the connection is ready and `poll` fails as for a crash
            self._process, self._no_start = None, str(error)
        finally:
            theirs.close()
        self._connection = ours
        if self._process is None:
            return
        # A pipe holds 64 KiB: sending waits until the child reads, which it does once it has started.
        job = _Job(embeddings, seed, method, previous, from_universal, kinds)
        self._sender = threading.Thread(target=_send, args=(ours, job), name="layout job", daemon=True)
        self._sender.start()

    def poll(self) -> LayoutResult | None:
        """Return the result if there is one; look at `failed` when there is none.

        Returns
        -------
        LayoutResult or None
            Given once. None while the fit runs, after it failed, and when none was started.
        """
        if self._connection is None:
            return None
        try:
            if not self._connection.poll():
                return None
            answer = self._connection.recv()
        except (EOFError, OSError):
            self._failed = f"the layout process {self._end()}"
            return None
        self._end()
        if isinstance(answer, Layout):
            return LayoutResult(self._ids, answer, time.monotonic() - self._started_s)
        self._failed = str(answer)
        return None

    def cancel(self) -> None:
        """Give up the running fit, if any; its process is gone when this returns."""
        if self._process is not None:
            self._process.kill()
        self._end()

    def _end(self) -> str:
        """Reap the process, which has ended or is about to, and say how it ended."""
        process, sender, connection = self._process, self._sender, self._connection
        self._process = self._sender = self._connection = None
        if process is None or sender is None or connection is None:
            if connection is not None:
                connection.close()
            return f"could not be started: {self._no_start}"
        process.join(_END_DEADLINE_S)
        if process.exitcode is None:
            process.kill()
            process.join()
        # only now: closing under the sender could let it write to whatever gets the same number next
        sender.join()
        connection.close()
        code = process.exitcode
        process.close()
        if code is not None and code < 0:
            hint = ", perhaps for want of memory" if code == -9 else ""
            return f"was ended by signal {-code} ({signal.strsignal(-code)}){hint}"
        return f"ended with exit code {code} and no result"


def _send(connection: Connection, job: _Job) -> None:
    # an end that has gone, on either side, is seen by `poll`
    with contextlib.suppress(OSError, ValueError):
        connection.send(job)


def _fit_in_child(connection: Connection) -> None:
    become_background_process()
    try:
        job = connection.recv()
    except (EOFError, OSError):
        return
    answer: Layout | str
    try:
        answer = fit_layout(
            job.embeddings,
            seed=job.seed,
            method=job.method,
            previous=job.previous,
            from_universal=job.from_universal,
            kinds=job.kinds,
        )
    except KlustrError as error:
        answer = str(error)
    except Exception as error:
        traceback.print_exc()
        answer = f"the layout of {len(job.embeddings)} sounds failed: {type(error).__name__}: {error}"
    with contextlib.suppress(OSError):
        connection.send(answer)
