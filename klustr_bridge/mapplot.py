"""Draws the map of sounds as a picture, coloured by kind, and reads labels for it.

This module owns the picture: points, halos, legend. It is a leaf: only the command line imports it. It must
not touch a library, nor matplotlib's global state (pyplot).
"""

import csv
import io
import os
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import LibraryError
from klustr_bridge.kind_looks import UNKNOWN, Look, looks_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")

_BACKGROUND, _GROUND, _BORDER = "#0d0f14", "#13161d", "#262b36"
_TEXT, _FAINT = "#e8eaf0", "#8a91a0"
_DPI = 96  # what browsers take a CSS pixel for, so that a PNG and an SVG come out equally large
_RASTER_FROM = 3_000  # points; an SVG with more is slow in browsers, so they become one image in it
_HALO_UNTIL = 10_000  # points; beyond, the crowd itself glows


def draw_map(
    xy: NDArray[np.floating],
    kinds: Sequence[str],
    out: Path,
    *,
    title: str = "",
    labels: Sequence[str] | None = None,
    size_px: tuple[int, int] = (1600, 1200),
) -> None:
    """Draw the map, one point a sound, coloured by kind, with a legend that counts them.

    Parameters
    ----------
    xy : ndarray of float, shape (n, 2)
        Positions 0..1, (0, 0) at the lower left. Rows with NaN (sounds without a place yet)
        are left out.
    kinds : sequence of str, length n
        The kind of each; any name is drawn, ``unknown`` in grey below the others.
    out : Path
        A ``.png`` or ``.svg`` file; written whole or not at all.
    title : str
        Written above the map.
    labels : sequence of str, length n, optional
        Names to colour by in place of `kinds`, as from `read_labels`; "" is drawn as unknown.
    size_px : tuple of int
        Width and height, pixels, each at least 200.

    Raises
    ------
    LibraryError
        If `out` has another suffix or can't be written.
    ValueError
        If the lengths differ or `size_px` is too small.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise LibraryError(f"a map can't be drawn as {out.name!r}; name a file that ends in .png or .svg")
    names = [name or UNKNOWN for name in (kinds if labels is None else labels)]
    points = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    if points.shape[0] != len(names) or min(size_px) < 200:
        raise ValueError(f"{points.shape[0]} points, {len(names)} names, {size_px} pixels")
    placed = np.isfinite(points).all(axis=1)
    shown = np.array(names, dtype=object)[placed]
    figure = _draw(points[placed], shown, int((~placed).sum()), title, size_px)
    _save(figure, out)


def _draw(
    xy: NDArray[np.float64],
    names: NDArray[np.object_],
    n_unplaced: int,
    title: str,
    size_px: tuple[int, int],
) -> "Figure":
    from matplotlib.figure import Figure  # heavy, and only wanted here

    width, height = size_px
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor=_BACKGROUND)
    counts = Counter(names.tolist())
    order = sorted(counts, key=lambda name: (name == UNKNOWN, -counts[name], name))
    looks = looks_of(order)
    unit = min(width, height) / 1200
    margin, header, line = 36 * unit, 84 * unit, 33 * unit
    if width >= height:
        side = min(width - 2 * margin - 290 * unit, height - header - margin)
        left, top = (width - side - 290 * unit) / 2, header
        box = (left + side + 34 * unit, top, 242 * unit, side)
    else:
        below = min(0.3 * height, line * -(-len(order) // _columns(width - 2 * margin, unit)))
        side = min(width - 2 * margin, height - header - below - 2 * margin)
        left, top = (width - side) / 2, header + (height - header - side - below - 2 * margin) / 2
        box = (left, top + side + 24 * unit, side, below)

    axes = figure.add_axes((left / width, 1 - (top + side) / height, side / width, side / height))
    axes.set(xlim=(-0.015, 1.015), ylim=(-0.015, 1.015), xticks=[], yticks=[], facecolor=_GROUND)
    for spine in axes.spines.values():
        spine.set(color=_BORDER, linewidth=1.2 * unit, zorder=0.5)
    _scatter(axes, xy, names, order, looks, side)

    page = figure.add_axes((0, 0, 1, 1), facecolor="none")
    page.set(xlim=(0, width), ylim=(height, 0))
    page.axis("off")
    if not xy.shape[0]:
        _write(page, left + side / 2, top + side / 2, "no sounds on the map yet", 26 * unit, _FAINT, "center")
    base = top - 32 * unit
    _write(page, left, base, title, 27 * unit, _TEXT, "left", "bold")
    note = f"{xy.shape[0]:,} sounds" if xy.shape[0] != 1 else "1 sound"
    note += f", {n_unplaced:,} not placed yet" if n_unplaced else ""
    _write(page, left + side, base, note, 19 * unit, _FAINT, "right")
    _legend(page, [(name, looks[name], counts[name]) for name in order], box, unit)
    return figure


def _scatter(
    axes: "Axes",
    xy: NDArray[np.float64],
    names: NDArray[np.object_],
    order: Sequence[str],
    looks: dict[str, Look],
    side_px: float,
) -> None:
    """Draw the points: the most frequent kinds first, so that the rare ones stay visible."""
    n = xy.shape[0]
    if not n:
        return
    diameter_px = float(np.clip(0.30 * side_px / np.sqrt(n), 2.3 * side_px / 1080, 15 * side_px / 1080))
    area = (diameter_px * 72 / _DPI) ** 2  # matplotlib counts markers in points squared
    crowd = float(np.clip((np.log10(n) - 3) / 2, 0, 1))  # 0 up to 1,000 sounds, 1 from 100,000
    rows = {name: np.flatnonzero(names == name) for name in order}
    sequence = sorted(order, key=lambda name: (name != UNKNOWN, -rows[name].shape[0]))
    raster = n > _RASTER_FROM
    for depth, name in enumerate(sequence):
        at, look = xy[rows[name]], looks[name]
        marker = look.marker if diameter_px > 3.5 else "o"  # below that, shapes are only dimmer dots
        dim = 0.75 if name == UNKNOWN else 1.0
        if n <= _HALO_UNTIL and name != UNKNOWN:
            # A soft halo lets neighbourhoods of one kind glow as a patch.
            for scale in (48, 30, 18, 10, 5):
                axes.scatter(
                    at[:, 0],
                    at[:, 1],
                    s=area * scale,
                    c=look.colour,
                    alpha=0.016 * (1 - 0.6 * crowd),
                    linewidths=0,
                    zorder=1,
                    rasterized=n > _RASTER_FROM // 6,
                )
        axes.scatter(
            at[:, 0],
            at[:, 1],
            s=area * (1.0 if marker in "os" else 1.25),
            c=look.colour,
            marker=marker,
            alpha=dim * (0.95 - 0.3 * crowd),
            linewidths=0.6 if diameter_px > 6 else 0,
            edgecolors=_GROUND,
            # Nothing else is drawn in between: in an SVG, pixels that follow pixels share one image.
            zorder=1.1 + 0.3 * depth / len(sequence),
            rasterized=raster,
        )


def _columns(width: float, unit: float) -> int:
    return max(1, round(width / (250 * unit)))


def _legend(
    page: "Axes",
    entries: Sequence[tuple[str, Look, int]],
    box: tuple[float, float, float, float],
    unit: float,
) -> None:
    """Write marker, name and count of each kind into a box (left, top, width, height in pixels)."""
    left, top, width, height = box
    columns = _columns(width, unit)
    line = 33 * unit
    room = max(1, round(height / line)) * columns
    if len(entries) > room:
        rest = entries[room - 1 :]
        more = (f"{len(rest)} more names", Look(_BACKGROUND, "o"), sum(count for _, _, count in rest))
        entries = [*entries[: room - 1], more]
    rows = -(-len(entries) // columns)
    gap = 30 * unit if columns > 1 else 0.0
    cell = (width - gap * (columns - 1)) / columns
    for i, (name, look, count) in enumerate(entries):
        x, y = left + (i // rows) * (cell + gap), top + (i % rows + 0.5) * line
        area = (14 * unit * 72 / _DPI) ** 2
        page.scatter([x + 8 * unit], [y], s=area, c=look.colour, marker=look.marker, linewidths=0)
        text = name.replace("_", " ")
        text = text if len(text) <= 18 else text[:17] + "…"
        _write(page, x + 28 * unit, y, text, 19 * unit, _TEXT, "left")
        _write(page, x + cell, y, f"{count:,}", 19 * unit, _FAINT, "right")


def _write(
    page: "Axes",
    x: float,
    y: float,
    text: str,
    size_px: float,
    colour: str,
    align: str,
    weight: str = "normal",
) -> None:
    clean = text.encode("utf-8", "replace").decode()
    page.text(
        x, y, clean, fontsize=size_px * 72 / _DPI, color=colour, ha=align, va="center_baseline",
        fontweight=weight, family="DejaVu Sans", parse_math=False,
    )  # fmt: skip


def _save(figure: "Figure", out: Path) -> None:
    """Render and put the picture in place whole."""
    import matplotlib

    picture = io.BytesIO()
    suffix = out.suffix.lower()[1:]
    # Fixed identifiers and no date: the same map gives the same file.
    with matplotlib.rc_context({"svg.hashsalt": "klustr"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(
            picture,
            format=suffix,
            dpi=_DPI if suffix == "png" else 1.5 * _DPI,
            facecolor=_BACKGROUND,
            metadata={"Date": None} if suffix == "svg" else None,
        )
    aside = out.with_name(f".{out.name}.part")
    try:
        aside.write_bytes(picture.getvalue())
        os.replace(aside, out)
    except OSError as error:
        raise LibraryError(
            f"the map can't be written to {out}: {error.strerror or error}; name a folder that can be written"
        ) from error


def read_labels(table: Path) -> dict[str, str]:
    """Read which label each file has from a CSV with the columns ``path`` and ``label``.

    Parameters
    ----------
    table : Path
        UTF-8, with a header; further columns are ignored. A path is absolute, or relative to the
        table's folder, or to a folder beside the table that has its name (``drums.csv`` ->
        ``drums/``).

    Returns
    -------
    dict of str to str
        Absolute path, as text, to label. Rows without a path or a label are left out. A file
        that doesn't exist keeps the table's folder as its base.

    Raises
    ------
    LibraryError
        If the table can't be read or lacks a column.
    """
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = columns
            missing = [f"'{name}'" for name in ("path", "label") if name not in columns]
            if missing:
                raise LibraryError(
                    f"{table} has no column {' and no column '.join(missing)}; its first line must name the "
                    f"columns path and label; found: {', '.join(columns) or 'nothing'}"
                )
            rows = [((row["path"] or "").strip(), (row["label"] or "").strip()) for row in reader]
    except OSError as error:
        raise LibraryError(
            f"the labels in {table} can't be read: {error.strerror or error}; name a CSV file"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise LibraryError(f"{table} isn't a CSV file in UTF-8: {error}; save it as one") from error
    home = Path(os.path.abspath(table)).parent
    beside = home / table.stem
    labels = {}
    for path, label in rows:
        if path and label:
            inside = beside / path
            labels[str(inside if inside.exists() else home / path)] = label
    return labels
