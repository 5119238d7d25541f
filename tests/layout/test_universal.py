"""The map that is the same for everybody: where a sound stands follows from the sound alone."""

import numpy as np
import pytest

from klustr_bridge.errors import LayoutError
from klustr_bridge.layout.even import lattice_side
from klustr_bridge.layout.fit import fit_layout
from klustr_bridge.layout.spacing import CELLS
from klustr_bridge.layout.universal import UNIVERSAL, UniversalPlacer, universal_xy, without_loops
from klustr_bridge.sound.aspects import LEARNED_LOOP, LOOP, WHOLE_SIZE
from klustr_bridge.sound.embedding import LEARNED_LOOP_WEIGHT, LOOP_WEIGHT
from klustr_bridge.types import Float32Array
from tests.layout.data import clusters, learned

STEP = 3.0 / CELLS  # how far sounds that belong to one spot are moved apart here


def _map(embeddings: Float32Array) -> Float32Array:
    return fit_layout(embeddings, seed=1, method=UNIVERSAL).xy


@pytest.mark.parametrize("n", [0, 1, 2, 15, 16, 400])
def test_however_few_sounds_there_are_the_map_is_universal(n: int) -> None:
    """From the first sound on; places are distinct and inside the square, the even view is there too."""
    layout = fit_layout(learned(n), seed=1, method=UNIVERSAL)
    assert layout.method == (UNIVERSAL if n else "pca")
    assert layout.xy.dtype == np.float32 and len(np.unique(layout.xy, axis=0)) == n
    assert ((layout.xy > 0) & (layout.xy < 1)).all()
    assert layout.even_side == lattice_side(n) and np.isfinite(layout.even).all()


def test_two_libraries_show_a_sound_at_the_same_place() -> None:
    """Whatever else is in them, in any order, with any seed and any map before."""
    common, here, there = learned(60, seed=1), learned(300, seed=2), learned(20, seed=4)
    one = _map(np.concatenate([common, here]))[:60]
    before = np.random.default_rng(0).uniform(size=(80, 2)).astype(np.float32)
    sounds = np.concatenate([there, common])[::-1]
    other = fit_layout(sounds, seed=9, method=UNIVERSAL, previous=before).xy[:60][::-1]
    apart = np.abs(one - other).max(axis=1)
    assert np.median(apart) <= 1e-4 and apart.max() <= STEP


def test_a_new_sound_stands_where_it_would_in_a_library_of_its_own() -> None:
    """Placing isn't done by neighbours; those that were there stay."""
    old, new = learned(300, seed=2), learned(40, seed=5)
    placer = UniversalPlacer(_map(old))
    got = placer.place(new)
    assert np.abs(got - _map(new)).max() <= STEP
    alone = UniversalPlacer(np.empty((0, 2), np.float32)).place(new)
    assert np.abs(alone - universal_xy(new)).max() <= STEP
    assert len(np.unique(np.concatenate([_map(old), got]), axis=0)) == 340


def test_alike_sounds_stand_together() -> None:
    """What is near in what the learned ear hears is near on the map, far more than by chance."""
    assert fit_layout(learned(400), seed=1, method=UNIVERSAL).scores["trustworthiness"] > 0.7


def test_a_loop_stands_where_its_hits_do() -> None:
    """What keeps loops apart from single sounds, in both parts of their embedding, moves none on the map."""
    one = learned(1)
    loop = one.copy()
    loop[:, LOOP] = LOOP_WEIGHT
    loop[:, LEARNED_LOOP] = LEARNED_LOOP_WEIGHT
    assert universal_xy(loop) == pytest.approx(universal_xy(one), abs=1e-6)
    assert without_loops(loop) == pytest.approx(without_loops(one), abs=1e-6)
    assert loop[0, LOOP] == LOOP_WEIGHT  # the caller's rows stay as they are
    assert np.isfinite(universal_xy(np.zeros((1, WHOLE_SIZE), np.float32))).all()


def test_equal_sounds_stand_side_by_side() -> None:
    """A hundred copies fill the cells around their place."""
    copies = np.repeat(learned(1), 100, axis=0)
    xy = _map(copies)
    assert len(np.unique(xy, axis=0)) == 100
    assert np.abs(xy - universal_xy(copies)).max() < 10 / CELLS


@pytest.mark.parametrize("width", [87, WHOLE_SIZE + 1])
def test_other_embeddings_are_refused(width: int) -> None:
    """With what is needed and what can be done."""
    with pytest.raises(LayoutError, match=r"needed: \(n, 152\); have the library hear by"):
        fit_layout(clusters(20, n_dims=width), seed=1, method=UNIVERSAL)


def test_a_good_map_that_follows_leaves_things_about_where_they_were() -> None:
    """It is turned onto the universal one: sounds move far less than if its orientation were chance."""
    embeddings = learned(240, spread=0.03)
    before = _map(embeddings)
    after = fit_layout(embeddings, seed=1, method="tsne", from_universal=True).xy
    mirrored = np.column_stack([1 - after[:, 0], after[:, 1]])
    by_chance = [_moved(before, other) for other in (1 - after, mirrored, 1 - mirrored)]
    assert _moved(before, after) < 0.7 * min(by_chance)


def _moved(before: Float32Array, after: Float32Array) -> float:
    return float(np.linalg.norm(after - before, axis=1).mean())


def test_the_good_map_that_follows_does_not_depend_on_the_order_of_the_sounds() -> None:
    """To the last bit, as if there had been no map before."""
    embeddings = learned(60)
    order = np.random.default_rng(7).permutation(60)
    one = fit_layout(embeddings, seed=1, method="tsne", from_universal=True)
    other = fit_layout(embeddings[order], seed=1, method="tsne", from_universal=True)
    assert one.xy[order].tobytes() == other.xy.tobytes()
