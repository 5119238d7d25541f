"""Slices among the other sounds: asked about, found again, played."""

from pathlib import Path

import pytest

from klustr_bridge.errors import QueryError
from klustr_bridge.navigator import Navigator
from tests.corpus.snapshots import Made, MadeSound, below
from tests.navigator.parts import NotingLibrarian, NotingPlayer, a_client, corpus_of

LOOP = below("loops", "beat.wav")
LIBRARY = Made(
    sounds=[
        MadeSound(1, [LOOP], (0.1, 0.5), (0, 0), "loop", 4.0, uid="l" * 16),
        MadeSound(2, [below("kicks", "one.wav")], (0.5, 0.5), (0, 5), "kick", 0.5),
        MadeSound(3, [], (0.9, 0.5), (0, 4), "kick", 0.5, True, "l" * 16, "sound", 1, (0, 500)),
        MadeSound(5, [], (0.8, 0.5), (0, 9), "snare", 1.0, False, "l" * 16, "sound", 1, (500, 1500)),
    ]
)


@pytest.fixture
def player() -> NotingPlayer:
    return NotingPlayer()


@pytest.fixture
def navigator(tmp_path: Path, player: NotingPlayer) -> Navigator:
    return Navigator(player, NotingLibrarian(), corpus_of(tmp_path, LIBRARY))


def test_slices_are_on_the_map_and_like_others(navigator: Navigator) -> None:
    """Near, similar, random and points know them; a search by name answers whole files."""
    client = a_client()
    assert [n.id for n in navigator.near_xy(client, 0.82, 0.5, 2)] == [5, 3]
    assert [n.id for n in navigator.similar(client, 2, 3)] == [3, 5, 1]
    assert navigator.points().ids.tolist() == [1, 2, 3, 5]
    assert {navigator.random(client)[0].id for _ in range(60)} == {1, 2, 3, 5}
    assert navigator.find(client, "", 10) == [1, 2]
    assert navigator.corpus.slices_of(0) == [2, 3]
    assert navigator.corpus.slices_of(1) == []
    assert navigator.status().n_sounds == 2


def test_a_slice_is_its_parents_file_from_start_to_end(navigator: Navigator, player: NotingPlayer) -> None:
    """Info and play tell its place in the file, in seconds, and the player plays that part alone."""
    info = navigator.info(5)
    assert (info.uid, info.name, info.kind, info.kind_source) == (
        f"{'l' * 16}:500-1500",
        "beat.wav",
        "snare",
        "sound",
    )
    assert (info.start_s, info.end_s, info.duration_s) == (0.5, 1.5, 1.0)
    assert navigator.path(5) == LOOP
    [play] = navigator.trigger(a_client(player_mode="both"), 5)
    assert (play.id, play.path, play.start_s, play.end_s) == (5, LOOP, 0.5, 1.5)
    navigator.trigger(a_client(player_mode="both"), 1)
    assert [(request.start_s, request.end_s) for request in player.played] == [(0.5, 1.5), (0.0, None)]


@pytest.mark.parametrize(
    ("frames", "found"),
    [("500-1500", 5), ("0-500", 3), ("10-480", 3), ("400-1400", 5), ("0-9000", 5), ("1499-1500", 5)],
)
def test_a_slice_is_found_by_its_frames_or_the_nearest(navigator: Navigator, frames: str, found: int) -> None:
    """A Set finds its hit though a newer detector cuts a little elsewhere."""
    assert navigator.resolve(f"{'l' * 16}:{frames}") == found


@pytest.mark.parametrize(
    "uid",
    ["l" * 16 + ":1500-2000", "l" * 16 + ":", "l" * 16 + ":9-x", "l" * 16 + ":-1-5", "m" * 16 + ":0-500"],
)
def test_frames_that_no_slice_has_are_not_found(navigator: Navigator, uid: str) -> None:
    """Neither is anything that is no such uid."""
    with pytest.raises(QueryError, match="uid") as error:
        navigator.resolve(uid)
    assert error.value.code == "notfound"


def test_the_uid_of_the_whole_is_the_whole(navigator: Navigator) -> None:
    """The parent's uid without frames never means one of its slices."""
    assert navigator.resolve("l" * 16) == 1


def test_filters_narrow_slices_by_their_own_facts_and_their_parents_folder(navigator: Navigator) -> None:
    """Kind, length and favourites are the slice's; the folder is that of its file."""
    client = a_client()
    navigator.filter_folder(client, below("loops"))
    assert [n.id for n in navigator.near_xy(client, 0.4, 0.5, 9)] == [1, 5, 3]
    navigator.filter_kinds(client, ["kick"])
    assert [n.id for n in navigator.near_xy(client, 0.5, 0.5, 9)] == [3]
    navigator.clear_filters(client)
    navigator.filter_kinds(client, ["loop"])
    assert [n.id for n in navigator.near_xy(client, 0.5, 0.5, 9)] == [1]
    navigator.clear_filters(client)
    navigator.filter_favourites(client, True)
    assert [n.id for n in navigator.near_xy(client, 0.5, 0.5, 9)] == [3]
