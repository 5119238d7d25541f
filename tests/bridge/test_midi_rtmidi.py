"""MIDI by RtMidi: its two packages, and ports of one name.

The build of rtmidi2 brings a JACK library of its own, which doesn't speak to the servers of all systems:
ports are those of ALSA here, where there are any. Two ports of one name exist on Windows and macOS alone,
JACK and ALSA number them: there a package stands in for python-rtmidi.
"""

import contextlib
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mido
import pytest

from klustr_bridge.bridge import midi_child
from klustr_bridge.bridge.midi_rtmidi import Rtmidi, Rtmidi2, _Hearing, numbered

needs_rtmidi2 = pytest.mark.skipif(not midi_child._has("rtmidi2"), reason="rtmidi2 is not installed")
SEQUENCER = Path("/dev/snd/seq")


@needs_rtmidi2
@pytest.mark.skipif(not SEQUENCER.exists(), reason="needs ALSA's sequencer")
def test_inputs_are_listed_opened_and_closed() -> None:
    """By the package itself; a name that isn't there can't be opened."""
    backend = Rtmidi2("LINUX_ALSA")
    backend.load()
    assert backend.get_input_names() == backend.connect()()
    backend.open_input("klustr-bridge", virtual=True, callback=print).close()
    with pytest.raises(ValueError, match="no such pad"):
        backend.open_input("no such pad", callback=print)


@needs_rtmidi2
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


@needs_rtmidi2
def test_the_backend_is_the_one_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """python-rtmidi where it is installed, else rtmidi2; another one where it is asked for."""
    monkeypatch.delenv("MIDO_BACKEND", raising=False)
    assert midi_child.choose_backend("").name == "rtmidi"
    assert midi_child.choose_backend("mido.backends.rtmidi/UNIX_JACK").api == "UNIX_JACK"
    assert midi_child.choose_backend("rtmidi2/UNIX_JACK").name == "rtmidi2"
    assert midi_child.choose_backend("mido.backends.portmidi").name == "mido.backends.portmidi"
    real = midi_child._has
    monkeypatch.setattr(midi_child, "_has", lambda package: package != "rtmidi" and real(package))
    assert midi_child.choose_backend("").name == "rtmidi2"
    assert midi_child.choose_backend("mido.backends.rtmidi/UNIX_JACK").api == "UNIX_JACK"
    assert midi_child.choose_backend("mido.backends.portmidi").name == "mido.backends.portmidi"
    monkeypatch.setattr(midi_child, "_has", lambda package: False)
    assert midi_child.choose_backend("").name == "rtmidi"  # which then says what to install


def test_ports_of_one_name_are_told_apart() -> None:
    """Also where one has the very name that another one would get."""
    assert numbered(["a", "b", "a", "a"]) == ["a", "b", "a (2)", "a (3)"]
    assert len(set(numbered(["a (2)", "a", "a"]))) == 3


class Machine:
    """Stands in for python-rtmidi on a machine whose ports may have one name: a port is its object."""

    API_UNSPECIFIED = 0

    def __init__(self, *names: str) -> None:
        self.ports = [SimpleNamespace(name=name, hear=None, sent=[]) for name in names]
        self.ignored: dict[str, bool] = {}

    def MidiIn(self, *, rtapi: int, name: str) -> "FakePort":
        return FakePort(self)

    MidiOut = MidiIn

    def play(self, at: int, note: int) -> None:
        """Have a key of a port pressed."""
        if self.ports[at].hear is not None:
            self.ports[at].hear(([0x90, note, 100], 0.0), None)


class FakePort:
    """A client of the machine, connected to one of its ports at most."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._callback: Any = None
        self._port: Any = None

    def get_ports(self) -> list[str]:
        return [port.name for port in self._machine.ports]

    def open_port(self, at: int) -> None:
        self._port = self._machine.ports[at]
        self._port.hear = self._callback

    def close_port(self) -> None:
        self._port.hear = None

    def set_callback(self, callback: Any) -> None:
        self._callback = callback

    def cancel_callback(self) -> None:
        self._port.hear = None

    def ignore_types(self, **ignored: bool) -> None:
        self._machine.ignored = ignored

    def send_message(self, data: list[int]) -> None:
        self._port.sent.append(bytes(data))


class BusyPort(FakePort):
    """An output that another program has."""

    def __init__(self, machine: Machine, tries: list[int]) -> None:
        super().__init__(machine)
        self._tries = tries

    def open_port(self, at: int) -> None:
        self._tries.append(at)
        raise OSError("it is busy.")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Two controllers of one make, and a third."""
    machine = Machine("Launchkey", "box", "Launchkey")
    monkeypatch.setitem(sys.modules, "rtmidi", machine)
    return machine


