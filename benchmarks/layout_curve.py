"""Quality against time of the settings that the map could have: t-SNE's, UMAP's, and PaCMAP."""

import argparse
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks.common import machine
from benchmarks.labelled import Numbers, Table
from benchmarks.layout_judging import Judge, Judged
from benchmarks.layout_ways import SEED
from klustr_bridge.layout import engines, tsne_fit
from klustr_bridge.types import Float32Array

PERPLEXITIES = (15, 30, 50, 80)
STEPS = ((30, 60), (60, 120), (120, 240), (250, 500))
TAILS = (1.0, 0.7, 0.5)
UMAP_EPOCHS = (50, 200, 500)
PCA = "pca as it is"


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to run an engine; `family` is drawn as one line."""

    title: str
    family: str
    make: Callable[[Float32Array], Numbers]


@dataclass(frozen=True, slots=True)
class Point:
    """What came of a setting."""

    title: str
    family: str
    judged: Judged
    elapsed_s: float


@dataclass(slots=True)
class CurveReport:
    """A line for each setting; times are of one run in a process that has everything loaded."""

    settings: dict[str, object]
    points: list[Point] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    machine: dict[str, str] = field(default_factory=machine)

    def text(self) -> str:
        lines = ["layout --curve: " + ", ".join(f"{name} {value}" for name, value in self.settings.items())]
        lines += [f"  {name}: {value}" for name, value in self.machine.items()]
        k = self.settings["k"]
        lines.append(f"\n  P@{k} in %, none of a sound's own collection [95 % of collections drawn again]")
        heads = f"{'sounds':>21}{'classes':>21}" + "".join(
            f"{head:>9}" for head in ("trust", "contin", "neighb")
        )
        lines.append(f"  {'':40}{heads}{'s':>9}{'x default':>11}")
        default_s = self.points[0].elapsed_s
        for point in self.points:
            one = point.judged
            numbers = "".join(
                f"{value:9.4f}" for value in (one.trustworthiness, one.continuity, one.neighbour_share)
            )
            times = f"{point.elapsed_s:9.2f}{point.elapsed_s / default_s:11.2f}"
            lines.append(f"  {point.title:40}{one.sounds.text():>21}{one.classes.text():>21}{numbers}{times}")
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"


def run_curve(options: argparse.Namespace, table: Table, features: Numbers) -> CurveReport:
    points = features.astype(np.float32)
    judge = Judge(table, options.k)
    settings = {"from": options.source.name, "sounds": len(points), "k": options.k}
    report = CurveReport(settings)
    if importlib.util.find_spec("pacmap") is None:
        report.notes.append("PaCMAP isn't installed and was left out: pip install pacmap")
    warmed: set[str] = set()
    for setting in _all_settings():
        print(f"making {setting.title}", file=sys.stderr, flush=True)
        if setting.family not in warmed:
            setting.make(points[:500])  # imports and compilers
            warmed.add(setting.family)
        begun = time.perf_counter()
        xy = setting.make(points).astype(np.float32)
        elapsed_s = time.perf_counter() - begun
        report.points.append(Point(setting.title, setting.family, judge.judge(features, xy), elapsed_s))
    draw(report, options.curve)
    return report


def _all_settings() -> Iterator[Setting]:
    usual = (tsne_fit.PERPLEXITY, (tsne_fit.EXAGGERATED_STEPS, tsne_fit.STEPS), tsne_fit.TAIL)
    yield tsne("t-SNE as it is", *usual)
    for perplexity in PERPLEXITIES:
        yield tsne("t-SNE, perplexity", perplexity, *usual[1:])
    for steps in STEPS:
        yield tsne("t-SNE, steps", usual[0], steps, usual[2])
    for tail in TAILS:
        yield tsne("t-SNE, degrees of freedom", *usual[:2], tail)
    for epochs in UMAP_EPOCHS:
        yield Setting(f"umap-learn, {epochs} epochs", "umap-learn, epochs", _umap(epochs))
    for method in ("umap", "umap-direct"):
        yield Setting(f"{method} as it is", f"{method} as it is", engine(method))
    yield Setting(PCA, PCA, engine("pca"))
    if importlib.util.find_spec("pacmap") is not None:
        yield Setting("PaCMAP", "PaCMAP", _pacmap)


def tsne(family: str, perplexity: int, steps: tuple[int, int], tail: float) -> Setting:
    """The t-SNE of the map with other numbers."""

    def make(points: Float32Array) -> Numbers:
        changed = {"EXAGGERATED_STEPS": steps[0], "STEPS": steps[1], "TAIL": tail, "PERPLEXITY": perplexity}
        # its neighbours depend on the perplexity, too
        with patch.multiple(tsne_fit, **changed), patch.object(engines, "PERPLEXITY", perplexity):
            return engine("tsne")(points)

    title = f"t-SNE {perplexity}, {steps[0]} + {steps[1]} steps, {tail:g} degrees"
    return Setting(title, family, make)


def engine(method: str) -> Callable[[Float32Array], Numbers]:
    """An engine as the map uses it, from nothing."""

    def make(points: Float32Array) -> Numbers:
        nowhere = np.full((len(points), 2), np.nan, dtype=np.float32)
        return engines.raw_positions(method, points, nowhere, SEED)

    return make


def _umap(epochs: int) -> Callable[[Float32Array], Numbers]:
    def make(points: Float32Array) -> Numbers:
        import umap

        return np.asarray(umap.UMAP(n_epochs=epochs).fit_transform(points))

    return make


def _pacmap(points: Float32Array) -> Numbers:
    import pacmap

    return np.asarray(pacmap.PaCMAP(random_state=SEED).fit_transform(points))


def draw(report: CurveReport, out: Path) -> None:
    """Draw P@k over classes against time, one line for what is changed in one engine.

    PCA is left out: hundreds of times as fast and far below, it would leave no room for the others.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots()
    for family in dict.fromkeys(point.family for point in report.points if point.family != PCA):
        ours = [point for point in report.points if point.family == family]
        times = [point.elapsed_s for point in ours]
        shares = [100 * point.judged.classes.value for point in ours]
        marker = "*" if family == report.points[0].family else "o"
        axes.plot(times, shares, marker=marker, markersize=14 if marker == "*" else 6, label=family)
    own = 100 * report.points[0].judged.own_classes.value
    axes.axhline(own, color="grey", linestyle=":", label="in the embedding itself")
    axes.set_xscale("log")
    axes.set_xlabel("seconds, once loaded")
    axes.set_ylabel(f"P@{report.settings['k']} on the map over classes, %")
    axes.set_title(f"Maps of {report.settings['sounds']} sounds, own collection left out", fontsize=10)
    axes.legend(fontsize=8)
    FigureCanvasAgg(figure).print_png(out)
