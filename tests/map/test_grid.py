"""The grid of pads: points become pads and points again, pads play what they show, whoever asks for it."""

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

import matplotlib.image
import numpy as np
import pytest

from tests.daemon.running import RunningDaemon
from tests.map.conftest import N_SOUNDS
from tests.map.pages import WEBGL_ON_CPU, WITHOUT_WEBGL, MapPage, apart, launch
from tests.map.test_hearing import MAX
from tests.map.test_showing import GROUND

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

pytestmark = [pytest.mark.peers, pytest.mark.timeout(180)]

IDS = "[...document.querySelectorAll('.pad')].map((pad) => Number(pad.dataset.id))"
Cells = dict[tuple[int, int], int]
INK = """() => {
    const canvas = document.getElementById("overlay");
    const { width, height } = canvas;
    const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
    const at = [];
    for (let i = 0; i < width * height; i++) if (data[4 * i + 3]) at.push([i % width, Math.floor(i / width)]);
    const box = canvas.getBoundingClientRect();
    const middle = (axis) => (Math.min(...at.map((p) => p[axis])) + Math.max(...at.map((p) => p[axis]))) / 2;
    return at.length ? [box.left + at[0][0], box.top + at[0][1], box.top + middle(1)] : null;
}"""


@pytest.fixture
def page(show: Callable[..., MapPage]) -> MapPage:
    """The page for those whose system is set to less motion: nothing has to be waited for."""
    return show(reduced_motion="reduce")


def open_grid(page: MapPage, columns: int = 8, rows: int = 8) -> dict[int, Any]:
    """Go over to pads, so many of them; where each sound's pad is."""
    page.page.get_by_role("button", name="Grid", exact=True).click()
    page.page.locator("#pad-size").select_option(f"{columns} × {rows}")
    page.until(f"state.view === 'grid' && state.pads === {min(columns * rows, N_SOUNDS)} && state.settled")
    page.until(
        "[...document.querySelectorAll('.pad')].every((pad) => getComputedStyle(pad).transform === 'none')"
    )
    return boxes(page)


def boxes(page: MapPage) -> dict[int, Any]:
    """Where the pad of each sound is."""
    found = page.page.evaluate(
        """[...document.querySelectorAll('.pad')].map((pad) => {
            const { x, y, width, height } = pad.getBoundingClientRect();
            return [Number(pad.dataset.id), { x, y, width, height }];
        })"""
    )
    return dict(found)


def middle(box: Any) -> tuple[float, float]:
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def cells(daemon: RunningDaemon, columns: int, rows: int) -> Cells:
    """What the bridge lays on the pads, for a client of no filters."""
    return {(pad.column, pad.row): pad.id for pad in daemon.client.grid(columns, rows)}


@pytest.mark.parametrize("flags", [WITHOUT_WEBGL, WEBGL_ON_CPU], ids=["canvas", "webgl"])
def test_points_become_pads_and_points_again(
    flags: tuple[str, ...], show: Callable[..., MapPage], daemon: RunningDaemon, playwright: "Playwright"
) -> None:
    """Each pad is in the cell that the bridge says, over its point; all others are gone, and come back."""
    shown = launch(playwright, *flags)
    page = show(shown)
    before = {sound_id: page.where(sound_id) for sound_id in apart(daemon)}
    pads = open_grid(page, 4, 4)
    laid = cells(daemon, 4, 4)
    assert set(pads) == set(laid.values())
    columns = sorted({round(box["x"]) for box in pads.values()})
    rows = sorted({round(box["y"]) for box in pads.values()}, reverse=True)
    for (column, row), sound_id in laid.items():
        box = pads[sound_id]
        assert (columns.index(round(box["x"])), rows.index(round(box["y"]))) == (column, row)
        assert page.where(sound_id) == pytest.approx(middle(box), abs=1.0)
    page.page.evaluate("document.getElementById('pads').style.visibility = 'hidden'")
    picture = np.rint(255 * matplotlib.image.imread(BytesIO(page.page.screenshot()), format="png")[..., :3])

    def drawn(x: float, y: float) -> bool:
        around = picture[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2]
        return bool(np.abs(around - GROUND).max() > 8)

    assert all(drawn(*middle(box)) for box in pads.values())
    far = [at for sound_id, at in before.items() if sound_id not in pads and not near(at, pads)]
    assert far and not any(drawn(*at) for at in far), "a sound without a pad is still drawn"
    page.page.get_by_role("button", name="Natural").click()
    page.until("state.view === 'natural' && state.settled && state.pads === 0")
    assert {sound_id: page.where(sound_id) for sound_id in before} == before
    page.page.locator("#grid").wait_for(state="hidden")
    page.page.context.close()
    shown.close()


