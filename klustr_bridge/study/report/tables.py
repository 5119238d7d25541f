"""The tables of the page: what was studied, the best maps, and every map with every score.

Owns which number stands in which cell. It must not word findings; the paper's tables are `beside_paper`'s.
"""

import math
from xml.etree.ElementTree import Element

from klustr_bridge.study.bootstrap import Estimate
from klustr_bridge.study.published import (
    COUNTS,
    INITIALISATIONS,
)
from klustr_bridge.study.report.markup import (
    Content,
    element,
    heading,
    number,
    number_heading,
    row,
    row_heading,
    table,
)
from klustr_bridge.study.report.pictures import by_count
from klustr_bridge.study.report.words import (
    NOTHING,
    PERCENT,
    decimal,
    duration,
    families_of,
    family_title,
    feature_title,
    interval,
    map_title,
    percent,
    score_text,
)
from klustr_bridge.study.results import RANKED_BY, SCORES, MapScored, StudyResult


def counts_table(result: StudyResult) -> Element:
    """Sounds of each class, beside those of the paper."""
    n, n_paper = len(result.labels), sum(COUNTS.values())
    paper = dict(COUNTS)
    body = []
    for name, count in by_count(result):
        published = paper.pop(name.lower(), None)
        body.append(_counted(name, count, count / n, published, n_paper))
    body += [_counted(name, None, None, published, n_paper) for name, published in paper.items()]
    body.append(_counted("all", n, 1.0, n_paper, n_paper, class_="sum"))
    head = [
        row(
            heading("class"),
            number_heading("here"),
            number_heading("%"),
            number_heading("paper"),
            number_heading("%"),
        )
    ]
    return table("counts", "Sounds of each class", head, body)


def _counted(
    name: str, n: int | None, share: float | None, paper: int | None, n_paper: int, class_: str | None = None
) -> Element:
    published = None if paper is None else paper / n_paper
    cells = [
        NOTHING if n is None else f"{n:,}",
        percent(share),
        NOTHING if paper is None else f"{paper:,}",
        percent(published),
    ]
    return element("tr", row_heading(name.replace("_", " ")), *map(number, cells), class_=class_)


def dropped_table(result: StudyResult) -> Element | None:
    """Files that were left out, by reason."""
    if not result.dropped:
        return None
    reasons = sorted(result.dropped.items(), key=lambda one: (-one[1], one[0]))
    body = [row(row_heading(reason), number(f"{n:,}")) for reason, n in reasons]
    return table("dropped", "Files left out", [row(heading("files"), number_heading("how many"))], body)


def best_table(result: StudyResult) -> Element:
    """The best map of each feature set with the interval of its score, and what the features alone know."""
    best = [
        one
        for features in result.features
        if (one := next((each for each in result.maps if each.features == features.name), None)) is not None
    ]
    rank = ranks(result)
    best.sort(key=lambda one: rank[id(one)])
    alone = {one.name: one for one in result.features}
    ends = [end for one in best for end in _ends(one.share)]
    ends += [end for one in best for end in _ends(alone[one.features].share)]
    span = (min(ends, default=0.0), max(ends, default=1.0))
    body = [
        row(
            row_heading(feature_title(result, one.features)),
            element("td", map_link(rank[id(one)], one.title)),
            number(percent(one.share.value), best=at == 0),
            element("td", _bar(one.share, span), class_="bar"),
            element("td", interval(one.share), class_="n"),
            element("td", _behind(one, at == 0), class_="n"),
            number(percent(alone[one.features].share.value)),
            element("td", interval(alone[one.features].share), class_="n"),
        )
        for at, one in enumerate(best)
    ]
    head = [
        row(
            heading("features"),
            heading("its best map"),
            number_heading("neighbours of one's class, %"),
            heading("drawn"),
            number_heading("95 % of resamples"),
            number_heading("behind the best, points"),
            number_heading("the features without a map, %"),
            number_heading("95 % of resamples"),
        )
    ]
    return table("best", "The best map of each feature set", head, body)


def _ends(one: Estimate) -> list[float]:
    return [end for end in (one.value, one.low, one.high) if math.isfinite(end)]


def _behind(one: MapScored, is_best: bool) -> str:
    if is_best or not math.isfinite(one.behind.value):
        return NOTHING
    text = f"{percent(one.behind.value)} ({interval(one.behind)})"
    return f"{text}, may be as good" if one.is_as_good else text


def _bar(one: Estimate, span: tuple[float, float]) -> Element | None:
    """The interval as a line with a dot for the value; the numbers stand beside it."""
    if len(_ends(one)) < 3:
        return None
    low, value, high = (
        round(5 + 130 * (end - span[0]) / (span[1] - span[0] or 1.0), 1)
        for end in (one.low, one.value, one.high)
    )
    line = element("line", x1=str(low), x2=str(high), y1="8", y2="8")
    dot = element("circle", cx=str(value), cy="8", r="4")
    return element("svg", line, dot, viewBox="0 0 140 16", width=140, height=16, aria_hidden="true")


