"""The library changes while the page looks on, and the page changes the library."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.daemon.running import RunningDaemon
from tests.map.pages import MapPage, apart, drop, drop_paths, http_port
from tests.sounds import cowbell, write, write_library

pytestmark = [pytest.mark.peers, pytest.mark.timeout(180)]

N = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of sounds."""
    place = tmp_path_factory.mktemp("changing")
    write_library(place / "samples", N)
    return place / "samples"


@pytest.fixture(scope="module")
def daemon(folder: Path, chromium: object) -> Iterator[RunningDaemon]:
    """A daemon of these tests, each of which may leave sounds behind; the last one ends it."""
    with RunningDaemon(folder.parent / "home", str(folder)) as running:
        running.wait_ready(N)
        yield running


def test_files_that_come_and_go_are_followed(page: MapPage, daemon: RunningDaemon, folder: Path) -> None:
    """A file added on disk appears on the map, with its kind; one that is deleted leaves it."""
    n = page.state()["sounds"]
    added = write(folder / "Cowbells" / "Cowbell new.wav", cowbell(77))
    page.until(f"state.sounds === {n + 1} && state.settled")
    assert daemon.client.find("Cowbell new")[0] in page.page.evaluate("klustrMap.ids()")
    page.page.locator("#state", has_text=f"{n + 1} sounds").wait_for()
    added.unlink()
    page.until(f"state.sounds === {n}")


