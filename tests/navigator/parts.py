"""A small library, and a player and a librarian that note what they are asked."""

import itertools
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from klustr_bridge.corpus import Corpus
from klustr_bridge.errors import PlayerError, QueryError
from klustr_bridge.navigator import ClientState
from klustr_bridge.types import Analysis, PlayRequest, Recorded
from tests.corpus.snapshots import Made, MadeSound, Waiting, below, write_made

_numbers = itertools.count()

# Three in a row on the map, a fourth without a place; in sound, 3 is nearer to 1 than 2 is.
LIBRARY = Made(
    sounds=[
        MadeSound(1, [below("kicks", "one.wav")], (0.1, 0.5), (0, 0), "kick", 0.5),
        MadeSound(2, [below("kicks", "two.wav")], (0.5, 0.5), (0, 5), "kick", 1.5, True),
        MadeSound(3, [below("snares", "three.wav")], (0.9, 0.5), (0, 1), "snare", 0.25),
        MadeSound(4, [below("snares", "four.wav")], embedding=(0, 9), kind="snare"),
    ],
    waiting=[Waiting(7, below("snares", "new.wav"), "snare")],
    problems=[(below(f"bad{i}.wav"), f"reason {i}") for i in range(5)],
)


def corpus_of(tmp: Path, made: Made = LIBRARY) -> Corpus:
    return Corpus.load(write_made(tmp / str(next(_numbers)), made))


def a_client(**state: Any) -> ClientState:
    return ClientState(chance=random.Random(1), **state)


class NotingPlayer:
    """Counts its voices from 100, so that they can't be taken for the navigator's."""

    def __init__(self) -> None:
        self.played: list[PlayRequest] = []
        self.stopped: list[tuple[int | None, float | None]] = []
        self.ready: list[PlayRequest] = []
        self.recording = False
        self.fails = False

    def play(self, request):
        if self.fails:
            raise PlayerError("the device is gone")
        self.played.append(request)
        return 99 + len(self.played)

    def stop(self, voice, fade_s=None):
        if self.fails:
            raise PlayerError("the device is gone")
        self.stopped.append((voice, fade_s))

    def prefetch(self, requests):
        self.ready = list(requests)

    async def record(self, on):
        if on == self.recording:
            raise PlayerError("that is so already")
        self.recording = on
        return Recorded(b"/music/take.wav", 0.0 if on else 2.5)

    problem = None

    def describe(self):
        return "notes only"


class NotingLibrarian:
    """Accepts everything; hears any file as one embedding, (0, 4), refuses one named "noise"."""

    def __init__(self, heard: Sequence[float] = (0, 4)) -> None:
        self.heard = np.array(heard, np.float32)
        self.asked: list[tuple[Any, ...]] = []

    async def add_folder(self, path):
        self.asked.append(("add_folder", path))

    async def remove_folder(self, path):
        self.asked.append(("remove_folder", path))

    async def rescan(self):
        self.asked.append(("rescan",))

    async def relayout(self):
        self.asked.append(("relayout",))

    async def make_candidate(self, method):
        self.asked.append(("make_candidate", method))

    async def take_candidate(self):
        self.asked.append(("take_candidate",))

    async def drop_candidate(self):
        self.asked.append(("drop_candidate",))

    async def set_favourite(self, sound_id, on):
        self.asked.append(("set_favourite", sound_id, on))

    async def set_kind(self, sound_id, kind):
        self.asked.append(("set_kind", sound_id, kind))

    async def analyse(self, path):
        if path.endswith(b"noise"):
            raise QueryError("notfound", "not audio")
        return Analysis("a" * 16, 1.0, 44100, 1, -6.0, 1000.0, 0.0, self.heard)

    async def duplicates(self):
        self.asked.append(("duplicates",))
        return np.array([[1, 2], [1, 99], [3, 4], [3, 1], [3, 3]], np.int32)
