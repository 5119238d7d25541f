"""The Pd patches: made by the scripts beside them, of Pd's own objects, every line in its place."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.bridge.test_peers import program
from tests.examples.peers import PATIENCE_S

PATCHES = Path(__file__).parents[2] / "examples/pd"
FILES = sorted(PATCHES.glob("*.pd"))
NATIVE_WORDS = """
    *~ * / == > bng change clip clone cnv dac~ drawpolygon expr f floatatom get hsl inlet line~ list loadbang
    metro moses nbx netsend oscformat oscparse outlet outlet~ pack pointer r route s s~ sel set soundfiler
    spigot struct symbol t table tabread4~ unpack vline~ vradio vsl
"""
NATIVE = frozenset(NATIVE_WORDS.split())
MAKE = """
import pathlib, sys
import build
for name, make in build.PATCHES.items():
    make().save(pathlib.Path(sys.argv[1]) / name)
"""


def records(path: Path) -> list[list[str]]:
    text = path.read_text(encoding="utf-8")
    return [record.strip().split() for record in re.split(r"(?<!\\);", text) if record.strip()]


def test_the_patches_are_what_the_scripts_make(tmp_path: Path) -> None:
    """Nobody has edited a patch by hand, and no patch has lost its maker."""
    environment = os.environ | {"PYTHONPATH": str(PATCHES), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(
        [sys.executable, "-c", MAKE, str(tmp_path)], env=environment, check=True, timeout=PATIENCE_S
    )
    made = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.pd")}
    assert made == {path.name: path.read_text(encoding="utf-8") for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_patch_is_of_native_objects_and_lines_between_boxes(path: Path) -> None:
    """Every object is Pd's own or a patch of this folder; lines join boxes that are there."""
    lines = records(path)
    boxes = [line for line in lines if line[0] == "#X" and line[1] not in ("connect", "coords")]
    own = {other.stem for other in FILES}
    used = {box[4] for box in boxes if box[1] == "obj"}
    assert used <= NATIVE | own
    clones = {box[5] for box in boxes if box[4:5] == ["clone"]}
    assert clones <= own
    for line in lines:
        if line[1] == "connect":
            source, destination = int(line[2]), int(line[4])
            assert source < len(boxes)
            assert destination < len(boxes)
            assert "text" not in (boxes[source][1], boxes[destination][1])


def test_names_that_are_sent_to_are_heard() -> None:
    """What the window, the panel and the parts say to each other by name arrives somewhere."""
    sent, heard = set(), set()
    for path in FILES:
        for box in records(path):
            if box[4:5] in (["s"], ["s~"]):
                sent.add(box[5])
            elif box[4:5] == ["r"]:
                heard.add(box[5])
            elif box[4:5] in (["hsl"], ["vsl"], ["vradio"], ["bng"], ["nbx"], ["cnv"]):
                names = [word for word in box[5:] if word.startswith("klustr.")]
                heard.update(name for name in names if name.endswith((".set", ".label")))
                sent.update(name for name in names if not name.endswith((".set", ".label")))
            elif box[1] == "floatatom":
                heard.update(word for word in box if word.startswith("klustr."))
    places = range(1, 9)  # of klustr.place, which has its number for \\$1
    sent, heard = (
        {name.replace("\\$1", str(place)) for name in names for place in places} for names in (sent, heard)
    )
    assert sent - heard == {"klustr.left", "klustr.right"}  # for patches of the user's own
    assert {name for name in heard - sent if not name.endswith(".set")} == set()


def rectangle(box: list[str]) -> tuple[int, int, int, int]:
    """Where a box is, in Pd's font of 12 pixels: a letter is 7 wide, a line of at most 60 letters 15 high."""
    text = re.sub(r"\\(.)", r"\1", " ".join(box[4:]))
    rows = [row for part in text.split(";") for row in textwrap.wrap(part.strip(), 60)] or [""]
    if box[1] == "text":  # says how wide it is
        rows = [re.sub(r", f \d+$", "", text)]
        assert ";" not in rows[0]
    return int(box[2]), int(box[3]), 7 * max(map(len, rows)) + 4, 15 * len(rows) + 5


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.name != "klustr.pd"], ids=lambda path: path.name
)
def test_no_boxes_lie_on_each_other(path: Path) -> None:
    """The parts can be read by whoever opens them."""
    boxes = [box for box in records(path) if box[1] in ("obj", "msg", "text")]
    for i, box in enumerate(boxes):
        x, y, width, height = rectangle(box)
        for other in boxes[i + 1 :]:
            other_x, other_y, other_width, other_height = rectangle(other)
            apart = x + width <= other_x or other_x + other_width <= x
            assert apart or y + height <= other_y or other_y + other_height <= y, (box, other)


@pytest.mark.peers
def test_pd_opens_the_patches_without_a_complaint(tmp_path: Path) -> None:
    """Nothing could not be created, no line leads to an inlet or outlet that is not there."""
    closing = tmp_path / "close.pd"
    closing.write_text(
        "#N canvas 0 0 200 200 12;\n#X obj 10 10 loadbang;\n#X msg 10 40 \\; pd quit;\n#X connect 0 0 1 0;\n"
    )
    words = ["-nogui", "-noaudio", "-nomidi", "-stderr", "-nrt", "-open", str(PATCHES / "klustr.pd")]
    done = subprocess.run(
        [program("pd"), *words, "-open", str(closing)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert done.stderr == ""
