import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from klustr_bridge.layout.align import procrustes


@given(
    angle=st.floats(0, 2 * np.pi),
    mirrored=st.booleans(),
    scale=st.floats(0.01, 100),
    shift=st.tuples(st.floats(-50, 50), st.floats(-50, 50)),
)
def test_a_turned_mirrored_scaled_and_shifted_map_is_brought_back(angle, mirrored, scale, shift):
    """The alignment undoes every similarity exactly."""
    fixed = np.random.default_rng(1).uniform(size=(30, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if mirrored:
        turn = turn @ np.diag([1.0, -1.0])
    moving = scale * fixed @ turn + shift
    assert np.allclose(procrustes(moving, fixed).apply(moving), fixed, atol=1e-8)


def test_a_noisy_map_keeps_its_size():
    """Disagreement between two maps doesn't shrink the new one: refits would pile up in the middle."""
    rng = np.random.default_rng(1)
    fixed = rng.uniform(size=(300, 2))
    moving = fixed + rng.normal(scale=0.5, size=fixed.shape)
    aligned = procrustes(moving, fixed).apply(moving)
    assert np.linalg.norm(aligned - aligned.mean(axis=0)) == pytest.approx(
        np.linalg.norm(fixed - fixed.mean(axis=0)), rel=1e-9
    )


@pytest.mark.parametrize("n", [0, 1, 5])
def test_maps_without_extent_are_only_shifted(n):
    """No sounds, one, or all at one place: nothing to turn by, and no division by zero."""
    moving, fixed = np.full((n, 2), 3.0), np.full((n, 2), 0.25)
    found = procrustes(moving, fixed)
    assert found.scale == 1.0
    assert np.array_equal(found.rotation, np.eye(2))
    assert np.allclose(found.apply(moving), fixed)
