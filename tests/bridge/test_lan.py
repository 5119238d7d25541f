"""Other machines over HTTP and web sockets: let in with the token alone, to see and hear and no more."""

import asyncio
import contextlib
import http.client
import json
import os
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from klustr_bridge.bridge import web_connection, web_sockets
from klustr_bridge.bridge.commands import COMMANDS
from klustr_bridge.bridge.guests import OPEN_TO_OTHER_MACHINES
from klustr_bridge.bridge.lan import (
    Door,
    is_neighbour,
    kept_token,
    new_token,
    read_token,
)
from klustr_bridge.bridge.lan_words import can_draw, lines_for_phone, qr_lines, width_of
from klustr_bridge.bridge.web import WebServer
from klustr_bridge.bridge.web_door import NOT_OPEN, TOO_OFTEN, UNKNOWN
from klustr_bridge.errors import BridgeError
from klustr_bridge.library.paths import to_export
from tests.bridge.lan_places import Lan, needed_address
from tests.bridge.places import Clock, Loop, Place
from tests.bridge.test_server import examples
from tests.bridge.web_peers import ask, hear, open_socket, say


@pytest.fixture
def lan(serve: Callable[..., Place], loop: Loop, tmp_path: Path) -> Iterator[Lan]:
    """A bridge that other machines may use."""
    host = needed_address()
    place = serve(far_host="0.0.0.0")
    door = Door(tmp_path / "lan-token")
    web = WebServer(
        place.navigator,
        port=0,
        osc_port=place.port,
        version="1.2.3",
        osc=place.server,
        about=lambda: {"pid": os.getpid(), "library": "/home/somebody/library.klustr"},
        door=door,
        has_far_osc=True,
    )
    loop.run(web.start())
    yield Lan(place, web, door, host)
    loop.run(web.stop())


def paths_of(lan: Lan) -> list[str]:
    """An address of each sort."""
    first = lan.place.ids[0]
    served = ["/", "/klustr/xy", "/?HOST_INFO", "/status", "/map", "/map/", "/map/about", "/map/points"]
    sounds = [f"/map/sound/{first}", f"/map/wave/{first}", f"/map/names?ids={first}"]
    return [*served, *sounds, "/map/assets/map.js", "/map/folders", "/map/within?folder=/", "/nothing"]


def test_without_the_token_there_is_nothing(lan: Lan) -> None:
    """Every address, and every web socket, gets 401 and one sentence; this machine needs no token."""
    for path in paths_of(lan):
        for method in ("GET", "HEAD", "POST"):
            code, headers, body = lan.ask(path, method)
            assert (code, body) == (401, b"" if method == "HEAD" else f"{UNKNOWN}\n".encode()), (method, path)
            assert "set-cookie" not in headers
    for path in ("/", "/map/socket"):
        with pytest.raises(InvalidStatus) as refused, open_socket(lan.web.port, path, at=lan.host):
            pass
        assert refused.value.response.status_code == 401
    assert ask(lan.web.port, "/map/about")[0] == 200
    with open_socket(lan.web.port) as peer:
        say(peer, "/klustr/ping", 3)
        assert hear(peer, "/klustr/pong")[0] == 3


