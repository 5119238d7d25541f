"""Paths of sample files: bytes inside, text only at the edges.

This module owns the ways between the two and the question "is this path below that folder".
It must not look at any file system.
"""

import os
import re
from collections.abc import Iterable

from klustr_bridge.errors import LibraryError

SEPARATOR: bytes = os.sep.encode()

_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})|\\")


def to_text(path: bytes) -> str:
    """Path as the system's own text, for the standard library and for the screen.

    Parameters
    ----------
    path : bytes
        As made by `os.fsencode`.

    Returns
    -------
    str
        May hold surrogates where the bytes are not the file system's encoding;
        `from_text` turns it back exactly.
    """
    return os.fsdecode(path)


def from_text(text: str | os.PathLike[str]) -> bytes:
    """Path in bytes of a text or `pathlib.Path`: the inverse of `to_text`."""
    return os.fsencode(text)


def to_export(path: bytes, separator: str = os.sep) -> str:
    r"""Path as clean text that can leave the program (JSON, CSV, OSC) and come back.

    Valid UTF-8 passes through. Every other byte, and a literal backslash, becomes ``\xNN``.
    Where the backslash is the separator (Windows), paths are written with ``/`` instead.

    Parameters
    ----------
    path : bytes
        A path in bytes.
    separator : str
        The separator of the system that the path comes from.

    Returns
    -------
    str
        Encodable as UTF-8, without surrogates.
    """
    path = path.replace(b"\\", b"/" if separator == "\\" else b"\\x5c")
    return path.decode("utf-8", "backslashreplace")


def from_export(text: str, separator: str = os.sep) -> bytes:
    r"""Bytes of a path written by `to_export`.

    Parameters
    ----------
    text : str
        As written by `to_export`.
    separator : str
        The separator of the system that the path is for.

    Returns
    -------
    bytes
        The path.

    Raises
    ------
    LibraryError
        The text has a backslash that begins no ``\xNN``, or can't be UTF-8.
    """
    if separator == "\\":
        text = text.replace("/", "\\x5c")
    parts: list[bytes] = []
    start = 0
    try:
        for match in _ESCAPE.finditer(text):
            if match[1] is None:
                raise LibraryError(
                    f"path {text!r} has a backslash at {match.start()} that begins no \\xNN; "
                    "write a literal backslash as \\x5c"
                )
            parts += (text[start : match.start()].encode("utf-8"), bytes.fromhex(match[1]))
            start = match.end()
        parts.append(text[start:].encode("utf-8"))
    except UnicodeEncodeError as error:
        raise LibraryError(f"path {text!r} is not valid Unicode; write such bytes as \\xNN") from error
    return b"".join(parts)


def normalise(path: bytes | str | os.PathLike[str]) -> bytes:
    """Absolute path without ``.``, ``..``, doubled or trailing separators; links stay as they are.

    A drive letter becomes upper case. The case of the names themselves stays: the folder is
    shown as its user wrote it.
    """
    whole = os.path.abspath(os.fsencode(path))
    drive, rest = os.path.splitdrive(whole)
    if len(drive) == 2:
        return drive.upper() + rest
    if not drive and rest.startswith(b"//"):
        return rest[1:]  # POSIX lets exactly two slashes stand; Linux and macOS give them no meaning
    return whole


def with_separator(folder: bytes) -> bytes:
    """`folder` with exactly one separator at its end: the prefix of everything below it."""
    return folder if folder.endswith(SEPARATOR) else folder + SEPARATOR


def bounds_below(folder: bytes) -> tuple[bytes, bytes]:
    """Smallest path that may lie below `folder`, and the smallest one after all of those.

    Returns
    -------
    tuple of bytes
        ``low <= path < high`` holds exactly for the paths that begin with ``folder`` and a separator.
    """
    low = with_separator(folder)
    return low, low[:-1] + bytes([low[-1] + 1])


def is_below(path: bytes, folder: bytes) -> bool:
    """Whether `path` lies below `folder` (a folder does not lie below itself).

    Case matters only where it does for the system's paths: not on Windows.
    """
    return os.path.normcase(path).startswith(os.path.normcase(with_separator(folder)))


def is_same(first: bytes, second: bytes) -> bool:
    """Whether two normalised paths are the same one (case doesn't count on Windows)."""
    return os.path.normcase(first) == os.path.normcase(second)


def relative(path: bytes, folder: bytes) -> bytes:
    """`path` without the leading `folder` and separator; the path must lie below the folder."""
    return path[len(with_separator(folder)) :]


def containing(path: bytes, folders: Iterable[bytes]) -> bytes | None:
    """Longest of `folders` that `path` is or lies below, or None."""
    holding = [folder for folder in folders if is_same(path, folder) or is_below(path, folder)]
    return max(holding, key=len, default=None)
