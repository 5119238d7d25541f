"""The command ``kind``: correct what the library says of a sound, or take the correction back.

The daemon that serves the library does it, else this process.
"""

import argparse
import json
import os

from klustr_bridge.cli.asking import asked_navigator, described, id_in, path_in
from klustr_bridge.cli.library import chosen_library
from klustr_bridge.cli.tables import one_line
from klustr_bridge.client import Client, FailError
from klustr_bridge.errors import LibraryError, QueryError, SettingsError
from klustr_bridge.library.kind_sources import AUTO
from klustr_bridge.library.lock import daemon_of, writer_lock
from klustr_bridge.library.store import Store
from klustr_bridge.navigator import checks
from klustr_bridge.settings import LoadedSettings
from klustr_bridge.sound.kinds import KINDS

_TOLD_BY = {"file": " by the file's name", "folder": " by the folder's name", "sound": " by ear"}


def kind(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Correct a sound's kind for good, or take the correction back."""
    try:
        wanted = checks.choice("kind", namespace.kind, (*KINDS, AUTO))
    except QueryError as error:
        raise SettingsError(str(error)) from None
    file, given = chosen_library(loaded.settings), namespace.sound
    navigator, _ = asked_navigator(loaded)
    sound_id = id_in(navigator.corpus, given)
    if sound_id is None or navigator.corpus.row_of(sound_id) is None:
        raise LibraryError(f"{given} is no analysed sound of the library; find lists files and ids")
    before = navigator.info(sound_id).kind
    if (daemon := daemon_of(file)) is not None:
        with Client(port=daemon.osc_port, timeout=30.0) as client:
            try:
                client.kind(sound_id, wanted)
            except FailError as failed:
                raise LibraryError(failed.message) from failed
    else:
        with writer_lock(file, "klustr-bridge kind"), Store.open(file) as store:
            store.set_kind(sound_id, None if wanted == AUTO else wanted)
    navigator, _ = asked_navigator(loaded)
    path = path_in(navigator.corpus, os.fsencode(given)) if os.path.isfile(given) else None
    now = {"id": sound_id, **described(navigator, sound_id, path)}
    if namespace.json:
        print(json.dumps(now | {"was": before}, indent=1))
    else:
        source = str(now["kind_source"])
        said = f"{now['kind']}{_TOLD_BY.get(source, '')} from now on (was {before})"
        if source in ("", "sound"):  # no name tells it, and what was heard may be of long ago
            when = "soon" if daemon else "with the next klustr-bridge index"
            said += f"; it is listened to anew {when}"
        print(f"{one_line(str(now['path']))}: {said}")
    return 0
