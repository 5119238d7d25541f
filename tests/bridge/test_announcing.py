"""Found by programs of this machine, on the loopback interface alone, and served where multicast fails."""

import asyncio
import contextlib
import json
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ifaddr
import psutil
import pytest
import zeroconf
from pythonoscquery.osc_query_client import OSCQueryClient

from klustr_bridge.bridge import announcing
from klustr_bridge.bridge.announcing import GROUP, NAME, OSC, OSCQUERY, machine_name, name_of
from klustr_bridge.bridge.commands import COMMANDS
from klustr_bridge.bridge.lan import Door
from klustr_bridge.bridge.oscquery import HEARABLE
from klustr_bridge.bridge.web import WebServer
from klustr_bridge.client import Client
from tests.bridge.lan_places import needed_address
from tests.bridge.places import Loop, Place
from tests.bridge.web_peers import ask

NPM_PEER = Path(__file__).parent / "oscquery_peer"


@pytest.fixture
def announce(serve_http: Callable[..., WebServer], loop: Loop) -> Callable[..., WebServer]:
    """Start a server and wait until it has been announced, or can't be."""

    def start(**settings: Any) -> WebServer:
        web = serve_http(announce=True, **settings)
        assert web.announcer is not None
        loop.run(asyncio.wait_for(web.announcer.settled.wait(), 20))
        return web

    return start


@pytest.fixture
def announced(announce: Callable[[], WebServer]) -> WebServer:
    """A server that has been announced."""
    web = announce()
    assert web.announcer is not None
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
    """The service of a port."""
    info = seeker.get_service_info(kind, name_of(kind, port), 5000)
    assert info is not None, f"no {kind} on port {port}"
    return info


def test_both_services_are_found(announced: WebServer, place: Place) -> None:
    """With the ports that are served, at the address that is served."""
    with looking() as seeker:
        for kind, port in ((OSCQUERY, announced.port), (OSC, place.port)):
            info = found(seeker, kind, port)
            assert (info.port, info.parsed_addresses()) == (port, ["127.0.0.1"])
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


def test_a_browser_lists_it(announced: WebServer) -> None:
    """Who asks for all services of a kind, without a name, is told."""
    seen = threading.Event()

    class Listener(zeroconf.ServiceListener):
        def add_service(self, zc: zeroconf.Zeroconf, type_: str, name: str) -> None:
            if name == name_of(OSCQUERY, announced.port):
                seen.set()

        def update_service(self, zc: zeroconf.Zeroconf, type_: str, name: str) -> None: ...

        def remove_service(self, zc: zeroconf.Zeroconf, type_: str, name: str) -> None: ...

    with looking() as seeker:
        browser = zeroconf.ServiceBrowser(seeker, [OSCQUERY], Listener())
        assert seen.wait(20)
        browser.cancel()


@pytest.mark.parametrize("has_far_osc", [True, False], ids=["with OSC", "without OSC"])
def test_other_machines_are_told_what_they_are_served(
    announce: Callable[..., WebServer], place: Place, tmp_path: Path, has_far_osc: bool
) -> None:
    """With its address there, under a name that has the machine's in it; OSC only where it is open."""
    host = needed_address()
    web = announce(door=Door(tmp_path / "lan-token"), has_far_osc=has_far_osc)
    assert web.announcer is not None
    if host not in web.announcer._responders:
        pytest.skip(f"no multicast in the network: {web.announcer.problem}")
    seeker = zeroconf.Zeroconf(interfaces=[host])
    try:
        for kind, port in ((OSCQUERY, web.port), (OSC, place.port)):
            info = seeker.get_service_info(kind, name_of(kind, port, machine_name()), 3000)
            if kind == OSC and not has_far_osc:
                assert info is None
            else:
                assert info is not None
                assert (info.port, info.parsed_addresses()) == (port, [host])
    finally:
        seeker.close()
    with looking() as near:
        assert found(near, OSCQUERY, web.port).parsed_addresses() == ["127.0.0.1"]


