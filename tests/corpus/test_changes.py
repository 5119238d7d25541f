"""What changed on the map, against plain sets."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from klustr_bridge.corpus import Corpus, difference
from tests.corpus.snapshots import Made, MadeSound, below, snapshot_of

NOWHERE = (float("nan"), float("nan"))
PLACES = st.dictionaries(st.integers(1, 12), st.sampled_from([NOWHERE, (0.0, 0.5), (0.5, 0.5), (1.0, 0.0)]))


def corpus_of(places, epoch, library_id="library"):
    sounds = [MadeSound(i, [below(f"{i}.wav")], xy) for i, xy in places.items()]
    return Corpus(snapshot_of(Made(sounds, epoch=epoch, library_id=library_id)))


@settings(max_examples=80, deadline=None)
@given(old=PLACES, new=PLACES, epochs=st.sampled_from([(1, 1), (1, 2), (0, 1)]))
def test_difference_equals_sets(old, new, epochs):
    """Added, removed and moved are what sets say; moved only at a new epoch."""
    changes = difference(corpus_of(old, epochs[0]), corpus_of(new, epochs[1]))
    was = {i: xy for i, xy in old.items() if xy is not NOWHERE}
    now = {i: xy for i, xy in new.items() if xy is not NOWHERE}
    assert changes.added.tolist() == sorted(now.keys() - was.keys())
    assert changes.removed.tolist() == sorted(was.keys() - now.keys())
    moved = sorted(i for i in was.keys() & now.keys() if was[i] != now[i])
    assert changes.moved.tolist() == (moved if epochs[0] != epochs[1] else [])
    assert changes.epoch_changed == (epochs[0] != epochs[1])


def test_another_library_replaces_everything():
    """Leaving the demo library removes all its sounds, though ids of the next one are the same."""
    places = {1: (0.0, 0.5), 2: (0.5, 0.5)}
    changes = difference(corpus_of(places, 1, "demo"), corpus_of(places, 1, "own"))
    assert changes.added.tolist() == changes.removed.tolist() == [1, 2]
    assert changes.moved.tolist() == []
    assert changes.epoch_changed


def test_first_snapshot_adds_everything():
    """From nothing to the first map, every placed sound is added."""
    changes = difference(Corpus.empty(), corpus_of({4: (0.0, 0.5), 5: NOWHERE}, 1))
    assert np.array_equal(changes.added, [4])
    assert changes.removed.tolist() == []


def test_each_view_has_its_own_changes():
    """A sound that gets its even place later is added there alone; a new epoch moves it in each view."""

    def corpus(epoch, natural, even):
        return Corpus(snapshot_of(Made([MadeSound(1, [below("1.wav")], natural, even_xy=even)], epoch=epoch)))

    before = corpus(1, (0.0, 0.5), NOWHERE)
    complete = corpus(1, (0.0, 0.5), (0.25, 0.75))
    assert difference(before, complete).added.tolist() == []
    assert difference(before, complete, "even").added.tolist() == [1]
    refitted = corpus(2, (0.0, 0.5), (0.5, 0.5))
    assert difference(complete, refitted).moved.tolist() == []
    assert difference(complete, refitted, "even").moved.tolist() == [1]
    assert difference(complete, before, "even").removed.tolist() == [1]
