"""The benchmarks run, at sizes that measure nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sounds import closed_hat, kick, write

ROOT = Path(__file__).parent.parent
TINY = {
    "indexing": ["--files", "24", "--rounds", "1", "--workers", "1"],
    "roundtrip": [
        "--sounds",
        "60",
        "80",
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


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.mark.timeout(300)  # the first map on a new machine waits for its compiler
@pytest.mark.parametrize("name", TINY)
def test_a_benchmark_prints_its_ratios(name: str, tmp_path: Path) -> None:
    """Each benchmark ends well, prints a table with ratios and writes the same figures as JSON."""
    out = tmp_path / "out.json"
    done = run(name, *TINY[name], "--json", str(out))
    assert done.returncode == 0, done.stderr
    report = json.loads(out.read_text(encoding="utf-8"))
    ratios = [row for row in report["rows"] if row["ratio"] is not None]
    assert len(ratios) >= 3 and all(row["ratio"] > 0 and row["value"] > 0 for row in ratios)
    assert all(f"{row['ratio']:.2f} x {row['against']}" in done.stdout for row in ratios)
    assert "cores" in report["machine"] and "THE LOAD ENDED EARLY" not in done.stdout


def test_similarity_counts_labels_and_leaves_groups_out(tmp_path: Path) -> None:
    """Where every answer has the asked sound's label that is 100 %, and 0 % once its kit is left out."""
    lines = ["path,label,kit"]
    for make, label, kit in ((kick, "kick", "low"), (closed_hat, "hat", "high")):
        for number in range(4):
            file = write(tmp_path / "drums" / label / f"{number}.wav", make(number))
            lines.append(f"{file.relative_to(tmp_path / 'drums')},{label},{kit}")
    table = tmp_path / "drums.csv"
    table.write_text("\n".join(lines), encoding="utf-8")
    words = ("--labels", str(table), "-k", "3", "--work", str(tmp_path / "work"))
    out = tmp_path / "out.json"
    done = run("similarity", str(tmp_path / "drums"), *words, "--json", str(out))
    assert done.returncode == 0, done.stderr
    rows = {row["what"]: (row["value"], row["ratio"]) for row in json.loads(out.read_text())["rows"]}
    assert rows == {
        "same label, over sounds, all others": (100.0, pytest.approx(7 / 3)),
        "same label, over 2 classes, all others": (100.0, pytest.approx(7 / 3)),
        "same label, over sounds, none of its kit": (0.0, None),
        "same label, over 2 classes, none of its kit": (0.0, None),
        "for 4 of 'kick': kick": (100.0, pytest.approx(7 / 3)),
    }
    again = run("similarity", "--library", str(tmp_path / "work" / "similarity.klustr"), *words)
    assert "for 4 of 'kick': kick" in again.stdout
    assert run("similarity", *words).returncode == 1


def test_the_names_benchmark_prints_shares_per_kind(tmp_path: Path) -> None:
    """Right, wrong and silent add up; labels of other lists mean our kinds, or stand apart if none does."""
    rows = "Kicks/1.wav,kick\nSnare.wav,kick\nx.wav,kick\nConga.wav,conga_bongo\nPiano.wav,other\n"
    labelled, out = tmp_path / "labels.csv", tmp_path / "out.json"
    labelled.write_text("path,label\n" + rows, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "names", str(labelled), "--root", "/s", "--json", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(out.read_text(encoding="utf-8"))
    kick, conga, everything = report["rows"]
    assert kick["n"] == 3 and kick["right"] == kick["wrong"] == kick["silent"] == pytest.approx(1 / 3)
    assert conga["right"] == 1.0 and everything["kind"] == "all" and everything["n"] == 4
    assert report["no_kind"] == {"other": 1} and "33.3%" in done.stdout
