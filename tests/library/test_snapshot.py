"""Snapshots: what readers map."""

import json
import os
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from klustr_bridge.errors import LibraryError
from klustr_bridge.library import paths, snapshot
from klustr_bridge.library.heard_kinds import HeardKind, ToldBy
from klustr_bridge.library.kind_sources import KIND_SOURCES
from klustr_bridge.library.snapshot import SNAPSHOT_FORMAT, newest_snapshot, write_snapshot
from klustr_bridge.library.store import Store
from klustr_bridge.library.view import View
from klustr_bridge.sound.aspects import LEARNED_VERSION, WHOLE_SIZE
from klustr_bridge.sound.kinds import KIND_CODES, KINDS
from klustr_bridge.types import FoundFile, Outcome
from tests.library.making import (
    D,
    add,
    analysis,
    below,
    embedding_of,
    hear,
    refused,
    reserved_at,
    stamp,
    uid_of,
)


def load(place: Path) -> dict[str, Any]:
    arrays = {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in place.glob("*.npy")}
    return arrays | {"meta": json.loads((place / "meta.json").read_text(encoding="utf-8"))}


def strings(shown: dict[str, Any], name: str) -> list[bytes]:
    blob, offset = shown[f"{name}_bytes"].tobytes(), shown[f"{name}_offset"].tolist()
    assert offset[0] == 0 and offset[-1] == len(blob)
    return [blob[start:end] for start, end in pairwise(offset)]


def test_arrays_hold_what_the_library_shows(store: Store, folder: bytes, tmp_path: Path) -> None:
    """Every array has its documented kind, order and content."""
    b = add(store, folder, "B Kick.wav", 1, kind="kick")
    a = add(store, folder, "a.wav", 2, kind="unknown")
    c = add(store, folder, "sub/c.wav", 3, kind="snare")
    waiting = add(store, folder, "sub/Wait.wav", 4, kind="clap")
    bad = add(store, folder, "bad.wav", 5)
    second, first = hear(store, c, 2, xy=(0.25, 0.5)), hear(store, b, 1)
    assert hear(store, a, 1) == first
    store.commit_outcomes([refused(bad, "é")], analysis_version=1)
    store.set_favourite(second, True)
    place = write_snapshot(store, tmp_path / "snapshots")
    assert place == tmp_path / "snapshots" / f"{store.library_id}-{store.generation}"
    shown = load(place)
    assert {name: array.dtype.str for name, array in shown.items() if name != "meta"} == {
        **dict.fromkeys(("sound_id", "entry_id", "sound_entry", "parent_row", "sample_rate"), "<i4"),
        "frames": "<i8",
        **dict.fromkeys(
            ("xy", "even_xy", "embedding", "duration_s", "loudness_db", "pitch_hz", "brightness_hz"), "<f4"
        ),
        **dict.fromkeys(("pitch_confidence", "stereo_width", "tempo_bpm", "kind_confidence"), "<f4"),
        **dict.fromkeys(
            (
                "kind",
                "entry_kind",
                "kind_source",
                "entry_kind_source",
                "entry_state",
                "path_bytes",
                "name_bytes",
            ),
            "|u1",
        ),
        **dict.fromkeys(("problem_path_bytes", "problem_reason_bytes"), "|u1"),
        **dict.fromkeys(
            ("path_offset", "name_offset", "problem_path_offset", "problem_reason_offset"), "<i8"
        ),
        **dict.fromkeys(("favourite", "is_loop"), "|b1"),
        "uid": "|S16",
    }
    order = [b, a, c, waiting] if os.sep == "/" else sorted((a, b, c, waiting), key=lambda file: file.path)
    order = sorted(order, key=lambda file: file.path)
    ids = {b.path: first, a.path: first, c.path: second, waiting.path: reserved_at(store, waiting.path)}
    assert strings(shown, "path") == [file.path for file in order]
    assert shown["entry_id"].tolist() == [ids[file.path] for file in order]
    assert shown["entry_state"].tolist() == [int(file == waiting) for file in order]
    kinds = {b.path: "kick", a.path: "unknown", c.path: "snare", waiting.path: "clap"}
    assert shown["entry_kind"].tolist() == [KIND_CODES[kinds[file.path]] for file in order]
    expected = {
        b.path: b"b kick.wav\n",
        a.path: b"a.wav\n",
        c.path: b"sub/c.wav\n",
        waiting.path: b"sub/wait.wav\n",
    }
    assert strings(shown, "name") == [expected[file.path].replace(b"/", paths.SEPARATOR) for file in order]

    rows = sorted((first, second))
    at = {first: rows.index(first), second: rows.index(second)}
    assert shown["sound_id"].tolist() == rows
    assert shown["embedding"].shape == (2, D)
    np.testing.assert_array_equal(shown["embedding"][at[second]], embedding_of(2))
    assert shown["xy"][at[second]].tolist() == [0.25, 0.5] and np.isnan(shown["xy"][at[first]]).all()
    assert np.isnan(shown["even_xy"]).all()
    assert shown["uid"][at[first]] == uid_of(1).encode()
    assert shown["favourite"].tolist() == [each == second for each in rows]
    assert shown["duration_s"][at[second]] == np.float32(2.1)
    assert shown["loudness_db"][at[second]] == np.float32(-12.5)
    assert shown["brightness_hz"][at[second]] == 1002
    measures = [shown[name][at[second]] for name in ("pitch_confidence", "stereo_width", "tempo_bpm")]
    assert measures == [np.float32(0.2), 0.25, 122] and shown["is_loop"].tolist() == [
        each == second for each in rows
    ]
    assert shown["kind"][at[first]] == KIND_CODES["kick"]
    smallest = min((a, b), key=lambda file: file.path)
    assert order[shown["sound_entry"][at[first]]] == smallest
    assert order[shown["sound_entry"][at[second]]] == c
    assert strings(shown, "problem_path") == [bad.path] and strings(shown, "problem_reason") == ["é".encode()]
    meta = shown["meta"]
    assert {
        key: meta[key] for key in ("format", "library_id", "generation", "analysis_version", "epoch")
    } == {
        "format": SNAPSHOT_FORMAT,
        "library_id": store.library_id,
        "generation": store.generation,
        "analysis_version": 1,
        "epoch": 0,
    }
    assert [meta[key] for key in ("n_files", "n_sounds", "n_pending", "n_refused")] == [5, 2, 1, 1]
    assert meta["folders"] == [{"path": paths.to_export(folder), "n_files": 5, "state": "watched"}]


