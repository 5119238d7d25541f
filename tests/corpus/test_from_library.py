"""The corpus on a snapshot that the real library writes."""

import os

import numpy as np
import pytest

from klustr_bridge.corpus import Corpus, Filters, difference
from klustr_bridge.corpus.snapshot import SNAPSHOT_FORMAT
from klustr_bridge.library import snapshot
from klustr_bridge.library.store import Store
from klustr_bridge.types import Analysis, FileStamp, FoundFile, Outcome


def test_both_sides_mean_the_same_format():
    """The reader's number of the format is the writer's."""
    assert snapshot.SNAPSHOT_FORMAT == SNAPSHOT_FORMAT


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "library.sqlite") as opened:
        yield opened


def test_a_librarys_snapshot_answers(tmp_path, store):
    """What the store was told is what the corpus answers: files, sounds, places, kinds, problems."""
    folder = tmp_path / "Samples"
    names = ["Kicks/Deep Kick.wav", "Kicks/copy.wav", "Snares/Tight.wav", "Snares/Waits.wav", "broken.wav"]
    found = []
    for i, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        found.append(FoundFile(os.fsencode(path), FileStamp(1, i + 1, i + 1, 1)))
    kinds = [("kick", "file"), ("unknown", ""), ("snare", "folder"), ("snare", "folder"), ("unknown", "")]
    store.add_folder(os.fsencode(folder))
    store.note_files(list(zip(found, kinds, strict=True)))

    def heard(file: FoundFile, uid: str, at: float) -> Outcome:
        embedding = np.full(8, at, np.float32)
        return Outcome(file.path, file.stamp, Analysis(uid, at, 44100, 1, -6, 900, 0, embedding), None)

    kick, snare = "a" * 16, "b" * 16
    outcomes = [heard(found[0], kick, 1.0), heard(found[1], kick, 1.0), heard(found[2], snare, 2.0)]
    outcomes.append(Outcome(found[4].path, found[4].stamp, None, "not audio"))
    store.commit_outcomes(outcomes, analysis_version=1, place=None)
    before = Corpus.load(snapshot.write_snapshot(store, tmp_path / "snapshots"))
    ids = before.ids
    assert (len(before), before.n_placed, before.n_pending, before.n_refused) == (2, 0, 1, 1)
    assert before.scores == {}
    store.write_epoch("pca", 1, ids, np.array([[0.25, 0.5], [0.75, 0.5]], np.float32), {"share": 0.5})
    store.set_favourite(int(ids[1]), True)
    corpus = Corpus.load(snapshot.write_snapshot(store, tmp_path / "snapshots"))

    assert corpus.library_id == store.library_id
    assert corpus.scores == {"share": 0.5}
    assert corpus.id_of_uid(kick) == corpus.id_of_path(found[0].path) == corpus.id_of_path(found[1].path)
    assert corpus.path(int(ids[0])) == found[0].path
    assert [corpus.kind(row) for row in (0, 1)] == ["kick", "snare"]
    assert [corpus.kind_source(row) for row in (0, 1)] == ["file", "folder"]
    assert corpus.find("deep kick", 5) == [ids[0]]
    waits = corpus.find("WAITS", 5)
    assert [corpus.path(i) for i in waits] == [found[3].path]
    entry = corpus.entry(waits[0])
    assert entry is not None and (entry.kind, entry.kind_source, entry.row) == ("snare", "folder", None)
    assert corpus.ids[corpus.near_xy(0.8, 0.5, 1).rows].tolist() == [ids[1]]
    nearest = corpus.similar(corpus.embedding[0], 1, without=0)
    assert (nearest.rows.tolist(), nearest.distance.tolist()) == ([1], [8**0.5])
    selection = corpus.select(Filters(folder=os.fsencode(folder / "Snares"), favourites=True))
    assert selection is not None and selection.sound.tolist() == [False, True]
    assert corpus.problem(0) == (found[4].path, "not audio")
    changes = difference(before, corpus)
    assert (changes.added.tolist(), changes.epoch_changed) == (ids.tolist(), True)
    assert [row.path for row in corpus.folders] == [os.fsencode(folder)]


def test_an_empty_librarys_snapshot_loads(tmp_path, store):
    """A library that has nothing yet gives a corpus that answers nothing."""
    corpus = Corpus.load(snapshot.write_snapshot(store, tmp_path / "snapshots"))
    assert (len(corpus), corpus.find("", 5), corpus.library_id) == (0, [], store.library_id)
