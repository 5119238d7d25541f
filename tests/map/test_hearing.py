"""The page plays: by mouse, fingers and keys, through the bridge or in the browser, for others to see."""

from collections.abc import Callable

import pytest

from tests.daemon.running import RunningDaemon
from tests.map.pages import MapPage, apart

pytestmark = [pytest.mark.peers, pytest.mark.timeout(180)]


def test_a_click_is_a_hit_that_every_client_sees(page: MapPage, daemon: RunningDaemon) -> None:
    """The page's XY is a cursor like any other: an OSC client gets the hit, with its place and origin."""
    sound_id = apart(daemon)[1]
    plays = daemon.client.health()["plays"]
    page.press(sound_id)
    cursor, hit, x, y, _, origin = daemon.client.wait("/klustr/hit")
    place = next(point for point in daemon.client.points() if point.id == sound_id)
    assert (cursor, hit, origin) == (0, sound_id, "web")
    assert (x, y) == pytest.approx((place.x, place.y), abs=1e-4)
    page.until(f"state.chosen === {sound_id} && state.trail === 1 && state.cursors === 1")
    daemon.wait_until(lambda client: client.health()["plays"] > plays)


def test_a_drag_plays_what_it_comes_to(page: MapPage, daemon: RunningDaemon) -> None:
    """From sound to sound with the button held; the trail keeps them in order."""
    first, second = apart(daemon)[:2]
    page.page.mouse.move(*page.where(first))
    page.page.mouse.down()
    page.page.mouse.move(*page.where(second), steps=12)
    page.until(f"state.chosen === {second} && state.trail >= 2")
    page.page.mouse.up()


def test_cursors_of_others_move_on_the_page(page: MapPage, daemon: RunningDaemon) -> None:
    """What an OSC client's pad comes to is shown where the page shows that sound."""
    place = daemon.client.points()[3]
    daemon.client.send("/klustr/xy", place.x, place.y, 5)
    page.until("state.cursors === 1")
    assert page.state()["chosen"] == 0, "somebody else's cursor chooses nothing here"


def test_hovering_plays_when_asked_to(page: MapPage, daemon: RunningDaemon) -> None:
    """With "on hover" the mouse plays without a button; with "nothing" not even a click does."""
    first, second, third = apart(daemon)[:3]
    page.page.mouse.move(*page.where(first))
    page.page.locator("#hear").select_option("hover")
    page.page.mouse.move(*page.where(second))
    page.until(f"state.chosen === {second}")
    page.page.locator("#hear").select_option("off")
    daemon.client.sync()
    trail = page.state()["trail"]
    page.press(third)
    page.until(f"state.chosen === {third} && state.trail === {trail}")


def test_the_keyboard_goes_everywhere(page: MapPage, daemon: RunningDaemon) -> None:
    """Arrow keys lead to the nearest sound that way and play it, space plays it again, F marks it."""
    places = {point.id: point for point in daemon.client.points()}
    overlay = page.page.locator("#overlay")
    overlay.focus()
    page.page.keyboard.press("ArrowLeft")
    start = page.until("state.chosen > 0")["chosen"]
    ahead = {
        "ArrowRight": lambda a, b: b.x > a.x,
        "ArrowLeft": lambda a, b: b.x < a.x,
        "ArrowUp": lambda a, b: b.y > a.y,
        "ArrowDown": lambda a, b: b.y < a.y,
    }
    for key, leads in ahead.items():
        page.page.keyboard.press(key)
        here = page.state()["chosen"]
        assert here == start or leads(places[start], places[here])
        start = here
    plays = daemon.client.health()["plays"]
    page.page.keyboard.press("Space")
    daemon.wait_until(lambda client: client.health()["plays"] > plays)
    page.page.keyboard.press("f")
    page.page.locator("#star[aria-pressed=true]").wait_for()
    page.page.locator("#clear-filters").evaluate("button => button.closest('details').open = true")
    page.page.locator("#only-favourites").check()
    page.until("state.shown === 1")
    page.page.locator("#clear-filters").click()
    overlay.focus()
    page.page.keyboard.press("f")
    page.page.locator("#star[aria-pressed=false]").wait_for()


def test_keys_zoom(page: MapPage, daemon: RunningDaemon) -> None:
    """Plus, minus and 0: nearer, further, the whole map; so do the buttons and the wheel."""
    one, other = apart(daemon)[:2]

    def distance() -> float:
        (ax, ay), (bx, by) = page.where(one), page.where(other)
        return float(((ax - bx) ** 2 + (ay - by) ** 2) ** 0.5)

    whole = distance()
    page.page.locator("#overlay").focus()
    page.page.keyboard.press("+")
    assert distance() == pytest.approx(1.5 * whole)
    page.page.keyboard.press("0")
    assert distance() == pytest.approx(whole)
    page.page.locator("#zoom-in").click()
    assert distance() == pytest.approx(1.5 * whole)
    page.page.locator("#zoom-fit").click()
    held = page.where(one)
    page.page.mouse.move(*held)
    page.page.mouse.wheel(0, -200)
    page.until(f"klustrMap.screenOf({other}) && Math.abs(klustrMap.screenOf({one}).x - {held[0]}) < 1")
    assert distance() > 1.2 * whole