def test_two_controllers_of_one_name_are_both_heard(machine: Machine) -> None:
    """Each by its own name; when one is pulled the other plays on, under the name that is left."""
    told: list[dict[str, Any]] = []
    inputs = midi_child.Inputs(Rtmidi(), "", ("note_on",), told.append)

    def heard() -> list[tuple[str, int]]:
        found = [(each["port"], each["message"]["note"]) for each in told if "message" in each]
        told.clear()
        return found

    assert inputs.look()
    assert told[-1]["opened"] == ["Launchkey", "box", "Launchkey (2)"]
    assert machine.ignored == {"sysex": True, "timing": False, "active_sense": True}  # clocks are heard
    for at in range(3):
        machine.play(at, 60 + at)
    assert heard() == [("Launchkey", 60), ("box", 61), ("Launchkey (2)", 62)]
    box = machine.ports[1].hear
    pulled = machine.ports.pop(0)
    assert inputs.look()
    assert sorted(told[-1]["opened"]) == ["Launchkey", "box"]
    assert pulled.hear is None
    assert machine.ports[0].hear is box
    machine.play(1, 70)
    assert heard() == [("Launchkey", 70)]
    machine.ports.append(pulled)
    assert inputs.look()
    machine.play(1, 71)
    machine.play(2, 72)
    assert heard() == [("Launchkey", 71), ("Launchkey (2)", 72)]


def test_names_of_windows_lose_the_index_that_it_puts_after_them(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is another one for a controller's output, and when another controller is pulled."""
    for at, port in enumerate(machine.ports):
        port.name += f" {at}"
    assert Rtmidi().get_input_names() == ["Launchkey 0", "box 1", "Launchkey 2"]
    monkeypatch.setattr(sys, "platform", "win32")
    assert Rtmidi().get_input_names() == ["Launchkey", "box", "Launchkey (2)"]
    heard: list[Any] = []
    Rtmidi().open_input("Launchkey (2)", callback=heard.append)
    machine.play(2, 60)
    assert [message.note for message in heard] == [60]


def test_an_output_that_cannot_be_used_is_told_and_tried_now_and_then(machine: Machine) -> None:
    """Each try is a client of the MIDI system: not one for each message."""
    told: list[dict[str, Any]] = []
    inputs = midi_child.Inputs(Rtmidi(), "", (), told.append, outputs=True)
    tries: list[int] = []
    machine.MidiOut = lambda **_: BusyPort(machine, tries)
    for _ in range(2):
        assert inputs.look()
        assert "box" in told[-1]["outputs"]
        assert told[-1]["problem"] is None
        for _ in range(64):
            with contextlib.suppress(OSError):
                inputs.obey({"to": "box", "data": "902405"})
        assert inputs.look()
        assert "box" not in told[-1]["outputs"]
        assert "can't send to 'box': it is busy" in told[-1]["problem"]
        for _ in range(midi_child._LOOKS_OFF):
            assert inputs.look()
    assert len(tries) == 2


def test_the_survivor_of_two_gets_its_lights(machine: Machine) -> None:
    """When the first is pulled the second has its name: it is not the pulled one that is lit."""
    inputs = midi_child.Inputs(Rtmidi(), "", (), lambda _: None, outputs=True)
    assert inputs.look()
    inputs.obey({"to": "Launchkey", "data": "902405"})
    pulled = machine.ports.pop(0)
    assert inputs.look()
    inputs.obey({"to": "Launchkey", "data": "902505"})
    assert [len(port.sent) for port in (pulled, *machine.ports)] == [1, 0, 1]


def test_what_bridges_send_by_is_not_listened_to(machine: Machine) -> None:
    """Notes and lights would come back and play: whatever number the system gives their clients."""
    for name in ("klustr-bridge-notes:klustr-bridge-notes 130:0", "klustr-bridge 9:RtMidi output"):
        machine.ports.append(SimpleNamespace(name=name, hear=None, sent=[]))
    told: list[dict[str, Any]] = []
    assert midi_child.Inputs(Rtmidi(), "", (), told.append).look()
    assert told[-1]["present"] == ["Launchkey", "box", "Launchkey (2)"]


def test_lights_go_to_the_one_that_is_meant(machine: Machine) -> None:
    """And to none that has gone."""
    told: list[dict[str, Any]] = []
    inputs = midi_child.Inputs(Rtmidi(), "", ("note_on",), told.append)
    assert inputs.look()
    assert told[-1]["outputs"] == []
    inputs.obey({"want": "outputs"})
    assert inputs.look()
    assert told[-1]["outputs"] == ["Launchkey", "box", "Launchkey (2)"]
    inputs.obey({"to": "Launchkey (2)", "data": "902405"})
    assert [port.sent for port in machine.ports] == [[], [], [bytes([0x90, 36, 5])]]
    machine.ports.pop()
    assert inputs.look()
    with pytest.raises(ValueError, match="not in list"):
        inputs.obey({"to": "Launchkey (2)", "data": "902405"})


@pytest.mark.parametrize(("version", "package"), [((3, 12), "python-rtmidi"), ((3, 13), "rtmidi2")])
def test_what_to_install_fits_the_python(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int], package: str
) -> None:
    """The one that needs no compiler."""
    monkeypatch.setattr(sys, "version_info", version)
    error = ModuleNotFoundError(name="rtmidi")
    assert midi_child.missing_package(error).endswith(f"{Path(sys.executable)} -m pip install {package}")
