"""Which library a command means, and which daemon serves it.

The user's own library, as the settings name it; the demo's only while there is no other.
"""

from pathlib import Path

from klustr_bridge.library.lock import DaemonInfo, daemon_of
from klustr_bridge.settings import Settings, demo_library_file, library_file


def chosen_library(settings: Settings) -> Path:
    """Return the user's library file; the demo's as long as the user has none and named none."""
    own = library_file(settings)
    if not settings.library.file and not own.exists() and demo_library_file().exists():
        return demo_library_file()
    return own


def running_daemon(settings: Settings) -> DaemonInfo | None:
    """Return the daemon that serves the user's library, or the demo it will leave for it."""
    info = daemon_of(library_file(settings))
    if info is None and not settings.library.file:
        return daemon_of(demo_library_file())
    return info
