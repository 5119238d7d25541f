"""Asking: neighbours, names, info, filters, status, before and while the library grows."""

import asyncio
import math
import os

import numpy as np
import pytest

from klustr_bridge.errors import QueryError
from klustr_bridge.navigator import FolderRow, Navigator, Problem
from tests.corpus.snapshots import ROOT, Made, MadeSound, Waiting, below
from tests.navigator.parts import LIBRARY, NotingLibrarian, a_client, corpus_of


@pytest.fixture
def navigator(tmp_path):
    return Navigator(None, NotingLibrarian(), corpus_of(tmp_path))


def ids_of(neighbours):
    return [neighbour.id for neighbour in neighbours]


def test_near_xy_measures_on_the_map(navigator):
    """Nearest first, with map distance and place; sounds without a place are not on the map."""
    found = navigator.near_xy(a_client(), 0.45, 0.5, 10)
    assert ids_of(found) == [2, 1, 3]
    assert [n.distance for n in found] == pytest.approx([0.05, 0.35, 0.45])
    assert (found[1].x, found[1].y) == pytest.approx((0.1, 0.5))
    assert ids_of(navigator.near_xy(a_client(), 7.0, 0.5, 1)) == [3]


def test_similar_measures_between_sounds(navigator):
    """Id, uid and path lead to the same answer, without the sound itself, placed or not."""
    client, uid = a_client(), LIBRARY.sounds[0].made_uid
    found = navigator.similar(client, 1, 10)
    assert [(n.id, n.distance) for n in found] == [(3, 1.0), (2, 5.0), (4, 9.0)]
    assert (found[2].x, found[2].y) == (-1.0, -1.0)
    assert navigator.similar_uid(client, uid, 10) == found
    assert navigator.similar_path(client, below("kicks", "one.wav"), 10) == found
    assert navigator.similar_vector(client, [0.0, 0.0], 1)[0].id == 1
    assert ids_of(navigator.similar(client, 4, 1)) == [2]


def test_similar_file_hears_a_file_outside(navigator):
    """A file that isn't in the library is heard by the librarian; its refusal is passed on."""
    found = asyncio.run(navigator.similar_file(a_client(), below("elsewhere.wav"), 2))
    assert ids_of(found) == [2, 3]
    with pytest.raises(QueryError, match="not audio"):
        asyncio.run(navigator.similar_file(a_client(), below("noise"), 2))


def test_info_of_each_state(navigator):
    """Info tells a placed, an unplaced and a waiting sound apart, with numbers in every field."""
    ready, unplaced, pending = (navigator.info(i) for i in (2, 4, 7))
    assert (ready.state, ready.name, ready.kind, ready.favourite) == ("ready", "two.wav", "kick", True)
    assert (ready.x, ready.y, ready.duration_s, ready.loudness_db, ready.pitch_hz) == (
        0.5,
        0.5,
        1.5,
        -12,
        440,
    )
    assert (ready.pitch_confidence, ready.brightness_hz, ready.stereo_width) == (0.75, 2000, 0.25)
    assert (ready.kind_source, ready.kind_confidence) == ("file", pytest.approx(0.95))
    assert (ready.is_loop, ready.tempo_bpm) == (False, 120)
    assert (ready.start_s, ready.end_s, ready.uid) == (0.0, 1.5, LIBRARY.sounds[1].made_uid)
    assert (unplaced.state, unplaced.x, unplaced.y) == ("unplaced", -1.0, -1.0)
    assert (pending.state, pending.name, pending.kind, pending.uid) == ("pending", "new.wav", "snare", "")
    assert (pending.x, pending.duration_s, pending.tempo_bpm, pending.is_loop) == (-1.0, 0.0, 0.0, False)


def test_path_and_resolve(navigator):
    """Ids lead to paths, also of waiting files, and uids to ids."""
    assert navigator.path(1) == below("kicks", "one.wav")
    assert navigator.path(7) == below("snares", "new.wav")
    assert navigator.resolve(LIBRARY.sounds[2].made_uid) == 3


