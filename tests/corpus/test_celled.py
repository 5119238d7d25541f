"""Search by cells in a big library, against measuring everything."""

import json
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.corpus import corpus as corpus_module
from klustr_bridge.corpus.celled import CelledRows
from klustr_bridge.corpus.corpus import Corpus
from klustr_bridge.corpus.nearest import SoundSearch
from klustr_bridge.layout.cells import Cells, cells_file, make_cells, write_cells
from klustr_bridge.types import Float32Array, Int32Array
from tests.corpus.snapshots import Made, MadeSound, below, write_made

N = 64_000
D = 16
BLOCKS = (slice(0, 4), slice(4, 16))
K = 10


@pytest.fixture(scope="module")
def embedding() -> Float32Array:
    """Sounds of 300 kinds, some wide and some narrow."""
    random = np.random.default_rng(5)
    kind = random.integers(300, size=N)
    middles, widths = random.normal(0, 1, (300, D)), random.uniform(0.1, 0.6, (300, 1))
    return (middles[kind] + widths[kind] * random.normal(0, 1, (N, D))).astype(np.float32)


@pytest.fixture(scope="module")
def ids() -> Int32Array:
    return np.arange(10, 10 + 2 * N, 2, dtype=np.int32)


@pytest.fixture(scope="module")
def cells(embedding: Float32Array, ids: Int32Array) -> Cells:
    return make_cells(embedding, ids)


def _recall(search: SoundSearch, exact: SoundSearch, queries: Float32Array, **how: object) -> float:
    found = [search.nearest(query, K, **how).rows.tolist() for query in queries]  # type: ignore[arg-type]
    wanted = [exact.nearest(query, K, **how).rows.tolist() for query in queries]  # type: ignore[arg-type]
    return float(np.mean([len(set(one) & set(other)) / K for one, other in zip(found, wanted, strict=True)]))


@pytest.mark.parametrize("weights", [None, (1.0, 0.2), (0.0, 2.0)])
@pytest.mark.parametrize("is_filtered", [False, True])
def test_the_nearest_are_found(
    embedding: Float32Array,
    ids: Int32Array,
    cells: Cells,
    weights: tuple[float, float] | None,
    is_filtered: bool,
) -> None:
    """Nearly all of the nearest are found, with weights and filters, too; distances are exact."""
    search = SoundSearch(embedding, BLOCKS, CelledRows(cells, ids))
    assert search._cells is not None
    exact = SoundSearch(embedding, BLOCKS)
    random = np.random.default_rng(6)
    keep = random.random(N) < 0.9 if is_filtered else None
    queries = embedding[random.choice(N, 40)]
    assert _recall(search, exact, queries, keep=keep, weights=weights) >= 0.99
    one, other = (each.nearest(queries[0], 1, keep, weights) for each in (search, exact))
    assert (one.rows.tolist(), one.distance.tolist()) == (other.rows.tolist(), other.distance.tolist())


def test_only_some_of_the_sounds_are_measured(embedding: Float32Array, ids: Int32Array, cells: Cells) -> None:
    """That is what cells are for: a question looks at a small part of the library, each row once."""
    rows = CelledRows(cells, ids).around(embedding[7], 640, None)
    assert 640 <= len(rows) == len(set(rows.tolist())) < N / 10
    assert 7 in rows


def test_more_is_looked_through_where_a_filter_keeps_little_nearby(
    embedding: Float32Array, ids: Int32Array, cells: Cells
) -> None:
    """Sounds far away are found where those around are filtered out."""
    far = np.linalg.norm(embedding - embedding[7], axis=1)
    keep = far > np.quantile(far, 0.2)
    found = SoundSearch(embedding, (), CelledRows(cells, ids)).nearest(embedding[7], K, keep)
    wanted = SoundSearch(embedding).nearest(embedding[7], K, keep)
    assert len(found.rows) == K and keep[found.rows].all()
    assert found.distance[-1] < 1.1 * wanted.distance[-1]


def test_sounds_that_came_later_are_found_and_those_gone_are_not(
    embedding: Float32Array, ids: Int32Array, cells: Cells
) -> None:
    """What is in no cell is measured besides; ids of cells that aren't there any more don't count."""
    there = np.ones(N, np.bool_)
    there[::7] = False
    later = np.concatenate([ids[there], np.arange(500_000, 500_500, dtype=np.int32)])
    new = embedding[:500] + np.float32(0.01)
    library = np.concatenate([embedding[there], new])
    search = SoundSearch(library, (), CelledRows(cells, later))
    assert search._cells is not None
    n_old = int(there.sum())
    for row in range(0, 500, 50):
        assert search.nearest(new[row], 1).rows.tolist() == [n_old + row]
    assert _recall(search, SoundSearch(library), library[:: len(library) // 40]) >= 0.99


def test_cells_of_another_library_are_not_used(
    embedding: Float32Array, ids: Int32Array, cells: Cells
) -> None:
    """Where many sounds are in no cell, or embeddings have another size, everything is measured."""
    assert SoundSearch(embedding, (), CelledRows(cells, ids + np.int32(1)))._cells is None
    assert SoundSearch(embedding[:, :8].copy(), (), CelledRows(cells, ids))._cells is None


def test_unheard_sounds_never_come(embedding: Float32Array, ids: Int32Array, cells: Cells) -> None:
    """A sound without an embedding is in no answer, though it was put in a cell once."""
    some = embedding.copy()
    nearest = SoundSearch(embedding).nearest(embedding[3], K).rows
    some[nearest[1:4]] = np.nan
    found = SoundSearch(some, (), CelledRows(cells, ids)).nearest(embedding[3], K)
    assert np.isfinite(found.distance).all() and not set(found.rows.tolist()) & set(nearest[1:4].tolist())


def test_a_big_library_is_loaded_with_its_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells beside the snapshots are used where there are enough sounds, and no others."""
    sounds = [MadeSound(n, [below(f"{n}.wav")], embedding=(float(n), 0.0)) for n in range(1, 60)]
    place = write_made(tmp_path / "library-1", Made(sounds=sounds))
    library_id = Corpus.load(place).library_id
    made = make_cells(
        np.array([sound.embedding for sound in sounds], np.float32),
        np.array([sound.id for sound in sounds], np.int32),
    )
    write_cells(cells_file(place.parent, library_id), made, 0)
    assert Corpus.load(place)._sounds._cells is None
    monkeypatch.setattr(corpus_module, "LEAST_SOUNDS", 50)
    assert Corpus.load(place)._sounds._cells is not None
    meta = json.loads((place / "meta.json").read_text())
    (place / "meta.json").write_text(json.dumps(meta | {"space": 50_152}))
    assert Corpus.load(place)._sounds._cells is None  # of another space, though as long
    write_cells(cells_file(place.parent, library_id), made, 50_152)
    assert Corpus.load(place)._sounds._cells is not None
    (place / "meta.json").write_text(json.dumps(meta))
    cells_file(place.parent, library_id).write_bytes(b"damaged")
    assert Corpus.load(place)._sounds._cells is None
