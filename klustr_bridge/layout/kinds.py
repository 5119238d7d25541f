"""The kind of a sound whose name tells none: that of those it is most like, or what the learned ear hears.

The sounds of known kind that are nearest tell first, for they are of the same library and often of the same
pack; where they are too few, too far or of too many minds, the ear that knows the kinds by itself. This
module owns the guess and how sure it is. It must not read names, nor import umap, numba or scikit-learn.

References
----------
Cover, T., & Hart, P. (1967). Nearest neighbor pattern classification. IEEE Transactions on Information
Theory, 13(1).
Platt, J. (1999). Probabilistic outputs for support vector machines. Advances in Large Margin Classifiers:
how sure a vote is, by logistic regression.
"""

import math

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import LayoutError
from klustr_bridge.layout.neighbours import NeighbourIndex
from klustr_bridge.layout.universal import without_loops
from klustr_bridge.sound.ear_heads import kind_probabilities, shipped_heads
from klustr_bridge.sound.kinds import KIND_CODES, KINDS
from klustr_bridge.types import Float32Array

__all__ = ["LEAST_CONFIDENCE", "KindGuesser", "can_guess", "told_by_ear"]

LEAST_CONFIDENCE = 0.5
"""A guess that is more likely wrong than right isn't made."""

# All measured on 4,574 drum sounds of 17 kinds, each of the 13 collections held out in turn.
N_NEIGHBOURS = 15
"""Right over sounds / over kinds: .611/.633 with five neighbours, .621/.647 with 15, .607/.634 with 30."""
_NARROWNESS = 4.0
"""The last neighbour's vote counts e^-4 of one at no distance: .597/.622 if all count the same."""
_COMMONNESS = 0.5
"""Votes count by the -.5th power of their kind's number of sounds: .620/.613 without, .594 over sounds
with the -1st."""

# Logistic regression on the best kind's share of the votes and the nearest one's distance. Fitted without
# the collection that is guessed, it is right as often.
_OFFSET, _PER_SHARE, _PER_LOG_DISTANCE = -2.5, 4.0, -0.85
_SCALE_NEIGHBOURS = 10
_SCALE_SAMPLE = 1000
_NEAREST = 0.1
"""In scales: closer says no more."""
_TOO_FAR = 2.5
"""In scales: where five kinds or fewer were known, one in twenty of those farther was what all neighbours
said, at most."""
_FEW_SOUNDS = 40.0
"""The square of the number of known sounds that halves the confidence."""
_MANY_KINDS = 7
"""With fewer kinds known, sounds of the others are taken for them: guesses with a confidence of .84 were
right .9 of the time with all kinds known, .52 with five; of all guesses from one kind .05 to .11 were."""

# Which of the two is asked first was measured with ears that had not learned from the sounds asked about, in
# five parts of the 4,574. Right of all, the names of a tenth / of half of them known / those of one other
# collection: the known sounds first .677/.799/.548, the ear first .589/.639/.543, the surer of the two
# .633/.745/.559; the ear alone .503, the known sounds alone .584/.764/.388.

LOOP_CONFIDENCE = 0.86
"""Of sounds heard as loops where one in twenty is one: 5 of 8 drum loops were, and 28 of 5,460 others."""

_LOOP = KIND_CODES["loop"]
_UNKNOWN = KIND_CODES["unknown"]


