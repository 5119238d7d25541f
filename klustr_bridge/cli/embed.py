"""``embed``: let a library go by vectors that another program has made of its sounds.

Owns the words, and which row is whose. The library keeps the vectors.
"""

import argparse
import multiprocessing.connection
import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from klustr_bridge.cli.building import opened_to_write
from klustr_bridge.cli.library import chosen_library, running_daemon
from klustr_bridge.errors import LibraryError, SettingsError
from klustr_bridge.library import vectors
from klustr_bridge.library.external import NamedRows, read_named_rows
from klustr_bridge.library.given import read_given
from klustr_bridge.library.paths import containing
from klustr_bridge.library.snapshot import write_snapshot
from klustr_bridge.library.store import Store
from klustr_bridge.progress import counted
from klustr_bridge.settings import LoadedSettings, Settings, cache_dir
from klustr_bridge.types import Float32Array, Int32Array

MOST_KEPT: Final = 256
"""Of longer vectors so many principal components are kept: questions measure every number of every sound."""

_KEYS: Final = ("uid", "path")
_MOST_FOR_COMPONENTS: Final = 20_000


def embed(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Give vectors, take them back, or say what there is."""
    file = chosen_library(loaded.settings)
    if namespace.file is not None and namespace.remove:
        raise SettingsError(
            "--from and --remove exclude each other; new vectors take the place of older ones"
        )
    if namespace.file is None and not namespace.remove:
        with Store.open(file, writable=False) as store:
            print(_told(store))
        return 0
    given = None if namespace.file is None else read_named_rows(Path(namespace.file), _KEYS)
    if (daemon := running_daemon(loaded.settings)) is not None:
        raise LibraryError(
            f"a bridge (pid {daemon.pid}) is using the library; stop it, run this command again, and start it"
        )
    with opened_to_write(file, "klustr-bridge embed") as store:
        if given is None:
            if not vectors.take_back(store):
                print("the library goes by what the bridge hears itself; nothing to remove")
                return 0
            print("the vectors are removed: the library goes by what the bridge hears itself again")
        else:
            _give(store, given, Path(namespace.file).name)
        _lay_out(store, loaded.settings)
        print(_told(store))
        write_snapshot(store, cache_dir() / "snapshots")  # what a bridge, or a question, starts from
    return 0


class _Matched(NamedTuple):
    """Which sound each row is of, and the names that no sound, or more than one, goes by."""

    ids: Int32Array
    rows: list[int]
    unknown: list[str]
    ambiguous: list[str]


def _give(store: Store, given: NamedRows, source: str) -> None:
    matched = _by_uid(store, given.names) if given.key == "uid" else _by_path(store, given.names)
    for names, what in ((matched.unknown, "unknown here"), (matched.ambiguous, "of several sounds")):
        if names:
            print(f"{counted(len(names), given.key)} {what}, the first: {names[0]}")
    if not len(matched.ids):
        raise LibraryError(
            f"none of the {counted(len(given.names), given.key)} of {source} is a sound of this library; "
            "klustr-bridge find lists uids and paths"
        )
    rows, kept = _shortened(given.rows[matched.rows])
    vectors.give(store, matched.ids, rows, source)
    if rows.shape[1] < given.rows.shape[1]:
        size = given.rows.shape[1]
        print(
            f"of {size} numbers a sound {rows.shape[1]} are kept, with {100 * kept:.1f} % of their variance"
        )


def _by_uid(store: Store, names: Iterable[str]) -> _Matched:
    with store.view() as view:
        known = {uid: [number] for number, uid in view.connection.execute("SELECT id, uid FROM sounds")}
    return _matched(names, lambda name: known.get(name, []))


def _by_path(store: Store, names: Iterable[str]) -> _Matched:
    """By absolute path, by path below a watched folder, or by a file name that no other file has."""
    by_path: dict[bytes, set[int]] = {}
    below: defaultdict[bytes, set[int]] = defaultdict(set)
    by_name: defaultdict[bytes, set[int]] = defaultdict(set)
    with store.view() as view:
        folders = [folder.path for folder in view.folders()]
        for chunk in view.entries():
            for path, sound_id in zip(chunk.path, chunk.sound_id, strict=True):
                if sound_id is None:
                    continue
                by_path[path] = {sound_id}
                root = containing(path, folders) or b""
                below[path[len(root) :].lstrip(os.fsencode(os.sep))].add(sound_id)
                by_name[os.path.basename(path)].add(sound_id)

    def found(name: str) -> Iterable[int]:
        try:
            path = os.fsencode(name)
        except ValueError:
            return ()
        real = os.path.realpath(path) if os.path.isabs(path) and b"\0" not in path else path
        return by_path.get(path) or by_path.get(real) or below.get(path) or by_name.get(path) or ()

    return _matched(names, found)


def _matched(names: Iterable[str], found: Callable[[str], Iterable[int]]) -> _Matched:
    rows: dict[int, int] = {}
    unknown: list[str] = []
    ambiguous: list[str] = []
    for row, name in enumerate(names):
        sounds = list(found(name))
        if len(sounds) == 1:
            rows.setdefault(sounds[0], row)  # of two files with the same sound the first one's
        else:
            (ambiguous if sounds else unknown).append(name)
    ids = np.array(sorted(rows), np.int32)
    return _Matched(ids, [rows[sound] for sound in ids.tolist()], unknown, ambiguous)


def _shortened(rows: Float32Array) -> tuple[Float32Array, float]:
    """Rows of at most `MOST_KEPT` numbers, and the share of the variance that is left in them."""
    if rows.shape[1] <= MOST_KEPT:
        return rows, 1.0
    some = rows[:: -(-len(rows) // _MOST_FOR_COMPONENTS)].astype(np.float64)
    middle = some.mean(axis=0)
    variances, directions = np.linalg.eigh((some - middle).T @ (some - middle))
    kept: Float32Array = ((rows - middle) @ directions[:, -MOST_KEPT:]).astype(np.float32)
    total = float(variances.sum())
    return kept, float(variances[-MOST_KEPT:].sum()) / total if total > 0.0 else 1.0


def _lay_out(store: Store, settings: Settings) -> None:
    """Make the map that fits what the library goes by now: a new epoch, laid over the one before."""
    from klustr_bridge.indexer.placing import MapKeeper

    keeper = MapKeeper(store, settings.layout, lambda where, message: print(f"{where}: {message}"))
    ended: list[str | None] = []
    try:
        keeper.demand(ended.append)
        while not ended:
            keeper.step(settled=False)
            multiprocessing.connection.wait(keeper.connections, 0.2)
    finally:
        keeper.close()
    if ended[0]:
        raise LibraryError(f"no new map was made: {ended[0]}; klustr-bridge relayout tries again")
    epoch = store.epoch()
    if epoch is not None:
        print(f"map epoch {epoch.number} ({epoch.method})")


def _told(store: Store) -> str:
    with store.view() as view:
        given, hearing = read_given(view.connection), view.space.hearing
        n_with, n_sounds = vectors.count(view.connection)
    if given is None:
        return f"no vectors of another program; the library goes by the {hearing} embedding"
    when = datetime.fromtimestamp(given.given_s).isoformat(sep=" ", timespec="minutes")
    lacking = n_sounds - n_with
    without = f"; {lacking} have none: names find them, similarity and the map don't" if lacking else ""
    return (
        f"{n_with} of {counted(n_sounds, 'sound')} have vectors of {given.source}, "
        f"{given.size} numbers each, given {when}{without}"
    )
