"""The notebook runs from top to bottom on what `klustr-bridge export` writes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tests.commands import run
from tests.daemon.running import RunningDaemon, environment
from tests.examples.conftest import N_SOUNDS

NOTEBOOK = Path(__file__).parents[2] / "examples/explore_library.ipynb"

# what a Jupyter kernel does with code cells, with nothing shown; then what the last cells know
RUN = """
import json, sys
import matplotlib
matplotlib.use("Agg")
space = {}
for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), cell["id"], "exec"), space)
space["figure"].savefig("map.png")
library, chosen = space["library"], space["chosen"]
rows = [chosen, *(row for row, _ in space["similar"](chosen))]
print("RESULT", json.dumps([int(library["id"][row]) for row in rows]))
"""


def cells() -> list[dict[str, Any]]:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    return list(notebook["cells"])


def test_the_notebook_has_no_outputs_in_it() -> None:
    """It is checked in as it is before the first run, each cell with an id of its own."""
    code = [cell for cell in cells() if cell["cell_type"] == "code"]
    assert len(code) >= 5
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert len({cell["id"] for cell in cells()}) == len(cells())


def test_the_notebook_explores_an_exported_library(daemon: RunningDaemon, tmp_path: Path) -> None:
    """It counts, draws, and finds the same similar sounds as the bridge."""
    library = tmp_path / "library.npz"
    exported = run(daemon.home, "export", str(library))
    assert exported.returncode == 0, exported.stderr
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN, str(NOTEBOOK)],
        cwd=tmp_path,
        env=environment(daemon.home),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"{N_SOUNDS} files, {N_SOUNDS} different sounds, {N_SOUNDS} on the map"
    chosen, *found = json.loads(lines[-1].removeprefix("RESULT "))
    assert found == [near.id for near in daemon.client.similar(chosen, len(found))]
    assert len(found) == 5
    with np.load(library) as columns:
        (kind,) = columns["kind"][columns["id"] == chosen]
    assert kind == "kick"
    assert (tmp_path / "map.png").stat().st_size > 5_000
