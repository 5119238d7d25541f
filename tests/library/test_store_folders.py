"""Watched folders."""

import os
from pathlib import Path

import pytest

from klustr_bridge.errors import LibraryError
from klustr_bridge.library.store import Store
from tests.library.making import add, hear, live_ids, sound_at


def test_folders_do_not_overlap(store: Store, tmp_path: Path) -> None:
    """A folder below a watched one is covered; a parent absorbs its children with what they hold."""
    child, parent = os.fsencode(tmp_path / "p/c"), os.fsencode(tmp_path / "p")
    assert store.add_folder(child).outcome == "added"
    assert store.add_folder(os.path.join(child, b"")).outcome == "known"
    file = add(store, child, "a.wav")
    sound = hear(store, file, 1)
    covered = store.add_folder(os.path.join(child, b"deep"))
    assert (covered.path, covered.outcome) == (child, "covered")
    absorbed = store.add_folder(parent)
    assert (absorbed.path, absorbed.outcome, absorbed.absorbed) == (parent, "absorbed", (child,))
    assert [(each.path, each.state, each.n_files) for each in store.folders()] == [(parent, "watched", 1)]
    assert sound_at(store, file.path) == sound and store.count_pending() == 0


def test_namesake_is_not_below(store: Store, tmp_path: Path) -> None:
    """/samples2 has nothing to do with /samples."""
    store.add_folder(os.fsencode(tmp_path / "samples"))
    assert store.add_folder(os.fsencode(tmp_path / "samples2")).outcome == "added"


def test_absent_folder_keeps_its_files(store: Store, folder: bytes) -> None:
    """An unplugged drive's sounds are not live, nothing is lost, and all come back with it."""
    file, waiting = add(store, folder, "a.wav"), add(store, folder, "b.wav", 1)
    sound = hear(store, file, 1, xy=(0.5, 0.5))
    before = store.generation
    store.set_folder_state(folder, "absent")
    assert store.generation == before + 1
    assert live_ids(store) == [] and store.counts().files == 0
    assert store.take_pending(9) == [] and store.count_pending() == 0
    assert set(store.known_files(folder)) == {file.path, waiting.path}
    store.set_folder_state(folder, "absent")
    assert store.generation == before + 1
    store.set_folder_state(folder, "polled")
    assert live_ids(store) == [sound] and store.take_pending(9) == [waiting]
    assert store.embeddings().xy.tolist() == [[0.5, 0.5]]


def test_removed_folder_leaves_its_sounds_asleep(store: Store, folder: bytes) -> None:
    """Watching a folder again gives its sounds their ids back."""
    sound = hear(store, add(store, folder, "a.wav"), 1)
    assert store.remove_folder(folder) == 1
    assert live_ids(store) == [] and store.folders() == []
    store.add_folder(folder)
    file = add(store, folder, "other.wav", 5)
    assert hear(store, file, 1) == sound


def test_unknown_folder_is_a_plain_error(store: Store, folder: bytes) -> None:
    """The message names the folders there are; bad states are refused."""
    with pytest.raises(LibraryError, match="samples"):
        store.remove_folder(folder + b"x")
    with pytest.raises(LibraryError):
        store.set_folder_state(folder + b"x", "absent")
    with pytest.raises(LibraryError, match="none of"):
        store.set_folder_state(folder, "gone")  # type: ignore[arg-type]
