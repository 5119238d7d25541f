"""Kinds told by the learned ear, as the librarian has them heard beside its loop."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.indexer.kinds_by_ear import KindsByEar
from klustr_bridge.layout.kinds import LOOP_CONFIDENCE, told_by_ear
from klustr_bridge.library import spaces
from klustr_bridge.library.spaces import ENGINEERED, LEARNED
from klustr_bridge.sound.aspects import LEARNED_VERSION
from klustr_bridge.sound.kinds import KINDS
from klustr_bridge.types import FoundFile, Outcome
from tests.indexer.test_kinds_by_ear import Library
from tests.layout.data import learned
from tests.library.making import analysis, below, stamp

HEARD = learned(30, spread=0.0)


class LearnedLibrary(Library):
    """A store of sounds that the learned ear has heard, and what tells their kinds."""

    def come(self, rows: range, *, loops: bool = False) -> list[int]:
        """Sounds without a name, by their numbers in `HEARD`; their ids."""
        files = [FoundFile(below(self.folder, f"{row}.wav"), stamp(row + 1)) for row in rows]
        self.store.note_files([(file, ("unknown", "")) for file in files])
        outcomes = [
            Outcome(
                file.path,
                file.stamp,
                replace(analysis(row), embedding=HEARD[row], is_loop=loops),
                None,
            )
            for file, row in zip(files, rows, strict=True)
        ]
        return self.store.commit_outcomes(outcomes, analysis_version=LEARNED_VERSION).new_ids

    def restart(self) -> None:
        """Have nothing in mind but what is kept."""
        self.ear.close()
        self.ear = KindsByEar(self.store, lambda *notice: self.notices.append(notice))

    def said(self) -> list[str]:
        """Kinds of all sounds by rising id."""
        return [kind for _, (kind, _, _) in sorted(self.kinds().items())]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[LearnedLibrary]:
    made = LearnedLibrary(tmp_path)
    yield made
    made.ear.close()
    made.store.close()


def expected(rows: slice) -> list[str]:
    return [KINDS[code] for code in told_by_ear(HEARD[rows])[0]]


def test_kinds_are_told_where_no_name_tells_one(library: LearnedLibrary) -> None:
    """With the ear's confidence, while more is coming too; a loop is heard as one."""
    ids = library.come(range(24))
    (loop,) = library.come(range(24, 25), loops=True)
    library.listen(settled=False)
    kinds = library.kinds()
    assert [kinds[sound][0] for sound in ids] == expected(slice(24))
    assert len(set(expected(slice(24)))) > 3
    sure = told_by_ear(HEARD[:24])[1]
    assert [kinds[sound][2] for sound in ids] == pytest.approx(sure.tolist(), abs=0.01)
    assert kinds[loop] == ("loop", "sound", pytest.approx(LOOP_CONFIDENCE))
    library.store.set_kind(ids[0], "vocal")
    library.listen()
    assert library.kinds()[ids[0]][:2] == ("vocal", "user")
    assert not library.notices


def test_all_are_told_anew_when_the_library_hears_otherwise(library: LearnedLibrary) -> None:
    """In either direction, once it is settled; then there is rest, also after a restart."""
    library.store.hear_by(ENGINEERED)
    library.come(range(20))
    library.listen()
    assert set(library.said()) == {"unknown"}
    library.store.hear_by(LEARNED)
    library.listen(settled=False)
    assert set(library.said()) == {"unknown"}
    library.listen()
    assert library.said() == expected(slice(20)) and set(library.said()) != {"unknown"}
    generation = library.store.generation
    library.restart()
    library.listen()
    assert library.store.generation == generation
    library.store.hear_by(ENGINEERED)
    library.listen()
    assert set(library.said()) == {"unknown"}
    assert not library.notices


def test_a_sound_that_is_heard_anew_is_told_anew(
    library: LearnedLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library of an earlier release: as soon as all of it has been heard by the learned ear."""
    library.come(range(20))
    library.listen()
    before = library.said()
    files = [FoundFile(below(library.folder, f"{row}.wav"), stamp(row + 1)) for row in range(20)]
    turned = np.roll(HEARD[:20], 1, axis=0)
    monkeypatch.setattr(spaces, "LEARNED_VERSION", LEARNED_VERSION + 1)
    library.store.commit_outcomes(
        [
            Outcome(file.path, file.stamp, replace(analysis(row), embedding=turned[row], is_loop=False), None)
            for row, file in enumerate(files)
        ],
        analysis_version=LEARNED_VERSION + 1,
    )
    library.listen()
    assert library.said() == before[-1:] + before[:-1] != before
