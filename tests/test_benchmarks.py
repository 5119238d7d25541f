"""The benchmarks run, at sizes that measure nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TINY = {
    "indexing": ["--files", "24", "--rounds", "1", "--workers", "1"],
    "roundtrip": [
        "--sounds",
        "60",
        "--requests",
        "30",
        "--rounds",
        "2",
        "--load-files",
        "400",
        "--workers",
        "1",
    ],
    "startup": ["--sounds", "60", "--rounds", "1"],
}


@pytest.mark.timeout(300)  # the first map on a new machine waits for its compiler
@pytest.mark.parametrize("name", TINY)
def test_a_benchmark_prints_its_ratios(name: str, tmp_path: Path) -> None:
    """Each benchmark ends well, prints a table with ratios and writes the same figures as JSON."""
    out = tmp_path / "out.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", name, *TINY[name], "--json", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(out.read_text(encoding="utf-8"))
    ratios = [row for row in report["rows"] if row["ratio"] is not None]
    assert len(ratios) >= 3 and all(row["ratio"] > 0 and row["value"] > 0 for row in ratios)
    assert all(f"{row['ratio']:.2f} x {row['against']}" in done.stdout for row in ratios)
    assert "cores" in report["machine"] and "THE LOAD ENDED EARLY" not in done.stdout
