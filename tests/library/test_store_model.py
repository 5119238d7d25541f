"""The store against a simple model, over random sequences of what can happen to a library."""

import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from klustr_bridge.library.store import Store
from klustr_bridge.types import FoundFile
from tests.library.making import below, heard, live_ids, refused, rows, stamp, uid_of

FOLDERS = ("one", "two")
NAMES = ("a.wav", "b.wav", "sub/c.wav", "sub/d.wav")
spots = st.tuples(st.sampled_from(FOLDERS), st.sampled_from(NAMES))


@dataclass(frozen=True)
class ModelFile:
    """A file as the model knows it: content is what is in it, audio what is heard in it."""

    content: int
    inode: int
    state: str = "pending"


class LibraryMachine(RuleBasedStateMachine):
    """Files come, change, move, copy, go; folders go and return; the store is reopened at will."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.path = self.root / "a.klustr"
        self.store = Store.open(self.path)
        self.folders = {name: self.store.add_folder(os.fsencode(self.root / name)).path for name in FOLDERS}
        self.absent: set[str] = set()
        self.files: dict[tuple[str, str], ModelFile] = {}
        self.id_of_uid: dict[str, int] = {}
        self.xy: dict[str, tuple[float, float]] = {}
        self.favourites: set[str] = set()
        self.inodes = 0
        self.contents = 0

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def found(self, spot: tuple[str, str]) -> FoundFile:
        file = self.files[spot]
        return FoundFile(below(self.folders[spot[0]], spot[1]), stamp(file.content, file.inode))

    @staticmethod
    def audio_of(content: int) -> int:
        """Several contents hold the same audio (retagged), some none."""
        return content // 2

    @staticmethod
    def is_bad(content: int) -> bool:
        return content % 7 == 6

    def note(self, *spots: tuple[str, str], gone: tuple[bytes, ...] = ()) -> None:
        self.store.note_files([(self.found(spot), ("unknown", "")) for spot in spots], gone=gone)

    @rule(spot=spots, content=st.integers(0, 20))
    def write(self, spot: tuple[str, str], content: int) -> None:
        if spot[0] in self.absent:
            return
        old = self.files.get(spot)
        self.inodes += 1
        inode = self.inodes if old is None else old.inode
        if old is None or old.content != content:
            self.files[spot] = ModelFile(content, inode)
        self.note(spot)

    @rule(source=spots, to=spots)
    def move(self, source: tuple[str, str], to: tuple[str, str]) -> None:
        if source not in self.files or source == to or {source[0], to[0]} & self.absent:
            return
        gone = self.found(source).path
        self.files[to] = self.files.pop(source)
        self.note(to, gone=(gone,))

    @rule(one=spots, other=spots)
    def exchange(self, one: tuple[str, str], other: tuple[str, str]) -> None:
        if one == other or not {one, other} <= set(self.files) or {one[0], other[0]} & self.absent:
            return
        self.files[one], self.files[other] = self.files[other], self.files[one]
        self.note(one, other)

    @rule(source=spots, to=spots)
    def copy(self, source: tuple[str, str], to: tuple[str, str]) -> None:
        if source not in self.files or to in self.files or {source[0], to[0]} & self.absent:
            return
        self.inodes += 1
        self.files[to] = replace(self.files[source], inode=self.inodes, state="pending")
        self.note(to)

    @rule(spot=spots)
    def forget(self, spot: tuple[str, str]) -> None:
        if spot in self.files and spot[0] not in self.absent:
            self.store.forget_files([self.found(spot).path])
            del self.files[spot]

    @rule(name=st.sampled_from(FOLDERS))
    def forget_sub(self, name: str) -> None:
        if name not in self.absent:
            self.store.forget_under(below(self.folders[name], "sub"))
            self.files = {
                spot: file for spot, file in self.files.items() if spot[0] != name or "sub/" not in spot[1]
            }

    @rule(name=st.sampled_from(FOLDERS), absent=st.booleans())
    def unplug(self, name: str, absent: bool) -> None:
        self.store.set_folder_state(self.folders[name], "absent" if absent else "watched")
        (self.absent.add if absent else self.absent.discard)(name)

    @rule(limit=st.integers(1, 5), version=st.integers(1, 2))
    def analyse(self, limit: int, version: int) -> None:
        pending = self.store.take_pending(limit)
        spot_at = {self.found(spot).path: spot for spot in self.files}
        outcomes = []
        for file in pending:
            spot = spot_at[file.path]
            assert file == self.found(spot)
            content = self.files[spot].content
            bad = self.is_bad(content)
            outcomes.append(refused(file) if bad else heard(file, self.audio_of(content), version))
            self.files[spot] = replace(self.files[spot], state="refused" if bad else "analysed")
        self.store.commit_outcomes(outcomes, analysis_version=version, place=lambda new: new[:, :2])

    @rule(version=st.integers(1, 3))
    def requeue(self, version: int) -> None:
        self.store.requeue_outdated(version)

    @precondition(lambda self: self.id_of_uid)
    @rule(data=st.data())
    def mark(self, data: st.DataObject) -> None:
        uid = data.draw(st.sampled_from(sorted(self.id_of_uid)))
        self.store.set_favourite(self.id_of_uid[uid], True)
        self.favourites.add(uid)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store.open(self.path)

    @invariant()
    def agrees(self) -> None:
        known: dict[bytes, object] = {}
        for name in FOLDERS:
            known |= self.store.known_files(self.folders[name])
        assert known == {self.found(spot).path: self.found(spot).stamp for spot in self.files}
        present = {spot: file for spot, file in self.files.items() if spot[0] not in self.absent}
        expected = {
            uid_of(self.audio_of(file.content)) for file in present.values() if file.state == "analysed"
        }
        with self.store.view() as view:
            sounds = list(rows(view.sounds()))
            entries = {row.path: row.sound_id for row in rows(view.entries())}
        uid_of_id = {row.id: row.uid for row in sounds}
        assert {uid_of_id[sound] for sound in live_ids(self.store)} == expected
        for row in sounds:
            assert self.id_of_uid.setdefault(row.uid, row.id) == row.id
            assert row.x is not None and row.y is not None
            assert self.xy.setdefault(row.uid, (row.x, row.y)) == (row.x, row.y)
            assert bool(row.favourite) == (row.uid in self.favourites)
        for spot, file in present.items():
            held = entries.get(self.found(spot).path, -1)
            if file.state == "analysed":
                assert held is not None and uid_of_id[held] == uid_of(self.audio_of(file.content))
            else:
                assert held == (-1 if file.state == "refused" else None)
        counts = self.store.counts()
        assert (counts.files, counts.sounds) == (len(present), len(expected))


TestLibrary = LibraryMachine.TestCase
TestLibrary.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
