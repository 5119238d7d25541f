"""Showing a sound's file in the file manager of this machine.

This module owns the programs that are asked to, how many of them there are and how long each is waited for.
It starts them detached and without a shell, and knows no sound: it is handed the path of an indexed file.

References
----------
``org.freedesktop.FileManager1``: https://www.freedesktop.org/wiki/Specifications/file-manager-interface/.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_from_bytes

from klustr_bridge.bridge.file_threads import FileThreads
from klustr_bridge.bridge.outbox import TokenBucket
from klustr_bridge.errors import QueryError
from klustr_bridge.library.paths import to_export

AT_ONCE: Final = 5
A_SECOND: Final = 1.0
MOST_RUNNING: Final = 8
"""File managers that were started here and run on; a `xdg-open` may be the file manager itself."""

_BUS_LIMIT_S: Final = 5.0
_START_LIMIT_S: Final = 2.0
_DRIVE_LIMIT_S: Final = 4.0
_LOOK_S: Final = 0.05
_LEFT_LOOK_S: Final = 0.5
_BUS: Final = "org.freedesktop.FileManager1"
_BUS_PATH: Final = "/org/freedesktop/FileManager1"


@dataclass(frozen=True, slots=True)
class Way:
    """One program that can show a file.

    Attributes
    ----------
    words : sequence of str, or str
        Its path and arguments; one string where the program reads its command line in a way of its own.
    is_messenger : bool
        Whether it hands the wish on and ends: one that doesn't end has failed. Others may be the file
        manager itself, and have shown the file if they run on.
    tells : bool
        Whether its exit code says how it went.
    """

    words: Sequence[str] | str
    is_messenger: bool = False
    tells: bool = True


def ways(path: bytes, platform: str = sys.platform) -> list[Way]:
    """List how this machine may show a file, the best first; empty if it can't.

    Parameters
    ----------
    path : bytes
        Absolute, so that nothing takes it for an option.
    platform : str
        As ``sys.platform``.
    """
    text = os.fsdecode(path)
    if platform == "win32":
        explorer = shutil.which("explorer.exe")
        return [Way(explorer_line(explorer, text), tells=False)] if explorer else []
    if platform == "darwin":
        opener = shutil.which("open")
        return [Way((opener, "-R", text), is_messenger=True)] if opener else []
    found = [_messenger(file_uri(path))]
    has_screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if has_screen and (opener := shutil.which("xdg-open")):
        found.append(Way((opener, os.path.dirname(text))))
    return [way for way in found if way is not None]


def file_uri(path: bytes) -> str:
    """Return the address of a file, with all but letters, digits and ``/-._~`` written as ``%XX``.

    Quotes and commas are, too: ``gdbus`` and ``dbus-send`` would read them as their own.
    """
    return "file://" + quote_from_bytes(path, safe="/")


def explorer_line(explorer: str, path: str) -> str:
    """Return the command line that has Windows' Explorer select a file.

    Explorer parts its line at commas and wants the quotes around the path alone, not around the whole
    argument as Python would put them. A path on Windows holds no quotes itself.
    """
    return f'"{explorer}" /select,"{path}"'


def _messenger(uri: str) -> Way | None:
    """Ask whichever file manager the session has by D-Bus: it starts where it isn't running yet."""
    seconds = int(_BUS_LIMIT_S) - 1
    if program := shutil.which("gdbus"):
        to = ("--session", "--timeout", str(seconds), "--dest", _BUS, "--object-path", _BUS_PATH)
        return Way((program, "call", *to, "--method", f"{_BUS}.ShowItems", f"['{uri}']", ""), True)
    if program := shutil.which("dbus-send"):
        whom = ("--session", "--print-reply", f"--reply-timeout={1000 * seconds}", f"--dest={_BUS}")
        return Way((program, *whom, _BUS_PATH, f"{_BUS}.ShowItems", f"array:string:{uri}", "string:"), True)
    return None


class Revealer:
    """Shows files, few at a time.

    Parameters
    ----------
    clock : callable
        Seconds of a monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._allowed = TokenBucket(A_SECOND, AT_ONCE)
        self._running: list[subprocess.Popen[Any]] = []
        self._n_starting = 0
        self._threads: FileThreads | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def reveal(self, path: bytes) -> None:
        """Show a file, selected where the file manager can.

        Parameters
        ----------
        path : bytes
            Absolute path of an indexed file.

        Raises
        ------
        QueryError
            ``busy`` if it is asked for too often or too many file managers run, ``notready`` if the file is
            away or nothing here can show it.
        """
        self._let_go()
        if len(self._running) + self._n_starting >= MOST_RUNNING:
            raise QueryError("busy", f"{MOST_RUNNING} file managers opened from here still run; close one")
        if not self._allowed.take(self._clock()):
            raise QueryError("busy", "files are shown once a second at most; ask again in a second")
        self._n_starting += 1
        try:
            await self._reveal(path)
        finally:
            self._n_starting -= 1

    async def _reveal(self, path: bytes) -> None:
        shown = to_export(path)
        self._threads = self._threads or FileThreads()
        try:
            there, found = await asyncio.wait_for(self._threads.run(_look, path), _DRIVE_LIMIT_S)
        except TimeoutError:
            raise QueryError("notready", f"its drive does not answer now: {shown}") from None
        if not there:
            raise QueryError("notready", f"the file is not there now: {shown}; plug its drive in, or rescan")
        for way in found:
            if await self._works(way):
                return
        tried = ", ".join(os.path.basename(_program(way)) for way in found)
        why = f"{tried} could not show it" if found else "no file manager can be asked here"
        raise QueryError("notready", f"{why}; copy the path and open it yourself: {shown}")

    async def _works(self, way: Way) -> bool:
        """Start a program and wait a little for how it goes."""
        try:
            process = await asyncio.to_thread(_start, way.words)
        except OSError:
            return False
        try:
            until_s = self._clock() + (_BUS_LIMIT_S if way.is_messenger else _START_LIMIT_S)
            while (code := process.poll()) is None and self._clock() < until_s:
                await asyncio.sleep(_LOOK_S)
        finally:
            if process.poll() is None:
                if way.is_messenger:
                    process.kill()
                self._running.append(process)
                self._look_after()
        if code is None:
            return not way.is_messenger
        return code == 0 or not way.tells

    def _look_after(self) -> None:
        """Let go of what has ended, and come back while something runs: else it stayed a zombie."""
        self._let_go()
        if self._timer is None and self._running:
            self._timer = asyncio.get_running_loop().call_later(_LEFT_LOOK_S, self._look_again)

    def _look_again(self) -> None:
        self._timer = None
        self._look_after()

    def _let_go(self) -> None:
        self._running = [process for process in self._running if process.poll() is None]


def _look(path: bytes) -> tuple[bool, list[Way]]:
    """Say whether a file is there, and how it can be shown; for a thread, both ask the disk."""
    return os.path.exists(path), ways(path)


def _program(way: Way) -> str:
    return way.words.split('"')[1] if isinstance(way.words, str) else way.words[0]


def _start(words: Sequence[str] | str) -> "subprocess.Popen[Any]":
    """Start a program that outlives the bridge and shares nothing with it; for a thread."""
    nothing = subprocess.DEVNULL
    if sys.platform == "win32":
        return subprocess.Popen(
            words, stdin=nothing, stdout=nothing, stderr=nothing, creationflags=subprocess.DETACHED_PROCESS
        )
    return subprocess.Popen(
        words, stdin=nothing, stdout=nothing, stderr=nothing, cwd="/", start_new_session=True
    )
