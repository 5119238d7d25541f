"""A sound's file is shown by programs of the machine: real ones of the tests' making, through the bridge."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes

import psutil
import pytest

from klustr_bridge.bridge import reveal
from klustr_bridge.client import Client, FailError
from tests.bridge.places import STRANGE_NAME, Place

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have other programs")

Programs = Callable[..., Path]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Put programs of some names on the path, alone there; each notes its arguments, then does `then`."""
    place = tmp_path / "bin"
    place.mkdir()
    monkeypatch.setenv("PATH", str(place))
    monkeypatch.setenv("DISPLAY", ":7")

    def make(*names: str, then: str = "exit 0") -> Path:
        for name in names:
            note = f"{{ printf '%s\\0' {name} \"$@\"; printf '\\n'; }} >> '{tmp_path}/noted'"
            (place / name).write_text(f"#!/bin/sh\n{note}\n{then}\n")
            (place / name).chmod(0o755)
        return tmp_path / "noted"

    return make


@pytest.fixture
def started() -> Iterator[Callable[[], list[psutil.Process]]]:
    """The processes that this one has started, until they have ended and it has let go of them."""
    own = psutil.Process()
    before = own.children()

    def now() -> list[psutil.Process]:
        return [child for child in own.children() if child not in before]

    yield now
    for child in now():
        child.kill()
    wait_until(lambda: not now())


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def noted(file: Path) -> list[list[str]]:
    """The programs that were started, each with its arguments."""
    if not file.exists():
        return []
    return [line.split("\0")[:-1] for line in file.read_text().split("\n")[:-1]]


@pytest.mark.parametrize("name", [b"-rf kick.wav", b'it\'s, a "kick" $(x) %41.wav', STRANGE_NAME])
@pytest.mark.parametrize("program", ["gdbus", "dbus-send"])
def test_the_file_manager_is_told_by_bus(
    program: str, name: bytes, programs: Programs, tmp_path: Path
) -> None:
    """As one address in which nothing but the file can be read, whatever its name."""
    programs(program)
    path = os.path.join(os.fsencode(tmp_path), name)
    (way,) = [way for way in reveal.ways(path) if way.is_messenger]
    address = next(word for word in way.words if "file:///" in word)
    address = address.removeprefix("array:string:").removeprefix("['").removesuffix("']")
    assert not set(address) & set("'\", $()")
    assert unquote_to_bytes(address.removeprefix("file://")) == path


def test_a_sound_is_shown(place: Place, client: Client, programs: Programs) -> None:
    """The command is done once the session's file manager has been told of the very file."""
    file = programs("gdbus", "xdg-open")
    client.command("/klustr/reveal", place.ids[0])
    ((program, *words),) = noted(file)
    assert program == "gdbus" and "org.freedesktop.FileManager1.ShowItems" in words
    assert words[-2:] == [f"['{reveal.file_uri(os.fsencode(client.path(place.ids[0])))}']", ""]


def test_the_folder_is_opened_where_there_is_no_bus(place: Place, client: Client, programs: Programs) -> None:
    """What fails is followed by what may work: the folder, by the desktop's own opener."""
    file = programs("dbus-send", then="exit 1")
    programs("xdg-open")
    client.command("/klustr/reveal", place.ids[0])
    assert [words[0] for words in noted(file)] == ["dbus-send", "xdg-open"]
    assert noted(file)[1][1:] == [os.path.dirname(client.path(place.ids[0]))]


def test_where_nothing_can_show_it_the_path_is_told(
    place: Place, client: Client, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a program, without a screen, and where all fail: `notready`, with what to do instead."""
    sound_id = place.ids[1]
    path = client.path(sound_id)
    with pytest.raises(FailError, match=f"no file manager.*copy the path.*{path}") as failed:
        client.command("/klustr/reveal", sound_id)
    assert failed.value.code == "notready"
    file = programs("gdbus", "xdg-open", then="exit 3")
    with pytest.raises(FailError, match=f"gdbus, xdg-open could not.*{path}"):
        client.command("/klustr/reveal", sound_id)
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(FailError, match="gdbus could not"):
        client.command("/klustr/reveal", sound_id)
    assert [words[0] for words in noted(file)] == ["gdbus", "xdg-open", "gdbus"]


def test_only_files_of_sounds_are_shown(place: Place, client: Client, programs: Programs) -> None:
    """An id that there isn't starts nothing; nor does a file that has gone."""
    file = programs("gdbus")
    with pytest.raises(FailError) as failed:
        client.command("/klustr/reveal", 999_999)
    assert failed.value.code == "notfound"
    os.rename(place.folder, place.folder.with_name("away"))
    try:
        with pytest.raises(FailError, match="not there now") as failed:
            client.command("/klustr/reveal", place.ids[0])
        assert failed.value.code == "notready"
    finally:
        os.rename(place.folder.with_name("away"), place.folder)
    assert noted(file) == []


def test_a_hammering_client_starts_few_and_holds_nothing_up(
    place: Place,
    client: Client,
    programs: Programs,
    started: Callable[[], list[psutil.Process]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of sixty wishes five are tried; meanwhile the bridge answers, also while a program hangs."""
    monkeypatch.setattr(reveal, "_BUS_LIMIT_S", 1.0)
    file = programs("gdbus", then="exec sleep 60")
    (file.parent / "bin" / "sleep").symlink_to("/bin/sleep")
    for _ in range(60):
        client.send("/klustr/reveal", place.ids[0])
    codes = [client.wait("/klustr/fail")[2] for _ in range(15)]  # and it is told so 20 times in a row at most
    assert set(codes) == {"busy"}
    wait_until(lambda: len(noted(file)) == reveal.AT_ONCE)
    began = time.monotonic()
    client.ping()
    assert time.monotonic() - began < 1.0
    assert 0 < len(started()) <= reveal.AT_ONCE
    wait_until(lambda: not started())  # what never answers is ended
    assert len(noted(file)) == reveal.AT_ONCE


def test_a_file_manager_that_runs_on_has_shown_it(
    place: Place,
    client: Client,
    programs: Programs,
    started: Callable[[], list[psutil.Process]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is left to run, detached; when too many do, the next wish is refused until one ends."""
    monkeypatch.setattr(reveal, "MOST_RUNNING", 1)
    monkeypatch.setattr(reveal, "_START_LIMIT_S", 0.2)
    file = programs("xdg-open", then="exec sleep 60")
    (file.parent / "bin" / "sleep").symlink_to("/bin/sleep")
    client.command("/klustr/reveal", place.ids[0])
    (running,) = started()
    assert os.getsid(running.pid) == running.pid and os.getsid(0) != running.pid
    with pytest.raises(FailError, match="still run") as failed:
        client.command("/klustr/reveal", place.ids[0])
    assert failed.value.code == "busy"
    running.kill()
    wait_until(lambda: not started())
    client.command("/klustr/reveal", place.ids[0])


def test_other_systems_have_their_own_ways(programs: Programs) -> None:
    """The opener of macOS takes the path as a word; Explorer's line has quotes around the path alone."""
    place = programs("open", "explorer.exe").parent / "bin"
    path = b"/Volumes/a, b/-kick.wav"
    (way,) = reveal.ways(path, "darwin")
    assert way.words == (str(place / "open"), "-R", "/Volumes/a, b/-kick.wav")
    (way,) = reveal.ways(path, "win32")
    assert way.words == f'"{place / "explorer.exe"}" /select,"/Volumes/a, b/-kick.wav"'
    assert not way.tells
