"""What a map shows of labelled sounds, and what it costs: ours against klustr's, UMAP, t-SNE and PCA.

Each way to a map runs in a process of its own, one after the other, with all cores: once from nothing, with
imports and whatever is compiled, and once more in the same process.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.common import machine
from benchmarks.klustr_features import components
from benchmarks.labelled import BY_US, Numbers, Table, hear, read_table
from benchmarks.layout_judging import Judge, Judged
from benchmarks.layout_ways import OURS, WAYS, make_map
from benchmarks.quality import choices
from klustr_bridge.study.bootstrap import Estimate, estimate


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", type=Path, metavar="FOLDER_OR_CSV", help="labelled files: a folder, or a list as --labels"
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="CSV",
        help="path,label[,collection,kit]; paths below FOLDER or beside the CSV (default: file names say it)",
    )
    parser.add_argument(
        "--classes",
        metavar="LABEL,LABEL",
        help="only these (default: the drums that have 20 sounds of two collections)",
    )
    parser.add_argument("-k", type=int, default=10, help="neighbours looked at (default: 10)")
    parser.add_argument("--cache", type=Path, metavar="FILE.npz", help="keep what was heard for the next run")
    parser.add_argument("--ways", metavar="WAY,WAY", help=f"only these: {', '.join(WAYS)}")
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument(
        "--curve", type=Path, metavar="FILE.png", help="instead: quality against time of other settings"
    )
    parts.add_argument(
        "--growth", action="store_true", help="instead: sounds added to a map, and the next map after it"
    )
    parser.add_argument(
        "--added",
        type=int,
        default=1_000,
        help="of the sounds so many are added (at most a quarter; --growth)",
    )
    parser.add_argument(
        "--draws", type=int, default=6, help="so many times others are added (default: 6; --growth)"
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One way to a map; how far ours is ahead is paired."""

    way: str
    judged: Judged
    ours_ahead_sounds: Estimate | None
    ours_ahead_classes: Estimate | None
    warm_s: float
    cold_s: float


@dataclass(slots=True)
class LayoutReport:
    """A line for each way, ours first."""

    settings: dict[str, object]
    lines: list[Line] = field(default_factory=list)
    machine: dict[str, str] = field(default_factory=machine)

    def text(self) -> str:
        lines = ["layout: " + ", ".join(f"{name} {value}" for name, value in self.settings.items())]
        lines += [f"  {name}: {value}" for name, value in self.machine.items()]
        k = self.settings["k"]
        lines += ["", f"  P@{k} in %, none of a sound's own collection [95 % of collections drawn again]"]
        heads = ("map, sounds", "map, classes", "features, sounds", "features, classes")
        lines.append(f"  {'':30}" + "".join(f"{head:>21}" for head in heads))
        for line in self.lines:
            one = line.judged
            cells = (one.sounds, one.classes, one.own_sounds, one.own_classes)
            lines.append(f"  {line.way:30}" + "".join(f"{cell.text():>21}" for cell in cells))
        lines += ["", "  the map against the features it was made from, and the regions of the classes"]
        heads = ("trust", "contin", "neighb", "silhou", "round", "overlap", "(outer)")
        lines.append(f"  {'':30}" + "".join(f"{head:>9}" for head in heads))
        for line in self.lines:
            cells_ = "".join(f"{value:9.3f}" for value in line.judged.numbers().values())
            lines.append(f"  {line.way:30}{cells_}")
        lines += ["", "  time in s, times ours, and how far ours is ahead in P@k"]
        heads = ("warm", "x ours", "cold", "x ours")
        lines.append(
            f"  {'':30}" + "".join(f"{head:>9}" for head in heads) + f"{'sounds':>21}{'classes':>21}"
        )
        ours = next((line for line in self.lines if line.way == WAYS[OURS].title), None)
        for line in self.lines:
            shown = f"  {line.way:30}{line.warm_s:9.2f}{_ratio(line.warm_s, ours and ours.warm_s)}"
            shown += f"{line.cold_s:9.2f}{_ratio(line.cold_s, ours and ours.cold_s)}"
            if line.ours_ahead_sounds is not None and line.ours_ahead_classes is not None:
                shown += f"{line.ours_ahead_sounds.text():>21}{line.ours_ahead_classes.text():>21}"
            lines.append(shown)
        return "\n".join(lines)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"


def _ratio(value: float, ours: float | None) -> str:
    return f"{'':9}" if ours is None else f"{value / ours:9.2f}"


def run(options: argparse.Namespace) -> object:
    if min(options.k, options.added, options.draws) < 1:
        raise SystemExit(
            f"-k is {options.k}, --added {options.added}, --draws {options.draws}; allowed is 1 or more"
        )
    if options.curve is not None:
        from benchmarks.layout_curve import run_curve

        table, features = _sounds(options, ["ours"])
        return run_curve(options, table, features["ours"])
    if options.growth:
        from benchmarks.layout_growth import run_growth

        table, features = _sounds(options, ["ours"], all_classes=True)
        return run_growth(options, table, features["ours"])
    return _compare(options)


def _sounds(
    options: argparse.Namespace, names: list[str], *, all_classes: bool = False
) -> tuple[Table, dict[str, Numbers]]:
    """The chosen sounds and their features, not yet finished; all classes that tell, or the drums."""
    folder, labels = _place(options.source, options.labels)
    table, rows = hear(read_table(folder, labels), names, options.cache)
    _, chosen = list(choices(table, options.classes))[0 if all_classes else -1]
    of_these = [label in chosen for label in table.label.tolist()]
    return table.keep(of_these), {name: rows[name][of_these] for name in names}


def _place(source: Path, labels: Path | None) -> tuple[Path, Path | None]:
    """Folder and list; a list alone is of files beside it, or in a folder of its name."""
    if source.is_dir():
        return source, labels
    if labels is not None or not source.is_file():
        raise SystemExit(f"{source} is no folder; give a folder, or a CSV alone")
    beside = source.with_suffix("")
    return (beside if beside.is_dir() else source.parent), source


def _compare(options: argparse.Namespace) -> LayoutReport:
    names = list(WAYS) if options.ways is None else options.ways.split(",")
    unknown = [name for name in names if name not in WAYS]
    if unknown:
        raise SystemExit(f"no way is called {', '.join(unknown)}; ways: {', '.join(WAYS)}")
    names.sort(key=lambda name: name != OURS)  # ours first, all others as they were named
    table, features = _sounds(options, sorted({WAYS[name].features for name in names}))
    judge = Judge(table, options.k)
    settings = {"from": options.source.name, "sounds": len(table.path), "asked": int(judge.asked.sum())}
    settings |= {"classes": len(set(table.label.tolist())), "k": options.k}
    report = LayoutReport(settings)
    ours: Numbers | None = None
    for name in names:
        print(f"making {WAYS[name].title}", file=sys.stderr, flush=True)
        given = features[WAYS[name].features]
        made = make_map(name, given)
        judged_by = given if WAYS[name].features in BY_US else components(given)
        shares = judge.shares(made.xy.astype(float))
        ahead: tuple[Estimate | None, Estimate | None] = (None, None)
        if name == OURS:
            ours = shares
        elif ours is not None:
            ahead = (
                estimate(judge.over_sounds(ours) - judge.over_sounds(shares)),
                estimate(judge.over_classes(ours) - judge.over_classes(shares)),
            )
        report.lines.append(
            Line(
                WAYS[name].title,
                judge.judge(judged_by, made.xy),
                *ahead,
                made.warm_s,
                made.cold_s,
            )
        )
    return report