def test_the_token_is_changed_for_a_cookie(lan: Lan) -> None:
    """A first visit with the token sets a cookie that scripts can't read, and leads away from the token."""
    code, headers, body = lan.ask(f"/map?token={lan.door.token}")
    assert (code, body, headers["location"]) == (303, b"", "/map")
    pair, *attributes = headers["set-cookie"].split("; ")
    assert pair == lan.cookie
    assert {"Path=/", "HttpOnly", "SameSite=Lax"} <= set(attributes)
    assert not any(each.startswith("Domain") for each in attributes)
    assert lan.door.token not in headers["set-cookie"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert lan.ask("/map", Cookie=f"theme=dark; {pair}; other=1")[0] == 200
    assert lan.ask(f"/map?token={lan.door.token}", Cookie=pair)[0] == 303  # again: out of the address bar
    assert lan.ask("/map/about", Cookie=pair)[0] == 200


def test_wrong_tokens_are_bounded_and_lock_nobody_out(lan: Lan) -> None:
    """After ten of them the answer is 429; the right one is let in all the while, and so is this machine."""
    codes = [lan.ask(f"/map?token={'A' * 32}")[0] for _ in range(12)]
    assert codes == [401] * 10 + [429] * 2
    assert lan.ask("/map", Cookie=f"klustr-{lan.web.port}=0000")[::2] == (429, f"{TOO_OFTEN}\n".encode())
    assert lan.ask(f"/map?token={lan.door.token}")[0] == 303
    assert lan.ask_known("/map/about")[0] == 200
    assert lan.ask("/map")[0] == 401  # who tries none is told what to do
    assert ask(lan.web.port, "/map")[0] == 200


def test_wrong_tokens_are_forgiven_in_time(tmp_path: Path) -> None:
    """Ten at once, one more every ten seconds, for each machine by itself; 256 are remembered at most."""
    clock = Clock()
    door = Door(tmp_path / "token", clock=clock)
    assert [door.may_be_wrong("192.168.1.7") for _ in range(11)] == [True] * 10 + [False]
    assert door.may_be_wrong("192.168.1.8")
    clock.now_s += 10
    assert [door.may_be_wrong("192.168.1.7") for _ in range(2)] == [True, False]
    for number in range(400):
        door.may_be_wrong(f"10.0.{number // 250}.{number % 250}")
    assert len(door._wrong) == 256


def test_the_token_counts_where_it_belongs_alone(lan: Lan) -> None:
    """Not at another address, in another field, twice, with another method, or in place of the cookie."""
    token, port = lan.door.token, lan.web.port
    tried = [
        lan.ask(f"/map/points?token={token}"),
        lan.ask(f"/status?token={token}"),
        lan.ask(f"/?token={token}"),
        lan.ask(f"/map?token={token}", "POST"),
        lan.ask(f"/map?token={token}", "HEAD"),
        lan.ask(f"/map?token={token}&token={token}"),
        lan.ask(f"/map?Token={token}"),
        lan.ask(f"/map?token={token}x"),
        lan.ask(f"/map?token={token[:-1]}"),
        lan.ask("/map?token="),
        lan.ask("/map?" + "a=1&" * 20 + f"token={token}"),
        lan.ask("/map", Authorization=f"Bearer {token}"),
        lan.ask("/map", Referer=f"http://{lan.host}:{port}/map?token={token}"),
        lan.ask("/map", Cookie=f"token={token}"),
        lan.ask("/map", Cookie=f"klustr-{port}={token}"),
        lan.ask("/map", Cookie=f"klustr-{port}="),
    ]
    assert {code for code, _, _ in tried} <= {401, 429}
    assert not any("set-cookie" in headers for _, headers, _ in tried)


def test_the_cookie_of_another_port_is_of_no_use(lan: Lan) -> None:
    """Browsers send one machine's cookies to all its ports: each bridge takes its own alone."""
    name, value = lan.door.cookie(lan.web.port + 1)
    assert lan.ask("/map", Cookie=f"{name}={value}")[0] == 401
    assert lan.ask("/map", Cookie=f"klustr-{lan.web.port}={value}")[0] == 401
    assert lan.ask("/map", Cookie=f"{name}={value}; {lan.cookie}")[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example:{port}", "evil.example", "127.0.0.1:{port}", "localhost:{port}", "[::1]:{port}"),
        *("{host}", "{host}:1", "{host}:{port}.evil.example", "x@{host}:{port}", "0.0.0.0:{port}", ""),
    ],
)
def test_another_host_is_refused_whoever_asks(lan: Lan, host: str) -> None:
    """Over the network it is asked by the address it is reached at; any other name may be another site's."""
    named = host.format(host=lan.host, port=lan.web.port)
    for path in ("/map/about", f"/map?token={lan.door.token}"):
        code, headers, body = lan.ask_known(path, Host=named)
        assert code == 403
        assert b"kinds" not in body
        assert "set-cookie" not in headers
    with pytest.raises(InvalidStatus), lan.open_socket(Host=named):
        pass


def test_this_machine_is_not_asked_by_its_name_in_the_network(lan: Lan) -> None:
    """Over loopback the names of loopback count, as ever."""
    assert ask(lan.web.port, "/map/about", Host=f"{lan.host}:{lan.web.port}")[0] == 403


def test_pages_of_other_origins_are_refused(lan: Lan) -> None:
    """The cookie comes along from the same site's other ports: what they send is told by its Origin."""
    for origin in ("http://evil.example", f"http://{lan.host}:1", f"http://127.0.0.1:{lan.web.port}", "null"):
        assert lan.ask_known("/map/about", Origin=origin)[0] == 403
        with pytest.raises(InvalidStatus) as refused, lan.open_socket(Origin=origin):
            pass
        assert refused.value.response.status_code == 403
    assert lan.ask_known("/map/about", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="cors")[0] == 403
    assert lan.ask_known("/map/about", Sec_Fetch_Site="same-site", Sec_Fetch_Mode="cors")[0] == 403
    assert lan.ask_known("/map/about", Origin=f"http://{lan.host}:{lan.web.port}")[0] == 200


