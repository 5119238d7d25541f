"""Finding files that hold the same sound, and the process that does it beside a daemon."""

import multiprocessing.connection
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from klustr_bridge.indexer import duplicates
from klustr_bridge.indexer.duplicates import Duplicates, candidates, find_duplicates, grouped
from klustr_bridge.indexer.duplicates_process import DuplicatesSearch
from klustr_bridge.library.ignore import IgnoreRules
from klustr_bridge.library.scan import scan_folder
from klustr_bridge.library.store import Store
from klustr_bridge.sound.analyse import analyse_file
from klustr_bridge.sound.decode import is_candidate
from klustr_bridge.sound.embedding import ANALYSIS_VERSION
from klustr_bridge.sound.kinds import kind_of_path
from klustr_bridge.types import Outcome
from tests.copies import COPIES
from tests.sounds import DRUMS, kick, noise, snare, write

PATIENCE_S = 40.0


def index(store: Store, folder: Path) -> None:
    """Hear all files of a folder."""
    root = os.fsencode(folder)
    store.add_folder(root)
    found = list(scan_folder(root, IgnoreRules(()), candidate=is_candidate))
    store.note_files([(file, kind_of_path(file.path, root)) for file in found])
    pending = store.take_pending(1000)
    outcomes = [Outcome(file.path, file.stamp, analyse_file(file.path), None) for file in pending]
    store.commit_outcomes(outcomes, analysis_version=ANALYSIS_VERSION)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "library.klustr") as store:
        yield store


def names(found: Duplicates) -> list[list[str]]:
    return [
        [Path(os.fsdecode(path)).name for path in (group.path, *(other.path for other in group.others))]
        for group in found.groups
    ]


def test_copies_are_found_among_look_alikes(tmp_path: Path, store: Store) -> None:
    """Every copy of a sound is in its group, nothing else is in any, and no file has been touched."""
    folder = tmp_path / "s"
    for kind in ("kick", "snare", "closed_hat", "open_hat", "clap", "tom"):
        for seed in range(10, 18):
            write(folder / "others" / f"{kind} {seed}.wav", DRUMS[kind](seed))
    for kind in ("kick", "snare", "closed_hat"):
        audio = DRUMS[kind](3)
        write(folder / f"{kind}.wav", audio)
        for name, copy in COPIES.items():
            copy(folder / "copies" / f"{kind} {name}", audio)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    index(store, folder)
    found = find_duplicates(store)
    in_groups = [{name.split(" ", 1)[-1] for name in group} for group in names(found)]
    assert len(found.groups) == 3
    for group, others in zip(names(found), in_groups, strict=True):
        kind = group[0].split(" ")[0].removesuffix(".wav")
        assert all(name.startswith(kind) for name in group)
        assert len(others) == len(COPIES) + 1
        assert group[0] == f"{kind} 48k.wav"  # the highest rate
    whys = {Path(os.fsdecode(o.path)).name: o.why for g in found.groups for o in g.others}
    assert whys["kick 128k.mp3"] == "lossy, the kept one is not"
    assert whys["kick.wav"] == "44100 Hz, the kept one has 48000"
    assert not any(other.is_exact for group in found.groups for other in group.others)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_files_with_the_very_same_audio_are_found_without_listening(tmp_path: Path, store: Store) -> None:
    """Other formats and tags of one sound: exact; nothing is read again, so that the files may be away."""
    folder = tmp_path / "s"
    write(folder / "kick.wav", kick(1))
    write(folder / "Backup" / "k.flac", kick(1))
    write(folder / "copy of the kick.wav", kick(1))
    write(folder / "kick.ogg", kick(1))
    write(folder / "snare.wav", snare(1))
    index(store, folder)
    both = find_duplicates(store)
    assert names(both) == [["kick.wav", "copy of the kick.wav", "k.flac", "kick.ogg"]]
    assert [other.is_exact for other in both.groups[0].others] == [True, True, False]
    ids = both.groups[0].sound_ids
    assert both.by_sound().tolist() == [[1, ids[0]], [1, ids[1]]] and len(ids) == 2
    for file in folder.rglob("*.*"):
        file.unlink()
    exact = find_duplicates(store, by_ear=False)
    assert names(exact) == names(find_duplicates(store)) == [["kick.wav", "copy of the kick.wav", "k.flac"]]
    assert [other.why for other in exact.groups[0].others] == [
        "its path is longer",
        "it or its folder is named as a copy",
    ]
    assert exact.by_sound().shape == (0, 2)


def test_a_favourite_is_kept(tmp_path: Path, store: Store) -> None:
    """Though it is the lossy one."""
    folder = tmp_path / "s"
    write(folder / "kick.wav", kick(1))
    COPIES["128k.mp3"](folder / "kick.mp3", kick(1))
    index(store, folder)
    assert names(find_duplicates(store)) == [["kick.wav", "kick.mp3"]]
    lossy = find_duplicates(store).groups[0].others[0].sound_id
    store.set_favourite(lossy, True)
    assert names(find_duplicates(store)) == [["kick.mp3", "kick.wav"]]


