"""The client's code, run by Node, against a real daemon."""

import socket
from pathlib import Path

import pytest

from tests import sounds
from tests.daemon.running import RunningDaemon
from tests.max_patches.conftest import N_SOUNDS
from tests.max_patches.max_peer import MaxPeer
from tests.sounds import write_library

pytestmark = pytest.mark.peers


def free_port() -> int:
    """A UDP port that nothing listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def client(daemon: RunningDaemon, max_peer: MaxPeer) -> MaxPeer:
    """A Max whose object `c` is a connected client."""
    max_peer.load("c", "klustr.client.js", daemon.port, free_port())
    max_peer.say("c", "connect")
    max_peer.wait_open("c")
    return max_peer


def test_hello_is_answered_and_said_in_words(client: MaxPeer) -> None:
    """The welcome comes to the port named in hello, and the state says how many sounds there are."""
    assert client.wait_open("c") == f"connected: {N_SOUNDS} sounds, ready"
    welcome = client.wait_out("c", 2, "/klustr/welcome")
    assert welcome[2] == 1 and welcome[4] == N_SOUNDS


def test_moving_hits_and_plays_what_is_there(daemon: RunningDaemon, client: MaxPeer) -> None:
    """`xy` in plain words brings the hit, and with audition on the path of what plays."""
    place = daemon.client.points()[3]
    client.say("c", "audition", "change")
    client.say("c", "xy", place.x, place.y)
    assert client.wait_out("c", 2, "/klustr/hit", 0)[2] == place.id
    play = client.wait_out("c", 2, "/klustr/play")
    assert play[2] == place.id and Path(play[4]).is_file()


def test_similar_lists_rows_between_start_and_end(daemon: RunningDaemon, client: MaxPeer) -> None:
    """`similar 42 8` gives the daemon's eight, in its order, a message for each."""
    sound = daemon.client.points()[0].id
    client.say("c", "similar", sound, 8)
    end = client.wait_out("c", 2, "/klustr/near.reply", "end")
    rows = [
        event["message"]
        for event in client.events
        if event.get("message", [])[:2] == ["/klustr/near.reply", "item"]
    ]
    assert end[3] == 8
    assert [row[3] for row in rows] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [row[4] for row in rows] == [near.id for near in daemon.client.similar(sound, 8)]


def test_kinds_are_narrowed_and_corrected_by_one_word(daemon: RunningDaemon, client: MaxPeer) -> None:
    """`kind kick` is the filter, `kind 42 kick` the correction; both are taken by the daemon."""
    sound = daemon.client.points()[0].id
    since = client.now()
    client.say("c", "kind", "kick", "snare")
    client.say("c", "kind", sound, "auto")
    client.wait_out("c", 2, "/klustr/done", "/klustr/kind")
    assert client.sent("c", since) == [
        ["/klustr/filter/kind", "kick", "snare"],
        ["/klustr/kind", sound, "auto"],
    ]


def test_what_is_wrong_is_said_before_it_is_sent(client: MaxPeer) -> None:
    """A message that the daemon would refuse never leaves; the words say what is allowed."""
    since = client.now()
    client.say("c", "xy", 2, 0.5)
    refused = client.wait_out("c", 3, "refused", since=since)[1]
    assert refused == "/klustr/xy: x = 2: allowed 0..1"
    assert client.sent("c", since) == []


def test_what_the_daemon_refuses_is_passed_on(client: MaxPeer) -> None:
    """A refusal that only the daemon can know comes out as an answer."""
    client.say("c", "info", 999_999)
    assert client.wait_out("c", 2, "/klustr/fail", "/klustr/info")[3] == "notfound"


def test_words_of_a_text_are_joined(client: MaxPeer) -> None:
    """Max takes a text apart at its spaces, and makes numbers of what looks like one."""
    since = client.now()
    client.say("c", "find", "kick", 8)
    client.wait_out("c", 2, "/klustr/find.reply", "end", since=since)
    assert client.sent("c", since)[0][2:] == ["kick 8", 16]