def near(at: tuple[float, float], pads: dict[int, Any]) -> bool:
    return any(np.hypot(at[0] - x, at[1] - y) < 25 for x, y in map(middle, pads.values()))


def test_a_pad_plays_what_it_shows(page: MapPage, daemon: RunningDaemon) -> None:
    """A click plays the pad's sound by its id, a drag what it passes; no cursor moves over the map for it."""
    pads = open_grid(page)
    counters = daemon.client.health()
    row = sorted(middle(box) for box in pads.values() if box["y"] == max(one["y"] for one in pads.values()))
    ids = [next(sound_id for sound_id, box in pads.items() if middle(box) == at) for at in row]
    page.page.mouse.click(*row[0])
    page.until(f"state.chosen === {ids[0]} && state.trail === 1")
    assert page.page.locator(".pad.chosen").get_attribute("data-id") == str(ids[0])
    page.page.mouse.move(*row[0])
    page.page.mouse.down()
    page.page.mouse.move(*row[-1], steps=2)  # as quick as a hand may be
    page.page.mouse.up()
    page.until(f"state.chosen === {ids[-1]}")
    daemon.wait_until(lambda client: client.health()["plays"] == counters["plays"] + 1 + len(ids))
    assert daemon.client.health()["moves"] == counters["moves"]
    page.page.locator("#hear").select_option("off")
    page.page.mouse.click(*row[0])
    page.until(f"state.chosen === {ids[0]}")
    page.page.locator("#hear").select_option("hover")
    page.page.mouse.move(*row[1])
    page.until(f"state.chosen === {ids[1]}")
    daemon.wait_until(lambda client: client.health()["plays"] == counters["plays"] + 2 + len(ids))


