"""Walking folders."""

import os
import sys
from pathlib import Path

import pytest

from klustr_bridge.library.ignore import DEFAULT_PATTERNS, IgnoreRules
from klustr_bridge.library.scan import (
    FolderAbsent,
    fold_int64,
    is_wanted,
    looks_unmounted,
    scan_folder,
    scan_path,
    stat_path,
)
from klustr_bridge.library.settle import DIRECTORY
from klustr_bridge.types import FileStamp
from tests.library.making import write_file

RULES = IgnoreRules(DEFAULT_PATTERNS)

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links need a right on Windows")


def is_wav(name: bytes) -> bool:
    return name.lower().endswith(b".wav")


def scan(folder: Path, watched: tuple[Path, ...] = (), **more: object) -> list[str]:
    found = scan_folder(
        os.fsencode(folder),
        RULES,
        candidate=is_wav,
        watched=[os.fsencode(each) for each in watched],
        **more,  # type: ignore[arg-type]
    )
    return [Path(os.fsdecode(file.path)).relative_to(folder).as_posix() for file in found]


def test_finds_candidates_in_order(tmp_path: Path) -> None:
    """Sample files of all depths come in one order; ignored names and other files don't."""
    for name in (
        "b.wav",
        "a.WAV",
        "z/1.wav",
        "c/d/2.wav",
        "c/3.wav",
        "t.txt",
        ".h.wav",
        "Backup/4.wav",
        "Processed/5.wav",
    ):
        write_file(tmp_path / name)
    entered: list[bytes] = []
    found = scan(tmp_path, on_directory=entered.append)
    assert found == ["a.WAV", "b.wav", "c/3.wav", "c/d/2.wav", "z/1.wav"]
    assert entered == [os.fsencode(tmp_path / name) for name in ("", "c", "c/d", "z")]


def test_stamp_is_the_files_own(tmp_path: Path) -> None:
    """The stamp carries size, time and identity, the same from a walk and from a single look."""
    path = write_file(tmp_path / "a.wav", b"12345")
    status = path.stat()
    (found,) = scan_folder(os.fsencode(tmp_path), RULES, candidate=is_wav)
    assert found == scan_path(os.fsencode(path))
    assert found.stamp == FileStamp(
        5, status.st_mtime_ns, fold_int64(status.st_ino), fold_int64(status.st_dev)
    )


