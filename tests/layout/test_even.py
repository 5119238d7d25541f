import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klustr_bridge.layout.even import EvenPlacer, even_positions, lattice_side
from klustr_bridge.layout.fit import fit_layout
from klustr_bridge.layout.quality import neighbour_share
from klustr_bridge.layout.reach import reachable
from tests.layout.data import clusters

coordinate = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1, width=32))
places = st.lists(st.tuples(coordinate, coordinate), max_size=80)


def _array(rows):
    return np.array(rows, dtype=np.float32).reshape(-1, 2)


def _cells(even, side):
    cells = np.floor(even.astype(float) * side).astype(int)
    assert np.allclose(even, (cells + 0.5) / side, atol=1e-7)
    return cells[:, 1] * side + cells[:, 0]


def _crowded(n, seed=0):
    """A natural map of dense groups."""
    rng = np.random.default_rng(seed)
    middles = rng.random((20, 2))
    xy = middles[rng.integers(0, len(middles), n)] + rng.normal(0, 0.02, (n, 2))
    return np.clip(xy, 0, 1).astype(np.float32)


@settings(max_examples=200, deadline=None)
@given(rows=places)
def test_every_sound_has_a_cell_of_its_own(rows):
    """Whatever stands where on the natural map: different cells, their middles, in 0..1."""
    even = even_positions(_array(rows))
    assert even.dtype == np.float32 and even.shape == (len(rows), 2)
    assert ((even > 0) & (even < 1)).all()
    assert len(set(_cells(even, lattice_side(len(rows))))) == len(rows)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.tuples(coordinate, coordinate), max_size=80, unique=True), data=st.data())
def test_order_of_rows_does_not_matter(rows, data):
    """The same sounds in another order get the same cells."""
    order = np.array(data.draw(st.permutations(range(len(rows)))), dtype=int)
    xy = _array(rows)
    assert (even_positions(xy[order]) == even_positions(xy)[order]).all()


@settings(max_examples=100, deadline=None)
@given(
    fitted=places,
    batches=st.lists(places, max_size=4),
    left_out=st.integers(0, 80),
    cuts=st.integers(0, 2**32 - 1),
)
def test_new_sounds_take_free_cells_in_any_batches(fitted, batches, left_out, cuts):
    """Sounds that come get free cells, the same however they are split into batches."""
    xy = _array(fitted)
    even, side = even_positions(xy), lattice_side(len(xy))
    even[left_out:] = np.nan
    placer = EvenPlacer(xy, even, side)
    new = [placer.place(_array(batch)) for batch in batches]
    everyone = np.vstack([even[:left_out], *new])
    assert placer.side == side
    assert len(set(_cells(everyone, side))) == len(everyone)
    at_once = EvenPlacer(xy, even, side).place(_array([row for batch in batches for row in batch]))
    assert (np.vstack([np.empty((0, 2)), *new]) == at_once).all()


def test_a_new_sound_stands_beside_its_neighbours():
    """A sound close to others on the natural map is close to them on the even one."""
    xy = _crowded(1_000)
    even = even_positions(xy)
    new = EvenPlacer(xy, even, lattice_side(1_000)).place(xy[:50] + np.float32(1e-5))
    assert np.median(np.linalg.norm(new - even[:50], axis=1)) < 0.05


@pytest.mark.parametrize("n", [1, 2, 3, 300, 10_000])
def test_a_coarse_pad_reaches_every_sound(n):
    """7 bits are enough for 10,000 sounds, right after a fit; the natural map leaves some out."""
    xy = _crowded(n)
    even = even_positions(xy)
    assert reachable(even, 7).all() and reachable(even, 14).all()
    if n >= 300:
        assert not reachable(xy, 7).all()


def test_a_coarse_pad_reaches_every_sound_of_a_library_that_has_grown():
    """Sounds that came since, up to as many as a 7-bit pad has positions, are reached by it."""
    xy = _crowded(3_000)
    even, side = even_positions(xy), lattice_side(3_000)
    new = EvenPlacer(xy, even, side).place(_crowded(128**2 - 3_000, seed=1))
    grown = np.vstack([even, new])
    assert np.isfinite(grown).all() and reachable(grown, 7).all()


def test_neighbours_stay_neighbours():
    """Far more than by chance (under 1 %) of the ten nearest on the map are among the even ten."""
    xy = _crowded(3_000)
    assert neighbour_share(xy, even_positions(xy)) > 0.4


def test_a_full_lattice_becomes_finer_and_keeps_what_stands():
    """When every cell is taken new sounds get none; a placer made anew has cells between the old ones."""
    xy = _array([(x, 0.5) for x in np.linspace(0, 1, 9)])
    side = 3
    full = _array([((i % 3 + 0.5) / 3, (i // 3 + 0.5) / 3) for i in range(9)])
    placer = EvenPlacer(xy[:8], full[:8], side)
    new = placer.place(xy[:2])
    assert np.isfinite(new).all(axis=1).tolist() == [True, False]
    finer = EvenPlacer(xy, full, side)
    assert finer.side == 9
    between = finer.place(xy[:4])
    assert len(set(_cells(np.vstack([full, between]), 9))) == 13
    assert EvenPlacer(np.vstack([xy, xy[:4]]), np.vstack([full, between]), side).side == 9
    assert reachable(np.vstack([full, between]), 7).all()


def test_a_fit_comes_with_its_even_view():
    """Whatever order the sounds are in, each gets the same cell; from process to process, too."""
    embeddings = clusters(60)
    layout = fit_layout(embeddings, seed=1, method="pca")
    order = np.random.default_rng(3).permutation(60)
    again = pickle.loads(pickle.dumps(fit_layout(embeddings[order], seed=1, method="pca")))
    assert (layout.even == even_positions(layout.xy)).all() and layout.even_side == lattice_side(60)
    assert (again.even == layout.even[order]).all() and again.even_side == layout.even_side


def test_lattice_has_a_third_of_its_cells_free():
    """Whatever the number of sounds, a third of the cells wait for more."""
    for n in (0, 1, 10_922, 10_923, 43_000, 100_000, 1_000_000):
        side = lattice_side(n)
        assert n <= side**2 / 1.5 + 1e-9
        assert side == 128 or side**2 < 6 * n


def test_a_grid_is_the_even_view_itself() -> None:
    """Laid out as a grid both views are the same lattice, and neighbours stay neighbours."""
    points = clusters(300)
    layout = fit_layout(points, seed=1, method="grid")
    assert layout.method == "grid"
    assert layout.xy.tobytes() == layout.even.tobytes()
    on_lattice = layout.xy * layout.even_side - 0.5
    assert np.abs(on_lattice - np.round(on_lattice)).max() < 1e-2
    assert len(np.unique(np.round(on_lattice), axis=0)) == 300
    assert neighbour_share(points, layout.xy) > 0.8 * neighbour_share(points, fit_layout(points, seed=1).even)
