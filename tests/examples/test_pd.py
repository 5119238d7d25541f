"""The Pd instrument, in Pd itself, against a real daemon."""

import socket
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pythonosc.osc_message_builder import build_msg

from tests.bridge.test_peers import free_port
from tests.daemon.running import RunningDaemon
from tests.examples.conftest import N_SOUNDS, ODD_NAMES, STEREO_NAME, STEREO_RATE
from tests.examples.pd import Pd
from tests.examples.peers import PlayedBridge, check_a_new_run_is_greeted
from tests.sounds import write_library

pytestmark = pytest.mark.peers

VOLUME = 0.8**2


def test_the_window_follows_the_cursor_and_lists_neighbours(daemon: RunningDaemon, tmp_path: Path) -> None:
    """It says hello by itself; the sliders name a sound; what is most like it is listed and played."""
    other, place = daemon.client.points()[2:4]
    info, nearest = daemon.client.info(place.id), daemon.client.similar(place.id, 8)
    with Pd(tmp_path, daemon.port) as pd:
        pd.answer("welcome ")
        pd.send(f"klustr.x.set {place.x:.6f}", f"klustr.y.set {place.y:.6f}")
        assert pd.answer(f"info.reply 1 {place.id} ")[3:6] == [info.uid, info.name, info.kind]
        pd.send(f"klustr.xy {other.x:.6f} {other.y:.6f}")  # as the cross of the pad does
        pd.answer(f"hit 0 {other.id} ")
        seen = len(pd.lines)
        pd.send(f"klustr.xy {place.x:.6f} {place.y:.6f}")
        pd.answer(f"hit 0 {place.id} ", seen)
        pd.send("klustr.similar bang")
        assert [int(number) for number in pd.answer("near.reply 2 ")[5::4]] == [near.id for near in nearest]
        said = pd.wait_for("^nearest: symbol [^-]").string.replace("\\ ", " ")
        assert said == f"nearest: symbol {daemon.client.info(nearest[0].id).name}"
        pd.send("klustr.near-1 bang")
        assert pd.answer(rf"play \d+ {nearest[0].id} ")[3] == "1"


def test_choices_narrow_what_can_be_hit(daemon: RunningDaemon, tmp_path: Path) -> None:
    """A kind, a length and a mode chosen in the window are in force; nothing is refused."""
    snares = set(daemon.client.find("snare", 100))
    with Pd(tmp_path, daemon.port) as pd:
        pd.answer("welcome ")
        pd.send("klustr.audition.set 3", "klustr.kind.set 2", "klustr.x.set 0.9", "klustr.random bang")
        assert int(pd.answer("hit ")[2]) in snares
        pd.send("klustr.kind.set 0", "klustr.send /klustr/near/xy 7 0.5 0.5 100")
        assert pd.answer("near.reply 7 ")[4] == str(N_SOUNDS)
        pd.send("klustr.longest.set 0.001", "klustr.send /klustr/near/xy 8 0.5 0.5 100")
        assert pd.answer("near.reply 8 ")[4] == "0"
        assert not [line for line in pd.lines if line.startswith("refused")]


def paths_heard(pd: Pd, daemon: RunningDaemon) -> dict[str, str]:
    """Trigger every sound from Pd and return the path that Pd got, by the daemon's own."""
    heard = {}
    for point in daemon.client.points():
        pd.send(f"klustr.send /klustr/trigger {point.id} 0.5")
        heard[daemon.client.path(point.id)] = pd.answer(rf"play \d+ {point.id} ")[4]
    return heard


def test_odd_names_reach_pd_and_its_soundfiler(odd: RunningDaemon, tmp_path: Path) -> None:
    """Spaces, quotes, semicolons, dollars and other alphabets arrive whole, and Pd opens the files."""
    with Pd(tmp_path, odd.port) as pd:
        pd.answer("welcome ")
        pd.send("klustr.player.set 1")
        heard = paths_heard(pd, odd)
        pd.send("klustr.send /klustr/sync 5")
        pd.answer("synced 5")
        assert not [line for line in pd.lines if "error" in line or "refused" in line]
    samples = odd.home / "samples"
    assert heard == {path: path for path in heard}
    assert set(heard) == {str(samples / name) for name in (*ODD_NAMES, STEREO_NAME)}


def take(pd: Pd, daemon: RunningDaemon, name: str, out: Path) -> tuple[np.ndarray, int]:
    """Let Pd play one sound of the library and return five seconds of what it sounds like."""
    (sound_id,) = [p.id for p in daemon.client.points() if daemon.client.path(p.id).endswith(name)]
    pd.answer("welcome ")
    pd.send("klustr.player.set 1", "take bang")
    seen = len(pd.lines)
    pd.send(f"klustr.send /klustr/trigger {sound_id} 0.5")
    pd.wait_for("^loud: 1", seen)
    pd.wait_for("^loud: 0", seen)
    pd.send(f"keep write -bytes 4 {out} take-left take-right")
    pd.wait_for("^kept: 220500")
    return soundfile.read(out, dtype="float32")


