"""What each command does: a call of the navigator and the packets of its answer.

This module owns the way from checked arguments to the navigator and from its results to packets. It
decides nothing about sound, filters or files; it opens no socket and knows no other surface.
"""

import os
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from numpy.typing import NDArray

import klustr_bridge
from klustr_bridge.bridge.answers import (
    DONE,
    DUPLICATES_REPLY,
    GRID_REPLY,
    KIT_REPLY,
    NEAR_REPLY,
    PUSHES,
    REPLIES,
    WALK_REPLY,
    WHY_REPLY,
)
from klustr_bridge.bridge.clients import Row as ClientRow
from klustr_bridge.bridge.codec import encode, encode_chunks
from klustr_bridge.bridge.commands import COMMANDS
from klustr_bridge.bridge.midi_commands import MidiCommands
from klustr_bridge.bridge.session import Client
from klustr_bridge.bridge.vocabulary import MAX_RUN, PROBLEMS_A_PAGE, PROTOCOL, Answer
from klustr_bridge.errors import LibraryError, QueryError
from klustr_bridge.library.paths import from_export, normalise, to_export
from klustr_bridge.midi.clip import DEFAULT_BARS
from klustr_bridge.navigator import Event, Hit, Navigator, Neighbour, Points
from klustr_bridge.types import NATURAL

Packets = Iterable[bytes]

_ROWS_A_SLICE: Final = 64


def path_from_wire(text: str) -> bytes:
    r"""Path in bytes of a path that a client sent.

    Parameters
    ----------
    text : str
        An absolute path, bytes that aren't UTF-8 and backslashes written ``\xNN``; a plain path of
        the system (``C:\Samples``, or one with a backslash that begins no ``\xNN``) is taken too.

    Returns
    -------
    bytes
        Absolute and without ``..`` or trailing separators.

    Raises
    ------
    QueryError
        ``badargs`` if it is not absolute.
    """
    is_plain_windows = os.sep == "\\" and (text[1:3] == ":\\" or text.startswith("\\\\"))
    try:
        path = os.fsencode(text) if is_plain_windows else from_export(text)
    except LibraryError:
        path = os.fsencode(text)
    if not os.path.isabs(path):
        raise QueryError("badargs", f"path is {text[:200]!r}; an absolute path is expected")
    return normalise(path)