def test_kind_of_a_sound(store: Store, folder: bytes, tmp_path: Path) -> None:
    """The user's kind wins, then the first name that tells one, else unknown."""
    for name, kind in (("a", "unknown"), ("b", "clap"), ("c", "kick")):
        hear(store, add(store, folder, f"{name}.wav", ord(name), kind=kind), 1)
    hear(store, add(store, folder, "d.wav", 9, kind="tom"), 2)
    hear(store, add(store, folder, "e.wav", 10, kind="unheard of"), 3)
    assert load(write_snapshot(store, tmp_path))["kind"].tolist() == [
        KIND_CODES[kind] for kind in ("clap", "tom", "unknown")
    ]
    first = store.embeddings().ids.tolist()[0]
    store.set_kind(first, "bass")
    assert load(write_snapshot(store, tmp_path))["kind"][0] == KIND_CODES["bass"]


def test_what_tells_a_kind_and_how_surely(store: Store, folder: bytes, tmp_path: Path) -> None:
    """The user comes before a file's own name, that before any folder's, and those before what is heard."""
    hear(store, add(store, folder, "a.wav", 1, kind="tom", source="folder"), 1)
    by_file = hear(store, add(store, folder, "b.wav", 2, kind="clap"), 1)
    by_folder = hear(store, add(store, folder, "c.wav", 3, kind="bass", source="folder"), 2)
    by_user, by_ear, by_none = (hear(store, add(store, folder, f"{n}.wav", n), n) for n in (4, 5, 6))
    store.set_kind(by_user, "kick")
    heard = [HeardKind(sound, "snare", 0.625) for sound in (by_file, by_folder, by_user, by_ear)]
    store.set_heard_kinds([*heard, HeardKind(by_none, "unknown", 0.0)])
    shown = load(write_snapshot(store, tmp_path))
    told = zip(shown["kind"].tolist(), shown["kind_source"].tolist(), shown["kind_confidence"], strict=True)
    named = {
        int(sound): (KINDS[kind], KIND_SOURCES[source], float(sure))
        for sound, (kind, source, sure) in zip(shown["sound_id"], told, strict=True)
    }
    assert named == {
        by_file: ("clap", "file", pytest.approx(0.95)),
        by_folder: ("bass", "folder", pytest.approx(0.85)),
        by_user: ("kick", "user", 1.0),
        by_ear: ("snare", "sound", 0.625),
        by_none: ("unknown", "", 0.0),
    }
    assert [KIND_SOURCES[source] for source in shown["entry_kind_source"][3:]] == ["folder", "file", "folder"]


