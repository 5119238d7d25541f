"""Walks: sounds that lead from one sound to another in small steps.

This module owns the choice of the way; finding what is similar belongs to the corpus. It knows no client.
With 100,000 sounds a walk takes some 40 ms: it is for a thread beside the event loop.
"""

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.corpus import EVEN, Corpus, Nearest, Selection, Weights
from klustr_bridge.sound.aspects import ASPECTS

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_N_POINTS = 8
_N_NEAREST = 256  # twice the most sounds of a walk
_POWER = 6
_LOOSE = 1.1
"""Walks of up to 64 sounds between 30 pairs: 41 sounds on average with 1, 61 with 1.1, 62 with 1.5; but near
sounds (the 100th of each) with 1.5 by steps of 0.97 of the jump, with 1.1 of 0.73."""


def walk_between(
    corpus: Corpus,
    one: int,
    other: int,
    n: int,
    selection: Selection | None = None,
    weights: Weights = EVEN,
) -> Nearest:
    """Choose sounds that lead from one to another.

    Parameters
    ----------
    corpus : Corpus
        The library.
    one, other : int
        Rows of two heard sounds.
    n : int
        How many sounds at most, both ends included; at least 2.
    selection : Selection, optional
        What may lie between; everything by default. The ends need not be in it.
    weights : Weights
        How much each aspect counts; uneven ones only if the corpus `has_aspects`.

    Returns
    -------
    Nearest
        At most `n` rows, each once, the first `one` and the last `other`, with the distance of each from the
        one before it; 0 for the first.

    Notes
    -----
    What may lie between are the sounds nearest to points of the line from one embedding to the other, as far
    as each is nearer to both ends than these are to each other. They are put in the order of progress: the
    share of the distance from the start in the distances from both ends. Of all ways of so many sounds along
    that order, which never turns back, the one is taken whose steps' sixth powers have the smallest sum: even
    steps rather than a few large ones. It is found exactly, by dynamic programming. Further sounds are left
    out where they would lead astray: where they made the largest step more than a tenth larger.

    Between 100 pairs of 4,574 drum sounds drawn by chance, with 16 sounds, on average (``python -m benchmarks
    exploring``; steps in shares of the jump from end to end, spread in those of the mean step):

    ========================================  ============  =========  ======  ================
    method                                    largest step  mean step  spread  nearer the end
    ========================================  ============  =========  ======  ================
    this                                      0.44          0.24       0.40    88 % of steps
    nearest unused sound to points of a line  0.60          0.30       0.57    68 %
    shortest way in the graph of neighbours   0.47          0.31       0.34    91 %
    ========================================  ============  =========  ======  ================

    The graph (24 neighbours each, squared distances) had a way of 11 sounds on average whatever was asked
    for, none for 4 pairs, and half of all sounds were looked at: too many where each takes a search. With
    fourth powers the largest step was 0.45 and the spread 0.49, with eighth 0.43 and 0.37; 32 points of the
    line or the 1,000 sounds nearest to each made no difference. Steps are never smaller than the distances
    between neighbours: of 64 sounds only 68 % bring the end nearer (51 % of those nearest to the line).
    """
    between, progress = _between(corpus, (one, other), selection, weights)
    rows = np.concatenate([[one], between[np.argsort(progress, kind="stable")], [other]])
    lengths = _lengths(corpus, rows, weights)
    way = _best_way(lengths, min(n, len(rows)) - 1)
    return Nearest(rows[way], np.concatenate([[0.0], lengths[way[:-1], way[1:]]]))


def _between(
    corpus: Corpus, ends: tuple[int, int], selection: Selection | None, weights: Weights
) -> tuple[IntArray, FloatArray]:
    """What may lie between two sounds, by row, and how far each is on the way from one to the other, 0..1."""
    start, end = corpus.embedding[ends[0]], corpus.embedding[ends[1]]
    found = [
        corpus.similar(start + (end - start) * np.float32(at), _N_NEAREST, selection, weights=weights).rows
        for at in np.linspace(0, 1, _N_POINTS)
    ]
    rows = np.setdiff1d(np.concatenate(found), ends)
    lengths = _lengths(corpus, np.concatenate([ends, rows]), weights)
    apart, from_start, from_end = lengths[0, 1], lengths[0, 2:], lengths[1, 2:]
    inside = np.flatnonzero(np.maximum(from_start, from_end) < apart)
    return rows[inside], from_start[inside] / (from_start + from_end)[inside]


def _lengths(corpus: Corpus, rows: IntArray, weights: Weights) -> FloatArray:
    """Distances of some sounds from one another, shape (n, n)."""
    vectors = corpus.embedding[rows].astype(np.float64)
    if weights != EVEN:
        for columns, weight in zip(ASPECTS.values(), weights, strict=True):
            vectors[:, columns] *= weight
    powers = np.square(vectors).sum(axis=1)
    squares: FloatArray = np.add.outer(powers, powers) - 2 * (vectors @ vectors.T)
    return np.sqrt(np.maximum(squares, 0.0))


def _best_way(lengths: FloatArray, most_steps: int) -> IntArray:
    """The way from the first to the last of some sounds in order; see `walk_between`."""
    n = len(lengths)
    costs = (lengths / max(lengths.max(), 1e-30)) ** _POWER
    costs[np.triu_indices(n)] = np.inf  # by where a step ends, then by where it starts: never backward
    cost, largest = np.full(n, np.inf), np.zeros(n)  # of the best ways to each sound
    cost[0] = 0.0
    before: list[IntArray] = []
    largest_to_end = []
    for _ in range(most_steps):
        longer = costs + cost
        before.append(longer.argmin(axis=1))
        cost = longer[np.arange(n), before[-1]]
        largest = np.maximum(largest[before[-1]], lengths[np.arange(n), before[-1]])
        largest_to_end.append(largest[-1])
    fits = np.array(largest_to_end) <= _LOOSE * min(largest_to_end)
    way = [n - 1]
    for came_from in reversed(before[: int(np.flatnonzero(fits)[-1]) + 1]):
        way.append(int(came_from[way[-1]]))
    return np.array(way[::-1])
