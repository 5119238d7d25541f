"""The code's own tests, which Node runs, and the map page's."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.max_patches.max_peer import PACKAGE, node

pytestmark = pytest.mark.peers

PAGE = PACKAGE / "patchers/klustr.map.html"


def run_node(*words: str, given: str = "") -> str:
    done = subprocess.run(
        [node(), *words],
        input=given,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_codes_own_tests_pass() -> None:
    """Words, paths, lists, the session and the Live API are tested in JavaScript itself."""
    said = run_node("--test", str(Path(__file__).with_name("logic.test.js")))
    assert int(re.findall(r"^\W*pass (\d+)", said, re.M)[0]) >= 10, said


def test_the_page_keeps_the_map() -> None:
    """Points come in rows; a new map takes the old one's place only when it is whole; places stay within."""
    (script,) = re.findall(r"<script>(.*?)</script>", PAGE.read_text(encoding="utf-8"), re.S)
    steps = """
    const map = new KlustrMap();
    const seen = [];
    map.points("start", 1, 2, 3);
    map.points("item", 1, 1, 42, 0.25, 0.5);
    seen.push([...map.places]);
    map.points("item", 1, 2, 43, 0.75, 1);
    map.points("end", 1, 2, 3);
    seen.push([...map.places]);
    map.put(44, 0, 0);
    map.remove(42);
    seen.push([...map.places]);
    seen.push(toMap(50, 25, 100, 100), toMap(-5, 500, 100, 100));
    process.stdout.write(JSON.stringify(seen));
    """
    seen = json.loads(run_node("-", given=script + steps))
    assert seen == [
        [],
        [[42, [0.25, 0.5]], [43, [0.75, 1]]],
        [[43, [0.75, 1]], [44, [0, 0]]],
        [0.5, 0.75],
        [0, 0],
    ]


def test_the_page_says_where_it_belongs() -> None:
    """In a browser there is no Max, and the page says so; in Max it asks for the points."""
    page = PAGE.read_text(encoding="utf-8")
    inlets = set(re.findall(r'bindInlet\("(\w+)"', page))
    assert inlets == {"points", "hit", "added", "moved", "removed"}
    overview = json.loads((PACKAGE / "extras/klustr.maxpat").read_text(encoding="utf-8"))["patcher"]
    texts = {entry["box"].get("text", "") for entry in overview["boxes"]}
    assert {f"prepend {word}" for word in inlets} <= texts
    outlets = set(re.findall(r'max\.outlet\("(\w+)"', page))
    assert f"route {' '.join(sorted(outlets, reverse=True))}" in texts
    assert "if (!window.max)" in page
