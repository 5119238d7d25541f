"""Pictures of maps: many small ones quickly, one large one, and a sheet of the best.

Owns what a map looks like in a report: one dot a sound, coloured by class, on a dark ground in any colour
scheme, since the colours are made for that. It must not touch matplotlib's global state (pyplot).
"""

import io
import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from klustr_bridge.kind_looks import KIND_LOOKS, Look, looks_of
from klustr_bridge.study.report.markup import clean
from klustr_bridge.study.report.words import (
    families_of,
    family_title,
    feature_title,
    in_percent,
    map_title,
    parameters_text,
)
from klustr_bridge.study.results import StudyResult
from klustr_bridge.types import Float32Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SMALL_PX = 320
LARGE_PX = 1000
BACKGROUND, GROUND, BORDER = "#0d0f14", "#13161d", "#262b36"
TEXT, FAINT = "#e8eaf0", "#9aa1b0"

_DPI = 96
_RASTER_FROM = 3_000  # points; an SVG with more is slow in browsers, so they become one image in it
_MOST_CLASSES = 250  # a palette has 256 colours
_ALSO = {"hi_hat": "closed_hat", "hihat": "closed_hat", "hat": "closed_hat", "rimshot": "rim"}

Indices = NDArray[np.uint8]


def looks_of_classes(classes: Sequence[str]) -> dict[str, Look]:
    """A look for each class: that of the kind with this name however it is spelled, else one of its own."""
    kinds: dict[str, str] = {}
    for name in sorted(classes, key=lambda one: (one not in KIND_LOOKS, one)):
        plain = name.strip().lower().replace("-", "_").replace(" ", "_")
        kind = _ALSO.get(plain, plain)
        kinds[name] = kind if kind in KIND_LOOKS and kind not in kinds.values() else name
    looks = looks_of(list(kinds.values()))
    return {name: looks[kinds[name]] for name in classes}


def by_count(result: StudyResult) -> list[tuple[str, int]]:
    """Classes with their sounds, the largest first."""
    return sorted(result.counts().items(), key=lambda one: (-one[1], one[0]))


class Painter:
    """Draws all maps of a study in the same way.

    Parameters
    ----------
    result : StudyResult
        Whose sounds they are.
    """

    def __init__(self, result: StudyResult) -> None:
        classes = [name for name, _ in by_count(result)]
        looks = looks_of_classes(classes)
        colours = [GROUND, *(looks[name].colour for name in classes[:_MOST_CLASSES])]
        self._palette = np.array([_rgb(colour) for colour in colours], np.uint8)
        number = {name: min(at, _MOST_CLASSES) for at, name in enumerate(classes, 1)}
        # Any order of classes would hide some below others; shuffled, a crowd shows what it is mixed of.
        self._order = np.random.default_rng(0).permutation(len(result.labels))
        self._code = np.array([number[name] for name in result.labels.tolist()], np.uint8)[self._order]

    def indices(self, xy: Float32Array, size_px: int = SMALL_PX) -> Indices:
        """A map as numbers of palette colours, shape (size_px, size_px), y upwards."""
        diameter = float(np.clip(0.6 * size_px / np.sqrt(max(len(xy), 1)), 0.009 * size_px, 0.034 * size_px))
        down, across = _disc(round(10 * diameter))
        margin = 2 + len(np.unique(down)) // 2
        inner = size_px - 1 - 2 * margin
        places = margin + np.rint(np.clip(np.asarray(xy, np.float64)[self._order], 0.0, 1.0) * inner).astype(
            int
        )
        drawn = np.zeros((size_px, size_px), np.uint8)
        rows = (size_px - 1 - places[:, 1])[:, None] + down
        columns = places[:, 0][:, None] + across
        # of several values for one pixel the last is kept: later dots lie on earlier ones as a whole
        drawn[rows.ravel(), columns.ravel()] = np.repeat(self._code, len(down))
        return drawn

    def small_png(self, xy: Float32Array) -> bytes:
        """A small picture of a map as a PNG file with a palette."""
        image = Image.fromarray(self.indices(xy))
        image.putpalette(self._palette.tobytes())
        written = io.BytesIO()
        image.save(written, "png", optimize=False, bits=_bits(len(self._palette)))
        return written.getvalue()

    def colours(self, xy: Float32Array, size_px: int) -> NDArray[np.uint8]:
        """The same as colours, shape (size_px, size_px, 3)."""
        return np.asarray(self._palette[self.indices(xy, size_px)])


