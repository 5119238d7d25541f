"""The corpus on written snapshots: ids, files, finding, filters, loading."""

import itertools
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klustr_bridge.corpus import Corpus, Filters
from klustr_bridge.errors import LibraryError
from tests.corpus.snapshots import ROOT, Made, MadeSound, Waiting, below, snapshot_of, write_made

SMALL = Made(
    sounds=[
        MadeSound(3, [below("drums", "kick.wav"), below("copies", "kick.wav")], (0.1, 0.2), (0, 0), "kick"),
        MadeSound(5, [below("drums", "snare.wav")], (0.9, 0.9), (3, 4), "snare", 0.25, True),
        MadeSound(9, [below("loops", "b\xe9at \udcff.wav")], embedding=(1, 0), kind="loop", duration_s=8.0),
    ],
    waiting=[Waiting(12, below("drums", "kick new.wav"), "kick"), Waiting(11, below("a.wav"))],
    problems=[(below("bad.wav"), "not audio: émpty")],
)

_numbers = itertools.count()


def load(tmp: Path, made: Made) -> Corpus:
    return Corpus.load(write_made(tmp / str(next(_numbers)), made))


@pytest.fixture
def corpus(tmp_path):
    return load(tmp_path, SMALL)


def test_ids_paths_and_uids_lead_to_each_other(corpus):
    """Every id, path and uid of the library is found exactly, and nothing else."""
    assert corpus.ids.tolist() == [3, 5, 9]
    assert [corpus.row_of(i) for i in (3, 5, 9, 4, 0, -1, 12)] == [0, 1, 2, None, None, None, None]
    for sound in SMALL.sounds:
        assert corpus.path(sound.id) == min(sound.paths)
        assert corpus.id_of_uid(sound.made_uid) == sound.id
        assert {corpus.id_of_path(path) for path in sound.paths} == {sound.id}
    assert corpus.id_of_path(below("drums")) is None
    assert corpus.id_of_path(below("zzz.wav")) is None
    assert corpus.id_of_uid("a" * 16) is None
    assert corpus.id_of_uid("é") is None
    assert corpus.problem(0) == SMALL.problems[0]


def test_every_analysed_file_is_listed(corpus):
    """An export has a row for each file that holds a sound, in the order of paths."""
    wanted = [(path, row) for row, sound in enumerate(SMALL.sounds) for path in sound.paths]
    assert list(corpus.analysed_files()) == sorted(wanted)


def test_waiting_files_have_name_and_kind(corpus):
    """A listed file can be named, typed and played by its reserved id before its analysis."""
    entry = corpus.entry(12)
    assert (entry.id, entry.path, entry.kind, entry.row) == (12, below("drums", "kick new.wav"), "kick", None)
    assert corpus.entry(13) is None
    assert corpus.id_of_path(below("a.wav")) == 11


def test_find_counts_files_of_one_sound_once(corpus):
    """A sound in two matching files comes once, waiting files come with their reserved id."""
    assert corpus.find("kick", 10) == [3, 12]
    assert corpus.find("KICK.wav", 10) == [3]
    assert corpus.find("drums", 10) == [3, 5, 12]
    assert corpus.find("drums", 1) == [3]
    assert corpus.find("b\xc9at", 10) == [9]
    assert corpus.find("", 10) == [3, 5, 9, 11, 12]


def test_find_tells_the_copy_that_was_found(tmp_path):
    """Of a sound's files the one that holds the words, the best where several do."""
    copies = [below("a", "sine.wav"), below("b kick", "x.wav"), below("c", "My Kick.wav")]
    corpus = load(tmp_path, Made([MadeSound(1, copies), MadeSound(2, [below("d", "kick.wav")])]))
    assert corpus.path(1) == copies[0]
    assert corpus.find_files("kick", 10) == {1: copies[2], 2: below("d", "kick.wav")}
    assert corpus.find_files("kick x", 10) == {1: copies[1]}


