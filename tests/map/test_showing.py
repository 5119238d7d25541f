"""The page shows the library: points, names, views, what is found and filtered, and at every size."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.image
import numpy as np
import pytest

from klustr_bridge.kind_looks import KIND_LOOKS
from tests.daemon.running import RunningDaemon
from tests.map.conftest import N_SOUNDS
from tests.map.pages import WEBGL_ON_CPU, WITHOUT_WEBGL, MapPage, apart, launch

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

pytestmark = [pytest.mark.peers, pytest.mark.timeout(180)]

SIZES = {"wide": (1280, 800), "strip": (400, 169), "phone": (390, 844)}
INK = """(id) => {
    const canvas = document.getElementById(id);
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return data.filter((value, i) => i % 4 === 3 && value > 0).length;
}"""
LOSE_CONTEXT = """async () => {
    const canvas = document.getElementById("points");
    const card = canvas.getContext("webgl").getExtension("WEBGL_lose_context");
    const heard = (news) => new Promise((resolve) => canvas.addEventListener(news, resolve, { once: true }));
    const lost = heard("webglcontextlost");
    card.loseContext();
    await lost;
    await new Promise((resolve) => setTimeout(resolve)); // the loss must have been told to all
    const restored = heard("webglcontextrestored");
    card.restoreContext();
    await restored;
}"""
GROUND = np.array([0x14, 0x15, 0x18])


@pytest.mark.parametrize(("flags", "renderer"), [(WITHOUT_WEBGL, "canvas"), (WEBGL_ON_CPU, "webgl")])
def test_every_sound_is_drawn(
    flags: tuple[str, ...],
    renderer: str,
    show: Callable[..., MapPage],
    daemon: RunningDaemon,
    playwright: "Playwright",
) -> None:
    """With WebGL and without: where the bridge says a sound is, there is a point of its kind's colour.

    With WebGL also after the card was lost and came back.
    """
    shown = launch(playwright, *flags)
    page = show(shown)
    assert page.state()["renderer"] == renderer
    if renderer == "webgl":
        frames = page.state()["frames"]
        page.page.evaluate(LOSE_CONTEXT)
        page.until(f"state.frames > {frames}")
    picture = matplotlib.image.imread(BytesIO(page.page.screenshot()), format="png")
    for sound_id in apart(daemon):
        x, y = page.where(sound_id)
        around = np.rint(255 * picture[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2, :3])
        assert np.abs(around - GROUND).max() > 40, f"nothing is drawn at {sound_id}"
    lonely = apart(daemon)[0]
    colour = KIND_LOOKS[daemon.client.info(lonely).kind].colour
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    x, y = page.where(lonely)
    assert np.abs(np.rint(255 * picture[round(y), round(x), :3]) - wanted).max() < 40
    page.page.context.close()
    shown.close()


def test_the_mouse_over_a_sound_names_it(page: MapPage, daemon: RunningDaemon) -> None:
    """Over a point its file's name, kind and length come up; away from all of them nothing does."""
    sound_id = apart(daemon)[0]
    page.page.mouse.move(*page.where(sound_id))
    name = daemon.client.info(sound_id).name
    tip = page.page.locator("#tip")
    tip.get_by_text(name).wait_for()
    assert daemon.client.info(sound_id).kind.replace("_", " ") in tip.inner_text()
    page.page.mouse.move(640, 20)
    tip.wait_for(state="hidden")


