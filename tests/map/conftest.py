"""One Chromium, a daemon with a small library for each file, and a page of them for each test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.daemon.running import RunningDaemon
from tests.map.pages import WITHOUT_WEBGL, MapPage, launch, missing
from tests.sounds import write_library

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

N_SOUNDS = 24


@pytest.fixture(scope="package")
def playwright() -> "Iterator[Playwright]":
    """What drives browsers."""
    if (reason := missing()) is not None:
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="package")
def chromium(playwright: "Playwright") -> "Iterator[Browser]":
    """A Chromium without WebGL."""
    shown = launch(playwright, *WITHOUT_WEBGL)
    yield shown
    shown.close()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of sounds."""
    folder = tmp_path_factory.mktemp("map") / "samples"
    write_library(folder, N_SOUNDS)
    return folder


@pytest.fixture(scope="module")
def daemon(chromium: "Browser", library: Path) -> Iterator[RunningDaemon]:
    """A daemon that has heard them all."""
    with RunningDaemon(library.parent / "home", str(library)) as running:
        running.wait_ready(N_SOUNDS)
        yield running


@pytest.fixture
def show(chromium: "Browser", daemon: RunningDaemon) -> Iterator[Callable[..., MapPage]]:
    """Open the page of `daemon`; arguments go to the browser's context. Whatever it complains of, fails."""
    contexts = []
    pages: list[MapPage] = []

    def begin(shown: "Browser" = chromium, of: RunningDaemon = daemon, **settings: Any) -> MapPage:
        of.renew_client()  # it has heard no hit of an earlier test
        settings = {"viewport": {"width": 1280, "height": 800}, **settings}
        init = settings.pop("init_script", "")
        context = shown.new_context(**settings)
        contexts.append(context)
        if init:
            context.add_init_script(init)
        pages.append(MapPage(context.new_page(), of))
        return pages[-1].open(of.client.status().sounds)

    yield begin
    for context in contexts:
        context.close()
    assert [complaint for page in pages for complaint in page.complaints] == []


@pytest.fixture
def page(show: Callable[..., MapPage]) -> MapPage:
    """The page at 1280 x 800."""
    return show()
