"""The map page in a real browser: time to its first picture, script time a frame, bytes on the wire.

Chromium, driven by Playwright, on a daemon whose library is there already. Where there is no graphics
card, WebGL is drawn by the processor and frames come late; the script's own time in a frame, which is
what the page can answer for, is the same as on a machine that has one.
"""

import argparse
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.common import Aim, Daemon, Report, Row, median, work_folder
from benchmarks.libraries import make_library

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

MOST_FRAME_MS = 4.0
"""A quarter of a frame at 60 a second: the rest is the browser's and the card's."""

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
_WAYS = {
    "webgl": ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"),
    "canvas": ("--disable-gpu", "--disable-3d-apis"),
}
_DEADLINE_S = 120.0
_PARTS = ("page", "points", "rest")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sounds", type=int, nargs="+", default=[1000, 10_000, 100_000], help="sizes (default: 1k 10k 100k)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="loads of the page (default: 3)")
    parser.add_argument("--frames", type=int, default=60, help="drawn while the map is moved (default: 60)")
    parser.add_argument(
        "--browser", metavar="FILE", help="Chromium's program (default: the one of the system)"
    )
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep what is made here for the next run")


@dataclass(slots=True)
class _Seen:
    """What one size and one way of drawing gave: milliseconds, and bytes by part."""

    first_ms: list[float] = field(default_factory=list)
    frames_ms: dict[str, list[float]] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_PARTS, 0))


def run(options: argparse.Namespace) -> Report:
    from playwright.sync_api import sync_playwright

    report = Report("map", {"sounds": options.sounds, "rounds": options.rounds, "frames": options.frames})
    base: dict[str, _Seen] = {}
    with work_folder(options.work) as work, sync_playwright() as playwright:
        for n_sounds in options.sounds:
            library = make_library(work / f"library {n_sounds}", n_sounds)
            with Daemon(work / "home", library.file) as daemon:
                daemon.wait_ready(n_sounds)
                port = _http_port(daemon)
                for way in _WAYS:
                    seen = _measure(playwright, way, port, n_sounds, options)
                    _fill(report, way, n_sounds, seen, base.setdefault(way, seen), options.sounds[0])
    report.notes.append("no graphics card was used: WebGL is drawn by the processor here")
    return report


def _fill(report: Report, way: str, n_sounds: int, seen: _Seen, base: _Seen, n_base: int) -> None:
    size, against = f"{n_sounds:7,} sounds, {way:6} ", f"{n_base:,} sounds"

    def add(what: str, value: float, unit: str, of_base: float) -> None:
        report.rows.append(Row(size + what, value, unit, value / of_base, against))

    add("first picture", median(seen.first_ms), "ms", median(base.first_ms))
    for what, times in seen.frames_ms.items():
        add(f"script a frame, {what}", median(times), "ms", median(base.frames_ms[what]))
        add(f"script a frame, {what}, longest", max(times), "ms", max(base.frames_ms[what]))
        if way == "webgl":
            report.aims.append(Aim(f"{size}script a frame, {what}", median(times), MOST_FRAME_MS, "ms"))
    if way == "webgl":
        for part in _PARTS:
            add(f"bytes, {part}", seen.sent[part] / 1000, "kB", base.sent[part] / 1000)


def _measure(
    playwright: "Playwright", way: str, port: int, n_sounds: int, options: argparse.Namespace
) -> _Seen:
    seen = _Seen()
    program = options.browser or _chromium()
    browser = playwright.chromium.launch(executable_path=program, args=[*_FLAGS, *_WAYS[way]])
    try:
        for number in range(options.rounds):
            _load(browser, port, n_sounds, options.frames, seen, is_last=number == options.rounds - 1)
    finally:
        browser.close()
    return seen


def _load(browser: "Browser", port: int, n_sounds: int, n_frames: int, seen: _Seen, *, is_last: bool) -> None:
    """Load the page with an empty cache; in the last round, move the map as well."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    if is_last:
        _count_bytes(page, seen)
    began = time.perf_counter()
    page.goto(f"http://127.0.0.1:{port}/map", wait_until="commit")
    _until(page, f"state.sounds === {n_sounds} && state.drawn === {n_sounds}")
    seen.first_ms.append(1000 * (time.perf_counter() - began))
    if is_last:
        page.mouse.move(500, 400)
        zoom = _frames(page, n_frames, lambda i: page.mouse.wheel(0, -60 if i % 20 < 10 else 60))
        seen.frames_ms["zoom"] = zoom
        seen.frames_ms["morph"] = _morph(page)
    context.close()


def _frames(page: "Page", n_frames: int, act: Callable[[int], None]) -> list[float]:
    """Act as a hand does, and take the script's time of each frame that follows."""
    times = []
    for number in range(n_frames):
        before = _state(page)["frames"]
        act(number)
        _until(page, f"state.frames > {before}", give_up_s=1.0)
        times.append(_state(page)["frameMs"])
    return times


def _morph(page: "Page") -> list[float]:
    """Change the view, and look at the frames as they come until all points are there."""
    times = []
    page.locator("[data-view=even]").click()
    while not (state := _state(page))["settled"]:
        times.append(state["frameMs"])
        page.wait_for_timeout(10)
    return [*times, _state(page)["frameMs"]]


def _count_bytes(page: "Page", seen: _Seen) -> None:
    """Add up what comes over the wire, as it is there: compressed, with its head."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    parts: dict[str, str] = {}

    def answered(event: dict[str, Any]) -> None:
        path = event["response"]["url"].partition("/map")[2]
        is_page = path == "" or path.startswith("/assets")
        parts[event["requestId"]] = "points" if path.startswith("/points") else "page" if is_page else "rest"

    def finished(event: dict[str, Any]) -> None:
        seen.sent[parts.get(event["requestId"], "rest")] += int(event["encodedDataLength"])

    def framed(event: dict[str, Any]) -> None:
        seen.sent["rest"] += len(event["response"]["payloadData"])

    session.on("Network.responseReceived", answered)
    session.on("Network.loadingFinished", finished)
    session.on("Network.webSocketFrameReceived", framed)


def _state(page: "Page") -> dict[str, Any]:
    state: dict[str, Any] = page.evaluate("window.klustrMap ? klustrMap.state() : {}")
    return state


def _until(page: "Page", condition: str, give_up_s: float = _DEADLINE_S) -> None:
    look = f"(() => {{ const state = window.klustrMap ? klustrMap.state() : {{}}; return {condition}; }})()"
    until = time.monotonic() + give_up_s
    while not page.evaluate(look):
        if time.monotonic() > until:
            raise RuntimeError(f"the page never came to {condition}; it is at {_state(page)}")
        page.wait_for_timeout(2)


def _http_port(daemon: Daemon) -> int:
    """The port that the daemon says it serves pages on."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if found := re.search(r"HTTP on http://127\.0\.0\.1:(\d+)/", daemon.said()):
            return int(found[1])
        time.sleep(0.05)
    raise RuntimeError(f"the daemon serves no page; it said:\n{daemon.said()}")


def _chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        raise SystemExit("no Chromium is installed; install one, or name it with --browser")
    return found
