"""Numbers that come from elsewhere: read, checked, and nothing in them is run."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.errors import StudyError
from klustr_bridge.study.external import read_external

PATHS = np.array(["a.wav", "b/c.wav"])


def real(path: Path) -> bytes:
    return bytes(path.resolve())


def test_an_npz_has_numbers_and_paths(tmp_path: Path) -> None:
    """Rows are found by path; what isn't there is NaN; further axes are laid out in one row."""
    file = tmp_path / "numbers.npz"
    np.savez(file, embedding=np.arange(12.0).reshape(2, 3, 2), path=PATHS)
    found = read_external(file, tmp_path)
    rows = found.rows_of((real(tmp_path / "b/c.wav"), real(tmp_path / "else.wav"), real(tmp_path / "a.wav")))
    np.testing.assert_array_equal(rows[0], [6, 7, 8, 9, 10, 11])
    assert np.isnan(rows[1]).all()
    np.testing.assert_array_equal(rows[2], [0, 1, 2, 3, 4, 5])


def test_an_npy_has_its_paths_beside_it(tmp_path: Path) -> None:
    """As the seed kept its features: numbers in one file, names in another."""
    np.save(tmp_path / "n.npy", np.eye(2, dtype=np.float32))
    (tmp_path / "n.txt").write_text("a.wav\nb/c.wav\n", encoding="utf-8")
    found = read_external(tmp_path / "n.npy", tmp_path)
    np.testing.assert_array_equal(found.rows_of((real(tmp_path / "a.wav"),)), [[1, 0]])


class Trap:
    """Tells, if it is ever unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("sprung"),))


def test_nothing_pickled_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects in arrays, and bare pickles, are refused without being run."""
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "trap.npz", embedding=np.array([Trap(), Trap()], dtype=object), path=PATHS)
    (tmp_path / "bare.npz").write_bytes(pickle.dumps(Trap()))
    for name in ("trap.npz", "bare.npz"):
        with pytest.raises(StudyError, match=r"can't be read .*needed: an \.npz with embedding and path"):
            read_external(tmp_path / name, tmp_path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("embedding", "said"),
    [
        (np.zeros((3, 2)), r"shape \(3, 2\) .* for 2 paths"),
        (np.zeros(2), r"shape \(2,\)"),
        (np.array([[1.0, np.nan], [0, 0]]), "1 rows that aren't finite, the first is row 0"),
        (np.array([["x"], ["y"]]), "type <U1"),
        (np.zeros((2, 9_000), np.float32), "9000 numbers a sound; at most 8192"),
        (np.array([[1e300, 0], [0, 0]]), "1 rows that aren't finite, the first is row 0"),
    ],
)
def test_numbers_that_are_none_are_refused(tmp_path: Path, embedding: object, said: str) -> None:
    """The message says what is there and what is needed."""
    file = tmp_path / "numbers.npz"
    np.savez(file, embedding=np.asarray(embedding), path=PATHS)
    with pytest.raises(StudyError, match=said):
        read_external(file, tmp_path)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    """A missing file, a missing list of names, an archive without paths."""
    np.save(tmp_path / "alone.npy", np.eye(2))
    np.savez(tmp_path / "half.npz", embedding=np.eye(2))
    (tmp_path / "array.npz").write_bytes((tmp_path / "alone.npy").read_bytes())
    for name in ("missing.npz", "alone.npy", "half.npz", "array.npz"):
        with pytest.raises(StudyError, match="can't be read"):
            read_external(tmp_path / name, tmp_path)


def test_paths_may_be_bytes_and_must_be_paths(tmp_path: Path) -> None:
    """As other programs write them; a NUL is in no path."""
    file = tmp_path / "numbers.npz"
    np.savez(file, embedding=np.eye(2), path=PATHS.astype("S"))
    np.testing.assert_array_equal(
        read_external(file, tmp_path).rows_of((real(tmp_path / "a.wav"),)), [[1, 0]]
    )
    np.savez(file, embedding=np.eye(2), path=np.array(["a\0b.wav", "c.wav"]))
    with pytest.raises(StudyError, match="has a path that can't be one"):
        read_external(file, tmp_path)


def test_files_reached_through_a_link_are_found(tmp_path: Path) -> None:
    """The scan names them through the link, the numbers by what is behind it."""
    (tmp_path / "behind").mkdir()
    (tmp_path / "behind/a.wav").touch()
    link = tmp_path / "link"
    try:
        link.symlink_to(tmp_path / "behind", target_is_directory=True)
    except OSError:
        pytest.skip("links can't be made here")
    file = tmp_path / "numbers.npz"
    np.savez(file, embedding=np.eye(2), path=PATHS)
    found = read_external(file, tmp_path / "behind")
    np.testing.assert_array_equal(found.rows_of((bytes(link / "a.wav"),)), [[1, 0]])
