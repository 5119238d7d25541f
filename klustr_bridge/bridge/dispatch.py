"""From one message to one answer: find the command, check it, run it, reply or say why not.

This module owns the order of things for a client: messages at once and in order, library commands one
after another beside them, long answers paced. No exception of a handler gets past it. It opens no
socket.
"""

import asyncio
import difflib
import inspect
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from itertools import islice
from typing import Any, Final

from klustr_bridge.bridge.answers import FAIL, PUSHES, REPLIES
from klustr_bridge.bridge.arguments import bind, req_of
from klustr_bridge.bridge.codec import Message, encode
from klustr_bridge.bridge.commands import COMMANDS
from klustr_bridge.bridge.guests import MAX_GUEST_PACKETS, MAX_GUEST_STREAMS, MAX_GUEST_WAITING
from klustr_bridge.bridge.session import Client
from klustr_bridge.bridge.vocabulary import Command
from klustr_bridge.errors import KlustrError, QueryError

MAX_WAITING_COMMANDS: Final = 64
MAX_STREAMS_A_CLIENT: Final = 4
MAX_STREAMS: Final = 32
STREAM_BURST: Final = 16
STREAM_PAUSE_S: Final = 0.004
STREAM_BACKLOG: Final = 256 * 1024
STREAM_PATIENCE_S: Final = 10.0
_LOG_INTERVAL_S: Final = 10.0
_MAX_SHOWN_ADDRESS: Final = 120

_log = logging.getLogger(__name__)


