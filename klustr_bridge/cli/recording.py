"""The command that records what the running bridge plays: record."""

import argparse
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from klustr_bridge.cli.library import running_daemon
from klustr_bridge.client import Client, FailError, NoAnswerError, Recorded
from klustr_bridge.errors import LibraryError, PlayerError, SettingsError
from klustr_bridge.settings import LoadedSettings

_LOOK_EVERY_S = 2.0


def record(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Record until Ctrl-C, or for so many seconds, and put the recording where it was asked for."""
    if namespace.stop == (namespace.out is not None):
        raise SettingsError("name the file to record into, such as take.wav, or --stop what is under way")
    out = None if namespace.out is None else Path(namespace.out).absolute()
    if out is not None:
        _refuse_wrong(out, namespace)
    daemon = running_daemon(loaded.settings)
    if daemon is None:
        raise PlayerError("no bridge is running, so nothing is played; start it: klustr-bridge")
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):  # as Ctrl-C: nothing goes on
        signal.signal(number, signal.default_int_handler)
    with Client(port=daemon.osc_port, timeout=20.0) as client:
        client.hello("klustr-bridge record")  # the recording ends with us, however we end
        if out is None:
            ended = client.record(False)
            print(f"ended; {ended.seconds:.1f} s are in {ended.path}")
            return 0
        ended = _record(client, namespace.seconds)
    try:
        shutil.move(ended.path, out)
    except OSError as error:
        raise LibraryError(
            f"can't move the recording to {out}: {error.strerror or error}; it is in {ended.path}"
        ) from error
    print(f"recorded {ended.seconds:.1f} s into {out}")
    return 0


def _record(client: Client, seconds: float | None) -> Recorded:
    begun = client.record(True)
    if begun.seconds > 0.0:
        raise PlayerError(
            f"a recording is under way already, in {begun.path}; end it: klustr-bridge record --stop"
        )
    print(f"recording into {begun.path}; Ctrl-C ends it", file=sys.stderr)
    try:
        reason = _wait(client, seconds)
        if reason is not None:
            raise PlayerError(f"the recording has ended{reason}; what was recorded is in {begun.path}")
        return _ended(client)
    except (FailError, NoAnswerError) as error:
        raise PlayerError(f"{error}; what was recorded is in {begun.path}") from error


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
    if out.is_dir():
        raise LibraryError(f"{out} is a folder; name a file")
    if os.path.lexists(out) and not namespace.force:
        raise LibraryError(f"{out} is there already; another name, or --force to replace it")
    if not out.parent.is_dir():
        raise LibraryError(f"there is no folder {out.parent}; make it first")
    try:
        tempfile.TemporaryFile(dir=out.parent).close()
    except OSError as error:
        raise LibraryError(
            f"the folder {out.parent} can't be written ({error.strerror}); take another"
        ) from None
    if namespace.seconds is not None and not namespace.seconds > 0.0:
        raise LibraryError(f"--seconds is {namespace.seconds:g}; allowed is more than 0")


def _wait(client: Client, seconds: float | None) -> str | None:
    """Wait so long, or until Ctrl-C; return why the recording has ended by itself, None if it has not."""
    left_s, reason = seconds, ""
    with contextlib.suppress(KeyboardInterrupt):
        while left_s is None or left_s > 0.0:
            turn_s = _LOOK_EVERY_S if left_s is None else min(_LOOK_EVERY_S, left_s)
            time.sleep(turn_s)
            if left_s is not None:
                left_s -= turn_s
            for event in client.events(timeout=0.001):
                if event.address == "/klustr/error" and event.values[0] == "audio":
                    reason = f": {event.values[1]}"
            if not client.health().get("player_recorded_s"):
                return reason
    return None
