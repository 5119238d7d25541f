"""Checks of what comes from outside, each raising ``QueryError`` with the value and the allowed range.

This module owns the limits of the navigator's arguments; it must not know any corpus.
"""

import difflib
import math
import os
from collections.abc import Iterable, Sequence

from klustr_bridge.errors import QueryError
from klustr_bridge.library.paths import normalise, to_export
from klustr_bridge.sound.kinds import KINDS

MOST_NEIGHBOURS = 1000
MOST_CURSORS = 256
MOST_PADS_A_SIDE = 32
MOST_STEPS = 128
MOST_RADIUS = 1.5
MOST_WORDS = 16
MOST_TEXT = 256
MOST_WEIGHT = 2.0
MOST_SEMITONES = 48.0


def point(x: float, y: float) -> tuple[float, float]:
    """Return a point of the map; what lies outside 0..1 is moved to the edge."""
    if not (math.isfinite(x) and math.isfinite(y)):
        raise QueryError("badargs", f"x and y must be numbers from 0 to 1, not {x} and {y}")
    return min(max(float(x), 0.0), 1.0), min(max(float(y), 0.0), 1.0)


def count(k: int) -> int:
    """Return how many answers are wanted, 1..1000."""
    if not 1 <= k <= MOST_NEIGHBOURS:
        raise QueryError("badargs", f"k is {k}, allowed is 1 to {MOST_NEIGHBOURS}")
    return k


def steps(n: int) -> int:
    """Return of how many sounds a walk is, 2..128."""
    if not 2 <= n <= MOST_STEPS:
        raise QueryError("badargs", f"n is {n}, allowed is 2 to {MOST_STEPS}")
    return n


def pads(columns: int, rows: int) -> tuple[int, int]:
    """Return the size of a grid of pads, 1..32 each way."""
    for name, value in (("columns", columns), ("rows", rows)):
        if not 1 <= value <= MOST_PADS_A_SIDE:
            raise QueryError("badargs", f"{name} is {value}, allowed is 1 to {MOST_PADS_A_SIDE}")
    return columns, rows


def region(x: float, y: float, radius: float) -> tuple[float, float, float]:
    """Return a circle of the map; a middle outside 0..1 is moved to the edge, the radius is 0..1.5."""
    if not 0.0 <= radius <= MOST_RADIUS:
        raise QueryError("badargs", f"the radius is {radius}, allowed is 0 to {MOST_RADIUS}")
    return *point(x, y), float(radius)


def cursor(number: int) -> int:
    """Return a cursor's number, 0..255."""
    if not 0 <= number < MOST_CURSORS:
        raise QueryError("badargs", f"the cursor is {number}, allowed is 0 to {MOST_CURSORS - 1}")
    return number


def velocity(value: float) -> float:
    """Return a velocity, 0..1."""
    if not 0.0 <= value <= 1.0:
        raise QueryError("badargs", f"the velocity is {value}, allowed is 0 to 1")
    return float(value)


def semitones(value: float) -> float:
    """Return how much higher or lower a sound is to be, -48..48."""
    if not -MOST_SEMITONES <= value <= MOST_SEMITONES:
        raise QueryError(
            "badargs", f"semitones is {value}, allowed is -{MOST_SEMITONES:g} to {MOST_SEMITONES:g}"
        )
    return float(value)


def pan(value: float) -> float:
    """Return a place between left and right, -1..1."""
    if not -1.0 <= value <= 1.0:
        raise QueryError("badargs", f"pan is {value}, allowed is -1 (left) to 1 (right)")
    return float(value)


def weight(value: float) -> float:
    """Return the weight of an aspect, 0..2."""
    if not 0.0 <= value <= MOST_WEIGHT:
        raise QueryError("badargs", f"the weight is {value}, allowed is 0 to {MOST_WEIGHT:g}")
    return float(value)


def choice(what: str, value: str, allowed: Sequence[str]) -> str:
    """Return one of the allowed words, in any case, with blanks and hyphens for underscores."""
    folded = value.casefold().strip().replace(" ", "_").replace("-", "_")
    if folded in allowed:
        return folded
    closest = difflib.get_close_matches(folded, allowed, n=1, cutoff=0.3)
    hint = f"did you mean {closest[0]!r}? There" if closest else "there"
    raise QueryError("badargs", f"no {what} is called {value!r}; {hint} are: {' '.join(allowed)}")


def kinds(names: Iterable[str]) -> frozenset[str]:
    """Return a set of known kinds."""
    return frozenset(choice("kind", name, KINDS) for name in names)


def duration(low_s: float, high_s: float) -> tuple[float, float]:
    """Return a range of durations, 0 <= low <= high, seconds; high may be infinite."""
    if not 0.0 <= low_s <= high_s or math.isinf(low_s):
        raise QueryError(
            "badargs",
            f"durations from {low_s} to {high_s} s: the first must be 0 or more, the second no less",
        )
    return float(low_s), float(high_s)


def absolute(path: bytes) -> bytes:
    """Return an absolute path without doubled or trailing separators."""
    if not os.path.isabs(path) or b"\0" in path:
        raise QueryError("badargs", f"the path {to_export(path)!r} isn't absolute; give it from the root on")
    return normalise(path)


def search_text(text: str) -> str:
    """Return a text of at most 16 words and 256 characters."""
    if len(text) > MOST_TEXT or len(text.split()) > MOST_WORDS:
        raise QueryError(
            "badargs",
            f"a text of {len(text.split())} words and {len(text)} characters; "
            f"allowed are {MOST_WORDS} words and {MOST_TEXT} characters",
        )
    return text