class Handlers:
    """One method for each command of the table, by the name that the table gives.

    Parameters
    ----------
    navigator : Navigator
        Answers everything.
    publish : callable
        Pushes what a client's action caused.
    health : callable
        Returns the bridge's own counters.
    hello : callable
        Binds and subscribes a client.
    bye : callable
        Forgets a client.
    ask_for_plays : callable
        Notes that a client wants to sound what surfaces without clients play.
    midi : MidiCommands
        Learns controls and writes clips.
    clients : callable
        Lists who is subscribed, to a client.
    reveal : callable
        Shows a file in the file manager.
    """

    def __init__(
        self,
        navigator: Navigator,
        *,
        publish: Callable[[Client, Sequence[Event]], None],
        health: Callable[[], dict[str, float]],
        hello: Callable[[Client, str, int], None],
        bye: Callable[[Client], None],
        ask_for_plays: Callable[[Client], None],
        midi: MidiCommands,
        clients: Callable[[Client], list[ClientRow]],
        reveal: Callable[[bytes], Awaitable[None]],
    ) -> None:
        self._navigator = navigator
        self._publish = publish
        self._health = health
        self._hello = hello
        self._bye = bye
        self._ask_for_plays = ask_for_plays
        self._midi = midi
        self._clients = clients
        self._reveal = reveal
        self._run = 1 + secrets.randbelow(MAX_RUN)

    def by_address(self) -> dict[str, Callable[..., Any]]:
        """Every command's handler, by address."""
        return {command.address: getattr(self, command.handler) for command in COMMANDS.values()}

    # -- session

    def hello(self, client: Client, name: str, port: int) -> Packets:
        """``/klustr/hello``."""
        self._hello(client, name, port)
        status = self._navigator.status()
        version = klustr_bridge.__version__
        welcome = _one("/klustr/welcome", version, PROTOCOL, status.epoch, status.n_sounds, status.state)
        player = self._navigator.player
        if player is None or player.problem is None or not client.is_local:
            return welcome
        return *welcome, encode(PUSHES["/klustr/error"], "audio", player.problem[:800])

    def bye(self, client: Client) -> None:
        """``/klustr/bye``."""
        self._bye(client)

    def ping(self, client: Client, req: int) -> Packets:
        """``/klustr/ping``."""
        return _one("/klustr/pong", req, self._run)

    def sync(self, client: Client, n: int) -> Packets:
        """``/klustr/sync``; the dispatcher has it wait for the commands before it."""
        return _one("/klustr/synced", n)

    def scores(self, client: Client, req: int) -> Packets:
        """``/klustr/scores``."""
        return encode_chunks(REPLIES["/klustr/scores.reply"], req, sorted(self._navigator.scores().items()))

    def health(self, client: Client, req: int) -> Packets:
        """``/klustr/health``."""
        counters = {**_player_health(self._navigator.player), **self._navigator.health(), **self._health()}
        return encode_chunks(REPLIES["/klustr/health.reply"], req, sorted(counters.items()))

    def status(self, client: Client, req: int) -> Packets:
        """``/klustr/status``."""
        status = self._navigator.status()
        counts = (status.n_files, status.n_sounds, status.n_pending, status.n_refused)
        return _one("/klustr/status.reply", req, status.state, *counts, status.epoch)

    # -- move and hear

    def move(self, client: Client, x: float, y: float, cursor: int = 0) -> None:
        """``/klustr/xy``."""
        self._publish(client, self._navigator.move(client.state, x, y, cursor, client.source.origin))

    def audition(self, client: Client, mode: str) -> None:
        """``/klustr/audition``."""
        self._navigator.set_audition(client.state, mode)

    def view(self, client: Client, view: str) -> None:
        """``/klustr/view``."""
        self._navigator.set_view(client.state, view)

    def lift(self, client: Client, cursor: int = 0) -> None:
        """``/klustr/lift``."""
        self._navigator.lift(client.state, cursor)

    def quantise(self, client: Client, grid: str) -> None:
        """``/klustr/quantise``."""
        self._navigator.set_quantise(client.state, grid)

    async def record(self, client: Client, req: int, on: int) -> Packets:
        """``/klustr/record``."""
        recorded = await self._navigator.record(client.state, bool(on))
        return _one("/klustr/record.reply", req, on, to_export(recorded.path), recorded.seconds)

    def trigger(
        self, client: Client, sound_id: int, velocity: float = 1.0, semitones: float = 0.0, pan: float = 0.0
    ) -> None:
        """``/klustr/trigger``."""
        self._publish(client, self._navigator.trigger(client.state, sound_id, velocity, semitones, pan))

    def trigger_xy(self, client: Client, x: float, y: float, velocity: float = 1.0, cursor: int = 0) -> None:
        """``/klustr/trigger/xy``."""
        events = self._navigator.trigger_xy(client.state, x, y, velocity, cursor, client.source.origin)
        self._publish(client, events)

    def stop(self, client: Client, voice: int | None = None) -> None:
        """``/klustr/stop``."""
        self._navigator.stop(voice)

    def random(self, client: Client, cursor: int = 0) -> None:
        """``/klustr/random``."""
        self._publish(client, self._navigator.random(client.state, cursor, client.source.origin))

    def player(self, client: Client, mode: str) -> None:
        """``/klustr/player``."""
        self._navigator.set_player_mode(client.state, mode)
        if mode == "client" and client.is_local:  # another machine sounds what it plays itself, no more
            self._ask_for_plays(client)

    # -- ask

    def near_xy(self, client: Client, req: int, x: float, y: float, k: int) -> Packets:
        """``/klustr/near/xy``."""
        return _near(req, self._navigator.near_xy(client.state, x, y, k))

    def similar(self, client: Client, req: int, sound_id: int, k: int) -> Packets:
        """``/klustr/similar``."""
        return _near(req, self._navigator.similar(client.state, sound_id, k))

    def similar_uid(self, client: Client, req: int, uid: str, k: int) -> Packets:
        """``/klustr/similar/uid``."""
        return _near(req, self._navigator.similar_uid(client.state, uid, k))

    def similar_path(self, client: Client, req: int, path: str, k: int) -> Packets:
        """``/klustr/similar/path``."""
        return _near(req, self._navigator.similar_path(client.state, path_from_wire(path), k))

    async def similar_file(self, client: Client, req: int, path: str, k: int) -> Packets:
        """``/klustr/similar/file``."""
        return _near(req, await self._navigator.similar_file(client.state, path_from_wire(path), k))

    def info(self, client: Client, req: int, sound_id: int) -> Packets:
        """``/klustr/info``."""
        info = self._navigator.info(sound_id, client.state.view)
        told = (info.id, info.uid, info.name, info.kind, info.x, info.y)
        heard = (info.duration_s, info.loudness_db, info.pitch_hz, info.start_s, info.end_s)
        more = (info.pitch_confidence, info.brightness_hz, info.stereo_width, int(info.is_loop))
        kind = (info.kind_source, info.kind_confidence)
        return _one("/klustr/info.reply", req, *told, *heard, *more, info.tempo_bpm, *kind)

    def why(self, client: Client, req: int, sound_id: int, other_id: int) -> Packets:
        """``/klustr/why``."""
        shares = self._navigator.why(client.state, sound_id, other_id)
        return encode_chunks(WHY_REPLY, req, list(shares.items()))

    async def kit(self, client: Client, req: int, sound_id: int) -> Packets:
        """``/klustr/kit``."""
        return encode_chunks(KIT_REPLY, req, await self._navigator.kit(client.state, sound_id))

    async def walk(self, client: Client, req: int, from_id: int, to_id: int, n: int) -> Packets:
        """``/klustr/walk``."""
        steps = await self._navigator.walk(client.state, from_id, to_id, n)
        return encode_chunks(WALK_REPLY, req, [(step.id, step.x, step.y) for step in steps])

    async def grid(
        self,
        client: Client,
        req: int,
        columns: int,
        rows: int,
        x: float | None = None,
        y: float | None = None,
        radius: float | None = None,
    ) -> Packets:
        """``/klustr/grid``."""
        region = None
        if x is not None:
            if y is None or radius is None:
                raise QueryError("badargs", "a region is x, y and radius; none of them is the whole map")
            region = (x, y, radius)
        return encode_chunks(GRID_REPLY, req, await self._navigator.grid(client.state, columns, rows, region))

    async def duplicates(self, client: Client, req: int) -> Packets:
        """``/klustr/duplicates``."""
        return encode_chunks(DUPLICATES_REPLY, req, _ArrayRows(await self._navigator.duplicates()))

    def path(self, client: Client, req: int, sound_id: int) -> Packets:
        """``/klustr/path``."""
        return _one("/klustr/path.reply", req, sound_id, to_export(self._navigator.path(sound_id)))

    def resolve(self, client: Client, req: int, uid: str) -> Packets:
        """``/klustr/resolve``."""
        return _one("/klustr/resolve.reply", req, self._navigator.resolve(uid))

    def find(self, client: Client, req: int, text: str, k: int) -> Packets:
        """``/klustr/find``."""
        ids = self._navigator.find(client.state, text, k)
        return encode_chunks(REPLIES["/klustr/find.reply"], req, [(sound_id,) for sound_id in ids])

    def points(self, client: Client, req: int, from_id: int = 1) -> Packets:
        """``/klustr/points``."""
        points = self._navigator.points(max(1, from_id), view=client.state.view)
        return encode_chunks(REPLIES["/klustr/points.reply"], req, _PointRows(points), (points.epoch,))

    # -- narrow

    def filter_kind(self, client: Client, *kinds: str) -> None:
        """``/klustr/filter/kind``."""
        self._navigator.filter_kinds(client.state, kinds)

    def filter_duration(self, client: Client, low_s: float, high_s: float) -> None:
        """``/klustr/filter/duration``."""
        self._navigator.filter_duration(client.state, low_s, high_s)

    def filter_folder(self, client: Client, folder: str) -> None:
        """``/klustr/filter/folder``."""
        self._navigator.filter_folder(client.state, path_from_wire(folder))

    def filter_favourites(self, client: Client, on: int) -> None:
        """``/klustr/filter/favourites``."""
        self._navigator.filter_favourites(client.state, bool(on))

    def weight(self, client: Client, aspect: str, weight: float) -> None:
        """``/klustr/weight``."""
        self._navigator.set_weight(client.state, aspect, weight)

    def filter_clear(self, client: Client) -> None:
        """``/klustr/filter/clear``."""
        self._navigator.clear_filters(client.state)

    # -- library

    async def folder_add(self, client: Client, path: str) -> Packets:
        """``/klustr/folder/add``."""
        await self._navigator.add_folder(path_from_wire(path))
        return (encode(DONE, "/klustr/folder/add"),)

    async def folder_remove(self, client: Client, path: str) -> Packets:
        """``/klustr/folder/remove``."""
        await self._navigator.remove_folder(path_from_wire(path))
        return (encode(DONE, "/klustr/folder/remove"),)

    def folders(self, client: Client, req: int) -> Packets:
        """``/klustr/folders``."""
        rows = [(to_export(row.path), row.n_files, row.state) for row in self._navigator.folders()]
        return encode_chunks(REPLIES["/klustr/folders.reply"], req, rows)

    def problems(self, client: Client, req: int, start: int) -> Packets:
        """``/klustr/problems``."""
        problems = self._navigator.problems(start, PROBLEMS_A_PAGE)
        rows = [(to_export(row.path), row.reason) for row in problems.rows]
        return encode_chunks(REPLIES["/klustr/problems.reply"], req, rows)

    async def rescan(self, client: Client) -> Packets:
        """``/klustr/rescan``."""
        await self._navigator.rescan()
        return (encode(DONE, "/klustr/rescan"),)

    async def relayout(self, client: Client) -> Packets:
        """``/klustr/relayout``."""
        await self._navigator.relayout()
        return (encode(DONE, "/klustr/relayout"),)

    async def candidate_make(self, client: Client, method: str = "") -> Packets:
        """``/klustr/candidate/make``."""
        await self._navigator.make_candidate(method)
        return (encode(DONE, "/klustr/candidate/make"),)

    async def candidate_take(self, client: Client) -> Packets:
        """``/klustr/candidate/take``."""
        await self._navigator.take_candidate()
        return (encode(DONE, "/klustr/candidate/take"),)

    async def candidate_drop(self, client: Client) -> Packets:
        """``/klustr/candidate/drop``."""
        await self._navigator.drop_candidate()
        return (encode(DONE, "/klustr/candidate/drop"),)

    def candidate_scores(self, client: Client, req: int) -> Packets:
        """``/klustr/candidate/scores``."""
        scores = sorted(self._navigator.candidate_scores().items())
        return encode_chunks(REPLIES["/klustr/candidate/scores.reply"], req, scores)

    async def midi_learn(self, client: Client, target: str, cursor: int = 0) -> Packets:
        """``/klustr/midi/learn``."""
        await self._midi.learn_or_cancel(target, cursor)
        return (encode(DONE, "/klustr/midi/learn"),)

    async def midi_clip(self, client: Client, req: int, bars: int = DEFAULT_BARS) -> Packets:
        """``/klustr/midi/clip``."""
        clip = await self._midi.write_clip(bars)
        return _one("/klustr/midi/clip.reply", req, to_export(clip.path), clip.n_notes)

    async def favourite(self, client: Client, sound_id: int, on: int) -> Packets:
        """``/klustr/favourite``."""
        await self._navigator.set_favourite(sound_id, bool(on))
        return (encode(DONE, "/klustr/favourite"),)

    async def kind(self, client: Client, sound_id: int, kind: str) -> Packets:
        """``/klustr/kind``."""
        await self._navigator.set_kind(sound_id, kind)
        return (encode(DONE, "/klustr/kind"),)

    # -- the machine

    async def reveal(self, client: Client, sound_id: int) -> Packets:
        """``/klustr/reveal``."""
        await self._reveal(self._navigator.path(sound_id))
        return (encode(DONE, "/klustr/reveal"),)

    def clients(self, client: Client, req: int) -> Packets:
        """``/klustr/clients``."""
        return encode_chunks(REPLIES["/klustr/clients.reply"], req, self._clients(client))


