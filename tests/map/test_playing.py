"""What the page sounds itself, what it tells the bridge, and what fingers do: heard, asked and counted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.daemon.running import RunningDaemon
from tests.map.conftest import N_SOUNDS
from tests.map.ears import EARS, SOCKET
from tests.map.pages import MapPage, apart
from tests.sounds import RATE, sine, write, write_library

pytestmark = [pytest.mark.peers, pytest.mark.timeout(180)]

LONG_S = 30.0
ROUND_S = 0.3


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of sounds, one of them long, one of a round length."""
    folder = tmp_path_factory.mktemp("playing") / "samples"
    write_library(folder, N_SOUNDS - 2)
    write(folder / "Drone long.wav", sine(220, LONG_S))
    write(folder / "Beep round.wav", sine(660, 1.0)[: round(ROUND_S * RATE)])
    return folder


@pytest.fixture
def page(show: Callable[..., MapPage]) -> MapPage:
    """The page, with ears and a socket that remembers."""
    page = show(init_script=EARS + SOCKET)
    page.open_all()
    return page


def named(daemon: RunningDaemon, name: str) -> int:
    """The id of the sound of that name."""
    return int(daemon.client.find(name)[0])


def said(page: MapPage, address: str) -> list[list[Any]]:
    """The arguments of what the page has told the bridge at an address."""
    told: list[list[Any]] = page.page.evaluate(f"wire.says('{address}')")
    return told


def test_the_browser_is_heard_until_it_is_stopped(page: MapPage, daemon: RunningDaemon) -> None:
    """With "this browser" as player samples go to the loudspeakers; "Stop all" ends them here and there."""
    page.page.locator("#player").select_option("client")
    page.page.locator("#search").fill("drone long")
    page.page.locator("#results button").first.click()
    page.until("ears.peak() > 0.2")
    page.page.locator("#stop").click()
    page.until("ears.peak() === 0")
    assert said(page, "/klustr/stop") == [[]]
    assert "can't play" not in page.text("#toast")


def test_what_is_held_ends_with_the_finger(page: MapPage, daemon: RunningDaemon) -> None:
    """With "until the next" a sound is heard as long as the button is held; the bridge is told of its end."""
    long = named(daemon, "drone long")
    page.page.locator("#player").select_option("client")
    page.page.locator("#mode").select_option("hold")
    page.page.mouse.move(*page.where(long))
    page.page.mouse.down()
    page.until(f"state.chosen === {long} && ears.peak() > 0.2")
    assert page.page.evaluate("ears.stops") == 0 and said(page, "/klustr/lift") == []
    page.page.mouse.up()
    page.until("ears.peak() === 0")
    assert said(page, "/klustr/lift") == [[0]]


def test_filters_hold_for_clicks(page: MapPage, daemon: RunningDaemon) -> None:
    """Length and favourites are told to the bridge: a click on what they leave out comes to what they let in.

    A bound is let through by both: a sound of 0.3 s is at most 0.3 s long.
    """
    long, beep = named(daemon, "drone long"), named(daemon, "beep round")

    def click(sound_id: int) -> int:
        daemon.renew_client()
        daemon.client.sync()
        page.press(sound_id)
        return int(daemon.client.wait("/klustr/hit")[1])

    def fill(**bounds: object) -> None:
        for field, bound in bounds.items():
            page.page.locator(f"#{field}").fill(str(bound))
            page.page.locator(f"#{field}").press("Tab")

    fill(least=10)
    page.until("state.shown === 1")
    assert click(beep) == long
    fill(least=ROUND_S, most=ROUND_S)
    shown = page.until("state.shown < 20")["shown"]
    durations = {sound_id: daemon.client.info(sound_id).duration for sound_id in apart(daemon)}
    inside = [each for each, length in durations.items() if np.float32(length) == np.float32(ROUND_S)]
    assert beep in inside and shown == len(inside)
    assert click(beep) == beep and click(long) in inside
    fill(most=10, least=20)  # the wrong way round
    page.page.locator("#toast", has_text="the other way round").wait_for()
    assert page.state()["shown"] == 0
    fill(most=60)
    page.until("state.shown === 1")
    assert click(beep) == long
    page.page.locator("#clear-filters").click()
    page.until(f"state.shown === {N_SOUNDS}")
    assert click(beep) == beep
    page.page.locator("#star").click()
    page.page.locator("#star[aria-pressed=true]").wait_for()
    page.page.locator("#only-favourites").check()
    page.until("state.shown === 1")
    assert click(long) == beep
    page.page.locator("#star").click()
    page.page.locator("#star[aria-pressed=false]").wait_for()


def test_what_is_refused_or_fails_is_told(page: MapPage, daemon: RunningDaemon) -> None:
    """A failure that the bridge tells of, a command that it refuses, and a control that can't be learned."""
    page.page.evaluate("wire.hear('/klustr/error', 'audio', 'the device has gone')")
    page.page.locator("#toast", has_text="audio: the device has gone").wait_for()
    page.page.evaluate(
        "wire.socket.send(JSON.stringify({ address: '/klustr/view', arguments: ['upside down'] }))"
    )
    page.page.locator("#toast", has_text="/klustr/view").wait_for()
    page.page.locator("#learn-target").select_option("y")
    page.page.locator("#learn").click()
    daemon.client.send("/klustr/midi/learn", "y")
    reason = str(daemon.client.wait("/klustr/fail")[3])
    page.page.locator("#learn-state", has_text=reason).wait_for()
    assert said(page, "/klustr/midi/learn") == [["y"]]


