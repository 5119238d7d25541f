"""The report of a study: the right numbers in the right places, whatever names and however few maps."""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from klustr_bridge.errors import StudyError
from klustr_bridge.kind_looks import KIND_LOOKS
from klustr_bridge.study.bootstrap import Estimate
from klustr_bridge.study.published import DOUBT
from klustr_bridge.study.report import write_report
from klustr_bridge.study.report.pictures import GROUND, SMALL_PX, Painter, looks_of_classes
from klustr_bridge.study.report.words import by_chance
from klustr_bridge.study.results import SCORES, StudyResult
from tests.map.pages import WEB, WITHOUT_WEBGL, audit, launch, missing, missing_npm
from tests.study.made import LABELS, behind, features, result, scored
from tests.study.page_reader import PageReader

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NOT_A_NUMBER = Estimate(float("nan"), float("nan"), float("nan"))
FILES = {"index.html", "best.png", "best.svg", "maps.png", "maps.csv", "features.csv", "positions.csv"}


def study() -> StudyResult:
    """Five maps: the best, one as good, the bridge's own, and two of the paper's kinds far behind."""
    return result(
        [
            scored("mfcc", "tsne", "t-SNE, perplexity 30, 1000 iterations", 0.83, behind(0.0, 0.0),
                   parameters={"perplexity": 30, "iterations": 1000}, seed=1,
                   scores={"silhouette": 0.521, "share_farthest": 0.3, "sum_published": 1.9}),
            scored("mfcc", "tsne", "t-SNE, perplexity 5, 250 iterations", 0.82, behind(0.01, -0.01),
                   parameters={"perplexity": 5, "iterations": 250}, seed=2,
                   scores={"silhouette": 0.622, "share_farthest": 0.2, "sum_published": 2.1}),
            scored("embedding", "bridge", "the bridge's layout", 0.75, behind(0.08, 0.03), seed=3),
            scored("mir", "umap", "UMAP, 15 neighbours, min_dist 0.1", 0.61, behind(0.22, 0.1),
                   parameters={"neighbours": 15, "min_dist": 0.1}, seed=4,
                   scores={"silhouette": -0.123, "roundness": 0.7, "overlap_published": 0.234}),
            scored("mfcc", "pca", "PCA", 0.4, behind(0.43, 0.3), seed=5, scores={"silhouette": 0.05}),
        ],
        [
            features("mfcc", "MFCC"),
            features("mir", "MIR descriptors", share=0.55),
            features("embedding", "the bridge's embedding", share=0.66),
        ],
    )  # fmt: skip


def written(made: StudyResult, out: Path) -> PageReader:
    return PageReader(write_report(made, out).read_text(encoding="utf-8"))


