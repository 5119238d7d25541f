"""Draw docs/page-*.png: the map page on the demo library, on a desk, as a device in Live and on a phone.

python docs/draw_page.py    # from a checkout with the extra `test`, and Chromium
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from playwright.sync_api import Browser, sync_playwright

from klustr_bridge.demo.library import make_demo_library
from tests.daemon.running import RunningDaemon
from tests.map.pages import WEBGL_ON_CPU, MapPage, launch

SIZES = {
    "wide": {"viewport": {"width": 1280, "height": 800}},
    "strip": {"viewport": {"width": 400, "height": 169}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
DRAGGED = ("Kick 808 02", "Kick Deep 01", "Tom Low 01", "Snare Tight 01", "Snare Fat 02")


def main() -> None:
    """Write the pictures beside this file."""
    with tempfile.TemporaryDirectory() as work, sync_playwright() as playwright:
        home = Path(work)
        n_sounds = len(make_demo_library(home / "Samples"))
        with RunningDaemon(home, str(home / "Samples"), quick=False) as daemon:
            daemon.wait_ready(n_sounds)
            browser = launch(playwright, *WEBGL_ON_CPU)
            for name, settings in SIZES.items():
                draw(name, browser, daemon, n_sounds, settings)
            browser.close()


def draw(
    name: str, browser: Browser, daemon: RunningDaemon, n_sounds: int, settings: dict[str, object]
) -> None:
    """Play a few sounds on the page, let another client's cursor join in, and take the picture."""
    context = browser.new_context(**settings)  # type: ignore[arg-type]
    page = MapPage(context.new_page(), daemon).open(n_sounds)
    found = [ids[0] for words in DRAGGED if (ids := daemon.client.find(words))]
    for number, sound_id in enumerate(found):
        page.page.mouse.move(*page.where(sound_id), steps=6)
        if number == 0:
            page.page.mouse.down()
        page.page.wait_for_timeout(120)
    page.page.mouse.up()
    page.until("state.neighbours > 0")
    hat = daemon.client.find("hat")[3]
    place = next(point for point in daemon.client.points() if point.id == hat)
    daemon.client.send("/klustr/lift", 0)
    daemon.client.send("/klustr/xy", place.x, place.y, 0)
    page.until("state.cursors === 2")
    page.page.mouse.move(*page.where(daemon.client.find("cowbell")[0]))
    page.page.wait_for_timeout(500)
    page.page.screenshot(path=Path(__file__).with_name(f"page-{name}.png"))
    if name == "wide":
        page.page.get_by_role("button", name="Grid", exact=True).click()
        page.until("state.pads === 64 && state.settled")
        page.page.wait_for_timeout(500)
        page.page.screenshot(path=Path(__file__).with_name("page-grid.png"))
    context.close()


if __name__ == "__main__":
    main()
