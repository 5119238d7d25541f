"""The picture of the map, and the labels it can be coloured by."""

import itertools
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from klustr_bridge.errors import KlustrError, LibraryError
from klustr_bridge.kind_looks import KIND_LOOKS, UNKNOWN, looks_of
from klustr_bridge.mapplot import draw_map, read_labels
from klustr_bridge.sound.kinds import KINDS

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], dtype=np.float32)


def pixels(path: Path) -> NDArray[np.int64]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(np.int64)


def rgb(colour: str) -> NDArray[np.int64]:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])


def spot(
    picture: NDArray[np.int64], colour: str, right_of: float = 0.0, left_of: float = 0.76
) -> NDArray[np.float64]:
    """Where the pixels of a colour have their middle (x, y from the top), within the map's part."""
    close = np.abs(picture - rgb(colour)).max(axis=2) <= 14
    width = picture.shape[1]
    close[:, : int(right_of * width)] = False
    close[:, int(left_of * width) :] = False
    assert close.sum() >= 12, f"no {colour} in the picture"
    rows, columns = np.nonzero(close)
    return np.array([columns.mean(), rows.mean()])


def test_points_are_where_and_what_they_should_be(tmp_path: Path) -> None:
    """Each kind's colour is at its point: x to the right, y upwards, equal scales, and in the legend."""
    xy = np.vstack([CORNERS, [[0.25, 0.75]]])
    kinds = ["kick", "snare", "closed_hat", "bass", "fx"]
    draw_map(xy, kinds, tmp_path / "map.png", title="Five")
    picture = pixels(tmp_path / "map.png")
    assert picture.shape == (1200, 1600, 3)
    at = {kind: spot(picture, KIND_LOOKS[kind].colour) for kind in kinds}
    across, up = at["snare"] - at["kick"], at["closed_hat"] - at["kick"]
    assert across[0] > 900
    assert np.abs(across[1]) < 2
    assert up[1] == pytest.approx(-across[0], abs=4)
    assert np.abs(at["bass"] - (at["kick"] + across + up)).max() < 3
    assert np.abs(at["fx"] - (at["kick"] + 0.25 * across + 0.75 * up)).max() < 3
    for kind in kinds:
        spot(picture, KIND_LOOKS[kind].colour, right_of=0.76, left_of=1.0)


def test_the_ground_is_dark(tmp_path: Path) -> None:
    """Most of the picture is nearly black, so that the points shine."""
    draw_map(CORNERS, ["kick"] * 4, tmp_path / "map.png")
    assert np.median(pixels(tmp_path / "map.png")) < 40


@pytest.mark.parametrize("size", [(1600, 1200), (640, 480), (800, 1400), (2000, 500), (200, 200)])
@pytest.mark.parametrize("n", [0, 1, 2, 40])
def test_any_number_in_any_size(tmp_path: Path, n: int, size: tuple[int, int]) -> None:
    """Empty, tiny and odd maps are drawn too, in exactly the size asked for."""
    rng = np.random.default_rng(n)
    names = [KINDS[i % len(KINDS)] for i in range(n)]
    draw_map(rng.random((n, 2), dtype=np.float32), names, tmp_path / "map.png", size_px=size)
    with Image.open(tmp_path / "map.png") as image:
        assert image.size == size


def test_a_hundred_thousand_points(tmp_path: Path) -> None:
    """A huge map stays a map: both halves show their colour and the file stays small."""
    rng = np.random.default_rng(1)
    xy = rng.random((100_000, 2), dtype=np.float32)
    draw_map(xy, ["kick" if x < 0.5 else "snare" for x in xy[:, 0]], tmp_path / "map.png")
    picture = pixels(tmp_path / "map.png")
    left, right = picture[500:700, 200:500].mean(axis=(0, 1)), picture[500:700, 800:1100].mean(axis=(0, 1))
    assert left[0] > 1.6 * left[2]
    assert right[2] > 1.6 * right[0]
    draw_map(xy, [UNKNOWN] * len(xy), tmp_path / "map.svg")
    assert (tmp_path / "map.svg").stat().st_size < 8_000_000


def test_unknown_lies_below_the_others(tmp_path: Path) -> None:
    """A sound of no known kind never hides one of a known kind, however many there are."""
    xy = np.full((50, 2), 0.5)
    draw_map(xy, [*["kick"] * 5, *[UNKNOWN] * 45], tmp_path / "map.png")
    picture = pixels(tmp_path / "map.png")
    spot(picture, KIND_LOOKS["kick"].colour)
    grey = np.abs(picture[100:, :1200] - rgb(KIND_LOOKS[UNKNOWN].colour)).max(axis=2) <= 8
    assert grey.sum() < 12


