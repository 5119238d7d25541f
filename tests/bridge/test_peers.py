"""Real programs of others as peers: liblo's tools and Pure Data."""

import selectors
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from klustr_bridge.client import Client
from klustr_bridge.navigator import ClientState
from tests.bridge.places import Place

pytestmark = pytest.mark.peers

PATIENCE_S = 30


def program(name: str) -> str:
    """Path of a program, or a skip that names it."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def free_port() -> int:
    """A UDP port that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def dump() -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """A running oscdump and the port it listens on."""
    port = free_port()
    with subprocess.Popen(
        [program("oscdump"), "-L", str(port)], stdout=subprocess.PIPE, bufsize=0
    ) as process:
        oscsend = program("oscsend")
        first = ""
        while "/ready" not in first:  # it has no other way to say that it listens
            subprocess.run([oscsend, "localhost", str(port), "/ready"], check=True)
            first = _line(process, 0.2)
        while _line(process, 0.2):
            pass
        yield port, process
        process.terminate()


def _line(process: "subprocess.Popen[bytes]", timeout: float) -> str:
    """The next line, or an empty one if none comes in time."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return process.stdout.readline().decode() if selector.select(timeout) else ""


def test_liblo_says_hello_and_its_dump_hears_the_bridge(
    place: Place, dump: tuple[int, "subprocess.Popen[bytes]"]
) -> None:
    """A one-shot sender names the port of a listener, which gets the welcome and the pushes."""
    port, process = dump
    oscsend = program("oscsend")
    subprocess.run(
        [oscsend, "localhost", str(place.port), "/klustr/hello", "si", "dump", str(port)], check=True
    )
    assert "/klustr/welcome siiis" in _line(process, PATIENCE_S)
    x, y = place.navigator.corpus.xy[5]
    subprocess.run([oscsend, "localhost", str(place.port), "/klustr/xy", "ff", str(x), str(y)], check=True)
    words = _line(process, PATIENCE_S).split()
    assert words[1:5] == ["/klustr/hit", "iifffs", "0", str(place.ids[5])]


@pytest.mark.parametrize("scheme", ["osc.udp", "osc.tcp"])
def test_liblo_commands_arrive_over_both_transports(scheme: str, place: Place) -> None:
    """What oscsend sends with types of its own choice is understood, over UDP and TCP."""
    url = f"{scheme}://127.0.0.1:{place.port}"
    with Client(port=place.port) as listener:
        listener.hello("listener")
        x, y = map(str, place.navigator.corpus.xy[4])
        subprocess.run([program("oscsend"), url, "/klustr/xy", "ddh", x, y, "3"], check=True)
        assert listener.wait("/klustr/hit", PATIENCE_S)[:2] == (3, place.ids[4])


PATCH = """\
#N canvas 0 0 450 400 12;
#X obj 10 10 loadbang;
#X obj 10 40 t b b;
#X msg 120 70 connect 127.0.0.1 PORT;
#X msg 10 70 7 0.5 0.5 3;
#X obj 10 100 oscformat klustr near xy;
#X obj 10 130 list prepend send;
#X obj 10 160 list trim;
#X obj 10 190 netsend -u -b;
#X obj 60 220 oscparse;
#X obj 60 250 t b a;
#X obj 120 280 print reply;
#X msg 60 310 \\; pd quit;
#X connect 0 0 1 0;
#X connect 1 0 3 0;
#X connect 1 1 2 0;
#X connect 2 0 7 0;
#X connect 3 0 4 0;
#X connect 4 0 5 0;
#X connect 5 0 6 0;
#X connect 6 0 7 0;
#X connect 7 1 8 0;
#X connect 8 0 9 0;
#X connect 9 1 10 0;
#X connect 9 0 11 0;
"""


def test_pd_asks_and_prints_the_answer(place: Place, tmp_path: Path) -> None:
    """Pd, which sends floats only and never says hello, gets its reply at netsend's second outlet."""
    pd = program("pd")
    patch = tmp_path / "ask.pd"
    patch.write_text(PATCH.replace("PORT", str(place.port)))
    command = [pd, "-nogui", "-noaudio", "-nomidi", "-nrt", "-stderr", "-open", str(patch)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("reply:")]
    words = line.split()
    assert words[1:8] == ["list", "klustr", "near.reply", "7", "1", "1", "3"]
    nearest = [(float(i), float(d)) for i, d in zip(words[8::4], words[9::4], strict=True)]
    expected = place.navigator.near_xy(ClientState(), 0.5, 0.5, 3)
    assert nearest == [(n.id, pytest.approx(n.distance, rel=1e-4)) for n in expected]
