"""Cells of like sounds: every sound in one, the same each time, and a file that may be anything."""

from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.layout.cells import Cells, make_cells, read_cells, write_cells
from klustr_bridge.types import Float32Array
from tests.layout.data import clusters


def _ids(n: int) -> np.ndarray:
    return np.arange(1, 2 * n + 1, 2, dtype=np.int32)


def test_every_heard_sound_is_in_the_cell_of_its_nearest_centre() -> None:
    """Each id comes once, under the centre nearest to its embedding; unheard sounds are left out."""
    embedding = clusters(600, n_dims=12)
    embedding[[5, 77]] = np.nan
    ids = _ids(600)
    cells = make_cells(embedding, ids)
    assert sorted(cells.ids.tolist()) == np.delete(ids, [5, 77]).tolist()
    assert len(cells.centres) == round(4 * 600**0.5)
    cell = np.repeat(np.arange(len(cells.centres)), np.diff(cells.starts))
    rows = np.searchsorted(ids, cells.ids)
    apart = np.linalg.norm(embedding[rows][:, None] - cells.centres[None], axis=2)
    assert np.allclose(apart[np.arange(len(rows)), cell], apart.min(axis=1), atol=1e-3)


def test_the_same_sounds_give_the_same_cells() -> None:
    """Cells don't depend on chance."""
    embedding = clusters(300, n_dims=8)
    one, two = (make_cells(embedding, _ids(300)) for _ in range(2))
    assert one.ids.tolist() == two.ids.tolist()
    assert one.centres.tobytes() == two.centres.tobytes()


@pytest.mark.parametrize("embedding", [clusters(1, n_dims=3), np.zeros((50, 4), np.float32)])
def test_one_sound_and_equal_ones_have_cells(embedding: Float32Array) -> None:
    """Degenerate libraries are cells like others."""
    cells = make_cells(embedding, _ids(len(embedding)))
    assert sorted(cells.ids.tolist()) == _ids(len(embedding)).tolist()


def test_cells_are_read_as_they_were_written(tmp_path: Path) -> None:
    """The file gives back what was put in, in one step: nothing else is left behind."""
    cells = make_cells(clusters(200, n_dims=8), _ids(200))
    for _ in range(2):
        write_cells(tmp_path / "a.cells.npz", cells, 7)
    assert [path.name for path in tmp_path.iterdir()] == ["a.cells.npz"]
    read = read_cells(tmp_path / "a.cells.npz", 7)
    assert read is not None
    for name in ("centres", "ids", "starts"):
        assert getattr(read, name).tolist() == getattr(cells, name).tolist()


def test_what_is_no_file_of_cells_is_none(tmp_path: Path) -> None:
    """Files that are missing, cut, damaged, pickled or inconsistent are no cells, and no error."""
    path = tmp_path / "a.npz"
    assert read_cells(path, 7) is None
    cells = make_cells(clusters(200, n_dims=8), _ids(200))
    write_cells(path, cells, 7)
    whole = path.read_bytes()
    for damaged in (b"", whole[:100], whole[: len(whole) // 2], b"\0" + whole[1:], b"[1]"):
        path.write_bytes(damaged)
        assert read_cells(path, 7) is None
    np.savez(path, centres=np.array([{}], object), ids=cells.ids, starts=cells.starts)
    assert read_cells(path, 7) is None
    twice = cells.ids.copy()
    twice[0] = twice[1]
    nowhere = cells.centres.copy()
    nowhere[0, 0] = np.nan
    for wrong in (
        Cells(cells.centres, twice, cells.starts),
        Cells(nowhere, cells.ids, cells.starts),
        Cells(cells.centres, cells.ids, cells.starts[:-1]),
        Cells(cells.centres, cells.ids, cells.starts[::-1].copy()),
        Cells(cells.centres, cells.ids[:-1], cells.starts),
        Cells(cells.centres.astype(np.float64), cells.ids, cells.starts),
        Cells(cells.centres.ravel(), cells.ids, cells.starts),
    ):
        write_cells(path, wrong, 7)
        assert read_cells(path, 7) is None