def test_noise_is_not_answered(announced: WebServer, loop: Loop) -> None:
    """Neither questions about others nor what is no message make it speak, or end it."""
    assert announced.announcer is not None
    question = zeroconf.DNSOutgoing(0)
    question.add_question(zeroconf.DNSQuestion("_http._tcp.local.", 12, 1))
    with _listening("127.0.0.1") as inside, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        for packet in (b"", b"noise", bytes(12), b"\xff" * 9000, *question.packets()):
            sender.sendto(packet, (GROUP, 5353))
        with looking() as seeker:
            found(seeker, OSCQUERY, announced.port)
        told = [packet for packet in _arrived(inside, announced.port) if packet[2] & 0x80]
    assert 1 <= len(told) <= 4


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no way to hear one interface alone")
def test_no_other_interface_hears_of_it(announce: Callable[[], WebServer]) -> None:
    """What is told stays on loopback, and the socket can't be reached from elsewhere."""
    others = [
        address.ip
        for adapter in ifaddr.get_adapters()
        for address in adapter.ips
        if address.is_IPv4 and not str(address.ip).startswith("127.")
    ]
    with contextlib.ExitStack() as stack:
        outside = [stack.enter_context(_listening(str(ip))) for ip in others]
        inside = stack.enter_context(_listening("127.0.0.1"))
        web = announce()
        assert web.announcer is not None
        if web.announcer.problem:
            pytest.skip(f"no multicast here: {web.announcer.problem}")
        assert _arrived(inside, web.port)
        for listener in outside:
            assert not _arrived(listener, web.port)
        assert {one.laddr.ip for one in _mdns_sockets()} == {GROUP}


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


def _arrived(listener: socket.socket, port: int) -> list[bytes]:
    """What has come that is about the bridge on a port; others may be announced meanwhile."""
    packets = []
    with contextlib.suppress(BlockingIOError):
        while True:
            packets.append(listener.recv(9000))
    return [packet for packet in packets if _is_of(packet, port)]


def _is_of(packet: bytes, port: int) -> bool:
    return f"{NAME} {port}".encode() in packet


def _mdns_sockets() -> list[Any]:
    return [one for one in psutil.Process().net_connections("udp4") if one.laddr and one.laddr.port == 5353]


def test_it_is_taken_back(announced: WebServer, loop: Loop, place: Place) -> None:
    """A bridge that has stopped says so, and is not found any more."""
    with _listening("127.0.0.1") as inside:
        loop.run(announced.stop())
        [last] = _arrived(inside, announced.port)
    records = zeroconf.DNSIncoming(last).answers()
    assert records
    assert {record.ttl for record in records} == {0}
    with looking() as seeker, pytest.raises(AssertionError, match="no _osc"):
        found(seeker, OSC, place.port)


def test_it_is_said_again(announce: Callable[[], WebServer], monkeypatch: pytest.MonkeyPatch) -> None:
    """For programs that hear loopback, but ask elsewhere."""
    monkeypatch.setattr(announcing, "REPEAT_S", 0.05)
    web = announce()
    assert web.announcer is not None
    if web.announcer.problem:
        pytest.skip(f"no multicast here: {web.announcer.problem}")
    with _listening("127.0.0.1") as inside:
        inside.settimeout(10)
        n_told = 0
        while n_told < 3:
            n_told += _is_of(inside.recv(9000), web.port)


def test_a_machine_without_multicast_is_served(
    announce: Callable[[], WebServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever zeroconf says, HTTP and OSC answer, and the status tells that nothing is announced."""

    def no_multicast(address: str) -> None:
        raise OSError(19, "No such device")

    monkeypatch.setattr(announcing, "_open_socket", no_multicast)
    web = announce()
    assert web.announcer is not None
    assert "No such device" in web.announcer.problem
    assert json.loads(ask(web.port, "/status")[2])["announced"] is False


def test_a_host_by_name_is_announced_by_its_address(
    announce: Callable[..., WebServer],
) -> None:
    """``osc.host = localhost`` is an allowed value; programs look for an IP address."""
    web = announce(osc_host="localhost")
    assert json.loads(ask(web.port, "/?HOST_INFO")[2])["OSC_IP"] == "127.0.0.1"
    assert web.announcer is not None and "localhost" not in web.announcer.problem


def test_nothing_is_announced_unless_it_is_wanted(web: WebServer) -> None:
    """A server by itself is silent; the daemon's setting says so for it."""
    assert web.announcer is None
    assert json.loads(ask(web.port, "/status")[2])["announced"] is False
