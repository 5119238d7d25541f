"""Whether like sounds lie close: ours against klustr's feature sets, over kits and collections.

For each labelled sound, the share of the k nearest that bear its label (P@k), once in the space of the
features and once on the map that the bridge fits to them. Neighbours of the sound's own collection, or
kit, aren't counted: they sound alike because they were recorded together.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.labelled import FEATURE_SETS, OURS, Numbers, Table, hear, read_table
from klustr_bridge.study.bootstrap import Estimate, Resampling, estimate
from klustr_bridge.study.scores import neighbour_precision

NO_DRUMS = frozenset({"fx", "synth", "vocal", "bass", "perc", "perc_other", "loop", "other", "unknown"})
LEAST_SOUNDS = 20
SPACES = ("in sound", "on the map")
GROUPS = ("collection", "kit")
_SEED = 1


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="holds the labelled files")
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="CSV",
        help="path,label[,collection,kit]; paths below FOLDER or beside the CSV (default: file names say it)",
    )
    parser.add_argument(
        "--classes",
        metavar="LABEL,LABEL",
        help="only these (default: all with 20 sounds of two collections; then the drums among them)",
    )
    parser.add_argument("-k", type=int, default=10, help="neighbours looked at (default: 10)")
    parser.add_argument("--cache", type=Path, metavar="FILE.npz", help="keep what was heard for the next run")


@dataclass(frozen=True, slots=True)
class Line:
    """P@k of one feature set in one space, over sounds and over classes; how far ours is ahead, paired."""

    features: str
    space: str
    without: str
    sounds: Estimate
    classes: Estimate
    ours_ahead_sounds: Estimate
    ours_ahead_classes: Estimate


@dataclass(frozen=True, slots=True)
class Section:
    """The lines about one choice of labels."""

    title: str
    n_sounds: int
    n_asked: dict[str, int]
    lines: list[Line]


@dataclass(slots=True)
class QualityReport:
    """A table for each choice of labels."""

    settings: dict[str, object]
    sections: list[Section] = field(default_factory=list)

    def text(self) -> str:
        lines = ["quality: " + ", ".join(f"{name} {value}" for name, value in self.settings.items())]
        for section in self.sections:
            lines += ["", f"  {section.title}: {section.n_sounds} sounds; P@k in %, [95 % of resamples]"]
            for without in GROUPS:
                lines += _block(section, without)
        return "\n".join(lines)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"


def _block(section: Section, without: str) -> Iterator[str]:
    yield f"\n  none of its own {without} ({section.n_asked[without]} sounds asked)"
    if not section.n_asked[without]:
        return
    heads = ("over sounds", "over classes", "ours ahead, sounds", "ours ahead, classes")
    yield f"  {'':44}" + "".join(f"{head:>21}" for head in heads)
    for line in section.lines:
        if line.without != without:
            continue
        shown = [line.sounds.text(), line.classes.text()]
        if line.features != FEATURE_SETS[-1].title:
            shown += [line.ours_ahead_sounds.text(), line.ours_ahead_classes.text()]
        yield f"  {line.features:32}{line.space:12}" + "".join(f"{cell:>21}" for cell in shown)


def run(options: argparse.Namespace) -> QualityReport:
    from klustr_bridge.sound.embedding import ANALYSIS_VERSION

    if options.k < 1:
        raise SystemExit(f"-k is {options.k}; allowed is 1 or more")
    table = read_table(options.folder, options.labels)
    table, rows = hear(table, [one.name for one in FEATURE_SETS], options.cache)
    sections = dict(choices(table, options.classes))
    is_used = np.isin(table.label, sorted(frozenset().union(*sections.values())))
    table = table.keep(is_used)
    points = {one.name: one.finish(rows[one.name][is_used]) for one in FEATURE_SETS}
    spaces = {SPACES[0]: points, SPACES[1]: {name: _map(found) for name, found in points.items()}}
    settings = {"folder": options.folder.name, "k": options.k, "analysis version": ANALYSIS_VERSION}
    report = QualityReport(settings)
    for title, labels in sections.items():
        report.sections.append(
            _section(title, table, np.isin(table.label, sorted(labels)), spaces, options.k)
        )
    return report


def choices(table: Table, classes: str | None) -> Iterator[tuple[str, frozenset[str]]]:
    """Titles, and labels looked at; all that are left out are neither asked nor counted."""
    known = frozenset(table.label.tolist())
    if classes is not None:
        chosen = frozenset(classes.split(","))
        if chosen - known:
            missing, there = sorted(chosen - known), ", ".join(sorted(known))
            raise SystemExit(f"no sound is labelled {', '.join(missing)}; labels: {there}")
        yield f"{len(chosen)} classes ({', '.join(sorted(chosen))})", chosen
        return
    usual = frozenset(label for label in known if _is_usual(table, label))
    if not usual:
        raise SystemExit(
            f"no label has {LEAST_SOUNDS} sounds of two collections; name some with --classes LABEL,LABEL"
        )
    yield f"all {len(usual)} classes ({', '.join(sorted(usual))})", usual
    drums = usual - NO_DRUMS
    if drums and drums != usual:
        yield f"{len(drums)} drum classes ({', '.join(sorted(drums))})", drums


def _is_usual(table: Table, label: str) -> bool:
    of_label = table.label == label
    return bool(of_label.sum() >= LEAST_SOUNDS and len(np.unique(table.collection[of_label])) >= 2)


def _map(points: Numbers) -> Numbers:
    from klustr_bridge.layout.fit import fit_layout

    return fit_layout(points.astype(np.float32), seed=_SEED).xy.astype(np.float64)


def _section(
    title: str, table: Table, chosen: NDArray[np.bool_], spaces: dict[str, dict[str, Numbers]], k: int
) -> Section:
    labelled = table.keep(chosen)
    lines: list[Line] = []
    n_asked: dict[str, int] = {}
    for without in GROUPS:
        group = labelled.collection if without == "collection" else labelled.kit
        for space, points in spaces.items():
            found = {
                name: neighbour_precision(points[name][chosen], labelled.label, group, k) for name in points
            }
            asked = np.isfinite(found[OURS])
            n_asked[without] = int(asked.sum())
            if not asked.any():
                continue
            resampling = Resampling(group[asked], labelled.label[asked])
            lines += _lines(resampling, {name: share[asked] for name, share in found.items()}, space, without)
    if not lines:
        raise SystemExit(f"no sound has {k} others outside of its kit; name a smaller -k")
    return Section(title, len(labelled.path), n_asked, lines)


def _lines(resampling: Resampling, found: dict[str, Numbers], space: str, without: str) -> Iterator[Line]:
    sounds = {name: resampling.over_sounds(share) for name, share in found.items()}
    labels = {name: resampling.over_labels(share) for name, share in found.items()}
    for one in FEATURE_SETS:
        yield Line(
            one.title,
            space,
            without,
            estimate(sounds[one.name]),
            estimate(labels[one.name]),
            estimate(sounds[OURS] - sounds[one.name]),
            estimate(labels[OURS] - labels[one.name]),
        )
