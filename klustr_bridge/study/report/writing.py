"""Writes the report: a page, pictures and tables into one folder, each file whole or not at all.

Owns the names of the files and the columns of the tables of numbers.
"""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from klustr_bridge.errors import StudyError
from klustr_bridge.study.published import INITIALISATIONS
from klustr_bridge.study.report.page import page_of
from klustr_bridge.study.report.pictures import Painter, best_figure, picture_bytes, sheet_figure
from klustr_bridge.study.report.words import feature_title
from klustr_bridge.study.results import SCORES, StudyResult

Cell = str | int | float | None


def write_report(result: StudyResult, out: Path) -> Path:
    """Write the report of a study into a folder.

    Files of an earlier report are replaced, others are left alone: ``index.html``, which needs none of the
    others; ``best.png`` and ``best.svg``, the best map; ``maps.png``, the best map of each features and
    family; ``maps.csv`` and ``features.csv``, all numbers; ``positions.csv``, the places of the best map. The
    same result gives the same bytes.

    Parameters
    ----------
    result : StudyResult
        Of at least one map.
    out : Path
        The folder; made where it is missing.

    Returns
    -------
    Path
        Of ``index.html``.

    Raises
    ------
    StudyError
        If there is no map, or the folder can't be written.
    """
    if not result.maps:
        raise StudyError("a study of 0 maps has nothing to report; at least 1 is needed: make the study anew")
    painter = Painter(result)
    best = best_figure(result)
    contents = {
        "features.csv": _features_csv(result),
        "maps.csv": _maps_csv(result),
        "positions.csv": _positions_csv(result),
        "best.png": picture_bytes(best, "png"),
        "best.svg": picture_bytes(best, "svg"),
        "maps.png": picture_bytes(sheet_figure(result, painter), "png"),
        "index.html": page_of(result, painter).encode("utf-8"),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            aside = out / f".{name}.part"
            aside.write_bytes(content)
            os.replace(aside, out / name)
    except OSError as error:
        raise StudyError(
            f"the report can't be written to {out}: {error.strerror or error}; name another folder with --out"
        ) from error
    return out / "index.html"


def _maps_csv(result: StudyResult) -> bytes:
    head = ["rank", "features", "features_title", "family", "title", "parameters", "seconds", *SCORES]
    head += ["share_low", "share_high", "share_classes_low", "share_classes_high"]
    head += ["behind", "behind_low", "behind_high", "is_as_good"]
    rows: list[list[Cell]] = [
        [
            rank,
            one.features,
            feature_title(result, one.features),
            one.family,
            one.title,
            ";".join(f"{name}={value!r}" for name, value in one.parameters.items()),
            one.seconds,
            *(one.scores.get(name) for name in SCORES),
            one.share.low,
            one.share.high,
            one.share_classes.low,
            one.share_classes.high,
            one.behind.value,
            one.behind.low,
            one.behind.high,
            int(one.is_as_good),
        ]
        for rank, one in enumerate(result.maps, 1)
    ]
    return _csv(head, rows)


def _features_csv(result: StudyResult) -> bytes:
    head = ["features", "title", "n_dimensions", "seconds"]
    for name in INITIALISATIONS:
        head += [f"kmeans_silhouette_{name}", f"kmeans_v_measure_{name}"]
    head += ["share", "share_low", "share_high", "share_classes", "share_classes_low", "share_classes_high"]
    rows: list[list[Cell]] = []
    for one in result.features:
        cells: list[Cell] = [one.name, one.title, one.n_dimensions, one.seconds]
        for name in INITIALISATIONS:
            cells += one.kmeans.get(name, (None, None))
        for each in (one.share, one.share_classes):
            cells += [each.value, each.low, each.high]
        rows.append(cells)
    return _csv(head, rows)


def _positions_csv(result: StudyResult) -> bytes:
    places = result.maps[0].xy.tolist()
    names: list[Cell] = [*result.paths] or [*range(len(places))]
    rows: list[list[Cell]] = [
        [path, label, pack, x, y]
        for path, label, pack, (x, y) in zip(
            names,
            result.labels.tolist(),
            result.packs.tolist(),
            places,
            strict=True,
        )
    ]
    return _csv(["path", "class", "pack", "x", "y"], rows)


def _csv(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A table with all digits; empty where there is no number."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    # a number that isn't equal to itself is NaN: there is none
    writer.writerows(["" if cell is None or cell != cell else cell for cell in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")
