"""A Max for each test, and the daemon that all of them ask."""

import os
from collections.abc import Iterator

import pytest

from tests import sounds
from tests.bridge.conftest import loop as loop
from tests.bridge.conftest import made_library as made_library
from tests.bridge.conftest import serve as serve
from tests.daemon.running import RunningDaemon
from tests.max_patches.max_peer import MaxPeer
from tests.sounds import write_library

ODD_NAMES = (
    "My kick, 808; $1.wav",
    'it\'s "loud" kick.wav' if os.name != "nt" else "it's loud kick.wav",
    "ünïcode 한글 kick.wav",
)
NO_TEXT = b"caf\xe9 bass.wav"
N_SOUNDS = 24 + len(ODD_NAMES) + 1


@pytest.fixture(scope="package")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    home = tmp_path_factory.mktemp("home")
    folder = home / "My Samples, all"
    write_library(folder, 24)
    for number, name in enumerate(ODD_NAMES):
        sounds.write(folder / name, sounds.kick(1000 + number))
    last = sounds.write(folder / "bass.wav", sounds.bass(2000))
    if os.name == "posix":
        os.rename(last, os.path.join(os.fsencode(folder), NO_TEXT))
    with RunningDaemon(home, str(folder)) as running:
        running.wait_ready(N_SOUNDS)
        yield running


@pytest.fixture
def max_peer() -> Iterator[MaxPeer]:
    with MaxPeer() as peer:
        yield peer