def test_a_wide_sound_is_not_the_same_as_its_mono_mix(tmp_path: Path, store: Store) -> None:
    """The mix has all of its waves, and still all can hear the difference; stereo of two same channels is."""
    folder = tmp_path / "s"
    middle, side = snare(1), 0.7 * noise(1.0, seed=2)[: len(snare(1))]
    write(folder / "wide.wav", 0.5 * np.column_stack([middle + side, middle - side]))
    write(folder / "mono.wav", 0.5 * middle)
    write(folder / "both.wav", 0.4 * np.column_stack([middle, middle]))
    index(store, folder)
    assert names(find_duplicates(store)) == [["both.wav", "mono.wav"]]


def test_groups_do_not_creep() -> None:
    """Each is the same as the kept one: what is only the same as another member founds its own group."""
    chain = [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert grouped(chain, [0, 1, 2, 3, 4]) == [[0, 1], [2, 3]]
    assert grouped(chain, [2, 0, 1, 3, 4]) == [[2, 1, 3]]
    assert grouped([(0, 1), (0, 2), (1, 2)], [2, 1, 0]) == [[2, 1, 0]]
    assert grouped([], []) == []


@given(st.sets(st.tuples(st.integers(0, 12), st.integers(0, 12)).filter(lambda p: p[0] < p[1])), st.randoms())
def test_groups_share_nothing_and_hold_what_is_the_same(pairs: set[tuple[int, int]], chance) -> None:  # type: ignore[no-untyped-def]
    """Of any pairs and any order of worth."""
    worth = sorted({one for pair in pairs for one in pair})
    chance.shuffle(worth)
    groups = grouped(sorted(pairs), worth)
    members = [one for group in groups for one in group]
    assert len(members) == len(set(members))
    for first, *others in groups:
        assert others and all((min(first, o), max(first, o)) in pairs for o in others)
        assert [first, *others] == sorted([first, *others], key=worth.index)
    alone = set(worth) - set(members)
    assert not any(one in alone and other in alone for one, other in pairs)


def test_only_what_lies_near_is_compared() -> None:
    """Within the radius and about as wide; sounds that wait to be heard anew are left out."""
    far = duplicates.RADIUS + 1
    embedding = np.array([[0, 0], [3, 0], [far, 0], [np.nan, np.nan], [0, 1]], np.float32)
    width = np.array([0, 0, 0, 0, 0.5], np.float32)
    assert set(candidates(embedding, width)) == {(0, 1), (1, 2)}
    assert candidates(embedding[:1], width[:1]) == []


def test_a_search_runs_beside_and_is_kept(tmp_path: Path, store: Store) -> None:
    """Those who ask meanwhile wait for the next one; it isn't repeated until the library changes."""
    folder = tmp_path / "s"
    write(folder / "kick.wav", kick(1))
    COPIES["128k.mp3"](folder / "kick.mp3", kick(1))
    index(store, folder)
    search, told = DuplicatesSearch(store), []

    def demand() -> None:
        search.demand(lambda rows, why: told.append((rows.tolist(), why)))

    demand()
    search.step()
    assert search.connections and not told
    demand()
    wait_for(search)
    groups = [[1, id_of(store, folder / "kick.wav")], [1, id_of(store, folder / "kick.mp3")]]
    assert told == [(groups, "")] * 2 and not search.connections
    demand()
    search.step()
    assert told == [(groups, "")] * 3 and not search.connections
    store.set_favourite(groups[1][1], True)
    demand()
    search.step()
    assert search.connections
    wait_for(search)
    assert told[-1] == ([groups[1], groups[0]], "")
    search.close()


def test_a_search_that_is_killed_is_told_of(tmp_path: Path, store: Store) -> None:
    """And the next one works."""
    write(tmp_path / "s" / "kick.wav", kick(1))
    index(store, tmp_path / "s")
    search, told = DuplicatesSearch(store), []
    search.demand(lambda rows, why: told.append((rows, why)))
    search.step()
    assert search._process is not None
    search._process.kill()
    wait_for(search)
    assert told == [(None, "the process that finds duplicates has ended without a result")]
    search.demand(lambda rows, why: told.append((rows.tolist(), why)))
    search.step()
    wait_for(search)
    assert told[1] == ([], "")
    search.demand(lambda rows, why: None)
    search.step()
    search.close()
    assert not search.connections


def wait_for(search: DuplicatesSearch) -> None:
    assert multiprocessing.connection.wait(search.connections, PATIENCE_S)
    search.step()


def id_of(store: Store, path: Path) -> int:
    with store.view() as view:
        return next(
            sound_id
            for chunk in view.entries()
            for file, sound_id in zip(chunk.path, chunk.sound_id, strict=True)
            if file == os.fsencode(path) and sound_id is not None
        )
