import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klustr_bridge.layout import reach
from klustr_bridge.layout.reach import reachable


def _by_trying_all(xy, bits):
    """Every position of the pad against every sound."""
    last = 2**bits - 1
    axis = np.arange(last + 1) / last
    reached = np.zeros(len(xy), dtype=bool)
    for x in axis:
        squares = (xy[:, 0].astype(float) - x) ** 2 + (xy[:, 1].astype(float) - axis[:, None]) ** 2
        reached[squares.argmin(axis=1)] = True
    return reached


coordinate = st.one_of(
    st.sampled_from([0.0, 1.0, 0.5, 1 / 3, 0.25]),
    st.floats(0, 1, width=32),
    st.floats(0.5, 0.515625, width=32),
)


@settings(max_examples=200, deadline=None)
@given(places=st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=60), bits=st.integers(1, 6))
@pytest.mark.parametrize("enumerated", [0, 10])
def test_both_ways_agree_with_trying_every_position(monkeypatch_once, enumerated, places, bits):
    """Voronoi cells and enumeration say what brute force says, for equal places and ties, too."""
    monkeypatch_once(reach, "_ENUMERATED_BITS", enumerated)
    xy = np.array(places, dtype=np.float32)
    assert reachable(xy, bits).tolist() == _by_trying_all(xy, bits).tolist()


@pytest.fixture(scope="module")
def monkeypatch_once():
    with pytest.MonkeyPatch.context() as patch:
        yield patch.setattr


def test_crowds_and_long_thin_cells_agree_with_enumeration(monkeypatch_once):
    """Sounds in crowds, on lines and far out are judged by their cells as by all positions of 10 bits."""
    rng = np.random.default_rng(0)
    crowd = 0.5 + 0.01 * rng.normal(size=(1_500, 2))
    line = np.stack([np.linspace(0, 1, 300), np.full(300, 0.2)], axis=1)
    xy = np.clip(np.vstack([crowd, line, rng.random((200, 2))]), 0, 1).astype(np.float32)
    monkeypatch_once(reach, "_ENUMERATED_BITS", 10)
    expected = reachable(xy, 10)
    monkeypatch_once(reach, "_ENUMERATED_BITS", 0)
    assert 0.2 < expected.mean() < 0.95
    assert (reachable(xy, 10) == expected).all()


def test_nothing_and_one():
    """An empty map has nothing to reach; a lone sound is reached from everywhere."""
    assert reachable(np.empty((0, 2), np.float32), 7).tolist() == []
    assert reachable(np.array([[0.3, 0.9]], np.float32), 14).tolist() == [True]