def test_several_fingers_play_at_once(show: Callable[..., MapPage], daemon: RunningDaemon) -> None:
    """Each finger plays its own pad, also while another one is down; one that moves on plays the next."""
    page = show(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, reduced_motion="reduce"
    )
    pads = open_grid(page, 4, 4)
    plays = daemon.client.health()["plays"]
    by_place = sorted(pads, key=lambda sound_id: (-pads[sound_id]["y"], pads[sound_id]["x"]))
    first, second, third = (middle(pads[sound_id]) for sound_id in by_place[:3])
    session = page.page.context.new_cdp_session(page.page)

    def touch(kind: str, *fingers: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(fingers)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", first)
    touch("touchStart", first, second)
    page.until(f"state.chosen === {by_place[1]}")
    touch("touchMove", first, third)
    page.until(f"state.chosen === {by_place[2]}")
    touch("touchEnd")
    daemon.wait_until(lambda client: client.health()["plays"] == plays + 3)


def test_the_keyboard_plays_pads(page: MapPage, daemon: RunningDaemon) -> None:
    """Tab comes to one of them, arrows lead to the neighbours and play, space plays again; all have names."""
    open_grid(page, 4, 4)
    laid = cells(daemon, 4, 4)
    page.page.locator("#search").press("Escape")  # which leads to the map, where there is one
    assert page.page.evaluate("document.activeElement.className") == "pad"
    page.page.locator("#legend button").last.focus()
    page.page.keyboard.press("Tab")
    focused = "document.activeElement.dataset.id"
    at = next(cell for cell, sound_id in laid.items() if sound_id == int(page.page.evaluate(focused)))
    plays = daemon.client.health()["plays"]
    for key, (across, up) in {
        "ArrowUp": (0, 1),
        "ArrowRight": (1, 0),
        "ArrowDown": (0, -1),
        "ArrowLeft": (-1, 0),
    }.items():
        at = (at[0] + across, at[1] + up)
        page.page.keyboard.press(key)
        page.until(f"state.chosen === {laid[at]} && Number({focused}) === {laid[at]}")
    # before the next key, which would be counted for the last of them
    daemon.wait_until(lambda client: client.health()["plays"] == plays + 4)
    page.page.keyboard.press("Space")
    daemon.wait_until(lambda client: client.health()["plays"] == plays + 5)
    for sound_id in laid.values():
        info = daemon.client.info(sound_id)
        label = f"{info.name}, {info.kind.replace('_', ' ')}, column "
        page.page.locator(f'.pad[data-id="{sound_id}"][aria-label^="{label}"]').wait_for()
    assert page.page.locator("#overlay").get_attribute("tabindex") == "-1"
    page.page.evaluate("document.querySelector('[data-view=even]').click()")
    page.until("state.view === 'even' && document.activeElement.id === 'overlay'")


def test_filters_hold_for_pads(page: MapPage, daemon: RunningDaemon) -> None:
    """Of a kind that is pressed in the legend the pads are that kind's; where nothing is left, it is said."""
    open_grid(page)
    kind = daemon.client.info(apart(daemon)[0]).kind
    page.page.locator("#legend button", has_text=kind.replace("_", " ")).first.click()
    daemon.client.send("/klustr/filter/kind", kind)
    wanted = cells(daemon, 8, 8)
    page.until(f"state.pads === {len(wanted)}")
    assert set(boxes(page)) == set(wanted.values())
    page.page.locator("#least").evaluate("field => (field.closest('details').open = true)")
    page.page.locator("#least").fill("500")
    page.page.locator("#least").press("Enter")
    page.page.locator("#pads-said", has_text="No sound passes the filters").wait_for()
    assert page.page.locator(".pad").count() == 0
    page.page.locator("#clear-filters").click()
    page.until(f"state.pads === {N_SOUNDS}")
    assert page.text("#pads-said") == ""


def test_pads_lie_around_the_chosen_sound_when_asked_to(page: MapPage, daemon: RunningDaemon) -> None:
    """Then they are as many of the nearest to it as there are pads, in the view that was shown before."""
    page.page.get_by_role("button", name="Even").click()
    open_grid(page, 4, 4)
    page.page.locator("#pads-around").click()
    page.page.locator("#toast", has_text="choose a sound first").wait_for()
    pad = page.page.locator(".pad").first
    pad.click()
    chosen = int(pad.get_attribute("data-id") or 0)
    page.until(f"state.chosen === {chosen}")
    page.page.locator("#pads-around").click()
    daemon.client.view("even")
    places = {point.id: point for point in daemon.client.points()}
    here = places[chosen]
    apart_by = {point.id: np.hypot(point.x - here.x, point.y - here.y) for point in places.values()}
    most = sorted(apart_by.values())[15] + 1e-4
    assert not all(apart_by[sound_id] <= most for sound_id in cells(daemon, 4, 4).values())
    near_ids = [sound_id for sound_id in apart_by if apart_by[sound_id] <= most]
    page.until(f"{IDS}.every((id) => {near_ids}.includes(id))")
    assert len(boxes(page)) == 16 and chosen in boxes(page)
    page.page.locator("#pads-whole").click()
    page.until(f"{IDS}.every((id) => {list(cells(daemon, 4, 4).values())}.includes(id))")


def test_cursors_of_others_are_on_the_pads_of_their_sounds(page: MapPage, daemon: RunningDaemon) -> None:
    """Or, where a sound has no pad, nowhere: never at its place on a map that isn't seen."""
    pads = open_grid(page, 4, 4)
    places = {point.id: point for point in daemon.client.points()}
    away = next(sound_id for sound_id in places if sound_id not in pads)
    there = next(iter(pads))
    daemon.client.send("/klustr/xy", places[away].x, places[away].y, 9)
    page.until("state.cursors === 1")
    frames = page.state()["frames"]
    page.until(f"state.frames > {frames + 1}")
    assert page.page.evaluate(INK) is None
    daemon.client.send("/klustr/xy", places[there].x, places[there].y, 9)
    page.until(f"({INK})() !== null && state.settled")
    left, top, _ = page.page.evaluate(INK)
    x, y = middle(pads[there])
    assert abs(left - x) < 40 and abs(top - y) < 40


def test_pads_fit_a_strip_and_come_by_a_message_of_max(
    show: Callable[..., MapPage], daemon: RunningDaemon
) -> None:
    """In a device's strip `view grid` shows pads, all in sight and large enough for a finger's tip."""
    page = show(init_script=MAX, viewport={"width": 400, "height": 169})
    page.page.evaluate("max.inlets.view('grid')")
    page.until("state.view === 'grid' && state.pads > 0 && state.settled")
    assert page.page.locator("[data-view=grid]").get_attribute("aria-pressed") == "true"
    assert page.page.locator("#pad-size").input_value() == "8 × 4"
    for box in boxes(page).values():
        assert (
            box["x"] >= 0
            and box["y"] >= 0
            and box["x"] + box["width"] <= 400
            and box["y"] + box["height"] <= 169
        )
        assert box["width"] >= 24 and box["height"] >= 20
    page.page.locator(".pad").first.click()
    page.until("max.said.some((one) => one[0] === 'play')")
    page.page.evaluate("max.inlets.view('even')")
    page.until("state.view === 'even' && state.settled && state.pads === 0")
    assert page.page.locator("[data-view=even]").get_attribute("aria-pressed") == "true"
