"""The HTTP side: what is served, to whom, and that nobody can hold it or OSC up."""

import asyncio
import contextlib
import json
import logging
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from klustr_bridge.bridge import web_connection
from klustr_bridge.bridge.commands import COMMANDS
from klustr_bridge.bridge.web import WebServer
from klustr_bridge.errors import BridgeError
from klustr_bridge.navigator import Navigator
from tests.bridge.places import Loop, Place
from tests.bridge.web_peers import ask, read_all, send_raw
from tests.daemon.running import RunningDaemon, run
from tests.sounds import write_library

N_SLOW = int(os.environ.get("BRIDGE_TEST_CONNECTIONS", "200"))
"""Connections that dawdle; CONTRIBUTING names the long run."""


def get(path: str = "/", host: str = "127.0.0.1:{port}", more: str = "Connection: close\r\n") -> str:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n"


def test_the_namespace_is_served(web: WebServer) -> None:
    """The root holds every command; each address gives its own node; HOST_INFO names the OSC port."""
    code, headers, body = ask(web.port, "/")
    assert code == 200
    assert headers["content-type"] == "application/json"
    root = json.loads(body)
    for address, command in COMMANDS.items():
        node = root
        for name in address.split("/")[1:]:
            node = node["CONTENTS"][name]
        assert node["DESCRIPTION"] == command.help
        assert json.loads(ask(web.port, address)[2]) == node
    assert json.loads(ask(web.port, "/klustr/xy?RANGE")[2]) == {"RANGE": [{"MIN": 0.0, "MAX": 1.0}] * 2}
    assert json.loads(ask(web.port, "/?HOST_INFO")[2])["OSC_PORT"] == web._osc_port
    assert ask(web.port, "/klustr/xy?VALUE")[::2] == (204, b"")
    assert ask(web.port, "/klustr/xy?LISTEN")[0] == 400


def test_status_says_how_the_library_is(web: WebServer, place: Place) -> None:
    """Counts are the navigator's; folders are named; health has counters; the release is there."""
    code, _, body = ask(web.port, "/status")
    status, expected = json.loads(body), place.navigator.status()
    assert code == 200
    assert status["version"] == "1.2.3"
    assert status["state"] == expected.state
    assert (status["files"], status["sounds"]) == (expected.n_files, expected.n_sounds)
    assert (status["pending"], status["failed"], status["epoch"]) == (1, 1, 1)
    assert status["folders"] == [{"path": str(place.folder), "files": expected.n_files, "state": "watched"}]
    assert status["health"]["queries"] == 0.0


def test_status_is_json_whatever_the_numbers(serve_http: Callable[..., WebServer]) -> None:
    """A counter that is no number in JSON is null."""
    web = serve_http(health=lambda: {"age_s": float("inf"), "share": float("nan"), "memory_mb": 2.0})
    health = json.loads(ask(web.port, "/status")[2])["health"]
    assert (health["age_s"], health["share"], health["memory_mb"]) == (None, None, 2.0)


def test_head_has_the_headers_alone(web: WebServer) -> None:
    """HEAD answers as GET does, without the body."""
    code, headers, body = ask(web.port, "/", "HEAD")
    assert (code, body) == (200, b"")
    assert int(headers["content-length"]) == len(ask(web.port, "/")[2])


@pytest.mark.parametrize("path", ["/", "/status", "/nothing", "/klustr/xy?VALUE", "/klustr/xy?LISTEN"])
def test_every_answer_is_for_this_page_only(web: WebServer, path: str) -> None:
    """No answer may be sniffed, framed, cached or read by another origin."""
    _, headers, _ = ask(web.port, path, Origin=f"http://127.0.0.1:{web.port}")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "date" in headers
    assert "server" not in headers
    assert not [name for name in headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost",
        "127.0.0.1.evil.example:{port}",
        "127.0.0.1:{port}.evil.example",
        "evil@127.0.0.1:{port}",
        "0.0.0.0:{port}",
        "[::2]:{port}",
        "",
    ],
)
def test_a_foreign_host_is_refused(web: WebServer, host: str) -> None:
    """A name that DNS was made to point at this machine gets nothing."""
    answer = send_raw(web.port, get("/status", host).format(port=web.port).encode())
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"folders" not in answer


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LocalHost:{port}", "[::1]:{port}"])
def test_its_own_names_are_served(web: WebServer, host: str) -> None:
    """Each name of loopback, with the port, is this server."""
    assert send_raw(web.port, get("/status", host).format(port=web.port).encode()).startswith(
        b"HTTP/1.1 200 "
    )


