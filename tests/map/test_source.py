"""What can be told of the page without a browser."""

import re
from pathlib import Path

import pytest

import klustr_bridge
from tests.map.pages import WEB

PAGE = Path(klustr_bridge.__file__).parent / "bridge" / "page"
SOURCES = sorted(
    [*(WEB / "src").glob("*.ts"), *(WEB / "test").glob("*.ts"), WEB / "map.css", WEB / "index.html"]
)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_sources_are_short(source: Path) -> None:
    """A file is split before 500 lines."""
    assert len(source.read_text(encoding="utf-8").splitlines()) < 500


def test_nothing_in_the_page_needs_a_loose_policy() -> None:
    """No script, style or handler in the page itself: its policy forbids them."""
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:", page) == []


def test_the_page_loads_nothing_from_elsewhere() -> None:
    """It works without a network: every address in it is the bridge's own."""
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r'(?:src|href)="([^"]*)"', page)) == {
        "data:,",
        "/map/assets/map.css",
        "/map/assets/map.js",
    }
    for name in ("map.js", "map.css"):
        assert re.findall(r"https?://[^\s\"'`]*", (PAGE / name).read_text(encoding="utf-8")) == []


def test_labels_name_things_that_are_there() -> None:
    """Each label, description and control names an element of the page."""
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    named = re.findall(r'(?:\sfor|aria-controls|aria-describedby)="([^"]+)"', page)
    assert named and set(named) <= set(ids)