def matrix_table(result: StudyResult) -> Element:
    """The ranked score of the best map of each features and family."""
    families = families_of(result)
    rank = ranks(result)
    body = []
    for features in result.features:
        cells = [row_heading(features.title)]
        for family in families:
            one = result.best_of(features.name, family)
            if one is None:
                cells.append(number(NOTHING))
                continue
            link = map_link(rank[id(one)], percent(one.share.value))
            cells.append(
                element("td", element("strong", link) if one is result.maps[0] else link, class_="n")
            )
        body.append(row(*cells, number(percent(features.share.value))))
    head = [
        row(
            heading("features"),
            *(number_heading(family_title(one)) for one in families),
            number_heading("no map"),
        )
    ]
    return table("matrix", "Neighbours of one's class, %: the best map of each kind", head, body)


def features_table(result: StudyResult) -> Element:
    """What the features alone know, before any map."""
    head = [
        row(
            heading("features"),
            number_heading("numbers a sound"),
            number_heading("neighbours of one's class, %"),
            number_heading("the same over classes, %"),
            *(number_heading(f"V-measure, {one}") for one in INITIALISATIONS),
            number_heading("time"),
        )
    ]
    shares = [one.share.value for one in result.features]
    over_classes = [one.share_classes.value for one in result.features]
    body = [
        row(
            row_heading(one.title),
            number(f"{one.n_dimensions:,}"),
            number(percent(one.share.value), best=one.share.value == max(shares)),
            number(percent(one.share_classes.value), best=one.share_classes.value == max(over_classes)),
            *(number(decimal(one.kmeans.get(name, (None, None))[1])) for name in INITIALISATIONS),
            number(duration(one.seconds)),
        )
        for one in result.features
    ]
    return table("features", "What the features know before any map is made", head, body)


def maps_table(result: StudyResult) -> Element:
    """Every combination with every score."""
    scores = [name for name in SCORES if any(name in one.scores for one in result.maps)]
    top = {name: _best_value(result, name) for name in scores}
    head = [
        row(
            number_heading("no."),
            heading("features"),
            heading("reduction"),
            number_heading("behind the best, points"),
            *(_score_heading(name) for name in scores),
            number_heading("time"),
        )
    ]
    body = []
    for rank, one in enumerate(result.maps, 1):
        cells: list[Element] = [
            element("td", f"{rank:,}", class_="n"),
            element("th", feature_title(result, one.features), scope="row"),
            element("td", map_link(rank, one.title)),
            element("td", _behind(one, rank == 1), class_="n"),
        ]
        for name in scores:
            value = one.scores.get(name)
            cells.append(
                number(
                    score_text(name, value),
                    best=value is not None and value == top[name],
                    note=_small_interval(one, name),
                )
            )
        cells.append(number(duration(one.seconds)))
        class_ = "best" if rank == 1 else "as-good" if one.is_as_good else None
        body.append(element("tr", *cells, class_=class_))
    caption = (
        "All maps by rank, with all scores; the best of each column in bold, those that may be as good marked"
    )
    return table("maps", caption, head, body, class_="all")


def _best_value(result: StudyResult, name: str) -> float:
    values = [one.scores[name] for one in result.maps if name in one.scores]
    return max(values) if SCORES[name].more_is_better else min(values)


def _score_heading(name: str) -> Element:
    title = SCORES[name].title + (", %" if name in PERCENT else "")
    arrow = None if SCORES[name].more_is_better else " (less is better)"
    return element("th", element("a", title, href=f"#score-{name}"), arrow, scope="col", class_="n")


def _small_interval(one: MapScored, name: str) -> Element | None:
    estimates = {"share": one.share, "share_classes": one.share_classes}
    if name not in estimates or not math.isfinite(estimates[name].low):
        return None
    return element("small", f" {interval(estimates[name])}")


def scores_table() -> Element:
    """What each score means."""
    body = []
    for name, one in SCORES.items():
        ranked: Content = element("strong", "the ranking's") if name == RANKED_BY else None
        better = "more" if one.more_is_better else "less"
        body.append(
            element(
                "tr",
                row_heading(one.title),
                element("td", one.says),
                element("td", better),
                element("td", ranked),
                id=f"score-{name}",
            )
        )
    head = [row(heading("score"), heading("what it says"), heading("better is"), heading("use"))]
    return table("scores", "What the scores mean", head, body, class_="words")


def ranks(result: StudyResult) -> dict[int, int]:
    """The rank of each map by its identity: two maps may be equal."""
    return {id(one): rank for rank, one in enumerate(result.maps, 1)}


def map_link(rank: int, text: str) -> Element:
    """A link to the picture of a map."""
    return element("a", text, href=f"#map-{rank}")


def picture_title(result: StudyResult, one: MapScored, rank: int) -> str:
    """What a picture shows, for those who don't see it."""
    share = percent(one.share.value)
    return f"Map number {rank:,}: {map_title(result, one)}; {share} % of neighbours are of the same class"
