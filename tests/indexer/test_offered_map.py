"""A better map is only offered where the user wants to be asked."""

import os
from pathlib import Path

from klustr_bridge.indexer.placing import MapKeeper
from klustr_bridge.library.store import Store
from klustr_bridge.settings import LayoutSettings
from klustr_bridge.types import FoundFile
from tests.indexer.waiting import step_until
from tests.library.making import below, heard, stamp


def _come(store: Store, folder: bytes, keeper: MapKeeper, audios: range) -> None:
    files = [FoundFile(below(folder, f"{audio}.wav"), stamp(audio + 1)) for audio in audios]
    store.note_files([(file, ("unknown", "")) for file in files])
    outcomes = [heard(file, audio) for file, audio in zip(files, audios, strict=True)]
    store.commit_outcomes(outcomes, analysis_version=1, place=keeper.placer)


def test_a_poor_map_is_offered_once_and_made_when_asked(tmp_path: Path) -> None:
    """With manual refits a map most of whose sounds came later stays, and one sentence tells of it."""
    told: list[tuple[str, str]] = []
    with Store.open(tmp_path / "a.klustr") as store:
        folder = store.add_folder(os.fsencode(tmp_path / "samples")).path
        settings = LayoutSettings(seed=1, method="pca", refit="manual")
        keeper = MapKeeper(store, settings, lambda where, message: told.append((where, message)))
        _come(store, folder, keeper, range(10))
        keeper.step(settled=True)
        keeper.step(settled=True)
        assert not told
        _come(store, folder, keeper, range(10, 30))
        keeper.step(settled=False)
        assert not told, "nothing is said while more may come"
        keeper.step(settled=True)
        _come(store, folder, keeper, range(30, 32))
        keeper.step(settled=True)
        ((where, message),) = told
        assert where == "layout"
        assert "20 of 30 sounds" in message
        assert "klustr-bridge relayout" in message
        epoch = store.epoch()
        assert epoch is not None and (epoch.number, epoch.n_fitted) == (1, 10)
        done: list[str | None] = []
        keeper.demand(done.append)
        step_until(keeper, lambda: bool(done))
        epoch = store.epoch()
        assert done == [None]
        assert epoch is not None and (epoch.number, epoch.n_fitted) == (2, 32)
        keeper.step(settled=True)
        assert len(told) == 1
        keeper.close()


def test_the_map_of_a_library_that_is_being_heard_grows_before_it_stays(tmp_path: Path) -> None:
    """Manual refits or not: the map that stays is of all that was there at first, also after a restart."""
    with Store.open(tmp_path / "a.klustr") as store:
        folder = store.add_folder(os.fsencode(tmp_path / "samples")).path
        settings = LayoutSettings(seed=1, method="pca", refit="manual")
        keeper = MapKeeper(store, settings, lambda where, message: None)
        _come(store, folder, keeper, range(1))
        keeper.step(settled=False)
        keeper.close()
        keeper = MapKeeper(store, settings, lambda where, message: None)
        _come(store, folder, keeper, range(1, 40))
        for _ in range(3):
            keeper.step(settled=True)
        epoch = store.epoch()
        assert epoch is not None and epoch.n_fitted == 40
        keeper.close()
        keeper = MapKeeper(store, settings, lambda where, message: None)
        _come(store, folder, keeper, range(40, 300))
        for _ in range(3):
            keeper.step(settled=True)
        assert store.epoch() == epoch
        keeper.close()


def test_a_fit_that_is_under_way_is_the_one_asked_for(tmp_path: Path) -> None:
    """Asked while the map of all that is there is being made, no second one is made after it."""
    with Store.open(tmp_path / "a.klustr") as store:
        folder = store.add_folder(os.fsencode(tmp_path / "samples")).path
        keeper = MapKeeper(
            store, LayoutSettings(seed=1, method="tsne", refit="auto"), lambda where, message: None
        )
        _come(store, folder, keeper, range(40))
        done: list[str | None] = []
        keeper.step(settled=True)
        assert keeper.fitting
        keeper.demand(done.append)
        step_until(keeper, lambda: bool(done))
        epoch = store.epoch()
        assert epoch is not None and epoch.number == 1
        keeper.demand(done.append)
        step_until(keeper, lambda: len(done) == 2)
        epoch = store.epoch()
        assert epoch is not None and epoch.number == 2
        keeper.close()


def test_a_relayout_of_few_sounds_starts_from_where_they_are(tmp_path: Path) -> None:
    """Below sixteen the map is by PCA each time: laid over the one in force."""
    with Store.open(tmp_path / "a.klustr") as store:
        folder = store.add_folder(os.fsencode(tmp_path / "samples")).path
        keeper = MapKeeper(
            store, LayoutSettings(seed=1, method="auto", refit="auto"), lambda where, message: None
        )
        _come(store, folder, keeper, range(12))
        keeper.step(settled=True)
        _come(store, folder, keeper, range(12, 15))
        done: list[str | None] = []
        keeper.demand(done.append)
        step_until(keeper, lambda: bool(done))
        epoch = store.epoch()
        assert epoch is not None and epoch.scores["moved_median"] < 0.4
        keeper.close()
