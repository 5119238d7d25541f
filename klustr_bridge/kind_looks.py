"""How kinds of sounds look wherever they are drawn: a colour and a marker each.

Owns the table of looks, made for a dark ground. It must not draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Look:
    """How one kind is drawn: a colour ``#rrggbb`` and a matplotlib marker."""

    colour: str
    marker: str


KIND_LOOKS = {
    # Found by search: related kinds keep related hues, and every pair differs by at least 0.12 in OKLab,
    # or else has another marker, as seen with normal sight and each kind of colour blindness.
    UNKNOWN: Look("#6b7280", "o"),
    "kick": Look("#d1070e", "o"),
    "snare": Look("#0880f9", "o"),
    "rim": Look("#a298fa", "s"),
    "clap": Look("#d7b9fe", "^"),
    "closed_hat": Look("#fdeea4", "o"),
    "open_hat": Look("#e9fe1d", "s"),
    "ride": Look("#da5f17", "^"),
    "crash": Look("#d48e77", "o"),
    "tom": Look("#c16581", "s"),
    "conga": Look("#8e5853", "D"),
    "cowbell": Look("#e2bb86", "D"),
    "shaker": Look("#b5a907", "v"),
    "tambourine": Look("#c7d727", "P"),
    "perc": Look("#8eddc9", "s"),
    "bass": Look("#7a4dcd", "s"),
    "synth": Look("#c8f9fd", "^"),
    "vocal": Look("#a92398", "o"),
    "fx": Look("#1fb8b9", "v"),
    "loop": Look("#7b88b8", "^"),
}
_OTHER_MARKERS = ("h", "p", "X", "*", "<", ">", "d", "8")


def looks_of(kinds: Sequence[str]) -> dict[str, Look]:
    """A look for each name, those outside the known kinds included.

    Parameters
    ----------
    kinds : sequence of str
        Names to be drawn together; repeats are allowed.

    Returns
    -------
    dict of str to Look
        Known kinds always look the same. Another name that begins with a known kind that isn't
        drawn itself (``conga_bongo``) takes that kind's look; the rest share out the hues that
        are left, in the order of their names.
    """
    names = sorted(set(kinds))
    looks = {name: KIND_LOOKS[name] for name in names if name in KIND_LOOKS}
    taken = set(names)
    strangers = []
    for name in names:
        stem = next((k for k in KIND_LOOKS if name.startswith(k + "_") and k not in taken), None)
        if name in looks:
            continue
        if stem is None:
            strangers.append(name)
        else:
            taken.add(stem)
            looks[name] = KIND_LOOKS[stem]
    for i, name in enumerate(strangers):
        looks[name] = Look(_hue(0.07 + 0.618034 * i, 0.72 - 0.16 * (i % 3)), _OTHER_MARKERS[i % 8])
    return looks


def _hue(turn: float, lightness: float) -> str:
    """A colour of a hue (in turns) that is well visible on the dark ground."""
    angle = 2 * np.pi * (turn % 1.0) + np.array([0.0, -2.0944, 2.0944])
    channels = np.clip(lightness + 0.26 * np.cos(angle), 0, 1)
    return "#" + "".join(f"{round(255 * c):02x}" for c in channels)
