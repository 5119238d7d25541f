"""Methods that name their own parameters: ``tsne-30``, ``umap-10-0.01``, ``umap-direct-30-0.5``.

This module owns how they are read. It must not fit. A library that was laid out by one of them keeps to it
with ``layout.method = "auto"``: it was chosen for that library.
"""

from dataclasses import dataclass

from klustr_bridge.settings import TUNED_METHODS

__all__ = ["TUNED_METHODS", "Tuned", "is_tuned", "tuned_of"]


@dataclass(frozen=True, slots=True)
class Tuned:
    """An engine with parameters of its own.

    Attributes
    ----------
    engine : str
        ``tsne``, ``umap`` (of 14 principal components) or ``umap-direct``.
    perplexity : float
        Of t-SNE; 0 for UMAP.
    neighbours : int
        Of UMAP, the sound itself counted; 0 for t-SNE.
    min_dist : float
        Of UMAP.
    """

    engine: str
    perplexity: float = 0.0
    neighbours: int = 0
    min_dist: float = 0.0


def is_tuned(method: str) -> bool:
    """Whether a method names its own parameters."""
    return method in TUNED_METHODS


def tuned_of(method: str) -> Tuned | None:
    """Engine and parameters of such a method; None for one of another kind."""
    if not is_tuned(method):
        return None
    if method.startswith("tsne-"):
        return Tuned("tsne", perplexity=float(method.removeprefix("tsne-")))
    engine = "umap-direct" if method.startswith("umap-direct-") else "umap"
    neighbours, min_dist = method.removeprefix(f"{engine}-").split("-")
    return Tuned(engine, neighbours=int(neighbours), min_dist=float(min_dist))