def test_what_is_open_tells_no_path(lan: Lan) -> None:
    """Where files and the library lie is nowhere in what another machine can read."""
    lan.place.loop.call(lan.place.server.push_error, "scan", f"{lan.place.folder}/x.wav can't be read")
    secrets = [os.path.dirname(lan.place.folder), "/home/somebody", lan.door.token]
    for path in paths_of(lan):
        code, _, body = lan.ask_known(path)
        assert code in (200, 403, 404), path
        assert not [secret for secret in secrets if str(secret).encode() in body], path
    assert lan.ask_known("/klustr/error")[0] == 404
    about = json.loads(lan.ask_known("/map/about")[2])
    assert about["local"] is False
    assert json.loads(ask(lan.web.port, "/map/about")[2])["local"] is True
    status = json.loads(lan.ask_known("/status")[2])
    assert "folders" not in status
    assert status["sounds"] == lan.place.navigator.status().n_sounds
    assert "folders" in json.loads(ask(lan.web.port, "/status")[2])


def test_a_sound_that_cant_be_had_is_refused_without_its_path(lan: Lan) -> None:
    """A file that has gone: its name and folder are told to this machine alone."""
    first = lan.place.ids[0]
    path = Path(os.fsdecode(lan.place.navigator.path(first)))
    aside = path.rename(path.with_suffix(".away"))
    try:
        code, _, body = lan.ask_known(f"/map/sound/{first}")
        assert code >= 400
        assert json.loads(body)["message"].startswith("this can't be had now")
    finally:
        aside.rename(path)
    code, headers, body = lan.ask_known(f"/map/sound/{first}")
    assert (code, headers["content-type"]) == (200, "audio/wav")
    assert body == path.read_bytes()


def test_folders_and_uploads_are_for_this_machine(lan: Lan) -> None:
    """Neither named, looked into nor written to; the namespace lists what is open alone."""
    own = {"Origin": f"http://{lan.host}:{lan.web.port}", "Content-Type": "application/octet-stream"}
    folder = str(lan.place.folder)
    before = sorted(os.listdir(folder))
    for path in (f"/map/upload?folder={folder}&name=x.wav", "/map/similar?name=x.wav"):
        code, _, body = lan.ask_known(path, "POST", b"RIFF", **own)
        assert (code, body) == (403, f"{NOT_OPEN}\n".encode())
    assert sorted(os.listdir(folder)) == before
    for path in ("/map/folders", f"/map/within?folder={folder}", "/map/socket/x", "/map/new", "/statusx"):
        assert lan.ask_known(path)[0] == 403, path
    tree = json.loads(lan.ask_known("/")[2])["CONTENTS"]["klustr"]["CONTENTS"]
    assert "xy" in tree
    assert not {"folder", "path", "record", "midi", "favourite", "error"} & tree.keys()
    info = json.loads(lan.ask_known("/?HOST_INFO")[2])
    assert (info["OSC_IP"], info["WS_IP"]) == (lan.host, lan.host)
    assert json.loads(ask(lan.web.port, "/?HOST_INFO")[2])["OSC_IP"] == "127.0.0.1"


def test_the_policy_names_the_address_in_the_network(lan: Lan) -> None:
    """The page may open its web socket where it came from, and nowhere else."""
    policy = lan.ask_known("/map")[1]["content-security-policy"]
    assert f"connect-src 'self' ws://{lan.host}:{lan.web.port};" in policy
    assert "127.0.0.1" not in policy


def test_a_page_that_is_known_keeps_its_policy(lan: Lan) -> None:
    """A browser puts the headers of 304 in the place of those it has kept: they must let the page live."""
    for asked in (lan.ask_known, lambda path, **headers: ask(lan.web.port, path, **headers)):
        first = asked("/map")[1]
        code, headers, _ = asked("/map", If_None_Match=first["etag"])
        assert code == 304
        assert headers["content-security-policy"] == first["content-security-policy"]