class _PointRows(Sequence[tuple[int, float, float]]):
    """The points as rows; numpy numbers become plain ones a packet at a time, not all at once."""

    def __init__(self, points: Points) -> None:
        self._points = points

    def __len__(self) -> int:
        return len(self._points.ids)

    def __getitem__(self, index: Any) -> Any:
        ids = self._points.ids[index].tolist()
        xy = self._points.xy[index].tolist()
        if isinstance(index, slice):
            return [(i, x, y) for i, (x, y) in zip(ids, xy, strict=True)]
        return (ids, *xy)


class _ArrayRows(Sequence[tuple[int, ...]]):
    """The rows of an array; numpy numbers become plain ones a packet at a time."""

    def __init__(self, rows: NDArray[Any]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        rows = self._rows[index].tolist()
        return [tuple(row) for row in rows] if isinstance(index, slice) else tuple(rows)


def push_rows(answer: Answer, *columns: NDArray[Any]) -> Iterator[bytes]:
    """Packets of one push for each row of some arrays, built as they are sent.

    Parameters
    ----------
    answer : Answer
        From the table.
    *columns : ndarray, shape (n,) or (n, m)
        Side by side they hold the push's arguments.

    Yields
    ------
    bytes
        n packets.
    """
    for start in range(0, len(columns[0]), _ROWS_A_SLICE):
        lists = [column[start : start + _ROWS_A_SLICE].reshape(-1).tolist() for column in columns]
        widths = [column[:1].size for column in columns]
        for row in range(len(lists[0]) // widths[0]):
            values = [v for part, w in zip(lists, widths, strict=True) for v in part[row * w : (row + 1) * w]]
            yield encode(answer, *values)


def push_event(event: Event, view: str = NATURAL, is_local: bool = True) -> bytes:
    """Packet of a hit, with its place in a view of the map, or of a play.

    Where a file is, is for clients of this machine; others get its name.

    Raises
    ------
    QueryError
        ``toobig`` if the path doesn't fit.
    """
    if isinstance(event, Hit):
        place = event.places.get(view, (event.x, event.y))
        return encode(PUSHES["/klustr/hit"], event.cursor, event.id, *place, event.distance, event.origin)
    path = to_export(event.path if is_local else os.path.basename(event.path))
    return encode(
        PUSHES["/klustr/play"], event.voice, event.id, event.velocity, path, event.start_s, event.end_s
    )


def _player_health(player: object) -> dict[str, float]:
    """Counters of the player, where it keeps any: callbacks, xruns, voices."""
    health = getattr(player, "health", None)
    return {str(name): float(value) for name, value in health().items()} if health else {}


def _one(address: str, *values: object) -> tuple[bytes, ...]:
    return (encode(REPLIES[address], *values),)


def _near(req: int, neighbours: Sequence[Neighbour]) -> Packets:
    return encode_chunks(NEAR_REPLY, req, [(n.id, n.distance, n.x, n.y) for n in neighbours])
