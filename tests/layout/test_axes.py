"""Maps by two descriptors: in their order, filled evenly, and open to new sounds."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klustr_bridge.errors import LayoutError
from klustr_bridge.layout.axes import AxesPlacer, axes_method, axes_of, axes_positions
from klustr_bridge.layout.fit import fit_layout
from klustr_bridge.layout.spacing import CELLS
from klustr_bridge.settings.table import TABLE
from klustr_bridge.sound.aspects import DESCRIPTORS, EMBEDDING_SIZE
from klustr_bridge.types import Float32Array
from tests.sounds import bass, closed_hat, embed, kick, noise, open_hat, sine, snare

METHOD = axes_method("brightness", "length")


def _embeddings(n: int, seed: int = 1, steps: int = 0) -> Float32Array:
    """Made-up embeddings; on a coarse grid of values, many of them equal, if it has steps."""
    values = np.random.default_rng(seed).normal(0, 3, (n, EMBEDDING_SIZE))
    return (np.round(values * steps) / steps if steps else values).astype(np.float32)


def _values(embeddings: Float32Array, name: str) -> Float32Array:
    return embeddings[:, DESCRIPTORS[name]]


def test_settings_offer_the_descriptors_that_there_are() -> None:
    """The choices of both axes are the table of descriptors."""
    offered = {setting.key: setting.choices for setting in TABLE if setting.key in ("layout.x", "layout.y")}
    assert offered == {"layout.x": tuple(DESCRIPTORS), "layout.y": tuple(DESCRIPTORS)}
    assert all(axes_of(axes_method(x, y)) == (x, y) for x, y in pairwise(DESCRIPTORS))


@pytest.mark.parametrize(
    ("name", "less", "more"),
    [
        ("brightness", kick(1), closed_hat(1)),
        ("length", closed_hat(1), open_hat(1)),
        ("sustain", kick(1), sine(200.0, 1.5)),
        ("attack", kick(1), np.linspace(0, 1, 44_100, dtype=np.float32) * sine(200.0, 1.0)),
        ("pitch", bass(1), sine(880.0, 1.0)),
        ("tone", noise(1.0), sine(440.0, 1.0)),
        ("roughness", sine(440.0, 0.5), snare(1)),
    ],
)
def test_descriptors_say_what_they_are_called(name: str, less: Float32Array, more: Float32Array) -> None:
    """What has more of it has the higher number, so it stands further right or up."""
    values = _values(np.array([embed(less), embed(more)]), name)
    assert values[1] > values[0] + 0.1


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 200), steps=st.sampled_from([0, 1, 3]))
def test_sounds_stand_in_the_order_of_their_descriptors(seed: int, n: int, steps: int) -> None:
    """On each axis a higher value never stands below a lower one; the pad is filled, in 0..1."""
    embeddings = _embeddings(n, seed, steps)
    xy = fit_layout(embeddings, seed=1, method=METHOD).xy
    assert xy.shape == (n, 2) and ((xy > 0) & (xy < 1)).all()
    assert len(np.unique(xy, axis=0)) == n
    for axis, name in enumerate(("brightness", "length")):
        values = _values(embeddings, name)
        order = np.argsort(values, kind="stable")
        # equal sounds stand side by side, some cells from their spot
        assert (np.diff(xy[order, axis]) >= -20 / CELLS).all()


def test_one_odd_sound_does_not_crush_the_rest() -> None:
    """Whatever a value is, its rank counts: each quarter of the pad has a quarter of the sounds."""
    embeddings = _embeddings(400)
    embeddings[0] *= 1e6
    xy = axes_positions(embeddings, METHOD)
    for axis in range(2):
        counts, _ = np.histogram(xy[:, axis], bins=4, range=(0, 1))
        assert counts.min() >= 90


@pytest.mark.parametrize("n", [1, 2, 3, 15])
def test_small_and_equal_libraries_have_axes(n: int) -> None:
    """Axes need no number of sounds; equal ones stand together in the middle."""
    layout = fit_layout(_embeddings(n), seed=1, method=METHOD)
    assert layout.method == METHOD and np.isfinite(layout.xy).all()
    same = fit_layout(np.ones((n, EMBEDDING_SIZE), np.float32), seed=1, method=METHOD)
    assert np.abs(same.xy - 0.5).max() < 10 / CELLS


def test_a_new_sound_stands_between_those_of_lesser_and_higher_values() -> None:
    """It is placed by its own two numbers, whatever it sounds like; beyond all others, at the edge."""
    embeddings = _embeddings(300)
    xy = fit_layout(embeddings, seed=1, method=METHOD).xy
    new = _embeddings(50, seed=2)
    new[0, DESCRIPTORS["brightness"]] = 1e6
    placed = AxesPlacer(embeddings, xy, METHOD).place(new)
    for axis, name in enumerate(("brightness", "length")):
        known, values = _values(embeddings, name), _values(new, name)
        for value, got in zip(values, placed[:, axis], strict=True):
            below, above = xy[known < value, axis], xy[known > value, axis]
            assert below.max(initial=0.0) - 2 / CELLS <= got <= above.min(initial=1.0) + 2 / CELLS
    assert placed[0, 0] > 0.95
    assert len(np.unique(np.vstack([xy, placed]), axis=0)) == 350


def test_a_map_of_nothing_takes_in_sounds() -> None:
    """With nothing to go by the middle is the place."""
    nothing = np.empty((0, EMBEDDING_SIZE), np.float32)
    placed = AxesPlacer(nothing, np.empty((0, 2), np.float32), METHOD).place(_embeddings(3))
    assert np.abs(placed - 0.5).max() < 5 / CELLS


def test_an_earlier_map_has_no_say() -> None:
    """Axes mean the same in each epoch: nothing is turned or mirrored."""
    embeddings = _embeddings(60)
    before = np.random.default_rng(3).random((60, 2)).astype(np.float32)
    one, two = (fit_layout(embeddings, seed=1, method=METHOD, previous=known).xy for known in (None, before))
    assert one.tobytes() == two.tobytes()


@pytest.mark.parametrize("method", ["axes", "axes-brightness", "axes-brightness-taste", "axes-a-b-c"])
def test_axes_that_are_none_are_refused(method: str) -> None:
    """A message, no crash."""
    with pytest.raises(LayoutError, match="unknown layout method"):
        fit_layout(_embeddings(5), seed=1, method=method)


def test_embeddings_without_descriptors_are_refused() -> None:
    """Those of another length, as tests of other things make them."""
    with pytest.raises(LayoutError, match="don't tell brightness and length"):
        axes_positions(np.ones((5, 8), np.float32), METHOD)
