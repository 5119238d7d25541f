"""The scores of a map: the numbers kept with an epoch, by name.

This module owns their names. A score that there is nothing to tell from, such as one of kinds where none is
known, is left out. Where there are many sounds most are told by samples: those of 100,000 took 4.5 s on one
core, beside 187 s of the map on two.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.layout.quality import continuity, displacement, neighbour_share, trustworthiness
from klustr_bridge.layout.reach import reachable
from klustr_bridge.layout.regions import hull_scores, kind_precision, silhouette
from klustr_bridge.types import Float32Array

_PAD_BITS = (7, 14)


def fit_scores(embeddings: Float32Array, xy: Float32Array, kinds: NDArray[np.uint8]) -> dict[str, float]:
    """Judge a map right after its fit.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (n, d)
        n may be 0.
    xy : ndarray of float32, shape (n, 2)
        Their positions, 0..1.
    kinds : ndarray of uint8, shape (n,)
        Codes of their kinds, 0 where unknown.

    Returns
    -------
    dict of str to float
        Finite numbers. Always ``neighbour_share``, ``trustworthiness``, ``continuity`` (see
        `klustr_bridge.layout.quality`), and from one sound on ``reach_7_bit`` and ``reach_14_bit``, the
        share that a pad reaches. Where enough kinds are known, ``kind_share`` and
        ``kind_share_over_kinds``, the same ``_in_sound``, ``silhouette``, ``roundness``, ``overlap``,
        ``overlap_in_outer_hull`` (see `klustr_bridge.layout.regions`).
    """
    scores = {
        "neighbour_share": neighbour_share(embeddings, xy),
        "trustworthiness": trustworthiness(embeddings, xy),
        "continuity": continuity(embeddings, xy),
    }
    if len(xy):
        scores |= {f"reach_{bits}_bit": float(reachable(xy, bits).mean()) for bits in _PAD_BITS}
    for points, suffix in ((xy, ""), (embeddings, "_in_sound")):
        precision = kind_precision(points, kinds)
        if precision is not None:
            scores["kind_share" + suffix] = precision.over_sounds
            scores["kind_share_over_kinds" + suffix] = precision.over_kinds
    apart, hulls = silhouette(xy, kinds), hull_scores(xy, kinds)
    if apart is not None:
        scores["silhouette"] = apart
    if hulls is not None:
        scores["roundness"] = hulls.roundness
        scores["overlap"] = hulls.overlap
        scores["overlap_in_outer_hull"] = hulls.overlap_in_outer_hull
    return scores


def moved_scores(xy: Float32Array, before: Float32Array) -> dict[str, float]:
    """Tell how far a new epoch moves sounds: ``moved_median`` and ``moved_95``, in widths of the map.

    Parameters
    ----------
    xy, before : ndarray of float32, shape (n, 2)
        The same sounds on the new and the earlier map, NaN where one lacks them.

    Returns
    -------
    dict of str to float
        Empty where no sound is on both.
    """
    moved = displacement(xy, before)
    return {} if moved is None else {"moved_median": moved[0], "moved_95": moved[1]}


def told(scores: Mapping[str, float]) -> str:
    """Say in a few words what scores mean to somebody who looks for sounds; empty without any."""
    said = []
    if "neighbour_share" in scores:
        said.append(f"neighbours kept {_percent(scores['neighbour_share'])}")
    if "kind_share" in scores:
        in_sound = ""
        if "kind_share_in_sound" in scores:
            in_sound = f" (in sound {_percent(scores['kind_share_in_sound'])})"
        said.append(f"kinds kept together {_percent(scores['kind_share'])}{in_sound}")
    if "reach_7_bit" in scores:
        said.append(f"a 7-bit pad reaches {_percent(scores['reach_7_bit'])}")
    if "moved_median" in scores:
        said.append(f"moved then {_percent(scores['moved_median'])} of the width")
    return f"when made: {', '.join(said)}" if said else ""


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
