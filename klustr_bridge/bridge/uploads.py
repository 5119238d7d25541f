"""Files that are given to the library through the page: named and written so that nothing else is touched.

This module owns which names and folders are allowed and how a file gets there: written beside its place
under a name that no scan takes for audio, then linked to a free name. It reads and writes files, so it is
for threads; what HTTP is, it doesn't know.

References
----------
Names that Windows keeps for itself: https://learn.microsoft.com/windows/win32/fileio/naming-a-file
"""

import contextlib
import errno
import io
import os
import re
import secrets
import shutil
import time
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from klustr_bridge.errors import QueryError
from klustr_bridge.library.paths import is_same, normalise
from klustr_bridge.sound.formats import AUDIO_SUFFIXES, CONVERT

MOST_BYTES: Final = 200 << 20
KEPT_FREE: Final = 64 << 20
"""Bytes of the disk that an upload leaves free."""

_MOST_NAME: Final = 200
_MOST_TRIES: Final = 1000
_PART: Final = ".part"
_PART_NAME: Final = re.compile(rb"\.klustr-[0-9a-f]{16}\.part")
_LEFT_OVER_S: Final = 3600.0
"""An upload takes ten minutes at most: a part that nobody has written to for as long is a killed bridge's."""
_UNSEEN: Final = frozenset(("Cc", "Cf", "Zl", "Zp"))
"""Controls, and marks that turn the direction of writing: names would not be what they look like."""
_FORBIDDEN: Final = frozenset('<>:"/\\|?*')
_RESERVED: Final = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"]
)
_FULL: Final = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_NOT_ALLOWED: Final = {errno.EACCES, errno.EPERM, errno.EROFS}


def checked_name(name: str) -> str:
    """Return a file name that is one everywhere, or say why it isn't.

    Raises
    ------
    QueryError
        ``badargs``: a path, a hidden or reserved name, or one that is not of a sample format.
    """
    stem, suffix = os.path.splitext(name)
    problem = ""
    if not name or len(name.encode("utf-8", "replace")) > _MOST_NAME:
        problem = f"it has {len(name.encode('utf-8', 'replace'))} bytes; allowed are 1 to {_MOST_NAME}"
    elif set(name) & _FORBIDDEN or any(ord(character) < 32 or ord(character) == 127 for character in name):
        problem = "it has a character that no file name has everywhere"
    elif any("\ud800" <= character <= "\udfff" for character in name):
        problem = "it is not text"
    elif any(unicodedata.category(character) in _UNSEEN for character in name):
        problem = "it has a character that can't be seen"
    elif name != name.strip() or name.startswith(".") or name.endswith("."):
        problem = "it begins or ends with a dot or a space"
    elif stem.partition(".")[0].strip().casefold() in _RESERVED:
        problem = "Windows keeps it for itself"
    elif suffix.lower().encode("utf-8", "replace") not in AUDIO_SUFFIXES:
        problem = f"it is not that of a sample file; {CONVERT}"
    if problem:
        raise QueryError("badargs", f"name is {name[:100]!r}: {problem}")
    return name


def checked_folder(path: bytes, watched: Iterable[bytes]) -> bytes:
    """Return the watched folder that a path names, or say that it is none.

    Raises
    ------
    QueryError
        ``denied`` where it is not itself a watched folder, ``notready`` where that is away.
    """
    wanted = normalise(path)
    for folder in watched:
        if is_same(wanted, folder):
            if not os.path.isdir(folder):
                raise QueryError("notready", f"the folder {os.fsdecode(folder)} is not there now")
            return folder
    raise QueryError("denied", "only a watched folder takes files; /map/folders names them")


def clear_left_over(folder: bytes) -> None:
    """Remove what uploads into a folder have left when the bridge was killed; never anything else."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not _PART_NAME.fullmatch(entry.name):
                continue
            with contextlib.suppress(OSError):
                is_old = time.time() - entry.stat(follow_symlinks=False).st_mtime > _LEFT_OVER_S
                if is_old and entry.is_file(follow_symlinks=False):
                    os.unlink(entry.path)


class Upload:
    """A file on its way into a folder; `close` leaves nothing behind unless it was kept.

    Parameters
    ----------
    folder : bytes
        A watched one, as `checked_folder` returns it.
    name : str
        As `checked_name` returns it.
    size : int
        Bytes that are to come.

    Raises
    ------
    QueryError
        ``denied`` where the disk hasn't room for it or the folder can't be written to.
    """

    def __init__(self, folder: bytes, name: str, size: int) -> None:
        self._folder = folder
        self._name = name
        self._path = os.path.join(folder, f".klustr-{secrets.token_hex(8)}{_PART}".encode())
        with _told(folder):
            free = shutil.disk_usage(folder).free
            if free - size < KEPT_FREE:
                raise QueryError("denied", f"the disk has {free >> 20} MiB free, too little for this file")
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
            descriptor = os.open(self._path, flags | getattr(os, "O_BINARY", 0), 0o666)
            self._file = io.FileIO(descriptor, "wb")

    def write(self, data: bytes) -> None:
        """Add bytes."""
        view = memoryview(data)
        with _told(self._folder):
            while view:
                view = view[self._file.write(view) or 0 :]

    def keep(self) -> bytes:
        """Give the file its name, or the next free one, and return its path."""
        stem, suffix = os.path.splitext(self._name)
        with _told(self._folder):
            os.fsync(self._file.fileno())
            self._file.close()
            for number in range(1, _MOST_TRIES):
                name = self._name if number == 1 else f"{stem} {number}{suffix}"
                path = os.path.join(self._folder, os.fsencode(name))
                if _moved(self._path, path):
                    return path
        raise QueryError("busy", f"there are {_MOST_TRIES} files of the name {self._name!r} already")

    def close(self) -> None:
        """Take away what has not been kept; no error if it has."""
        self._file.close()
        with contextlib.suppress(OSError):
            os.unlink(self._path)


def _moved(source: bytes, target: bytes) -> bool:
    """Move a file to a name unless there is something of that name; never overwrites."""
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES):
            raise
        return _moved_without_links(source, target)  # FAT, exFAT and some network drives have none
    os.unlink(source)
    return True


def _moved_without_links(source: bytes, target: bytes) -> bool:
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    except FileExistsError:
        return False
    try:
        os.replace(source, target)  # over the empty file that was ours a moment ago
    except OSError:
        os.unlink(target)
        raise
    return True


@contextlib.contextmanager
def _told(folder: bytes) -> Iterator[None]:
    """Say in words why a folder can't take a file."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise QueryError("denied", "the disk is full; the file was not kept") from None
        if error.errno in _NOT_ALLOWED:
            text = f"the folder {os.fsdecode(folder)} can't be written to by this user"
            raise QueryError("denied", text) from None
        raise QueryError("internal", f"the file can't be written: {error.strerror or error}") from None
