"""A map to be looked at first, as the librarian makes and keeps it."""

from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.errors import QueryError
from klustr_bridge.indexer.placing import MapKeeper
from klustr_bridge.layout.fit import best_engine
from klustr_bridge.settings import LayoutSettings
from tests.indexer.test_other_maps import Kept

SETTINGS = LayoutSettings(seed=1, method="pca", refit="manual")


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """A library whose map is made."""
    kept = Kept(tmp_path, SETTINGS)
    kept.come(range(24))
    kept.step_until(lambda: kept.keeper.content)
    return kept


def notices(kept: Kept) -> list[str]:
    """What the user is told from now on."""
    told: list[str] = []
    kept.keeper._notice = lambda where, message: told.append(message)
    return told


def made(kept: Kept, method: str = "") -> list[str | None]:
    """Ask for a candidate and wait for its end."""
    ended: list[str | None] = []
    kept.keeper.demand_candidate(method, ended.append)
    kept.step_until(lambda: bool(ended))
    return ended


@pytest.mark.parametrize(("method", "wanted"), [("grid", "grid"), ("axes", "axes-brightness-length")])
def test_a_candidate_is_taken_as_it_was_seen(kept: Kept, method: str, wanted: str) -> None:
    """Nothing moves while it waits, over a restart too; taken, each sound is where the candidate had it."""
    before, epoch = kept.store.positions()[1].tobytes(), kept.store.epoch()
    assert made(kept, method) == [None]
    assert kept.store.positions()[1].tobytes() == before and kept.store.epoch() == epoch
    kept.keeper.close()
    kept.keeper = MapKeeper(kept.store, SETTINGS, lambda where, message: None)
    candidate = kept.store.candidate()
    assert candidate is not None and candidate.method == wanted and "moved_median" in candidate.scores
    kept.come(range(24, 30))
    kept.keeper.take_candidate()
    live = kept.store.embeddings()
    assert np.hstack([live.xy, live.even])[:24].tobytes() == candidate.xy.tobytes()
    assert np.isfinite(live.xy).all() and len(live.ids) == 30
    now = kept.store.epoch()
    assert epoch is not None and now is not None
    assert (now.number, now.method, now.n_fitted) == (epoch.number + 1, wanted, 24)
    assert kept.store.candidate() is None
    kept.come(range(30, 33))  # placed on the map that was taken, in its own way
    later = kept.store.embeddings()
    assert later.xy[:30].tobytes() == live.xy.tobytes() and np.isfinite(later.xy).all()
    kept.close()


def test_a_dropped_candidate_leaves_everything_as_it_was(kept: Kept) -> None:
    """What is in force stays; there is nothing to take or drop any more, and that is said."""
    before = kept.store.positions()[1].tobytes()
    made(kept)
    kept.keeper.drop_candidate()
    assert kept.store.candidate() is None and kept.store.positions()[1].tobytes() == before
    with pytest.raises(QueryError, match="no candidate") as take:
        kept.keeper.take_candidate()
    with pytest.raises(QueryError, match="no candidate") as drop:
        kept.keeper.drop_candidate()
    assert {take.value.code, drop.value.code} == {"notfound"}
    kept.close()


def test_a_candidate_that_is_being_made_can_be_dropped(kept: Kept) -> None:
    """Whoever asked is told, at once and in either case: it waits, or it is under way."""
    ended: list[str | None] = []
    kept.keeper.demand_candidate("grid", ended.append)
    kept.keeper.drop_candidate()
    assert ended and "dropped" in str(ended[0]) and not kept.keeper.fitting
    kept.keeper.demand_candidate("grid", ended.append)
    kept.keeper.step(settled=True)
    assert kept.keeper.connections
    kept.keeper.drop_candidate()
    assert "dropped" in str(ended[1]) and not kept.keeper.fitting
    kept.step_until(lambda: kept.keeper.content)
    assert kept.store.candidate() is None
    kept.close()


def test_a_new_epoch_ends_the_candidate_and_goes_before_it(kept: Kept) -> None:
    """A map that is asked for drops the one that waits; while it is made nothing can be taken."""
    made(kept)
    told = notices(kept)
    done: list[str | None] = []
    kept.keeper.demand(done.append)
    with pytest.raises(QueryError) as busy:
        kept.keeper.take_candidate()
    assert busy.value.code == "busy"
    kept.step_until(lambda: bool(done))
    assert done == [None] and kept.store.candidate() is None
    assert [message for message in told if "gave way" in message]
    kept.close()


def test_the_map_asked_for_is_not_the_candidate_under_way(kept: Kept) -> None:
    """A relayout asked for while a candidate is made becomes an epoch of its own."""
    epoch = kept.store.epoch()
    notices(kept)
    ended: list[str | None] = []
    done: list[str | None] = []
    kept.keeper.demand_candidate("", ended.append)
    kept.keeper.step(settled=True)
    kept.keeper.demand(done.append)
    kept.step_until(lambda: bool(done) and bool(ended))
    now = kept.store.epoch()
    assert epoch is not None and now is not None and now.number == epoch.number + 1
    kept.close()


@pytest.mark.parametrize("n", [0, 1, 3])
def test_few_sounds_have_candidates_too(tmp_path: Path, n: int) -> None:
    """As soon as there is one sound; without any the asker is told."""
    kept = Kept(tmp_path, SETTINGS)
    if not n:
        assert made(kept, "tsne") == ["there are no analysed sounds yet"]
        kept.close()
        return
    kept.come(range(n))
    kept.step_until(lambda: kept.keeper.content)
    assert made(kept, "tsne") == [None]
    kept.keeper.take_candidate()
    assert np.isfinite(kept.store.embeddings().xy).all()
    kept.close()


def test_auto_keeps_to_the_method_that_a_library_was_tuned_to(tmp_path: Path) -> None:
    """A tuned map that was taken names the method of the next one, until another method is taken."""
    kept = Kept(tmp_path, LayoutSettings(seed=1, method="auto", refit="manual"))
    kept.come(range(18))
    kept.step_until(lambda: kept.keeper.content)
    assert made(kept, "umap-10-0.01") == [None]
    kept.keeper.take_candidate()
    kept.keeper.demand(lambda reason: None)
    kept.step_until(lambda: not kept.keeper.fitting)
    epoch = kept.store.epoch()
    assert epoch is not None and epoch.method == "umap-10-0.01"
    assert made(kept, "umap") == [None]
    kept.keeper.take_candidate()
    assert made(kept) == [None]
    candidate = kept.store.candidate()
    assert candidate is not None and candidate.method == best_engine()
    kept.close()
