"""MIDI by rtmidi2, which has ready-made builds for the Pythons that python-rtmidi has none for.

Its build brings a JACK library of its own, which doesn't speak to the servers of all systems: ports are
those of ALSA here, where there are any.
"""

import sys
from pathlib import Path

import mido
import pytest

from klustr_bridge.bridge import midi_child
from klustr_bridge.bridge.midi_rtmidi2 import Rtmidi2, _Hearing

pytest.importorskip("rtmidi2")
SEQUENCER = Path("/dev/snd/seq")


@pytest.mark.skipif(not SEQUENCER.exists(), reason="needs ALSA's sequencer")
def test_inputs_are_listed_opened_and_closed() -> None:
    """By the package itself; a name that isn't there can't be opened."""
    backend = Rtmidi2("LINUX_ALSA")
    backend.load()
    assert backend.get_input_names() == backend.connect()()
    backend.open_input("klustr-bridge", virtual=True, callback=print).close()
    with pytest.raises(ValueError, match="no such pad"):
        backend.open_input("no such pad", callback=print)


@pytest.mark.skipif(SEQUENCER.exists() or sys.platform != "linux", reason="needs a machine without one")
def test_without_a_midi_system_it_goes_on_looking() -> None:
    """The reason is told; a system that comes later is found."""
    told: list[dict[str, object]] = []
    inputs = midi_child.Inputs(Rtmidi2("LINUX_ALSA"), "", ("note_on",), told.append, "klustr-bridge")
    assert inputs.look()
    assert "the MIDI system can't be used" in str(told[0]["problem"])


def test_bytes_become_messages() -> None:
    """Those of real time too; what is broken means nothing."""
    heard: list[mido.Message] = []
    hearing = _Hearing(heard.append)
    for data in (
        [0xB0, 12, 127],
        [0xF8],
        [0xFA],
        [0xF2, 1, 2],
        [0xE0, 0, 64],
        [0xB0, 12],
        [],
        [0xB0, 200, 1],
    ):
        hearing(data, 0.0)
    assert [message.type for message in heard] == [
        "control_change",
        "clock",
        "start",
        "songpos",
        "pitchwheel",
    ]


def test_the_backend_is_the_one_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """python-rtmidi where it is installed, else rtmidi2; another one where it is asked for."""
    monkeypatch.delenv("MIDO_BACKEND", raising=False)
    assert midi_child.choose_backend("").name == "mido.backends.rtmidi"
    assert midi_child.choose_backend("rtmidi2/UNIX_JACK").name == "rtmidi2"
    assert midi_child.choose_backend("mido.backends.portmidi").name == "mido.backends.portmidi"
    real = midi_child._has
    monkeypatch.setattr(midi_child, "_has", lambda package: package != "rtmidi" and real(package))
    assert midi_child.choose_backend("").name == "rtmidi2"
    assert midi_child.choose_backend("mido.backends.rtmidi/UNIX_JACK").api == "UNIX_JACK"
    assert midi_child.choose_backend("mido.backends.portmidi").name == "mido.backends.portmidi"
    monkeypatch.setattr(midi_child, "_has", lambda package: False)
    assert midi_child.choose_backend("").name == "mido.backends.rtmidi"  # which then says what to install


@pytest.mark.parametrize(("version", "package"), [((3, 12), "python-rtmidi"), ((3, 13), "rtmidi2")])
def test_what_to_install_fits_the_python(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int], package: str
) -> None:
    """The one that needs no compiler."""
    monkeypatch.setattr(sys, "version_info", version)
    error = ModuleNotFoundError(name="rtmidi")
    assert midi_child.missing_package(error).endswith(f"{Path(sys.executable)} -m pip install {package}")
