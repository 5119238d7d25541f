"""Which library a command means, and which daemon serves it.

The user's own library, as the settings name it; the demo's only while there is no other.
"""

from pathlib import Path

from klustr_bridge.errors import LibraryError
from klustr_bridge.library.lock import DaemonInfo, daemon_of
from klustr_bridge.library.store import Store
from klustr_bridge.settings import Settings, demo_library_file, library_file


def chosen_library(settings: Settings) -> Path:
    """Return the user's library file; the demo's as long as the user's has no folder and isn't served."""
    own, demo = library_file(settings), demo_library_file()
    if settings.library.file or has_folders(own) or not demo.exists() or daemon_of(own) is not None:
        return own
    return demo


def opened(file: Path) -> Store:
    """Open a library to read it.

    Raises
    ------
    LibraryError
        If there is none at `file`, or it can't be opened.
    """
    if not file.exists():
        raise LibraryError(f"there is no library at {file} yet; make one: klustr-bridge index FOLDER")
    return Store.open(file, writable=False)


def has_folders(file: Path) -> bool:
    """Return whether a library knows a folder; one that can't be read counts, so that it is told of."""
    if not file.exists() or not file.stat().st_size:
        return False
    try:
        with Store.open(file, writable=False) as store:
            return bool(store.folders())
    except LibraryError:
        return True


def running_daemon(settings: Settings) -> DaemonInfo | None:
    """Return the daemon that serves the user's library, or the demo it will leave for it."""
    info = daemon_of(library_file(settings))
    if info is None and not settings.library.file:
        return daemon_of(demo_library_file())
    return info
