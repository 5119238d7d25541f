"""The web sockets: the same commands as over OSC, and nobody who may not can open, break or hold one."""

import json
import logging
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pythonosc.osc_message import OscMessage
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection

from klustr_bridge.bridge import web_sockets
from klustr_bridge.bridge.answers import NEAR_REPLY
from klustr_bridge.bridge.codec import MAX_ARGUMENTS, encode
from klustr_bridge.bridge.framing import MAX_FRAME
from klustr_bridge.bridge.transport import MAX_UNREAD
from klustr_bridge.bridge.web import WebServer
from klustr_bridge.client import Client
from tests.bridge.places import Clock, Loop, Place
from tests.bridge.web_peers import hear, open_socket, say


@pytest.fixture
def page(web: WebServer) -> Any:
    """An open web socket of the page, subscribed."""
    with open_socket(web.port) as peer:
        say(peer, "/klustr/hello", "the page", 0)
        hear(peer, "/klustr/welcome")
        yield peer


def osc(address: str, tags: str = "", *values: Any) -> bytes:
    """Make a packet of whole numbers, floats and short texts."""
    data = b""
    for tag, value in zip(tags, values, strict=True):
        data += _padded(value.encode()) if tag == "s" else struct.pack(f">{tag}", value)
    return _padded(address.encode()) + _padded(b"," + tags.encode()) + data


def _padded(raw: bytes) -> bytes:
    return raw + b"\0" * (4 - len(raw) % 4)


def code_of(peer: ClientConnection) -> int | None:
    """Wait until the other side closes; the code it gives."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            peer.recv(10)
    return None if closed.value.rcvd is None else closed.value.rcvd.code


def test_a_page_is_a_client_like_any_other(page: ClientConnection, place: Place) -> None:
    """It asks, is answered in the shapes of OSC, and is refused in the words of OSC."""
    say(page, "/klustr/near/xy", 7, 0.9, 0.5, 3)
    req, part, parts, n, *rows = hear(page, "/klustr/near.reply")
    expected = place.loop.call(place.navigator.near_xy, _state(place), 0.9, 0.5, 3)
    assert (req, part, parts, n) == (7, 1, 1, 3)
    assert rows[::4] == [neighbour.id for neighbour in expected]
    assert rows[1] == pytest.approx(expected[0].distance, abs=1e-6)
    say(page, "/klustr/info", 8, place.ids[0])
    info = hear(page, "/klustr/info.reply")
    assert info[1] == place.ids[0]
    assert info[3].endswith(".wav")
    say(page, "/klustr/near/xy", 9, 2.0, 0.5, 3)
    assert hear(page, "/klustr/fail")[:3] == ["/klustr/near/xy", 9, "badargs"]
    say(page, "/klustr/nothing")
    assert hear(page, "/klustr/fail")[:3] == ["/klustr/nothing", -1, "unknown"]


def _state(place: Place) -> Any:
    from klustr_bridge.navigator import ClientState

    return ClientState()


def test_an_osc_client_sees_where_a_page_is(page: ClientConnection, place: Place, client: Client) -> None:
    """A hit of the page goes to all, and says that it comes from the web; the page sees the others'."""
    client.hello("osc")
    say(page, "/klustr/xy", 0.9, 0.5, 3)
    hit = next(event for event in client.events(timeout=10) if event.address == "/klustr/hit")
    assert hit.values[0] == 3
    assert hit.values[5] == "web"
    assert hear(page, "/klustr/hit")[5] == "web"
    client.send("/klustr/xy", 0.1, 0.5, 1)
    assert hear(page, "/klustr/hit")[5] == "osc"


def test_a_library_command_is_done_for_a_page(page: ClientConnection, place: Place) -> None:
    """It comes from this machine, so it may change the library."""
    say(page, "/klustr/favourite", place.ids[0], True)
    assert hear(page, "/klustr/done") == ["/klustr/favourite"]
    assert ("set_favourite", place.ids[0], True) in place.librarian.asked