def test_moving_the_map_plays_nothing(page: MapPage, daemon: RunningDaemon) -> None:
    """With the tool "Move", and with the right button, dragging moves what is seen."""
    one = apart(daemon)[0]
    hits = daemon.client.health()["moves"]
    page.page.get_by_role("button", name="Move").click()
    for button in ("left", "right"):
        before = page.where(one)
        page.page.mouse.move(640, 400)
        page.page.mouse.down(button=button)
        page.page.mouse.move(690, 430, steps=4)
        page.page.mouse.up(button=button)
        after = page.where(one)
        assert (after[0] - before[0], after[1] - before[1]) == pytest.approx((50, 30), abs=1)
    daemon.client.sync()
    assert daemon.client.health()["moves"] == hits


def test_each_finger_is_a_cursor(show: Callable[..., MapPage], daemon: RunningDaemon) -> None:
    """Two fingers on a touch screen play two sounds at once, as cursors 0 and 1."""
    page = show(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    ids = apart(daemon)[:2]
    fingers = [dict(zip(("x", "y"), page.where(sound_id), strict=True)) for sound_id in ids]
    session = page.page.context.new_cdp_session(page.page)
    touches = [{**finger, "id": number} for number, finger in enumerate(fingers)]
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": touches[:1]})
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": touches})
    hits = {}
    while len(hits) < 2:
        cursor, hit, *_ = daemon.client.wait("/klustr/hit")
        hits[cursor] = hit
    assert hits == {0: ids[0], 1: ids[1]}
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.until("state.cursors === 2")


def test_the_browser_can_sound(page: MapPage, daemon: RunningDaemon) -> None:
    """With "this browser" as player a click fetches the sound from the bridge, as audio, and decodes it."""
    page.open_all()
    page.page.locator("#player").select_option("client")
    sound_id = apart(daemon)[0]
    with page.page.expect_response(lambda response: f"/map/sound/{sound_id}" in response.url) as got:
        page.press(sound_id)
    assert got.value.ok and got.value.headers["content-type"].startswith("audio/")
    page.until(f"state.chosen === {sound_id}")
    assert "can't play" not in page.text("#toast")


def test_a_sound_can_be_dragged_out(page: MapPage, daemon: RunningDaemon) -> None:
    """The handle carries what Chromium makes a file of, under the sound's own name."""
    sound_id = apart(daemon)[0]
    page.press(sound_id)
    name = daemon.client.info(sound_id).name
    page.page.locator("#card-name", has_text=name).wait_for()
    page.page.locator("#facts", has_text="Length").wait_for()
    carried = page.page.evaluate(
        """() => {
            const carried = new DataTransfer();
            const event = new DragEvent("dragstart", { dataTransfer: carried, bubbles: true });
            document.getElementById("drag-out").dispatchEvent(event);
            return carried.getData("DownloadURL");
        }"""
    )
    mime, carried_name, url = carried.split(":", 2)
    assert carried_name == name and url.endswith(f"/map/sound/{sound_id}") and mime


def test_the_path_is_copied(show: Callable[..., MapPage], daemon: RunningDaemon) -> None:
    """Copy path puts the file's path into the clipboard."""
    page = show(permissions=["clipboard-read", "clipboard-write"])
    sound_id = apart(daemon)[0]
    page.press(sound_id)
    page.until(f"state.chosen === {sound_id}")
    page.page.locator("#copy-path").click()
    path = daemon.client.path(sound_id)
    page.page.get_by_text(f"copied: {path}").wait_for()
    assert page.page.evaluate("navigator.clipboard.readText()") == path


MAX = """
window.max = {
  inlets: {}, said: [],
  bindInlet(name, handler) { this.inlets[name] = handler; },
  outlet(...values) { this.said.push(values); },
};
"""


def test_inside_max_selections_go_both_ways(show: Callable[..., MapPage], daemon: RunningDaemon) -> None:
    """`jweb` chooses, plays and moves by messages, and is told what the page does, paths included."""
    page = show(init_script=MAX, viewport={"width": 400, "height": 169})
    first, second = apart(daemon)[:2]
    page.page.evaluate(f"max.inlets.select({first})")
    page.until(f"state.chosen === {first}")
    page.until(f"max.said.some((one) => one[0] === 'select' && one[1] === {first} && one[2])")
    said = page.page.evaluate("max.said")
    assert ["select", first, daemon.client.path(first)] in said and ["bridge", 1] in said
    page.page.evaluate(f"max.inlets.play({second})")
    page.until(f"max.said.some((one) => one[0] === 'play' && one[1] === {second})")
    page.page.evaluate("max.inlets.view('even')")
    page.until("state.view === 'even'")
    page.page.evaluate("max.inlets.xy(0.25, 0.75, 7)")
    page.until("max.said.some((one) => one[0] === 'hit' && one[1] === 7)")
