"""``klustr-bridge study`` as it is typed: what it prints, writes, and refuses."""

import csv
from pathlib import Path

import pytest

from klustr_bridge.study import run as running
from klustr_bridge.study.reductions import Job
from tests.commands import run
from tests.sounds import kick, snare, write

FEW = (Job("pca"), Job("tsne", {"perplexity": 5}, (250,)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    for number in range(22):
        write(folder / f"Pack {number % 2}" / f"Kick {number:02}.wav", kick(number))
        write(folder / f"Pack {number % 2}" / f"Snare {number:02}.wav", snare(number))
    return folder


@pytest.fixture(autouse=True)
def _few_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "population", lambda extent, n_sounds: FEW)
    monkeypatch.setattr(running, "available_cores", lambda: 1)


def test_a_study_writes_its_report_and_goes_on_from_what_is_kept(folder: Path, tmp_path: Path) -> None:
    """Progress on the standard error, the finding on the standard output, a page, tables and pictures."""
    out = tmp_path / "report"
    done = run(tmp_path, "study", str(folder), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "heard 44 of 44 files" in done.stderr and "10 of 10 maps: " in done.stderr
    first, best, others, page = done.stdout.splitlines()
    assert first == "44 sounds, 2 classes, 10 maps"
    assert best.startswith("best: ") and best.endswith("% of the ten nearest are of one's class")
    assert others.endswith("others may be as good (95 % of resamples of collections)")
    assert Path(page) == out / "index.html" and (out / "index.html").stat().st_size > 10_000
    assert (out / "best.png").read_bytes().startswith(b"\x89PNG")
    with (out / "maps.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 10
    again = run(tmp_path, "study", str(folder), "--out", str(out))
    assert again.stdout == done.stdout
    assert "made before: 10 of 10 maps" in again.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--quick", "--full"), 2, "--quick and --full are two studies; name one of them"),
        (("--embedding", "numbers.npz"), 2, "--embedding numbers.npz: needed is NAME=FILE.npz"),
        (("--embedding", "wavenet=missing.npz"), 1, "missing.npz can't be read"),
        (("--labels", "missing.csv"), 1, "missing.csv can't be read"),
        (("--classes", "clap"), 1, "a study needs two classes of 11 files or more"),
        (("--preset", "seed"), 2, "invalid choice: 'seed'"),
        (("--most", "3"), 1, "fewer than two classes of 11 sounds are left"),
        (("--most", "0"), 1, "0 sounds can't be drawn"),
        (("--embedding", "x=a.npz", "--embedding", "x=b.npz"), 2, "--embedding x is given twice"),
        (("--out", "/dev/null/report"), 1, "can't be made or written to"),
    ],
)
def test_what_makes_no_study_is_said(
    folder: Path, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    """Asked wrongly is 2, no study is 1; the message says what is needed."""
    done = run(tmp_path, "study", str(folder), "--out", str(tmp_path / "report"), *words)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
