"""Moving, hearing, stopping."""

import itertools

import pytest

from klustr_bridge.errors import QueryError
from klustr_bridge.navigator import Hit, Navigator, Play
from klustr_bridge.navigator.audition import FADE_IN_S, FADE_OUT_S
from klustr_bridge.player import open_player
from klustr_bridge.settings import AudioSettings
from klustr_bridge.types import PlayRequest
from tests.corpus.snapshots import below
from tests.navigator.parts import LIBRARY, NotingLibrarian, NotingPlayer, a_client, corpus_of


@pytest.fixture
def player():
    return NotingPlayer()


@pytest.fixture
def navigator(tmp_path, player):
    return Navigator(player, NotingLibrarian(), corpus_of(tmp_path))


def kinds_of(events):
    return [type(event).__name__ for event in events]


def test_hit_comes_only_when_the_nearest_changes(navigator):
    """Moving within one sound's neighbourhood tells nothing new; each cursor counts for itself."""
    client = a_client()
    [hit] = navigator.move(client, 0.0, 0.5, origin="web")
    assert (hit.cursor, hit.id, hit.origin) == (0, 1, "web")
    assert (hit.x, hit.y, hit.distance) == pytest.approx((0.1, 0.5, 0.1))
    assert navigator.move(client, 0.2, 0.5) == []
    assert [hit.cursor for hit in navigator.move(client, 0.2, 0.5, cursor=5)] == [5]
    assert [hit.id for hit in navigator.move(client, 0.45, 0.5)] == [2]
    assert [hit.id for hit in navigator.move(a_client(), 0.45, 0.5)] == [2]


def test_points_outside_the_map_are_moved_to_its_edge(navigator):
    """A pad that overshoots still hits, measured from the edge."""
    [hit] = navigator.move(a_client(), -3.0, 0.5)
    assert (hit.id, hit.distance) == (1, pytest.approx(0.1))


@pytest.mark.parametrize("point", [(float("nan"), 0.5), (0.5, float("inf")), (float("-inf"), 0.1)])
def test_points_that_are_no_numbers_are_refused(navigator, point):
    """NaN and infinity never reach the search."""
    for ask in (navigator.move, navigator.trigger_xy):
        with pytest.raises(QueryError, match="from 0 to 1") as caught:
            ask(a_client(), *point)
        assert caught.value.code == "badargs"


@pytest.mark.parametrize(
    ("mode", "plays"),
    [("off", [0, 0, 0]), ("change", [1, 0, 1]), ("retrigger", [1, 1, 1]), ("hold", [1, 0, 1])],
)
def test_audition_modes(navigator, player, mode, plays):
    """Off is silent, change and hold sound every new nearest, retrigger every move."""
    client = a_client()
    navigator.set_audition(client, mode)
    moves = [navigator.move(client, x, 0.5) for x in (0.1, 0.12, 0.5)]
    assert [sum(isinstance(event, Play) for event in events) for events in moves] == plays
    assert len(player.played) == sum(plays)


def test_hold_ends_a_cursors_voice_when_its_next_one_starts(navigator, player):
    """Each cursor holds one voice; leaving the mode, or the sounds, lets go of it."""
    client = a_client()
    navigator.set_audition(client, "hold")
    navigator.move(client, 0.1, 0.5)
    navigator.move(client, 0.1, 0.5, cursor=1)
    assert player.stopped == []
    navigator.move(client, 0.5, 0.5)
    assert player.stopped == [(100, FADE_OUT_S)]
    assert [request.fade_in_s for request in player.played] == [0.0, 0.0, FADE_IN_S]
    navigator.filter_kinds(client, ["vocal"])
    assert navigator.move(client, 0.5, 0.5, cursor=1) == []
    assert player.stopped == [(100, FADE_OUT_S), (101, FADE_OUT_S)]
    navigator.set_audition(client, "off")
    assert player.stopped == [(100, FADE_OUT_S), (101, FADE_OUT_S), (102, FADE_OUT_S)]


def test_play_names_file_voice_and_length(navigator, player):
    """A client can sound what the play event says without asking back."""
    [play] = navigator.trigger(a_client(player_mode="both"), 2, 0.5)
    assert (play.id, play.velocity, play.path) == (2, 0.5, below("kicks", "two.wav"))
    assert (play.start_s, play.end_s) == (0.0, 1.5)
    assert player.played == [PlayRequest(below("kicks", "two.wav"), velocity=0.5)]


def test_waiting_files_can_be_heard(navigator, player):
    """A file that is only listed plays by its reserved id."""
    [play] = navigator.trigger(a_client(), 7)
    assert (play.path, play.end_s) == (below("snares", "new.wav"), 0.0)
    assert player.played == [PlayRequest(below("snares", "new.wav"))]


@pytest.mark.parametrize(("mode", "n_internal"), [("internal", 1), ("client", 0), ("both", 1)])
def test_player_mode_says_who_sounds(navigator, player, mode, n_internal):
    """The play event comes in every mode; the bridge itself sounds only if told to."""
    client = a_client()
    navigator.set_player_mode(client, mode)
    assert kinds_of(navigator.trigger(client, 1)) == ["Play"]
    assert len(player.played) == n_internal


def test_a_client_can_take_over_what_a_surface_plays(navigator, player):
    """What MIDI plays sounds here exactly while no client has taken it over; other clients don't notice."""
    taken = True
    navigator.set_taker(lambda: taken)
    midi = a_client(is_surface=True, audition="change")
    assert kinds_of(navigator.move(midi, 0.1, 0.5)) == ["Hit", "Play"]
    assert (player.played, player.ready) == ([], [])
    navigator.trigger(a_client(), 1)
    assert len(player.played) == 1
    taken = False
    navigator.trigger(midi, 1)
    assert len(player.played) == 2


