"""Cells beside snapshots: made by a process of their own when a library is big, and then used."""

import json
import multiprocessing.connection
import os
from pathlib import Path

import numpy as np

from klustr_bridge.indexer.cells_process import CellsKeeper
from klustr_bridge.indexer.messages import SnapshotReady
from klustr_bridge.layout.cells import read_cells
from tests.indexer.live import LiveIndex, quick_settings
from tests.sounds import write_library

PATIENCE_S = 60


class Kept:
    """A keeper, what it tells, and snapshots that are as much of one as it looks at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.n_made = 0
        self.notices: list[str] = []
        self.keeper = CellsKeeper(
            self._made, lambda where, message: self.notices.append(f"{where}: {message}"), least_sounds=50
        )

    def _made(self) -> None:
        self.n_made += 1

    def snapshot(self, generation: int, n: int, n_dims: int = 6, space: int = 1) -> Path:
        place = self.folder / f"library-{generation}"
        place.mkdir()
        np.save(place / "sound_id.npy", np.arange(1, n + 1, dtype=np.int32))
        np.save(place / "embedding.npy", np.random.default_rng(1).random((n, n_dims), np.float32))
        (place / "meta.json").write_text(json.dumps({"space": space}))
        return place

    def show(self, place: Path) -> None:
        """Let the keeper see a snapshot and do all that follows."""
        self.keeper.step(place)
        while self.keeper.running:
            assert multiprocessing.connection.wait(self.keeper.connections, PATIENCE_S)
            self.keeper.step(place)


def test_cells_are_made_once_and_again_when_the_library_has_grown(tmp_path: Path) -> None:
    """Small libraries have none; a tenth of new sounds, damage or another embedding makes new ones."""
    kept = Kept(tmp_path)
    kept.show(kept.snapshot(1, 49))
    assert kept.n_made == 0 and not list(tmp_path.glob("*.npz"))
    for generation, n, n_dims, n_made in ((2, 100, 6, 1), (3, 110, 6, 1), (4, 112, 6, 2), (5, 112, 7, 3)):
        kept.show(kept.snapshot(generation, n, n_dims))
        assert kept.n_made == n_made
    cells = read_cells(tmp_path / "library.cells.npz", 1)
    assert cells is not None and len(cells.ids) == 112 and cells.centres.shape[1] == 7
    (tmp_path / "library.cells.npz").write_bytes(b"damaged")
    kept.show(kept.snapshot(6, 112, 7))
    assert kept.n_made == 4 and read_cells(tmp_path / "library.cells.npz", 1) is not None
    kept.show(kept.snapshot(7, 112, 7, space=2))  # as long, and heard by another ear
    assert kept.n_made == 5 and read_cells(tmp_path / "library.cells.npz", 2) is not None
    assert not kept.notices
    kept.keeper.close()


def test_cells_that_cannot_be_kept_are_told_once(tmp_path: Path) -> None:
    """The library goes on without them."""
    (tmp_path / "library.cells.npz").mkdir()
    kept = Kept(tmp_path)
    kept.show(kept.snapshot(1, 60))
    kept.show(kept.snapshot(2, 60))
    (notice,) = kept.notices
    assert notice.startswith("similar: the search can't be made quicker")
    assert kept.n_made == 0
    kept.keeper.close()


def test_a_killed_process_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """An end at any moment costs the cells of now, no more."""
    kept = Kept(tmp_path)
    place = kept.snapshot(1, 60)
    kept.keeper.step(place)
    assert kept.keeper._process is not None
    kept.keeper._process.kill()
    assert multiprocessing.connection.wait(kept.keeper.connections, PATIENCE_S)
    kept.keeper.step(place)
    assert kept.notices and not kept.keeper.running
    again = Kept(tmp_path)
    again.show(place)
    assert again.n_made == 1


def test_the_librarian_has_them_made_and_served(tmp_path: Path) -> None:
    """Once a library is settled its cells are made, and its snapshot is announced again."""
    library, snapshots = tmp_path / "library.klustr", tmp_path / "snapshots"
    live = LiveIndex(library, watch=False, settings=quick_settings(), snapshots=snapshots)
    live.indexer._cells._least_sounds = 5
    write_library(tmp_path / "samples", 6)
    live.indexer.add_folder(os.fsencode(tmp_path / "samples"))
    assert live.run_until(lambda: len(list(snapshots.glob("*.cells.npz"))) == 1 and _told_again(live))
    live.close()


def _told_again(live: LiveIndex) -> bool:
    places = [message.directory for message in live.heard if isinstance(message, SnapshotReady)]
    return len(places) > len(set(places))
