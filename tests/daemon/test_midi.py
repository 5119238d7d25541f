"""The daemon and the MIDI system: there is none, there is one, there was one."""

import contextlib
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import mido
import pytest

from klustr_bridge.client import NoAnswerError
from tests.bridge.jack import JACK, PATIENCE_S, Controller, JackServer
from tests.daemon.running import RunningDaemon, environment, run
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


def until_hit(daemon: RunningDaemon, send: Callable[[], object], sound_id: int) -> None:
    """Send until the hit comes: JACK loses messages when the machine is busy."""
    for _ in range(6):
        send()
        with contextlib.suppress(NoAnswerError):
            while daemon.client.wait("/klustr/hit", PATIENCE_S / 6)[1] != sound_id:
                pass
            return
    pytest.fail(f"the sound {sound_id} was not hit")


@pytest.mark.peers
def test_programs_can_send_to_the_bridges_own_port(tmp_path: Path, folder: Path, jack: JackServer) -> None:
    """A gesture and a key of another process come in by the port klustr-bridge."""
    with RunningDaemon(tmp_path / "home", str(folder), "--midi", "on") as daemon:
        daemon.wait_ready(N_SOUNDS)
        daemon.wait_for_line("^MIDI: ")
        backend = mido.Backend(JACK)
        until_s = time.monotonic() + PATIENCE_S
        while not (names := [name for name in backend.get_output_names() if "klustr-bridge" in name]):
            assert time.monotonic() < until_s
            time.sleep(0.2)
        points = daemon.client.points()
        assert names == ["klustr-bridge:klustr-bridge"]
        with Controller.into(names[0]) as sequencer:
            for point in points[:2]:
                until_hit(daemon, lambda point=point: sequencer.point(point.x, point.y), point.id)
        assert daemon.stop() == 0


@pytest.mark.peers
def test_what_is_learned_drives_at_once_and_the_file_can_be_edited(
    tmp_path: Path, folder: Path, jack: JackServer
) -> None:
    """By OSC while the bridge runs; the mapping file is read again whenever it changes, mistakes are told."""
    home, file = tmp_path / "home", tmp_path / "midi.toml"
    words = [str(folder), "--midi", "on", "--midi-mapping", str(file)]
    with Controller("box", "knobs") as box, RunningDaemon(home, *words) as daemon:
        daemon.wait_for_line("^MIDI: listening to box:knobs$")
        daemon.wait_ready(N_SOUNDS)
        client = daemon.client

        def turn(number: int) -> None:
            for value in range(20, 100, 4):
                box.send(f"B0 {number:02X} {value:02X}")

        for number, target in ((70, "x"), (71, "y")):
            client.send("/klustr/midi/learn", target)
            learned = threading.Event()

            def keep_turning(number: int = number, learned: threading.Event = learned) -> None:
                while not learned.is_set():
                    turn(number)

            hand = threading.Thread(target=keep_turning)
            hand.start()
            try:
                assert client.wait("/klustr/done", PATIENCE_S) == ("/klustr/midi/learn",)
            finally:
                learned.set()
                hand.join()
        assert 'control = "cc 70 ch 1"' in file.read_text()
        point = client.points()[0]

        def point_at() -> None:
            box.send(f"B0 46 {round(point.x * 127):02X}")
            box.send(f"B0 47 {round(point.y * 127):02X}")

        until_hit(daemon, point_at, point.id)
        client.send("/klustr/midi/learn", "nowhere")
        assert "allowed are x, y" in client.wait("/klustr/fail")[3]
        file.write_text(file.read_text().replace("cc 70 ch 1", "cc 300"))
        daemon.wait_for_line("^MIDI: .*allowed is 0 to 127")
        point = client.points()[1]
        until_hit(daemon, point_at, point.id)
        file.write_text(file.read_text().replace("cc 300", "cc 72"))
        point = client.points()[2]

        def point_at_anew() -> None:
            box.send(f"B0 48 {round(point.x * 127):02X}")
            box.send(f"B0 47 {round(point.y * 127):02X}")

        until_hit(daemon, point_at_anew, point.id)
        assert daemon.stop() == 0