def test_work_is_said_once(page: MapPage) -> None:
    """Who listens hears that work begins, not each number of it; who looks sees them all."""
    page.page.evaluate(
        """() => {
            window.heard = [];
            const said = document.getElementById("said");
            new MutationObserver(() => heard.push(said.textContent)).observe(said, { childList: true });
        }"""
    )
    for done in (1, 2, 3):
        page.page.evaluate(f"wire.hear('/klustr/progress', 'hearing', {done}, 10)")
        page.page.locator("#state", has_text=f"hearing {done} of 10").wait_for()
    assert page.page.evaluate("heard") == ["hearing begins"]
    live = page.page.locator("#state, #work").evaluate_all("all => all.map((each) => each.ariaLive)")
    assert live == ["off", None]


def test_a_page_too_many_says_so(page: MapPage) -> None:
    """Where the bridge has as many sockets as it takes, the page doesn't look for a bridge that is there."""
    page.page.evaluate(
        """async () => {
            const own = wire.socket;
            window.others = [];
            const opened = (socket) =>
                new Promise((resolve) => (socket.onopen = socket.onclose = resolve)).then(
                    () => socket.readyState === WebSocket.OPEN);
            for (let i = 0; i < 15; i++) {
                others.push(new WebSocket(own.url));
                await opened(others.at(-1));
            }
            // another socket must have the page's place before the page comes back for it
            const held = [];
            const setTimeout = window.setTimeout;
            window.setTimeout = (...timer) => held.push(timer);
            const closed = new Promise((resolve) => own.addEventListener("close", resolve));
            own.close();
            await closed;
            do others.push(new WebSocket(own.url));
            while (!(await opened(others.at(-1))));
            window.setTimeout = setTimeout;
            held.forEach((timer) => window.setTimeout(...timer));
        }"""
    )
    page.page.locator("#state", has_text="too many pages are open").wait_for()
    page.page.evaluate("others.forEach((other) => other.close())")
    page.until("state.open")
    page.page.locator("#state", has_text=f"{N_SOUNDS} sounds").wait_for()
    page.complaints.clear()  # the browser notes each refusal


def test_a_late_answer_chooses_nothing(page: MapPage) -> None:
    """Who presses arrow keys faster than the bridge answers is not thrown back to a sound passed by."""
    page.page.evaluate(
        """() => {
            const take = wire.socket.onmessage;
            window.late = [];
            wire.socket.onmessage = (event) => {
                if (JSON.parse(event.data).address === "/klustr/play") late.push(() => take(event));
                else take(event);
            };
        }"""
    )
    page.page.locator("#overlay").focus()
    page.page.keyboard.press("ArrowLeft")
    first = page.until("state.chosen > 0 && late.length === 1")["chosen"]
    key = next(
        key
        for key in ("ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown")
        if page.page.keyboard.press(key) or page.state()["chosen"] != first
    )
    second = page.until("late.length === 2")["chosen"]
    assert second != first, key
    page.page.evaluate("late[0]()")
    assert page.state()["chosen"] == second and page.state()["trail"] == 1


def test_escape_ends_the_search(page: MapPage, daemon: RunningDaemon) -> None:
    """Escape on the map empties the field; a kind pressed in the legend opens no list over the map."""
    page.page.locator("#search").fill("drone")
    page.until("state.lit === 1")
    results = page.page.locator("#results")
    results.wait_for()
    page.press(named(daemon, "beep round"))
    results.wait_for(state="hidden")
    page.page.locator("#legend button").first.click()
    page.until(f"state.shown < {N_SOUNDS}")
    page.page.locator("#legend button").first.click()
    page.until(f"state.shown === {N_SOUNDS} && wire.says('/klustr/find').length === 3")
    page.until("state.lit === 1")
    assert not results.is_visible()
    page.page.locator("#overlay").focus()
    page.page.keyboard.press("Escape")
    page.until("state.lit === 0 && state.chosen === 0")
    assert page.page.locator("#search").input_value() == "" and not results.is_visible()


def test_two_fingers_pinch(show: Callable[..., MapPage], daemon: RunningDaemon) -> None:
    """With "Move", fingers that go apart enlarge the map by as much as they do."""
    page = show(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.page.get_by_role("button", name="Move").tap()
    one, other = apart(daemon)[:2]

    def distance() -> float:
        (ax, ay), (bx, by) = page.where(one), page.where(other)
        return float(((ax - bx) ** 2 + (ay - by) ** 2) ** 0.5)

    session = page.page.context.new_cdp_session(page.page)

    def touch(kind: str, *x: float) -> None:
        points = [{"x": each, "y": 400, "id": number} for number, each in enumerate(x)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    before = distance()
    touch("touchStart", 170)
    touch("touchStart", 170, 220)
    for spread in (30, 40, 50):
        touch("touchMove", 195 - spread, 195 + spread)
    touch("touchEnd")
    page.until(
        f"Math.hypot(klustrMap.screenOf({one}).x - klustrMap.screenOf({other}).x, "
        f"klustrMap.screenOf({one}).y - klustrMap.screenOf({other}).y) > {1.5 * before}"
    )
    assert distance() == pytest.approx(2 * before, rel=0.05)
