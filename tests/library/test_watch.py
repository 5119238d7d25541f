"""Hints from real file systems."""

import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from klustr_bridge.library import mounts
from klustr_bridge.library.ignore import DEFAULT_PATTERNS, IgnoreRules
from klustr_bridge.library.watch import Hint, Watcher
from tests.library.making import write_file

if TYPE_CHECKING:
    from watchdog.observers.inotify_c import InotifyEvent, InotifyFD

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
LIMIT_S = 20.0


class Ear:
    """Takes hints and waits for the one that matters."""

    def __init__(self) -> None:
        self.hints: queue.SimpleQueue[Hint] = queue.SimpleQueue()

    def until(self, wanted: Callable[[Hint], bool]) -> list[Hint]:
        """All hints up to the first one wanted; fails after a time limit."""
        heard: list[Hint] = []
        end = time.monotonic() + LIMIT_S
        while not heard or not wanted(heard[-1]):
            try:
                heard.append(self.hints.get(timeout=max(0.0, end - time.monotonic())))
            except queue.Empty:
                pytest.fail(f"the hint did not come; heard {heard}")
        return heard

    def until_path(self, path: Path) -> list[Hint]:
        wanted = os.fsencode(path)
        return self.until(lambda hint: hint.kind == "touched" and hint.path == wanted)

    def until_kind(self, kind: str) -> list[Hint]:
        return self.until(lambda hint: hint.kind == kind)


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root"
    path.mkdir()
    return path


@pytest.fixture
def watcher(root: Path, ear: Ear) -> Iterator[Watcher]:
    with Watcher([os.fsencode(root)], IgnoreRules(DEFAULT_PATTERNS), ear.hints.put, check_s=0.1) as running:
        assert running.wait_ready(LIMIT_S)
        yield running


def test_every_way_of_changing_gives_a_hint(watcher: Watcher, ear: Ear, root: Path, tmp_path: Path) -> None:
    """Writing, renaming, replacing, deleting, moving in and out are all hinted, in new folders too."""
    assert watcher.states() == {os.fsencode(root): "watched"}
    path = write_file(root / "a.wav")
    ear.until_path(path)
    path.rename(root / "b.wav")
    heard = ear.until_path(root / "b.wav")
    if not any(hint.path == os.fsencode(path) for hint in heard):
        ear.until_path(path)
    os.replace(write_file(tmp_path / "new.wav"), root / "b.wav")
    ear.until_path(root / "b.wav")
    (root / "b.wav").unlink()
    ear.until_path(root / "b.wav")
    write_file(tmp_path / "pack/deep/c.wav")
    (tmp_path / "pack").rename(root / "pack")
    ear.until_path(root / "pack")
    write_file(root / "pack/deep/d.wav")
    ear.until_path(root / "pack/deep/d.wav")
    (root / "pack").rename(tmp_path / "pack")
    ear.until_path(root / "pack")


def test_ignored_paths_give_no_hint(watcher: Watcher, ear: Ear, root: Path) -> None:
    """What a DAW does in its own folders, and hidden files, wake nobody."""
    write_file(root / "Backup/a.wav")
    write_file(root / "._b.wav")
    write_file(root / "sub/c.wav")
    write_file(root / "last.wav")
    heard = ear.until_path(root / "last.wav")
    assert {hint.path for hint in heard} <= {
        os.fsencode(root / name) for name in ("sub", "sub/c.wav", "last.wav")
    }


def test_many_events_are_few_hints(watcher: Watcher, ear: Ear, root: Path) -> None:
    """A file written in a thousand pieces is not hinted a thousand times."""
    with (root / "a.wav").open("wb", buffering=0) as file:
        for _ in range(1000):
            file.write(b"x")
    write_file(root / "last.wav")
    assert len(ear.until_path(root / "last.wav")) < 200


@pytest.mark.skipif(sys.platform == "win32", reason="a watched root can't be deleted on Windows")
def test_root_lost_and_back(watcher: Watcher, ear: Ear, root: Path, tmp_path: Path) -> None:
    """A root that is moved away is lost; when it is back it is watched again."""
    root.rename(tmp_path / "away")
    ear.until_kind("root_lost")
    assert watcher.states() == {os.fsencode(root): "absent"} and "not there" in watcher.describe()[0]
    (tmp_path / "away").rename(root)
    ear.until_kind("root_back")
    ear_path = write_file(root / "a.wav")
    ear.until_path(ear_path)


