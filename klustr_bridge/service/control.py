"""Installs, removes and asks about the service.

This module owns the writing of the service's file and the running of the system's tools.
It must not decide what is written or run: see `render` and `managers`.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from klustr_bridge.service.managers import ServiceManager, Step, manager_of
from klustr_bridge.service.render import NAME

_TOOL_TIMEOUT_S = 40.0  # systemd gives the old daemon 20 s to stop


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """What came of a request, for people to read.

    Attributes
    ----------
    ok : bool
        After `install` and `status`: the service is installed and runs. After `remove`: it is
        gone. False is to end in a non-zero exit code.
    lines : list of str
        What was done, and what to do next where something is missing.
    """

    ok: bool
    lines: list[str]


@dataclass(frozen=True, slots=True)
class _Answer:
    code: int | None  # None: the tool is missing or silent
    text: str


def command_line(options: Sequence[str]) -> list[str]:
    """The daemon's command line: this interpreter, this package, the options given."""
    return [sys.executable, "-m", "klustr_bridge", *options]


def install(options: Sequence[str]) -> ServiceReport:
    """Have the daemon started now and at every login, with these options.

    Parameters
    ----------
    options : sequence of str
        As they would follow ``klustr-bridge``. Folders must be absolute: a service has
        another working directory.

    Raises
    ------
    SettingsError
        If an option can't be written into a service's command line.
    """
    manager = _manager()
    if manager is None:
        return _unsupported()
    command = command_line(options)
    lines = []
    try:
        _write(manager.file, manager.render(command))
    except OSError as error:
        return ServiceReport(False, [f"{manager.file} can't be written: {error.strerror or error}"])
    lines.append(f"written: {manager.file}")
    trouble = _run_all(manager.install)
    if trouble:
        return ServiceReport(False, [*lines, *trouble, f"the service isn't active; {manager.log_hint}"])
    if not _runs(manager):
        return ServiceReport(
            False, [*lines, f"{manager.name} knows it, but it doesn't run; {manager.log_hint}"]
        )
    return ServiceReport(True, [*lines, f"running: {_shown(command)}", manager.log_hint])


def remove() -> ServiceReport:
    """Stop the service and have it started no more; without one, nothing happens."""
    manager = _manager()
    if manager is None:
        return _unsupported()
    there = [path for path in (manager.file, *manager.links) if os.path.lexists(path)]
    if not there:
        return ServiceReport(True, [f"no service is installed ({manager.file} doesn't exist)"])
    trouble = _run_all(manager.stop)
    lines = []
    try:
        for path in (manager.file, *manager.links):
            if os.path.lexists(path):
                path.unlink()
                lines.append(f"deleted: {path}")
    except OSError as error:
        return ServiceReport(False, [*lines, *trouble, f"{path} can't be deleted: {error.strerror or error}"])
    _run_all(manager.after_removal)
    if trouble:
        trouble.append("it won't start at the next login; if it still runs now, it ends at logout")
    return ServiceReport(True, [*lines, *trouble])


def status() -> ServiceReport:
    """Tell whether the service is installed and runs."""
    manager = _manager()
    if manager is None:
        return _unsupported()
    if not manager.file.exists():
        return ServiceReport(False, ["not installed; klustr-bridge service install installs it"])
    lines = [f"installed: {manager.file}"]
    answer = _ask(manager.query)
    if answer.code is None:
        return ServiceReport(False, [*lines, answer.text])
    if manager.runs(answer.code, answer.text):
        return ServiceReport(True, [*lines, "running", manager.log_hint])
    detail = f" ({answer.text.splitlines()[0]})" if answer.text and answer.code != 0 else ""
    return ServiceReport(False, [*lines, f"not running{detail}; {manager.log_hint}"])


def _manager() -> ServiceManager | None:
    return manager_of(sys.platform, os.environ, Path.home())


def _unsupported() -> ServiceReport:
    return ServiceReport(
        False,
        [f"no service manager is known for {sys.platform}; have `{NAME}` started at login by other means"],
    )


def _run_all(steps: Sequence[Step]) -> list[str]:
    """Run steps in order; at the first needed one that fails, say so and what is left to be run by hand."""
    for i, step in enumerate(steps):
        answer = _ask(step.command)
        if answer.code == 0 or (answer.code is not None and not step.needed):
            continue
        said = answer.text or f"{step.command[0]} ended with {answer.code}"
        left = "; ".join(_shown(later.command) for later in steps[i:] if later.needed)
        return [said, f"where that is mended, run: {left}"] if left else [said]
    return []


def _runs(manager: ServiceManager) -> bool:
    answer = _ask(manager.query)
    return answer.code is not None and manager.runs(answer.code, answer.text)


def _ask(command: Sequence[str]) -> _Answer:
    program = shutil.which(command[0])
    if program is None:
        return _Answer(None, f"{command[0]} isn't here (a container, or a system without it?)")
    try:
        done = subprocess.run(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_TOOL_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _Answer(None, f"{command[0]} gave no answer within {_TOOL_TIMEOUT_S:.0f} s")
    except OSError as error:
        return _Answer(None, f"{command[0]} can't be started: {error.strerror or error}")
    return _Answer(done.returncode, done.stdout.strip())


def _shown(command: Sequence[str]) -> str:
    return subprocess.list2cmdline(command) if sys.platform == "win32" else shlex.join(command)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.part")
    aside.write_bytes(content)
    os.replace(aside, path)