def test_a_portion_of_heard_kinds_is_shown_with_the_last(store: Store, folder: bytes) -> None:
    """Only the last portion makes a new generation; a user's word makes all kinds be heard anew."""
    one, other = (hear(store, add(store, folder, f"{n}.wav", n), n) for n in (1, 2))
    before = store.generation
    store.set_heard_kinds([HeardKind(one, "kick", 0.5)], told_by=ToldBy(7), last=False)
    with store.view() as view:
        assert (view.generation, view.kinds_told_by.n_known) == (before, 0)
    store.set_heard_kinds([HeardKind(other, "kick", 0.5)], told_by=ToldBy(7))
    with store.view() as view:
        assert (view.generation, view.kinds_told_by.n_known) == (before + 1, 7)
    store.set_kind(one, "tom")
    with store.view() as view:
        assert view.kinds_told_by.n_known == 0


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes exist on Linux")
def test_search_names_are_one_clean_line_each(store: Store, folder: bytes, tmp_path: Path) -> None:
    """Newlines and bytes that aren't UTF-8 don't break the lines; paths keep their bytes."""
    raw = [b"A\nB.wav", b"caf\xc3", b"caf\xc3\n\xa9", "STRASSE ß É.wav".encode(), b"z\xff.wav"]
    files = [FoundFile(os.path.join(folder, name), stamp(index)) for index, name in enumerate(raw)]
    store.note_files([(file, ("unknown", "")) for file in files])
    shown = load(write_snapshot(store, tmp_path))
    assert strings(shown, "path") == sorted(file.path for file in files)
    lines = ["a b.wav\n", "strasse ss é.wav\n", "caf\ufffd\n", "caf\ufffd \ufffd\n", "z\ufffd.wav\n"]
    assert strings(shown, "name") == [line.encode() for line in lines]


def test_empty_library(store: Store, tmp_path: Path) -> None:
    """A library without files is a snapshot with empty arrays."""
    shown = load(write_snapshot(store, tmp_path))
    assert shown["embedding"].shape == (0, 0) and shown["xy"].shape == (0, 2)
    assert shown["sound_id"].dtype == np.int32 and shown["sound_entry"].dtype == np.int32
    assert shown["path_offset"].tolist() == [0] and shown["name_offset"].tolist() == [0]
    assert shown["meta"]["analysis_version"] == 0


def test_absent_and_dormant_are_not_shown(store: Store, folder: bytes, tmp_path: Path) -> None:
    """Only what can be played is in a snapshot; a sound analysed anew stays in it meanwhile."""
    other = store.add_folder(os.fsencode(tmp_path / "other")).path
    gone = add(store, folder, "gone.wav", 1)
    hear(store, gone, 1)
    store.forget_files([gone.path])
    hear(store, add(store, other, "away.wav", 2), 2)
    store.set_folder_state(other, "absent")
    kept = hear(store, add(store, folder, "here.wav", 3), 3)
    store.requeue_outdated(2)
    shown = load(write_snapshot(store, tmp_path / "s"))
    assert shown["sound_id"].tolist() == [kept] and shown["entry_id"].tolist() == [kept]
    assert shown["entry_state"].tolist() == [0] and shown["meta"]["n_pending"] == 1
    assert {each["state"] for each in shown["meta"]["folders"]} == {"absent", "watched"}


