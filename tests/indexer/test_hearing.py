"""Another ear for a library that is there: heard anew in the background, and back without analysis."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from klustr_bridge.corpus import Corpus
from klustr_bridge.indexer.messages import Notice, SnapshotReady
from klustr_bridge.library.spaces import ENGINEERED, LEARNED, Space
from klustr_bridge.library.store import Store
from klustr_bridge.sound.aspects import EMBEDDING_SIZE, WHOLE_SIZE
from klustr_bridge.sound.ear import is_available
from klustr_bridge.types import Float32Array
from tests.daemon.running import environment, run
from tests.indexer.contents import epoch
from tests.indexer.live import LiveIndex, quick_settings
from tests.sound.test_loops import beat
from tests.sounds import DRUMS, write

needs_the_ear = pytest.mark.skipif(not is_available(), reason="onnxruntime is not installed")

BEGINNING, WHOLE = Space(ENGINEERED, EMBEDDING_SIZE), Space(LEARNED, WHOLE_SIZE)
QUICK = ("--layout", "pca", "--workers", "1", "--settle-time", "0.05", "--slice-loops", "on")


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """Many files and a loop, long at rest."""
    folder = tmp_path / "samples"
    for number in range(30):
        kind = sorted(DRUMS)[number % len(DRUMS)]
        write(folder / f"{number:02d}.wav", DRUMS[kind](number))
    write(folder / "loop.wav", beat(120.0)[0])
    for path in folder.iterdir():
        os.utime(path, (1_600_000_000, 1_600_000_000))
    return folder


@dataclass
class Known:
    """What must outlive another hearing, by uid, and the embeddings as they are read."""

    ids: dict[str, int]
    places: dict[str, tuple[float, float]]
    said: dict[str, tuple[int, str | None]]
    space: Space
    embedding: Float32Array


def known(library: Path) -> Known:
    with Store.open(library, writable=False) as store:
        held = store.embeddings()
        with store.view() as view:
            live = set(held.ids.tolist())
            rows = [row for chunk in view.sounds() for row in zip(*chunk, strict=True) if row[0] in live]
            at = type(next(view.sounds()))._fields.index
    columns = [at(name) for name in ("id", "uid", "x", "y", "favourite", "user_kind")]
    told = [tuple(row[column] for column in columns) for row in rows]
    return Known(
        {uid: sound_id for sound_id, uid, *_ in told},
        {uid: (x, y) for _, uid, x, y, *_ in told},
        {uid: (favourite, kind) for _, uid, _, _, favourite, kind in told},
        held.space,
        held.embedding,
    )


def lengths(library: Path) -> list[int]:
    """Lengths of all stored embeddings, read past the code under test."""
    with sqlite3.connect(f"file:{library}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT dimension FROM sounds").fetchall()
    database.close()
    return [row[0] for row in rows]


def live(library: Path, hearing: str, snapshots: Path | None = None, **further: str) -> LiveIndex:
    settings = quick_settings(hearing__embedding=hearing, index__slices="on", **further)
    return LiveIndex(library, watch=False, settings=settings, snapshots=snapshots)


def notices(at_work: LiveIndex) -> list[str]:
    return [one.message for one in at_work.heard if isinstance(one, Notice) and one.where == "hearing"]


def heard_engineered(library: Path, samples: Path) -> Known:
    """Index by the engineered numbers; one sound is a favourite and of the user's own kind."""
    at_work = live(library, ENGINEERED)
    at_work.indexer.add_folder(os.fsencode(samples))
    at_work.finish()
    first = at_work.store.embeddings().ids.tolist()[0]
    at_work.store.set_favourite(first, True)
    at_work.store.set_kind(first, "cowbell")
    at_work.finish()
    at_work.close()
    return known(library)


def kill_in_the_middle(home: Path, library: Path) -> None:
    """Have the library heard by the learned ear, and end that without warning once some of it is."""
    words = ("--library", str(library), "index", *QUICK, "--hear-by", "learned")
    process = subprocess.Popen([sys.executable, "-m", "klustr_bridge", *words], env=environment(home))
    until = time.monotonic() + 60.0
    while WHOLE_SIZE not in lengths(library):
        assert time.monotonic() < until and process.poll() is None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.005)
    process.kill()
    process.wait()


@needs_the_ear
def test_a_library_is_heard_anew_in_the_background(tmp_path: Path, samples: Path) -> None:
    """Cut off in the middle it goes on; old answers stay until all is heard, and what users set for ever.

    Then a new map comes by itself, and going back to the engineered numbers needs no analysis.
    """
    library, snapshots = tmp_path / "library.klustr", tmp_path / "snapshots"
    before = heard_engineered(library, samples)
    assert before.space == BEGINNING and len(before.ids) > 31
    first_epoch = epoch(library)
    kill_in_the_middle(tmp_path / "home", library)
    assert {EMBEDDING_SIZE, WHOLE_SIZE} <= set(lengths(library))
    during = known(library)
    assert during.space == BEGINNING and during.ids == before.ids
    np.testing.assert_array_equal(during.embedding, before.embedding)
    assert during.places == before.places and epoch(library) == first_epoch

    again = live(library, LEARNED, snapshots, layout__refit="auto")
    again.finish()
    assert notices(again) == []
    shown = [one.directory for one in again.heard if isinstance(one, SnapshotReady)]
    again.close()
    after = known(library)
    assert after.space == WHOLE and set(lengths(library)) == {WHOLE_SIZE}
    assert after.ids == before.ids and after.said == before.said
    assert (1, "cowbell") in after.said.values()
    np.testing.assert_array_equal(after.embedding[:, :EMBEDDING_SIZE], before.embedding)
    assert epoch(library) == first_epoch + 1 and np.isfinite(list(after.places.values())).all()
    corpus = Corpus.load(Path(shown[-1]))
    assert corpus.hearing == LEARNED and corpus.has_aspects and corpus.embedding.shape[1] == WHOLE_SIZE

    back = live(library, ENGINEERED, layout__refit="auto")
    assert back.store.count_pending() == 0
    assert known(library).space == BEGINNING
    back.finish()
    back.close()
    np.testing.assert_array_equal(known(library).embedding, before.embedding)
    assert set(lengths(library)) == {WHOLE_SIZE} and known(library).ids == before.ids
    assert epoch(library) == first_epoch + 2


