"""The command ``duplicates``: files that hold the same sound, and which of them to keep.

Reads the library and sample files, with a daemon and without one alike. It never deletes or moves anything.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence

from klustr_bridge.cli.library import chosen_library, opened
from klustr_bridge.cli.tables import one_line
from klustr_bridge.errors import SettingsError
from klustr_bridge.indexer.duplicates import Group, find_duplicates
from klustr_bridge.library.paths import to_export, to_text
from klustr_bridge.progress import counted
from klustr_bridge.settings import LoadedSettings

_MB = 1e6


def duplicates(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """List files that hold the same sound: exact copies, and what nobody could tell apart by ear."""
    if sum((namespace.json, namespace.paths, namespace.null)) > 1:
        raise SettingsError("choose one of --json, --paths and --null")
    if hasattr(os, "nice"):  # not on Windows
        os.nice(10)
    said = _said if sys.stderr.isatty() else None
    with opened(chosen_library(loaded.settings)) as store:
        found = find_duplicates(store, by_ear=not namespace.exact, said=said)
    if said is not None:
        print("\r\033[K", end="", file=sys.stderr)
    if namespace.json:
        print(json.dumps([_as_json(group) for group in found.groups], indent=1))
    elif namespace.null:
        for group in found.groups:
            for other in group.others:
                sys.stdout.buffer.write(other.path + b"\0")
    elif namespace.paths:
        for group in found.groups:
            for other in group.others:
                print(to_text(other.path))
    else:
        _print(found.groups)
    return 0


def _said(done: int, total: int) -> None:
    print(f"\rcomparing {done} of {total} pairs of sounds", end="", file=sys.stderr, flush=True)


def _as_json(group: Group) -> dict[str, object]:
    others = [
        {
            "path": to_export(other.path),
            "id": other.sound_id,
            "match": "exact" if other.is_exact else "by ear",
            "why": other.why,
        }
        for other in group.others
    ]
    return {"keep": to_export(group.path), "id": group.sound_id, "others": others}


def _print(groups: Sequence[Group]) -> None:
    if not groups:
        print("no duplicates")
        return
    for group in groups:
        print(f"keep      {one_line(to_export(group.path))}")
        for other in group.others:
            match = "the same" if other.is_exact else "by ear"
            print(f"{match:8}  {one_line(to_export(other.path))}  ({other.why})")
        print()
    spare = [other.path for group in groups for other in group.others]
    size = sum(map(_size, spare)) / _MB
    print(
        f"{counted(len(groups), 'sound')} in more files than needed: {counted(len(spare), 'file')}, "
        f"{size:.1f} MB; none was touched"
    )


def _size(path: bytes) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
