"""Vectors from elsewhere in a library: whose they are, what counts then, and that nothing else is touched."""

import contextlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.errors import LibraryError
from klustr_bridge.indexer.duplicates import read_listed
from klustr_bridge.library import handed
from klustr_bridge.library.spaces import EXTERNAL, LEARNED, Space
from klustr_bridge.library.store import Store
from klustr_bridge.library.vector_match import match
from klustr_bridge.library.vectors import DOMINANCE, Vectors, reduced
from klustr_bridge.sound.aspects import EMBEDDING_SIZE, LEARNED_VERSION, WHOLE_SIZE
from klustr_bridge.types import Float32Array, Outcome
from tests.library.making import add, analysis, embedding_of, live_ids, rows, uid_of

WHOLE = Space(LEARNED, WHOLE_SIZE)


def fill(store: Store, folder: bytes, names: list[str]) -> list[int]:
    """Whole sounds in files of those names; their ids. Every second one is a loop."""
    for audio, name in enumerate(names):
        file = add(store, folder, name, audio)
        outcome = Outcome(file.path, file.stamp, analysis(audio, 4, d=WHOLE_SIZE), None)
        store.commit_outcomes([outcome], analysis_version=LEARNED_VERSION)
    return live_ids(store)


def made(n: int, d: int = 5, seed: int = 1) -> Float32Array:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32) * 1000


def reach(points: Float32Array) -> float:
    distances = np.linalg.norm(points[:, None].astype(np.float64) - points[None], axis=2)
    return float(np.median(np.sort(distances, axis=1)[:, min(10, len(points) - 1)]))


def test_vectors_stand_behind_the_engineered_numbers(store: Store, folder: bytes) -> None:
    """A row is what was heard, the vector three times as far apart, and what sets loops apart."""
    ids = fill(store, folder, [f"{n}.wav" for n in range(30)])
    own = store.embeddings()
    vectors = made(30)
    store.give_vectors(Vectors(np.array(ids, np.int32), vectors, "clap.npz"))
    found = store.embeddings()
    assert found.space.hearing == EXTERNAL and found.space.size == EMBEDDING_SIZE + 5 + 1
    assert found.ids.tolist() == ids
    engineered, external = found.embedding[:, :EMBEDDING_SIZE], found.embedding[:, EMBEDDING_SIZE:-1]
    np.testing.assert_array_equal(engineered, own.embedding[:, :EMBEDDING_SIZE])
    scale = DOMINANCE * reach(engineered) / reach(vectors)
    np.testing.assert_allclose(external, vectors * scale, rtol=1e-4)
    is_loop = np.arange(30) % 2 == 0
    assert (found.embedding[~is_loop, -1] == 0).all()
    np.testing.assert_allclose(found.embedding[is_loop, -1], reach(external), rtol=1e-4)
    assert store.drop_vectors() and not store.drop_vectors()
    np.testing.assert_array_equal(store.embeddings().embedding, own.embedding)


def test_sounds_without_a_vector_have_no_row(store: Store, folder: bytes) -> None:
    """They keep everything else, and all of it comes back; new vectors take the place of old ones."""
    ids = fill(store, folder, [f"{n}.wav" for n in range(6)])
    store.set_favourite(ids[5], True)
    few = np.array(ids[:3], np.int32)
    store.give_vectors(Vectors(few, made(3), "a.npz"))
    with store.view() as view:
        first = view.space
        assert view.count_vectors() == (3, 6)
        lengths = {row.id: row.embedding and len(row.embedding) for row in rows(view.sounds())}
        favourites = [row.id for row in rows(view.sounds()) if row.favourite]
        listed = read_listed(view)  # whether two sounds are the same is told by what is heard
        assert listed.embedding.shape == (6, EMBEDDING_SIZE) and np.isfinite(listed.embedding).all()
    assert lengths == dict.fromkeys(ids[:3], 4 * (EMBEDDING_SIZE + 6)) | dict.fromkeys(ids[3:])
    assert favourites == [ids[5]] and live_ids(store) == ids[:3]
    store.give_vectors(Vectors(np.array(ids[2:], np.int32), made(4), "b.npz"))
    with store.view() as view:
        assert view.space.size == first.size and view.space.mark != first.mark
        assert view.given_vectors is not None and view.given_vectors.source == "b.npz"
    assert live_ids(store) == ids[2:]
    store.drop_vectors()
    with store.view() as view:
        assert view.space == WHOLE and view.given_vectors is None
    assert live_ids(store) == ids