def test_embeddings_of_another_length_are_nan(store: Store, folder: bytes, tmp_path: Path) -> None:
    """While a library is analysed anew with longer embeddings, the few of another length are blank."""
    files = [add(store, folder, f"{index}.wav", index) for index in range(3)]
    for index, file in enumerate(files):
        hear(store, file, index)
    outcome = Outcome(files[0].path, files[0].stamp, analysis(0, 2, d=12), None)
    store.commit_outcomes([outcome], analysis_version=2)
    shown = load(write_snapshot(store, tmp_path))
    assert np.isnan(shown["embedding"]).all(axis=1).tolist() == [True, False, False]
    assert shown["meta"]["analysis_version"] == 1


def test_same_state_is_written_once(store: Store, folder: bytes, tmp_path: Path) -> None:
    """A snapshot of the present state is used again; a torn one, or one of a lost state, is not."""
    add(store, folder, "a.wav")
    place = write_snapshot(store, tmp_path)
    mark = (place / "xy.npy").stat().st_mtime_ns
    assert write_snapshot(store, tmp_path) == place and (place / "xy.npy").stat().st_mtime_ns == mark
    (place / "xy.npy").write_bytes(b"")
    assert newest_snapshot(tmp_path, store.library_id) is None
    assert write_snapshot(store, tmp_path) == place
    assert load(place)["xy"].shape == (0, 2)
    meta = json.loads((place / "meta.json").read_text())
    (place / "meta.json").write_text(json.dumps(meta | {"token": "of a state that a power cut undid"}))
    write_snapshot(store, tmp_path)
    assert load(place)["meta"] == meta


def test_arrays_with_nothing_new_are_not_written_again(store: Store, folder: bytes, tmp_path: Path) -> None:
    """A favourite writes the favourites; the rest are the files of the snapshot before, which stay whole."""
    sounds = [hear(store, add(store, folder, f"{index}.wav", index), index) for index in range(3)]
    first = write_snapshot(store, tmp_path / "s")
    before = load(first)
    store.set_favourite(sounds[1], True)
    second = write_snapshot(store, tmp_path / "s")
    same = {path.name for path in first.glob("*.npy") if path.samefile(second / path.name)}
    assert {path.name for path in first.glob("*.npy")} - same == {"favourite.npy"}
    hear(store, add(store, folder, "3.wav", 3), 3)
    third = write_snapshot(store, tmp_path / "s")
    assert not (third / "embedding.npy").samefile(second / "embedding.npy")
    np.testing.assert_array_equal(
        load(third)["embedding"], np.stack([embedding_of(index) for index in range(4)])
    )
    assert load(second)["embedding"].shape == before["embedding"].shape == (3, D)
    assert load(second)["favourite"].tolist() == [False, True, False]
    assert before["favourite"].tolist() == [False] * 3 and not first.exists()


def test_arrays_that_shrink_or_begin_the_same_are_written_whole(
    store: Store, folder: bytes, tmp_path: Path
) -> None:
    """An array that is the beginning of the old one, or goes on from it, has exactly its own content."""
    problems = [add(store, folder, f"{index}.wav", index) for index in range(3)]
    store.commit_outcomes([refused(file, "no audio") for file in problems], analysis_version=1)
    write_snapshot(store, tmp_path / "s")
    for left in (2, 1, 0):
        store.forget_files([problems[left].path])
        shown = load(write_snapshot(store, tmp_path / "s"))
        assert strings(shown, "problem_path") == [file.path for file in problems[:left]]
        assert strings(shown, "problem_reason") == [b"no audio"] * left


