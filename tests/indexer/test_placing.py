"""The map over any sequence of sounds that come, go and move, of new epochs, and of sudden ends.

The number of sequences is `BRIDGE_TEST_SEQUENCES` (default 12).
"""

import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from klustr_bridge.indexer.placing import MapKeeper
from klustr_bridge.library.store import Store
from klustr_bridge.settings import LayoutSettings
from klustr_bridge.types import FoundFile
from tests.library.making import below, heard, stamp

N_SEQUENCES = int(os.environ.get("BRIDGE_TEST_SEQUENCES", "6"))
N_NAMES = 40
SETTINGS = LayoutSettings(seed=1, method="pca", refit="auto")
PATIENCE_S = 60.0

names = st.integers(0, N_NAMES - 1)


class SoundsOnAMap(RuleBasedStateMachine):
    """A store and the keeper of its map, as the librarian has them."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="klustr-map-"))
        self.store = Store.open(self.root / "a.klustr")
        self.folder = self.store.add_folder(os.fsencode(self.root / "samples")).path
        self.files: dict[int, FoundFile] = {}
        self.audios: dict[int, int] = {}
        self.absent = False
        self.n_contents = 0
        self.told: list[tuple[str, str]] = []
        self.epoch = 0
        self.seen: dict[int, tuple[float, ...]] = {}
        self.keeper = self._keeper()

    def _keeper(self) -> MapKeeper:
        return MapKeeper(self.store, SETTINGS, lambda where, message: self.told.append((where, message)))

    def teardown(self) -> None:
        self.keeper.close()
        self.store.close()
        shutil.rmtree(self.root)

    @rule(name=names, audio=st.integers(0, 60))
    def come(self, name: int, audio: int) -> None:
        self._hear({name: audio})

    @rule(first=names, n=st.integers(2, N_NAMES), audio=st.integers(0, 60))
    def many_come(self, first: int, n: int, audio: int) -> None:
        self._hear({(first + at) % N_NAMES: audio + at for at in range(n)})

    def _hear(self, audios: dict[int, int]) -> None:
        if self.absent:
            return
        found = {}
        for name in audios:
            self.n_contents += 1
            found[name] = FoundFile(below(self.folder, f"{name}.wav"), stamp(self.n_contents))
        self.files |= found
        self.audios |= audios
        self.store.note_files([(file, ("unknown", "")) for file in found.values()])
        outcomes = [heard(file, audios[name]) for name, file in found.items()]
        self.store.commit_outcomes(outcomes, analysis_version=1, place=self.keeper.placer)

    @precondition(lambda self: self.files and not self.absent)
    @rule(data=st.data())
    def go(self, data: st.DataObject) -> None:
        gone = data.draw(st.sets(st.sampled_from(sorted(self.files)), min_size=1))
        self.store.forget_files([self.files.pop(name).path for name in gone])

    @precondition(lambda self: self.files and not self.absent)
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.files)))
        file = self.files.pop(name)
        to = FoundFile(below(self.folder, f"moved/{name}.wav"), file.stamp)
        self.store.note_files([(to, ("unknown", ""))], gone=[file.path])
        self.store.commit_outcomes(
            [heard(to, self.audios[name])], analysis_version=1, place=self.keeper.placer
        )
        self.files[name] = to

    @rule(absent=st.booleans())
    def unplug(self, absent: bool) -> None:
        self.absent = absent
        self.store.set_folder_state(self.folder, "absent" if absent else "watched")

    @rule(settled=st.booleans())
    def step(self, settled: bool) -> None:
        self.keeper.step(settled)

    @rule()
    def lay_out_anew(self) -> None:
        answers: list[str | None] = []
        self.keeper.demand(answers.append)
        until = time.monotonic() + PATIENCE_S
        while not answers and time.monotonic() < until:
            self.keeper.step(settled=True)
            for connection in self.keeper.connections:
                connection.poll(0.1)
        assert answers in ([None], ["there are no analysed sounds yet"])

    @rule(fitting=st.booleans())
    def end_and_begin_again(self, fitting: bool) -> None:
        """What is in memory is lost, a running fit with it."""
        if fitting:
            self.keeper.demand(lambda _: None)
            self.keeper.step(settled=False)
        self.keeper.close()
        self.store.close()
        self.store = Store.open(self.root / "a.klustr")
        self.keeper = self._keeper()

    @invariant()
    def nothing_has_moved(self) -> None:
        """Within an epoch what has had a place has that place, in both views, gone or not."""
        epoch = self.store.epoch()
        number = 0 if epoch is None else epoch.number
        ids, both = self.store.positions()
        now = {sound: tuple(place) for sound, place in zip(ids.tolist(), both.tolist(), strict=True)}
        if number == self.epoch:
            for sound, place in self.seen.items():
                assert now[sound][:2] == place[:2]
                live_even = np.isfinite(now[sound][2:]).all() and np.isfinite(place[2:]).all()
                assert not live_even or now[sound][2:] == place[2:]
        self.epoch, self.seen = number, now

    @invariant()
    def every_sound_has_its_place(self) -> None:
        """After healing each live sound has one place of its own in each view, within the square."""
        self.keeper.heal()
        if self.store.epoch() is None:
            return
        live = self.store.embeddings()
        if self.keeper.placer is None:
            return
        ids, both = self.store.positions()
        assert len(set(ids.tolist())) == len(ids)
        assert set(live.ids.tolist()) <= set(ids.tolist())
        placed = both[np.isin(ids, live.ids)]
        assert np.isfinite(placed).all()
        assert ((placed >= 0) & (placed <= 1)).all()
        for view in (placed[:, :2], placed[:, 2:]):
            assert len(np.unique(view, axis=0)) == len(live.ids)
        assert not self.told


def test_the_map_stays_whatever_happens() -> None:
    """Under any sequence each sound has one place, finite and in the square, that stays within an epoch."""
    run_state_machine_as_test(
        SoundsOnAMap,
        settings=settings(
            max_examples=N_SEQUENCES,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
