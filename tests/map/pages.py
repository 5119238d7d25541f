"""The page in a real browser: Debian's Chromium, driven by Playwright, against a real daemon."""

import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from tests.daemon.running import RunningDaemon

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

WEB = Path(__file__).parents[2] / "web"
DEADLINE_S = 40.0

QUIET = (
    *("--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"),
)
WITHOUT_WEBGL = ("--disable-gpu", "--disable-3d-apis")
WEBGL_ON_CPU = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")


def chromium() -> str | None:
    """Where Chromium is, None if nowhere."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def missing() -> str | None:
    """Name what these tests lack, None if nothing."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "Playwright is not installed"
    return None if chromium() else "Chromium is not installed"


def missing_npm() -> str | None:
    """Install what the page is built with where it isn't yet; name what is lacking, None if nothing."""
    if shutil.which("npm") is None:
        return "npm is not installed"
    with FileLock(Path(tempfile.gettempdir()) / "klustr-bridge-npm.lock"):  # test files run side by side
        if (WEB / "node_modules" / ".package-lock.json").exists():
            return None
        words = ["npm", "ci", "--no-audit", "--no-fund"]
        done = subprocess.run(words, cwd=WEB, capture_output=True, check=False)
    return None if done.returncode == 0 else "npm can't fetch what the page is built with"


def launch(playwright: "Playwright", *flags: str) -> "Browser":
    """Start a Chromium."""
    return playwright.chromium.launch(executable_path=chromium(), args=[*QUIET, *flags])


class MapPage:
    """The page of a daemon.

    Parameters
    ----------
    page : Page
        An empty one.
    daemon : RunningDaemon
        Whose map it shows.
    """

    def __init__(self, page: "Page", daemon: RunningDaemon) -> None:
        self.page = page
        self.daemon = daemon
        self.complaints: list[str] = []
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, n_sounds: int) -> "MapPage":
        """Load it and wait until it shows so many sounds."""
        self.page.goto(f"http://127.0.0.1:{http_port(self.daemon)}/map")
        self.until(f"state.drawn === {n_sounds} && state.open && state.settled")
        self.page.locator("#add-files:enabled").wait_for(state="attached")  # it knows the folders
        return self

    def state(self) -> dict[str, Any]:
        """What the page says of itself."""
        state: dict[str, Any] = self.page.evaluate("window.klustrMap ? klustrMap.state() : {}")
        return state

    def until(self, condition: str) -> dict[str, Any]:
        """Wait until a JavaScript expression about `state` is true.

        Playwright's own waiting is of no use here: it evaluates text in the page, whose policy forbids that.
        """
        until = time.monotonic() + DEADLINE_S
        look = (
            f"(() => {{ const state = window.klustrMap ? klustrMap.state() : {{}}; return {condition}; }})()"
        )
        while not self.page.evaluate(look):
            assert time.monotonic() < until, f"never: {condition}; {self.state()}, {self.complaints}"
            self.page.wait_for_timeout(30)
        return self.state()

    def where(self, sound_id: int) -> tuple[float, float]:
        """Where a sound is on the page, in pixels."""
        at = self.page.evaluate(f"klustrMap.screenOf({sound_id})")
        assert at is not None, f"the page does not show {sound_id}"
        return at["x"], at["y"]

    def press(self, sound_id: int) -> None:
        """Click on a sound."""
        self.page.mouse.click(*self.where(sound_id))

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()

    def open_all(self) -> None:
        """Open every section of the panel."""
        self.page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")


def http_port(daemon: RunningDaemon) -> int:
    """The port that the daemon says it serves pages on."""
    found = re.search(r":(\d+)/", daemon.wait_for_line(r"HTTP on http://127\.0\.0\.1:\d+/"))
    assert found
    return int(found[1])


def audit(page: "Page", axe: str, *rules: str) -> list[str]:
    """What axe, given as its script, has to say against a page; the rules named must pass somewhere."""
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations', 'passes'] })")
    assert set(rules) <= {rule["id"] for rule in found["passes"]}
    return [f"{rule['id']}: {node['html']}" for rule in found["violations"] for node in rule["nodes"]]


def apart(daemon: RunningDaemon) -> list[int]:
    """Ids of all sounds, those first that have most room around them on the natural map."""
    points = daemon.client.points()

    def room(one: Any) -> float:
        others = (other for other in points if other.id != one.id)
        return min((other.x - one.x) ** 2 + (other.y - one.y) ** 2 for other in others)

    return [point.id for point in sorted(points, key=room, reverse=True)]


def drop(page: "Page", zone: str, name: str, data: bytes) -> None:
    """Drop a file on the page, as a hand from the desktop does."""
    page.evaluate(
        """([zone, name, bytes]) => {
            const carried = new DataTransfer();
            carried.items.add(new File([new Uint8Array(bytes)], name));
            const tell = (type, target) => target.dispatchEvent(
                new DragEvent(type, { dataTransfer: carried, bubbles: true, cancelable: true }));
            tell("dragenter", document.body);
            const target = document.querySelector(`[data-zone=${zone}]`);
            tell("dragover", target);
            tell("drop", target);
        }""",
        [zone, name, list(data)],
    )


def drop_paths(page: "Page", zone: str, *paths: Path) -> None:
    """Drop files and folders of the disk on the page, as Chromium does it itself."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}

    def tell(kind: str, x: float, y: float) -> None:
        session.send("Input.dispatchDragEvent", {"type": kind, "x": x, "y": y, "data": data})

    tell("dragEnter", 300, 300)
    box = page.locator(f"[data-zone={zone}]").bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tell("dragOver", *middle)
    tell("drop", *middle)
    session.detach()
