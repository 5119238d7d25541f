"""``klustr-bridge [FOLDER...]``: which library is served, then the daemon."""

import argparse
import difflib
import os
from typing import TYPE_CHECKING

from klustr_bridge.cli import COMMANDS
from klustr_bridge.cli.library import has_folders
from klustr_bridge.errors import BridgeError, SettingsError
from klustr_bridge.settings import LoadedSettings, demo_folder, demo_library_file, library_file

if TYPE_CHECKING:
    from klustr_bridge.daemon import DaemonStart


def serve(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Serve the named folders, else those the library knows, else the demo library."""
    from klustr_bridge.daemon import DaemonStart

    settings = loaded.settings
    folders = tuple(os.fsencode(os.path.abspath(folder)) for folder in namespace.folders)
    for folder in folders:
        if not os.path.isdir(folder):
            name = os.path.basename(os.fsdecode(folder))
            close = difflib.get_close_matches(name, COMMANDS, n=1)
            meant = f"; did you mean the command {close[0]}?" if close else ", or a command (see --help)"
            raise SettingsError(f"{os.fsdecode(folder)} is not a folder; name an existing one{meant}")
    own = library_file(settings)
    if folders or settings.library.file or has_folders(own):
        return _run(DaemonStart(settings, own, folders))

    from klustr_bridge.demo import make_demo_library

    make_demo_library(demo_folder())
    demo = (os.fsencode(demo_folder()),)
    return _run(DaemonStart(settings, demo_library_file(), demo, demo=True))


def _run(start: "DaemonStart") -> int:
    """Run the daemon; where its port is taken by another bridge, say by which."""
    from klustr_bridge.client import Client
    from klustr_bridge.daemon import run_daemon

    try:
        return run_daemon(start)
    except BridgeError as error:
        port = start.settings.osc.port
        if not port:
            raise
        try:
            with Client(port=port, timeout=0.5) as client:
                first = client.hello("klustr-bridge")
        except BridgeError:
            raise error from None
        raise BridgeError(
            f"{error}; klustr-bridge {first.version} with {first.sounds} sounds ({first.state}) answers there"
        ) from None
