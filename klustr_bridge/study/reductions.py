"""The reductions of the study: from the numbers of a feature set to a map.

Owns the population, quick or full, and the making of each map, on one thread and repeatable. It must not
know labels: a map that saw them would be judged by what it was told.
"""

import importlib.util
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from klustr_bridge.errors import StudyError
from klustr_bridge.layout.fit import fit_layout
from klustr_bridge.layout.neighbours import NeighbourIndex
from klustr_bridge.types import Float32Array, Int32Array

PERPLEXITIES = (2, 5, 30, 50, 100)
ITERATIONS = (250, 500, 1000, 2000, 5000)
NEIGHBOURS = (5, 10, 15, 30, 50)
MIN_DISTS = (0.0, 0.001, 0.01, 0.1, 0.5)
QUICK, FULL = "quick", "full"
EXTENTS = (QUICK, FULL)

N_COMPONENTS = 14
EXAGGERATED = 250
"""Iterations at the beginning of t-SNE that pull clusters together; the 250 of the grid are no others."""

MOST_BY_PAIRS = 10_000
"""So many sounds at most are pulled apart by Barnes and Hut, more by a grid of interpolation. The grid grows
with the map, which grows with every iteration: of 2,710 sounds 250 iterations took 4.6 s of processor time by
the one however late, by the other 12.5 s in the beginning and 24 s after 500."""

_EXAGGERATION = 12.0
_FEWEST = 8


@dataclass(frozen=True, slots=True)
class Job:
    """Maps that are made in one go: of one perplexity, those of fewer iterations lie on the way to the last.

    Attributes
    ----------
    family : str
        ``pca``, ``tsne``, ``umap``, ``pca-umap`` or ``bridge``.
    parameters : mapping of str to float
        Of all of them.
    iterations : tuple of int
        After which a map of t-SNE is looked at; empty for all other families.
    """

    family: str
    parameters: Mapping[str, float] = field(default_factory=dict)
    iterations: tuple[int, ...] = ()

    def members(self) -> Iterator[tuple[str, dict[str, float]]]:
        """Title and parameters of each map."""
        given = dict(self.parameters)
        if self.family == "tsne":
            for n in self.iterations:
                yield f"t-SNE, perplexity {given['perplexity']:g}, {n} iterations", given | {"iterations": n}
        elif self.family == "umap":
            title = f"UMAP, {given['neighbours']:g} neighbours, min_dist {given['min_dist']:g}"
            yield title, given
        else:
            yield (
                {"pca": "PCA", "pca-umap": "PCA 14, UMAP", "bridge": "the bridge's layout"}[self.family],
                given,
            )

    @property
    def cost(self) -> float:
        """About how long it takes, in any unit: long jobs are begun first."""
        per_family = {"tsne": 0.02 * sum(self.iterations[-1:]), "umap": 10.0, "pca-umap": 10.0, "bridge": 8.0}
        return per_family.get(self.family, 0.1)


@dataclass(frozen=True, slots=True)
class Made:
    """A map.

    Attributes
    ----------
    xy : ndarray of float32, shape (n, 2)
        0..1, its longer side filled, in its own proportions.
    seconds : float
        Processor time from the rows to it, without what had to be imported and compiled.
    """

    xy: Float32Array
    seconds: float


def population(extent: str, n_sounds: int) -> tuple[Job, ...]:
    """The maps that are compared.

    Parameters
    ----------
    extent : {'quick', 'full'}
        ``full``: both whole grids of the study.
    n_sounds : int
        Perplexities and neighbours that so few sounds can't have are left out.
    """
    if extent not in EXTENTS:
        raise StudyError(f"unknown extent {extent!r}; known: {', '.join(EXTENTS)}")
    is_full = extent == FULL
    perplexities: Sequence[int] = PERPLEXITIES if is_full else (5, 30, 100)
    iterations = ITERATIONS if is_full else (250, 1000)
    neighbours: Sequence[int] = NEIGHBOURS if is_full else (5, 15, 50)
    min_dists = MIN_DISTS if is_full else (0.0, 0.1)
    jobs = [Job("pca"), Job("pca-umap"), Job("bridge")]
    jobs += [Job("tsne", {"perplexity": one}, iterations) for one in perplexities if 3 * one < n_sounds]
    jobs += [
        Job("umap", {"neighbours": k, "min_dist": min_dist})
        for k in neighbours
        for min_dist in min_dists
        if k < n_sounds
    ]
    return tuple(jobs)


def make(job: Job, rows: Float32Array, seed: int) -> list[Made]:
    """Make the maps of a job.

    Parameters
    ----------
    job : Job
    rows : ndarray of float32, shape (n, d)
        Finite; at least 8.
    seed : int
        Same rows, seed, machine and library versions: same maps.

    Returns
    -------
    list of Made
        In the order of `Job.members`. The time of a map of t-SNE is that of all on the way to it.

    References
    ----------
    L. van der Maaten and G. Hinton, "Visualizing Data using t-SNE", JMLR 9 (2008).
    L. McInnes, J. Healy, J. Melville, "UMAP: Uniform Manifold Approximation and Projection for
    Dimension Reduction", 2018, arXiv:1802.03426.
    D. Kobak and P. Berens, "The art of using t-SNE for single-cell transcriptomics", Nature Communications 10
    (2019): a start from principal components.
    """
    if len(rows) < _FEWEST:
        raise StudyError(f"{len(rows)} sounds make no map to study; at least {_FEWEST} are needed")
    if job.family == "tsne":
        return list(_tsne(rows, job, seed))
    prepare(job.family)
    begun = time.process_time()
    if job.family == "pca":
        xy = _components(rows, 2)
    elif job.family == "bridge":
        xy = fit_layout(rows, seed=seed).xy
    elif job.family == "pca-umap":
        xy = _umap(_components(rows, N_COMPONENTS), 15, 0.1, seed)
    else:
        n_neighbours, min_dist = int(job.parameters["neighbours"]), float(job.parameters["min_dist"])
        xy = _umap(_unit_rows(rows), n_neighbours, min_dist, seed, by_correlation=True)
    return [Made(_in_square(xy), time.process_time() - begun)]