class Dispatcher:
    """Runs messages.

    Parameters
    ----------
    handlers : dict
        A callable for each address of the table; it takes the client and the checked arguments and
        returns packets or None, or is a coroutine function that does.
    clock : callable
        Returns seconds of a monotonic clock.
    counters : Counter
        Counts failures, for ``/klustr/health``.
    """

    def __init__(
        self,
        handlers: dict[str, Callable[..., Any]],
        clock: Callable[[], float],
        counters: "Counter[str]",
    ) -> None:
        self._handlers = handlers
        self._asynchronous = {a for a, h in handlers.items() if inspect.iscoroutinefunction(h)}
        self._clock = clock
        self._counters = counters
        self._tasks: set[asyncio.Task[None]] = set()
        self._logged_s: dict[str, float] = {}
        self.n_streams = 0
        self.n_waiting = 0
        self._n_guest_streams = 0
        self._n_guest_waiting = 0

    def run(self, client: Client, message: Message) -> None:
        """Run one message of a client; replies and failures are sent to it. Never raises."""
        command = COMMANDS.get(message.address)
        try:
            if message.problem:
                raise QueryError(message.code, message.problem)
            if command is None:
                self._run_unknown(client, message)
                return
            if not (client.is_local or command.lan):
                raise QueryError("denied", f"{command.address} is for programs on the bridge's own machine")
            values = bind(command, message.arguments)
            handler = self._handlers[command.address]
            if command.address in self._asynchronous:
                self._start(client, command, message, handler(client, *values))
            elif command.handler == "sync" and client.last_command is not None:
                self._start(client, command, message, self._later(handler, client, values))
            else:
                self.reply(client, handler(client, *values))
        except Exception as error:
            self._fail_with(client, command, message, error)

    def reply(self, client: Client, packets: Iterable[bytes] | None) -> None:
        """Send an answer: the first packets at once, the rest paced in the background.

        Parameters
        ----------
        client : Client
            Who gets it.
        packets : iterable of bytes, optional
            None: nothing to say.

        Raises
        ------
        QueryError
            ``busy`` when too many long answers are under way; nothing was sent then.
        """
        if packets is None:
            return
        iterator = iter(packets)
        first = list(islice(iterator, STREAM_BURST + 1))
        if client.is_guest:
            self._refuse_long(client, len(first))
        if len(first) > STREAM_BURST:
            if client.n_streams >= MAX_STREAMS_A_CLIENT or self.n_streams >= MAX_STREAMS:
                raise QueryError("busy", f"{client.n_streams} long answers to this client are under way")
            client.n_streams += 1
            self.n_streams += 1
            self._n_guest_streams += client.is_guest
            self._spawn(self._stream(client, first.pop(), iterator))
        for packet in first:
            client.peer.send(packet)

    def _refuse_long(self, client: Client, n_packets: int) -> None:
        """Refuse a guest what would be a flood; the sender of a datagram may be invented."""
        if n_packets > MAX_GUEST_PACKETS and not client.peer.is_connection:
            raise QueryError(
                "toobig",
                f"over UDP another machine gets at most {MAX_GUEST_PACKETS} packets for one question; "
                "ask for less, or over TCP or a web socket",
            )
        if n_packets > STREAM_BURST and self._n_guest_streams >= MAX_GUEST_STREAMS:
            raise QueryError("busy", f"{MAX_GUEST_STREAMS} long answers to other machines are under way")

    def fail(self, client: Client, address: str, req: int, code: str, message: str) -> None:
        """Tell a client that something was refused, unless it has been told too often."""
        self._counters["fails"] += 1
        if not client.fails.take(self._clock()):
            self._counters["fails_not_sent"] += 1
            return
        shown = address if len(address) <= _MAX_SHOWN_ADDRESS else address[: _MAX_SHOWN_ADDRESS - 3] + "..."
        text = message if len(message) <= 600 else message[:597] + "..."
        try:
            client.peer.send(encode(FAIL, shown, req, code, text))
        except QueryError:  # 600 characters of four bytes
            client.peer.send(encode(FAIL, "...", req, code, text[:200] + "..."))

    async def stop(self) -> None:
        """End everything that runs in the background."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- commands that take their time

    def _start(
        self, client: Client, command: Command, message: Message, work: Coroutine[Any, Any, Any]
    ) -> None:
        """Run a command in the background; those that change something wait for the one before."""
        if client.n_waiting >= MAX_WAITING_COMMANDS or self.n_waiting >= 4 * MAX_WAITING_COMMANDS:
            work.close()
            raise QueryError("busy", f"{client.n_waiting} commands of this client are not done yet")
        if client.is_guest and self._n_guest_waiting >= MAX_GUEST_WAITING:
            work.close()
            raise QueryError("busy", f"{self._n_guest_waiting} commands of other machines are not done yet")
        is_in_line = command.holds_up and not command.has_req
        before = client.last_command if is_in_line else None
        client.n_waiting += 1
        self.n_waiting += 1
        self._n_guest_waiting += client.is_guest
        task = self._spawn(self._work(client, command, message, work, before))
        if is_in_line:
            client.last_command = task

    async def _work(
        self,
        client: Client,
        command: Command,
        message: Message,
        work: Coroutine[Any, Any, Any],
        before: "asyncio.Task[None] | None",
    ) -> None:
        try:
            if before is not None:
                await asyncio.wait([before])
            self.reply(client, await work)
        except Exception as error:
            self._fail_with(client, command, message, error)
        finally:
            work.close()  # where it was cancelled while it waited
            client.n_waiting -= 1
            self.n_waiting -= 1
            self._n_guest_waiting -= client.is_guest
            if client.last_command is asyncio.current_task():
                client.last_command = None

    @staticmethod
    async def _later(handler: Callable[..., Any], client: Client, values: list[object]) -> Any:
        return handler(client, *values)

    async def _stream(self, client: Client, first: bytes, packets: Iterator[bytes]) -> None:
        try:
            pause_s = 0.0 if client.peer.is_connection else STREAM_PAUSE_S
            waited_s = 0.0
            group = [first, *islice(packets, STREAM_BURST - 1)]
            while group and not client.gone and waited_s < STREAM_PATIENCE_S:
                await asyncio.sleep(pause_s)
                if client.peer.backlog() > STREAM_BACKLOG:
                    await asyncio.sleep(STREAM_PAUSE_S)
                    waited_s += STREAM_PAUSE_S
                    continue
                waited_s = 0.0
                for packet in group:
                    client.peer.send(packet)
                group = list(islice(packets, STREAM_BURST))
        except Exception:
            self._log_once("long answer", "a long answer ended early")
        finally:
            client.n_streams -= 1
            self.n_streams -= 1
            self._n_guest_streams -= client.is_guest

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # -- what goes wrong

    def _run_unknown(self, client: Client, message: Message) -> None:
        address = message.address
        if address in REPLIES or address in PUSHES:
            self._counters["stray_answers"] += 1  # answering an answer could go on for ever
            return
        hint = ""
        if client.fails.level >= 1.0 and len(address) <= _MAX_SHOWN_ADDRESS:
            close = difflib.get_close_matches(address, COMMANDS, 1, 0.7)
            hint = f"; did you mean {close[0]}?" if close else ""
        self.fail(client, address, -1, "unknown", f"no command has this address{hint}")

    def _fail_with(self, client: Client, command: Command | None, message: Message, error: Exception) -> None:
        req = -1 if command is None else req_of(command, message.arguments)
        if isinstance(error, QueryError):
            self.fail(client, message.address, req, error.code, str(error))
            return
        self._log_once(message.address, f"{message.address} failed")
        is_told = isinstance(error, KlustrError) and client.is_local  # its words may name files
        text = str(error) if is_told else f"{type(error).__name__}; see the bridge's log"
        self.fail(client, message.address, req, "internal", text)

    def _log_once(self, what: str, text: str) -> None:
        """Log the exception at hand, the same one at most every ten seconds."""
        now_s = self._clock()
        if now_s - self._logged_s.get(what, -1e9) >= _LOG_INTERVAL_S:
            self._logged_s[what] = now_s
            _log.exception(text)
