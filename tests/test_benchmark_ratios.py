"""Benchmarks of speed run, at sizes that measure nothing, and say what they must."""

import json
import os
from pathlib import Path

import pytest

from benchmarks import jack_stage
from tests.benchmarking import run
from tests.map import pages

TINY = {
    "indexing": ["--files", "12", "--rounds", "1", "--workers", "1"],
    "map": ["--sounds", "60", "120", "--rounds", "1", "--frames", "6"],
    "midi": ["--gestures", "8", "--files", "30"],
    "player": ["--periods", "256", "--minutes", "0.05", "--triggers", "5", "--load-files", "30"],
    "roundtrip": [
        "--sounds",
        "60",
        "80",
        "--requests",
        "30",
        "--rounds",
        "2",
        "--load-files",
        "100",
        "--workers",
        "1",
    ],
    "scale": ["--largest", "300", "--queries", "20", "--landmarks-of", "120"],
    "speed": ["--files", "12"],
    "startup": ["--sounds", "60", "--rounds", "1"],
    "views": ["--sounds", "2000"],
}


BY_HAND = () if os.environ.get("BRIDGE_TEST_BENCHMARKS") == "all" else ("map", "player", "scale")
"""Half a minute and more each: ``BRIDGE_TEST_BENCHMARKS=all`` runs them."""


@pytest.mark.timeout(300)  # the first map on a new machine waits for its compiler
@pytest.mark.parametrize("name", [name for name in TINY if name not in BY_HAND])
def test_a_benchmark_prints_its_ratios(name: str, tmp_path: Path) -> None:
    """Each benchmark ends well, prints a table with ratios and writes the same figures as JSON."""
    if name in ("midi", "player") and (reason := jack_stage.missing()) is not None:
        pytest.skip(reason)
    if name == "map" and (reason := pages.missing()) is not None:
        pytest.skip(reason)
    out = tmp_path / "out.json"
    done = run(name, *TINY[name], "--json", str(out))
    assert done.returncode == 0, done.stderr
    report = json.loads(out.read_text(encoding="utf-8"))
    ratios = [row for row in report["rows"] if row["ratio"] is not None]
    assert len(ratios) >= 2 and all(row["ratio"] > 0 and row["value"] > 0 for row in ratios)
    assert all(f"{row['ratio']:.2f} x {row['against']}" in done.stdout for row in ratios)
    assert "cores" in report["machine"] and "THE LOAD ENDED EARLY" not in done.stdout