def test_the_client_comes_back_when_the_daemon_does(tmp_path: Path, max_peer: MaxPeer) -> None:
    """After a restart it finds the daemon by itself, and its modes are in force again."""
    write_library(tmp_path / "samples", 4)
    with RunningDaemon(tmp_path, str(tmp_path / "samples")) as first:
        first.wait_ready(4)
        port = first.port
        max_peer.load("c", "klustr.client.js", port, free_port())
        max_peer.say("c", "connect")
        max_peer.wait_open("c")
        max_peer.say("c", "audition", "change")
        max_peer.say("c", "weight", "attack", 2)
        max_peer.say("c", "weight", "body", 0)
        max_peer.say("c", "kind", "kick")
        max_peer.say("c", "clear")
        since = max_peer.now()
        assert first.stop() == 0
        stopped = max_peer.wait_out("c", 3, "asking", since=since)[1]
        assert stopped == "the bridge has stopped; looking for it"
        max_peer.tell({"later": 4000})
        assert max_peer.wait_out("c", 3, "silent", since=since)[1].endswith("start the bridge: klustr-bridge")
        max_peer.say("c", "similar", 1, 2)
        assert max_peer.wait_out("c", 3, "refused", since=since)[1].startswith("not connected")
    since = max_peer.now()
    with RunningDaemon(tmp_path, "--osc-port", str(port)) as second:
        second.wait_ready(4)
        max_peer.wait_open("c", since)
        place = second.client.points()[0]
        max_peer.say("c", "xy", place.x, place.y)
        assert max_peer.wait_out("c", 2, "/klustr/play", since=since)[2] == place.id
        again = [message for message in max_peer.sent("c", since) if message[0] != "/klustr/hello"]
    assert again[:3] == [
        ["/klustr/audition", "change"],
        ["/klustr/weight", "attack", 2],
        ["/klustr/weight", "body", 0],
    ]


def test_a_daemon_that_dies_without_a_word_is_noticed(tmp_path: Path, max_peer: MaxPeer) -> None:
    """No goodbye came, but a ping stays without its pong."""
    write_library(tmp_path / "samples", 1)
    with RunningDaemon(tmp_path, str(tmp_path / "samples")) as daemon:
        daemon.wait_ready(1)
        max_peer.load("c", "klustr.client.js", daemon.port, free_port())
        max_peer.say("c", "connect")
        max_peer.wait_open("c")
        max_peer.tell({"later": 6000})
        max_peer.wait(lambda event: event.get("sent", [""])[0] == "/klustr/ping")
        since = max_peer.now()
        daemon.kill()
    max_peer.tell({"later": 6000})
    max_peer.wait(  # the last pong may have come before the end, or not
        lambda event: (
            event.get("sent", [""])[0] == "/klustr/ping" or event.get("message", [""])[0] == "asking"
        ),
        since,
    )
    max_peer.tell({"later": 4000})
    assert max_peer.wait_out("c", 3, "asking", since=since)[1].startswith("the bridge no longer answers")


def test_a_bridge_elsewhere_is_found_when_it_is_named(daemon: RunningDaemon, max_peer: MaxPeer) -> None:
    """`bridge` turns udpsend to another port; nothing is said to be there before."""
    max_peer.load("c", "klustr.client.js", free_port(), free_port())
    max_peer.say("c", "connect")
    max_peer.tell({"later": 4000})
    max_peer.wait_out("c", 3, "silent")
    max_peer.say("c", "bridge", daemon.port)
    max_peer.say("c", "connect")
    assert max_peer.wait_open("c").startswith("connected")


def test_a_dropped_file_is_compared_and_a_dropped_folder_watched(
    daemon: RunningDaemon, client: MaxPeer, tmp_path: Path
) -> None:
    """Paths with spaces go to the bridge whole, as dropfile gives them; refusals come back with a reason."""
    folder = tmp_path / "More Samples, new"
    sound = sounds.write(folder / "My snare 1.wav", sounds.snare(77))
    client.say("c", "count", 3)
    client.say("c", "file", sound.as_posix())
    assert client.wait_out("c", 2, "/klustr/near.reply", "end")[3] == 3
    client.say("c", "addfolder", (tmp_path / "not there").as_posix())
    assert client.wait_out("c", 2, "/klustr/fail", "/klustr/folder/add")[3] in ("notfound", "badargs")


def test_disconnecting_ends_the_session(daemon: RunningDaemon, client: MaxPeer) -> None:
    """After it nothing is asked, and a late packet opens nothing."""
    client.say("c", "disconnect")
    assert client.wait_out("c", 3, "closed") == ["closed", "not connected"]
    client.say("c", "status")
    assert client.wait_out("c", 3, "refused")[1].startswith("not connected")
    assert client.sent("c")[-1] == ["/klustr/bye"]
