"""The MIDI system by rtmidi2, for Pythons that python-rtmidi has no ready-made build for.

A backend as far as `midi_child` needs one, in whose process it runs: it must import nothing of ours. Both
packages are RtMidi underneath.
"""

from collections.abc import Callable
from typing import Any, Final

NAME: Final = "rtmidi2"

_CLIENT: Final = "klustr-bridge"


class Rtmidi2:
    """A way to the MIDI system.

    Parameters
    ----------
    api : str
        RtMidi's name of it, such as ``UNIX_JACK``; empty for RtMidi's own choice.
    """

    name = NAME

    def __init__(self, api: str = "") -> None:
        self.api = api
        self._n_opened = 0

    def load(self) -> None:
        """Import what is needed; raises ``ImportError`` where it is missing."""
        import mido  # noqa: F401
        import rtmidi2  # noqa: F401

    def connect(self) -> Callable[[], list[str]]:
        """Return what asks for the names of all inputs, through one client that stays."""
        client = self._client(f"{_CLIENT}-looks")
        return lambda: list(client.ports)

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
    ) -> "_Port":
        """Open an input, or be one, and have each of its messages handed to `callback` as mido makes them."""
        self._n_opened += 1
        port = self._client(client_name or f"{_CLIENT} {self._n_opened}")
        port.ignore_types(midi_sysex=True, midi_time=False, midi_sense=True)
        port.callback = _Hearing(callback)
        if virtual:
            port.open_virtual_port(name)
        else:
            port.open_port(port.ports.index(name))
        return _Port(port)

    def open_output(self, name: str, *, virtual: bool, client_name: str) -> "_Output":
        """Be an output that programs can listen to."""
        import rtmidi2

        api = getattr(rtmidi2, f"API_{self.api}") if self.api else rtmidi2.API_UNSPECIFIED
        port = rtmidi2.MidiOut(client_name, api=api)
        port.open_virtual_port(name)
        return _Output(port)

    def _client(self, name: str) -> Any:
        import rtmidi2

        api = getattr(rtmidi2, f"API_{self.api}") if self.api else rtmidi2.API_UNSPECIFIED
        return rtmidi2.MidiIn(name, api=api)


class _Port:
    """An open input."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def close(self) -> None:
        """Hear no more of it."""
        self._port.callback = None
        self._port.close_port()


class _Output:
    """An open output."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def send(self, message: Any) -> None:
        """Send one of mido's messages."""
        self._port.send_raw(*message.bytes())


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
