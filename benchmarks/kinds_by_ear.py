"""How often the kind of a sound is told right by its sound alone, by whole collections held out.

Each collection's sounds are guessed from those of all others, as the bridge does for files whose names
tell no kind. Of kinds that the guesser knows; other labels are left out and named.
"""

import argparse
import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.labelled import OURS, Table, hear, read_table
from benchmarks.names import SAME
from klustr_bridge.sound.kinds import KIND_CODES, KINDS
from klustr_bridge.study.bootstrap import Estimate, Resampling, estimate

_BIN_EDGES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_LOOP, _UNKNOWN = KIND_CODES["loop"], KIND_CODES["unknown"]

Codes = NDArray[np.uint8]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="holds the labelled files")
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="CSV",
        help="path,label[,collection,kit]; paths below FOLDER or beside the CSV (default: file names say it)",
    )
    parser.add_argument("--out", type=Path, metavar="FILE.png", help="draw the confusion matrix")
    parser.add_argument("--cache", type=Path, metavar="FILE.npz", help="keep what was heard for the next run")


@dataclass(frozen=True, slots=True)
class Bin:
    """Guesses of about the same confidence, and the share of them that are right."""

    n: int
    confidence: float
    right: float


@dataclass(slots=True)
class EarReport:
    """All that was guessed; in `confusion` a row is a true kind, a column what it was called, or silence."""

    settings: dict[str, object]
    shares: dict[str, Estimate]
    reliability: list[Bin]
    kinds: list[str]
    confusion: list[list[int]]
    no_kind: dict[str, int] = field(default_factory=dict)

    def text(self) -> str:
        lines = ["kinds-by-ear: " + ", ".join(f"{name} {value}" for name, value in self.settings.items())]
        lines.append("\n  %, [95 % of collections drawn again]")
        lines += [f"  {name:42}{value.text()}" for name, value in self.shares.items()]
        lines.append("\n  confidence  right    guesses  (all guesses, also those too unsure to be said)")
        lines += [f"  {one.confidence:10.2f}  {one.right:5.2f}  {one.n:9d}" for one in self.reliability]
        columns = [*self.kinds, "silent"]
        lines.append("\n  rows: what it is; columns: what it was called, % of the row")
        lines.append(f"  {'':12}{'sounds':>7}" + "".join(f"{name[:6]:>7}" for name in columns))
        for name, row in zip(self.kinds, self.confusion, strict=True):
            total = max(sum(row), 1)
            cells = "".join(f"{100 * n / total:7.0f}" if n else f"{'.':>7}" for n in row)
            lines.append(f"  {name:12}{sum(row):7d}{cells}")
        for label, n in sorted(self.no_kind.items()):
            lines.append(f"  note: {n} labelled {label!r}, which is no kind to be heard, left out")
        return "\n".join(lines)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"


@dataclass(frozen=True, slots=True)
class Guesses:
    """What each sound is and was called; `forced` and `confidence` are of guesses however unsure."""

    true: Codes
    said: Codes
    forced: Codes
    confidence: NDArray[np.float32]


def run(options: argparse.Namespace) -> EarReport:
    table, rows = hear(read_table(options.folder, options.labels), [OURS], options.cache)
    codes = np.array([KIND_CODES.get(SAME.get(label, label), _UNKNOWN) for label in table.label], np.uint8)
    is_kind = (codes != _UNKNOWN) & (codes != _LOOP)
    no_kind = Counter(table.label[~is_kind].tolist())
    table, codes = table.keep(is_kind), codes[is_kind]
    collections = np.unique(table.collection)
    if len(collections) < 2:
        raise SystemExit("kinds by ear need sounds of two collections at least: a column, or folders")
    guesses = guess_held_out(rows[OURS][is_kind].astype(np.float32), codes, table.collection)
    kinds = [KINDS[code] for code in np.unique(np.concatenate([codes, guesses.said])) if code != _UNKNOWN]
    report = EarReport(
        {"folder": options.folder.name, "sounds": len(codes), "collections": len(collections)},
        _shares(table, guesses),
        _reliability(guesses),
        kinds,
        _confusion(guesses, kinds),
        dict(no_kind),
    )
    if options.out is not None:
        draw(report, options.out)
    return report


