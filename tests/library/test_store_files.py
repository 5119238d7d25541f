"""Noting and forgetting files, moves."""

import os
from pathlib import Path

import pytest

from klustr_bridge.library.scan import scan_path
from klustr_bridge.library.store import Store
from klustr_bridge.types import FileStamp, FoundFile
from tests.library.making import (
    add,
    below,
    hear,
    live_ids,
    refused,
    reserved_at,
    sound_at,
    stamp,
    write_file,
)


def test_listed_file_is_pending_with_an_id(store: Store, folder: bytes) -> None:
    """A file can be named by its id from the moment it is listed, and its sound takes that id."""
    file = add(store, folder, "a.wav")
    reserved = reserved_at(store, file.path)
    assert reserved is not None and store.take_pending(5) == [file]
    assert hear(store, file, 1) == reserved
    assert store.take_pending(5) == []


def test_noting_twice_changes_nothing(store: Store, folder: bytes) -> None:
    """An unchanged file is left alone, even where the file system gives inodes anew."""
    file = add(store, folder, "a.wav", inode=5)
    sound = hear(store, file, 1)
    before = store.generation
    noted = store.note_files([(file, ("unknown", "")), (FoundFile(file.path, stamp(0, 6)), ("unknown", ""))])
    assert (noted.n_new, noted.n_changed, noted.n_moved) == (0, 0, 0)
    assert store.generation == before
    assert sound_at(store, file.path) == sound
    assert store.known_files(folder) == {file.path: stamp(0, 6)}


def test_changed_file_is_pending_again(store: Store, folder: bytes) -> None:
    """New content puts the old sound to sleep and gives the file a new id."""
    file = add(store, folder, "a.wav")
    sound = hear(store, file, 1)
    changed = FoundFile(file.path, stamp(1))
    assert store.note_files([(changed, ("unknown", ""))]).n_changed == 1
    assert live_ids(store) == []
    reserved = reserved_at(store, file.path)
    assert reserved is not None and reserved > sound
    assert hear(store, changed, 2) == reserved
    store.note_files([(FoundFile(file.path, stamp(2)), ("unknown", ""))])
    assert hear(store, FoundFile(file.path, stamp(2)), 1) == sound


def test_file_in_no_watched_folder_is_passed_over(store: Store, folder: bytes) -> None:
    """A scan that was running while its folder was removed does no harm."""
    file = FoundFile(below(os.path.dirname(folder), "x.wav"), stamp())
    assert store.note_files([(file, ("unknown", ""))]).n_new == 0
    assert store.counts().files == 0


def test_forgotten_files_leave_dormant_sounds(store: Store, folder: bytes) -> None:
    """Deleting files by name or by directory keeps their sounds for their return."""
    files = [
        add(store, folder, name, index)
        for index, name in enumerate(("d/a.wav", "d/b.wav", "d2/c.wav", "d.wav"))
    ]
    sounds = [hear(store, file, audio) for audio, file in enumerate(files)]
    assert store.forget_under(below(folder, "d")) == 2
    assert live_ids(store) == sounds[2:]
    assert store.forget_files([files[3].path, b"/unknown"]) == 1
    before = store.generation
    assert store.forget_files([files[3].path]) == 0 and store.forget_under(b"/unknown") == 0
    assert store.generation == before
    again = add(store, folder, "back.wav", 9)
    assert hear(store, again, 0) == sounds[0]


def test_pending_order_and_exclusion(store: Store, folder: bytes) -> None:
    """Files come in the order they were met, without those being worked on; new ones before re-analysis."""
    files = [add(store, folder, f"{index}.wav", index) for index in range(5)]
    hear(store, files[0], 0)
    assert store.requeue_outdated(2) == 1
    assert store.take_pending(2, {files[1].path}) == [files[2], files[3]]
    assert store.take_pending(9) == [*files[1:], files[0]]
    assert store.take_pending(0) == []
    assert store.count_pending() == 5