def test_points_come_by_rising_id(navigator):
    """A client draws the map from points; it can go on from any id."""
    points = navigator.points()
    assert (points.epoch, points.ids.tolist()) == (1, [1, 2, 3])
    assert points.xy[0].tolist() == pytest.approx([0.1, 0.5])
    assert navigator.points(2).ids.tolist() == [2, 3]
    assert navigator.points(2, 1).ids.tolist() == [2]
    assert navigator.points(9).ids.tolist() == []


def test_filters_narrow_every_answer(navigator):
    """Near, similar, find, moving and chance keep to the client's filters; others are untouched."""
    client = a_client()
    navigator.filter_kinds(client, ["Snare"])
    assert ids_of(navigator.near_xy(client, 0.0, 0.5, 10)) == [3]
    assert ids_of(navigator.similar(client, 1, 10)) == [3, 4]
    assert navigator.find(client, "wav", 10) == [3, 4, 7]
    assert [event.id for event in navigator.move(client, 0.0, 0.5)] == [3]
    assert [event.id for event in navigator.random(client)] == [3]
    assert ids_of(asyncio.run(navigator.similar_file(client, below("x.wav"), 9))) == [3, 4]
    assert ids_of(navigator.near_xy(a_client(), 0.0, 0.5, 10)) == [1, 2, 3]
    navigator.filter_duration(client, 0.5, math.inf)
    assert ids_of(navigator.similar(client, 1, 10)) == [4]
    navigator.filter_kinds(client, [])
    assert navigator.find(client, "wav", 10) == [1, 2, 4]
    navigator.filter_folder(client, below("kicks"))
    navigator.filter_favourites(client, True)
    assert navigator.find(client, "wav", 10) == [2]
    navigator.filter_favourites(client, False)
    assert navigator.find(client, "wav", 10) == [1, 2]
    navigator.clear_filters(client)
    assert navigator.find(client, "wav", 10) == [1, 2, 3, 4, 7]


def test_filters_follow_a_new_snapshot(navigator, tmp_path):
    """A filter set once also narrows sounds that come later."""
    client = a_client()
    navigator.filter_kinds(client, ["snare"])
    assert navigator.find(client, "", 10) == [3, 4, 7]
    more = [*LIBRARY.sounds, MadeSound(8, [below("snares", "late.wav")], (0.2, 0.2), kind="snare")]
    navigator.publish(corpus_of(tmp_path, Made(more, generation=2)))
    assert navigator.find(client, "", 10) == [3, 4, 8]
    assert ids_of(navigator.near_xy(client, 0.0, 0.0, 1)) == [8]


def test_folders_above_watched_ones_can_be_filtered(navigator):
    """A folder may be filtered that is above or below a watched one, also an empty one."""
    client = a_client()
    for folder, n_found in ((os.path.dirname(ROOT), 5), (ROOT, 5), (below("nothing", "there"), 0)):
        navigator.filter_folder(client, folder)
        assert len(navigator.find(client, "", 10)) == n_found


