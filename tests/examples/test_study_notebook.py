"""The notebook of the study runs from top to bottom, on one core, and its story holds."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples/study.ipynb"
SIZE, SMALL = "MOST_SOUNDS = 120", "MOST_SOUNDS = 60"

# what a Jupyter kernel does with code cells, with nothing shown and on one core; then what the cells know
RUN = """
import json, os, pathlib, sys
import matplotlib
matplotlib.use("Agg")
if hasattr(os, "sched_setaffinity"):  # not on macOS and Windows
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
space = {}
for cell in json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        source = "".join(cell["source"]).replace(sys.argv[2], sys.argv[3])
        exec(compile(source, cell["id"], "exec"), space)
        if "figure, " in source:
            space["figure"].savefig(f"{cell['id']}.png")
result = space["result"]
print("RESULT", json.dumps({
    "sounds": len(result.labels),
    "features": [one.name for one in result.features],
    "families": sorted({one.family for one in result.maps}),
    "toys": space["toys"],
    "is_left": space["home"].exists(),
}))
"""


def cells() -> list[dict[str, Any]]:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    return list(notebook["cells"])


def test_the_notebook_has_no_outputs_in_it() -> None:
    """It is checked in as it is before the first run, each cell with an id of its own."""
    code = [cell for cell in cells() if cell["cell_type"] == "code"]
    assert len(code) >= 7
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert len({cell["id"] for cell in cells()}) == len(cells())
    assert sum(SIZE in "".join(cell["source"]) for cell in code) == 1


@pytest.mark.timeout(600)
def test_the_notebook_repeats_the_study(tmp_path: Path) -> None:
    """It makes maps of every feature set, draws them, and its layouts show what it says of the scores."""
    (tmp_path / "temporary").mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN, str(NOTEBOOK), SIZE, SMALL],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(tmp_path / "temporary"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=590,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1].removeprefix("RESULT "))
    assert 40 <= told["sounds"] <= 60  # rare classes of what was drawn are left out
    assert told["features"] == ["stft", "stft-text", "mfcc", "mir", "embedding"]
    assert told["families"] == ["bridge", "pca", "pca-umap", "tsne", "umap"]
    toys = told["toys"]
    assert toys["crossed needles"]["overlap_published"] > toys["side by side"]["overlap_published"]
    assert toys["side by side"]["overlap"] == pytest.approx(1.0)
    assert toys["one on the other"]["overlap"] < 0.6
    assert toys["one stray"]["overlap"] < 0.9
    assert toys["one stray"]["overlap_core"] == pytest.approx(1.0)
    assert toys["side by side"]["share_farthest"] < 0.01
    assert toys["side by side"]["share"] > 0.98
    pictures = list(tmp_path.glob("cell-*.png"))
    assert len(pictures) == 4
    assert all(one.stat().st_size > 5_000 for one in pictures)
    assert (tmp_path / "study-report" / "index.html").stat().st_size > 50_000
    assert not told["is_left"]
