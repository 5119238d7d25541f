"""The command line within this process, where the process of its own isn't what is tested.

Owns what a process would begin with: its environment, standard streams, log and warnings, all put back
after. Whoever tests exit by signals, start-up or what is imported needs `tests.daemon.running.run`.
"""

import contextlib
import io
import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from klustr_bridge import cli
from tests.daemon.running import environment


def run(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of the command line to its end, as `tests.daemon.running.run` does."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
    with (
        contextlib.redirect_stdout(streams[0]),
        contextlib.redirect_stderr(streams[1]),
        _in_environment(environment(home)),
        _log_of_its_own(),
    ):
        try:
            code = cli.main(words)
        except SystemExit as end:  # the parser's way to end
            code = end.code if isinstance(end.code, int) else 1
    out, err = (stream.buffer.getvalue().decode() for stream in streams)  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(["klustr-bridge", *words], code, out, err)


@contextlib.contextmanager
def _in_environment(variables: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(variables)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _log_of_its_own() -> Iterator[None]:
    """Keep the handlers of who listens here already: a process begins with none."""
    root, ours = logging.getLogger(), logging.getLogger("klustr_bridge")
    before = root.handlers[:], root.level, ours.level
    root.handlers = []
    try:
        yield
    finally:
        root.handlers = before[0]
        root.setLevel(before[1])
        ours.setLevel(before[2])