def table(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"), newline="")))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> PageReader:
    """The page of `study`."""
    return written(study(), tmp_path_factory.mktemp("report"))


def test_ours_stand_beside_the_papers(page: PageReader) -> None:
    """Each kind's best-ranked map has its score in its cell, the paper's in the next; the doubt is told."""
    row = ["MFCC", "0.050", "\u22120.010", "0.521", "0.034", "–", "\u22120.048"]
    assert row in page.tables["paper-silhouette"]
    mir = next(cells for cells in page.tables["paper-silhouette"] if cells[0] == "MIR descriptors")
    assert mir == ["MIR descriptors", "–", "\u22120.035", "–", "\u22120.062", "\u22120.123", "0.124?"]
    assert page.cell("paper-roundness", "MIR", 5) == "0.700"
    assert page.cell("paper-roundness", "MIR", 2) == "0.904"
    assert page.cell("paper-overlap-published", "MIR", 5) == "0.234"
    assert page.cell("paper-overlap-published", "STFT", 2) == "0.275"
    clusters = ["MFCC", "0.301", "0.175", "0.302", "0.192", "0.303", "0.178"]
    assert clusters in page.tables["paper-kmeans"]
    assert page.cell("paper-kmeans", "the bridge's", 2) == "–"
    assert DOUBT in page.text
    assert page.cell("times", "UMAP", 4) == "30 s to 2 minutes"
    assert page.cell("times", "t-SNE", 1) == "2"
    assert page.cell("counts", "kick", 1) == "6"
    assert page.cell("counts", "kick", 3) == "5,158"
    assert page.cell("counts", "clap", 1) == "–"
    assert page.tables["counts"][-1] == ["all", "12", "100.0", "10,560", "100.0"]
    assert ["whose name tells no class", "9"] in page.tables["dropped"]


def test_numbers_of_wavenet_can_be_brought(page: PageReader, tmp_path: Path) -> None:
    """Without them its row has the paper's alone, and the way to bring one's own; with them it has both."""
    assert page.cell("paper-silhouette", "WaveNet", 1) == "–"
    assert page.cell("paper-silhouette", "WaveNet", 2) == "\u22120.102"
    assert "--embedding NAME=FILE.npz" in page.text
    own = scored("WaveNet", "pca", "PCA", 0.2, behind(0.63, 0.5), scores={"silhouette": 0.345})
    made = study()
    made = replace(
        made, maps=(*made.maps, own), features=(*made.features, features("WaveNet", "my own", share=0.1))
    )
    page = written(made, tmp_path)
    assert page.cell("paper-silhouette", "my own", 1) == "0.345"
    assert page.cell("paper-silhouette", "my own", 2) == "\u22120.102"
    assert page.cell("paper-kmeans", "my own", 2) == "0.272"
    assert "--embedding" not in page.text


def test_the_finding_is_told_in_words(page: PageReader) -> None:
    """The best map, those as good, the first behind, the bridge's own, what chance and the paper would do."""
    text = " ".join(page.text.replace("\u00a0", " ").split())
    assert (
        "The best of 5 maps: MFCC, t-SNE, perplexity 30, 1000 iterations. Of the ten sounds nearest" in text
    )
    assert "83.0 % are of the same class (95 % of resamples: 81.0 to 85.0)" in text
    assert "sounds of its own kit are not counted" in text
    # of 8 sounds in other kits 4 are kicks for each of 6, 2 or 3 snares for each of 4, 1 a hat for each of 2
    assert "it would be 37.5 %" in text
    assert (
        "Its lead over 1 other map may be chance; they may be as good: "
        "MFCC, t-SNE, perplexity 5, 250 iterations (82.0 %)." in text
    )
    assert (
        "The first that is clearly behind is the bridge's embedding, the bridge's layout, by 8.0 points "
        "(3.0 to 13.0)." in text
    )
    assert "looked at in the one that had no vote, the choice reaches 77.7 %." in text
    assert "is number 3 with 75.0 %: behind by 8.0 points." in text
    assert "The paper found MIR and UMAP best: silhouette, roundness and overlap add up to 1.153." in text
    assert "is number 4 of 5, with 61.0 %." in text
    assert "t-SNE, perplexity 5, 250 iterations (2.100), which is number 2 by neighbours." in text


def test_the_best_of_each_column_is_marked(page: PageReader) -> None:
    """Bold is the largest, or the smallest where less is better; all maps stand there by rank."""
    head, *rows = page.tables["maps"]
    bold = page.strong["maps"][1:]
    assert [cells[0] for cells in rows] == ["1", "2", "3", "4", "5"]
    assert len(head) == 4 + len(SCORES) + 1
    at = head.index("silhouette")
    assert [cells[at] for cells in rows] == ["0.521", "0.622", "0.100", "\u22120.123", "0.050"]
    assert [cells[at] for cells in bold] == ["", "0.622", "", "", ""]
    at = head.index("the farthest ten, % (less is better)")
    assert [cells[at] for cells in bold] == ["", "", "10.0", "10.0", "10.0"]
    at = head.index("neighbours of one's class, %")
    assert [cells[at] for cells in bold] == ["83.0", "", "", "", ""]
    assert rows[0][at] == "83.0 81.0 to 85.0"
    assert rows[1][3] == "1.0 (\u22121.0 to 3.0), may be as good"
    assert page.cell("matrix", "MFCC", 2) == "83.0"
    assert page.cell("best", "MIR", 5) == "22.0 (10.0 to 34.0)"
    assert {cells[0] for cells in page.tables["scores"][1:]} == {one.title for one in SCORES.values()}


def test_every_map_has_a_picture_that_says_what_it_is(page: PageReader) -> None:
    """One large and one small of each map, in the page itself, each with words for those who don't see it."""
    assert len(page.images) == 1 + 5
    assert all(str(one["src"]).startswith("data:image/png;base64,") for one in page.images)
    assert all(one["loading"] == "lazy" and one["alt"] for one in page.images)
    told = [str(one["alt"]) for one in page.images[1:]]
    assert sum("perplexity 5, 250 iterations; 82.0" in one for one in told) == 1
    assert len(set(told)) == 5


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>", '"><script>alert(1)</script>', "a&amp;b\0\udcffc"]
)
def test_names_are_only_text(name: str, tmp_path: Path) -> None:
    """Folders, classes, features and reasons of any name become text, never markup."""
    maps = [
        scored("mine", "umap", name, 0.8, behind(0, 0)),
        scored("mine", name, "PCA", 0.7, behind(0.1, 0.05)),
    ]
    made = result(
        maps,
        [features("mine", name)],
        [name, *LABELS[1:]],
        folder=name,
        dropped={name: 1},
        versions={name: name},
    )
    page = written(made, tmp_path)
    assert not {"script", "b"} & page.tags
    assert all(str(one["src"]).startswith("data:") for one in page.images)
    shown = name.replace("\udcff", "\ufffd").replace("\0", "\ufffd")
    assert page.text.count(shown) >= 6
    assert page.cell("counts", shown, 1) == "1"
    assert page.cell("features", shown, 1) == "14"
    assert table(tmp_path / "maps.csv")[0]["title"] == name.replace("\udcff", "?")


