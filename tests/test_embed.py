"""``klustr-bridge embed`` on a real library of synthesised sounds, without a bridge and through one."""

import json
import pickle
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.client import FailError
from klustr_bridge.doctor.libraries import check_library
from klustr_bridge.sound.aspects import EMBEDDING_SIZE
from klustr_bridge.types import Float32Array
from tests.commands import run
from tests.daemon.running import RunningDaemon
from tests.sounds import write_library

N_SOUNDS = 24


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an indexed library."""
    home = tmp_path_factory.mktemp("home")
    write_library(home / "samples", N_SOUNDS)
    done = run(home, "index", str(home / "samples"), "--workers", "1")
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture
def library(home: Path) -> Iterator[Path]:
    """The library file, which goes by what it hears itself afterwards."""
    yield next(home.rglob("*.klustr"))
    assert run(home, "embed", "--remove").returncode == 0


def sounds(home: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(run(home, "find", "", "-k", "100", "--json").stdout)
    return found


def epoch(home: Path) -> int:
    return int(json.loads(run(home, "status", "--json").stdout)["epoch"])


def made(n: int, d: int = 6) -> Float32Array:
    return np.random.default_rng(5).normal(size=(n, d)).astype(np.float32)


def similar(home: Path, uid: str, k: int) -> list[tuple[str, float]]:
    done = run(home, "similar", uid, "-k", str(k), "--json")
    assert done.returncode == 0, done.stderr
    return [(row["uid"], row["distance"]) for row in json.loads(done.stdout)]


def stored(library: Path) -> bytes:
    """All that a refused file must not change."""
    with sqlite3.connect(f"file:{library}?mode=ro", uri=True) as database:
        meta = database.execute("SELECT key, value FROM meta ORDER BY key").fetchall()
        rows = database.execute("SELECT * FROM vectors ORDER BY sound_id").fetchall()
    database.close()
    return pickle.dumps((meta, rows))


def rows_of(library: Path, n_numbers: int) -> dict[str, Float32Array]:
    """Rows as they are to be compared, put together past the code under test."""
    with sqlite3.connect(f"file:{library}?mode=ro", uri=True) as database:
        found = database.execute(
            "SELECT uid, embedding, vector, is_loop FROM sounds JOIN vectors ON sound_id = id"
        ).fetchall()
        loop = json.loads(database.execute("SELECT value FROM meta WHERE key = 'vectors'").fetchone()[0])[
            "loop"
        ]
    database.close()
    together = {}
    for uid, embedding, vector, is_loop in found:
        engineered = np.frombuffer(embedding, "<f4")[:EMBEDDING_SIZE]
        external = np.frombuffer(vector, "<f4")
        assert len(external) == n_numbers
        together[uid] = np.concatenate([engineered, external, [loop if is_loop else 0.0]]).astype(np.float32)
    return together


@pytest.mark.parametrize("by", ["uid", "path", "below", "name"])
def test_answers_are_those_of_the_vectors(home: Path, library: Path, tmp_path: Path, by: str) -> None:
    """Whatever names the rows, similar measures in them, and a new map is made; removed, all is as before."""
    known = sounds(home)
    uids = [str(sound["uid"]) for sound in known]
    files = [Path(str(sound["path"])) for sound in known]
    names = {
        "uid": uids,
        "path": [str(file) for file in files],
        "below": [str(file.relative_to(home / "samples")) for file in files],
        "name": [file.name for file in files],
    }[by]
    before, at_first = similar(home, uids[0], 10), epoch(home)
    vectors = made(N_SOUNDS)
    key = "path" if by == "below" else by
    np.savez(tmp_path / "clap.npz", embedding=vectors, **{key: np.array(names)})  # type: ignore[arg-type]
    done = run(home, "embed", "--from", str(tmp_path / "clap.npz"))
    assert done.returncode == 0, done.stderr
    assert f"{N_SOUNDS} of {N_SOUNDS} sounds go by the vectors of clap.npz, 6 numbers each" in done.stdout
    assert epoch(home) == at_first + 1
    rows = rows_of(library, 6)
    ratio = np.linalg.norm(rows[uids[1]][EMBEDDING_SIZE:-1]) / np.linalg.norm(vectors[1])
    np.testing.assert_allclose(rows[uids[0]][EMBEDDING_SIZE:-1], vectors[0] * ratio, rtol=1e-4)
    distances = {uid: float(np.linalg.norm(rows[uid] - rows[uids[0]])) for uid in uids[1:]}
    expected = sorted(distances.items(), key=lambda pair: pair[1])[:10]
    found = similar(home, uids[0], 10)
    assert [uid for uid, _ in found] == [uid for uid, _ in expected]
    np.testing.assert_allclose([d for _, d in found], [d for _, d in expected], rtol=1e-4)
    assert "external: 24 of 24 sounds have vectors of clap.npz" in run(home, "status").stdout
    done = run(home, "embed", "--remove")
    assert done.returncode == 0 and "by what it hears itself" in done.stdout, done.stderr
    assert similar(home, uids[0], 10) == before and epoch(home) == at_first + 2


def test_few_vectors_are_told_of_and_make_a_map_of_few(home: Path, library: Path, tmp_path: Path) -> None:
    """Sounds without one are found by name, and asking by them or by a file says what is lacking."""
    known = sounds(home)
    uids, paths = [str(one["uid"]) for one in known], [str(one["path"]) for one in known]
    np.save(tmp_path / "few.npy", made(5))
    words = ["title,NAME", *(f"x,{Path(path).name}" for path in paths[:3]), "x,gone.wav", "x,also gone.wav"]
    (tmp_path / "few.csv").write_text("\n".join(words), encoding="utf-8")
    done = run(home, "embed", "--from", str(tmp_path / "few.npy"))
    assert done.returncode == 0, done.stderr
    assert "2 rows left out, which are of no sound of the library: gone.wav, also gone.wav" in done.stdout
    assert f"3 of {N_SOUNDS} sounds go by the vectors of few.npy" in done.stdout
    assert f"{N_SOUNDS - 3} have none: they are found by name alone" in done.stdout
    assert len(sounds(home)) == N_SOUNDS and len(similar(home, uids[0], 10)) == 2
    refused = run(home, "similar", uids[3])
    assert refused.returncode == 1 and "has no vector; klustr-bridge embed" in refused.stderr
    assert f"3 of {N_SOUNDS} sounds go by the vectors of few.npy" in check_library(library)[0][0].found
    made_now = epoch(home)
    done = run(home, "index", "--workers", "1")  # comes to an end: the map of three is as wanted
    assert done.returncode == 0, done.stderr
    assert epoch(home) == made_now
    other = tmp_path / "other.wav"
    other.write_bytes(Path(paths[4]).read_bytes()[:9000])
    refused = run(home, "similar", str(other))
    assert refused.returncode == 1 and "vectors of another program" in refused.stderr


def test_a_running_bridge_takes_them_and_goes_back(home: Path, library: Path, tmp_path: Path) -> None:
    """Its librarian writes them; it answers by them at once, a new map follows, and so it does back."""
    known = sounds(home)
    uids = [str(sound["uid"]) for sound in known]
    np.savez(tmp_path / "open.npz", embeddings=made(N_SOUNDS, 400), uid=np.array(uids))
    with RunningDaemon(home, "--layout", "auto") as daemon:
        daemon.wait_ready(N_SOUNDS)
        client = daemon.client
        before, at_first = [one.id for one in client.similar(uids[0], 10)], client.status().epoch
        done = run(home, "embed", "--from", str(tmp_path / "open.npz"))
        assert done.returncode == 0, done.stderr
        assert "400 numbers a sound were reduced to 256, which hold 100.0% of" in done.stdout
        rows = rows_of(library, 256)
        by_distance = sorted(uids[1:], key=lambda uid: float(np.linalg.norm(rows[uid] - rows[uids[0]])))
        ids = {str(one["uid"]): one["id"] for one in known}
        found = [one.id for one in client.similar(uids[0], 10)]
        assert found == [ids[uid] for uid in by_distance[:10]] != before
        with pytest.raises(FailError, match="vectors of another program"):
            client.similar_file(str(known[0]["path"]))
        daemon.wait_until(lambda client: client.status().epoch == at_first + 1)
        daemon.wait_ready(N_SOUNDS)
        assert len(client.points()) == N_SOUNDS
        np.savez(tmp_path / "same.npz", embeddings=np.ones((N_SOUNDS, 4)), uid=np.array(uids))
        refused = run(home, "embed", "--from", str(tmp_path / "same.npz"))
        assert refused.returncode == 1 and "all the same" in refused.stderr
        done = run(home, "embed", "--remove")
        assert done.returncode == 0, done.stderr
        assert [one.id for one in client.similar(uids[0], 10)] == before
        daemon.wait_until(lambda client: client.status().epoch == at_first + 2)
    assert not list(library.parent.glob("*.vectors.npz*"))


class Trap:
    """Tells, if it is ever unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("sprung"),))


