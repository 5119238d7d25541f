"""``klustr-bridge [FOLDER...]``: which library is served, then the daemon."""

import argparse
import contextlib
import difflib
import json
import os
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from klustr_bridge.cli import COMMANDS
from klustr_bridge.cli.library import has_folders
from klustr_bridge.errors import BridgeError, SettingsError
from klustr_bridge.library.lock import daemon_of
from klustr_bridge.settings import (
    LoadedSettings,
    default_settings,
    demo_folder,
    demo_library_file,
    library_file,
)

if TYPE_CHECKING:
    from klustr_bridge.daemon import DaemonStart


def serve(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Serve the named folders, else those the library knows, else the demo library."""
    return _run(_start(namespace, loaded))


def _start(namespace: argparse.Namespace, loaded: LoadedSettings) -> "DaemonStart":
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
        return DaemonStart(settings, own, folders)

    from klustr_bridge.demo import make_demo_library

    make_demo_library(demo_folder())
    demo = (os.fsencode(demo_folder()),)
    return DaemonStart(settings, demo_library_file(), demo, demo=True)


def _run(start: "DaemonStart") -> int:
    """Run the daemon; where its port is taken by another bridge, say by which."""
    from klustr_bridge.daemon import run_daemon

    try:
        return run_daemon(start)
    except BridgeError as error:
        osc, http = start.settings.osc.port, start.settings.http.port
        for flag, port in (("--osc-port", osc), ("--http-port", http)):
            is_taken = str(error).startswith(f"port {port} is in use")
            if is_taken and (first := _bridge_on(port, _http_ports(port, http))):
                raise BridgeError(
                    f"port {port} is in use by {first}; use it, stop it, or choose another port with {flag} "
                    "(0 takes a free one)"
                ) from None
        raise


def _http_ports(port: int, http_port: int) -> list[int]:
    """Return the HTTP ports at which the bridge that holds a port may say who it is, the likeliest first."""
    running = [daemon_of(file) for file in (library_file(default_settings()), demo_library_file())]
    theirs = [info.http_port for info in running if info and port in (info.osc_port, info.http_port)]
    return list(dict.fromkeys((*theirs, http_port, default_settings().http.port)))


def _bridge_on(port: int, http_ports: Sequence[int]) -> str | None:
    """Name the bridge that holds a port: by its status over HTTP, else by its welcome over OSC."""
    from klustr_bridge.client import Client
    from klustr_bridge.doctor.ports import UNKNOWN, holder

    for asked in http_ports:
        said = _status(asked)
        if "sounds" in said and port in (asked, said.get("osc_port")):
            where = f"pid {said.get('pid')}, library {said.get('library')}"
            what = f"{_sounds(said['sounds'])}, {said.get('state')}"
            return f"klustr-bridge {said.get('version')} ({where}, {what})"
    with contextlib.suppress(BridgeError), Client(port=port, timeout=0.5) as client:
        first = client.hello("klustr-bridge")
        process = holder(socket.SOCK_DGRAM, port)
        by = "" if process == UNKNOWN else f", process {process}"
        return f"klustr-bridge {first.version} with {_sounds(first.sounds)} ({first.state}){by}"
    return None


def _status(http_port: int) -> dict[str, object]:
    """Return what a bridge says of itself at a port; nothing where none answers in time."""
    import http.client

    try:
        with contextlib.closing(
            http.client.HTTPConnection("127.0.0.1", http_port, timeout=1.0)
        ) as connection:
            connection.request("GET", "/status")
            said = json.loads(connection.getresponse().read(1_000_000))
    except (OSError, ValueError, http.client.HTTPException):
        return {}
    return said if isinstance(said, dict) else {}


def _sounds(number: object) -> str:
    return f"{number} sound{'s' * (number != 1)}"
