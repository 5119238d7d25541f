"""The page on another machine: a real daemon started with --lan, opened at this machine's network address."""

import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bridge.lan_places import needed_address
from tests.bridge.web_peers import ask
from tests.daemon.running import RunningDaemon, run
from tests.map.conftest import N_SOUNDS
from tests.map.pages import MapPage, apart, http_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.peers, pytest.mark.timeout(180)]

HIDDEN = ("#library", "#give", "#problems-section", "#midi-section", "#copy-path", "#star", "#its-folder")


@pytest.fixture(scope="module")
def open_daemon(library: Path) -> Iterator[RunningDaemon]:
    """A daemon that other machines may use."""
    needed_address()
    words = ("--lan", str(library), "--log-level", "debug")
    with RunningDaemon(library.parent / "open-home", *words) as running:
        running.wait_ready(N_SOUNDS)
        yield running


def phone_address(daemon: RunningDaemon, *words: str) -> str:
    """What ``klustr-bridge lan`` shows."""
    said = run(daemon.home, "lan", *words)
    assert said.returncode == 0, said.stderr
    found = re.search(rf"http://{re.escape(needed_address())}:\d+/map\?token=\S+", said.stdout)
    assert found, said.stdout
    return found[0]


def test_the_token_is_in_no_log(open_daemon: RunningDaemon) -> None:
    """The daemon says how its address is seen, and shows the token to terminals alone."""
    open_daemon.wait_for_line(r"other machines may use HTTP and OSC, at every address .* knows no token")
    open_daemon.wait_for_line(r"klustr-bridge lan$")
    token = phone_address(open_daemon).partition("token=")[2]
    file = open_daemon.home / "data" / "klustr-bridge" / "lan-token"
    assert file.read_text().strip() == token
    if sys.platform != "win32":
        assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert not [line for line in open_daemon.lines if token in line]
    told = json.loads(ask(http_port(open_daemon), "/status")[2])
    assert token not in json.dumps(told)


def test_a_phone_opens_the_map_and_plays(chromium: "Browser", open_daemon: RunningDaemon) -> None:
    """By the address with the token: the points are seen, a drag hits, and the library is not offered."""
    address = phone_address(open_daemon)
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    shown = MapPage(context.new_page(), open_daemon)
    shown.page.goto(address)
    assert shown.page.url == address.partition("?")[0]
    shown.until(f"state.drawn === {N_SOUNDS} && state.open && state.settled")
    assert context.cookies()[0]["httpOnly"]
    assert shown.page.evaluate("document.cookie") == ""
    start, end = apart(open_daemon)[:2]
    shown.page.mouse.move(*shown.where(start))
    shown.page.mouse.down()
    shown.page.mouse.move(*shown.where(end))
    shown.page.mouse.up()
    shown.until("state.chosen > 0 && state.trail > 0 && state.neighbours > 0")
    hit = open_daemon.client.wait("/klustr/hit", 10.0)
    assert hit[5] == "web"
    shown.page.locator("#panel-button").click()
    shown.open_all()
    shown.page.locator("#elsewhere").wait_for()
    assert [each for each in HIDDEN if shown.page.locator(each).is_visible()] == []
    assert shown.page.locator("#play").is_visible()
    assert shown.page.locator("#search").is_enabled()
    assert shown.complaints == []  # of what follows the browser complains, rightly
    shown.page.goto(address.partition("?")[0])  # the bookmark
    shown.until(f"state.drawn === {N_SOUNDS} && state.open")
    renewed = phone_address(open_daemon, "--renew")
    assert renewed != address
    shown.until("!state.open")
    shown.page.locator("#empty", has_text="klustr-bridge lan shows").wait_for()
    assert shown.page.goto(address).status == 401  # type: ignore[union-attr]
    assert shown.page.goto(renewed).status == 200  # type: ignore[union-attr]
    shown.until(f"state.drawn === {N_SOUNDS} && state.open")
    secrets = [each.partition("token=")[2] for each in (address, renewed)]
    secrets += [cookie["value"] for cookie in context.cookies()]
    context.close()
    assert not [line for line in open_daemon.lines for secret in secrets if secret in line]


def test_without_a_bridge_there_is_nothing_to_show(tmp_path: Path) -> None:
    """It says how one is started for other machines, and makes no token."""
    said = run(tmp_path, "lan")
    assert (said.returncode, said.stdout) == (1, "")
    assert "no bridge runs; start it with --lan" in said.stderr
    assert not list(tmp_path.rglob("lan-token"))
