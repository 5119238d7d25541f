"""``embed``: have the library go by vectors of another program, go back, or say what it goes by.

Owns the words, and looks at the file before anything is changed. A running bridge's librarian does the work;
without one it is done here.
"""

import argparse
import multiprocessing.connection
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from klustr_bridge.cli.building import opened_to_write
from klustr_bridge.cli.candidate import end_of
from klustr_bridge.cli.library import chosen_library, opened
from klustr_bridge.cli.tables import one_line
from klustr_bridge.client import Client, FailError
from klustr_bridge.errors import LibraryError, SettingsError
from klustr_bridge.library import handed
from klustr_bridge.library.lock import DaemonInfo, daemon_of
from klustr_bridge.library.store import Store
from klustr_bridge.library.vector_files import read_vectors
from klustr_bridge.library.vector_match import Matched, match
from klustr_bridge.library.vectors import Given, Vectors, reduced, refuse_useless
from klustr_bridge.progress import counted
from klustr_bridge.settings import LoadedSettings, Settings

_TAKING_S = 600.0
_NAMED_AT_MOST = 3


def embed(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Give vectors, take them back, or say which are in force."""
    settings, source = loaded.settings, namespace.source
    file = chosen_library(settings)
    if source is not None and namespace.remove:
        raise SettingsError("--from FILE gives vectors and --remove takes them back; name one of the two")
    if source is not None:
        given, said = _prepared(file, Path(source))
    elif namespace.remove:
        given, said = None, []
        if _in_force(file) is None:
            print("the library goes by what it hears itself; there is nothing to remove")
            return 0
    else:
        print(_told(file))
        return 0
    if (daemon := daemon_of(file)) is not None:
        _through(daemon, file, given)
        follows = "a new map follows" if settings.layout.refit == "auto" else _BY_HAND
    else:
        follows = _here(file, settings, given)
    for line in said:
        print(line)
    print(_told(file))
    print(follows)
    return 0


_BY_HAND = "the map stays as it was (layout.refit is manual); a new one: klustr-bridge relayout"


def _prepared(file: Path, source: Path) -> tuple[Vectors, list[str]]:
    """Read a file and find whose sounds its rows are; and what there is to say of it."""
    read = read_vectors(source)
    with opened(file) as store, store.view() as view:
        found = match(view, read.names, read.by)
    if not len(found.ids):
        raise LibraryError(
            f"{source} has vectors of no sound of the library: none of its {len(read.names)} names is a "
            f"{'uid, path or file name' if read.by == 'any' else read.by} of one; the first: "
            f"{one_line(read.names[0])}; nothing was changed"
        )
    rows, share = reduced(read.rows[found.rows])
    said = _left_out(found)
    if rows.shape[1] < read.rows.shape[1]:
        said.append(
            f"{read.rows.shape[1]} numbers a sound were reduced to {rows.shape[1]}, which hold "
            f"{share:.1%} of their variance"
        )
    given = Vectors(found.ids, np.ascontiguousarray(rows), source.name)
    refuse_useless(given)
    return given, said


def _left_out(found: Matched) -> list[str]:
    said = []
    for names, why in (
        (found.unknown, "are of no sound of the library"),
        (found.ambiguous, "are of several"),
    ):
        if names:
            said.append(f"{counted(len(names), 'row')} left out, which {why}: {_some(names)}")
    if found.n_again:
        said.append(
            f"{counted(found.n_again, 'row')} left out: an earlier row is of a file with the same audio"
        )
    return said


def _some(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _NAMED_AT_MOST else ""
    return ", ".join(map(one_line, names[:_NAMED_AT_MOST])) + more


def _through(daemon: DaemonInfo, file: Path, given: Vectors | None) -> None:
    """Have the librarian of a running bridge take vectors, which it does before it looks at its folders."""
    before = _number(file)
    handed.hand(file, given)
    try:
        with Client(port=daemon.osc_port, timeout=_TAKING_S) as client:
            client.command("/klustr/rescan", timeout=_TAKING_S)
    except FailError as failed:
        raise LibraryError(failed.message) from failed
    finally:
        handed.take_back(file)
    if _number(file) == before:
        raise LibraryError("the running bridge could not take the vectors; it says why in its log")


def _number(file: Path) -> int:
    with opened(file) as store, store.view() as view:
        return view.n_vectors_given


def _here(file: Path, settings: Settings, given: Vectors | None) -> str:
    """Write the library, and make a map by what it goes by now; what to say of the map."""
    with opened_to_write(file, "klustr-bridge embed") as store:
        if given is None:
            store.drop_vectors()
        else:
            store.give_vectors(given)
        _hear_kinds_anew(store)
        if store.epoch() is None:
            return "klustr-bridge index makes the map"
        return _map_anew(store, settings) if settings.layout.refit == "auto" else _BY_HAND


def _hear_kinds_anew(store: Store) -> None:
    """Have the kinds that no name tells told by what the library goes by now."""
    from klustr_bridge.indexer.kinds_by_ear import KindsByEar

    kinds = KindsByEar(store, lambda where, message: print(f"{where}: {message}"))
    try:
        while not kinds.content:
            kinds.step(settled=True)
            multiprocessing.connection.wait(kinds.connections, 0.2)
    finally:
        kinds.close()


def _map_anew(store: Store, settings: Settings) -> str:
    from klustr_bridge.indexer.placing import MapKeeper

    keeper = MapKeeper(store, settings.layout, lambda where, message: print(f"{where}: {message}"))
    ended: list[str | None] = []
    try:
        keeper.demand(ended.append)
        reason = end_of(keeper, ended)
    finally:
        keeper.close()
    if reason:
        return f"no new map was made: {reason}; klustr-bridge relayout tries again"
    epoch = store.epoch()
    return "" if epoch is None else f"map epoch {epoch.number} ({epoch.method}) is made by it"


def _in_force(file: Path) -> Given | None:
    with opened(file) as store, store.view() as view:
        return view.given_vectors


def _told(file: Path) -> str:
    """What the library goes by now."""
    with opened(file) as store, store.view() as view:
        given, space = view.given_vectors, view.space
        n_with, n_sounds = view.count_vectors()
    if given is None:
        return f"the library goes by what it hears itself ({space.hearing}, {counted(space.size, 'number')})"
    said = (
        f"{n_with:,} of {counted(n_sounds, 'sound')} go by the vectors of {given.source}, "
        f"{counted(given.size, 'number')} each"
    )
    if not n_with:
        return f"{said}; the library goes by what it hears itself until one of them is there"
    if n_with < n_sounds:
        said += f"; {n_sounds - n_with:,} have none: they are found by name alone, and aren't on the map"
    return said
