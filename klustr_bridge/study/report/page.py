"""The page of a study: one file that needs nothing else, not even a script.

Owns the order of its parts. It must not compute a number of a table.
"""

import base64
from collections.abc import Iterable, Iterator
from importlib.resources import files
from xml.etree.ElementTree import Element

from klustr_bridge.study.published import DOUBT
from klustr_bridge.study.report.beside_paper import WAVENET, paper_tables, times_table
from klustr_bridge.study.report.markup import element, page_text, side_by_side
from klustr_bridge.study.report.pictures import (
    LARGE_PX,
    SMALL_PX,
    Painter,
    best_figure,
    by_count,
    looks_of_classes,
    marker_corners,
    picture_bytes,
)
from klustr_bridge.study.report.tables import (
    best_table,
    counts_table,
    dropped_table,
    features_table,
    maps_table,
    matrix_table,
    picture_title,
    ranks,
    scores_table,
)
from klustr_bridge.study.report.words import (
    beside_paper,
    by_chance,
    counted,
    duration,
    families_of,
    family_title,
    held_out,
    in_percent,
    interval,
    leads,
    map_title,
    neighbours_are,
    of_the_bridge,
    parameters_text,
)
from klustr_bridge.study.results import MapScored, StudyResult

PRESETS = {
    "paper": "as the paper did: its seven classes, the first 0.25 s of each sound at 48 kHz with a peak of 1",
    "bridge": "as klustr-bridge does: its classes, the first second from the onset on at 44.1 kHz",
}
EXTENTS = {
    "quick": "a small population of maps; --full makes both whole grids of the paper",
    "full": "both whole grids of the paper",
}

# Nothing may be fetched from anywhere, whatever a name of a file might try.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page_of(result: StudyResult, painter: Painter) -> str:
    """The whole page as text of HTML."""
    title = f"Study of {result.folder}"
    sections = [
        _section("finding", "What came out", _finding(result)),
        _section("studied", "What was studied", _studied(result)),
        _section("paper", "Beside the paper", _beside_paper(result)),
        _section("pictures", "Every map", _pictures(result, painter)),
        _section("all", "Every map with every score", _all(result)),
        _section("meaning", "What the scores mean", [scores_table()]),
        _section("made", "How it was made", _made(result)),
    ]
    links = [element("a", str(one[0].text), href=f"#{one.get('id')}") for one in sections]
    style = element("style")
    style.text = files("klustr_bridge.study.report").joinpath("page.css").read_text(encoding="utf-8")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("link", rel="icon", href="data:,"),
        element("title", title),
        style,
    )
    top = element(
        "header",
        element("h1", title),
        element("p", _in_short(result)),
        element("nav", *links, aria_label="Parts of this page"),
    )
    return page_text(
        element("html", head, element("body", top, element("main", *sections)), lang="en", class_="study")
    )


def _section(name: str, title: str, parts: Iterable[Element | None]) -> Element:
    return element("section", element("h2", title), *parts, id=name)


def _in_short(result: StudyResult) -> str:
    n_features = len({one.features for one in result.maps})
    return (
        f"{counted(len(result.labels), 'sound')} of {counted(len(result.classes), 'class', 'classes')}; "
        f"{counted(len(result.maps), 'map')} of {counted(n_features, 'feature set')}."
    )


def _finding(result: StudyResult) -> Iterator[Element]:
    best = result.maps[0]
    lead = element(
        "p",
        f"The best of {counted(len(result.maps), 'map')}: ",
        element("strong", map_title(result, best)),
        f". Of the ten sounds nearest to a sound on it, {in_percent(best.share.value)} are of the same class "
        f"(95 % of resamples: {interval(best.share)}); {neighbours_are(result)}. On a map that knows nothing "
        f"it would be {in_percent(by_chance(result))}.",
        class_="lead",
    )
    told = [*leads(result), held_out(result), of_the_bridge(result)]
    picture = picture_bytes(best_figure(result, with_legend=False), "png")
    large = element(
        "figure",
        _image(picture, f"The best map, {map_title(result, best)}, coloured by class", LARGE_PX),
        _legend(result, shapes=True),
        element("figcaption", f"The best map: {map_title(result, best)}. One dot is one sound."),
        class_="large",
    )
    yield side_by_side(element("div", lead, *(element("p", text) for text in told if text)), large)
    yield best_table(result)
    yield matrix_table(result)


def _studied(result: StudyResult) -> Iterator[Element]:
    prepared = PRESETS.get(result.preset, result.preset)
    yield element("p", f"Sounds were prepared {prepared}.")
    yield side_by_side(counts_table(result), dropped_table(result) or element("p", "No file was left out."))
    if result.failed:
        yield element("p", "These maps could not be made:")
        failed = (element("li", f"{what}: {reason}") for what, reason in sorted(result.failed.items()))
        yield element("ul", *failed)
    yield features_table(result)


