"""``tune``: the map of this library, chosen from a population; a new epoch where it is surely better.

Owns the words. The maps are made here, to be compared; the one that is chosen is made and taken as any
candidate is, by a running bridge or here.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.cli.asking import open_corpus
from klustr_bridge.cli.building import opened_to_write
from klustr_bridge.cli.candidate import make_and_take
from klustr_bridge.cli.library import chosen_library, running_daemon
from klustr_bridge.client import Client
from klustr_bridge.corpus import Corpus
from klustr_bridge.errors import SettingsError, StudyError
from klustr_bridge.library.paths import containing, to_text
from klustr_bridge.processes import available_cores
from klustr_bridge.progress import counted
from klustr_bridge.settings import LoadedSettings, Settings
from klustr_bridge.sound.kinds import KIND_CODES
from klustr_bridge.study.dataset import MOST, share_with_others_outside
from klustr_bridge.study.tuning import KINDS, LEAST_NAMED, POPULATION, Choice, Sounds, choose

_NAMED = ("user", "file", "folder")


def tune(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Compare maps of the library and take the best, if it is surely better than the one in force."""
    settings = loaded.settings
    methods = _methods(namespace.methods)
    file = chosen_library(settings)
    corpus = open_corpus(file)
    if not corpus.epoch:
        raise StudyError("the library has no map yet; klustr-bridge index FOLDER makes the first")
    sounds = _sounds_of(corpus)
    choice = choose(
        sounds,
        seed=settings.layout.seed,
        from_scratch=_is_quick_map(file),
        methods=methods,
        n_processes=available_cores(),
        tell=lambda line: print(line, file=sys.stderr, flush=True),
    )
    _tell(choice)
    best = choice.tried[0]
    if not choice.is_sure and not namespace.anyway:
        print("none is surely better than the map in force, which stays; --anyway takes the best")
        return 0
    if corpus.candidate is not None:
        print("the candidate that waits gives way to it")
    epoch = _take(file, settings, best.method)
    print(f"{best.method} is the map in force now: epoch {epoch}, {_gained(choice)}")
    if settings.layout.method != "auto":
        print(
            f"layout.method is {settings.layout.method}, by which the next map would be made; "
            f"with auto it is {best.method} from now on"
        )
    return 0


def _methods(text: str) -> tuple[str, ...]:
    if not text:
        return POPULATION
    wanted = tuple(dict.fromkeys(text.split(",")))
    unknown = [method for method in wanted if method not in POPULATION]
    if unknown:
        raise SettingsError(f"--methods {', '.join(unknown)}: unknown; known: {', '.join(POPULATION)}")
    return wanted


def _sounds_of(corpus: Corpus) -> Sounds:
    """The library's sounds that are on the map, as `choose` takes them."""
    rows = np.flatnonzero(corpus.placed)
    named = [corpus.kind(row) if corpus.kind_source(row) in _NAMED else "" for row in rows.tolist()]
    paths = [corpus.path(int(corpus.ids[row])) or b"" for row in rows.tolist()]
    return Sounds(
        embeddings=np.ascontiguousarray(corpus.embedding[rows]),
        xy=np.ascontiguousarray(corpus.xy[rows]),
        kinds=np.array(named),
        kind_codes=np.array([KIND_CODES.get(kind, 0) for kind in named], np.uint8),
        packs=_packs_of(paths, np.array(named), [folder.path for folder in corpus.folders]),
    )


def _packs_of(paths: Sequence[bytes], kinds: NDArray[np.str_], folders: Sequence[bytes]) -> NDArray[np.str_]:
    """What a sound isn't judged beside, as in the study: the first folder below the watched one, else all."""
    below = []
    for path in paths:
        root = containing(path, folders) or b""
        below.append(to_text(path[len(root) :].lstrip(os.fsencode(os.sep))).split(os.sep)[:-1])
    firsts = np.array([one[0] if one else "" for one in below])
    is_named = kinds != ""
    if share_with_others_outside(kinds[is_named], firsts[is_named]) > MOST:
        return firsts
    return np.array(["/".join(one) for one in below])


def _is_quick_map(file: Path) -> bool:
    """Whether the map in force is the quick one of the start, from which no good one begins."""
    from klustr_bridge.library.store import Store

    with Store.open(file, writable=False) as store:
        epoch = store.epoch()
        return epoch is None or epoch.method == "pca"


def _take(file: Path, settings: Settings, method: str) -> int:
    if (daemon := running_daemon(settings)) is not None:
        with Client(port=daemon.osc_port, timeout=600.0) as client:
            client.command("/klustr/candidate/make", method, timeout=600.0)
            client.command("/klustr/candidate/take", timeout=600.0)
            return client.status().epoch
    with opened_to_write(file, "klustr-bridge tune") as store:
        return make_and_take(store, settings, method)


def _tell(choice: Choice) -> None:
    what = (
        "of the ten nearest on the map are of a sound's kind"
        if choice.judged_by == KINDS
        else "of the ten most alike are among the ten nearest on the map"
    )
    print(f"per cent {what} [95 % of resamples of {choice.drawn}]")
    if choice.judged_by != KINDS:
        print(f"(fewer than {LEAST_NAMED} names tell a kind: kinds can't be asked for)")
    width = max(len(one.method) for one in choice.tried)
    width = max(width, len("in force"))
    print(f"  {'in force':{width}}  {choice.in_force.text()}")
    for one in choice.tried:
        print(f"  {one.method:{width}}  {one.share.text()}  gain {one.gain.text()}")
    if choice.failed:
        print(f"{counted(len(choice.failed), 'method')} failed: {', '.join(choice.failed)}")


def _gained(choice: Choice) -> str:
    gain = choice.tried[0].gain
    unit = "of kinds kept together" if choice.judged_by == KINDS else "of neighbours kept"
    return f"{100 * gain.value:+.1f} points {unit} [{100 * gain.low:+.1f} {100 * gain.high:+.1f}]"