@needs_the_ear
def test_a_map_that_is_not_to_move_stays(tmp_path: Path, samples: Path) -> None:
    """With ``layout.refit = "manual"`` the new map is offered, and new sounds are placed on the old one."""
    library = tmp_path / "library.klustr"
    before = heard_engineered(library, samples)
    first_epoch = epoch(library)
    at_work = live(library, LEARNED, layout__refit="manual")
    at_work.finish()
    offers = [one.message for one in at_work.heard if isinstance(one, Notice) and one.where == "layout"]
    assert [offer.split(";")[0] for offer in offers] == [
        "the library hears otherwise than when the map was made"
    ]
    write(samples / "new.wav", DRUMS["kick"](99))
    at_work.indexer.rescan()
    assert at_work.run_until(lambda: at_work.store.counts().sounds == 32)
    at_work.finish()
    at_work.close()
    after = known(library)
    assert after.space == WHOLE and epoch(library) == first_epoch
    assert {uid: after.places[uid] for uid in before.places} == before.places
    assert np.isfinite(list(after.places.values())).all() and len(after.places) == len(before.places) + 1


@needs_the_ear
def test_sounds_that_come_back_unheard_are_heard(tmp_path: Path, samples: Path) -> None:
    """A folder that was away while the library was heard anew is heard once it is there again."""
    library, away = tmp_path / "library.klustr", tmp_path / "away"
    other = tmp_path / "other"
    for number in range(3):
        write(other / f"{number}.wav", DRUMS["tom"](number + 50))
    heard_engineered(library, samples)
    at_work = live(library, ENGINEERED)
    at_work.indexer.add_folder(os.fsencode(other))
    at_work.finish()
    at_work.close()
    other.rename(away)
    at_work = live(library, LEARNED)
    at_work.finish()
    assert known(library).space == WHOLE and EMBEDDING_SIZE in lengths(library)
    away.rename(other)
    at_work.indexer.rescan()
    assert at_work.run_until(lambda: set(lengths(library)) == {WHOLE_SIZE})
    at_work.finish()
    at_work.close()
    assert known(library).space == WHOLE


@needs_the_ear
def test_an_analysis_that_is_not_wanted_any_more_is_not_made(tmp_path: Path, samples: Path) -> None:
    """Told to hear by the engineered numbers again in the middle, nothing more is heard anew."""
    library = tmp_path / "library.klustr"
    heard_engineered(library, samples)
    at_work = live(library, LEARNED)
    assert at_work.store.count_pending() == 31
    at_work.close()
    at_work = live(library, ENGINEERED)
    assert at_work.store.count_pending() == 0
    at_work.finish()
    at_work.close()
    assert set(lengths(library)) == {EMBEDDING_SIZE}


@pytest.mark.parametrize("how", ["absent", "broken"])
def test_without_onnxruntime_sounds_are_heard_all_the_same(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """By the engineered numbers; it is said once, and a later start with it hears them anew."""
    hiding = tmp_path / "hiding"
    hiding.mkdir()
    if how == "broken":
        (hiding / "onnxruntime.py").write_text("raise ImportError('made for another processor')\n")
    else:
        (hiding / "sitecustomize.py").write_text("import sys\nsys.modules['onnxruntime'] = None\n")
    home, library = tmp_path / "home", tmp_path / "library.klustr"
    command = ("--library", str(library), "index", *QUICK)
    with monkeypatch.context() as hidden:
        hidden.setenv(
            "PYTHONPATH", os.pathsep.join([str(hiding), *filter(None, [os.environ.get("PYTHONPATH")])])
        )
        hidden.setenv("PYTHONDONTWRITEBYTECODE", "1")
        first = run(home, *command, str(samples))
        assert first.returncode == 0 and "31 files, 31 sounds" in first.stdout, first
        said = first.stdout + first.stderr
        assert said.count("the learned ear can't be used here") == 1, said
        assert set(lengths(library)) == {EMBEDDING_SIZE}
        again = run(home, *command)
        assert again.returncode == 0 and set(lengths(library)) == {EMBEDDING_SIZE}
    assert known(library).space == BEGINNING
    if is_available():
        done = run(home, *command)
        assert done.returncode == 0 and "learned ear" not in done.stdout + done.stderr, done
        assert known(library).space == WHOLE and set(lengths(library)) == {WHOLE_SIZE}
