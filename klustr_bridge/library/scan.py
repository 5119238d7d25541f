"""Walking a folder: which candidate sample files are there, and what are their stamps.

This module owns the walk, its rules about links, and the reading of stamps. It must not open
a file, nor know what is already in the library.
"""

import os
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from klustr_bridge.errors import LibraryError
from klustr_bridge.library import paths
from klustr_bridge.library.ignore import IgnoreRules
from klustr_bridge.library.settle import DIRECTORY
from klustr_bridge.types import FileStamp, FoundFile

Candidate = Callable[[bytes], bool]
"""Whether a file name (bytes) may be audio: `sound.decode.is_candidate`."""


class FolderAbsent(LibraryError):
    """The folder to scan is not there: unplugged, unmounted, deleted, or not to be read."""


def stamp_of(status: os.stat_result) -> FileStamp:
    """Stamp from a stat result; inode and device are folded into signed 64 bits, as SQLite keeps them."""
    return FileStamp(status.st_size, status.st_mtime_ns, fold_int64(status.st_ino), fold_int64(status.st_dev))


def fold_int64(number: int) -> int:
    """`number` modulo 2**64 as a signed value (inodes are unsigned, 128 bits wide on ReFS)."""
    return (number + 2**63) % 2**64 - 2**63


def stat_path(path: bytes) -> FileStamp | None:
    """Stamp of what is at `path`, following links.

    Returns
    -------
    FileStamp or None
        `settle.DIRECTORY` for a folder; None where there is nothing, or no regular file.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(status.st_mode):
        return DIRECTORY
    return stamp_of(status) if stat.S_ISREG(status.st_mode) else None


def scan_path(path: bytes) -> FoundFile | None:
    """One file by its path, or None if there is no regular file; names are not judged (see `is_wanted`)."""
    stamp = stat_path(path)
    return None if stamp is None or stamp is DIRECTORY else FoundFile(path, stamp)


def is_wanted(path: bytes, folder: bytes, ignore: IgnoreRules, candidate: Candidate) -> bool:
    """Whether a scan of `folder` would list a regular file of that path, judged by names alone."""
    return candidate(os.path.basename(path)) and not ignore.hides(paths.relative(path, folder))


def looks_unmounted(folder: bytes, known: Collection[FileStamp]) -> bool:
    """Whether `folder` is the empty mount point of a drive that is not there.

    Parameters
    ----------
    folder : bytes
        A watched folder that exists.
    known : collection of FileStamp
        Stamps of the files the library knows in it.

    Returns
    -------
    bool
        True if the folder has no entry at all while files are known, none of which was on the
        file system that the folder is on now. Somebody who deletes every file leaves the same device.
    """
    try:
        device = fold_int64(os.stat(folder).st_dev)
        with os.scandir(folder) as entries:
            empty = next(entries, None) is None
    except OSError:
        return False
    return empty and bool(known) and device != 0 and all(stamp.device != device for stamp in known)


def scan_folder(
    folder: bytes,
    ignore: IgnoreRules,
    *,
    candidate: Candidate,
    watched: Sequence[bytes] = (),
    relative_to: bytes | None = None,
    on_directory: Callable[[bytes], None] | None = None,
    on_problem: Callable[[bytes, str], None] | None = None,
) -> Iterator[FoundFile]:
    """Find the candidate files of a folder, lazily and always in the same order.

    Parameters
    ----------
    folder : bytes
        Absolute path of a watched folder, or of any folder below one.
    ignore : IgnoreRules
        What is left out.
    candidate : callable
        ``candidate(name)`` tells whether a file name may be audio.
    watched : sequence of bytes
        All watched folders. A link to a directory is followed only if its real target lies outside
        each of them, and only once in a scan; so no walk is endless and no file is met twice.
    relative_to : bytes, optional
        The watched folder, where `folder` lies below one: patterns with a slash are relative to it.
    on_directory : callable, optional
        Told the path of every directory entered, `folder` first.
    on_problem : callable, optional
        Told path and reason for every directory or file that exists but can't be read. What lies below
        such a directory is unknown, not gone.

    Yields
    ------
    FoundFile
        Regular files, links to regular files included (the stamp is the target's). A directory's own
        files come before those of its folders, both sorted by name.

    Raises
    ------
    FolderAbsent
        The folder is not there when the call is made, or is gone when the walk has ended: what
        was not found then says nothing.
    """
    walk = _Walk(ignore, candidate, on_directory, on_problem)
    base = folder if relative_to is None else relative_to
    roots = {os.path.realpath(root) for root in (*watched, base)}
    walk.outside_of = tuple(roots)
    for root in roots:
        walk.visited.add(_identity(root))
    _check_present(folder)
    real = os.path.realpath(folder)
    if not paths.is_same(folder, base):
        expected = os.path.join(os.path.realpath(base), paths.relative(folder, base))
        if not paths.is_same(real, expected) and walk.is_inside(real):
            return iter(())  # reached through a link to what is watched under its own name
    return walk.run(folder, base)


@dataclass
class _Walk:
    ignore: IgnoreRules
    candidate: Candidate
    on_directory: Callable[[bytes], None] | None
    on_problem: Callable[[bytes, str], None] | None
    outside_of: tuple[bytes, ...] = ()
    visited: set[tuple[int, int] | bytes] = field(default_factory=set)

    def run(self, folder: bytes, base: bytes) -> Iterator[FoundFile]:
        stack = [folder]
        self.visited.discard(_identity(os.path.realpath(folder)))
        while stack:
            directory = stack.pop()
            identity = _identity(directory)
            if identity in self.visited:
                continue
            self.visited.add(identity)
            prefix = (
                b"" if paths.is_same(directory, base) else paths.relative(directory, base) + os.sep.encode()
            )
            entries = self._entries(directory, is_root=directory == folder)
            if entries is None:
                continue
            if self.on_directory is not None:
                self.on_directory(directory)
            below: list[bytes] = []
            for entry in entries:
                try:
                    if entry.is_dir():
                        if not self.ignore.ignores(entry.name, True, prefix + entry.name) and self._enters(
                            entry
                        ):
                            below.append(entry.path)
                        continue
                    if not self.candidate(entry.name) or self.ignore.ignores(
                        entry.name, False, prefix + entry.name
                    ):
                        continue
                    # Windows' DirEntry.stat() has neither inode nor a fresh size for open files.
                    status = os.stat(entry.path) if os.name == "nt" else entry.stat()
                except FileNotFoundError:
                    continue
                except OSError as error:
                    self._tell(entry.path, error)
                    continue
                if stat.S_ISREG(status.st_mode):
                    yield FoundFile(entry.path, stamp_of(status))
            stack.extend(reversed(below))
        _check_present(folder)

    def _entries(self, directory: bytes, *, is_root: bool) -> list[os.DirEntry[bytes]] | None:
        try:
            with os.scandir(directory) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError) as error:
            if is_root:
                raise _absent(directory, error) from error
        except OSError as error:
            if is_root:
                raise _absent(directory, error) from error
            self._tell(directory, error)
        return None

    def _enters(self, entry: os.DirEntry[bytes]) -> bool:
        if entry.is_dir(follow_symlinks=False) and not _is_junction(entry):
            return True
        return not self.is_inside(os.path.realpath(entry.path))

    def is_inside(self, real: bytes) -> bool:
        return any(paths.is_same(real, root) or paths.is_below(real, root) for root in self.outside_of)

    def _tell(self, path: bytes, error: OSError) -> None:
        if self.on_problem is not None:
            self.on_problem(path, error.strerror or str(error))


def _is_junction(entry: os.DirEntry[bytes]) -> bool:
    """Whether it is a Windows junction, which `is_symlink` does not count (known from Python 3.12 on)."""
    test: Callable[[], bool] | None = getattr(entry, "is_junction", None)
    return test is not None and test()


def _identity(path: bytes) -> tuple[int, int] | bytes:
    """What two names of one directory have in common."""
    try:
        status = os.stat(path)
    except OSError:
        return path
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)


def _check_present(folder: bytes) -> None:
    try:
        if stat.S_ISDIR(os.stat(folder).st_mode):
            return
    except OSError as error:
        raise _absent(folder, error) from error
    raise FolderAbsent(f"{paths.to_export(folder)} is not a folder")


def _absent(folder: bytes, error: OSError) -> FolderAbsent:
    return FolderAbsent(f"can't read folder {paths.to_export(folder)}: {error.strerror or error}")
