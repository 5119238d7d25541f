"""Commands that ask the library: similar, why, kit, walk, grid, near, find, status, problems, folders.

They read a snapshot of the library file, made anew when the library has changed: the answers are
the same with a daemon running and without one.
"""

import argparse
import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from klustr_bridge.cli.library import chosen_library, opened
from klustr_bridge.cli.tables import print_table
from klustr_bridge.corpus import Corpus, aspect_shares, weighted_distance
from klustr_bridge.errors import KlustrError, LibraryError, QueryError, SettingsError
from klustr_bridge.layout.kinds import can_guess
from klustr_bridge.layout.scores import told
from klustr_bridge.layout.universal import UNIVERSAL
from klustr_bridge.library.hearings import EXTERNAL, LEARNED
from klustr_bridge.library.lock import daemon_of
from klustr_bridge.library.paths import to_export, to_text
from klustr_bridge.library.rows import Epoch
from klustr_bridge.library.snapshot import shown_scores, write_snapshot
from klustr_bridge.library.spaces import wanted_hearing
from klustr_bridge.library.view import View
from klustr_bridge.navigator import ClientState, Navigator, Neighbour, checks
from klustr_bridge.progress import counted
from klustr_bridge.settings import LoadedSettings, cache_dir
from klustr_bridge.sound.aspects import ASPECTS
from klustr_bridge.types import Float32Array


