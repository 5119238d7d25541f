"""A map that waits in the library to be taken or dropped."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.errors import LibraryError
from klustr_bridge.library import migrations
from klustr_bridge.library.rows import Candidate
from klustr_bridge.library.snapshot import write_snapshot
from klustr_bridge.library.store import Store
from tests.library.making import add, hear

IN_FORCE = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]], np.float32)


@pytest.fixture
def ids(store: Store, folder: bytes) -> np.ndarray:
    """Two sounds on a map."""
    ids = np.array([hear(store, add(store, folder, f"{n}.wav", n), n) for n in range(2)], np.int32)
    store.write_epoch("pca", 1, ids, IN_FORCE, {}, even_side=2)
    return ids


def other(ids: np.ndarray, method: str = "grid") -> Candidate:
    return Candidate(method, 7, ids, 1 - IN_FORCE[: len(ids)], {"silhouette": 0.5}, 2)


def test_a_candidate_moves_nothing_and_outlives_a_restart(store: Store, ids: np.ndarray) -> None:
    """It comes back as it was given, after the file was closed; the epoch and its places stay."""
    before = store.epoch()
    store.keep_candidate(other(ids))
    assert store.epoch() == before
    assert store.positions()[1].tolist() == IN_FORCE.tolist()
    path = store.path
    store.close()
    with Store.open(path) as again:
        found = again.candidate()
        assert found is not None
        assert (found.method, found.seed, found.even_side) == ("grid", 7, 2)
        assert dict(found.scores) == {"silhouette": 0.5}
        assert found.ids.tolist() == ids.tolist()
        assert found.xy.tolist() == (1 - IN_FORCE).tolist()


def test_there_is_one_at_most_and_none_after_a_new_epoch(store: Store, ids: np.ndarray) -> None:
    """The next takes its place; dropping it and a new epoch end it; each is a change that is shown."""
    generations = [store.generation]
    store.keep_candidate(other(ids))
    generations.append(store.generation)
    store.keep_candidate(other(ids[:1], "axes-tone-length"))
    generations.append(store.generation)
    found = store.candidate()
    assert found is not None and (found.method, found.ids.tolist()) == ("axes-tone-length", ids[:1].tolist())
    assert store.drop_candidate() and store.candidate() is None
    generations.append(store.generation)
    assert generations == sorted(set(generations))
    assert not store.drop_candidate() and store.generation == generations[-1]
    store.keep_candidate(other(ids))
    store.write_epoch("pca", 1, ids, IN_FORCE, {}, even_side=2)
    assert store.candidate() is None


def test_what_is_no_map_is_not_kept(store: Store, ids: np.ndarray) -> None:
    """Places that are missing, and sounds that are unknown, leave the candidate of before."""
    store.keep_candidate(other(ids))
    holed = Candidate("grid", 1, ids, np.full((2, 4), np.nan, np.float32), {}, 2)
    for bad in (holed, Candidate("grid", 1, ids, IN_FORCE[:1], {}, 2), other(np.array([99], np.int32))):
        with pytest.raises(LibraryError):
            store.keep_candidate(bad)
        kept = store.candidate()
        assert kept is not None and kept.xy.tolist() == (1 - IN_FORCE).tolist()


def test_a_snapshot_shows_it_by_the_rows_of_live_sounds(
    store: Store, folder: bytes, ids: np.ndarray, tmp_path: Path
) -> None:
    """A sound that came later has no place there; one that is gone no row."""
    assert not (write_snapshot(store, tmp_path) / "candidate_xy.npy").exists()
    store.keep_candidate(other(ids))
    late = hear(store, add(store, folder, "late.wav", 9), 9)
    store.forget_files([folder + b"/0.wav"])
    place = write_snapshot(store, tmp_path)
    assert np.load(place / "sound_id.npy").tolist() == [ids[1], late]
    shown = np.load(place / "candidate_xy.npy")
    assert shown[0].tolist() == (1 - IN_FORCE)[1].tolist()
    assert np.isnan(shown[1]).all()


def test_a_library_of_before_gets_room_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tables come with the first opening, and nothing else changes."""
    path = tmp_path / "old.klustr"
    with monkeypatch.context() as older:
        older.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:3])
        connection = sqlite3.connect(path, isolation_level=None)
        migrations.migrate(connection)
        connection.close()
    with Store.open(path) as store:
        assert store.candidate() is None
        assert not store.drop_candidate()
