"""The small client: what it does when things go wrong, and that it stays small."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from klustr_bridge.client import Client, FailError, NoAnswerError
from klustr_bridge.client.conversation import from_wire, to_wire
from klustr_bridge.corpus import Corpus
from tests.bridge.places import STRANGE_NAME, Place
from tests.corpus.snapshots import Made, MadeSound, below, write_made


class Relay(asyncio.DatagramProtocol):
    """Stands between a client and a bridge and loses some of the bridge's packets."""

    def __init__(self, port: int, lost: set[int]) -> None:
        self._bridge = ("127.0.0.1", port)
        self._lost = lost
        self._client: Any = None
        self._n_replies = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if addr != self._bridge:
            self._client = addr
            self.transport.sendto(data, self._bridge)
            return
        self._n_replies += 1
        if self._n_replies not in self._lost:
            self.transport.sendto(data, self._client)


def relayed(place: Place, lost: set[int]) -> tuple[Relay, int]:
    """A relay to a bridge and the port it listens on."""

    async def start() -> tuple[Relay, int]:
        loop = asyncio.get_running_loop()
        transport, relay = await loop.create_datagram_endpoint(
            lambda: Relay(place.port, lost), local_addr=("127.0.0.1", 0)
        )
        return relay, transport.get_extra_info("sockname")[1]

    return place.loop.run(start())


def hundreds(place: Path) -> Corpus:
    """500 placed sounds: points come in eight packets."""
    sounds = [MadeSound(i + 1, [below(f"{i:03d}.wav")], (i / 500, 0.5), (float(i), 0.0)) for i in range(500)]
    return Corpus.load(write_made(place / "hundreds", Made(sounds)))


@pytest.mark.parametrize("lost", [set(), {2}, {3, 5, 8}, {8}])
def test_points_that_get_lost_are_asked_for_again(
    lost: set[int], serve: Callable[..., Place], tmp_path: Path
) -> None:
    """Whatever packets are lost, all points arrive once and in order."""
    place = serve(corpus=hundreds(tmp_path))
    relay, port = relayed(place, lost)
    with Client(port=port, timeout=0.3) as client:
        assert [point.id for point in client.points()] == list(range(1, 501))
    place.loop.call(relay.transport.close)


def test_a_list_with_a_missing_part_is_not_taken_for_whole(
    serve: Callable[..., Place], tmp_path: Path
) -> None:
    """A request whose packets don't all come fails instead of answering less."""
    place = serve(corpus=hundreds(tmp_path))
    relay, port = relayed(place, {2})
    with Client(port=port, timeout=0.3) as client, pytest.raises(NoAnswerError, match="only some packets"):
        client.near_xy(0.5, 0.5, 200)
    place.loop.call(relay.transport.close)


def test_nothing_comes_in_time(place: Place) -> None:
    """A request that is lost ends after the timeout, naming host and port."""
    relay, port = relayed(place, {1})
    with Client(port=port, timeout=0.2) as client:
        with pytest.raises(NoAnswerError, match=f"127.0.0.1 port {port} within 0.2 s"):
            client.status()
        assert client.status().epoch == 1
    place.loop.call(relay.transport.close)


@pytest.mark.parametrize("tcp", [False, True])
def test_commands_wait_until_they_are_done(tcp: bool, place: Place, tmp_path: Path) -> None:
    """Adding a folder returns when it is watched, or raises what the bridge says."""
    with Client(port=place.port, tcp=tcp) as client:
        client.add_folder(tmp_path)
        assert str(tmp_path) in [folder.path for folder in client.folders()]
        with pytest.raises(FailError) as refused:
            client.add_folder(tmp_path / "not there")
    assert (refused.value.address, refused.value.code) == ("/klustr/folder/add", "notfound")


def test_a_kind_is_corrected_and_taken_back(place: Place) -> None:
    """Each is in force when the call returns: the user's word, then the name's again."""
    with Client(port=place.port) as client:
        sound_id = client.find("kick")[0]
        client.kind(sound_id, "tom")
        said = client.info(sound_id)
        assert (said.kind, said.kind_source) == ("tom", "user")
        client.kind(sound_id, "auto")
        said = client.info(sound_id)
        assert (said.kind, said.kind_source) == ("kick", "file")
        with pytest.raises(FailError, match="allowed unknown kick snare"):
            client.kind(sound_id, "snaer")


def test_pushes_are_kept_while_something_else_is_waited_for(place: Place, client: Client) -> None:
    """A push that comes during a request is not lost."""
    client.hello()
    place.loop.call(place.server.push_epoch, 1, 2)
    client.status()
    place.loop.call(place.server.push_epoch, 2, 2)
    assert list(client.events(timeout=0.2)) == [("/klustr/epoch", (1, 2)), ("/klustr/epoch", (2, 2))]


def test_sync_returns_when_it_is_answered(client: Client) -> None:
    """All that was sent before is in force then."""
    client.send("/klustr/filter/kind", "cowbell")
    client.sync()
    assert {client.info(n.id).kind for n in client.near_xy(0.5, 0.5)} == {"cowbell"}


@pytest.mark.parametrize(
    "path", [b"/a/" + STRANGE_NAME, "/a/caf\u00e9 \u97f3.wav".encode(), b"/a/back\\slash \\x41"]
)
@pytest.mark.skipif(os.name == "nt", reason="names of other systems")
def test_paths_survive_the_wire(path: bytes) -> None:
    """Any name of a file comes back as the same bytes."""
    to_wire(path).encode("utf-8")
    assert os.fsencode(from_wire(to_wire(path))) == path


def test_the_client_imports_nothing_of_the_serving_side() -> None:
    """It starts fast: no numpy, no search, no sockets of the bridge."""
    code = "import sys, klustr_bridge.client; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"numpy", "scipy", "faiss", "soundfile", "sounddevice", "asyncio", "klustr_bridge.bridge"}
    assert not heavy & set(loaded)