def test_a_snapshot_that_another_process_has_just_made_is_kept(
    store: Store, folder: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two processes that write the same state the slower leaves the other's to its readers."""
    add(store, folder, "a.wav")
    write = snapshot._write

    def slowly(view: View, arrays: snapshot._Arrays) -> None:
        monkeypatch.setattr(snapshot, "_write", write)
        with Store.open(store.path, writable=False) as other:
            others.append(write_snapshot(other, tmp_path / "s", prune=False))
        mark.append((others[0] / "meta.json").stat().st_ino)
        write(view, arrays)

    others: list[Path] = []
    mark: list[int] = []
    monkeypatch.setattr(snapshot, "_write", slowly)
    assert write_snapshot(store, tmp_path / "s") == others[0]
    assert (others[0] / "meta.json").stat().st_ino == mark[0]
    assert list((tmp_path / "s").iterdir()) == others


def test_newest_two_are_kept(store: Store, folder: bytes, tmp_path: Path) -> None:
    """Older snapshots go; those of other libraries, and arrays still mapped, stay readable."""
    other = tmp_path / "0123456789abcdef-1"
    other.mkdir()
    places = []
    for index in range(12):
        add(store, folder, f"{index}.wav", index)
        places.append(write_snapshot(store, tmp_path))
        if index == 0:
            mapped = load(places[0])
    assert sorted(
        path.name for path in tmp_path.iterdir() if path.is_dir() and path.name != "samples"
    ) == sorted(path.name for path in (*places[-2:], other))
    assert newest_snapshot(tmp_path, store.library_id) == places[-1]
    assert newest_snapshot(tmp_path / "none", store.library_id) is None
    assert strings(mapped, "name") == [b"0.wav\n"]


def test_snapshots_of_an_undone_future_go(store: Store, folder: bytes, tmp_path: Path) -> None:
    """After a backup was restored, snapshots with higher numbers are not taken for newer ones."""
    add(store, folder, "a.wav")
    future = tmp_path / f"{store.library_id}-{store.generation + 50}"
    write_snapshot(store, tmp_path).rename(future)
    place = write_snapshot(store, tmp_path)
    assert newest_snapshot(tmp_path, store.library_id) == place and not future.exists()


def test_unusable_directory_is_a_library_error(store: Store, tmp_path: Path) -> None:
    """A snapshot that can't be written is a plain error, and leaves nothing behind."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LibraryError, match="snapshot"):
        write_snapshot(store, tmp_path / "file")


def test_failure_leaves_nothing_behind(store: Store, folder: bytes, tmp_path: Path) -> None:
    """A snapshot is there whole or not at all."""
    file = FoundFile(below(folder, "a.wav"), stamp())
    store.note_files([(file, ("unknown", ""))])
    hear(store, file, 1)
    store._connection.execute("PRAGMA foreign_keys = OFF")
    store._connection.execute("DELETE FROM sounds")
    with pytest.raises(LibraryError, match="restore a backup"):
        write_snapshot(store, tmp_path / "s")
    assert list((tmp_path / "s").iterdir()) == []


def test_a_snapshot_tells_what_its_embeddings_are(store: Store, folder: bytes, tmp_path: Path) -> None:
    """By the mark that maps note, too: cells and whoever compares rows go by it."""
    for index, version in enumerate((LEARNED_VERSION - 1, LEARNED_VERSION)):
        file = add(store, folder, f"{index}.wav", index)
        outcome = Outcome(file.path, file.stamp, analysis(index, version, d=WHOLE_SIZE), None)
        store.commit_outcomes([outcome], analysis_version=version)
    told = []
    for gone in (None, os.path.join(folder, b"0.wav")):
        if gone is not None:
            store.forget_files([gone])
        meta = json.loads((write_snapshot(store, tmp_path / "snapshots") / "meta.json").read_text())
        with store.view() as view:
            assert meta["space"] == view.space.mark
        told.append((meta["hearing"], meta["space"]))
    assert [hearing for hearing, _ in told] == ["engineered", "learned"] and told[0][1] != told[1][1]
