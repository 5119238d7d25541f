"""``klustr-bridge embed``: similarity and the map go by vectors of another program, until removed."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from klustr_bridge.errors import LibraryError
from klustr_bridge.library import vectors
from klustr_bridge.library.store import Store
from tests.commands import run
from tests.daemon import running
from tests.sounds import snare, write, write_library

N_SOUNDS = 20
SIZE = 12


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose library has been indexed once."""
    home = tmp_path_factory.mktemp("embed")
    write_library(home / "samples", N_SOUNDS)
    done = running.run(home, "index", str(home / "samples"), "--layout", "pca")
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture
def given(home: Path, tmp_path: Path) -> Any:
    """Vectors of all sounds, by uid, in force; removed afterwards."""
    uids = [row["uid"] for row in found(home)]
    rows = np.random.default_rng(5).normal(size=(len(uids), SIZE)).astype(np.float32)
    np.savez(tmp_path / "clap.npz", embedding=rows, uid=np.array(uids))
    done = run(home, "embed", "--from", str(tmp_path / "clap.npz"), "--layout", "pca")
    assert done.returncode == 0, done.stderr
    assert f"{N_SOUNDS} of {N_SOUNDS} sounds have vectors of clap.npz, {SIZE} numbers each" in done.stdout
    yield uids, rows
    assert run(home, "embed", "--remove", "--layout", "pca").returncode == 0


def found(home: Path) -> list[dict[str, Any]]:
    """All sounds as `find` lists them."""
    rows: list[dict[str, Any]] = json.loads(run(home, "find", "wav", "-k", "99", "--json").stdout)
    assert len(rows) == N_SOUNDS
    return rows


def likes(home: Path, uid: str, *words: str) -> list[tuple[str, float]]:
    """The sounds most like one, with their distances."""
    done = run(home, "similar", uid, "-k", "5", "--json", *words)
    assert done.returncode == 0, done.stderr
    return [(row["uid"], row["distance"]) for row in json.loads(done.stdout)]


def epoch_of(home: Path) -> int:
    """Number of the map in force."""
    return int(json.loads(run(home, "status", "--json").stdout)["epoch"])


def test_the_answers_are_those_of_the_vectors(home: Path, given: Any) -> None:
    """With the aspects at 0 the nearest are the nearest by the given vectors, in the same proportions."""
    uids, rows = given
    aspects = ("attack", "body", "tail", "brightness", "pitch", "length")
    without = [word for aspect in aspects for word in ("--weight", f"{aspect}=0")]
    ratios = []
    for at in (0, 7, 13):
        apart = np.linalg.norm(rows - rows[at], axis=1)
        order = [number for number in np.argsort(apart) if number != at][:5]
        answered = likes(home, uids[at], *without)
        assert [uid for uid, _ in answered] == [uids[number] for number in order]
        ratios += [distance / apart[number] for (_, distance), number in zip(answered, order, strict=True)]
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-4)


def test_the_vectors_outweigh_what_was_measured(home: Path, given: Any) -> None:
    """The nearest by sound as a whole are mostly those that are nearest by the vectors."""
    uids, rows = given
    shared = 0
    for at, uid in enumerate(uids):
        nearest = np.argsort(np.linalg.norm(rows - rows[at], axis=1))[1:6]
        shared += len({uids[number] for number in nearest} & {one for one, _ in likes(home, uid)})
    assert shared > 0.6 * 5 * len(uids)


def test_the_map_is_made_anew_and_back_again(home: Path, tmp_path: Path) -> None:
    """Each change makes one epoch; removed, the distances are what they were; ids and uids stay."""
    before, first = found(home), epoch_of(home)
    own = likes(home, before[0]["uid"])
    rows = np.random.default_rng(6).normal(size=(N_SOUNDS, SIZE))
    np.savez(tmp_path / "v.npz", embedding=rows, path=np.array([row["path"] for row in before]))
    assert run(home, "embed", "--from", str(tmp_path / "v.npz"), "--layout", "pca").returncode == 0
    assert epoch_of(home) == first + 1
    assert likes(home, before[0]["uid"]) != own
    assert found(home) == before
    removed = run(home, "embed", "--remove", "--layout", "pca")
    assert "hears itself again" in removed.stdout
    assert epoch_of(home) == first + 2
    assert likes(home, before[0]["uid"]) == own
    assert "nothing to remove" in run(home, "embed", "--remove").stdout
    assert epoch_of(home) == first + 2
    assert run(home, "index", "--layout", "pca").returncode == 0  # content: no further map comes of it
    assert epoch_of(home) == first + 2


def test_names_below_the_folder_do_and_doubtful_ones_are_told(home: Path, tmp_path: Path) -> None:
    """Paths below a watched folder name a sound; the unknown are counted; who has no vector is told of."""
    folder = home / "samples"
    paths = [Path(row["path"]).relative_to(folder).as_posix() for row in found(home)][:-2]
    np.savez(
        tmp_path / "v.npz",
        embedding=np.random.default_rng(7).normal(size=(len(paths) + 1, SIZE)),
        path=np.array([*paths, "no/such.wav"]),
    )
    done = run(home, "embed", "--from", str(tmp_path / "v.npz"), "--layout", "pca")
    assert done.returncode == 0, done.stderr
    assert "1 path unknown here, the first: no/such.wav" in done.stdout
    assert f"{N_SOUNDS - 2} of {N_SOUNDS} sounds have vectors of v.npz" in done.stdout
    assert "2 have none" in run(home, "embed").stdout
    lacking = found(home)[-1]["uid"]
    assert "waits to be analysed anew" in run(home, "why", lacking, found(home)[0]["uid"]).stderr
    assert run(home, "embed", "--remove", "--layout", "pca").returncode == 0