def test_a_web_socket_may_do_what_is_open(lan: Lan) -> None:
    """Each command of the table that isn't is refused as denied, and nothing has come of it."""
    refused: set[str] = set()
    with lan.open_socket() as peer:
        for address in COMMANDS:
            lan.place.loop.call(_forgive, lan.place)
            say(peer, address, *examples(lan.place)[address])
            say(peer, "/klustr/sync", 77)
            while (message := json.loads(peer.recv(20))) != SYNCED:
                if message["address"] == "/klustr/fail":
                    assert message["arguments"][2] == "denied", message
                    refused.add(message["arguments"][0])
    assert refused == COMMANDS.keys() - OPEN_TO_OTHER_MACHINES
    assert lan.place.librarian.asked == []


SYNCED = {"address": "/klustr/synced", "arguments": [77]}


def _forgive(place: Place) -> None:
    for client in place.server.sessions._kept.values():
        client.fails.level = 20


def test_a_page_elsewhere_plays_and_learns_no_path(lan: Lan) -> None:
    """It hears of its own plays by name, of hits, and of no errors of the bridge."""
    with lan.open_socket() as peer:
        say(peer, "/klustr/hello", "phone", 0)
        hear(peer, "/klustr/welcome")
        lan.place.loop.call(lan.place.server.push_error, "scan", f"{lan.place.folder}/x.wav can't be read")
        lan.place.loop.call(lan.place.server.push_epoch, 2, 16)
        say(peer, "/klustr/trigger", lan.place.ids[0])
        heard: dict[str, list[Any]] = {}
        while {"/klustr/play", "/klustr/epoch"} - heard.keys():
            message = json.loads(peer.recv(10))
            heard[message["address"]] = message["arguments"]
        assert "/klustr/error" not in heard
        path = lan.place.navigator.path(lan.place.ids[0])
        assert heard["/klustr/play"][3] == to_export(os.path.basename(path))
        assert lan.place.player.played == [path]


def test_midi_is_not_taken_over_from_elsewhere(lan: Lan) -> None:
    """A page on a phone sounds what it plays itself, not what this machine's controllers do."""
    with lan.open_socket() as peer:
        say(peer, "/klustr/hello", "phone", 0)
        say(peer, "/klustr/player", "client")
        say(peer, "/klustr/sync", 1)
        hear(peer, "/klustr/synced")
        assert lan.place.server.sessions.taker is None