def test_pd_plays_the_file_as_it_is(odd: RunningDaemon, tmp_path: Path) -> None:
    """In player mode client the samples of the file come out, at the velocity and the volume, both sides."""
    with Pd(tmp_path, odd.port) as pd:
        played, rate = take(pd, odd, ODD_NAMES[0], tmp_path / "take.wav")
    wanted, wanted_rate = soundfile.read(odd.home / "samples" / ODD_NAMES[0], dtype="float32")
    assert rate == wanted_rate == 44_100
    for side in played.T:
        match = np.correlate(side, wanted, "valid")
        at = int(match.argmax())
        inner = slice(2, -2)  # tabread4~ reads between four samples: the outermost are not to be had
        piece = side[at : at + len(wanted)]
        assert np.abs(piece - 0.5 * VOLUME * wanted)[inner].max() < 0.002


def test_pd_keeps_pitch_and_sides_of_a_file_at_another_rate(odd: RunningDaemon, tmp_path: Path) -> None:
    """A stereo file at half of Pd's rate sounds at its own pitch, and left stays left."""
    with Pd(tmp_path, odd.port) as pd:
        played, rate = take(pd, odd, STEREO_NAME, tmp_path / "take.wav")
    assert rate == 2 * STEREO_RATE
    spectrum = np.abs(np.fft.rfft(played, axis=0))
    peaks_hz = spectrum.argmax(axis=0) * rate / len(played)
    assert peaks_hz == pytest.approx([440, 880], abs=3)


def test_the_window_recovers_when_the_bridge_restarts(tmp_path: Path) -> None:
    """With no bridge it says what to do; it greets one that comes, and the next one, with its modes."""
    port = free_port()
    write_library(tmp_path / "samples", N_SOUNDS)
    words = (str(tmp_path / "samples"), "--osc-port", str(port))
    with Pd(tmp_path, port, tick_ms=300) as pd:
        said = pd.wait_for("^state: symbol nothing").string.replace("\\", "")
        assert said == "state: symbol nothing answers: start klustr-bridge, this patch then goes on by itself"
        pd.send("klustr.player.set 1", "klustr.kind.set 1")
        for _ in range(2):
            seen = len(pd.lines)
            with RunningDaemon(tmp_path, *words) as daemon:
                daemon.wait_ready(N_SOUNDS)
                kicks = daemon.client.find("kick", 100)
                pd.answer("welcome ", seen)
                pd.send("klustr.send /klustr/random")
                assert int(pd.answer("hit ", seen)[2]) in kicks
                assert daemon.stop() == 0
            seen = len(pd.lines)
            pd.wait_for("^state: symbol nothing", seen)


def test_a_bridge_that_is_back_within_a_tick_is_told_the_modes(tmp_path: Path) -> None:
    """No ping was lost, and yet Pd says hello and what was chosen: the pong is that of another run."""
    with PlayedBridge() as bridge, Pd(tmp_path, bridge.port, tick_ms=300) as pd:
        pd.wait_for("^state: ")
        pd.send("klustr.player.set 1")
        check_a_new_run_is_greeted(bridge, "/klustr/player")


def test_the_sliders_start_where_the_cross_is(tmp_path: Path) -> None:
    """Opening the patch moves nothing; then each slider stands in the middle, and so does the other."""
    with PlayedBridge() as bridge, Pd(tmp_path, bridge.port, tick_ms=300) as pd:
        assert "/klustr/xy" not in bridge.take("/klustr/ping") + bridge.take("/klustr/ping")
        pd.wait_for("^state: ")
        places = {
            "klustr.y.set 0.25": [0.5, 0.25],
            "klustr.x.set bang": [0.5, 0.25],
            "klustr.x.set 1": [1, 0.25],
        }
        for moved, place in places.items():
            pd.send(moved)
            bridge.take("/klustr/xy")
            assert bridge.values == pytest.approx(place, abs=0.01)


WINDOWS_PATH = 'C:/Users/Zoë/My "Drum" Samples/{1} Kick; #2, $3.wav'


def test_a_windows_path_reaches_pd_whole_and_a_file_that_cant_be_read_is_said(tmp_path: Path) -> None:
    """A drive letter, blanks and the rest are one atom; the window says what to do without the file."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bridge:
        bridge.bind(("127.0.0.1", 0))
        bridge.settimeout(30)
        with Pd(tmp_path, bridge.getsockname()[1], tick_ms=300) as pd:
            pd.wait_for("^state: ")
            pd.send("klustr.player.set 1")
            packet = b""
            while not (packet.startswith(b"/klustr/player") and b"client" in packet):
                packet, source = bridge.recvfrom(4096)
            play = build_msg("/klustr/play", [1, 7, 1.0, WINDOWS_PATH, 0.0, 0.5])
            bridge.sendto(play.dgram, source)
            assert pd.answer("play 1 7 ")[4] == WINDOWS_PATH
            said = pd.wait_for("^refused: symbol ").string.replace("\\", "")
            assert said == "refused: symbol Pd can't read this file: let klustr-bridge play it"
