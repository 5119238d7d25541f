"""The daemon and the MIDI system: there is none, there is one, there was one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bridge.jack import JACK, PATIENCE_S, Controller, JackServer
from tests.daemon.running import RunningDaemon
from tests.sounds import write_library

N_SOUNDS = 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "samples"
    write_library(folder, N_SOUNDS)
    return folder


@pytest.fixture
def jack(monkeypatch: pytest.MonkeyPatch) -> Iterator[JackServer]:
    server = JackServer.for_midi(monkeypatch)
    yield server
    server.close()


def test_without_a_midi_system_it_says_so_and_serves(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listening to MIDI is on by default, so a machine without any must only be told."""
    monkeypatch.setenv("MIDO_BACKEND", JACK)
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "there-is-none")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    with RunningDaemon(tmp_path / "home", str(folder), "--midi", "on") as daemon:
        assert "--midi off" in daemon.wait_for_line("^MIDI: ")
        daemon.wait_ready(N_SOUNDS)
        assert daemon.stop() == 0


@pytest.mark.peers
def test_a_midi_system_that_dies_takes_nothing_along(tmp_path: Path, folder: Path, jack: JackServer) -> None:
    """Hits come from a controller, which moves in the view of the settings.

    When the MIDI system is killed the daemon serves on and ends cleanly.
    """
    words = [str(folder), "--midi", "on", "--midi-ports", "*PAD*", "--map-view", "even"]
    with Controller() as pad, RunningDaemon(tmp_path / "home", *words) as daemon:
        daemon.wait_for_line("^MIDI: listening to nanoPAD:pad$")
        daemon.wait_ready(N_SOUNDS)
        point = daemon.client.points()[0]
        pad.point(point.x, point.y)
        while (hit := daemon.client.wait("/klustr/hit", PATIENCE_S))[1] != point.id:
            pass
        assert hit[-1] == "midi"
        jack.kill()
        assert daemon.client.status().sounds == N_SOUNDS
        assert daemon.stop() == 0
