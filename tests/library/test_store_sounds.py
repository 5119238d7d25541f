"""Outcomes, positions, epochs, what users set."""

import numpy as np
import pytest

from klustr_bridge.errors import LibraryError
from klustr_bridge.library.store import Store
from klustr_bridge.types import Float32Array, FoundFile, Outcome
from tests.library.making import (
    add,
    analysis,
    embedding_of,
    hear,
    heard,
    live_ids,
    refused,
    reserved_at,
    rows,
    sound_at,
    stamp,
    uid_of,
)


def middle(new: Float32Array) -> Float32Array:
    return np.full((len(new), 2), 0.5, np.float32)


def test_duplicates_in_a_batch_are_one_sound(store: Store, folder: bytes) -> None:
    """Several files with the same audio in one batch make one sound, under the first one's id."""
    files = [add(store, folder, f"{index}.wav", index) for index in range(3)]
    first = reserved_at(store, files[0].path)
    done = store.commit_outcomes([heard(file, 1) for file in files], analysis_version=1, place=middle)
    assert done.new_ids == [first] and done.revived_ids == []
    assert {sound_at(store, file.path) for file in files} == {first}
    assert store.counts().sounds == 1
    np.testing.assert_array_equal(store.embeddings().embedding, [embedding_of(1)])


def test_refused_file_waits_for_a_change(store: Store, folder: bytes) -> None:
    """A refused file keeps its reason and is tried again only with a new stamp."""
    file = add(store, folder, "a.wav")
    done = store.commit_outcomes([refused(file, "bad \udcff header")], analysis_version=1)
    assert done.refused == 1
    assert store.problems() == [(file.path, "bad ? header")]
    assert store.problems(0) == [] and store.problems(5, 1) == []
    store.note_files([(file, ("unknown", ""))])
    assert store.requeue_outdated(99) == 0 and store.count_pending() == 0
    assert store.counts().refused == 1
    changed = FoundFile(file.path, stamp(1))
    store.note_files([(changed, ("unknown", ""))])
    assert store.take_pending(1) == [changed] and store.problems() == []


def test_refused_files_are_found_by_the_end_of_their_reason(store: Store, folder: bytes) -> None:
    """They wait again, each with an id of its own, and every other refused file stays as it is."""
    files = [add(store, folder, name) for name in ("a.m4a", "b.wma", "c.wav", "d.m4a")]
    reasons = ["M4A files need a thing", "WMA files need a thing", "silent", "need a thing, or two"]
    store.commit_outcomes(list(map(refused, files, reasons)), analysis_version=1)
    before = store.generation
    assert not store.has_refused("a thing which is there")
    assert store.requeue_refused("a thing which is there") == 0 and store.generation == before
    assert store.has_refused("need a thing")
    assert store.requeue_refused("need a thing") == 2 and store.generation > before
    assert store.take_pending(9) == files[:2] and not store.has_refused("need a thing")
    assert len({hear(store, file, number) for number, file in enumerate(files[:2])}) == 2
    assert [path for path, _ in store.problems()] == [file.path for file in files[2:]]


def test_outcome_of_a_forgotten_or_changed_file_is_dropped(store: Store, folder: bytes) -> None:
    """What was measured on another content is not believed; the file stays pending."""
    gone, old = add(store, folder, "gone.wav"), add(store, folder, "old.wav")
    store.forget_files([gone.path])
    new = FoundFile(old.path, stamp(7))
    store.note_files([(new, ("unknown", ""))])
    before = store.generation
    done = store.commit_outcomes([heard(gone, 1), heard(old, 2), refused(old)], analysis_version=1)
    assert (done.dropped, done.refused, done.new_ids) == (3, 0, [])
    assert store.take_pending(5) == [new] and store.generation == before


def test_numbers_that_are_not_finite_are_refused(store: Store, folder: bytes) -> None:
    """A broken measure costs its own file, never its batch."""
    bad, good = add(store, folder, "bad.wav"), add(store, folder, "good.wav")
    broken = analysis(1)
    broken.embedding[3] = np.nan
    done = store.commit_outcomes(
        [Outcome(bad.path, bad.stamp, broken, None), heard(good, 2)], analysis_version=1
    )
    assert done.refused == 1 and len(done.new_ids) == 1
    assert "not finite" in store.problems()[0][1]


