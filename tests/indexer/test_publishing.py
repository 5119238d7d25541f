"""Snapshots in time, in number, and when they can't be written; and how they are followed."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from klustr_bridge.errors import LibraryError
from klustr_bridge.indexer.following import SnapshotFollower
from klustr_bridge.indexer.messages import Notice, ProgressReport, Reply, Request, SnapshotReady
from tests.indexer.live import LiveIndex, quick_settings
from tests.sounds import write_library

N_SOUNDS = 6


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveIndex]:
    live = LiveIndex(
        tmp_path / "library.klustr", watch=False, settings=quick_settings(), snapshots=tmp_path / "snapshots"
    )
    write_library(tmp_path / "samples", N_SOUNDS)
    live.indexer.add_folder(os.fsencode(tmp_path / "samples"))
    yield live
    live.close()


def _ask(live: LiveIndex, *requests: Request) -> list[Reply]:
    replies: list[Reply] = []
    for request in requests:
        live.indexer.request(request, lambda reply: (replies.append(reply), live.heard.append(reply)))
    assert live.run_until(lambda: len(replies) == len(requests))
    return replies


def test_requests_share_a_snapshot(live: LiveIndex) -> None:
    """A favourite marked in quiet is shown at once; those that follow it closely share one snapshot."""
    live.finish()
    live.heard.clear()
    first, *others = live.store.embeddings().ids.tolist()
    _ask(live, Request(1, "favourite", sound_id=first, value="1"))
    publisher = live.indexer._publisher
    assert publisher._next_asked > 0
    publisher._next_asked = time.monotonic() + 0.5  # as if the snapshot had been one of a large library
    for sound_id in others:
        request = Request(sound_id, "favourite", sound_id=sound_id, value="1")
        live.indexer.request(request, live.heard.append)
        live.indexer.step()
    assert live.run_until(lambda: all(Reply(sound_id) in live.heard for sound_id in others))
    assert sum(isinstance(message, SnapshotReady) for message in live.heard) == 2


def test_a_snapshot_that_cannot_be_written_stops_nothing(live: LiveIndex, tmp_path: Path) -> None:
    """Hearing goes on and ends ready, requests are answered with the reason, and it is made good later."""
    (tmp_path / "snapshots").write_text("in the way")
    assert live.run_until(
        lambda: any(isinstance(m, ProgressReport) and m.state == "ready" for m in live.heard[-2:])
    )
    assert live.store.counts().sounds == N_SOUNDS
    notices = [message for message in live.heard if isinstance(message, Notice)]
    assert [notice.where for notice in notices if notice.where != "layout"] == ["snapshot"]
    (reply,) = _ask(live, Request(1, "rescan"))
    assert (reply.code, "can't be shown yet" in reply.message) == ("internal", True)
    (tmp_path / "snapshots").unlink()
    (reply,) = _ask(live, Request(2, "rescan"))
    assert reply.code == ""
    assert any(isinstance(message, SnapshotReady) for message in live.heard)


def last_report(live: LiveIndex) -> ProgressReport | None:
    """The newest report; a snapshot may be announced after it."""
    return next((each for each in reversed(live.heard) if isinstance(each, ProgressReport)), None)


def test_who_is_answered_has_heard_of_the_work_left(live: LiveIndex, tmp_path: Path) -> None:
    """Before the answer to a rescan stands a report that says so when files have yet to settle."""
    live.finish()
    assert live.run_until(lambda: last_report(live) == ProgressReport("ready", N_SOUNDS, N_SOUNDS, 0, 0))
    write_library(tmp_path / "samples" / "more", 3, seed=8)
    live.indexer.request(Request(1, "rescan"), live.heard.append)
    while Reply(1) not in live.heard:
        live.indexer.step()
    before = live.heard[live.heard.index(Reply(1)) - 1]
    assert isinstance(before, ProgressReport) and before.state in ("scanning", "analysing")


def test_counting_waits_for_a_change(live: LiveIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports of a library at rest count nothing."""
    live.finish()
    assert live.run_until(lambda: (report := last_report(live)) is not None and report.state == "ready")
    monkeypatch.setattr(live.store, "counts", lambda: pytest.fail("counted again"))
    for _ in range(3):
        live.indexer._next_report = 0.0
        live.indexer.step()


def test_a_snapshot_that_fails_to_load_is_tried_once_more() -> None:
    """One that another process has just put in place of the same is read at the second try."""
    tried: list[str] = []
    taken: list[str] = []

    def load(directory: Path) -> str:
        tried.append(directory.name)
        if len(tried) < 2 or directory.name == "torn":
            raise LibraryError(f"{directory.name} can't be read")
        return directory.name

    async def scenario() -> None:
        follower = SnapshotFollower(load, taken.append, lambda: taken.append("caught up"))
        follower.want(Path("replaced"))
        assert follower.is_loading
        await follower.wait()
        follower.want(Path("torn"))
        await follower.wait()
        assert not follower.is_loading
        follower.want(Path("of the demo"))
        follower.forget()
        await follower.wait()

    asyncio.run(scenario())
    assert tried[:4] == ["replaced", "replaced", "torn", "torn"]
    assert taken == ["replaced", *["caught up"] * 3]


def test_a_universal_map_is_not_ready_where_the_ear_has_not_heard(tmp_path: Path) -> None:
    """That is the library's state, which the user can change, and no fault of the bridge."""
    settings = quick_settings(hearing__embedding="engineered")
    live = LiveIndex(
        tmp_path / "library.klustr", watch=False, settings=settings, snapshots=tmp_path / "snapshots"
    )
    write_library(tmp_path / "samples", N_SOUNDS)
    live.indexer.add_folder(os.fsencode(tmp_path / "samples"))
    live.finish()
    (reply,) = _ask(live, Request(1, "candidate", value="universal"))
    live.close()
    assert reply.code == "notready" and "hearing.embedding = learned" in reply.message
