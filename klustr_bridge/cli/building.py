"""Commands that change the library: index, add, remove.

With a daemon running they go through it, the library's one writer; without one they write
themselves.
"""

import argparse
import contextlib
import json
import multiprocessing.connection
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from klustr_bridge.cli.library import has_folders, running_daemon
from klustr_bridge.client import Client, FailError
from klustr_bridge.errors import LibraryError, SettingsError
from klustr_bridge.indexer.messages import Notice, ProgressReport
from klustr_bridge.library.lock import refuse_unusable, writer_lock
from klustr_bridge.library.paths import containing, is_below, is_same
from klustr_bridge.library.rows import Counts
from klustr_bridge.library.snapshot import write_snapshot
from klustr_bridge.library.store import Store
from klustr_bridge.processes import ctrl_c_held_back
from klustr_bridge.progress import Progress, ProgressLine, counted
from klustr_bridge.settings import (
    LoadedSettings,
    Settings,
    cache_dir,
    demo_library_file,
    flat_values,
    library_file,
)

if TYPE_CHECKING:
    from klustr_bridge.indexer.indexer import Indexer


def index(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Index the folders given, or those known, once; a daemon's are indexed by the daemon."""
    paths = [_existing_folder(folder) for folder in namespace.folders]
    settings = loaded.settings
    if (daemon := running_daemon(settings)) is not None:
        _refuse_layout_flags(loaded)
        with Client(port=daemon.osc_port, timeout=600.0) as client:
            return _index_through(client, paths, settings, relayout=namespace.relayout)
    file = library_file(settings)
    if not paths and not has_folders(file):
        raise LibraryError("the library has no folders yet; name one: klustr-bridge index FOLDER")
    with opened_to_write(file, "klustr-bridge index") as store:
        return _index_here(store, paths, settings, relayout=namespace.relayout)


def relayout(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Fit a new map of what the library holds, or have the daemon do it."""
    namespace.folders, namespace.relayout = [], True
    code = index(namespace, loaded)
    if code == 0 and (given := _layout_flags(loaded)):
        print(f"for this map alone; to keep to it, write it into {loaded.file}: {_as_lines(loaded, given)}")
    return code


def _layout_flags(loaded: LoadedSettings) -> list[str]:
    """Keys of settings of the layout that were given as flags."""
    return [key for key, origin in loaded.origins.items() if key.startswith("layout.") and "flag" in origin]


def _refuse_layout_flags(loaded: LoadedSettings) -> None:
    """Say that a running bridge makes maps as its own settings have it, rather than do something else."""
    if given := _layout_flags(loaded):
        flags = ", ".join(loaded.origins[key].removeprefix("flag ") for key in given)
        raise SettingsError(
            f"a bridge is running and makes maps by its own settings, so {flags} would do nothing; "
            f"write {_as_lines(loaded, given)} into {loaded.file}, start the bridge anew, then: "
            "klustr-bridge relayout"
        )


def _as_lines(loaded: LoadedSettings, keys: list[str]) -> str:
    values = flat_values(loaded.settings)
    return ", ".join(f"{key} = {json.dumps(values[key])}" for key in keys)


def add(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Add folders; say which of those known before are now part of them."""
    paths = [_existing_folder(folder) for folder in namespace.folders]
    if (daemon := running_daemon(loaded.settings)) is not None:
        own, is_left = library_file(loaded.settings), daemon.library == str(demo_library_file())
        with Client(port=daemon.osc_port, timeout=30.0) as client:
            for path in paths:
                known = [] if is_left else [os.fsencode(folder.path) for folder in client.folders()]
                client.add_folder(path)
                if is_left:
                    print(f"the demo library is left: its sounds give way to yours, kept in {own}")
                is_left = False
                below = [] if containing(path, known) else [one for one in known if is_below(one, path)]
                _say_added(path, containing(path, known), below, "the running daemon is indexing it")
        return 0
    with opened_to_write(library_file(loaded.settings), "klustr-bridge add") as store:
        for path in paths:
            added = store.add_folder(path)
            known_in = added.path if added.outcome in ("covered", "known") else None
            next_step = "klustr-bridge serves it, klustr-bridge index only indexes it"
            _say_added(path, known_in, added.absorbed, next_step)
    return 0


def _say_added(path: bytes, known_in: bytes | None, absorbed: Sequence[bytes], next_step: str) -> None:
    said = "added"
    if known_in is not None:
        said = "is in the library already"
        said += "" if is_same(path, known_in) else f", as part of {os.fsdecode(known_in)}"
    elif absorbed:
        said += f"; now part of it: {', '.join(map(os.fsdecode, absorbed))}"
    print(f"{os.fsdecode(path)}: {said}" + (f"; {next_step}" if known_in is None else ""))


def remove(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Take one folder out; its sounds keep id, uid and position should it come back."""
    path = os.path.realpath(os.fsencode(namespace.folder))
    if (daemon := running_daemon(loaded.settings)) is not None:
        with Client(port=daemon.osc_port, timeout=30.0) as client:
            try:
                client.remove_folder(path)
            except FailError as failed:
                raise LibraryError(failed.message) from failed
    else:
        file = library_file(loaded.settings)
        if not file.exists():
            raise LibraryError(f"there is no library at {file}; nothing to remove")
        with opened_to_write(file, "klustr-bridge remove") as store:
            known = [folder.path for folder in store.folders()]
            if path not in known:
                listed = ", ".join(os.fsdecode(folder) for folder in known) or "none"
                raise LibraryError(
                    f"{os.fsdecode(path)} is not a folder of the library; its folders: {listed}"
                )
            store.remove_folder(path)
    print(f"{os.fsdecode(path)}: removed; its files were not touched")
    return 0


@contextlib.contextmanager
def opened_to_write(file: Path, who: str) -> Iterator[Store]:
    """Open the library as its one writer; ``LibraryError`` where another one is at work."""
    refuse_unusable(file)  # before a lock is left beside it
    with writer_lock(file, who), Store.open(file) as store:
        yield store


def _index_here(store: Store, paths: Sequence[bytes], settings: Settings, *, relayout: bool) -> int:
    from klustr_bridge.indexer.indexer import Indexer

    view = ProgressLine(sys.stderr, settings.log.view)
    failed: list[str] = []

    def hear(message: object) -> None:
        if isinstance(message, ProgressReport):
            view.show(_progress(message))
        elif isinstance(message, Notice):
            view.say(f"{message.where}: {message.message}")

    def laid_out(reason: str | None) -> None:
        if reason:
            failed.append(reason)

    try:
        indexer = Indexer(store, settings, send=hear)
        try:
            for path in paths:
                indexer.add_folder(path)
            _work_off(indexer, laid_out if relayout else None)
        finally:
            indexer.close()
            view.close()
    except KeyboardInterrupt:
        counts = store.counts()
        kept = f"{counts.files - counts.pending:,} of {counted(counts.files, 'file')} done with"
        print(f"stopped; {kept}, which are kept: the same command goes on from there", file=sys.stderr)
        raise
    if failed:
        raise LibraryError(f"the sounds are indexed, but the new map failed: {failed[0]}")
    write_snapshot(store, cache_dir() / "snapshots")  # what a daemon, or a question, starts from
    print(_summary(store))
    return 0


def _work_off(indexer: "Indexer", laid_out: Callable[[str | None], None] | None) -> None:
    """Work until nothing is left to do, a new map included where one is wanted."""
    while True:
        with ctrl_c_held_back():  # nothing is cut short, and no worker hears of it
            pause_s = indexer.step()
            if indexer.settled and laid_out is not None:
                indexer.relayout(laid_out)
                laid_out = None
            elif indexer.finished:
                return
        multiprocessing.connection.wait(indexer.connections, pause_s)


def _index_through(client: Client, paths: Sequence[bytes], settings: Settings, *, relayout: bool) -> int:
    """Have the daemon index and follow its progress until it is ready."""
    view = ProgressLine(sys.stderr, settings.log.view)
    client.hello("klustr-bridge index")
    for path in paths:
        client.add_folder(path)
    client.command("/klustr/rescan", timeout=600.0)
    try:
        while True:
            now = client.status()
            view.show(
                Progress(now.state, now.files, now.files - now.pending - now.failed, now.failed, now.pending)
            )
            if now.state in ("ready", "empty"):
                break
            event = next(iter(client.events(timeout=0.5)), None)  # looks again at each push, or soon
            if event is not None and event.address == "/klustr/error":
                view.say(": ".join(map(str, event.values)))
        if relayout:
            client.command("/klustr/relayout", timeout=600.0)
            now = client.status()
    except KeyboardInterrupt:
        view.close()
        print("not waited for any longer; the daemon goes on indexing", file=sys.stderr)
        raise
    finally:
        view.close()
    counts = Counts(now.files, now.sounds, now.pending, now.failed, now.epoch)
    print(f"{_counted(counts)}{f', map epoch {now.epoch}' if now.epoch else ''} (by the daemon)")
    return 0


def _progress(report: ProgressReport) -> Progress:
    return Progress(report.state, report.files, report.analysed, report.refused, report.pending)


def _summary(store: Store) -> str:
    counts, epoch = store.counts(), store.epoch()
    if not counts.files:
        return _counted(counts)
    return _counted(counts) + (f", map epoch {epoch.number} ({epoch.method})" if epoch else ", no map yet")


def _counted(counts: Counts) -> str:
    text = f"{counted(counts.files, 'file')}, {counted(counts.sounds, 'sound')}"
    text += f", {counts.refused:,} refused"
    if counts.pending:
        text += f", {counts.pending:,} not heard yet"
    if not counts.files:
        return f"{text}: no sample files in the library's folders"
    return text + (" (klustr-bridge problems says why)" if counts.refused else "")


def _existing_folder(folder: str) -> bytes:
    path = os.path.realpath(os.fsencode(folder))
    if not os.path.isdir(path):
        raise SettingsError(f"{folder} is not a folder; name an existing one")
    return path