def test_find_passes_a_crowd_of_copies(tmp_path):
    """A sound in very many matching files does not crowd the others out of a short answer."""
    many = MadeSound(1, [below(f"{i}.wav") for i in range(500)])
    corpus = load(tmp_path, Made([many, MadeSound(2, [below("z.wav")]), MadeSound(7, [below("y.wav")])]))
    assert corpus.find("wav", 2) == [1, 2]
    assert corpus.find("wav", 5) == [1, 2, 7]


def test_similar_leaves_out_the_sound_asked_about(tmp_path):
    """The own sound is left out by its row, not by its distance: a twin at distance 0 stays."""
    twins = [MadeSound(i, [below(f"{i}.wav")], embedding=(1, 1)) for i in (1, 2, 3)]
    corpus = load(tmp_path, Made([*twins, MadeSound(4, [below("4.wav")], embedding=(1, 3))]))
    found = corpus.similar(corpus.embedding[1], 3, without=1)
    assert corpus.ids[found.rows].tolist() == [1, 3, 4]
    assert found.distance.tolist() == [0.0, 0.0, 2.0]


def test_filters_keep_sounds_and_files(corpus):
    """Each filter keeps what it says; waiting files stay unless something speaks against them."""

    def kept(filters: Filters) -> tuple[list[int], list[int]]:
        selection = corpus.select(filters)
        assert selection is not None
        return corpus.ids[selection.sound].tolist(), corpus.find("", 10, selection)

    assert corpus.select(Filters()) is None
    assert kept(Filters(kinds=frozenset({"kick", "loop"}))) == ([3, 9], [3, 9, 12])
    assert kept(Filters(duration_s=(0.25, 1.0))) == ([3, 5], [3, 5])
    assert kept(Filters(favourites=True)) == ([5], [5])
    assert kept(Filters(folder=below("copies"))) == ([3], [3])
    assert kept(Filters(folder=below("drum"))) == ([], [])
    assert kept(Filters(folder=ROOT)) == ([3, 5, 9], [3, 5, 9, 11, 12])
    assert kept(Filters(folder=os.fsencode(os.sep)))[0] == ([3, 5, 9] if os.sep == "/" else [])


@st.composite
def made_libraries(draw):
    kinds = st.sampled_from(["unknown", "kick", "snare"])
    folders = ["a", "a b", "b", "b/c", "b/d"]
    names = iter([f"{i:03d}.wav" for i in range(200)])

    def path() -> bytes:
        return below(*draw(st.sampled_from(folders)).split("/"), next(names))

    sounds = [
        MadeSound(
            i,
            [path() for _ in range(draw(st.integers(1, 3)))],
            (0.5, 0.5),
            (0, 0),
            draw(kinds),
            draw(st.sampled_from([0.1, 1.0, 5.0])),
            draw(st.booleans()),
        )
        for i in range(1, draw(st.integers(1, 12)))
    ]
    waiting = [Waiting(50 + i, path(), draw(kinds)) for i in range(draw(st.integers(0, 5)))]
    return Made(sounds, waiting)


