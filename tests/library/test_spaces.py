"""Which numbers of the stored embeddings count, while a library is heard anew and after it."""

import numpy as np
import pytest

from klustr_bridge.errors import LibraryError
from klustr_bridge.library.heard_kinds import read_known, read_unnamed
from klustr_bridge.library.spaces import ENGINEERED, EXTERNAL, LEARNED, Space, read_space
from klustr_bridge.library.store import Store
from klustr_bridge.sound.aspects import EMBEDDING_SIZE, LEARNED_VERSION, WHOLE_SIZE
from klustr_bridge.types import Float32Array, FoundFile, Outcome
from tests.library.making import add, analysis, embedding_of, rows

BEGINNING = Space(ENGINEERED, EMBEDDING_SIZE)
WHOLE = Space(LEARNED, WHOLE_SIZE)


def middle(new: Float32Array) -> Float32Array:
    return np.full((len(new), 2), 0.5, np.float32)


def commit(store: Store, file: FoundFile, audio: int, version: int, d: int) -> None:
    outcome = Outcome(file.path, file.stamp, analysis(audio, version, d=d), None)
    store.commit_outcomes([outcome], analysis_version=version, place=middle)


def space_of(store: Store) -> Space:
    with store.view() as view:
        return view.space


def test_the_beginning_counts_until_all_have_been_heard_whole(store: Store, folder: bytes) -> None:
    """Every sound is found at every moment of a re-analysis, by what all of them have in common."""
    files = [add(store, folder, f"{index}.wav", index) for index in range(3)]
    assert space_of(store) == Space(ENGINEERED, 0)
    for index, file in enumerate(files):
        commit(store, file, index, 3, EMBEDDING_SIZE)
    assert space_of(store) == BEGINNING
    before = store.embeddings()
    for index, file in enumerate(files[:2]):
        commit(store, file, index, LEARNED_VERSION, WHOLE_SIZE)
        assert space_of(store) == BEGINNING
        found = store.embeddings()
        assert found.ids.tolist() == before.ids.tolist() and found.space == BEGINNING
        expected = embedding_of(index, LEARNED_VERSION, WHOLE_SIZE)[:EMBEDDING_SIZE]
        np.testing.assert_array_equal(found.embedding[index], expected)
    commit(store, files[2], 2, LEARNED_VERSION, WHOLE_SIZE)
    after = store.embeddings()
    assert after.space == WHOLE == space_of(store) and after.ids.tolist() == before.ids.tolist()
    np.testing.assert_array_equal(after.embedding[2], embedding_of(2, LEARNED_VERSION, WHOLE_SIZE))


def test_every_reader_is_in_the_same_space(store: Store, folder: bytes) -> None:
    """Kinds and snapshots read what searching reads, sounds of both lengths alike."""
    named, unnamed = add(store, folder, "a.wav", 0, kind="kick"), add(store, folder, "b.wav", 1)
    commit(store, named, 0, 3, EMBEDDING_SIZE)
    commit(store, unnamed, 1, LEARNED_VERSION, WHOLE_SIZE)
    with store.view() as view:
        known, (guessed,) = read_known(view.connection), read_unnamed(view.connection, all_of_them=True)
        assert known.embedding.shape == guessed.embedding.shape == (1, EMBEDDING_SIZE)
        assert known.space == guessed.space == BEGINNING
        assert [len(row.embedding) for row in rows(view.sounds())] == [4 * EMBEDDING_SIZE] * 2
    commit(store, named, 0, LEARNED_VERSION, WHOLE_SIZE)
    with store.view() as view:
        known, (guessed,) = read_known(view.connection), read_unnamed(view.connection, all_of_them=True)
        assert known.embedding.shape == guessed.embedding.shape == (1, WHOLE_SIZE)
        assert [len(row.embedding) for row in rows(view.sounds())] == [4 * WHOLE_SIZE] * 2


def test_another_hearing_needs_no_analysis(store: Store, folder: bytes) -> None:
    """A learned library told to hear by the engineered embedding reads its beginnings, and back again."""
    file = add(store, folder, "a.wav")
    commit(store, file, 1, LEARNED_VERSION, WHOLE_SIZE)
    generation = store.generation
    store.hear_by(LEARNED)
    assert store.generation == generation and space_of(store) == WHOLE
    store.hear_by(ENGINEERED)
    assert store.generation > generation and space_of(store) == BEGINNING
    whole = embedding_of(1, LEARNED_VERSION, WHOLE_SIZE)
    np.testing.assert_array_equal(store.embeddings().embedding, [whole[:EMBEDDING_SIZE]])
    with Store.open(store.path, writable=False) as reader:  # another process hears by the same
        assert space_of(reader) == BEGINNING
    store.hear_by(LEARNED)
    np.testing.assert_array_equal(store.embeddings().embedding, [whole])
    with pytest.raises(LibraryError, match="feeling"):
        store.hear_by("feeling")