def test_a_running_bridge_goes_by_them(home: Path, given: Any) -> None:
    """A bridge started afterwards answers by the vectors and keeps the map; a file from outside has none."""
    uids, _ = given
    expected, epoch = likes(home, uids[3]), epoch_of(home)
    stranger = write(home / "stranger.wav", snare(99))
    with running.RunningDaemon(home, "--layout", "pca") as daemon:
        daemon.wait_ready(N_SOUNDS)
        ids = {row["uid"]: row["id"] for row in found(home)}
        answer = daemon.client.similar(ids[uids[3]], 5)
        assert [neighbour.id for neighbour in answer] == [ids[uid] for uid, _ in expected]
        assert daemon.client.status().epoch == epoch
        refused = running.run(home, "embed", "--remove")
        assert refused.returncode == 1
        assert "stop it" in refused.stderr
    assert "external" in run(home, "similar", str(stranger)).stderr


def test_long_vectors_are_shortened(home: Path, tmp_path: Path) -> None:
    """Of 400 numbers 256 are kept, which of 20 sounds is all there is: the answers are the same."""
    uids = [row["uid"] for row in found(home)]
    rows = np.random.default_rng(8).normal(size=(N_SOUNDS, 400))
    np.savez(tmp_path / "long.npz", embedding=rows, uid=np.array(uids))
    done = run(home, "embed", "--from", str(tmp_path / "long.npz"), "--layout", "pca")
    assert "of 400 numbers a sound 256 are kept, with 100.0 % of their variance" in done.stdout
    nearest = int(np.argsort(np.linalg.norm(rows - rows[0], axis=1))[1])
    without = [word for aspect in ("attack", "body", "tail") for word in ("--weight", f"{aspect}=0")]
    assert uids[nearest] in [uid for uid, _ in likes(home, uids[0], *without)]
    assert run(home, "embed", "--remove", "--layout", "pca").returncode == 0


def _wrong(path: Path, what: str, uids: list[str]) -> Path:
    rows = np.ones((len(uids), 3), np.float32) * np.arange(len(uids))[:, None]
    match what:
        case "objects":
            np.savez(path, embedding=np.array([{}] * 2, object), uid=np.array(uids[:2]))
        case "infinite":
            np.savez(path, embedding=np.where(rows == 2, np.inf, rows), uid=np.array(uids))
        case "fewer":
            np.savez(path, embedding=rows[:-1], uid=np.array(uids))
        case "same":
            np.savez(path, embedding=np.ones_like(rows), uid=np.array(uids))
        case "strangers":
            np.savez(path, embedding=rows, uid=np.array(["a" * 16] * len(uids)))
        case "nameless":
            np.savez(path, embedding=rows)
        case "huge":
            head = (
                b"\x93NUMPY\x01\x00\x76\x00"
                + b"{'descr': '<f4', 'fortran_order': False, 'shape': (10000000000000, 8), }"
            )
            with zipfile.ZipFile(path, "w") as packed:
                packed.writestr("embedding.npy", head.ljust(127) + b"\n")
                packed.writestr("uid.npy", b"")
        case "text":
            path.write_text("embedding")
    return path


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("objects", "objects in it"),
        ("infinite", "aren't finite"),
        ("fewer", "for 20 uids"),
        ("same", "all the same"),
        ("strangers", "is a sound of this library"),
        ("nameless", "can't be read"),
        ("huge", "can't be read"),
        ("text", "can't be read"),
    ],
)
def test_a_wrong_file_changes_nothing(home: Path, tmp_path: Path, what: str, said: str) -> None:
    """What can't be used is refused in a sentence, with exit code 1; nothing is loaded as a pickle."""
    uids, epoch = [row["uid"] for row in found(home)], epoch_of(home)
    own = likes(home, uids[0])
    done = run(home, "embed", "--from", str(_wrong(tmp_path / "wrong.npz", what, uids)))
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert (epoch_of(home), likes(home, uids[0])) == (epoch, own)


def test_unknown_sounds_undo_the_whole(home: Path) -> None:
    """Vectors of a sound that isn't there leave those in force as they are: one transaction."""
    file = next(home.rglob("*.klustr"))
    with Store.open(file) as store:
        ids = store.embeddings().ids
        rows = np.random.default_rng(9).normal(size=(len(ids), 3)).astype(np.float32)
        first = vectors.give(store, ids, rows, "first.npz")
        before = store.embeddings().embedding
        wrong = np.append(ids[:-1], np.int32(9999))
        with pytest.raises(LibraryError, match="doesn't hold"):
            vectors.give(store, wrong, rows + 1, "second.npz")
        np.testing.assert_array_equal(store.embeddings().embedding, before)
        with store.view() as view:
            assert vectors.read_given(view.connection) == first
        assert vectors.take_back(store)
    assert run(home, "index", "--layout", "pca").returncode == 0
