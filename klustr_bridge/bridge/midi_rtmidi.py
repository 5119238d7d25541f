"""The MIDI system by RtMidi: through python-rtmidi, or rtmidi2 where that has no ready-made build.

Backends as far as `midi_child` needs one, in whose process they run: this must import nothing of ours. Unlike
mido's own backend they can tell ports of one name apart, and ask for names through one client that stays.
"""

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

_CLIENT: Final = "klustr-bridge"
_INDEX: Final = re.compile(r" \d+$")

Ask = Callable[[], list[str]]


def numbered(names: Iterable[str]) -> list[str]:
    """Return names that are all different: the second of one name is called ``name (2)``."""
    seen: Counter[str] = Counter()
    labels: list[str] = []
    for name in map(str, names):
        seen[name] += 1
        label = f"{name} ({seen[name]})" if seen[name] > 1 else name
        while label in labels:  # another port has that very name
            label += " "
        labels.append(label)
    return labels


class Rtmidi:
    """A way to the MIDI system, by python-rtmidi.

    Parameters
    ----------
    api : str
        RtMidi's name of it, such as ``UNIX_JACK``; empty for RtMidi's own choice.
    """

    name = "rtmidi"

    def __init__(self, api: str = "") -> None:
        self.api = api
        self._n_opened = 0

    def load(self) -> None:
        """Import what is needed; raises ``ImportError`` where it is missing."""
        import mido  # noqa: F401

        self._package()

    def connect(self) -> Ask:
        """Return what asks for the names of all inputs, through one client that stays."""
        client = self._input(f"{_CLIENT}-looks")
        return lambda: self._labels(client)

    def connect_outputs(self) -> Ask:
        """Return what asks for the names of all outputs, through one client that stays."""
        client = self._output(f"{_CLIENT}-looks-out")
        return lambda: self._labels(client)

    def get_input_names(self) -> list[str]:
        """Return the names of all inputs, once."""
        return self.connect()()

    def open_input(
        self,
        name: str,
        *,
        callback: Callable[[Any], None],
        virtual: bool = False,
        client_name: str = "",
    ) -> "_Input":
        """Open an input, or be one, and have each of its messages handed to `callback` as mido makes them."""
        port = self._input(client_name or self._next_name())
        self._listen(port, _Hearing(callback))
        self._open(port, name, is_virtual=virtual)
        return _Input(self, port)

    def open_output(self, name: str, *, virtual: bool = False, client_name: str = "") -> "_Output":
        """Open an output, or be one that programs can listen to."""
        port = self._output(client_name or self._next_name())
        self._open(port, name, is_virtual=virtual)
        return _Output(self, port)

    def _next_name(self) -> str:
        self._n_opened += 1
        return f"{_CLIENT} {self._n_opened}"

    def _open(self, port: Any, name: str, *, is_virtual: bool) -> None:
        if is_virtual:
            port.open_virtual_port(name)
        else:
            port.open_port(self._labels(port).index(name))

    def _labels(self, port: Any) -> list[str]:
        """Return names of all ports; on Windows without the index that RtMidi puts after each.

        It is another one for the input and the output of a controller, and another one when one is pulled.
        """
        names = self._names(port)
        return (
            numbered(_INDEX.sub("", name) for name in names) if sys.platform == "win32" else numbered(names)
        )

    # What differs between the packages

    @staticmethod
    def _package() -> Any:
        import rtmidi  # type: ignore[import-untyped,import-not-found,unused-ignore]

        return rtmidi

    def _api(self) -> Any:
        package = self._package()
        return getattr(package, f"API_{self.api}") if self.api else package.API_UNSPECIFIED

    def _input(self, name: str) -> Any:
        return self._package().MidiIn(rtapi=self._api(), name=name)

    def _output(self, name: str) -> Any:
        return self._package().MidiOut(rtapi=self._api(), name=name)

    def _names(self, port: Any) -> list[str]:
        return list(port.get_ports())

    def _listen(self, port: Any, hearing: "_Hearing") -> None:
        port.ignore_types(sysex=True, timing=False, active_sense=True)
        port.set_callback(lambda event, _: hearing(event[0], event[1]))

    def _silence(self, port: Any) -> None:
        port.cancel_callback()

    def _send(self, port: Any, data: list[int]) -> None:
        port.send_message(data)


class Rtmidi2(Rtmidi):
    """A way to the MIDI system, by rtmidi2."""

    name = "rtmidi2"

    @staticmethod
    def _package() -> Any:
        import rtmidi2

        return rtmidi2

    def _input(self, name: str) -> Any:
        return self._package().MidiIn(name, api=self._api())

    def _output(self, name: str) -> Any:
        return self._package().MidiOut(name, api=self._api())

    def _names(self, port: Any) -> list[str]:
        return list(port.ports)

    def _listen(self, port: Any, hearing: "_Hearing") -> None:
        port.ignore_types(midi_sysex=True, midi_time=False, midi_sense=True)
        port.callback = hearing

    def _silence(self, port: Any) -> None:
        port.callback = None

    def _send(self, port: Any, data: list[int]) -> None:
        port.send_raw(*data)


class _Input:
    """An open input."""

    def __init__(self, backend: Rtmidi, port: Any) -> None:
        self._backend = backend
        self._port = port

    def close(self) -> None:
        """Hear no more of it."""
        self._backend._silence(self._port)
        self._port.close_port()


class _Output:
    """An open output."""

    def __init__(self, backend: Rtmidi, port: Any) -> None:
        self._backend = backend
        self._port = port

    def send(self, message: Any) -> None:
        """Send one of mido's messages."""
        self._backend._send(self._port, message.bytes())

    def close(self) -> None:
        """Send no more."""
        self._port.close_port()


class _Hearing:
    """Makes mido's messages of bytes; called by the MIDI system, so nothing may come out of it."""

    def __init__(self, callback: Callable[[Any], None]) -> None:
        self._callback = callback

    def __call__(self, data: list[int], _since_s: float) -> None:
        import mido

        try:
            message = mido.Message.from_bytes(data)
        except ValueError:  # broken, or none that mido knows
            return
        self._callback(message)