def test_dormant_sounds_hold_nothing_up(store: Store, folder: bytes) -> None:
    """What no file holds any more is never heard anew, and the whole rows of all others count."""
    gone, here = add(store, folder, "gone.wav"), add(store, folder, "here.wav", 1)
    commit(store, gone, 0, 3, EMBEDDING_SIZE)
    commit(store, here, 1, LEARNED_VERSION, WHOLE_SIZE)
    assert space_of(store) == BEGINNING
    store.forget_files([gone.path])
    assert space_of(store) == WHOLE and len(store.embeddings(dormant=True).ids) == 1
    again = add(store, folder, "gone.wav", 2)
    commit(store, again, 0, 3, EMBEDDING_SIZE)  # it joins its sound, which was heard before
    assert space_of(store) == BEGINNING and len(store.embeddings(dormant=True).ids) == 2


def test_other_releases_count_until_most_are_heard_anew(store: Store, folder: bytes) -> None:
    """Embeddings that begin otherwise have nothing in common with ours; ours of both lengths do."""
    files = [add(store, folder, f"{index}.wav", index) for index in range(4)]
    for index, file in enumerate(files):
        commit(store, file, index, 2, 60)
    found: list[tuple[int, int]] = []
    for index, (file, d) in enumerate(
        zip(files, (WHOLE_SIZE, EMBEDDING_SIZE, WHOLE_SIZE, WHOLE_SIZE), strict=True)
    ):
        commit(store, file, index, 3, d)
        with store.view() as view:
            found.append((read_space(view.connection).size, len(store.embeddings().ids)))
    assert found == [(60, 3), (EMBEDDING_SIZE, 2), (EMBEDDING_SIZE, 3), (EMBEDDING_SIZE, 4)]


def test_two_ears_are_never_compared(store: Store, folder: bytes) -> None:
    """Beginnings count until this release's ear has heard all; rows of the other keep what was heard."""
    files = [add(store, folder, f"{index}.wav", index) for index in range(3)]
    for index, file in enumerate(files):
        commit(store, file, index, LEARNED_VERSION - 1, WHOLE_SIZE)
    before = store.embeddings()
    assert before.space == BEGINNING and len(before.ids) == 3
    np.testing.assert_array_equal(before.embedding[1], embedding_of(1, LEARNED_VERSION - 1, WHOLE_SIZE)[:87])
    assert store.requeue_outdated(LEARNED_VERSION) == 3
    for index, file in enumerate(files):
        assert space_of(store) == BEGINNING and len(store.embeddings().ids) == 3
        commit(store, file, index, LEARNED_VERSION, WHOLE_SIZE)
    after = store.embeddings()
    assert after.space == WHOLE and after.ids.tolist() == before.ids.tolist()
    np.testing.assert_array_equal(after.xy, before.xy)


def test_a_dormant_sound_of_another_ear_is_no_neighbour(store: Store, folder: bytes) -> None:
    """It holds nothing up while its folder is away, takes no part, and has the beginnings count when back."""
    gone, here = add(store, folder, "gone.wav", 0), add(store, folder, "here.wav", 1)
    commit(store, gone, 0, LEARNED_VERSION - 1, WHOLE_SIZE)
    commit(store, here, 1, LEARNED_VERSION, WHOLE_SIZE)
    assert space_of(store) == BEGINNING
    store.forget_files([gone.path])
    assert space_of(store) == WHOLE
    assert len(store.embeddings(dormant=True).ids) == len(store.embeddings().ids) == 1
    commit(store, add(store, folder, "back.wav", 2), 0, LEARNED_VERSION - 1, WHOLE_SIZE)
    assert space_of(store) == BEGINNING and len(store.embeddings().ids) == 2


def test_maps_and_cells_note_what_rows_are() -> None:
    """Neither another ear, nor other numbers, nor other vectors have the same mark."""
    spaces = [WHOLE, BEGINNING, *(Space(EXTERNAL, WHOLE_SIZE, number) for number in (1, 2, EMBEDDING_SIZE))]
    assert len({space.mark for space in spaces} | {WHOLE_SIZE}) == len(spaces) + 1