def similar(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """List the sounds most like a file (of the library or not) or the sound with a uid."""
    navigator, client = asked_navigator(loaded)
    _weigh(navigator, client, namespace.weight)
    given: str = namespace.sound
    if os.path.isfile(given):
        path = path_in(navigator.corpus, os.fsencode(given))
        try:
            found = navigator.similar_path(client, path, namespace.k)
        except KlustrError:  # not in the library: hear it now
            found = navigator.similar_vector(client, _heard_now(navigator.corpus, path), namespace.k)
    elif given.isdecimal():
        found = navigator.similar(client, int(given), namespace.k)
    elif navigator.corpus.id_of_uid(given) is not None:
        found = navigator.similar_uid(client, given, namespace.k)
    else:
        raise LibraryError(f"{given} is neither a file nor the id or uid of a sound; find lists both")
    _print_neighbours(navigator, found, namespace.json)
    return 0


def why(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Say what keeps two sounds apart: the share of each aspect in their distance."""
    navigator, client = asked_navigator(loaded)
    _weigh(navigator, client, namespace.weight)
    one, other = (_vector_of(navigator, given) for given in (namespace.one, namespace.other))
    _require_aspects(navigator.corpus)
    shares = aspect_shares(one, other, client.weights)
    distance = weighted_distance(one, other, client.weights)
    if namespace.json:
        print(json.dumps({"distance": distance, "shares": shares}, indent=1))
    else:
        rows = sorted(shares.items(), key=lambda row: -row[1])
        print_table([("distance", f"{distance:.4f}"), *((name, f"{share:.1%}") for name, share in rows)])
    return 0


def kit(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """List a drum kit around a sound."""
    navigator, client = asked_navigator(loaded)
    sound_id = _id_of(navigator.corpus, namespace.sound)
    chosen = asyncio.run(navigator.kit(client, sound_id))
    rows = [{"id": one} | described(navigator, one) for _, one in chosen]
    _print_sounds(("kind", "id", "uid", "path"), rows, namespace.json)
    return 0


def walk(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """List sounds that lead from one to another, each with its distance from the one before it."""
    navigator, client = asked_navigator(loaded)
    _weigh(navigator, client, namespace.weight)
    start, end = _id_of(navigator.corpus, namespace.start), _id_of(navigator.corpus, namespace.end)
    try:
        found = asyncio.run(navigator.walk(client, start, end, namespace.n))
    except QueryError as error:
        raise _asked_wrongly(error) from None
    _print_neighbours(navigator, found, namespace.json)
    return 0


def grid(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """List sounds for a grid of pads, row by row from the lowest."""
    navigator, client = asked_navigator(loaded)
    region = None
    if namespace.region is not None:
        try:
            x, y, radius = map(float, namespace.region.split(","))
        except ValueError:
            raise SettingsError(
                f"--region is {namespace.region}; three numbers are expected, such as 0.3,0.6,0.1"
            ) from None
        if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
            raise SettingsError(f"--region is {namespace.region}; x and y are allowed from 0 to 1")
        region = (x, y, radius)
    try:
        pads = asyncio.run(navigator.grid(client, namespace.columns, namespace.rows, region))
    except QueryError as error:
        raise _asked_wrongly(error) from None
    rows = [
        {"column": column, "row": row, "id": sound_id} | described(navigator, sound_id)
        for column, row, sound_id in pads
    ]
    _print_sounds(("column", "row", "id", "uid", "kind", "path"), rows, namespace.json)
    return 0


def near(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """List the sounds nearest to a point of the map."""
    navigator, client = asked_navigator(loaded)
    for axis, value in (("X", namespace.x), ("Y", namespace.y)):
        if not 0 <= value <= 1:
            raise SettingsError(f"{axis} is {value:g}; allowed are 0 to 1")
    found = navigator.near_xy(client, namespace.x, namespace.y, namespace.k)
    _print_neighbours(navigator, found, namespace.json)
    return 0


def find(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """List the sounds whose names hold all the words."""
    navigator, _ = asked_navigator(loaded)
    corpus, text = navigator.corpus, " ".join(namespace.words)
    rows = []
    for sound_id, path in corpus.find_files(checks.search_text(text), checks.count(namespace.k)).items():
        rows.append({"id": sound_id, **described(navigator, sound_id, path)})
        if namespace.slices and (row := corpus.row_of(sound_id)) is not None:
            parts = [int(corpus.ids[part]) for part in corpus.slices_of(row)]
            rows += [{"id": part, **described(navigator, part, path)} for part in parts]
    nothing = f"no file of the library has all of this in its path: {' '.join(namespace.words)}"
    _print_sounds(("id", "uid", "kind", "path"), rows, namespace.json, nothing)
    return 0


def status(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Say what the library holds and whether a daemon serves it."""
    file = chosen_library(loaded.settings)
    info = daemon_of(file)
    with opened(file) as store:
        counts, epoch, kinds = store.counts(), store.epoch(), store.kind_counts()
        with store.view() as view:
            ear_tells = view.space.is_learned
            hearing = _told_hearing(view)
    facts = {
        "library": str(file),
        "files": counts.files,
        "sounds": counts.sounds,
        "pending": counts.pending,
        "refused": counts.refused,
        "epoch": epoch.number if epoch else 0,
        "layout": _told_layout(epoch),
        "hearing": hearing,
        "daemon": f"pid {info.pid}, OSC port {info.osc_port}" if info else "not running",
    }
    if counts.sounds:
        facts["kinds"] = told_kinds(kinds, ear_tells=ear_tells)
    if counts.slices:
        facts["slices"] = counts.slices
    if epoch and epoch.scores:
        facts["map"] = told(epoch.scores)
    if namespace.json:
        numbers = {"scores": shown_scores(epoch.scores) if epoch else {}, "kinds": _by_source(kinds)}
        print(json.dumps(facts | numbers | {"daemon": asdict(info) if info else None}, indent=1))
    else:
        print_table([(name, str(value)) for name, value in facts.items()])
    return 0


def _by_source(kinds: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """How many sounds have their kind from the user, a name, the sound itself, or have none."""
    by_source = dict.fromkeys(("user", "name", "sound", ""), 0)
    for (source, _), number in kinds.items():
        by_source[source] += number
    return {source or "unknown": number for source, number in by_source.items()}


def told_kinds(kinds: Mapping[tuple[str, str], int], *, ear_tells: bool) -> str:
    """Say what tells the kinds of sounds, and what it takes until the ear does."""
    n = _by_source(kinds)
    corrected = f", {n['user']} by you" if n["user"] else ""
    said = f"{n['name']} by name{corrected}, {n['sound']} by ear, {n['unknown']} unknown"
    telling = {
        (source, kind): number
        for (source, kind), number in kinds.items()
        if source in ("user", "name") and kind not in ("unknown", "loop")
    }
    n_telling, n_kinds = sum(telling.values()), len({kind for _, kind in telling})
    if n["unknown"] and not ear_tells and not can_guess(n_telling, n_kinds):
        said += (
            "; without the learned ear (hearing.embedding) guessing takes a dozen sounds of five kinds whose "
            f"names tell them: there are {counted(n_telling, 'sound')} of {counted(n_kinds, 'kind')}"
        )
    return said


def _told_layout(epoch: Epoch | None) -> str:
    """How the map in force was made."""
    if epoch is None:
        return "none yet"
    if epoch.method == UNIVERSAL:
        return f"{epoch.method}, fitted to no library"
    return f"{epoch.method}, fitted on {counted(epoch.n_fitted, 'sound')}"


def _told_hearing(view: View) -> str:
    """What similarity goes by now, and what it will."""
    space, given = view.space, view.given_vectors
    if given is not None and space.hearing == EXTERNAL:
        n_with, n_sounds = view.count_vectors()
        return f"{space.hearing}: {n_with} of {counted(n_sounds, 'sound')} have vectors of {given.source}"
    if space.hearing != LEARNED and wanted_hearing(view.connection) == LEARNED:
        return f"{space.hearing}, until all are heard by the learned ear"
    return space.hearing


def problems(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """List the refused files with the reasons."""
    with opened(chosen_library(loaded.settings)) as store:
        rows = store.problems(limit=1_000_000, offset=0)
    if namespace.json:
        print(json.dumps([{"path": to_export(path), "reason": reason} for path, reason in rows], indent=1))
    else:
        print_table([(to_export(path), reason) for path, reason in rows], "no file was refused")
    return 0


def folders(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """List the folders of the library; only a daemon watches those that are there."""
    file = chosen_library(loaded.settings)
    with opened(file) as store:
        rows = store.folders()
    is_served = daemon_of(file) is not None
    states = [row.state if is_served or row.state == "absent" else "unwatched" for row in rows]
    if namespace.json:
        listed = [
            {"path": to_export(row.path), "files": row.n_files, "state": state}
            for row, state in zip(rows, states, strict=True)
        ]
        print(json.dumps(listed, indent=1))
    else:
        said = [f"{state} (no daemon runs)" if state == "unwatched" else state for state in states]
        names = [(to_export(row.path), counted(row.n_files, "file")) for row in rows]
        print_table(
            [(*name, state) for name, state in zip(names, said, strict=True)],
            "the library has no folders; add one: klustr-bridge add FOLDER",
        )
    return 0


def open_corpus(file: Path) -> Corpus:
    """Load the library as it is now.

    Raises
    ------
    LibraryError
        If there is no library at `file`, or it can't be read.
    """
    with opened(file) as store:
        return Corpus.load(write_snapshot(store, cache_dir() / "snapshots", prune=False))


def asked_navigator(loaded: LoadedSettings) -> tuple[Navigator, ClientState]:
    """A navigator of the library as it is now, and the client that the command line is."""
    corpus = open_corpus(chosen_library(loaded.settings))
    if not corpus.n_files:
        absent = [to_text(folder.path) for folder in corpus.folders if folder.state == "absent"]
        gone = f"these folders are not there now: {', '.join(absent)}"
        why = gone if absent else "its folders hold no sample files"
        raise LibraryError(f"the library has no sounds: {why}")
    return Navigator(None, None, corpus), ClientState("command line", view=loaded.settings.map.view)


def _vector_of(navigator: Navigator, given: str) -> Float32Array:
    """Embedding of a file, of the library or not, or of the sound with an id or uid."""
    corpus = navigator.corpus
    sound_id = id_in(corpus, given)
    row = None if sound_id is None else corpus.row_of(sound_id)
    if row is None and os.path.isfile(given):
        return _heard_now(corpus, path_in(corpus, os.fsencode(given)))
    if row is None:
        raise LibraryError(f"{given} is neither a file nor the id or uid of a sound; find lists both")
    if not corpus.is_heard(row) and corpus.hearing == EXTERNAL:
        raise LibraryError(f"the sound {given} has no vector; klustr-bridge embed gave others theirs")
    if not corpus.is_heard(row):
        raise LibraryError(f"the sound {given} waits to be analysed anew; run klustr-bridge index")
    vector: Float32Array = corpus.embedding[row]
    return vector


def _heard_now(corpus: Corpus, path: bytes) -> Float32Array:
    """Embedding of a file that the library doesn't hold, heard as the library hears."""
    from klustr_bridge.sound.analyse import analyse_file

    if corpus.hearing == EXTERNAL:
        raise LibraryError(
            f"the library goes by vectors of another program, and {to_text(path)} has none: ask by a "
            "sound of the library, or go back to what the bridge hears: klustr-bridge embed --remove"
        )
    heard: Float32Array = analyse_file(path, learned=corpus.hearing == LEARNED).embedding
    if corpus.has_aspects and len(heard) != corpus.embedding.shape[1]:
        raise LibraryError(
            f"the library hears by the {corpus.hearing} embedding, which {to_text(path)} can't be given "
            "here; klustr-bridge doctor says what is missing"
        )
    return heard


def _weigh(navigator: Navigator, client: ClientState, given: Sequence[str]) -> None:
    """Weigh aspects as the flags say, each ``ASPECT=N``."""
    for text in given:
        aspect, _, number = text.partition("=")
        try:
            navigator.set_weight(client, aspect, float(number))
        except ValueError:
            raise SettingsError(
                f"--weight {text} is no aspect with a number from 0 to 2, such as attack=2; "
                f"there are: {' '.join(ASPECTS)}"
            ) from None
        except QueryError as error:
            raise SettingsError(f"--weight {text}: {error}") from None
    if given:
        _require_aspects(navigator.corpus)


def _require_aspects(corpus: Corpus) -> None:
    if not corpus.has_aspects:
        raise LibraryError(
            "the library was analysed by another release: index its folders anew, then ask again"
        )


def id_in(corpus: Corpus, given: str) -> int | None:
    """Id that a file, a number or a uid stands for; None if the library doesn't hold that file or uid."""
    if os.path.isfile(given):
        return corpus.id_of_path(path_in(corpus, os.fsencode(given)))
    return int(given) if given.isdecimal() else corpus.id_of_uid(given)


def _id_of(corpus: Corpus, given: str) -> int:
    """Id that a file, a number or a uid stands for."""
    sound_id = id_in(corpus, given)
    if sound_id is None:
        raise LibraryError(f"{given} is no sound of the library; find lists files and ids")
    return sound_id


def _asked_wrongly(error: QueryError) -> KlustrError:
    """The error that ends with the exit code for words that can't be meant, where it is of that sort."""
    return SettingsError(str(error)) if error.code == "badargs" else error


def path_in(corpus: Corpus, given: bytes) -> bytes:
    """Find the path under which the library may hold a file.

    A link in a watched folder is a sample file of its own; the watched folders' own paths hold no links.
    """
    path = os.path.abspath(given)
    folder, name = os.path.split(path)
    real = os.path.realpath(path)
    candidates = (path, os.path.join(os.path.realpath(folder), name), real)
    return next((path for path in candidates if corpus.id_of_path(path) is not None), real)


def described(navigator: Navigator, sound_id: int, path: bytes | None = None) -> dict[str, object]:
    """What is told of a sound; of its files the one at `path` if given, else the first."""
    info = navigator.info(sound_id)
    return {
        "uid": info.uid,
        "kind": info.kind,
        "kind_source": info.kind_source,
        "kind_confidence": round(info.kind_confidence, 3),
        "duration_s": round(info.duration_s, 4),
        "start_s": round(info.start_s, 6),
        "end_s": round(info.end_s, 6),
        "loudness_db": round(info.loudness_db, 2),
        "pitch_hz": round(info.pitch_hz, 2),
        "pitch_confidence": round(info.pitch_confidence, 3),
        "brightness_hz": round(info.brightness_hz, 1),
        "stereo_width": round(info.stereo_width, 3),
        "is_loop": info.is_loop,
        "tempo_bpm": round(info.tempo_bpm, 2),
        "path": to_export(navigator.path(sound_id) if path is None else path),
    }


def _print_neighbours(navigator: Navigator, found: Sequence[Neighbour], as_json: bool) -> None:
    rows = [asdict(neighbour) | described(navigator, neighbour.id) for neighbour in found]
    _print_sounds(("distance", "id", "uid", "kind", "seconds", "path"), rows, as_json)


def _print_sounds(
    columns: Sequence[str], rows: Sequence[dict[str, object]], as_json: bool, nothing: str = ""
) -> None:
    """Print what is told of sounds: all of it as JSON, or a table of some columns."""
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        listed = [tuple(_cell(row, column) for column in columns) for row in rows]
        print_table([tuple(columns), *listed] if listed else [], nothing)


def _cell(row: dict[str, object], column: str) -> str:
    match column:
        case "distance":
            return f"{row['distance']:.4f}"
        case "seconds":
            return f"{row['duration_s']:.2f}"
        case "path" if ":" in str(row["uid"]):  # of a slice: where in the file
            return f"{row['path']} from {row['start_s']:.3f} to {row['end_s']:.3f} s"
        case _:
            return str(row[column])
