"""The map that is the same for everybody, as the librarian keeps it while sounds come."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.indexer.placing import MapKeeper
from klustr_bridge.layout.fit import best_engine
from klustr_bridge.layout.spacing import CELLS
from klustr_bridge.layout.universal import UNIVERSAL, universal_xy
from klustr_bridge.library import spaces
from klustr_bridge.library.spaces import ENGINEERED
from klustr_bridge.settings import LayoutSettings
from klustr_bridge.sound.aspects import LEARNED_VERSION
from klustr_bridge.types import Float32Array, FoundFile, Outcome
from tests.indexer.test_other_maps import Kept
from tests.layout.data import learned
from tests.library.making import analysis, below, stamp

HEARD = learned(400)
STEP = 3.0 / CELLS  # how far sounds that belong to one spot are moved apart here
ALWAYS = LayoutSettings(seed=1, method="universal", refit="auto")
AUTO = LayoutSettings(seed=1, method="auto", refit="auto")


class Learned(Kept):
    """A library that hears by the learned ear; `told` is what the user is told."""

    def __init__(self, folder: Path, settings: LayoutSettings) -> None:
        self.told: list[str] = []
        super().__init__(folder, settings)

    def _fail(self, where: str, message: str) -> None:
        self.told.append(message)

    def come(self, audios: range, version: int = LEARNED_VERSION) -> None:
        files = [FoundFile(below(self.folder, f"{audio}.wav"), stamp(audio + 1)) for audio in audios]
        self.store.note_files([(file, ("unknown", "")) for file in files])
        outcomes = [
            Outcome(file.path, file.stamp, replace(analysis(audio), embedding=HEARD[audio]), None)
            for file, audio in zip(files, audios, strict=True)
        ]
        self.store.commit_outcomes(outcomes, analysis_version=version, place=self.keeper.placer)

    def restart(self, settings: LayoutSettings) -> None:
        self.keeper.close()
        self.keeper = MapKeeper(self.store, settings, self._fail)

    @property
    def epochs(self) -> tuple[int, str, int]:
        """Number, method and fitted sounds of the epoch in force."""
        epoch = self.store.epoch()
        assert epoch is not None
        return epoch.number, epoch.method, epoch.n_fitted

    def xy(self) -> Float32Array:
        return self.store.embeddings().xy


def far_from_home(kept: Learned) -> float:
    """How far the sound that is farthest from where it belongs stands from there."""
    live = kept.store.embeddings()
    return float(np.abs(live.xy - universal_xy(live.embedding)).max())


def test_each_sound_stands_where_it_would_in_any_other_library(tmp_path: Path) -> None:
    """From the first on, without a fit: before and after a restart, whatever came before; old ones stay."""
    kept = Learned(tmp_path, ALWAYS)
    kept.come(range(1))
    kept.keeper.step(settled=False)
    assert kept.epochs == (1, UNIVERSAL, 1)
    kept.come(range(1, 200))
    kept.step_until(lambda: kept.keeper.content)
    before = kept.xy()
    kept.restart(ALWAYS)
    kept.come(range(200, 400))
    kept.step_until(lambda: kept.keeper.content)
    assert kept.epochs == (1, UNIVERSAL, 1)
    assert kept.xy()[:200].tobytes() == before.tobytes()
    assert far_from_home(kept) <= STEP
    assert len(np.unique(kept.xy(), axis=0)) == 400
    assert np.isfinite(kept.store.embeddings().even).all()
    kept.close()
    assert kept.told == []


def test_a_library_begins_with_the_universal_map_and_a_good_one_follows(tmp_path: Path) -> None:
    """The good one is laid over it: things stay about where they were."""
    kept = Learned(tmp_path, AUTO)
    kept.come(range(9))
    kept.keeper.step(settled=True)
    assert kept.epochs == (1, UNIVERSAL, 9)
    kept.come(range(9, 299))
    kept.keeper.step(settled=False)
    assert kept.epochs == (1, UNIVERSAL, 9) and not kept.keeper.fitting
    assert far_from_home(kept) <= STEP
    before = kept.xy()
    kept.step_until(lambda: kept.keeper.content)
    assert kept.epochs == (2, best_engine(), 299)
    after, moved = kept.xy(), {}
    for name, turned in {"as it is": after, "upside down": 1 - after, "turned": after[:, ::-1]}.items():
        moved[name] = np.linalg.norm(turned - before, axis=1).mean()
    assert moved["as it is"] < 0.7 * min(moved["upside down"], moved["turned"])
    kept.close()
    assert kept.told == []


def test_a_universal_map_that_was_chosen_is_kept_by_auto(tmp_path: Path) -> None:
    """Made as a candidate, looked at and taken; sounds that come find their own places."""
    kept = Learned(tmp_path, AUTO)
    kept.come(range(40))
    kept.step_until(lambda: kept.keeper.content)
    ended: list[str | None] = []
    kept.keeper.demand_candidate(UNIVERSAL, ended.append)
    kept.step_until(lambda: bool(ended))
    assert ended == [None]
    kept.come(range(40, 50))
    kept.keeper.take_candidate()
    kept.restart(AUTO)
    kept.come(range(50, 60))
    kept.step_until(lambda: kept.keeper.content)
    assert kept.epochs == (3, UNIVERSAL, 40)
    assert far_from_home(kept) <= STEP
    kept.close()


def test_relayout_brings_what_the_setting_says(tmp_path: Path) -> None:
    """The map in force stays until then, and that there is another to be had is said."""
    kept = Learned(tmp_path, AUTO)
    kept.come(range(40))
    kept.step_until(lambda: kept.keeper.content)
    kept.restart(ALWAYS)
    kept.step_until(lambda: kept.keeper.content)
    assert kept.epochs == (2, best_engine(), 40)
    assert len(kept.told) == 1 and "by the settings it would be universal" in kept.told[0]
    ended: list[str | None] = []
    kept.keeper.demand(ended.append)
    kept.step_until(lambda: bool(ended))
    assert ended == [None] and kept.epochs == (3, UNIVERSAL, 40)
    assert far_from_home(kept) <= STEP
    kept.close()


def test_without_the_learned_ear_the_map_is_made_as_by_auto_and_that_is_said(tmp_path: Path) -> None:
    """Once; a candidate that can't be had is refused with the reason."""
    kept = Learned(tmp_path, ALWAYS)
    kept.store.hear_by(ENGINEERED)
    kept.come(range(40))
    kept.step_until(lambda: kept.keeper.content)
    assert kept.epochs == (2, best_engine(), 40)
    kept.come(range(40, 60))
    kept.step_until(lambda: kept.keeper.content)
    assert len(kept.told) == 1 and "layout.method is universal, which needs" in kept.told[0]
    assert "hearing.embedding = learned" in kept.told[0]
    kept.restart(AUTO)
    ended: list[str | None] = []
    kept.keeper.demand_candidate(UNIVERSAL, ended.append)
    kept.step_until(lambda: bool(ended))
    assert ended[0] is not None and ended[0].startswith("a universal map needs what the learned ear hears")
    kept.close()