@pytest.mark.peers
def test_inputs_are_listed_monitored_and_learned_from_the_command_line(
    tmp_path: Path, jack: JackServer
) -> None:
    """Without a bridge running."""
    home, file = tmp_path / "home", tmp_path / "midi.toml"
    file.write_text(
        '[[controller]]\nports = "box"\n[[controller.control]]\ncontrol = "cc 9"\ntarget = "random"\n'
    )
    where = ["--midi-mapping", str(file)]
    with Controller("box", "knobs") as box, Controller("keyboard", "keys"):
        listed = run(home, "midi", "list", *where).stdout
        assert f"box:knobs: understood as box in {file}" in listed
        assert "keyboard:keys: understood as any controller" in listed
        monitor = subprocess.Popen(
            [sys.executable, "-m", "klustr_bridge", "midi", "monitor", *where],
            env=environment(home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with monitor:
            assert monitor.stdout is not None and monitor.stderr is not None
            assert "listening to" in monitor.stderr.readline()
            turning = threading.Event()

            def press() -> None:
                while not turning.is_set():
                    box.send("B0 09 7F")
                    box.send("B0 09 00")

            hand = threading.Thread(target=press)
            hand.start()
            try:
                said = {monitor.stdout.readline().strip() for _ in range(30)}
            finally:
                turning.set()
                hand.join()
                monitor.kill()
        assert "box:knobs  cc 9 ch 1  127" in said
        assert any(line.startswith("command name random") for line in said)
        learn = subprocess.Popen(
            [sys.executable, "-m", "klustr_bridge", "midi", "learn", "kind kick", *where],
            env=environment(home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with learn:
            assert learn.stdout is not None and learn.stderr is not None
            assert "move what is to drive kind kick" in learn.stderr.readline()
            while learn.poll() is None:
                box.send("90 24 7F")
                box.send("80 24 00")
                time.sleep(0.05)
            assert learn.wait(20) == 0
            assert "note 36 ch 1 of box:knobs drives kind kick" in learn.stdout.read()
        assert 'target = "kind kick"' in file.read_text()
    wrong = run(home, "midi", "learn", "nowhere", *where)
    assert wrong.returncode != 0
    assert "allowed are x, y" in wrong.stderr
    assert run(home, "midi", "learn", *where).returncode == 2


@pytest.mark.peers
def test_a_sequencer_records_what_is_played(tmp_path: Path, folder: Path, jack: JackServer) -> None:
    """Notes of OSC triggers come in at another program, and never go round."""
    backend = mido.Backend(JACK)
    heard: queue.SimpleQueue[mido.Message] = queue.SimpleQueue()
    words = [str(folder), "--midi", "on", "--midi-output", "on"]
    with RunningDaemon(tmp_path / "home", *words) as daemon:
        daemon.wait_ready(N_SOUNDS)
        until_s = time.monotonic() + PATIENCE_S
        while not (names := [name for name in backend.get_input_names() if "klustr-bridge-notes" in name]):
            assert time.monotonic() < until_s
            time.sleep(0.2)
        sequencer = backend.open_input(names[0], callback=heard.put)
        try:
            assert "klustr-bridge-notes" not in daemon.wait_for_line("^MIDI: ")
            time.sleep(1.5)  # a bridge that listened to itself would have begun to by now
            for _ in range(5):
                daemon.client.send("/klustr/trigger", daemon.client.points()[0].id, 1.0)
                time.sleep(0.3)
            time.sleep(0.5)
        finally:
            sequencer.close()
        messages = [heard.get_nowait() for _ in range(heard.qsize())]
        ons = [message for message in messages if message.type == "note_on"]
        assert 3 <= len(ons) <= 5  # JACK may lose some
        assert all((message.velocity, message.channel) == (127, 9) for message in ons)
        assert daemon.client.health()["plays"] == 5
        assert daemon.stop() == 0
