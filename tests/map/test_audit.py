"""Accessibility: axe finds nothing to say against the page, at any size, closed or open."""

from collections.abc import Callable

import pytest

from tests.daemon.running import RunningDaemon
from tests.map.pages import WEB, MapPage, apart, audit, missing_npm

pytestmark = [pytest.mark.peers, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def axe() -> str:
    """The auditor's script."""
    if (reason := missing_npm()) is not None:
        pytest.skip(reason)
    return (WEB / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def complaints(page: MapPage, axe: str) -> list[str]:
    return audit(page.page, axe, "color-contrast", "button-name", "label")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (400, 169), (390, 844)])
def test_the_auditor_is_content(
    width: int, height: int, show: Callable[..., MapPage], daemon: RunningDaemon, axe: str
) -> None:
    """Names, roles, labels and contrast: of the map with a chosen sound, a search, and the whole panel."""
    page = show(viewport={"width": width, "height": height})
    page.press(apart(daemon)[0])
    page.until("state.neighbours > 0")
    assert complaints(page, axe) == []
    page.page.locator("#search").fill("no file is called so")
    page.page.get_by_text("nothing has this name").wait_for()
    assert complaints(page, axe) == []
    page.page.locator("#search").fill("")
    if not page.page.locator("#panel").is_visible():
        page.page.locator("#panel-button").click()
    page.open_all()
    page.page.locator("#health dd").first.wait_for()
    assert complaints(page, axe) == []
    if width < 900:
        page.page.locator("#panel-button").click()
    page.page.get_by_role("button", name="Grid", exact=True).click()
    page.until("state.pads > 0 && state.settled")
    page.until(
        "[...document.querySelectorAll('.pad')].every((pad) => getComputedStyle(pad).transform === 'none')"
    )
    assert complaints(page, axe) == []


def test_tab_reaches_everything(page: MapPage, daemon: RunningDaemon) -> None:
    """Every control can be come to by the Tab key alone, each in sight and marked when it is."""
    page.press(apart(daemon)[0])
    page.until("state.neighbours > 0")
    page.open_all()
    wanted = {
        "search",
        "zoom-in",
        "hear",
        "panel-button",
        "overlay",
        "play",
        "star",
        "copy-path",
        "reveal",
        "kind",
    }
    wanted |= {"least", "only-favourites", "add-files", "folder-path", "rescan", "learn", "player", "stop"}
    page.page.locator("#search").focus()
    reached = set()
    for _ in range(150):
        focused = page.page.evaluate(
            """() => {
                const style = getComputedStyle(document.activeElement);
                return [document.activeElement.id, style.outlineStyle, style.outlineWidth];
            }"""
        )
        if focused[0] in wanted:
            assert focused[1:] == ["solid", "2px"], focused
            reached.add(focused[0])
        page.page.keyboard.press("Tab")
    assert reached == wanted