def test_tables_of_numbers_hold_all_digits(tmp_path: Path) -> None:
    """A row a map and a row a feature set, equal to the result; empty where there is no number."""
    made = study()
    third = 1 / 3
    maps = [replace(made.maps[0], scores={"silhouette": third, "share": 0.83}, seconds=third), *made.maps[1:]]
    sets = [features("mfcc", "MFCC", kmeans={"random": (third, float("nan"))}), *made.features[1:]]
    made = replace(made, maps=tuple(maps), features=tuple(sets))
    write_report(made, tmp_path)
    first, second, *rest = table(tmp_path / "maps.csv")
    assert len(rest) == 3
    assert (first["rank"], first["features"], first["family"], second["rank"]) == ("1", "mfcc", "tsne", "2")
    assert first["title"] == "t-SNE, perplexity 30, 1000 iterations"
    assert first["parameters"] == "perplexity=30;iterations=1000"
    assert float(first["silhouette"]) == float(first["seconds"]) == third
    assert first["roundness"] == ""
    for name in SCORES:
        assert float(second[name]) == made.maps[1].scores[name]
    one = made.maps[1]
    assert float(second["share_low"]) == one.share.low
    assert float(second["share_classes_high"]) == one.share_classes.high
    assert [float(second[name]) for name in ("behind", "behind_low", "behind_high")] == [0.01, -0.01, 0.03]
    assert [each["is_as_good"] for each in (first, second, *rest)] == ["1", "1", "0", "0", "0"]
    mfcc, *others = table(tmp_path / "features.csv")
    assert float(mfcc["kmeans_silhouette_random"]) == third
    assert mfcc["kmeans_v_measure_random"] == mfcc["kmeans_silhouette_PCA"] == ""
    assert float(others[0]["kmeans_v_measure_PCA"]) == 0.403
    assert [float(each["share"]) for each in others] == [0.55, 0.66]
    places = table(tmp_path / "positions.csv")
    assert [each["class"] for each in places] == list(LABELS)
    assert [each["path"] for each in places][:2] == ["Kit 0/0.wav", "Kit 1/1.wav"]
    xy = np.array([[float(each["x"]), float(each["y"])] for each in places])
    assert np.array_equal(xy.astype(np.float32), made.maps[0].xy)


def test_chance_counts_those_who_count() -> None:
    """By hand: 20 kicks in two packs, 10 each, and 10 snares in the first, which have no snare outside."""
    labels = ["kick"] * 20 + ["snare"] * 10
    packs = np.array(["a"] * 10 + ["b"] * 10 + ["a"] * 10)
    made = result([], [], labels, packs=packs)
    # kicks of a: all 10 others in b are kicks; kicks of b: 10 of the 20 in a; snares aren't asked
    assert by_chance(made) == (10 * 1.0 + 10 * 0.5) / 20


def test_maps_that_failed_are_told(tmp_path: Path) -> None:
    """What couldn't be made is on the page with its reason."""
    maps = [scored("mfcc", "pca", "PCA", 0.6, behind(0, 0))]
    made = result(maps, [features("mfcc", "MFCC")], failed={"mfcc, UMAP": "ValueError: <no>"})
    assert "mfcc, UMAP: ValueError: <no>" in written(made, tmp_path).text


def test_few_maps_are_a_report_too(tmp_path: Path) -> None:
    """Two maps without the bridge's, one map of one class, and scores that can't be told."""
    maps = [
        scored("mfcc", "pca", "PCA", 0.6, behind(0, 0)),
        scored("mfcc", "umap", "UMAP", 0.5, behind(0.1, 0.05)),
    ]
    text = written(result(maps, [features("mfcc", "MFCC")], dropped={}), tmp_path / "two").text
    assert "No other map comes near: its lead is more than the chance of which kits were there." in text
    assert "The next is MFCC, UMAP, by 10.0 points" in text
    assert "klustr-bridge itself makes" not in text
    assert "No file was left out." in text

    lonely = replace(
        scored("mfcc", "pca", "PCA", float("nan"), NOT_A_NUMBER, n=3),
        scores={"roundness": 0.5}, share=NOT_A_NUMBER, share_classes=NOT_A_NUMBER, seconds=float("nan"),
    )  # fmt: skip
    none = replace(features("mfcc", "MFCC", kmeans={}), share=NOT_A_NUMBER, share_classes=NOT_A_NUMBER)
    made = result(
        [lonely],
        [none],
        ["kick"] * 3,
        packs=np.array(["0", "1", "2"]),
        packs_are="sound",
        held_out=float("nan"),
    )
    page = written(made, tmp_path / "one")
    assert "There is no other map to compare it with." in page.text
    assert "single sounds were drawn again, and the intervals may be too narrow" in page.text
    assert "nan" not in page.text.lower()
    assert page.tables["maps"][0][4] == "roundness"
    assert page.tables["maps"][1][4] == "0.500"
    assert page.cell("best", "MFCC", 2) == "–"
    assert table(tmp_path / "one" / "maps.csv")[0]["share_low"] == ""

    with pytest.raises(StudyError, match="a study of 0 maps has nothing to report"):
        write_report(replace(made, maps=()), tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match=r"can't be written to .*file.*--out"):
        write_report(study(), tmp_path / "file")


