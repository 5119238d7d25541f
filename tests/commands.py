"""The command line within this process, where the process of its own isn't what is tested.

Owns what a process would begin with: its environment, standard streams and log, all put back after.
Whoever tests exit by signals, start-up or what is imported needs `tests.daemon.running.run`.
"""

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

from klustr_bridge import cli
from tests.daemon import running
from tests.daemon.running import environment


def run(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of the command line to its end, as `tests.daemon.running.run` does.

    One that lowers the priority of its process gets one of its own: no process gets that back.
    """
    if "duplicates" in words:
        return running.run(home, *words)
    return called(cli.main, words, environment(home))


def called(
    main: Callable[[list[str]], int], words: tuple[str, ...], variables: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Call the main function of a program, and return what its process would leave."""
    with (
        _stream() as stdout,
        _stream() as stderr,
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
        _in_environment(variables),
        _log_of_its_own(),
    ):
        try:
            code = main(list(words))
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
        for stream in (stdout, stderr):
            stream.seek(0)
        return subprocess.CompletedProcess(words, code, stdout.read(), stderr.read())


def _stream() -> TextIO:
    """A file, which processes started from here can write to as well."""
    stream = tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n")  # noqa: SIM115 - the caller's
    stream.reconfigure(write_through=True)  # type: ignore[attr-defined]
    return stream


@contextlib.contextmanager
def _in_environment(variables: Mapping[str, str]) -> Iterator[None]:
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
