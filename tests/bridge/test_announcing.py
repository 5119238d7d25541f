"""Found by programs of this machine, on the loopback interface alone, and served where multicast fails."""

import contextlib
import json
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ifaddr
import psutil
import pytest
import zeroconf
from pythonoscquery.osc_query_client import OSCQueryClient

from klustr_bridge.bridge.announcing import NAME, OSC, OSCQUERY, Announcer
from klustr_bridge.bridge.commands import COMMANDS
from klustr_bridge.bridge.oscquery import HEARABLE
from klustr_bridge.bridge.web import WebServer
from klustr_bridge.client import Client
from tests.bridge.places import Loop, Place
from tests.bridge.web_peers import ask

GROUP = "224.0.0.251"
NPM_PEER = Path(__file__).parent / "oscquery_peer"


@pytest.fixture
def announced(serve_http: Callable[..., WebServer]) -> WebServer:
    """A server that has been announced."""
    web = serve_http(announce=True)
    assert web.announcer is not None
    assert web.announcer.settled.wait(20)
    if web.announcer.problem:
        pytest.skip(f"no multicast here: {web.announcer.problem}")
    return web


@contextlib.contextmanager
def looking() -> Iterator[zeroconf.Zeroconf]:
    """Ask as another program of this machine does."""
    seeker = zeroconf.Zeroconf(interfaces=["127.0.0.1"])
    try:
        yield seeker
    finally:
        seeker.close()


def found(seeker: zeroconf.Zeroconf, kind: str, port: int) -> zeroconf.ServiceInfo:
    """The service of a port, whatever number its name has got beside other bridges."""
    for number in range(1, 30):
        name = NAME if number == 1 else f"{NAME}-{number}"
        info = seeker.get_service_info(kind, f"{name}.{kind}", 1000)
        if info is not None and info.port == port:
            return info
    raise AssertionError(f"no {kind} on port {port}")


def test_both_services_are_found(announced: WebServer, place: Place) -> None:
    """With the ports that are served, at the address that is served."""
    with looking() as seeker:
        for kind, port in ((OSCQUERY, announced.port), (OSC, place.port)):
            assert found(seeker, kind, port).parsed_addresses() == ["127.0.0.1"]
    assert json.loads(ask(announced.port, "/status")[2])["announced"] is True


def test_python_oscquery_finds_and_reads_it(announced: WebServer, place: Place) -> None:
    """The package python-oscquery: from the announcement to where OSC answers, and back to what was pushed.

    It reads nodes with a value alone: those of pushes, once something was pushed.
    """
    with looking() as seeker:
        theirs = OSCQueryClient(found(seeker, OSCQUERY, announced.port))
    host = theirs.get_host_info()
    assert (host.name, host.osc_ip, host.osc_port) == ("klustr-bridge", "127.0.0.1", place.port)
    assert (host.osc_transport, host.extensions["LISTEN"]) == ("UDP", True)
    assert theirs.query_node("/klustr/nothing") is None
    with Client(port=host.osc_port) as client:
        client.send("/klustr/xy", 0.9, 0.5)
        client.sync()
    hit = theirs.query_node("/klustr/hit")
    assert hit.full_path == "/klustr/hit"
    assert hit.value[5] == "osc"


