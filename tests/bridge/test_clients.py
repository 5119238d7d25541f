"""Who is subscribed is told: by name, way and address, with what each has set."""

import time

import pytest

from klustr_bridge.bridge.web import WebServer
from klustr_bridge.client import Client
from tests.bridge.places import Place
from tests.bridge.web_peers import hear, open_socket, say


def test_every_subscriber_is_told_and_nobody_else(place: Place, web: WebServer, client: Client) -> None:
    """Over UDP, TCP and a web socket; who said no hello, or said bye, is not there."""
    client.hello("pad")
    client.view("even")
    with (
        Client(port=place.port, tcp=True) as deck,
        Client(port=place.port) as stranger,
        Client(port=place.port) as guest,
        open_socket(web.port) as page,
    ):
        stranger.ping()
        guest.hello("guest")
        guest.send("/klustr/bye")
        guest.ping()
        deck.hello("deck")
        deck.send("/klustr/player", "client")
        deck.sync()
        say(page, "/klustr/hello", "web", 0)
        hear(page, "/klustr/welcome")
        rows = {str(row[0]): row for row in client.request("/klustr/clients")}
        assert set(rows) == {"pad", "deck", "web"}
        assert rows["pad"][1:3] == ("udp", "127.0.0.1") and rows["pad"][4:6] == ("even", "internal")
        assert rows["deck"][1] == "tcp" and rows["deck"][4:6] == ("natural", "client")
        assert rows["web"][1:4] == ("web", "127.0.0.1", page.local_address[1])
        assert [rows[name][8] for name in ("pad", "deck", "web")] == [1, 0, 0]
        assert all(0 <= float(row[6]) < 10 and row[7] == 0 for row in rows.values())
    until = time.monotonic() + 10
    while [row[0] for row in client.request("/klustr/clients")] != ["pad"]:
        assert time.monotonic() < until, "who has gone is still told"


def test_the_port_is_the_one_that_pushes_go_to(place: Place, client: Client) -> None:
    """A client that listens elsewhere than where it sends from is told with that port."""
    client.send("/klustr/hello", "device", 45_678)
    with Client(port=place.port) as other:
        (row,) = other.request("/klustr/clients")
    assert row[:4] == ("device", "udp", "127.0.0.1", 45_678)


def test_dropped_pushes_and_silence_are_counted(place: Place, client: Client) -> None:
    """What a client has lost is its own number, and its silence grows while others speak."""
    client.hello("slow")
    (subscriber,) = place.loop.call(place.server.sessions.subscribers)
    assert subscriber.outbox is not None
    place.loop.call(subscriber.outbox.add, iter(()), 100_000)
    subscriber.seen_s -= 12.0
    with Client(port=place.port) as other:
        (row,) = other.request("/klustr/clients")
    assert row[0] == "slow" and row[7] == 100_000
    assert float(row[6]) == pytest.approx(12.0, abs=5.0) and float(row[6]) >= 12.0
