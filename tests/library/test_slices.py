"""Slices: parts of a sound that are sounds of their own."""

import os

import numpy as np

from klustr_bridge.library.store import Store
from klustr_bridge.types import Float32Array, FoundFile
from tests.library.making import D, add, heard, live_ids, rows, sound_at, uid_of

FRAMES = [(0, 1000), (1000, 2500)]


def middle(new: Float32Array) -> Float32Array:
    return np.full((len(new), 2), 0.5, np.float32)


def cut(
    store: Store, file: FoundFile, audio: int, version: int = 1, frames: list[tuple[int, int]] = FRAMES
) -> int:
    """Commit a sound with slices; its id."""
    store.commit_outcomes([heard(file, audio, version, frames)], analysis_version=version, place=middle)
    return sound_at(store, file.path)


def slices_of(store: Store) -> dict[str, int]:
    """Ids of the live slices, by uid."""
    live = set(live_ids(store))
    with store.view() as view:
        return {row.uid: row.id for row in rows(view.sounds()) if row.parent_id and row.id in live}


def test_slices_are_kept_but_not_live_until_they_are_shown(store: Store, folder: bytes) -> None:
    """Showing them needs no analysis, hiding them loses nothing; whole sounds alone are counted."""
    whole = cut(store, add(store, folder, "loop.wav"), 1)
    assert live_ids(store) == [whole] and store.counts().slices == 0
    store.show_slices(True)
    shown = slices_of(store)
    assert sorted(shown) == [f"{uid_of(1)}:0-1000", f"{uid_of(1)}:1000-2500"]
    assert len({whole, *shown.values()}) == 3
    assert (store.counts().sounds, store.counts().slices) == (1, 2)
    assert sorted(store.place_missing(middle)) == sorted(shown.values())
    store.set_favourite(shown[f"{uid_of(1)}:0-1000"], True)
    generation = store.generation
    store.show_slices(True)
    assert store.generation == generation
    store.show_slices(False)
    assert live_ids(store) == [whole] and store.embeddings(dormant=True).ids.tolist() == [whole]
    store.show_slices(True)
    assert slices_of(store) == shown and store.place_missing(middle) == []
    with store.view() as view:
        assert {row.uid for row in rows(view.sounds()) if row.favourite} == {f"{uid_of(1)}:0-1000"}


def test_a_slice_has_its_own_measures(store: Store, folder: bytes) -> None:
    """Length and level are those of the hit; it is no loop itself."""
    store.show_slices(True)
    whole = cut(store, add(store, folder, "loop.wav"), 2)
    with store.view() as view:
        part = next(row for row in rows(view.sounds()) if row.start_frame == 1000)
    assert (part.parent_id, part.start_frame, part.end_frame) == (whole, 1000, 2500)
    assert (part.duration_s, part.sample_rate) == (1500 / 44100, 44100)
    assert (part.loudness_db, part.pitch_confidence, part.is_loop, part.tempo_bpm) == (-20, 0.5, 0, 0)
    assert (part.x, part.y, len(part.embedding)) == (0.5, 0.5, 4 * D)


def test_a_newer_analysis_decides_which_slices_there_are(store: Store, folder: bytes) -> None:
    """A slice found again is the same sound; one that isn't is kept with what the user said of it."""
    store.show_slices(True)
    file = add(store, folder, "loop.wav")
    cut(store, file, 1)
    before = slices_of(store)
    gone = f"{uid_of(1)}:1000-2500"
    store.set_kind(before[gone], "clap")
    cut(store, file, 1, 2, [(0, 1000), (1010, 2500)])
    after = slices_of(store)
    assert set(after) == {f"{uid_of(1)}:0-1000", f"{uid_of(1)}:1010-2500"}
    assert after[f"{uid_of(1)}:0-1000"] == before[f"{uid_of(1)}:0-1000"]
    assert after[f"{uid_of(1)}:1010-2500"] not in before.values()
    assert store.place_missing(middle) == []
    cut(store, file, 1, 3)
    assert slices_of(store) == before
    with store.view() as view:
        assert [row.user_kind for row in rows(view.sounds()) if row.uid == gone] == ["clap"]


def test_a_slice_is_live_while_its_parent_is(store: Store, folder: bytes) -> None:
    """An unplugged drive takes the slices with it, and brings them back."""
    store.show_slices(True)
    cut(store, add(store, folder, "loop.wav"), 1)
    shown = slices_of(store)
    store.set_folder_state(folder, "absent")
    assert live_ids(store) == [] and store.counts().slices == 0
    store.set_folder_state(folder, "watched")
    assert slices_of(store) == shown
    store.forget_files([os.path.join(folder, b"loop.wav")])
    assert live_ids(store) == []


def test_slices_of_a_known_sound_are_kept_once(store: Store, folder: bytes) -> None:
    """Another file with the same audio adds none."""
    store.show_slices(True)
    cut(store, add(store, folder, "loop.wav"), 1)
    shown = slices_of(store)
    cut(store, add(store, folder, "copy.wav", 2), 1)
    assert slices_of(store) == shown and store.counts().slices == 2


def test_a_slice_with_broken_numbers_refuses_its_file(store: Store, folder: bytes) -> None:
    """Nothing that isn't finite gets in."""
    file = add(store, folder, "loop.wav")
    outcome = heard(file, 1, frames=FRAMES)
    assert outcome.analysis is not None
    outcome.analysis.slices[1].embedding[0] = np.inf
    assert store.commit_outcomes([outcome], analysis_version=1).refused == 1