def test_what_a_path_is(tmp_path: Path) -> None:
    """Directories, missing and special files are no sample files."""
    assert stat_path(os.fsencode(tmp_path)) is DIRECTORY
    assert scan_path(os.fsencode(tmp_path)) is None
    assert stat_path(os.fsencode(tmp_path / "none")) is None
    assert stat_path(b"/nul\0byte") is None
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe.wav")
        assert stat_path(os.fsencode(tmp_path / "pipe.wav")) is None
        assert scan(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes exist on Linux")
def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    """A name of any bytes is found under exactly these bytes."""
    name = os.path.join(os.fsencode(tmp_path), b"caf\xe9 \\ \n.wav")
    Path(os.fsdecode(name)).write_bytes(b"x")
    assert [file.path for file in scan_folder(os.fsencode(tmp_path), RULES, candidate=is_wav)] == [name]


def test_missing_folder_is_absent(tmp_path: Path) -> None:
    """A folder that is not there is an error before anything is yielded, not an empty folder."""
    with pytest.raises(FolderAbsent):
        scan_folder(os.fsencode(tmp_path / "none"), RULES, candidate=is_wav)
    with pytest.raises(FolderAbsent):
        scan_folder(os.fsencode(write_file(tmp_path / "file")), RULES, candidate=is_wav)


def test_folder_that_vanishes_while_walked(tmp_path: Path) -> None:
    """A drive pulled out during a scan ends it with an error: what was not found is not deleted."""
    root = tmp_path / "root"
    for name in ("a.wav", "b/c.wav"):
        write_file(root / name)
    walk = scan_folder(os.fsencode(root), RULES, candidate=is_wav)
    next(walk)
    root.rename(tmp_path / "elsewhere")
    with pytest.raises(FolderAbsent):
        list(walk)


def test_sub_folder_that_vanishes_while_walked(tmp_path: Path) -> None:
    """A folder deleted during a scan is passed over without a word."""
    for name in ("a.wav", "b/c.wav", "d/e.wav"):
        write_file(tmp_path / name)
    problems: list[object] = []
    walk = scan_folder(
        os.fsencode(tmp_path), RULES, candidate=is_wav, on_problem=lambda *problem: problems.append(problem)
    )
    next(walk)
    (tmp_path / "b/c.wav").unlink()
    (tmp_path / "b").rmdir()
    assert [file.path for file in walk] == [os.fsencode(tmp_path / "d/e.wav")]
    assert problems == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_folder_is_told(tmp_path: Path) -> None:
    """A folder without the right to read it is told with the reason, and the walk goes on."""
    write_file(tmp_path / "a/b.wav")
    write_file(tmp_path / "c.wav")
    (tmp_path / "a").chmod(0)
    problems: list[tuple[bytes, str]] = []
    try:
        assert scan(tmp_path, on_problem=lambda path, reason: problems.append((path, reason))) == ["c.wav"]
    finally:
        (tmp_path / "a").chmod(0o700)
    assert problems == [(os.fsencode(tmp_path / "a"), "Permission denied")]


@needs_links
def test_link_that_cannot_be_resolved_is_told(tmp_path: Path) -> None:
    """A link to itself is a problem with a reason; a link to nothing is no file."""
    (tmp_path / "self.wav").symlink_to("self.wav")
    (tmp_path / "nothing.wav").symlink_to("none.wav")
    write_file(tmp_path / "z.wav")
    problems: list[bytes] = []
    assert scan(tmp_path, on_problem=lambda path, _: problems.append(path)) == ["z.wav"]
    assert problems == [os.fsencode(tmp_path / "self.wav")]


@needs_links
def test_links_to_files_are_files(tmp_path: Path) -> None:
    """A link to a regular file is listed with the stamp of its target."""
    target = write_file(tmp_path / "out/a.wav", b"123")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link.wav").symlink_to(target)
    (found,) = scan_folder(os.fsencode(root), RULES, candidate=is_wav)
    assert found.stamp == scan_path(os.fsencode(target)).stamp  # type: ignore[union-attr]


@needs_links
def test_links_to_directories(tmp_path: Path) -> None:
    """A linked directory outside is walked once; links into watched folders and loops are not followed."""
    root, other, outside = tmp_path / "root", tmp_path / "other", tmp_path / "outside"
    for path in (root / "sub/a.wav", other / "b.wav", outside / "deep/c.wav"):
        write_file(path)
    (root / "1loop").symlink_to(root)
    (root / "2sub").symlink_to(root / "sub")
    (root / "3other").symlink_to(other)
    (root / "4deep").symlink_to(outside / "deep")
    (root / "5outside").symlink_to(outside)
    (root / "6again").symlink_to(outside)
    (outside / "back").symlink_to(root)
    (outside / "loop").symlink_to(outside)
    assert scan(root, (root, other)) == ["4deep/c.wav", "sub/a.wav"]
    (root / "4deep").unlink()
    assert scan(root, (root, other)) == ["5outside/deep/c.wav", "sub/a.wav"]


@needs_links
def test_link_to_a_parent_of_the_root(tmp_path: Path) -> None:
    """A link to a directory above the root is walked without coming back into the root."""
    root = tmp_path / "up/root"
    write_file(root / "a.wav")
    write_file(tmp_path / "up/b.wav")
    (root / "up").symlink_to(tmp_path / "up")
    assert scan(root, (root,)) == ["a.wav", "up/b.wav"]


@needs_links
def test_root_that_is_a_link(tmp_path: Path) -> None:
    """A watched folder may be a link; its files keep the names the user knows."""
    write_file(tmp_path / "real/s/a.wav")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert scan(tmp_path / "link", (tmp_path / "link",)) == ["s/a.wav"]


def test_part_of_a_folder(tmp_path: Path) -> None:
    """A folder below a watched one is walked by the rules of the whole."""
    write_file(tmp_path / "sub/no/a.wav")
    write_file(tmp_path / "sub/b.wav")
    found = scan_folder(
        os.fsencode(tmp_path / "sub"),
        IgnoreRules(["sub/no/"]),
        candidate=is_wav,
        watched=[os.fsencode(tmp_path)],
        relative_to=os.fsencode(tmp_path),
    )
    assert [file.path for file in found] == [os.fsencode(tmp_path / "sub/b.wav")]


@needs_links
def test_part_of_a_folder_behind_a_link(tmp_path: Path) -> None:
    """A link inside a watched folder to another part of it is nothing of its own."""
    write_file(tmp_path / "sub/a.wav")
    (tmp_path / "link").symlink_to(tmp_path / "sub")
    found = scan_folder(
        os.fsencode(tmp_path / "link"),
        RULES,
        candidate=is_wav,
        watched=[os.fsencode(tmp_path)],
        relative_to=os.fsencode(tmp_path),
    )
    assert list(found) == []


def test_wanted_by_name(tmp_path: Path) -> None:
    """A single path is judged like a scan would judge it."""
    folder = os.fsencode(tmp_path)

    def wanted(name: str) -> bool:
        return is_wanted(os.fsencode(tmp_path / name), folder, RULES, is_wav)

    assert wanted("a/b.wav")
    assert not wanted("a/b.txt") and not wanted("Backup/b.wav") and not wanted("._b.wav")


def test_empty_mount_point(tmp_path: Path) -> None:
    """An empty folder on another file system than its known files is an unplugged drive, not a clean-up."""
    device = fold_int64(tmp_path.stat().st_dev)
    here, elsewhere = FileStamp(1, 1, 1, device), FileStamp(1, 1, 1, device + 1)
    assert looks_unmounted(os.fsencode(tmp_path), [elsewhere])
    assert not looks_unmounted(os.fsencode(tmp_path), [elsewhere, here])
    assert not looks_unmounted(os.fsencode(tmp_path), [])
    write_file(tmp_path / "something")
    assert not looks_unmounted(os.fsencode(tmp_path), [elsewhere])
    assert not looks_unmounted(os.fsencode(tmp_path / "none"), [elsewhere])
