"""The Max patches: well formed, and made by the script beside them."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

PATCHES = Path(__file__).parents[2] / "max_patches"
FIRST_STEPS = PATCHES / "klustr.first-steps.maxpat"


def patcher(path: Path) -> dict[str, Any]:
    (key, inner), *rest = json.loads(path.read_text(encoding="utf-8")).items()
    assert key == "patcher"
    assert not rest
    assert isinstance(inner, dict)
    return inner


@pytest.mark.parametrize("path", sorted(PATCHES.glob("*.maxpat")), ids=lambda path: path.name)
def test_a_patch_has_the_shape_that_max_expects(path: Path) -> None:
    """Boxes have what Max asks for, and every line goes from an outlet to an inlet that is there."""
    patch = patcher(path)
    assert {"fileversion", "appversion", "classnamespace", "rect", "boxes", "lines"} <= set(patch)
    boxes = {entry["box"]["id"]: entry["box"] for entry in patch["boxes"]}
    assert len(boxes) == len(patch["boxes"])
    for box in boxes.values():
        assert {"maxclass", "numinlets", "numoutlets", "patching_rect"} <= set(box)
        assert len(box.get("outlettype", [])) == box["numoutlets"]
        assert ("outlettype" in box) == (box["numoutlets"] > 0)
    assert patch["lines"]
    for entry in patch["lines"]:
        source, outlet = entry["patchline"]["source"]
        destination, inlet = entry["patchline"]["destination"]
        assert 0 <= outlet < boxes[source]["numoutlets"]
        assert 0 <= inlet < boxes[destination]["numinlets"]


def test_no_boxes_lie_on_each_other() -> None:
    """Everything in the patch can be read."""
    rects = [entry["box"]["patching_rect"] for entry in patcher(FIRST_STEPS)["boxes"]]
    for i, (x, y, width, height) in enumerate(rects):
        for other_x, other_y, other_width, other_height in rects[i + 1 :]:
            apart = x + width <= other_x or other_x + other_width <= x
            assert apart or y + height <= other_y or other_y + other_height <= y, (rects[i], other_x, other_y)


def test_the_patch_is_what_the_script_makes(tmp_path: Path) -> None:
    """Nobody has edited the patch by hand, and the script still runs."""
    build = runpy.run_path(str(PATCHES / "build.py"))
    again = tmp_path / FIRST_STEPS.name
    build["first_steps"]().save(again)
    assert patcher(again) == patcher(FIRST_STEPS)


def test_the_patch_listens_where_it_says() -> None:
    """Hello names the port of the patch's own udpreceive, and udpsend the bridge's usual port."""
    texts = [entry["box"].get("text", "") for entry in patcher(FIRST_STEPS)["boxes"]]
    assert "/klustr/hello Max 7476" in texts
    assert "udpreceive 7476" in texts
    assert "udpsend 127.0.0.1 7475" in texts