def test_a_new_epoch_is_followed(page: MapPage, daemon: RunningDaemon) -> None:
    """When the map is made anew, the points glide to where they are now, and the chosen one stays chosen."""
    chosen = apart(daemon)[0]
    page.press(chosen)
    page.until(f"state.chosen === {chosen}")
    before = page.state()["epoch"]
    page.open_all()
    page.page.locator("#relayout").click()
    page.until(f"state.epoch > {before} && state.settled")
    assert page.state()["epoch"] == daemon.client.status().epoch
    assert page.state()["chosen"] == chosen
    # where the page shows two sounds tells the scale; a third must lie where the bridge says
    places = {point.id: point for point in daemon.client.points()}
    ids = sorted(places, key=lambda each: places[each].x)
    low, middle, high = ids[0], ids[len(ids) // 2], ids[-1]
    share = (places[middle].x - places[low].x) / (places[high].x - places[low].x)
    x = [page.where(each)[0] for each in (low, middle, high)]
    assert (x[1] - x[0]) / (x[2] - x[0]) == pytest.approx(share, abs=1e-3)


def test_what_is_corrected_stays(page: MapPage, daemon: RunningDaemon) -> None:
    """A kind chosen on the page is the sound's kind from then on, to every client and on the map."""
    chosen = apart(daemon)[0]
    page.press(chosen)
    page.page.locator("#facts", has_text="Length").wait_for()
    page.page.locator("#kind").select_option("shaker")
    page.page.get_by_text("the kind is shaker from now on").wait_for()
    assert daemon.client.info(chosen).kind == "shaker"
    page.page.locator("#legend button", has_text="shaker").wait_for()


def test_favourites_are_kept(page: MapPage, show: Callable[..., MapPage], daemon: RunningDaemon) -> None:
    """What is marked on one page is marked on the next."""
    chosen = apart(daemon)[0]
    page.press(chosen)
    page.until(f"state.chosen === {chosen}")
    page.page.locator("#star").click()
    page.page.locator("#star[aria-pressed=true]").wait_for()
    daemon.client.sync()
    other = show()
    other.press(chosen)
    other.page.locator("#star[aria-pressed=true]").wait_for()


def test_dropped_files_are_added(page: MapPage, daemon: RunningDaemon, folder: Path, tmp_path: Path) -> None:
    """A sample dropped on "Add" lands in the folder and on the map, whole; what is no sample is named.

    Of a folder all files do, with what its name tells of their kind.
    """
    n, before = page.state()["sounds"], {*folder.glob("*.wav")}
    file = write(tmp_path / "outside" / "Dropped bell.wav", cowbell(99))
    drop(page.page, "add", file.name, file.read_bytes())
    page.until(f"state.sounds === {n + 1}")
    kept = next(folder.rglob("Dropped bell.wav"))
    assert kept.read_bytes() == file.read_bytes()
    page.open_all()
    drop(page.page, "add", "notes.txt", b"not a sound")
    page.page.locator("#given .bad").wait_for()
    assert "notes.txt" in page.text("#given") and "0 of 1" in page.text("#given")
    assert not [*folder.rglob("notes.txt")]
    page.complaints.clear()  # the browser notes the refusal
    write(tmp_path / "outside" / "Pack" / "Cowbells" / "01.wav", cowbell(97))
    write(tmp_path / "outside" / "Pack" / "Bell 2.wav", cowbell(96))
    drop_paths(page.page, "add", tmp_path / "outside" / "Pack")
    page.until(f"state.sounds === {n + 3}")
    assert sorted(path.name for path in {*folder.glob("*.wav")} - before) == [
        "01 (Cowbells).wav",
        "Bell 2 (Pack).wav",
        "Dropped bell.wav",
    ]
    assert daemon.client.info(daemon.client.find("01 cowbells")[0]).kind == "cowbell"
    assert "2 of 2 files added" in page.text("#given")


def test_files_can_be_chosen_instead_of_dropped(page: MapPage, folder: Path, tmp_path: Path) -> None:
    """The same by a button, for those who can't drag."""
    n = page.state()["sounds"]
    file = write(tmp_path / "outside" / "Chosen bell.wav", cowbell(98))
    page.page.locator("#files").set_input_files(file)
    page.until(f"state.sounds === {n + 1}")
    assert [*folder.rglob("Chosen bell.wav")]


def test_a_dropped_file_finds_its_like(
    page: MapPage, daemon: RunningDaemon, folder: Path, tmp_path: Path
) -> None:
    """A file dropped on "Find similar" is compared and not kept: a copy finds its own sound first."""
    n, sound_id = page.state()["sounds"], apart(daemon)[0]
    copy = Path(shutil.copy(daemon.client.path(sound_id), tmp_path / "a copy.wav"))
    before = sorted(folder.rglob("*"))
    drop(page.page, "similar", copy.name, copy.read_bytes())
    page.until(f"state.chosen === {sound_id} && state.lit > 1")
    assert sorted(folder.rglob("*")) == before and page.state()["sounds"] == n


def test_folders_are_named_and_taken_away(page: MapPage, daemon: RunningDaemon, tmp_path: Path) -> None:
    """A folder named on the page is watched, its sounds come; taken away, they go. A wrong one is told."""
    n = page.state()["sounds"]
    write(tmp_path / "more" / "One more.wav", cowbell(55))
    page.open_all()
    page.page.locator("#folder-path").fill(str(tmp_path / "more"))
    page.page.locator("#add-folder button").click()
    page.until(f"state.sounds === {n + 1}")
    page.page.get_by_role("button", name=f"Remove {tmp_path / 'more'}").click()
    page.until(f"state.sounds === {n}")
    page.page.locator("#folder-path").fill(str(tmp_path / "nowhere"))
    page.page.locator("#add-folder button").click()
    page.page.locator("#toast", has_text="nowhere").wait_for()


def test_problems_are_told_with_their_reasons(page: MapPage, daemon: RunningDaemon, folder: Path) -> None:
    """A file that can't be used is counted and named, and why."""
    (folder / "broken.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVE")
    daemon.wait_until(lambda client: client.status().failed == 1)
    page.open_all()
    problem = page.page.locator("#problems li", has_text="broken.wav")
    problem.wait_for()
    assert len(problem.inner_text()) > len("broken.wav: ") + 5
    assert "(1)" in page.text("#n-problems")


def test_a_restart_of_the_daemon_is_survived(
    show: Callable[..., MapPage], daemon: RunningDaemon, folder: Path
) -> None:
    """While the daemon is away the page says so; when it is back, the page goes on, its filters included."""
    page = show()
    kind = daemon.client.info(apart(daemon)[0]).kind
    kinds = {sound_id: daemon.client.info(sound_id).kind for sound_id in apart(daemon)}
    n = sum(each == kind for each in kinds.values())
    page.page.locator("#legend button", has_text=kind.replace("_", " ")).first.click()
    page.until(f"state.shown === {n}")
    words = ("--osc-port", str(daemon.port), "--http-port", str(http_port(daemon)))
    library = [*Path(daemon.home).rglob("*.klustr")]
    assert daemon.stop() == 0 and library
    page.page.get_by_text("no bridge; waiting for it").wait_for()
    page.page.locator("#said", has_text="the bridge is away").wait_for(state="attached")
    page.until("!state.open")
    page.complaints.clear()
    with RunningDaemon(daemon.home, str(folder), *words) as again:
        again.wait_ready(len(kinds))
        page.until(f"state.open && state.sounds === {len(kinds)}")
        page.complaints.clear()  # the browser notes each try to connect in between
        assert page.state()["shown"] == n
        again.client.sync()
        page.press(next(sound_id for sound_id in kinds if kinds[sound_id] != kind))
        assert kinds[int(again.client.wait("/klustr/hit")[1])] == kind, "the bridge knows the filter again"
        page.page.context.close()
        page.complaints.clear()
