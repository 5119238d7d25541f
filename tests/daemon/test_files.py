"""Files dropped, half-written, moved, renamed and deleted under a running daemon."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from klustr_bridge.client import Client
from tests.daemon.running import RunningDaemon
from tests.sounds import cowbell, kick, write, write_library

N_SOUNDS = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files") / "samples"
    write_library(folder, N_SOUNDS)
    return folder


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[RunningDaemon]:
    with RunningDaemon(folder.parent / "home", str(folder)) as running:
        running.wait_ready(N_SOUNDS)
        yield running


@pytest.fixture
def daemon(running: RunningDaemon) -> RunningDaemon:
    """The daemon of these tests, at rest, with a client that has heard nothing yet."""
    running.wait_until(lambda client: client.status().state == "ready" and not client.status().pending)
    running.renew_client()
    return running


@pytest.fixture
def n(daemon: RunningDaemon) -> int:
    """How many sounds there are before the test."""
    return daemon.client.status().sounds


def _paths(client: Client) -> set[str]:
    return {client.path(point.id) for point in client.points()}


def test_a_dropped_file_appears(daemon: RunningDaemon, folder: Path) -> None:
    """A file copied into a watched folder is pushed as added and can be asked about."""
    places = _places(daemon.client)
    target = write(folder / "New" / "Cowbell fresh.wav", cowbell(99))
    added = daemon.client.wait("/klustr/added", timeout=30)
    sound_id = int(added[0])
    info = daemon.client.info(sound_id)
    assert daemon.client.path(sound_id) == str(target)
    assert (info.name, info.kind) == ("Cowbell fresh.wav", "cowbell")
    assert (info.x, info.y) == pytest.approx((added[1], added[2]))
    assert {i: place for i, place in _places(daemon.client).items() if i in places} == places


def _places(client: Client) -> dict[int, tuple[float, float]]:
    return {point.id: (point.x, point.y) for point in client.points()}


def test_a_file_written_in_halves_is_heard_once_whole(
    daemon: RunningDaemon, folder: Path, tmp_path: Path, n: int
) -> None:
    """A bounce that is still being written becomes one sound, the whole one."""
    whole = write(tmp_path / "bounce.wav", kick(77))
    content = whole.read_bytes()
    target = folder / "bounce.wav"
    with target.open("wb") as file:
        file.write(content[: len(content) // 3])
        file.flush()
        # Where cores are busy it may be refused as cut off before it has been seen waiting.
        daemon.wait_until(lambda client: bool(client.find("bounce")) or client.status().failed == 1)
        file.write(content[len(content) // 3 :])

    def heard(client: Client) -> bool:
        found = client.find("bounce")
        return bool(found) and abs(client.info(found[0]).duration - (len(content) - 44) / 2 / 44100) < 0.001

    daemon.wait_until(heard)
    daemon.wait_ready(n + 1)


def test_moves_and_renames_keep_the_sound(daemon: RunningDaemon, folder: Path, n: int) -> None:
    """Renaming a file and moving a folder change paths alone: id, uid and place stay."""
    sound = daemon.client.points()[0]
    uid = daemon.client.info(sound.id).uid
    old = Path(daemon.client.path(sound.id))
    renamed = old.with_name("Renamed thing.wav")
    old.rename(renamed)
    daemon.wait_until(lambda client: client.path(sound.id) == str(renamed))
    renamed.parent.rename(folder / "Elsewhere")
    moved = folder / "Elsewhere" / "Renamed thing.wav"
    daemon.wait_until(lambda client: client.path(sound.id) == str(moved))
    info = daemon.client.info(sound.id)
    assert (info.uid, info.x, info.y) == (uid, pytest.approx(sound.x), pytest.approx(sound.y))
    assert daemon.client.resolve(uid) == sound.id
    daemon.wait_ready(n)


def test_a_deleted_file_leaves_and_comes_back_the_same(
    daemon: RunningDaemon, folder: Path, tmp_path: Path
) -> None:
    """A deleted sound leaves the map; the same audio put back has its old id and place."""
    sound = daemon.client.points()[-1]
    path = Path(daemon.client.path(sound.id))
    kept = shutil.copy(path, tmp_path / "kept.wav")
    path.unlink()
    assert daemon.client.wait("/klustr/removed", timeout=30) == (sound.id,)
    shutil.copy(kept, folder / "Back again.wav")
    back = daemon.client.wait("/klustr/added", timeout=30)
    assert back == (sound.id, pytest.approx(sound.x), pytest.approx(sound.y))


def test_duplicates_are_one_sound(daemon: RunningDaemon, folder: Path, n: int) -> None:
    """A copy of a file is another file of the same sound."""
    n_files = daemon.client.status().files
    sound = daemon.client.points()[0]
    shutil.copy(daemon.client.path(sound.id), folder / "A copy.wav")
    daemon.wait_until(lambda client: client.status().files == n_files + 1 and not client.status().pending)
    assert daemon.client.status().sounds == n
    assert daemon.client.find("a copy") == [sound.id]


def test_bad_files_are_told_and_mended(daemon: RunningDaemon, folder: Path, n: int) -> None:
    """A file that is no audio is listed with its reason, and heard once it holds sound."""
    target = folder / "broken.wav"
    target.write_bytes(b"RIFF nothing of the kind")
    daemon.wait_until(lambda client: client.status().failed == 1)
    problem = daemon.client.problems()[0]
    assert problem.path == str(target)
    assert problem.reason
    write(target, kick(55))
    daemon.wait_ready(n + 1)
    assert daemon.client.problems() == []


def test_a_lost_folder_is_absent_and_comes_back(
    daemon: RunningDaemon, folder: Path, tmp_path: Path, n: int
) -> None:
    """A folder that disappears takes its sounds off the map; they come back with it unheard."""
    places = _places(daemon.client)
    away = tmp_path / "away"
    folder.rename(away)
    daemon.wait_until(lambda client: client.status().sounds == 0)
    assert [row.state for row in daemon.client.folders()] == ["absent"]
    away.rename(folder)
    daemon.wait_ready(n)
    assert _places(daemon.client) == places


def test_names_that_are_not_text(daemon: RunningDaemon, folder: Path, n: int) -> None:
    """A name of bytes that are no UTF-8 is served in the stated escape."""
    n_files = daemon.client.status().files
    path = os.path.join(os.fsencode(folder), b"kick \xff\xfe.wav")
    shutil.copy(daemon.client.path(daemon.client.points()[0].id), path)
    write(folder / "plain.wav", kick(31))
    daemon.wait_until(lambda client: client.status().files == n_files + 2)
    daemon.wait_ready(n + 1)