@pytest.mark.parametrize(
    ("ask", "code", "message"),
    [
        (lambda n, c: n.filter_kinds(c, ["kick", "snair"]), "badargs", "did you mean 'snare'"),
        (lambda n, c: n.filter_duration(c, 2.0, 1.0), "badargs", "no less"),
        (lambda n, c: n.filter_duration(c, -1.0, 1.0), "badargs", "0 or more"),
        (lambda n, c: n.filter_duration(c, math.nan, 1.0), "badargs", "0 or more"),
        (lambda n, c: n.filter_folder(c, b"kicks"), "badargs", "absolute"),
        (lambda n, c: n.filter_folder(c, below("..", "elsewhere")), "badargs", "no watched folder"),
        (lambda n, c: n.near_xy(c, 0.5, 0.5, 0), "badargs", "1 to 1000"),
        (lambda n, c: n.near_xy(c, 0.5, 0.5, 1001), "badargs", "1 to 1000"),
        (lambda n, c: n.near_xy(c, math.nan, 0.5, 1), "badargs", "0 to 1"),
        (lambda n, c: n.similar(c, 1, -1), "badargs", "1 to 1000"),
        (lambda n, c: n.similar(c, 99, 1), "notfound", "99"),
        (lambda n, c: n.similar(c, 7, 1), "notready", "waits"),
        (lambda n, c: n.similar_uid(c, "zzz", 1), "notfound", "zzz"),
        (lambda n, c: n.similar_path(c, below("zzz.wav"), 1), "notfound", "not a file of the library"),
        (lambda n, c: n.similar_path(c, below("snares", "new.wav"), 1), "notready", "waits"),
        (lambda n, c: n.similar_vector(c, [1.0], 1), "badargs", "2 finite"),
        (lambda n, c: n.similar_vector(c, [1.0, math.nan], 1), "badargs", "2 finite"),
        (lambda n, c: n.find(c, "kick", 0), "badargs", "1 to 1000"),
        (lambda n, c: n.find(c, "a " * 17, 1), "badargs", "16 words"),
        (lambda n, c: n.find(c, "a" * 257, 1), "badargs", "256 characters"),
        (lambda n, c: n.info(99), "notfound", "99"),
        (lambda n, c: n.info(-5), "notfound", "-5"),
        (lambda n, c: n.path(99), "notfound", "99"),
        (lambda n, c: n.resolve("b" * 16), "notfound", "uid"),
        (lambda n, c: n.problems(-1), "badargs", "from -1"),
    ],
)
def test_wrong_questions_are_refused(navigator, ask, code, message):
    """A wrong question is answered with its code, its value and what is allowed; filters stay."""
    client = a_client()
    with pytest.raises(QueryError, match=message) as caught:
        ask(navigator, client)
    assert caught.value.code == code
    assert client.filters == a_client().filters


NEEDY = {
    "map": [
        lambda n, c: n.near_xy(c, 0.5, 0.5, 1),
        lambda n, c: n.move(c, 0.5, 0.5),
        lambda n, c: n.trigger_xy(c, 0.5, 0.5),
        lambda n, c: n.random(c),
    ],
    "sounds": [
        lambda n, c: n.similar_vector(c, [0.0, 0.0], 1),
        lambda n, c: asyncio.run(n.similar_file(c, below("a.wav"), 1)),
    ],
    "files": [
        lambda n, c: n.find(c, "a", 1),
        lambda n, c: n.info(1),
        lambda n, c: n.path(1),
        lambda n, c: n.trigger(c, 1),
        lambda n, c: n.similar(c, 1, 1),
        lambda n, c: n.similar_uid(c, "a" * 16, 1),
        lambda n, c: n.similar_path(c, below("a.wav"), 1),
        lambda n, c: n.resolve("a" * 16),
        lambda n, c: n.filter_folder(c, ROOT),
    ],
}


@pytest.mark.parametrize("known", ["nothing", "files", "sounds"])
def test_questions_that_come_too_early(tmp_path, known):
    """Until there are files, sounds, a map, what needs them says so; the rest is answered."""
    navigator = Navigator(None, NotingLibrarian())
    made = {
        "files": Made(waiting=[Waiting(1, below("a.wav"))], epoch=0),
        "sounds": Made([MadeSound(1, [below("a.wav")])], epoch=0),
    }
    if known in made:
        navigator.publish(corpus_of(tmp_path, made[known]))
    stages = {"nothing": ["files", "sounds", "map"], "files": ["sounds", "map"], "sounds": ["map"]}[known]
    said = {"nothing": "being opened", "files": "yet, 1 file waits", "sounds": "1 sound is analysed"}[known]
    for stage in stages:
        for ask in NEEDY[stage]:
            with pytest.raises(QueryError) as caught:
                ask(navigator, a_client())
            assert caught.value.code == "notready"
            assert said in str(caught.value)
    if known != "nothing":
        assert navigator.find(a_client(), "a", 5) == [1]
        assert navigator.path(1) == below("a.wav")
        assert len(navigator.trigger(a_client(), 1)) == 1
    assert navigator.points().ids.tolist() == []
    state = {"nothing": "starting", "files": "analysing", "sounds": "ready"}[known]
    assert navigator.status().state == state


