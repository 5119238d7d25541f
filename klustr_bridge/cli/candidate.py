"""``candidate``: a map to be looked at before it is taken or dropped.

Owns the words. A running bridge does the work; without one it is done here.
"""

import argparse
import multiprocessing.connection
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from klustr_bridge.cli.building import opened_to_write
from klustr_bridge.cli.library import has_folders, running_daemon
from klustr_bridge.client import Client
from klustr_bridge.errors import LibraryError
from klustr_bridge.library.store import Store
from klustr_bridge.settings import LoadedSettings, Settings, library_file

if TYPE_CHECKING:
    from klustr_bridge.indexer.placing import MapKeeper

_MAKING_S = 600.0


def candidate(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Make, take or drop the candidate."""
    settings, what, method = loaded.settings, namespace.what, namespace.method
    if (daemon := running_daemon(settings)) is not None:
        with Client(port=daemon.osc_port, timeout=_MAKING_S) as client:
            _ask(client, what, method)
            if what == "make":
                _compare(client.scores(), client.candidate_scores(), daemon.http_port)
            else:
                print(_DONE[what].format(epoch=client.status().epoch))
        return 0
    file = library_file(settings)
    if not has_folders(file):
        raise LibraryError("the library has no folders yet; name one: klustr-bridge index FOLDER")
    with opened_to_write(file, "klustr-bridge candidate") as store:
        _do(store, settings, what, method)
    return 0


_DONE = {
    "take": "the candidate is the map in force now: epoch {epoch}",
    "drop": "the candidate is dropped; the map in force stays: epoch {epoch}",
}


def _ask(client: Client, what: str, method: str) -> None:
    if what == "make":
        client.command("/klustr/candidate/make", *([method] if method else []), timeout=_MAKING_S)
    else:
        client.command(f"/klustr/candidate/{what}", timeout=_MAKING_S)


def _do(store: Store, settings: Settings, what: str, method: str) -> None:
    from klustr_bridge.indexer.placing import MapKeeper

    keeper = MapKeeper(store, settings.layout, lambda where, message: print(f"{where}: {message}"))
    try:
        if what == "take":
            keeper.take_candidate()
        elif what == "drop":
            keeper.drop_candidate()
        else:
            _make(keeper, method)
            made, epoch = store.candidate(), store.epoch()
            _compare({} if epoch is None else epoch.scores, {} if made is None else made.scores, 0)
            return
    finally:
        keeper.close()
    epoch = store.epoch()
    print(_DONE[what].format(epoch=0 if epoch is None else epoch.number))


def make_and_take(store: Store, settings: Settings, method: str) -> int:
    """Make a map by a method and have it be the one in force; the number of its epoch."""
    from klustr_bridge.indexer.placing import MapKeeper

    keeper = MapKeeper(store, settings.layout, lambda where, message: print(f"{where}: {message}"))
    try:
        _make(keeper, method)
        keeper.take_candidate()
    finally:
        keeper.close()
    epoch = store.epoch()
    return 0 if epoch is None else epoch.number


def _make(keeper: "MapKeeper", method: str) -> None:
    ended: list[str | None] = []
    keeper.demand_candidate(method, ended.append)
    if reason := end_of(keeper, ended):
        raise LibraryError(f"no candidate was made: {reason}")


def end_of(keeper: "MapKeeper", ended: Sequence[str | None]) -> str | None:
    """Have a keeper work until what was demanded of it has ended; None, or why it failed."""
    while not ended:
        keeper.step(settled=False)
        multiprocessing.connection.wait(keeper.connections, 0.2)
    return ended[0]


def _compare(now: Mapping[str, float], then: Mapping[str, float], http_port: int) -> None:
    """Print the scores of both maps beside each other, and what can be done now."""
    names = sorted({*now, *then})
    width = max((len(name) for name in names), default=0)
    print(f"{'':{width}}  {'in force':>9}  {'candidate':>9}")
    for name in names:
        both = ("" if value is None else f"{value:.3f}" for value in (now.get(name), then.get(name)))
        print(f"{name:{width}}  " + "  ".join(f"{text:>9}" for text in both))
    where = (
        f"see it at http://127.0.0.1:{http_port}/map (How good the map is)"
        if http_port
        else ("start the bridge to see it on the map page")
    )
    print(f"{where}; then: klustr-bridge candidate take, or drop")
