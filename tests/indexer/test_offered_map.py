"""A better map is only offered where the user wants to be asked."""

import os
from pathlib import Path

from klustr_bridge.indexer.placing import MapKeeper
from klustr_bridge.library.store import Store
from klustr_bridge.settings import LayoutSettings
from klustr_bridge.types import FoundFile
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
        assert epoch is not None and epoch.n_fitted == 10
        keeper.close()
