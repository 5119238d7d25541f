"""The scores of the study: those that were published, as they were and mended, and those that hold up.

Owns their computation, from positions and labels alone. It must not know what made a map.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.layout.quality import continuity, trustworthiness
from klustr_bridge.layout.regions import area, convex_hull, hull_scores, roundness, union_area
from klustr_bridge.study.dataset import has_others_outside
from klustr_bridge.types import Float32Array

K = 10
_MOST_FOR_SILHOUETTE = 5_000
_ASKED_FOR_RANKS = 1_000
_CHUNK_ROWS = 500
_CHUNK_VALUES = 10_000_000
_K_MEANS_RUNS = 10

Texts = NDArray[np.str_]
Numbers = NDArray[np.float64]


def map_scores(
    xy: Float32Array, rows: Float32Array, labels: Texts, packs: Texts, seed: int
) -> tuple[dict[str, float], Numbers]:
    """Judge a map.

    Parameters
    ----------
    xy : ndarray of float32, shape (n, 2)
    rows : ndarray of float32, shape (n, d)
        The features it was made from.
    labels, packs : ndarray of str, shape (n,)
    seed : int
        Of samples and of k-means.

    Returns
    -------
    dict of str to float
        By the names of `klustr_bridge.study.results.SCORES`; what can't be told is left out.
    ndarray of float64, shape (n,)
        Of each sound the share of its nearest that are of its class, `neighbour_precision`.
    """
    codes = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    scores: dict[str, float] = {}
    if (apart := silhouette(xy, codes, seed)) is not None:
        scores["silhouette"] = apart
    scores |= published_hull_scores(xy, codes)
    if {"silhouette", "roundness", "overlap_published"} <= set(scores):
        scores["sum_published"] = scores["silhouette"] + scores["roundness"] + scores["overlap_published"]
    if (core := hull_scores(xy, codes + 1)) is not None:
        scores |= {"roundness_core": core.roundness, "overlap_core": core.overlap}
    share = asked_precision(xy, labels, packs)
    if np.isfinite(share).any():
        asked = np.isfinite(share)
        scores["share"] = float(share[asked].mean())
        scores["share_classes"] = float(
            np.mean([share[asked & (labels == one)].mean() for one in np.unique(labels[asked])])
        )
    scores["share_farthest"] = farthest_share(xy, codes)
    apart, agree = k_means(xy, codes, "k-means++", seed)
    scores |= {"kmeans_silhouette": apart, "kmeans_v_measure": agree}
    scores["trustworthiness"] = trustworthiness(rows, xy, sample=_ASKED_FOR_RANKS)
    scores["continuity"] = continuity(rows, xy, sample=_ASKED_FOR_RANKS)
    return {name: float(value) for name, value in scores.items() if np.isfinite(value)}, share


def silhouette(points: Float32Array, codes: NDArray[np.int64], seed: int) -> float | None:
    """Mean silhouette coefficient, -1..1; None where there is but one class, or as many as sounds.

    Of more than 5,000 sounds so many are drawn.
    """
    from sklearn.metrics import silhouette_score

    if not 2 <= len(np.unique(codes)) < len(codes):
        return None
    n_asked = _MOST_FOR_SILHOUETTE if len(codes) > _MOST_FOR_SILHOUETTE else None
    return float(silhouette_score(points, codes, sample_size=n_asked, random_state=seed))


def published_hull_scores(xy: Float32Array, codes: NDArray[np.int64]) -> dict[str, float]:
    """Roundness and overlap by the convex hulls of all sounds of each class.

    Returns
    -------
    dict of str to float
        ``roundness`` (mean of 4 pi A / P^2), ``overlap_published`` (area of the outer hull over itself and
        all class hulls: the union that the published code takes holds the outer hull, which covers them all)
        and ``overlap`` (area of the union of the class hulls over the sum of their areas). Empty where no
        class has a hull with an area.

    References
    ----------
    D. D. Polsby and R. D. Popper, "The third criterion: compactness as a procedural safeguard against
    partisan gerrymandering", Yale Law & Policy Review 9 (1991): roundness.
    """
    places = xy.astype(np.float64)
    hulls = [convex_hull(places[codes == one]) for one in np.unique(codes)]
    hulls = [hull for hull in hulls if area(hull) > 0]
    if not hulls:
        return {}
    areas = sum(map(area, hulls))
    outer = area(convex_hull(places))
    return {
        "roundness": float(np.mean([roundness(hull) for hull in hulls])),
        "overlap_published": outer / (outer + areas),
        "overlap": union_area(hulls) / areas,
    }


def asked_precision(points: Float32Array, labels: Texts, packs: Texts) -> Numbers:
    """`neighbour_precision` of the sounds that could have ten of their class outside their pack; else NaN."""
    share = neighbour_precision(points.astype(np.float64), labels, packs)
    share[~has_others_outside(labels, packs)] = np.nan
    return share


def neighbour_precision(
    points: Numbers, label: Texts, group: Texts, k: int = K, asked: NDArray[np.int64] | None = None
) -> Numbers:
    """Share of the k nearest outside of a sound's own group that bear its label.

    Parameters
    ----------
    points : ndarray of float64, shape (n, d)
    label, group : ndarray of str, shape (n,)
    k : int
    asked : ndarray of int64, shape (m,), optional
        Rows of the sounds asked about; all without it.

    Returns
    -------
    ndarray of float64, shape (n,)
        0..1; NaN where there are fewer than k to choose from, and for those that weren't asked.
    """
    _, code = np.unique(label, return_inverse=True)
    _, own = np.unique(group, return_inverse=True)
    share = np.full(len(points), np.nan)
    if len(points) <= k:
        return share
    for rows, distances in _distances(points, asked):
        distances[own[rows, None] == own] = np.inf
        nearest = np.argpartition(distances, k - 1, axis=1)[:, :k]
        is_full = np.isfinite(distances).sum(axis=1) >= k
        share[rows[is_full]] = (code[nearest] == code[rows, None]).mean(axis=1)[is_full]
    return share


def farthest_share(xy: Float32Array, codes: NDArray[np.int64], k: int = K) -> float:
    """Share of the k farthest that are of a sound's class: what was once taken for its neighbours."""
    total = 0.0
    for rows, distances in _distances(xy.astype(np.float64)):
        k = min(k, distances.shape[1])
        farthest = np.argpartition(-distances, k - 1, axis=1)[:, :k]
        total += float((codes[farthest] == codes[rows, None]).mean(axis=1).sum())
    return total / len(xy)


