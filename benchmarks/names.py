"""How often the names of files and folders tell the right kind, on any labelled list of paths.

Per kind the share told right, told wrong and not told at all. No file is opened: names are all it reads.
"""

import argparse
import csv
import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from klustr_bridge.sound.kinds import KINDS, kind_of_path

SAME = {"conga_bongo": "conga", "perc_other": "perc"}
"""Labels of other lists that mean one of our kinds."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "csv", type=Path, metavar="CSV", help="with the columns path and label (a .tsv: without a head)"
    )
    parser.add_argument(
        "--root", type=Path, metavar="FOLDER", help="paths are below it; its own name counts last"
    )
    parser.add_argument("--mistakes", action="store_true", help="also print every path not told right")


@dataclass(frozen=True, slots=True)
class Told:
    """What the name of one path told."""

    path: str
    label: str
    kind: str
    source: str


@dataclass(slots=True)
class Shares:
    """How the sounds of one kind were told; shares of all of them."""

    kind: str
    n: int
    right: float
    wrong: float
    silent: float


@dataclass(slots=True)
class NamesReport:
    """All that was told, per kind and over all; labels that are no kind of ours stand apart."""

    settings: dict[str, object]
    rows: list[Shares] = field(default_factory=list)
    no_kind: dict[str, int] = field(default_factory=dict)
    sources: dict[str, int] = field(default_factory=dict)
    mistakes: list[Told] = field(default_factory=list)
    print_mistakes: bool = False

    def text(self) -> str:
        lines = ["names: " + ", ".join(f"{name} {value}" for name, value in self.settings.items())]
        lines.append(f"\n  {'':12}  {'sounds':>6}  {'right':>6}  {'wrong':>6}  {'silent':>6}")
        lines += [
            f"  {row.kind:12}  {row.n:6d}  {row.right:6.1%}  {row.wrong:6.1%}  {row.silent:6.1%}"
            for row in self.rows
        ]
        told = ", ".join(f"{n} by the {source}" for source, n in sorted(self.sources.items()) if source)
        lines.append(f"  told: {told or 'none'}")
        lines += [
            f"  note: {n} labelled {label!r}, which is no kind, left out"
            for label, n in sorted(self.no_kind.items())
        ]
        if self.print_mistakes:
            lines += [f"  {one.label} told as {one.kind}: {one.path}" for one in self.mistakes]
        return "\n".join(lines)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"


def run(options: argparse.Namespace) -> NamesReport:
    report = NamesReport({"list": options.csv, "root": options.root}, print_mistakes=options.mistakes)
    report.settings = {name: str(value) for name, value in report.settings.items() if value is not None}
    told = list(tell(read(options.csv), options.root))
    report.no_kind = dict(Counter(one.label for one in told if one.label not in KINDS))
    told = [one for one in told if one.label in KINDS]
    report.rows = [shares(kind, [one for one in told if one.label == kind]) for kind in KINDS]
    report.rows = [row for row in report.rows if row.n] + [shares("all", told)]
    report.sources = dict(Counter(one.source for one in told))
    report.mistakes = [one for one in told if one.kind != one.label]
    return report


def read(path: Path) -> list[tuple[str, str]]:
    """Paths and labels of a CSV with a head, or of a TSV of those two columns alone."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        if path.suffix == ".tsv":
            return [(line[0], line[1]) for line in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
        rows = csv.DictReader(file)
        if not {"path", "label"} <= set(rows.fieldnames or ()):
            raise SystemExit(f"{path} needs the columns path and label; found: {rows.fieldnames}")
        return [(row["path"], row["label"]) for row in rows]


def tell(labelled: Iterable[tuple[str, str]], root: Path | None) -> Iterable[Told]:
    folder = None if root is None else os.fsencode(os.path.abspath(root))
    for path, label in labelled:
        whole = os.fsencode(path) if folder is None else os.path.join(folder, os.fsencode(path))
        kind, source = kind_of_path(whole, folder)
        yield Told(path, SAME.get(label, label), kind, source)


def shares(kind: str, told: list[Told]) -> Shares:
    """Right includes names that say nothing where the label says ``unknown``."""
    n = max(len(told), 1)
    right = sum(one.kind == one.label for one in told)
    silent = sum(one.kind == "unknown" != one.label for one in told)
    return Shares(kind, len(told), right / n, (len(told) - right - silent) / n, silent / n)
