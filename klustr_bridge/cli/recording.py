"""The command that records what the running bridge plays: record."""

import argparse
import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from klustr_bridge.cli.library import running_daemon
from klustr_bridge.client import Client, FailError, NoAnswerError, Recorded
from klustr_bridge.errors import LibraryError, PlayerError
from klustr_bridge.settings import LoadedSettings

_LOOK_EVERY_S = 2.0


def record(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Record until Ctrl-C, or for so many seconds, and put the recording where it was asked for."""
    out = Path(namespace.out).absolute()
    _refuse_wrong(out, namespace)
    daemon = running_daemon(loaded.settings)
    if daemon is None:
        raise PlayerError("no bridge is running, so nothing is played; start it: klustr-bridge")
    with Client(port=daemon.osc_port, timeout=20.0) as client:
        begun = client.record(True)
        if begun.seconds > 0.0:
            raise PlayerError(
                f"a recording is under way already, in {begun.path}; end it first: /klustr/record 1 0"
            )
        print(f"recording into {begun.path}; Ctrl-C ends it", file=sys.stderr)
        try:
            with contextlib.suppress(KeyboardInterrupt):
                _wait(client, namespace.seconds)
            ended = _ended(client)
        except (FailError, NoAnswerError) as error:
            raise PlayerError(f"{error}; what was recorded is in {begun.path}") from error
    try:
        shutil.move(ended.path, out)
    except OSError as error:
        raise LibraryError(
            f"can't move the recording to {out}: {error.strerror or error}; it is in {ended.path}"
        ) from error
    print(f"recorded {ended.seconds:.1f} s into {out}")
    return 0


def _ended(client: Client) -> Recorded:
    """End the recording, whatever Ctrl-C says meanwhile: it would go on for hours."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return client.record(False)
    finally:
        signal.signal(signal.SIGINT, before)


def _refuse_wrong(out: Path, namespace: argparse.Namespace) -> None:
    """Say beforehand what would only be found out when everything has been played."""
    if out.suffix.lower() != ".wav":
        raise LibraryError(f"recordings are WAV files; {out.name!r} should end with .wav")
    if os.path.lexists(out) and not namespace.force:
        raise LibraryError(f"{out} is there already; another name, or --force to replace it")
    if not out.parent.is_dir():
        raise LibraryError(f"there is no folder {out.parent}; make it first")
    if not os.access(out.parent, os.W_OK):
        raise LibraryError(f"the folder {out.parent} can't be written; choose another")
    if namespace.seconds is not None and not namespace.seconds > 0.0:
        raise LibraryError(f"--seconds is {namespace.seconds:g}; allowed is more than 0")


def _wait(client: Client, seconds: float | None) -> None:
    """Wait so long, or for ever; a bridge or a recording that ends meanwhile is noticed."""
    left_s = seconds
    while left_s is None or left_s > 0.0:
        turn_s = _LOOK_EVERY_S if left_s is None else min(_LOOK_EVERY_S, left_s)
        time.sleep(turn_s)
        if left_s is not None:
            left_s -= turn_s
        if not client.health().get("player_recorded_s"):
            return