def test_a_sound_without_a_place_is_left_out(tmp_path: Path) -> None:
    """NaN positions are no error and no dot."""
    draw_map(np.array([[np.nan, np.nan], [0.5, 0.5]]), ["kick", "snare"], tmp_path / "map.png")
    picture = pixels(tmp_path / "map.png")
    spot(picture, KIND_LOOKS["snare"].colour)
    with pytest.raises(AssertionError, match="no #"):
        spot(picture, KIND_LOOKS["kick"].colour, left_of=1.0)


def test_labels_colour_in_place_of_kinds(tmp_path: Path) -> None:
    """Labels win over kinds; an empty one is grey."""
    draw_map(CORNERS[:2], ["kick", "kick"], tmp_path / "map.png", labels=["snare", ""])
    picture = pixels(tmp_path / "map.png")
    spot(picture, KIND_LOOKS["snare"].colour)
    spot(picture, "#555b67")
    with pytest.raises(AssertionError, match="no #"):
        spot(picture, KIND_LOOKS["kick"].colour, left_of=1.0)


def test_svg_is_a_picture_of_its_own_and_points_stay_sharp(tmp_path: Path) -> None:
    """An SVG has the size asked for; few points are shapes in it, many are one image."""
    rng = np.random.default_rng(2)
    for n, n_images in ((100, 0), (5_000, 1)):
        out = tmp_path / f"{n}.svg"
        draw_map(rng.random((n, 2)), list(KINDS[:20]) * (n // 20), out, size_px=(960, 720))
        root = ET.parse(out).getroot()
        assert float(root.attrib["width"].removesuffix("pt")) * 96 / 72 == pytest.approx(960)
        assert float(root.attrib["height"].removesuffix("pt")) * 96 / 72 == pytest.approx(720)
        assert len(root.findall(".//{http://www.w3.org/2000/svg}image")) == n_images


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_same_map_is_the_same_file(tmp_path: Path, suffix: str) -> None:
    """Nothing random and no date is in the file; nothing else is left in the folder."""
    for name in ("a", "b"):
        draw_map(CORNERS, ["kick", "snare", "tom", "rim"], tmp_path / (name + suffix), title="Same")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_any_text_can_be_drawn(tmp_path: Path) -> None:
    """Names and titles with dollars, other scripts, or bytes that aren't text draw without a warning."""
    names = ["$x^2$", "太鼓", "bad\udcff", "a" * 80]
    draw_map(CORNERS, names, tmp_path / "map.png", title="Títle $\\frac{ 🥁 \udc80")
    assert (tmp_path / "map.png").exists()


def test_more_names_than_fit_are_summed_up(tmp_path: Path) -> None:
    """A hundred labels are drawn, the legend keeps within the picture."""
    rng = np.random.default_rng(3)
    names = [f"label {i}" for i in range(100)]
    draw_map(rng.random((100, 2)), names, tmp_path / "map.svg")
    assert (tmp_path / "map.svg").exists()
    assert len({(look.colour, look.marker) for look in looks_of(names).values()}) == 100


def test_every_kind_has_a_look() -> None:
    """The palette covers the kinds that there are, and no others."""
    assert set(KIND_LOOKS) == set(KINDS)


def to_oklab(srgb: NDArray[np.float64], sight: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = np.where(srgb < 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(sight @ linear, 0, 1)
    lms = np.cbrt(
        np.array([[0.41222, 0.53633, 0.05145], [0.21190, 0.68070, 0.10740], [0.08830, 0.28172, 0.62998]])
        @ linear
    )
    return (
        np.array([[0.21045, 0.79362, -0.00407], [1.97800, -2.42859, 0.45059], [0.02590, 0.78277, -0.80868]])
        @ lms
    )


SIGHTS = {  # Machado, Oliveira and Fernandes 2009, severity 1
    "normal": np.eye(3),
    "protanopia": np.array([[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]]),
    "deuteranopia": np.array(
        [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]]
    ),
    "tritanopia": np.array([[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]]),
}


@pytest.mark.parametrize("sight", SIGHTS)
def test_kinds_can_be_told_apart_by_every_eye(sight: str) -> None:
    """Two kinds differ clearly in colour, or else in marker, for the colour blind as well."""
    for (a, look_a), (b, look_b) in itertools.combinations(KIND_LOOKS.items(), 2):
        if UNKNOWN in (a, b) or look_a.marker != look_b.marker:
            continue
        colours = [to_oklab(rgb(look.colour) / 255, SIGHTS[sight]) for look in (look_a, look_b)]
        assert np.linalg.norm(colours[0] - colours[1]) > 0.11, (a, b)


@given(st.lists(st.text(max_size=12) | st.sampled_from(KINDS), max_size=30))
def test_any_names_get_a_look(names: list[str]) -> None:
    """Known kinds always look the same; unknown names get a look that no other name here has."""
    looks = looks_of(names)
    assert set(looks) == set(names)
    assert all(looks[name] == KIND_LOOKS[name] for name in looks if name in KIND_LOOKS)
    assert len({(look.colour, look.marker) for look in looks.values()}) == len(looks)
    assert looks_of(names[::-1]) == looks


def test_a_name_that_extends_a_kind_takes_its_colour() -> None:
    """``conga_bongo`` looks like conga as long as no conga is drawn beside it."""
    assert looks_of(["conga_bongo"])["conga_bongo"] == KIND_LOOKS["conga"]
    assert looks_of(["conga_bongo", "conga"])["conga_bongo"] != KIND_LOOKS["conga"]


def test_wrong_uses_are_said(tmp_path: Path) -> None:
    """Another suffix or a missing folder ends in a message that names the file; nothing is left over."""
    with pytest.raises(LibraryError, match=r"map\.jpg.*\.png or \.svg"):
        draw_map(CORNERS, ["kick"] * 4, tmp_path / "map.jpg")
    with pytest.raises(LibraryError, match="can't be written"):
        draw_map(CORNERS, ["kick"] * 4, tmp_path / "none" / "map.png")
    with pytest.raises(ValueError, match="4 points, 3 names"):
        draw_map(CORNERS, ["kick"] * 3, tmp_path / "map.png")
    assert not list(tmp_path.iterdir())


def test_matplotlib_is_imported_only_to_draw() -> None:
    """Importing the module costs no matplotlib, and drawing never brings in pyplot."""
    script = (
        "import sys, tempfile, pathlib, numpy as np\n"
        "from klustr_bridge.mapplot import draw_map\n"
        "assert 'matplotlib' not in sys.modules\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    draw_map(np.zeros((1, 2)), ['kick'], pathlib.Path(folder, 'x.png'))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_labels_are_found_beside_below_and_absolute(tmp_path: Path) -> None:
    """A path counts from the table's folder, from the folder of its name, or from the root."""
    for name in ("drums/a/kick.wav", "other/snare.wav", "drums/b.wav", "b.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    table = tmp_path / "drums.csv"
    table.write_text(
        "path,label,kit\n"
        "a/kick.wav,kick,one\n"
        "other/snare.wav,snare,two\n"
        f"{tmp_path / 'b.wav'},tom,three\n"
        "b.wav,rim,four\n"
        "gone.wav,clap,\n"
        ",clap,\n"
        "no label.wav,,\n",
        encoding="utf-8",
    )
    assert read_labels(table) == {
        str(tmp_path / "drums/a/kick.wav"): "kick",
        str(tmp_path / "other/snare.wav"): "snare",
        str(tmp_path / "b.wav"): "tom",
        str(tmp_path / "drums/b.wav"): "rim",
        str(tmp_path / "gone.wav"): "clap",
    }


def test_a_table_made_by_a_spreadsheet(tmp_path: Path) -> None:
    """A byte order mark, CRLF, spaces in the header, short rows and quoted commas are read."""
    table = tmp_path / "t.csv"
    table.write_bytes('\ufefflabel, path\r\nkick,"a, b ü.wav"\r\nsnare\r\n'.encode())
    assert read_labels(table) == {str(tmp_path / "a, b ü.wav"): "kick"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"file,label\n", "no column 'path'.*found: file, label"),
        (b"path,kind\n", "no column 'label'"),
        (b"", "no column 'path' and no column 'label'.*found: nothing"),
        (b"path,label\n\xff\xfe,x\n", "isn't a CSV file in UTF-8"),
    ],
)
def test_a_table_that_is_none_is_said(tmp_path: Path, content: bytes, message: str) -> None:
    """A missing column is named, with those that were found."""
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(KlustrError, match=message):
        read_labels(tmp_path / "t.csv")


def test_no_table_is_said(tmp_path: Path) -> None:
    """A table that doesn't exist is named."""
    with pytest.raises(KlustrError, match=r"none\.csv can't be read: No such file"):
        read_labels(tmp_path / "none.csv")