def prepare(family: str) -> None:
    """Import and compile what a family needs, so that no map is charged with it."""
    if family not in _prepared:
        _prepared.add(family)
        few = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
        if family in ("umap", "pca-umap"):
            _umap(few, 5, 0.1, 0)
        elif family == "bridge":
            fit_layout(few, seed=0)
        elif family == "pca":
            _components(few, 2)


_prepared: set[str] = set()


def _components(rows: Float32Array, n: int) -> Float32Array:
    from sklearn.decomposition import PCA

    # the few that are wanted alone: all 1,024 of 2,710 sounds take 3.5 s instead of .1
    solver = "arpack" if n < min(rows.shape) else "full"
    model = PCA(min(n, *rows.shape), svd_solver=solver, random_state=0)
    reduced = model.fit_transform(rows.astype(np.float64))
    if reduced.shape[1] < 2:  # one number a sound
        reduced = np.column_stack([reduced[:, 0], np.zeros(len(reduced))])
    return np.asarray(reduced, np.float32)


def _unit_rows(rows: Float32Array) -> Float32Array:
    """Centred rows of unit length: half the square of a distance between them is 1 less their correlation."""
    centred = rows.astype(np.float64) - rows.mean(axis=1, dtype=np.float64, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(centred / np.where(lengths > 0, lengths, 1.0), np.float32)


def _umap(
    points: Float32Array, n_neighbours: int, min_dist: float, seed: int, *, by_correlation: bool = False
) -> Float32Array:
    """UMAP of exact neighbours, itself the first of them; of `_unit_rows` also by their correlation."""
    from klustr_bridge.layout.umap_fit import umap_positions

    found = NeighbourIndex(points).nearest_others(n_neighbours - 1)
    own = np.arange(len(points), dtype=np.int32)[:, None]
    distances = np.square(found.distances) / np.float32(2) if by_correlation else found.distances
    return umap_positions(
        points,
        neighbour_rows=np.hstack([own, found.rows]),
        neighbour_distances=np.hstack([np.zeros_like(distances[:, :1]), distances]),
        start=_components(points, 2),
        min_dist=min_dist,
        learning_rate=1.0,
        seed=seed,
    )


def _tsne(rows: Float32Array, job: Job, seed: int) -> Iterator[Made]:
    perplexity = float(job.parameters["perplexity"])
    prepare("pca")
    if importlib.util.find_spec("openTSNE") is None:
        yield from _tsne_of_sklearn(rows, perplexity, job.iterations, seed)
        return
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    begun = time.process_time()
    neighbour_rows, distances = _neighbours(rows, round(3 * perplexity))
    affinities = PerplexityBasedNN(
        knn_index=PrecomputedNeighbors(neighbour_rows, distances), perplexity=perplexity, n_jobs=1
    )
    embedding = TSNEEmbedding(
        _tsne_start(rows).astype(np.float64),
        affinities,
        negative_gradient_method="bh" if len(rows) <= MOST_BY_PAIRS else "fft",
        learning_rate="auto",
        n_jobs=1,
        random_state=seed,
    )
    done = 0
    for n_iterations in job.iterations:
        exaggerated = max(0, min(n_iterations, EXAGGERATED) - done)
        if exaggerated:
            embedding = embedding.optimize(exaggerated, exaggeration=_EXAGGERATION, momentum=0.5)
        rest = n_iterations - max(done, EXAGGERATED)
        if rest > 0:
            embedding = embedding.optimize(rest, momentum=0.8)
        done = n_iterations
        yield Made(_in_square(np.asarray(embedding, np.float32)), time.process_time() - begun)


def _neighbours(rows: Float32Array, k: int) -> tuple[Int32Array, Float32Array]:
    found = NeighbourIndex(rows).nearest_others(min(k, len(rows) - 1))
    return found.rows, found.distances


def _tsne_start(rows: Float32Array) -> Float32Array:
    start = _components(rows, 2).astype(np.float64)
    return np.asarray(1e-4 * start / max(float(start.std(axis=0).max()), 1e-12), np.float32)


def _tsne_of_sklearn(
    rows: Float32Array, perplexity: float, iterations: tuple[int, ...], seed: int
) -> Iterator[Made]:
    """The same with scikit-learn, where openTSNE has no wheels: each number of iterations begins anew."""
    from sklearn.manifold import TSNE

    for n_iterations in iterations:
        begun = time.process_time()
        model = TSNE(
            perplexity=perplexity,
            max_iter=n_iterations,
            init=_tsne_start(rows),
            learning_rate="auto",
            random_state=seed,
            n_jobs=1,
        )
        yield Made(_in_square(model.fit_transform(rows)), time.process_time() - begun)


def _in_square(xy: Float32Array) -> Float32Array:
    low, extent = xy.min(axis=0), float(np.ptp(xy, axis=0).max())
    centred = (xy - low - np.ptp(xy, axis=0) / 2) / (extent or 1.0)
    return np.asarray(centred + 0.5, np.float32)
