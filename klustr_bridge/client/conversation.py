"""The conversation with a bridge: requests, their answers put together, pushes.

This module owns request numbers and the putting together of lists; the socket is the connection's. It
must not import any part of the serving side.
"""

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, NamedTuple, Self

from pythonosc.osc_message_builder import build_msg

from klustr_bridge.client.connection import Connection, Message, NoAnswerError, Value
from klustr_bridge.client.results import (
    Clip,
    FailError,
    Folder,
    Info,
    Near,
    Pad,
    Point,
    Problem,
    Recorded,
    Status,
    Welcome,
)
from klustr_bridge.errors import BridgeError
from klustr_bridge.library.paths import from_export, to_export

KEEP_ALIVE_S: Final = 20.0
_MAX_KEPT: Final = 10_000
_LIST_SHAPES: Final = {  # address: values between header and list, values of one entry
    "/klustr/near.reply": (0, 4),
    "/klustr/find.reply": (0, 1),
    "/klustr/why.reply": (0, 2),
    "/klustr/kit.reply": (0, 2),
    "/klustr/walk.reply": (0, 3),
    "/klustr/grid.reply": (0, 3),
    "/klustr/duplicates.reply": (0, 2),
    "/klustr/points.reply": (1, 3),
    "/klustr/folders.reply": (0, 3),
    "/klustr/problems.reply": (0, 2),
    "/klustr/health.reply": (0, 2),
    "/klustr/scores.reply": (0, 2),
    "/klustr/candidate/scores.reply": (0, 2),
    "/klustr/clients.reply": (0, 9),
}
_PUSHES: Final = frozenset(
    f"/klustr/{name}"
    for name in (
        *(
            "hit",
            "play",
            "beat",
            "added",
            "removed",
            "moved",
            "epoch",
            "candidate/changed",
            "progress",
            "error",
        ),
        "goodbye",
    )
)


class _Part(NamedTuple):
    """One packet of a list: what stands between header and list, and the entries."""

    extra: tuple[Value, ...]
    entries: list[tuple[Value, ...]]


