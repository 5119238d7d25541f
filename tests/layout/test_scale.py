import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from klustr_bridge.layout.scale import EDGE, fill_square, keep_in_square

_layouts = hnp.arrays(
    np.float32,
    st.tuples(st.integers(0, 60), st.just(2)),
    elements=st.floats(-1e6, 1e6, width=32),
)


@pytest.mark.parametrize("to_square", [fill_square, keep_in_square])
@given(xy=_layouts)
def test_every_layout_ends_inside_the_square(to_square, xy):
    """Whatever the coordinates, the map is finite, strictly inside 0..1 and float32."""
    result = to_square(xy)
    assert result.shape == xy.shape
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    assert ((result > 0) & (result < 1)).all()


@pytest.mark.parametrize("to_square", [fill_square, keep_in_square])
@given(xy=_layouts)
def test_scaling_never_swaps_two_sounds(to_square, xy):
    """Along each axis the order of the sounds stays: scaling doesn't tear neighbours apart."""
    result = to_square(xy)
    for axis in range(2):
        in_order = result[np.argsort(xy[:, axis], kind="stable"), axis]
        assert (np.diff(in_order) >= 0).all()


def test_one_outlier_does_not_crush_the_rest():
    """A sound a thousand times farther out takes a corner, not the whole map."""
    xy = np.random.default_rng(0).normal(size=(500, 2))
    xy[17] = (1e3, -1e3)
    result = fill_square(xy)
    rest = np.delete(result, 17, axis=0)
    assert np.ptp(rest, axis=0).min() > 0.9
    assert result[17, 0] > 1 - EDGE
    assert result[17, 1] < EDGE


def test_an_axis_without_extent_stays_in_the_middle():
    """Rounding noise on a constant axis isn't blown up to the size of the map."""
    rng = np.random.default_rng(0)
    xy = np.column_stack([rng.normal(size=50), 3 + 1e-9 * rng.normal(size=50)])
    for result in (fill_square(xy), keep_in_square(xy)):
        assert (result[:, 1] == 0.5).all()
        assert np.ptp(result[:, 0]) > 0.5


def test_a_map_that_fits_is_not_moved():
    """Bringing an aligned map into the square leaves it alone where it lies well inside."""
    xy = np.random.default_rng(0).uniform(0.06, 0.94, size=(400, 2))
    assert np.abs(keep_in_square(xy) - xy).max() < 1e-6


def test_a_map_that_sticks_out_is_moved_in_as_a_whole():
    """A map shifted halfway out comes back, instead of being squashed against the border."""
    xy = np.random.default_rng(0).uniform(0.1, 0.9, size=(400, 2)) + np.array([0.5, 0])
    result = keep_in_square(xy)
    assert np.allclose(np.ptp(result, axis=0), np.ptp(xy, axis=0), atol=0.02)
    assert result.max() < 0.99


def test_a_small_map_is_enlarged():
    """A map that would use only a corner is stretched over most of the square."""
    result = keep_in_square(np.random.default_rng(0).uniform(0.1, 0.2, size=(400, 2)))
    assert np.ptp(result, axis=0).min() > 0.7
