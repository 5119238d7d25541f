"""Long answers, which come in parts, against a real bridge; and parts that get lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bridge.places import Place
from tests.bridge.test_client import hundreds
from tests.max_patches.max_peer import MaxPeer
from tests.max_patches.test_client_live import free_port

pytestmark = pytest.mark.peers

N_POINTS = 500


@pytest.fixture
def client(serve: Callable[..., Place], max_peer: MaxPeer, tmp_path: Path) -> MaxPeer:
    """A Max connected to a bridge with 500 placed sounds: points come in eight packets."""
    place = serve(corpus=hundreds(tmp_path))
    max_peer.load("c", "klustr.client.js", place.port, free_port())
    max_peer.say("c", "connect")
    max_peer.wait_open("c")
    return max_peer


def rows(peer: MaxPeer, since: int = 0) -> list[list[Any]]:
    """Everything that came out of the client's answers, of points."""
    messages = [event.get("message", [""]) for event in peer.events[since:]]
    return [message[1:] for message in messages if message[0] == "/klustr/points.reply"]


def test_parts_come_out_as_one_list(client: MaxPeer) -> None:
    """Eight packets are one start, 500 rows by rising id, one end."""
    client.say("c", "points")
    client.wait_out("c", 2, "/klustr/points.reply", "end")
    found = rows(client)
    assert found[0][0] == "start" and found[0][2:] == [N_POINTS, 1]
    assert [row[3] for row in found[1:-1]] == list(range(1, N_POINTS + 1))
    assert len(found) == N_POINTS + 2


def test_a_lost_part_is_asked_for_again(client: MaxPeer) -> None:
    """Nothing of a list comes out until all of it is there; the question is put once more."""
    client.tell({"object": "c", "lose": {"/klustr/points.reply": [3, 5]}})
    client.say("c", "points")
    client.wait(lambda event: event.get("sent", [""])[0] == "/klustr/points")
    client.say("c", "/klustr/ping", 5)
    client.wait_out("c", 2, "/klustr/pong", 5)
    assert rows(client) == []
    client.tell({"later": 6000})
    client.wait_out("c", 2, "/klustr/points.reply", "end")
    assert len(rows(client)) == N_POINTS + 2
    asked = [message for message in client.sent("c") if message[0] == "/klustr/points"]
    assert len(asked) == 2 and asked[0] == asked[1]


def test_an_answer_that_never_comes_is_given_up_in_words(client: MaxPeer) -> None:
    """After the second time without an answer the client says so, as the bridge would refuse."""
    client.tell({"object": "c", "lose": {"/klustr/status.reply": [1, 2, 3]}})
    client.say("c", "status")
    client.wait(lambda event: event.get("sent", [""])[0] == "/klustr/status")
    client.tell({"later": 5500})
    client.wait(lambda event: event.get("sent", [""])[0] == "/klustr/status", client.now())
    client.tell({"later": 5500})
    assert client.wait_out("c", 2, "/klustr/fail", "/klustr/status")[3:] == ["lost", "no answer came"]