def _distances(
    points: Numbers, asked: NDArray[np.int64] | None = None
) -> Iterator[tuple[NDArray[np.int64], Numbers]]:
    """Rows, and what ranks all others by distance from them: squares less what is the same for all."""
    asked = np.arange(len(points)) if asked is None else asked
    step = max(1, min(_CHUNK_ROWS, _CHUNK_VALUES // max(1, len(points))))
    centred = points - points.mean(axis=0)
    squares = np.einsum("ij,ij->i", centred, centred)
    for start in range(0, len(asked), step):
        rows = asked[start : start + step]
        yield rows, squares - 2 * (centred[rows] @ centred.T)


def k_means(
    points: Float32Array, codes: NDArray[np.int64], initialisation: str, seed: int
) -> tuple[float, float]:
    """Cluster without labels into as many clusters as there are classes.

    Parameters
    ----------
    points : ndarray of float32, shape (n, d)
    codes : ndarray of int64, shape (n,)
        The classes.
    initialisation : {'k-means++', 'random', 'PCA'}
        ``PCA`` begins from the first principal axes, and needs as many dimensions as there are classes.
    seed : int

    Returns
    -------
    (float, float)
        Silhouette of the clusters, and the V-measure between them and the classes. NaN where there are too
        few dimensions, or too few places that differ.

    References
    ----------
    A. Rosenberg and J. Hirschberg, "V-Measure: a conditional entropy-based external cluster evaluation
    measure", EMNLP-CoNLL 2007.
    """
    import warnings

    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import v_measure_score

    n_clusters = len(np.unique(codes))
    start: object = initialisation
    n_runs = _K_MEANS_RUNS
    if initialisation == "PCA":
        if min(points.shape) < n_clusters:
            return float("nan"), float("nan")
        start, n_runs = PCA(n_clusters, random_state=seed).fit(points).components_, 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different places than clusters
        found = KMeans(n_clusters, init=start, n_init=n_runs, random_state=seed).fit_predict(points)
    apart = silhouette(points, found.astype(np.int64), seed)
    return float("nan") if apart is None else apart, float(v_measure_score(codes, found))
