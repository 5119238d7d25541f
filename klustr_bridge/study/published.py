"""The figures that *klustr* published, to stand beside those of a study.

Owns the numbers of the paper's tables; nothing here is measured.

References
----------
L. Hantrakul and A. Sarwate, "klustr: a tool for dimensionality reduction and visualization of large audio
datasets" (2017).
"""

from collections.abc import Mapping

COUNTS: Mapping[str, int] = {
    "kick": 5158,
    "tom": 422,
    "snare": 2546,
    "clap": 1324,
    "hi-hat": 159,
    "ride": 228,
    "crash": 723,
}
"""Sounds of each of its seven classes."""

FAMILIES = ("pca", "tsne", "umap")
"""Columns of `SILHOUETTE`, `ROUNDNESS` and `OVERLAP`."""

INITIALISATIONS = ("k-means++", "random", "PCA")
"""Columns of `KMEANS_SILHOUETTE`."""

SILHOUETTE: Mapping[str, tuple[float, float, float]] = {
    "stft": (0.115, 0.053, -0.089),
    "mfcc": (-0.010, 0.034, -0.048),
    "mir": (-0.035, -0.062, 0.124),
    "wavenet": (-0.102, -0.065, 0.059),
}
ROUNDNESS: Mapping[str, tuple[float, float, float]] = {
    "stft": (0.674, 0.823, 0.834),
    "mfcc": (0.689, 0.827, 0.789),
    "mir": (0.904, 0.861, 0.786),
    "wavenet": (0.696, 0.838, 0.796),
}
OVERLAP: Mapping[str, tuple[float, float, float]] = {
    "stft": (0.275, 0.240, 0.183),
    "mfcc": (0.235, 0.195, 0.205),
    "mir": (0.182, 0.177, 0.243),
    "wavenet": (0.209, 0.240, 0.258),
}
KMEANS_SILHOUETTE: Mapping[str, tuple[float, float, float]] = {
    "stft": (0.214, 0.246, 0.195),
    "mfcc": (0.175, 0.192, 0.178),
    "mir": (0.140, 0.150, 0.103),
    "wavenet": (0.272, 0.278, 0.249),
}
TIMES: Mapping[str, str] = {
    "tsne": "12 to 45 minutes",
    "umap": "30 s to 2 minutes",
    "pca-umap": "18 s (STFT)",
}

DOUBT = (
    "In the paper's best cell, MIR and UMAP, two rows may have been swapped: its picture looks like the one "
    "labelled STFT."
)