@settings(max_examples=150, deadline=None)
@given(
    made=made_libraries(),
    kinds=st.frozensets(st.sampled_from(["unknown", "kick", "snare"])),
    duration=st.none() | st.sampled_from([(0.0, 0.5), (0.5, 2.0), (2.0, float("inf"))]),
    folder=st.none() | st.sampled_from([ROOT, below("a"), below("b"), below("b", "c")]),
    favourites=st.booleans(),
)
def test_filters_compose(made, kinds, duration, folder, favourites):
    """All filters together keep what each keeps alone, and that is what a plain loop keeps."""
    corpus = Corpus(snapshot_of(made))
    whole = Filters(kinds, duration, folder, favourites)
    singles = [
        Filters(kinds=kinds),
        Filters(duration_s=duration),
        Filters(folder=folder),
        Filters(favourites=favourites),
    ]

    def inside(path: bytes) -> bool:
        return folder is None or path.startswith(folder + os.fsencode(os.sep))

    wanted = {
        sound.id
        for sound in made.sounds
        if (not kinds or sound.kind in kinds)
        and (duration is None or duration[0] <= np.float32(sound.duration_s) <= duration[1])
        and (not favourites or sound.favourite)
        and any(map(inside, sound.paths))
    }
    listed = {
        waiting.id
        for waiting in made.waiting
        if (not kinds or waiting.kind in kinds)
        and duration is None
        and not favourites
        and inside(waiting.path)
    }
    sounds = np.ones(len(corpus), bool)
    entries = np.ones(corpus.n_files, bool)
    for filters in singles:
        selection = corpus.select(filters)
        if selection is not None:
            sounds &= selection.sound
            entries &= selection.entry
    selection = corpus.select(whole)
    if selection is not None:
        assert (selection.sound == sounds).all()
        assert (selection.entry == entries).all()
    assert set(corpus.ids[sounds].tolist()) == wanted
    assert set(corpus.find("", 1000, selection)) == wanted | listed


def test_empty_corpus_answers_nothing():
    """Before the first snapshot every question has an empty answer, none fails."""
    corpus = Corpus.empty()
    assert len(corpus) == corpus.n_placed == corpus.epoch == 0
    assert corpus.library_id == ""
    assert corpus.entry(1) is corpus.id_of_path(b"/a") is corpus.id_of_uid("a" * 16) is None
    assert corpus.find("kick", 5) == []
    assert len(corpus.near_xy(0.5, 0.5, 3).rows) == 0
    selection = corpus.select(Filters(kinds=frozenset({"kick"}), folder=ROOT, favourites=True))
    assert selection is not None and len(selection.sound) == 0


def test_library_without_sounds_loads(tmp_path):
    """A library whose files all still wait is a corpus like any other."""
    corpus = load(tmp_path, replace(SMALL, sounds=[], epoch=0))
    assert (len(corpus), corpus.find("kick", 5), corpus.n_pending) == (0, [12], 2)
    assert len(load(tmp_path, Made())) == 0


def test_arrays_are_mapped_and_read_only(corpus):
    """Loading maps the files; nothing can write into a published corpus."""
    base = corpus.embedding
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        corpus.xy[0] = 0


def _drop(directory: Path) -> None:
    (directory / "uid.npy").unlink()


def _shorten(directory: Path) -> None:
    np.save(directory / "kind.npy", np.zeros(2, np.uint8))


def _retype(directory: Path) -> None:
    np.save(directory / "xy.npy", np.zeros((3, 2)))


def _truncate(directory: Path) -> None:
    file = directory / "embedding.npy"
    file.write_bytes(file.read_bytes()[:-4])


def _unsort(directory: Path) -> None:
    np.save(directory / "sound_id.npy", np.array([3, 9, 5], np.int32))


def _misplace(directory: Path) -> None:
    np.save(directory / "sound_entry.npy", np.array([0, 1, 99], np.int32))


def _cut_blob(directory: Path) -> None:
    np.save(directory / "path_bytes.npy", np.zeros(3, np.uint8))


def _reformat(directory: Path) -> None:
    meta = json.loads((directory / "meta.json").read_text())
    (directory / "meta.json").write_text(json.dumps(meta | {"format": 99}))


def _garble(directory: Path) -> None:
    (directory / "meta.json").write_text("{")


@pytest.mark.parametrize(
    "damage",
    [_drop, _shorten, _retype, _truncate, _unsort, _misplace, _cut_blob, _reformat, _garble],
)
def test_damaged_snapshots_are_refused(tmp_path, damage):
    """A snapshot with a missing or misfitting file is refused by name, never half used."""
    directory = write_made(tmp_path / "snapshot", SMALL)
    damage(directory)
    with pytest.raises(LibraryError, match="snapshot"):
        Corpus.load(directory)