@pytest.mark.parametrize("told", [True, False])
def test_move_is_seen(store: Store, folder: bytes, told: bool) -> None:
    """A renamed file keeps its sound without analysis, whether or not the old path is said to be gone."""
    file = add(store, folder, "old.wav", inode=5)
    sound = hear(store, file, 1)
    moved = FoundFile(below(folder, "new/name.wav"), file.stamp)
    noted = store.note_files([(moved, ("kick", "file"))], gone=[file.path] if told else [])
    assert (noted.n_new, noted.n_moved, noted.n_forgotten) == (0, 1, 0)
    assert list(store.known_files(folder)) == [moved.path]
    assert sound_at(store, moved.path) == sound and store.count_pending() == 0


def test_move_with_real_files(store: Store, folder: bytes) -> None:
    """A real rename is seen as a move, a real copy is not."""
    root = Path(os.fsdecode(folder))
    path = write_file(root / "a.wav")
    os.utime(path, ns=(1_700_000_000_123_456_789, 1_700_000_000_123_456_789))
    file = scan_path(os.fsencode(path))
    assert file is not None
    store.note_files([(file, ("unknown", ""))])
    sound = hear(store, file, 1)
    path.rename(root / "b.wav")
    write_file(root / "c.wav", path.with_name("b.wav").read_bytes())
    found = [scan_path(os.fsencode(root / name)) for name in ("b.wav", "c.wav")]
    noted = store.note_files([(each, ("unknown", "")) for each in found if each is not None])
    assert (noted.n_moved, noted.n_new) == (1, 1)
    assert sound_at(store, os.fsencode(root / "b.wav")) == sound
    assert sound_at(store, os.fsencode(root / "c.wav")) == 0


def test_link_to_a_present_file_is_no_move(store: Store, folder: bytes) -> None:
    """A second name of a file that is still there is a file of its own."""
    root = Path(os.fsdecode(folder))
    path = write_file(root / "a.wav")
    first = scan_path(os.fsencode(path))
    assert first is not None
    store.note_files([(first, ("unknown", ""))])
    sound = hear(store, first, 1)
    second = FoundFile(below(folder, "b.wav"), first.stamp)
    noted = store.note_files([(second, ("unknown", ""))])
    assert (noted.n_moved, noted.n_new) == (0, 1)
    assert hear(store, second, 1) == sound and sound_at(store, first.path) == sound


@pytest.mark.parametrize("inode", [0, 5])
def test_without_identity_no_move(store: Store, folder: bytes, inode: int) -> None:
    """Where the system has no inodes, or the stamps differ, the audio itself decides."""
    file = add(store, folder, "old.wav", inode=inode)
    sound = hear(store, file, 1)
    new = FoundFile(below(folder, "new.wav"), stamp(0 if inode == 0 else 1, inode))
    noted = store.note_files([(new, ("unknown", ""))], gone=[file.path])
    assert (noted.n_moved, noted.n_new, noted.n_forgotten) == (0, 1, 1)
    assert hear(store, new, 1) == sound


def test_unpacked_again_is_no_move(store: Store, folder: bytes) -> None:
    """Equal sizes and an archive's whole-second times with inodes used again don't mix sounds up."""
    packed = FileStamp(1000, 1_700_000_000_000_000_000, 5, 7)
    first = FoundFile(below(folder, "pack/kick.wav"), packed)
    store.note_files([(first, ("unknown", ""))])
    sound = hear(store, first, 1)
    other = FoundFile(below(folder, "pack2/snare.wav"), packed)
    assert store.note_files([(other, ("unknown", ""))], gone=[first.path]).n_moved == 0
    store.forget_files([other.path])
    store.note_files([(first, ("unknown", ""))])
    hear(store, first, 1)
    renamed_folder = FoundFile(below(folder, "pack2/kick.wav"), packed)
    assert store.note_files([(renamed_folder, ("unknown", ""))], gone=[first.path]).n_moved == 1
    assert sound_at(store, renamed_folder.path) == sound