def test_sounds_of_an_older_analysis_wait(tmp_path):
    """A sound whose embedding is of another kind is listed and on the map, but compared with none."""
    blank = MadeSound(2, [below("b.wav")], (0.2, 0.2), (math.nan, math.nan))
    navigator = Navigator(None, NotingLibrarian())
    sounds = [MadeSound(1, [below("a.wav")], (0.1, 0.1)), blank, MadeSound(3, [below("c.wav")])]
    navigator.publish(corpus_of(tmp_path, Made(sounds)))
    assert ids_of(navigator.similar(a_client(), 1, 5)) == [3]
    assert ids_of(navigator.near_xy(a_client(), 0.2, 0.2, 1)) == [2]
    with pytest.raises(QueryError, match="anew") as caught:
        navigator.similar(a_client(), 2, 5)
    assert caught.value.code == "notready"


def test_status_folders_and_problems(navigator, tmp_path):
    """Counts, folders and problems are those of the snapshot, problems page by page."""
    status = navigator.status()
    assert (status.state, status.n_files, status.n_sounds, status.n_pending) == ("analysing", 10, 4, 1)
    assert (status.n_refused, status.epoch) == (5, 1)
    assert navigator.folders() == [FolderRow(ROOT, 5, "watched")]
    page = navigator.problems(3, 10)
    assert (page.total, page.start) == (5, 3)
    assert page.rows == tuple(Problem(below(f"bad{i}.wav"), f"reason {i}") for i in (3, 4))
    assert navigator.problems(9).rows == ()
    navigator.publish(corpus_of(tmp_path, Made()))
    assert navigator.status().state == "empty"


def test_health_counts(navigator):
    """Health says how much was asked, moved, hit and played."""
    client = a_client(audition="change")
    navigator.move(client, 0.1, 0.5)
    navigator.move(client, 0.1, 0.5)
    navigator.near_xy(client, 0.1, 0.5, 1)
    health = navigator.health()
    assert [health[name] for name in ("queries", "moves", "hits", "plays")] == [1, 2, 1, 1]


def test_library_commands_reach_the_librarian(navigator):
    """Folders, favourites and kinds are checked here and done by the librarian."""
    librarian = NotingLibrarian()
    navigator = Navigator(None, librarian, navigator.corpus)

    async def all_of_them():
        await navigator.add_folder(below("more"))
        await navigator.remove_folder(ROOT)
        await navigator.rescan()
        await navigator.relayout()
        await navigator.set_favourite(2, True)
        await navigator.set_kind(2, "Closed Hat")
        await navigator.set_kind(2, "Auto")

    asyncio.run(all_of_them())
    assert librarian.asked == [
        ("add_folder", below("more")),
        ("remove_folder", ROOT),
        ("rescan",),
        ("relayout",),
        ("set_favourite", 2, True),
        ("set_kind", 2, "closed_hat"),
        ("set_kind", 2, "auto"),
    ]


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda n: n.add_folder(b"relative"), "badargs"),
        (lambda n: n.set_favourite(99, True), "notfound"),
        (lambda n: n.set_favourite(7, True), "notready"),
        (lambda n: n.set_kind(1, "drumm"), "badargs"),
        (lambda n: n.similar_file(a_client(), b"relative", 1), "badargs"),
        (lambda n: n.similar_file(a_client(), below("a.wav"), 0), "badargs"),
    ],
)
def test_wrong_library_commands_are_refused(navigator, ask, code):
    """What is wrong by itself never reaches the librarian."""
    librarian = NotingLibrarian()
    with pytest.raises(QueryError) as caught:
        asyncio.run(ask(Navigator(None, librarian, navigator.corpus)))
    assert (caught.value.code, librarian.asked) == (code, [])


def test_vectors_may_be_arrays(navigator):
    """The embedding of an analysis can be asked about as it is."""
    assert ids_of(navigator.similar_vector(a_client(), np.array([0, 1.2], np.float32), 2)) == [3, 1]


def test_without_a_librarian_the_library_is_only_asked(navigator):
    """The command line answers from the same navigator, which then changes nothing."""
    alone = Navigator(None, None, navigator.corpus)
    assert ids_of(alone.similar(a_client(), 1, 1)) == [3]
    with pytest.raises(QueryError, match="only read") as caught:
        asyncio.run(alone.rescan())
    assert caught.value.code == "denied"
