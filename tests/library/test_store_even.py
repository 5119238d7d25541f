"""Even positions in the store: beside the natural ones, and made up for in older libraries."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.errors import LibraryError
from klustr_bridge.library import migrations
from klustr_bridge.library.snapshot import write_snapshot
from klustr_bridge.library.store import Store
from klustr_bridge.types import Float32Array
from tests.library.making import add, hear, heard


def corner(new: Float32Array) -> Float32Array:
    return np.tile(np.array([0.5, 0.5, 0.25, 0.75], np.float32), (len(new), 1))


def without_even(new: Float32Array) -> Float32Array:
    return np.tile(np.array([0.5, 0.5, np.nan, np.nan], np.float32), (len(new), 1))


def test_both_positions_come_back_as_given(store: Store, folder: bytes, tmp_path: Path) -> None:
    """An epoch's positions and those of sounds placed on it are read back, and shown in snapshots."""
    ids = [hear(store, add(store, folder, f"{n}.wav", n), n) for n in range(2)]
    both = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]], np.float32)
    made = store.write_epoch("pca", 1, np.array(ids, np.int32), both, {}, even_side=256)
    assert store.epoch() == made and made.even_side == 256
    late = add(store, folder, "late.wav", 9)
    store.commit_outcomes([heard(late, 9)], analysis_version=1, place=corner)
    found = store.embeddings()
    assert np.hstack([found.xy, found.even]).tolist() == [*both.tolist(), [0.5, 0.5, 0.25, 0.75]]
    shown = np.load(write_snapshot(store, tmp_path) / "even_xy.npy")
    assert shown.tolist() == found.even.tolist()
    assert store.missing_even()[0].tolist() == []


def test_even_positions_are_given_later_and_natural_ones_stay(store: Store, folder: bytes) -> None:
    """Live sounds without an even position are told, and get one in one step with the lattice's side."""
    files = [add(store, folder, f"{n}.wav", n) for n in range(3)]
    ids = np.array([hear(store, file, n) for n, file in enumerate(files)], np.int32)
    xy = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], np.float32)
    store.write_epoch("pca", 1, ids, xy, {})
    store.forget_files([files[0].path])
    missing, natural = store.missing_even()
    assert missing.tolist() == ids[1:].tolist() and natural.tolist() == xy[1:].tolist()
    before = store.generation
    store.write_even(ids, xy[::-1].copy(), side=128)
    found, epoch = store.embeddings(dormant=True), store.epoch()
    assert found.xy.tolist() == xy.tolist() and found.even.tolist() == xy[::-1].tolist()
    assert epoch is not None and (epoch.number, epoch.even_side) == (1, 128)
    assert store.generation > before and not len(store.missing_even()[0])
    before = store.generation
    store.write_even(ids[:0], xy[:0])
    assert store.generation == before
    with pytest.raises(LibraryError):
        store.write_even(ids[:1], np.full((1, 2), np.nan, np.float32))


def test_cells_of_dormant_sounds_can_be_given_up(store: Store, folder: bytes) -> None:
    """Only dormant sounds lose their even position; when one comes back it is told as missing one."""
    files = [add(store, folder, f"{n}.wav", n) for n in range(2)]
    ids = [hear(store, file, n) for n, file in enumerate(files)]
    both = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]], np.float32)
    store.write_epoch("pca", 1, np.array(ids, np.int32), both, {}, even_side=128)
    store.forget_files([files[0].path])
    assert store.clear_dormant_even() == 1
    found = store.embeddings(dormant=True)
    assert np.isnan(found.even[0]).all() and found.even[1].tolist() == both[1, 2:].tolist()
    assert found.xy.tolist() == both[:, :2].tolist()
    store.note_files([(files[0], ("unknown", ""))])
    done = store.commit_outcomes([heard(files[0], 0)], analysis_version=1, place=corner)
    assert done.revived_ids == [ids[0]]
    assert store.missing_even()[0].tolist() == [ids[0]]


def test_a_placement_may_leave_the_even_position_open(store: Store, folder: bytes) -> None:
    """Where every cell is taken a sound has its natural position alone."""
    file = add(store, folder, "a.wav")
    store.commit_outcomes([heard(file, 1)], analysis_version=1, place=without_even)
    found = store.embeddings()
    assert found.xy.tolist() == [[0.5, 0.5]] and np.isnan(found.even).all()
    assert store.missing_even()[0].tolist() == found.ids.tolist()


def test_a_library_from_before_the_even_view_keeps_everything(tmp_path: Path) -> None:
    """The first format is brought up to date: positions stay, no sound has an even one yet."""
    path = tmp_path / "old.klustr"
    with sqlite3.connect(path) as old:
        for statement in migrations.MIGRATIONS[0]:
            old.execute(statement)
        old.execute(f"PRAGMA application_id = {migrations.APPLICATION_ID}")
        old.execute("PRAGMA user_version = 1")
        old.execute(
            "INSERT INTO sounds VALUES (1, 'u', 1, 44100, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, NULL, NULL, 0, "
            "NULL, NULL, NULL, 1, ?)",
            (b"\0\0\0\0",),
        )
        old.execute("INSERT INTO folders VALUES (1, ?, 'watched')", (b"/x",))
        old.execute(
            "INSERT INTO files VALUES (1, ?, 1, 0, 0, 0, 0, 'analysed', NULL, 1, NULL, 'kick', 'file')",
            (b"/x/a.wav",),
        )
        old.execute("INSERT INTO positions VALUES (1, 0.25, 0.5, 1)")
        old.execute("INSERT INTO epochs VALUES (3, 'umap', 1, 1, 0, '{}')")
    old.close()
    with Store.open(path) as store:
        epoch, found = store.epoch(), store.embeddings()
        assert epoch is not None and (epoch.number, epoch.method, epoch.even_side) == (3, "umap", 0)
        assert found.xy.tolist() == [[0.25, 0.5]] and np.isnan(found.even).all()
        assert store.missing_even()[0].tolist() == [1]