def test_revived_sound_keeps_everything(store: Store, folder: bytes) -> None:
    """Audio that comes back under any name has its id, position, favourite and kind again."""
    file = add(store, folder, "a.wav")
    sound = hear(store, file, 1, xy=(0.25, 0.75))
    store.set_favourite(sound, True)
    store.set_kind(sound, "clap")
    store.forget_files([file.path])
    again = add(store, folder, "other.wav", 3)
    done = store.commit_outcomes([heard(again, 1)], analysis_version=1, place=middle)
    assert (done.new_ids, done.revived_ids) == ([], [sound])
    with store.view() as view:
        row = next(rows(view.sounds()))
    assert (row.id, row.uid, row.favourite, row.user_kind, row.x, row.y) == (
        sound,
        uid_of(1),
        1,
        "clap",
        0.25,
        0.75,
    )


def test_copy_revives_nothing(store: Store, folder: bytes) -> None:
    """A further file of a live sound joins it without news."""
    sound = hear(store, add(store, folder, "a.wav"), 1)
    copy = add(store, folder, "b.wav", 1)
    done = store.commit_outcomes([heard(copy, 1)], analysis_version=1)
    assert (done.new_ids, done.revived_ids) == ([], []) and sound_at(store, copy.path) == sound


def test_ids_are_never_given_twice(store: Store, folder: bytes) -> None:
    """Neither forgetting nor opening anew makes an id come back for other audio."""
    given: set[int] = set()
    for round_number in range(3):
        with Store.open(store.path) as again:
            for index in range(3):
                file = add(again, folder, f"{index}.wav", 10 * round_number + index)
                reserved = reserved_at(again, file.path)
                assert reserved is not None and reserved not in given and reserved > 0
                given.add(reserved)
                hear(again, file, 10 * round_number + index)
            again.forget_under(folder)
    assert max(given) < 2**31


def test_ids_run_out_plainly(store: Store, folder: bytes) -> None:
    """Past the largest int32 the library says so and stays as it was."""
    store._connection.execute("UPDATE meta SET value = ? WHERE key = 'next_id'", (2**31 - 1,))
    add(store, folder, "a.wav")
    with pytest.raises(LibraryError, match="ids"):
        add(store, folder, "b.wav", 1)
    assert store.counts().files == 1


def test_newer_analysis_comes_in_the_background(store: Store, folder: bytes) -> None:
    """Old answers stay until the new ones are there; one file a sound is enough; the position stays."""
    files = [add(store, folder, f"{index}.wav", index) for index in range(3)]
    sound = hear(store, files[0], 1, xy=(0.5, 0.25))
    hear(store, files[1], 1)
    other = hear(store, files[2], 2)
    assert store.requeue_outdated(1) == 0
    assert store.requeue_outdated(2) == 2
    assert store.requeue_outdated(2) == 0
    assert live_ids(store) == [sound, other] and store.counts().pending == 2
    np.testing.assert_array_equal(store.embeddings().embedding[0], embedding_of(1))
    done = store.commit_outcomes([heard(file, 1, 2) for file in store.take_pending(1)], analysis_version=2)
    assert (done.new_ids, done.revived_ids, done.updated_ids) == ([], [], [sound])
    after = store.embeddings()
    np.testing.assert_array_equal(after.embedding[0], embedding_of(1, 2))
    assert after.xy[0].tolist() == [0.5, 0.25]
    assert store.requeue_outdated(2) == 0 and store.count_pending() == 1


def test_older_analysis_does_not_replace_a_newer_one(store: Store, folder: bytes) -> None:
    """An outcome of the same or an older analysis leaves the measures of a known sound alone."""
    first, second = add(store, folder, "a.wav"), add(store, folder, "b.wav", 1)
    hear(store, first, 1, version=2)
    done = store.commit_outcomes([heard(second, 1, 1)], analysis_version=1)
    assert done.updated_ids == []
    np.testing.assert_array_equal(store.embeddings().embedding, [embedding_of(1, 2)])


def test_embeddings_of_two_lengths(store: Store, folder: bytes) -> None:
    """While a release with longer embeddings re-analyses, readers get one length: that of most sounds."""
    files = [add(store, folder, f"{index}.wav", index) for index in range(3)]
    ids = [hear(store, file, index, xy=(0.1, 0.1)) for index, file in enumerate(files)]
    for n_done, file in enumerate(files, 1):
        outcome = Outcome(file.path, file.stamp, analysis(n_done - 1, 2, d=12), None)
        store.commit_outcomes([outcome], analysis_version=2, place=middle)
        points = store.embeddings()
        assert points.embedding.shape == ((2, 8), (2, 12), (3, 12))[n_done - 1]
        assert points.ids.tolist() == (ids[1:], ids[:2], ids)[n_done - 1]