def test_the_chosen_sound_is_told(page: MapPage, daemon: RunningDaemon) -> None:
    """A click on a sound shows its name, its facts, its waveform, and what the bridge finds like it."""
    sound_id = apart(daemon)[0]
    page.press(sound_id)
    page.until(f"state.chosen === {sound_id} && state.neighbours > 0")
    info = daemon.client.info(sound_id)
    page.page.locator("#card-name", has_text=info.name).wait_for()
    page.page.locator("#facts", has_text="Length").wait_for()
    assert page.page.locator("#kind").input_value() == info.kind
    alike = [near.id for near in daemon.client.similar(sound_id, 13) if near.id != sound_id][:12]
    assert page.page.locator("#similar li").count() == len(alike)
    page.page.locator("#similar li").first.get_by_text(daemon.client.info(alike[0]).name).wait_for()
    page.page.locator("#similar button").first.hover()
    largest = max(daemon.client.why(sound_id, alike[0]).items(), key=lambda one: one[1])
    said = f"{daemon.client.info(alike[0]).name} differs in {largest[0]} {round(100 * largest[1])} %"
    page.page.locator("#why", has_text=said).wait_for()
    page.until(f"({INK})('wave') > 200")


def test_the_even_view_is_glided_to(page: MapPage, daemon: RunningDaemon) -> None:
    """The view changes on the page and, for its cursor, at the bridge: a click hits what is seen there."""
    before = {sound_id: page.where(sound_id) for sound_id in apart(daemon)}
    page.page.get_by_role("button", name="Even").click()
    page.until("state.view === 'even' && state.settled")
    after = {sound_id: page.where(sound_id) for sound_id in before}
    assert sum(before[sound_id] != after[sound_id] for sound_id in before) > N_SOUNDS / 2
    for sound_id in list(before)[:3]:
        page.press(sound_id)
        page.until(f"state.chosen === {sound_id}")
        assert daemon.client.wait("/klustr/hit")[1] == sound_id


def test_the_legend_filters(page: MapPage, daemon: RunningDaemon) -> None:
    """Pressing a kind leaves its sounds bright, and clicks come to them alone, as the bridge sees it too."""
    kinds = {sound_id: daemon.client.info(sound_id).kind for sound_id in apart(daemon)}
    kind = kinds[apart(daemon)[0]]
    n = sum(each == kind for each in kinds.values())
    button = page.page.locator("#legend button", has_text=kind.replace("_", " ")).first
    assert str(n) in button.inner_text()
    button.click()
    page.until(f"state.shown === {n}")
    daemon.client.sync()
    other = next(sound_id for sound_id in kinds if kinds[sound_id] != kind)
    page.press(other)
    hit = daemon.client.wait("/klustr/hit")[1]
    assert kinds[int(hit)] == kind
    page.until(f"state.chosen === {hit}")
    button.click()
    page.until(f"state.shown === {N_SOUNDS}")


