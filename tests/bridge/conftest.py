"""Fixtures: one library for the whole run, a server of its own for each test."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from klustr_bridge.bridge import OscServer
from klustr_bridge.bridge.web import WebServer
from klustr_bridge.client import Client
from klustr_bridge.corpus import Corpus
from klustr_bridge.navigator import Navigator
from tests.bridge.places import Loop, Place, SilentPlayer, StoreLibrarian, make_library


@pytest.fixture(scope="session")
def made_library(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The library's place and its snapshot; not to be changed."""
    place = tmp_path_factory.mktemp("bridge-library")
    return place, make_library(place)


@pytest.fixture
def loop() -> Iterator[Loop]:
    """An event loop in a thread."""
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def serve(made_library: tuple[Path, Path], loop: Loop, tmp_path: Path) -> Iterator[Callable[..., Place]]:
    """Start servers over the library; arguments go to `OscServer`."""
    started: list[Place] = []

    def start(corpus: Corpus | None = None, **settings: Any) -> Place:
        place, snapshot = made_library
        own = tmp_path / f"own{len(started)}"
        own.mkdir()
        shutil.copy(place / "library.sqlite3", own)
        librarian, player = StoreLibrarian(own), SilentPlayer()
        navigator = Navigator(player, librarian, corpus or Corpus.load(snapshot))
        librarian.publish = navigator.publish
        server = OscServer(navigator, port=0, **settings)
        server.midi.learn, server.midi.cancel = librarian.learn, lambda: librarian.asked.append(("cancel",))
        server.midi.clip = librarian.clip
        port = loop.run(server.start())
        started.append(Place(server, navigator, librarian, player, loop, port, place / "Samples"))
        return started[-1]

    yield start
    for place in started:
        loop.run(place.server.stop())


@pytest.fixture
def place(serve: Callable[..., Place]) -> Place:
    """A running server over the library."""
    return serve()


@pytest.fixture
def client(place: Place) -> Iterator[Client]:
    """A client of it."""
    with Client(port=place.port) as client:
        yield client


@pytest.fixture
def serve_http(loop: Loop, place: Place) -> Iterator[Callable[..., WebServer]]:
    """Start HTTP servers in the loop of the OSC server, for its clients; arguments go to `WebServer`."""
    started: list[WebServer] = []

    async def begin(settings: dict[str, Any]) -> WebServer:
        given = {"port": 0, "osc_port": place.port, "version": "1.2.3", "osc": place.server, **settings}
        web = WebServer(place.navigator, **given)
        started.append(web)
        await web.start()
        return web

    yield lambda **settings: loop.run(begin(settings))
    for web in started:
        loop.run(web.stop())


@pytest.fixture
def web(serve_http: Callable[..., WebServer]) -> WebServer:
    """A running HTTP server."""
    return serve_http()
