"""A real small library for the tests of the bridge: real files, a real store, a real navigator."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from klustr_bridge.bridge import OscServer
from klustr_bridge.bridge.midi_output import WrittenClip
from klustr_bridge.corpus import Corpus
from klustr_bridge.errors import PlayerError, QueryError, RefusedSound
from klustr_bridge.indexer.duplicates import find_duplicates
from klustr_bridge.layout.even import even_positions, lattice_side
from klustr_bridge.library.ignore import IgnoreRules
from klustr_bridge.library.kind_sources import AUTO
from klustr_bridge.library.rows import Candidate
from klustr_bridge.library.scan import scan_folder
from klustr_bridge.library.snapshot import write_snapshot
from klustr_bridge.library.store import Store
from klustr_bridge.navigator import Navigator
from klustr_bridge.sound.analyse import analyse_file
from klustr_bridge.sound.decode import is_candidate
from klustr_bridge.sound.embedding import ANALYSIS_VERSION
from klustr_bridge.sound.kinds import kind_of_path
from klustr_bridge.types import Analysis, Int32Array, Outcome, PlayRequest, Recorded
from tests import sounds

T = TypeVar("T")
N_SOUNDS = 16
SCORES = {"neighbour_share": 0.5, "kind_share": 0.25}
CANDIDATE_SCORES = {"neighbour_share": 0.75, "moved_median": 0.125}
STRANGE_NAME = b"caf\xe9 kick.wav"


class StoreLibrarian:
    """A librarian in the same thread: it writes to the store, publishes, and remembers what was asked.

    Rescans and new maps are left to the real one (`test_library_commands`).
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.asked: list[tuple[Any, ...]] = []
        self.publish: Callable[[Corpus], None] = lambda corpus: None
        self.hold: asyncio.Event | None = None

    def _commit(self, change: Callable[[Store], object]) -> None:
        with Store.open(self.place / "library.sqlite3") as store:
            change(store)
            self.publish(Corpus.load(write_snapshot(store, self.place / "snapshots")))

    async def _held(self) -> None:
        if self.hold is not None:
            await self.hold.wait()

    async def add_folder(self, path: bytes) -> None:
        self.asked.append(("add_folder", path))
        await self._held()
        if not os.path.isdir(path):
            raise QueryError("notfound", f"no folder {os.fsdecode(path)!r}")
        self._commit(lambda store: store.add_folder(path))

    async def remove_folder(self, path: bytes) -> None:
        self.asked.append(("remove_folder", path))
        await self._held()
        self._commit(lambda store: store.remove_folder(path))

    async def rescan(self) -> None:
        self.asked.append(("rescan",))
        await self._held()

    async def relayout(self) -> None:
        self.asked.append(("relayout",))
        await self._held()

    async def make_candidate(self, method: str) -> None:
        self.asked.append(("make_candidate", method))
        await self._held()

    async def take_candidate(self) -> None:
        self.asked.append(("take_candidate",))

    async def drop_candidate(self) -> None:
        self.asked.append(("drop_candidate",))

    async def set_favourite(self, sound_id: int, on: bool) -> None:
        self.asked.append(("set_favourite", sound_id, on))
        await self._held()
        self._commit(lambda store: store.set_favourite(sound_id, on))

    async def set_kind(self, sound_id: int, kind: str) -> None:
        self.asked.append(("set_kind", sound_id, kind))
        await self._held()
        self._commit(lambda store: store.set_kind(sound_id, None if kind == AUTO else kind))

    async def analyse(self, path: bytes) -> Analysis:
        self.asked.append(("analyse", path))
        await self._held()
        try:
            return analyse_file(path)
        except RefusedSound as error:
            raise QueryError("badargs", str(error)) from None

    async def learn(self, target: str, cursor: int) -> None:
        self.asked.append(("learn", target))

    async def clip(self, bars: int) -> WrittenClip:
        return WrittenClip(b"/takes/one.mid", bars)

    async def duplicates(self) -> Int32Array:
        self.asked.append(("duplicates",))
        await self._held()
        with Store.open(self.place / "library.sqlite3", writable=False) as store:
            return find_duplicates(store).by_sound()