@pytest.mark.skipif(sys.platform == "win32", reason="a watched root can't be deleted on Windows")
def test_root_deleted_and_made_anew(watcher: Watcher, ear: Ear, root: Path) -> None:
    """A root that is deleted and made anew at once, maybe with its old inode, is still watched."""
    for _ in range(3):
        shutil.rmtree(root)
        root.mkdir()
        write_file(root / "a.wav")
        ear.until(lambda hint: hint.kind in ("root_back", "overflow"))
        ear.until_path(write_file(root / "b.wav"))
        while not ear.hints.empty():
            ear.hints.get()


def test_root_that_comes_later(ear: Ear, tmp_path: Path) -> None:
    """A folder missing at the start is said to be lost, and watched once it is there."""
    root = tmp_path / "later"
    with Watcher([os.fsencode(root)], IgnoreRules(), ear.hints.put, check_s=0.05) as watcher:
        assert watcher.wait_ready(LIMIT_S)
        ear.until_kind("root_lost")
        root.mkdir()
        ear.until_kind("root_back")
        ear.until_path(write_file(root / "a.wav"))


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right on Windows")
def test_root_that_is_a_link(ear: Ear, root: Path, tmp_path: Path) -> None:
    """Hints carry the name the user gave the folder, whatever it links to."""
    (tmp_path / "link").symlink_to(root)
    with Watcher([os.fsencode(tmp_path / "link")], IgnoreRules(), ear.hints.put) as watcher:
        assert watcher.wait_ready(LIMIT_S)
        write_file(root / "a.wav")
        ear.until_path(tmp_path / "link/a.wav")


def test_polling(ear: Ear, root: Path) -> None:
    """Without events the folder as a whole is hinted from time to time, and that is said."""
    folder = os.fsencode(root)
    with Watcher([folder], IgnoreRules(), ear.hints.put, "poll", poll_s=0.05, check_s=0.01) as watcher:
        assert ear.until_kind("polled") == [Hint("polled", folder, folder)]
        for _ in range(3):
            ear.until_path(root)
        assert watcher.states() == {folder: "polled"} and "every 0.05 s (as set)" in watcher.describe()[0]
        if sys.platform != "win32":
            root.rmdir()
            ear.until_kind("root_lost")
            root.mkdir()
            ear.until_kind("root_back")
            ear.until_path(root)


def test_off(ear: Ear, root: Path) -> None:
    """Switched off, nothing is watched."""
    with Watcher([os.fsencode(root)], IgnoreRules(), ear.hints.put, "off") as watcher:
        assert watcher.wait_ready(0) and watcher.states() == {}
        assert "switched off" in watcher.describe()[0]


def test_folders_change_while_running(watcher: Watcher, ear: Ear, root: Path, tmp_path: Path) -> None:
    """Folders can be added and dropped; the others go on."""
    other = tmp_path / "other"
    other.mkdir()
    watcher.set_folders([os.fsencode(root), os.fsencode(other)])
    assert watcher.wait_ready(LIMIT_S)
    ear.until_path(write_file(other / "a.wav"))
    ear.until_path(write_file(root / "a.wav"))
    watcher.set_folders([os.fsencode(other)])
    write_file(root / "unheard.wav")
    heard = ear.until_path(write_file(other / "b.wav"))
    assert os.fsencode(root / "unheard.wav") not in {hint.path for hint in heard}


