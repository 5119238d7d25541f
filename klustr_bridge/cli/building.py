"""Commands that change the library: index, add, remove.

With a daemon running they go through it, the library's one writer; without one they write
themselves.
"""

import argparse
import multiprocessing.connection
import os
import sys
from collections.abc import Sequence

from klustr_bridge.cli.library import running_daemon
from klustr_bridge.client import Client, FailError
from klustr_bridge.errors import LibraryError, SettingsError
from klustr_bridge.indexer.messages import Notice, ProgressReport
from klustr_bridge.library.lock import writer_lock
from klustr_bridge.library.paths import containing
from klustr_bridge.library.rows import Counts
from klustr_bridge.library.snapshot import write_snapshot
from klustr_bridge.library.store import Store
from klustr_bridge.progress import Progress, ProgressLine
from klustr_bridge.settings import LoadedSettings, Settings, cache_dir, library_file


def index(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Index the folders given, or those known, once; a daemon's are indexed by the daemon."""
    paths = [_existing_folder(folder) for folder in namespace.folders]
    settings = loaded.settings
    if (daemon := running_daemon(settings)) is not None:
        with Client(port=daemon.osc_port, timeout=600.0) as client:
            return _index_through(client, paths, settings, relayout=namespace.relayout)
    file = library_file(settings)
    with writer_lock(file, "klustr-bridge index"), Store.open(file) as store:
        return _index_here(store, paths, settings, relayout=namespace.relayout)


def add(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Add one folder."""
    path = _existing_folder(namespace.folder)
    if (daemon := running_daemon(loaded.settings)) is not None:
        with Client(port=daemon.osc_port, timeout=30.0) as client:
            known = containing(path, [os.fsencode(folder.path) for folder in client.folders()])
            client.add_folder(path)
        done = "is in the library already" if known else "added; the running daemon is indexing it"
        print(f"{os.fsdecode(path)}: {done}")
        return 0
    file = library_file(loaded.settings)
    with writer_lock(file, "klustr-bridge add"), Store.open(file) as store:
        outcome = store.add_folder(path).outcome
    said = "is in the library already" if outcome in ("covered", "known") else "added"
    print(f"{os.fsdecode(path)}: {said}; klustr-bridge serves it, klustr-bridge index only indexes it")
    return 0


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
        with writer_lock(file, "klustr-bridge remove"), Store.open(file) as store:
            known = [folder.path for folder in store.folders()]
            if path not in known:
                listed = ", ".join(os.fsdecode(folder) for folder in known) or "none"
                raise LibraryError(
                    f"{os.fsdecode(path)} is not a folder of the library; its folders: {listed}"
                )
            store.remove_folder(path)
    print(f"{os.fsdecode(path)}: removed; its files were not touched")
    return 0


def _index_here(store: Store, paths: Sequence[bytes], settings: Settings, *, relayout: bool) -> int:
    from klustr_bridge.indexer.indexer import Indexer

    view = ProgressLine(sys.stderr, settings.log.view)
    last: ProgressReport | None = None
    failed: list[str] = []
    demanded = not relayout

    def hear(message: object) -> None:
        nonlocal last
        if isinstance(message, ProgressReport):
            last = message
            view.show(_progress(message))
        elif isinstance(message, Notice):
            view.say(f"{message.where}: {message.message}")

    def laid_out(reason: str | None) -> None:
        if reason:
            failed.append(reason)

    indexer = Indexer(store, settings, send=hear)
    try:
        for path in paths:
            indexer.add_folder(path)
        if not store.folders():
            raise LibraryError("the library has no folders yet; name one: klustr-bridge index FOLDER")
        while True:
            pause_s = indexer.step()
            if indexer.settled and not demanded:
                demanded = True
                indexer.relayout(laid_out)
            elif indexer.finished:
                break
            multiprocessing.connection.wait(indexer.connections, pause_s)
    finally:
        indexer.close()
        view.close()
    if failed:
        raise LibraryError(f"the sounds are indexed, but the new map failed: {failed[0]}")
    write_snapshot(store, cache_dir() / "snapshots")  # what a daemon, or a question, starts from
    print(_summary(store))
    return 0


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
    text = f"{counts.files} files, {counts.sounds} sounds, {counts.refused} refused"
    if counts.pending:
        text += f", {counts.pending} could not be read now"
    if not counts.files:
        return f"{text}: no sample files in the library's folders"
    return text + (" (klustr-bridge problems says why)" if counts.refused else "")


def _existing_folder(folder: str) -> bytes:
    path = os.path.realpath(os.fsencode(folder))
    if not os.path.isdir(path):
        raise SettingsError(f"{folder} is not a folder; name an existing one")
    return path
