"""A map that is not in force is looked at, played, taken and dropped on the page."""

import pytest

from tests.daemon.running import RunningDaemon
from tests.map.conftest import N_SOUNDS
from tests.map.pages import MapPage, apart

pytestmark = [pytest.mark.peers, pytest.mark.timeout(180)]


def test_a_candidate_is_looked_at_played_and_taken(page: MapPage, daemon: RunningDaemon) -> None:
    """What is hit is what is seen; nothing in force moves until it is taken, by whomever."""
    epoch = daemon.client.status().epoch
    sounds = apart(daemon)
    home = {each: page.where(each) for each in sounds}
    page.page.locator("#scores-section summary").click()
    page.page.locator("#candidate-method").select_option("grid")
    page.page.locator("#candidate-make").click()
    page.page.locator("#candidate-look:enabled").click()
    page.page.locator("#looking").wait_for()
    page.until("state.looks && state.settled")
    assert daemon.client.status().epoch == epoch == page.state()["epoch"]
    page.page.locator("#candidate-scores", has_text="would move").wait_for()
    assert page.text("#candidate-scores").count("→") >= 2
    there = {each: page.where(each) for each in sounds}
    moved = [each for each in sounds if abs(there[each][0] - home[each][0]) > 3]
    assert len(moved) > N_SOUNDS // 2
    daemon.client.hello("listener")
    plays = daemon.client.health()["plays"]
    for each in moved[:3]:
        page.press(each)
        page.until(f"state.chosen === {each}")
    daemon.wait_until(lambda client: client.health()["plays"] >= plays + 3)
    kept = [message.address for message in daemon.client._kept]
    assert "/klustr/hit" not in kept, "places of another map are no places for the bridge"
    page.page.locator("#looking-back").click()
    page.until("!state.looks && state.settled")
    assert all(abs(page.where(each)[0] - home[each][0]) < 1 for each in sounds)
    page.page.locator("#candidate-look").click()
    page.until("state.looks && state.settled")
    page.page.locator("#candidate-take").click()
    page.until(f"state.epoch === {epoch + 1} && !state.looks && state.settled")
    assert all(abs(page.where(each)[0] - there[each][0]) < 1 for each in sounds)
    assert page.page.locator("#looking").is_hidden()
    daemon.client.command("/klustr/candidate/make", timeout=60.0)
    page.page.locator("#candidate-look:enabled").click()
    page.until("state.looks && state.settled")
    daemon.client.command("/klustr/candidate/drop", timeout=60.0)
    page.until("!state.looks && state.settled")
    page.page.locator("#candidate-state", has_text="none").wait_for()