class KindGuesser:
    """Sounds of known kind, which tell that of others; what they don't tell the learned ear may.

    Loops tell nothing: whether a sound is a loop is heard in itself.

    Parameters
    ----------
    embedding : ndarray of float32, shape (n, d)
        Of the known sounds; n may be 0.
    kind_codes : ndarray of uint8, shape (n,)
        Their kinds, as in `klustr_bridge.sound.kinds.KINDS`; unknown ones are left out.
    is_learned : bool
        Whether rows hold what the learned ear hears, which is asked about the others then.

    Raises
    ------
    LayoutError
        If the shapes don't fit, a code is none, or an embedding isn't finite.
    """

    def __init__(
        self, embedding: Float32Array, kind_codes: NDArray[np.uint8], *, is_learned: bool = False
    ) -> None:
        embedding = np.asarray(embedding, dtype=np.float32)
        codes = np.asarray(kind_codes)
        if embedding.ndim != 2 or codes.shape != (len(embedding),):
            raise LayoutError(
                f"embeddings of shape {embedding.shape} and kinds of shape {codes.shape} don't belong "
                "together; needed: (n, d) and (n,)"
            )
        if len(codes) and int(codes.max()) >= len(KINDS):
            raise LayoutError(f"{int(codes.max())} is no code of a kind; allowed: 0 to {len(KINDS) - 1}")
        self._is_learned = is_learned
        tells = (codes != _UNKNOWN) & (codes != _LOOP)
        self._n_dims = embedding.shape[1]
        _check_finite(embedding[tells])
        self._codes = codes[tells].astype(np.intp)
        self._index = NeighbourIndex(embedding[tells]) if tells.any() else None
        self._scale = self._usual_distance()
        counts = np.bincount(self._codes, minlength=len(KINDS))
        self._weight_of_kind = np.maximum(counts, 1.0) ** -_COMMONNESS
        self._trust = _trust(len(self._codes), int(np.count_nonzero(counts)))

    def guess(
        self,
        new: Float32Array,
        is_loop: NDArray[np.bool_] | None = None,
        *,
        least_confidence: float = LEAST_CONFIDENCE,
    ) -> tuple[NDArray[np.uint8], Float32Array]:
        """Guess the kinds of sounds.

        Parameters
        ----------
        new : ndarray of float32, shape (m, d)
            Embeddings.
        is_loop : ndarray of bool, shape (m,), optional
            Which of them are loops; no other sound is called one.
        least_confidence : float
            What the known sounds tell with less is unknown. The learned ear has a limit of its own.

        Returns
        -------
        kind_codes : ndarray of uint8, shape (m,)
            0, ``unknown``, where the known sounds are too few, too far or of too many minds, and the ear
            isn't sure.
        confidence : ndarray of float32, shape (m,)
            Share of guesses with such a confidence that are right, 0..1. 0 where unknown.

        Raises
        ------
        LayoutError
            If shapes don't fit those of the known sounds, or an embedding isn't finite.
        EarError
            If the weights of the learned ear can't be read.

        Notes
        -----
        The confidence of what the known sounds tell is that for sounds of a collection that none of them is
        from. With 4,500 known sounds of all kinds, the share of right ones in each tenth was within .06 of
        it; with 100 to 1,000 within .1, above rather than below; with fewer, guesses are rare and more often
        right than they claim. Single collections differ more: of what was said, .73 or more was right in nine
        of 13, .39 in one of odd percussion and effects.
        What one sound gets doesn't depend on the others asked about.
        """
        new = np.asarray(new, dtype=np.float32)
        kinds = np.full(len(new), _UNKNOWN, dtype=np.uint8)
        confidence = np.zeros(len(new), dtype=np.float32)
        if new.ndim != 2 or (self._index is not None and new.shape[1] != self._n_dims):
            raise LayoutError(
                f"can't guess the kinds of embeddings of shape {new.shape}; needed: (m, {self._n_dims})"
            )
        if is_loop is not None and np.shape(is_loop) != (len(new),):
            raise LayoutError(f"is_loop has shape {np.shape(is_loop)}; needed: ({len(new)},)")
        _check_finite(new)
        if self._index is not None and self._scale is not None and len(new):
            best, sure = self._vote(self._index, new, self._scale)
            is_said = (sure >= least_confidence) & (sure > 0)
            kinds[is_said] = best[is_said]
            confidence[is_said] = sure[is_said]
        left = np.flatnonzero(kinds == _UNKNOWN)
        if self._is_learned and len(left):
            kinds[left], confidence[left] = told_by_ear(new[left])
        if is_loop is not None:
            kinds[is_loop] = _LOOP
            confidence[is_loop] = LOOP_CONFIDENCE
        return kinds, confidence

    def _vote(
        self, index: NeighbourIndex, new: Float32Array, scale: float
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The kind with most votes, and how likely it is right."""
        found = index.nearest(new, N_NEIGHBOURS)
        distances = found.distances.astype(np.float64)
        reach = np.where(distances[:, -1:] > 0, distances[:, -1:], 1.0)
        codes = self._codes[found.rows]
        weights = np.exp(-_NARROWNESS * np.square(distances / reach)) * self._weight_of_kind[codes]
        votes = np.zeros((len(new), len(KINDS)))
        for place in range(codes.shape[1]):
            votes[np.arange(len(new)), codes[:, place]] += weights[:, place]
        best = votes.argmax(axis=1)
        share = votes.max(axis=1) / votes.sum(axis=1)
        nearest = distances[:, 0] / scale if scale > 0 else np.where(distances[:, 0] > 0, np.inf, 0.0)
        evidence = _PER_SHARE * share + _PER_LOG_DISTANCE * np.log(np.clip(nearest, _NEAREST, _TOO_FAR))
        sure = self._trust / (1.0 + np.exp(-(_OFFSET + evidence)))
        return best, np.where(nearest > _TOO_FAR, 0.0, sure)

    def _usual_distance(self) -> float | None:
        """Median distance of the known sounds from their tenth neighbour; none where there is one sound."""
        n_known = len(self._codes)
        if self._index is None or n_known < 2:
            return None
        sample = np.unique(np.linspace(0, n_known - 1, min(n_known, _SCALE_SAMPLE)).astype(np.int64))
        found = self._index.nearest_others(min(_SCALE_NEIGHBOURS, n_known - 1), sample)
        return float(np.median(found.distances[:, -1]))


def told_by_ear(embedding: Float32Array) -> tuple[NDArray[np.uint8], Float32Array]:
    """Tell the kinds of sounds by what the learned ear hears in each alone.

    Parameters
    ----------
    embedding : ndarray of float32, shape (n, WHOLE_SIZE)
        Of a library that hears by it.

    Returns
    -------
    kind_codes : ndarray of uint8, shape (n,)
        0, ``unknown``, where it is less sure than `KindHead.threshold`.
    confidence : ndarray of float32, shape (n,)
        Probability, 0..1. 0 where unknown.

    Raises
    ------
    LayoutError
        If the rows have another length.
    EarError
        If the weights of the learned ear can't be read.
    """
    head = shipped_heads().kind
    probabilities = kind_probabilities(without_loops(embedding))
    best = probabilities.argmax(axis=1)
    sure = probabilities[np.arange(len(embedding)), best]
    is_told = sure >= head.threshold
    codes = np.array([KIND_CODES[name] for name in head.names], dtype=np.uint8)
    return np.where(is_told, codes[best], np.uint8(_UNKNOWN)), np.where(is_told, sure, np.float32(0.0))


def can_guess(n_sounds: int, n_kinds: int) -> bool:
    """Tell whether the surest guess is made where so many sounds of so many kinds, loops apart, are known.

    Twelve sounds of five kinds are enough, with all kinds seven; no number of sounds of four kinds is.
    """
    surest = _OFFSET + _PER_SHARE + _PER_LOG_DISTANCE * math.log(_NEAREST)
    return _trust(n_sounds, n_kinds) / (1.0 + math.exp(-surest)) >= LEAST_CONFIDENCE


def _trust(n_sounds: int, n_kinds: int) -> float:
    """Share of the confidence that is left with so few known sounds and kinds."""
    by_sounds = n_sounds**2 / (n_sounds**2 + _FEW_SOUNDS)
    by_kinds = min(max(n_kinds - 1, 0) / (_MANY_KINDS - 1), 1.0)
    return by_sounds * by_kinds


def _check_finite(embedding: Float32Array) -> None:
    wrong = np.flatnonzero(~np.isfinite(embedding).all(axis=1))
    if len(wrong):
        raise LayoutError(f"{len(wrong)} embeddings aren't finite, the first in row {wrong[0]}")
