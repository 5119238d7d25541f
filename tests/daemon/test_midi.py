"""The daemon and the MIDI system: there is none, there is one, there was one."""

import contextlib
import json
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mido
import pytest

from klustr_bridge.client import NoAnswerError
from klustr_bridge.midi.lights import PALETTES
from tests.bridge.jack import JACK, PATIENCE_S, Controller, JackServer
from tests.bridge.web_peers import ask
from tests.commands import run
from tests.daemon import running
from tests.daemon.running import RunningDaemon, environment
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


def status(daemon: RunningDaemon) -> dict[str, Any]:
    """What it says of itself over HTTP."""
    port = int(daemon.wait_for_line(r"^HTTP on ").rstrip("/").rpartition(":")[2])
    told: dict[str, Any] = json.loads(ask(port, "/status")[2])
    return told


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
        assert "--midi off" in status(daemon)["midi_problem"]
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


def until_played(daemon: RunningDaemon, send: Callable[[], object], sound_id: int) -> None:
    """Send until the client, who sounds what MIDI plays, is told to play it as loud as it was hit."""
    for _ in range(6):
        send()
        with contextlib.suppress(NoAnswerError):
            while daemon.client.wait("/klustr/play", PATIENCE_S / 6)[1:3] != (
                sound_id,
                pytest.approx(64 / 127),
            ):
                pass
            return
    pytest.fail(f"the sound {sound_id} was not played")


@pytest.mark.peers
def test_programs_can_send_to_the_bridges_own_port(tmp_path: Path, folder: Path, jack: JackServer) -> None:
    """A gesture and pads of another process come in by the port klustr-bridge."""
    file = tmp_path / "midi.toml"
    file.write_text(
        '[[controller]]\nports = "klustr-bridge"\n[[controller.pads]]\nfirst = 36\ncolumns = 2\nrows = 2\n'
    )
    words = [str(folder), "--midi", "on", "--midi-mapping", str(file)]
    with RunningDaemon(tmp_path / "home", *words) as daemon:
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
            daemon.client.send("/klustr/player", "client")
            daemon.client.ping()
            for pad in daemon.client.grid(2, 2):
                press = f"90 {36 + 2 * pad.row + pad.column:02X} 40"
                until_played(daemon, lambda press=press: sequencer.send(press), pad.id)
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
        listed = running.run(home, "midi", "list", *where).stdout
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
            assert status(daemon)["midi_outputs"] == ["klustr-bridge-notes"]
            assert "klustr-bridge" in status(daemon)["midi_inputs"]
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


@pytest.mark.peers
def test_pads_are_lit_by_the_kinds_of_their_sounds(tmp_path: Path, folder: Path, jack: JackServer) -> None:
    """On the output that the mapping file names; dark again when the bridge ends."""
    file = tmp_path / "midi.toml"
    where = ["--midi-mapping", str(file)]
    heard: queue.SimpleQueue[mido.Message] = queue.SimpleQueue()
    lamps = mido.Backend(JACK).open_input("lamps", virtual=True, client_name="lamps", callback=heard.put)
    colours: dict[int, int] = {}

    def until(is_so: Callable[[], bool], do: Callable[[int], object]) -> int:
        """Do something until it shows: JACK loses messages when the machine is busy. Return how often."""
        for number in range(1, 9):
            do(number)
            until_s = time.monotonic() + PATIENCE_S / 6
            while not is_so() and (left_s := until_s - time.monotonic()) > 0.0:
                with contextlib.suppress(queue.Empty):
                    message = heard.get(timeout=left_s)
                    if message.type == "note_on":
                        colours[message.note] = message.velocity
            if is_so():
                return number
        pytest.fail(f"it never showed; the lights are {colours}")

    def write(channel: int) -> None:
        """Another file each time, so that all lights are sent."""
        file.write_text(
            f'[[controller]]\nports = "board"\nlights = "launchpad"\nlights_channel = {channel}\n'
            'output = "lamps"\nsetup = "F0 7E 06 01 F7"\n'
            "[[controller.pads]]\nfirst = 36\ncolumns = 2\nrows = 2\n"
        )

    write(16)
    try:
        with (
            Controller("board", "keys") as board,
            RunningDaemon(tmp_path / "home", str(folder), "--midi", "on", *where) as daemon,
        ):
            daemon.wait_ready(N_SOUNDS)
            until(lambda: sum(map(bool, colours.values())) == N_SOUNDS, write)
            lit = [note for note in (36, 37, 38, 39) if colours.get(note)]
            kinds = {daemon.client.info(point.id).kind for point in daemon.client.points()}
            assert {colours[note] for note in lit} == {PALETTES["launchpad"][kind] for kind in kinds}
            listed = running.run(tmp_path / "home", "midi", "list", *where).stdout
            assert f"board:keys: understood as board in {file}, lights on lamps:lamps" in listed
            assert "RtMidi" not in listed
            assert "board:keys" in status(daemon)["midi_inputs"]
            assert status(daemon)["midi_outputs"] == ["lamps:lamps"]
            pad, before = lit[0], colours[lit[0]]
            n_played = daemon.client.health()["plays"]
            n_presses = until(
                lambda: colours[pad] not in (0, before), lambda _: board.send(f"90 {pad:02X} 7F")
            )
            until(lambda: colours[pad] == before, lambda _: board.send(f"80 {pad:02X} 00"))
            n_plays = daemon.client.health()["plays"] - n_played
            assert 1 <= n_plays <= n_presses  # lights don't come back as notes
            until(lambda: not all(colours[note] for note in lit), lambda _: daemon.stop())
    finally:
        lamps.close()