@dataclass
class SilentPlayer:
    """A player that keeps a list instead of sounding, and counters of the real one's names."""

    played: list[bytes] = field(default_factory=list)
    requests: list[PlayRequest] = field(default_factory=list)
    stopped: list[int | None] = field(default_factory=list)

    def play(self, request: PlayRequest) -> int:
        self.played.append(request.path)
        self.requests.append(request)
        return len(self.played)

    def stop(self, voice: int | None, fade_s: float | None = None) -> None:
        self.stopped.append(voice)

    def prefetch(self, requests: Any) -> None:
        pass

    async def record(self, on: bool) -> Recorded:
        if not on:
            raise PlayerError("nothing is being recorded")
        return Recorded(b"/music/take \xff.wav", 0.0)

    problem: str | None = None

    def describe(self) -> str:
        return "silent"

    def health(self) -> dict[str, float]:
        return {"player_plays": float(len(self.played)), "player_xruns": 0.0}


def make_library(place: Path) -> Path:
    """Write files and index them: 16 sounds, one with a name that isn't UTF-8, one refused, one waiting.

    Returns the snapshot's directory.
    """
    folder = place / "Samples"
    sounds.write_library(folder, N_SOUNDS - 1)
    odd = sounds.write(folder / "odd.wav", sounds.kick(99))
    os.rename(os.fsencode(odd), os.path.join(os.fsencode(folder), STRANGE_NAME))
    (folder / "broken snare.wav").write_bytes(b"RIFF but no more")
    sounds.write(folder / "waiting tom.wav", sounds.tom(123))
    with Store.open(place / "library.sqlite3") as store:
        root = os.fsencode(folder)
        store.add_folder(root)
        found = list(scan_folder(root, IgnoreRules(()), candidate=is_candidate))
        store.note_files([(file, kind_of_path(file.path, root)) for file in found])
        outcomes = []
        for file in store.take_pending(1000):
            if file.path.endswith(b"waiting tom.wav"):
                continue
            try:
                outcomes.append(Outcome(file.path, file.stamp, analyse_file(file.path), None))
            except RefusedSound as error:
                outcomes.append(Outcome(file.path, file.stamp, None, str(error)))
        store.commit_outcomes(outcomes, analysis_version=ANALYSIS_VERSION)
        ids = store.embeddings().ids
        angle = np.linspace(0, 2 * np.pi, len(ids), endpoint=False)
        xy = np.stack([0.5 + 0.4 * np.cos(angle), 0.5 + 0.4 * np.sin(angle)], axis=1).astype(np.float32)
        both = np.hstack([xy, even_positions(xy)])
        store.write_epoch("pca", 1, ids, both, SCORES, even_side=lattice_side(len(ids)))
        mirrored = np.array([1.0, 0.0, 1.0, 0.0], np.float32) + both * np.array([-1, 1, -1, 1], np.float32)
        side = lattice_side(len(ids))
        store.keep_candidate(Candidate("grid", 1, ids, mirrored, CANDIDATE_SCORES, side))
        return write_snapshot(store, place / "snapshots")


class Loop:
    """An event loop in a thread, so that blocking peers can be used in the test itself."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def call(self, function: Callable[..., T], *values: Any) -> T:
        """Call a function in the loop's thread and wait for its result."""
        done: Future[T] = Future()

        def work() -> None:
            try:
                done.set_result(function(*values))
            except BaseException as error:
                done.set_exception(error)

        self.loop.call_soon_threadsafe(work)
        return done.result(30)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@dataclass
class Clock:
    """A clock that stands still until it is set forward; it may follow the real one instead."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Place:
    """A running server and what it stands on."""

    server: OscServer
    navigator: Navigator
    librarian: StoreLibrarian
    player: SilentPlayer
    loop: Loop
    port: int
    folder: Path

    @property
    def ids(self) -> list[int]:
        """Ids of all analysed sounds."""
        return [int(i) for i in self.navigator.corpus.ids]
