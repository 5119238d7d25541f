"""A daemon with a few sounds, for the examples to talk to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bridge.test_peers import dump as dump
from tests.daemon.running import RunningDaemon
from tests.sounds import write_library

N_SOUNDS = 12


@pytest.fixture(scope="package")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    home = tmp_path_factory.mktemp("home")
    write_library(home / "samples", N_SOUNDS)
    with RunningDaemon(home, str(home / "samples")) as running:
        running.wait_ready(N_SOUNDS)
        yield running


@pytest.fixture
def root() -> Path:
    """The checkout."""
    return Path(__file__).parents[2]
