"""Tables 1 to 4 of the paper, and its times, with ours beside.

Owns which of our maps stands beside which number of the paper. It must not word findings.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from xml.etree.ElementTree import Element

from klustr_bridge.study.published import (
    FAMILIES,
    INITIALISATIONS,
    KMEANS_SILHOUETTE,
    OVERLAP,
    ROUNDNESS,
    SILHOUETTE,
    TIMES,
)
from klustr_bridge.study.report.markup import (
    element,
    heading,
    number,
    number_heading,
    row,
    row_heading,
    table,
)
from klustr_bridge.study.report.words import (
    NOTHING,
    PAPER_TITLES,
    decimal,
    duration,
    families_of,
    family_title,
)
from klustr_bridge.study.results import MapScored, StudyResult

Published = Mapping[str, tuple[float, float, float]]

WAVENET = "wavenet"
DOUBTED = ("mir", "umap")
"""Features and family of the paper's cell that `published.DOUBT` is about."""

_PAPER_TABLES: Mapping[str, tuple[str, Published]] = {
    "silhouette": ("Silhouette", SILHOUETTE),
    "roundness": ("Roundness", ROUNDNESS),
    "overlap_published": ("Overlap, as published", OVERLAP),
}


def paper_tables(result: StudyResult) -> Iterator[Element]:
    """Tables 1 to 4: ours beside the paper's."""
    for score, (title, published) in _PAPER_TABLES.items():
        ours = {
            (features, at): one.scores.get(score)
            for features in _rows_beside(result)
            for at, family in enumerate(FAMILIES)
            if (one := _best_of(result, features, family)) is not None
        }
        columns = [family_title(one) for one in FAMILIES]
        caption = f"{title}: the best-ranked map of each kind here, and the paper's"
        yield _beside(result, f"paper-{score.replace('_', '-')}", caption, columns, ours, published, True)
    clusters = {
        (_key(each.name), at): each.kmeans[initialisation][0]
        for each in result.features
        for at, initialisation in enumerate(INITIALISATIONS)
        if initialisation in each.kmeans
    }
    caption = "Silhouette of k-means clusters in the features, by how k-means begins, and the paper's"
    yield _beside(result, "paper-kmeans", caption, INITIALISATIONS, clusters, KMEANS_SILHOUETTE, False)


def _key(features: str) -> str:
    """The paper's name for features, where it has one: numbers of one's own may be called WaveNet."""
    return features.lower() if features.lower() in SILHOUETTE else features


def _rows_beside(result: StudyResult) -> list[str]:
    """The paper's feature sets, then the others that were studied."""
    return [*SILHOUETTE, *(one.name for one in result.features if _key(one.name) not in SILHOUETTE)]


def _best_of(result: StudyResult, features: str, family: str) -> MapScored | None:
    return next((one for one in result.maps if (_key(one.features), one.family) == (features, family)), None)


def _beside(
    result: StudyResult,
    name: str,
    caption: str,
    columns: Iterable[str],
    ours: Mapping[tuple[str, int], float | None],
    published: Published,
    marks_doubt: bool,
) -> Element:
    """Rows of features; for each column ours and the paper's, the best of either marked."""
    columns = list(columns)
    top = [
        max((v for (_, to), v in ours.items() if to == at and v is not None and v == v), default=None)
        for at in range(len(columns))
    ]
    top_paper = [max(values[at] for values in published.values()) for at in range(3)]
    titles = {_key(one.name): one.title for one in result.features}
    body = []
    for features in _rows_beside(result):
        cells = [row_heading(titles.get(features, PAPER_TITLES.get(features, features)))]
        for at in range(len(columns)):
            value = ours.get((features, at))
            theirs = published[features][at] if features in published else None
            doubted = marks_doubt and (features, FAMILIES[at]) == DOUBTED
            cells.append(number(decimal(value), best=value is not None and value == top[at]))
            cells.append(
                number(decimal(theirs), best=theirs == top_paper[at], note=_doubt_mark() if doubted else None)
            )
        body.append(row(*cells))
    head = [
        row(
            element("th", "features", scope="col", rowspan=2),
            *(element("th", one, scope="colgroup", colspan=2) for one in columns),
        ),
        row(*(number_heading(one) for _ in columns for one in ("here", "paper"))),
    ]
    return table(name, caption, head, body, class_="beside")


def _doubt_mark() -> Element:
    return element("sup", element("a", "?", href="#doubt", aria_label="may have been swapped"))


def times_table(result: StudyResult) -> Element:
    """Times of the reductions, beside those of the paper."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for one in result.maps:
        seconds[one.family].append(one.seconds)
    body = []
    for family in [*families_of(result), *(one for one in TIMES if one not in seconds)]:
        told = sorted(seconds[family])
        middle = duration(told[len(told) // 2]) if told else NOTHING
        span = f"{duration(told[0])} to {duration(told[-1])}" if len(told) > 1 else NOTHING
        cells = (number(f"{len(told):,}"), number(middle), number(span), number(TIMES.get(family, NOTHING)))
        body.append(row(row_heading(family_title(family)), *cells))
    head = [
        row(
            heading("reduction"),
            *map(number_heading, ("maps", "time of one, median", "shortest and longest", "paper")),
        )
    ]
    return table("times", "Processor time of a map, on one core", head, body)