def test_the_same_study_gives_the_same_report(tmp_path: Path) -> None:
    """Byte for byte, so that a changed report is a changed study; what else is in the folder stays."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "notes.txt").write_text("mine", encoding="utf-8")
    write_report(study(), tmp_path / "a")
    write_report(replace(study(), folder="before"), tmp_path / "b")
    write_report(study(), tmp_path / "b")
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    assert {file.name for file in (tmp_path / "b").iterdir()} == FILES | {"notes.txt"}


def test_a_dot_is_where_and_what_its_sound_is() -> None:
    """A small picture has a class's colour at its place, x to the right, y upwards, and ground elsewhere."""
    made = replace(result([], [], ["kick", "snare", "Hi-Hat"]), packs=np.array(["0", "1", "2"]))
    xy = np.array([[0.0, 0.0], [1.0, 1.0], [0.25, 0.75]], np.float32)
    with Image.open(io.BytesIO(Painter(made).small_png(xy))) as picture:
        assert picture.mode == "P"
        pixels = np.asarray(picture.convert("RGB"))
    assert pixels.shape == (SMALL_PX, SMALL_PX, 3)
    colours = ["#" + bytes(pixel).hex() for pixel in pixels.reshape(-1, 3)]
    middle = {}
    for kind in ("kick", "snare", "closed_hat"):
        at = [place for place, colour in enumerate(colours) if colour == KIND_LOOKS[kind].colour]
        rows, columns = np.divmod(at, SMALL_PX)
        middle[kind] = np.array([columns.mean(), rows.mean()])
    across = middle["snare"] - middle["kick"]
    assert across[0] == pytest.approx(-across[1])
    assert across[0] > 0.9 * SMALL_PX
    wanted = middle["kick"] + [0.25 * across[0], 0.75 * across[1]]
    assert np.abs(middle["closed_hat"] - wanted).max() <= 0.6
    assert colours[0] == GROUND


def test_classes_look_like_the_kinds_of_their_name() -> None:
    """However a kind is spelled it has its look; two spellings of one kind don't share it."""
    looks = looks_of_classes(["Kick", "hi-hat", "closed_hat", "Open Hat", "zither"])
    assert looks["Kick"] == KIND_LOOKS["kick"]
    assert looks["closed_hat"] == KIND_LOOKS["closed_hat"]
    assert looks["Open Hat"] == KIND_LOOKS["open_hat"]
    assert len(set(looks.values())) == 5


def test_a_full_study_stays_a_small_page() -> None:
    """The picture of 4,575 sounds that lie anywhere is small enough for 370 of them in a page of 25 MB."""
    rng = np.random.default_rng(0)
    names = [
        "kick",
        "snare",
        "clap",
        "tom",
        "ride",
        "crash",
        "rim",
        "conga",
        "shaker",
        "closed_hat",
        "open_hat",
    ]
    labels = rng.choice(names, 4575).tolist()
    picture = Painter(result([], [], labels)).small_png(rng.uniform(0, 1, (4575, 2)).astype(np.float32))
    assert 370 * len(picture) * 4 / 3 < 20e6


@pytest.fixture(scope="module")
def chromium() -> "Iterator[Browser]":
    """A Chromium of its own."""
    if (reason := missing()) is not None:
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        shown = launch(driver, *WITHOUT_WEBGL)
        yield shown
        shown.close()


@pytest.mark.peers
@pytest.mark.timeout(180)
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1400, "light")])
def test_the_page_needs_nothing_else(width: int, scheme: str, chromium: "Browser", tmp_path: Path) -> None:
    """From the disk, with no network and no script: no complaint, no request, all pictures, none too wide."""
    file = write_report(study(), tmp_path)
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    for image in page.locator("img").all():
        image.scroll_into_view_if_needed()
    page.evaluate("Promise.all([...document.images].map((image) => image.decode()))")
    assert page.locator("script").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    assert said == []
    if (reason := missing_npm()) is not None:
        pytest.skip(reason)
    axe = (WEB / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    assert audit(page, axe, "color-contrast", "image-alt", "scrollable-region-focusable") == []
