"""The indexer: what it does with files that change, vanish or come late."""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from klustr_bridge.indexer.messages import Notice, ProgressReport
from tests.indexer.contents import contents, sounds_and_places
from tests.indexer.live import LiveIndex, quick_settings
from tests.indexer.waiting import rest
from tests.sounds import kick, snare, write, write_library


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveIndex]:
    live = LiveIndex(tmp_path / "library.klustr", watch=False, settings=quick_settings())
    yield live
    live.close()


def test_a_file_that_changes_while_it_is_heard_is_heard_again(live: LiveIndex, tmp_path: Path) -> None:
    """A file replaced between hand-out and answer ends as its newest content, without another scan."""
    folder = tmp_path / "samples"
    target = write(folder / "take.wav", kick(1))
    os.utime(target, (1_600_000_000, 1_600_000_000))
    live.indexer.add_folder(os.fsencode(folder))
    while not live.indexer._at_work:
        live.indexer.step()
    write(folder / "take.wav", snare(2))
    os.utime(target, (1_600_000_100, 1_600_000_100))
    live.finish()
    other = LiveIndex(tmp_path / "other.klustr", watch=False, settings=quick_settings())
    try:
        other.indexer.add_folder(os.fsencode(folder))
        other.finish()
        assert contents(live.library) == contents(other.library)
    finally:
        other.close()


def test_a_file_that_vanishes_before_its_turn_is_forgotten(live: LiveIndex, tmp_path: Path) -> None:
    """A listed file deleted before it is heard leaves no row, and indexing comes to its end."""
    folder = tmp_path / "samples"
    paths = write_library(folder, 6)
    for path in paths:
        os.utime(path, (1_600_000_000, 1_600_000_000))
    live.indexer.add_folder(os.fsencode(folder))
    while not live.store.counts().pending:
        live.indexer.step()
    paths[-1].unlink()
    live.finish()
    assert set(contents(live.library)) == {os.fsencode(path) for path in paths[:-1]}


def test_every_sound_has_a_position_after_each_step(live: LiveIndex, tmp_path: Path) -> None:
    """While the library grows no committed sound is without a place once a step has ended."""
    folder = tmp_path / "samples"
    write_library(folder, 30)
    live.indexer.add_folder(os.fsencode(folder))
    while not live.indexer.finished:
        live.indexer.step()
        rest(live.indexer)
        held = live.store.embeddings()
        for places in (held.xy, held.even):
            assert not len(held.ids) or bool((places >= 0).all() and (places <= 1).all())
    assert len(sounds_and_places(live.library)) == 30


def test_placed_sounds_are_counted_apart_from_fitted_ones(live: LiveIndex, tmp_path: Path) -> None:
    """Sounds added after a fit count as placed until the next one."""
    folder = tmp_path / "samples"
    write_library(folder, 12)
    live.indexer.add_folder(os.fsencode(folder))
    live.finish()
    live.indexer.relayout()
    live.finish()
    assert live.store.count_placed() == 0
    write_library(folder / "more", 4, seed=8)
    live.indexer.rescan()
    live.finish()
    assert live.store.count_placed() == 4


def test_progress_ends_ready(live: LiveIndex, tmp_path: Path) -> None:
    """The last report says ready, with every file accounted for."""
    folder = tmp_path / "samples"
    write_library(folder, 5)
    (folder / "bad.wav").write_bytes(b"no audio")
    live.indexer.add_folder(os.fsencode(folder))
    live.finish()
    live.run_until(lambda: any(isinstance(m, ProgressReport) and m.state == "ready" for m in live.heard[-1:]))
    assert live.heard[-1] == ProgressReport("ready", 6, 5, 1, 0)


def test_indexing_ends_though_the_map_fails(tmp_path: Path) -> None:
    """A layout process that dies is told, and neither asked again and again nor waited for."""
    live = LiveIndex(tmp_path / "library.klustr", watch=False, settings=quick_settings(layout__method="umap"))
    try:
        folder = tmp_path / "samples"
        write_library(folder, 20)
        live.indexer.add_folder(os.fsencode(folder))
        assert live.run_until(lambda: live.indexer._map.fitting)
        layout = live.indexer._map._process.pid
        assert layout
        psutil.Process(layout).kill()
        live.finish()
        assert any(isinstance(message, Notice) and message.where == "layout" for message in live.heard)
        assert len(live.store.embeddings().ids) == 20
    finally:
        live.close()
