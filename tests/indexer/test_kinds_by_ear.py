"""Kinds heard in sounds that no name tells, beside the indexer's loop."""

import multiprocessing.connection
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.corpus import Corpus
from klustr_bridge.indexer.kinds_by_ear import KindsByEar
from klustr_bridge.layout.kinds import LOOP_CONFIDENCE
from klustr_bridge.library.snapshot import write_snapshot
from klustr_bridge.library.store import Store
from klustr_bridge.types import FoundFile, Outcome
from tests.indexer.live import LiveIndex, quick_settings
from tests.library.making import D, analysis, below, stamp
from tests.sounds import write_library

KINDS = ("kick", "snare", "clap", "tom", "ride", "crash", "cowbell", "shaker")


class Library:
    """A store whose sounds lie close around one place a kind, and what hears them."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.folder = os.fsencode(place / "samples")
        self.store = Store.open(place / "library.klustr")
        self.store.add_folder(self.folder)
        self.notices: list[tuple[str, str]] = []
        self.ear = KindsByEar(self.store, lambda *notice: self.notices.append(notice))
        self._n = 0
        self._random = np.random.default_rng(5)

    def add(self, like: str, name: str = "unknown", *, is_loop: bool = False) -> int:
        """One more sound like those of a kind; the name tells that it is of another, or none."""
        self._n += 1
        file = FoundFile(below(self.folder, f"{self._n}.wav"), stamp(self._n))
        self.store.note_files([(file, (name, "file" if name != "unknown" else ""))])
        at = np.eye(D, dtype=np.float32)[KINDS.index(like)] * 10
        near = (at + self._random.normal(0, 0.1, D)).astype(np.float32)
        heard = replace(analysis(self._n), embedding=near, is_loop=is_loop)
        done = self.store.commit_outcomes([Outcome(file.path, file.stamp, heard, None)], analysis_version=1)
        return done.new_ids[0]

    def add_named(self, n_each: int) -> None:
        for kind in KINDS:
            for _ in range(n_each):
                self.add(kind, kind)

    def listen(self, settled: bool = True) -> None:
        """Step as the indexer does until there is nothing more to do."""
        until = time.monotonic() + 30
        while (due_s := self.ear.due_s(time.monotonic(), settled)) is not None or self.ear.connections:
            assert time.monotonic() < until
            multiprocessing.connection.wait(self.ear.connections, due_s)
            self.ear.step(settled)
        assert self.ear.content == settled

    def kinds(self) -> dict[int, tuple[str, str, float]]:
        corpus = Corpus.load(write_snapshot(self.store, self.place / "snapshots"))
        sure = corpus.column("kind_confidence").tolist()
        return {
            int(sound): (corpus.kind(row), corpus.kind_source(row), sure[row])
            for row, sound in enumerate(corpus.ids)
        }


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    made = Library(tmp_path)
    yield made
    made.ear.close()
    made.store.close()


def test_new_sounds_without_a_name_are_heard(library: Library) -> None:
    """Also while more is coming; a name that tells is never overruled, and a loop is heard as one."""
    library.add_named(6)
    tom, named, loop = library.add("tom"), library.add("tom", "bass"), library.add("clap", is_loop=True)
    library.listen(settled=False)
    kinds = library.kinds()
    assert kinds[tom][:2] == ("tom", "sound") and 0.5 < kinds[tom][2] < 1
    assert kinds[named] == ("bass", "file", pytest.approx(0.95))
    assert kinds[loop] == ("loop", "sound", pytest.approx(LOOP_CONFIDENCE))
    assert not library.notices


def test_all_are_heard_anew_when_a_fifth_more_is_known(library: Library) -> None:
    """Only once the library has settled; a few more names change nothing that was heard."""
    sound = library.add("tom")
    library.listen()
    assert library.kinds()[sound] == ("unknown", "", 0.0)
    library.add_named(10)
    library.listen(settled=False)
    assert library.kinds()[sound][0] == "unknown"
    library.listen()
    before = library.kinds()[sound]
    assert before[:2] == ("tom", "sound")
    for _ in range(14):
        library.add("tom", "clap")
    library.listen()
    assert library.kinds()[sound] == before
    for _ in range(10):
        library.add("tom", "clap")
    library.listen()
    assert library.kinds()[sound] != before


def test_a_users_word_tells_of_other_sounds_and_stays(library: Library) -> None:
    """Corrections count as known, so that what is like them is heard as they are; taken back, no more."""
    library.add_named(6)
    sounds = [library.add("tom") for _ in range(12)]
    library.listen()
    assert {library.kinds()[sound][0] for sound in sounds} == {"tom"}
    with library.store.view() as view:
        toms = [row[0] for row in view.connection.execute("SELECT sound_id FROM files WHERE kind = 'tom'")]
    for sound in (*toms, *sounds[:6]):
        library.store.set_kind(sound, "conga")
    library.listen()
    kinds = library.kinds()
    assert {kinds[sound][:2] for sound in sounds[:6]} == {("conga", "user")}
    assert {kinds[sound][:2] for sound in sounds[6:]} == {("conga", "sound")}
    generation = library.store.generation
    library.listen()
    assert library.store.generation == generation
    for sound in (*toms, *sounds[:6]):
        library.store.set_kind(sound, None)
    library.listen()
    kinds = library.kinds()
    assert {kinds[sound][:2] for sound in toms} == {("tom", "file")}
    assert {kinds[sound][:2] for sound in sounds} == {("tom", "sound")}


def test_an_ear_that_fails_is_told_once_and_ends(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sounds stay unknown; indexing goes on and ends."""

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr("klustr_bridge.indexer.kinds_by_ear.KindGuesser", fail)
    sound = library.add("tom")
    library.listen()
    library.add("tom")
    library.listen()
    assert [where for where, _ in library.notices] == ["kinds"]
    assert library.kinds()[sound][0] == "unknown"


def test_an_index_ends_with_its_kinds_heard(tmp_path: Path) -> None:
    """Indexing has finished once a file without a telling name has the kind of those it is like."""
    folder = tmp_path / "samples"
    files = write_library(folder, 48)
    kicks = [file for file in files if "Kick" in file.name]
    for number, file in enumerate(kicks[::2]):
        file.rename(folder / f"{number}.wav")
    live = LiveIndex(tmp_path / "library.klustr", watch=False, settings=quick_settings())
    try:
        live.indexer.add_folder(os.fsencode(folder))
        live.finish()
        corpus = Corpus.load(write_snapshot(live.store, tmp_path / "snapshots"))
        rows = [row for path, row in corpus.analysed_files() if os.path.basename(path)[:1].isdigit()]
        assert rows
        assert {(corpus.kind(row), corpus.kind_source(row)) for row in rows} == {("kick", "sound")}
    finally:
        live.close()