def test_chain_and_swap_of_names(store: Store, folder: bytes) -> None:
    """Renaming over one another (a to b, b to c) and exchanging two names keep every sound."""
    a, b = add(store, folder, "a.wav", 1, inode=1), add(store, folder, "b.wav", 2, inode=2)
    sound_a, sound_b = hear(store, a, 1), hear(store, b, 2)
    new_b, new_c = FoundFile(b.path, a.stamp), FoundFile(below(folder, "c.wav"), b.stamp)
    assert store.note_files([(new_b, ("unknown", "")), (new_c, ("unknown", ""))], gone=[a.path]).n_moved == 2
    assert (sound_at(store, b.path), sound_at(store, new_c.path)) == (sound_a, sound_b)
    swapped = [
        (FoundFile(b.path, b.stamp), ("unknown", "")),
        (FoundFile(new_c.path, a.stamp), ("unknown", "")),
    ]
    assert store.note_files(swapped).n_moved == 2
    assert (sound_at(store, b.path), sound_at(store, new_c.path)) == (sound_b, sound_a)
    assert store.count_pending() == 0


def test_moved_away_and_replaced(store: Store, folder: bytes) -> None:
    """A file moved to a new name while another one takes its old name: the first moves, the second is new."""
    a = add(store, folder, "a.wav", 1, inode=1)
    sound = hear(store, a, 1)
    moved, fresh = FoundFile(below(folder, "b.wav"), a.stamp), FoundFile(a.path, stamp(3, 3))
    noted = store.note_files([(fresh, ("unknown", "")), (moved, ("unknown", ""))])
    assert (noted.n_moved, noted.n_changed) == (1, 1)
    assert sound_at(store, moved.path) == sound and sound_at(store, a.path) == 0
    assert store.take_pending(5) == [fresh]


def test_one_file_moves_to_one_place(store: Store, folder: bytes) -> None:
    """Where two new paths are the same file (hard links), one is the move, the other a file of its own."""
    file = add(store, folder, "a.wav", inode=5)
    reserved = reserved_at(store, file.path)
    twins = [FoundFile(below(folder, name), file.stamp) for name in ("b.wav", "c.wav")]
    noted = store.note_files([(twin, ("unknown", "")) for twin in twins], gone=[file.path])
    assert (noted.n_moved, noted.n_new) == (1, 1)
    assert reserved_at(store, twins[0].path) == reserved
    assert reserved_at(store, twins[1].path) not in (None, reserved)


def test_pending_and_refused_files_move_as_they_are(store: Store, folder: bytes) -> None:
    """A waiting file keeps its id through a move; a refused one is not tried again."""
    waiting, bad = add(store, folder, "a.wav", 1, inode=1), add(store, folder, "b.wav", 2, inode=2)
    reserved = reserved_at(store, waiting.path)
    store.commit_outcomes([refused(bad)], analysis_version=1)
    moved = [
        FoundFile(below(folder, name), file.stamp) for name, file in (("c.wav", waiting), ("d.wav", bad))
    ]
    store.note_files([(file, ("unknown", "")) for file in moved], gone=[waiting.path, bad.path])
    assert reserved_at(store, moved[0].path) == reserved
    assert store.problems() == [(moved[1].path, "no audio in it")]


def test_absent_folder_is_not_robbed(store: Store, folder: bytes, tmp_path: Path) -> None:
    """Files of an unplugged drive stay listed even if another drive shows the same stamps."""
    file = add(store, folder, "a.wav", inode=5)
    sound = hear(store, file, 1)
    store.set_folder_state(folder, "absent")
    other = store.add_folder(os.fsencode(tmp_path / "other")).path
    twin = FoundFile(below(other, "a.wav"), file.stamp)
    assert store.note_files([(twin, ("unknown", ""))]).n_moved == 0
    assert hear(store, twin, 1) == sound
    store.set_folder_state(folder, "watched")
    assert sound_at(store, file.path) == sound
