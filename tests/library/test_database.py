"""The library file as a file."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.errors import LibraryError
from klustr_bridge.library import migrations
from klustr_bridge.library.store import Store
from tests.library.making import add, hear, rows, sound_at, uid_of


def test_new_file_is_made_once(tmp_path: Path) -> None:
    """A library keeps its random name from the first opening on; no two have the same."""
    with Store.open(tmp_path / "deep/er/a.klustr") as store:
        first = store.library_id
    with Store.open(tmp_path / "deep/er/a.klustr") as store:
        assert store.library_id == first
    with Store.open(tmp_path / "b.klustr") as store:
        assert store.library_id != first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.klustr", "deep"]


@pytest.mark.parametrize("content", [b"not a database at all" * 20, b"SQLite format 3\0", b"x"])
def test_garbage_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    """A file that is no database stays exactly as it is."""
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    for writable in (True, False):
        with pytest.raises(LibraryError, match="not a klustr library"):
            Store.open(path, writable=writable)
    assert path.read_bytes() == content
    assert [other.name for other in tmp_path.iterdir()] == ["notes.txt"]


def test_other_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    """Another program's SQLite file is never touched."""
    path = tmp_path / "places.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE meta (key, value)")
    other.close()
    before = path.read_bytes()
    for writable in (True, False):
        with pytest.raises(LibraryError, match="not a klustr library"):
            Store.open(path, writable=writable)
    assert path.read_bytes() == before


@pytest.mark.parametrize("writable", [True, False])
def test_newer_library_is_refused_and_left_alone(tmp_path: Path, writable: bool) -> None:
    """An older release says that the library is newer, and changes nothing."""
    path = tmp_path / "a.klustr"
    Store.open(path).close()
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA user_version = {migrations.SCHEMA_VERSION + 1}")
    newer.close()
    before = path.read_bytes()
    with pytest.raises(LibraryError, match="newer release"):
        Store.open(path, writable=writable)
    assert path.read_bytes() == before


def test_newer_version_in_the_log_only(tmp_path: Path) -> None:
    """A newer release that was killed has its version in the log still: that is seen as well."""
    path = tmp_path / "a.klustr"
    Store.open(path).close()
    program = (
        "import os, signal, sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
        "c.execute('PRAGMA journal_mode = WAL'); c.execute('PRAGMA user_version = 999'); c.commit();"
        "print(flush=True); os.kill(os.getpid(), signal.SIGTERM)"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    log = path.with_name(path.name + "-wal")
    before = path.read_bytes(), log.read_bytes()
    with pytest.raises(LibraryError, match="newer release"):
        Store.open(path)
    assert (path.read_bytes(), log.read_bytes()) == before


def test_every_migration_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that fails half way leaves the file as the step before made it, and can be tried again."""
    path = tmp_path / "a.klustr"
    Store.open(path).close()
    steps = migrations.MIGRATIONS
    broken = ("CREATE TABLE more (x)", "CREATE TABLE nonsense nonsense")
    monkeypatch.setattr(migrations, "MIGRATIONS", (*steps, broken))
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", len(steps) + 1)
    with pytest.raises(LibraryError):
        Store.open(path)
    with pytest.raises(LibraryError, match="older release"):
        Store.open(path, writable=False)
    monkeypatch.setattr(migrations, "MIGRATIONS", (*steps, broken[:1]))
    with Store.open(path) as store, store.view() as view:
        assert migrations.version_of(view.connection) == len(steps) + 1
        assert view.connection.execute("SELECT count(*) FROM more").fetchone() == (0,)


def test_reading_only(store: Store, folder: bytes) -> None:
    """A reader sees what is committed while the writer is open, and can't write."""
    hear(store, add(store, folder, "a.wav"), 1)
    with Store.open(store.path, writable=False) as reader:
        assert reader.counts() == store.counts()
        generation = reader.generation
        with pytest.raises(LibraryError):
            reader.add_folder(b"/x")
        hear(store, add(store, folder, "b.wav"), 2)
        assert reader.generation > generation


def test_reading_only_what_is_not_there(tmp_path: Path) -> None:
    """Reading never makes a file."""
    with pytest.raises(LibraryError, match="no library"):
        Store.open(tmp_path / "none.klustr", writable=False)
    assert list(tmp_path.iterdir()) == []


def test_stale_log_of_a_deleted_library(tmp_path: Path) -> None:
    """A log left by a library that was deleted by hand is not played into the new one."""
    path = tmp_path / "a.klustr"
    with Store.open(path) as store:
        store.add_folder(b"/old")
        kept = path.with_name(path.name + "-wal").read_bytes()
    path.unlink()
    path.with_name(path.name + "-wal").write_bytes(kept)
    with Store.open(path) as store:
        assert store.folders() == []


def test_unusable_places_are_library_errors(tmp_path: Path) -> None:
    """A directory, or a place below a file, is refused plainly."""
    with pytest.raises(LibraryError):
        Store.open(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LibraryError):
        Store.open(tmp_path / "file/a.klustr")


def test_backup_is_a_whole_library(store: Store, folder: bytes, tmp_path: Path) -> None:
    """A backup taken from an open library is one file that opens as that library."""
    file = add(store, folder, "a.wav")
    sound = hear(store, file, 1, xy=(0.25, 0.5))
    store.set_favourite(sound, True)
    copy = tmp_path / "safe/copy.klustr"
    for _ in range(2):  # an existing one is replaced
        store.backup(copy)
    assert [path.name for path in copy.parent.iterdir()] == ["copy.klustr"]
    with Store.open(copy) as other, other.view() as view:
        assert other.library_id == store.library_id and other.generation == store.generation
        assert sound_at(other, file.path) == sound
        row = next(rows(view.sounds()))
        assert (row.uid, row.favourite, row.x) == (uid_of(1), 1, np.float32(0.25))


def test_backup_onto_itself_is_refused(store: Store) -> None:
    """A backup never overwrites the library it is taken from."""
    with pytest.raises(LibraryError, match="itself"):
        store.backup(store.path)
