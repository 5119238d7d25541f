"""A Max for each test, and the daemon that all of them ask."""

from collections.abc import Iterator

import pytest

from tests.daemon.running import RunningDaemon
from tests.max_patches.max_peer import MaxPeer
from tests.sounds import write_library

N_SOUNDS = 24


@pytest.fixture(scope="package")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    home = tmp_path_factory.mktemp("home")
    write_library(home / "samples", N_SOUNDS)
    with RunningDaemon(home, str(home / "samples")) as running:
        running.wait_ready(N_SOUNDS)
        yield running


@pytest.fixture
def max_peer() -> Iterator[MaxPeer]:
    with MaxPeer() as peer:
        yield peer
