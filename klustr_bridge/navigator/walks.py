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
_N_NEAREST = 256
_POWER = 6
_LOOSE = 1.1


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

    Measured on 4,574 drum sounds, between 40 pairs of kicks, hats, snares, toms, claps and cowbells
    (``python -m benchmarks walks``; in shares of the distance between the two ends), 16 sounds:

    ============================================  ============  ==========  ========  ==============
    method                                        largest step  mean step   spread    nearer the end
    ============================================  ============  ==========  ========  ==============
    this                                          .40           .22         .39       90 % of steps
    nearest unused sound to points of the line    .54           .27         .56       68 %
    ============================================  ============  ==========  ========  ==============

    The cheapest way along the graph of 24 neighbours (cost: squared steps) came between them (.42, .27, .38,
    91 %), but has as many sounds as it has, found no way for 3 pairs in 40, and looked at half of all sounds.
    The sum of fourth powers made the largest step .42; more points of the line or more sounds nearest to them
    changed nothing.
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