def huge(file: Path) -> None:
    """An archive whose header claims far more than is there."""
    with zipfile.ZipFile(file, "w") as archive:
        with archive.open("embedding.npy", "w") as member:
            header = {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 512)}
            np.lib.format.write_array_header_1_0(member, header)  # type: ignore[arg-type]
            member.write(b"\0" * 64)
        with archive.open("uid.npy", "w") as member:
            np.save(member, np.array(["a"]))


def packed(file: Path) -> None:
    """An archive of zeros that would fill the memory."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("embedding.npy", "w", force_zip64=True) as member:
            header = {"descr": "<f4", "fortran_order": False, "shape": (40_000, 1024)}
            np.lib.format.write_array_header_1_0(member, header)  # type: ignore[arg-type]
            for _ in range(40):
                member.write(b"\0" * (1000 * 1024 * 4))
        with archive.open("uid.npy", "w") as member:
            np.save(member, np.array(["a"] * 40_000))


def test_bad_files_change_nothing(home: Path, library: Path, tmp_path: Path) -> None:
    """Each is a sentence and exit code 1; no pickle is run, no header believed."""
    uids = np.array([str(sound["uid"]) for sound in sounds(home)][:3])
    np.savez(tmp_path / "good.npz", embedding=made(3), uid=uids)
    assert run(home, "embed", "--from", str(tmp_path / "good.npz")).returncode == 0
    before = stored(library)
    np.savez(tmp_path / "trap.npz", embedding=np.array([Trap()] * 3, dtype=object), uid=uids)
    np.savez(tmp_path / "names.npz", embedding=made(3), uid=np.array([Trap()] * 3, dtype=object))
    (tmp_path / "bare.npz").write_bytes(pickle.dumps(Trap()))
    huge(tmp_path / "huge.npz")
    packed(tmp_path / "packed.npz")
    np.savez(tmp_path / "nan.npz", embedding=np.full((3, 4), np.nan), uid=uids)
    np.savez(tmp_path / "one.npz", embedding=np.ones((3, 1)), uid=uids)
    np.savez(tmp_path / "wide.npz", embedding=np.ones((3, 4097), np.float32), uid=uids)
    np.savez(tmp_path / "none.npz", embedding=np.ones((0, 4)), uid=np.array([], "U16"))
    np.savez(tmp_path / "strange.npz", embedding=made(3), uid=np.array(["x", "y", "z"]))
    np.savez(tmp_path / "nameless.npz", embedding=made(3))
    np.savez(tmp_path / "fewer.npz", embedding=made(2), uid=uids)
    np.savez(tmp_path / "same.npz", embedding=np.ones((3, 4)), uid=uids)
    np.save(tmp_path / "alone.npy", made(3))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "good.npz").read_bytes()[:-40])
    for at, head in enumerate([b"{'descr': '<f4', 'shape': (4, 4,", b"{[]: 1}", b"(" * 99]):
        with zipfile.ZipFile(tmp_path / f"head{at}.npz", "w") as archive:
            archive.writestr("embedding.npy", b"\x93NUMPY\x01\x00\x76\x00" + head.ljust(117) + b"\n")
            archive.writestr("uid.npy", b"")
    for name, said in {
        "head0.npz": "can't be read",
        "head1.npz": "can't be read",
        "head2.npz": "can't be read",
        "trap.npz": "objects in embedding",
        "names.npz": "objects in uid",
        "bare.npz": "can't be read",
        "huge.npz": "needs 2251799813685248 bytes",
        "packed.npz": "packed into",
        "nan.npz": "aren't finite",
        "one.npz": "1 numbers a sound; at least 2",
        "wide.npz": "4097 numbers a sound; at most 4096",
        "none.npz": "shape (0, 4)",
        "strange.npz": "vectors of no sound of the library",
        "nameless.npz": "it has embedding",
        "fewer.npz": "for 3 uids",
        "same.npz": "all the same",
        "alone.npy": "can't be read",
        "cut.npz": "can't be read",
        "missing.npz": "can't be read",
        "good.txt": "neither .npz nor .npy",
    }.items():
        done = run(home, "embed", "--from", str(tmp_path / name))
        assert done.returncode == 1, name
        assert said in done.stderr and "Traceback" not in done.stderr, (name, done.stderr)
        assert stored(library) == before, name
    assert not Path("sprung").exists()
    assert run(home, "embed", "--from", "x.npz", "--remove").returncode == 2