def test_vectors_of_absent_sounds_alone_count_for_nothing(store: Store, folder: bytes) -> None:
    """A library none of whose sounds has a vector goes by what it hears, until one comes back."""
    ids = fill(store, folder, ["a.wav", "b.wav"])
    store.give_vectors(Vectors(np.array(ids[:1], np.int32), made(1), "a.npz"))
    with store.view() as view:
        assert view.space.hearing == EXTERNAL
    store.set_folder_state(folder, "absent")
    store.set_folder_state(folder, "watched")
    path = next(iter(store.known_files(folder)))
    store.forget_files([path])
    assert store.embeddings().space == WHOLE and live_ids(store) == ids[1:]


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        (np.ones((3, 4), np.float32), "all the same"),
        (np.full((3, 4), np.nan, np.float32), "finite"),
        (np.ones((2, 4), np.float32), "3 sounds need as many"),
    ],
)
def test_useless_vectors_change_nothing(
    store: Store, folder: bytes, vectors: Float32Array, said: str
) -> None:
    """Those before stay in force, the library's state keeps its number."""
    ids = np.array(fill(store, folder, [f"{n}.wav" for n in range(3)]), np.int32)
    store.give_vectors(Vectors(ids, made(3), "good.npz"))
    before, generation = store.embeddings().embedding, store.generation
    with pytest.raises(LibraryError, match=said):
        store.give_vectors(Vectors(ids, vectors, "bad.npz"))
    with pytest.raises(LibraryError, match="doesn't hold"):
        store.give_vectors(Vectors(ids + 100, made(3, seed=2), "unknown.npz"))
    with pytest.raises(LibraryError, match="of one twice"):
        store.give_vectors(Vectors(np.repeat(ids[:1], 3), made(3, seed=2), "twice.npz"))
    assert store.generation == generation
    np.testing.assert_array_equal(store.embeddings().embedding, before)


def test_names_find_their_sounds(store: Store, folder: bytes) -> None:
    """By uid, absolute path, path below a folder, or a file name that is one sound's alone."""
    a, b, c = fill(store, folder, ["a.wav", "deep/b.wav", "deep/c.wav"])
    copy = add(store, folder, "copies/c.wav", 9)  # the same audio: no second sound
    store.commit_outcomes(
        [Outcome(copy.path, copy.stamp, analysis(2, LEARNED_VERSION, d=WHOLE_SIZE), None)],
        analysis_version=LEARNED_VERSION,
    )
    other = add(store, folder, "copies/b.wav", 10)  # another sound of the same name
    store.commit_outcomes(
        [Outcome(other.path, other.stamp, analysis(7, LEARNED_VERSION, d=WHOLE_SIZE), None)],
        analysis_version=LEARNED_VERSION,
    )
    absolute = str(Path(folder.decode()) / "a.wav")
    with store.view() as view:

        def found(by: str, *names: str) -> tuple[dict[int, int], tuple[str, ...], tuple[str, ...], int]:
            one = match(view, names, by)
            ids = dict(zip(one.ids.tolist(), one.rows.tolist(), strict=True))
            return ids, one.unknown, one.ambiguous, one.n_again

        assert found("uid", uid_of(1), "nothing", uid_of(0)) == ({b: 0, a: 2}, ("nothing",), (), 0)
        assert found("path", "deep/b.wav", absolute, "b.wav", "a\0", "") == (
            *({b: 0, a: 1}, ("b.wav", "a\0", "")),
            *((), 0),
        )
        assert found("name", "c.wav", "b.wav", "a.wav", "a.wav") == ({c: 0, a: 2}, (), ("b.wav",), 1)
        assert found("any", uid_of(1), "a.wav", "c.wav", "?") == ({b: 0, a: 1, c: 2}, ("?",), (), 0)


