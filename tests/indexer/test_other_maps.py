"""Maps by axes and on a grid, as the librarian keeps them while sounds come."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.indexer.placing import MapKeeper
from klustr_bridge.library.store import Store
from klustr_bridge.settings import LayoutSettings
from klustr_bridge.sound.aspects import DESCRIPTORS, EMBEDDING_SIZE
from klustr_bridge.types import FoundFile, Outcome
from tests.indexer.waiting import step_until
from tests.library.making import analysis, below, stamp


class Kept:
    """A store and the keeper of its map."""

    def __init__(self, folder: Path, settings: LayoutSettings) -> None:
        self.store = Store.open(folder / "a.klustr")
        self.folder = self.store.add_folder(os.fsencode(folder / "samples")).path
        self.keeper = MapKeeper(self.store, settings, self._fail)

    def _fail(self, where: str, message: str) -> None:
        raise AssertionError(f"{where}: {message}")

    def come(self, audios: range) -> None:
        files = [FoundFile(below(self.folder, f"{audio}.wav"), stamp(audio + 1)) for audio in audios]
        self.store.note_files([(file, ("unknown", "")) for file in files])
        outcomes = []
        for file, audio in zip(files, audios, strict=True):
            embedding = np.random.default_rng(audio).normal(0, 3, EMBEDDING_SIZE).astype(np.float32)
            heard = replace(analysis(audio), embedding=embedding)
            outcomes.append(Outcome(file.path, file.stamp, heard, None))
        self.store.commit_outcomes(outcomes, analysis_version=1, place=self.keeper.placer)

    def step_until(self, condition: Callable[[], bool]) -> None:
        step_until(self.keeper, condition)

    def close(self) -> None:
        self.keeper.close()
        self.store.close()


@pytest.mark.parametrize("again", [False, True])
def test_axes_are_axes_from_the_first_sound_on(tmp_path: Path, again: bool) -> None:
    """New sounds stand in the order of the two descriptors, before and after a restart; old ones stay."""
    settings = LayoutSettings(seed=1, method="axes", refit="manual", x="pitch", y="attack")
    kept = Kept(tmp_path, settings)
    kept.come(range(40))
    kept.step_until(lambda: kept.keeper.content)
    before = kept.store.embeddings()
    epoch = kept.store.epoch()
    assert epoch is not None and epoch.method == "axes-pitch-attack"
    if again:
        kept.keeper.close()
        kept.keeper = MapKeeper(kept.store, settings, kept._fail)
    kept.come(range(40, 60))
    kept.keeper.step(settled=False)
    after = kept.store.embeddings()
    assert after.xy[:40].tobytes() == before.xy.tobytes()
    for axis, name in enumerate(("pitch", "attack")):
        order = np.argsort(after.embedding[:, DESCRIPTORS[name]])
        assert (np.diff(after.xy[order, axis]) > -0.01).all()
    assert np.isfinite(after.even).all()
    kept.close()


def test_another_pair_of_axes_is_another_epoch_when_asked(tmp_path: Path) -> None:
    """Changed settings leave the map in force, and its axes for new sounds, until the next is asked for."""
    kept = Kept(tmp_path, LayoutSettings(seed=1, method="axes", refit="manual"))
    kept.come(range(20))
    kept.step_until(lambda: kept.keeper.content)
    kept.keeper.close()
    told: list[str] = []
    settings = LayoutSettings(seed=1, method="axes", refit="manual", x="tone", y="length")
    kept.keeper = MapKeeper(kept.store, settings, lambda where, message: told.append(message))
    kept.step_until(lambda: kept.keeper.content)
    assert told == [
        "the map in force is axes-brightness-length, by the settings it would be axes-tone-length; "
        "klustr-bridge relayout makes a new one, klustr-bridge candidate one to look at"
    ]
    epoch = kept.store.epoch()
    assert epoch is not None and (epoch.number, epoch.method) == (1, "axes-brightness-length")
    done: list[str | None] = []
    kept.keeper.demand(done.append)
    kept.step_until(lambda: bool(done))
    epoch = kept.store.epoch()
    assert done == [None]
    assert epoch is not None and (epoch.number, epoch.method) == (2, "axes-tone-length")
    kept.close()


def test_a_grid_takes_new_sounds_into_its_cells(tmp_path: Path) -> None:
    """Both views are one lattice, also for sounds that come later and after a restart."""
    settings = LayoutSettings(seed=1, method="grid", refit="manual")
    kept = Kept(tmp_path, settings)
    kept.come(range(30))
    kept.step_until(lambda: kept.keeper.content)
    epoch = kept.store.epoch()
    assert epoch is not None and epoch.method == "grid"
    before = kept.store.embeddings()
    for first in (30, 45):
        kept.come(range(first, first + 15))
        kept.keeper.step(settled=False)
        kept.keeper.close()
        kept.keeper = MapKeeper(kept.store, settings, kept._fail)
    after = kept.store.embeddings()
    assert after.xy[:30].tobytes() == before.xy.tobytes()
    assert after.xy.tobytes() == after.even.tobytes()
    cells = after.xy * epoch.even_side - 0.5
    assert np.abs(cells - np.round(cells)).max() < 1e-3
    assert len(np.unique(np.round(cells), axis=0)) == 60
    kept.close()