def guess_held_out(embedding: NDArray[np.float32], codes: Codes, group: NDArray[np.str_]) -> Guesses:
    """Guess the sounds of each group from those of all others."""
    from klustr_bridge.layout.kinds import KindGuesser

    said, forced = np.zeros_like(codes), np.zeros_like(codes)
    confidence = np.zeros(len(codes), np.float32)
    for name in np.unique(group):
        own = group == name
        guesser = KindGuesser(embedding[~own], codes[~own])
        said[own], _ = guesser.guess(embedding[own])
        forced[own], confidence[own] = guesser.guess(embedding[own], least_confidence=0.0)
    return Guesses(codes, said, forced, confidence)


def _shares(table: Table, guesses: Guesses) -> dict[str, Estimate]:
    kinds = np.array([KINDS[code] for code in guesses.true])
    everywhere = Resampling(table.collection, kinds)
    is_said = guesses.said != _UNKNOWN
    right = (guesses.said == guesses.true).astype(float)
    forced = (guesses.forced == guesses.true).astype(float)
    found = {"silent": estimate(everywhere.over_sounds((~is_said).astype(float)))}
    if is_said.any():
        of_said = Resampling(table.collection[is_said], kinds[is_said])
        found["right, of those said"] = estimate(of_said.over_sounds(right[is_said]))
        found["right, of those said, over kinds"] = estimate(of_said.over_labels(right[is_said]))
    found["said and right, of all"] = estimate(everywhere.over_sounds(right))
    found["right if it had to say, of all"] = estimate(everywhere.over_sounds(forced))
    found["right if it had to say, over kinds"] = estimate(everywhere.over_labels(forced))
    return found


def _reliability(guesses: Guesses) -> list[Bin]:
    is_guess = guesses.forced != _UNKNOWN
    which = np.digitize(guesses.confidence, _BIN_EDGES)
    bins = []
    for at in range(len(_BIN_EDGES) + 1):
        inside = is_guess & (which == at)
        if inside.any():
            right = float(np.mean(guesses.forced[inside] == guesses.true[inside]))
            bins.append(Bin(int(inside.sum()), float(guesses.confidence[inside].mean()), right))
    return bins


def _confusion(guesses: Guesses, kinds: list[str]) -> list[list[int]]:
    columns = [*(KIND_CODES[kind] for kind in kinds), _UNKNOWN]
    counted = Counter(zip(guesses.true.tolist(), guesses.said.tolist(), strict=True))
    return [[counted[KIND_CODES[kind], column] for column in columns] for kind in kinds]


def draw(report: EarReport, out: Path) -> None:
    """Draw the confusion matrix: a row is a true kind, its cells are shares of it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    counts = np.array(report.confusion, float)
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [name.replace("_", " ") for name in report.kinds]
    n_rows, n_columns = shares.shape
    figure = Figure(figsize=(2.4 + 0.5 * n_columns, 2.2 + 0.44 * n_rows), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    axes.axvline(n_columns - 1.5, color="black", linewidth=0.8)
    axes.set_xticks(range(n_columns), [*names, "(silent)"], rotation=60, ha="right", rotation_mode="anchor")
    totals = counts.sum(axis=1).astype(int)
    axes.set_yticks(range(n_rows), [f"{name} ({n})" for name, n in zip(names, totals, strict=True)])
    for row, column in zip(*np.nonzero(shares >= 0.5), strict=True):
        colour = "white" if shares[row, column] > 55 else "black"
        text = f"{shares[row, column]:.0f}"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    axes.set_xlabel("called")
    axes.set_ylabel("what it is (sounds)")
    axes.set_title("Kinds by ear alone, each collection guessed from the others; % of each row", fontsize=10)
    FigureCanvasAgg(figure).print_png(out)
