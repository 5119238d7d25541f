"""Library commands from a client's packet to the real librarian process, and back as a changed map."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from klustr_bridge.bridge import OscServer
from klustr_bridge.client import Client
from klustr_bridge.corpus import Corpus
from klustr_bridge.errors import IndexerError
from klustr_bridge.indexer.gateway import LibrarianGateway
from klustr_bridge.indexer.librarian import LibrarianSettings
from klustr_bridge.indexer.messages import FromLibrarian, SnapshotReady
from klustr_bridge.navigator import Navigator
from tests.bridge.places import Loop
from tests.indexer.live import quick_settings
from tests.sounds import write_library

N_SOUNDS = 18
PATIENCE_S = 60


class Library:
    """A server on a library that a real librarian keeps; `navigator` answers from its last snapshot."""

    def __init__(self, home: Path, loop: Loop) -> None:
        self._loop = loop
        self._changed = threading.Condition()
        settings = quick_settings(index__watch="off")  # only a rescan finds changes
        start = LibrarianSettings(str(home / "library.klustr"), str(home / "snapshots"), (), settings)
        self._gateway = LibrarianGateway(start, self._hear, self._give_up)
        self.navigator = Navigator(None, self._gateway)
        self._server = OscServer(self.navigator, port=0)
        self.port = loop.run(self._server.start())
        loop.call(self._gateway.start)

    def _hear(self, message: FromLibrarian) -> None:
        with self._changed:
            if isinstance(message, SnapshotReady):
                self.navigator.publish(Corpus.load(Path(message.directory)))
            self._changed.notify_all()

    def _give_up(self, error: IndexerError) -> None:
        raise error

    def wait(self, holds: Callable[[Corpus], bool]) -> None:
        """Wait until the library is so."""
        with self._changed:
            assert self._changed.wait_for(lambda: holds(self.navigator.corpus), PATIENCE_S)

    def close(self) -> None:
        """Stop the server, then the librarian."""
        self._loop.run(self._server.stop())
        self._loop.run(self._gateway.stop())


@pytest.fixture
def library(tmp_path: Path, loop: Loop) -> Iterator[Library]:
    """An empty library, served."""
    library = Library(tmp_path, loop)
    yield library
    library.close()


def test_library_commands_change_the_library(library: Library, tmp_path: Path) -> None:
    """Add, rescan, relayout and remove are each done by the librarian when done is said."""
    folder = tmp_path / "samples"
    gone, *_ = write_library(folder, N_SOUNDS)
    with Client(port=library.port) as client:
        client.command("/klustr/folder/add", str(folder), timeout=PATIENCE_S)
        library.wait(lambda corpus: corpus.n_placed == N_SOUNDS)
        gone.unlink()
        client.command("/klustr/rescan", timeout=PATIENCE_S)
        library.wait(lambda corpus: corpus.n_files == N_SOUNDS - 1)
        assert library.navigator.corpus.id_of_path(os.fsencode(gone)) is None
        epoch = client.status().epoch
        client.command("/klustr/relayout", timeout=PATIENCE_S)
        library.wait(lambda corpus: corpus.epoch == epoch + 1)
        client.command("/klustr/folder/remove", str(folder), timeout=PATIENCE_S)
        library.wait(lambda corpus: corpus.n_files == 0)
        assert client.folders() == []