def test_what_a_page_plays_is_sounded_by_the_bridge(page: ClientConnection, place: Place) -> None:
    """The page is told; nobody else sounds it unless a client has asked for what surfaces play."""
    say(page, "/klustr/trigger", place.ids[0])
    assert hear(page, "/klustr/play")[1] == place.ids[0]
    assert len(place.player.played) == 1


def test_a_client_that_sounds_what_surfaces_play_sounds_the_page(
    page: ClientConnection, place: Place, client: Client
) -> None:
    """The bridge's own player is silent then; a page that sounds itself is left alone."""
    client.hello("max")
    client.send("/klustr/player", "client")
    client.sync()
    say(page, "/klustr/trigger", place.ids[0])
    play = next(event for event in client.events(timeout=10) if event.address == "/klustr/play")
    assert play.values[1] == place.ids[0]
    assert hear(page, "/klustr/play")[1] == place.ids[0]
    assert place.player.played == []
    say(page, "/klustr/player", "client")
    say(page, "/klustr/trigger", place.ids[1])
    assert hear(page, "/klustr/play")[1] == place.ids[1]
    client.sync()
    assert not [event for event in client.events(timeout=0.2) if event.address == "/klustr/play"]


def test_a_page_in_the_background_stays_subscribed(
    serve: Callable[..., Place], loop: Loop, clock: Clock
) -> None:
    """Browsers let a hidden page's timers sleep: no lease runs out while its socket answers pings."""
    place = serve(clock=clock)
    web = WebServer(place.navigator, port=0, osc_port=place.port, version="1", osc=place.server)
    loop.run(web.start())
    try:
        with open_socket(web.port) as peer:
            say(peer, "/klustr/hello", "hidden", 0)
            hear(peer, "/klustr/welcome")
            clock.now_s += 3600
            loop.call(place.server.push_epoch, 2, 16)
            assert hear(peer, "/klustr/epoch") == [2, 16]
    finally:
        loop.run(web.stop())


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_client_is_forgotten_with_its_socket(page: ClientConnection, place: Place) -> None:
    """A page that is closed leaves no subscription behind; one that says bye can come back."""
    say(page, "/klustr/bye")
    say(page, "/klustr/hello", "again", 0)
    hear(page, "/klustr/welcome")
    assert place.loop.call(lambda: place.server.sessions.n_subscribers) == 1
    page.close()
    _until(place.loop, lambda: place.server.sessions.n_subscribers == 0)


def _until(loop: Loop, condition: Callable[[], bool]) -> None:
    """Wait until something holds in the loop, looking after each turn of it."""
    for _ in range(2000):
        if loop.call(condition):
            return
        loop.run(_turn())
    raise AssertionError("it never came true")


async def _turn() -> None:
    import asyncio

    await asyncio.sleep(0.005)


def test_the_bridge_says_goodbye(serve_http: Callable[..., WebServer], loop: Loop) -> None:
    """A page is told before the socket is closed, with the code for a service that comes back."""
    web = serve_http()
    with open_socket(web.port) as peer:
        say(peer, "/klustr/hello", "the page", 0)
        hear(peer, "/klustr/welcome")
        stopping = threading.Thread(target=lambda: loop.run(web.stop()))
        stopping.start()
        assert hear(peer, "/klustr/goodbye") == []
        assert code_of(peer) == 1012
        stopping.join()