def _npm_client(port: int, *words: str) -> subprocess.Popen[str]:
    """Start the client of the npm package oscquery; skip where it is not installed."""
    node = shutil.which("node")
    if node is None or not (NPM_PEER / "node_modules").is_dir():
        pytest.skip(f"needs node and the packages of npm: npm ci --prefix {NPM_PEER}")
    command = [node, str(NPM_PEER / "read.cjs"), str(port), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8")


@pytest.mark.peers
@pytest.mark.parametrize("words", [(), ("find",)], ids=["asks", "finds"])
def test_npm_oscquery_reads_all_and_listens(
    announced: WebServer, place: Place, words: tuple[str, ...]
) -> None:
    """The package oscquery of npm, by announcement too: every command and range; a web socket hears hits."""
    peer = _npm_client(announced.port, *words)
    try:
        assert peer.stdout is not None
        told = dict(json.loads(peer.stdout.readline()) for _ in range(3))
        host = told["host"]
        assert (host["name"], host["oscPort"]) == ("klustr-bridge", place.port)
        assert (host["wsIp"], host["wsPort"]) == ("127.0.0.1", announced.port)
        methods = {method["full_path"]: method for method in told["methods"]}
        assert set(methods) == {*COMMANDS, *(push.address for push in HEARABLE)}
        move = methods["/klustr/xy"]
        assert move["description"] == COMMANDS["/klustr/xy"].help
        assert [argument["range"]["max"] for argument in move["arguments"]] == [1, 1]
        with Client(port=host["oscPort"]) as client:
            client.send("/klustr/xy", 0.9, 0.5)
        heard = json.loads(peer.stdout.readline())
        assert heard == ["heard", {"isBinary": True, "address": "/klustr/hit"}]
        assert peer.wait(20) == 0
    finally:
        peer.kill()
        peer.wait()
        peer.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no way to hear one interface alone")
def test_no_other_interface_hears_of_it(serve_http: Callable[..., WebServer]) -> None:
    """What is asked and told while it is announced stays on loopback."""
    others = [
        address.ip
        for adapter in ifaddr.get_adapters()
        for address in adapter.ips
        if address.is_IPv4 and not str(address.ip).startswith("127.")
    ]
    if not others:
        pytest.skip("there is no other interface")
    with contextlib.ExitStack() as stack:
        outside = [stack.enter_context(_listening(str(ip))) for ip in others]
        inside = stack.enter_context(_listening("127.0.0.1"))
        web = serve_http(announce=True)
        assert web.announcer is not None
        assert web.announcer.settled.wait(20)
        if web.announcer.problem:
            pytest.skip(f"no multicast here: {web.announcer.problem}")
        assert any(b"klustr" in packet for packet in _arrived(inside))
        for listener in outside:
            assert not [packet for packet in _arrived(listener) if b"klustr" in packet]


@contextlib.contextmanager
def _listening(interface: str) -> Iterator[socket.socket]:
    """Hear the multicast of one interface and of no other."""
    ip_multicast_all = 49
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.setsockopt(socket.IPPROTO_IP, ip_multicast_all, 0)
        listener.bind((GROUP, 5353))
        member = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton(interface))
        listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        listener.setblocking(False)
        yield listener


def _arrived(listener: socket.socket) -> list[bytes]:
    packets = []
    with contextlib.suppress(BlockingIOError):
        while True:
            packets.append(listener.recv(9000))
    return packets


def test_it_is_taken_back(announced: WebServer, loop: Loop, place: Place) -> None:
    """A bridge that has stopped is not found any more."""
    loop.run(announced.stop())
    with looking() as seeker, pytest.raises(AssertionError, match="no _osc"):
        found(seeker, OSC, place.port)


def test_a_machine_without_multicast_is_served(
    serve_http: Callable[..., WebServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever zeroconf says, HTTP and OSC answer, and the status tells that nothing is announced."""

    def no_multicast(**settings: Any) -> None:
        raise OSError(19, "No such device")

    monkeypatch.setattr(zeroconf, "Zeroconf", no_multicast)
    web = serve_http(announce=True)
    assert web.announcer is not None
    assert web.announcer.settled.wait(20)
    assert "No such device" in web.announcer.problem
    assert json.loads(ask(web.port, "/status")[2])["announced"] is False


def test_a_stop_before_it_is_announced_leaves_nothing(loop: Loop) -> None:
    """The thread finds out, and no socket of it stays open."""
    before = _udp_sockets()
    announcer = Announcer("127.0.0.1", 9, "127.0.0.1", 9)
    loop.run(announcer.stop())
    announcer.start()
    assert announcer.settled.wait(20)
    assert not announcer.is_heard or not announcer._zeroconf
    assert _udp_sockets() == before


def _udp_sockets() -> int:
    return sum(one.laddr.port == 5353 for one in psutil.Process().net_connections("udp") if one.laddr)


def test_nothing_is_announced_unless_it_is_wanted(web: WebServer) -> None:
    """A server by itself is silent; the daemon's setting says so for it."""
    assert web.announcer is None
    assert json.loads(ask(web.port, "/status")[2])["announced"] is False
