"""How often the sounds most like one bear the same label, against chance.

Labels come from a CSV; the library's own answers are counted: each labelled sound is asked about, and
only labelled sounds are answers. With the columns ``collection`` or ``kit`` the same is counted once
more without the answers of the sound's own collection or kit, which sound alike for other reasons.
"""

import argparse
import csv
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import Report, Row, environment, work_folder

GROUPS = ("kit", "collection")
_N_NAMED = 5

Texts = NDArray[np.str_]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="indexed for the run")
    parser.add_argument("--library", type=Path, metavar="FILE", help="ask this library, index nothing")
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="CSV",
        required=True,
        help="path,label[,collection,kit]; paths as for map",
    )
    parser.add_argument("-k", type=int, default=10, help="answers to each sound (default: 10)")
    parser.add_argument(
        "--of", default="kick", metavar="LABEL", help="also tell what comes for this one (default: kick)"
    )
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep the library here for the next run")


@dataclass(frozen=True, slots=True)
class Labelled:
    """The labelled sounds of a library.

    Attributes
    ----------
    label : ndarray of str, shape (n,)
    groups : dict
        By column, the group of each sound.
    nearest : callable
        The rows of the k sounds most like that in a row, of those that a mask keeps.
    """

    label: Texts
    groups: dict[str, Texts]
    nearest: Callable[[int, int, NDArray[np.bool_]], NDArray[np.intp]]


@dataclass(frozen=True, slots=True)
class Answers:
    """Shares for each asked sound; a sound without `k` possible answers isn't asked.

    Attributes
    ----------
    row : ndarray of int, shape (n,)
        The sounds asked about.
    same, chance : ndarray of float, shape (n,)
        Share of the answers, and of all possible answers, with the sound's own label.
    answered : ndarray of str, shape (n, k)
        Labels of the answers.
    """

    row: NDArray[np.intp]
    same: NDArray[np.float64]
    chance: NDArray[np.float64]
    answered: Texts


def run(options: argparse.Namespace) -> Report:
    if (options.folder is None) == (options.library is None):
        raise SystemExit("name a FOLDER to index, or a library with --library; one of the two")
    if options.k < 1:
        raise SystemExit(f"-k is {options.k}; allowed is 1 or more")
    with work_folder(options.work) as work:
        library = options.library or _index(options.folder, work)
        labelled = _load(library, work, _read_labels(options.labels))
    settings = {"labels": options.labels.name, "sounds": len(labelled.label), "k": options.k}
    report = Report("similarity", settings)
    everything = _ask(labelled, options.k, None)
    _add_shares(report, labelled, everything, "all others")
    for name in labelled.groups:
        _add_shares(report, labelled, _ask(labelled, options.k, name), f"none of its {name}")
    _add_one_label(report, labelled, everything, options.of)
    return report


def _index(folder: Path, work: Path) -> Path:
    """Index with the command; the map doesn't matter here, the quick one will do."""
    library = work / "similarity.klustr"
    words = ("index", str(folder.resolve()), "--library", str(library), "--layout", "pca", "--view", "plain")
    done = subprocess.run(
        [sys.executable, "-m", "klustr_bridge", *words],
        env=environment(work / "home"),
        stdout=sys.stderr,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{folder} could not be indexed")
    return library


def _read_labels(table: Path) -> dict[bytes, dict[str, str]]:
    """Rows by absolute path; a path is taken from the table's folder, or that beside it of its name."""
    home = Path(os.path.realpath(table)).parent
    rows = {}
    with table.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if not {"path", "label"} <= set(reader.fieldnames or ()):
            raise SystemExit(f"{table} must have the columns path and label; found: {reader.fieldnames}")
        for row in reader:
            inside = home / table.stem / row["path"]
            rows[bytes(inside if inside.exists() else home / row["path"])] = row
    return rows


def _load(library: Path, work: Path, rows: dict[bytes, dict[str, str]]) -> Labelled:
    from klustr_bridge.corpus import Corpus
    from klustr_bridge.corpus.selection import Selection
    from klustr_bridge.library.snapshot import write_snapshot
    from klustr_bridge.library.store import Store

    with Store.open(library, writable=False) as store:
        corpus = Corpus.load(write_snapshot(store, work / "snapshots"))
    found = {
        row: rows[path] for path, row in corpus.analysed_files() if path in rows and corpus.is_heard(row)
    }
    if not found:
        raise SystemExit(
            f"no path of the labels is a sound of {library}; does the CSV lie beside its folder?"
        )
    at = np.array(sorted(found), np.intp)
    columns = [name for name in GROUPS if all(found[row].get(name) for row in found)]
    no_files = np.zeros(0, np.bool_)

    def nearest(index: int, k: int, keep: NDArray[np.bool_]) -> NDArray[np.intp]:
        mask = np.zeros(len(corpus), np.bool_)
        mask[at[keep]] = True
        asked = int(at[index])
        answer = corpus.similar(corpus.embedding[asked], k, Selection(mask, no_files), without=asked)
        return np.searchsorted(at, answer.rows)

    def column(name: str) -> Texts:
        return np.array([found[row][name] for row in at.tolist()])

    return Labelled(column("label"), {name: column(name) for name in columns}, nearest)


def _ask(labelled: Labelled, k: int, without: str | None) -> Answers:
    """Ask about every sound, leaving out the answers of its own group of the column `without`."""
    row, same, chance, answered = [], [], [], []
    for index, label in enumerate(labelled.label):
        keep = np.ones(len(labelled.label), np.bool_)
        if without is not None:
            keep = labelled.groups[without] != labelled.groups[without][index]
        keep[index] = False
        if keep.sum() < k:
            continue
        labels = labelled.label[labelled.nearest(index, k, keep)]
        row.append(index)
        same.append(float(np.mean(labels == label)))
        chance.append(float(np.mean(labelled.label[keep] == label)))
        answered.append(labels)
    if not row:
        raise SystemExit(f"no sound has {k} others to be compared with; name a smaller -k")
    return Answers(np.array(row), np.array(same), np.array(chance), np.array(answered))


def _add_shares(report: Report, labelled: Labelled, answers: Answers, among: str) -> None:
    label = labelled.label[answers.row]
    classes = np.unique(label)

    def over_classes(share: NDArray[np.float64]) -> float:
        return float(np.mean([share[label == name].mean() for name in classes]))

    for over, same, chance in (
        ("sounds", float(answers.same.mean()), float(answers.chance.mean())),
        (f"{len(classes)} classes", over_classes(answers.same), over_classes(answers.chance)),
    ):
        ratio = same / chance if chance else None
        report.rows.append(Row(f"same label, over {over}, {among}", 100 * same, "%", ratio, "chance"))


def _add_one_label(report: Report, labelled: Labelled, answers: Answers, label: str) -> None:
    """What comes for the sounds of one label, commonest first."""
    asked = labelled.label[answers.row] == label
    if not asked.any():
        known = ", ".join(np.unique(labelled.label).tolist())
        report.notes.append(f"no sound is labelled {label!r}; labels: {known}")
        return
    names, counts = np.unique(answers.answered[asked], return_counts=True)
    for at in np.argsort(-counts, kind="stable")[:_N_NAMED]:
        share = counts[at] / counts.sum()
        others = int(np.sum(labelled.label == names[at])) - (names[at] == label)
        chance = others / (len(labelled.label) - 1)
        what = f"for {int(asked.sum())} of {label!r}: {names[at]}"
        report.rows.append(Row(what, 100 * float(share), "%", float(share) / chance, "chance"))
