"""The MIDI ports of this machine, seen from the event loop.

This module owns the process that talks to the MIDI system: it starts it, hears it, has it send, gives it up
when it is silent, and starts it again. It must not know what a message means, nor wait for anything but
itself.
"""

import asyncio
import contextlib
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

from klustr_bridge.bridge import midi_child
from klustr_bridge.bridge.midi_child import choose

POLL_S: Final = 0.5
"""A port that goes away is never reported by the backends: the names are asked for so often.

One that is back before it was missed stays silent: hands are slower than that.
"""

START_LIMIT_S: Final = 20.0
END_LIMIT_S: Final = 1.0

_SILENT_POLLS: Final = 16
_RESTART_POLLS: Final = 20
_NAMED: Final = 4
_MOST_UNSENT: Final = 65536
_OUTPUTS: Final = {"want": "outputs"}
DO_WITHOUT: Final = "or do without: --midi off"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PortsState:
    """What is known of the ports.

    Attributes
    ----------
    looked : bool
        Whether the MIDI system has answered, or failed to, at all.
    opened, present : tuple of str
        Names of the inputs that are listened to, and of all there are.
    problem : str or None
        What keeps MIDI, or one of the inputs, from working, and what to do.
    outputs : tuple of str
        Names of all outputs, once they are looked for.
    own : tuple of str
        Names of the ports that the bridge itself is: what others send to, what notes go out by.
    """

    looked: bool = False
    opened: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    problem: str | None = None
    outputs: tuple[str, ...] = ()
    own: tuple[str, ...] = ()


class MidiPorts:
    """Listens to every chosen input, in a process of its own that may fail in any way.

    Parameters
    ----------
    pattern : str
        As for `choose`.
    on_message : callable
        Gets each message of `types`, with the attributes that mido gives it, and with `port` (the name of
        the input) and `at_s` (when it came, on the clock of ``time.perf_counter()``).
    on_state : callable
        Gets the state whenever it has changed.
    types : collection of str
        Types of messages to listen to, in mido's words.
    virtual : str
        Name of an input of our own that programs can send to; empty: none.
    notes : str
        Name of an output of our own that `send` goes to; empty: none.
    backend : str
        A backend of mido, such as ``mido.backends.rtmidi/UNIX_JACK``; "" for mido's own choice.
    poll_s : float
        How often to look for inputs, seconds.
    """

    def __init__(
        self,
        pattern: str,
        on_message: Callable[[SimpleNamespace], None],
        on_state: Callable[[PortsState], None],
        types: Collection[str],
        *,
        virtual: str = "",
        notes: str = "",
        backend: str = "",
        poll_s: float = POLL_S,
    ) -> None:
        self._settings: dict[str, object] = {
            "pattern": pattern,
            "backend": backend,
            "poll_s": poll_s,
            "types": sorted(types),
            "virtual": virtual,
            "notes": notes,
        }
        self._poll_s = poll_s
        self._on_message = on_message
        self._on_state = on_state
        self._state = PortsState()
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._wants_outputs = False

    def send(self, data: bytes, to: str = "") -> None:
        """Send a message to an output, or by our own if `to` is empty; without waiting, or any error."""
        self._order({"to": to, "data": data.hex()})

    def want_outputs(self) -> None:
        """Have outputs looked for, too, from now on."""
        if not self._wants_outputs:
            self._wants_outputs = True
            self._order(_OUTPUTS)

    def _order(self, order: dict[str, str]) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return
        if process.stdin.transport.get_write_buffer_size() < _MOST_UNSENT:
            process.stdin.write(json.dumps(order).encode() + b"\n")

    def start(self) -> None:
        """Start to look for inputs; returns at once."""
        self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        """End the process; takes little more than twice `END_LIMIT_S` at most."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                code = await self._listen()
            except OSError as error:
                self._tell(PortsState(True, problem=f"can't start a process for MIDI: {error}"))
            except ValueError as error:  # a line beyond all measure
                self._tell(PortsState(True, problem=f"the process for MIDI can't be understood: {error}"))
            else:
                if code == midi_child.MISSING:
                    return
            await asyncio.sleep(self._poll_s * _RESTART_POLLS)

    async def _listen(self) -> int | None:
        """Listen until the process ends or is given up; return its exit code."""
        settings = self._settings | {"outputs": self._wants_outputs}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", midi_child.__file__, json.dumps(settings)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # ALSA and JACK write their thoughts there
            start_new_session=True,  # out of reach of the terminal's Ctrl-C; it ends with its standard input
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self._process = process
        try:
            await self._hear(process)
        finally:
            self._process = None
            await _end(process)
        return process.returncode

    async def _hear(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        loop = asyncio.get_running_loop()
        silent_s = max(self._poll_s * _SILENT_POLLS, END_LIMIT_S)
        try:
            async with asyncio.timeout(START_LIMIT_S) as alarm:
                while line := await process.stdout.readline():
                    alarm.reschedule(loop.time() + silent_s)
                    self._take(line)
        except TimeoutError:
            self._tell(PortsState(True, problem=f"the MIDI system does not answer; restart it, {DO_WITHOUT}"))
            return
        problem = self._state.problem or f"the MIDI system has failed; restart it, {DO_WITHOUT}"
        self._tell(PortsState(True, problem=problem))

    def _take(self, line: bytes) -> None:
        """Take one line of the process; what can't be read is left out."""
        try:
            said: dict[str, Any] = json.loads(line)
            if "message" in said:
                where = {"port": said["port"], "at_s": said["at_s"]}
                self._on_message(SimpleNamespace(**said["message"] | where))
            else:
                opened, present = tuple(said.get("opened", ())), tuple(said.get("present", ()))
                problem = said["problem"]
                if problem and not opened:
                    problem = f"{problem}; {DO_WITHOUT}"
                outputs = tuple(said.get("outputs", ()))
                self._tell(PortsState(True, opened, present, problem, outputs, tuple(said.get("own", ()))))
        except Exception:
            _log.exception("a line of the MIDI process could not be used: %r", line[:200])

    def _tell(self, state: PortsState) -> None:
        if state != self._state:
            self._state = state
            self._on_state(state)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the process, by force if need be, without waiting for ever for one stuck in a driver."""
    assert process.stdin is not None
    process.stdin.close()
    for force in (False, True):
        if force:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_LIMIT_S):
                await process.wait()
                return
    _log.warning("the MIDI process %d can't be ended", process.pid)


def describe(state: PortsState, pattern: str) -> str:
    """Say in one line what is listened to, or why nothing is and what to do."""
    if not state.looked:
        return "looking for inputs"
    parts = [f"listening to {_some(state.opened)}"] if state.opened else []
    if state.problem:
        parts.append(state.problem)
    if parts:
        return "; ".join(parts)
    others = choose(state.present, "")
    if others:
        return f"no input matches '{pattern}'; found: {_some(others)}; choose with --midi-ports PATTERN"
    return "no input is connected; one that comes later is listened to"


def _some(names: Iterable[str]) -> str:
    names = list(names)
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
