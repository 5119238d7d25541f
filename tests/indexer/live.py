"""An indexer at work in the test's own process, stepped until the test has seen what it waits for."""

import multiprocessing.connection
import time
from collections.abc import Callable
from pathlib import Path

from klustr_bridge.indexer.indexer import Indexer
from klustr_bridge.library.store import Store
from klustr_bridge.settings import Settings, load


def quick_settings(**further: str) -> Settings:
    """Settings for small folders: one worker, PCA, files settle fast, no scans but those asked for."""
    flags = {
        "index.workers": "1",
        "index.settle_s": "0.05",
        "index.rescan_s": "0",
        "layout.method": "pca",
        "layout.refit": "manual",
        "log.level": "error",
    }
    return load(
        flags | {name.replace("__", "."): value for name, value in further.items()}, {}, None
    ).settings


class LiveIndex:
    """A library that is being indexed, and watched if asked.

    Parameters
    ----------
    library : Path
        The library file.
    watch : bool
        Whether its folders are watched.
    settings : Settings
        In force.
    snapshots : Path or None
        Where snapshots go, if any are to be written.
    """

    def __init__(
        self, library: Path, *, watch: bool, settings: Settings, snapshots: Path | None = None
    ) -> None:
        self.library = library
        self.heard: list[object] = []
        self.store = Store.open(library)
        self.indexer = Indexer(
            self.store, settings, send=self.heard.append, snapshot_directory=snapshots, watch=watch
        )

    def run_until(self, condition: Callable[[], bool], deadline_s: float = 30.0) -> bool:
        """Step until `condition` holds; return whether it did before the deadline."""
        until = time.monotonic() + deadline_s
        while time.monotonic() < until:
            pause_s = self.indexer.step()
            if self.indexer.settled and condition():
                return True
            multiprocessing.connection.wait(self.indexer.connections, min(pause_s, 0.05))
        return False

    def finish(self) -> None:
        """Step until everything found is heard and placed."""
        assert self.run_until(lambda: self.indexer.finished), "indexing did not come to an end"

    def close(self) -> None:
        """End workers and watchers and close the library."""
        self.indexer.close()
        self.store.close()