def test_web_sockets_of_others_leave_room_for_this_machine(lan: Lan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all there may be some are kept for pages on this machine."""
    monkeypatch.setattr(web_sockets, "MAX_FAR_SOCKETS", 2)
    with lan.open_socket(), lan.open_socket():
        with pytest.raises(InvalidStatus) as refused, lan.open_socket():
            pass
        assert refused.value.response.status_code == 503
        with open_socket(lan.web.port) as own:
            say(own, "/klustr/ping", 1)
            hear(own, "/klustr/pong")


def test_connections_of_others_are_given_up_first(lan: Lan, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many other machines open, one of this machine that is older than all of them stays."""
    monkeypatch.setattr(web_connection, "MAX_CONNECTIONS", 4)
    own = http.client.HTTPConnection("127.0.0.1", lan.web.port, timeout=20)
    with contextlib.ExitStack() as stack:
        stack.callback(own.close)
        own.connect()
        far = [stack.enter_context(socket.create_connection((lan.host, lan.web.port), 10)) for _ in range(8)]
        assert far[0].recv(1) == b""  # given up
        own.request("GET", "/map/about")
        assert own.getresponse().status == 200


def test_a_new_token_shuts_out_who_had_the_old_one(lan: Lan) -> None:
    """Another process writes it: web sockets end, the cookie is nothing any more, the new token lets in."""
    following = asyncio.run_coroutine_threadsafe(lan.door.follow(), lan.place.loop.loop)
    old = lan.cookie
    with lan.open_socket() as peer, open_socket(lan.web.port) as own:
        token = new_token(lan.door._file)
        with pytest.raises(ConnectionClosed):
            peer.recv(10)
        say(own, "/klustr/ping", 1)
        hear(own, "/klustr/pong")
    following.cancel()
    assert lan.ask("/map", Cookie=old)[0] == 401
    assert lan.ask(f"/map?token={token}")[0] == 303


def test_without_a_door_nothing_listens_in_the_network(web: WebServer) -> None:
    """As long as nobody asks for it, other machines find no port."""
    with pytest.raises(ConnectionRefusedError):
        ask(web.port, "/map", at=needed_address())


def test_one_address_is_served_beside_loopback(
    serve: Callable[..., Place], loop: Loop, tmp_path: Path
) -> None:
    """With an address of its own for others, the same port answers there and on loopback."""
    host = needed_address()
    place = serve(far_host=host)
    door = Door(tmp_path / "lan-token", host)
    web = WebServer(place.navigator, port=0, osc_port=place.port, version="1", osc=place.server, door=door)
    loop.run(web.start())
    try:
        assert ask(web.port, "/map/about")[0] == 200
        lan = Lan(place, web, door, host)
        assert lan.ask("/map/about")[0] == 401
        assert lan.ask_known("/map/about")[0] == 200
        assert "OSC_PORT" not in json.loads(lan.ask_known("/?HOST_INFO")[2])  # it is not said to be open
    finally:
        loop.run(web.stop())


def test_an_address_that_is_not_this_machines_is_refused(place: Place, loop: Loop, tmp_path: Path) -> None:
    """With the address and the reason; nothing stays open."""
    door = Door(tmp_path / "lan-token", "203.0.113.77")
    web = WebServer(place.navigator, port=0, osc_port=place.port, version="1", door=door)
    with pytest.raises(BridgeError, match=r"203\.0\.113\.77"):
        loop.run(web.start())


# -- the token and the words


def test_the_token_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    """192 random bits in a file of mode 0600, the same at each start, tightened where it was open."""
    file = tmp_path / "state" / "lan-token"
    token = kept_token(file)
    assert len(token) == 32
    assert kept_token(file) == token == read_token(file)
    assert [each.name for each in file.parent.iterdir()] == ["lan-token"]
    file.chmod(0o644)
    assert kept_token(file) == token
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    renewed = new_token(file)
    assert renewed != token
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("short")
    assert read_token(file) is None
    assert kept_token(file) not in ("short", renewed)


def test_a_token_that_cant_be_kept_is_said(tmp_path: Path) -> None:
    """The file, the reason and the way out are named."""
    (tmp_path / "state").write_text("a file where a folder is needed")
    with pytest.raises(BridgeError, match=r"state/lan-token: .*without --lan"):
        Door(tmp_path / "state" / "lan-token")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *(("192.168.1.7", True), ("10.1.2.3", True), ("172.16.0.9", True), ("169.254.3.4", True)),
        *(("100.64.0.9", True), ("8.8.8.8", False), ("172.32.0.1", False), ("224.0.0.1", False)),
        *(("0.0.0.0", False), ("fe80::1", True), ("2a00::1", False), ("", False), ("evil.example", False)),
    ],
)
def test_private_networks_alone_are_neighbours(host: str, expected: bool) -> None:
    """Nothing is answered to the Internet, whatever a router lets through."""
    assert is_neighbour(host) is expected


class Screen:
    """A terminal or none."""

    def __init__(self, is_terminal: bool, encoding: str = "utf-8") -> None:
        self.encoding = encoding
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def test_the_qr_code_holds_the_address() -> None:
    """Half blocks give back the modules of the code, black on white with a border on each side."""
    import segno

    text = "http://192.168.1.5:7477/map?token=" + "A" * 32
    lines = qr_lines(text)
    rows: list[list[bool]] = []
    for line in lines:
        blocks = line.removeprefix("\x1b[30;107m").removesuffix("\x1b[0m")
        rows += [[each in "█▀" for each in blocks], [each in "█▄" for each in blocks]]
    expected = [[bool(each) for each in row] for row in segno.make(text, error="l").matrix]
    size = len(expected)
    assert [row[2 : 2 + size] for row in rows[2 : 2 + size]] == expected
    outside = [row for at, row in enumerate(rows) if not 2 <= at < 2 + size]
    assert not any(any(row) for row in outside)
    assert not any(any(row[:2] + row[2 + size :]) for row in rows)
    assert width_of(lines) == size + 4


def test_the_picture_is_for_terminals_that_can_show_it() -> None:
    """Elsewhere the address stands as text."""
    assert can_draw(Screen(True), "xterm", 80, 41)
    assert not can_draw(Screen(False), "xterm", 80, 41)
    assert not can_draw(Screen(True), "dumb", 80, 41)
    assert not can_draw(Screen(True, "latin-1"), "xterm", 80, 41)
    assert not can_draw(Screen(True), "xterm", 40, 41)
    for columns, is_drawn in ((80, True), (20, False)):
        lines = list(lines_for_phone("192.168.1.5", 7477, "T" * 32, Screen(True), "xterm", columns))
        assert lines[0].endswith("http://192.168.1.5:7477/map?token=" + "T" * 32)
        assert any("▀" in line for line in lines) is is_drawn
        assert "plain HTTP" in lines[-1]