def _bits(n_colours: int) -> int:
    return next(bits for bits in (1, 2, 4, 8) if n_colours <= 2**bits)


@lru_cache(maxsize=8)
def _disc(tenths: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pixels of a disc around its middle, by its diameter in tenths of a pixel."""
    reach = tenths // 20 + 1
    down, across = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside = np.hypot(down, across) <= tenths / 20
    return down[inside], across[inside]


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def marker_corners(marker: str) -> list[tuple[float, float]]:
    """Outline of a marker around (0, 0), y downwards as in SVG."""
    from matplotlib.markers import MarkerStyle

    shape = MarkerStyle(marker)
    corners = shape.get_path().transformed(shape.get_transform()).to_polygons()[0]
    corners = corners / np.abs(corners).max()
    return [(round(float(x), 3), round(-float(y), 3)) for x, y in corners[:-1]]


def best_figure(result: StudyResult, *, with_legend: bool = True) -> "Figure":
    """The best map, large; with the names of its classes, or the square alone.

    Returns
    -------
    matplotlib.figure.Figure
        To be written by `picture_bytes`.
    """
    best = result.maps[0]
    side = 1080 if with_legend else LARGE_PX
    width, height = (1480, 1240) if with_legend else (side, side)
    figure = _figure(width, height)
    left, top = (48, 110) if with_legend else (0, 0)
    axes = figure.add_axes((left / width, 1 - (top + side) / height, side / width, side / height))
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=[], yticks=[], facecolor=GROUND)
    for spine in axes.spines.values():
        spine.set(color=BORDER, zorder=0.5)
    looks = looks_of_classes(result.classes)
    _scatter(axes, best.xy, result, looks, side)
    if with_legend:
        page = _page(figure, width, height)
        _write(page, left, 46, map_title(result, best), 25, TEXT, "bold")
        share = f"of the ten nearest {in_percent(best.share.value)} are of the same class"
        _write(page, left, 84, f"{len(result.labels):,} sounds of {result.folder}; {share}", 18, FAINT)
        _legend(page, result, looks, left + side + 36, top + 18)
    return figure


def _scatter(
    axes: "Axes", xy: Float32Array, result: StudyResult, looks: Mapping[str, Look], side_px: float
) -> None:
    """Draw the most frequent classes first, so that the rare ones stay visible."""
    n = len(xy)
    diameter_px = float(np.clip(0.42 * side_px / np.sqrt(n), 3.5, 15))
    area = (diameter_px * 72 / _DPI) ** 2  # matplotlib counts markers in points squared
    classes = by_count(result)
    for depth, (name, _) in enumerate(classes):
        at, look = xy[result.labels == name], looks[name]
        axes.scatter(
            at[:, 0],
            at[:, 1],
            s=area * (1.0 if look.marker in "os" else 1.25),
            c=look.colour,
            marker=look.marker,
            alpha=0.85,
            linewidths=0.6 if diameter_px > 6 else 0,
            edgecolors=GROUND,
            zorder=1.1 + 0.3 * depth / len(classes),
            rasterized=n > _RASTER_FROM,
        )


def _legend(page: "Axes", result: StudyResult, looks: Mapping[str, Look], left: float, top: float) -> None:
    entries, room = by_count(result), 32
    for at, (name, count) in enumerate(entries[:room]):
        y = top + 33 * at
        if at == room - 1 and len(entries) > room:
            _write(page, left, y, f"{len(entries) - at} more classes", 18, FAINT)
            return
        page.scatter(
            [left + 8],
            [y],
            s=(13 * 72 / _DPI) ** 2,
            c=looks[name].colour,
            marker=looks[name].marker,
            linewidths=0,
        )
        text = name.replace("_", " ")
        _write(page, left + 28, y, text if len(text) <= 20 else text[:19] + "…", 18, TEXT)
        _write(page, left + 280, y, f"{count:,}", 18, FAINT, align="right")


def sheet_figure(result: StudyResult, painter: Painter, cell_px: int = 300) -> "Figure":
    """The best map of each features and family side by side."""
    families = families_of(result)
    rows = [one.name for one in result.features if any(each.features == one.name for each in result.maps)]
    gap, caption, top = 24, 56, 96
    below = 60 + 30 * -(-len(result.classes) // max(1, len(families)))
    width = gap + len(families) * (cell_px + gap)
    height = top + len(rows) * (cell_px + caption + gap) + below
    figure = _figure(width, height)
    page = _page(figure, width, height)
    _write(page, gap, 36, f"The best map of each features and family, {result.folder}", 21, TEXT, "bold")
    for column, family in enumerate(families):
        _write(page, gap + column * (cell_px + gap), 74, family_title(family), 18, FAINT)
        for line, features in enumerate(rows):
            one = result.best_of(features, family)
            left, upper = gap + column * (cell_px + gap), top + line * (cell_px + caption + gap)
            if one is None:
                _write(page, left + 8, upper + 20, "not studied", 15, FAINT)
                continue
            axes = figure.add_axes(
                (left / width, 1 - (upper + cell_px) / height, cell_px / width, cell_px / height)
            )
            axes.axis("off")
            axes.imshow(painter.colours(one.xy, cell_px), interpolation="nearest")
            title = feature_title(result, features)
            strength = "bold" if one is result.maps[0] else "normal"
            _write(
                page,
                left,
                upper + cell_px + 18,
                f"{title}: {in_percent(one.share.value)}",
                16,
                TEXT,
                strength,
            )
            _write(page, left, upper + cell_px + 42, parameters_text(one), 14, FAINT)
    looks = looks_of_classes(result.classes)
    for at, (name, count) in enumerate(by_count(result)):
        x = gap + at % len(families) * (cell_px + gap)
        y = height - below + 40 + 30 * (at // len(families))
        page.scatter([x + 7], [y], s=(11 * 72 / _DPI) ** 2, c=looks[name].colour, marker="o", linewidths=0)
        _write(page, x + 24, y, f"{name.replace('_', ' ')[:24]}, {count:,}", 16, TEXT)
    return figure


def picture_bytes(figure: "Figure", kind: str) -> bytes:
    """A figure as the bytes of a file, ``png`` or ``svg``: the same study gives the same bytes."""
    import matplotlib

    written = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "klustr"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(
            written,
            format=kind,
            dpi=_DPI if kind == "png" else 1.5 * _DPI,
            facecolor=BACKGROUND,
            metadata={"Date": None} if kind == "svg" else None,
        )
    return written.getvalue()


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure  # heavy, and only wanted here

    return Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor=BACKGROUND)


def _page(figure: "Figure", width: float, height: float) -> "Axes":
    """Axes over the whole figure, in pixels from its upper left corner."""
    page = figure.add_axes((0, 0, 1, 1), facecolor="none")
    page.set(xlim=(0, width), ylim=(height, 0))
    page.axis("off")
    return page


def _write(
    page: "Axes",
    x: float,
    y: float,
    text: str,
    size_px: float,
    colour: str,
    weight: str = "normal",
    align: str = "left",
) -> None:
    page.text(
        x, y, clean(text), fontsize=size_px * 72 / _DPI, color=colour, ha=align, va="center_baseline",
        fontweight=weight, family="DejaVu Sans", parse_math=False,
    )  # fmt: skip
