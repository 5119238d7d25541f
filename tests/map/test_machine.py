"""What the page tells and does about the bridge's machine: files shown, clients, where the sound goes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from klustr_bridge.client import Client
from tests.daemon.running import RunningDaemon
from tests.map.pages import MapPage, apart
from tests.sounds import write_library

pytestmark = [pytest.mark.peers, pytest.mark.timeout(180)]

N = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of sounds, and beside it a file manager's messenger that notes what it is told."""
    place = tmp_path_factory.mktemp("machine")
    write_library(place / "samples", N)
    (place / "bin").mkdir()
    messenger = place / "bin" / "gdbus"
    messenger.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > '{place}/told'\ntest ! -e '{place}/broken'\n")
    messenger.chmod(0o755)
    return place / "samples"


@pytest.fixture(scope="module")
def daemon(folder: Path, chromium: object) -> Iterator[RunningDaemon]:
    """A daemon that finds this messenger first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder.parent / 'bin'}{os.pathsep}{os.environ['PATH']}")
        patch.delenv("DISPLAY", raising=False)
        patch.delenv("WAYLAND_DISPLAY", raising=False)
        running = RunningDaemon(folder.parent / "home", str(folder))
    with running:
        running.wait_ready(N)
        yield running


def test_the_file_is_shown_by_the_file_manager(page: MapPage, daemon: RunningDaemon, folder: Path) -> None:
    """The button tells the file manager of the chosen file; where that fails, the page says what to do."""
    sound_id = apart(daemon)[0]
    told = folder.parent / "told"
    assert page.page.locator("#reveal").is_disabled()
    page.press(sound_id)
    page.until(f"state.chosen === {sound_id}")
    page.page.locator("#reveal").click()
    daemon.wait_until(lambda client: told.exists() and told.read_text().endswith("\n\n"))
    assert Path(daemon.client.path(sound_id)).as_uri() in told.read_text()
    (folder.parent / "broken").touch()
    page.page.locator("#reveal").click()
    page.page.locator("#toast", has_text="gdbus could not show it; copy the path").wait_for()
    assert daemon.client.path(sound_id) in page.text("#toast")
    (folder.parent / "broken").unlink()


def test_clients_are_told_while_the_list_is_open(page: MapPage, daemon: RunningDaemon) -> None:
    """Itself and others, with what they are over; who comes is there soon, and who goes leaves."""
    page.page.locator("#clients-section summary").click()
    page.page.locator("#clients li", has_text="web (this page)").wait_for()
    page.page.locator("#clients li", has_text="test").wait_for()
    with Client(port=daemon.port, tcp=True) as deck:
        deck.hello("deck")
        deck.view("even")
        line = page.page.locator("#clients li", has_text="deck")
        line.get_by_text("TCP 127.0.0.1:").wait_for()
        line.get_by_text("even view, played by the bridge").wait_for()
        assert page.text("#n-clients") == f"({page.page.locator('#clients li').count()})"
    line.wait_for(state="detached")
