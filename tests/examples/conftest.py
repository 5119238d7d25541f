"""A daemon with a few sounds, for the examples to talk to."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.bridge.test_peers import dump as dump
from tests.daemon.running import RunningDaemon
from tests.sounds import DRUMS, RATE, sine, write, write_library

N_SOUNDS = 12

ODD_NAMES = (
    "My Samples (2026)/Kick #1 {big}; $1, 50%.wav",
    'Zoë\'s "best"/Snare – 日本 & Ü.wav',
    "C:/Program Files/808 it's.wav",  # as a Windows path looks inside
    "  two  spaces  /~tilde [1] \\$0 .wav".replace("\\", ""),
)
"""Names as producers give them, and characters that Pd and sclang have their own use for."""

STEREO_NAME = "Stereo/left 440, right 880.wav"
STEREO_RATE = 22_050


@pytest.fixture(scope="package")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    home = tmp_path_factory.mktemp("home")
    write_library(home / "samples", N_SOUNDS)
    with RunningDaemon(home, str(home / "samples")) as running:
        running.wait_ready(N_SOUNDS)
        yield running


@pytest.fixture(scope="package")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon with sounds in files of odd names, and one in stereo at half the usual rate."""
    home = tmp_path_factory.mktemp("odd home")
    makers = list(DRUMS.values())
    for number, name in enumerate(ODD_NAMES):
        write(home / "samples" / name, makers[number](number), RATE)
    sides = [sine(frequency_hz, 0.4, 0.5, STEREO_RATE) for frequency_hz in (440.0, 880.0)]
    write(home / "samples" / STEREO_NAME, np.stack(sides, axis=1), STEREO_RATE)
    with RunningDaemon(home, str(home / "samples")) as running:
        running.wait_ready(len(ODD_NAMES) + 1)
        yield running


@pytest.fixture
def root() -> Path:
    """The checkout."""
    return Path(__file__).parents[2]
