"""The scores kept with each epoch: of what the user sees, by what the user and names say."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.library.heard_kinds import HeardKind, read_known_codes
from klustr_bridge.library.store import Store
from klustr_bridge.sound.kinds import KIND_CODES
from klustr_bridge.types import FoundFile, Outcome
from tests.indexer.contents import sounds_and_places
from tests.indexer.live import LiveIndex, quick_settings
from tests.library.making import analysis, below, stamp
from tests.sounds import write_library

N_SOUNDS = 14


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveIndex]:
    """An indexed library of a folder's sounds on a PCA map."""
    write_library(tmp_path / "samples", N_SOUNDS)
    made = LiveIndex(tmp_path / "library.klustr", watch=False, settings=quick_settings())
    made.indexer.add_folder(os.fsencode(tmp_path / "samples"))
    made.finish()
    yield made
    made.close()


def relayout(live: LiveIndex) -> dict[str, float]:
    """Have a new epoch; its scores."""
    live.indexer.relayout()
    live.finish()
    epoch = live.store.epoch()
    assert epoch is not None
    return dict(epoch.scores)


def test_an_epoch_says_how_far_it_moved_what_was_there(live: LiveIndex, tmp_path: Path) -> None:
    """Sounds count that have a place now, fitted or placed: between two looks at all positions."""
    before = sounds_and_places(live.library)
    write_library(tmp_path / "samples" / "more", 20, seed=50)
    live.indexer.rescan()
    live.finish()
    placed = sounds_and_places(live.library)
    assert len(placed) > len(before)
    scores = relayout(live)
    after = sounds_and_places(live.library)
    moved = [np.hypot(after[uid][1] - row[1], after[uid][2] - row[2]) for uid, row in placed.items()]
    expected = np.quantile(moved, [0.5, 0.95])
    assert [scores["moved_median"], scores["moved_95"]] == pytest.approx(expected, abs=1e-5)
    assert scores["moved_95"] > 0


def test_an_epoch_says_how_kinds_keep_together(live: LiveIndex) -> None:
    """Kinds are those of the library at the fit: all of one kind, all neighbours are of it."""
    assert "kind_share" not in relayout(live)  # of no kind there are more than ten
    for sound in live.store.embeddings().ids.tolist():
        live.store.set_kind(sound, "conga")
    scores = relayout(live)
    assert (scores["kind_share"], scores["kind_share_in_sound"]) == (1.0, 1.0)


def test_known_kinds_are_those_of_the_user_and_of_names(tmp_path: Path) -> None:
    """The user's word first, then a name; what was heard isn't asked, and an unknown id has no kind."""
    folder = os.fsencode(tmp_path / "samples")
    with Store.open(tmp_path / "library.klustr") as store:
        store.add_folder(folder)
        ids = []
        for number, name in enumerate(("kick", "snare", "unknown", "unknown"), 1):
            file = FoundFile(below(folder, f"{number}.wav"), stamp(number))
            store.note_files([(file, (name, "file" if name != "unknown" else ""))])
            outcome = Outcome(file.path, file.stamp, analysis(number), None)
            ids += store.commit_outcomes([outcome], analysis_version=1).new_ids
        store.set_kind(ids[1], "clap")
        store.set_heard_kinds([HeardKind(ids[2], "tom", 0.9)])
        with store.view() as view:
            asked = np.array([999, *reversed(ids)], np.int32)
            codes = read_known_codes(view.connection, asked)
    assert codes.tolist() == [0, 0, 0, KIND_CODES["clap"], KIND_CODES["kick"]]