@pytest.mark.peers
def test_the_way_from_midi_to_sound_is_tested(tmp_path: Path, folder: Path, jack: JackServer) -> None:
    """By the bridge's own port: what was sent, what came of it; why not where there is no bridge, or port."""
    home = tmp_path / "home"
    assert "no bridge is running" in run(home, "midi", "test").stderr
    with RunningDaemon(home, str(folder), "--midi", "on") as daemon:
        daemon.wait_ready(N_SOUNDS)
        tested = running.run(home, "midi", "test")
        assert re.search(
            r"^playing klustr-bridge:klustr-bridge: 3 moves, 4 keys\n"
            r"[123] of 3 moves hit a sound, [\d.]+ ms from move to hit; 4 keys, [1-4] sounds$",
            tested.stdout,
            re.MULTILINE,
        ), tested
        assert tested.returncode == 0
        assert daemon.stop() == 0
    with RunningDaemon(home, str(folder), "--midi", "on", "--midi-virtual", "off") as daemon:
        daemon.wait_ready(N_SOUNDS)
        refused = running.run(home, "midi", "test")
        assert refused.returncode == 1
        assert "has no port 'klustr-bridge'" in refused.stderr
        assert daemon.stop() == 0


def test_what_was_played_is_written_as_a_clip(tmp_path: Path, folder: Path) -> None:
    """Without any MIDI system; into the folder of recordings, or where it is asked for."""
    home, out = tmp_path / "home", tmp_path / "take.mid"
    assert "no bridge is running" in run(home, "midi", "clip").stderr
    words = [str(folder), "--midi", "off", "--recordings", str(tmp_path / "takes")]
    with RunningDaemon(home, *words) as daemon:
        daemon.wait_ready(N_SOUNDS)
        refused = run(home, "midi", "clip")
        assert refused.returncode == 1
        assert "nothing has been played yet" in refused.stderr
        points = daemon.client.points()
        for point in points:
            daemon.client.send("/klustr/trigger", point.id, 1.0)
        daemon.client.ping()
        clip = daemon.client.midi_clip(2)
        assert (Path(clip.path).parent, clip.notes) == (tmp_path / "takes", N_SOUNDS)
        said = run(home, "midi", "clip", "--bars", "1", str(out)).stdout
        assert said == f"{N_SOUNDS} notes of the last 1 bar in {out}\n"
        notes = [message for message in mido.MidiFile(out) if message.type == "note_on"]
        assert len(notes) == N_SOUNDS
        assert {note.channel for note in notes} == {9}
        assert [path.name for path in (tmp_path / "takes").iterdir()] == [Path(clip.path).name]
        for words, reason in (
            ([str(out)], "is there already"),
            (["take.wav"], "should end with .mid"),
            (["--bars", "65"], "allowed 1..64"),
            ([str(tmp_path / "nowhere" / "take.mid")], "there is no folder"),
        ):
            refused = run(home, "midi", "clip", *words)
            assert refused.returncode != 0
            assert reason in refused.stderr
        assert daemon.stop() == 0


def test_learning_can_be_called_off(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the client that asked, at once, or by another one that wants to learn something else."""
    monkeypatch.setenv("MIDO_BACKEND", JACK)
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "there-is-none")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    home = tmp_path / "home"
    with RunningDaemon(home, str(folder), "--midi", "on") as daemon:
        daemon.wait_ready(N_SOUNDS)
        client = daemon.client
        client.send("/klustr/midi/learn", "x")
        client.sync()  # what waits for a hand holds up nothing
        client.send("/klustr/midi/learn", "cancel")
        said = [client.wait("/klustr/fail"), client.wait("/klustr/done")]
        assert said[0][:3] == ("/klustr/midi/learn", -1, "notready")
        assert "called off" in said[0][3]
        assert said[1] == ("/klustr/midi/learn",)
        learn = subprocess.Popen(
            [sys.executable, "-m", "klustr_bridge", "midi", "learn", "y"],
            env=environment(home),
            stderr=subprocess.PIPE,
            text=True,
        )
        with learn:
            assert learn.stderr is not None
            assert "the running bridge learns it" in learn.stderr.readline()
            while learn.poll() is None:  # it may not have asked yet
                client.send("/klustr/midi/learn", "random")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    learn.wait(0.1)
            assert "no control for y was learned: a control for random is learned now" in learn.stderr.read()
        assert learn.returncode == 1
        client.send("/klustr/midi/learn", "cancel")
        assert "no control for random" in client.wait("/klustr/fail")[3]
        assert daemon.stop() == 0
