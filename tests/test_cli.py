"""The command line without a daemon: exit codes, outputs, and mistakes said plainly."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from tests.daemon.running import run
from tests.sounds import kick, write, write_library

N_SOUNDS = 20


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose library has been indexed once."""
    home = tmp_path_factory.mktemp("home")
    write_library(home / "samples", N_SOUNDS)
    (home / "samples" / "broken.wav").write_bytes(b"nothing to hear")
    done = run(home, "index", str(home / "samples"), "--layout", "pca")
    assert done.returncode == 0, done.stderr
    assert f"{N_SOUNDS + 1} files, {N_SOUNDS} sounds, 1 refused" in done.stdout
    return home


def test_similar_takes_a_file_a_uid_and_an_id(home: Path) -> None:
    """The same neighbours come for a library file, its uid and its id; they begin with its like."""
    path = next((home / "samples").rglob("Kick*.wav"))
    found = json.loads(run(home, "find", path.stem, "--json").stdout)[0]
    by_file, by_uid, by_id = (
        json.loads(run(home, "similar", str(word), "-k", "2", "--json").stdout)
        for word in (path, found["uid"], found["id"])
    )
    assert by_file == by_uid == by_id
    assert [row["kind"] for row in by_file] == ["kick", "kick"]


def test_similar_hears_a_file_that_is_not_in_the_library(home: Path, tmp_path: Path) -> None:
    """Any audio file can be asked about; nothing of it stays."""
    stranger = write(tmp_path / "stranger.wav", kick(4242))
    rows = json.loads(run(home, "similar", str(stranger), "-k", "2", "--json").stdout)
    assert [row["kind"] for row in rows] == ["kick", "kick"]
    assert json.loads(run(home, "status", "--json").stdout)["files"] == N_SOUNDS + 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("similar", "nope.wav"), 1, "nope.wav is neither a file nor the id or uid of a sound"),
        (("near", "2", "0.5"), 2, "X is 2; allowed are 0 to 1"),
        (("statsu",), 2, "did you mean the command status?"),
        (("remove", "/nowhere/at/all"), 1, "is not a folder of the library"),
        (("add", "/nowhere/at/all"), 2, "is not a folder"),
        (("export", "sounds.xml"), 1, ".npz"),
        (("status", "--workers", "many"), 2, "many"),
        (("near", "0.5"), 2, "required: Y"),
    ],
)
def test_mistakes_are_said_with_their_exit_code(
    home: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    """A mistake ends with 1 or 2 and one message without a traceback."""
    done = run(home, *words)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_exports_hold_a_row_a_file(home: Path, tmp_path: Path) -> None:
    """All three formats hold every analysed file with the same numbers, without pickle."""
    for suffix in ("npz", "json", "csv"):
        done = run(home, "export", str(tmp_path / f"out.{suffix}"))
        assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "out.npz", allow_pickle=False) as arrays:
        assert arrays["embedding"].shape[0] == arrays["position"].shape[0] == N_SOUNDS
        assert arrays["embedding"].dtype == np.float32
        uids = arrays["uid"].tolist()
    assert [row["uid"] for row in json.loads((tmp_path / "out.json").read_text())] == uids
    with (tmp_path / "out.csv").open(newline="") as file:
        assert [row["uid"] for row in csv.DictReader(file)] == uids


def test_backup_copies_and_spares_other_files(home: Path, tmp_path: Path) -> None:
    """A backup opens as a library; a file that is none is never overwritten."""
    copy = tmp_path / "copy.klustr"
    for _ in range(2):
        assert run(home, "backup", str(copy)).returncode == 0
    assert json.loads(run(home, "status", "--library", str(copy), "--json").stdout)["sounds"] == N_SOUNDS
    sample = write(tmp_path / "sample.wav", kick(1))
    content = sample.read_bytes()
    refused = run(home, "backup", str(sample))
    assert refused.returncode == 1
    assert "is no klustr-bridge library" in refused.stderr
    assert sample.read_bytes() == content
    assert run(home, "backup", str(tmp_path / "no" / "folder")).returncode == 1
    assert not (tmp_path / "no").exists()


def test_an_empty_library_says_so(tmp_path: Path) -> None:
    """With no sample files, index succeeds saying so, and questions say why there is no answer."""
    folder = tmp_path / "empty"
    folder.mkdir()
    done = run(tmp_path, "index", str(folder))
    assert (done.returncode, "no sample files" in done.stdout) == (0, True)
    asked = run(tmp_path, "near", "0.5", "0.5")
    assert asked.returncode == 1
    assert "its folders hold no sample files" in asked.stderr


def test_the_map_is_drawn(home: Path, tmp_path: Path) -> None:
    """The picture is a PNG or SVG as named, coloured by the labels of a CSV where one is given."""
    labels = tmp_path / "labels.csv"
    files = sorted((home / "samples").rglob("*.wav"))
    labels.write_text("path,label\n" + "".join(f"{file},{file.stem.split()[0].lower()}\n" for file in files))
    assert run(home, "map", str(tmp_path / "map.svg"), "--labels", str(labels)).returncode == 0
    assert "<svg" in (tmp_path / "map.svg").read_text()
    assert run(home, "map", str(tmp_path / "map.png")).returncode == 0
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