def test_filters_of_length_and_favourites(page: MapPage, daemon: RunningDaemon) -> None:
    """Lengths and favourites narrow what is shown; clearing brings all back."""
    page.open_all()
    durations = [daemon.client.info(sound_id).duration for sound_id in apart(daemon)]
    limit = sorted(durations)[N_SOUNDS // 2] + 1e-3
    page.page.locator("#most").fill(f"{limit:.3f}")
    page.page.locator("#most").press("Enter")
    page.until(f"state.shown === {sum(duration <= round(limit, 3) for duration in durations)}")
    page.page.locator("#clear-filters").click()
    page.until(f"state.shown === {N_SOUNDS}")
    page.page.locator("#only-favourites").check()
    page.until("state.shown === 0")
    page.page.locator("#clear-filters").click()
    page.until(f"state.shown === {N_SOUNDS}")


def test_a_folder_narrows(page: MapPage, daemon: RunningDaemon) -> None:
    """Of the chosen sound's folder alone the sounds stay bright, and clicks come to them alone."""
    chosen = apart(daemon)[0]
    folder = Path(daemon.client.path(chosen)).parent
    inside = [sound_id for sound_id in apart(daemon) if Path(daemon.client.path(sound_id)).parent == folder]
    outside = next(sound_id for sound_id in apart(daemon) if sound_id not in inside)
    page.press(chosen)
    page.until(f"state.chosen === {chosen}")
    assert daemon.client.wait("/klustr/hit")[1] == chosen
    page.open_all()
    page.page.locator("#its-folder").click()
    page.until(f"state.shown === {len(inside)}")
    page.press(outside)
    assert daemon.client.wait("/klustr/hit")[1] in inside


def test_weights_change_what_is_alike(page: MapPage, daemon: RunningDaemon) -> None:
    """With length alone left to count, the list is the bridge's answer to a client that weighs so."""
    sound_id = apart(daemon)[0]
    page.press(sound_id)
    page.until("state.neighbours > 0")
    page.open_all()
    page.page.locator("#similar button").nth(11).wait_for()
    for aspect in ("attack", "body", "tail", "brightness", "pitch"):
        page.page.locator(f"#weight-{aspect}").fill("0")
        daemon.client.weight(aspect, 0)
    alike = [near.id for near in daemon.client.similar(sound_id, 13) if near.id != sound_id]
    name = daemon.client.info(alike[0]).name
    page.page.locator("#similar li").first.get_by_text(name).wait_for()
    page.page.locator("#even-weights").click()
    daemon.renew_client()
    name = daemon.client.info(
        next(near.id for near in daemon.client.similar(sound_id, 3) if near.id != sound_id)
    ).name
    page.page.locator("#similar li").first.get_by_text(name).wait_for()


def test_search_finds_by_name(page: MapPage, daemon: RunningDaemon) -> None:
    """What is found is lit and listed; choosing from the list plays it; an empty search ends that."""
    name = daemon.client.info(apart(daemon)[0]).name
    word = name.split(".")[0].split(" ")[0]
    found = daemon.client.find(word)
    page.page.locator("#search").fill(word)
    page.until(f"state.lit === {len(found)}")
    page.page.locator("#results button").first.wait_for()
    plays = daemon.client.health()["plays"]
    page.page.locator("#results button").first.click()
    page.until(f"state.chosen === {found[0]}")
    daemon.wait_until(lambda client: client.health()["plays"] > plays)
    page.page.locator("#search").fill("")
    page.until("state.lit === 0")
    page.page.locator("#search").fill("no file is called so")
    page.page.get_by_text("nothing has this name").wait_for()


@pytest.mark.parametrize("size", SIZES)
def test_everything_is_in_sight_at_every_size(size: str, show: Callable[..., MapPage]) -> None:
    """From a device strip to a desk: every control of the bar, and the whole map, lie within the window."""
    width, height = SIZES[size]
    page = show(viewport={"width": width, "height": height}, has_touch=size == "phone")
    for control in page.page.locator("#bar button:visible, #bar select:visible, #bar input:visible").all():
        box = control.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= width, control.inner_text()
        assert box["y"] + box["height"] <= height and box["width"] >= 20
    ids = page.page.evaluate("klustrMap.ids()")
    stage = page.page.locator("#overlay").bounding_box()
    assert stage and stage["width"] * stage["height"] > 0.4 * width * height
    for sound_id in ids:
        x, y = page.where(sound_id)
        assert stage["x"] < x < stage["x"] + stage["width"] and stage["y"] < y < stage["y"] + stage["height"]
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("size", ["strip", "phone"])
def test_on_small_screens_the_panel_opens_over_the_map(size: str, show: Callable[..., MapPage]) -> None:
    """It is closed at first, opens by its button, holds everything that the wide one holds, and closes."""
    page = show(viewport=dict(zip(("width", "height"), SIZES[size], strict=True)))
    panel = page.page.locator("#panel")
    assert not panel.is_visible()
    page.page.locator("#panel-button").click()
    assert panel.is_visible()
    page.open_all()
    for part in ("#play", "#kind", "#least", "#weights input", "#add-files", "#rescan", "#learn", "#player"):
        page.page.locator(part).first.scroll_into_view_if_needed()
    assert page.page.locator("#kinds-section").is_visible() == (size == "strip")
    page.page.locator("#panel-button").click()
    assert not panel.is_visible()
