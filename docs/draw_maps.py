"""Draw docs/maps.png: the universal and the fitted map of one library side by side, coloured by kind.

python docs/draw_maps.py [FOLDER [OUT.png]]: of the demo library, or of the sounds of a folder whose names
tell a kind.
"""

import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

from matplotlib import pyplot as plt
from numpy.typing import NDArray

from klustr_bridge.demo.library import make_demo_library
from klustr_bridge.errors import RefusedSound
from klustr_bridge.kind_looks import looks_of
from klustr_bridge.layout.fit import fit_layout
from klustr_bridge.layout.universal import UNIVERSAL
from klustr_bridge.processes import available_cores
from klustr_bridge.sound.analyse import analyse_file
from klustr_bridge.sound.kinds import KIND_CODES, kind_of_path
from klustr_bridge.types import Float32Array

GROUND, BORDER, TEXT, FAINT = "#13161d", "#262b36", "#e8eaf0", "#8a91a0"
TITLES = {
    UNIVERSAL: "universal: the same in every library",
    "auto": "fitted to this library, begun from there",
}


def main(words: list[str]) -> None:
    """Write the picture, beside this file unless another place is named."""
    out = Path(words[1]) if len(words) > 1 else Path(__file__).with_name("maps.png")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(words[0]) if words else Path(folder)
        files = sorted(root.rglob("*")) if words else make_demo_library(root)
        embeddings, kinds = heard(root, files)
    figure, axes = plt.subplots(1, 2, figsize=(13, 7), layout="constrained", facecolor="#0d0f14")
    codes = np.array([KIND_CODES[kind] for kind in kinds], np.uint8)
    for place, (method, title) in zip(axes, TITLES.items(), strict=True):
        layout = fit_layout(
            embeddings, seed=1, method=method, from_universal=method != UNIVERSAL, kinds=codes
        )
        draw(place, title, layout.xy, kinds)
        of_its_kind = layout.scores.get("kind_share")
        trusted = f"trustworthiness {layout.scores['trustworthiness']:.2f}"
        shares = (
            "" if of_its_kind is None else f"; of the ten nearest {100 * of_its_kind:.0f} % are of a kind"
        )
        place.set_xlabel(trusted + shares, color=FAINT, fontsize=10)
        print(f"{method}: {len(kinds)} sounds, {trusted}{shares}")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside lower center", ncols=8, frameon=False, labelcolor=TEXT, fontsize=9
    )
    figure.savefig(out, dpi=90)


def heard(root: Path, files: list[Path]) -> tuple[Float32Array, NDArray[np.str_]]:
    """What the learned ear hears in the files that a name tells a kind of; the kinds."""
    named = [(file, kind_of_path(os.fsencode(file), os.fsencode(root))[0]) for file in files]
    told = [(file, kind) for file, kind in named if kind not in ("unknown", "loop") and file.is_file()]
    with ProcessPoolExecutor(available_cores()) as pool:
        rows = list(pool.map(embedding_of, [file for file, _ in told], chunksize=8))
    kept = [(row, kind) for row, (_, kind) in zip(rows, told, strict=True) if row is not None]
    return np.array([row for row, _ in kept]), np.array([kind for _, kind in kept])


def embedding_of(file: Path) -> Float32Array | None:
    """One sound's embedding; None where the file is none."""
    try:
        return analyse_file(os.fsencode(file), learned=True).embedding
    except RefusedSound:
        return None


def draw(axes: plt.Axes, title: str, xy: Float32Array, kinds: NDArray[np.str_]) -> None:
    """Draw one map."""
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[], aspect="equal", facecolor=GROUND)
    axes.set_title(title, color=TEXT, fontsize=13)
    for spine in axes.spines.values():
        spine.set_color(BORDER)
    names, counts = np.unique(kinds, return_counts=True)
    order = names[np.argsort(-counts, kind="stable")].tolist()
    for name, look in looks_of(order).items():
        at = xy[kinds == name]
        size = float(np.clip(9_000 / len(xy), 4, 40))
        axes.scatter(
            at[:, 0], at[:, 1], s=size, c=look.colour, marker=look.marker, label=name.replace("_", " ")
        )


if __name__ == "__main__":
    main(sys.argv[1:])