@pytest.mark.parametrize("method", ["universal", "auto"])
def test_a_library_that_comes_to_hear_otherwise_gets_another_map(tmp_path: Path, method: str) -> None:
    """Engineered: a fitted one, which places by neighbours. Learned again: what the setting says."""
    settings = LayoutSettings(seed=1, method=method, refit="auto")  # type: ignore[arg-type]
    kept = Learned(tmp_path, settings)
    kept.come(range(40))
    kept.step_until(lambda: kept.keeper.content)
    before = kept.epochs[0]
    kept.store.hear_by(ENGINEERED)
    kept.come(range(40, 45))
    kept.step_until(lambda: kept.keeper.content)
    assert kept.epochs == (before + 1, best_engine(), 45)
    assert np.isfinite(kept.xy()).all()
    kept.store.hear_by("learned")
    kept.come(range(45, 50))
    kept.step_until(lambda: kept.keeper.content)
    assert kept.epochs == (before + 2, UNIVERSAL if method == "universal" else best_engine(), 50)
    kept.close()


def test_sounds_that_strayed_come_to_their_places_once_the_ear_has_heard_all(tmp_path: Path) -> None:
    """Placed among neighbours while the library could not be heard by it; no other sound moves then."""
    kept = Learned(tmp_path, ALWAYS)
    kept.come(range(40))
    kept.step_until(lambda: kept.keeper.content)
    before = kept.xy()
    kept.store.hear_by(ENGINEERED)
    kept.keeper.step(settled=False)
    kept.come(range(40, 60))
    kept.keeper.step(settled=False)
    assert kept.epochs == (1, UNIVERSAL, 40) and np.isfinite(kept.xy()).all()
    kept.store.hear_by("learned")
    assert far_from_home(kept) > STEP
    kept.restart(ALWAYS)  # nothing of it is lost with the process
    kept.step_until(lambda: kept.keeper.content)
    assert kept.epochs == (2, UNIVERSAL, 60)
    assert far_from_home(kept) <= STEP and np.abs(kept.xy()[:40] - before).max() <= STEP
    kept.close()
    assert kept.told == []


@pytest.mark.parametrize("method", ["universal", "auto"])
def test_another_releases_ear_gives_another_map_once_it_has_heard_all(
    tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are as long as before, and mean something else: no map of theirs stays, none is made halfway."""
    settings = LayoutSettings(seed=1, method=method, refit="auto")  # type: ignore[arg-type]
    kept = Learned(tmp_path, settings)
    with monkeypatch.context() as older:
        older.setattr(spaces, "LEARNED_VERSION", LEARNED_VERSION - 1)
        kept.come(range(40), LEARNED_VERSION - 1)
        kept.step_until(lambda: kept.keeper.content)
    before = kept.epochs
    kept.store.hear_by("learned")
    kept.restart(settings)
    kept.keeper.step(settled=False)
    kept.come(range(39))
    kept.keeper.step(settled=False)
    assert kept.epochs == before
    kept.come(range(39, 40))
    kept.step_until(lambda: kept.keeper.content)
    assert kept.epochs == (before[0] + 1, before[1], 40)
    kept.close()