def test_failing_listener_is_survived(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A listener that raises is logged, and hears the next hint all the same."""
    ear = Ear()

    def listen(hint: Hint) -> None:
        ear.hints.put(hint)
        raise RuntimeError("full")

    with Watcher([os.fsencode(root)], IgnoreRules(), listen) as watcher:
        assert watcher.wait_ready(LIMIT_S)
        ear.until_path(write_file(root / "a.wav"))
        ear.until_path(write_file(root / "b.wav"))
    assert "was not taken" in caplog.text


def test_no_hint_after_stop(root: Path) -> None:
    """When stop has returned, the listener is left alone."""
    ear = Ear()
    watcher = Watcher([os.fsencode(root)], IgnoreRules(), ear.hints.put)
    watcher.start()
    assert watcher.wait_ready(LIMIT_S)
    write_file(root / "a.wav")
    watcher.stop()
    while not ear.hints.empty():
        ear.hints.get()
    write_file(root / "b.wav")
    with pytest.raises(queue.Empty):
        ear.hints.get(timeout=0.2)


CHILD = """
import os, sys
from klustr_bridge.library.ignore import IgnoreRules
from klustr_bridge.library.watch import Watcher

def tell(hint):
    print(hint.kind, flush=True)

with Watcher([os.fsencode(sys.argv[1])], IgnoreRules(), tell, check_s=0.1, poll_s=0.2) as watcher:
    watcher.wait_ready()
    print(*watcher.describe(), flush=True)
    sys.stdin.read()
"""
PROJECT = Path(__file__).parents[2]


@linux_only
def test_lost_events_are_told(root: Path, tmp_path: Path) -> None:
    """A queue that overflows while the process is held up becomes a hint to scan the folder."""
    length = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if length > 50_000:
        pytest.skip(f"the event queue of this system is {length} long")
    spare = write_file(tmp_path / "spare")
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT
    ) as child:
        assert child.stdout is not None and child.stdout.readline().endswith(b": watched\n")
        child.send_signal(signal.SIGSTOP)
        names = (root / "x.wav", root / "y.wav")
        os.link(spare, names[0])
        for index in range(length):  # each rename is two events
            names[index % 2].rename(names[(index + 1) % 2])
        child.send_signal(signal.SIGCONT)
        line = b""
        while line != b"overflow\n":
            line = child.stdout.readline()
            assert line, "the child ended without the hint"
        child.communicate(b"")


@linux_only
def test_used_up_watches_fall_back_to_polling(root: Path) -> None:
    """When the system's watches don't reach for all sub-folders, the folder is polled, and why is said."""
    for index in range(20):
        (root / f"sub{index}").mkdir()
    own_limit = 'echo 10 > /proc/sys/user/max_inotify_watches && exec "$@"'
    command = ["unshare", "-Ur", "sh", "-c", own_limit, "sh"]
    if shutil.which("unshare") is None or subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("no user namespaces with limits of their own here")
    with subprocess.Popen(
        [*command, sys.executable, "-c", CHILD, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=PROJECT,
    ) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(3)]
        child.communicate(b"")
    assert lines[0] == b"polled\n" and b"max_user_watches" in lines[1] and lines[2] == b"touched\n"


def test_network_file_systems_are_polled() -> None:
    """File systems whose other side makes changes unseen are known by type, local ones are not."""
    table = rb"""/dev/sda1 / ext4 rw 0 0
server:/x /mnt/my\040nas nfs4 rw 0 0
//nas/y /mnt/my\040nas/deep cifs rw 0 0
me@host: /home/me/remote fuse.sshfs rw 0 0
/dev/sdb1 /media/usb fuseblk rw 0 0
broken
"""
    mounted = list(mounts.read_mounts(table))
    assert (b"/mnt/my nas", "nfs4") in mounted and len(mounted) == 5
    assert [kind for _, kind in mounted if mounts.is_remote(kind)] == ["nfs4", "cifs", "fuse.sshfs"]
    if os.sep == "/":
        assert mounts._type_holding(b"/mnt/my nas/deep/er", mounted) == "cifs"
        assert mounts._type_holding(b"/mnt/my nas2", mounted) == "ext4"


def test_this_machine_can_be_asked(tmp_path: Path) -> None:
    """The questions to the system answer without an error here."""
    mounts.reason_to_poll(os.fsencode(tmp_path))
    assert mounts.watches_used_up(os.fsencode(tmp_path)) is False
    limit = mounts.watch_limit()
    assert (limit is not None) == (sys.platform == "linux")


@linux_only
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_watching_goes_on_when_the_reader_of_events_dies(
    watcher: Watcher, ear: Ear, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error inside watchdog ends the thread that reads a folder's events: it is watched anew."""
    from watchdog.observers.inotify_c import InotifyFD

    died = threading.Event()
    handle_event = InotifyFD.handle_event

    def fail_once(reader: "InotifyFD", event: "InotifyEvent") -> None:
        if died.is_set():
            handle_event(reader, event)
            return
        died.set()
        raise KeyError(event)

    monkeypatch.setattr(InotifyFD, "handle_event", fail_once)
    write_file(root / "a.wav")
    assert died.wait(LIMIT_S)
    ear.until_kind("overflow")
    ear.until_path(write_file(root / "b.wav"))


@linux_only
def test_a_directory_watched_twice_is_no_warning(watcher: Watcher, ear: Ear, root: Path) -> None:
    """Directories made one in the other, faster than they are watched, are hinted without a warning."""
    for number in range(50):
        inner = root / f"{number}" / "a" / "b"
        inner.mkdir(parents=True)
        inner.joinpath("x.wav").write_bytes(b"x")
    ear.until_path(root / "49" / "a" / "b" / "x.wav")