class Client:
    """A conversation with one bridge.

    Parameters
    ----------
    host : str
        Where the bridge runs.
    port : int
        Its OSC port.
    timeout : float
        Seconds to wait for each answer.
    tcp : bool
        Over a TCP connection, which loses nothing, instead of UDP.

    Raises
    ------
    NoAnswerError
        Over TCP, if nobody listens there.
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int = 7475, timeout: float = 2.0, *, tcp: bool = False
    ) -> None:
        self.host = host
        self.port = port
        self.timeout = timeout
        self._kept: deque[Message] = deque(maxlen=_MAX_KEPT)
        self._req = 0
        self._subscribed = False
        self._sent_s = time.monotonic()
        self._connection = Connection(host, port, timeout, tcp)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Say bye, if hello was said, and close the socket."""
        if self._subscribed:
            self._subscribed = False
            with contextlib.suppress(BridgeError):
                self.send("/klustr/bye")
        self._connection.close()

    # -- plain messages

    def send(self, address: str, *values: Value | bool) -> None:
        """Send a message; nothing is waited for.

        Raises
        ------
        NoAnswerError
            If it is known by now that nobody listens.
        """
        self._connection.send(build_msg(address, list(values)).dgram)
        self._sent_s = time.monotonic()

    def wait(self, address: str, timeout: float | None = None) -> tuple[Value, ...]:
        """Wait for the next message of an address, those that came before it and were not read included.

        Raises
        ------
        NoAnswerError
            If none comes in time.
        """
        return self._wait(lambda message: message.address == address, address, timeout).values

    def events(self, timeout: float | None = None) -> Iterator[Message]:
        """Yield pushes as they come, until none comes for `timeout` seconds (None: for ever).

        Say hello first. The lease is kept meanwhile.
        """
        while True:
            try:
                yield self._wait(lambda message: message.address in _PUSHES, "a push", timeout or 1e9)
            except NoAnswerError:
                return

    # -- requests

    def request(self, address: str, *values: Value) -> list[tuple[Value, ...]]:
        """Ask something that is answered with the request's number.

        Parameters
        ----------
        address : str
            A command whose first argument is ``req``.
        *values
            The arguments after ``req``.

        Returns
        -------
        list of tuple
            The entries of a list, whole; one entry for an answer that is no list.

        Raises
        ------
        FailError
            If the bridge refuses.
        NoAnswerError
            If not everything comes in time.
        """
        parts = self._ask(address, values)
        if None in parts:
            raise NoAnswerError(
                f"only some packets of the answer to {address} came within {self.timeout:g} s"
            )
        return [entry for part in parts if part is not None for entry in part.entries]

    def hello(self, name: str = "python", port: int = 0) -> Welcome:
        """Subscribe to pushes; answers go to `port` of this machine (0: to this client)."""
        self.send("/klustr/hello", name, port)
        welcome = Welcome(*self._answer_or_fail("/klustr/hello", "/klustr/welcome"))  # type: ignore[arg-type]
        self._subscribed = True
        return welcome

    def ping(self) -> float:
        """Return the seconds that a round trip takes."""
        start_s = time.perf_counter()
        self.request("/klustr/ping")
        return time.perf_counter() - start_s

    def sync(self) -> None:
        """Wait until all that was sent before is in force."""
        self._req += 1
        number = self._req
        self.send("/klustr/sync", number)
        self._wait(lambda m: m == ("/klustr/synced", (number,)), "/klustr/synced", None)

    def health(self) -> dict[str, float]:
        """Return the bridge's counters by name."""
        return {str(name): float(value) for name, value in self.request("/klustr/health")}

    def scores(self) -> dict[str, float]:
        """Return how good the map in force is, by name (see docs/protocol.md)."""
        return {str(name): float(value) for name, value in self.request("/klustr/scores")}

    def candidate_scores(self) -> dict[str, float]:
        """Return how good the candidate for the map is, by name; a refusal where there is none."""
        rows = self.request("/klustr/candidate/scores")
        return {str(name): float(value) for name, value in rows}

    def status(self) -> Status:
        """Return what the library holds."""
        return Status(*self.request("/klustr/status")[0])  # type: ignore[arg-type]

    def view(self, view: str) -> None:
        """Choose the view of the map that coordinates are in: natural or even; nothing is waited for."""
        self.send("/klustr/view", view)

    def near_xy(self, x: float, y: float, k: int = 10) -> list[Near]:
        """Return the sounds nearest to a place on the map."""
        return [Near(*row) for row in self.request("/klustr/near/xy", x, y, k)]  # type: ignore[arg-type]

    def similar(self, sound: int | str, k: int = 10) -> list[Near]:
        """Return the sounds most like one, given by id or uid."""
        address = "/klustr/similar" if isinstance(sound, int) else "/klustr/similar/uid"
        return [Near(*row) for row in self.request(address, sound, k)]  # type: ignore[arg-type]

    def similar_path(self, path: str | bytes | os.PathLike[str], k: int = 10) -> list[Near]:
        """Return the sounds most like a file of the library."""
        rows = self.request("/klustr/similar/path", to_wire(path), k)
        return [Near(*row) for row in rows]  # type: ignore[arg-type]

    def similar_file(self, path: str | bytes | os.PathLike[str], k: int = 10) -> list[Near]:
        """Return the sounds most like any audio file."""
        rows = self.request("/klustr/similar/file", to_wire(path), k)
        return [Near(*row) for row in rows]  # type: ignore[arg-type]

    def info(self, sound_id: int) -> Info:
        """Return what is known of a sound."""
        return Info(*self.request("/klustr/info", sound_id)[0])  # type: ignore[arg-type]

    def why(self, sound_id: int, other_id: int) -> dict[str, float]:
        """Return the share of each aspect in the squared distance of two sounds."""
        rows = self.request("/klustr/why", sound_id, other_id)
        return {str(aspect): float(share) for aspect, share in rows}

    def kit(self, sound_id: int) -> list[tuple[str, int]]:
        """Return kinds and ids of a drum kit around a sound, which comes first."""
        return [(str(kind), int(i)) for kind, i in self.request("/klustr/kit", sound_id)]

    def walk(self, from_id: int, to_id: int, n: int = 16) -> list[Point]:
        """Return at most `n` sounds that lead from one to another, both included."""
        rows = self.request("/klustr/walk", from_id, to_id, n)
        return [Point(*row) for row in rows]  # type: ignore[arg-type]

    def grid(
        self, columns: int = 8, rows: int = 8, region: tuple[float, float, float] | None = None
    ) -> list[Pad]:
        """Return sounds for a grid of pads, of the whole map or of a region: x, y and radius."""
        circle = () if region is None else tuple(map(float, region))
        return [Pad(*map(int, row)) for row in self.request("/klustr/grid", columns, rows, *circle)]

    def duplicates(self, timeout: float = 600.0) -> list[list[int]]:
        """Return groups of ids of near-identical sounds, in each the one to keep first.

        The bridge searches for seconds to minutes if the library has changed since it was last asked.
        """
        usual, self.timeout = self.timeout, timeout
        try:
            rows = self.request("/klustr/duplicates")
        finally:
            self.timeout = usual
        groups: dict[int, list[int]] = {}
        for group, sound_id in rows:
            groups.setdefault(int(group), []).append(int(sound_id))
        return list(groups.values())

    def weight(self, aspect: str, weight: float) -> None:
        """Choose how much an aspect counts for what is similar, 0..2; nothing is waited for."""
        self.send("/klustr/weight", aspect, float(weight))

    def record(self, on: bool) -> Recorded:
        """Have what the bridge plays recorded, or end that; one that was under way has a length at once."""
        _, path, seconds = self.request("/klustr/record", int(on))[0]
        return Recorded(from_wire(path), float(seconds))

    def midi_clip(self, bars: int = 4) -> Clip:
        """Have the last bars of what was played written into a MIDI file."""
        path, notes = self.request("/klustr/midi/clip", bars)[0]
        return Clip(from_wire(path), int(notes))

    def path(self, sound_id: int) -> str:
        """Return the path of a sound's file, as `os.fsdecode` gives it."""
        return from_wire(self.request("/klustr/path", sound_id)[0][1])

    def resolve(self, uid: str) -> int:
        """Return the id of a uid."""
        return int(self.request("/klustr/resolve", uid)[0][0])

    def find(self, text: str, k: int = 100) -> list[int]:
        """Return ids of sounds whose names hold every word."""
        return [int(row[0]) for row in self.request("/klustr/find", text, k)]

    def points(self) -> list[Point]:
        """Return all places on the map by rising id; packets that get lost are asked for again."""
        points: list[Point] = []
        epoch: Value | None = None
        while True:
            from_id = points[-1].id + 1 if points else 0
            parts = self._ask("/klustr/points", (from_id,))
            n_used = 0
            for part in parts:
                if part is None or epoch not in (None, part.extra[0]):
                    break
                epoch = part.extra[0]
                points += [Point(*row) for row in part.entries]  # type: ignore[arg-type]
                n_used += 1
            if n_used == len(parts):
                return points
            if parts[n_used] is not None:  # a new map meanwhile: from the start
                points, epoch = [], None
            elif n_used == 0:
                raise NoAnswerError(f"the first packet of the points from id {from_id} on did not come")

    def folders(self) -> list[Folder]:
        """Return the watched folders."""
        rows = self.request("/klustr/folders")
        return [Folder(from_wire(path), int(n), str(state)) for path, n, state in rows]

    def problems(self) -> list[Problem]:
        """Return every file that can't be used."""
        problems: list[Problem] = []
        while rows := self.request("/klustr/problems", len(problems)):
            problems += [Problem(from_wire(path), str(reason)) for path, reason in rows]
        return problems

    def add_folder(self, path: str | bytes | os.PathLike[str], timeout: float = 30.0) -> None:
        """Watch a folder; returns when it is noted, not when it is indexed."""
        self.command("/klustr/folder/add", to_wire(path), timeout=timeout)

    def remove_folder(self, path: str | bytes | os.PathLike[str], timeout: float = 30.0) -> None:
        """Watch a folder no more."""
        self.command("/klustr/folder/remove", to_wire(path), timeout=timeout)

    def kind(self, sound_id: int, kind: str) -> None:
        """Correct a sound's kind; ``auto`` takes the correction back. Returns when it is in force."""
        self.command("/klustr/kind", sound_id, kind)

    def command(self, address: str, *values: Value, timeout: float | None = None) -> None:
        """Send a library command and wait until it is done.

        Raises
        ------
        FailError
            If the bridge refuses.
        NoAnswerError
            If it isn't done in time.
        """
        self.send(address, *values)
        self._answer_or_fail(address, "/klustr/done", timeout)

    # -- steps

    def _answer_or_fail(self, asked: str, answered: str, timeout: float | None = None) -> tuple[Value, ...]:
        def belongs(message: Message) -> bool:
            if message.address == "/klustr/done":
                return answered == message.address and message.values == (asked,)
            return message.address == answered or _is_fail(message, asked, -1)

        message = self._wait(belongs, answered, timeout)
        if message.address == "/klustr/fail":
            raise FailError(asked, str(message.values[2]), str(message.values[3]))
        return message.values

    def _ask(self, address: str, values: tuple[Value, ...]) -> "list[_Part | None]":
        """Send a request and collect the packets of its answer; None for those that didn't come."""
        self._req = self._req % 0x7FFF_FFFE + 1
        req = self._req
        self.send(address, req, *values)
        parts: list[_Part | None] = []

        def belongs(message: Message) -> bool:
            if message.address in ("/klustr/fail", "/klustr/synced") or message.address in _PUSHES:
                return _is_fail(message, address, req)
            return message.values[:1] == (req,)

        while not parts or None in parts:
            try:
                message = self._wait(belongs, f"answer to {address}", None)
            except NoAnswerError:
                if not parts:
                    raise
                return parts
            if message.address == "/klustr/fail":
                raise FailError(address, str(message.values[2]), str(message.values[3]))
            shape = _LIST_SHAPES.get(message.address)
            if shape is None:
                return [_Part((), [message.values[1:]])]
            n_extra, width = shape
            number, n_parts, n = (int(value) for value in message.values[1:4])
            parts = parts or [None] * n_parts
            listed = message.values[4 + n_extra :]
            entries = [listed[i * width : (i + 1) * width] for i in range(n)]
            parts[number - 1] = _Part(message.values[4 : 4 + n_extra], entries)
        return parts

    def _wait(self, wanted: Callable[[Message], bool], what: str, timeout: float | None) -> Message:
        """Take the first message wanted, keeping the others for whoever wants them later."""
        for index, message in enumerate(self._kept):
            if wanted(message):
                del self._kept[index]
                return message
        timeout = self.timeout if timeout is None else timeout
        end_s = time.monotonic() + timeout
        while (left_s := end_s - time.monotonic()) > 0:
            received = self._connection.receive(min(left_s, KEEP_ALIVE_S))
            if self._subscribed and time.monotonic() - self._sent_s > KEEP_ALIVE_S:
                self.send("/klustr/ping", 0)
            if received is None:
                continue
            if wanted(received):
                return received
            if received.address != "/klustr/pong" or received.values[0] != 0:
                self._kept.append(received)
        raise NoAnswerError(
            f"no {what} from {self.host} port {self.port} within {timeout:g} s; does klustr-bridge run there?"
        )


def to_wire(path: str | bytes | os.PathLike[str]) -> str:
    """Write a path the way the bridge reads it; relative ones are taken from the current folder."""
    return to_export(os.path.abspath(os.fsencode(path)))


def from_wire(text: Value) -> str:
    """Read a path that the bridge has written; the result suits `open` and `os.fsencode`."""
    return os.fsdecode(from_export(str(text)))


def _is_fail(message: Message, address: str, req: int) -> bool:
    """Whether it refuses a request; the bridge doesn't know the number of an unknown one."""
    return message.address == "/klustr/fail" and message.values[:2] in ((address, req), (address, -1))
