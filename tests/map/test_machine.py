"""What the page tells of the bridge's machine: files, clients, devices; names and pads as files change."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from klustr_bridge.client import Client
from tests.daemon.running import RunningDaemon
from tests.map.pages import MapPage, apart
from tests.sounds import cowbell, write, write_library

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
        sound = ("--audio", "on", "--audio-device", "no such device")
        running = RunningDaemon(folder.parent / "home", str(folder), *sound)
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


def test_where_the_sound_goes_is_told_and_what_is_wrong(page: MapPage, show: Callable[..., MapPage]) -> None:
    """The bar says that there is no sound, and leads to the reason; not while the browser plays itself."""
    trouble = page.page.locator("#trouble")
    trouble.get_by_text("No sound").wait_for()
    assert "output device" in (trouble.get_attribute("title") or "")
    trouble.click()
    page.page.locator("#health dd", has_text="no sound, ").first.wait_for()
    page.page.locator("#health dd", has_text="the setting midi.input turns it on").wait_for()
    page.page.locator("#sound-section", has_text="audio.device").wait_for()
    page.page.locator("#player").select_option("client")
    trouble.wait_for(state="hidden")
    strip = show(viewport={"width": 400, "height": 169}).page
    strip.locator("#trouble").wait_for()
    for control in strip.locator("#bar button:visible, #bar select:visible, #bar input:visible").all():
        box = control.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= 400, control.inner_text()


def test_a_file_that_is_renamed_has_its_new_name_on_an_open_page(
    page: MapPage, daemon: RunningDaemon, folder: Path
) -> None:
    """With the same id: in the chosen sound's card, on its pad and in lists; its kind follows, too."""
    kick = next(folder.rglob("Kick*.wav"))
    sound_id = daemon.client.find(kick.stem)[0]
    page.press(sound_id)
    page.page.locator("#card-name", has_text=kick.name).wait_for()
    page.page.get_by_role("button", name="Grid", exact=True).click()
    pad = page.page.locator(f'.pad[data-id="{sound_id}"]')
    pad.get_by_text(kick.stem).wait_for()
    kick.rename(kick.with_name("Shaker renamed.wav"))
    pad.get_by_text("Shaker renamed").wait_for()
    page.page.locator("#card-name", has_text="Shaker renamed.wav").wait_for()
    page.page.locator("#legend button", has_text="shaker").wait_for()
    assert page.page.locator("#kind").input_value() == "shaker"
    assert page.state()["chosen"] == sound_id and daemon.client.find("Shaker renamed") == [sound_id]
    # asked for between the renaming and its noticing, the waveform has no file: the browser notes the refusal
    page.complaints[:] = [each for each in page.complaints if "422" not in each]


def test_pads_follow_the_library(page: MapPage, daemon: RunningDaemon, folder: Path) -> None:
    """A new sound and a new map, then five sounds, one, and none: pads are those of the bridge each time."""
    page.page.get_by_role("button", name="Grid", exact=True).click()
    page.until(f"state.pads === {N} && state.settled")
    write(folder / "Cowbells" / "Cowbell new.wav", cowbell(77))
    page.until(f"state.pads === {N + 1}")
    epoch = page.state()["epoch"]
    daemon.client.command("/klustr/relayout", timeout=40.0)
    page.until(f"state.epoch > {epoch} && state.pads === {N + 1} && state.settled")
    for n in (5, 1):
        for file in sorted(folder.rglob("*.wav"))[n:]:
            file.unlink()
        page.until(f"state.pads === {n} && state.sounds === {n}")
        laid = {str(pad.id) for pad in daemon.client.grid(8, 8)}
        assert {pad.get_attribute("data-id") for pad in page.page.locator(".pad").all()} == laid
    shutil.rmtree(folder)
    folder.mkdir()
    page.page.locator("#empty", has_text="No sounds yet").wait_for()
    page.page.locator(".pad").first.wait_for(state="detached")
    assert page.text("#pads-said") == ""
    page.page.get_by_role("button", name="Natural").click()
    page.until("state.view === 'natural' && state.settled")