def _beside_paper(result: StudyResult) -> Iterator[Element]:
    yield element(
        "p",
        "L. Hantrakul and A. Sarwate, ",
        element(
            "cite", "klustr: a tool for dimensionality reduction and visualization of large audio datasets"
        ),
        " (2017), compared four feature sets on 10,560 drum sounds. ",
        " ".join(beside_paper(result)),
    )
    yield element("p", element("strong", "?"), f" {DOUBT}", id="doubt")
    if not any(one.name.lower() == WAVENET for one in result.features):
        yield element(
            "p",
            "WaveNet stands here with the paper's numbers alone: the weights of its autoencoder can't be had "
            "any more. Numbers of your own, of WaveNet or of any other program, take part with ",
            element("code", "--embedding NAME=FILE.npz"),
            " (arrays ",
            element("code", "embedding"),
            ", a row a sound, and ",
            element("code", "path"),
            "); named ",
            element("code", WAVENET),
            " they stand in its row.",
        )
    yield side_by_side(*paper_tables(result), times_table(result))


def _pictures(result: StudyResult, painter: Painter) -> Iterator[Element]:
    yield element("div", _legend(result, shapes=False), class_="kept")
    rank = ranks(result)
    for features in result.features:
        for family in families_of(result):
            maps = [one for one in result.maps if (one.features, one.family) == (features.name, family)]
            if not maps:
                continue
            best = maps[0]
            maps.sort(key=lambda one: tuple(one.parameters.values()))
            figures = [_small(result, painter, one, rank[id(one)], is_best=one is best) for one in maps]
            yield element("h3", f"{features.title}: {family_title(family)}")
            yield element("div", *figures, class_="maps", style=f"--columns: {_columns(maps)}")


def _columns(maps: list[MapScored]) -> int:
    """How many pictures stand side by side: a row a value of the first of two parameters."""
    rows = {next(iter(one.parameters.values()), None) for one in maps}
    return len(maps) // len(rows) if len(rows) > 1 and len(maps) % len(rows) == 0 else min(len(maps), 6)


def _small(result: StudyResult, painter: Painter, one: MapScored, rank: int, *, is_best: bool) -> Element:
    share = in_percent(one.share.value)
    caption = element(
        "figcaption",
        element("strong", share) if is_best else element("span", share),
        f" no. {rank:,}",
        element("br"),
        parameters_text(one),
    )
    image = _image(painter.small_png(one.xy), picture_title(result, one, rank), SMALL_PX)
    class_ = "best" if rank == 1 else "as-good" if one.is_as_good else None
    return element("figure", image, caption, id=f"map-{rank}", class_=class_)


def _image(data: bytes, alt: str, size_px: int) -> Element:
    source = f"data:image/png;base64,{base64.b64encode(data).decode('ascii')}"
    return element(
        "img", src=source, alt=alt, width=size_px, height=size_px, loading="lazy", decoding="async"
    )


def _legend(result: StudyResult, *, shapes: bool) -> Element:
    looks = looks_of_classes(result.classes)
    entries = []
    for name, count in by_count(result):
        corners = marker_corners(looks[name].marker if shapes else "o")
        dot = element("polygon", points=" ".join(f"{x:g},{y:g}" for x, y in corners), fill=looks[name].colour)
        swatch = element("svg", dot, viewBox="-1 -1 2 2", width=12, height=12, aria_hidden="true")
        entries.append(element("li", swatch, name.replace("_", " "), element("small", f" {count:,}")))
    return element("ul", *entries, class_="legend", aria_label="Colours of the classes")


def _all(result: StudyResult) -> Iterator[Element]:
    yield element(
        "p",
        "The same numbers, and more digits of them, are in ",
        element("code", "maps.csv"),
        " beside this page; those of the features in ",
        element("code", "features.csv"),
        ".",
    )
    yield maps_table(result)


def _made(result: StudyResult) -> Iterator[Element]:
    packs = len(set(result.packs.tolist()))
    told = {
        "preset": f"{result.preset}: {PRESETS.get(result.preset, '')}".removesuffix(": "),
        "extent": f"{result.extent}: {EXTENTS.get(result.extent, '')}".removesuffix(": "),
        "seed": str(result.seed),
        "packs": f"{counted(packs, result.packs_are)}; {neighbours_are(result)}",
        "intervals": "packs are drawn again 2,000 times, as many as there are, the same draws for every map; "
        "95 % of the means lie within",
        "time": f"{duration(result.seconds)} on {counted(result.n_cores, 'core')}",
        "versions": ", ".join(f"{name} {version}" for name, version in result.versions.items()),
    }
    pairs = [
        part for term, text in told.items() if text for part in (element("dt", term), element("dd", text))
    ]
    yield element("dl", *pairs)