def test_long_vectors_are_reduced_and_keep_their_distances() -> None:
    """Of 400 numbers that vary in 20 directions, 256 keep every distance; short ones stay as they are."""
    rng = np.random.default_rng(3)
    long = (rng.normal(size=(60, 20)) @ rng.normal(size=(20, 400)) + 50).astype(np.float32)
    short, share = reduced(long)
    assert short.shape == (60, 256) and share > 0.9999
    apart = np.linalg.norm(long[:, None] - long[None], axis=2)
    np.testing.assert_allclose(
        np.linalg.norm(short[:, None] - short[None], axis=2), apart, rtol=1e-3, atol=1e-2 * apart.mean()
    )
    same, share = reduced(long[:, :256])
    assert same.shape == (60, 256) and share == 1.0
    np.testing.assert_array_equal(same, long[:, :256])


def test_what_waits_is_taken_once(store: Store, folder: bytes) -> None:
    """Vectors, and the wish to go without; what can't be read goes and changes nothing."""
    ids = np.array(fill(store, folder, ["a.wav", "b.wav"]), np.int32)
    assert not handed.take(store)
    handed.hand(store.path, Vectors(ids, made(2), "a.npz"))
    assert handed.take(store) and not handed.take(store)
    with store.view() as view:
        assert view.count_vectors() == (2, 2)
    place = store.path.with_name(store.path.name + ".vectors.npz")
    place.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(LibraryError, match="removed"):
        handed.take(store)
    assert not place.exists() and store.embeddings().space.hearing == EXTERNAL
    handed.hand(store.path, None)
    assert handed.take(store) and store.embeddings().space == WHOLE


GIVER = """
import sys
from pathlib import Path
import numpy as np
from klustr_bridge.library.store import Store
from klustr_bridge.library.vectors import Vectors

store = Store.open(Path(sys.argv[1]))
ids = store.embeddings(dormant=True).ids
print("ready", flush=True)
for number in range(2, 10**6):
    rows = np.random.default_rng(number).normal(size=(len(ids), number % 7 + 2)).astype(np.float32)
    store.give_vectors(Vectors(ids, rows, f"{number}"))
    print(number, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 4])
def test_a_kill_leaves_one_set_of_vectors_whole(
    store: Store, folder: bytes, tmp_path: Path, lines: int
) -> None:
    """Whatever the moment, all vectors are of the file that is noted, and as long as it says."""
    fill(store, folder, [f"{n}.wav" for n in range(40)])
    store.close()
    root = Path(__file__).parents[2]
    words = [sys.executable, "-c", GIVER, str(store.path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=root) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
        said = [int(writer.stdout.readline()) for _ in range(lines)][-1]
        writer.kill()
    with contextlib.closing(Store.open(store.path)) as again, again.view() as view:
        assert view.connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        given = view.given_vectors
        assert given is not None and int(given.source) >= said
        assert given.size == int(given.source) % 7 + 2
        lengths = view.connection.execute(
            "SELECT length(vector), count(*) FROM vectors GROUP BY 1"
        ).fetchall()
        assert lengths == [(4 * given.size, 40)]
        assert again.embeddings().embedding.shape == (40, EMBEDDING_SIZE + given.size + 1)


def test_the_engineered_numbers_are_the_stored_ones(store: Store, folder: bytes) -> None:
    """What stands first in a row with a vector is what analysis has left, to the bit."""
    ids = fill(store, folder, ["a.wav", "b.wav", "c.wav"])
    store.give_vectors(Vectors(np.array(ids, np.int32), made(3), "a.npz"))
    for row, audio in zip(store.embeddings().embedding, range(3), strict=True):
        np.testing.assert_array_equal(
            row[:EMBEDDING_SIZE], embedding_of(audio, 4, WHOLE_SIZE)[:EMBEDDING_SIZE]
        )
