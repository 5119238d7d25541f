"""One analysis worker: a process that hears files and sends back what it heard.

Owns nothing on disk. A file that crashes, hangs or bloats this process takes only itself down:
the pool knows which file was at work.
"""

from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Protocol

from klustr_bridge.errors import RefusedSound
from klustr_bridge.library.scan import scan_path
from klustr_bridge.processes import become_background_process, limit_memory, silence_standard_error
from klustr_bridge.sound.opening import UnavailableSound, is_passing
from klustr_bridge.types import Analysis, FileStamp


@dataclass(frozen=True, slots=True)
class Task:
    """One file to analyse; `token` comes back with the answer."""

    token: int
    path: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a task: an analysis, a reason to refuse the file, or neither (try again later).

    Attributes
    ----------
    token : int
        The task's.
    stamp : FileStamp or None
        Of the file that was analysed, equal before and after; None if it vanished or changed meanwhile.
    """

    token: int
    stamp: FileStamp | None
    analysis: Analysis | None
    reason: str | None


class Analyse(Protocol):
    """What a worker does with a file: `klustr_bridge.sound.analyse.analyse_file` or a test's own."""

    def __call__(self, path: bytes) -> Analysis:
        """Analyse the file at `path`; raise `RefusedSound` if it can't be used."""


def serve(connection: Connection, analyse: Analyse, memory_limit_mb: int) -> None:
    """Answer tasks from `connection` until it closes.

    Parameters
    ----------
    connection : Connection
        Receives lists of `Task`, sends one `Answer` for each, in order.
    analyse : callable
        Picklable by name; called as ``analyse(path)``.
    memory_limit_mb : int
        Address space beyond what the process has at its start, where the system can limit it.
    """
    become_background_process(priority=19)
    silence_standard_error()
    limit_memory(memory_limit_mb)
    try:
        while True:
            for task in connection.recv():
                connection.send(_answer(task, analyse, memory_limit_mb))
    except (EOFError, OSError):
        return


def _answer(task: Task, analyse: Analyse, memory_limit_mb: int) -> Answer:
    before = scan_path(task.path)
    analysis, reason = None, None
    try:
        analysis = analyse(task.path)
    except UnavailableSound:  # the file stays pending and is tried at the next scan
        return Answer(task.token, None, None, None)
    except RefusedSound as refused:
        reason = str(refused)
    except MemoryError:
        reason = f"needs more than the {memory_limit_mb} MB that one file may use"
    except OSError as error:
        if is_passing(error):
            return Answer(task.token, None, None, None)
        reason = f"can't be read: {error.strerror or error}"
    except Exception as error:  # one bad file becomes a row with its reason, whatever it did
        reason = f"the analysis failed: {type(error).__name__}: {error}"
    if before is None or scan_path(task.path) != before:
        return Answer(task.token, None, None, None)
    return Answer(task.token, before.stamp, analysis, reason)