# -- who may


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://127.0.0.1:{port}.evil.example"},
        {"Origin": "file://"},
        {"Host": "evil.example:{port}"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "websocket"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
@pytest.mark.parametrize("path", ["/map/socket", "/"])
def test_a_foreign_page_gets_no_socket(
    web: WebServer,
    place: Place,
    path: str,
    headers: dict[str, str],
) -> None:
    """Not by its own name, not by a rebound one, not from another port: no hijack of the web socket."""
    answer = handshake(web.port, path, **{name: text.format(port=web.port) for name, text in headers.items()})
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"101" not in answer.split(b"\r\n")[0]


def handshake(port: int, path: str, **headers: str) -> bytes:
    """Ask for a web socket by hand; what comes back."""
    fields = {**_handshake_fields(port), **headers}
    head = f"GET {path} HTTP/1.1\r\n" + "".join(f"{name}: {text}\r\n" for name, text in fields.items())
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(f"{head}\r\n".encode())
        return connection.recv(65536)


def _handshake_fields(port: int) -> dict[str, str]:
    return {
        "Host": f"127.0.0.1:{port}",
        "Origin": f"http://127.0.0.1:{port}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }


def test_its_own_page_gets_one(web: WebServer) -> None:
    """The same request by hand, with nothing foreign in it, is let through."""
    assert handshake(web.port, "/map/socket").startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize(
    "path", ["/map", "/map/socket/", "/map/../map/socket", "/status", "/klustr/xy", "/%2e%2e/map/socket"]
)
def test_there_is_no_socket_elsewhere(web: WebServer, path: str) -> None:
    """Only the two addresses have one."""
    assert handshake(web.port, path).startswith(b"HTTP/1.1 404 ")


def test_a_socket_too_many_is_refused(
    serve_http: Callable[..., WebServer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Over the limit the new one is told so, and the others go on."""
    monkeypatch.setattr(web_sockets, "MAX_SOCKETS", 2)
    web = serve_http()
    with open_socket(web.port) as first, open_socket(web.port, "/"):
        with pytest.raises(InvalidStatus) as refused:
            open_socket(web.port)
        assert refused.value.response.status_code == 503
        say(first, "/klustr/ping", 5)
        assert hear(first, "/klustr/pong")[0] == 5


# -- what may come


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ping",
        "[]",
        "null",
        "[" * 60_000,
        '{"address": "/klustr/ping"',
        '{"address": 5, "arguments": []}',
        '{"address": "klustr/ping", "arguments": [1]}',
        '{"address": "/klustr/ping", "arguments": {"req": 1}}',
        '{"address": "/klustr/ping", "arguments": [NaN]}',
        '{"address": "/klustr/ping", "arguments": [1], "more": 1}',
        '{"arguments": [1]}',
        '{"address": "/klustr/ping\\u0000", "arguments": [1]}',
        '{"address": "/klustr/ping", "arguments": [' + "9" * 10_000 + "]}",
    ],
    ids=range(14),
)
def test_what_is_no_message_closes_the_socket(page: ClientConnection, place: Place, text: str) -> None:
    """It is counted, closed with the code for bad data, and nothing is run."""
    page.send(text)
    assert code_of(page) == 1007
    assert place.loop.call(place.server.health)["bad_packets"] == 1


@pytest.mark.parametrize(
    "argument", [None, [1], {"a": 1}, "\ud800", "a\0b", 1e308 * 10, -(2**70), 2**31], ids=range(8)
)
def test_an_argument_that_osc_could_not_carry_is_refused(page: ClientConnection, argument: object) -> None:
    """The socket stays open: it is a command with bad arguments, as over OSC."""
    if argument == float("inf"):
        page.send('{"address": "/klustr/find", "arguments": [4, "a", 1e999]}')
    else:
        place = [4, argument, 5] if isinstance(argument, str) else [4, "a", argument]
        say(page, "/klustr/find", *place)
    assert hear(page, "/klustr/fail")[2] == "badargs"
    say(page, "/klustr/ping", 5)
    assert hear(page, "/klustr/pong")[0] == 5


def test_too_much_in_one_message(page: ClientConnection) -> None:
    """Many arguments and long texts are refused as over OSC, before anything is done with them."""
    say(page, "/klustr/filter/kind", *(["kick"] * (MAX_ARGUMENTS + 1)))
    assert hear(page, "/klustr/fail")[2] == "badargs"
    say(page, "/klustr/find", 1, "x" * 20_000, 5)
    assert hear(page, "/klustr/fail")[2] == "toobig"


def test_a_frame_that_is_too_long_closes_the_socket(page: ClientConnection) -> None:
    """Also when it comes in pieces that are each short enough."""
    page.send("x" * (MAX_FRAME + 1))
    assert code_of(page) == 1009


def test_a_long_message_in_pieces_closes_the_socket(web: WebServer) -> None:
    """The sum of its frames counts."""
    with open_socket(web.port) as peer:
        with pytest.raises(ConnectionClosed):
            peer.send("x" * 30_000 for _ in range(10))
            peer.recv(10)
        assert peer.close_code == 1009


def test_bytes_are_not_the_page_s_language(page: ClientConnection) -> None:
    """The page speaks JSON alone."""
    page.send(osc("/klustr/ping", "i", 1))
    assert code_of(page) == 1003


@pytest.mark.parametrize(
    "frame",
    [
        b"\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x81\x05hello",  # not masked
        b"\x83\x80\0\0\0\0",  # an opcode that is none
        b"\xc1\x80\0\0\0\0",  # a compressed frame that was not agreed on
        b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",  # exabytes are promised
        b"\x80\x80\0\0\0\0",  # goes on with nothing
        b"\x89\xfe\x00\x7e\0\0\0\0" + bytes(126),  # a long ping
    ],
    ids=["noise", "unmasked", "opcode", "compressed", "endless", "continuation", "ping"],
)
def test_broken_frames_close_the_socket_quietly(
    web: WebServer,
    frame: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever the bytes, that socket ends, and the next is served; nothing is said in the log."""
    with caplog.at_level(logging.DEBUG):
        with open_socket(web.port) as peer:
            peer.socket.sendall(frame)
            assert code_of(peer) in (1002, 1009)
        with open_socket(web.port) as peer:
            say(peer, "/klustr/ping", 5)
            assert hear(peer, "/klustr/pong")[0] == 5
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_text_that_is_not_utf_8_closes_the_socket_quietly(
    web: WebServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is no text at all, which is nobody's log's concern."""
    with open_socket(web.port) as peer:
        frame = Frame(Opcode.TEXT, b"\xff\xfe").serialize(mask=True)
        peer.socket.sendall(frame)
        assert code_of(peer) == 1007
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_page_that_does_not_read_loses_its_socket(web: WebServer, place: Place) -> None:
    """What waits for one client is bounded, and the others are answered all the while."""
    with open_socket(web.port) as slow:
        assert web._app is not None and web._app._sockets is not None
        [peer] = web._app._sockets._open
        packet = encode(NEAR_REPLY, 1, 1, 1, 0)

        def flood() -> None:  # without a pause, so that nothing of it can be read meanwhile
            for _ in range(2 * MAX_UNREAD // len(packet)):
                peer.send(packet)

        with open_socket(web.port) as other:
            place.loop.call(flood)
            assert place.loop.call(place.server.health)["connections_dropped"] == 1
            say(other, "/klustr/ping", 9)
            assert hear(other, "/klustr/pong")[0] == 9
        with pytest.raises(ConnectionClosed):
            while True:
                slow.recv(10)
        assert peer.backlog() == 0


def test_many_messages_at_once_do_not_hold_up_osc(
    page: ClientConnection, place: Place, client: Client
) -> None:
    """Each is answered, in order, while an OSC client is answered too."""
    for number in range(2000):
        say(page, "/klustr/ping", number)
    assert client.ping() < 1.0
    assert [hear(page, "/klustr/pong")[0] for _ in range(2000)] == list(range(2000))


# -- OSCQuery's


def test_an_oscquery_client_listens(web: WebServer, client: Client) -> None:
    """It hears the pushes that it asked for, as OSC in binary frames, until it ignores them."""
    with open_socket(web.port, "/") as peer:
        peer.send(json.dumps({"COMMAND": "LISTEN", "DATA": "/klustr/hit"}))
        peer.send(json.dumps({"COMMAND": "LISTEN", "DATA": "/klustr/xy"}))  # nothing is pushed there
        peer.send(osc("/klustr/ping", "i", 1))
        assert OscMessage(peer.recv(10)).address == "/klustr/pong"  # what came before is in force
        client.send("/klustr/xy", 0.9, 0.5)
        hit = OscMessage(peer.recv(10))
        assert hit.address == "/klustr/hit"
        assert hit.params[5] == "osc"
        peer.send(json.dumps({"COMMAND": "IGNORE", "DATA": "/klustr/hit"}))
        peer.send(osc("/klustr/ping", "i", 2))
        assert OscMessage(peer.recv(10)).address == "/klustr/pong"
        client.send("/klustr/xy", 0.1, 0.5)
        client.sync()
        peer.send(osc("/klustr/ping", "i", 3))
        assert OscMessage(peer.recv(10)).params[0] == 3


def test_an_oscquery_client_hears_nothing_else(web: WebServer, place: Place) -> None:
    """Of all pushes it gets those of its addresses; the last value of a state can be read too."""
    with open_socket(web.port, "/") as peer:
        peer.send(json.dumps({"COMMAND": "LISTEN", "DATA": "/klustr/epoch"}))
        peer.send(osc("/klustr/ping", "i", 1))
        peer.recv(10)
        place.loop.call(place.server.push_error, "somewhere", "something")
        place.loop.call(place.server.push_progress, "layout", 1, 2)
        place.loop.call(place.server.push_epoch, 5, 16)
        assert OscMessage(peer.recv(10)).params == [5, 16]


@pytest.mark.parametrize("text", ["LISTEN", "[1]", "[" * 50_000])
def test_what_is_no_oscquery_command_closes_the_socket(web: WebServer, text: str) -> None:
    """Text that is no JSON object is bad data."""
    with open_socket(web.port, "/") as peer:
        peer.send(text)
        assert code_of(peer) == 1007


def test_bytes_that_are_not_osc_are_counted(web: WebServer, place: Place) -> None:
    """As over TCP; the socket goes on."""
    with open_socket(web.port, "/") as peer:
        peer.send(b"\x00\x01 no osc")
        peer.send(osc("/klustr/ping", "i", 4))
        assert OscMessage(peer.recv(10)).params[0] == 4
    assert place.loop.call(place.server.health)["bad_packets"] == 1


@pytest.mark.parametrize(
    ("method", "more", "is_taken"),
    [
        ("GET", {"Content-Length": "5"}, False),
        ("GET", {"Transfer-Encoding": "chunked"}, False),
        ("POST", {}, False),
        ("GET", {f"X-{number}": "y" for number in range(200)}, False),
        ("GET", {"Sec-WebSocket-Version": "8"}, False),
        ("GET", {"Sec-WebSocket-Version": "x"}, False),
        ("GET", {"Sec-WebSocket-Key": "short"}, False),
        ("GET", {"Sec-WebSocket-Key": "é" * 24}, False),
        ("GET", {"Sec-WebSocket-Extensions": ";;;=,"}, True),
        ("GET", {"Sec-WebSocket-Protocol": ",,\x01"}, False),
        ("GET", {"Upgrade": "websocket, h2c"}, False),
        ("GET", {"Upgrade": "h2c"}, False),
        ("GET", {"Connection": "keep-alive"}, False),
        ("GET", {"Expect": "100-continue"}, True),
    ],
    ids=range(14),
)
def test_broken_handshakes_are_refused_quietly(
    web: WebServer, method: str, more: dict[str, str], is_taken: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """No socket comes of what breaks the rules, nothing is said in the log, and the next one is opened."""
    fields = {**_handshake_fields(web.port), **more}
    head = f"{method} /map/socket HTTP/1.1\r\n" + "".join(
        f"{name}: {text}\r\n" for name, text in fields.items()
    )
    with socket.create_connection(("127.0.0.1", web.port), 10) as connection:
        connection.sendall(f"{head}\r\n".encode())
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 101 ") == is_taken
    with open_socket(web.port) as peer:
        say(peer, "/klustr/ping", 5)
        assert hear(peer, "/klustr/pong")[0] == 5
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