@pytest.mark.parametrize(
    "head",
    [
        "GET /status HTTP/1.0\r\n\r\n",
        "GET /status HTTP/1.1\r\n\r\n",
        "GET /status HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\n\r\n",
        "GET http://evil.example/status HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    ],
)
def test_a_request_without_one_clear_host_is_refused(web: WebServer, head: str) -> None:
    """No Host, two of them, or another's in the request line."""
    answer = send_raw(web.port, head.format(port=web.port).encode())
    assert answer.split()[1] in (b"400", b"403")
    assert b"folders" not in answer


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "https://127.0.0.1:{port}",
        "http://127.0.0.1:1",
        "http://localhost",
        "file://",
    ],
)
def test_a_foreign_origin_is_refused(web: WebServer, origin: str) -> None:
    """A page of any other origin, a local file or another port of this machine too, gets nothing."""
    code, headers, body = ask(web.port, "/status", Origin=origin.format(port=web.port))
    assert code == 403
    assert b"folders" not in body
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("site", "mode", "code"),
    [
        ("cross-site", "no-cors", 403),
        ("same-site", "cors", 403),
        ("cross-site", "navigate", 200),
        ("same-origin", "cors", 200),
        ("none", "navigate", 200),
    ],
)
def test_what_a_browser_says_of_the_asking_site_counts(
    web: WebServer, site: str, mode: str, code: int
) -> None:
    """Another site can't embed an answer as script or picture; a link to it may be followed."""
    assert ask(web.port, "/status", Sec_Fetch_Site=site, Sec_Fetch_Mode=mode)[0] == code


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_nothing_can_be_changed(web: WebServer, method: str) -> None:
    """Only GET and HEAD are served, and a preflight is not one of them."""
    code, headers, _ = ask(web.port, "/", method)
    assert code == 405
    assert headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/status/../../etc/passwd",
        "/etc/passwd",
        "/status/",
        "/klustr/xy/",
        "/klustr//xy",
        "/klustr%00",
        "/%ff%fe",
        "/favicon.ico",
        "/klustr/*",
        "//evil.example/",
    ],
)
def test_an_unknown_path_is_404(web: WebServer, path: str) -> None:
    """Paths are looked up, never opened; nothing is redirected."""
    answer = send_raw(web.port, get(path).format(port=web.port).encode())
    assert answer.startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    ("path", "more", "code"),
    [
        ("/" + "x" * 3000, "", 414),
        ("/klustr/xy?" + "x" * 3000, "", 414),
        ("/", "Content-Length: 10\r\n", 413),
        ("/", "Transfer-Encoding: chunked\r\n", 413),
        ("/", "X-Long: " + "x" * 100_000 + "\r\n", 400),
        ("/", "X: y\r\n" * 20_000, 400),
        ("/" + "x" * 100_000, "", 400),
        ("/", "no colon\r\n", 400),
        ("/", "Content-Length: -1\r\n", 400),
        ("/", "Content-Length: 1\r\nContent-Length: 2\r\n", 400),
    ],
)
def test_what_is_too_much_is_refused_and_closed(web: WebServer, path: str, more: str, code: int) -> None:
    """Long addresses, long or many headers and bodies end the connection; the next one is served."""
    answer = send_raw(web.port, get(path, more=more).format(port=web.port).encode())
    # a reset may overtake the answer while the rest is still being sent
    assert answer.startswith(f"HTTP/1.1 {code} ".encode()) or (len(path + more) > 65_536 and not answer)
    assert ask(web.port, "/status")[0] == 200


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n\r\n\r\n\xff",
        b"/klustr/ping\0\0\0\0,i\0\0\0\0\0\1\r\n\r\n",
        b"GET /\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
    ],
)
def test_what_is_no_request_is_closed_quietly(
    web: WebServer, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """TLS, HTTP/2, OSC and noise are refused without a word in the log, and the server goes on."""
    with caplog.at_level(logging.DEBUG):
        answer = send_raw(web.port, data)
        assert not answer or answer.split()[1] in (b"400", b"403", b"405")
        assert ask(web.port, "/status")[0] == 200
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_web_socket_is_not_promised(serve_http: Callable[..., WebServer]) -> None:
    """A server that has no clients for it refuses a web socket."""
    web = serve_http(osc=None)
    more = "Connection: Upgrade, close\r\nUpgrade: websocket\r\n"
    more += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    assert send_raw(web.port, get(more=more).format(port=web.port).encode()).startswith(b"HTTP/1.1 404 ")


def test_requests_follow_each_other_on_one_connection(web: WebServer) -> None:
    """Pipelined requests are answered in order, and the last one closes."""
    requests = get("/status", more="") * 3 + get("/klustr/bye")
    answer = send_raw(web.port, requests.format(port=web.port).encode())
    assert answer.count(b"HTTP/1.1 200 OK") == 4
    assert b"/klustr/bye" in answer.rpartition(b"HTTP/1.1 200 OK")[2]


@pytest.mark.parametrize("data", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX"])
def test_a_silent_connection_is_given_up(
    serve_http: Callable[..., WebServer], data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever does not finish a request within the deadline is dropped."""
    monkeypatch.setattr(web_connection, "REQUEST_DEADLINE_S", 0.2)
    web = serve_http()
    assert send_raw(web.port, data) == b""


def test_a_trickling_connection_is_given_up(
    serve_http: Callable[..., WebServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte now and then buys no time: the deadline is the whole request's."""
    monkeypatch.setattr(web_connection, "REQUEST_DEADLINE_S", 0.4)
    web = serve_http()
    pause = threading.Event()
    with socket.create_connection(("127.0.0.1", web.port), 10) as connection, pytest.raises(ConnectionError):
        connection.sendall(b"GET / HTTP/1.1\r\nX-Long: ")
        for _ in range(100):
            connection.sendall(b"x")
            pause.wait(0.05)


def test_a_reader_that_never_reads_is_given_up(
    serve_http: Callable[..., WebServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers that nobody takes away do not pile up for ever."""
    monkeypatch.setattr(web_connection, "REQUEST_DEADLINE_S", 0.3)
    web = serve_http()
    with socket.create_connection(("127.0.0.1", web.port), 10) as connection:
        connection.settimeout(5)
        request = get("/", more="").format(port=web.port).encode() * 64
        with pytest.raises(ConnectionError):
            while True:
                connection.sendall(request)


def test_silent_connections_shut_nobody_out(web: WebServer) -> None:
    """Over the limit it is those waited for longest that go; a real request is served all the while."""
    assert ask(web.port, "/status")[0] == 200
    with contextlib.ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", web.port), 10)) for _ in range(N_SLOW)
        ]
        for connection in silent:
            with contextlib.suppress(ConnectionError):
                connection.sendall(b"GET / HTTP/1.1\r\n")
        for _ in range(5):
            assert ask(web.port, "/status")[0] == 200
        assert read_all(silent[0]) == b""
        assert web._server is not None
        assert len(web._server.server_state.connections) <= web_connection.MAX_CONNECTIONS


def test_connections_wait_until_it_may_load(serve_http: Callable[..., WebServer], loop: Loop) -> None:
    """The port is taken at once, the libraries are loaded when OSC has what it needs."""
    gate = asyncio.Event()
    web = serve_http(after=gate.wait)
    with socket.create_connection(("127.0.0.1", web.port), 10) as connection:
        connection.sendall(get().format(port=web.port).encode())
        assert not web.ready.is_set()
        loop.call(gate.set)
        assert read_all(connection).startswith(b"HTTP/1.1 200 OK")
    assert web.ready.is_set()


def test_what_can_not_be_loaded_is_a_problem_not_an_end(
    serve_http: Callable[..., WebServer], loop: Loop, place: Place
) -> None:
    """If nothing can be served it is said, and OSC goes on."""
    said: list[str] = []
    told = threading.Event()

    async def broken() -> None:
        raise ImportError("no such library")

    def tell(text: str) -> None:
        said.append(text)
        told.set()

    web = serve_http(after=broken, on_problem=tell)
    assert told.wait(10)
    assert said == [web.problem]
    assert "no such library" in said[0]
    assert place.server.health()["packets"] == 0


def test_a_taken_port_names_the_way_out(serve_http: Callable[..., WebServer], web: WebServer) -> None:
    """The message has the port and the flag."""
    with pytest.raises(BridgeError, match=rf"port {web.port} is in use .*--http-port"):
        serve_http(port=web.port)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "localhost.example"])
def test_only_loopback_is_listened_at(serve_http: Callable[..., WebServer], host: str) -> None:
    """No setting or mistake opens it to other machines."""
    with pytest.raises(BridgeError, match="this machine alone"):
        serve_http(host=host)


def test_stop_ends_idle_and_silent_connections_at_once(loop: Loop, place: Place) -> None:
    """Stopping waits for nobody, closes everything, and can be repeated; the port is free then."""

    async def begin() -> WebServer:
        web = WebServer(place.navigator, port=0, osc_port=place.port, version="1")
        await web.start()
        return web

    web = loop.run(begin())
    with contextlib.ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(("127.0.0.1", web.port), 10)) for _ in range(3)
        ]
        connections[0].sendall(b"GET / HT")
        assert ask(web.port, "/status")[0] == 200
        started = time.monotonic()
        loop.run(web.stop())
        assert time.monotonic() - started < 1.5
        assert [read_all(connection) for connection in connections] == [b""] * 3
    loop.run(web.stop())
    with socket.create_server(("127.0.0.1", web.port)):
        pass


def test_a_stop_before_it_is_loaded_leaves_nothing(loop: Loop) -> None:
    """A daemon that is stopped while it starts closes the port too."""

    async def begin_and_stop() -> int:
        web = WebServer(Navigator(None, None), port=0, osc_port=1, version="1")
        port = await web.start()
        await web.stop()
        return port

    with socket.create_server(("127.0.0.1", loop.run(begin_and_stop()))):
        pass


def test_osc_starts_without_the_http_libraries() -> None:
    """Neither Starlette nor uvicorn is imported with the daemon."""
    late = {"starlette", "uvicorn", "h11", "anyio", "websockets", "zeroconf"}
    code = f"import klustr_bridge.daemon, sys; print(*{late} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.split() == []


SLOW_STARTS = (
    "",
    "GET / HTTP/1.1\r\nX-Slow: ",
    "GET /map/points HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n",
    "POST /map/upload?folder={folder}&name=kick.wav HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    "Origin: http://127.0.0.1:{port}\r\nContent-Type: application/octet-stream\r\n"
    "Content-Length: 100000000\r\n\r\nRIFF",
    "GET /map/socket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\x01",
)
"""Nothing; half a head; an answer that isn't read; an upload, and a web socket's frame, that don't go on."""


def test_a_daemon_serves_it_and_slow_clients_hold_nothing_up(tmp_path: Path) -> None:
    """The daemon tells the port, and slow connections of every kind delay neither OSC nor HTTP."""
    folder = tmp_path / "samples"
    write_library(folder, 5)
    with RunningDaemon(tmp_path / "home", str(folder)) as daemon:
        daemon.wait_ready(5)
        port = int(daemon.wait_for_line(r"^HTTP on http://127\.0\.0\.1:\d+/$").rpartition(":")[2].strip("/"))
        status = json.loads(ask(port, "/status")[2])
        assert (status["state"], status["sounds"]) == ("ready", 5)
        assert status["folders"][0]["path"] == str(folder)
        assert status["health"]["packets"] > 0
        assert json.loads(ask(port, "/?HOST_INFO")[2])["OSC_PORT"] == daemon.port
        info = json.loads(next((tmp_path / "home").rglob("*.daemon.json")).read_text())
        assert info["http_port"] == port
        quiet_s = [daemon.client.ping() for _ in range(200)]
        with contextlib.ExitStack() as stack, many_files():
            slow_s = []
            for number in range(N_SLOW):
                slow = stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
                start = SLOW_STARTS[number % len(SLOW_STARTS)].format(port=port, folder=folder)
                with contextlib.suppress(ConnectionError):  # given up for a later one already
                    slow.sendall(start.encode("latin-1"))
                slow_s.append(daemon.client.ping())
            slow_s += [daemon.client.ping() for _ in range(200)]
            assert ask(port, "/status")[0] == 200
            assert ask(port, "/map/points")[0] == 200
        # both are fractions of a millisecond; a machine that is busy with other things adds to either
        assert statistics.median(slow_s) < 10 * statistics.median(quiet_s) + 0.005
        assert daemon.stop() == 0
        assert sorted(path.name for path in folder.rglob("*") if path.suffix == ".part") == []


@contextlib.contextmanager
def many_files() -> Iterator[None]:
    """Let this process open as many sockets as the test wants."""
    try:
        import resource
    except ImportError:  # Windows, where there is no such limit
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, N_SLOW + 500)), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_taken_http_port_ends_the_daemon_plainly(tmp_path: Path) -> None:
    """A port that another program has is named with the way out, and nothing is left running."""
    folder = tmp_path / "samples"
    write_library(folder, 1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(
            tmp_path / "home",
            str(folder),
            "--osc-port",
            "0",
            "--http-port",
            str(port),
            "--audio",
            "off",
            "--midi",
            "off",
        )
    assert done.returncode == 1
    assert f"port {port} is in use" in done.stderr
    assert "--http-port" in done.stderr
    assert "Traceback" not in done.stderr
