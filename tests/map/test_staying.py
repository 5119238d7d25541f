"""While the library changes, what is under the hand stays, and nothing is asked for twice or for ever."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.copies import COPIES
from tests.daemon.running import RunningDaemon
from tests.map.ears import SOCKET
from tests.map.pages import MapPage
from tests.sounds import cowbell, snare, write, write_library

if TYPE_CHECKING:
    from playwright.sync_api import Request, Route

pytestmark = [pytest.mark.peers, pytest.mark.timeout(180)]

N = 12
LISTED = "#folders button, #filter-folder option, #give-folder option, #duplicates button"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Sounds, and two that are nearly one."""
    folder = tmp_path / "samples"
    write_library(folder, N - 2)
    write(folder / "Twin one.wav", snare(3))
    COPIES["softer.wav"](folder / "Twin two.wav", snare(3))
    return folder


@pytest.fixture
def daemon(library: Path, chromium: object) -> Iterator[RunningDaemon]:
    """A daemon of its own, which may be changed."""
    with RunningDaemon(library.parent / "home", str(library)) as running:
        running.wait_ready(N)
        yield running


def test_nothing_moves_under_the_hand(
    show: Callable[..., MapPage], daemon: RunningDaemon, library: Path
) -> None:
    """While files come and go: focus, waveform, duplicates, names; and a fetch that fails is made anew."""
    page = show(init_script=SOCKET)
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url))

    def of(part: str) -> int:
        return sum(part in url for url in asked)

    page.open_all()
    chosen = daemon.client.find("twin one")[0]
    page.press(chosen)
    page.page.locator("#card-name", has_text="Twin one.wav").wait_for()
    page.until("state.neighbours > 0")
    assert of("/map/wave/") == 1

    # the list of duplicates
    page.page.locator("#find-duplicates").click()
    duplicates = page.page.locator("#duplicates")
    for name in ("Twin one.wav", "Twin two.wav"):
        duplicates.get_by_text(name).wait_for()
    asked.clear()

    # a file comes; the first fetch of what has changed fails
    remove = page.page.locator("#folders button")
    remove.focus()
    page.page.evaluate(f"document.querySelectorAll('{LISTED}').forEach((each) => (each.kept = true))")
    page.page.route("**/map/about", _once_broken())
    folders = page.page.locator("#folders .faint")
    assert folders.inner_text().startswith(f"{N} files")
    write(library / "Cowbells" / "Cowbell new.wav", cowbell(77))
    page.page.locator("#toast", has_text="the map can't be fetched").wait_for()
    page.until(f"state.sounds === {N + 1} && state.settled")
    page.page.unroute("**/map/about")
    page.page.locator("#folders", has_text=f"{N + 1} files").wait_for()
    assert page.page.evaluate("document.activeElement === document.querySelector('#folders button')")
    kept = page.page.evaluate(f"[...document.querySelectorAll('{LISTED}')].map((each) => each.kept)")
    assert kept == [True] * 6

    # the window gets another size, and another screen
    page.page.set_viewport_size({"width": 1000, "height": 700})
    page.until("document.getElementById('points').width === document.getElementById('stage').clientWidth")
    page.page.evaluate("document.getElementById('stage').style.flex = '0 0 400px'")
    page.until("document.getElementById('points').width === 400")
    session = page.page.context.new_cdp_session(page.page)
    # Chromium tells of an emulated screen with the window's size alone; the map's own stays
    metrics = {"width": 1001, "height": 700, "deviceScaleFactor": 2, "mobile": False}
    session.send("Emulation.setDeviceMetricsOverride", metrics)
    page.until("document.getElementById('points').width === 2 * document.getElementById('stage').clientWidth")
    page.until("document.getElementById('wave').width === 2 * document.getElementById('wave').clientWidth")
    assert of("/map/wave/") == 0

    # a file gets another name: the next time it is looked at, it is there
    kick = next(library.rglob("Kick *.wav"))
    sound_id = daemon.client.find(kick.stem)[0]
    page.page.mouse.move(*page.where(sound_id))
    page.page.locator("#tip", has_text=kick.name).wait_for()
    kick.rename(kick.with_name("Renamed kick.wav"))
    daemon.wait_until(lambda client: client.info(sound_id).name == "Renamed kick.wav")

    # one of the duplicates goes: there are none any more
    (library / "Twin two.wav").unlink()
    page.until(f"state.sounds === {N} && state.settled")
    duplicates.get_by_text("No two sounds are the same any more.").wait_for()
    page.page.mouse.move(640, 300)
    page.page.mouse.move(*page.where(sound_id))
    page.page.locator("#tip", has_text="Renamed kick.wav").wait_for()

    # the page is looked at again after a while: its subscription may have run out
    page.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.until("wire.says('/klustr/hello').length === 2")
    page.complaints.clear()  # the browser notes the fetch that failed


def _once_broken() -> "Callable[[Route, Request], None]":
    left = ["the first"]

    def answer(route: "Route", request: "Request") -> None:
        if left:
            left.clear()
            route.abort()
        else:
            route.continue_()

    return answer
