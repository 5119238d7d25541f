"""Which names are no sample files: hidden ones, what a DAW leaves behind, half-downloaded files.

This module owns the patterns and their matching. It must not look at any file system, and
it doesn't know which suffixes are audio: that is the sound room's question.
"""

import fnmatch
import os
import re
from collections.abc import Callable, Iterator, Sequence

from klustr_bridge.library import paths

DEFAULT_PATTERNS: tuple[str, ...] = (
    ".*",  # hidden, and the ._ twins that macOS leaves on foreign drives
    "Backup/",  # Ableton Live: earlier versions of a Set
    "Freeze/",  # Ableton Live: Samples/Processed/Freeze and its neighbours, rendered anew at will
    "Processed/",
    "Ableton Project Info/",
    "__MACOSX/",  # resource forks in zip files made by macOS
    "$RECYCLE.BIN/",
    "System Volume Information/",
    "*.asd",  # Ableton Live: analysis of the file of that name
    "*.tmp",
    "*.part",
    "*.crdownload",
)
"""Ignored unless the settings say otherwise; a pattern ending in a slash means folders only."""


class IgnoreRules:
    """Patterns of names that a library leaves out.

    Patterns are those of `fnmatch`, without regard to case. One without a slash is held against
    single names, of files and folders. One with a slash within is held against the whole path relative
    to the watched folder (a ``*`` there also matches slashes). A slash at the end means folders only.

    Parameters
    ----------
    patterns : sequence of str
        `DEFAULT_PATTERNS` or the user's own. Empty ones are passed over.
    """

    def __init__(self, patterns: Sequence[str] = DEFAULT_PATTERNS) -> None:
        self.patterns = tuple(patterns)
        names: list[str] = []
        folder_names: list[str] = []
        whole: list[str] = []
        folder_whole: list[str] = []
        for pattern in self.patterns:
            body = pattern.rstrip("/")
            only_folders = body != pattern
            if "/" in body:
                (folder_whole if only_folders else whole).append(body.lstrip("/"))
            elif body:
                (folder_names if only_folders else names).append(body)
        self._file_name = _matcher(names)
        self._folder_name = _matcher(names + folder_names)
        self._file_path = _matcher(whole)
        self._folder_path = _matcher(whole + folder_whole)

    def ignores(self, name: bytes, is_dir: bool, relative: bytes = b"") -> bool:
        """Whether one file or folder is left out by its own name or path.

        Parameters
        ----------
        name : bytes
            Its last name.
        is_dir : bool
            Whether it is a folder.
        relative : bytes
            Its path relative to the watched folder; without it, patterns with a slash don't apply.

        Returns
        -------
        bool
            Folders further up are not looked at: see `hides`.
        """
        by_name, by_path = (
            (self._folder_name, self._folder_path) if is_dir else (self._file_name, self._file_path)
        )
        if by_name is not None and by_name(os.fsdecode(name).casefold()):
            return True
        if by_path is None or not relative:
            return False
        return by_path(_with_slashes(relative).casefold()) is not None

    def hides(self, relative: bytes, is_dir: bool = False) -> bool:
        """Whether a path is left out by its own name or by any folder on the way to it.

        Parameters
        ----------
        relative : bytes
            Path relative to the watched folder.
        is_dir : bool
            Whether the path itself is a folder.
        """
        return any(self.ignores(name, is_dir or not last, upto) for name, upto, last in _steps(relative))


def _matcher(patterns: Sequence[str]) -> Callable[[str], re.Match[str] | None] | None:
    if not patterns:
        return None
    return re.compile("|".join(fnmatch.translate(pattern.casefold()) for pattern in patterns)).match


def _with_slashes(path: bytes) -> str:
    text = os.fsdecode(path)
    return text if os.sep == "/" else text.replace(os.sep, "/")


def _steps(relative: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    names = relative.split(paths.SEPARATOR)
    for index, name in enumerate(names, 1):
        yield name, paths.SEPARATOR.join(names[:index]), index == len(names)
