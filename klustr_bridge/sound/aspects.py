"""The aspects of a sound: which dimensions of the embedding say what.

Owns the table alone, apart from the listening itself, so that whoever weighs aspects needs none of its
libraries, and which versions of the numbers there are. What they are stands in `embedding`.
"""

from itertools import accumulate
from typing import Final

__all__ = [
    "ANALYSIS_VERSION",
    "ASPECTS",
    "DESCRIPTORS",
    "EMBEDDING_SIZE",
    "LEARNED",
    "LEARNED_LOOP",
    "LEARNED_SIZE",
    "LEARNED_VERSION",
    "LOOP",
    "WHOLE_SIZE",
]

ANALYSIS_VERSION: Final = 3
"""Of engineered embeddings; rises, above all others that there were, whenever any of them changes."""

LEARNED_VERSION: Final = 5
"""Of learned ones, which hold all that the others do: above `ANALYSIS_VERSION`; rises with every new ear."""

_SIZES: Final = {"attack": 33, "body": 20, "tail": 15, "brightness": 5, "pitch": 11, "length": 3}


def _slices() -> dict[str, slice]:
    ends = accumulate(_SIZES.values())
    return {name: slice(end - size, end) for (name, size), end in zip(_SIZES.items(), ends, strict=True)}


ASPECTS: Final[dict[str, slice]] = _slices()
"""Which dimensions belong to which aspect. The squared distance is the sum of those of the aspects."""

EMBEDDING_SIZE: Final = sum(_SIZES.values())
"""Of the engineered embedding, which begins every other one."""

LEARNED_SIZE: Final = 64
"""Numbers that the learned ear gives a sound: a point of the unit sphere."""

LEARNED: Final = slice(EMBEDDING_SIZE, EMBEDDING_SIZE + LEARNED_SIZE)
"""Where they stand, weighted, in a learned embedding: behind the engineered one."""

LEARNED_LOOP: Final = LEARNED.stop
"""Behind them: what keeps loops apart from single sounds."""

WHOLE_SIZE: Final = LEARNED_LOOP + 1
"""Of a learned embedding."""

LOOP: Final = ASPECTS["length"].stop - 1
"""What keeps loops apart from single sounds, in an engineered embedding."""

DESCRIPTORS: Final[dict[str, int]] = {
    "brightness": ASPECTS["brightness"].stop - 1,
    "length": ASPECTS["length"].start,
    "sustain": ASPECTS["length"].start + 1,
    "attack": ASPECTS["attack"].stop - 1,
    "pitch": ASPECTS["pitch"].stop - 2,
    "tone": ASPECTS["pitch"].stop - 1,
    "roughness": ASPECTS["body"].stop - 1,
}
"""Dimensions that say one thing each, more of it where the number is higher: the logarithms of the spectral
centroid, of the length, of the temporal centroid and of the time to the peak; the pitch, counted as far as it
is clear, and how clear it is; how much the level flutters."""