def test_voices_are_never_mixed_up(navigator, player):
    """Stopping a voice that a client sounds doesn't stop another in the bridge; no voice stops all."""
    [theirs] = navigator.trigger(a_client(player_mode="client"), 1)
    [ours] = navigator.trigger(a_client(), 1)
    assert theirs.voice != ours.voice
    navigator.stop(theirs.voice)
    assert player.stopped == []
    navigator.stop(ours.voice)
    navigator.stop(ours.voice)
    assert player.stopped == [(100, None)]
    navigator.stop()
    assert player.stopped == [(100, None), (None, None)]


def test_trigger_xy_plays_whatever_the_audition(navigator):
    """Triggering by place moves the cursor, tells a new nearest, and always plays."""
    client = a_client()
    assert kinds_of(navigator.trigger_xy(client, 0.1, 0.5, 0.3)) == ["Hit", "Play"]
    assert kinds_of(navigator.trigger_xy(client, 0.1, 0.5)) == ["Play"]
    assert navigator.move(client, 0.1, 0.5) == []


def test_random_draws_every_placed_sound_and_never_the_last(navigator):
    """Chance reaches the whole map, within the filters, and doesn't repeat itself at once."""
    client = a_client()
    drawn = [navigator.random(client)[0] for _ in range(60)]
    assert {hit.id for hit in drawn} == {1, 2, 3}
    assert all(one.id != next_one.id for one, next_one in itertools.pairwise(drawn))
    assert {(hit.distance, hit.origin) for hit in drawn} == {(0.0, "osc")}
    navigator.filter_kinds(client, ["snare"])
    navigator.set_audition(client, "change")
    assert [kinds_of(navigator.random(client)) for _ in range(2)] == [["Hit", "Play"]] * 2
    assert client.cursors == {0: 3}


def test_random_is_repeatable_by_its_seed(navigator):
    """The same seed draws the same sounds."""
    one, two = ([navigator.random(client)[0].id for _ in range(20)] for client in (a_client(), a_client()))
    assert one == two


def test_filtered_out_pads_are_silent_and_hit_anew(navigator):
    """With everything filtered out nothing is hit; when sounds come back the hit is told again."""
    client = a_client(audition="retrigger")
    assert kinds_of(navigator.move(client, 0.1, 0.5)) == ["Hit", "Play"]
    navigator.filter_kinds(client, ["vocal"])
    assert navigator.move(client, 0.1, 0.5) == []
    assert navigator.trigger_xy(client, 0.1, 0.5) == []
    assert navigator.random(client) == []
    navigator.clear_filters(client)
    assert kinds_of(navigator.move(client, 0.1, 0.5)) == ["Hit", "Play"]


def test_neighbours_are_made_ready(navigator, player):
    """What may be hit next is loaded before it is hit, unless the client sounds for itself."""
    navigator.move(a_client(player_mode="client"), 0.1, 0.5)
    assert player.ready == []
    navigator.move(a_client(), 0.1, 0.5)
    assert [request.path for request in player.ready] == [
        below("kicks", "two.wav"),
        below("snares", "three.wav"),
    ]


@pytest.mark.parametrize("broken", ["none", "failing", "no device"])
def test_events_flow_without_a_working_player(tmp_path, broken):
    """Whatever the player's trouble, hits and plays are still told."""
    player = {
        "none": lambda: None,
        "failing": NotingPlayer,
        "no device": lambda: open_player(
            AudioSettings(device="no such device"), str(tmp_path), lambda problem: None
        ),
    }[broken]()
    if isinstance(player, NotingPlayer):
        player.fails = True
    navigator = Navigator(player, NotingLibrarian(), corpus_of(tmp_path))
    try:
        [hit, play] = navigator.move(a_client(audition="change"), 0.1, 0.5)
        assert (hit.id, play.id) == (1, 1)
        navigator.stop(play.voice)
        navigator.stop()
    finally:
        if broken == "no device":
            player.close()
    assert navigator.health()["player_errors"] == (2 if broken == "failing" else 0)


def test_cursor_follows_a_new_library(navigator, tmp_path):
    """When the hit sound has gone, the next move tells the one now nearest."""
    client = a_client()
    navigator.move(client, 0.1, 0.5)
    less = [sound for sound in LIBRARY.sounds if sound.id != 1]
    navigator.publish(corpus_of(tmp_path, type(LIBRARY)(less, generation=2)))
    assert [event.id for event in navigator.move(client, 0.1, 0.5) if isinstance(event, Hit)] == [2]


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda n, c: n.trigger(c, 99), "notfound"),
        (lambda n, c: n.trigger(c, 1, 1.5), "badargs"),
        (lambda n, c: n.trigger(c, 1, float("nan")), "badargs"),
        (lambda n, c: n.move(c, 0.5, 0.5, 256), "badargs"),
        (lambda n, c: n.move(c, 0.5, 0.5, -1), "badargs"),
        (lambda n, c: n.random(c, 999), "badargs"),
        (lambda n, c: n.set_audition(c, "loud"), "badargs"),
        (lambda n, c: n.set_player_mode(c, "nobody"), "badargs"),
    ],
)
def test_wrong_actions_are_refused(navigator, player, ask, code):
    """A wrong action says what is allowed and changes nothing."""
    client = a_client()
    with pytest.raises(QueryError) as caught:
        ask(navigator, client)
    assert caught.value.code == code
    assert (client.cursors, client.audition, client.player_mode, player.played) == ({}, "off", "internal", [])
