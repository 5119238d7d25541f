"""The even view of a library that lives: what stands stays, and everything gets a cell."""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.library.store import Store
from tests.indexer.contents import epoch, sounds_and_places
from tests.indexer.live import LiveIndex, quick_settings
from tests.sounds import write_library

Cells = dict[int, tuple[float, float]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with a folder of sounds and an indexed library of them on one map."""
    place = tmp_path_factory.mktemp("even")
    write_library(place / "kept", 8)
    shutil.copytree(place / "kept", place / "samples")
    with indexing(place / "made.klustr") as live:
        live.indexer.add_folder(os.fsencode(place / "samples"))
        live.finish()
        live.indexer.relayout()
        live.finish()
    return place


@pytest.fixture
def library(made: Path, tmp_path: Path) -> Path:
    """The library, its folder as it was when it was made."""
    shutil.rmtree(made / "samples")
    shutil.copytree(made / "kept", made / "samples")
    return Path(shutil.copy(made / "made.klustr", tmp_path / "library.klustr"))


@pytest.fixture
def folder(made: Path) -> Path:
    return made / "samples"


@contextlib.contextmanager
def indexing(library: Path) -> Iterator[LiveIndex]:
    live = LiveIndex(library, watch=False, settings=quick_settings())
    try:
        yield live
    finally:
        live.close()


def index(library: Path) -> None:
    """Take in what has changed in the folders."""
    with indexing(library) as live:
        live.finish()


def cells(library: Path) -> Cells:
    """Even positions of the live sounds by id; all different."""
    with Store.open(library, writable=False) as store:
        found = store.embeddings()
    assert np.isfinite(found.even).all()
    by_id = {i: (x, y) for i, (x, y) in zip(found.ids.tolist(), found.even.tolist(), strict=True)}
    assert len(set(by_id.values())) == len(by_id)
    return by_id


def natural_places(library: Path) -> dict[str, tuple[float, ...]]:
    return {uid: place[:3] for uid, place in sounds_and_places(library).items()}


def change(library: Path, statement: str, values: object = ()) -> None:
    with contextlib.closing(sqlite3.connect(library)) as database, database:
        database.executemany(statement, values) if values else database.execute(statement)


def test_what_stands_stays_when_sounds_come_and_go(library: Path, folder: Path) -> None:
    """Sounds that come take free cells; one that goes and comes back has its own again; no other moves."""
    before = cells(library)
    gone = min(folder.rglob("*.wav"))
    content = gone.read_bytes()
    gone.unlink()
    index(library)
    assert len(cells(library)) == 7 and cells(library).items() <= before.items()
    write_library(folder / "more", 6, seed=50)
    index(library)
    assert len(cells(library)) == 13
    gone.write_bytes(content)
    index(library)
    assert len(cells(library)) == 14 and before.items() <= cells(library).items()


def test_a_sound_that_missed_a_new_map_gets_a_cell_on_its_return(library: Path, folder: Path) -> None:
    """A sound that was away while the map was made anew displaces none when it is back."""
    gone = min(folder.rglob("*.wav"))
    content = gone.read_bytes()
    gone.unlink()
    with indexing(library) as live:
        live.finish()
        live.indexer.relayout()
        live.finish()
    before = cells(library)
    gone.write_bytes(content)
    index(library)
    assert len(cells(library)) == 8 and before.items() <= cells(library).items()


def test_a_library_from_before_the_even_view_gets_one(library: Path) -> None:
    """Within the same epoch, without moving the natural positions."""
    natural, number, made = natural_places(library), epoch(library), cells(library)
    change(library, "UPDATE positions SET even_x = NULL, even_y = NULL")
    change(library, "UPDATE epochs SET even_side = 0")
    index(library)
    assert cells(library) == made
    assert natural_places(library) == natural and epoch(library) == number


def test_when_every_cell_is_taken(library: Path, folder: Path) -> None:
    """First the cells of sounds that are gone are given up, then the lattice becomes finer; none moves."""
    nine = [((column + 0.5) / 3, (row + 0.5) / 3) for column in range(3) for row in range(3)]
    ids = sorted(cells(library))
    change(
        library,
        "UPDATE positions SET even_x = ?, even_y = ? WHERE sound_id = ?",
        [(*cell, sound) for cell, sound in zip(nine, ids, strict=False)],
    )
    change(library, "UPDATE epochs SET even_side = 3")
    before = cells(library)
    gone = min(folder.rglob("*.wav"))
    content = gone.read_bytes()
    gone.unlink()
    index(library)
    left = cells(library)
    (absent,) = set(before) - set(left)
    write_library(folder / "more", 2, seed=50)
    index(library)
    full = cells(library)
    assert left.items() <= full.items() and set(full.values()) == set(cells_of(nine))
    gone.write_bytes(content)
    write_library(folder / "further", 4, seed=70)
    index(library)
    finer = cells(library)
    assert full.items() <= finer.items() and len(finer) == 14
    assert finer[absent] != before[absent]
    for cell in set(finer.values()) - set(full.values()):
        assert np.allclose(np.mod(np.array(cell) * 9, 1), 0.5, atol=1e-5)


def cells_of(places: list[tuple[float, float]]) -> list[tuple[float, ...]]:
    return [tuple(np.float32(place).tolist()) for place in places]