def test_epoch_replaces_all_positions(store: Store, folder: bytes) -> None:
    """A new layout takes every old position away; who was heard meanwhile is placed in it."""
    files = [add(store, folder, f"{index}.wav", index) for index in range(4)]
    ids = [hear(store, file, index, xy=(0.1, 0.1)) for index, file in enumerate(files)]
    store.forget_files([files[3].path])
    assert store.epoch() is None and store.counts().epoch == 0
    xy = np.array([[0.0, 1.0], [0.5, 0.5]], np.float32)
    made = store.write_epoch(
        "umap", 7, np.array(ids[:2], np.int32), xy, {"share": np.float64(0.5)}, place=middle
    )
    assert store.epoch() == made and (made.number, made.n_fitted, made.scores) == (1, 2, {"share": 0.5})
    assert store.embeddings().xy.tolist() == [[0.0, 1.0], [0.5, 0.5], [0.5, 0.5]]
    assert np.isnan(store.embeddings(dormant=True).xy[3]).all()
    store.note_files([(files[3], ("unknown", ""))])
    done = store.commit_outcomes([heard(files[3], 3)], analysis_version=1, place=middle)
    assert done.revived_ids == [ids[3]]
    assert store.embeddings().xy[3].tolist() == [0.5, 0.5]
    again = store.write_epoch("pca", 8, np.array(ids, np.int32), np.zeros((4, 2), np.float32), {})
    assert again.number == 2 and store.counts().epoch == 2


def test_returning_folder_is_placed(store: Store, folder: bytes) -> None:
    """Sounds whose folder was away during a fit get positions on their return, once."""
    sound = hear(store, add(store, folder, "a.wav"), 1, xy=(0.1, 0.1))
    store.set_folder_state(folder, "absent")
    store.write_epoch("pca", 1, np.empty(0, np.int32), np.empty((0, 2), np.float32), {}, place=middle)
    store.set_folder_state(folder, "watched")
    assert np.isnan(store.embeddings().xy).all()
    assert store.place_missing(middle) == [sound]
    before = store.generation
    assert store.place_missing(middle) == [] and store.generation == before
    assert store.embeddings().xy.tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize("xy", [np.zeros((1, 3), np.float32), np.full((1, 2), np.nan, np.float32)])
def test_impossible_positions_are_refused_whole(store: Store, folder: bytes, xy: Float32Array) -> None:
    """A layout that can't be kept leaves the old one in force."""
    sound = hear(store, add(store, folder, "a.wav"), 1, xy=(0.1, 0.1))
    with pytest.raises(LibraryError):
        store.write_epoch("pca", 1, np.array([sound], np.int32), xy, {})
    with pytest.raises(LibraryError):
        store.write_epoch("pca", 1, np.array([999], np.int32), np.zeros((1, 2), np.float32), {})
    assert store.epoch() is None
    assert store.embeddings().xy.tolist() == [[np.float32(0.1), np.float32(0.1)]]


def test_failing_placement_takes_the_batch_back(store: Store, folder: bytes) -> None:
    """An error half way leaves the library as it was before, ids included."""

    def fail(new: Float32Array) -> Float32Array:
        raise ValueError("no")

    file = add(store, folder, "a.wav")
    with pytest.raises(ValueError, match="no"):
        store.commit_outcomes([heard(file, 1)], analysis_version=1, place=fail)
    assert store.take_pending(1) == [file] and store.counts().sounds == 0


def test_user_settings_need_a_sound(store: Store, folder: bytes) -> None:
    """Favourites and kinds belong to analysed sounds; setting them twice is no change."""
    sound = hear(store, add(store, folder, "a.wav"), 1)
    before = store.generation
    store.set_favourite(sound, True)
    store.set_favourite(sound, True)
    store.set_kind(sound, "snare")
    store.set_kind(sound, None)
    assert store.generation == before + 3
    with pytest.raises(LibraryError, match="999"):
        store.set_favourite(999, True)
    with pytest.raises(LibraryError, match="999"):
        store.set_kind(999, "kick")


def test_empty_library_has_empty_arrays(store: Store) -> None:
    """A library without sounds answers with empty arrays of the right kinds."""
    points = store.embeddings()
    assert (points.ids.shape, points.embedding.shape, points.xy.shape) == ((0,), (0, 0), (0, 2))
    assert points.ids.dtype == np.int32 and points.xy.dtype == np.float32
    assert store.take_pending(5) == [] and store.problems() == []
